/*-------------------------------------------------------------------------
 *
 * store_insert.c
 *	  Inserting a row, with a new node or at the head of an equal one's chain.
 *
 * 1. Look for a node with the same code (vx_store_find_equal).
 * 2. Found: lock the node's page; if it still is that node, lock a row page
 *	  with room, and link the row in as the new head: one WAL record.
 * 3. Not found: lock a node page with room, the code page of that slot, and
 *	  a row page; write all three slots in one WAL record.  The locks keep
 *	  readers from the node until its code and its row are there.
 *	  Attributes, if there are any, go before the row in records of their
 *	  own: with the row's page locked nobody else takes the row's number,
 *	  and without the row nobody reads them.
 * 4. Enter the node into the directory: a record of its own, since a crash
 *	  before it costs a shared node, not correctness.
 *
 * Locks are taken in the order of store.h.  A page that is missing is added
 * with none of them held, and then the places are looked for anew: the file
 * may have to grow meanwhile, and only those wait who need the page, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "store/store.h"

/* A slot that the holder of its page's lock may fill */
typedef struct FreeSlot
{
	Buffer		buffer;			/* locked exclusively */
	uint32		page_no;
	uint32		slot;
	bool		recycled;		/* below the page's slot count */
} FreeSlot;

/* A page that has to be there before an insert can go on */
typedef struct MissingPage
{
	int			family;
	uint32		page_no;
} MissingPage;

/*
 * Pages of a free list that are looked at for a slot that may be used again.
 * What was freed last comes first, and has to wait longest.
 */
#define MAX_FREE_PAGES 4

static bool
slot_is_free(int family, const char *slot)
{
	if (family == STORE_NODE)
		return ((const StoreNodeData *) slot)->state == STORE_NODE_FREE;
	if (family == STORE_UPPER)
		return *(const uint32 *) slot == STORE_NONE;
	return StoreRowLife((const StoreRowData *) slot) == STORE_ROW_FREE;
}

/*
 * Take a page without free slots off the list, if it is the list's head.
 */
static void
pop_free_page(StoreIndex *store, int family, Buffer buffer)
{
	StoreOpaque opaque = StorePageGetOpaque(BufferGetPage(buffer));
	Buffer		meta_buffer = vx_store_lock_meta(store, BUFFER_LOCK_EXCLUSIVE);
	StoreMetaData *meta = (StoreMetaData *) PageGetContents(BufferGetPage(meta_buffer));

	if (meta->families[family].free_head == opaque->page_no)
	{
		StoreWal	wal;
		uint32		none = STORE_NONE;
		uint8		listed = 0;

		vx_store_wal_begin(&wal, store->relation);
		vx_store_wal_add(&wal, buffer, false);
		vx_store_wal_add(&wal, meta_buffer, false);
		vx_store_wal_put(&wal, 1, &meta->families[family].free_head,
						 &opaque->next_free, sizeof(uint32));
		vx_store_wal_put(&wal, 0, &opaque->next_free, &none, sizeof(uint32));
		vx_store_wal_put(&wal, 0, &opaque->listed, &listed, sizeof(uint8));
		vx_store_wal_finish(&wal);
	}
	memcpy(&store->meta, meta, sizeof(StoreMetaData));
	UnlockReleaseBuffer(meta_buffer);
}

/*
 * Might a row find the node by an old entry of the directory before it is linked
 * into the graph?  See vx_store_find_equal.  Nodes that have been freed since that
 * was called wait for our own snapshot, too.
 */
static bool
is_named(const StoreIndex *store, uint32 node)
{
	int			i;

	if (store->named_count > STORE_MAX_NAMED)
		return true;
	for (i = 0; i < store->named_count; i++)
	{
		if (store->named[i] == node)
			return true;
	}
	return false;
}

/*
 * Look for a slot that may be used again on the first pages of the free list.
 * Returns true with the page locked.
 *
 * A freed slot waits until no snapshot is older than its freeing, so that
 * readers on this server never meet a reused row in the middle of a chain.
 * (Readers of a standby may, and cope: see store_chain.c.)
 *
 * The list may change while it is followed: vacuum puts pages before its head,
 * others take full ones off.  A page with a free slot is good wherever it is.
 */
