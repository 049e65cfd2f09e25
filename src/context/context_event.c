/*-------------------------------------------------------------------------
 *
 * context_event.c
 *	  The event log: appended in the transaction of the change, read without
 *	  gaps.
 *
 * Transactions end in another order than they take numbers from a sequence: a
 * reader who remembers the last number that he has seen misses what a slower
 * transaction commits later.  So each event carries the transaction number
 * that would have been given out next when it was appended, next_xid, and
 * readers see only events whose next_xid is not above the oldest transaction
 * still running (xmin of their snapshot).  An event that cannot be seen yet
 * belongs to a running transaction, whose own number is at least xmin, or to
 * a later one; its next_xid is above that number, hence above xmin.  So
 * nothing comes up later at or below xmin, and (next_xid, id) is the order of
 * the log.  It is the order of appending, whoever appends: an event that was
 * appended after seeing another's effects comes after it.
 *
 * Transaction numbers mean nothing in another cluster, where a dump may have
 * been restored.  event_clock keeps the cluster's identifier and counts eras:
 * the first append in another cluster begins a new era, and all events of
 * earlier ones are settled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/xid8.h"

#include "base/base_compat.h"
#include "context/context.h"

static const ContextStatement append_event = {
	"INSERT INTO {ns}.event (era, next_xid, type, payload, tx, origin, source_id) "
	"SELECT c.era, $5, $1, coalesce($2, '{}'), clock_timestamp(), $3, $4 "
	"FROM {ns}.event_clock c WHERE c.cluster = $6 RETURNING id{tenant_set}",
	6, {TEXTOID, JSONBOID, TEXTOID, UUIDOID, XID8OID, INT8OID}, false
};

static const ContextStatement begin_era = {
	"UPDATE {ns}.event_clock c SET era = c.era + 1, cluster = $1 WHERE c.cluster <> $1",
	1, {INT8OID}, false
};

/*
 * The horizon comes from the statement's own snapshot: a newer one would count
 * transactions as ended whose events this snapshot does not see.
 */
static const ContextStatement read_events = {
	"SELECT e.era || '-' || e.next_xid || '-' || e.id, e.id, e.type, e.payload, e.tx, e.origin, "
	"e.source_id FROM {ns}.event e "
	"WHERE (e.era, e.next_xid, e.id) > ($1, $2, $3){tenant e} "
	"AND (e.era, e.next_xid) <= (SELECT c.era, CASE WHEN c.cluster = $5 "
	"THEN pg_snapshot_xmin(pg_current_snapshot()) ELSE '18446744073709551615'::xid8 END "
	"FROM {ns}.event_clock c) "
	"ORDER BY e.era, e.next_xid, e.id LIMIT $4",
	5, {INT4OID, XID8OID, INT8OID, INT4OID, INT8OID}, false
};

static const ContextStatement put_mark = {
	"INSERT INTO {ns}.event_mark (consumer, cursor) VALUES ($1, $2){tenant_set} "
	"ON CONFLICT ON CONSTRAINT event_mark_pkey DO UPDATE "
	"SET cursor = EXCLUDED.cursor, updated_at = now()",
	2, {TEXTOID, TEXTOID}, false
};

static const ContextStatement get_mark = {
	"SELECT m.cursor FROM {ns}.event_mark m WHERE m.consumer = $1{tenant m}",
	1, {TEXTOID}, false
};

