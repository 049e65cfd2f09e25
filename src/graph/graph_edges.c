/*-------------------------------------------------------------------------
 *
 * graph_edges.c
 *	  Reading edges: all that begin or end at some nodes, or all there are.
 *
 * A plain table with a btree index whose first column is the one looked for is
 * read directly, no executor between: by the leaf pages of the index
 * (graph_leaf.c), or by one index scan for an array of keys.
 * Everything else goes through queries, so that the planner finds its way and
 * row-level security, views, partitions and the rights of views' owners hold:
 * one query for an array of keys.  Both see what the caller's snapshot sees, and
 * both put the same conditions to the same test (accept_edge).
 *
 * The relation stays open as long as the walk lasts, so that nobody, not even
 * the caller's own session, changes its columns meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rangetypes.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "base/base_compat.h"
#include "graph/graph.h"

/* Keys that one index scan, one query look for */
#define SCAN_KEYS 1024
#define QUERY_KEYS 20000

/* Rows that a query hands over at a time */
#define QUERY_ROWS 1000

/* ---- Conditions ---- */

static double
weight_from_datum(Oid type, Datum value)
{
	switch (type)
	{
		case FLOAT8OID:
			return DatumGetFloat8(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	}
}

/* Is the type of an edge one of those that are wanted? */
bool
vx_graph_accept_type(const GraphEdges *edges, Datum value)
{
	const char *data;
	Size		length;
	text	   *packed;
	bool		accepted = false;

	if (edges->type_equal != NULL)
	{
		for (int i = 0; i < edges->type_count; i++)
		{
			if (DatumGetBool(FunctionCall2Coll(edges->type_equal, edges->type_collation,
											   value, edges->types[i])))
				return true;
		}
		return false;
	}
	packed = DatumGetTextPP(value);
	data = VARDATA_ANY(packed);
	length = VARSIZE_ANY_EXHDR(packed);
	for (int i = 0; i < edges->type_count && !accepted; i++)
	{
		const text *wanted = (const text *) DatumGetPointer(edges->types[i]);

		accepted = length == VARSIZE_ANY_EXHDR(wanted) &&
			memcmp(data, VARDATA_ANY(wanted), length) == 0;
	}
	if (packed != (text *) DatumGetPointer(value))
		pfree(packed);
	return accepted;
}

/*
 * Does a row meet all conditions?  Then "edge" holds what it says.  Null has the
 * meaning that makes columns easy to add to a table: any weight of null is 1, a
 * validity of null is for ever.
 */
static inline bool
accept_edge(const GraphEdges *edges, const int *positions, const Datum *values, const bool *nulls,
			GraphSide side, GraphEdge *edge)
{
	GraphColumnName near = side == GRAPH_OUT ? GRAPH_SRC : GRAPH_DST;
	GraphColumnName far = side == GRAPH_OUT ? GRAPH_DST : GRAPH_SRC;
	int			at;

	if (nulls[positions[near]] || nulls[positions[far]])
		return false;
	at = positions[GRAPH_TYPE];
	edge->type_null = at < 0 || nulls[at];
	if (!edge->type_null)
		edge->type = values[at];
	if (edges->types_given && (edge->type_null || !vx_graph_accept_type(edges, edge->type)))
		return false;

	edge->weight = 1;
	at = positions[GRAPH_WEIGHT];
	if (at >= 0 && !nulls[at])
	{
		edge->weight = weight_from_datum(edges->columns[GRAPH_WEIGHT].type, values[at]);
		if (edges->min_weight_given && edge->weight < edges->min_weight)
			return false;
	}
	else if (edges->min_weight_given && edge->weight < edges->min_weight)
		return false;

	at = positions[GRAPH_INVALIDATED];
	if (at >= 0 && !nulls[at] && DatumGetTimestampTz(values[at]) <= edges->as_of)
		return false;
	at = positions[GRAPH_VALID];
	if (at >= 0 && !nulls[at] &&
		!range_contains_elem_internal(edges->valid_cache, DatumGetRangeTypeP(values[at]),
									  TimestampTzGetDatum(edges->as_of)))
		return false;

	if (unlikely(!(edge->weight >= 0 && edge->weight <= DBL_MAX)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("edge of relation \"%s\" has weight %g",
						RelationGetRelationName(edges->relation), edge->weight),
				 errdetail("Weights must be finite numbers that are not negative.")));

	at = positions[GRAPH_ID];
	edge->id_null = at < 0 || nulls[at];
	if (!edge->id_null)
		edge->id = values[at];
	edge->near = vx_graph_key_from_datum(edges->kind, edges->columns[near].type,
										 values[positions[near]]);
	edge->far = vx_graph_key_from_datum(edges->kind, edges->columns[far].type,
										values[positions[far]]);
	return true;
}

/* The part of the caller's loop that is the same for tables, indexes and queries. */
bool
vx_graph_take_row(GraphEdges *edges, const int *positions, const Datum *values, const bool *nulls,
				  GraphSide side, GraphEdgeCallback callback, void *arg)
{
	GraphEdge	edge;
	MemoryContext old;
	bool		go_on = true;

	if (!edges->row_allocates)
		return !accept_edge(edges, positions, values, nulls, side, &edge) || callback(arg, &edge);

	MemoryContextReset(edges->row_context);
	old = MemoryContextSwitchTo(edges->row_context);
	if (accept_edge(edges, positions, values, nulls, side, &edge))
		go_on = callback(arg, &edge);
	MemoryContextSwitchTo(old);
	return go_on;
}

/* ---- Reading the table ---- */

/* Is the table one that may be read without the executor? */
static bool
is_plain(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);

	if (relation->rd_rel->relkind != RELKIND_RELATION &&
		relation->rd_rel->relkind != RELKIND_MATVIEW)
		return false;
	if (relation->rd_rel->relhassubclass || !RelationIsScannable(relation))
		return false;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		/* a generated column without storage is for the executor to compute */
		if (attribute->attgenerated != '\0' && attribute->attgenerated != ATTRIBUTE_GENERATED_STORED)
			return false;
	}
	return true;
}

