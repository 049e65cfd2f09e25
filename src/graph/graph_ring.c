/*-------------------------------------------------------------------------
 *
 * graph_ring.c
 *	  Walks ring by ring: bfs, beam, water_circle.
 *
 * Ring d holds the nodes that are reached by d hops and not by fewer.  All edges
 * of a ring's nodes are read before anything of the next ring is returned,
 * since only then is the best way into each of its nodes known.  So a walk works
 * in steps of one ring; between them it holds no more than what it has reached.
 *
 * Of a node here: value is the product of weights along the best way, u.edge_id
 * and parent the last hop of that way.
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

/* Keeps an edge's id in the table's memory, in place of the one kept before. */
void
vx_graph_keep_id(GraphTable *table, const GraphColumn *column, Datum *kept, bool *kept_null,
				 const GraphEdge *edge)
{
	if (!column->typbyval && !*kept_null)
		pfree(DatumGetPointer(*kept));
	*kept_null = edge->id_null;
	if (edge->id_null)
		*kept = (Datum) 0;
	else if (column->typbyval)
		*kept = edge->id;
	else
	{
		MemoryContext old = MemoryContextSwitchTo(table->context);

		*kept = datumCopy(edge->id, false, column->typlen);
		MemoryContextSwitchTo(old);
	}
}

/* May the walk go on from a node? */
static inline bool
is_passable(const GraphRing *ring, const GraphNode *node)
{
	return ring->states == NULL || ring->options.through_invalid || (node->flags & GRAPH_FLAG_VALID);
}

static inline bool
is_returned(const GraphRing *ring, const GraphNode *node)
{
	return ring->states == NULL || (node->flags & GRAPH_FLAG_VALID);
}

/* An edge from the ring that is being left. */
static bool
take_edge(void *arg, const GraphEdge *edge)
{
	GraphRing  *ring = arg;
	GraphTable *table = ring->table;
	const GraphColumn *id_column = &ring->edges->columns[GRAPH_ID];
	GraphNode  *from,
			   *to;
	uint32		node;
	double		value;
	bool		found,
				no_id;

	/* Edges of one node come one after the other when an index is read. */
	if (ring->last_near_node == GRAPH_NO_NODE ||
		!vx_graph_is_same_key(table->kind, &edge->near, &ring->last_near))
	{
		ring->last_near_node = vx_graph_find_node(table, edge->near);
		if (ring->last_near_node == GRAPH_NO_NODE)
			return true;
		ring->last_near = vx_graph_node_key(table, ring->last_near_node);
	}
	from = vx_graph_node(table, ring->last_near_node);
	if (!(from->flags & GRAPH_FLAG_EXPANDING))
		return true;
	value = from->value * edge->weight;
	if (unlikely(isinf(value)))
		float_overflow_error();

	if (table->count >= ring->room)
	{
		/* full: only what is in the ring may still become better */
		node = vx_graph_find_node(table, edge->far);
		if (node == GRAPH_NO_NODE)
			return true;
		found = true;
	}
	else
		node = vx_graph_add_node(table, edge->far, &found);
	to = vx_graph_node(table, node);
	if (found && (to->depth != ring->depth + 1 || value <= to->value))
		return true;

	no_id = !found || (to->flags & GRAPH_FLAG_NO_ID);
	vx_graph_keep_id(table, id_column, &to->u.edge_id, &no_id, edge);
	to->flags = no_id ? GRAPH_FLAG_NO_ID : 0;
	to->value = value;
	to->parent = ring->last_near_node;
	to->depth = ring->depth + 1;
	if (ring->target != NULL && vx_graph_is_same_key(table->kind, &edge->far, ring->target))
		return false;
	/* Without weights the first way is as good as any. */
	return table->count < ring->room || ring->edges->columns[GRAPH_WEIGHT].attno != 0;
}

static void
take_state(void *arg, GraphKey key, bool valid, double confidence)
{
	GraphRing  *ring = arg;
	uint32		node = vx_graph_find_node(ring->table, key);

	if (valid && node != GRAPH_NO_NODE)
		vx_graph_node(ring->table, node)->flags |= GRAPH_FLAG_VALID;
}

/* The keys of some nodes, in the table's memory. */
static GraphKey *
make_key_list(GraphRing *ring, const uint32 *nodes, uint32 count, bool passable_only, int *used)
{
	GraphKey   *keys;

	vx_graph_check_memory(ring->table, count * sizeof(GraphKey));
	keys = MemoryContextAllocHuge(ring->table->context, Max(count, 1) * sizeof(GraphKey));
	*used = 0;
	for (uint32 i = 0; i < count; i++)
	{
		GraphNode  *node = vx_graph_node(ring->table, nodes[i]);

		if (passable_only)
		{
			if (!is_passable(ring, node))
				continue;
			node->flags |= GRAPH_FLAG_EXPANDING;
		}
		keys[(*used)++] = vx_graph_node_key(ring->table, nodes[i]);
	}
	return keys;
}

