/*-------------------------------------------------------------------------
 *
 * hnsw_link.c
 *	  Choosing neighbours, and changing lists on pages.
 *
 * A change of a list is planned from a copy without any lock, and made under
 * the page's exclusive lock if the entry that it changes still is what the
 * copy said; otherwise it is planned again.  One entry is changed: a free one
 * is filled, or in a full list the one that the list does best without is
 * replaced.  A protected entry never is.
 *
 * Link pages of one record are locked in the order of their numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/float.h"

#include "base/base_debug.h"
#include "hnsw/hnsw_link.h"
#include "hnsw/hnsw_read.h"
#include "store/store_peek.h"

/* Lists that keep changing under our hands this often are left alone. */
#define MAX_TRIES 1000

/*
 * Pages of lists in a new node's first record of links, which has its entry in
 * the directory, too.
 */
#define FIRST_PAGES (STORE_WAL_BLOCKS - 1)

/*
 * Lists that take a new node in: changing them fills that record and another one.
 * README.md, "WAL of an insert", has what more and fewer of them cost.
 */
#define MAX_LINKED_BACK (FIRST_PAGES + STORE_WAL_BLOCKS)

/* Of an upper level, two records' worth */
#define MAX_UPPER_LINKED_BACK (2 * STORE_WAL_BLOCKS)

/* One entry of one list */
typedef struct LinkChange
{
	uint32		page_no;
	uint32		slot;
	int			entry;
	HnswLink	before;
	HnswLink	after;
	int			neighbour;		/* whose list it is */
	bool		done;
} LinkChange;

/* A list, and codes of its nodes, in the making of a plan */
typedef struct ListPlan
{
	HnswLink	links[2 * HNSW_MAX_M];
	int			count;			/* entries in use; -1: no list to change */
	uint32		nodes[2 * HNSW_MAX_M + 1];
	bool		fixed[2 * HNSW_MAX_M + 1];
	const QuantSlotData *slots[2 * HNSW_MAX_M + 1];
	float		distances[2 * HNSW_MAX_M + 1];
	char	   *codes;			/* room for a full list's, or NULL so far */
} ListPlan;

bool
vx_hnsw_node_is_live(StoreIndex *store, uint32 node)
{
	StoreNodeData data;

	return vx_store_read_node(store, node, &data) && data.state == STORE_NODE_LIVE;
}

/* Ask for so many bytes of a node's slot in a family that is numbered as nodes are. */
static void
prefetch_slot(StoreIndex *store, int family, uint32 node, uint32 per_page, Size slot_bytes,
			  Size bytes)
{
	StorePageRef *ref = vx_store_find_ref(vx_store_cache_family(store, family), node / per_page);

	if (likely(ref != NULL))
		vx_prefetch_bytes(vx_store_prefetch_ref(ref) + STORE_ALIGNED_START +
						  node % per_page * slot_bytes, bytes);
}

static void
prefetch_code(StoreIndex *store, uint32 node)
{
	prefetch_slot(store, STORE_CODE, node, store->codes_per_page, store->quant->slot_bytes,
				  store->quant->compared_bytes);
}

void
vx_hnsw_gather_codes(StoreIndex *store, const uint32 *nodes, int count, char *codes)
{
	int			i;

	if (!store->temporary)
	{
		for (i = 0; i < count; i++)
			prefetch_code(store, nodes[i]);
	}
	vx_hnsw_read_codes(store, nodes, count, codes);
}

int
vx_hnsw_read_list(StoreIndex *store, uint32 node, HnswLink *links)
{
	uint32		link_bytes = store->meta.link_bytes;
	uint32		per_page = HnswLinksPerPage(link_bytes);
	int			room = link_bytes / sizeof(HnswLink);
	uint32		limit = vx_hnsw_node_limit(store);
	int			count;

	if (node >= limit)
	{
		vx_store_refresh_meta(store);
		limit = vx_hnsw_node_limit(store);
	}
	if (node >= limit ||
		!vx_store_peek_slot(store, STORE_LINK, node / per_page, node % per_page,
							link_bytes, link_bytes, links) ||
		links[0] == HNSW_LINK_FREED)
		return -1;
	for (count = 0; count < room && (links[count] & ~HNSW_LINK_PROTECTED) != 0; count++)
	{
		if (unlikely(HnswLinkNode(links[count]) >= limit))
		{
			/* Pages may have been added since the metapage was read. */
			vx_store_refresh_meta(store);
			limit = vx_hnsw_node_limit(store);
			if (HnswLinkNode(links[count]) >= limit)
				vx_store_report_corruption(store->relation, "Node %u is linked to node %u of %u.",
										   node, HnswLinkNode(links[count]), limit);
		}
	}
	return count;
}

