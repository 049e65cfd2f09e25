/*-------------------------------------------------------------------------
 *
 * hnsw_check.c
 *	  hnsw_index_check() judges an hnsw index: the store's invariants, then the
 *	  graph's (README.md, H1 to H9).
 *
 * Passes: nodes and upper slots are read into arrays; upper lists, then lists
 * of level 0 are judged against these, page by page; at last the graph is
 * walked breadth first from the entry point.  Nothing that a page says is
 * followed without a look at the arrays, and every loop is bounded by them.
 * Memory: 20 bytes a node, 12 an upper slot, beside what the store's check
 * takes before.
 *
 * What an insert that never came to its end leaves (a node that nothing links
 * to, upper lists that are missing) is no damage: no snapshot sees its rows.
 * So nodes of which such is found are complained of only if a snapshot, taken
 * before the graph is read, sees one of their rows.
 *
 * If the caller may not make writers wait, changes go on meanwhile.  Nodes
 * that are newer than the arrays are left out then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "am/am_inspect.h"
#include "hnsw/hnsw_inspect.h"
#include "hnsw/hnsw_read.h"

/* CheckNode.flags */
#define NODE_PROTECTED	0x01	/* has a protected in-link */
#define NODE_REACHED	0x02	/* from the entry point */

typedef struct CheckNode
{
	uint32		incarnation;
	uint32		levels;			/* bit l: there is an upper slot of level l */
	uint32		top_upper;		/* slot of the top level, STORE_NONE: none */
	uint8		state;			/* STORE_NODE_* */
	uint8		level;
	uint8		flags;
} CheckNode;

typedef struct CheckUpper
{
	uint32		node;			/* STORE_NONE: free, or not to be trusted */
	uint32		down;
	uint32		level;
} CheckUpper;

typedef struct CheckState
{
	StoreIndex *store;
	AmReport   *report;
	bool		alone;			/* nobody changes the index */
	HnswTable	table;
	const HnswMetaData *meta;
	int			m;
	CheckNode  *nodes;
	uint32		node_count;
	CheckUpper *uppers;
	uint32		upper_count;
	char	   *page;			/* copy of a page's slots */
	uint32	   *sorted;			/* one list */
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
	vx_am_report_row(state->report, invariant, block, message);
}

static int64
block_of(CheckState *state, int family, uint32 page_no)
{
	return vx_store_page_ref(state->store, family, page_no)->block;
}

static int64
block_of_node(CheckState *state, uint32 node)
{
	return block_of(state, STORE_NODE, node / STORE_NODES_PER_PAGE);
}

static int64
block_of_links(CheckState *state, uint32 node)
{
	return block_of(state, STORE_LINK, node / HnswLinksPerPage(state->store->meta.link_bytes));
}

static int64
block_of_upper(CheckState *state, uint32 upper)
{
	return block_of(state, STORE_UPPER, upper / HnswUppersPerPage(state->store->meta.upper_bytes));
}

/*
 * Copy the slots of a page; returns how many.  *opaque is the page's, if
 * asked for.
 */
