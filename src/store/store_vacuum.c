/*-------------------------------------------------------------------------
 *
 * store_vacuum.c
 *	  Removing dead rows, and the nodes that lose their last one.
 *
 * 1. Visit every row slot below the count read at the start, ask the caller
 *	  about each live row exactly once, and mark the dead ones (mark_page).
 * 2. For each node that lost rows: take dead rows off the head of its chain
 *	  under the node's lock, then out of the middle (unlink_rows).  Only
 *	  vacuum unlinks and only one vacuum runs, inserts only add heads, so the
 *	  middle needs no lock but the page's.
 * 3. A node without rows is freed: its code is marked as empty, its incarnation
 *	  counts up (free_nodes).  In a graph it is marked dead; the access method
 *	  has it freed when nothing links to it any more.
 * 4. The rows are freed (free_page_rows), after their attributes.
 *
 * A crash or a cancel in between leaves rows marked dead.  The next vacuum
 * collects these with its own and finishes the work.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/lwlock.h"

#include "base/base_debug.h"
#include "store/store.h"

/* Dead rows collected before they are worked off: 8 MB */
#define MAX_DEAD (1024 * 1024)

/*
 * Nodes freed in one record: their fragment headers fit into what a record has
 * room for beyond a page (STORE_WAL_ROOM).
 */
#define MAX_NODES_FREED 40

typedef struct DeadRow
{
	uint32		node;
	uint32		row;
} DeadRow;

typedef struct VacuumState
{
	StoreIndex *store;
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback;
	void	   *callback_state;
	DeadRow    *dead;
	int			dead_count;
} VacuumState;

static StoreRowData *
get_row(StoreIndex *store, Page page, uint32 row)
{
	uint32		slot = row % STORE_ROWS_PER_PAGE;

	if (slot >= vx_store_slots(page, STORE_ROW, sizeof(StoreRowData)))
		vx_store_report_corruption(store->relation, "Row %u does not exist.", row);
	return (StoreRowData *) vx_store_slot(page, STORE_ROW, sizeof(StoreRowData), slot);
}

static Buffer
lock_row_page(StoreIndex *store, uint32 row, int mode)
{
	if (row / STORE_ROWS_PER_PAGE >= store->meta.families[STORE_ROW].pages)
		vx_store_refresh_meta(store);
	if (row / STORE_ROWS_PER_PAGE >= store->meta.families[STORE_ROW].pages)
		vx_store_report_corruption(store->relation, "Row %u does not exist.", row);
	return vx_store_lock(store, STORE_ROW, row / STORE_ROWS_PER_PAGE, mode);
}

/*
 * Plan what makes a page's freed slots available: count, horizon, and its
 * place on the free list.  Takes the metapage's lock if the page is not on
 * the list yet; the caller releases *meta_buffer after the record.
 */
static void
put_freed(StoreIndex *store, StoreWal *wal, int block, Buffer buffer, int family,
		  uint16 freed, Buffer *meta_buffer, int *meta_block)
{
	StoreOpaque opaque = StorePageGetOpaque(BufferGetPage(buffer));
	uint16		free_count = opaque->free_count + freed;
	uint64		fxid = U64FromFullTransactionId(ReadNextFullTransactionId());

	vx_store_wal_put(wal, block, &opaque->free_count, &free_count, sizeof(uint16));
	vx_store_wal_put(wal, block, &opaque->free_fxid, &fxid, sizeof(uint64));

	if (!opaque->listed)
	{
		StoreMetaData *meta;
		uint8		listed = 1;
		uint32		page_no = opaque->page_no;

		if (!BufferIsValid(*meta_buffer))
		{
			*meta_buffer = vx_store_lock_meta(store, BUFFER_LOCK_EXCLUSIVE);
			*meta_block = vx_store_wal_add(wal, *meta_buffer, false);
		}
		meta = (StoreMetaData *) PageGetContents(BufferGetPage(*meta_buffer));
		vx_store_wal_put(wal, block, &opaque->next_free,
						 &meta->families[family].free_head, sizeof(uint32));
		vx_store_wal_put(wal, block, &opaque->listed, &listed, sizeof(uint8));
		vx_store_wal_put(wal, *meta_block, &meta->families[family].free_head,
						 &page_no, sizeof(uint32));
	}
}