static bool
lock_recycled_slot(StoreIndex *store, int family, FreeSlot *result)
{
	Size		size = vx_store_slot_size(store, family);
	uint32		at = store->meta.families[family].free_head;
	int			steps;

	for (steps = 0; at != STORE_NONE && steps < MAX_FREE_PAGES; steps++)
	{
		Page		page;
		StoreOpaque opaque;

		CHECK_FOR_INTERRUPTS();
		if (at >= store->meta.families[family].pages)
			vx_store_refresh_meta(store);
		if (at >= store->meta.families[family].pages)
			vx_store_report_corruption(store->relation, "Page %u on the free list of family %d does not exist.",
									   at, family);
		result->page_no = at;
		result->buffer = vx_store_lock(store, family, at, BUFFER_LOCK_EXCLUSIVE);
		page = BufferGetPage(result->buffer);
		opaque = StorePageGetOpaque(page);
		if (opaque->free_count > 0 &&
			GlobalVisCheckRemovableFullXid(NULL, FullTransactionIdFromU64(opaque->free_fxid)))
		{
			uint32		slots = vx_store_slots(page, family, size);
			bool		found = false;

			for (result->slot = 0; result->slot < slots; result->slot++)
			{
				if (!slot_is_free(family, vx_store_slot(page, family, size, result->slot)))
					continue;
				found = true;
				if (family == STORE_NODE && store->meta.link_bytes > 0 &&
					is_named(store, at * STORE_NODES_PER_PAGE + result->slot))
					continue;
				result->recycled = true;
				return true;
			}
			if (!found)
				vx_store_report_corruption(store->relation, "Page %u of family %d has no free slot, %u were expected.",
										   at, family, opaque->free_count);
		}
		if (opaque->free_count == 0 && at == store->meta.families[family].free_head)
		{
			pop_free_page(store, family, result->buffer);
			at = store->meta.families[family].free_head;
		}
		else
			at = opaque->next_free;
		UnlockReleaseBuffer(result->buffer);
	}
	return false;
}

/*
 * Lock a page of the family that has room and say where: a recycled slot if
 * one may be used again, else the next one at the end.  Returns false, with
 * nothing locked, if there is none: the page in *missing has to be added.
 */
static bool
lock_free_slot(StoreIndex *store, int family, FreeSlot *result, MissingPage *missing)
{
	Size		size = vx_store_slot_size(store, family);
	uint32		per_page = (STORE_PAGE_END - StoreFamilyStart(family)) / size;
	uint32		pages;
	uint64		limit = STORE_NONE;

	if (lock_recycled_slot(store, family, result))
		return true;

	pages = store->meta.families[family].pages;
	if (family == STORE_NODE && store->meta.link_bytes > 0)
		limit = STORE_MAX_GRAPH_NODES;
	if (pages > 0)
	{
		result->page_no = pages - 1;
		result->buffer = vx_store_lock(store, family, result->page_no, BUFFER_LOCK_EXCLUSIVE);
		result->slot = vx_store_slots(BufferGetPage(result->buffer), family, size);
		if (result->slot < per_page)
		{
			result->recycled = false;
			return true;
		}
		UnlockReleaseBuffer(result->buffer);
	}
	if ((uint64) (pages + 1) * per_page >= limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 limit == STORE_MAX_GRAPH_NODES ?
				 errmsg("index \"%s\" cannot hold more than %u different vectors",
						RelationGetRelationName(store->relation), STORE_MAX_GRAPH_NODES) :
				 errmsg("index \"%s\" cannot hold more than %u rows",
						RelationGetRelationName(store->relation), (uint32) limit - 1)));
	missing->family = family;
	missing->page_no = pages;
	return false;
}

/*
 * The same for a row, whose attribute slots have to have their pages, too.
 */
static bool
lock_row_slot(StoreIndex *store, FreeSlot *result, MissingPage *missing)
{
	if (!lock_free_slot(store, STORE_ROW, result, missing))
		return false;
	if (store->meta.attributes > 0 &&
		vx_store_find_missing_attribute(store, result->page_no * STORE_ROWS_PER_PAGE + result->slot,
										&missing->family, &missing->page_no))
	{
		UnlockReleaseBuffer(result->buffer);
		return false;
	}
	return true;
}

/* Add a page that was missing, and look around anew.  Holds no lock. */
static void
add_missing_page(StoreIndex *store, const MissingPage *missing)
{
	CHECK_FOR_INTERRUPTS();
	vx_store_add_page(store, missing->family, missing->page_no);
	vx_store_refresh_meta(store);
}

/*
 * Plan to write size bytes into a slot that lock_free_slot found.
 */
