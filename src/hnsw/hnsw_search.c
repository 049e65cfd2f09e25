/*-------------------------------------------------------------------------
 *
 * hnsw_search.c
 *	  Walking the graph on the index's pages.
 *
 * The loop works on a whole neighbour list at a time: collect the neighbours
 * that this walk has not seen, prefetch their buffers' headers and codes, and
 * one list later, when these have come, check and compute.  Codes are compared
 * where they lie, between the two checks of a peek (store_peek.h); what fails a
 * check, or takes so long that the checks prove nothing, is read again under
 * its page's lock.
 *
 * Candidates are in one sorted array, seen nodes in a bitmap that is cleared
 * node by node.  The loop allocates nothing.
 *
 * Malkov and Yashunin, "Efficient and robust approximate nearest neighbor
 * search using Hierarchical Navigable Small World graphs" (2016), algorithms
 * 2 and 5.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/memdebug.h"
#include "utils/memutils.h"

#include "hnsw/hnsw_inspect.h"
#include "hnsw/hnsw_read.h"
#include "store/store_peek.h"

/* In candidates' node field: its neighbours have been looked at (HnswFoundNode) */
#define EXPANDED 0x80000000U

/* node / per_page without a division: (node * factor) >> shift, node < 2^31 */
typedef struct PageDivider
{
	uint64		factor;
	int			shift;
	uint32		per_page;
} PageDivider;

/* A bitmap of nodes, lent to one walker at a time and given back all zeros */
typedef struct VisitedSet
{
	uint64	   *words;
	Size		size;			/* in words */
	uint32	   *nodes;			/* those that are set */
	uint32		count;
	uint32		room;
	bool		overflow;		/* more are set than nodes holds */
	bool		lent;
	struct VisitedSet *next;
} VisitedSet;

/* Bitmaps of this backend, one for each scan that is open at the same time */
static VisitedSet *visited_sets = NULL;
static int	visited_count = 0;

/* Sets that wait for the next walks; a query over many partitions has more. */
#define KEPT_VISITED 16

/* Where the walk stands on an upper level */
typedef struct UpperPoint
{
	HnswUpperCandidate found;
	uint32		down;
	bool		expanded;
} UpperPoint;

/* Nodes of a list that have not been seen before, and where their codes are */
typedef struct NodeBatch
{
	int			count;
	uint32	   *nodes;
	StorePageRef **refs;		/* NULL: that is not known */
	uint32	   *offsets;		/* of the code on its page */
} NodeBatch;

typedef struct SearchData
{
	HnswSearch	base;			/* what others see */
	VisitedSet *visited;
	MemoryContext context;
	MemoryContextCallback release;
	bool		may_peek;
	RelFileLocator locator;
	uint32		node_limit;
	int			link_room;		/* entries of a link slot */
	PageDivider code_divider;
	PageDivider link_divider;
	StoreCacheFamily *code_family;
	StoreCacheFamily *link_family;
	uint32		hidden;
	instr_time	clock;			/* before the pages that are being read */

	const QuantQuery *query;	/* one of the two */
	const QuantSlotData *code;

	/* where the next walk starts: points of level + 1, or nodes of level 0 */
	int			level;
	UpperPoint *points;
	int			point_count;
	int			point_room;
	HnswUpperCandidate *found;	/* copy of points for callers */

	/* level 0 */
	HnswCandidate *pool;
	int			pool_count;
	int			pool_room;
	int			next;			/* without a filter: first that may not be
								 * expanded */
	int			widest;			/* of a walk in steps */
	HnswFilter	passes;
	void	   *filter_arg;
	HnswCandidate *bridges;		/* with a filter: nodes that do not pass */
	int			bridge_count;
	UpperPoint	passing;		/* and the nearest on the way down that does */
	bool		has_passing;

	/* lists */
	HnswLink   *links;
	HnswUpperData *upper;
	NodeBatch  *batch;
	NodeBatch  *ahead;			/* asked for while batch is looked at */
	const QuantSlotData **slots;	/* of batch */
	float	   *distances;
	char	   *copies;			/* codes read under locks */
} SearchData;

static void
init_divider(PageDivider *divider, uint32 per_page)
{
	int			log = per_page == 1 ? 0 : pg_leftmost_one_pos32(per_page - 1) + 1;

	divider->per_page = per_page;
	divider->shift = 31 + log;
	divider->factor = ((UINT64CONST(1) << divider->shift) + per_page - 1) / per_page;
}

