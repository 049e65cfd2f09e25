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
 * remembers where it has found the chunks of a value, and in which buffers.  A
 * place is a guess: it counts if a chunk that SnapshotToast accepts lies there
 * and says that it is the expected one of this value.  An identifier is given to
 * another value only when no chunk of the old one is left, so such a chunk is
 * what the B-tree would lead to; if it is not there, the B-tree is asked.  Chunks
 * in their places are copied from their pages, without a slot between: two of a
 * value are mostly on one page.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "am/am_rank.h"
#include "base/base_compat.h"

/* Chunks of a value whose places are kept: 2,000 dimensions with 8 kB pages */
#define PLACE_CHUNKS 4
/* Values whose places are kept, 48 bytes each: at first, and at most */
#define MIN_PLACES 1024
#define MAX_PLACES 65536

typedef struct ChunkPlaces
{
	Oid			table;
	Oid			value;			/* InvalidOid: nothing is known */
	ItemPointerData chunks[PLACE_CHUNKS];
	Buffer		buffers[PLACE_CHUNKS];	/* that they were in, or InvalidBuffer */
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
	SnapshotData room;			/* for snapshot, where the server has none for
								 * all */
	Snapshot	snapshot;
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
	toast->snapshot = vx_toast_snapshot(&toast->room);
	toast->scan = vx_index_beginscan(table, toast->indexes[valid], toast->snapshot, 1, 0);
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
 * Add a chunk to the data read so far.  False if it is not stored as chunks are,
 * or does not fit.
 */
static bool
append_chunk(const struct varlena *chunk, int32 bytes, char *data, int32 *done)
{
	int32		length;

	if (VARATT_IS_EXTERNAL(chunk) || VARATT_IS_COMPRESSED(chunk))
		return false;
	length = VARSIZE_ANY_EXHDR(chunk);
	if (length > bytes - *done)
		return false;
	memcpy(data + *done, VARDATA_ANY(chunk), length);
	*done += length;
	return true;
}

/*
 * Add the chunk in the slot, if it is the one with this number.
 */
static bool
append_slot(AmToast *toast, int32 number, int32 bytes, char *data, int32 *done)
{
	bool		isnull[2];
	int32		found = DatumGetInt32(slot_getattr(toast->slot, 2, &isnull[0]));
	Datum		chunk = slot_getattr(toast->slot, 3, &isnull[1]);

	return !isnull[0] && !isnull[1] && number == found &&
		append_chunk((struct varlena *) DatumGetPointer(chunk), bytes, data, done);
}

/*
 * Add the chunk that lies at an offset of a page, locked, if it is the one of
 * this value with this number.
 */
static bool
append_item(AmToast *toast, Buffer buffer, ItemPointer tid, Oid value, int32 number,
			int32 bytes, char *data, int32 *done)
{
	TupleDesc	desc = RelationGetDescr(toast->table);
	Page		page = BufferGetPage(buffer);
	OffsetNumber offset = ItemPointerGetOffsetNumber(tid);
	HeapTupleData tuple;
	ItemId		item;
	Datum		values[3];
	bool		isnull[3];
	const struct varlena *chunk;
	int			i;

	if (offset < FirstOffsetNumber || offset > PageGetMaxOffsetNumber(page))
		return false;
	item = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(item))
		return false;
	tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_len = ItemIdGetLength(item);
	tuple.t_tableOid = RelationGetRelid(toast->table);
	tuple.t_self = *tid;
	if (!HeapTupleSatisfiesVisibility(&tuple, toast->snapshot, buffer))
		return false;
	for (i = 0; i < 3; i++)
	{
		values[i] = heap_getattr(&tuple, i + 1, desc, &isnull[i]);
		if (isnull[i])
			return false;
	}
	chunk = (const struct varlena *) DatumGetPointer(values[2]);
	return DatumGetObjectId(values[0]) == value && DatumGetInt32(values[1]) == number &&
		(const char *) chunk + VARSIZE_ANY(chunk) <= (const char *) tuple.t_data + tuple.t_len &&
		append_chunk(chunk, bytes, data, done);
}

/*
 * Copy a value's chunks to data from where they were last time.  False if they
 * are not all there.
 */
static bool
read_placed_chunks(AmToast *toast, Oid value, int32 bytes, char *data)
{
	ChunkPlaces *entry;
	BlockNumber block = InvalidBlockNumber;
	Buffer		buffer = InvalidBuffer;
	int32		done = 0;
	int			i;

	if (places == NULL)
		return false;
	entry = find_places(RelationGetRelid(toast->table), value);
	if (entry->value != value || entry->table != RelationGetRelid(toast->table))
		return false;
	toast->snapshot = vx_toast_snapshot(&toast->room);
	for (i = 0; done < bytes && i < PLACE_CHUNKS; i++)
	{
		ItemPointer tid = &entry->chunks[i];
		bool		found;

		/* The table cannot shrink while it is locked. */
		if (!ItemPointerIsValid(tid) || ItemPointerGetBlockNumber(tid) >= toast->blocks)
			break;
		if (ItemPointerGetBlockNumber(tid) != block)
		{
			if (BufferIsValid(buffer))
				ReleaseBuffer(buffer);
			block = ItemPointerGetBlockNumber(tid);
			buffer = entry->buffers[i];
			if (!BufferIsValid(buffer) || RelationUsesLocalBuffers(toast->table) ||
				!ReadRecentBuffer(RelationLocator(toast->table), MAIN_FORKNUM, block, buffer))
				buffer = ReadBuffer(toast->table, block);
			entry->buffers[i] = buffer;
		}
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		found = append_item(toast, buffer, tid, value, i, bytes, data, &done);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		if (!found)
			break;
	}
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
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

	toast->snapshot = vx_toast_snapshot(&toast->room);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	index_rescan(toast->scan, &key, 1, NULL, 0);
	while (index_getnext_slot(toast->scan, ForwardScanDirection, toast->slot))
	{
		if (!append_slot(toast, number, bytes, data, &done))
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