/*
 * A node without rows in a graph: others link to it until vacuum has repaired
 * their lists.  Its code stays, so that walks can go through it.  Its page is
 * locked by the caller.
 */
static void
mark_node_dead(StoreIndex *store, Buffer node_buffer, StoreNodeData *on_page)
{
	StoreNodeData node_data = *on_page;
	StoreWal	wal;

	node_data.head = STORE_NONE;
	node_data.state = STORE_NODE_DEAD;
	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, node_buffer, false);
	vx_store_wal_put(&wal, 0, on_page, &node_data, sizeof(node_data));
	vx_store_wal_finish(&wal);
}

/*
 * Plan to free a node's slots: its pages are locked by the caller and have
 * these numbers in the record.  The code is zeroed, so that a vacuum takes what
 * has been deleted out of the index; the list is emptied, since inserts write
 * only as much of one as they need.
 */
static void
put_free_node(StoreIndex *store, StoreWal *wal, uint32 node, Buffer node_buffer, int node_block,
			  Buffer code_buffer, int code_block, Buffer link_buffer, int link_block)
{
	Size		slot_bytes = store->quant->slot_bytes;
	Size		link_bytes = store->meta.link_bytes;
	uint32		code_slot = node % store->codes_per_page;
	Page		code_page = BufferGetPage(code_buffer);
	StoreNodeData *on_page = (StoreNodeData *)
		vx_store_slot(BufferGetPage(node_buffer), STORE_NODE, sizeof(StoreNodeData),
					  node % STORE_NODES_PER_PAGE);
	StoreNodeData node_data;
	union
	{
		QuantSlotData slot;
		char		bytes[BLCKSZ];
	}			empty;

	node_data.head = STORE_NONE;
	node_data.incarnation = on_page->incarnation + 1;
	node_data.state = STORE_NODE_FREE;
	node_data.level = 0;
	vx_store_wal_put(wal, node_block, on_page, &node_data, sizeof(node_data));

	if (code_slot >= vx_store_slots(code_page, STORE_CODE, slot_bytes))
		vx_store_report_corruption(store->relation, "Node %u has no code slot.", node);
	memset(empty.bytes, 0, slot_bytes);
	empty.slot.incarnation = node_data.incarnation;
	empty.slot.error = NAN;
	vx_store_wal_put(wal, code_block, vx_store_slot(code_page, STORE_CODE, slot_bytes, code_slot),
					 &empty, slot_bytes);

	if (BufferIsValid(link_buffer))
	{
		uint32		per_page = (STORE_PAGE_END - STORE_ALIGNED_START) / link_bytes;
		uint32		links[STORE_MAX_GRAPH_BYTES / sizeof(uint32)];

		if (node % per_page >= vx_store_slots(BufferGetPage(link_buffer), STORE_LINK, link_bytes))
			vx_store_report_corruption(store->relation, "Node %u has no link slot.", node);
		memset(links, 0, link_bytes);
		links[0] = STORE_LINK_FREED;
		vx_store_wal_put(wal, link_block,
						 vx_store_slot(BufferGetPage(link_buffer), STORE_LINK, link_bytes,
									   node % per_page), links, link_bytes);
	}
}

/*
 * Free nodes that have the same pages; the first one's is locked by the caller.
 */
static void
free_nodes(StoreIndex *store, Buffer node_buffer, const uint32 *nodes, int count)
{
	Size		link_bytes = store->meta.link_bytes;
	Buffer		code_buffer;
	Buffer		link_buffer = InvalidBuffer;
	Buffer		meta_buffer = InvalidBuffer;
	StoreWal	wal;
	int			node_block;
	int			code_block;
	int			link_block = -1;
	int			meta_block;
	int			i;

	vx_store_wal_begin(&wal, store->relation);
	node_block = vx_store_wal_add(&wal, node_buffer, false);
	code_buffer = vx_store_lock(store, STORE_CODE, nodes[0] / store->codes_per_page,
								BUFFER_LOCK_EXCLUSIVE);
	code_block = vx_store_wal_add(&wal, code_buffer, false);
	if (link_bytes > 0)
	{
		link_buffer = vx_store_lock(store, STORE_LINK,
									nodes[0] / ((STORE_PAGE_END - STORE_ALIGNED_START) / link_bytes),
									BUFFER_LOCK_EXCLUSIVE);
		link_block = vx_store_wal_add(&wal, link_buffer, false);
	}
	for (i = 0; i < count; i++)
		put_free_node(store, &wal, nodes[i], node_buffer, node_block, code_buffer, code_block,
					  link_buffer, link_block);
	put_freed(store, &wal, node_block, node_buffer, STORE_NODE, count, &meta_buffer, &meta_block);
	vx_store_wal_finish(&wal);

	if (BufferIsValid(meta_buffer))
		UnlockReleaseBuffer(meta_buffer);
	if (BufferIsValid(link_buffer))
		UnlockReleaseBuffer(link_buffer);
	UnlockReleaseBuffer(code_buffer);
}

