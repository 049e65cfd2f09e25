/*-------------------------------------------------------------------------
 *
 * hnsw_read.c
 *	  Reading lists and codes of single nodes.
 *
 * Everything is copied, by a peek where one succeeds (vx_store_peek_slot).  A
 * copy from a peek may be torn (store_peek.h): ids are checked here,
 * incarnations by whoever uses them.  The walk itself reads codes in place
 * and a list of them at a time: hnsw_search.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/hnsw_read.h"

/* Nodes whose code and links are on published pages */
uint32
vx_hnsw_node_limit(const StoreIndex *store)
{
	uint64		codes = (uint64) store->meta.families[STORE_CODE].pages * store->codes_per_page;
	uint64		links;

	if (store->meta.link_bytes == 0)
		return 0;				/* damaged, which others complain of */
	links = (uint64) store->meta.families[STORE_LINK].pages *
		HnswLinksPerPage(store->meta.link_bytes);
	return Min(Min(codes, links), HNSW_MAX_NODES);
}

uint32
vx_hnsw_count_places(const QuantParams *quant, Size link_bytes, uint32 nodes)
{
	uint64		codes_per_page = StoreCodesPerPage(quant->slot_bytes);
	uint64		links_per_page = HnswLinksPerPage(link_bytes);
	uint64		codes = (nodes + codes_per_page - 1) / codes_per_page * codes_per_page;
	uint64		links = (nodes + links_per_page - 1) / links_per_page * links_per_page;

	return Min(Min(codes, links), HNSW_MAX_NODES);
}

int
vx_hnsw_check_links(HnswLink *links, int room, uint32 node_limit)
{
	int			count = 0;
	int			i;

	if (links[0] == HNSW_LINK_FREED)
		return 0;
	for (i = 0; i < room && (links[i] & ~HNSW_LINK_PROTECTED) != 0; i++)
	{
		if (likely(HnswLinkNode(links[i]) < node_limit))
			links[count++] = links[i];
	}
	return count;
}

int
vx_hnsw_read_links(StoreIndex *store, uint32 node, HnswLink *links)
{
	uint32		link_bytes = store->meta.link_bytes;
	uint32		per_page = HnswLinksPerPage(link_bytes);

	if (node >= vx_hnsw_node_limit(store) ||
		!vx_store_peek_slot(store, STORE_LINK, node / per_page, node % per_page,
							link_bytes, link_bytes, links))
	{
		links[0] = HNSW_LINK_FREED; /* there is no such node */
		return 0;
	}
	return vx_hnsw_check_links(links, link_bytes / sizeof(HnswLink), vx_hnsw_node_limit(store));
}

bool
vx_hnsw_read_upper(StoreIndex *store, uint32 upper, uint32 node, int level,
				   HnswUpperData *copy, int *count)
{
	uint32		upper_bytes = store->meta.upper_bytes;
	uint32		per_page = HnswUppersPerPage(upper_bytes);
	int			m = (upper_bytes - offsetof(HnswUpperData, links)) / sizeof(HnswUpperLinkData);

	*count = 0;
	if (upper / per_page >= store->meta.families[STORE_UPPER].pages ||
		!vx_store_peek_slot(store, STORE_UPPER, upper / per_page, upper % per_page,
							upper_bytes, upper_bytes, copy) ||
		copy->node != node || copy->level != level)
		return false;
	while (*count < m && copy->links[*count].node_plus_one != 0)
		(*count)++;
	return true;
}

/* What is read of a node that does not exist */
static void
set_no_code(QuantSlotData *slot, Size slot_bytes)
{
	memset(slot, 0, slot_bytes);
	slot->error = NAN;
}

void
vx_hnsw_read_codes(StoreIndex *store, const uint32 *nodes, int count, char *slots)
{
	Size		slot_bytes = store->quant->slot_bytes;
	uint32		limit = vx_hnsw_node_limit(store);
	int			i;

	for (i = 0; i < count; i++)
	{
		char	   *copy = slots + i * slot_bytes;

		if (nodes[i] >= limit ||
			!vx_store_peek_slot(store, STORE_CODE, nodes[i] / store->codes_per_page,
								nodes[i] % store->codes_per_page, slot_bytes,
								store->quant->compared_bytes, copy))
			set_no_code((QuantSlotData *) copy, slot_bytes);
	}
}

void
vx_hnsw_read_locked_code(StoreIndex *store, uint32 node, QuantSlotData *slot)
{
	Size		slot_bytes = store->quant->slot_bytes;

	if (node >= vx_hnsw_node_limit(store) ||
		!vx_store_copy_slot(store, STORE_CODE, node / store->codes_per_page,
							node % store->codes_per_page, slot_bytes,
							store->quant->compared_bytes, slot))
		set_no_code(slot, slot_bytes);
}
