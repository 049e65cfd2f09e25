/*-------------------------------------------------------------------------
 *
 * store_chain.c
 *	  From a node to the heap TIDs of its rows.
 *
 * A row counts only if, under its page's lock, it is live and belongs to the
 * node in the incarnation that the reader has compared codes with.  Vacuum
 * may unlink the row at which a reader stands, and a standby may even replay
 * its reuse for another node: then the reader starts again at the head.
 * Rows that its snapshot can see are never unlinked, so it finds them all,
 * perhaps twice; callers keep a bitmap of the rows they have emitted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/base_debug.h"
#include "store/store.h"

/* Starting again this often without an end means a broken chain. */
#define MAX_RESTARTS 1000

void
vx_store_start_chain(StoreChain *chain, uint32 node, uint32 incarnation)
{
	chain->node = node;
	chain->incarnation = incarnation;
	chain->next = STORE_NONE;
	chain->started = false;
	chain->ended = false;
	chain->steps = 0;
	chain->restarts = 0;
}

/*
 * Read the head of the chain; false if the node is another one by now.
 */
static bool
read_head(StoreIndex *store, StoreChain *chain)
{
	Buffer		buffer;
	Page		page;
	StoreNodeData *node;
	bool		valid;
	uint32		page_no = chain->node / STORE_NODES_PER_PAGE;
	uint32		slot = chain->node % STORE_NODES_PER_PAGE;

	if (page_no >= store->meta.families[STORE_NODE].pages)
		vx_store_refresh_meta(store);
	if (page_no >= store->meta.families[STORE_NODE].pages)
		vx_store_report_corruption(store->relation, "Node %u does not exist.", chain->node);
	buffer = vx_store_lock(store, STORE_NODE, page_no, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	if (slot >= vx_store_slots(page, STORE_NODE, sizeof(StoreNodeData)))
		vx_store_report_corruption(store->relation, "Node %u does not exist.", chain->node);
	node = (StoreNodeData *) vx_store_slot(page, STORE_NODE, sizeof(StoreNodeData), slot);
	valid = node->state == STORE_NODE_LIVE && node->incarnation == chain->incarnation;
	chain->next = node->head;
	UnlockReleaseBuffer(buffer);
	return valid;
}

/*
 * Read up to max rows of the chain: heap TIDs to tids, row ids to rows.
 * Returns their number; 0 means that the chain has ended.
 */
int
vx_store_read_chain(StoreIndex *store, StoreChain *chain,
					ItemPointerData *tids, uint32 *rows, int max)
{
	int			count = 0;

	while (count < max && !chain->ended)
	{
		Buffer		buffer;
		Page		page;
		uint32		page_no;
		uint32		slots;
		bool		broken = false;

		CHECK_FOR_INTERRUPTS();

		if (!chain->started)
		{
			chain->started = true;
			chain->steps = 0;
			if (!read_head(store, chain))
				chain->ended = true;
		}
		if (chain->next == STORE_NONE)
			chain->ended = true;
		if (chain->ended)
			break;

		VX_DEBUG_POINT("chain-step");

		/* All rows of the chain that follow one another on this page */
		page_no = chain->next / STORE_ROWS_PER_PAGE;
		if (page_no >= store->meta.families[STORE_ROW].pages)
			vx_store_refresh_meta(store);
		if (page_no >= store->meta.families[STORE_ROW].pages)
			vx_store_report_corruption(store->relation, "Row %u does not exist.", chain->next);
		buffer = vx_store_lock(store, STORE_ROW, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		slots = vx_store_slots(page, STORE_ROW, sizeof(StoreRowData));
		while (count < max && chain->next != STORE_NONE &&
			   chain->next / STORE_ROWS_PER_PAGE == page_no)
		{
			uint32		slot = chain->next % STORE_ROWS_PER_PAGE;
			StoreRowData *row;

			if (slot >= slots)
				vx_store_report_corruption(store->relation, "Row %u does not exist.", chain->next);
			row = (StoreRowData *) vx_store_slot(page, STORE_ROW, sizeof(StoreRowData), slot);
			if (row->node != chain->node || row->incarnation != chain->incarnation ||
				StoreRowLife(row) == STORE_ROW_FREE || StoreRowKind(row) != STORE_ROW_CODED)
			{
				broken = true;
				break;
			}
			if (StoreRowLife(row) == STORE_ROW_LIVE)
			{
				if (!StoreRowHasTid(row))
					vx_store_report_corruption(store->relation, "Row %u has no heap tuple.", chain->next);
				tids[count] = row->tid;
				rows[count] = chain->next;
				count++;
			}
			chain->next = row->next;
			if (++chain->steps / STORE_ROWS_PER_PAGE > store->meta.families[STORE_ROW].pages)
				vx_store_report_corruption(store->relation, "The rows of node %u form a cycle.",
										   chain->node);
		}
		UnlockReleaseBuffer(buffer);

		if (broken)
		{
			if (++chain->restarts > MAX_RESTARTS)
				vx_store_report_corruption(store->relation, "The rows of node %u lead to row %u of another node.",
										   chain->node, chain->next);
			chain->started = false;
		}
	}
	return count;
}