static void
put_slot(StoreWal *wal, int block, const FreeSlot *place, int family, Size size,
		 const void *data)
{
	Page		page = BufferGetPage(place->buffer);

	vx_store_wal_put(wal, block, vx_store_slot(page, family, size, place->slot), data, size);
	if (place->recycled)
	{
		StoreOpaque opaque = StorePageGetOpaque(page);
		uint16		free_count = opaque->free_count - 1;

		vx_store_wal_put(wal, block, &opaque->free_count, &free_count, sizeof(uint16));
	}
	else
	{
		PageHeader	header = (PageHeader) page;
		uint16		lower = header->pd_lower + size;

		vx_store_wal_put(wal, block, &header->pd_lower, &lower, sizeof(uint16));
	}
}

/*
 * Set a metapage flag before the first row that needs it.
 */
static void
set_meta_flag(StoreIndex *store, uint16 flag)
{
	Buffer		buffer = vx_store_lock_meta(store, BUFFER_LOCK_EXCLUSIVE);
	StoreMetaData *meta = (StoreMetaData *) PageGetContents(BufferGetPage(buffer));

	if (!(meta->flags & flag))
	{
		uint16		flags = meta->flags | flag;
		StoreWal	wal;

		vx_store_wal_begin(&wal, store->relation);
		vx_store_wal_add(&wal, buffer, false);
		vx_store_wal_put(&wal, 0, &meta->flags, &flags, sizeof(uint16));
		vx_store_wal_finish(&wal);
	}
	memcpy(&store->meta, meta, sizeof(StoreMetaData));
	UnlockReleaseBuffer(buffer);
}

static void
fill_row(StoreRowData *row, ItemPointer tid, uint16 kind, uint32 node,
		 uint32 incarnation, uint32 next)
{
	row->tid = *tid;
	row->state = STORE_ROW_LIVE | kind;
	row->node = node;
	row->incarnation = incarnation;
	row->next = next;
}

/* A row without a node */
static void
insert_lone_row(StoreIndex *store, ItemPointer tid, uint16 kind, const char *attributes,
				StoreInserted *inserted)
{
	FreeSlot	row_place;
	MissingPage missing;
	StoreRowData row;
	StoreWal	wal;
	uint32		row_id;

	if (kind == STORE_ROW_ODD && !(store->meta.flags & STORE_FLAG_ODD))
		set_meta_flag(store, STORE_FLAG_ODD);

	while (!lock_row_slot(store, &row_place, &missing))
		add_missing_page(store, &missing);
	row_id = row_place.page_no * STORE_ROWS_PER_PAGE + row_place.slot;
	vx_store_write_attributes(store, row_id, attributes);
	fill_row(&row, tid, kind, STORE_NONE, 0, STORE_NONE);
	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, row_place.buffer, false);
	put_slot(&wal, 0, &row_place, STORE_ROW, sizeof(row), &row);
	vx_store_wal_finish(&wal);
	UnlockReleaseBuffer(row_place.buffer);

	inserted->row = row_id;
	inserted->node = STORE_NONE;
	inserted->incarnation = 0;
	inserted->new_node = false;
}

/*
 * A row for an existing node; false if the node is another one by now.
 */
static bool
attach_row(StoreIndex *store, ItemPointer tid, uint32 node, uint32 incarnation,
		   const char *attributes, StoreInserted *inserted)
{
	Buffer		node_buffer;
	Page		node_page;
	StoreNodeData *node_data;
	FreeSlot	row_place;
	MissingPage missing;
	StoreRowData row;
	StoreWal	wal;
	uint32		row_id;
	uint32		slot = node % STORE_NODES_PER_PAGE;

	if (node / STORE_NODES_PER_PAGE >= store->meta.families[STORE_NODE].pages)
		return false;
	for (;;)
	{
		node_buffer = vx_store_lock(store, STORE_NODE, node / STORE_NODES_PER_PAGE,
									BUFFER_LOCK_EXCLUSIVE);
		node_page = BufferGetPage(node_buffer);
		node_data = (StoreNodeData *)
			vx_store_slot(node_page, STORE_NODE, sizeof(StoreNodeData), slot);
		if (slot >= vx_store_slots(node_page, STORE_NODE, sizeof(StoreNodeData)) ||
			node_data->state != STORE_NODE_LIVE || node_data->incarnation != incarnation)
		{
			UnlockReleaseBuffer(node_buffer);
			return false;
		}
		if (lock_row_slot(store, &row_place, &missing))
			break;
		UnlockReleaseBuffer(node_buffer);
		add_missing_page(store, &missing);
	}
	row_id = row_place.page_no * STORE_ROWS_PER_PAGE + row_place.slot;
	vx_store_write_attributes(store, row_id, attributes);
	fill_row(&row, tid, STORE_ROW_CODED, node, incarnation, node_data->head);

	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, row_place.buffer, false);
	put_slot(&wal, 0, &row_place, STORE_ROW, sizeof(row), &row);
	vx_store_wal_add(&wal, node_buffer, false);
	vx_store_wal_put(&wal, 1, &node_data->head, &row_id, sizeof(uint32));
	vx_store_wal_finish(&wal);
	UnlockReleaseBuffer(row_place.buffer);
	UnlockReleaseBuffer(node_buffer);

	inserted->row = row_id;
	inserted->node = node;
	inserted->incarnation = incarnation;
	inserted->new_node = false;
	return true;
}

