/*-------------------------------------------------------------------------
 *
 * am_last_scan.c
 *	  What this session's last scan of an index has cost, for the view
 *	  vecext_last_scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/rls.h"

#include "am/am_scan.h"

#define LAST_SCAN_COLUMNS 14

const char *const vx_am_mode_names[] = {NULL, "rows", "walk", "all", "matches"};

bool
vx_am_counts_hidden_rows(Oid index)
{
	Oid			table = OidIsValid(index) ? IndexGetRelation(index, true) : InvalidOid;

	return OidIsValid(table) && check_enable_rls(table, InvalidOid, true) == RLS_ENABLED;
}

PG_FUNCTION_INFO_V1(vecext_last_scan_counters);
Datum
vecext_last_scan_counters(PG_FUNCTION_ARGS)
{
	const AmScanCounters *last = &vx_am_last_scan;
	TupleDesc	desc;
	Datum		values[LAST_SCAN_COLUMNS];
	bool		nulls[LAST_SCAN_COLUMNS] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls[0] = !OidIsValid(last->index);
	values[0] = ObjectIdGetDatum(last->index);
	nulls[1] = last->walks == 0;
	values[1] = Int32GetDatum(last->ef);
	values[2] = Int64GetDatum(last->walks);
	values[3] = Int64GetDatum(last->hops);
	values[4] = Int64GetDatum(last->distances);
	values[5] = Int64GetDatum(last->repeats);
	values[6] = Int64GetDatum(last->passes);
	values[7] = Int64GetDatum(last->candidates);
	values[8] = Int64GetDatum(last->rechecks);
	values[9] = Int64GetDatum(last->dead_rows);
	values[10] = Int64GetDatum(last->late_rows);
	values[11] = Int64GetDatum(last->rows);
	nulls[12] = nulls[13] = last->mode == AM_MODE_NONE;
	values[12] = nulls[12] ? (Datum) 0 : CStringGetTextDatum(vx_am_mode_names[last->mode]);
	values[13] = Int64GetDatum(last->matches);
	if (vx_am_counts_hidden_rows(last->index))
		nulls[7] = nulls[8] = nulls[9] = nulls[10] = nulls[11] = nulls[13] = true;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
