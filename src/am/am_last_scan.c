/*-------------------------------------------------------------------------
 *
 * am_last_scan.c
 *	  What this session's last scan of an index has cost, for the view
 *	  vecext_last_scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "am/am_scan.h"

#define LAST_SCAN_COLUMNS 15

const char *const vx_am_mode_names[] = {NULL, "rows", "walk", "all", "matches"};

/*
 * A table and all that it inherits from, directly or not, partitioned tables
 * among them.
 */
static List *
find_lineage(Oid table)
{
	List	   *lineage = list_make1_oid(table);
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	int			i;

	for (i = 0; i < list_length(lineage); i++)
	{
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(list_nth_oid(lineage, i)));
		scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
		while (HeapTupleIsValid(tuple = systable_getnext(scan)))
			lineage = list_append_unique_oid(lineage,
											 ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
		systable_endscan(scan);
	}
	table_close(inherits, AccessShareLock);
	return lineage;
}

/* May the user read all columns of a table? */
static bool
may_select(Oid table)
{
	bool		missing = false;

	return pg_class_aclcheck_ext(table, GetUserId(), ACL_SELECT, &missing) == ACLCHECK_OK &&
		!missing;
}

/*
 * True unless it is certain that the user may read all rows of an index's
 * table.  Policies and rights are those of the table that a query names: of a
 * partition's or child's rows it may be one above.  Who reads a table by a view or
 * a function of somebody else has no rights to it.
 */
bool
vx_am_has_hidden_rows(Oid index)
{
	Oid			table = IndexGetRelation(index, true);
	bool		readable;
	ListCell   *cell;

	if (!OidIsValid(table))
		return true;
	foreach(cell, find_lineage(table))
	{
		if (check_enable_rls(lfirst_oid(cell), InvalidOid, true) == RLS_ENABLED)
			return true;
	}

	readable = may_select(table);
	if (!readable && get_rel_relispartition(table))
	{
		foreach(cell, get_partition_ancestors(table))
			readable |= may_select(lfirst_oid(cell));
	}
	return !readable;
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
	values[14] = Int64GetDatum(last->peeks);

	/*
	 * The way of a scan tells as much as numbers of rows do: one by number =
	 * 42 makes a pass only if there is such a row.
	 */
	if (!nulls[0] && vx_am_has_hidden_rows(last->index))
		memset(nulls + 1, true, sizeof(bool) * (LAST_SCAN_COLUMNS - 1));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
