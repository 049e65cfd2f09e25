/*-------------------------------------------------------------------------
 *
 * hnsw_vacuum.c
 *	  Taking dead nodes out of the graph.
 *
 * 1. The store removes dead rows; a node that loses its last one is marked dead
 *	  and stays in the graph as a bridge (vx_store_bulk_delete).
 * 2. Dead nodes are collected, also those that an interrupted vacuum has left.
 * 3. Whoever is inserting at this moment may have taken one of them for live:
 *	  wait until they have finished (wait_for_inserts).
 * 4. Protected links between live nodes are trees; those that hang from dead
 *	  nodes get a protected link from a live one, until there is one tree, of
 *	  the entry point or, if that is dead, of the one that is to be
 *	  (vx_hnsw_plant_trees).  Now no live node needs a dead one to be reached.
 * 5. If the entry point is dead, or not of the highest level, another takes its
 *	  place (replace_entry).
 * 6. Lists that lead to dead nodes are repaired from the dead nodes' own
 *	  lists (repair_list, repair_upper).  Where a whole neighbourhood has died,
 *	  the nodes that are left are linked anew (link_anew), and those in the
 *	  middle of it to those around it (vx_hnsw_bridge_islands).
 * 7. Inserts that stand at a dead node get away (wait_for_inserts), and dead
 *	  nodes and their upper slots are freed.
 *
 * Protected links to live nodes are never taken away, and before step 4 has
 * come to its end no others either: wherever vacuum stops, every live node
 * can be reached.
 *
 * Memory: three bits a node, four bytes a node for step 4, and for islands 4 m
 * bytes a member as far as maintenance_work_mem allows.  Searches take no lock
 * that vacuum waits for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "base/base_debug.h"
#include "hnsw/hnsw.h"
#include "hnsw/hnsw_inspect.h"
#include "hnsw/hnsw_link.h"
#include "hnsw/hnsw_read.h"
#include "hnsw/hnsw_vacuum.h"

/* Lists that keep changing under our hands this often are an error. */
#define MAX_TRIES 1000

/* Dead nodes handed to the store at a time, see step 7 */
#define FREED_AT_ONCE 256

/* Calibrate again when so much of the index has changed. */
#define CALIBRATE_FRACTION 0.2

static uint64 *
make_bitmap(uint32 nodes)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, ((Size) nodes / 64 + 1) * sizeof(uint64),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/*
 * How many of the nodes below a limit are in a state; they are marked in the
 * bitmap, if there is one.  Node pages are little beside the pages of rows, which
 * vacuum reads in any case.
 */
static uint32
count_nodes(StoreIndex *store, int state, uint64 *bitmap, uint32 limit)
{
	uint32		count = 0;
	uint32		page_no;

	for (page_no = 0; page_no < store->meta.families[STORE_NODE].pages; page_no++)
	{
		Buffer		buffer;
		Page		page;
		uint32		slots;
		uint32		i;

		vx_vacuum_delay_point();
		buffer = vx_store_lock(store, STORE_NODE, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		slots = vx_store_slots(page, STORE_NODE, sizeof(StoreNodeData));
		for (i = 0; i < slots; i++)
		{
			StoreNodeData *data = (StoreNodeData *)
				vx_store_slot(page, STORE_NODE, sizeof(StoreNodeData), i);
			uint32		node = page_no * STORE_NODES_PER_PAGE + i;

			if (data->state == state && node < limit)
			{
				if (bitmap != NULL)
					set_bit(bitmap, node);
				count++;
			}
		}
		UnlockReleaseBuffer(buffer);
	}
	return count;
}

/* Returns when every insert that runs now has linked its node. */
static void
wait_for_inserts(StoreIndex *store)
{
	LockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ExclusiveLock);
	UnlockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ExclusiveLock);
}

/* Nodes that have come since the dead were collected are not dead. */
static void
see_new_nodes(GraphVacuum *vacuum)
{
	uint32		limit = vx_hnsw_node_limit(vacuum->store);
	uint64	   *wider;

	if (limit <= vacuum->nodes)
		return;
	wider = make_bitmap(limit);
	memcpy(wider, vacuum->dead, sizeof(uint64) * (vacuum->nodes / 64 + 1));
	pfree(vacuum->dead);
	vacuum->dead = wider;
	vacuum->nodes = limit;
}

