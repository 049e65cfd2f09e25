/*-------------------------------------------------------------------------
 *
 * hnsw_insert.c
 *	  Inserting a row.
 *
 * 1. A row without a code, or with one that a node holds already, is the
 *	  store's affair: the graph does not change.
 * 2. Else search for neighbours on each level from the node's own down.
 * 3. Write code, list, row and node in one record (vx_store_insert_linked), then
 *	  the node's slots of upper levels, from the lowest up.
 * 4. Link back the nearest of those neighbours that the heuristic has asked for
 *	  (hnsw_link.c): the lists of the others have a nearer node that covers this
 *	  one.  The first record protects the node and enters it into the directory:
 *	  from now on equal rows find it.
 * 5. Become the entry point if the level is higher than its, or there is nobody to
 *	  link to; then it is entered into the directory after that: rows of others
 *	  must not be in a node that is never to be the entry point.
 *
 * A crash after 3 leaves a row that no walk finds, of a transaction that is
 * aborted with it.
 *
 * From 2 to 5 a page lock is held that inserts share.  Vacuum asks for it alone
 * once it has marked its dead nodes: when it gets it, nobody who has taken one
 * of them for live is still linking.  The first node is inserted with the lock
 * taken alone, so that there is only one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "base/base_debug.h"
#include "hnsw/hnsw.h"
#include "hnsw/hnsw_inspect.h"
#include "hnsw/hnsw_link.h"
#include "hnsw/hnsw_read.h"

/*
 * A new node's links on level 0.  Its own cost four bytes each, links to it a page:
 * more of the former make up for the fewer lists that take it in.
 */
#define LinksOfNewNode(m) ((m) + (m) / 2)

/* Neighbours of one level */
typedef struct LevelNeighbours
{
	HnswNeighbour *neighbours;
	int			count;
	int			wanted;			/* of these: who are linked back */
} LevelNeighbours;

static int
draw_level(int m)
{
	double		uniform = 1.0 - pg_prng_double(vx_store_random);
	int			level = (int) (-log(uniform) / log(m));

	return Min(level, HNSW_TOP_LEVEL);
}

/*
 * Search the levels from top down.  Returns the highest level searched, -1
 * if there is no graph.
 */
static int
find_neighbours(StoreIndex *store, const QuantSlotData *slot, int top,
				LevelNeighbours *levels)
{
	const HnswMetaData *meta = HnswGetMeta(&store->meta);
	HnswSearch *search = vx_hnsw_begin_search(store);
	const HnswCandidate *bottom;
	HnswNeighbour *found;
	int			ef = meta->ef_construction;
	bool		from_entry = false;
	int			reached;
	int			count;
	int			level;
	int			i;

	vx_hnsw_search_for_code(search, slot);
	reached = vx_hnsw_descend(search, top);
	VX_DEBUG_POINT("hnsw-insert-descended");
	for (level = reached; level > 0; level--)
	{
		const HnswUpperCandidate *upper;

		count = vx_hnsw_search_upper(search, ef, &upper);
		found = palloc(sizeof(HnswNeighbour) * Max(count, 1));
		for (i = 0; i < count; i++)
		{
			found[i].distance = upper[i].distance;
			found[i].node = upper[i].node;
			found[i].upper = upper[i].upper;
			found[i].slot = NULL;
		}
		levels[level].neighbours = found;
		levels[level].count = vx_hnsw_select_neighbours(store, found, count, meta->m,
														&levels[level].wanted);
	}
	if (reached < 0)
		return reached;

	for (;;)
	{
		count = vx_hnsw_search_bottom(search, ef, &bottom);
		found = MemoryContextAllocHuge(CurrentMemoryContext,
									   sizeof(HnswNeighbour) * Max(count, 1));
		for (i = 0; i < count; i++)
		{
			found[i].distance = bottom[i].distance;
			found[i].node = bottom[i].node;
			found[i].upper = STORE_NONE;
			found[i].slot = NULL;
		}
		levels[0].neighbours = found;
		levels[0].count = vx_hnsw_select_neighbours(store, found, count,
													LinksOfNewNode(meta->m),
													&levels[0].wanted);

		/*
		 * All of them are dead, and vacuum is on its way, or has been
		 * interrupted: look farther.  They may lead to dead ones only; the
		 * entry point leads to all that live.
		 */
		if (levels[0].count > 0 || ef >= HNSW_MAX_NODES / 8 || (count < ef && from_entry))
			break;
		pfree(found);
		if (count == ef)
			ef *= 8;
		else
		{
			from_entry = true;
			(void) vx_hnsw_descend(search, HNSW_TOP_LEVEL);
		}
	}
	return reached;
}

/* HnswFilter: every node */
static bool
is_any(void *arg, uint32 node)
{
	return true;
}

/*
 * A walk that has ended among dead nodes may have missed those that live.  If
 * the entry point does, they are to be found from there: true if the node has
 * got its protected link so.
 */
static bool
hang_from_entry(StoreIndex *store, uint32 node)
{
	uint32		entry;

	vx_store_refresh_meta(store);
	entry = HnswGetMeta(&store->meta)->entry_node;
	return entry != STORE_NONE && vx_hnsw_node_is_live(store, entry) &&
		vx_hnsw_protect_new(store, &entry, 1, node);
}

/*
 * Make the node the entry point if its level is higher, or if it is lonely: has
 * no neighbour, and cannot hang from the entry point.  The old one gets a
 * protected link from it.
 */