/* Does one of the chosen lie nearer to the candidate than the node does? */
static bool
is_covered(const QuantParams *quant, const QuantSlotData *const *chosen, int count,
		   const QuantSlotData *candidate, float distance)
{
	float		distances[8];
	int			from;

	/* In portions: most are covered by one of the first. */
	for (from = 0; from < count; from += lengthof(distances))
	{
		int			portion = Min(count - from, (int) lengthof(distances));
		int			i;

		vx_quant_code_distance_list(quant, candidate, chosen + from, portion, distances);
		for (i = 0; i < portion; i++)
		{
			if (distances[i] < distance)
				return true;
		}
	}
	return false;
}

int
vx_hnsw_select_neighbours(StoreIndex *store, HnswNeighbour *neighbours, int count, int want,
						  int *wanted)
{
	Size		slot_bytes = store->quant->slot_bytes;
	HnswNeighbour *passed = palloc(sizeof(HnswNeighbour) * Max(count, 1));
	const QuantSlotData **slots = palloc(sizeof(QuantSlotData *) * Max(want, 1));
	QuantSlotData *spare = NULL;
	int			passed_count = 0;
	int			chosen = 0;
	int			i;

	for (i = 0; i < count && chosen < want; i++)
	{
		HnswNeighbour candidate = neighbours[i];
		bool		ours = candidate.slot == NULL;

		CHECK_FOR_INTERRUPTS();
		if (ours)
		{
			if (spare == NULL)
				spare = palloc(slot_bytes);
			vx_hnsw_read_codes(store, &candidate.node, 1, (char *) spare);
			if (isnan(spare->error))
				continue;
			candidate.slot = spare;
		}
		if (is_covered(store->quant, slots, chosen, candidate.slot, candidate.distance))
		{
			if (ours)
				candidate.slot = NULL;
			passed[passed_count++] = candidate;
			continue;
		}
		if (ours)
		{
			if (!vx_hnsw_node_is_live(store, candidate.node))
				continue;
			spare = NULL;
		}
		slots[chosen] = candidate.slot;
		neighbours[chosen++] = candidate;
	}
	*wanted = chosen;
	for (i = 0; i < passed_count && chosen < want; i++)
	{
		if (passed[i].slot == NULL)
		{
			if (!vx_hnsw_node_is_live(store, passed[i].node))
				continue;
			if (spare == NULL)
				spare = palloc(slot_bytes);
			vx_hnsw_read_codes(store, &passed[i].node, 1, (char *) spare);
			passed[i].slot = spare;
			spare = NULL;
		}
		neighbours[chosen++] = passed[i];
	}
	pfree(passed);
	pfree(slots);
	return chosen;
}

/*
 * The one of count nodes in a full list, the new one among them, that the list
 * does best without: the farthest that a nearer one covers, or the farthest.
 * fixed ones are not considered.  Returns its index, -1 if all are fixed.
 */
static int
choose_victim(const QuantParams *quant, const QuantSlotData *const *slots,
			  const float *distances, const bool *fixed, int count)
{
	const QuantSlotData *nearer[2 * HNSW_MAX_M];
	bool		tried[2 * HNSW_MAX_M + 1];
	int			farthest = -1;

	memset(tried, 0, sizeof(bool) * count);
	for (;;)
	{
		int			victim = -1;
		int			nearer_count = 0;
		int			i;

		for (i = 0; i < count; i++)
		{
			if (isnan(slots[i]->error) && !fixed[i])
				return i;		/* what holds nothing any more */
			if (!fixed[i] && !tried[i] &&
				(victim < 0 || distances[i] > distances[victim]))
				victim = i;
		}
		if (victim < 0)
			return farthest;
		if (farthest < 0)
			farthest = victim;
		tried[victim] = true;
		for (i = 0; i < count; i++)
		{
			if (distances[i] < distances[victim])
				nearer[nearer_count++] = slots[i];
		}
		if (is_covered(quant, nearer, nearer_count, slots[victim], distances[victim]))
			return victim;
	}
}