static uint32
copy_page(CheckState *state, int family, uint32 page_no, StoreOpaqueData *opaque)
{
	Size		size = vx_store_slot_size(state->store, family);
	Buffer		buffer;
	Page		page;
	uint32		slots;

	CHECK_FOR_INTERRUPTS();
	buffer = vx_store_lock(state->store, family, page_no, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	slots = vx_store_slots(page, family, size);
	memcpy(state->page, vx_store_slot(page, family, size, 0), slots * size);
	if (opaque != NULL)
		*opaque = *StorePageGetOpaque(page);
	UnlockReleaseBuffer(buffer);
	return slots;
}

/* Memory for what the metapage counts */
static void *
allocate_slots(CheckState *state, int family, Size per_page, Size size)
{
	uint32		pages = vx_store_count_pages(state->store, family);

	return MemoryContextAllocExtended(CurrentMemoryContext, Max(pages, 1) * per_page * size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/*
 * True if the snapshot sees a row of the node: its insertion has come to its
 * end.
 */
static bool
is_seen(CheckState *state, uint32 node)
{
	StoreChain	chain;
	ItemPointerData tids[64];
	uint32		rows[64];
	int			count;
	int			i;

	vx_store_start_chain(&chain, node, state->nodes[node].incarnation);
	while ((count = vx_store_read_chain(state->store, &chain, tids, rows, lengthof(tids))) > 0)
	{
		for (i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (vx_hnsw_fetch_row(&state->table, &tids[i]))
				return true;
		}
	}
	return false;
}

/* Nodes to the array. */
static void
read_nodes(CheckState *state)
{
	uint32		pages = state->store->meta.families[STORE_NODE].pages;
	uint32		page_no;

	state->nodes = allocate_slots(state, STORE_NODE, STORE_NODES_PER_PAGE, sizeof(CheckNode));
	for (page_no = 0; page_no < pages; page_no++)
	{
		uint32		slots = copy_page(state, STORE_NODE, page_no, NULL);
		uint32		i;

		for (i = 0; i < slots; i++)
		{
			const StoreNodeData *slot = (StoreNodeData *) state->page + i;
			uint32		id = page_no * STORE_NODES_PER_PAGE + i;
			CheckNode  *node = &state->nodes[id];

			node->incarnation = slot->incarnation;
			node->top_upper = STORE_NONE;
			node->state = slot->state <= STORE_NODE_DEAD ? slot->state : STORE_NODE_FREE;
			node->level = Min(slot->level, HNSW_TOP_LEVEL);
			if (slot->level > HNSW_TOP_LEVEL && slot->state != STORE_NODE_FREE)
				complain(state, "H5", block_of_node(state, id), "node %u has level %u",
						 id, slot->level);
			state->node_count = id + 1;
		}
	}
}

/*
 * H5: an upper slot in use is of a node in use, its incarnation, a level that
 * the node has, once; the slots of a node lead down to level 1; a node in use
 * has one on each of its levels.  Pages are full but the last, know how many
 * of their slots are free, and are on the free list if there are any.
 */
static void
read_uppers(CheckState *state)
{
	const StoreMetaData *meta = &state->store->meta;
	uint32		per_page = HnswUppersPerPage(meta->upper_bytes);
	uint32		pages = meta->families[STORE_UPPER].pages;
	uint32		at = meta->families[STORE_UPPER].free_head;
	uint8	   *listed;
	uint32	   *next;
	uint32		page_no;
	uint32		steps = 0;

	state->uppers = allocate_slots(state, STORE_UPPER, per_page, sizeof(CheckUpper));
	listed = palloc0(pages + 1);
	next = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * ((Size) pages + 1));
	for (page_no = 0; page_no < pages; page_no++)
	{
		StoreOpaqueData opaque;
		uint32		slots = copy_page(state, STORE_UPPER, page_no, &opaque);
		uint32		free_slots = 0;
		uint32		i;

		if (slots < per_page && page_no + 1 < pages)
			complain(state, "H5", block_of(state, STORE_UPPER, page_no),
					 "page %u of upper lists has %u slots and is not the last", page_no, slots);
		for (i = 0; i < per_page; i++)
		{
			const HnswUpperData *slot = (HnswUpperData *) (state->page + i * meta->upper_bytes);
			uint32		id = page_no * per_page + i;
			CheckUpper *upper = &state->uppers[id];
			CheckNode  *node;

			upper->node = STORE_NONE;
			if (i >= slots)
				continue;
			state->upper_count = id + 1;
			if (slot->node == STORE_NONE)
			{
				free_slots++;
				continue;
			}
			if (slot->node >= state->node_count)
			{
				if (state->alone)
					complain(state, "H5", block_of_upper(state, id),
							 "upper list %u is of node %u, which does not exist", id, slot->node);
				continue;
			}
			node = &state->nodes[slot->node];
			if (node->state == STORE_NODE_FREE || node->incarnation != slot->incarnation)
			{
				complain(state, "H5", block_of_upper(state, id),
						 "upper list %u is of node %u, incarnation %u, which is %s", id,
						 slot->node, slot->incarnation,
						 node->state == STORE_NODE_FREE ? "free" : "another one");
				continue;
			}
			if (slot->level < 1 || slot->level > node->level)
			{
				complain(state, "H5", block_of_upper(state, id),
						 "upper list %u is of level %u, its node %u has %u", id, slot->level,
						 slot->node, node->level);
				continue;
			}
			if (node->levels & (1U << slot->level))
				complain(state, "H5", block_of_upper(state, id),
						 "node %u has more than one list of level %u", slot->node, slot->level);
			node->levels |= 1U << slot->level;
			if (slot->level == node->level)
				node->top_upper = id;
			upper->node = slot->node;
			upper->level = slot->level;
			upper->down = slot->down;
		}
		if (free_slots != opaque.free_count)
			complain(state, "H5", block_of(state, STORE_UPPER, page_no),
					 "page %u of upper lists counts %u free slots and has %u",
					 page_no, opaque.free_count, free_slots);
		if (free_slots > 0 && !opaque.listed)
			complain(state, "H5", block_of(state, STORE_UPPER, page_no),
					 "page %u of upper lists has free slots and is not on the free list", page_no);
		listed[page_no] = opaque.listed;
		next[page_no] = opaque.next_free;
	}

	while (at != STORE_NONE && steps++ <= pages)
	{
		if (at >= pages || listed[at] != 1)
		{
			complain(state, "H5", -1, "the free list of upper lists leads to page %u", at);
			break;
		}
		listed[at] = 2;
		at = next[at];
	}
	for (page_no = 0; page_no < pages; page_no++)
	{
		if (listed[page_no] == 1)
			complain(state, "H5", block_of(state, STORE_UPPER, page_no),
					 "page %u of upper lists is listed as having free slots and not on the free list",
					 page_no);
	}
	pfree(listed);
	pfree(next);
}

/* H5, the rest: what takes all of the arrays */
static void
check_levels(CheckState *state)
{
	uint32		id;

	for (id = 0; id < state->upper_count; id++)
	{
		const CheckUpper *upper = &state->uppers[id];
		const CheckUpper *below;

		if (upper->node == STORE_NONE)
			continue;
		if (upper->level == 1)
		{
			if (upper->down != STORE_NONE)
				complain(state, "H5", block_of_upper(state, id),
						 "upper list %u is of level 1 and leads down to %u", id, upper->down);
			continue;
		}
		below = upper->down < state->upper_count ? &state->uppers[upper->down] : NULL;

		/*
		 * A vacuum that was interrupted may have freed some lists of a dead
		 * node.
		 */
		if ((below == NULL || below->node != upper->node || below->level != upper->level - 1) &&
			state->nodes[upper->node].state != STORE_NODE_DEAD)
			complain(state, "H5", block_of_upper(state, id),
					 "upper list %u of node %u leads down to %u, which is not its list of level %u",
					 id, upper->node, upper->down, upper->level - 1);
	}

	for (id = 0; id < state->node_count; id++)
	{
		const CheckNode *node = &state->nodes[id];
		uint32		all = (2U << node->level) - 2;

		CHECK_FOR_INTERRUPTS();
		if (node->state == STORE_NODE_LIVE && node->levels != all && is_seen(state, id))
			complain(state, "H5", block_of_node(state, id),
					 "node %u has level %u, and a level without a list", id, node->level);
	}
}

static int
compare_nodes(const void *a, const void *b)
{
	uint32		left = *(const uint32 *) a;
	uint32		right = *(const uint32 *) b;

	return left < right ? -1 : left > right;
}

/*
 * H3, H4: the targets in state->sorted exist, are in use, distinct, and not
 * the owner.  An interrupted vacuum may have freed some of the dead nodes: the
 * lists of the others still lead to them.
 */
static void
check_targets(CheckState *state, int64 block, uint32 owner, int level, int count)
{
	int			i;

	qsort(state->sorted, count, sizeof(uint32), compare_nodes);
	for (i = 0; i < count; i++)
	{
		uint32		target = state->sorted[i];

		if (i > 0 && target == state->sorted[i - 1])
			complain(state, "H3", block, "the list of node %u on level %d has node %u twice",
					 owner, level, target);
		else if (target == owner)
			complain(state, "H3", block, "the list of node %u on level %d has itself", owner, level);
		else if (target >= state->node_count)
		{
			if (state->alone)
				complain(state, "H3", block,
						 "the list of node %u on level %d has node %u, which does not exist",
						 owner, level, target);
		}
		else if (state->nodes[target].state == STORE_NODE_FREE &&
				 state->nodes[owner].state != STORE_NODE_DEAD)
			complain(state, "H4", block, "the list of node %u on level %d has node %u, which is free",
					 owner, level, target);
	}
}

/*
 * H3, H4, H6: upper lists.
 */
static void
check_upper_lists(CheckState *state)
{
	uint32		upper_bytes = state->store->meta.upper_bytes;
	uint32		per_page = HnswUppersPerPage(upper_bytes);
	uint32		page_no;

	for (page_no = 0; page_no * per_page < state->upper_count; page_no++)
	{
		uint32		slots = copy_page(state, STORE_UPPER, page_no, NULL);
		int64		block = block_of(state, STORE_UPPER, page_no);
		uint32		i;

		for (i = 0; i < slots; i++)
		{
			const HnswUpperData *slot = (HnswUpperData *) (state->page + i * upper_bytes);
			uint32		id = page_no * per_page + i;
			const CheckUpper *own = &state->uppers[id];
			int			count = 0;
			int			at;

			/* Those that are free, and those that H5 complains of */
			if (id >= state->upper_count || own->node == STORE_NONE || slot->node != own->node)
				continue;
			for (at = 0; at < state->m && slot->links[at].node_plus_one != 0; at++)
			{
				uint32		target = slot->links[at].node_plus_one - 1;
				uint32		upper = slot->links[at].upper;

				state->sorted[count++] = target;
				if (state->nodes[own->node].state == STORE_NODE_DEAD)
					continue;
				if (upper >= state->upper_count ? state->alone :
					state->uppers[upper].node != target || state->uppers[upper].level != own->level)
					complain(state, "H6", block,
							 "upper list %u of node %u leads to list %u, which is not node %u's of level %u",
							 id, own->node, upper, target, own->level);
			}
			check_targets(state, block, own->node, own->level, count);
			for (; at < state->m; at++)
			{
				if (slot->links[at].node_plus_one != 0)
				{
					complain(state, "H3", block,
							 "the list of node %u on level %u has entries behind its end",
							 own->node, own->level);
					break;
				}
			}
		}
	}
}

/*
 * H2: a link slot for each node.  H3, H4: lists of level 0.  Notes who has a
 * protected link.
 */
static void
check_lists(CheckState *state)
{
	const StoreMetaData *meta = &state->store->meta;
	uint32		per_page = HnswLinksPerPage(meta->link_bytes);
	uint32		pages = meta->families[STORE_LINK].pages;
	int			room = 2 * state->m;
	uint32		link_slots = 0;
	uint32		page_no;

	for (page_no = 0; page_no < pages; page_no++)
	{
		uint32		slots = copy_page(state, STORE_LINK, page_no, NULL);
		int64		block = block_of(state, STORE_LINK, page_no);
		uint32		i;

		if (slots < per_page && page_no * (uint64) per_page + slots < state->node_count)
			complain(state, "H2", block, "page %u of lists has %u slots, and there are %u nodes",
					 page_no, slots, state->node_count);
		link_slots = page_no * per_page + slots;
		if (link_slots > state->node_count && state->alone)
			complain(state, "H2", block, "there are lists beyond the %u nodes", state->node_count);

		for (i = 0; i < slots; i++)
		{
			const HnswLink *links = (HnswLink *) (state->page + i * meta->link_bytes);
			uint32		id = page_no * per_page + i;
			bool		freed = links[0] == HNSW_LINK_FREED;
			int			count = 0;
			int			at;

			if (id >= state->node_count)
				break;
			if (freed != (state->nodes[id].state == STORE_NODE_FREE))
				complain(state, "H4", block, "node %u is %s, its list is %s", id,
						 freed ? "in use" : "free", freed ? "freed" : "not");
			for (at = freed ? 1 : 0; at < room && links[at] != 0 && !freed; at++)
			{
				uint32		target = HnswLinkNode(links[at]);

				state->sorted[count++] = target;
				if ((links[at] & HNSW_LINK_PROTECTED) != 0 && target < state->node_count)
					state->nodes[target].flags |= NODE_PROTECTED;
			}
			check_targets(state, block, id, 0, count);
			for (; at < room; at++)
			{
				if (links[at] != 0)
				{
					complain(state, "H3", block, "the list of node %u has entries behind its end", id);
					break;
				}
			}
		}
	}
	if (link_slots < state->node_count)
		complain(state, "H2", -1, "there are %u nodes and %u lists", state->node_count, link_slots);
}

/*
 * H7: the entry point is a node in use, of the level that the metapage says,
 * and no node's level is higher.  Returns false if there is nothing to start
 * from.
 */
static bool
check_entry(CheckState *state)
{
	const HnswMetaData *meta = state->meta;
	const CheckNode *entry;
	uint32		id;

	if (meta->entry_node == STORE_NONE)
	{
		for (id = 0; id < state->node_count; id++)
		{
			CHECK_FOR_INTERRUPTS();
			if (state->nodes[id].state == STORE_NODE_LIVE && is_seen(state, id))
			{
				complain(state, "H7", STORE_META_BLOCK,
						 "there is no entry point, and node %u has rows", id);
				break;
			}
		}
		return false;
	}
	if (meta->entry_node >= state->node_count)
	{
		complain(state, "H7", STORE_META_BLOCK, "the entry point is node %u of %u",
				 meta->entry_node, state->node_count);
		return false;
	}

	entry = &state->nodes[meta->entry_node];
	if (entry->state == STORE_NODE_FREE)
		complain(state, "H7", STORE_META_BLOCK, "the entry point, node %u, is free", meta->entry_node);
	else if (entry->level != meta->entry_level)
	{
		/*
		 * Vacuum may have taken a node whose insertion was interrupted, and
		 * which lacks lists of its highest levels.
		 */
		if (entry->level < meta->entry_level || is_seen(state, meta->entry_node))
			complain(state, "H7", STORE_META_BLOCK, "the entry point, node %u, has level %u, not %u",
					 meta->entry_node, entry->level, meta->entry_level);
	}
	else if (meta->entry_upper != entry->top_upper)
		complain(state, "H7", STORE_META_BLOCK,
				 "the entry point is list %u, which is not node %u's of level %u",
				 meta->entry_upper, meta->entry_node, meta->entry_level);
	for (id = 0; id < state->node_count; id++)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->nodes[id].state == STORE_NODE_LIVE &&
			state->nodes[id].level > meta->entry_level && is_seen(state, id))
			complain(state, "H7", block_of_node(state, id),
					 "node %u has level %u, the entry point %u",
					 id, state->nodes[id].level, meta->entry_level);
	}
	return entry->state != STORE_NODE_FREE;
}

