/*-------------------------------------------------------------------------
 *
 * graph_search.c
 *	  Walks that take the best node next: best_first, and shortest paths.
 *
 * This is Dijkstra's algorithm, on products that never grow (scores) or sums
 * that never shrink (costs).  A label is one way to reach a node; labels wait in
 * a heap, and the first of a node that comes out is the best way to it.
 *
 * A limit on the depth breaks that: the best way to a node may be too long to
 * go on from there, a worse one not.  So a node is gone on from again when a
 * label with fewer hops than all before comes out.  It is not returned again.
 * A way never comes by a node twice, for the second label of the node would have
 * more hops than the first.
 *
 * Where one node's edges are cheap to read they are read when they are needed.
 * Else those of all nodes at the top of the heap are read by one query, and kept
 * until their turns come.
 *
 * Of a node here: value is that of its best label, depth the number of hops of
 * the label that came out last, or of the best one before any has; u.pointer
 * its edges, if they have been read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "graph/graph.h"

#define FLAG_SEEN 1				/* has, or had, a label */
#define FLAG_OUT 2				/* a label came out */
#define FLAG_VALID 4
#define FLAG_KNOWN 8			/* ... and that has been looked up */

/* Nodes that one query is for: at first, and at most */
#define FIRST_BATCH 16
#define LAST_BATCH 4096

#define LABELS_PER_CHUNK 64

/* An edge that has been read before its turn; the list is of one node. */
typedef struct WaitingEdge
{
	struct WaitingEdge *next;
	double		weight;
	Datum		id;
	uint32		far;
	bool		id_null;
} WaitingEdge;

/* What u.pointer is when a node's edges have been read and there are none. */
static WaitingEdge no_edges;

struct GraphSearch
{
	GraphEdges *edges;
	GraphStates *states;
	GraphTable *table;
	GraphWalkOptions options;
	bool		least_cost;		/* of sums; else greatest products */
	bool		cheap;
	pairingheap *heap;
	GraphLabel *free_labels;	/* linked by parent */
	WaitingEdge *free_edges;
	GraphLabel *from;			/* whose edges are followed, or NULL */
	GraphLabel *last;			/* returned, not gone on from yet */
	int			batch;
	int64		returned;
};

GraphTable *
vx_graph_search_table(GraphSearch *search)
{
	return search->table;
}

/* The best comes first; among equals fewer hops, then the node reached first. */
static int
compare_labels(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const GraphLabel *label_a = pairingheap_const_container(GraphLabel, heap, a);
	const GraphLabel *label_b = pairingheap_const_container(GraphLabel, heap, b);
	const GraphSearch *search = arg;

	if (label_a->value != label_b->value)
		return (label_a->value > label_b->value) != search->least_cost ? 1 : -1;
	if (label_a->depth != label_b->depth)
		return label_a->depth < label_b->depth ? 1 : -1;
	return label_a->node < label_b->node ? 1 : label_a->node > label_b->node ? -1 : 0;
}

static GraphLabel *
make_label(GraphSearch *search)
{
	GraphLabel *label;

	if (search->free_labels == NULL)
	{
		vx_graph_check_memory(search->table, LABELS_PER_CHUNK * sizeof(GraphLabel));
		label = MemoryContextAlloc(search->table->context, LABELS_PER_CHUNK * sizeof(GraphLabel));
		for (int i = 0; i < LABELS_PER_CHUNK; i++)
		{
			label[i].parent = search->free_labels;
			search->free_labels = &label[i];
		}
	}
	label = search->free_labels;
	search->free_labels = label->parent;
	memset(label, 0, sizeof(GraphLabel));
	label->edge_id_null = true;
	return label;
}

static void
free_label(GraphSearch *search, GraphLabel *label)
{
	if (!label->edge_id_null && !search->edges->columns[GRAPH_ID].typbyval)
		pfree(DatumGetPointer(label->edge_id));
	label->parent = search->free_labels;
	search->free_labels = label;
}