static inline uint32
divide_node(const PageDivider *divider, uint32 node)
{
	return (uint32) ((node * divider->factor) >> divider->shift);
}

static void
clear_visited(VisitedSet *set)
{
	uint32		i;

	if (set->overflow)
		memset(set->words, 0, set->size * sizeof(uint64));
	else
	{
		for (i = 0; i < set->count; i++)
			set->words[set->nodes[i] / 64] = 0;
	}
	set->count = 0;
	set->overflow = false;
}

/* Memory context callback: the walker is gone, perhaps by an error. */
static void
return_visited(void *arg)
{
	VisitedSet *set = (VisitedSet *) arg;
	VisitedSet **place = &visited_sets;

	set->lent = false;
	if (visited_count <= KEPT_VISITED)
	{
		clear_visited(set);
		return;
	}
	while (*place != set)
		place = &(*place)->next;
	*place = set->next;
	visited_count--;
	if (set->words != NULL)
		pfree(set->words);
	if (set->nodes != NULL)
		pfree(set->nodes);
	pfree(set);
}

/* Make room for so many nodes; nothing is set. */
static void
reserve_visited(VisitedSet *set, uint32 nodes)
{
	Size		size = (Size) nodes / 64 + 1;
	uint64	   *words;

	if (set->size >= size)
		return;
	words = MemoryContextAllocExtended(TopMemoryContext, size * sizeof(uint64),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (set->words != NULL)
		pfree(set->words);
	set->words = words;
	set->size = size;
}

/*
 * Borrow a bitmap with room for so many nodes.
 */
static VisitedSet *
borrow_visited(uint32 nodes)
{
	VisitedSet *set;

	for (set = visited_sets; set != NULL && set->lent; set = set->next)
		;
	if (set == NULL)
	{
		set = MemoryContextAllocZero(TopMemoryContext, sizeof(VisitedSet));
		set->next = visited_sets;
		visited_sets = set;
		visited_count++;
	}
	reserve_visited(set, nodes);
	if (set->nodes == NULL)
	{
		set->room = 16384;
		set->nodes = MemoryContextAlloc(TopMemoryContext, set->room * sizeof(uint32));
	}
	set->lent = true;
	return set;
}

/* True if the node has been seen before; it has been seen now. */
static inline bool
visit(VisitedSet *set, uint32 node)
{
	uint64		bit = UINT64CONST(1) << (node % 64);
	uint64	   *word = &set->words[node / 64];

	if (*word & bit)
		return true;
	*word |= bit;
	if (likely(set->count < set->room))
		set->nodes[set->count++] = node;
	else
		set->overflow = true;
	return false;
}

static NodeBatch *
make_batch(int room)
{
	NodeBatch  *batch = palloc(sizeof(NodeBatch));

	batch->count = 0;
	batch->nodes = palloc(sizeof(uint32) * room);
	batch->refs = palloc(sizeof(StorePageRef *) * room);
	batch->offsets = palloc(sizeof(uint32) * room);
	return batch;
}

HnswSearch *
vx_hnsw_begin_search(StoreIndex *store)
{
	SearchData *search = palloc0(sizeof(SearchData));
	int			room = store->meta.link_bytes / sizeof(HnswLink);

	vx_hnsw_check_words(store);
	search->base.store = store;
	search->context = CurrentMemoryContext;
	search->may_peek = vx_store_may_peek(store);
	search->locator = RelationLocator(store->relation);
	search->node_limit = vx_hnsw_node_limit(store);
	search->link_room = room;
	init_divider(&search->code_divider, store->codes_per_page);
	init_divider(&search->link_divider, HnswLinksPerPage(store->meta.link_bytes));
	search->code_family = vx_store_cache_family(store, STORE_CODE);
	search->link_family = vx_store_cache_family(store, STORE_LINK);
	search->hidden = STORE_NONE;

	search->links = palloc(store->meta.link_bytes);
	search->upper = palloc(store->meta.upper_bytes);
	search->batch = make_batch(room);
	search->ahead = make_batch(room);
	search->slots = palloc(sizeof(QuantSlotData *) * room);
	search->distances = palloc(sizeof(float) * room);
	search->copies = palloc(store->quant->slot_bytes * room);

	search->visited = borrow_visited(search->node_limit);
	search->release.func = return_visited;
	search->release.arg = search->visited;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &search->release);
	return &search->base;
}

