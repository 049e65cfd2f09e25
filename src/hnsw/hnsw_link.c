/*-------------------------------------------------------------------------
 *
 * hnsw_link.c
 *	  Choosing neighbours, and changing lists on pages.
 *
 * A change of a list is planned from a copy without any lock, and made under
 * the page's exclusive lock if the entry that it changes still is what the
 * copy said; otherwise it is planned again.  One entry is changed: a free one
 * is filled, or in a full list the one that the heuristic can do without
 * is replaced.  A protected entry never is.
 *
 * Link pages of one record are locked in the order of their numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/float.h"

#include "hnsw/hnsw_link.h"
#include "hnsw/hnsw_read.h"

/* Lists that keep changing under our hands this often are left alone. */
#define MAX_TRIES 1000

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

bool
vx_hnsw_node_is_live(StoreIndex *store, uint32 node, uint32 *incarnation)
{
	uint32		slot = node % STORE_NODES_PER_PAGE;
	Buffer		buffer;
	Page		page;
	bool		live = false;

	if (node / STORE_NODES_PER_PAGE >= store->meta.families[STORE_NODE].pages)
		return false;
	buffer = vx_store_lock(store, STORE_NODE, node / STORE_NODES_PER_PAGE, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	if (slot < vx_store_slots(page, STORE_NODE, sizeof(StoreNodeData)))
	{
		StoreNodeData *data = (StoreNodeData *)
			vx_store_slot(page, STORE_NODE, sizeof(StoreNodeData), slot);

		live = data->state == STORE_NODE_LIVE;
		if (incarnation != NULL)
			*incarnation = data->incarnation;
	}
	UnlockReleaseBuffer(buffer);
	return live;
}

/* Does one of the chosen lie nearer to the candidate than the node does? */
static bool
is_covered(const QuantParams *quant, const HnswNeighbour *chosen, int count,
		   const HnswNeighbour *candidate)
{
	const QuantSlotData *slots[8];
	float		distances[8];
	int			from;

	for (from = 0; from < count; from += lengthof(slots))
	{
		int			portion = Min(count - from, (int) lengthof(slots));
		int			i;

		for (i = 0; i < portion; i++)
			slots[i] = chosen[from + i].slot;
		vx_quant_code_distance_list(quant, candidate->slot, slots, portion, distances);
		for (i = 0; i < portion; i++)
		{
			if (distances[i] < candidate->distance)
				return true;
		}
	}
	return false;
}

int
vx_hnsw_select_neighbours(const QuantParams *quant, HnswNeighbour *neighbours, int count,
						  int want)
{
	HnswNeighbour *passed = palloc(sizeof(HnswNeighbour) * Max(count, 1));
	int			passed_count = 0;
	int			chosen = 0;
	int			i;

	for (i = 0; i < count && chosen < want; i++)
	{
		if (is_covered(quant, neighbours, chosen, &neighbours[i]))
			passed[passed_count++] = neighbours[i];
		else
			neighbours[chosen++] = neighbours[i];
	}
	for (i = 0; i < passed_count && chosen < want; i++)
		neighbours[chosen++] = passed[i];
	pfree(passed);
	return chosen;
}

static int
compare_neighbours(const void *a, const void *b)
{
	float		left = ((const HnswNeighbour *) a)->distance;
	float		right = ((const HnswNeighbour *) b)->distance;

	return left < right ? -1 : left > right;
}

/*
 * The one of count neighbours of a full list, with the new one among them, that
 * the list does best without: the farthest that another one covers, or the
 * farthest.  fixed[node] are not considered.  Returns its index before sorting
 * in `upper`, see callers; -1 if all are fixed.
 */
static int
choose_victim(const QuantParams *quant, HnswNeighbour *neighbours, int count,
			  const bool *fixed)
{
	HnswNeighbour *chosen = palloc(sizeof(HnswNeighbour) * count);
	int			chosen_count = 0;
	int			farthest = -1;
	int			covered = -1;
	int			i;

	/* "upper" carries the position in the list through the sort. */
	for (i = 0; i < count; i++)
		neighbours[i].upper = i;
	qsort(neighbours, count, sizeof(HnswNeighbour), compare_neighbours);
	for (i = 0; i < count; i++)
	{
		int			position = neighbours[i].upper;

		if (is_covered(quant, chosen, chosen_count, &neighbours[i]))
		{
			if (!fixed[position])
				covered = position;
		}
		else
			chosen[chosen_count++] = neighbours[i];
		if (!fixed[position])
			farthest = position;
	}
	pfree(chosen);
	return covered >= 0 ? covered : farthest;
}

/*
 * Copy a list, see vx_hnsw_read_links.  An entry out of range, which ends it,
 * may be a node that somebody has added since the metapage was read last.
 */
static int
read_list(StoreIndex *store, uint32 owner, HnswLink *links)
{
	int			room = store->meta.link_bytes / sizeof(HnswLink);
	int			count;

	links[0] = 0;
	count = vx_hnsw_read_links(store, owner, links);
	if (count < room && (links[0] != HNSW_LINK_FREED) && (count == 0 || links[count] != 0))
	{
		vx_store_refresh_meta(store);
		count = vx_hnsw_read_links(store, owner, links);
	}
	return count;
}

/*
 * Plan the change that links owner to node.  Returns false if there is nothing
 * to do: the link is there, the owner has been freed, or its list is better
 * without.  With must it is done if at all possible, and the link protected.
 */
static bool
plan_link(StoreIndex *store, uint32 owner, uint32 node, const QuantSlotData *slot,
		  bool must, LinkChange *change)
{
	const QuantParams *quant = store->quant;
	int			room = store->meta.link_bytes / sizeof(HnswLink);
	uint32		per_page = HnswLinksPerPage(store->meta.link_bytes);
	HnswLink	links[2 * HNSW_MAX_M];
	uint32		nodes[2 * HNSW_MAX_M + 1];
	bool		fixed[2 * HNSW_MAX_M + 1];
	HnswNeighbour neighbours[2 * HNSW_MAX_M + 1];
	const QuantSlotData *slots[2 * HNSW_MAX_M + 1];
	float		distances[2 * HNSW_MAX_M + 1];
	char	   *codes;
	int			count = read_list(store, owner, links);
	int			i;

	if (links[0] == HNSW_LINK_FREED || owner >= vx_hnsw_node_limit(store))
		return false;
	change->page_no = owner / per_page;
	change->slot = owner % per_page;
	change->after = HnswMakeLink(node) | (must ? HNSW_LINK_PROTECTED : 0);
	change->done = false;

	for (i = 0; i < count; i++)
	{
		if (HnswLinkNode(links[i]) == node)
		{
			change->entry = i;
			change->before = links[i];
			return must && !(links[i] & HNSW_LINK_PROTECTED);
		}
	}
	if (count < room)
	{
		change->entry = count;
		change->before = links[count];
		/* read_list has looked twice: a damaged list is left alone. */
		return links[count] == 0;
	}

	/* Full: which one to replace? */
	codes = palloc(quant->slot_bytes * (room + 1));
	for (i = 0; i < count; i++)
	{
		nodes[i] = HnswLinkNode(links[i]);
		fixed[i] = (links[i] & HNSW_LINK_PROTECTED) != 0;
	}
	nodes[count] = owner;
	vx_hnsw_read_codes(store, nodes, count + 1, codes);
	for (i = 0; i < count; i++)
		slots[i] = (QuantSlotData *) (codes + i * quant->slot_bytes);
	slots[count] = slot;
	vx_quant_code_distance_list(quant, (QuantSlotData *) (codes + count * quant->slot_bytes),
								slots, count + 1, distances);
	for (i = 0; i <= count; i++)
	{
		neighbours[i].node = i < count ? nodes[i] : node;
		/* What holds nothing any more is the first to go. */
		neighbours[i].distance = isnan(distances[i]) ? get_float4_infinity() : distances[i];
		neighbours[i].slot = slots[i];
	}
	fixed[count] = must;
	i = choose_victim(quant, neighbours, count + 1, fixed);
	pfree(codes);
	if (i < 0 || i == count)
		return false;
	change->entry = i;
	change->before = links[i];
	return true;
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

/*
 * Make planned changes, as far as the entries still are what they were; sets
 * done for those.  At most STORE_WAL_BLOCKS pages to a record.
 */
static void
make_changes(StoreIndex *store, LinkChange *changes, int count)
{
	int			from = 0;

	qsort(changes, count, sizeof(LinkChange), compare_changes);
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
			/* Lists are filled from the front, and freed ones say so there. */
			if (list[0] == HNSW_LINK_FREED || list[change->entry] != change->before ||
				(change->entry > 0 && list[change->entry - 1] == 0))
				continue;
			vx_store_wal_put(&wal, pages - 1, &list[change->entry], &change->after,
							 sizeof(HnswLink));
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

bool
vx_hnsw_protect_node(StoreIndex *store, uint32 from, uint32 to)
{
	QuantSlotData *slot = palloc(store->quant->slot_bytes);
	LinkChange	change;
	bool		done = false;
	int			tries;

	vx_hnsw_read_codes(store, &to, 1, (char *) slot);
	for (tries = 0; tries < MAX_TRIES && !done; tries++)
	{
		HnswLink	links[2 * HNSW_MAX_M];
		int			count;
		int			i;

		CHECK_FOR_INTERRUPTS();
		if (plan_link(store, from, to, slot, true, &change))
		{
			make_changes(store, &change, 1);
			done = change.done;
			continue;
		}
		/* It is there already, or cannot be. */
		count = read_list(store, from, links);
		for (i = 0; i < count; i++)
		{
			if (HnswLinkNode(links[i]) == to && (links[i] & HNSW_LINK_PROTECTED))
				done = true;
		}
		break;
	}
	pfree(slot);
	return done;
}

void
vx_hnsw_link_back(StoreIndex *store, uint32 node, const QuantSlotData *slot,
				  const HnswNeighbour *neighbours, int count)
{
	LinkChange *changes = palloc(sizeof(LinkChange) * Max(count, 1));
	int			planned = 0;
	int			protector = -1;
	int			tries;
	int			i;

	for (i = 0; i < count; i++)
	{
		bool		must = protector < 0;

		if (!plan_link(store, neighbours[i].node, node, slot, must, &changes[planned]))
			continue;
		if (must)
			protector = i;
		changes[planned++].neighbour = i;
	}
	make_changes(store, changes, planned);

	/* Again for those that others were faster at */
	for (i = 0; i < planned; i++)
	{
		int			neighbour = changes[i].neighbour;
		bool		done = changes[i].done;

		for (tries = 0; tries < MAX_TRIES && !done; tries++)
		{
			LinkChange	change;

			CHECK_FOR_INTERRUPTS();
			if (!plan_link(store, neighbours[neighbour].node, node, slot,
						   neighbour == protector, &change))
				break;
			make_changes(store, &change, 1);
			done = change.done;
		}
		if (!done && neighbour == protector)
		{
			/* Any other will do. */
			int			other;

			for (other = 0; other < count; other++)
			{
				if (vx_hnsw_protect_node(store, neighbours[other].node, node))
					break;
			}
		}
	}
	pfree(changes);
}

void
vx_hnsw_link_back_upper(StoreIndex *store, uint32 node, uint32 upper, int level,
						const QuantSlotData *slot, const HnswNeighbour *neighbours, int count)
{
	const QuantParams *quant = store->quant;
	uint32		upper_bytes = store->meta.upper_bytes;
	uint32		per_page = HnswUppersPerPage(upper_bytes);
	int			m = (upper_bytes - offsetof(HnswUpperData, links)) / sizeof(HnswUpperLinkData);
	HnswUpperData *copy = palloc(upper_bytes);
	char	   *codes = palloc(quant->slot_bytes * (m + 1));
	HnswUpperLinkData link;
	int			i;

	link.node_plus_one = node + 1;
	link.upper = upper;
	for (i = 0; i < count; i++)
	{
		int			tries;
		bool		done = false;

		for (tries = 0; tries < MAX_TRIES && !done; tries++)
		{
			uint32		nodes[HNSW_MAX_M + 1];
			bool		fixed[HNSW_MAX_M + 1];
			HnswNeighbour list[HNSW_MAX_M + 1];
			const QuantSlotData *slots[HNSW_MAX_M + 1];
			float		distances[HNSW_MAX_M + 1];
			HnswUpperData *on_page;
			Buffer		buffer;
			int			used;
			int			entry;
			int			j;

			CHECK_FOR_INTERRUPTS();
			if (!vx_hnsw_read_upper(store, neighbours[i].upper, neighbours[i].node, level,
									copy, &used))
				break;
			if (used < m && copy->links[used].node_plus_one != 0)
			{
				/* A node that has been added meanwhile, see read_list. */
				vx_store_refresh_meta(store);
				if (!vx_hnsw_read_upper(store, neighbours[i].upper, neighbours[i].node, level,
										copy, &used))
					break;
			}
			for (j = 0; j < used; j++)
			{
				if (copy->links[j].node_plus_one == node + 1)
					break;
			}
			if (j < used)
				break;
			entry = used;
			if (used == m)
			{
				for (j = 0; j < used; j++)
				{
					nodes[j] = copy->links[j].node_plus_one - 1;
					fixed[j] = false;
				}
				nodes[used] = neighbours[i].node;
				fixed[used] = false;
				vx_hnsw_read_codes(store, nodes, used + 1, codes);
				for (j = 0; j < used; j++)
					slots[j] = (QuantSlotData *) (codes + j * quant->slot_bytes);
				slots[used] = slot;
				vx_quant_code_distance_list(quant, (QuantSlotData *)
											(codes + used * quant->slot_bytes),
											slots, used + 1, distances);
				for (j = 0; j <= used; j++)
				{
					list[j].node = j < used ? nodes[j] : node;
					list[j].distance = isnan(distances[j]) ? get_float4_infinity() : distances[j];
					list[j].slot = slots[j];
				}
				entry = choose_victim(quant, list, used + 1, fixed);
				if (entry == used)
					break;
			}
			else if (copy->links[entry].node_plus_one != 0)
				break;			/* damaged: leave it alone */

			buffer = vx_store_lock(store, STORE_UPPER, neighbours[i].upper / per_page,
								   BUFFER_LOCK_EXCLUSIVE);
			on_page = (HnswUpperData *) vx_store_slot(BufferGetPage(buffer), STORE_UPPER,
													  upper_bytes,
													  neighbours[i].upper % per_page);
			if (memcmp(on_page, copy, upper_bytes) == 0)
			{
				StoreWal	wal;

				vx_store_wal_begin(&wal, store->relation);
				vx_store_wal_add(&wal, buffer, false);
				vx_store_wal_put(&wal, 0, &on_page->links[entry], &link, sizeof(link));
				vx_store_wal_finish(&wal);
				done = true;
			}
			UnlockReleaseBuffer(buffer);
		}
	}
	pfree(copy);
	pfree(codes);
}