/* A node has been reached from the node that is being left. */
static void
reach_node(GraphSearch *search, uint32 number, const GraphEdge *edge)
{
	GraphTable *table = search->table;
	GraphNode  *node = vx_graph_node(table, number);
	const GraphLabel *from = search->from;
	GraphLabel *label;
	double		value;
	bool		better,
				id_null;
	Datum		id = (Datum) 0;

	if (search->least_cost)
		value = from->value + edge->weight;
	else
	{
		double		factor = edge->weight * search->options.decay;

		if (factor > 1)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("weight %g times decay %g is above 1", edge->weight,
							search->options.decay),
					 errdetail("Strategy best_first needs scores that do not grow from hop to hop.")));
		value = from->value * factor;
	}
	if (unlikely(isinf(value)))
		float_overflow_error();

	better = !(node->flags & FLAG_SEEN) ||
		(search->least_cost ? value < node->value : value > node->value);
	/* Worse than the best label and no shorter leads nowhere new. */
	if (!better &&
		(search->options.max_depth == GRAPH_MAX_DEPTH || from->depth + 1 >= node->depth))
		return;
	if (better)
	{
		node->value = value;
		node->depth = from->depth + 1;
	}
	node->flags |= FLAG_SEEN;

	label = make_label(search);
	label->value = value;
	label->weight = search->least_cost ? 1 : from->weight * edge->weight;
	if (unlikely(isinf(label->weight)))
		float_overflow_error();
	label->node = number;
	label->depth = from->depth + 1;
	label->parent = search->from;
	id_null = true;
	vx_graph_keep_id(table, &search->edges->columns[GRAPH_ID], &id, &id_null, edge);
	label->edge_id = id;
	label->edge_id_null = id_null;
	pairingheap_add(search->heap, &label->heap);
}

/* An edge of the node that is being left. */
static bool
take_edge(void *arg, const GraphEdge *edge)
{
	GraphSearch *search = arg;
	bool		found;

	reach_node(search, vx_graph_add_node(search->table, edge->far, &found), edge);
	return true;
}

/* An edge of a node whose turn has not come. */
static bool
keep_edge(void *arg, const GraphEdge *edge)
{
	GraphSearch *search = arg;
	GraphTable *table = search->table;
	uint32		near = vx_graph_find_node(table, edge->near);
	WaitingEdge *waiting;
	GraphNode  *node;
	bool		found;

	if (near == GRAPH_NO_NODE)
		return true;
	if (search->free_edges == NULL)
	{
		vx_graph_check_memory(table, LABELS_PER_CHUNK * sizeof(WaitingEdge));
		waiting = MemoryContextAlloc(table->context, LABELS_PER_CHUNK * sizeof(WaitingEdge));
		for (int i = 0; i < LABELS_PER_CHUNK; i++)
		{
			waiting[i].next = search->free_edges;
			search->free_edges = &waiting[i];
		}
	}
	waiting = search->free_edges;
	search->free_edges = waiting->next;
	waiting->far = vx_graph_add_node(table, edge->far, &found);
	waiting->weight = edge->weight;
	waiting->id_null = true;
	vx_graph_keep_id(table, &search->edges->columns[GRAPH_ID], &waiting->id, &waiting->id_null, edge);
	node = vx_graph_node(table, near);
	waiting->next = node->u.pointer;
	node->u.pointer = waiting;
	return true;
}

static void
take_state(void *arg, GraphKey key, bool valid, double confidence)
{
	GraphSearch *search = arg;
	uint32		node = vx_graph_find_node(search->table, key);

	if (valid && node != GRAPH_NO_NODE)
		vx_graph_node(search->table, node)->flags |= FLAG_VALID;
}

/*
 * Looks up validity, or edges, of a node and of others that will probably be
 * asked about soon.
 */
static void
look_ahead(GraphSearch *search, uint32 node, bool states)
{
	GraphTable *table = search->table;
	int			most = search->batch;
	GraphLabel **labels = palloc(most * sizeof(GraphLabel *));
	GraphKey   *keys = palloc((most + 1) * sizeof(GraphKey));
	int			count = 0,
				taken = 0;

	search->batch = Min(search->batch * 2, LAST_BATCH);
	for (;;)
	{
		GraphNode  *state = vx_graph_node(table, node);

		if (states ? !(state->flags & FLAG_KNOWN) :
			state->u.pointer == NULL && (taken == 0 || !(state->flags & FLAG_OUT)))
		{
			if (states)
				state->flags |= FLAG_KNOWN;
			else
				state->u.pointer = &no_edges;
			keys[count++] = vx_graph_node_key(table, node);
		}
		if (taken == most || pairingheap_is_empty(search->heap))
			break;
		labels[taken] = pairingheap_container(GraphLabel, heap, pairingheap_remove_first(search->heap));
		node = labels[taken++]->node;
	}
	while (taken > 0)
		pairingheap_add(search->heap, &labels[--taken]->heap);

	if (states)
		vx_graph_read_states(search->states, keys, count, take_state, search);
	else
	{
		for (int side = 0; side < 2; side++)
		{
			if (search->options.direction & (1 << side))
				vx_graph_read_edges(search->edges, (GraphSide) side, keys, count, keep_edge, search);
		}
	}
	pfree(labels);
	pfree(keys);
}

