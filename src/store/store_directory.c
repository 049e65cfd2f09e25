/*-------------------------------------------------------------------------
 *
 * store_directory.c
 *	  The hash directory: from the hash of a code to nodes that may hold it.
 *
 * The directory is a hint.  An entry may name a node that has been freed or
 * reused since, or be missing: whoever finds a node compares its code, and a
 * miss only makes a second node for an equal vector.  So entries are never
 * removed, and the directory grows by adding a level of its own size rather
 * than by moving entries.  When a bucket is full, the next ones of its page are
 * taken; when STORE_PROBES of them are, an entry is replaced that has become
 * wrong, or, if none is found quickly, any.
 *
 * A page without entries has no buckets yet: its bytes are zero, and so are
 * empty buckets, so that they can be read all the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/lmgr.h"

#include "store/store.h"

/*
 * Pages of another level are added from the lower fill on, one with each new
 * node, and the level is used from the higher one on: between them come a
 * hundred times as many nodes as it has pages.
 */
#define GROW_PERCENT 50
#define FILL_PERCENT 60

/* Entries of full buckets that are compared with their nodes to find a wrong one */
#define MAX_COMPARED 32

/*
 * Hash of everything that must be equal for two slots to share a node.
 */
uint64
vx_store_hash_slot(const QuantParams *quant, const QuantSlotData *slot)
{
	Size		payload = vx_quant_code_bytes(quant->kind, quant->dims);
	uint64		hash = hash_bytes_extended((const unsigned char *) &slot->scale,
										   QUANT_HEADER_BYTES - offsetof(QuantSlotData, scale) +
										   payload, 0);

	/*
	 * Thousands of vectors may have the same codes and different residuals:
	 * each would be compared with all.
	 */
	if (quant->kind == QUANT_SQ8_RESIDUAL)
		hash = hash_bytes_extended(vx_quant_residual(quant, slot)->residual, quant->dims, hash);
	return hash;
}

static uint32
hash_tag(uint64 hash)
{
	return (uint32) hash;
}

/*
 * Bucket of a hash in a level of some pages: sets its page within the level,
 * returns its position on that page.
 */
uint32
vx_store_bucket(uint64 hash, uint32 pages, uint32 *page_no)
{
	uint64		bucket = (hash >> 32) % ((uint64) pages * STORE_BUCKETS_PER_PAGE);

	*page_no = bucket / STORE_BUCKETS_PER_PAGE;
	return bucket % STORE_BUCKETS_PER_PAGE;
}

/* First page of a level */
static uint32
level_start(const StoreMetaData *meta, uint32 level)
{
	uint32		start = 0;
	uint32		i;

	for (i = 0; i < level; i++)
		start += meta->directory_pages[i];
	return start;
}

uint32
vx_store_next_bucket(uint32 bucket)
{
	return (bucket + 1) % STORE_BUCKETS_PER_PAGE;
}

/*
 * True if the node's code may be shared; sets its incarnation.
 */