/*
 * H8: a live node but the entry has a protected link.  H9: such links lead to
 * it from the entry, by way of dead nodes, too: other links may be dropped at
 * any time.
 */
static void
check_reachability(CheckState *state)
{
	uint32	   *queue = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(uint32) * (Size) state->node_count);
	HnswLink   *links = palloc(state->store->meta.link_bytes);
	uint32		queued = 0;
	uint32		from;
	uint32		id;

	queue[queued++] = state->meta->entry_node;
	state->nodes[state->meta->entry_node].flags |= NODE_REACHED;
	for (from = 0; from < queued; from++)
	{
		int			count = vx_hnsw_read_links(state->store, queue[from], links);
		int			i;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < count; i++)
		{
			uint32		target = HnswLinkNode(links[i]);

			if (!(links[i] & HNSW_LINK_PROTECTED) || target >= state->node_count ||
				(state->nodes[target].flags & NODE_REACHED) != 0)
				continue;
			state->nodes[target].flags |= NODE_REACHED;
			queue[queued++] = target;
		}
	}

	for (id = 0; id < state->node_count; id++)
	{
		const CheckNode *node = &state->nodes[id];
		uint8		missing = (NODE_PROTECTED | NODE_REACHED) & ~node->flags;

		CHECK_FOR_INTERRUPTS();
		if (node->state != STORE_NODE_LIVE || missing == 0 || id == state->meta->entry_node ||
			!is_seen(state, id))
			continue;
		if (missing & NODE_PROTECTED)
			complain(state, "H8", block_of_links(state, id), "node %u has no protected link", id);
		if (missing & NODE_REACHED)
			complain(state, "H9", block_of_links(state, id),
					 "node %u cannot be reached from the entry point", id);
	}
	pfree(links);
	pfree(queue);
}