/*
 * Lock the page of a node's slot in a family that is numbered as nodes are.
 * The node's page is locked.  Returns false, with no more locked, if the page
 * has to be added first.
 */
static bool
lock_node_slot(StoreIndex *store, int family, uint32 node, const FreeSlot *node_place,
			   FreeSlot *place, MissingPage *missing)
{
	Size		size = vx_store_slot_size(store, family);
	uint32		per_page = (STORE_PAGE_END - StoreFamilyStart(family)) / size;
	uint32		used;

	place->page_no = node / per_page;
	place->slot = node % per_page;
	place->recycled = node_place->recycled;
	if (place->page_no >= store->meta.families[family].pages)
	{
		missing->family = family;
		missing->page_no = place->page_no;
		return false;
	}
	place->buffer = vx_store_lock(store, family, place->page_no, BUFFER_LOCK_EXCLUSIVE);
	used = vx_store_slots(BufferGetPage(place->buffer), family, size);
	if (place->recycled ? used <= place->slot : used != place->slot)
		vx_store_report_corruption(store->relation, "Page %u of family %d has %u slots, slot %u was expected to be free.",
								   place->page_no, family, used, place->slot);
	return true;
}

/*
 * Plan to write the first length bytes of a node's slot.  What follows them
 * on the page is zero.
 */
static void
put_node_slot(StoreIndex *store, StoreWal *wal, int block, const FreeSlot *place, int family,
			  const void *data, Size length)
{
	Page		page = BufferGetPage(place->buffer);
	PageHeader	header = (PageHeader) page;
	Size		size = vx_store_slot_size(store, family);

	if (!place->recycled)
	{
		uint16		lower = header->pd_lower + size;

		vx_store_wal_put(wal, block, &header->pd_lower, &lower, sizeof(uint16));
	}
	vx_store_wal_put(wal, block, vx_store_slot(page, family, size, place->slot), data, length);
}

/* What a row with a node of its own fills */
typedef struct NodePlaces
{
	FreeSlot	node;
	FreeSlot	code;
	FreeSlot	link;
	FreeSlot	row;
} NodePlaces;

/*
 * Lock all of them; false, with nothing locked, if a page has to be added.
 */
static bool
lock_node_places(StoreIndex *store, bool has_graph, NodePlaces *places, MissingPage *missing)
{
	uint32		node;

	if (!lock_free_slot(store, STORE_NODE, &places->node, missing))
		return false;
	node = places->node.page_no * STORE_NODES_PER_PAGE + places->node.slot;

	/* Code and links have the node's number. */
	if (lock_node_slot(store, STORE_CODE, node, &places->node, &places->code, missing))
	{
		if (!has_graph ||
			lock_node_slot(store, STORE_LINK, node, &places->node, &places->link, missing))
		{
			if (lock_row_slot(store, &places->row, missing))
				return true;
			if (has_graph)
				UnlockReleaseBuffer(places->link.buffer);
		}
		UnlockReleaseBuffer(places->code.buffer);
	}
	UnlockReleaseBuffer(places->node.buffer);
	return false;
}

/*
 * A row with a node of its own.  With a graph, links are the first link_bytes of
 * the node's list; the others are 0.
 */
