/*-------------------------------------------------------------------------
 *
 * graph_descent.c
 *	  Finding the leaf page of a btree index that has a key.
 *
 * From the root down, as nbtree does it, or by a leaf map, which remembers in
 * the memory of the backend where leaf pages begin.  A map may be out of date;
 * see go_by_map() for why that does no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "storage/buf_internals.h"
#include "utils/inval.h"
#include "utils/memdebug.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "base/base_prefetch.h"
#include "graph/graph_leaf.h"

/* Entries that a page has when nothing is known of it: numbers, a short text, half full */
#define ENTRIES_USUAL 200

/* ---- Where leaf pages begin ---- */

/* Indexes of which leaf pages are remembered, and the most pages of one */
#define MAPS 8
#define MAP_PAGES_MAX 65536

/* Not before so many descents, and before this share of them there are pages */
#define MAP_DESCENTS_MIN 64
#define MAP_PAGES_PER_DESCENT 8

typedef struct LeafMap
{
	Oid			index;
	RelFileLocator locator;
	uint64		used;			/* when, by map_clock */
	uint64		descents;		/* without a map, since there was one */
	int			count;			/* 0: no map yet */
	uint64	   *ranks;			/* the least key of a page, as a number */
	BlockNumber *blocks;
	Buffer	   *buffers;		/* where the page was last */
	MemoryContext context;
} LeafMap;

static LeafMap maps[MAPS];
static uint64 map_clock;
static uint64 map_resets;

static void
forget_map(LeafMap *map)
{
	if (map->context != NULL)
		MemoryContextDelete(map->context);
	memset(map, 0, sizeof(LeafMap));
}

/* The index is another now, or may be: no map of it holds. */
static void
invalidate_maps(Datum arg, Oid relid)
{
	map_resets++;
	for (int i = 0; i < MAPS; i++)
	{
		if (OidIsValid(maps[i].index) && (!OidIsValid(relid) || maps[i].index == relid))
			forget_map(&maps[i]);
	}
}

/* The place of the map of an index, which is made if there is none. */
int
vx_graph_use_map(Relation index)
{
	static bool registered = false;
	int			oldest = 0;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(invalidate_maps, (Datum) 0);
		registered = true;
	}
	for (int i = 0; i < MAPS; i++)
	{
		if (maps[i].index == RelationGetRelid(index))
		{
			if (!RelationLocatorEquals(maps[i].locator, RelationLocator(index)))
				forget_map(&maps[i]);
			else
			{
				maps[i].used = ++map_clock;
				return i;
			}
		}
		if (maps[i].used < maps[oldest].used)
			oldest = i;
	}
	forget_map(&maps[oldest]);
	maps[oldest].index = RelationGetRelid(index);
	maps[oldest].locator = RelationLocator(index);
	maps[oldest].used = ++map_clock;
	return oldest;
}

static inline uint64
rank_key(const GraphLeaves *leaves, int64 number, const char *bytes)
{
	uint64		rank;

	if (leaves->order == LEAF_UUID)
	{
		memcpy(&rank, bytes, sizeof(rank));
		rank = pg_ntoh64(rank);
	}
	else
		rank = (uint64) number ^ (UINT64CONST(1) << 63);
	return leaves->descending ? ~rank : rank;
}

/* ---- Pages ---- */

/* The key's second column and the entry's, or the first where only functions can tell */
int
vx_graph_compare_by_function(const GraphLeaves *leaves, int column, Datum value, IndexTuple tuple)
{
	int16		option = leaves->index->rd_indoption[column];
	bool		isnull;
	Datum		entry = index_getattr(tuple, column + 1, RelationGetDescr(leaves->index), &isnull);
	int			result;

	if (isnull)
		return option & INDOPTION_NULLS_FIRST ? 1 : -1;
	result = DatumGetInt32(FunctionCall2Coll(leaves->compare[column],
											 leaves->index->rd_indcollation[column], value, entry));
	result = (result > 0) - (result < 0);
	return option & INDOPTION_DESC ? -result : result;
}

/*
 * Fetches a tuple into the processor's caches, and the next: pages are filled from
 * their end, so that is before it.  The page need not be pinned.
 */
static inline void
fetch_item(Page page, OffsetNumber offset)
{
	const char *item = (const char *) page + ItemIdGetOffset(PageGetItemId(page, offset));

	vx_prefetch(item - PG_CACHE_LINE_SIZE / 2);
	vx_prefetch(item);
}

