/*-------------------------------------------------------------------------
 *
 * graph_neighbors.c
 *	  graph_neighbors(): the edges of one node, and where they lead.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "graph/graph.h"

enum
{
	ARG_EDGES, ARG_NODE, ARG_EDGE_TYPES, ARG_DIRECTION, ARG_MIN_WEIGHT, ARG_AS_OF, ARG_MAX_ROWS,
	ARG_EDGE_COLUMNS,
	ARG_TENANT_COLUMN = ARG_EDGE_COLUMNS + GRAPH_COLUMNS
};

#define NEIGHBORS_RESULTS 5

typedef struct Neighbors
{
	ReturnSetInfo *rsinfo;
	MemoryContext row;
	GraphEdges *edges;
	GraphKeyType keytype;
	GraphSide	side;
	bool		both;
	int64		rows_left;
} Neighbors;

static bool
store_edge(void *arg, const GraphEdge *edge)
{
	Neighbors  *neighbors = arg;
	Datum		values[NEIGHBORS_RESULTS] = {0};
	bool		nulls[NEIGHBORS_RESULTS] = {false};
	MemoryContext old;

	/* An edge from the node to itself has been seen going out. */
	if (neighbors->both && neighbors->side == GRAPH_IN &&
		vx_graph_compare_keys(neighbors->edges->kind, &edge->near, &edge->far) == 0)
		return true;
	if (neighbors->rows_left-- <= 0)
		return false;
	old = MemoryContextSwitchTo(neighbors->row);
	values[0] = vx_graph_key_to_caller(&neighbors->keytype, edge->far);
	nulls[1] = edge->id_null;
	if (!edge->id_null)
		values[1] = vx_graph_column_text(&neighbors->edges->columns[GRAPH_ID], edge->id);
	nulls[2] = edge->type_null;
	if (!edge->type_null)
		values[2] = vx_graph_column_text(&neighbors->edges->columns[GRAPH_TYPE], edge->type);
	values[3] = Float8GetDatum(edge->weight);
	values[4] = CStringGetTextDatum(neighbors->side == GRAPH_OUT ? "out" : "in");
	tuplestore_putvalues(neighbors->rsinfo->setResult, neighbors->rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(neighbors->row);
	return true;
}

PG_FUNCTION_INFO_V1(vecext_graph_neighbors);
Datum
vecext_graph_neighbors(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "graph neighbors",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	GraphEdgesOptions options;
	Neighbors	neighbors;

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	vx_graph_get_options(fcinfo, ARG_EDGE_TYPES, ARG_MIN_WEIGHT, ARG_AS_OF, &options);
	vx_graph_get_tenant(fcinfo, ARG_TENANT_COLUMN, &options);
	options.direction = vx_graph_get_direction(fcinfo, ARG_DIRECTION, GRAPH_DIRECTION_OUT);
	options.want_type = true;
	options.want_id = true;
	neighbors.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	neighbors.row = AllocSetContextCreate(context, "graph neighbors row", ALLOCSET_DEFAULT_SIZES);
	neighbors.rows_left = vx_graph_get_max_rows(fcinfo, ARG_MAX_ROWS);
	neighbors.both = options.direction == GRAPH_DIRECTION_BOTH;
	neighbors.edges = vx_graph_open_edges(fcinfo, ARG_EDGE_COLUMNS, &options);
	if (!PG_ARGISNULL(ARG_NODE))
	{
		GraphKey	key = vx_graph_key_from_arg(fcinfo, ARG_NODE, neighbors.edges->kind,
												&neighbors.keytype);

		for (int side = 0; side < 2; side++)
		{
			neighbors.side = (GraphSide) side;
			if ((options.direction & (1 << side)) && neighbors.rows_left > 0)
				vx_graph_read_edges(neighbors.edges, neighbors.side, &key, 1, store_edge, &neighbors);
		}
	}
	vx_graph_close_edges(neighbors.edges);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