static void
insert_node(StoreIndex *store, ItemPointer tid, QuantSlotData *slot, const char *attributes,
			int level, const void *links, Size link_bytes, StoreInserted *inserted)
{
	bool		has_graph = store->meta.link_bytes > 0;
	NodePlaces	places;
	MissingPage missing;
	StoreNodeData node_data;
	StoreRowData row;
	StoreWal	wal;
	uint32		node;
	uint32		row_id;

	while (!lock_node_places(store, has_graph, &places, &missing))
		add_missing_page(store, &missing);

	node = places.node.page_no * STORE_NODES_PER_PAGE + places.node.slot;
	node_data.incarnation = 1;
	if (places.node.recycled)
	{
		StoreNodeData *freed = (StoreNodeData *)
			vx_store_slot(BufferGetPage(places.node.buffer), STORE_NODE,
						  sizeof(StoreNodeData), places.node.slot);

		node_data.incarnation = freed->incarnation;
	}
	slot->incarnation = node_data.incarnation;
	row_id = places.row.page_no * STORE_ROWS_PER_PAGE + places.row.slot;
	vx_store_write_attributes(store, row_id, attributes);
	fill_row(&row, tid, STORE_ROW_CODED, node, node_data.incarnation, STORE_NONE);
	node_data.head = row_id;
	node_data.state = STORE_NODE_LIVE;
	node_data.level = level;

	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, places.code.buffer, false);
	put_node_slot(store, &wal, 0, &places.code, STORE_CODE, slot, store->quant->slot_bytes);
	vx_store_wal_add(&wal, places.row.buffer, false);
	put_slot(&wal, 1, &places.row, STORE_ROW, sizeof(row), &row);
	vx_store_wal_add(&wal, places.node.buffer, false);
	put_slot(&wal, 2, &places.node, STORE_NODE, sizeof(node_data), &node_data);
	if (has_graph)
	{
		vx_store_wal_add(&wal, places.link.buffer, false);
		put_node_slot(store, &wal, 3, &places.link, STORE_LINK, links, link_bytes);
	}
	vx_store_wal_finish(&wal);
	UnlockReleaseBuffer(places.row.buffer);
	if (has_graph)
		UnlockReleaseBuffer(places.link.buffer);
	UnlockReleaseBuffer(places.code.buffer);
	UnlockReleaseBuffer(places.node.buffer);

	inserted->row = row_id;
	inserted->node = node;
	inserted->incarnation = node_data.incarnation;
	inserted->new_node = true;
}

/*
 * Insert a heap row, with its attribute slots.  kind says whether it has a code (STORE_ROW_CODED, then
 * slot is its code and gets an incarnation) or why not.
 */
void
vx_store_insert(StoreIndex *store, ItemPointer tid, uint16 kind,
				QuantSlotData *slot, const char *attributes, StoreInserted *inserted)
{
	uint64		hash;

	if (kind != STORE_ROW_CODED)
	{
		insert_lone_row(store, tid, kind, attributes, inserted);
		return;
	}

	hash = vx_store_hash_slot(store->quant, slot);
	if (vx_store_insert_equal(store, tid, hash, slot, attributes, inserted))
		return;
	insert_node(store, tid, slot, attributes, 0, NULL, 0, inserted);
	vx_store_remember_node(store, hash, inserted->node);
}

/*
 * Insert a row into the chain of a node that holds the same code; false if
 * there is none.
 */
bool
vx_store_insert_equal(StoreIndex *store, ItemPointer tid, uint64 hash,
					  const QuantSlotData *slot, const char *attributes,
					  StoreInserted *inserted)
{
	uint32		node;
	uint32		incarnation;

	return vx_store_find_equal(store, hash, slot, &node, &incarnation) &&
		attach_row(store, tid, node, incarnation, attributes, inserted);
}

/*
 * Insert a row with a node of its own into a graph: level is the node's top
 * level, links the part of its list that is in use (at least one entry).
 * Others find it when they have been linked to it, and rows of equal codes when
 * it is entered into the directory: both are the caller's.
 */
void
vx_store_insert_linked(StoreIndex *store, ItemPointer tid, QuantSlotData *slot,
					   const char *attributes, int level, const void *links,
					   Size link_bytes, StoreInserted *inserted)
{
	Assert(link_bytes > 0 && link_bytes <= store->meta.link_bytes);
	insert_node(store, tid, slot, attributes, level, links, link_bytes, inserted);
}

/*
 * Insert an upper slot; returns its number.
 */
uint32
vx_store_insert_upper(StoreIndex *store, const void *upper)
{
	Size		size = store->meta.upper_bytes;
	uint32		per_page = (STORE_PAGE_END - StoreFamilyStart(STORE_UPPER)) / size;
	FreeSlot	place;
	MissingPage missing;
	StoreWal	wal;

	while (!lock_free_slot(store, STORE_UPPER, &place, &missing))
		add_missing_page(store, &missing);
	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, place.buffer, false);
	put_slot(&wal, 0, &place, STORE_UPPER, size, upper);
	vx_store_wal_finish(&wal);
	UnlockReleaseBuffer(place.buffer);
	return place.page_no * per_page + place.slot;
}
