/*-------------------------------------------------------------------------
 *
 * graph_leaf.c
 *	  Reading edges from the leaf pages of a btree index.
 *
 * An index scan of the server is made for one key or some, with operators that
 * it does not know.  A walk asks for the entries of thousands of keys, most of
 * which are whole numbers, and knows them all beforehand.  So it goes to the
 * leaf pages itself: it takes the entries of all keys that a page has at once,
 * and compares numbers and uuids without calling functions.  Where the index
 * has all columns that are wanted, rows on pages that are all visible are not
 * looked up, as in an index-only scan; else rows are looked up in the order in
 * which they lie in the table.
 *
 * Pages are only read, under the rules of nbtree: one lock at a time; a page
 * that a key is beyond the high key of, or that is being deleted, is left to
 * the right; our snapshot keeps deleted pages from being used again.  The pin
 * of a leaf page is kept until its rows have been found visible or looked up,
 * so that vacuum cannot take a row away and call its page all visible between.
 *
 * A leaf map remembers, in the memory of the backend, where leaf pages begin,
 * so that a walk does not go down from the root for every key.  It may be out
 * of date; see go_by_map() for why that does no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/nbtree.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_bswap.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "base/base_compat.h"
#include "graph/graph.h"

/* Rows that are sorted before they are looked up in the table: least and most */
#define TIDS_MIN 8192
#define TIDS_MAX (1024 * 1024)

/* From a leaf page go to the right so often before going down from the root again. */
#define STEPS_MAX 3

/*
 * Nodes from which on they do not fit into the processor's caches, and rows
 * between fetching one into them, its place before that, and looking at it
 */
#define PREFETCH_NODES 4096
#define PREFETCH_ROWS 8

typedef enum LeafOrder
{
	LEAF_INT2,
	LEAF_INT4,
	LEAF_INT8,
	LEAF_UUID,
	LEAF_OTHER					/* as the operator class's function says */
} LeafOrder;

/* A key as it is compared with entries */
typedef struct LeafKey
{
	int64		number;
	const char *bytes;
	Datum		value;
} LeafKey;

/* A row that an entry on a page leads to */
typedef struct LeafRow
{
	ItemPointerData tid;
	uint16		entry;			/* where its entry is in the copy, by MAXALIGN */
} LeafRow;

struct GraphLeaves
{
	GraphEdges *edges;
	GraphSide	side;
	Relation	index;
	LeafOrder	order;
	int			key_columns;	/* 2: the only type of edges that is wanted,
								 * too */
	FmgrInfo   *compare[2];
	bool		ordered;		/* keys are sorted as entries are, or the
								 * other way round: */
	bool		descending;
	bool		skip_dead;
	bool		covering;
	AttrNumber	sources[GRAPH_COLUMNS]; /* columns of the index; 0: not wanted */
	int			positions[GRAPH_COLUMNS];
	Datum		type;
	struct IndexFetchTableData *fetch;

	/* while edges are read */
	const GraphKey *keys;
	int			count;
	int			at;				/* the key that is looked for */
	LeafKey		key;
	int			map;			/* -1: none */
	Buffer		visibility;

	/* what has been taken from a page */
	char	   *copy;
	Size		copied;
	LeafRow    *rows;
	int			row_count;
	/* or from several */
	uint64	   *tids;
	int			tid_count;
	int			tid_room;
};

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
static int
find_map(Relation index)
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

/* ---- Comparing with entries ---- */

static inline int64
number_of_tuple(LeafOrder order, const char *data)
{
	return order == LEAF_INT8 ? *(const int64 *) data :
		order == LEAF_INT4 ? *(const int32 *) data : *(const int16 *) data;
}

static inline const char *
tuple_data(IndexTuple tuple)
{
	return (const char *) tuple + IndexInfoFindDataOffset(tuple->t_info);
}

static inline bool
has_null(IndexTuple tuple, int column)
{
	return IndexTupleHasNulls(tuple) &&
		att_isnull(column, (bits8 *) ((char *) tuple + sizeof(IndexTupleData)));
}

/* The key's second column and the entry's, or the first where only functions can tell */
static int
compare_by_function(const GraphLeaves *leaves, int column, Datum value, IndexTuple tuple)
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

