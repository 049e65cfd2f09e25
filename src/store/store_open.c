/*-------------------------------------------------------------------------
 *
 * store_open.c
 *	  Opening an index: the metapage, and what a backend remembers of an
 *	  index between calls.
 *
 * A StoreCache holds the map from page numbers to blocks and buffers, and
 * the mean.  It belongs to the backend, not to the relcache entry: a relcache
 * entry may be rebuilt by any invalidation in the middle of a scan.  Handles
 * (StoreIndex) count references; a cache that is out of date is unlinked from
 * the table at once and freed with its last handle.
 *
 * A cache is out of date when the relcache says so, when the relation has
 * other storage, or when the metapage shows another build_id: TRUNCATE in the
 * creating transaction and ON COMMIT DELETE ROWS rebuild an index under the
 * same file name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/instrument.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "store/store.h"
#include "store/store_peek.h"

/*
 * Every so often a page is pinned through the buffer table although its
 * buffer is known: ReadRecentBuffer does not raise the usage count, and the
 * clock sweep should see which pages are hot.
 */
#define USAGE_COUNT_INTERVAL 64

struct StoreCache
{
	Oid			relid;			/* hash key of the table */
	RelFileLocator locator;
	uint64		build_id;
	bool		linked;			/* in the table */
	int			references;
	MemoryContext context;
	QuantParams quant;
	Buffer		meta_buffer;	/* where the metapage was last seen */
	BlockNumber map_block;		/* map page to read next */
	uint32		map_page_no;	/* its number among the map pages */
	uint32		map_page_entries;	/* entries consumed on it */
	StoreCacheFamily families[STORE_MAX_FAMILIES];
};

typedef struct CacheTableEntry
{
	Oid			relid;
	StoreCache *cache;
} CacheTableEntry;

StoreCounters vx_store_counters;

static HTAB *cache_table = NULL;
static uint32 pin_count = 0;

void
vx_store_report_corruption(Relation index, const char *detail_format,...)
{
	va_list		args;
	char		detail[256];

	va_start(args, detail_format);
	vsnprintf(detail, sizeof(detail), detail_format, args);
	va_end(args);

	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted", RelationGetRelationName(index)),
			 errdetail_internal("%s", detail),
			 errhint("Please REINDEX it.")));
}

static void
free_unused_cache(StoreCache *cache)
{
	if (!cache->linked && cache->references == 0)
		MemoryContextDelete(cache->context);
}

static void
unlink_cache(CacheTableEntry *entry)
{
	StoreCache *cache = entry->cache;

	hash_search(cache_table, &entry->relid, HASH_REMOVE, NULL);
	cache->linked = false;
	free_unused_cache(cache);
}

/* Drop what is remembered of an index (InvalidOid: of all). */
void
vx_store_forget(Oid relid)
{
	CacheTableEntry *entry;

	if (cache_table == NULL)
		return;

	if (OidIsValid(relid))
	{
		entry = hash_search(cache_table, &relid, HASH_FIND, NULL);
		if (entry != NULL)
			unlink_cache(entry);
	}
	else
	{
		HASH_SEQ_STATUS status;

		hash_seq_init(&status, cache_table);
		while ((entry = hash_seq_search(&status)) != NULL)
			unlink_cache(entry);
	}
}

static void
invalidate_cache(Datum arg, Oid relid)
{
	vx_store_forget(relid);
}

/* Memory context callback of a handle. */
static void
release_handle(void *arg)
{
	StoreIndex *store = (StoreIndex *) arg;

	store->cache->references--;
	free_unused_cache(store->cache);
}

/*
 * Lock a pinned page.  Where the map or the metapage is damaged two pages may
 * be one block: whoever has locked the one would wait for the other for ever,
 * and could not be cancelled.
 */
void
vx_store_lock_buffer(Relation index, Buffer buffer, int mode)
{
	if (!BufferIsLocal(buffer) &&
		unlikely(LWLockHeldByMe(BufferDescriptorGetContentLock(GetBufferDescriptor(buffer - 1)))))
		vx_store_report_corruption(index, "Block %u is two pages at a time.",
								   BufferGetBlockNumber(buffer));
	LockBuffer(buffer, mode);
}

/*
 * Pin and lock the metapage and check it.  Slots of columns stay as wide as they
 * were when the index was opened: callers have allocated by that.
 */