static void
raise_entry(StoreIndex *store, uint32 node, uint32 upper, int level, bool lonely)
{
	for (;;)
	{
		const HnswMetaData *known = HnswGetMeta(&store->meta);
		uint32		old;
		HnswMetaData *meta;
		HnswMetaData changed;
		Buffer		buffer;
		StoreWal	wal;

		/* Asked each time: another one may have become the entry point. */
		lonely = lonely && !hang_from_entry(store, node);
		old = known->entry_node;
		if (old != STORE_NONE && known->entry_level >= level && !lonely)
			return;
		if (old != STORE_NONE)
			vx_hnsw_protect_from(store, &node, 1, old, is_any, NULL);

		VX_DEBUG_POINT("hnsw-insert-raising");
		buffer = vx_store_lock_meta(store, BUFFER_LOCK_EXCLUSIVE);
		meta = HnswGetMeta((StoreMetaData *) PageGetContents(BufferGetPage(buffer)));
		if (meta->entry_node == old)
		{
			changed = *meta;
			changed.entry_node = node;
			changed.entry_upper = upper;
			changed.entry_level = level;
			vx_store_wal_begin(&wal, store->relation);
			vx_store_wal_add(&wal, buffer, false);
			vx_store_wal_put(&wal, 0, meta, &changed, offsetof(HnswMetaData, m));
			vx_store_wal_finish(&wal);
			memcpy(&store->meta, PageGetContents(BufferGetPage(buffer)), sizeof(StoreMetaData));
			UnlockReleaseBuffer(buffer);
			return;
		}
		memcpy(&store->meta, PageGetContents(BufferGetPage(buffer)), sizeof(StoreMetaData));
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * Insert a node with the page lock held.  Returns false if the graph is empty
 * and the lock is not ours alone.
 */
static bool
insert_into_graph(StoreIndex *store, ItemPointer tid, QuantSlotData *slot,
				  const char *attributes, uint64 hash, bool alone)
{
	StoreInserted inserted;
	int			m;
	int			level;
	int			reached;
	LevelNeighbours levels[HNSW_TOP_LEVEL + 1];
	HnswLink	links[2 * HNSW_MAX_M];
	HnswUpperData *upper = palloc(store->meta.upper_bytes);
	uint32		upper_slot = STORE_NONE;
	uint32		uppers[HNSW_TOP_LEVEL + 1];
	bool		enter;
	int			i;
	int			l;

	vx_store_refresh_meta(store);
	vx_hnsw_check_words(store);
	m = HnswGetMeta(&store->meta)->m;
	level = draw_level(m);
	memset(levels, 0, sizeof(levels));
	reached = find_neighbours(store, slot, level, levels);
	if (reached < 0 && !alone)
		return false;

	links[0] = 0;
	for (i = 0; i < levels[0].count; i++)
		links[i] = HnswMakeLink(levels[0].neighbours[i].node);
	vx_store_insert_linked(store, tid, slot, attributes, level, links,
						   sizeof(HnswLink) * Max(i, 1), &inserted);
	VX_DEBUG_POINT("hnsw-insert-unlinked");

	for (l = 1; l <= level; l++)
	{
		memset(upper, 0, store->meta.upper_bytes);
		upper->node = inserted.node;
		upper->incarnation = inserted.incarnation;
		upper->down = upper_slot;
		upper->level = l;
		for (i = 0; i < levels[l].count; i++)
		{
			upper->links[i].node_plus_one = levels[l].neighbours[i].node + 1;
			upper->links[i].upper = levels[l].neighbours[i].upper;
		}
		upper_slot = vx_store_insert_upper(store, upper);
		uppers[l] = upper_slot;
	}

	/* Pages may have been added: others must be able to read them. */
	vx_store_refresh_meta(store);
	enter = levels[0].count > 0 && level <= HnswGetMeta(&store->meta)->entry_level;
	vx_hnsw_link_back(store, inserted.node, slot, hash, levels[0].neighbours,
					  levels[0].wanted, enter);
	for (l = 1; l <= Min(level, reached); l++)
		vx_hnsw_link_back_upper(store, inserted.node, uppers[l], l, slot,
								levels[l].neighbours, levels[l].wanted);

	VX_DEBUG_POINT("hnsw-insert-linked");

	/*
	 * Who has found dead nodes only, the entry point among them, cannot be
	 * found by way of them for long, and by nobody before it is the entry
	 * point: rows of equal codes neither.  They do not find one either whose
	 * level is higher than the entry point's, and would stay so.
	 */
	raise_entry(store, inserted.node, upper_slot, level, levels[0].count == 0);
	if (!enter)
		vx_store_remember_node(store, hash, inserted.node);
	return true;
}

void
vx_hnsw_insert_row(StoreIndex *store, ItemPointer tid, uint16 kind, QuantSlotData *slot,
				   const char *attributes)
{
	StoreInserted inserted;
	MemoryContext context;
	MemoryContext old_context;
	uint64		hash;

	if (kind != STORE_ROW_CODED)
	{
		vx_store_insert(store, tid, kind, slot, attributes, &inserted);
		return;
	}
	hash = vx_store_hash_slot(store->quant, slot);
	if (vx_store_insert_equal(store, tid, hash, slot, attributes, &inserted))
		return;
	vx_store_reserve_entry(store, hash);

	context = AllocSetContextCreate(CurrentMemoryContext, "hnsw insert",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	LockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ShareLock);
	if (!insert_into_graph(store, tid, slot, attributes, hash, false))
	{
		UnlockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ShareLock);
		LockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ExclusiveLock);
		insert_into_graph(store, tid, slot, attributes, hash, true);
		UnlockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ExclusiveLock);
	}
	else
		UnlockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ShareLock);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

bool
vx_hnsw_insert(Relation index, Datum *values, bool *isnull,
			   ItemPointer heap_tid, Relation heap,
			   IndexUniqueCheck check_unique, bool index_unchanged,
			   IndexInfo *index_info)
{
	vx_am_insert(index, values, isnull, heap_tid, index_info, vx_hnsw_insert_row);
	return false;
}