/*
 * Free dead nodes that nothing links to any more, in ascending order.  Those
 * of the same pages go into one record.
 */
void
vx_store_free_dead_nodes(StoreIndex *store, const uint32 *nodes, int count)
{
	uint32		links_per_page = (STORE_PAGE_END - STORE_ALIGNED_START) / store->meta.link_bytes;
	uint32		dead[MAX_NODES_FREED];
	int			from = 0;

	Assert(store->meta.link_bytes > 0);
	while (from < count)
	{
		uint32		first = nodes[from];
		Buffer		buffer = vx_store_lock(store, STORE_NODE, first / STORE_NODES_PER_PAGE,
										   BUFFER_LOCK_EXCLUSIVE);
		int			dead_count = 0;

		for (; from < count && dead_count < MAX_NODES_FREED; from++)
		{
			uint32		node = nodes[from];
			StoreNodeData *data = (StoreNodeData *)
				vx_store_slot(BufferGetPage(buffer), STORE_NODE, sizeof(StoreNodeData),
							  node % STORE_NODES_PER_PAGE);

			if (node / STORE_NODES_PER_PAGE != first / STORE_NODES_PER_PAGE ||
				node / store->codes_per_page != first / store->codes_per_page ||
				node / links_per_page != first / links_per_page)
				break;
			if (data->state == STORE_NODE_DEAD)
				dead[dead_count++] = node;
		}
		if (dead_count > 0)
			free_nodes(store, buffer, dead, dead_count);
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * Free the upper slots of one page that should_free says so of.
 */
void
vx_store_free_uppers(StoreIndex *store, uint32 page_no, StoreShouldFree should_free, void *arg)
{
	Size		size = store->meta.upper_bytes;
	Buffer		buffer = vx_store_lock(store, STORE_UPPER, page_no, BUFFER_LOCK_EXCLUSIVE);
	Page		page = BufferGetPage(buffer);
	uint32		slots = vx_store_slots(page, STORE_UPPER, size);
	char	   *empty = palloc0(size);
	Buffer		meta_buffer = InvalidBuffer;
	StoreWal	wal;
	int			meta_block;
	int			freed = 0;
	uint32		i;

	*(uint32 *) empty = STORE_NONE;
	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, buffer, false);
	for (i = 0; i < slots; i++)
	{
		char	   *slot = vx_store_slot(page, STORE_UPPER, size, i);

		if (*(uint32 *) slot == STORE_NONE || !should_free(arg, slot))
			continue;
		vx_store_wal_put(&wal, 0, slot, empty, size);
		freed++;
	}
	if (freed > 0)
	{
		put_freed(store, &wal, 0, buffer, STORE_UPPER, freed, &meta_buffer, &meta_block);
		vx_store_wal_finish(&wal);
	}
	if (BufferIsValid(meta_buffer))
		UnlockReleaseBuffer(meta_buffer);
	UnlockReleaseBuffer(buffer);
	pfree(empty);
}

/*
 * Life and successor of a row that belongs to the node.
 */
static bool
row_is_dead(StoreIndex *store, uint32 row, uint32 node, uint32 *next)
{
	Buffer		buffer = lock_row_page(store, row, BUFFER_LOCK_SHARE);
	StoreRowData *data = get_row(store, BufferGetPage(buffer), row);
	bool		dead = StoreRowLife(data) == STORE_ROW_DEAD;

	if (data->node != node || StoreRowLife(data) == STORE_ROW_FREE)
		vx_store_report_corruption(store->relation, "The rows of node %u lead to row %u of another node.",
								   node, row);
	*next = data->next;
	UnlockReleaseBuffer(buffer);
	return dead;
}

/*
 * ereport(ERROR) if a chain has more rows than the index.  *max_steps is what
 * the index had when it was last looked up: inserts may have made the chain
 * longer since.
 */
static void
check_steps(StoreIndex *store, uint32 node, uint64 steps, uint64 *max_steps)
{
	if (likely(steps <= *max_steps))
		return;
	vx_store_refresh_meta(store);
	*max_steps = (uint64) store->meta.families[STORE_ROW].pages * STORE_ROWS_PER_PAGE;
	if (steps > *max_steps)
		vx_store_report_corruption(store->relation, "The rows of node %u form a cycle.", node);
}

/*
 * Take all dead rows out of a node's chain, and free it if none is left.
 */
static void
unlink_rows(StoreIndex *store, uint32 node)
{
	Buffer		node_buffer;
	Page		node_page;
	StoreNodeData *node_data;
	uint32		head;
	uint32		next = STORE_NONE;
	uint64		steps = 0;
	uint64		max_steps = (uint64) store->meta.families[STORE_ROW].pages * STORE_ROWS_PER_PAGE;

	if (node / STORE_NODES_PER_PAGE >= store->meta.families[STORE_NODE].pages)
		vx_store_report_corruption(store->relation, "Node %u does not exist.", node);
	node_buffer = vx_store_lock(store, STORE_NODE, node / STORE_NODES_PER_PAGE,
								BUFFER_LOCK_EXCLUSIVE);
	node_page = BufferGetPage(node_buffer);
	if (node % STORE_NODES_PER_PAGE >= vx_store_slots(node_page, STORE_NODE, sizeof(StoreNodeData)))
		vx_store_report_corruption(store->relation, "Node %u does not exist.", node);
	node_data = (StoreNodeData *) vx_store_slot(node_page, STORE_NODE, sizeof(StoreNodeData),
												node % STORE_NODES_PER_PAGE);
	if (node_data->state != STORE_NODE_LIVE)
	{
		/* Freed before a crash that kept its rows from being freed */
		UnlockReleaseBuffer(node_buffer);
		return;
	}

	head = node_data->head;
	while (head != STORE_NONE && row_is_dead(store, head, node, &next))
	{
		head = next;
		check_steps(store, node, ++steps, &max_steps);
	}

	if (head == STORE_NONE && store->meta.link_bytes > 0)
		mark_node_dead(store, node_buffer, node_data);
	else if (head == STORE_NONE)
		free_nodes(store, node_buffer, &node, 1);
	else if (head != node_data->head)
	{
		StoreWal	wal;

		vx_store_wal_begin(&wal, store->relation);
		vx_store_wal_add(&wal, node_buffer, false);
		vx_store_wal_put(&wal, 0, &node_data->head, &head, sizeof(uint32));
		vx_store_wal_finish(&wal);
	}
	UnlockReleaseBuffer(node_buffer);

	/* The middle: head is live, next its successor. */
	while (head != STORE_NONE && next != STORE_NONE)
	{
		uint32		first = next;
		uint32		after = STORE_NONE;

		CHECK_FOR_INTERRUPTS();
		while (next != STORE_NONE && row_is_dead(store, next, node, &after))
		{
			next = after;
			check_steps(store, node, ++steps, &max_steps);
		}
		if (next != first)
		{
			Buffer		buffer = lock_row_page(store, head, BUFFER_LOCK_EXCLUSIVE);
			StoreRowData *row = get_row(store, BufferGetPage(buffer), head);
			StoreWal	wal;

			vx_store_wal_begin(&wal, store->relation);
			vx_store_wal_add(&wal, buffer, false);
			vx_store_wal_put(&wal, 0, &row->next, &next, sizeof(uint32));
			vx_store_wal_finish(&wal);
			UnlockReleaseBuffer(buffer);
		}
		head = next;
		next = after;
		check_steps(store, node, ++steps, &max_steps);
	}
}

static int
compare_dead_by_node(const void *a, const void *b)
{
	const DeadRow *left = a;
	const DeadRow *right = b;

	if (left->node != right->node)
		return left->node < right->node ? -1 : 1;
	if (left->row != right->row)
		return left->row < right->row ? -1 : 1;
	return 0;
}

static int
compare_dead_by_row(const void *a, const void *b)
{
	const DeadRow *left = a;
	const DeadRow *right = b;

	if (left->row != right->row)
		return left->row < right->row ? -1 : 1;
	return 0;
}

/*
 * Free dead rows of one page; they are in no chain any more.
 */
static void
free_page_rows(StoreIndex *store, const DeadRow *dead, int count)
{
	Buffer		buffer = lock_row_page(store, dead[0].row, BUFFER_LOCK_EXCLUSIVE);
	Buffer		meta_buffer = InvalidBuffer;
	int			meta_block;
	StoreWal	wal;
	StoreRowData empty;
	int			freed = 0;
	int			i;

	if (store->meta.attributes > 0)
	{
		uint32		rows[STORE_ROWS_PER_PAGE];

		for (i = 0; i < count; i++)
		{
			if (StoreRowLife(get_row(store, BufferGetPage(buffer), dead[i].row)) == STORE_ROW_DEAD)
				rows[freed++] = dead[i].row;
		}
		vx_store_clear_attributes(store, rows, freed);
		freed = 0;
	}

	memset(&empty, 0, sizeof(empty));
	ItemPointerSetInvalid(&empty.tid);
	empty.state = STORE_ROW_FREE;
	empty.node = STORE_NONE;
	empty.next = STORE_NONE;

	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, buffer, false);
	for (i = 0; i < count; i++)
	{
		StoreRowData *row = get_row(store, BufferGetPage(buffer), dead[i].row);

		if (StoreRowLife(row) != STORE_ROW_DEAD)
			continue;
		vx_store_wal_put(&wal, 0, row, &empty, sizeof(empty));
		freed++;
	}
	if (freed > 0)
	{
		put_freed(store, &wal, 0, buffer, STORE_ROW, freed, &meta_buffer, &meta_block);
		vx_store_wal_finish(&wal);
	}
	if (BufferIsValid(meta_buffer))
		UnlockReleaseBuffer(meta_buffer);
	UnlockReleaseBuffer(buffer);
}

