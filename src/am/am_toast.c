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
 * Most of what is left is the descent of the TOAST table's B-tree, so a backend
 * remembers where it has found the chunks of a value.  A place is a guess: it
 * counts if a chunk that SnapshotToast accepts lies there and says that it is
 * the expected one of this value.  An identifier is given to another value only
 * when no chunk of the old one is left, so such a chunk is what the B-tree
 * would lead to; if it is not there, the B-tree is asked.
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

/* Chunks of a value whose places are kept: 2,000 dimensions with 8 kB pages */
#define PLACE_CHUNKS 4
/* Values whose places are kept, 32 bytes each: at first, and at most */
#define MIN_PLACES 1024
#define MAX_PLACES 65536

typedef struct ChunkPlaces
{
	Oid			table;
	Oid			value;			/* InvalidOid: nothing is known */
	ItemPointerData chunks[PLACE_CHUNKS];
} ChunkPlaces;

/* Of this backend; a value has one entry that it may be in. */
static ChunkPlaces *places = NULL;
static uint32 place_count = 0;	/* a power of 2 */
static uint32 places_filled = 0;	/* since place_count is what it is */

struct AmToast
{
	Relation	table;			/* NULL: nothing is open */
	BlockNumber blocks;			/* it has had since it is locked, at least */
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
	toast->blocks = RelationGetNumberOfBlocks(table);
	toast->table = table;
	MemoryContextSwitchTo(old_context);
}

/*
 * The entry for a value's places.  Values are numbered in a row, mostly.
 */
static inline ChunkPlaces *
find_places(Oid table, Oid value)
{
	return &places[(value + table * 0x9E3779B1U) & (place_count - 1)];
}

/*
 * An entry to fill for a value.  All are forgotten when their number grows.
 */
static ChunkPlaces *
take_places(Oid table, Oid value)
{
	ChunkPlaces *entry;

	if (places == NULL || (places_filled >= place_count / 2 && place_count < MAX_PLACES))
	{
		uint32		count = places == NULL ? MIN_PLACES : place_count * 2;
		ChunkPlaces *wider = MemoryContextAllocZero(TopMemoryContext, count * sizeof(ChunkPlaces));

		if (places != NULL)
			pfree(places);
		places = wider;
		place_count = count;
		places_filled = 0;
	}
	places_filled++;
	entry = find_places(table, value);
	memset(entry, 0, sizeof(ChunkPlaces));
	entry->table = table;
	return entry;
}

/*
 * Add the chunk in the slot to the data read so far.  False if it is not the
 * one with this number or does not fit.
 */
static bool
append_chunk(AmToast *toast, int32 number, int32 bytes, char *data, int32 *done)
{
	bool		isnull[2];
	int32		found = DatumGetInt32(slot_getattr(toast->slot, 2, &isnull[0]));
	struct varlena *chunk = (struct varlena *)
		DatumGetPointer(slot_getattr(toast->slot, 3, &isnull[1]));
	int32		length;

	if (isnull[0] || isnull[1] || number != found ||
		VARATT_IS_EXTERNAL(chunk) || VARATT_IS_COMPRESSED(chunk))
		return false;
	length = VARSIZE_ANY_EXHDR(chunk);
	if (length > bytes - *done)
		return false;
	memcpy(data + *done, VARDATA_ANY(chunk), length);
	*done += length;
	return true;
}

/*
 * Copy a value's chunks to data from where they were last time.  False if they
 * are not all there.
 */
static bool
read_placed_chunks(AmToast *toast, Oid value, int32 bytes, char *data)
{
	const ChunkPlaces *entry;
	int32		done = 0;
	int			i;

	if (places == NULL)
		return false;
	entry = find_places(RelationGetRelid(toast->table), value);
	if (entry->value != value || entry->table != RelationGetRelid(toast->table))
		return false;
	(void) vx_toast_snapshot(&toast->snapshot);
	for (i = 0; done < bytes && i < PLACE_CHUNKS; i++)
	{
		ItemPointerData tid = entry->chunks[i];
		bool		isnull;

		/* The table cannot shrink while it is locked. */
		if (!ItemPointerIsValid(&tid) || ItemPointerGetBlockNumber(&tid) >= toast->blocks ||
			!table_tuple_fetch_row_version(toast->table, &tid, &toast->snapshot, toast->slot) ||
			DatumGetObjectId(slot_getattr(toast->slot, 1, &isnull)) != value || isnull ||
			!append_chunk(toast, i, bytes, data, &done))
			return false;
	}
	return done == bytes;
}

/*
 * Copy a value's chunks to data.  False if they are not what the pointer says:
 * the server's own way knows what to complain of.
 */
static bool
read_chunks(AmToast *toast, Oid value, int32 bytes, char *data)
{
	ChunkPlaces *entry = take_places(RelationGetRelid(toast->table), value);
	ScanKeyData key;
	int32		done = 0;
	int32		number = 0;

	(void) vx_toast_snapshot(&toast->snapshot);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	index_rescan(toast->scan, &key, 1, NULL, 0);
	while (index_getnext_slot(toast->scan, ForwardScanDirection, toast->slot))
	{
		if (!append_chunk(toast, number, bytes, data, &done))
			return false;
		if (number < PLACE_CHUNKS)
			entry->chunks[number] = toast->slot->tts_tid;
		number++;
	}
	if (done == bytes && number <= PLACE_CHUNKS)
		entry->value = value;
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
	whole = read_placed_chunks(toast, external.va_valueid, bytes, VARDATA(vector));
	if (!whole)
	{
		whole = read_chunks(toast, external.va_valueid, bytes, VARDATA(vector));
		index_rescan(toast->scan, NULL, 1, NULL, 0);	/* lets go of its pins */
	}
	ExecClearTuple(toast->slot);
	if (!whole)
		return DatumGetVector(value);
	vx_type_remember_vector(toast->recent, &external, vector);
	return vector;
}
