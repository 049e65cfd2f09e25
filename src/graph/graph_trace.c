/*-------------------------------------------------------------------------
 *
 * graph_trace.c
 *	  graph_trace(): what a node rests on, by the strongest edge each hop.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "graph/graph.h"

enum
{
	ARG_EDGES, ARG_ID, ARG_EDGE_TYPE, ARG_DIRECTION, ARG_MAX_DEPTH, ARG_AS_OF, ARG_NODES,
	ARG_EDGE_COLUMNS,
	ARG_NODE_COLUMNS = ARG_EDGE_COLUMNS + GRAPH_COLUMNS,
	ARG_CONFIDENCE_COLUMN = ARG_NODE_COLUMNS + 2, ARG_TENANT_COLUMN, ARG_KNOWN_AT
};

#define TRACE_RESULTS 6

/* Flags of a candidate; its value is the weight of the strongest edge to it */
#define FLAG_NO_ID 1
#define FLAG_VALID 2

typedef struct Trace
{
	GraphEdges *edges;
	GraphStates *states;
	GraphTable *visited;
	GraphTable *candidates;		/* of one hop */
	double		confidence;		/* of the node that was asked about last */
} Trace;

/* An edge to a node that may come next */
static bool
take_edge(void *arg, const GraphEdge *edge)
{
	Trace	   *trace = arg;
	GraphNode  *node;
	bool		found,
				no_id;

	if (vx_graph_find_node(trace->visited, edge->far) != GRAPH_NO_NODE)
		return true;
	node = vx_graph_node(trace->candidates,
						 vx_graph_add_node(trace->candidates, edge->far, &found));
	if (found && edge->weight <= node->value)
		return true;
	no_id = !found || (node->flags & FLAG_NO_ID);
	vx_graph_keep_id(trace->candidates, &trace->edges->columns[GRAPH_ID], &node->u.edge_id, &no_id,
					 edge);
	node->flags = no_id ? FLAG_NO_ID : 0;
	node->value = edge->weight;
	return true;
}

static void
take_candidate_state(void *arg, GraphKey key, bool valid, double confidence)
{
	Trace	   *trace = arg;
	uint32		node = vx_graph_find_node(trace->candidates, key);

	if (valid && node != GRAPH_NO_NODE)
		vx_graph_node(trace->candidates, node)->flags |= FLAG_VALID;
}

static void
take_confidence(void *arg, GraphKey key, bool valid, double confidence)
{
	((Trace *) arg)->confidence = confidence;
}

static double
ask_confidence(Trace *trace, GraphKey key)
{
	trace->confidence = GRAPH_UNKNOWN_CONFIDENCE;
	if (trace->states != NULL)
		vx_graph_read_states(trace->states, &key, 1, take_confidence, trace);
	return trace->confidence;
}

/*
 * The candidate with the strongest edge, among equals that with the smallest
 * key; GRAPH_NO_NODE if there is none.
 */
static uint32
choose_candidate(Trace *trace)
{
	GraphTable *table = trace->candidates;
	uint32		best = GRAPH_NO_NODE;

	if (trace->states != NULL && table->count > 0)
	{
		GraphKey   *keys;

		vx_graph_check_memory(table, table->count * sizeof(GraphKey));
		keys = MemoryContextAllocHuge(table->context, table->count * sizeof(GraphKey));
		for (uint32 i = 0; i < table->count; i++)
			keys[i] = vx_graph_node_key(table, i);
		vx_graph_read_states(trace->states, keys, table->count, take_candidate_state, trace);
	}
	for (uint32 i = 0; i < table->count; i++)
	{
		GraphNode  *node = vx_graph_node(table, i);
		GraphKey	key = vx_graph_node_key(table, i);
		GraphKey	best_key;

		if (trace->states != NULL && !(node->flags & FLAG_VALID))
			continue;
		if (best != GRAPH_NO_NODE)
		{
			double		best_value = vx_graph_node(table, best)->value;

			best_key = vx_graph_node_key(table, best);
			if (node->value < best_value ||
				(node->value == best_value &&
				 vx_graph_compare_keys(table->kind, &key, &best_key) > 0))
				continue;
		}
		best = i;
	}
	return best;
}