Buffer
vx_store_lock_meta(StoreIndex *store, int mode)
{
	StoreCache *cache = store->cache;
	Buffer		buffer = cache ? cache->meta_buffer : InvalidBuffer;

	if (!store->temporary && BufferIsValid(buffer) &&
		ReadRecentBuffer(RelationLocator(store->relation), MAIN_FORKNUM,
						 STORE_META_BLOCK, buffer))
		vx_store_counters.recent_pins++;
	else
	{
		buffer = ReadBuffer(store->relation, STORE_META_BLOCK);
		vx_store_counters.slow_pins++;
	}
	if (cache)
		cache->meta_buffer = buffer;
	vx_store_lock_buffer(store->relation, buffer, mode);
	vx_store_check_meta_page(store->relation, BufferGetPage(buffer));
	if (store->quant != NULL &&
		memcmp(((StoreMetaData *) PageGetContents(BufferGetPage(buffer)))->attribute_bytes,
			   store->meta.attribute_bytes, sizeof(store->meta.attribute_bytes)) != 0)
		vx_store_report_corruption(store->relation, "The widths of attribute columns have changed.");
	return buffer;
}

/* Read the metapage anew into store->meta. */
void
vx_store_refresh_meta(StoreIndex *store)
{
	Buffer		buffer = vx_store_lock_meta(store, BUFFER_LOCK_SHARE);

	memcpy(&store->meta, PageGetContents(BufferGetPage(buffer)), sizeof(StoreMetaData));
	UnlockReleaseBuffer(buffer);
}

/*
 * Read the mean into the cache's context; NULL if the index has none.
 */
static float *
read_mean(StoreIndex *store)
{
	StoreCache *cache = store->cache;
	int			dims = store->meta.dims;
	float	   *mean;
	int			done = 0;
	int			i;

	if (!(store->meta.flags & STORE_FLAG_MEAN))
		return NULL;

	mean = MemoryContextAlloc(cache->context, sizeof(float) * dims);
	for (i = 0; done < dims; i++)
	{
		Buffer		buffer = vx_store_lock(store, STORE_MEAN, i, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);
		int			count = vx_store_slots(page, STORE_MEAN, sizeof(float));

		if (count == 0 || count > dims - done)
			vx_store_report_corruption(store->relation, "The mean has a wrong number of dimensions.");
		memcpy(mean + done, vx_store_slot(page, STORE_MEAN, sizeof(float), 0),
			   sizeof(float) * count);
		done += count;
		UnlockReleaseBuffer(buffer);
	}
	for (i = 0; i < dims; i++)
	{
		if (!isfinite(mean[i]))
			vx_store_report_corruption(store->relation, "The mean is not finite.");
	}
	return mean;
}

static StoreCache *
make_cache(Relation index)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "vecext index cache",
												  ALLOCSET_SMALL_SIZES);
	StoreCache *cache = MemoryContextAllocZero(context, sizeof(StoreCache));

	cache->context = context;
	cache->relid = RelationGetRelid(index);
	cache->locator = RelationLocator(index);
	cache->meta_buffer = InvalidBuffer;
	cache->map_block = STORE_FIRST_MAP_BLOCK;
	return cache;
}

/*
 * Open an index.  The handle lives in the current memory context.
 */
StoreIndex *
vx_store_open(Relation index)
{
	StoreIndex *store = palloc0(sizeof(StoreIndex));
	Oid			relid = RelationGetRelid(index);
	CacheTableEntry *entry;
	StoreCache *cache;
	int			i;

	if (cache_table == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(CacheTableEntry);
		ctl.hcxt = TopMemoryContext;
		cache_table = hash_create("vecext indexes", 32, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		CacheRegisterRelcacheCallback(invalidate_cache, (Datum) 0);
	}

	store->relation = index;
	store->temporary = RelationUsesLocalBuffers(index);

	/* The metapage first: it tells whether the cache is still true. */
	entry = hash_search(cache_table, &relid, HASH_FIND, NULL);
	if (entry != NULL && !RelationLocatorEquals(entry->cache->locator, RelationLocator(index)))
	{
		unlink_cache(entry);
		entry = NULL;
	}
	if (entry != NULL)
		store->cache = entry->cache;
	vx_store_refresh_meta(store);

	/* Reading may have processed invalidations: look again. */
	entry = hash_search(cache_table, &relid, HASH_FIND, NULL);
	if (entry != NULL && entry->cache->build_id != store->meta.build_id)
	{
		unlink_cache(entry);
		entry = NULL;
	}

	if (entry != NULL)
	{
		cache = entry->cache;
		cache->references++;
		store->cache = cache;
	}
	else
	{
		cache = make_cache(index);
		cache->build_id = store->meta.build_id;
		cache->references = 1;
		store->cache = cache;
	}
	store->quant = &cache->quant;
	store->codes_per_page = StoreCodesPerPage(store->meta.slot_bytes);
	for (i = 0; i < store->meta.attributes; i++)
		store->attribute_bytes += store->meta.attribute_bytes[i];
	store->release.func = release_handle;
	store->release.arg = store;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &store->release);

	if (entry == NULL)
	{
		float	   *mean;

		/* Enough for vx_store_lock to check pages of the mean */
		cache->quant.slot_bytes = store->meta.slot_bytes;
		mean = read_mean(store);
		vx_quant_init_params(&cache->quant, store->meta.quantizer, store->meta.metric,
							 store->meta.dims, mean);

		entry = hash_search(cache_table, &relid, HASH_ENTER, NULL);
		entry->cache = cache;
		cache->linked = true;
	}
	return store;
}