void
vx_hnsw_search_for_query(HnswSearch *base, const QuantQuery *query)
{
	SearchData *search = (SearchData *) base;

	search->query = query;
	search->code = NULL;
}

void
vx_hnsw_search_for_code(HnswSearch *base, const QuantSlotData *slot)
{
	SearchData *search = (SearchData *) base;

	search->query = NULL;
	search->code = slot;
}

void
vx_hnsw_hide_node(HnswSearch *base, uint32 node)
{
	((SearchData *) base)->hidden = node;
}

/* Begin to see nodes anew. */
static void
forget_visited(SearchData *search)
{
	clear_visited(search->visited);
	INSTR_TIME_SET_CURRENT(search->clock);
	if (search->hidden < search->node_limit)
		visit(search->visited, search->hidden);
}

static inline void
compute_distances(SearchData *search, const QuantSlotData *const *slots, int count)
{
	if (search->query != NULL)
		vx_quant_estimate_list(search->query, slots, count, search->distances);
	else
		vx_quant_code_distance_list(search->base.store->quant, search->code, slots, count,
									search->distances);
}

/*
 * Read the code of node i of the batch under its page's lock.
 */
static const QuantSlotData *
copy_code(SearchData *search, int i)
{
	StoreIndex *store = search->base.store;
	Size		slot_bytes = store->quant->slot_bytes;
	uint32		page_no = divide_node(&search->code_divider, search->batch->nodes[i]);
	uint32		slot = search->batch->nodes[i] - page_no * search->code_divider.per_page;
	Buffer		buffer = vx_store_lock(store, STORE_CODE, page_no, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	char	   *copy = search->copies + i * slot_bytes;

	if (slot < vx_store_slots(page, STORE_CODE, slot_bytes))
		memcpy(copy, vx_store_slot(page, STORE_CODE, slot_bytes, slot), slot_bytes);
	else
	{
		memset(copy, 0, slot_bytes);
		((QuantSlotData *) copy)->error = NAN;
	}
	UnlockReleaseBuffer(buffer);
	search->base.counters.repeats++;
	return (QuantSlotData *) copy;
}

/*
 * The distances of the batch by locked pages alone.
 */
static void
compute_with_locks(SearchData *search)
{
	int			count = search->batch->count;
	int			i;

	for (i = 0; i < count; i++)
		search->slots[i] = copy_code(search, i);
	compute_distances(search, search->slots, count);
}

/*
 * True if slots[i] is where the remembered buffer has it.  It is not when the
 * page was replaced and then read into another buffer for another node of the
 * batch: that the page is there now says nothing about the old place.
 */
static inline bool
is_slot_of_ref(const SearchData *search, int i)
{
	const NodeBatch *batch = search->batch;

	return (const char *) search->slots[i] ==
		(const char *) BufferGetBlock(batch->refs[i]->buffer) + batch->offsets[i];
}

/*
 * Ask for the code of a batch's node i.
 */
static inline void
ask_for_code(SearchData *search, NodeBatch *batch, int i)
{
	const QuantParams *quant = search->base.store->quant;
	uint32		page_no = divide_node(&search->code_divider, batch->nodes[i]);
	uint32		slot = batch->nodes[i] - page_no * search->code_divider.per_page;
	StorePageRef *ref = vx_store_find_ref(search->code_family, page_no);

	batch->offsets[i] = STORE_ALIGNED_START + slot * quant->slot_bytes;
	batch->refs[i] = ref;
	if (likely(ref != NULL && search->may_peek))
		vx_prefetch_bytes(vx_store_prefetch_ref(ref) + batch->offsets[i], quant->compared_bytes);
}

/*
 * The distances of the batch, all of whose codes have been asked for.
 */
static void
compute_batch(SearchData *search)
{
	const RelFileLocator *locator = &search->locator;
	NodeBatch  *batch = search->batch;
	int			count = batch->count;
	instr_time	start = search->clock;
	instr_time	end;
	bool		moved = false;
	int			i;

	search->base.counters.distances += count;
	if (!search->may_peek)
	{
		compute_with_locks(search);
		return;
	}

	for (i = 0; i < count; i++)
	{
		const char *page = NULL;

		if (likely(batch->refs[i] != NULL))
			page = vx_store_peek_begin(locator, batch->refs[i]);
		if (likely(page != NULL))
			search->slots[i] = (const QuantSlotData *) (page + batch->offsets[i]);
		else
		{
			search->slots[i] = copy_code(search, i);
			batch->refs[i] = NULL;
			INSTR_TIME_SET_CURRENT(start);	/* what was read before is stale */
			moved |= i > 0;
		}
	}
	if (moved)
	{
		/* The wait was long, and pages read earlier may have gone meanwhile. */
		for (i = 0; i < count; i++)
		{
			if (batch->refs[i] != NULL &&
				!(is_slot_of_ref(search, i) && vx_store_peek_check(locator, batch->refs[i])))
			{
				search->slots[i] = copy_code(search, i);
				batch->refs[i] = NULL;
			}
		}
		/* Where a pin has ended, valgrind has been told that nobody reads on. */
		for (i = 0; i < count; i++)
			VALGRIND_MAKE_MEM_DEFINED(search->slots[i], search->base.store->quant->slot_bytes);
		INSTR_TIME_SET_CURRENT(start);
	}
	compute_distances(search, search->slots, count);

	moved = false;
	for (i = 0; i < count; i++)
	{
		if (batch->refs[i] != NULL)
		{
			moved |= !is_slot_of_ref(search, i);
			moved |= !vx_store_peek_end(locator, batch->refs[i]);
			vx_store_touch_ref(batch->refs[i]);
		}
	}
	/* The end of this batch is where the time of the next one begins. */
	INSTR_TIME_SET_CURRENT(end);
	search->clock = end;
	INSTR_TIME_SUBTRACT(end, start);
	if (unlikely(moved || INSTR_TIME_GET_DOUBLE(end) * 1e9 > STORE_PEEK_MAX_NANOSECONDS))
	{
		compute_with_locks(search);
		INSTR_TIME_SET_CURRENT(search->clock);
	}
}

/* Ask for the codes of a batch, and compute. */
static void
fetch_batch(SearchData *search)
{
	int			i;

	for (i = 0; i < search->batch->count; i++)
		ask_for_code(search, search->batch, i);
	compute_batch(search);
}

/*
 * Copy a node's list; the number of entries in use.
 */
static inline int
read_list(SearchData *search, uint32 node)
{
	StoreIndex *store = search->base.store;
	uint32		page_no = divide_node(&search->link_divider, node);
	uint32		slot = node - page_no * search->link_divider.per_page;

	if (unlikely(!vx_store_peek_slot(store, STORE_LINK, page_no, slot, store->meta.link_bytes,
									 store->meta.link_bytes, search->links)))
		return 0;
	return vx_hnsw_check_links(search->links, search->link_room, search->node_limit);
}

/* Ask for a node's list. */
static inline void
prefetch_list(SearchData *search, uint32 node)
{
	uint32		page_no = divide_node(&search->link_divider, node);
	uint32		slot = node - page_no * search->link_divider.per_page;
	uint32		link_bytes = search->base.store->meta.link_bytes;
	StorePageRef *ref = vx_store_find_ref(search->link_family, page_no);

	if (likely(ref != NULL && search->may_peek))
		vx_prefetch_bytes(vx_store_prefetch_ref(ref) + STORE_ALIGNED_START + slot * link_bytes,
						  link_bytes);
}

void
vx_hnsw_set_filter(HnswSearch *base, HnswFilter passes, void *arg)
{
	SearchData *search = (SearchData *) base;

	search->passes = passes;
	search->filter_arg = arg;
}

/*
 * Make room for pools of ef candidates.
 */
static void
reserve_pools(SearchData *search, int ef)
{
	Size		size = sizeof(HnswCandidate) * ((Size) ef + 1);

	if (ef > search->pool_room)
	{
		search->pool = search->pool == NULL ?
			MemoryContextAllocHuge(search->context, size) : repalloc_huge(search->pool, size);
		if (search->bridges != NULL)
			pfree(search->bridges);
		search->bridges = NULL;
		search->pool_room = ef;
	}
	if (search->passes != NULL && search->bridges == NULL)
		search->bridges = MemoryContextAllocHuge(search->context, sizeof(HnswCandidate) *
												 ((Size) search->pool_room + 1));
}

/*
 * Look at the neighbours of a node: put those not seen before into the batch.
 */
static inline void
look_around(SearchData *search, uint32 node, NodeBatch *batch)
{
	VisitedSet *visited = search->visited;
	int			count;
	int			fresh = 0;
	int			i;

	CHECK_FOR_INTERRUPTS();
	search->base.counters.hops++;
	count = read_list(search, node);
	for (i = 0; i < count; i++)
	{
		uint32		neighbour = HnswLinkNode(search->links[i]);
		uint64	   *word = &visited->words[neighbour / 64];
		uint64		seen = *word >> (neighbour % 64) & 1;

		/* Half of them have been seen, which surprises the CPU: no jumps */
		*word |= UINT64CONST(1) << (neighbour % 64);
		batch->nodes[fresh] = neighbour;
		fresh += 1 - (int) seen;
	}
	batch->count = fresh;
	if (likely(visited->count + fresh <= visited->room))
	{
		memcpy(visited->nodes + visited->count, batch->nodes, fresh * sizeof(uint32));
		visited->count += fresh;
	}
	else
		visited->overflow = true;
}

/*
 * Add a candidate to the pool it belongs to, and go back to it there.
 */
static void
add_filtered(SearchData *search, int ef, float distance, uint32 node, int *next,
			 int *next_bridge)
{
	/* Cheaper than to ask the filter */
	if (search->pool_count == ef && !(distance < search->pool[ef - 1].distance))
		return;
	if (search->passes(search->filter_arg, node))
		*next = Min(*next, vx_hnsw_pool_insert(search->pool, &search->pool_count, ef, distance,
											   node));
	else
		*next_bridge = Min(*next_bridge, vx_hnsw_pool_insert(search->bridges,
															 &search->bridge_count, ef,
															 distance, node));
}

/*
 * The walk with a filter: always on from the nearest node of both pools, until
 * the pool of those that pass is full and expanded, with bridges as long as
 * they are nearer than its end, and not more than ef of them.
 */
static void
search_filtered(SearchData *search, int ef)
{
	int			bridges_left = ef;
	int			next = 0;		/* first of each pool that may not be expanded */
	int			next_bridge = 0;
	int			i;

	search->bridge_count = 0;
	for (i = 0; i < search->point_count; i++)
	{
		uint32		node = search->points[i].found.node;

		if (!visit(search->visited, node))
			add_filtered(search, ef, Min(search->points[i].found.distance, FLT_MAX), node,
						 &next, &next_bridge);
	}
	/* From inside a crowd of nodes that do not pass, few ways lead out. */
	if (search->has_passing && !visit(search->visited, search->passing.found.node))
		add_filtered(search, ef, search->passing.found.distance, search->passing.found.node,
					 &next, &next_bridge);

	for (;;)
	{
		HnswCandidate *nearest = NULL;
		HnswCandidate *bridge = NULL;

		while (next < search->pool_count && (search->pool[next].node & EXPANDED))
			next++;
		while (next_bridge < search->bridge_count && (search->bridges[next_bridge].node & EXPANDED))
			next_bridge++;
		if (next < search->pool_count)
			nearest = &search->pool[next];
		if (next_bridge < search->bridge_count && bridges_left > 0)
			bridge = &search->bridges[next_bridge];
		if (bridge != NULL &&
			(nearest != NULL ? bridge->distance < nearest->distance :
			 search->pool_count < ef || bridge->distance < search->pool[ef - 1].distance))
		{
			nearest = bridge;
			bridges_left--;
		}
		if (nearest == NULL)
			return;
		nearest->node |= EXPANDED;

		look_around(search, nearest->node & ~EXPANDED, search->batch);
		if (search->batch->count == 0)
			continue;
		fetch_batch(search);
		for (i = 0; i < search->batch->count; i++)
			add_filtered(search, ef, search->distances[i], search->batch->nodes[i], &next,
						 &next_bridge);
	}
}

/*
 * Begin a walk without a filter.
 */
static void
begin_plain(SearchData *search, int ef)
{
	int			i;

	forget_visited(search);
	search->pool_count = 0;
	search->next = 0;
	for (i = 0; i < search->point_count; i++)
	{
		uint32		node = search->points[i].found.node;

		if (!visit(search->visited, node))
			vx_hnsw_pool_insert(search->pool, &search->pool_count, ef,
								Min(search->points[i].found.distance, FLT_MAX), node);
	}
}

/*
 * Put those of the batch that are not beyond limit into the pool of room nodes; the
 * first position that may not have been expanded, next or less.  Meanwhile, ask
 * for what is ahead.
 */
static inline int
insert_batch(SearchData *search, int room, float limit, int next)
{
	const NodeBatch *batch = search->batch;
	HnswCandidate fresh[2 * HNSW_MAX_M + HNSW_POOL_LANES - 1];
	int			count = 0;
	int			asked = 0;
	int			first;
	int			i;

	if (search->pool_count == room)
		limit = Min(limit, search->pool[room - 1].distance);
	for (i = 0; i < batch->count; i++)
	{
		if (asked < search->ahead->count)
			ask_for_code(search, search->ahead, asked++);
		/* False for NaN and infinity: freed or torn codes stay out. */
		if (search->distances[i] <= limit && search->distances[i] <= FLT_MAX)
			count = vx_hnsw_pool_collect(fresh, count, search->distances[i], batch->nodes[i]);
	}
	for (; asked < search->ahead->count; asked++)
		ask_for_code(search, search->ahead, asked);
	if (count == 0)
		return next;

	first = vx_hnsw_pool_merge(search->pool, &search->pool_count, room, fresh, count);
	if (first >= next)
		return next;
	/* They may be the next ones. */
	for (i = 0; i < Min(count, 2); i++)
		prefetch_list(search, fresh[i].node);
	return first;
}

/*
 * Take out of the pool what is so far that the goal will have been reached before,
 * but for the nearest kept nodes.  Returns a distance beyond which nothing need
 * be put in any more.
 */
static inline float
drop_far(SearchData *search, const HnswGoal *goal, int kept)
{
	const HnswCandidate *pool = search->pool;
	float		limit;

	if (search->pool_count < kept)
		return INFINITY;
	limit = Max(vx_hnsw_goal_limit(goal, pool[goal->place - 1].distance), pool[kept - 1].distance);
	while (search->pool_count > kept && pool[search->pool_count - 1].distance > limit)
		search->pool_count--;
	return limit;
}

/*
 * Go on until the nearest ef nodes of a pool of room nodes have been expanded, or
 * goals are reached, which it returns as bits.  If kept is not 0, the pool holds as many
 * at least, and beyond only what the first goal may need.
 *
 * The codes of a list have the time of a step to come: the next node to expand
 * is chosen before the distances from the last list are known, and these are
 * computed when the codes of its list have been asked for.  So now and then
 * one is expanded that is not the nearest any more, a few more in all, which
 * finds as much as a pool that is wider by as many.
 */
static inline uint32
search_plain(SearchData *search, int ef, int room, const HnswGoal *goals, int goal_count,
			 int kept)
{
	int			next = search->next;
	float		limit = INFINITY;
	uint32		reached;

	search->batch->count = 0;
	for (;;)
	{
		NodeBatch  *ahead = search->ahead;
		bool		is_left;

		while (next < search->pool_count && next < ef && (search->pool[next].node & EXPANDED))
			next++;
		is_left = next < search->pool_count && next < ef;
		reached = is_left ? vx_hnsw_pool_reached(search->pool, search->pool_count, next, goals,
												 goal_count) : 0;
		ahead->count = 0;
		if (is_left && reached == 0)
		{
			search->pool[next].node |= EXPANDED;
			look_around(search, search->pool[next].node & ~EXPANDED, ahead);
			next++;
			if (next < search->pool_count)
				prefetch_list(search, search->pool[next].node & ~EXPANDED);
		}
		else if (search->batch->count == 0)
			break;

		if (search->batch->count > 0)
			compute_batch(search);
		next = insert_batch(search, room, limit, next);
		if (kept > 0)
			limit = drop_far(search, goals, kept);
		search->ahead = search->batch;
		search->batch = ahead;
	}
	search->next = next;
	return reached;
}

/*
 * The walk has come to its end: what it has found.
 */
static int
give_pool(SearchData *search, const HnswCandidate **found)
{
	int			i;

	for (i = 0; i < search->pool_count; i++)
		search->pool[i].node &= ~EXPANDED;
	*found = search->pool;
	return search->pool_count;
}

int
vx_hnsw_search_bottom(HnswSearch *base, int ef, const HnswCandidate **found)
{
	SearchData *search = (SearchData *) base;

	reserve_pools(search, ef);
	if (search->passes != NULL)
	{
		forget_visited(search);
		search->pool_count = 0;
		search_filtered(search, ef);
	}
	else
	{
		begin_plain(search, ef);
		search_plain(search, ef, ef, NULL, 0, 0);
	}
	return give_pool(search, found);
}

int
vx_hnsw_search_nearest(HnswSearch *base, int ef, const HnswGoal *goal,
					   const HnswCandidate **found)
{
	SearchData *search = (SearchData *) base;
	int			kept = goal->place + goal->place / 4 + 4;
	int			widest = vx_hnsw_goal_width(ef, goal->place);
	int			room = Max(widest, kept);

	Assert(search->passes == NULL);
	reserve_pools(search, room);
	begin_plain(search, room);
	search_plain(search, widest, room, goal, 1, kept);
	return give_pool(search, found);
}

void
vx_hnsw_search_begin_steps(HnswSearch *base, int widest)
{
	SearchData *search = (SearchData *) base;

	search->widest = widest;
	if (search->passes != NULL)
		return;
	reserve_pools(search, widest);
	begin_plain(search, widest);
}

int
vx_hnsw_search_step(HnswSearch *base, int ef, const HnswCandidate **found)
{
	SearchData *search = (SearchData *) base;

	Assert(ef <= search->widest);
	if (search->passes != NULL)
		return vx_hnsw_search_bottom(base, ef, found);
	INSTR_TIME_SET_CURRENT(search->clock);
	search_plain(search, ef, search->widest, NULL, 0, 0);
	*found = search->pool;
	return Min(search->pool_count, ef);
}

int
vx_hnsw_search_to_goals(HnswSearch *base, int ef, const HnswGoal *goals, int goal_count,
						uint32 *reached, const HnswCandidate **found)
{
	SearchData *search = (SearchData *) base;

	Assert(ef <= search->widest && search->passes == NULL);
	INSTR_TIME_SET_CURRENT(search->clock);
	*reached = search_plain(search, ef, search->widest, goals, goal_count, 0);
	*found = search->pool;
	return search->pool_count;
}

static void
reserve_points(SearchData *search, int count)
{
	Size		size = sizeof(UpperPoint) * ((Size) count + 1);

	if (count <= search->point_room)
		return;
	search->points = search->points == NULL ?
		MemoryContextAlloc(search->context, size) : repalloc(search->points, size);
	size = sizeof(HnswUpperCandidate) * ((Size) count + 1);
	search->found = search->found == NULL ?
		MemoryContextAlloc(search->context, size) : repalloc(search->found, size);
	search->point_room = count;
}

/*
 * Put a node of an upper level among the points.
 */
static void
insert_point(SearchData *search, int ef, float distance, uint32 node, uint32 upper)
{
	int			at = search->point_count;

	if (!(distance <= FLT_MAX) ||
		(at == ef && !(distance < search->points[ef - 1].found.distance)))
		return;
	while (at > 0 && search->points[at - 1].found.distance > distance)
		at--;
	if (search->point_count < ef)
		search->point_count++;
	memmove(search->points + at + 1, search->points + at,
			(search->point_count - 1 - at) * sizeof(UpperPoint));
	search->points[at].found.distance = distance;
	search->points[at].found.node = node;
	search->points[at].found.upper = upper;
	search->points[at].down = STORE_NONE;
	search->points[at].expanded = false;
}

/* Keep the nearest node of upper levels that passes. */
static void
note_passing(SearchData *search, float distance, uint32 node)
{
	if (distance <= FLT_MAX &&
		(!search->has_passing || distance < search->passing.found.distance) &&
		search->passes(search->filter_arg, node))
	{
		search->passing.found.distance = distance;
		search->passing.found.node = node;
		search->has_passing = true;
	}
}

int
vx_hnsw_search_upper(HnswSearch *base, int ef, const HnswUpperCandidate **found)
{
	SearchData *search = (SearchData *) base;
	NodeBatch  *batch = search->batch;
	UpperPoint *starts;
	uint32	   *uppers = palloc(sizeof(uint32) * search->link_room);
	int			start_count = search->point_count;
	int			next;
	int			i;

	*found = search->found;
	if (search->level == 0)
		return 0;
	reserve_points(search, Max(ef, start_count));
	starts = palloc(sizeof(UpperPoint) * (start_count + 1));
	memcpy(starts, search->points, sizeof(UpperPoint) * start_count);
	search->point_count = 0;

	forget_visited(search);
	for (i = 0; i < start_count; i++)
	{
		visit(search->visited, starts[i].found.node);
		insert_point(search, ef, Min(starts[i].found.distance, FLT_MAX), starts[i].found.node,
					 starts[i].found.upper);
	}

	for (;;)
	{
		UpperPoint *point = NULL;
		int			count;
		int			fresh = 0;

		for (next = 0; next < search->point_count; next++)
		{
			if (!search->points[next].expanded)
			{
				point = &search->points[next];
				break;
			}
		}
		if (point == NULL)
			break;
		CHECK_FOR_INTERRUPTS();
		point->expanded = true;
		base->counters.hops++;
		if (!vx_hnsw_read_upper(base->store, point->found.upper, point->found.node,
								search->level, search->upper, &count))
			continue;
		point->down = search->upper->down;
		for (i = 0; i < count; i++)
		{
			uint32		neighbour = search->upper->links[i].node_plus_one - 1;

			if (neighbour < search->node_limit && !visit(search->visited, neighbour))
			{
				uppers[fresh] = search->upper->links[i].upper;
				batch->nodes[fresh++] = neighbour;
			}
		}
		batch->count = fresh;
		fetch_batch(search);
		for (i = 0; i < fresh; i++)
		{
			insert_point(search, ef, search->distances[i], batch->nodes[i], uppers[i]);
			if (search->passes != NULL)
				note_passing(search, search->distances[i], batch->nodes[i]);
		}
	}

	for (i = 0; i < search->point_count; i++)
		search->found[i] = search->points[i].found;
	start_count = search->point_count;

	/* One level down; who has no slot there cannot be gone on from. */
	if (--search->level > 0)
	{
		int			kept = 0;

		for (i = 0; i < search->point_count; i++)
		{
			if (search->points[i].down == STORE_NONE)
				continue;
			search->points[kept] = search->points[i];
			search->points[kept].found.upper = search->points[i].down;
			kept++;
		}
		if (kept > 0)
			search->point_count = kept;
		else
			search->level = 0;	/* a damaged or vanished slot: go on below */
	}
	pfree(starts);
	pfree(uppers);
	*found = search->found;
	return start_count;
}

/* The metapage may have been read again since the search began. */
static void
see_new_nodes(SearchData *search)
{
	uint32		limit = vx_hnsw_node_limit(search->base.store);

	if (limit > search->node_limit)
	{
		clear_visited(search->visited);
		reserve_visited(search->visited, limit);
		search->node_limit = limit;
	}
}

int
vx_hnsw_descend(HnswSearch *base, int level)
{
	SearchData *search = (SearchData *) base;
	const HnswMetaData *meta = HnswGetMeta(&base->store->meta);
	const HnswUpperCandidate *ignored;

	search->point_count = 0;
	search->has_passing = false;
	search->level = 0;
	see_new_nodes(search);
	if (meta->entry_node >= search->node_limit || meta->entry_level > HNSW_TOP_LEVEL)
	{
		if (meta->entry_node == STORE_NONE)
			return -1;
		vx_store_report_corruption(base->store->relation, "The entry point is node %u of %u.",
								   meta->entry_node, search->node_limit);
	}

	reserve_points(search, 1);
	forget_visited(search);
	search->batch->nodes[0] = meta->entry_node;
	search->batch->count = 1;
	fetch_batch(search);
	search->points[0].found.distance = search->distances[0] <= FLT_MAX ?
		search->distances[0] : FLT_MAX;
	search->points[0].found.node = meta->entry_node;
	search->points[0].found.upper = meta->entry_upper;
	search->points[0].down = STORE_NONE;
	search->points[0].expanded = false;
	search->point_count = 1;
	search->level = meta->entry_level;

	while (search->level > level)
		vx_hnsw_search_upper(base, 1, &ignored);
	return search->level;
}
