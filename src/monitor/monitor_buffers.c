/*-------------------------------------------------------------------------
 *
 * monitor_buffers.c
 *	  How this session has read index pages.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"

#include "store/store.h"

PG_FUNCTION_INFO_V1(vecext_buffer_counters);
Datum
vecext_buffer_counters(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(vx_store_counters.peeks);
	values[1] = Int64GetDatum(vx_store_counters.peek_misses);
	values[2] = Int64GetDatum(vx_store_counters.recent_pins);
	values[3] = Int64GetDatum(vx_store_counters.slow_pins);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
