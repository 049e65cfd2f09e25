/*-------------------------------------------------------------------------
 *
 * context_kv.c
 *	  Keys and values with a time to live.
 *
 * Statements name every operator's schema instead of pinning search_path:
 * setting that for each call would cost as much as reading a key.  All of a
 * call's comparisons of time use one reading of the clock, passed as a
 * parameter; the transaction's time would keep expired keys alive in long
 * transactions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/base_compat.h"
#include "context/context.h"

#define LIVE(now) "(k.expires_at IS NULL OR k.expires_at {>} " now ")"

static const ContextStatement get_value = {
	"SELECT k.value FROM {ns}.kv k WHERE k.key {=} $1{tenant k} AND " LIVE("$2"),
	2, {TEXTOID, TIMESTAMPTZOID}, false
};

static const ContextStatement get_bytes = {
	"SELECT k.bytes FROM {ns}.kv k WHERE k.key {=} $1{tenant k} AND " LIVE("$2"),
	2, {TEXTOID, TIMESTAMPTZOID}, false
};

#define SET_COLUMN(column, other) \
	"INSERT INTO {ns}.kv AS k (key, " column ", expires_at) VALUES ($1, $2, $4 {+} $3) " \
	"ON CONFLICT ON CONSTRAINT kv_pkey DO UPDATE " \
	"SET " column " = EXCLUDED." column ", " other " = NULL, expires_at = EXCLUDED.expires_at{tenant_set}"

static const ContextStatement set_value = {
	SET_COLUMN("value", "bytes"),
	4, {TEXTOID, JSONBOID, INTERVALOID, TIMESTAMPTZOID}, false
};

static const ContextStatement set_bytes = {
	SET_COLUMN("bytes", "value"),
	4, {TEXTOID, BYTEAOID, INTERVALOID, TIMESTAMPTZOID}, false
};

static const ContextStatement delete_key = {
	"DELETE FROM {ns}.kv AS k WHERE k.key {=} $1{tenant k} RETURNING " LIVE("$2"),
	2, {TEXTOID, TIMESTAMPTZOID}, false
};

/* No row comes back if a live value is no number. */
static const ContextStatement increment = {
	"INSERT INTO {ns}.kv AS k (key, value, expires_at) "
	"VALUES ($1, pg_catalog.to_jsonb($2), $4 {+} $3) "
	"ON CONFLICT ON CONSTRAINT kv_pkey DO UPDATE SET bytes = NULL, "
	"value = CASE WHEN " LIVE("$4") " THEN pg_catalog.to_jsonb(k.value::pg_catalog.numeric {+} $2) "
	"ELSE EXCLUDED.value END, "
	"expires_at = CASE WHEN " LIVE("$4") " THEN k.expires_at ELSE EXCLUDED.expires_at END "
	"WHERE (pg_catalog.jsonb_typeof(k.value) {=} 'number' OR k.expires_at {<=} $4){tenant k} "
	"RETURNING k.value::pg_catalog.numeric",
	4, {TEXTOID, NUMERICOID, INTERVALOID, TIMESTAMPTZOID}, false
};

static const ContextStatement insert_absent = {
	"INSERT INTO {ns}.kv AS k (key, value, expires_at) VALUES ($1, $3, $5 {+} $4) "
	"ON CONFLICT ON CONSTRAINT kv_pkey DO UPDATE "
	"SET value = EXCLUDED.value, bytes = NULL, expires_at = EXCLUDED.expires_at "
	"WHERE k.expires_at {<=} $5{tenant k}",
	5, {TEXTOID, JSONBOID, JSONBOID, INTERVALOID, TIMESTAMPTZOID}, false
};

static const ContextStatement replace_equal = {
	"UPDATE {ns}.kv AS k SET value = $3, expires_at = $5 {+} $4 "
	"WHERE k.key {=} $1{tenant k} AND k.value {=} $2 AND " LIVE("$5"),
	5, {TEXTOID, JSONBOID, JSONBOID, INTERVALOID, TIMESTAMPTZOID}, false
};

/* Whatever row-level security shows; keys in use now are left for next time. */
static const ContextStatement delete_expired = {
	"DELETE FROM {ns}.kv WHERE ctid {=} ANY (ARRAY("
	"SELECT k.ctid FROM {ns}.kv k WHERE k.expires_at {<=} $2 "
	"ORDER BY k.expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))",
	2, {INT4OID, TIMESTAMPTZOID}, false
};

static const char *const key_only[] = {"key"};
static const char *const key_and_value[] = {"key", "value"};