/*
 * Unlink and free the rows collected so far.
 */
static void
remove_dead_rows(VacuumState *state)
{
	DeadRow    *dead = state->dead;
	int			count = state->dead_count;
	int			i;
	int			j;

	VX_DEBUG_POINT("vacuum-marked");
	qsort(dead, count, sizeof(DeadRow), compare_dead_by_node);
	for (i = 0; i < count; i++)
	{
		if (dead[i].node != STORE_NONE && (i == 0 || dead[i].node != dead[i - 1].node))
		{
			vx_vacuum_delay_point();
			unlink_rows(state->store, dead[i].node);
		}
	}

	VX_DEBUG_POINT("vacuum-unlinked");
	qsort(dead, count, sizeof(DeadRow), compare_dead_by_row);
	for (i = 0; i < count; i = j)
	{
		for (j = i + 1; j < count; j++)
		{
			if (dead[j].row / STORE_ROWS_PER_PAGE != dead[i].row / STORE_ROWS_PER_PAGE)
				break;
		}
		vx_vacuum_delay_point();
		free_page_rows(state->store, dead + i, j - i);
	}
	state->dead_count = 0;
}

/*
 * Ask about the live rows of one page and mark the dead ones.
 */
static void
mark_page(VacuumState *state, uint32 page_no)
{
	StoreIndex *store = state->store;
	Buffer		buffer = vx_store_lock(store, STORE_ROW, page_no, BUFFER_LOCK_EXCLUSIVE);
	Page		page = BufferGetPage(buffer);
	uint32		slots = vx_store_slots(page, STORE_ROW, sizeof(StoreRowData));
	StoreWal	wal;
	bool		changed = false;
	uint32		i;

	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, buffer, false);
	for (i = 0; i < slots; i++)
	{
		StoreRowData *row = (StoreRowData *)
			vx_store_slot(page, STORE_ROW, sizeof(StoreRowData), i);
		DeadRow    *dead;

		if (StoreRowLife(row) == STORE_ROW_FREE)
			continue;
		if (StoreRowLife(row) == STORE_ROW_LIVE)
		{
			uint16		dead_state = STORE_ROW_DEAD | StoreRowKind(row);

			if (!StoreRowHasTid(row))
				vx_store_report_corruption(store->relation, "Row %u has no heap tuple.",
										   page_no * (uint32) STORE_ROWS_PER_PAGE + i);
			if (!state->callback(&row->tid, state->callback_state))
			{
				state->stats->num_index_tuples += 1;
				continue;
			}
			state->stats->tuples_removed += 1;
			vx_store_wal_put(&wal, 0, &row->state, &dead_state, sizeof(uint16));
			changed = true;
		}
		dead = &state->dead[state->dead_count++];
		dead->row = page_no * STORE_ROWS_PER_PAGE + i;
		dead->node = row->node;
	}
	if (changed)
		vx_store_wal_finish(&wal);
	UnlockReleaseBuffer(buffer);
}