/*
 * Read map entries that the cache does not have yet.
 */
static void
read_map(StoreIndex *store)
{
	StoreCache *cache = store->cache;
	BlockNumber blocks;

	for (;;)
	{
		Buffer		buffer = ReadBuffer(store->relation, cache->map_block);
		Page		page = BufferGetPage(buffer);
		StoreMapHeaderData *header = (StoreMapHeaderData *) PageGetContents(page);
		StoreMapEntryData *entries = (StoreMapEntryData *) (header + 1);
		BlockNumber next;

		vx_store_counters.slow_pins++;
		vx_store_lock_buffer(store->relation, buffer, BUFFER_LOCK_SHARE);
		vx_store_check_page(store, page, STORE_KIND_MAP, cache->map_page_no);

		/* The first page of an extent is there before its entry. */
		blocks = RelationGetNumberOfBlocks(store->relation);
		while (cache->map_page_entries < header->entries)
		{
			StoreMapEntryData *entry = &entries[cache->map_page_entries];
			StoreCacheFamily *family;

			if (entry->family >= STORE_MAX_FAMILIES || entry->extent >= STORE_MAX_EXTENTS ||
				entry->start < STORE_FIRST_FREE_BLOCK || entry->start >= blocks ||
				entry->start > MaxBlockNumber - StoreExtentPages(StoreExtentFirstPage(entry->extent)))
				vx_store_report_corruption(store->relation, "A map entry has impossible values.");
			family = &cache->families[entry->family];
			if (entry->extent != family->extents)
				vx_store_report_corruption(store->relation, "Extent %u of family %u follows extent %u.",
										   entry->extent, entry->family, family->extents);
			if (family->starts == NULL)
				family->starts = MemoryContextAlloc(cache->context,
													sizeof(BlockNumber) * STORE_MAX_EXTENTS);
			family->starts[family->extents++] = entry->start;
			cache->map_page_entries++;
		}
		next = header->next_block;
		UnlockReleaseBuffer(buffer);

		if (cache->map_page_entries < STORE_MAP_ENTRIES_PER_PAGE || next == 0)
			break;
		if (next >= blocks)
			vx_store_report_corruption(store->relation, "The map goes on in block %u of %u.", next, blocks);
		cache->map_block = next;
		cache->map_page_no++;
		cache->map_page_entries = 0;
		CHECK_FOR_INTERRUPTS();
	}
}

/* What the cache knows of a family; valid as long as the handle. */
StoreCacheFamily *
vx_store_cache_family(StoreIndex *store, int family)
{
	return &store->cache->families[family];
}

/*
 * The remembered place of a published page.
 */
