/*-------------------------------------------------------------------------
 *
 * store_peek.h
 *	  Reading pages of shared buffers without a pin.
 *
 * Pinning a resident page costs a hash lookup and two or three atomic
 * operations on shared cache lines, about 1 us when the page is cold in the
 * CPU's caches.  A *peek* reads the bytes first and asks afterwards whether
 * they were the right ones:
 *
 *		begin: the buffer's header says valid, not locked, and our page
 *		... read bytes of the page ...
 *		end: the header still says so; else forget the bytes, use a pin
 *
 * The rules (numbers are design rules):
 * - R5: all five fields of the tag are compared, since CREATE DATABASE copies
 *	 file numbers and forks share block numbers.  Order: state and tag, read
 *	 barrier, bytes, read barrier, state and tag.
 * - R6: a page that is evicted and read back between begin and end passes
 *	 both.  Its bytes may be torn.  Callers keep the time between begin and
 *	 end short (STORE_PEEK_MAX_NANOSECONDS), and never emit a row by what a peek
 *	 gave alone: the emission check is made under the row page's lock, and
 *	 what the executor is told of distances is computed under the code page's.
 * - R7: what was read may be torn even when nothing moved, for a writer may
 *	 be at work: ids are checked against ranges, floats against NaN.
 * - On a standby a page may be zeros for a moment, with a header that says
 *	 nothing of it (vx_store_may_trust_peek).
 * - Local buffers and servers with few buffers are never peeked at.
 *
 * Nothing else depends on how the server keeps its buffers' headers; the names
 * of the tag's fields are in base_compat.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_STORE_PEEK_H
#define VX_STORE_PEEK_H

#include "access/xlog.h"
#include "executor/instrument.h"
#include "portability/instr_time.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/memdebug.h"
#include "utils/snapmgr.h"

#include "base/base_debug.h"
#include "base/base_prefetch.h"
#include "store/store.h"

/* vecext.buffer_peek, superuser only: tests compare both paths */
extern bool vx_store_buffer_peek;

/*
 * With fewer buffers than this the clock sweep may come round within a peek:
 * then pages are pinned.
 */
#define STORE_PEEK_MIN_BUFFERS 512

/* Pages of a lower usage count are touched (a pin raises it to 5 at most). */
#define STORE_PEEK_USAGE 3

/* A batch of peeks that took longer is repeated with pins. */
#define STORE_PEEK_MAX_NANOSECONDS 10000

/*
 * True if the remembered buffer holds the page, as far as one can tell
 * without a pin.
 */
static inline bool
vx_store_peek_check(const RelFileLocator *locator, const StorePageRef *ref)
{
	BufferDesc *descriptor = GetBufferDescriptor(ref->buffer - 1);
	uint32		state = pg_atomic_read_u32(&descriptor->state);

	return (state & (BM_VALID | BM_TAG_VALID | BM_LOCKED)) == (BM_VALID | BM_TAG_VALID) &&
		vx_buffer_tag_matches(&descriptor->tag, locator, MAIN_FORKNUM, ref->block);
}

/*
 * The remembered place of a page, or NULL if the page has not been read yet
 * (vx_store_pin makes one).
 */
static inline StorePageRef *
vx_store_find_ref(const StoreCacheFamily *family, uint32 page_no)
{
	uint32		chunk = page_no / STORE_REFS_PER_CHUNK;
	StorePageRef *ref;

	if (unlikely(chunk >= family->chunk_count || family->chunks[chunk] == NULL))
		return NULL;
	ref = &family->chunks[chunk][page_no % STORE_REFS_PER_CHUNK];
	return likely(BufferIsValid(ref->buffer)) ? ref : NULL;
}

/* Bring the buffer's header into the CPU's caches, and where its bytes are. */
static inline const char *
vx_store_prefetch_ref(const StorePageRef *ref)
{
	vx_prefetch(GetBufferDescriptor(ref->buffer - 1));
	return (const char *) BufferGetBlock(ref->buffer);
}

/*
 * Ask for a slot that will be peeked at: its page's buffer header, and its bytes.
 */
static inline void
vx_store_ask_slot(StoreIndex *store, int family, uint32 page_no, uint32 slot, Size slot_bytes)
{
	const StorePageRef *ref = vx_store_find_ref(vx_store_cache_family(store, family), page_no);

	if (ref != NULL)
		vx_prefetch(vx_store_prefetch_ref(ref) + StoreFamilyStart(family) + slot * slot_bytes);
}

/*
 * Let the clock sweep see that the page is in use (R8): a peek does not raise
 * the usage count.  One attempt, only for pages that look cold; what is
 * compared and swapped is all of the header's state, as PinBuffer() does it.
 */
static inline void
vx_store_touch_ref(const StorePageRef *ref)
{
	BufferDesc *descriptor = GetBufferDescriptor(ref->buffer - 1);
	uint32		state = pg_atomic_read_u32(&descriptor->state);

	if (unlikely(BUF_STATE_GET_USAGECOUNT(state) < STORE_PEEK_USAGE) &&
		(state & (BM_VALID | BM_LOCKED)) == BM_VALID)
		pg_atomic_compare_exchange_u32(&descriptor->state, &state, state + BUF_USAGECOUNT_ONE);
}

/*
 * Begin to peek: the page's bytes, or NULL if a pin is needed.  The server tells
 * valgrind that nobody reads pages without a pin; besides, walks along edges do
 * (graph_descent.c).
 */
static inline const char *
vx_store_peek_begin(const RelFileLocator *locator, const StorePageRef *ref)
{
	if (!BufferIsValid(ref->buffer) || !vx_store_peek_check(locator, ref))
		return NULL;
	pg_read_barrier();
	VALGRIND_MAKE_MEM_DEFINED(BufferGetBlock(ref->buffer), BLCKSZ);
	return (const char *) BufferGetBlock(ref->buffer);
}

/*
 * End: true if what was read since begin was this page's.  Counts the page as
 * a buffer hit, which it was.
 */
static inline bool
vx_store_peek_end(const RelFileLocator *locator, const StorePageRef *ref)
{
	pg_read_barrier();
	if (likely(vx_store_peek_check(locator, ref)))
	{
		vx_store_counters.peeks++;
		pgBufferUsage.shared_blks_hit++;
		return true;
	}
	vx_store_counters.peek_misses++;
	return false;
}

/*
 * True if an index may be peeked at in this server.  The debug point lets tests
 * have pages replaced under peeks.  Where snapshots grow too old, pages that a
 * scan reads are tested for that when they are locked.
 */
static inline bool
vx_store_may_peek(const StoreIndex *store)
{
	return vx_store_buffer_peek && !store->temporary &&
		(store->snapshot == NULL || !vx_snapshots_grow_old()) &&
		(NBuffers >= STORE_PEEK_MIN_BUFFERS || VX_DEBUG_NAMED("store-peek-anyway"));
}

/*
 * The same where the answer would be wrong for good if a page were zeros: replay
 * of a page's image makes a buffer of zeros valid first, and fills it under its
 * lock, which a peek does not see.  (What a walk misses so, it goes around.)
 */
static inline bool
vx_store_may_trust_peek(const StoreIndex *store)
{
	return vx_store_may_peek(store) && !RecoveryInProgress();
}

#endif							/* VX_STORE_PEEK_H */