static bool
is_usable_upper(const GraphVacuum *vacuum, const HnswUpperData *upper)
{
	return upper->node != STORE_NONE && upper->node < vacuum->nodes &&
		!is_dead(vacuum, upper->node) && upper->level >= 1 && upper->level <= HNSW_TOP_LEVEL;
}

/*
 * Words of the metapage with the live node of the highest level as the entry
 * point.  False and no change if the one they have is as good.
 */
static bool
elect_entry(GraphVacuum *vacuum, HnswMetaData *words)
{
	StoreIndex *store = vacuum->store;
	Size		size = store->meta.upper_bytes;
	uint32		per_page = HnswUppersPerPage(size);
	uint32		limit = vx_hnsw_node_limit(store);
	bool		has_entry = words->entry_node != STORE_NONE && !is_dead(vacuum, words->entry_node);
	HnswMetaData elected = *words;
	uint32		page_no;
	uint32		node;

	elected.entry_node = STORE_NONE;
	elected.entry_upper = STORE_NONE;
	elected.entry_level = 0;
	for (page_no = 0; page_no < store->meta.families[STORE_UPPER].pages; page_no++)
	{
		Buffer		buffer = vx_store_lock(store, STORE_UPPER, page_no, BUFFER_LOCK_SHARE);
		uint32		slots = vx_store_slots(BufferGetPage(buffer), STORE_UPPER, size);
		uint32		i;

		for (i = 0; i < slots; i++)
		{
			HnswUpperData *upper = (HnswUpperData *)
				vx_store_slot(BufferGetPage(buffer), STORE_UPPER, size, i);

			if (upper->node < limit && !is_dead(vacuum, upper->node) &&
				upper->level > elected.entry_level && upper->level <= HNSW_TOP_LEVEL)
			{
				elected.entry_node = upper->node;
				elected.entry_upper = page_no * per_page + i;
				elected.entry_level = upper->level;
			}
		}
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
	if (has_entry && words->entry_level >= elected.entry_level)
		return false;
	for (node = 0; elected.entry_node == STORE_NONE && node < limit; node++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_dead(vacuum, node) && vx_hnsw_node_is_live(store, node))
			elected.entry_node = node;
	}
	*words = elected;
	return true;
}

/* Candidates by distance; inlined, for this is a third of a vacuum else. */
#define ST_SORT sort_by_distance
#define ST_ELEMENT_TYPE HnswCandidate
#define ST_COMPARE(a, b) ((a)->distance < (b)->distance ? -1 : (a)->distance > (b)->distance)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Sort candidates by their distance from a node, to vacuum->neighbours.  Returns
 * how many hold a code.
 */
int
vx_hnsw_sort_candidates(GraphVacuum *vacuum, uint32 node, const uint32 *candidates, int count)
{
	StoreIndex *store = vacuum->store;
	Size		slot_bytes = store->quant->slot_bytes;
	const QuantSlotData *own = (QuantSlotData *) (vacuum->codes + count * slot_bytes);
	const QuantSlotData *slots[MAX_CANDIDATES];
	float		distances[MAX_CANDIDATES];
	HnswCandidate order[MAX_CANDIDATES];	/* node is the candidate's place */
	int			used = 0;
	int			i;

	vx_hnsw_gather_codes(store, candidates, count, vacuum->codes);
	vx_hnsw_read_codes(store, &node, 1, vacuum->codes + count * slot_bytes);
	for (i = 0; i < count; i++)
		slots[i] = (QuantSlotData *) (vacuum->codes + i * slot_bytes);
	vx_quant_code_distance_list(store->quant, own, slots, count, distances);
	for (i = 0; i < count; i++)
	{
		if (isnan(slots[i]->error) || isnan(distances[i]))
			continue;
		order[used].distance = distances[i];
		order[used++].node = i;
	}
	sort_by_distance(order, used);
	for (i = 0; i < used; i++)
	{
		uint32		place = order[i].node;

		vacuum->neighbours[i].distance = order[i].distance;
		vacuum->neighbours[i].node = candidates[place];
		vacuum->neighbours[i].upper = place;
		vacuum->neighbours[i].slot = slots[place];
	}
	return used;
}