/*
 * Read owner's list for a plan, and ask for the codes that it will need.
 */
static void
begin_plan(StoreIndex *store, uint32 owner, ListPlan *plan)
{
	int			room = store->meta.link_bytes / sizeof(HnswLink);
	int			i;

	plan->count = vx_hnsw_read_list(store, owner, plan->links);
	if (plan->count < room || store->temporary)
		return;
	for (i = 0; i < room; i++)
		prefetch_code(store, HnswLinkNode(plan->links[i]));
}

/*
 * Plan the change that links owner to node; owner_slot is its code, if the
 * caller has it.  Returns false if there is nothing to do: the link is there,
 * the owner has been freed, or its list is better without.  With must it is
 * done if at all possible, and the link protected.
 */
static bool
end_plan(StoreIndex *store, ListPlan *plan, uint32 owner, const QuantSlotData *owner_slot,
		 uint32 node, const QuantSlotData *slot, bool must, LinkChange *change)
{
	const QuantParams *quant = store->quant;
	Size		slot_bytes = quant->slot_bytes;
	int			room = store->meta.link_bytes / sizeof(HnswLink);
	uint32		per_page = HnswLinksPerPage(store->meta.link_bytes);
	int			count = plan->count;
	int			i;

	if (count < 0)
		return false;
	change->page_no = owner / per_page;
	change->slot = owner % per_page;
	change->after = HnswMakeLink(node) | (must ? HNSW_LINK_PROTECTED : 0);
	change->done = false;

	for (i = 0; i < count; i++)
	{
		if (HnswLinkNode(plan->links[i]) == node)
		{
			change->entry = i;
			change->before = plan->links[i];
			return must && !(plan->links[i] & HNSW_LINK_PROTECTED);
		}
	}
	if (count < room)
	{
		change->entry = count;
		change->before = 0;
		return plan->links[count] == 0;
	}

	/* Full: which one to replace? */
	if (plan->codes == NULL)
		plan->codes = palloc(slot_bytes * (room + 1));
	for (i = 0; i < count; i++)
	{
		plan->nodes[i] = HnswLinkNode(plan->links[i]);
		plan->fixed[i] = (plan->links[i] & HNSW_LINK_PROTECTED) != 0;
		plan->slots[i] = (QuantSlotData *) (plan->codes + i * slot_bytes);
	}
	vx_hnsw_read_codes(store, plan->nodes, count, plan->codes);
	if (owner_slot == NULL)
	{
		vx_hnsw_read_codes(store, &owner, 1, plan->codes + count * slot_bytes);
		owner_slot = (QuantSlotData *) (plan->codes + count * slot_bytes);
	}
	plan->slots[count] = slot;
	plan->fixed[count] = must;
	vx_quant_code_distance_list(quant, owner_slot, plan->slots, count + 1, plan->distances);
	i = choose_victim(quant, plan->slots, plan->distances, plan->fixed, count + 1);
	if (i < 0 || i == count)
		return false;
	change->entry = i;
	change->before = plan->links[i];
	return true;
}

static bool
plan_link(StoreIndex *store, ListPlan *plan, uint32 owner, const QuantSlotData *owner_slot,
		  uint32 node, const QuantSlotData *slot, bool must, LinkChange *change)
{
	begin_plan(store, owner, plan);
	return end_plan(store, plan, owner, owner_slot, node, slot, must, change);
}

static int
compare_changes(const void *a, const void *b)
{
	const LinkChange *left = a;
	const LinkChange *right = b;

	if (left->page_no != right->page_no)
		return left->page_no < right->page_no ? -1 : 1;
	return left->slot < right->slot ? -1 : left->slot > right->slot;
}

/* A node to be entered into the directory, once it has a protected link */
typedef struct NewEntry
{
	uint32		node;
	uint64		hash;
	int			protector;		/* whose change gives it that */
	bool		done;
} NewEntry;

/*
 * May a planned change be made in the list as it is now?  The entry has to be
 * what it was, and nobody may have linked the same node from another entry.
 * Lists are filled from the front, and freed ones say so there.
 */
static bool
is_plan_valid(const StoreIndex *store, const HnswLink *list, const LinkChange *change)
{
	int			room = store->meta.link_bytes / sizeof(HnswLink);
	int			i;

	if (list[0] == HNSW_LINK_FREED || list[change->entry] != change->before ||
		(change->entry > 0 && list[change->entry - 1] == 0))
		return false;
	for (i = 0; i < room && list[i] != 0; i++)
	{
		if (i != change->entry && HnswLinkNode(list[i]) == HnswLinkNode(change->after))
			return false;
	}
	return true;
}