/*
 * ambulkdelete of both access methods, as far as the store goes.
 */
void
vx_store_bulk_delete(StoreIndex *store, IndexBulkDeleteResult *stats,
					 IndexBulkDeleteCallback callback, void *callback_state)
{
	VacuumState state;
	uint32		pages;
	uint32		page_no;

	vx_store_refresh_meta(store);
	pages = store->meta.families[STORE_ROW].pages;

	state.store = store;
	state.stats = stats;
	state.callback = callback;
	state.callback_state = callback_state;
	state.dead_count = 0;
	state.dead = palloc(sizeof(DeadRow) *
						Min((uint64) MAX_DEAD, (uint64) (pages + 1) * STORE_ROWS_PER_PAGE));

	stats->num_index_tuples = 0;
	for (page_no = 0; page_no < pages; page_no++)
	{
		vx_vacuum_delay_point();
		if (state.dead_count + STORE_ROWS_PER_PAGE > MAX_DEAD)
			remove_dead_rows(&state);
		mark_page(&state, page_no);
	}
	remove_dead_rows(&state);
	pfree(state.dead);
}

/*
 * At the end of a vacuum: let the next transaction use what has been freed.
 *
 * A freed slot waits until the next transaction id at its freeing is behind
 * every snapshot.  Whoever inserts first would have that very id, and could use
 * none of them; and if that is all that happens between two vacuums, nobody
 * ever could.  So a transaction id is taken here, as vacuum does, too, when it
 * truncates a table.  Not where it could fail, or bring warnings of
 * wraparound nearer, and not twice: then others will have to take one.
 */