/*
 * Rank candidates for a node's list: nearest first by distance, and of those the
 * ones that the heuristic prefers.  Returns how many hold a code.
 */
int
vx_hnsw_rank_candidates(GraphVacuum *vacuum, uint32 node, const uint32 *candidates, int count, int want)
{
	int			used = vx_hnsw_sort_candidates(vacuum, node, candidates, count);
	int			wanted;

	return vx_hnsw_select_neighbours(vacuum->store, vacuum->neighbours, used,
									 Min(want, used), &wanted);
}

/* HnswFilter: all but those that are being removed */
static bool
is_not_dead(void *arg, uint32 node)
{
	return !is_dead((GraphVacuum *) arg, node);
}

/*
 * Step 5: if the entry point is dead, or not of the highest level, the live
 * node of the highest level takes its place, and protects the root of the tree
 * that all others are in, unless it is this one.  An insert may have been
 * faster: then the new entry point may lead to the tree by way of a dead one
 * only.  Inserts are kept out.
 */
static void
replace_entry(GraphVacuum *vacuum, uint32 root)
{
	StoreIndex *store = vacuum->store;
	HnswMetaData elected;
	HnswMetaData *meta;
	Buffer		buffer;
	StoreWal	wal;

	LockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ExclusiveLock);
	vx_store_refresh_meta(store);
	elected = *HnswGetMeta(&store->meta);
	(void) elect_entry(vacuum, &elected);
	if (root != STORE_NONE && elected.entry_node != root &&
		vx_hnsw_protect_from(store, &elected.entry_node, 1, root, is_not_dead, vacuum) == STORE_NONE)
		vx_store_report_corruption(store->relation, "No list has room for a link to node %u.", root);

	buffer = vx_store_lock_meta(store, BUFFER_LOCK_EXCLUSIVE);
	meta = HnswGetMeta((StoreMetaData *) PageGetContents(BufferGetPage(buffer)));
	if (memcmp(meta, &elected, offsetof(HnswMetaData, m)) != 0)
	{
		vx_store_wal_begin(&wal, store->relation);
		vx_store_wal_add(&wal, buffer, false);
		vx_store_wal_put(&wal, 0, meta, &elected, offsetof(HnswMetaData, m));
		vx_store_wal_finish(&wal);
		memcpy(&store->meta, PageGetContents(BufferGetPage(buffer)), sizeof(StoreMetaData));
	}
	UnlockReleaseBuffer(buffer);
	UnlockPage(store->relation, HNSW_LINK_LOCK_BLOCK, ExclusiveLock);
}

/*
 * Might the node have been here before?  Bits chosen by its number tell of most
 * that have not; who gets true has to look.
 */
#define FILTER_BITS 1024

static inline bool
may_have_seen(uint64 *filter, uint32 node)
{
	uint32		bit = (node * 0x9E3779B1U) / (uint32) (PG_UINT32_MAX / FILTER_BITS + 1);
	bool		seen = test_bit(filter, bit);

	set_bit(filter, bit);
	return seen;
}

/*
 * Make a live node's list without dead nodes: what is live stays, what was dead
 * is replaced from the dead nodes' own lists.  Returns true if more than half
 * was dead, or these lists do not lead to as many that live.
 */
static bool
make_repaired_list(GraphVacuum *vacuum, uint32 node, const HnswLink *before, int count,
				   HnswLink *after)
{
	StoreIndex *store = vacuum->store;
	HnswLink	links[2 * HNSW_MAX_M];
	uint32		kept[2 * HNSW_MAX_M];
	uint32		candidates[MAX_CANDIDATES];
	uint64		filter[FILTER_BITS / 64];
	int			kept_count = 0;
	int			candidate_count = 0;
	bool		starved;
	int			chosen;
	int			i;
	int			j;

	memset(filter, 0, sizeof(filter));
	memset(after, 0, store->meta.link_bytes);
	for (i = 0; i < count; i++)
	{
		if (!is_dead(vacuum, HnswLinkNode(before[i])))
		{
			after[kept_count] = before[i];
			kept[kept_count] = HnswLinkNode(before[i]);
			(void) may_have_seen(filter, kept[kept_count++]);
		}
	}
	for (i = 0; i < count; i++)
	{
		int			used;

		if (!is_dead(vacuum, HnswLinkNode(before[i])))
			continue;
		used = vx_hnsw_read_list(store, HnswLinkNode(before[i]), links);
		for (j = 0; j < used && candidate_count < MAX_CANDIDATES; j++)
		{
			uint32		candidate = HnswLinkNode(links[j]);

			if (candidate != node && !is_dead(vacuum, candidate) &&
				(!may_have_seen(filter, candidate) ||
				 (!contains(kept, kept_count, candidate) &&
				  !contains(candidates, candidate_count, candidate))))
				candidates[candidate_count++] = candidate;
		}
	}

	/* As many as were lost: room is left for those who come. */
	chosen = vx_hnsw_rank_candidates(vacuum, node, candidates, candidate_count, count - kept_count);
	starved = kept_count < count / 2 || kept_count + chosen < count;
	for (i = 0; i < chosen; i++)
		after[kept_count++] = HnswMakeLink(vacuum->neighbours[i].node);
	return starved;
}

