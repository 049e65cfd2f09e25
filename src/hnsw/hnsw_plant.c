/*-------------------------------------------------------------------------
 *
 * hnsw_plant.c
 *	  What vacuum does so that live nodes are reached without dead ones.
 *
 * Protected links between live nodes are trees.  Each tree but the entry
 * point's gets a protected link from another, until there is one.  Trees that
 * nothing but dead nodes led to are islands: some of their nodes also look for
 * neighbours off the island.
 *
 * Locks: one page at a time, as hnsw_link.c takes them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/hnsw.h"
#include "hnsw/hnsw_read.h"
#include "hnsw/hnsw_vacuum.h"

/* Nodes of an island that look for neighbours off it */
#define ISLAND_MEMBERS 32

/* Step 4 gives up walking when it has been so many times ef_construction wide. */
#define WIDEST_WALK 64

/*
 * Which tree is the node in?  Its root; the way there becomes shorter.
 */
static uint32
find_root(GraphVacuum *vacuum, uint32 node)
{
	uint32	   *tree = vacuum->tree;

	while (tree[node] != node && tree[node] != STORE_NONE)
	{
		uint32		up = tree[node];

		if (tree[up] != STORE_NONE)
			tree[node] = tree[up];
		node = up;
	}
	return node;
}

/* May the node protect this root of a tree? */
static bool
is_outside(GraphVacuum *vacuum, uint32 node, uint32 root)
{
	uint32		other;

	if (node >= vacuum->nodes)
		return false;
	other = find_root(vacuum, node);
	return other != root && vacuum->tree[other] != STORE_NONE;
}

/* HnswFilter: nodes outside the tree that is being worked on */
static bool
is_outside_tree(void *arg, uint32 node)
{
	GraphVacuum *vacuum = (GraphVacuum *) arg;

	return is_outside(vacuum, node, vacuum->root);
}

/*
 * Protected links between live nodes, page by page.  Who is protected twice
 * is in the tree of one of the two; a ring of them has a root, too.
 */