/* May this caller read it so, and now?  That is never remembered. */
static bool
may_read_directly(Relation relation)
{
	if (RecoveryInProgress() && !RelationIsPermanent(relation))
		return false;
	return !relation->rd_rel->relrowsecurity ||
		check_enable_rls(RelationGetRelid(relation), InvalidOid, false) != RLS_ENABLED;
}

/*
 * Does a column of an index compare values of a type with the operator that = is?
 * If so, sets the operator's function.
 */
static bool
find_index_equality(Relation index, int position, Oid type, RegProcedure *equal)
{
	Oid			input_type = index->rd_opcintype[position];
	Oid			operator;

	if (input_type != type && !(input_type == TEXTOID && type == VARCHAROID))
		return false;
	/* its own collation may call different texts equal */
	if (OidIsValid(index->rd_indcollation[position]) &&
		!get_collation_isdeterministic(index->rd_indcollation[position]))
		return false;
	operator = get_opfamily_member(index->rd_opfamily[position], input_type, input_type,
								   BTEqualStrategyNumber);
	if (!OidIsValid(operator) ||
		operator != lookup_type_cache(input_type, TYPECACHE_EQ_OPR)->eq_opr)
		return false;
	*equal = get_opcode(operator);
	return RegProcedureIsValid(*equal);
}

/* Does an index find all rows of the table by its first column, which is that? */
static bool
is_usable_index(Relation index, AttrNumber attno)
{
	if (index->rd_rel->relam != BTREE_AM_OID || !index->rd_index->indisvalid ||
		index->rd_index->indkey.values[0] != attno ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return false;
	/* as the planner does: rows of broken HOT chains may be missing */
	return !index->rd_index->indcheckxmin ||
		TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin);
}

/*
 * Opens an index on the column of a side, or returns NULL if there is none: rather
 * one that has the only type of edges that is wanted in its second column, then
 * one with all columns that are wanted, then the narrowest.
 */