/* Follows the edges of a label's node. */
static void
leave_node(GraphSearch *search, GraphLabel *label)
{
	GraphTable *table = search->table;
	GraphNode  *node = vx_graph_node(table, label->node);
	WaitingEdge *waiting;

	if (label->depth >= search->options.max_depth)
		return;
	if (search->states != NULL && !search->options.through_invalid && !(node->flags & FLAG_VALID))
		return;
	search->from = label;
	if (search->cheap)
	{
		for (int side = 0; side < 2; side++)
		{
			GraphKey	key = vx_graph_node_key(table, label->node);

			if (search->options.direction & (1 << side))
				vx_graph_read_edges(search->edges, (GraphSide) side, &key, 1, take_edge, search);
		}
		return;
	}

	if (node->u.pointer == NULL)
		look_ahead(search, label->node, false);
	waiting = node->u.pointer;
	node->u.pointer = NULL;
	while (waiting != &no_edges)
	{
		WaitingEdge *next = waiting->next;
		GraphEdge	edge;

		edge.weight = waiting->weight;
		edge.id = waiting->id;
		edge.id_null = waiting->id_null;
		reach_node(search, waiting->far, &edge);
		if (!waiting->id_null && !search->edges->columns[GRAPH_ID].typbyval)
			pfree(DatumGetPointer(waiting->id));
		waiting->next = search->free_edges;
		search->free_edges = waiting;
		waiting = next;
	}
}

/*
 * Begins a search from seeds, for least sums of weights or for greatest
 * products of weights and decays.
 */
GraphSearch *
vx_graph_start_search(GraphEdges *edges, GraphStates *states, const GraphWalkOptions *options,
					  bool least_cost, const GraphKey *seeds, int count)
{
	GraphSearch *search = palloc0(sizeof(GraphSearch));

	search->edges = edges;
	search->states = states;
	search->options = *options;
	search->least_cost = least_cost;
	search->cheap = vx_graph_is_cheap_to_read(edges, options->direction);
	search->batch = FIRST_BATCH;
	search->table = vx_graph_create_table(CurrentMemoryContext, edges->kind);
	search->heap = pairingheap_allocate(compare_labels, search);
	for (int i = 0; i < count; i++)
	{
		bool		found;
		uint32		number = vx_graph_add_node(search->table, seeds[i], &found);
		GraphNode  *node = vx_graph_node(search->table, number);
		GraphLabel *label;

		CHECK_FOR_INTERRUPTS();
		if (found)
			continue;
		label = make_label(search);
		label->value = node->value = least_cost ? 0 : 1;
		label->weight = 1;
		label->node = number;
		node->flags = FLAG_SEEN;
		pairingheap_add(search->heap, &label->heap);
	}
	return search;
}

/* The best label of the next node to return, or NULL. */
GraphLabel *
vx_graph_next_in_search(GraphSearch *search)
{
	if (search->returned >= search->options.max_rows)
		return NULL;
	for (;;)
	{
		GraphLabel *label;
		GraphNode  *node;
		bool		first;

		CHECK_FOR_INTERRUPTS();
		if (search->last != NULL)
		{
			leave_node(search, search->last);
			search->last = NULL;
		}
		if (pairingheap_is_empty(search->heap))
			return NULL;
		label = pairingheap_container(GraphLabel, heap, pairingheap_remove_first(search->heap));
		node = vx_graph_node(search->table, label->node);
		first = !(node->flags & FLAG_OUT);
		if (!first &&
			(search->options.max_depth == GRAPH_MAX_DEPTH || label->depth >= node->depth))
		{
			free_label(search, label);
			continue;
		}
		node->flags |= FLAG_OUT;
		node->depth = label->depth;
		search->last = label;
		if (search->states != NULL && !(node->flags & FLAG_KNOWN))
			look_ahead(search, label->node, true);
		if (first && (search->states == NULL || (node->flags & FLAG_VALID)))
		{
			search->returned++;
			return label;
		}
	}
}
