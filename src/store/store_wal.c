/*-------------------------------------------------------------------------
 *
 * store_wal.c
 *	  WAL records of the store: small deltas in the generic record's format.
 *
 * PostgreSQL's generic WAL API copies every page and compares the copies; an
 * insert that changes a few dozen bytes on four pages would pay for 64 kB of
 * memcpy and memcmp.  The record format itself is simple: per block a
 * sequence of (offset, length, bytes), see applyPageRedo() in
 * generic_xlog.c.  We write it directly.  What that asks of us:
 *
 * - at most four blocks, ids 0-3: generic_redo() has room for no more;
 * - pages are locked exclusively and marked dirty before they are registered,
 *	 nothing allocates memory inside the critical section;
 * - the first record of a page carries its full image, since replay may find
 *	 no page there at all;
 * - replay zeroes the hole between pd_lower and pd_upper, so nothing lives
 *	 there and a grown pd_lower is one of the fragments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/rmgr.h"
#include "access/xloginsert.h"
#include "common/pg_prng.h"
#include "miscadmin.h"

#include "store/store.h"

/*
 * An index under construction in this transaction whose changes need no
 * records, since the build logs it whole at its end.
 */
Oid			vx_store_unlogged_index = InvalidOid;

/* What chance is drawn from: a build that can be repeated has its own. */
pg_prng_state *vx_store_random = &pg_global_prng_state;

/* Fragments of the record in the making; one record at a time. */
static char fragments[STORE_WAL_BLOCKS][STORE_WAL_ROOM];

#define FRAGMENT_HEADER_BYTES (2 * sizeof(OffsetNumber))

void
vx_store_wal_begin(StoreWal *wal, Relation index)
{
	wal->index = index;
	wal->blocks = 0;
}

/*
 * Add a page to the record and return its number in it.  The buffer is
 * locked exclusively.  A fresh page may be written to directly before
 * vx_store_wal_finish: nobody else can reach it.
 */
int
vx_store_wal_add(StoreWal *wal, Buffer buffer, bool fresh)
{
	int			block = wal->blocks++;

	if (block >= STORE_WAL_BLOCKS)
		elog(ERROR, "too many pages in one index WAL record");

	wal->block[block].buffer = buffer;
	wal->block[block].fresh = fresh;
	wal->block[block].length = 0;
	return block;
}

static void
put_fragment(StoreWal *wal, int block, OffsetNumber offset, const char *data,
			 OffsetNumber length)
{
	char	   *to = fragments[block] + wal->block[block].length;

	if (wal->block[block].length + FRAGMENT_HEADER_BYTES + length > STORE_WAL_ROOM)
		elog(ERROR, "index WAL record too large");

	memcpy(to, &offset, sizeof(OffsetNumber));
	memcpy(to + sizeof(OffsetNumber), &length, sizeof(OffsetNumber));
	memcpy(to + FRAGMENT_HEADER_BYTES, data, length);
	wal->block[block].length += FRAGMENT_HEADER_BYTES + length;
}

#ifdef USE_ASSERT_CHECKING
/* Has one of a block's fragments to do with these bytes? */
static bool
overlaps(const StoreWal *wal, int block, Size offset, Size length)
{
	const char *from = fragments[block];
	const char *end = from + wal->block[block].length;

	while (from < end)
	{
		OffsetNumber other[2];	/* offset, length */

		memcpy(other, from, sizeof(other));
		if (offset < (Size) other[0] + other[1] && other[0] < offset + length)
			return true;
		from += FRAGMENT_HEADER_BYTES + other[1];
	}
	return false;
}
#endif

/*
 * Plan to overwrite length bytes at place, an address within the page.  Bytes
 * that are there already are left out, where that is worth another fragment's
 * header; so nothing may be put twice into one record.
 */
void
vx_store_wal_put(StoreWal *wal, int block, const void *place,
				 const void *data, Size length)
{
	Page		page = BufferGetPage(wal->block[block].buffer);
	Size		offset = (const char *) place - (const char *) page;
	const char *before = place;
	const char *after = data;
	Size		at = 0;

	Assert(offset + length <= BLCKSZ);
	Assert(!overlaps(wal, block, offset, length));

	while (at < length)
	{
		Size		end = at + 1;
		Size		i;

		if (before[at] == after[at])
		{
			at++;
			continue;
		}
		for (i = end; i < length && i - end <= FRAGMENT_HEADER_BYTES; i++)
		{
			if (before[i] != after[i])
				end = i + 1;
		}
		put_fragment(wal, block, offset + at, after + at, end - at);
		at = end;
	}
}

static void
apply_fragments(Page page, const char *from, int length)
{
	const char *end = from + length;

	while (from < end)
	{
		OffsetNumber offset;
		OffsetNumber fragment_length;

		memcpy(&offset, from, sizeof(OffsetNumber));
		memcpy(&fragment_length, from + sizeof(OffsetNumber), sizeof(OffsetNumber));
		from += FRAGMENT_HEADER_BYTES;
		memcpy((char *) page + offset, from, fragment_length);
		from += fragment_length;
	}
}

/*
 * Apply the changes and log them.  The locks stay with the caller.
 */
void
vx_store_wal_finish(StoreWal *wal)
{
	bool		logged = RelationNeedsWAL(wal->index) &&
		RelationGetRelid(wal->index) != vx_store_unlogged_index;
	int			i;

	START_CRIT_SECTION();

	for (i = 0; i < wal->blocks; i++)
	{
		apply_fragments(BufferGetPage(wal->block[i].buffer), fragments[i],
						wal->block[i].length);
		MarkBufferDirty(wal->block[i].buffer);
	}

	if (logged)
	{
		XLogRecPtr	lsn;

		XLogBeginInsert();
		for (i = 0; i < wal->blocks; i++)
		{
			uint8		flags = REGBUF_STANDARD;

			if (wal->block[i].fresh)
				flags |= REGBUF_FORCE_IMAGE;
			XLogRegisterBuffer(i, wal->block[i].buffer, flags);
			if (!wal->block[i].fresh && wal->block[i].length > 0)
				XLogRegisterBufData(i, fragments[i], wal->block[i].length);
		}
		lsn = XLogInsert(RM_GENERIC_ID, 0);
		for (i = 0; i < wal->blocks; i++)
			PageSetLSN(BufferGetPage(wal->block[i].buffer), lsn);
	}

	END_CRIT_SECTION();
}