/*
 * Repair one list if it leads to dead nodes.
 */
static void
repair_list(GraphVacuum *vacuum, uint32 node)
{
	StoreIndex *store = vacuum->store;
	uint32		link_bytes = store->meta.link_bytes;
	uint32		per_page = HnswLinksPerPage(link_bytes);
	HnswLink	before[2 * HNSW_MAX_M];
	HnswLink	after[2 * HNSW_MAX_M];
	int			tries;

	for (tries = 0; tries < MAX_TRIES; tries++)
	{
		int			count = vx_hnsw_read_list(store, node, before);
		int			dead = 0;
		Buffer		buffer;
		HnswLink   *on_page;
		bool		same;
		bool		starved;
		int			i;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < count; i++)
			dead += is_dead(vacuum, HnswLinkNode(before[i]));
		if (dead == 0)
			return;
		starved = make_repaired_list(vacuum, node, before, count, after);

		buffer = vx_store_lock(store, STORE_LINK, node / per_page, BUFFER_LOCK_EXCLUSIVE);
		on_page = (HnswLink *) vx_store_slot(BufferGetPage(buffer), STORE_LINK, link_bytes,
											 node % per_page);
		same = memcmp(on_page, before, link_bytes) == 0;
		if (same)
		{
			StoreWal	wal;

			vx_store_wal_begin(&wal, store->relation);
			vx_store_wal_add(&wal, buffer, false);
			vx_store_wal_put(&wal, 0, on_page, after, link_bytes);
			vx_store_wal_finish(&wal);
		}
		UnlockReleaseBuffer(buffer);
		if (same)
		{
			if (starved && node < vacuum->nodes)
				set_bit(vacuum->starved, node);
			return;
		}
	}
	elog(ERROR, "could not repair the links of node %u of index \"%s\"", node,
		 RelationGetRelationName(store->relation));
}

/*
 * Repair one upper slot if it leads to dead nodes.
 */