/* Below, at or above 0 as the key is before, with or after an entry, by some columns */
static inline int
compare_columns(const GraphLeaves *leaves, IndexTuple tuple, int columns)
{
	int			result;

	if (leaves->order == LEAF_OTHER)
		result = compare_by_function(leaves, 0, leaves->key.value, tuple);
	else if (unlikely(has_null(tuple, 0)))
		result = leaves->index->rd_indoption[0] & INDOPTION_NULLS_FIRST ? 1 : -1;
	else
	{
		if (leaves->order == LEAF_UUID)
			result = memcmp(leaves->key.bytes, tuple_data(tuple), UUID_LEN);
		else
		{
			int64		number = number_of_tuple(leaves->order, tuple_data(tuple));

			result = (leaves->key.number > number) - (leaves->key.number < number);
		}
		if (leaves->descending)
			result = -result;
	}
	if (result == 0 && columns > 1)
		result = compare_by_function(leaves, 1, leaves->type, tuple);
	return result;
}

/*
 * As compare_columns(), with what separates two pages.  Columns that it does not
 * have are less than any value, and so is its row's place: all entries that are
 * equal to what it has are on its right.
 */
static inline int
compare_pivot(const GraphLeaves *leaves, IndexTuple tuple)
{
	int			columns = BTreeTupleGetNAtts(tuple, leaves->index);
	int			result;

	if (columns == 0)
		return 1;
	result = compare_columns(leaves, tuple, Min(columns, leaves->key_columns));
	if (result != 0)
		return result;
	return columns < leaves->key_columns ||
		(columns == leaves->key_columns && BTreeTupleGetHeapTID(tuple) == NULL) ? 1 : 0;
}