/* All hops; rows are made in "row". */
static void
trace_from(Trace *trace, GraphKey key, GraphDirection direction, int max_depth,
		   const GraphKeyType *keytype, ReturnSetInfo *rsinfo, MemoryContext row)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[TRACE_RESULTS] = {0};
	bool		nulls[TRACE_RESULTS] = {false, false, true, true, false, false};
	double		compound = 1;
	double		weight = 1;

	for (int depth = 0;; depth++)
	{
		bool		found;
		uint32		chosen;

		CHECK_FOR_INTERRUPTS();
		key = vx_graph_node_key(trace->visited, vx_graph_add_node(trace->visited, key, &found));
		compound *= weight * ask_confidence(trace, key);
		if (unlikely(isinf(compound)))
			float_overflow_error();
		MemoryContextSwitchTo(row);
		values[0] = Int32GetDatum(depth);
		values[1] = vx_graph_key_to_caller(keytype, key);
		values[4] = Float8GetDatum(trace->confidence);
		values[5] = Float8GetDatum(compound);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextSwitchTo(context);
		MemoryContextReset(row);
		if (trace->candidates != NULL)
			vx_graph_drop_table(trace->candidates);
		trace->candidates = NULL;
		if (depth >= max_depth)
			break;

		trace->candidates = vx_graph_create_table(context, trace->edges->kind);
		for (int side = 0; side < 2; side++)
		{
			if (direction & (1 << side))
				vx_graph_read_edges(trace->edges, (GraphSide) side, &key, 1, take_edge, trace);
		}
		chosen = choose_candidate(trace);
		if (chosen == GRAPH_NO_NODE)
			break;
		key = vx_graph_node_key(trace->candidates, chosen);
		weight = vx_graph_node(trace->candidates, chosen)->value;
		nulls[2] = (vx_graph_node(trace->candidates, chosen)->flags & FLAG_NO_ID) != 0;
		MemoryContextSwitchTo(row);
		if (!nulls[2])
			values[2] = vx_graph_column_text(&trace->edges->columns[GRAPH_ID],
											 vx_graph_node(trace->candidates, chosen)->u.edge_id);
		MemoryContextSwitchTo(context);
		values[3] = Float8GetDatum(weight);
		nulls[3] = false;
	}
}

PG_FUNCTION_INFO_V1(vecext_graph_trace);
Datum
vecext_graph_trace(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "graph trace",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "graph trace row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	GraphEdgesOptions options;
	Trace		trace = {0};

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	vx_graph_get_options(fcinfo, -1, -1, ARG_AS_OF, &options);
	vx_graph_get_known_at(fcinfo, ARG_KNOWN_AT, &options);
	vx_graph_get_tenant(fcinfo, ARG_TENANT_COLUMN, &options);
	options.direction = vx_graph_get_direction(fcinfo, ARG_DIRECTION, GRAPH_DIRECTION_IN);
	options.want_id = true;
	if (!PG_ARGISNULL(ARG_EDGE_TYPE))
	{
		Datum		type = PG_GETARG_DATUM(ARG_EDGE_TYPE);

		options.edge_types = construct_array(&type, 1, TEXTOID, -1, false, TYPALIGN_INT);
	}
	trace.edges = vx_graph_open_edges(fcinfo, ARG_EDGE_COLUMNS, &options);
	trace.states = vx_graph_open_states(fcinfo, ARG_NODES, ARG_NODE_COLUMNS, ARG_CONFIDENCE_COLUMN,
										trace.edges->kind, &options);
	trace.visited = vx_graph_create_table(context, trace.edges->kind);
	if (!PG_ARGISNULL(ARG_ID))
	{
		GraphKeyType keytype;
		GraphKey	key = vx_graph_key_from_arg(fcinfo, ARG_ID, trace.edges->kind, &keytype);

		trace_from(&trace, key, options.direction, vx_graph_get_max_depth(fcinfo, ARG_MAX_DEPTH),
				   &keytype, (ReturnSetInfo *) fcinfo->resultinfo, row);
	}
	vx_graph_close_edges(trace.edges);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row);
	MemoryContextDelete(context);
	return (Datum) 0;
}