static int
compare_values(const uint32 *a, const uint32 *b, const GraphTable *table)
{
	double		value_a = vx_graph_node(table, *a)->value;
	double		value_b = vx_graph_node(table, *b)->value;

	if (value_a != value_b)
		return value_a > value_b ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

#define ST_SORT sort_by_value
#define ST_ELEMENT_TYPE uint32
#define ST_COMPARE_ARG_TYPE const GraphTable
#define ST_COMPARE(a, b, table) compare_values(a, b, table)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Makes the nodes from "first" on the ring, after its last edge has been read. */
static void
close_ring(GraphRing *ring, uint32 first)
{
	GraphTable *table = ring->table;
	uint32		count = table->count - first;

	if (ring->ring != NULL)
		pfree(ring->ring);
	ring->ring = NULL;
	vx_graph_check_memory(table, count * sizeof(uint32));
	ring->ring = MemoryContextAllocHuge(table->context, Max(count, 1) * sizeof(uint32));
	for (uint32 i = 0; i < count; i++)
		ring->ring[i] = first + i;

	if (ring->states != NULL && count > 0)
	{
		int			used;
		GraphKey   *keys = make_key_list(ring, ring->ring, count, false, &used);

		vx_graph_read_states(ring->states, keys, used, take_state, ring);
		pfree(keys);
	}
	if (ring->depth > 0 && ring->options.strategy != GRAPH_BFS)
	{
		/* A beam is of nodes that count. */
		if (ring->options.strategy == GRAPH_BEAM && ring->states != NULL)
		{
			uint32		kept = 0;

			for (uint32 i = 0; i < count; i++)
			{
				if (is_passable(ring, vx_graph_node(table, ring->ring[i])))
					ring->ring[kept++] = ring->ring[i];
			}
			count = kept;
		}
		sort_by_value(ring->ring, count, table);
		if (ring->options.strategy == GRAPH_BEAM && count > ring->options.beam_width)
			count = ring->options.beam_width;
	}
	ring->ring_count = count;
	ring->next = 0;
}

/* From one ring to the next. */
static void
expand_ring(GraphRing *ring)
{
	uint32		first = ring->table->count;
	int			used;
	GraphKey   *keys = make_key_list(ring, ring->ring, ring->ring_count, true, &used);

	/*
	 * When the next ring has as many nodes as are still wanted, it needs no
	 * more, unless some of them turn out not to count or better ones do.
	 */
	ring->room = PG_INT64_MAX;
	if (ring->options.strategy == GRAPH_BFS && ring->states == NULL &&
		ring->options.max_rows < PG_INT64_MAX - first)
		ring->room = first + (ring->options.max_rows - ring->returned);
	ring->last_near_node = GRAPH_NO_NODE;
	for (int side = 0; side < 2; side++)
	{
		if ((ring->options.direction & (1 << side)) && used > 0)
			vx_graph_read_edges(ring->edges, (GraphSide) side, keys, used, take_edge, ring);
	}
	pfree(keys);
	for (uint32 i = 0; i < ring->ring_count; i++)
		vx_graph_node(ring->table, ring->ring[i])->flags &= ~GRAPH_FLAG_EXPANDING;
	ring->depth++;
	close_ring(ring, first);
}

/* Begins a walk from seeds, which may contain a node more than once. */
GraphRing *
vx_graph_start_ring(GraphEdges *edges, GraphStates *states, const GraphWalkOptions *options,
					const GraphKey *seeds, int count)
{
	GraphRing  *ring = palloc0(sizeof(GraphRing));

	ring->edges = edges;
	ring->states = states;
	ring->options = *options;
	ring->table = vx_graph_create_table(CurrentMemoryContext, edges->kind);
	edges->table = ring->table;
	for (int i = 0; i < count; i++)
	{
		bool		found;
		uint32		number = vx_graph_add_node(ring->table, seeds[i], &found);
		GraphNode  *node = vx_graph_node(ring->table, number);

		CHECK_FOR_INTERRUPTS();
		node->value = 1;
		node->parent = GRAPH_NO_NODE;
		node->flags = GRAPH_FLAG_NO_ID;
	}
	close_ring(ring, 0);
	return ring;
}

/* The next node to return; false when there are no more. */
bool
vx_graph_next_in_ring(GraphRing *ring, uint32 *node)
{
	while (ring->returned < ring->options.max_rows)
	{
		while (ring->next < ring->ring_count)
		{
			CHECK_FOR_INTERRUPTS();
			*node = ring->ring[ring->next++];
			if (is_returned(ring, vx_graph_node(ring->table, *node)))
			{
				ring->returned++;
				return true;
			}
		}
		if (ring->ring_count == 0 || ring->depth >= ring->options.max_depth)
			return false;
		expand_ring(ring);
	}
	return false;
}
