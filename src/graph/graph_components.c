/*-------------------------------------------------------------------------
 *
 * graph_components.c
 *	  graph_components(): what hangs together, by edges in either direction.
 *
 * One pass over all edges joins sets (union by size, paths halved).  Of a node
 * here: parent leads to the node that stands for its set, value is there the
 * set's size, then its number.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "graph/graph.h"

enum
{
	ARG_EDGES, ARG_EDGE_TYPES, ARG_MIN_WEIGHT, ARG_AS_OF, ARG_EDGE_COLUMNS,
	ARG_TENANT_COLUMN = ARG_EDGE_COLUMNS + GRAPH_COLUMNS
};

#define COMPONENTS_RESULTS 3

static uint32
find_root(GraphTable *table, uint32 number)
{
	GraphNode  *node = vx_graph_node(table, number);

	while (node->parent != number)
	{
		uint32		grandparent = vx_graph_node(table, node->parent)->parent;

		node->parent = grandparent;
		number = grandparent;
		node = vx_graph_node(table, number);
	}
	return number;
}

static uint32
add_end(GraphTable *table, GraphKey key)
{
	bool		found;
	uint32		number = vx_graph_add_node(table, key, &found);

	if (!found)
	{
		vx_graph_node(table, number)->parent = number;
		vx_graph_node(table, number)->value = 1;
	}
	return number;
}

static bool
join_ends(void *arg, const GraphEdge *edge)
{
	GraphTable *table = arg;
	uint32		big = find_root(table, add_end(table, edge->near));
	uint32		small = find_root(table, add_end(table, edge->far));

	if (big == small)
		return true;
	if (vx_graph_node(table, big)->value < vx_graph_node(table, small)->value)
	{
		uint32		other = big;

		big = small;
		small = other;
	}
	vx_graph_node(table, small)->parent = big;
	vx_graph_node(table, big)->value += vx_graph_node(table, small)->value;
	return true;
}

typedef struct Component
{
	uint32		root;
	uint32		size;
	uint32		first;			/* node of the set that was met first */
	uint32		start;			/* of its nodes in the list of all */
} Component;

/* The largest comes first; among equals that with the smallest key. */
static int
compare_components(const Component *a, const Component *b, const GraphTable *table)
{
	GraphKey	key_a,
				key_b;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	key_a = vx_graph_node_key(table, a->first);
	key_b = vx_graph_node_key(table, b->first);
	return vx_graph_compare_keys(table->kind, &key_a, &key_b);
}

#define ST_SORT sort_components
#define ST_ELEMENT_TYPE Component
#define ST_COMPARE_ARG_TYPE const GraphTable
#define ST_COMPARE(a, b, table) compare_components(a, b, table)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* The sets, largest first; node->value of each root becomes its number. */
static Component *
list_components(GraphTable *table, uint32 *count)
{
	Component  *components;
	uint32		at = 0,
				start = 0;

	*count = 0;
	for (uint32 i = 0; i < table->count; i++)
		*count += vx_graph_node(table, i)->parent == i;
	vx_graph_check_memory(table, *count * sizeof(Component));
	components = MemoryContextAllocHuge(table->context, Max(*count, 1) * sizeof(Component));
	for (uint32 i = 0; i < table->count; i++)
	{
		GraphNode  *node = vx_graph_node(table, i);

		if (node->parent != i)
			continue;
		components[at].root = components[at].first = i;
		components[at].size = (uint32) node->value;
		node->value = at++;
	}
	/* The smallest key of each */
	for (uint32 i = 0; i < table->count; i++)
	{
		Component  *component = &components[(uint32) vx_graph_node(table, find_root(table, i))->value];
		GraphKey	key = vx_graph_node_key(table, i);
		GraphKey	first = vx_graph_node_key(table, component->first);

		CHECK_FOR_INTERRUPTS();
		if (vx_graph_compare_keys(table->kind, &key, &first) < 0)
			component->first = i;
	}
	sort_components(components, *count, table);
	for (uint32 i = 0; i < *count; i++)
	{
		vx_graph_node(table, components[i].root)->value = i;
		components[i].start = start;
		start += components[i].size;
	}
	return components;
}

PG_FUNCTION_INFO_V1(vecext_graph_components);
Datum
vecext_graph_components(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "graph components",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "graph components row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	GraphEdgesOptions options;
	GraphEdges *edges;
	GraphKeyType keytype;
	GraphTable *table;
	Component  *components;
	uint32		count;
	uint32	   *list;

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	vx_graph_get_options(fcinfo, ARG_EDGE_TYPES, ARG_MIN_WEIGHT, ARG_AS_OF, &options);
	vx_graph_get_tenant(fcinfo, ARG_TENANT_COLUMN, &options);
	options.direction = 0;
	options.ignore_weight = true;
	edges = vx_graph_open_edges(fcinfo, ARG_EDGE_COLUMNS, &options);
	/* nothing among the arguments tells the type of nodes */
	vx_graph_key_set_type(&keytype, edges->kind, TEXTOID);
	table = vx_graph_create_table(context, edges->kind);
	vx_graph_read_all_edges(edges, join_ends, table);
	vx_graph_close_edges(edges);

	components = list_components(table, &count);
	vx_graph_check_memory(table, table->count * sizeof(uint32));
	list = MemoryContextAllocHuge(table->context, Max(table->count, 1) * sizeof(uint32));
	for (uint32 i = 0; i < table->count; i++)
		list[components[(uint32) vx_graph_node(table, find_root(table, i))->value].start++] = i;

	MemoryContextSwitchTo(row);
	for (uint32 i = 0; i < table->count; i++)
	{
		uint32		number = (uint32) vx_graph_node(table, find_root(table, list[i]))->value;
		Datum		values[COMPONENTS_RESULTS];
		bool		nulls[COMPONENTS_RESULTS] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = Int64GetDatum((int64) number + 1);
		values[1] = vx_graph_key_to_caller(&keytype, vx_graph_node_key(table, list[i]));
		values[2] = Int64GetDatum((int64) components[number].size);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row);
	MemoryContextDelete(context);
	return (Datum) 0;
}
