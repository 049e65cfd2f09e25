/*-------------------------------------------------------------------------
 *
 * store_check.c
 *	  Judging a store by its numbered invariants (README.md).
 *
 * Reads every page once into arrays and judges these.  Where the caller cannot
 * keep writers and vacuum out, what they are at may be reported.  Pages that
 * cannot be read as what they should be raise an error as they would in a scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "store/store.h"

typedef struct CheckState
{
	StoreIndex *store;
	StoreCheckReport report;
	void	   *arg;
	StoreRowData *rows;
	uint32		row_count;
	StoreNodeData *nodes;
	uint32		node_count;
	uint8	   *seen_rows;		/* bitmap: reached through a chain */
} CheckState;

static void complain(CheckState *state, const char *invariant, int64 block,
					 const char *format,...) pg_attribute_printf(4, 5);

static void
complain(CheckState *state, const char *invariant, int64 block, const char *format,...)
{
	char		message[256];
	va_list		args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	state->report(state->arg, invariant, block, message);
}

static int64
block_of(CheckState *state, int family, uint32 page_no)
{
	return vx_store_page_ref(state->store, family, page_no)->block;
}

/* An extent, for the check that none overlap */
typedef struct Extent
{
	BlockNumber start;
	uint32		pages;
	uint16		family;
} Extent;

static int
compare_extents(const void *a, const void *b)
{
	BlockNumber left = ((const Extent *) a)->start;
	BlockNumber right = ((const Extent *) b)->start;

	return left < right ? -1 : left > right;
}

/* I1: extents lie below reserved_blocks and do not overlap. */
static void
check_map(CheckState *state)
{
	StoreIndex *store = state->store;
	StoreMetaData *meta = &store->meta;
	Extent	   *extents = palloc(sizeof(Extent) * Max(meta->map_entries, 1));
	BlockNumber block = STORE_FIRST_MAP_BLOCK;
	uint32		map_no = 0;
	uint32		count = 0;
	uint32		i;

	while (block != 0 && count <= meta->map_entries)
	{
		Buffer		buffer = ReadBuffer(store->relation, block);
		Page		page = BufferGetPage(buffer);
		StoreMapHeaderData *header = (StoreMapHeaderData *) PageGetContents(page);
		StoreMapEntryData *entries = (StoreMapEntryData *) (header + 1);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		vx_store_check_page(store, page, STORE_KIND_MAP, map_no++);
		for (i = 0; i < header->entries && i < STORE_MAP_ENTRIES_PER_PAGE; i++)
		{
			if (count == meta->map_entries)
			{
				count++;
				break;
			}
			if (entries[i].extent >= STORE_MAX_EXTENTS)
				vx_store_report_corruption(store->relation, "A map entry has impossible values.");
			extents[count].start = entries[i].start;
			extents[count].family = entries[i].family;
			extents[count].pages = StoreExtentPages(StoreExtentFirstPage(entries[i].extent));
			count++;
		}
		block = header->next_block;
		if (block >= RelationGetNumberOfBlocks(store->relation))
			vx_store_report_corruption(store->relation, "The map goes on in block %u.", block);
		UnlockReleaseBuffer(buffer);
	}
	if (count != meta->map_entries)
	{
		complain(state, "I1", STORE_META_BLOCK,
				 "the metapage counts %u extents, the map has another number", meta->map_entries);
		count = Min(count, meta->map_entries);
	}

	qsort(extents, count, sizeof(Extent), compare_extents);
	for (i = 0; i < count; i++)
	{
		if ((uint64) extents[i].start + extents[i].pages > meta->reserved_blocks)
			complain(state, "I1", extents[i].start,
					 "an extent of family %u ends beyond the %u reserved blocks",
					 extents[i].family, meta->reserved_blocks);
		if (i > 0 && extents[i].start < (uint64) extents[i - 1].start + extents[i - 1].pages)
			complain(state, "I1", extents[i].start,
					 "extents of families %u and %u overlap",
					 extents[i - 1].family, extents[i].family);
	}
	pfree(extents);
}

/*
 * Copy all slots of a family (STORE_ROW, STORE_NODE) to an array.
 * I2: all pages but the last are full.
 */