static inline IndexTuple
tuple_at(Page page, OffsetNumber offset)
{
	return (IndexTuple) PageGetItem(page, PageGetItemId(page, offset));
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
go_by_map(const GraphLeaves *leaves)
{
	LeafMap    *map = &maps[leaves->map];
	uint64		rank;
	int			low = 0,
				high,
				steps = 0;
	Buffer		buffer;
	Page		page;
	BTPageOpaque opaque;
	bool		certain;

	if (map->index != RelationGetRelid(leaves->index) || map->count == 0)
		return InvalidBuffer;
	rank = rank_key(leaves, leaves->key.number, leaves->key.bytes);
	high = map->count - 1;
	while (low < high)
	{
		int			middle = low + (high - low + 1) / 2;

		if (map->ranks[middle] < rank)
			low = middle;
		else
			high = middle - 1;
	}
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
	/* many pages have been split: a new map is worth its while */
	if (steps > STEPS_MAX && map->index == RelationGetRelid(leaves->index))
		forget_map(map);
	return buffer;
}

/* The leaf page that may have the key, locked; or InvalidBuffer if there is none. */
static Buffer
find_leaf(GraphLeaves *leaves)
{
	LeafMap    *map;
	Buffer		buffer;

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

/* ---- Taking entries ---- */

/* Makes a key of the list the one that is looked for. */
static void
set_key(GraphLeaves *leaves)
{
	const GraphKey *key;

	key = &leaves->keys[leaves->descending ? leaves->count - 1 - leaves->at : leaves->at];
	if (leaves->order == LEAF_UUID)
		leaves->key.bytes = key->value.data;
	else if (leaves->order != LEAF_OTHER)
		leaves->key.number = key->value.number;
	else
	{
		MemoryContext old;

		MemoryContextReset(leaves->edges->batch_context);
		old = MemoryContextSwitchTo(leaves->edges->batch_context);
		leaves->key.value = PointerGetDatum(cstring_to_text_with_len(key->value.data, key->length));
		MemoryContextSwitchTo(old);
	}
}

/* The first entry from an offset on, probably near it, that is not before the key. */
static OffsetNumber
find_entry(const GraphLeaves *leaves, Page page, OffsetNumber low, OffsetNumber max, bool near)
{
	OffsetNumber high = max + 1;

	for (OffsetNumber step = 1; near && low < high; step *= 2)
	{
		OffsetNumber at = Min(low + step - 1, max);

		if (compare_columns(leaves, tuple_at(page, at), leaves->key_columns) <= 0)
		{
			high = at;
			break;
		}
		low = at + 1;
	}
	while (low < high)
	{
		OffsetNumber middle = low + (high - low) / 2;

		if (compare_columns(leaves, tuple_at(page, middle), leaves->key_columns) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static inline void
add_tid(GraphLeaves *leaves, ItemPointer tid)
{
	if (leaves->covering)
	{
		LeafRow    *row = &leaves->rows[leaves->row_count++];

		row->tid = *tid;
		row->entry = leaves->copied / MAXIMUM_ALIGNOF;
	}
	else
		leaves->tids[leaves->tid_count++] =
			(uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 | ItemPointerGetOffsetNumberNoCheck(tid);
}

static void
take_entry(GraphLeaves *leaves, IndexTuple tuple)
{
	Size		size = IndexTupleSize(tuple);

	if (!BTreeTupleIsPosting(tuple))
		add_tid(leaves, &tuple->t_tid);
	else
	{
		for (int i = 0; i < BTreeTupleGetNPosting(tuple); i++)
			add_tid(leaves, BTreeTupleGetPostingN(tuple, i));
		size = BTreeTupleGetPostingOffset(tuple);
	}
	if (leaves->covering)
	{
		memcpy(leaves->copy + leaves->copied, tuple, size);
		leaves->copied += MAXALIGN(size);
	}
}

/*
 * Takes the entries of keys from a locked page, until a key is looked for whose
 * entries may be further right; "near" says that the first entries are probably
 * wanted.  Returns false if such a key has none here, so that its page may be far
 * away.
 */
static bool
take_from_page(GraphLeaves *leaves, Page page, bool near)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber offset = P_FIRSTDATAKEY(opaque);
	OffsetNumber max = PageGetMaxOffsetNumber(page);

	while (leaves->at < leaves->count)
	{
		offset = find_entry(leaves, page, offset, max, near);
		near = true;
		while (offset <= max &&
			   compare_columns(leaves, tuple_at(page, offset), leaves->key_columns) == 0)
		{
			if (!(leaves->skip_dead && ItemIdIsDead(PageGetItemId(page, offset))))
				take_entry(leaves, tuple_at(page, offset));
			offset++;
		}
		if (offset > max && !P_RIGHTMOST(opaque))
		{
			int			result = compare_pivot(leaves, tuple_at(page, P_HIKEY));

			if (result >= 0)
				return result == 0;
		}
		if (++leaves->at < leaves->count)
			set_key(leaves);
		if (!leaves->ordered)
			break;
	}
	return false;
}

/* ---- Rows ---- */

static bool
fetch_row(GraphLeaves *leaves, ItemPointer tid)
{
	bool		call_again = false;

	pgstat_count_heap_fetch(leaves->index);
	return table_index_fetch_tuple(leaves->fetch, tid, leaves->edges->snapshot, leaves->edges->slot,
								   &call_again, NULL);
}

/* Both ends of an edge that will be handed over soon */
static void
prefetch_row(const GraphLeaves *leaves, int number, bool place_is_there)
{
	const GraphEdges *edges = leaves->edges;
	IndexTuple	tuple = (IndexTuple) (leaves->copy + leaves->rows[number].entry * MAXIMUM_ALIGNOF);

	for (int column = GRAPH_SRC; column <= GRAPH_DST; column++)
	{
		bool		isnull;
		Datum		value = index_getattr(tuple, leaves->sources[column],
										  RelationGetDescr(leaves->index), &isnull);

		if (!isnull)
			vx_graph_prefetch_node(edges->table,
								   vx_graph_key_from_datum(edges->kind, edges->columns[column].type, value),
								   place_is_there);
	}
}

/* Hands over the rows of a page that is still pinned. */
static bool
hand_over_entries(GraphLeaves *leaves, GraphEdgeCallback callback, void *arg)
{
	GraphEdges *edges = leaves->edges;
	TupleDesc	desc = RelationGetDescr(leaves->index);
	BlockNumber block = InvalidBlockNumber;
	bool		visible = false;
	bool		prefetch = edges->table != NULL && edges->table->count >= PREFETCH_NODES &&
		edges->kind != GRAPH_KEY_TEXT;

	if (leaves->row_count == 0)
		return true;
	for (int i = prefetch ? -2 * PREFETCH_ROWS : 0; i < leaves->row_count; i++)
	{
		LeafRow    *row = &leaves->rows[Max(i, 0)];
		IndexTuple	tuple = (IndexTuple) (leaves->copy + row->entry * MAXIMUM_ALIGNOF);
		Datum		values[GRAPH_COLUMNS];
		bool		nulls[GRAPH_COLUMNS];

		if (prefetch)
		{
			if (i + 2 * PREFETCH_ROWS < leaves->row_count)
				prefetch_row(leaves, i + 2 * PREFETCH_ROWS, false);
			if (i + PREFETCH_ROWS >= 0 && i + PREFETCH_ROWS < leaves->row_count)
				prefetch_row(leaves, i + PREFETCH_ROWS, true);
			if (i < 0)
				continue;
		}
		if (ItemPointerGetBlockNumberNoCheck(&row->tid) != block)
		{
			block = ItemPointerGetBlockNumberNoCheck(&row->tid);
			visible = VM_ALL_VISIBLE(edges->relation, block, &leaves->visibility);
		}
		if (!visible && !fetch_row(leaves, &row->tid))
			continue;
		for (int column = 0; column < GRAPH_COLUMNS; column++)
		{
			if (leaves->sources[column] != 0)
				values[column] = index_getattr(tuple, leaves->sources[column], desc, &nulls[column]);
		}
		if (!vx_graph_take_row(edges, leaves->positions, values, nulls, leaves->side, callback, arg))
			return false;
	}
	return true;
}

#define ST_SORT sort_tids
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Looks up the rows that have been found, in the order in which they lie in the table. */
static bool
hand_over_tids(GraphLeaves *leaves, GraphEdgeCallback callback, void *arg)
{
	GraphEdges *edges = leaves->edges;
	TupleTableSlot *slot = edges->slot;
	bool		go_on = true;

	sort_tids(leaves->tids, leaves->tid_count);
	for (int i = 0; i < leaves->tid_count && go_on; i++)
	{
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		ItemPointerSet(&tid, leaves->tids[i] >> 16, leaves->tids[i] & 0xFFFF);
		if (!fetch_row(leaves, &tid))
			continue;
		slot_getsomeattrs(slot, edges->last_attno);
		go_on = vx_graph_take_row(edges, edges->positions[0], slot->tts_values, slot->tts_isnull,
								  leaves->side, callback, arg);
	}
	leaves->tid_count = 0;
	return go_on;
}

/* ---- What graph_edges.c calls ---- */

/* The column of an index that has the values of a column of the table, or 0 */
static AttrNumber
find_source(Relation relation, Relation index, AttrNumber wanted)
{
	Oid			type = TupleDescAttr(RelationGetDescr(relation), wanted - 1)->atttypid;

	for (int i = 0; i < IndexRelationGetNumberOfAttributes(index); i++)
	{
		if (index->rd_index->indkey.values[i] == wanted &&
			TupleDescAttr(RelationGetDescr(index), i)->atttypid == type)
			return i + 1;
	}
	return 0;
}

/* Has the index all columns that are wanted, so that rows need not be looked up? */
bool
vx_graph_leaves_cover(const GraphEdges *edges, Relation index)
{
	if (edges->relation->rd_tableam != GetHeapamTableAmRoutine())
		return false;
	for (int column = 0; column < GRAPH_COLUMNS; column++)
	{
		if (edges->columns[column].attno != 0 &&
			find_source(edges->relation, index, edges->columns[column].attno) == 0)
			return false;
	}
	return true;
}

/*
 * Prepares to read edges by the leaf pages of an index, whose first column is
 * the known end and whose second one is the type, if that is to be looked for,
 * too.  Returns NULL if that cannot be done: what a serializable transaction has
 * read must be known to others, indexes of old servers have no order among
 * equal entries, and numbers may be sorted by an operator class of somebody's.
 */
GraphLeaves *
vx_graph_open_leaves(GraphEdges *edges, GraphSide side, Relation index, bool with_type)
{
	GraphLeaves *leaves;
	bool		has_order,
				all_equal;

	if (IsolationIsSerializable() || !IsMVCCSnapshot(edges->snapshot))
		return NULL;
	_bt_metaversion(index, &has_order, &all_equal);
	if (!has_order)
		return NULL;

	leaves = palloc0(sizeof(GraphLeaves));
	leaves->edges = edges;
	leaves->side = side;
	leaves->index = index;
	leaves->key_columns = with_type ? 2 : 1;
	switch (index_getprocid(index, 1, BTORDER_PROC))
	{
		case F_BTINT2CMP:
			leaves->order = LEAF_INT2;
			break;
		case F_BTINT4CMP:
			leaves->order = LEAF_INT4;
			break;
		case F_BTINT8CMP:
			leaves->order = LEAF_INT8;
			break;
		case F_UUID_CMP:
			leaves->order = LEAF_UUID;
			break;
		default:
			leaves->order = LEAF_OTHER;
	}
	if (leaves->order == LEAF_OTHER && edges->kind != GRAPH_KEY_TEXT)
	{
		pfree(leaves);
		return NULL;
	}
	leaves->ordered = leaves->order != LEAF_OTHER;
	leaves->descending = leaves->ordered && (index->rd_indoption[0] & INDOPTION_DESC) != 0;
	for (int i = 0; i < leaves->key_columns; i++)
		leaves->compare[i] = index_getprocinfo(index, i + 1, BTORDER_PROC);
	if (with_type)
		leaves->type = edges->types[0];
	leaves->skip_dead = !edges->snapshot->takenDuringRecovery;
	leaves->covering = vx_graph_leaves_cover(edges, index);
	for (int column = 0; column < GRAPH_COLUMNS; column++)
	{
		AttrNumber	wanted = edges->columns[column].attno;

		leaves->positions[column] = wanted != 0 ? column : -1;
		if (wanted != 0 && leaves->covering)
			leaves->sources[column] = find_source(edges->relation, index, wanted);
	}
	leaves->fetch = table_index_fetch_begin(edges->relation);
	return leaves;
}

void
vx_graph_close_leaves(GraphLeaves *leaves)
{
	table_index_fetch_end(leaves->fetch);
}

/* Room for what a page has, or for what is sorted */
static void
make_room(GraphLeaves *leaves)
{
	GraphEdges *edges = leaves->edges;

	if (leaves->covering && leaves->copy == NULL)
	{
		leaves->copy = MemoryContextAlloc(edges->context, BLCKSZ);
		leaves->rows = MemoryContextAlloc(edges->context, MaxTIDsPerBTreePage * sizeof(LeafRow));
	}
	else if (!leaves->covering && leaves->tids == NULL)
	{
		leaves->tid_room = TIDS_MIN;
		leaves->tids = MemoryContextAlloc(edges->context, leaves->tid_room * sizeof(uint64));
	}
}

/*
 * Calls back for each edge that has one of the keys, which are sorted, at the
 * known end.
 */
void
vx_graph_read_leaves(GraphLeaves *leaves, const GraphKey *keys, int count,
					 GraphEdgeCallback callback, void *arg)
{
	GraphEdges *edges = leaves->edges;
	Buffer		buffer = InvalidBuffer;
	bool		go_on = true,
				goes_on_right,
				near = false;
	int			steps = 0,
				tids_most = Max(TIDS_MIN, Min(TIDS_MAX, (Size) work_mem * 1024 / 4 / sizeof(uint64)));
	MemoryContext old;

	if (count == 0)
		return;
	/* what functions of types leave behind goes with the next row */
	old = MemoryContextSwitchTo(edges->row_context);
	make_room(leaves);
	leaves->keys = keys;
	leaves->count = count;
	leaves->at = 0;
	leaves->copied = 0;
	leaves->row_count = 0;
	leaves->tid_count = 0;
	leaves->visibility = InvalidBuffer;
	if (leaves->order != LEAF_OTHER)
		leaves->map = find_map(leaves->index);
	set_key(leaves);
	pgstat_count_index_scan(leaves->index);
	buffer = find_leaf(leaves);
	while (BufferIsValid(buffer))
	{
		int			at = leaves->at;
		BlockNumber next = BTPageGetOpaque(BufferGetPage(buffer))->btpo_next;

		goes_on_right = take_from_page(leaves, BufferGetPage(buffer), near);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		CHECK_FOR_INTERRUPTS();
		if (leaves->covering)
		{
			pgstat_count_index_tuples(leaves->index, leaves->row_count);
			go_on = hand_over_entries(leaves, callback, arg);
			leaves->copied = 0;
			leaves->row_count = 0;
		}
		ReleaseBuffer(buffer);
		buffer = InvalidBuffer;
		MemoryContextReset(edges->row_context);
		if (!leaves->covering && leaves->tid_count + MaxTIDsPerBTreePage > leaves->tid_room)
		{
			if (leaves->tid_room < tids_most)
			{
				leaves->tid_room = Min(leaves->tid_room * 2, tids_most);
				leaves->tids = repalloc(leaves->tids, leaves->tid_room * sizeof(uint64));
			}
			else
			{
				pgstat_count_index_tuples(leaves->index, leaves->tid_count);
				go_on = hand_over_tids(leaves, callback, arg);
			}
		}
		if (!go_on || leaves->at >= leaves->count)
			break;

		/* a page that had nothing was one step too many in vain */
		steps = goes_on_right || leaves->at > at ? 0 : steps + 1;
		near = goes_on_right ||
			(leaves->ordered && next != P_NONE && steps < STEPS_MAX &&
			 leaves->count - leaves->at > leaves->index->rd_rel->relpages / STEPS_MAX);
		if (near)
			buffer = skip_dying(leaves, lock_page(leaves, next));
		else
		{
			buffer = find_leaf(leaves);
			steps = 0;
		}
	}
	if (go_on && leaves->tid_count > 0)
	{
		pgstat_count_index_tuples(leaves->index, leaves->tid_count);
		hand_over_tids(leaves, callback, arg);
	}
	if (BufferIsValid(leaves->visibility))
		ReleaseBuffer(leaves->visibility);
	ExecClearTuple(edges->slot);
	table_index_fetch_reset(leaves->fetch);
	MemoryContextSwitchTo(old);
}