static void
finish_vacuum(IndexBulkDeleteResult *stats)
{
	bool		too_late;

	if (stats->tuples_removed == 0 || TransactionIdIsValid(GetTopTransactionIdIfAny()) ||
		IsInParallelMode())
		return;
	LWLockAcquire(XidGenLock, LW_SHARED);
	too_late = TransactionIdFollowsOrEquals(XidFromFullTransactionId(vx_transam_variables->nextXid),
											vx_transam_variables->xidVacLimit);
	LWLockRelease(XidGenLock);
	if (!too_late)
		(void) GetTopTransactionId();
}

/*
 * Live rows, by visiting every row page.
 */
static double
count_rows(StoreIndex *store)
{
	double		count = 0;
	uint32		page_no;

	vx_store_refresh_meta(store);
	for (page_no = 0; page_no < store->meta.families[STORE_ROW].pages; page_no++)
	{
		Buffer		buffer;
		Page		page;
		uint32		slots;
		uint32		i;

		vx_vacuum_delay_point();
		buffer = vx_store_lock(store, STORE_ROW, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		slots = vx_store_slots(page, STORE_ROW, sizeof(StoreRowData));
		for (i = 0; i < slots; i++)
		{
			StoreRowData *row = (StoreRowData *)
				vx_store_slot(page, STORE_ROW, sizeof(StoreRowData), i);

			if (StoreRowLife(row) == STORE_ROW_LIVE)
				count += 1;
		}
		UnlockReleaseBuffer(buffer);
	}
	return count;
}

/*
 * amvacuumcleanup of both access methods, as far as the store goes.
 */
IndexBulkDeleteResult *
vx_store_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	if (info->analyze_only)
		return stats;
	if (stats == NULL)
	{
		stats = palloc0(sizeof(IndexBulkDeleteResult));
		stats->num_index_tuples = count_rows(vx_store_open(info->index));
	}
	else
		finish_vacuum(stats);
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