StorePageRef *
vx_store_page_ref(StoreIndex *store, int family_no, uint32 page_no)
{
	StoreCache *cache = store->cache;
	StoreCacheFamily *family = &cache->families[family_no];
	uint32		chunk = page_no / STORE_REFS_PER_CHUNK;
	StorePageRef *ref;

	if (unlikely(chunk >= family->chunk_count))
	{
		uint32		count = Max(chunk + 1, family->chunk_count * 2);

		if (page_no >= MaxBlockNumber)
			vx_store_report_corruption(store->relation, "Page %u of family %d does not exist.",
									   page_no, family_no);
		if (family->chunks == NULL)
			family->chunks = MemoryContextAllocZero(cache->context,
													sizeof(StorePageRef *) * count);
		else
		{
			family->chunks = repalloc(family->chunks, sizeof(StorePageRef *) * count);
			memset(family->chunks + family->chunk_count, 0,
				   sizeof(StorePageRef *) * (count - family->chunk_count));
		}
		family->chunk_count = count;
	}
	if (unlikely(family->chunks[chunk] == NULL))
	{
		StorePageRef *refs = MemoryContextAlloc(cache->context,
												sizeof(StorePageRef) * STORE_REFS_PER_CHUNK);
		int			i;

		for (i = 0; i < STORE_REFS_PER_CHUNK; i++)
		{
			refs[i].block = InvalidBlockNumber;
			refs[i].buffer = InvalidBuffer;
		}
		family->chunks[chunk] = refs;
	}

	ref = &family->chunks[chunk][page_no % STORE_REFS_PER_CHUNK];
	if (unlikely(ref->block == InvalidBlockNumber))
	{
		uint32		extent = StoreExtentOfPage(page_no);

		if (extent >= family->extents)
			read_map(store);
		if (extent >= family->extents)
			vx_store_report_corruption(store->relation, "Page %u of family %d is not on the map.",
									   page_no, family_no);
		ref->block = family->starts[extent] + StoreExtentOffset(page_no);
	}
	return ref;
}

/*
 * The buffer that a page was seen in, or if this session has not seen it, where
 * it may be: pages that were built, loaded or read in sequence are in buffers in
 * sequence, so as far from the last one as their blocks are.  InvalidBuffer if
 * that is no buffer.
 */
static Buffer
find_buffer(const StoreCacheFamily *family, const StorePageRef *ref)
{
	int64		guess = (int64) family->last.buffer + ref->block - family->last.block;

	if (likely(BufferIsValid(ref->buffer)))
		return ref->buffer;
	return BufferIsValid(family->last.buffer) && guess > 0 && guess <= NBuffers ?
		(Buffer) guess : InvalidBuffer;
}

/*
 * Pin a published page, by way of the remembered buffer, or of a guess, where
 * possible: the server compares the tag, and asking the table of buffers takes
 * five times as long (README.md).
 */
Buffer
vx_store_pin(StoreIndex *store, int family_no, uint32 page_no)
{
	StorePageRef *ref = vx_store_page_ref(store, family_no, page_no);
	StoreCacheFamily *family = vx_store_cache_family(store, family_no);
	Buffer		buffer = find_buffer(family, ref);

	if (likely(BufferIsValid(buffer) && !store->temporary &&
			   ++pin_count % USAGE_COUNT_INTERVAL != 0 &&
			   ReadRecentBuffer(RelationLocator(store->relation), MAIN_FORKNUM,
								ref->block, buffer)))
	{
		vx_store_counters.recent_pins++;
		ref->buffer = buffer;
		return buffer;
	}

	buffer = ReadBuffer(store->relation, ref->block);
	ref->buffer = buffer;
	family->last = *ref;
	vx_store_counters.slow_pins++;
	return buffer;
}

/*
 * Ask for a published page that will be compared next: its buffer's header, and
 * the lines by which a page is judged, the first and the last.  Returns where its
 * bytes may be, to be asked for, never to be read; NULL if nobody knows.
 */
const char *
vx_store_ask_page(StoreIndex *store, int family_no, uint32 page_no)
{
	StorePageRef ref;
	const char *bytes;

	if (store->temporary || page_no >= store->meta.families[family_no].pages)
		return NULL;
	ref = *vx_store_page_ref(store, family_no, page_no);
	ref.buffer = find_buffer(vx_store_cache_family(store, family_no), &ref);
	if (!BufferIsValid(ref.buffer))
		return NULL;
	bytes = vx_store_prefetch_ref(&ref);
	vx_prefetch(bytes);
	vx_prefetch(bytes + BLCKSZ - 1);
	return bytes;
}

/*
 * Pin, lock and check a published page.
 */
Buffer
vx_store_lock(StoreIndex *store, int family, uint32 page_no, int mode)
{
	Buffer		buffer = vx_store_pin(store, family, page_no);

	vx_store_lock_buffer(store->relation, buffer, mode);
	vx_store_check_page(store, BufferGetPage(buffer), family, page_no);
	if (store->snapshot != NULL)
		vx_test_old_snapshot(store->snapshot, store->relation, BufferGetPage(buffer));
	return buffer;
}