/*
 * Make planned changes, sorted by page, as far as the entries still are what
 * they were; sets done for those.  At most STORE_WAL_BLOCKS pages to a record.
 * If entry is not NULL, its node's protector is in the first one, and the entry,
 * too, if that has room.  Returns false, and has changed nothing, if the
 * protector's list is not what it was: others might hang from a node that can be
 * found before it is protected, and a crash would lose them all.
 */
static bool
make_changes(StoreIndex *store, LinkChange *changes, int count, NewEntry *entry)
{
	int			from = 0;

	while (from < count)
	{
		Buffer		buffers[STORE_WAL_BLOCKS];
		Buffer		directory = InvalidBuffer;
		StoreWal	wal;
		int			pages = 0;
		int			puts = 0;
		bool		protected = false;
		int			i;

		vx_store_wal_begin(&wal, store->relation);
		for (i = from; i < count; i++)
		{
			LinkChange *change = &changes[i];
			HnswLink   *list;

			if (i == from || change->page_no != changes[i - 1].page_no)
			{
				if (pages == STORE_WAL_BLOCKS)
					break;
				buffers[pages] = vx_store_lock(store, STORE_LINK, change->page_no,
											   BUFFER_LOCK_EXCLUSIVE);
				vx_store_wal_add(&wal, buffers[pages], false);
				pages++;
			}
			if (change->slot >= vx_store_slots(BufferGetPage(buffers[pages - 1]), STORE_LINK,
											   store->meta.link_bytes))
				vx_store_report_corruption(store->relation,
										   "Page %u of links has no slot %u.",
										   change->page_no, change->slot);
			list = (HnswLink *) vx_store_slot(BufferGetPage(buffers[pages - 1]), STORE_LINK,
											  store->meta.link_bytes, change->slot);
			if (!is_plan_valid(store, list, change))
				continue;
			vx_store_wal_put(&wal, pages - 1, &list[change->entry], &change->after,
							 sizeof(HnswLink));
			change->done = true;
			puts++;
			if (entry != NULL && change->neighbour == entry->protector)
				protected = true;
		}
		if (entry != NULL && !protected)
		{
			while (i > from)
				changes[--i].done = false;
			while (pages > 0)
				UnlockReleaseBuffer(buffers[--pages]);
			return false;
		}
		if (entry != NULL && !entry->done && pages < STORE_WAL_BLOCKS)
		{
			directory = vx_store_put_entry(store, &wal, entry->hash, entry->node);
			entry->done = BufferIsValid(directory);
		}
		entry = NULL;
		if (puts > 0)
			vx_store_wal_finish(&wal);
		if (BufferIsValid(directory))
			UnlockReleaseBuffer(directory);
		while (pages > 0)
			UnlockReleaseBuffer(buffers[--pages]);
		from = i;
	}
	return true;
}

/*
 * Link owner to node in a record of its own.  Returns false if it is not to be.
 */
static bool
make_link(StoreIndex *store, ListPlan *plan, uint32 owner, const QuantSlotData *owner_slot,
		  uint32 node, const QuantSlotData *slot, bool must)
{
	int			tries;

	for (tries = 0; tries < MAX_TRIES; tries++)
	{
		LinkChange	change;
		int			i;

		CHECK_FOR_INTERRUPTS();
		if (plan_link(store, plan, owner, owner_slot, node, slot, must, &change))
		{
			(void) make_changes(store, &change, 1, NULL);
			if (change.done)
				return true;
			continue;
		}
		/* It is there already, or cannot be. */
		for (i = 0; i < plan->count; i++)
		{
			if (HnswLinkNode(plan->links[i]) == node &&
				(!must || (plan->links[i] & HNSW_LINK_PROTECTED)))
				return true;
		}
		return false;
	}
	return false;
}

bool
vx_hnsw_protect_node(StoreIndex *store, uint32 from, uint32 to)
{
	ListPlan   *plan = palloc(sizeof(ListPlan));
	QuantSlotData *slot = palloc(store->quant->slot_bytes);
	bool		done;

	plan->codes = NULL;
	vx_hnsw_read_codes(store, &to, 1, (char *) slot);
	done = make_link(store, plan, from, NULL, to, slot, true);
	if (plan->codes != NULL)
		pfree(plan->codes);
	pfree(plan);
	pfree(slot);
	return done;
}