static Relation
find_index(GraphEdges *edges, GraphSide side, bool one_type, bool *settled)
{
	GraphColumn *column = &edges->columns[side == GRAPH_OUT ? GRAPH_SRC : GRAPH_DST];
	GraphColumn *type_column = &edges->columns[GRAPH_TYPE];
	List	   *list = RelationGetIndexList(edges->relation);
	ListCell   *cell;
	Relation	best = NULL;
	int			best_merit = 0;

	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		RegProcedure equal,
					type_equal = InvalidOid;
		int			merit;

		/* what is usable depends on the snapshot, then */
		if (index->rd_index->indcheckxmin)
			*settled = false;
		if (!is_usable_index(index, column->attno) ||
			!find_index_equality(index, 0, column->type, &equal))
		{
			index_close(index, AccessShareLock);
			continue;
		}
		if (one_type && IndexRelationGetNumberOfKeyAttributes(index) > 1 &&
			index->rd_index->indkey.values[1] == type_column->attno &&
			!find_index_equality(index, 1, type_column->type, &type_equal))
			type_equal = InvalidOid;
		merit = (RegProcedureIsValid(type_equal) ? 2 : 0) +
			(vx_graph_leaves_cover(edges, index) ? 1 : 0);
		if (best != NULL &&
			(merit == best_merit ?
			 IndexRelationGetNumberOfAttributes(index) >= IndexRelationGetNumberOfAttributes(best) :
			 merit < best_merit))
		{
			index_close(index, AccessShareLock);
			continue;
		}
		if (best != NULL)
			index_close(best, AccessShareLock);
		best = index;
		best_merit = merit;
		edges->keys_equal[side] = equal;
		edges->types_equal[side] = type_equal;
	}
	list_free(list);
	return best;
}

/* The index that served such a call before, or NULL if it cannot now. */
static Relation
open_known_index(GraphEdges *edges, GraphSide side, const GraphShape *shape)
{
	GraphColumn *column = &edges->columns[side == GRAPH_OUT ? GRAPH_SRC : GRAPH_DST];
	Relation	index;

	if (!OidIsValid(shape->sides[side].index))
		return NULL;
	index = index_open(shape->sides[side].index, AccessShareLock);
	if (!is_usable_index(index, column->attno))
	{
		index_close(index, AccessShareLock);
		return NULL;
	}
	edges->keys_equal[side] = shape->sides[side].keys_equal;
	edges->types_equal[side] = shape->sides[side].types_equal;
	return index;
}

/* Prepares to read by an index. */
static void
use_index(GraphEdges *edges, GraphSide side, Relation index)
{
	bool		with_type = RegProcedureIsValid(edges->types_equal[side]);

	edges->indexes[side] = index;
	edges->leaves[side] = vx_graph_open_leaves(edges, side, index, with_type);
	if (edges->leaves[side] == NULL)
		edges->scans[side] = vx_index_beginscan(edges->relation, index, edges->snapshot,
												with_type ? 2 : 1, 0);
}