/* ---- Finding a leaf page ---- */

static Buffer
lock_page(const GraphLeaves *leaves, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(leaves->index, block);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	_bt_checkpage(leaves->index, buffer);
	vx_test_old_snapshot(leaves->edges->snapshot, leaves->index, BufferGetPage(buffer));
	return buffer;
}

/* The page to the right, in place of a locked one. */
static Buffer
step_right(const GraphLeaves *leaves, Buffer buffer)
{
	BlockNumber next = BTPageGetOpaque(BufferGetPage(buffer))->btpo_next;

	UnlockReleaseBuffer(buffer);
	if (next == P_NONE)
		elog(ERROR, "fell off the end of index \"%s\"", RelationGetRelationName(leaves->index));
	CHECK_FOR_INTERRUPTS();
	return lock_page(leaves, next);
}

/* A page that is alive, in place of a locked one or right of it. */
static Buffer
skip_dying(const GraphLeaves *leaves, Buffer buffer)
{
	while (P_IGNORE(BTPageGetOpaque(BufferGetPage(buffer))))
		buffer = step_right(leaves, buffer);
	return buffer;
}

/* Goes right until the key is not beyond a page that is alive. */
static Buffer
move_right(const GraphLeaves *leaves, Buffer buffer, int *steps)
{
	for (;;)
	{
		Page		page = BufferGetPage(buffer);
		BTPageOpaque opaque = BTPageGetOpaque(page);

		if (!P_IGNORE(opaque) &&
			(P_RIGHTMOST(opaque) || compare_pivot(leaves, tuple_at(page, P_HIKEY)) <= 0))
			return buffer;
		buffer = step_right(leaves, buffer);
		(*steps)++;
	}
}

/* The page that all others of the index are below of, and its level */
static BlockNumber
find_root(Relation index, uint32 *level)
{
	Buffer		buffer = ReadBuffer(index, BTREE_METAPAGE);
	BTMetaPageData *meta;
	BlockNumber root;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	_bt_checkpage(index, buffer);
	meta = BTPageGetMeta(BufferGetPage(buffer));
	root = meta->btm_root == P_NONE ? InvalidBlockNumber : meta->btm_fastroot;
	*level = meta->btm_fastlevel;
	UnlockReleaseBuffer(buffer);
	return root;
}

/* The downlink to follow for the key: the last whose page begins before it. */
static BlockNumber
choose_child(const GraphLeaves *leaves, Page page)
{
	OffsetNumber low = P_FIRSTDATAKEY(BTPageGetOpaque(page));
	OffsetNumber high = PageGetMaxOffsetNumber(page);

	if (high < low)
		elog(ERROR, "index \"%s\" has an inner page without entries",
			 RelationGetRelationName(leaves->index));
	while (low < high)
	{
		OffsetNumber middle = low + (high - low + 1) / 2;

		if (compare_pivot(leaves, tuple_at(page, middle)) > 0)
			low = middle;
		else
			high = middle - 1;
	}
	return BTreeTupleGetDownLink(tuple_at(page, low));
}

/*
 * Goes down from the root to the first leaf page that may have the key, which
 * is returned locked; InvalidBuffer if the index has no pages.
 */