/* A time to live, unless null, is longer than nothing. */
static void
check_ttl(FunctionCallInfo fcinfo, int arg)
{
	static const Interval zero = {0, 0, 0};

	if (!PG_ARGISNULL(arg) &&
		!DatumGetBool(DirectFunctionCall2(interval_gt, PG_GETARG_DATUM(arg),
										  IntervalPGetDatum(&zero))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ttl must be positive")));
}

/* Run a statement with the arguments and the time as its last parameter. */
static uint64
run_now(FunctionCallInfo fcinfo, const ContextSpace *space, const ContextStatement *statement)
{
	Datum		values[CONTEXT_MAX_ARGS];
	bool		nulls[CONTEXT_MAX_ARGS];
	int			given = statement->nargs - 1;

	for (int i = 0; i < given; i++)
	{
		nulls[i] = PG_ARGISNULL(i + 1);
		values[i] = nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(i + 1);
	}
	nulls[given] = false;
	values[given] = TimestampTzGetDatum(GetCurrentTimestamp());
	return vx_context_run(space, statement, values, nulls);
}

/*
 * The value of a key, null if there is none: as it is now, not as it was when the
 * caller's statement began.  But beside parallel workers there is no new snapshot.
 */
static Datum
read_key(FunctionCallInfo fcinfo, const ContextStatement *statement, Oid type)
{
	ContextSpace space;
	Datum		result = (Datum) 0;
	bool		isnull = true;

	vx_context_require_args(fcinfo, 1, key_only);
	vx_context_open_space(fcinfo, &space, IsInParallelMode());
	if (run_now(fcinfo, &space, statement) > 0)
		result = vx_context_take_value(&space, 0, type, &isnull);
	vx_context_close_space();
	fcinfo->isnull = isnull;
	return result;
}

static void
write_key(FunctionCallInfo fcinfo, const ContextStatement *statement)
{
	ContextSpace space;

	vx_context_require_args(fcinfo, 2, key_and_value);
	check_ttl(fcinfo, 3);
	vx_context_open_space(fcinfo, &space, false);
	(void) run_now(fcinfo, &space, statement);
	vx_context_close_space();
}

PG_FUNCTION_INFO_V1(vecext_kv_get);
Datum
vecext_kv_get(PG_FUNCTION_ARGS)
{
	return read_key(fcinfo, &get_value, JSONBOID);
}

PG_FUNCTION_INFO_V1(vecext_kv_get_bytes);
Datum
vecext_kv_get_bytes(PG_FUNCTION_ARGS)
{
	return read_key(fcinfo, &get_bytes, BYTEAOID);
}

PG_FUNCTION_INFO_V1(vecext_kv_set);
Datum
vecext_kv_set(PG_FUNCTION_ARGS)
{
	write_key(fcinfo, &set_value);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(vecext_kv_set_bytes);
Datum
vecext_kv_set_bytes(PG_FUNCTION_ARGS)
{
	write_key(fcinfo, &set_bytes);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(vecext_kv_del);
Datum
vecext_kv_del(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	bool		deleted = false;
	bool		isnull;

	vx_context_require_args(fcinfo, 1, key_only);
	vx_context_open_space(fcinfo, &space, false);
	if (run_now(fcinfo, &space, &delete_key) > 0)
		deleted = DatumGetBool(vx_context_take_value(&space, 0, BOOLOID, &isnull));
	vx_context_close_space();
	PG_RETURN_BOOL(deleted);
}

PG_FUNCTION_INFO_V1(vecext_kv_incr);
Datum
vecext_kv_incr(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"key", "increment"};
	ContextSpace space;
	Datum		result;
	bool		isnull;

	vx_context_require_args(fcinfo, 2, names);
	if (numeric_is_nan(PG_GETARG_NUMERIC(2)) || numeric_is_inf(PG_GETARG_NUMERIC(2)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("increment must be a finite number")));
	check_ttl(fcinfo, 3);
	vx_context_open_space(fcinfo, &space, false);
	if (run_now(fcinfo, &space, &increment) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("value of key \"%s\" is not a number",
						text_to_cstring(PG_GETARG_TEXT_PP(1)))));
	result = vx_context_take_value(&space, 0, NUMERICOID, &isnull);
	vx_context_close_space();
	return result;
}

PG_FUNCTION_INFO_V1(vecext_kv_cas);
Datum
vecext_kv_cas(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	uint64		changed;

	vx_context_require_args(fcinfo, 1, key_only);
	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "value")));
	check_ttl(fcinfo, 4);
	vx_context_open_space(fcinfo, &space, false);
	changed = run_now(fcinfo, &space, PG_ARGISNULL(2) ? &insert_absent : &replace_equal);
	vx_context_close_space();
	PG_RETURN_BOOL(changed > 0);
}

PG_FUNCTION_INFO_V1(vecext_kv_sweep);
Datum
vecext_kv_sweep(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	uint64		removed;

	vx_context_check_max_rows(fcinfo, 1);
	vx_context_open_space(fcinfo, &space, false);
	removed = run_now(fcinfo, &space, &delete_expired);
	vx_context_close_space();
	PG_RETURN_INT64((int64) removed);
}