/*
 * Pin and check a published page of slots that never change while somebody may
 * see their rows: no lock.  Slots may be added meanwhile, and those that nobody
 * sees may be given to others, so what is read of them may be torn.
 */
Buffer
vx_store_pin_immutable(StoreIndex *store, int family, uint32 page_no)
{
	Buffer		buffer = vx_store_pin(store, family, page_no);

	/*
	 * Replay makes a buffer of zeros valid before it fills it, and who asks
	 * for the page's LSN needs the lock, too.
	 */
	if (unlikely(RecoveryInProgress() || (store->snapshot != NULL && vx_snapshots_grow_old())))
	{
		vx_store_lock_buffer(store->relation, buffer, BUFFER_LOCK_SHARE);
		if (store->snapshot != NULL)
			vx_test_old_snapshot(store->snapshot, store->relation, BufferGetPage(buffer));
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	}
	vx_store_check_page(store, BufferGetPage(buffer), family, page_no);
	return buffer;
}

/*
 * Copy the first length bytes of a slot, under its page's lock.  Returns false
 * if the page has no such slot.
 */
bool
vx_store_copy_slot(StoreIndex *store, int family, uint32 page_no, uint32 slot,
				   Size slot_bytes, Size length, void *copy)
{
	Buffer		buffer = vx_store_lock(store, family, page_no, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	bool		found = slot < vx_store_slots(page, family, slot_bytes);

	if (found)
		memcpy(copy, vx_store_slot(page, family, slot_bytes, slot), length);
	UnlockReleaseBuffer(buffer);
	return found;
}

/*
 * Copy a node's slot.  Returns false if there is no such node; pages newer than
 * the metapage as we know it are looked for.
 */
bool
vx_store_read_node(StoreIndex *store, uint32 node, StoreNodeData *copy)
{
	uint32		page_no = node / STORE_NODES_PER_PAGE;

	if (page_no >= store->meta.families[STORE_NODE].pages)
		vx_store_refresh_meta(store);
	return page_no < store->meta.families[STORE_NODE].pages &&
		vx_store_copy_slot(store, STORE_NODE, page_no, node % STORE_NODES_PER_PAGE,
						   sizeof(StoreNodeData), sizeof(StoreNodeData), copy);
}

/*
 * The same as vx_store_copy_slot by a peek where one succeeds: then the copy may be torn, and if the
 * page has no such slot, it is zeros, which is what lies behind the slots in
 * use: no list, a code of incarnation 0, which no node has, no value.
 */
bool
vx_store_peek_slot(StoreIndex *store, int family, uint32 page_no, uint32 slot,
				   Size slot_bytes, Size length, void *copy)
{
	const RelFileLocator *locator = &RelationLocator(store->relation);

	if (vx_store_may_peek(store))
	{
		StorePageRef *ref = vx_store_find_ref(vx_store_cache_family(store, family), page_no);
		const char *bytes = ref == NULL ? NULL : vx_store_peek_begin(locator, ref);

		if (bytes != NULL)
		{
			memcpy(copy, bytes + StoreFamilyStart(family) + slot * slot_bytes, length);
			if (vx_store_peek_end(locator, ref))
			{
				vx_store_touch_ref(ref);
				return true;
			}
		}
	}
	return vx_store_copy_slot(store, family, page_no, slot, slot_bytes, length, copy);
}

/*
 * Before page page_no is read in sequence: if pages have lately come from
 * disk, ask for the next ones, up to end.  (Bringing a resident next page
 * into the CPU's caches from here was tried: it gained nothing at 784-d and
 * lost a tenth at 100-d, the kernels prefetch better themselves.)
 */
void
vx_store_prefetch(StoreIndex *store, int family, uint32 page_no, uint32 end)
{
	int64		reads = pgBufferUsage.shared_blks_read + pgBufferUsage.local_blks_read;

	if (reads == store->reads_seen || effective_io_concurrency == 0)
		return;
	store->reads_seen = reads;
	end = Min(end, page_no + 1 + effective_io_concurrency);
	if (store->prefetched <= page_no || store->prefetched > end)
		store->prefetched = page_no + 1;
	for (; store->prefetched < end; store->prefetched++)
		PrefetchBuffer(store->relation, MAIN_FORKNUM,
					   vx_store_page_ref(store, family, store->prefetched)->block);
}