PG_FUNCTION_INFO_V1(vecext_event_append);
Datum
vecext_event_append(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"type"};
	ContextSpace space;
	Datum		values[6];
	bool		nulls[6] = {false};
	Datum		result;
	bool		isnull;

	vx_context_require_args(fcinfo, 1, names);
	vx_context_open_space(fcinfo, &space, false);
	for (int i = 0; i < 4; i++)
	{
		nulls[i] = PG_ARGISNULL(i + 1);
		values[i] = nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(i + 1);
	}
	if (!nulls[3])
		values[3] = vx_context_find_source(&space, values[3], true);

	/* next_xid must be above the number of this transaction: have one first */
	PreventCommandIfReadOnly("event_append()");
	(void) GetTopFullTransactionId();
	values[4] = FullTransactionIdGetDatum(ReadNextFullTransactionId());
	values[5] = Int64GetDatum((int64) GetSystemIdentifier());
	for (int attempt = 0; vx_context_run(&space, &append_event, values, nulls) == 0; attempt++)
	{
		CHECK_FOR_INTERRUPTS();
		if (attempt >= CONTEXT_MAX_ATTEMPTS)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table event_clock of namespace \"%s\" is empty", NameStr(space.name))));
		(void) vx_context_run(&space, &begin_era, &values[5], NULL);
	}
	result = vx_context_take_value(&space, 0, INT8OID, &isnull);
	Async_Notify(NameStr(space.name), "");
	vx_context_close_space();
	return result;
}

/*
 * A cursor is era-next_xid-id of an event, all in decimal.
 */
static void
parse_cursor(Datum cursor, int32 *era, uint64 *next_xid, int64 *id)
{
	char	   *given = TextDatumGetCString(cursor);
	const char *at = given;
	uint64		parts[3];
	static const uint64 most[] = {PG_INT32_MAX, PG_UINT64_MAX, PG_INT64_MAX};

	for (int i = 0; i < 3; i++)
	{
		uint64		value = 0;
		int			digits = 0;

		for (; *at >= '0' && *at <= '9'; at++, digits++)
		{
			if (value > (most[i] - (*at - '0')) / 10)
				goto invalid;
			value = value * 10 + (*at - '0');
		}
		if (digits == 0 || *at != (i < 2 ? '-' : '\0'))
			goto invalid;
		at++;
		parts[i] = value;
	}
	*era = (int32) parts[0];
	*next_xid = parts[1];
	*id = (int64) parts[2];
	return;

invalid:
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid cursor of an event log: \"%s\"", given)));
}

PG_FUNCTION_INFO_V1(vecext_event_since);
Datum
vecext_event_since(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	Datum		values[5];
	bool		nulls[5] = {false};
	int32		era = 0;
	uint64		next_xid = 0;
	int64		id = 0;

	vx_context_check_max_rows(fcinfo, 2);
	if (!PG_ARGISNULL(1))
		parse_cursor(PG_GETARG_DATUM(1), &era, &next_xid, &id);
	vx_context_open_space(fcinfo, &space, true);
	values[0] = Int32GetDatum(era);
	values[1] = FullTransactionIdGetDatum(FullTransactionIdFromU64(next_xid));
	values[2] = Int64GetDatum(id);
	nulls[3] = PG_ARGISNULL(2);
	values[3] = nulls[3] ? (Datum) 0 : PG_GETARG_DATUM(2);
	values[4] = Int64GetDatum((int64) GetSystemIdentifier());
	(void) vx_context_run(&space, &read_events, values, nulls);
	vx_context_return_rows(fcinfo, &space);
	vx_context_close_space();
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(vecext_event_mark);
Datum
vecext_event_mark(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"consumer", "cursor"};
	ContextSpace space;
	int32		era;
	uint64		next_xid;
	int64		id;

	vx_context_require_args(fcinfo, 2, names);
	parse_cursor(PG_GETARG_DATUM(2), &era, &next_xid, &id);
	vx_context_open_space(fcinfo, &space, false);
	(void) vx_context_run_args(fcinfo, &space, &put_mark);
	vx_context_close_space();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(vecext_event_marked);
Datum
vecext_event_marked(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	Datum		result = (Datum) 0;
	bool		isnull = true;

	vx_context_open_space(fcinfo, &space, true);
	if (vx_context_run_args(fcinfo, &space, &get_mark) > 0)
		result = vx_context_take_value(&space, 0, TEXTOID, &isnull);
	vx_context_close_space();
	fcinfo->isnull = isnull;
	return result;
}