/* The keys as an array of the column's type; those that it cannot hold are left out. */
static ArrayType *
make_scan_array(const GraphKey *keys, int count, Oid type)
{
	Datum	   *values = palloc(count * sizeof(Datum));
	int			used = 0;

	for (int i = 0; i < count; i++)
	{
		int64		number = keys[i].value.number;

		if (type == INT8OID)
			values[used++] = Int64GetDatum(number);
		else if (type == INT4OID && number >= PG_INT32_MIN && number <= PG_INT32_MAX)
			values[used++] = Int32GetDatum((int32) number);
		else if (type == INT2OID && number >= PG_INT16_MIN && number <= PG_INT16_MAX)
			values[used++] = Int16GetDatum((int16) number);
	}
	if (type == INT8OID)
		return construct_array(values, used, type, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	if (type == INT4OID)
		return construct_array(values, used, type, sizeof(int32), true, TYPALIGN_INT);
	return construct_array(values, used, type, sizeof(int16), true, TYPALIGN_SHORT);
}

/*
 * Reads edges through an index.  The index goes through the array in its own
 * order, so keys that lie together are read together.
 */
static void
read_with_index(GraphEdges *edges, GraphSide side, const GraphKey *keys, int count,
				GraphEdgeCallback callback, void *arg)
{
	GraphColumn *column = &edges->columns[side == GRAPH_OUT ? GRAPH_SRC : GRAPH_DST];
	Relation	index = edges->indexes[side];
	IndexScanDesc scan = edges->scans[side];
	TupleTableSlot *slot = vx_graph_row_slot(edges);
	bool		go_on = true;
	MemoryContext old = MemoryContextSwitchTo(edges->context);

	for (int start = 0; start < count && go_on; start += SCAN_KEYS)
	{
		int			number = Min(count - start, SCAN_KEYS);
		Datum		array;
		ScanKeyData scan_keys[2];

		MemoryContextReset(edges->batch_context);
		MemoryContextSwitchTo(edges->batch_context);
		array = edges->kind == GRAPH_KEY_INT ?
			PointerGetDatum(make_scan_array(keys + start, number, column->type)) :
			vx_graph_key_array(edges->kind, keys + start, number);
		ScanKeyEntryInitialize(&scan_keys[0], SK_SEARCHARRAY, 1, BTEqualStrategyNumber,
							   index->rd_opcintype[0], index->rd_indcollation[0],
							   edges->keys_equal[side], array);
		if (scan->numberOfKeys > 1)
			ScanKeyEntryInitialize(&scan_keys[1], 0, 2, BTEqualStrategyNumber,
								   index->rd_opcintype[1], index->rd_indcollation[1],
								   edges->types_equal[side], edges->types[0]);
		/* a btree scan keeps what it makes of the keys where it is called */
		MemoryContextSwitchTo(edges->context);

		index_rescan(scan, scan_keys, scan->numberOfKeys, NULL, 0);
		while (go_on && index_getnext_slot(scan, ForwardScanDirection, slot))
		{
			CHECK_FOR_INTERRUPTS();
			slot_getsomeattrs(slot, edges->last_attno);
			go_on = vx_graph_take_row(edges, edges->positions[0], slot->tts_values, slot->tts_isnull,
									  side, callback, arg);
		}
	}
	ExecClearTuple(slot);
	MemoryContextSwitchTo(old);
}

/* ---- Reading by queries ---- */

/* The list of columns that are used, and the positions that they have in it. */
static void
make_queries(GraphEdges *edges)
{
	StringInfoData columns;
	Relation	relation = edges->relation;
	char	   *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												   RelationGetRelationName(relation));
	const char *key_names[2] = {NULL, NULL};
	int			used = 0;
	MemoryContext old = MemoryContextSwitchTo(edges->context);

	initStringInfo(&columns);
	for (int i = 0; i < GRAPH_COLUMNS; i++)
	{
		AttrNumber	attno = edges->columns[i].attno;
		const char *name;

		edges->positions[1][i] = -1;
		if (attno == 0)
			continue;
		name = quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(relation), attno - 1)->attname));
		if (i == GRAPH_SRC || i == GRAPH_DST)
			key_names[i == GRAPH_SRC ? GRAPH_OUT : GRAPH_IN] = name;
		appendStringInfo(&columns, "%se.%s", used > 0 ? ", " : "", name);
		edges->positions[1][i] = used++;
	}
	edges->whole_query = psprintf("SELECT %s FROM %s e%s%s", columns.data, table,
								  edges->tenant_condition != NULL ? " WHERE " : "",
								  edges->tenant_condition != NULL ? edges->tenant_condition : "");
	for (int side = 0; side < 2; side++)
		edges->queries[side] =
			psprintf("SELECT %s FROM pg_catalog.unnest($1) k(key), %s e "
					 "WHERE e.%s OPERATOR(pg_catalog.=) k.key%s%s",
					 columns.data, table, key_names[side],
					 edges->tenant_condition != NULL ? " AND " : "",
					 edges->tenant_condition != NULL ? edges->tenant_condition : "");
	pfree(columns.data);
	MemoryContextSwitchTo(old);
}