static void
repair_upper(GraphVacuum *vacuum, uint32 number)
{
	StoreIndex *store = vacuum->store;
	uint32		size = store->meta.upper_bytes;
	uint32		per_page = HnswUppersPerPage(size);
	HnswUpperData *before = vacuum->upper;
	HnswUpperData *after = palloc(size);
	HnswUpperData *other = palloc(size);
	int			tries;

	for (tries = 0; tries < MAX_TRIES; tries++)
	{
		uint32		kept[HNSW_MAX_M + 1];
		uint32		candidates[MAX_CANDIDATES];
		uint32		slots[MAX_CANDIDATES];
		int			kept_count = 0;
		int			candidate_count = 0;
		int			count = 0;
		int			dead = 0;
		int			chosen;
		bool		starved;
		bool		same;
		Buffer		buffer;
		int			i;
		int			j;

		CHECK_FOR_INTERRUPTS();
		if (!vx_store_peek_slot(store, STORE_UPPER, number / per_page, number % per_page,
								size, size, before) || !is_usable_upper(vacuum, before))
			break;
		while (count < vacuum->m && before->links[count].node_plus_one != 0)
			dead += is_dead(vacuum, before->links[count++].node_plus_one - 1);
		if (dead == 0)
			break;

		memset(after, 0, size);
		memcpy(after, before, offsetof(HnswUpperData, links));
		for (i = 0; i < count; i++)
		{
			if (!is_dead(vacuum, before->links[i].node_plus_one - 1))
			{
				after->links[kept_count] = before->links[i];
				kept[kept_count++] = before->links[i].node_plus_one - 1;
			}
		}
		for (i = 0; i < count; i++)
		{
			int			used;

			if (!is_dead(vacuum, before->links[i].node_plus_one - 1) ||
				!vx_hnsw_read_upper(store, before->links[i].upper,
									before->links[i].node_plus_one - 1, before->level,
									other, &used))
				continue;
			for (j = 0; j < used && candidate_count < MAX_CANDIDATES; j++)
			{
				uint32		candidate = other->links[j].node_plus_one - 1;

				if (candidate == before->node || is_dead(vacuum, candidate) ||
					contains(kept, kept_count, candidate) ||
					contains(candidates, candidate_count, candidate))
					continue;
				slots[candidate_count] = other->links[j].upper;
				candidates[candidate_count++] = candidate;
			}
		}
		chosen = vx_hnsw_rank_candidates(vacuum, before->node, candidates, candidate_count,
										 count - kept_count);
		starved = kept_count < count / 2 || kept_count + chosen < count;
		for (i = 0; i < chosen; i++)
		{
			after->links[kept_count].node_plus_one = vacuum->neighbours[i].node + 1;
			after->links[kept_count++].upper = slots[vacuum->neighbours[i].upper];
		}

		buffer = vx_store_lock(store, STORE_UPPER, number / per_page, BUFFER_LOCK_EXCLUSIVE);
		{
			HnswUpperData *on_page = (HnswUpperData *)
				vx_store_slot(BufferGetPage(buffer), STORE_UPPER, size, number % per_page);

			same = memcmp(on_page, before, size) == 0;
			if (same)
			{
				StoreWal	wal;

				vx_store_wal_begin(&wal, store->relation);
				vx_store_wal_add(&wal, buffer, false);
				vx_store_wal_put(&wal, 0, on_page, after, size);
				vx_store_wal_finish(&wal);
			}
		}
		UnlockReleaseBuffer(buffer);
		if (same)
		{
			if (starved)
				set_bit(vacuum->starved_uppers, number);
			break;
		}
	}
	pfree(after);
	pfree(other);
}

/*
 * Get ready to walk to where a node is.  Its code goes to *slot, in the current
 * memory context, in which the search lives, too.
 */
HnswSearch *
vx_hnsw_search_for_node(StoreIndex *store, uint32 node, QuantSlotData **slot)
{
	HnswSearch *search = vx_hnsw_begin_search(store);

	*slot = palloc(store->quant->slot_bytes);
	vx_hnsw_read_codes(store, &node, 1, (char *) *slot);
	vx_hnsw_search_for_code(search, *slot);
	return search;
}

/*
 * Where a whole neighbourhood has died, its nodes' lists are of no use to those
 * who are left in it or round it: they are linked anew, as if they were inserted,
 * now that the lists of all others have room.
 */