bool
vx_hnsw_take_place(StoreIndex *store, uint32 owner, uint32 other, uint32 node)
{
	uint32		per_page = HnswLinksPerPage(store->meta.link_bytes);
	int			tries;

	for (tries = 0; tries < MAX_TRIES; tries++)
	{
		HnswLink	links[2 * HNSW_MAX_M];
		LinkChange	change;
		int			count = vx_hnsw_read_list(store, owner, links);
		int			i;

		CHECK_FOR_INTERRUPTS();
		change.entry = -1;
		for (i = 0; i < count; i++)
		{
			if (HnswLinkNode(links[i]) == node)
				return false;
			if (links[i] == (HnswMakeLink(other) | HNSW_LINK_PROTECTED))
				change.entry = i;
		}
		if (change.entry < 0)
			return false;
		change.page_no = owner / per_page;
		change.slot = owner % per_page;
		change.before = links[change.entry];
		change.after = HnswMakeLink(node) | HNSW_LINK_PROTECTED;
		change.done = false;
		(void) make_changes(store, &change, 1, NULL);
		if (change.done)
			return true;
	}
	return false;
}

void
vx_hnsw_link_each_other(StoreIndex *store, uint32 node, const QuantSlotData *slot,
						const HnswNeighbour *neighbours, int count)
{
	ListPlan   *plan = palloc(sizeof(ListPlan));
	int			i;

	plan->codes = NULL;
	for (i = 0; i < count; i++)
	{
		(void) make_link(store, plan, node, slot, neighbours[i].node, neighbours[i].slot, false);
		(void) make_link(store, plan, neighbours[i].node, neighbours[i].slot, node, slot, false);
	}
	if (plan->codes != NULL)
		pfree(plan->codes);
	pfree(plan);
}

/* Have the node protected by a neighbour, or by what these protect. */
static bool
protect_near(StoreIndex *store, uint32 node, const HnswNeighbour *neighbours, int count)
{
	uint32	   *from = palloc(sizeof(uint32) * Max(count, 1));
	bool		done;
	int			i;

	for (i = 0; i < count; i++)
		from[i] = neighbours[i].node;
	VX_DEBUG_POINT("hnsw-insert-protecting");
	done = vx_hnsw_protect_new(store, from, count, node);
	pfree(from);
	return done;
}

/*
 * Changes of the first record to the front: those of the protector's page, and of
 * others next to it in the order of pages, in which both parts stay.  Returns
 * how many.
 */
static int
take_to_front(LinkChange *changes, int count, int protector)
{
	LinkChange	taken[MAX_LINKED_BACK];
	int			starts[MAX_LINKED_BACK + 1];	/* first change of each page */
	int			pages = 0;
	int			page = 0;
	int			length;
	int			i;

	Assert(count <= MAX_LINKED_BACK);
	for (i = 0; i < count; i++)
	{
		if (i == 0 || changes[i].page_no != changes[i - 1].page_no)
			starts[pages++] = i;
		if (changes[i].neighbour == protector)
			page = pages - 1;
	}
	starts[pages] = count;
	page = Max(Min(page, pages - FIRST_PAGES), 0);

	length = starts[Min(page + FIRST_PAGES, pages)] - starts[page];
	memcpy(taken, changes + starts[page], sizeof(LinkChange) * length);
	memmove(changes + length, changes, sizeof(LinkChange) * starts[page]);
	memcpy(changes, taken, sizeof(LinkChange) * length);
	return length;
}