static void *
read_family(CheckState *state, int family, uint32 *total)
{
	StoreIndex *store = state->store;
	Size		size = vx_store_slot_size(store, family);
	uint32		pages = vx_store_count_pages(store, family);
	uint32		per_page = (STORE_PAGE_END - StoreFamilyStart(family)) / size;
	char	   *slots = MemoryContextAllocHuge(CurrentMemoryContext,
											   (Size) Max(pages, 1) * per_page * size);
	uint32		page_no;

	*total = 0;
	for (page_no = 0; page_no < pages; page_no++)
	{
		Buffer		buffer;
		Page		page;
		uint32		count;

		CHECK_FOR_INTERRUPTS();
		buffer = vx_store_lock(store, family, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		count = vx_store_slots(page, family, size);
		memcpy(slots + *total * size, vx_store_slot(page, family, size, 0), count * size);
		if (count < per_page && page_no + 1 < pages)
		{
			complain(state, "I2", block_of(state, family, page_no),
					 "page %u of family %d has %u slots and is not the last", page_no, family, count);
			memset(slots + (*total + count) * size, 0, (per_page - count) * size);
			count = per_page;
		}
		*total += count;
		UnlockReleaseBuffer(buffer);
	}
	return slots;
}

/* I3: a page's free count is true, and the free list has just the listed pages. */
static void
check_free_list(CheckState *state, int family)
{
	StoreIndex *store = state->store;
	Size		size = vx_store_slot_size(store, family);
	uint32		pages = store->meta.families[family].pages;
	uint32		at = store->meta.families[family].free_head;
	uint8	   *listed = palloc0(pages + 1);
	uint32	   *next = palloc(sizeof(uint32) * (pages + 1));
	uint32		page_no;
	uint32		steps = 0;

	for (page_no = 0; page_no < pages; page_no++)
	{
		Buffer		buffer;
		Page		page;
		StoreOpaque opaque;
		uint32		count;
		uint32		free_slots = 0;
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		buffer = vx_store_lock(store, family, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		opaque = StorePageGetOpaque(page);
		count = vx_store_slots(page, family, size);
		for (i = 0; i < count; i++)
		{
			char	   *slot = vx_store_slot(page, family, size, i);

			if (family == STORE_NODE ? ((StoreNodeData *) slot)->state == STORE_NODE_FREE :
				StoreRowLife((StoreRowData *) slot) == STORE_ROW_FREE)
				free_slots++;
		}
		if (free_slots != opaque->free_count)
			complain(state, "I3", block_of(state, family, page_no),
					 "page %u of family %d counts %u free slots and has %u",
					 page_no, family, opaque->free_count, free_slots);
		if (free_slots > 0 && !opaque->listed)
			complain(state, "I3", block_of(state, family, page_no),
					 "page %u of family %d has free slots and is not on the free list",
					 page_no, family);
		listed[page_no] = opaque->listed;
		next[page_no] = opaque->next_free;
		UnlockReleaseBuffer(buffer);
	}

	while (at != STORE_NONE && steps++ <= pages)
	{
		if (at >= pages || listed[at] != 1)
		{
			complain(state, "I3", -1, "the free list of family %d leads to page %u", family, at);
			break;
		}
		listed[at] = 2;
		at = next[at];
	}
	for (page_no = 0; page_no < pages; page_no++)
	{
		if (listed[page_no] == 1)
			complain(state, "I3", block_of(state, family, page_no),
					 "page %u of family %d is listed as having free slots and not on the free list",
					 page_no, family);
	}
	pfree(listed);
	pfree(next);
}

/*
 * I4: there are as many code slots as node slots, of equal incarnations; a
 * free node's code is empty, a live node's is what its header says.
 */
static void
check_codes(CheckState *state)
{
	StoreIndex *store = state->store;
	Size		size = store->quant->slot_bytes;
	uint32		pages = store->meta.families[STORE_CODE].pages;
	uint32		node = 0;
	uint32		page_no;

	for (page_no = 0; page_no < pages; page_no++)
	{
		Buffer		buffer;
		Page		page;
		uint32		count;
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		buffer = vx_store_lock(store, STORE_CODE, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		count = vx_store_slots(page, STORE_CODE, size);
		if (count < store->codes_per_page && page_no + 1 < pages &&
			page_no * store->codes_per_page + count < state->node_count)
			complain(state, "I2", block_of(state, STORE_CODE, page_no),
					 "page %u of codes has %u slots and is not the last", page_no, count);
		for (i = 0; i < count && node < state->node_count; i++, node++)
		{
			QuantSlotData *slot = (QuantSlotData *) vx_store_slot(page, STORE_CODE, size, i);
			StoreNodeData *data = &state->nodes[node];
			bool		empty = isnan(slot->error);

			if (slot->incarnation != data->incarnation)
				complain(state, "I4", block_of(state, STORE_CODE, page_no),
						 "node %u has incarnation %u, its code %u",
						 node, data->incarnation, slot->incarnation);
			if (empty != (data->state == STORE_NODE_FREE))
				complain(state, "I4", block_of(state, STORE_CODE, page_no),
						 "node %u is %s, its code is %s", node,
						 data->state == STORE_NODE_FREE ? "free" : "live",
						 empty ? "empty" : "not empty");
			if (!empty && !vx_quant_is_plausible(store->quant, slot))
				complain(state, "I4", block_of(state, STORE_CODE, page_no),
						 "the header of node %u does not belong to its code", node);
		}
		if (i < count)
			complain(state, "I4", block_of(state, STORE_CODE, page_no),
					 "there are code slots beyond the %u nodes", state->node_count);
		UnlockReleaseBuffer(buffer);
	}
	if (node < state->node_count)
		complain(state, "I4", -1, "there are %u nodes and %u codes", state->node_count, node);
}

/*
 * I5: a live node has rows; its chain reaches rows of this node and
 * incarnation only, each once.
 */
static void
check_chains(CheckState *state)
{
	uint32		node;

	for (node = 0; node < state->node_count; node++)
	{
		StoreNodeData *data = &state->nodes[node];
		int64		block = block_of(state, STORE_NODE, node / STORE_NODES_PER_PAGE);
		uint32		at = data->head;

		CHECK_FOR_INTERRUPTS();
		if (data->state > (state->store->meta.link_bytes > 0 ? STORE_NODE_DEAD : STORE_NODE_LIVE))
			complain(state, "I5", block, "node %u has state %u", node, data->state);
		if (data->state != STORE_NODE_LIVE)
		{
			if (at != STORE_NONE)
				complain(state, "I5", block, "node %u is %s and has row %u", node,
						 data->state == STORE_NODE_FREE ? "free" : "dead", at);
			continue;
		}
		if (at == STORE_NONE)
			complain(state, "I5", block, "node %u is live and has no row", node);
		while (at != STORE_NONE)
		{
			StoreRowData *row;

			CHECK_FOR_INTERRUPTS();
			if (at >= state->row_count)
			{
				complain(state, "I5", block, "the rows of node %u lead to row %u, which does not exist",
						 node, at);
				break;
			}
			row = &state->rows[at];
			if (row->node != node || row->incarnation != data->incarnation ||
				StoreRowLife(row) == STORE_ROW_FREE)
			{
				complain(state, "I5", block, "the rows of node %u lead to row %u of another node",
						 node, at);
				break;
			}
			if (state->seen_rows[at / 8] & (1 << (at % 8)))
			{
				complain(state, "I5", block, "the rows of node %u form a cycle at row %u", node, at);
				break;
			}
			state->seen_rows[at / 8] |= 1 << (at % 8);
			at = row->next;
		}
	}
}

/*
 * I6: a live row with a code is in its node's chain; rows without one have no
 * node; the metapage knows of rows whose distance is known to the heap only.
 * I7: no two live rows have the same heap TID.
 */
static int
compare_tids(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return ItemPointerCompare((ItemPointer) a, (ItemPointer) b);
}

static void
check_rows(CheckState *state)
{
	Size		room = sizeof(ItemPointerData) * ((Size) state->row_count + 1);
	ItemPointerData *tids = MemoryContextAllocHuge(CurrentMemoryContext, room);
	Size		count = 0;
	Size		i;
	uint32		id;

	for (id = 0; id < state->row_count; id++)
	{
		StoreRowData *row = &state->rows[id];
		int64		block = block_of(state, STORE_ROW, id / STORE_ROWS_PER_PAGE);
		bool		reached = (state->seen_rows[id / 8] & (1 << (id % 8))) != 0;

		CHECK_FOR_INTERRUPTS();
		if (StoreRowLife(row) > STORE_ROW_DEAD || StoreRowKind(row) > STORE_ROW_ODD)
			complain(state, "I6", block, "row %u has state %u", id, row->state);
		if (StoreRowLife(row) == STORE_ROW_FREE)
		{
			if (row->node != STORE_NONE)
				complain(state, "I6", block, "row %u is free and has node %u", id, row->node);
			continue;
		}
		if (StoreRowLife(row) == STORE_ROW_LIVE)
		{
			if (StoreRowHasTid(row))
				tids[count++] = row->tid;
			else
				complain(state, "I6", block, "row %u has no heap tuple", id);
			if ((StoreRowKind(row) == STORE_ROW_CODED) != reached)
				complain(state, "I6", block, "row %u is %s", id,
						 reached ? "without code and in a chain" : "in no chain");
			if (StoreRowKind(row) == STORE_ROW_ODD &&
				!(state->store->meta.flags & STORE_FLAG_ODD))
				complain(state, "I6", block, "row %u needs a flag that the metapage lacks", id);
		}
		if (StoreRowKind(row) != STORE_ROW_CODED && row->node != STORE_NONE)
			complain(state, "I6", block, "row %u has no code and node %u", id, row->node);
	}

	qsort(tids, count, sizeof(ItemPointerData), compare_tids);
	for (i = 1; i < count; i++)
	{
		if (ItemPointerEquals(&tids[i - 1], &tids[i]))
			complain(state, "I7", -1, "heap tuple (%u,%u) has more than one row",
					 ItemPointerGetBlockNumber(&tids[i]), ItemPointerGetOffsetNumber(&tids[i]));
	}
	pfree(tids);
}

/*
 * I10: pages of attribute columns are full but the last, and every row has its
 * slots there; one row more may have (an insert that did not come to its end).
 */
static void
check_attributes(CheckState *state)
{
	StoreIndex *store = state->store;
	int			column;

	for (column = 0; column < store->meta.attributes; column++)
	{
		int			family = STORE_ATTRIBUTE + column;
		Size		size = vx_store_slot_size(store, family);
		uint32		per_page = vx_store_page_slots(store, family);
		uint32		pages = store->meta.families[family].pages;
		uint64		total = 0;
		uint32		page_no;

		for (page_no = 0; page_no < pages; page_no++)
		{
			Buffer		buffer;
			uint32		count;

			CHECK_FOR_INTERRUPTS();
			buffer = vx_store_lock(store, family, page_no, BUFFER_LOCK_SHARE);
			count = vx_store_slots(BufferGetPage(buffer), family, size);
			UnlockReleaseBuffer(buffer);
			if (count < per_page && page_no + 1 < pages &&
				(uint64) page_no * per_page + count < state->row_count)
				complain(state, "I10", block_of(state, family, page_no),
						 "page %u of family %d has %u slots and is not the last",
						 page_no, family, count);
			total += count;
		}
		if (total < state->row_count || total > (uint64) state->row_count + 1)
			complain(state, "I10", -1, "there are %u rows and " UINT64_FORMAT " slots in family %d",
					 state->row_count, total, family);
	}
}

/* I8: directory levels add up to its pages; entries name nodes that exist. */
static void
check_directory(CheckState *state)
{
	StoreIndex *store = state->store;
	StoreMetaData *meta = &store->meta;
	uint64		total = 0;
	uint32		page_no;
	uint32		i;

	for (i = 0; i < meta->directory_levels; i++)
		total += meta->directory_pages[i];
	if (total > meta->families[STORE_DIRECTORY].pages)
		complain(state, "I8", STORE_META_BLOCK, "directory levels have more pages than there are");

	for (page_no = 0; page_no < meta->families[STORE_DIRECTORY].pages; page_no++)
	{
		Buffer		buffer;
		StoreDirectoryEntryData *entries;

		CHECK_FOR_INTERRUPTS();
		buffer = vx_store_lock(store, STORE_DIRECTORY, page_no, BUFFER_LOCK_SHARE);
		entries = (StoreDirectoryEntryData *)
			vx_store_slot(BufferGetPage(buffer), STORE_DIRECTORY, STORE_BUCKET_BYTES, 0);
		for (i = 0; i < STORE_BUCKETS_PER_PAGE * STORE_BUCKET_ENTRIES; i++)
		{
			if (entries[i].node_plus_one > state->node_count)
				complain(state, "I8", block_of(state, STORE_DIRECTORY, page_no),
						 "the directory names node %u, which does not exist",
						 entries[i].node_plus_one - 1);
		}
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * Report every broken invariant.
 */
void
vx_store_check(StoreIndex *store, StoreCheckReport report, void *arg)
{
	CheckState	state;

	vx_store_refresh_meta(store);
	state.store = store;
	state.report = report;
	state.arg = arg;

	check_map(&state);
	state.nodes = read_family(&state, STORE_NODE, &state.node_count);
	state.rows = read_family(&state, STORE_ROW, &state.row_count);
	state.seen_rows = MemoryContextAllocExtended(CurrentMemoryContext, state.row_count / 8 + 1,
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check_free_list(&state, STORE_NODE);
	check_free_list(&state, STORE_ROW);
	check_codes(&state);
	check_chains(&state);
	check_rows(&state);
	check_directory(&state);
	check_attributes(&state);
	pfree(state.seen_rows);
	pfree(state.rows);
	pfree(state.nodes);
}