/* Runs a query, with an array of keys as its parameter unless there are none. */
static bool
read_with_query(GraphEdges *edges, const char *query, GraphSide side,
				const GraphKey *keys, int count, GraphEdgeCallback callback, void *arg)
{
	Oid			type = vx_graph_key_array_type(edges->kind);
	Datum		array = (Datum) 0;
	Portal		portal;
	bool		go_on = true;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (count > 0)
		array = vx_graph_key_array(edges->kind, keys, count);
	portal = SPI_cursor_open_with_args(NULL, query, count > 0 ? 1 : 0, &type, &array, NULL,
									   true, CURSOR_OPT_NO_SCROLL);
	while (go_on)
	{
		SPITupleTable *rows;
		Datum		values[GRAPH_COLUMNS];
		bool		nulls[GRAPH_COLUMNS];

		SPI_cursor_fetch(portal, true, QUERY_ROWS);
		rows = SPI_tuptable;
		if (rows == NULL || rows->numvals == 0)
			break;
		for (uint64 i = 0; i < rows->numvals && go_on; i++)
		{
			CHECK_FOR_INTERRUPTS();
			heap_deform_tuple(rows->vals[i], rows->tupdesc, values, nulls);
			go_on = vx_graph_take_row(edges, edges->positions[1], values, nulls, side, callback, arg);
		}
		SPI_freetuptable(rows);
	}
	SPI_cursor_close(portal);
	SPI_finish();
	return go_on;
}

/* ---- What the other files call ---- */

/* A slot for rows of the table, made when the first is looked up */
TupleTableSlot *
vx_graph_row_slot(GraphEdges *edges)
{
	if (edges->slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(edges->context);

		edges->slot = table_slot_create(edges->relation, NULL);
		MemoryContextSwitchTo(old);
	}
	return edges->slot;
}

/* Columns and indexes as they were for a call like this, or as they are found now */
static void
find_shape(GraphEdges *edges, const GraphCall *call, const GraphEdgesOptions *options)
{
	uint64		changes = vx_graph_shape_changes();
	const GraphShape *known = vx_graph_find_shape(call);
	GraphShape	shape;
	bool		settled = true;

	if (known != NULL)
	{
		shape = *known;
		edges->kind = shape.kind;
		memcpy(edges->columns, shape.columns, sizeof(edges->columns));
		edges->last_attno = shape.last_attno;
	}
	else
		vx_graph_find_edge_columns(edges, call);
	for (int i = 0; i < GRAPH_COLUMNS; i++)
		edges->positions[0][i] = edges->columns[i].attno - 1;
	if (known == NULL)
	{
		shape.call = *call;
		shape.kind = edges->kind;
		memcpy(shape.columns, edges->columns, sizeof(edges->columns));
		shape.last_attno = edges->last_attno;
	}
	vx_graph_set_conditions(edges, options);
	edges->tenant_condition = vx_graph_tenant_condition(edges->relation, options, "e");
	edges->direct = edges->tenant_condition == NULL &&
		(known != NULL || is_plain(edges->relation)) && may_read_directly(edges->relation);
	if (!edges->direct)
		return;

	for (int side = 0; side < 2; side++)
	{
		Relation	index = NULL;

		if (known == NULL)
			shape.sides[side].index = InvalidOid;
		if (!(options->direction & (1 << side)))
			continue;
		if (known != NULL)
			index = open_known_index(edges, (GraphSide) side, &shape);
		if (index == NULL && (known == NULL || OidIsValid(shape.sides[side].index)))
			index = find_index(edges, (GraphSide) side, call->types == 1, &settled);
		if (index == NULL)
			continue;
		use_index(edges, (GraphSide) side, index);
		if (known == NULL)
		{
			shape.sides[side].index = RelationGetRelid(index);
			shape.sides[side].keys_equal = edges->keys_equal[side];
			shape.sides[side].types_equal = edges->types_equal[side];
		}
	}
	if (known == NULL && settled)
		vx_graph_keep_shape(&shape, changes);
}

/*
 * Opens the table that the first argument names for reading, with columns from
 * seven arguments that begin at column_arg.  Everything lives in the current
 * memory context, and until vx_graph_close_edges() or the end of the
 * transaction.
 */