void
vx_hnsw_link_back(StoreIndex *store, uint32 node, const QuantSlotData *slot,
				  uint64 hash, const HnswNeighbour *neighbours, int count, bool enter)
{
	uint32		per_page = HnswLinksPerPage(store->meta.link_bytes);
	LinkChange *changes = palloc(sizeof(LinkChange) * Max(count, 1));
	ListPlan   *plans = palloc(sizeof(ListPlan) * 2);
	int			planned = 0;
	int			protector = -1;
	bool		protected = false;
	NewEntry	entry;
	int			i;

	plans[0].codes = NULL;
	plans[1].codes = NULL;
	if (!store->temporary)
	{
		for (i = 0; i < count; i++)
			prefetch_slot(store, STORE_LINK, neighbours[i].node, per_page,
						  store->meta.link_bytes, store->meta.link_bytes);
	}

	/* The codes for the next list are on their way while one is planned. */
	for (i = 0; i < count && planned < MAX_LINKED_BACK; i++)
	{
		if (i == 0)
			begin_plan(store, neighbours[i].node, &plans[0]);
		if (i + 1 < count)
			begin_plan(store, neighbours[i + 1].node, &plans[(i + 1) % 2]);
		if (end_plan(store, &plans[i % 2], neighbours[i].node, neighbours[i].slot, node, slot,
					 false, &changes[planned]))
			changes[planned++].neighbour = i;
	}

	memset(&entry, 0, sizeof(entry));
	entry.node = node;
	entry.hash = hash;
	entry.done = !enter;

	/* The nearest that wants the node protects it; if none does, one has to. */
	for (i = 0; planned == 0 && i < count; i++)
	{
		if (plan_link(store, &plans[0], neighbours[i].node, neighbours[i].slot, node, slot, true,
					  &changes[0]))
			changes[planned++].neighbour = i;
	}
	if (planned > 0)
	{
		protector = changes[0].neighbour;
		changes[0].after |= HNSW_LINK_PROTECTED;
	}

	/* Its record comes first: who can be found cannot be lost any more. */
	qsort(changes, planned, sizeof(LinkChange), compare_changes);
	if (planned > 0)
	{
		int			first = take_to_front(changes, planned, protector);

		entry.protector = protector;
		protected = make_changes(store, changes, first, &entry);
		if (!protected)
		{
			/* Others were faster at that list. */
			protected = make_link(store, &plans[0], neighbours[protector].node,
								  neighbours[protector].slot, node, slot, true) ||
				protect_near(store, node, neighbours, count);
			(void) make_changes(store, changes, first, NULL);
		}
		(void) make_changes(store, changes + first, planned - first, NULL);
	}

	/* Again for those that others were faster at */
	for (i = 0; i < planned; i++)
	{
		int			neighbour = changes[i].neighbour;

		if (!changes[i].done)
			(void) make_link(store, &plans[0], neighbours[neighbour].node,
							 neighbours[neighbour].slot, node, slot, false);
	}
	if (!protected && count > 0)
		(void) protect_near(store, node, neighbours, count);
	if (!entry.done)
		vx_store_remember_node(store, hash, node);
	for (i = 0; i < 2; i++)
	{
		if (plans[i].codes != NULL)
			pfree(plans[i].codes);
	}
	pfree(plans);
	pfree(changes);
}

/* One entry of one upper list */
typedef struct UpperChange
{
	uint32		upper;			/* whose list it is */
	int			entry;
	int			neighbour;
	HnswUpperData *before;
	bool		done;
} UpperChange;

static int
compare_upper_changes(const void *a, const void *b)
{
	uint32		left = ((const UpperChange *) a)->upper;
	uint32		right = ((const UpperChange *) b)->upper;

	return left < right ? -1 : left > right;
}

/*
 * Plan the change that links an upper slot's owner to node; before is filled
 * with the slot.  Returns false if there is nothing to do: the link is there, the
 * slot belongs to others by now, or the list is better without.
 */
static bool
plan_upper_link(StoreIndex *store, const HnswNeighbour *owner, int level, uint32 node,
				const QuantSlotData *slot, char *codes, UpperChange *change)
{
	const QuantParams *quant = store->quant;
	int			m = (store->meta.upper_bytes - offsetof(HnswUpperData, links)) /
		sizeof(HnswUpperLinkData);
	HnswUpperData *before = change->before;
	uint32		nodes[HNSW_MAX_M];
	bool		fixed[HNSW_MAX_M + 1];
	const QuantSlotData *slots[HNSW_MAX_M + 1];
	float		distances[HNSW_MAX_M + 1];
	int			used;
	int			i;

	change->upper = owner->upper;
	change->done = false;
	if (!vx_hnsw_read_upper(store, owner->upper, owner->node, level, before, &used))
		return false;
	for (i = 0; i < used; i++)
	{
		if (before->links[i].node_plus_one == node + 1)
			return false;
		if (before->links[i].node_plus_one <= vx_hnsw_node_limit(store))
			continue;
		/* Pages may have been added since the metapage was read. */
		vx_store_refresh_meta(store);
		if (before->links[i].node_plus_one > vx_hnsw_node_limit(store))
			vx_store_report_corruption(store->relation, "Upper slot %u is linked to node %u.",
									   owner->upper, before->links[i].node_plus_one - 1);
	}
	change->entry = used;
	if (used < m)
		return true;

	for (i = 0; i < used; i++)
	{
		nodes[i] = before->links[i].node_plus_one - 1;
		slots[i] = (QuantSlotData *) (codes + i * quant->slot_bytes);
	}
	vx_hnsw_gather_codes(store, nodes, used, codes);
	slots[used] = slot;
	vx_quant_code_distance_list(quant, owner->slot, slots, used + 1, distances);
	memset(fixed, 0, sizeof(fixed));
	change->entry = choose_victim(quant, slots, distances, fixed, used + 1);
	return change->entry < used;
}