static void
link_anew(GraphVacuum *vacuum, uint32 node, int level, uint32 own_upper)
{
	StoreIndex *store = vacuum->store;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw repair",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	QuantSlotData *slot;
	HnswSearch *search = vx_hnsw_search_for_node(store, node, &slot);
	const HnswCandidate *found = NULL;
	const HnswUpperCandidate *found_upper = NULL;
	uint32		candidates[MAX_CANDIDATES];
	uint32		uppers[MAX_CANDIDATES];
	HnswNeighbour own;
	int			ef = HnswGetMeta(&store->meta)->ef_construction;
	int			found_count = 0;
	int			count = 0;
	int			i;

	vx_hnsw_hide_node(search, node);
	if (vx_hnsw_descend(search, level) == level)
		found_count = level > 0 ? vx_hnsw_search_upper(search, ef, &found_upper) :
			vx_hnsw_search_bottom(search, ef, &found);
	for (i = 0; i < found_count && count < MAX_CANDIDATES; i++)
	{
		uint32		candidate = level > 0 ? found_upper[i].node : found[i].node;

		if (candidate == node || is_dead(vacuum, candidate))
			continue;
		uppers[count] = level > 0 ? found_upper[i].upper : STORE_NONE;
		candidates[count++] = candidate;
	}
	count = vx_hnsw_rank_candidates(vacuum, node, candidates, count, vacuum->m);
	if (level == 0)
		vx_hnsw_link_each_other(store, node, slot, vacuum->neighbours, count);
	else
	{
		for (i = 0; i < count; i++)
			vacuum->neighbours[i].upper = uppers[vacuum->neighbours[i].upper];
		vx_hnsw_link_back_upper(store, node, own_upper, level, slot, vacuum->neighbours, count);
		own.distance = 0;
		own.node = node;
		own.upper = own_upper;
		own.slot = slot;
		for (i = 0; i < count; i++)
			vx_hnsw_link_back_upper(store, vacuum->neighbours[i].node,
									vacuum->neighbours[i].upper, level,
									vacuum->neighbours[i].slot, &own, 1);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/* StoreShouldFree: slots of dead nodes */
static bool
belongs_to_dead(void *arg, const void *slot)
{
	return is_dead((GraphVacuum *) arg, ((const HnswUpperData *) slot)->node);
}

/*
 * Step 7: free the dead nodes, in portions that share pages and records.
 */
static void
free_dead_nodes(GraphVacuum *vacuum)
{
	uint32		portion[FREED_AT_ONCE];
	int			count = 0;
	uint32		node;

	for (node = 0; node < vacuum->nodes; node++)
	{
		if (is_dead(vacuum, node))
			portion[count++] = node;
		if (count == FREED_AT_ONCE || (count > 0 && node == vacuum->nodes - 1))
		{
			vx_vacuum_delay_point();
			vx_store_free_dead_nodes(vacuum->store, portion, count);
			count = 0;
			VX_DEBUG_POINT("hnsw-vacuum-freeing");
		}
	}
}

/*
 * Count the changes; measure again if there are many.
 */
static void
refresh_calibration(StoreIndex *store, uint32 removed)
{
	HnswMetaData meta;

	vx_store_refresh_meta(store);
	meta = *HnswGetMeta(&store->meta);
	/* For every node removed another one is likely to have come. */
	meta.calibrated_changes += 2 * (uint64) removed;
	if (!meta.calibrated ||
		meta.calibrated_changes > CALIBRATE_FRACTION * (double) meta.calibrated_nodes)
		vx_hnsw_calibrate(store, &meta);
	vx_hnsw_store_calibration(store, &meta);
}

/*
 * Steps 2 to 7.
 */
static void
remove_dead_nodes(StoreIndex *store)
{
	GraphVacuum vacuum;
	HnswMetaData entry;
	bool		entry_goes;
	uint32		root;
	uint32		number;
	uint32		node;
	uint32		uppers;
	uint32		per_page;

	memset(&vacuum, 0, sizeof(vacuum));
	vacuum.store = store;
	vx_store_refresh_meta(store);
	vx_hnsw_check_words(store);
	vacuum.m = HnswGetMeta(&store->meta)->m;
	vacuum.nodes = vx_hnsw_node_limit(store);
	vacuum.dead = make_bitmap(vacuum.nodes);
	vacuum.dead_count = count_nodes(store, STORE_NODE_DEAD, vacuum.dead, vacuum.nodes);
	if (vacuum.dead_count == 0)
	{
		pfree(vacuum.dead);
		return;
	}
	vacuum.codes = palloc_extended(store->quant->slot_bytes * (MAX_CANDIDATES + 1),
								   MCXT_ALLOC_HUGE);
	vacuum.neighbours = palloc(sizeof(HnswNeighbour) * (MAX_CANDIDATES + 1));
	vacuum.upper = palloc(store->meta.upper_bytes);

	VX_DEBUG_POINT("hnsw-vacuum-marked");
	wait_for_inserts(store);

	/* They may have added pages, and hang from nodes that are dead now. */
	vx_store_refresh_meta(store);
	see_new_nodes(&vacuum);
	vacuum.starved = make_bitmap(vacuum.nodes);
	entry = *HnswGetMeta(&store->meta);
	root = entry.entry_node;
	entry_goes = elect_entry(&vacuum, &entry);
	if (root == STORE_NONE || is_dead(&vacuum, root))
		root = entry.entry_node;
	if (root != STORE_NONE)
		vx_hnsw_plant_trees(&vacuum, root);
	VX_DEBUG_POINT("hnsw-vacuum-planted");
	if (entry_goes)
		replace_entry(&vacuum, root);

	/* Nodes that have come since cannot lead to dead ones. */
	vx_store_refresh_meta(store);
	for (node = 0; node < vacuum.nodes; node++)
	{
		if (node % 64 == 0)
			vx_vacuum_delay_point();
		if (node == vacuum.nodes / 2)
			VX_DEBUG_POINT("hnsw-vacuum-repairing");
		if (!is_dead(&vacuum, node))
			repair_list(&vacuum, node);
	}
	/* But one that became the entry point leads to the dead one before it. */
	for (; node < vx_hnsw_node_limit(store); node++)
	{
		vx_vacuum_delay_point();
		repair_list(&vacuum, node);
	}
	per_page = HnswUppersPerPage(store->meta.upper_bytes);
	uppers = store->meta.families[STORE_UPPER].pages * per_page;
	vacuum.starved_uppers = make_bitmap(uppers);
	for (number = 0; number < uppers; number++)
	{
		if (number % 64 == 0)
			vx_vacuum_delay_point();
		repair_upper(&vacuum, number);
	}
	for (number = 0; number < uppers; number++)
	{
		if (!test_bit(vacuum.starved_uppers, number) ||
			!vx_store_peek_slot(store, STORE_UPPER, number / per_page, number % per_page,
								store->meta.upper_bytes, store->meta.upper_bytes, vacuum.upper) ||
			!is_usable_upper(&vacuum, vacuum.upper))
			continue;
		vx_vacuum_delay_point();
		link_anew(&vacuum, vacuum.upper->node, vacuum.upper->level, number);
	}
	vx_hnsw_bridge_islands(&vacuum);
	for (node = 0; node < vacuum.nodes; node++)
	{
		if (!test_bit(vacuum.starved, node))
			continue;
		vx_vacuum_delay_point();
		link_anew(&vacuum, node, 0, STORE_NONE);
	}
	VX_DEBUG_POINT("hnsw-vacuum-repaired");

	/* Who has begun before may stand at a dead node, and has to get away. */
	wait_for_inserts(store);
	for (number = 0; number < store->meta.families[STORE_UPPER].pages; number++)
	{
		vx_vacuum_delay_point();
		vx_store_free_uppers(store, number, belongs_to_dead, &vacuum);
	}
	free_dead_nodes(&vacuum);
	VX_DEBUG_POINT("hnsw-vacuum-freed");
	refresh_calibration(store, vacuum.dead_count);
	pfree(vacuum.codes);
	pfree(vacuum.neighbours);
	pfree(vacuum.upper);
	pfree(vacuum.starved);
	pfree(vacuum.starved_uppers);
	pfree(vacuum.dead);
}

/*
 * Measure what has grown much since the last time, or was empty then.
 */
static void
calibrate_if_grown(StoreIndex *store)
{
	HnswMetaData meta;
	double		enough;

	vx_store_refresh_meta(store);
	vx_hnsw_check_words(store);
	meta = *HnswGetMeta(&store->meta);
	if (meta.entry_node == STORE_NONE)
		return;

	/* Many places may be free: they are counted only where it may matter. */
	enough = (1.0 + CALIBRATE_FRACTION) * (double) meta.calibrated_nodes;
	if (meta.calibrated &&
		(vx_hnsw_node_limit(store) <= enough || count_nodes(store, STORE_NODE_LIVE, NULL, HNSW_MAX_NODES) <= enough))
		return;
	vx_hnsw_calibrate(store, &meta);
	vx_hnsw_store_calibration(store, &meta);
}

IndexBulkDeleteResult *
vx_hnsw_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
					IndexBulkDeleteCallback callback, void *callback_state)
{
	StoreIndex *store = vx_store_open(info->index);

	vx_hnsw_check_words(store);
	vx_am_check_columns(vx_am_open_columns(info->index), store);
	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	vx_store_bulk_delete(store, stats, callback, callback_state);
	remove_dead_nodes(store);
	return stats;
}

IndexBulkDeleteResult *
vx_hnsw_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	stats = vx_store_vacuum_cleanup(info, stats);
	if (!info->analyze_only)
		calibrate_if_grown(vx_store_open(info->index));
	return stats;
}