/*
 * Report every broken invariant of the graph.
 */
static void
check_graph(CheckState *state)
{
	const char *wrong;

	/* The snapshot is there: what it sees has been linked by now. */
	vx_store_refresh_meta(state->store);
	state->meta = HnswGetMeta(&state->store->meta);
	state->m = state->meta->m;

	/* H1: without these words nothing else can be read. */
	wrong = vx_hnsw_judge_words(&state->store->meta);
	if (wrong != NULL)
	{
		complain(state, "H1", STORE_META_BLOCK, "%s", wrong);
		return;
	}

	state->page = palloc(BLCKSZ);
	state->sorted = palloc(sizeof(uint32) * 2 * state->m);
	read_nodes(state);
	read_uppers(state);
	check_levels(state);
	check_upper_lists(state);
	check_lists(state);
	if (check_entry(state))
		check_reachability(state);
}

PG_FUNCTION_INFO_V1(vecext_hnsw_index_check);
Datum
vecext_hnsw_index_check(PG_FUNCTION_ARGS)
{
	Oid			index_oid = PG_GETARG_OID(0);
	bool		with_heap = PG_GETARG_BOOL(1);
	Relation	heap;
	Relation	index;
	LOCKMODE	lock_mode;
	AmReport	report;
	CheckState	state = {0};

	InitMaterializedSRF(fcinfo, 0);
	report.result = (ReturnSetInfo *) fcinfo->resultinfo;

	lock_mode = vx_am_open_for_check(index_oid, "hnsw", true, &heap, &index);
	state.store = vx_store_open(index);
	vx_am_check_columns(vx_am_open_columns(index), state.store);
	state.report = &report;
	state.alone = lock_mode >= ShareLock;
	vx_store_check(state.store, vx_am_report_row, &report);
	vx_hnsw_begin_table(&state.table, heap, index);
	check_graph(&state);
	if (with_heap)
		vx_am_check_heap(heap, index, state.store, &report);
	vx_hnsw_end_table(&state.table);
	vx_am_close_after_check(heap, index, lock_mode);

	return (Datum) 0;
}