static void
read_trees(GraphVacuum *vacuum, uint32 entry)
{
	StoreIndex *store = vacuum->store;
	uint32		link_bytes = store->meta.link_bytes;
	uint32		per_page = HnswLinksPerPage(link_bytes);
	int			room = link_bytes / sizeof(HnswLink);
	uint32	   *tree = vacuum->tree;
	char	   *page = palloc(BLCKSZ);
	uint32		page_no;
	uint32		node;

	for (node = 0; node < vacuum->nodes; node++)
		tree[node] = is_dead(vacuum, node) ? STORE_NONE : node;
	tree[entry] = entry;
	for (page_no = 0; page_no < store->meta.families[STORE_LINK].pages; page_no++)
	{
		Buffer		buffer;
		uint32		slots;
		uint32		i;

		vx_vacuum_delay_point();
		buffer = vx_store_lock(store, STORE_LINK, page_no, BUFFER_LOCK_SHARE);
		memcpy(page, BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
		slots = vx_store_slots((Page) page, STORE_LINK, link_bytes);
		for (i = 0; i < slots; i++)
		{
			const HnswLink *links = (HnswLink *) vx_store_slot((Page) page, STORE_LINK,
															   link_bytes, i);
			int			at;

			node = page_no * per_page + i;
			if (node >= vacuum->nodes)
				break;
			if (links[0] == HNSW_LINK_FREED)
				tree[node] = STORE_NONE;
			if (tree[node] == STORE_NONE)
				continue;
			for (at = 0; at < room && links[at] != 0; at++)
			{
				uint32		target = HnswLinkNode(links[at]);

				if ((links[at] & HNSW_LINK_PROTECTED) && target < vacuum->nodes &&
					target != entry && tree[target] == target &&
					find_root(vacuum, node) != target)
					tree[target] = node;
			}
		}
	}
	pfree(page);
}

/*
 * Find nodes outside its tree that are near to a root, as a walk does: ever
 * wider, since those that died around it are found, too.
 */
static uint32
protect_by_walk(GraphVacuum *vacuum, uint32 root)
{
	StoreIndex *store = vacuum->store;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw protect",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	QuantSlotData *slot;
	HnswSearch *search = vx_hnsw_search_for_node(store, root, &slot);
	int			least = HnswGetMeta(&store->meta)->ef_construction;
	int			ef;
	uint32		protector = STORE_NONE;

	for (ef = least; protector == STORE_NONE && ef <= least * WIDEST_WALK; ef *= 8)
	{
		const HnswCandidate *found;
		int			count;
		int			i;

		if (vx_hnsw_descend(search, 0) < 0)
			break;
		count = vx_hnsw_search_bottom(search, ef, &found);
		for (i = 0; i < count && protector == STORE_NONE; i++)
		{
			if (is_outside(vacuum, found[i].node, root) &&
				vx_hnsw_protect_node(store, found[i].node, root))
				protector = found[i].node;
		}
		if (count < ef)
			break;
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return protector;
}

/*
 * Give the root of a tree a protected link from outside it: from a live
 * neighbour, best one that has a link to it already; or from one of those
 * that its dead neighbours lead to.  Sets *island if no live neighbour is outside.
 */
static uint32
protect_by_neighbours(GraphVacuum *vacuum, uint32 root, bool *island)
{
	StoreIndex *store = vacuum->store;
	HnswLink	links[2 * HNSW_MAX_M];
	HnswLink	theirs[2 * HNSW_MAX_M];
	uint32		candidates[MAX_CANDIDATES];
	int			count = vx_hnsw_read_list(store, root, links);
	int			candidate_count = 0;
	int			used;
	int			i;
	int			j;

	for (i = 0; i < count; i++)
	{
		uint32		candidate = HnswLinkNode(links[i]);

		if (!is_outside(vacuum, candidate, root))
			continue;
		candidates[candidate_count++] = candidate;
		used = vx_hnsw_read_list(store, candidate, theirs);
		for (j = 0; j < used; j++)
		{
			if (HnswLinkNode(theirs[j]) == root &&
				vx_hnsw_protect_node(store, candidate, root))
			{
				*island = false;
				return candidate;
			}
		}
	}
	*island = candidate_count == 0;
	for (i = 0; i < count; i++)
	{
		if (!is_dead(vacuum, HnswLinkNode(links[i])))
			continue;
		used = vx_hnsw_read_list(store, HnswLinkNode(links[i]), theirs);
		for (j = 0; j < used && candidate_count < MAX_CANDIDATES; j++)
		{
			uint32		candidate = HnswLinkNode(theirs[j]);

			if (is_outside(vacuum, candidate, root) &&
				!contains(candidates, candidate_count, candidate))
				candidates[candidate_count++] = candidate;
		}
	}
	used = vx_hnsw_sort_candidates(vacuum, root, candidates, candidate_count);
	for (i = 0; i < used; i++)
	{
		if (vx_hnsw_protect_node(store, vacuum->neighbours[i].node, root))
			return vacuum->neighbours[i].node;
	}
	return STORE_NONE;
}

/*
 * A tree whose root has no live neighbour outside it may be an island: what was
 * put among nodes that have died since, and was linked to these and to its own
 * kind only.  One protected link makes it reachable, but few walks come by that
 * one way.  So some of its nodes look for neighbours off the island, as if they
 * were inserted now; they are linked when lists have room
 * (vx_hnsw_bridge_islands).
 */
static void
explore_island(GraphVacuum *vacuum, uint32 root)
{
	StoreIndex *store = vacuum->store;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw island",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	uint32		members[ISLAND_MEMBERS];
	int			member_count = 0;
	int			head;

	members[member_count++] = root;
	for (head = 0; head < member_count; head++)
	{
		uint32		node = members[head];
		HnswLink	links[2 * HNSW_MAX_M];
		uint32		candidates[MAX_CANDIDATES];
		QuantSlotData *slot;
		HnswSearch *search;
		const HnswCandidate *found;
		int			count = vx_hnsw_read_list(store, node, links);
		int			i;

		vx_vacuum_delay_point();
		for (i = 0; i < count && member_count < ISLAND_MEMBERS; i++)
		{
			uint32		next = HnswLinkNode(links[i]);

			if ((links[i] & HNSW_LINK_PROTECTED) && next < vacuum->nodes &&
				find_root(vacuum, next) == root && !contains(members, member_count, next))
				members[member_count++] = next;
		}
		if (vacuum->found_size + vacuum->m + 2 > vacuum->found_room)
		{
			if (vacuum->found_room * sizeof(uint32) >= (Size) maintenance_work_mem * 1024)
				break;
			vacuum->found_room = Max(4096, vacuum->found_room * 2);
			vacuum->found = vacuum->found == NULL ?
				MemoryContextAllocHuge(old_context, vacuum->found_room * sizeof(uint32)) :
				repalloc_huge(vacuum->found, vacuum->found_room * sizeof(uint32));
		}
		search = vx_hnsw_search_for_node(store, node, &slot);
		vx_hnsw_set_filter(search, is_outside_tree, vacuum);
		vx_hnsw_hide_node(search, node);
		count = vx_hnsw_descend(search, 0) < 0 ? 0 :
			vx_hnsw_search_bottom(search, HnswGetMeta(&store->meta)->ef_construction, &found);
		count = Min(count, MAX_CANDIDATES);
		for (i = 0; i < count; i++)
			candidates[i] = found[i].node;
		count = vx_hnsw_rank_candidates(vacuum, node, candidates, count, vacuum->m);
		if (count > 0)
		{
			vacuum->found[vacuum->found_size++] = node;
			vacuum->found[vacuum->found_size++] = count;
		}
		for (i = 0; i < count; i++)
			vacuum->found[vacuum->found_size++] = vacuum->neighbours[i].node;
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/*
 * Link nodes of islands to whom they have found.
 */
void
vx_hnsw_bridge_islands(GraphVacuum *vacuum)
{
	StoreIndex *store = vacuum->store;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw repair",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Size		at = 0;

	while (at < vacuum->found_size)
	{
		uint32		node = vacuum->found[at++];
		int			count = vacuum->found[at++];
		QuantSlotData *slot = palloc(store->quant->slot_bytes);

		vx_vacuum_delay_point();
		vx_hnsw_read_codes(store, &node, 1, (char *) slot);
		vx_hnsw_link_each_other(store, node, slot, vacuum->neighbours,
								vx_hnsw_rank_candidates(vacuum, node, vacuum->found + at, count,
														vacuum->m));
		at += count;
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	if (vacuum->found != NULL)
		pfree(vacuum->found);
}

/* HnswFilter: all nodes but one */
static bool
is_another(void *arg, uint32 node)
{
	return node != *(uint32 *) arg;
}

/*
 * HnswMayGo: may the root have the place of another node in owner's list?  One
 * in the root's own tree is led to by it.  One that has died, with all that hangs
 * from it, is from now on, dead nodes between them or not: but not through the
 * owner itself.
 */
static bool
can_follow_root(void *arg, uint32 owner, uint32 other)
{
	GraphVacuum *vacuum = (GraphVacuum *) arg;

	if (is_dead(vacuum, other))
		return vx_hnsw_protect_from(vacuum->store, &vacuum->root, 1, other, is_another,
									&owner) != STORE_NONE;
	return other < vacuum->nodes && vacuum->tree[other] != STORE_NONE &&
		find_root(vacuum, other) == vacuum->root;
}

/*
 * Step 4: make one tree of all, the one of the node that is or will be the
 * entry point.  A tree that gets a protected link from another becomes a part
 * of that one, so in the end all are parts of the last.  Nodes that are being
 * inserted may get a link more than they need.
 */
void
vx_hnsw_plant_trees(GraphVacuum *vacuum, uint32 entry)
{
	StoreIndex *store = vacuum->store;
	uint32		root;

	if (entry >= vacuum->nodes)
		vx_store_report_corruption(store->relation, "The entry point is node %u of %u.", entry,
								   vacuum->nodes);
	vacuum->tree = MemoryContextAllocHuge(CurrentMemoryContext,
										  sizeof(uint32) * (Size) vacuum->nodes);
	read_trees(vacuum, entry);
	for (root = 0; root < vacuum->nodes; root++)
	{
		uint32		protector;
		bool		island;

		if (root % 1024 == 0)
			vx_vacuum_delay_point();
		if (vacuum->tree[root] != root || root == entry)
			continue;
		vx_vacuum_delay_point();
		if (!vx_hnsw_node_is_live(store, root))
		{
			/* Should it come to life: nobody counts on it. */
			vacuum->tree[root] = STORE_NONE;
			continue;
		}
		vacuum->root = root;
		protector = protect_by_neighbours(vacuum, root, &island);
		if (island)
			explore_island(vacuum, root);
		if (protector == STORE_NONE)
			protector = protect_by_walk(vacuum, root);
		if (protector == STORE_NONE)
			protector = vx_hnsw_protect_from(store, &entry, 1, root, is_outside_tree, vacuum);
		/* All that the entry point leads to is full of links to dead nodes. */
		if (protector == STORE_NONE)
			protector = vx_hnsw_protect_instead(store, &entry, 1, root, is_outside_tree,
												can_follow_root, vacuum);
		if (protector == STORE_NONE)
			vx_store_report_corruption(store->relation, "No list has room for a link to node %u.", root);
		vacuum->tree[root] = protector;
	}
	pfree(vacuum->tree);
	vacuum->tree = NULL;
}
