/*-------------------------------------------------------------------------
 *
 * graph_subgraph.c
 *	  graph_subgraph(): the nodes that a walk returns, and the edges between them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "graph/graph.h"

#define SUBGRAPH_RESULTS 7

typedef struct Subgraph
{
	ReturnSetInfo *rsinfo;
	MemoryContext row;
	GraphWalk  *walk;
	GraphTable *members;		/* what the walk has returned */
	GraphSide	side;
} Subgraph;

static void
store_row(Subgraph *subgraph, Datum *values, bool *nulls)
{
	tuplestore_putvalues(subgraph->rsinfo->setResult, subgraph->rsinfo->setDesc, values, nulls);
	MemoryContextReset(subgraph->row);
}

static void
store_node(Subgraph *subgraph, const GraphVisit *visit)
{
	Datum		values[SUBGRAPH_RESULTS] = {0};
	bool		nulls[SUBGRAPH_RESULTS] = {false, false, true, false, true, true, false};
	GraphKey	key = vx_graph_node_key(vx_graph_walk_table(subgraph->walk), visit->node);
	uint32		member;
	bool		found;

	member = vx_graph_add_node(subgraph->members, key, &found);
	vx_graph_node(subgraph->members, member)->depth = visit->depth;
	values[0] = CStringGetTextDatum("node");
	values[1] = vx_graph_key_to_caller(&subgraph->walk->keytype, key);
	values[3] = Int32GetDatum(visit->depth);
	values[6] = Float8GetDatum(visit->weight);
	store_row(subgraph, values, nulls);
}

static bool
store_edge(void *arg, const GraphEdge *edge)
{
	Subgraph   *subgraph = arg;
	const GraphWalk *walk = subgraph->walk;
	const GraphKey *src = subgraph->side == GRAPH_OUT ? &edge->near : &edge->far;
	const GraphKey *dst = subgraph->side == GRAPH_OUT ? &edge->far : &edge->near;
	Datum		values[SUBGRAPH_RESULTS] = {0};
	bool		nulls[SUBGRAPH_RESULTS] = {false};
	MemoryContext old;
	uint32		member;

	if (vx_graph_find_node(subgraph->members, edge->far) == GRAPH_NO_NODE)
		return true;
	old = MemoryContextSwitchTo(subgraph->row);
	member = vx_graph_find_node(subgraph->members, *src);
	values[0] = CStringGetTextDatum("edge");
	values[1] = vx_graph_key_to_caller(&walk->keytype, *src);
	values[2] = vx_graph_key_to_caller(&walk->keytype, *dst);
	values[3] = Int32GetDatum(vx_graph_node(subgraph->members, member)->depth);
	nulls[4] = edge->id_null;
	if (!edge->id_null)
		values[4] = vx_graph_column_text(&walk->edges->columns[GRAPH_ID], edge->id);
	nulls[5] = edge->type_null;
	if (!edge->type_null)
		values[5] = vx_graph_column_text(&walk->edges->columns[GRAPH_TYPE], edge->type);
	values[6] = Float8GetDatum(edge->weight);
	store_row(subgraph, values, nulls);
	MemoryContextSwitchTo(old);
	return true;
}

PG_FUNCTION_INFO_V1(vecext_graph_subgraph);
Datum
vecext_graph_subgraph(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "graph subgraph",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	Subgraph	subgraph;
	GraphEdges *edges;
	GraphVisit	visit;
	GraphKey   *keys;
	uint32		count;

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	subgraph.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	subgraph.row = AllocSetContextCreate(context, "graph subgraph row", ALLOCSET_DEFAULT_SIZES);
	subgraph.walk = vx_graph_open_walk(fcinfo, true);
	edges = subgraph.walk->edges;
	subgraph.members = vx_graph_create_table(context, edges->kind);

	MemoryContextSwitchTo(subgraph.row);
	while (vx_graph_next_visit(subgraph.walk, &visit))
		store_node(&subgraph, &visit);
	vx_graph_drop_table(vx_graph_walk_table(subgraph.walk));
	edges->table = subgraph.members;

	MemoryContextSwitchTo(context);
	count = subgraph.members->count;
	vx_graph_check_memory(subgraph.members, count * sizeof(GraphKey));
	keys = MemoryContextAllocHuge(subgraph.members->context, Max(count, 1) * sizeof(GraphKey));
	for (uint32 i = 0; i < count; i++)
		keys[i] = vx_graph_node_key(subgraph.members, i);
	/* Every edge has both ends among them: any side with an index will do. */
	subgraph.side = edges->indexes[GRAPH_OUT] == NULL && edges->indexes[GRAPH_IN] != NULL ?
		GRAPH_IN : GRAPH_OUT;
	if (count > 0)
		vx_graph_read_edges(edges, subgraph.side, keys, count, store_edge, &subgraph);

	vx_graph_close_walk(subgraph.walk);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