/*
 * Make planned changes, sorted by slot, as far as the slots still are what they
 * were; sets done for those.
 */
static void
make_upper_changes(StoreIndex *store, UpperChange *changes, int count,
				   const HnswUpperLinkData *link)
{
	uint32		upper_bytes = store->meta.upper_bytes;
	uint32		per_page = HnswUppersPerPage(upper_bytes);
	int			from = 0;

	while (from < count)
	{
		Buffer		buffers[STORE_WAL_BLOCKS];
		StoreWal	wal;
		int			pages = 0;
		int			puts = 0;
		int			i;

		vx_store_wal_begin(&wal, store->relation);
		for (i = from; i < count; i++)
		{
			UpperChange *change = &changes[i];
			uint32		page_no = change->upper / per_page;
			HnswUpperData *on_page;

			if (i == from || page_no != changes[i - 1].upper / per_page)
			{
				if (pages == STORE_WAL_BLOCKS)
					break;
				buffers[pages] = vx_store_lock(store, STORE_UPPER, page_no, BUFFER_LOCK_EXCLUSIVE);
				vx_store_wal_add(&wal, buffers[pages], false);
				pages++;
			}
			on_page = (HnswUpperData *) vx_store_slot(BufferGetPage(buffers[pages - 1]),
													  STORE_UPPER, upper_bytes,
													  change->upper % per_page);
			if (memcmp(on_page, change->before, upper_bytes) != 0)
				continue;
			vx_store_wal_put(&wal, pages - 1, &on_page->links[change->entry], link, sizeof(*link));
			change->done = true;
			puts++;
		}
		if (puts > 0)
			vx_store_wal_finish(&wal);
		while (pages > 0)
			UnlockReleaseBuffer(buffers[--pages]);
		from = i;
	}
}

void
vx_hnsw_link_back_upper(StoreIndex *store, uint32 node, uint32 upper, int level,
						const QuantSlotData *slot, const HnswNeighbour *neighbours, int count)
{
	uint32		upper_bytes = store->meta.upper_bytes;
	int			m = (upper_bytes - offsetof(HnswUpperData, links)) / sizeof(HnswUpperLinkData);
	UpperChange *changes = palloc(sizeof(UpperChange) * Max(count, 1));
	char	   *copies = palloc(upper_bytes * Max(count, 1));
	char	   *codes = palloc(store->quant->slot_bytes * m);
	bool	   *settled = palloc0(sizeof(bool) * Max(count, 1));
	HnswUpperLinkData link;
	int			done = 0;
	int			tries;
	int			i;

	link.node_plus_one = node + 1;
	link.upper = upper;
	for (tries = 0; tries < MAX_TRIES; tries++)
	{
		int			planned = 0;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < count && done + planned < MAX_UPPER_LINKED_BACK; i++)
		{
			UpperChange *change = &changes[planned];

			if (settled[i])
				continue;
			change->neighbour = i;
			change->before = (HnswUpperData *) (copies + planned * upper_bytes);
			if (plan_upper_link(store, &neighbours[i], level, node, slot, codes, change))
				planned++;
			else
				settled[i] = true;
		}
		if (planned == 0)
			break;
		qsort(changes, planned, sizeof(UpperChange), compare_upper_changes);
		make_upper_changes(store, changes, planned, &link);
		for (i = 0; i < planned; i++)
		{
			settled[changes[i].neighbour] = changes[i].done;
			done += changes[i].done;
		}
	}
	pfree(changes);
	pfree(copies);
	pfree(codes);
	pfree(settled);
}
