/*-------------------------------------------------------------------------
 *
 * am_toast.c
 *	  Reading many TOASTed vectors in a row.
 *
 * The server opens the TOAST table and its index anew for each value, and a
 * value is read twice: for the distance that the scan sorts by, and when the
 * executor computes the same distance for the target list.  Here both stay
 * open for as long as the scan, and the values read last are kept where the
 * distance functions look first (type_recent.c).  No buffer stays pinned between
 * two values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "am/am_rank.h"

struct AmToast
{
	Relation	table;			/* NULL: nothing is open */
	Relation   *indexes;
	int			index_count;
	SnapshotData snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	MemoryContext parent;
	MemoryContext context;		/* of what is open */
	TypeRecent *recent;
};

AmToast *
vx_am_begin_toast(void)
{
	AmToast    *toast = palloc0(sizeof(AmToast));

	toast->parent = CurrentMemoryContext;
	return toast;
}

void
vx_am_end_toast(AmToast *toast)
{
	if (toast->table != NULL)
	{
		index_endscan(toast->scan);
		ExecDropSingleTupleTableSlot(toast->slot);
		toast_close_indexes(toast->indexes, toast->index_count, AccessShareLock);
		table_close(toast->table, AccessShareLock);
		MemoryContextDelete(toast->context);
	}
	pfree(toast);
}

static void
open_table(AmToast *toast, Oid relid)
{
	MemoryContext context = AllocSetContextCreate(toast->parent, "vecext TOAST",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Relation	table = table_open(relid, AccessShareLock);
	int			valid = toast_open_indexes(table, AccessShareLock, &toast->indexes,
										   &toast->index_count);

	toast->context = context;
	toast->recent = vx_type_begin_recent();
	toast->slot = table_slot_create(table, NULL);
	toast->scan = vx_index_beginscan(table, toast->indexes[valid],
									 vx_toast_snapshot(&toast->snapshot), 1, 0);
	toast->table = table;
	MemoryContextSwitchTo(old_context);
}

/*
 * Copy a value's chunks to data.  False if they are not what the pointer says:
 * the server's own way knows what to complain of.
 */
static bool
read_chunks(AmToast *toast, Oid value, int32 bytes, char *data)
{
	ScanKeyData key;
	int32		done = 0;
	int32		expected = 0;

	(void) vx_toast_snapshot(&toast->snapshot);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	index_rescan(toast->scan, &key, 1, NULL, 0);
	while (index_getnext_slot(toast->scan, ForwardScanDirection, toast->slot))
	{
		bool		isnull[2];
		int32		number = DatumGetInt32(slot_getattr(toast->slot, 2, &isnull[0]));
		struct varlena *chunk = (struct varlena *)
			DatumGetPointer(slot_getattr(toast->slot, 3, &isnull[1]));
		int32		length;

		if (isnull[0] || isnull[1] || number != expected++ ||
			VARATT_IS_EXTERNAL(chunk) || VARATT_IS_COMPRESSED(chunk))
			return false;
		length = VARSIZE_ANY_EXHDR(chunk);
		if (length > bytes - done)
			return false;
		memcpy(data + done, VARDATA_ANY(chunk), length);
		done += length;
	}
	return done == bytes;
}

Vector *
vx_am_fetch_vector(AmToast *toast, Datum value)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(value);
	struct varatt_external external;
	Vector	   *vector;
	int32		bytes;
	bool		whole;

	if (!VARATT_IS_EXTERNAL_ONDISK(pointer))
		return DatumGetVector(value);
	VARATT_EXTERNAL_GET_POINTER(external, pointer);
	if (VARATT_EXTERNAL_IS_COMPRESSED(external))
		return DatumGetVector(value);
	if (toast->table == NULL)
		open_table(toast, external.va_toastrelid);
	if (RelationGetRelid(toast->table) != external.va_toastrelid ||
		toast->table->rd_rel->relam != HEAP_TABLE_AM_OID)
		return DatumGetVector(value);

	bytes = VARATT_EXTERNAL_GET_EXTSIZE(external);
	vector = palloc(bytes + VARHDRSZ);
	SET_VARSIZE(vector, bytes + VARHDRSZ);
	whole = read_chunks(toast, external.va_valueid, bytes, VARDATA(vector));
	ExecClearTuple(toast->slot);
	index_rescan(toast->scan, NULL, 1, NULL, 0);	/* lets go of its pins */
	if (!whole)
		return DatumGetVector(value);
	vx_type_remember_vector(toast->recent, &external, vector);
	return vector;
}
