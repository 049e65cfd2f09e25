/*-------------------------------------------------------------------------
 *
 * context_edge.c
 *	  Edges: typed, weighted, valid for a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "base/base_compat.h"
#include "context/context.h"

#define EDGE_COLUMNS \
	"e.id, e.src, e.dst, e.type, e.weight, e.properties, e.valid, e.tx, e.invalidated_at, e.source_id"

/* edge_put's arguments, with the source's id as the last */
static const ContextStatement insert_edge = {
	"INSERT INTO {ns}.edge AS e (src, dst, type, weight, properties, valid, id, source_id, tx) "
	"SELECT $1, $2, $3, coalesce($4, 1), coalesce($5, '{}'), coalesce($6, tstzrange(now(), NULL)), "
	"coalesce($7, gen_random_uuid()), $8, clock_timestamp(){tenant_set} RETURNING e.id",
	8, {UUIDOID, UUIDOID, TEXTOID, FLOAT8OID, JSONBOID, TSTZRANGEOID, UUIDOID, UUIDOID}, false
};

static const ContextStatement get_edge = {
	"SELECT " EDGE_COLUMNS " FROM {ns}.edge e WHERE e.id = $1{tenant e}",
	1, {UUIDOID}, false
};

#define LIST_EDGES(condition) { \
	"SELECT " EDGE_COLUMNS " FROM {ns}.edge e WHERE " condition "{tenant e} " \
	"AND ($2 IS NULL OR e.type = ANY ($2)) " \
	"AND e.valid @> $3 AND (e.invalidated_at IS NULL OR e.invalidated_at > $3) " \
	"ORDER BY e.tx, e.id LIMIT $4", \
	4, {UUIDOID, TEXTARRAYOID, TIMESTAMPTZOID, INT4OID}, true}

static const ContextStatement list_all = LIST_EDGES("$1 IS NULL");
static const ContextStatement list_out = LIST_EDGES("e.src = $1");
static const ContextStatement list_in = LIST_EDGES("e.dst = $1");
static const ContextStatement list_both = LIST_EDGES("(e.src = $1 OR e.dst = $1)");

static const ContextStatement invalidate_edge = {
	"UPDATE {ns}.edge e SET invalidated_at = least(e.invalidated_at, $2) "
	"WHERE e.id = $1{tenant e} RETURNING e.invalidated_at",
	2, {UUIDOID, TIMESTAMPTZOID}, false
};

static const char *const id_name[] = {"id"};

PG_FUNCTION_INFO_V1(vecext_edge_put);
Datum
vecext_edge_put(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"src", "dst", "type"};
	ContextSpace space;
	Datum		values[8];
	bool		nulls[8];
	Datum		result;
	bool		isnull;

	vx_context_require_args(fcinfo, 3, names);
	vx_context_open_space(fcinfo, &space, false);
	for (int i = 0; i < 8; i++)
	{
		nulls[i] = PG_ARGISNULL(i + 1);
		values[i] = nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(i + 1);
	}
	if (!nulls[7])
		values[7] = vx_context_find_source(&space, values[7], true);
	(void) vx_context_run(&space, &insert_edge, values, nulls);
	result = vx_context_take_value(&space, 0, UUIDOID, &isnull);
	vx_context_close_space();
	return result;
}

PG_FUNCTION_INFO_V1(vecext_edge_get);
Datum
vecext_edge_get(PG_FUNCTION_ARGS)
{
	ContextSpace space;

	vx_context_open_space(fcinfo, &space, true);
	(void) vx_context_run_args(fcinfo, &space, &get_edge);
	vx_context_return_rows(fcinfo, &space);
	vx_context_close_space();
	return (Datum) 0;
}

/* edge_list(namespace, node, direction, edge_types, as_of, max_rows) */
PG_FUNCTION_INFO_V1(vecext_edge_list);
Datum
vecext_edge_list(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	const ContextStatement *statement = &list_all;
	const char *direction = PG_ARGISNULL(2) ? "both" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	Datum		values[4];
	bool		nulls[4];

	if (strcmp(direction, "out") == 0)
		statement = &list_out;
	else if (strcmp(direction, "in") == 0)
		statement = &list_in;
	else if (strcmp(direction, "both") == 0)
		statement = &list_both;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid direction: \"%s\"", direction),
				 errdetail("Valid directions are \"out\", \"in\" and \"both\".")));
	if (PG_ARGISNULL(1))
		statement = &list_all;
	vx_context_check_max_rows(fcinfo, 5);

	vx_context_open_space(fcinfo, &space, true);
	for (int i = 0; i < 4; i++)
	{
		int			arg = i == 0 ? 1 : i + 2;

		nulls[i] = PG_ARGISNULL(arg);
		values[i] = nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(arg);
	}
	if (nulls[2])
		values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	nulls[2] = false;
	(void) vx_context_run(&space, statement, values, nulls);
	vx_context_return_rows(fcinfo, &space);
	vx_context_close_space();
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(vecext_edge_invalidate);
Datum
vecext_edge_invalidate(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	Datum		values[2];
	Datum		result;
	bool		isnull;

	vx_context_require_args(fcinfo, 1, id_name);
	vx_context_open_space(fcinfo, &space, false);
	values[0] = PG_GETARG_DATUM(1);
	values[1] = PG_ARGISNULL(2) ? TimestampTzGetDatum(GetCurrentTimestamp()) :
		PG_GETARG_DATUM(2);
	if (vx_context_run(&space, &invalidate_edge, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("edge %s does not exist",
						DatumGetCString(DirectFunctionCall1(uuid_out, values[0])))));
	result = vx_context_take_value(&space, 0, TIMESTAMPTZOID, &isnull);
	vx_context_close_space();
	return result;
}
