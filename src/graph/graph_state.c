/*-------------------------------------------------------------------------
 *
 * graph_state.c
 *	  Which nodes are valid at a time, and how sure they are.
 *
 * A walk needs no table of nodes.  If it is given one, that may have a row for
 * each node or one for each version of it.  Of the versions known by the time
 * that is asked about, or by known_at (tx), which say something of it (it is in valid, or not
 * before retracted_at), the one with the highest number counts.  The node is
 * valid if the time is in that version's valid.  Columns that the table does
 * not have do not restrict; a node that it has no such version of is not valid.
 *
 * The table is always read by queries, thousands of nodes each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base_compat.h"
#include "graph/graph.h"

/* Nodes that one query looks for */
#define QUERY_KEYS 20000

/*
 * The quoted name of a column, or NULL if the table has none.  "given" is NULL
 * or "" as explained in graph_columns.c.
 */
static const char *
find_state_column(Relation relation, const char *given, const char *usual, const Oid *types,
				  const char *parameter)
{
	const char *wanted = given != NULL ? given : usual;
	AttrNumber	attno;
	Oid			type;

	if (wanted[0] == '\0')
		return NULL;
	attno = vx_graph_find_column(relation, wanted);
	if (attno == 0)
	{
		if (given != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							wanted, RelationGetRelationName(relation)),
					 errhint("%s names it.", parameter)));
		return NULL;
	}
	type = getBaseType(TupleDescAttr(RelationGetDescr(relation), attno - 1)->atttypid);
	while (OidIsValid(*types) && *types != type)
		types++;
	if (!OidIsValid(*types))
	{
		if (given != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of relation \"%s\" cannot be %s",
							wanted, RelationGetRelationName(relation), parameter),
					 errdetail("It is of type %s.", format_type_be(type))));
		return NULL;
	}
	return quote_identifier(wanted);
}

/* An argument of type name, or NULL. */
static const char *
get_name(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : NameStr(*PG_GETARG_NAME(arg));
}

/*
 * Prepares to look at the table of nodes, or returns NULL if there is none.  The
 * names of its columns of ids and of validity are the arguments at column_arg;
 * that of confidence is at confidence_arg, or below 0 if nobody asks.
 */
