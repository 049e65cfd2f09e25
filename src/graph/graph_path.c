/*-------------------------------------------------------------------------
 *
 * graph_path.c
 *	  graph_shortest_path(): fewest hops, or least sum of weights.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "graph/graph.h"

enum
{
	ARG_EDGES, ARG_SOURCE, ARG_TARGET, ARG_EDGE_TYPES, ARG_DIRECTION, ARG_WEIGHTED, ARG_MAX_DEPTH,
	ARG_MIN_WEIGHT, ARG_AS_OF, ARG_THROUGH_INVALID, ARG_NODES, ARG_EDGE_COLUMNS,
	ARG_NODE_COLUMNS = ARG_EDGE_COLUMNS + GRAPH_COLUMNS,
	ARG_TENANT_COLUMN = ARG_NODE_COLUMNS + 2, ARG_KNOWN_AT
};

#define PATH_RESULTS 4

/* Fewest hops: the target is found when its ring is complete. */
static bool
find_by_hops(GraphEdges *edges, GraphStates *states, const GraphWalkOptions *options,
			 const GraphKey *source, const GraphKey *target, GraphTable **table, GraphVisit *visit)
{
	GraphRing  *ring = vx_graph_start_ring(edges, states, options, source, 1);

	ring->target = target;
	*table = ring->table;
	visit->label = NULL;
	while (vx_graph_next_in_ring(ring, &visit->node))
	{
		GraphKey	key = vx_graph_node_key(ring->table, visit->node);

		if (vx_graph_compare_keys(edges->kind, &key, target) != 0)
			continue;
		visit->depth = vx_graph_node(ring->table, visit->node)->depth;
		visit->score = visit->depth;
		return true;
	}
	return false;
}

/* Least cost: the target is found when its best label comes out. */
static bool
find_by_cost(GraphEdges *edges, GraphStates *states, const GraphWalkOptions *options,
			 const GraphKey *source, const GraphKey *target, GraphTable **table, GraphVisit *visit)
{
	GraphSearch *search = vx_graph_start_search(edges, states, options, true, source, 1);

	*table = vx_graph_search_table(search);
	while ((visit->label = vx_graph_next_in_search(search)) != NULL)
	{
		GraphKey	key = vx_graph_node_key(*table, visit->label->node);

		if (vx_graph_compare_keys(edges->kind, &key, target) != 0)
			continue;
		visit->node = visit->label->node;
		visit->depth = visit->label->depth;
		visit->score = visit->label->value;
		return true;
	}
	return false;
}

PG_FUNCTION_INFO_V1(vecext_graph_shortest_path);
Datum
vecext_graph_shortest_path(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "graph shortest path",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	GraphEdgesOptions edges_options;
	GraphWalkOptions options;
	GraphEdges *edges;
	GraphStates *states;
	GraphKeyType keytype;
	bool		weighted = !PG_ARGISNULL(ARG_WEIGHTED) && PG_GETARG_BOOL(ARG_WEIGHTED);

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	vx_graph_get_options(fcinfo, ARG_EDGE_TYPES, ARG_MIN_WEIGHT, ARG_AS_OF, &edges_options);
	vx_graph_get_known_at(fcinfo, ARG_KNOWN_AT, &edges_options);
	vx_graph_get_tenant(fcinfo, ARG_TENANT_COLUMN, &edges_options);
	edges_options.direction = vx_graph_get_direction(fcinfo, ARG_DIRECTION, GRAPH_DIRECTION_OUT);
	edges_options.want_id = true;
	edges_options.need_weight = weighted;
	edges_options.ignore_weight = !weighted;
	memset(&options, 0, sizeof(options));
	options.strategy = GRAPH_BFS;
	options.direction = edges_options.direction;
	options.max_depth = vx_graph_get_max_depth(fcinfo, ARG_MAX_DEPTH);
	options.max_rows = PG_INT64_MAX;
	options.decay = 1;
	options.through_invalid = !PG_ARGISNULL(ARG_THROUGH_INVALID) &&
		PG_GETARG_BOOL(ARG_THROUGH_INVALID);

	edges = vx_graph_open_edges(fcinfo, ARG_EDGE_COLUMNS, &edges_options);
	states = vx_graph_open_states(fcinfo, ARG_NODES, ARG_NODE_COLUMNS, -1, edges->kind,
								  &edges_options);
	if (!PG_ARGISNULL(ARG_SOURCE) && !PG_ARGISNULL(ARG_TARGET))
	{
		GraphKey	source = vx_graph_key_from_arg(fcinfo, ARG_SOURCE, edges->kind, &keytype);
		GraphKey	target = vx_graph_key_from_arg(fcinfo, ARG_TARGET, edges->kind, &keytype);
		GraphTable *table;
		GraphVisit	visit;
		bool		found;

		found = weighted ?
			find_by_cost(edges, states, &options, &source, &target, &table, &visit) :
			find_by_hops(edges, states, &options, &source, &target, &table, &visit);
		if (found)
		{
			Datum		values[PATH_RESULTS] = {0};
			bool		nulls[PATH_RESULTS] = {false};

			vx_graph_path_to(table, &keytype, &edges->columns[GRAPH_ID], &visit,
							 &values[0], &values[1], &nulls[1]);
			values[2] = Int32GetDatum(visit.depth);
			values[3] = Float8GetDatum(visit.score);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	vx_graph_close_edges(edges);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
