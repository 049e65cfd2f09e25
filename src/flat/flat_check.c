/*-------------------------------------------------------------------------
 *
 * flat_check.c
 *	  flat_index_check() judges a flat index, flat_index_info() shows it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "am/am_inspect.h"
#include "flat/flat.h"

PG_FUNCTION_INFO_V1(vecext_flat_index_check);
Datum
vecext_flat_index_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			index_oid = PG_GETARG_OID(0);
	bool		with_heap = PG_GETARG_BOOL(1);
	Relation	heap;
	Relation	index;
	StoreIndex *store;
	LOCKMODE	lock_mode;
	AmReport	report;

	InitMaterializedSRF(fcinfo, 0);
	report.result = result;

	lock_mode = vx_am_open_for_check(index_oid, "flat", true, &heap, &index);
	store = vx_store_open(index);
	vx_am_check_columns(vx_am_open_columns(index), store);
	vx_store_check(store, vx_am_report_row, &report);
	if (with_heap)
		vx_am_check_heap(heap, index, store, &report);
	vx_am_close_after_check(heap, index, lock_mode);

	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(vecext_flat_index_info);
Datum
vecext_flat_index_info(PG_FUNCTION_ARGS)
{
	Oid			index_oid = PG_GETARG_OID(0);
	Relation	heap;
	Relation	index;
	LOCKMODE	lock_mode;
	TupleDesc	desc;
	Datum		values[AM_INFO_COLUMNS];
	bool		nulls[AM_INFO_COLUMNS] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	lock_mode = vx_am_open_for_check(index_oid, "flat", false, &heap, &index);
	vx_am_fill_info(vx_store_open(index), values, nulls);
	vx_am_close_after_check(heap, index, lock_mode);

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