GraphStates *
vx_graph_open_states(FunctionCallInfo fcinfo, int nodes_arg, int column_arg, int confidence_arg,
					 GraphKeyKind kind, const GraphEdgesOptions *options)
{
	static const Oid key_types[] = {INT2OID, INT4OID, INT8OID, UUIDOID, TEXTOID, VARCHAROID, InvalidOid};
	static const Oid valid_types[] = {TSTZRANGEOID, InvalidOid};
	static const Oid time_types[] = {TIMESTAMPTZOID, InvalidOid};
	static const Oid version_types[] = {INT2OID, INT4OID, INT8OID, InvalidOid};
	static const Oid number_types[] = {FLOAT8OID, FLOAT4OID, NUMERICOID, InvalidOid};
	GraphStates *states;
	Relation	relation;
	const char *id_name,
			   *id,
			   *valid,
			   *version,
			   *tx,
			   *retracted,
			   *tenant,
			   *confidence = NULL;
	GraphKeyKind id_kind;
	StringInfoData query;

	if (PG_ARGISNULL(nodes_arg))
		return NULL;
	relation = vx_graph_open_relation(PG_GETARG_OID(nodes_arg));
	id_name = PG_ARGISNULL(column_arg) ? "id" : get_name(fcinfo, column_arg);
	id = find_state_column(relation, id_name, NULL, key_types, "node_id_column");
	valid = find_state_column(relation, get_name(fcinfo, column_arg + 1), "valid", valid_types,
							  "node_valid_column");
	version = find_state_column(relation, NULL, "version", version_types, NULL);
	tx = find_state_column(relation, NULL, "tx", time_types, NULL);
	retracted = find_state_column(relation, NULL, "retracted_at", time_types, NULL);
	tenant = vx_graph_tenant_condition(relation, options, "n");
	if (confidence_arg >= 0)
		confidence = find_state_column(relation, get_name(fcinfo, confidence_arg), "confidence",
									   number_types, "confidence_column");
	if (id == NULL ||
		!vx_graph_key_kind(getBaseType(get_atttype(RelationGetRelid(relation),
												   vx_graph_find_column(relation, id_name))),
						   &id_kind) ||
		id_kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("relation \"%s\" has no column of ids of the type of the edges' ends",
						RelationGetRelationName(relation)),
				 errhint("node_id_column names it.")));

	/* $1 keys, $2 the time, $3 whether only what was known at $4 counts */
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT DISTINCT ON (k.key) k.key, ");
	if (valid != NULL)
		appendStringInfo(&query, "coalesce(n.%s OPERATOR(pg_catalog.@>) $2, true)", valid);
	else if (retracted != NULL)
		appendStringInfo(&query, "coalesce(n.%s OPERATOR(pg_catalog.>) $2, true)", retracted);
	else
		appendStringInfoString(&query, "true");
	if (confidence != NULL)
		appendStringInfo(&query, ", n.%s::pg_catalog.float8", confidence);
	appendStringInfo(&query, " FROM pg_catalog.unnest($1) k(key), %s n "
					 "WHERE n.%s OPERATOR(pg_catalog.=) k.key",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												RelationGetRelationName(relation)), id);
	if (tx != NULL)
		appendStringInfo(&query, " AND (NOT $3 OR n.%s OPERATOR(pg_catalog.<=) $4)", tx);
	if (tenant != NULL)
		appendStringInfo(&query, " AND %s", tenant);
	if (valid != NULL)
	{
		appendStringInfo(&query, " AND (coalesce(n.%s OPERATOR(pg_catalog.@>) $2, true)", valid);
		if (retracted != NULL)
			appendStringInfo(&query, " OR n.%s OPERATOR(pg_catalog.<=) $2", retracted);
		appendStringInfoChar(&query, ')');
	}
	appendStringInfoString(&query, " ORDER BY k.key");
	if (version != NULL)
		appendStringInfo(&query, ", n.%s DESC", version);
	relation_close(relation, NoLock);

	states = palloc0(sizeof(GraphStates));
	states->query = query.data;
	states->kind = kind;
	states->as_of = options->as_of;
	states->known_at_given = options->known_at_given;
	states->known_at = options->known_at;
	return states;
}

/* Calls back for each of the nodes that the table has, in any order. */
void
vx_graph_read_states(GraphStates *states, const GraphKey *keys, int count,
					 GraphStateCallback callback, void *arg)
{
	Oid			types[4] = {InvalidOid, TIMESTAMPTZOID, BOOLOID, TIMESTAMPTZOID};
	Oid			key_type = states->kind == GRAPH_KEY_INT ? INT8OID :
		states->kind == GRAPH_KEY_UUID ? UUIDOID : TEXTOID;

	types[0] = vx_graph_key_array_type(states->kind);
	for (int start = 0; start < count; start += QUERY_KEYS)
	{
		Datum		values[4];
		int			result;

		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		values[0] = vx_graph_key_array(states->kind, keys + start, Min(count - start, QUERY_KEYS));
		values[1] = TimestampTzGetDatum(states->as_of);
		values[2] = BoolGetDatum(states->known_at_given);
		values[3] = TimestampTzGetDatum(states->known_at);
		result = SPI_execute_with_args(states->query, 4, types, values, NULL, true, 0);
		if (result != SPI_OK_SELECT)
			elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
		for (uint64 i = 0; i < SPI_tuptable->numvals; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			bool		isnull,
						confidence_null = true;
			GraphKey	key = vx_graph_key_from_datum(states->kind, key_type,
													  SPI_getbinval(row, desc, 1, &isnull));
			bool		valid = DatumGetBool(SPI_getbinval(row, desc, 2, &isnull));
			Datum		confidence = (Datum) 0;

			CHECK_FOR_INTERRUPTS();
			if (desc->natts > 2)
				confidence = SPI_getbinval(row, desc, 3, &confidence_null);
			callback(arg, key, valid,
					 confidence_null ? GRAPH_UNKNOWN_CONFIDENCE : DatumGetFloat8(confidence));
		}
		SPI_finish();
	}
}