static Buffer
descend(const GraphLeaves *leaves)
{
	uint32		level;
	BlockNumber block = find_root(leaves->index, &level);

	if (block == InvalidBlockNumber)
		return InvalidBuffer;
	for (;;)
	{
		int			steps = 0;
		Buffer		buffer = move_right(leaves, lock_page(leaves, block), &steps);
		Page		page = BufferGetPage(buffer);

		if (P_ISLEAF(BTPageGetOpaque(page)))
			return buffer;
		block = choose_child(leaves, page);
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
}

/* The first column of what separates two pages, as rank_key() has it */
static uint64
rank_pivot(const GraphLeaves *leaves, IndexTuple tuple)
{
	if (has_null(tuple, 0))
		return leaves->index->rd_indoption[0] & INDOPTION_NULLS_FIRST ? 0 : PG_UINT64_MAX;
	return leaves->order == LEAF_UUID ? rank_key(leaves, 0, tuple_data(tuple)) :
		rank_key(leaves, number_of_tuple(leaves->order, tuple_data(tuple)), NULL);
}

/*
 * Makes the map of an index by reading all pages above its leaf pages.  Leaves
 * it as it is if there are too many, or no inner pages.
 */
static void
build_map(const GraphLeaves *leaves)
{
	LeafMap		built = maps[leaves->map];
	uint64		resets = map_resets;
	uint64		last_rank = 0;
	uint32		level;
	BlockNumber block = find_root(leaves->index, &level);
	Buffer		buffer = InvalidBuffer;
	int			room = 1024;

	if (block == InvalidBlockNumber || level == 0 ||
		RelationGetNumberOfBlocks(leaves->index) > MAP_PAGES_MAX)
		return;

	/* to the first page of the level above the leaf pages */
	for (;;)
	{
		Page		page;
		BTPageOpaque opaque;

		buffer = skip_dying(leaves, lock_page(leaves, block));
		page = BufferGetPage(buffer);
		opaque = BTPageGetOpaque(page);
		if (opaque->btpo_level <= 1)
			break;
		block = BTreeTupleGetDownLink(tuple_at(page, P_FIRSTDATAKEY(opaque)));
		UnlockReleaseBuffer(buffer);
	}
	if (BTPageGetOpaque(BufferGetPage(buffer))->btpo_level != 1)
	{
		UnlockReleaseBuffer(buffer);
		return;
	}

	built.context = AllocSetContextCreate(leaves->edges->context, "graph leaf map",
										  ALLOCSET_DEFAULT_SIZES);
	built.ranks = MemoryContextAlloc(built.context, room * sizeof(uint64));
	built.blocks = MemoryContextAlloc(built.context, room * sizeof(BlockNumber));
	for (;;)
	{
		Page		page = BufferGetPage(buffer);
		BTPageOpaque opaque = BTPageGetOpaque(page);

		for (OffsetNumber i = P_FIRSTDATAKEY(opaque);
			 !P_IGNORE(opaque) && i <= PageGetMaxOffsetNumber(page); i++)
		{
			IndexTuple	tuple = tuple_at(page, i);

			if (built.count == MAP_PAGES_MAX)
			{
				UnlockReleaseBuffer(buffer);
				MemoryContextDelete(built.context);
				return;
			}
			if (built.count == room)
			{
				room *= 2;
				built.ranks = repalloc(built.ranks, room * sizeof(uint64));
				built.blocks = repalloc(built.blocks, room * sizeof(BlockNumber));
			}

			/*
			 * the first of a page has no key: it begins where the last page
			 * ended
			 */
			if (BTreeTupleGetNAtts(tuple, leaves->index) > 0)
				last_rank = rank_pivot(leaves, tuple);
			built.ranks[built.count] = last_rank;
			built.blocks[built.count++] = BTreeTupleGetDownLink(tuple);
		}
		if (P_RIGHTMOST(opaque))
			break;
		if (BTreeTupleGetNAtts(tuple_at(page, P_HIKEY), leaves->index) > 0)
			last_rank = rank_pivot(leaves, tuple_at(page, P_HIKEY));
		buffer = step_right(leaves, buffer);
	}
	UnlockReleaseBuffer(buffer);
	built.buffers = MemoryContextAllocZero(built.context, built.count * sizeof(Buffer));

	if (map_resets != resets || maps[leaves->map].index != built.index ||
		maps[leaves->map].count > 0)
	{
		MemoryContextDelete(built.context);
		return;
	}
	MemoryContextSetParent(built.context, TopMemoryContext);
	built.descents = 0;
	maps[leaves->map] = built;
}

/* The last page of a map that begins before a key, or the first; "from" is one not after it. */
static int
find_slot(const LeafMap *map, uint64 rank, int from)
{
	int			low = from,
				high = map->count - 1;

	/* keys that are looked for one after the other often lie near each other */
	for (int step = 1; low < high; step *= 2)
	{
		int			at = Min(low + step, high);

		if (map->ranks[at] >= rank)
		{
			high = at - 1;
			break;
		}
		low = at;
	}
	while (low < high)
	{
		int			middle = low + (high - low + 1) / 2;

		if (map->ranks[middle] < rank)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/*
 * The first column of an entry of a page that may be any bytes, as rank_key() has
 * it; false if there cannot be one.
 */
static bool
peek_rank(const GraphLeaves *leaves, Page page, OffsetNumber offset, uint64 *rank)
{
	Size		at = ItemIdGetOffset(PageGetItemId(page, offset));
	IndexTupleData head;
	char		bytes[UUID_LEN];
	int64		number;

	if (at < SizeOfPageHeaderData || at > BLCKSZ - sizeof(IndexTupleData) - UUID_LEN)
		return false;
	memcpy(&head, (char *) page + at, sizeof(IndexTupleData));
	if (head.t_info & INDEX_NULL_MASK)
		return false;
	memcpy(bytes, (char *) page + at + MAXALIGN(sizeof(IndexTupleData)), UUID_LEN);
	memcpy(&number, bytes, sizeof(int64));
	if (leaves->order == LEAF_INT4)
	{
		int32		small;

		memcpy(&small, bytes, sizeof(small));
		number = small;
	}
	else if (leaves->order == LEAF_INT2)
	{
		int16		small;

		memcpy(&small, bytes, sizeof(small));
		number = small;
	}
	*rank = rank_key(leaves, number, bytes);
	return true;
}

/*
 * Fetches what finding the next keys will read into the processor's caches, all
 * of it at once: most of a walk's time would go into waiting for one line after
 * the other.  On a page, a key is looked for where it is if the page's keys are
 * spread evenly, then where it is by what has been found there.  Pages are not
 * pinned, so what is read here may be nonsense, and nothing follows from it but
 * what is fetched, and where the search begins.
 */
static void
look_ahead(GraphLeaves *leaves)
{
	const LeafMap *map = &maps[leaves->map];
	struct
	{
		Page		page;		/* NULL: not known where it is */
		uint64		rank;
		double		span;		/* of ranks on the page */
		double		share;		/* of it before the key */
		OffsetNumber max;
	}			keys[LEAF_AHEAD_KEYS];
	int			slot = 0,
				count = Min(leaves->count - leaves->at, LEAF_AHEAD_KEYS);

	leaves->ahead_from = leaves->at;
	leaves->ahead_to = leaves->at + count;
	for (int i = 0; i < count; i++)
	{
		const GraphKey *key = key_at(leaves, leaves->at + i);
		Buffer		buffer;

		keys[i].rank = rank_key(leaves, key->value.number, key->value.data);
		slot = find_slot(map, keys[i].rank, slot);
		leaves->ahead_slots[i] = slot;
		leaves->ahead_offsets[i] = 0;
		buffer = map->buffers[slot];
		keys[i].page = NULL;
		if (!BufferIsValid(buffer) || BufferIsLocal(buffer) || slot == map->count - 1 ||
			keys[i].rank <= map->ranks[slot])
			continue;
		keys[i].page = BufferGetPage(buffer);
		keys[i].span = (double) (map->ranks[slot + 1] - map->ranks[slot]);
		keys[i].share = (double) (keys[i].rank - map->ranks[slot]) / keys[i].span;
		vx_prefetch(GetBufferDescriptor(buffer - 1));
		vx_prefetch(keys[i].page);
		vx_prefetch((char *) keys[i].page + BLCKSZ - sizeof(BTPageOpaqueData));
		vx_prefetch(PageGetItemId(keys[i].page, P_FIRSTKEY + (int) (keys[i].share * ENTRIES_USUAL)));
	}
	for (int i = 0; i < count; i++)
	{
		if (keys[i].page == NULL)
			continue;
		/* the server tells valgrind that nobody reads pages without a pin */
		VALGRIND_MAKE_MEM_DEFINED(keys[i].page, BLCKSZ);
		keys[i].max = PageGetMaxOffsetNumber(keys[i].page);
		if (keys[i].max < P_FIRSTKEY || keys[i].max > MaxIndexTuplesPerPage)
		{
			keys[i].page = NULL;
			continue;
		}
		leaves->ahead_offsets[i] = P_FIRSTKEY + (int) (keys[i].share * (keys[i].max - P_FIRSTKEY));
		fetch_item(keys[i].page, P_HIKEY);
		fetch_item(keys[i].page, P_FIRSTKEY);
		fetch_item(keys[i].page, leaves->ahead_offsets[i]);
	}
	for (int i = 0; i < count; i++)
	{
		uint64		rank;
		double		distance,
					offset;

		if (keys[i].page == NULL || !peek_rank(leaves, keys[i].page, leaves->ahead_offsets[i], &rank))
			continue;
		distance = keys[i].rank >= rank ? (double) (keys[i].rank - rank) : -(double) (rank - keys[i].rank);
		offset = leaves->ahead_offsets[i] + distance / keys[i].span * (keys[i].max - P_FIRSTKEY);
		leaves->ahead_offsets[i] = Max(P_FIRSTKEY, Min(offset, keys[i].max));
		fetch_item(keys[i].page, leaves->ahead_offsets[i]);
	}
}

/*
 * The leaf page that the map has for the key, locked; or InvalidBuffer.
 *
 * The map may be old: pages have been split since, deleted, even used again for
 * other keys.  But what the map says is not believed: the page must be a leaf
 * page of this index that is alive, and either have an entry before the key or
 * be the first of all.  Leaf pages are linked to the right in the order of their
 * entries, so whatever has the key is on this page or right of it.
 */
static Buffer
go_by_map(GraphLeaves *leaves)
{
	LeafMap    *map = &maps[leaves->map];
	uint64		rank;
	int			low = 0,
				steps = 0;
	Buffer		buffer;
	Page		page;
	BTPageOpaque opaque;
	bool		certain;

	if (map->index != RelationGetRelid(leaves->index) || map->count == 0)
		return InvalidBuffer;
	if (leaves->ordered && leaves->at >= leaves->ahead_to && leaves->count > 1)
		look_ahead(leaves);
	rank = rank_key(leaves, leaves->key.number, leaves->key.bytes);
	if (leaves->at >= leaves->ahead_from && leaves->at < leaves->ahead_to)
	{
		low = leaves->ahead_slots[leaves->at - leaves->ahead_from];
		/* the map may have become another since */
		if (low >= map->count || map->ranks[low] >= rank)
			low = 0;
	}
	low = find_slot(map, rank, low);
	buffer = map->buffers[low];
	if (!BufferIsValid(buffer) ||
		!ReadRecentBuffer(RelationLocator(leaves->index), MAIN_FORKNUM, map->blocks[low], buffer))
		buffer = map->buffers[low] = ReadBuffer(leaves->index, map->blocks[low]);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	_bt_checkpage(leaves->index, buffer);
	page = BufferGetPage(buffer);
	vx_test_old_snapshot(leaves->edges->snapshot, leaves->index, page);
	opaque = BTPageGetOpaque(page);
	certain = P_ISLEAF(opaque) && !P_IGNORE(opaque);
	if (certain && !P_LEFTMOST(opaque))
		certain = PageGetMaxOffsetNumber(page) >= P_FIRSTDATAKEY(opaque) &&
			compare_columns(leaves, tuple_at(page, P_FIRSTDATAKEY(opaque)), leaves->key_columns) > 0;
	if (!certain)
	{
		UnlockReleaseBuffer(buffer);
		return InvalidBuffer;
	}
	buffer = move_right(leaves, buffer, &steps);
	if (steps == 0)
		leaves->slot = low;
	/* many pages have been split: a new map is worth its while */
	if (steps > LEAF_STEPS_MAX && map->index == RelationGetRelid(leaves->index))
		forget_map(map);
	return buffer;
}

/* The leaf page that may have the key, locked; or InvalidBuffer if there is none. */
Buffer
vx_graph_find_leaf(GraphLeaves *leaves)
{
	LeafMap    *map;
	Buffer		buffer;

	leaves->slot = -1;
	if (leaves->order == LEAF_OTHER)
		return descend(leaves);
	map = &maps[leaves->map];
	if (map->index == RelationGetRelid(leaves->index) && map->count == 0 &&
		++map->descents >= MAP_DESCENTS_MIN &&
		map->descents % MAP_DESCENTS_MIN == 0 &&
		map->descents >= RelationGetNumberOfBlocks(leaves->index) / MAP_PAGES_PER_DESCENT)
		build_map(leaves);
	buffer = go_by_map(leaves);
	return BufferIsValid(buffer) ? buffer : descend(leaves);
}

/* Does the map lead to all pages, so that there is no need to go from one to the next? */
bool
vx_graph_has_map(const GraphLeaves *leaves)
{
	return leaves->order != LEAF_OTHER && maps[leaves->map].index == RelationGetRelid(leaves->index) &&
		maps[leaves->map].count > 0;
}

/* A page that is alive, locked: this one, or the next that is right of it. */
Buffer
vx_graph_next_leaf(const GraphLeaves *leaves, BlockNumber block)
{
	return skip_dying(leaves, lock_page(leaves, block));
}