static bool
compare_node(StoreIndex *store, uint32 node, const QuantSlotData *slot, uint32 *incarnation)
{
	uint32		page_no = node / store->codes_per_page;
	Size		slot_bytes = store->quant->slot_bytes;
	Buffer		buffer;
	Page		page;
	bool		equal = false;

	if (page_no >= store->meta.families[STORE_CODE].pages)
		vx_store_refresh_meta(store);
	if (page_no >= store->meta.families[STORE_CODE].pages)
		return false;

	buffer = vx_store_lock(store, STORE_CODE, page_no, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	if (node % store->codes_per_page < vx_store_slots(page, STORE_CODE, slot_bytes))
	{
		QuantSlotData *other = (QuantSlotData *)
			vx_store_slot(page, STORE_CODE, slot_bytes, node % store->codes_per_page);

		if (!isnan(other->error) && vx_quant_may_share(store->quant, other, slot))
		{
			*incarnation = other->incarnation;
			equal = true;
		}
	}
	UnlockReleaseBuffer(buffer);
	return equal;
}

/*
 * Has the node of a graph lost its last row?  Its code is there until it is
 * freed, and its entry comes before those of nodes that have been made for the
 * code since.
 */
static bool
is_dead_node(StoreIndex *store, uint32 node)
{
	StoreNodeData data;

	return store->meta.link_bytes > 0 && vx_store_read_node(store, node, &data) &&
		data.state == STORE_NODE_DEAD;
}

/*
 * Look for a node whose code equals slot's.  The answer may be out of date
 * at once: the caller checks the incarnation under the node's lock.
 *
 * Remembers the nodes that entries for this code name although they do not
 * hold it.  If there is none that does, and one of them is free, a new node for
 * the code must not have its number in a graph: rows of others would find it by
 * the old entry before it is linked, and stay behind if it never is.
 */
bool
vx_store_find_equal(StoreIndex *store, uint64 hash, const QuantSlotData *slot,
					uint32 *node, uint32 *incarnation)
{
	int			level;

	store->named_count = 0;
	for (level = (int) store->meta.directory_levels - 1; level >= 0; level--)
	{
		uint32		nodes[STORE_PROBES * STORE_BUCKET_ENTRIES];
		uint32		page_no;
		uint32		bucket;
		Buffer		buffer;
		bool		full = true;
		int			count = 0;
		int			probe;
		int			i;

		bucket = vx_store_bucket(hash, store->meta.directory_pages[level], &page_no);
		buffer = vx_store_lock(store, STORE_DIRECTORY,
							   level_start(&store->meta, level) + page_no, BUFFER_LOCK_SHARE);
		for (probe = 0; probe < STORE_PROBES && full; probe++)
		{
			const StoreDirectoryEntryData *entries = (StoreDirectoryEntryData *)
				vx_store_slot(BufferGetPage(buffer), STORE_DIRECTORY, STORE_BUCKET_BYTES, bucket);

			for (i = 0; i < STORE_BUCKET_ENTRIES && full; i++)
			{
				full = entries[i].node_plus_one != 0;
				if (full && entries[i].tag == hash_tag(hash))
					nodes[count++] = entries[i].node_plus_one - 1;
			}
			bucket = vx_store_next_bucket(bucket);
		}
		UnlockReleaseBuffer(buffer);

		for (i = 0; i < count; i++)
		{
			if (compare_node(store, nodes[i], slot, incarnation) &&
				!is_dead_node(store, nodes[i]))
			{
				/* Not all entries have been looked at. */
				store->named_count = STORE_MAX_NAMED + 1;
				*node = nodes[i];
				return true;
			}
			if (store->named_count < STORE_MAX_NAMED)
				store->named[store->named_count++] = nodes[i];
			else
				store->named_count = STORE_MAX_NAMED + 1;
		}
	}
	return false;
}

/*
 * True if the nodes that there is room for would fill so much of the directory.
 */
static bool
is_filled(const StoreMetaData *meta, uint32 percent)
{
	uint64		entries = (uint64) level_start(meta, meta->directory_levels) *
		STORE_BUCKETS_PER_PAGE * STORE_BUCKET_ENTRIES;
	uint64		nodes = (uint64) meta->families[STORE_NODE].pages * STORE_NODES_PER_PAGE;

	return meta->directory_levels < STORE_MAX_DIRECTORY_LEVELS &&
		(meta->directory_levels == 0 || nodes * 100 > entries * percent);
}

/*
 * Add to the directory when the nodes outgrow it: a page of its next level, or
 * the level when all its pages are there.  One backend at a time; others go on
 * with what there is.
 */
static void
grow_directory(StoreIndex *store)
{
	const StoreMetaData *meta = &store->meta;
	uint32		pages;
	uint32		first;

	if (!is_filled(meta, GROW_PERCENT))
		return;
	/* All pages are there, and it is too early for the level? */
	first = level_start(meta, meta->directory_levels);
	pages = Max(first, 1);
	if (meta->families[STORE_DIRECTORY].pages >= first + pages && !is_filled(meta, FILL_PERCENT))
		return;

	/* Pages of the metapage's number are not locked for anything else. */
	if (!ConditionalLockPage(store->relation, STORE_META_BLOCK, ExclusiveLock))
		return;
	vx_store_refresh_meta(store);
	first = level_start(meta, meta->directory_levels);
	pages = Max(first, 1);
	if (is_filled(meta, GROW_PERCENT) && meta->families[STORE_DIRECTORY].pages < first + pages)
	{
		vx_store_add_page(store, STORE_DIRECTORY, meta->families[STORE_DIRECTORY].pages);
		vx_store_refresh_meta(store);
	}
	if (is_filled(meta, FILL_PERCENT) && meta->families[STORE_DIRECTORY].pages >= first + pages)
	{
		Buffer		meta_buffer = vx_store_lock_meta(store, BUFFER_LOCK_EXCLUSIVE);
		StoreMetaData *on_page = (StoreMetaData *) PageGetContents(BufferGetPage(meta_buffer));
		uint32		levels = meta->directory_levels + 1;
		StoreWal	wal;

		vx_store_wal_begin(&wal, store->relation);
		vx_store_wal_add(&wal, meta_buffer, false);
		vx_store_wal_put(&wal, 0, &on_page->directory_pages[levels - 1], &pages, sizeof(uint32));
		vx_store_wal_put(&wal, 0, &on_page->directory_levels, &levels, sizeof(uint32));
		vx_store_wal_finish(&wal);
		memcpy(&store->meta, on_page, sizeof(StoreMetaData));
		UnlockReleaseBuffer(meta_buffer);
	}
	UnlockPage(store->relation, STORE_META_BLOCK, ExclusiveLock);
}

/*
 * Does the node still have the code that the entry was made for?
 */
static bool
is_entry_right(StoreIndex *store, const StoreDirectoryEntryData *entry, QuantSlotData *slot)
{
	uint32		node = entry->node_plus_one - 1;
	uint32		position = node % store->codes_per_page;
	Size		slot_bytes = store->quant->slot_bytes;
	Buffer		buffer;
	Page		page;
	bool		right = false;

	if (node / store->codes_per_page >= store->meta.families[STORE_CODE].pages)
		return true;			/* newer than the metapage as we know it */
	buffer = vx_store_lock(store, STORE_CODE, node / store->codes_per_page, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	if (position < vx_store_slots(page, STORE_CODE, slot_bytes))
	{
		memcpy(slot, vx_store_slot(page, STORE_CODE, slot_bytes, position), slot_bytes);
		right = true;
	}
	UnlockReleaseBuffer(buffer);
	return right && !isnan(slot->error) &&
		hash_tag(vx_store_hash_slot(store->quant, slot)) == entry->tag;
}

/*
 * If all buckets that a new entry could be in are full, look for one that has
 * become wrong, to be replaced.
 */
static void
find_wrong_entry(StoreIndex *store, uint64 hash)
{
	StoreDirectoryEntryData entries[STORE_PROBES * STORE_BUCKET_ENTRIES];
	uint32		level = store->meta.directory_levels - 1;
	QuantSlotData *slot;
	uint32		page_no;
	uint32		bucket;
	uint32		start;
	Buffer		buffer;
	int			i;

	store->wrong_entry.node_plus_one = 0;
	if (store->meta.directory_levels == 0)
		return;
	bucket = vx_store_bucket(hash, store->meta.directory_pages[level], &page_no);
	buffer = vx_store_lock(store, STORE_DIRECTORY, level_start(&store->meta, level) + page_no,
						   BUFFER_LOCK_SHARE);
	for (i = 0; i < STORE_PROBES; i++)
	{
		StoreDirectoryEntryData *from = (StoreDirectoryEntryData *)
			vx_store_slot(BufferGetPage(buffer), STORE_DIRECTORY, STORE_BUCKET_BYTES, bucket);

		/* Buckets are filled from the front. */
		if (from[STORE_BUCKET_ENTRIES - 1].node_plus_one == 0)
			break;
		memcpy(&entries[i * STORE_BUCKET_ENTRIES], from, STORE_BUCKET_BYTES);
		bucket = vx_store_next_bucket(bucket);
	}
	UnlockReleaseBuffer(buffer);
	if (i < STORE_PROBES)
		return;

	slot = palloc(store->quant->slot_bytes);
	start = pg_prng_uint32(vx_store_random);
	for (i = 0; i < MAX_COMPARED; i++)
	{
		const StoreDirectoryEntryData *entry = &entries[(start + i) % lengthof(entries)];

		if (!is_entry_right(store, entry, slot))
		{
			store->wrong_entry = *entry;
			break;
		}
	}
	pfree(slot);
}

/*
 * Make room for a new node's entry: before the locks of its record are taken.
 */
void
vx_store_reserve_entry(StoreIndex *store, uint64 hash)
{
	grow_directory(store);
	find_wrong_entry(store, hash);
}

/*
 * Add a new node's entry in the newest level to a record in the making.
 * Returns the page's buffer, locked exclusively; invalid if there is no
 * directory yet.
 */
Buffer
vx_store_put_entry(StoreIndex *store, StoreWal *wal, uint64 hash, uint32 node)
{
	StoreDirectoryEntryData *place = NULL;
	StoreDirectoryEntryData *wrong = NULL;
	StoreDirectoryEntryData *any = NULL;
	StoreDirectoryEntryData entry;
	PageHeader	header;
	Buffer		buffer;
	uint32		level;
	uint32		page_no;
	uint32		bucket;
	uint32		chance;
	int			block;
	int			i;

	if (store->meta.directory_levels == 0)
		return InvalidBuffer;
	level = store->meta.directory_levels - 1;

	bucket = vx_store_bucket(hash, store->meta.directory_pages[level], &page_no);
	buffer = vx_store_lock(store, STORE_DIRECTORY, level_start(&store->meta, level) + page_no,
						   BUFFER_LOCK_EXCLUSIVE);
	header = (PageHeader) BufferGetPage(buffer);
	chance = pg_prng_uint32(vx_store_random) % (STORE_PROBES * STORE_BUCKET_ENTRIES);
	for (i = 0; i < STORE_PROBES * STORE_BUCKET_ENTRIES && place == NULL; i++)
	{
		StoreDirectoryEntryData *at = (StoreDirectoryEntryData *)
			vx_store_slot(BufferGetPage(buffer), STORE_DIRECTORY, STORE_BUCKET_BYTES, bucket) +
			i % STORE_BUCKET_ENTRIES;

		if (at->node_plus_one == 0)
			place = at;
		else if (memcmp(at, &store->wrong_entry, sizeof(StoreDirectoryEntryData)) == 0)
			wrong = at;
		if (i == chance)
			any = at;
		if (i % STORE_BUCKET_ENTRIES == STORE_BUCKET_ENTRIES - 1)
			bucket = vx_store_next_bucket(bucket);
	}
	if (place == NULL)
		place = wrong != NULL ? wrong : any;

	entry.tag = hash_tag(hash);
	entry.node_plus_one = node + 1;
	block = vx_store_wal_add(wal, buffer, false);
	vx_store_wal_put(wal, block, place, &entry, sizeof(entry));
	if (header->pd_lower == STORE_ALIGNED_START)
	{
		uint16		lower = STORE_ALIGNED_START + STORE_BUCKETS_PER_PAGE * STORE_BUCKET_BYTES;

		vx_store_wal_put(wal, block, &header->pd_lower, &lower, sizeof(uint16));
	}
	return buffer;
}

/*
 * Enter a new node into the newest level.
 */
void
vx_store_remember_node(StoreIndex *store, uint64 hash, uint32 node)
{
	StoreWal	wal;
	Buffer		buffer;

	vx_store_reserve_entry(store, hash);
	vx_store_wal_begin(&wal, store->relation);
	buffer = vx_store_put_entry(store, &wal, hash, node);
	if (!BufferIsValid(buffer))
		return;
	vx_store_wal_finish(&wal);
	UnlockReleaseBuffer(buffer);
}