GraphEdges *
vx_graph_open_edges(FunctionCallInfo fcinfo, int column_arg, const GraphEdgesOptions *options)
{
	GraphEdges *edges = palloc0(sizeof(GraphEdges));
	GraphCall	call;

	vx_graph_read_call(fcinfo, column_arg, options, &call);
	edges->relation = vx_graph_open_relation(call.relid);
	edges->context = CurrentMemoryContext;
	edges->row_context = AllocSetContextCreate(CurrentMemoryContext, "graph row",
											   ALLOCSET_SMALL_SIZES);
	edges->batch_context = AllocSetContextCreate(CurrentMemoryContext, "graph batch",
												 ALLOCSET_DEFAULT_SIZES);
	edges->owner = CurrentResourceOwner;
	edges->snapshot = RegisterSnapshotOnOwner(GetActiveSnapshot(), edges->owner);
	find_shape(edges, &call, options);
	return edges;
}

void
vx_graph_close_edges(GraphEdges *edges)
{
	for (int side = 0; side < 2; side++)
	{
		if (edges->indexes[side] == NULL)
			continue;
		if (edges->leaves[side] != NULL)
			vx_graph_close_leaves(edges->leaves[side]);
		else
			index_endscan(edges->scans[side]);
		index_close(edges->indexes[side], NoLock);
	}
	if (edges->slot != NULL)
		ExecDropSingleTupleTableSlot(edges->slot);
	UnregisterSnapshotFromOwner(edges->snapshot, edges->owner);
	relation_close(edges->relation, NoLock);
}

/*
 * May edges be read for one node at a time?  Queries cost so much to begin that
 * they should ask for many nodes.
 */
bool
vx_graph_is_cheap_to_read(const GraphEdges *edges, GraphDirection direction)
{
	return (!(direction & GRAPH_DIRECTION_OUT) || edges->indexes[GRAPH_OUT] != NULL) &&
		(!(direction & GRAPH_DIRECTION_IN) || edges->indexes[GRAPH_IN] != NULL);
}

/*
 * Calls back for each edge that has one of the keys, which must be different, at
 * the known end.  Sorts the keys.
 */
void
vx_graph_read_edges(GraphEdges *edges, GraphSide side, GraphKey *keys, int count,
					GraphEdgeCallback callback, void *arg)
{
	if (edges->types_given && edges->type_count == 0)
		return;
	if (count > 1)
		vx_graph_sort_keys(edges->kind, keys, count);
	if (edges->indexes[side] != NULL)
	{
		if (edges->leaves[side] != NULL)
			vx_graph_read_leaves(edges->leaves[side], keys, count, callback, arg);
		else
			read_with_index(edges, side, keys, count, callback, arg);
		return;
	}
	if (edges->whole_query == NULL)
		make_queries(edges);
	for (int start = 0; start < count; start += QUERY_KEYS)
	{
		if (!read_with_query(edges, edges->queries[side], side, keys + start,
							 Min(count - start, QUERY_KEYS), callback, arg))
			break;
	}
}

/* Calls back for all edges, with src as the near end. */
void
vx_graph_read_all_edges(GraphEdges *edges, GraphEdgeCallback callback, void *arg)
{
	TableScanDesc scan;
	TupleTableSlot *slot;
	bool		go_on = true;
	MemoryContext old;

	if (edges->types_given && edges->type_count == 0)
		return;
	if (!edges->direct)
	{
		if (edges->whole_query == NULL)
			make_queries(edges);
		read_with_query(edges, edges->whole_query, GRAPH_OUT, NULL, 0, callback, arg);
		return;
	}
	slot = vx_graph_row_slot(edges);
	old = MemoryContextSwitchTo(edges->context);
	scan = table_beginscan(edges->relation, edges->snapshot, 0, NULL);
	while (go_on && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getsomeattrs(slot, edges->last_attno);
		go_on = vx_graph_take_row(edges, edges->positions[0], slot->tts_values,
								  slot->tts_isnull, GRAPH_OUT, callback, arg);
	}
	ExecClearTuple(slot);
	table_endscan(scan);
	MemoryContextSwitchTo(old);
}
