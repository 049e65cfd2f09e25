/*-------------------------------------------------------------------------
 *
 * hnsw_graph.c
 *	  The graph of an index under construction, in memory.
 *
 * Lists are read without locks: an entry is written in one store, so a reader
 * sees old and new neighbours mixed at worst.  Writers hold the node's lock
 * byte.  Distances are computed for a whole list at a time.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "base/base_prefetch.h"
#include "hnsw/hnsw_graph.h"
#include "hnsw/hnsw_pool.h"

#define NO_ENTRY UINT64_MAX

/* Of a candidate's node: its neighbours have been looked at. */
#define EXPANDED 0x80000000U

/*
 * In lists while the graph is built, where nothing is protected yet: a node
 * that is chosen and nearer lies between this one and the owner.  Kept for
 * lists that have been full once (HNSW_JUDGED).
 */
#define COVERED HNSW_PROTECTED

/* Nodes of a search whose bits are cleared one by one */
#define SEEN_ROOM 8192

/*
 * Insertions that a worker has under way at once: while the codes and lists of
 * one are on their way to the caches, it works on the others.
 */
#define LANES 2

/* The last nodes that a worker has linked; more than the other lanes link while one searches */
#define RECENT 16

/*
 * An insertion's search may end when what is left to expand is so many times as
 * far as the ENOUGH_PLACE-th node found (of an ef of 16), or as the m-th if that is more, and
 * ENOUGH_EXPANDED have been expanded: a seventh fewer distances at 100 dimensions, a
 * quarter at 784, for the same recall (README.md).
 */
#define ENOUGH_STRETCH 1.025f
#define ENOUGH_PLACE 7
#define ENOUGH_EXPANDED 5

/* Bytes of a code that are asked for ahead; the CPU finds the rest. */
#define PREFETCH_BYTES 256

/* A search under way, and the insertion that it is made for */
typedef struct Search
{
	uint64_t   *visited;		/* a bit a node: seen in this search */
	uint32_t   *seen;			/* nodes whose bits are set */
	uint32_t	seen_count;
	bool		seen_overflow;	/* more are set than seen holds */
	HnswCandidate *pool;		/* sorted, ef_max of them */
	int			pool_count;
	int			next;			/* first that may not be expanded */
	uint32_t   *batch;			/* 2 m + 1: of one list, what is new */
	const QuantSlotData **slots;	/* 2 m + 1 */
	float	   *distances;		/* 2 m + 1 */
	HnswCandidate *fresh;		/* fresh_room(m): those of batch for the pool */
	int			batch_count;

	uint32_t	node;			/* HNSW_NONE: the lane is free */
	int			level;			/* that is being searched */
	int			link_level;		/* from here down it is linked */
	uint32_t	linked_before;	/* worker's linked, when it began */
} Search;

struct HnswWorker
{
	int			ef_max;
	Search		lanes[LANES];
	uint32_t	recent[RECENT]; /* the last nodes linked, a ring */
	uint32_t	linked;			/* how many there have been */

	/* for linking */
	HnswCandidate *merge;		/* a full list and one more */
	uint32_t   *selected;		/* 2 m + 1 */
	float	   *selected_distances; /* 2 m + 1 */
	HnswCandidate *neighbours;	/* m: of the node being inserted */
	const QuantSlotData **slots;	/* 2 m + 1 */
	float	   *distances;		/* 2 m + 1 */
	float	   *others;			/* 2 m + 1 */
	uint32_t   *batch;			/* 2 m + 1 */
};

static inline size_t
align64(size_t bytes)
{
	return (bytes + 63) & ~(size_t) 63;
}

/* splitmix64 */
static inline uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* Top level of a node: P(level >= l) = m^-l */
static int
draw_level(uint32_t node, int m, uint64_t seed)
{
	double		uniform = ((mix(seed ^ mix(node)) >> 11) + 1) * 0x1p-53;
	int			level = (int) (-log(uniform) / log(m));

	return level < HNSW_MAX_LEVEL ? level : HNSW_MAX_LEVEL;
}

uint32_t
vx_hnsw_graph_count_lists(uint32_t count, int m, uint64_t seed)
{
	uint32_t	lists = 0;
	uint32_t	node;

	for (node = 0; node < count; node++)
		lists += draw_level(node, m, seed);
	return lists;
}

size_t
vx_hnsw_graph_bytes(uint32_t count, int m, uint32_t upper_lists)
{
	return align64(sizeof(HnswGraphHeader)) +
		align64((size_t) count * 2 * m * sizeof(uint32_t)) +
		align64((size_t) upper_lists * m * sizeof(uint32_t)) +
		align64((size_t) count * sizeof(uint32_t)) +
		2 * align64(count);
}

static void
set_pointers(HnswGraph *graph, char *memory, uint32_t count, int m, uint32_t upper_lists)
{
	graph->header = (HnswGraphHeader *) memory;
	memory += align64(sizeof(HnswGraphHeader));
	graph->links = (uint32_t *) memory;
	memory += align64((size_t) count * 2 * m * sizeof(uint32_t));
	graph->upper_links = (uint32_t *) memory;
	memory += align64((size_t) upper_lists * m * sizeof(uint32_t));
	graph->upper_start = (uint32_t *) memory;
	memory += align64((size_t) count * sizeof(uint32_t));
	graph->levels = (uint8_t *) memory;
	memory += align64(count);
	graph->locks = (uint8_t *) memory;
	graph->check_interrupts = NULL;
}

void
vx_hnsw_graph_attach(HnswGraph *graph, void *memory, const QuantParams *params,
					 const char *slots)
{
	HnswGraphHeader *header = memory;

	set_pointers(graph, memory, header->count, header->m, header->upper_lists);
	graph->params = params;
	graph->slots = slots;
}

/* Where insertions may end: of inner products only if vectors have one norm. */
static void
set_enough(HnswGraph *graph, double common_norm)
{
	HnswGraphHeader *header = graph->header;
	int			ef = header->ef_construction;
	int			place = ef * ENOUGH_PLACE / 16;

	header->enough = vx_hnsw_make_goal(graph->params->metric, place < header->m ? header->m : place,
									   ef * ENOUGH_EXPANDED / 16, ENOUGH_STRETCH, common_norm,
									   common_norm);
}

void
vx_hnsw_graph_init(HnswGraph *graph, void *memory, const QuantParams *params,
				   const char *slots, uint32_t count, int m, int ef_construction,
				   uint64_t seed)
{
	uint32_t	lists = vx_hnsw_graph_count_lists(count, m, seed);
	HnswGraphHeader *header = memory;
	uint32_t	node;

	memset(header, 0, sizeof(HnswGraphHeader));
	header->count = count;
	header->m = m;
	header->ef_construction = ef_construction;
	header->upper_lists = lists;
	header->entry = NO_ENTRY;
	set_pointers(graph, memory, count, m, lists);
	graph->params = params;
	graph->slots = slots;
	set_enough(graph, 0.0);

	memset(graph->links, 0xFF, (size_t) count * 2 * m * sizeof(uint32_t));
	memset(graph->upper_links, 0xFF, (size_t) lists * m * sizeof(uint32_t));
	memset(graph->locks, 0, count);
	lists = 0;
	for (node = 0; node < count; node++)
	{
		graph->levels[node] = draw_level(node, m, seed);
		graph->upper_start[node] = lists;
		lists += graph->levels[node];
	}
}

/* Longest list that a worker handles, and the one that overflows it */
static size_t
list_room(int m)
{
	return 2 * (size_t) m + 1;
}

static size_t
fresh_room(int m)
{
	return list_room(m) + HNSW_POOL_LANES - 1;
}

static int
pool_room(int m, int ef_construction)
{
	return ef_construction > 2 * m + 1 ? ef_construction : 2 * m + 1;
}

size_t
vx_hnsw_worker_bytes(uint32_t count, int m, int ef_construction)
{
	size_t		search_bytes = align64(((size_t) count / 64 + 1) * sizeof(uint64_t)) +
		align64(SEEN_ROOM * sizeof(uint32_t)) +
		align64(pool_room(m, ef_construction) * sizeof(HnswCandidate)) +
		align64(list_room(m) * sizeof(uint32_t)) +
		align64(list_room(m) * sizeof(QuantSlotData *)) +
		align64(list_room(m) * sizeof(float)) +
		align64(fresh_room(m) * sizeof(HnswCandidate));

	return align64(sizeof(HnswWorker)) + LANES * search_bytes +
		2 * align64(list_room(m) * sizeof(HnswCandidate)) +
		2 * align64(list_room(m) * sizeof(uint32_t)) +
		align64(list_room(m) * sizeof(QuantSlotData *)) +
		3 * align64(list_room(m) * sizeof(float));
}

/* Cut an array off what is left of the memory. */
static void *
take_memory(char **at, size_t bytes)
{
	void	   *memory = *at;

	*at += align64(bytes);
	return memory;
}

HnswWorker *
vx_hnsw_worker_init(void *memory, uint32_t count, int m, int ef_construction)
{
	HnswWorker *worker = memory;
	char	   *at = (char *) memory + align64(sizeof(HnswWorker));
	int			i;

	worker->ef_max = pool_room(m, ef_construction);
	worker->linked = 0;
	for (i = 0; i < LANES; i++)
	{
		Search	   *search = &worker->lanes[i];
		size_t		visited_bytes = ((size_t) count / 64 + 1) * sizeof(uint64_t);

		memset(search, 0, sizeof(Search));
		search->node = HNSW_NONE;
		search->visited = take_memory(&at, visited_bytes);
		memset(search->visited, 0, visited_bytes);
		search->seen = take_memory(&at, SEEN_ROOM * sizeof(uint32_t));
		search->pool = take_memory(&at, worker->ef_max * sizeof(HnswCandidate));
		search->batch = take_memory(&at, list_room(m) * sizeof(uint32_t));
		search->slots = take_memory(&at, list_room(m) * sizeof(QuantSlotData *));
		search->distances = take_memory(&at, list_room(m) * sizeof(float));
		search->fresh = take_memory(&at, fresh_room(m) * sizeof(HnswCandidate));
	}
	worker->merge = take_memory(&at, list_room(m) * sizeof(HnswCandidate));
	worker->neighbours = take_memory(&at, list_room(m) * sizeof(HnswCandidate));
	worker->selected = take_memory(&at, list_room(m) * sizeof(uint32_t));
	worker->batch = take_memory(&at, list_room(m) * sizeof(uint32_t));
	worker->slots = take_memory(&at, list_room(m) * sizeof(QuantSlotData *));
	worker->distances = take_memory(&at, list_room(m) * sizeof(float));
	worker->others = take_memory(&at, list_room(m) * sizeof(float));
	worker->selected_distances = take_memory(&at, list_room(m) * sizeof(float));
	return worker;
}

void
vx_hnsw_graph_judge_norms(HnswGraph *graph)
{
	const QuantSlotData *slots[QUANT_NORM_SAMPLE];
	uint32_t	count = graph->header->count;
	int			sample = count < QUANT_NORM_SAMPLE ? (int) count : QUANT_NORM_SAMPLE;
	int			i;

	for (i = 0; i < sample; i++)
		slots[i] = vx_hnsw_graph_slot(graph, (uint32_t) ((uint64_t) i * count / sample));
	set_enough(graph, vx_quant_common_norm(graph->params, slots, sample));
}

/* Ask for a code. */
static inline void
prefetch_slot(const HnswGraph *graph, const QuantSlotData *slot)
{
	size_t		bytes = graph->params->compared_bytes;

	vx_prefetch_bytes(slot, bytes < PREFETCH_BYTES ? bytes : PREFETCH_BYTES);
}

static inline int
list_size(const HnswGraph *graph, int level)
{
	return level == 0 ? 2 * graph->header->m : graph->header->m;
}

static inline uint32_t *
get_list(const HnswGraph *graph, uint32_t node, int level)
{
	size_t		m = graph->header->m;

	if (level == 0)
		return graph->links + (size_t) node * 2 * m;
	return graph->upper_links + ((size_t) graph->upper_start[node] + level - 1) * m;
}

/* Ask for a list. */
static inline void
prefetch_list(const HnswGraph *graph, uint32_t node, int level)
{
	vx_prefetch_bytes(get_list(graph, node, level), list_size(graph, level) * sizeof(uint32_t));
}

static inline void
lock_byte(uint8_t *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
	{
		while (__atomic_load_n(lock, __ATOMIC_RELAXED))
		{
#if defined(__x86_64__) || defined(__i386__)
			__builtin_ia32_pause();
#endif
		}
	}
}

static inline void
unlock_byte(uint8_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

/* Begin a search: nothing is visited. */
static void
forget_visited(Search *search, uint32_t count)
{
	uint32_t	i;

	if (search->seen_overflow)
		memset(search->visited, 0, ((size_t) count / 64 + 1) * sizeof(uint64_t));
	else
	{
		for (i = 0; i < search->seen_count; i++)
			search->visited[search->seen[i] / 64] = 0;
	}
	search->seen_count = 0;
	search->seen_overflow = false;
}

/* True if the node has been seen before; it has been seen now. */
static inline bool
visit(Search *search, uint32_t node)
{
	uint64_t	bit = UINT64_C(1) << (node % 64);
	uint64_t   *word = &search->visited[node / 64];

	if (*word & bit)
		return true;
	*word |= bit;
	if (search->seen_count < SEEN_ROOM)
		search->seen[search->seen_count++] = node;
	else
		search->seen_overflow = true;
	return false;
}

/*
 * Collect the neighbours of a node that this search has not seen; marks them.
 */
static inline int
collect_unvisited(const HnswGraph *graph, Search *search, uint32_t node, int level)
{
	const uint32_t *list = get_list(graph, node, level);
	int			size = list_size(graph, level);
	uint32_t   *batch = search->batch;
	int			count = 0;
	int			i;

	for (i = 0; i < size; i++)
	{
		uint32_t	entry = __atomic_load_n(&list[i], __ATOMIC_RELAXED);
		uint32_t	neighbour = entry & HNSW_ID_MASK;
		uint64_t   *word = &search->visited[neighbour / 64];
		uint64_t	bits;

		if (entry == HNSW_NONE)
			break;
		/* About half have been seen, which no CPU foresees: no jumps */
		bits = *word;
		*word = bits | UINT64_C(1) << (neighbour % 64);
		batch[count] = neighbour;
		count += !(bits >> (neighbour % 64) & 1);
	}
	for (i = 0; i < count; i++)
	{
		search->slots[i] = vx_hnsw_graph_slot(graph, batch[i]);
		prefetch_slot(graph, search->slots[i]);
	}
	if (search->seen_count + count <= SEEN_ROOM)
	{
		memcpy(search->seen + search->seen_count, batch, count * sizeof(uint32_t));
		search->seen_count += count;
	}
	else
		search->seen_overflow = true;
	return count;
}

/*
 * Keep those of the batch that are nearer than limit, without jumps.  Returns
 * how many.
 */
static inline int
drop_far(Search *search, int count, float limit)
{
	int			near = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		float		distance = search->distances[i];

		search->batch[near] = search->batch[i];
		search->distances[near] = distance;
		near += distance < limit;
	}
	return near;
}

/*
 * Go to the nearest node that has not been expanded.  False: there is none among the
 * first ef.
 */
static inline bool
find_next(Search *search, int ef)
{
	int			end = search->pool_count < ef ? search->pool_count : ef;

	while (search->next < end && (search->pool[search->next].node & EXPANDED))
		search->next++;
	return search->next < end;
}

/*
 * First half of a step: take the nearest node that has not been expanded, and
 * ask for the codes of its neighbours.  False: there is none among the first ef,
 * the search has come to its end.
 */
static inline bool
begin_step(const HnswGraph *graph, Search *search, int ef, int level)
{
	uint32_t	node;

	if (!find_next(search, ef))
		return false;
	node = search->pool[search->next].node;
	search->pool[search->next++].node |= EXPANDED;
	search->batch_count = collect_unvisited(graph, search, node, level);
	return true;
}

/*
 * Second half: compare them, and put those that are near enough into the pool,
 * which holds so many at most.
 */
static inline void
end_step(const HnswGraph *graph, Search *search, const QuantSlotData *query, int room, int level)
{
	int			count = search->batch_count;
	int			first;
	int			i;

	if (search->next < search->pool_count)
		prefetch_list(graph, search->pool[search->next].node & ~EXPANDED, level);
	vx_quant_code_distance_list(graph->params, query, search->slots, count, search->distances);
	if (search->pool_count == room)
		count = drop_far(search, count, search->pool[room - 1].distance);
	if (count == 0)
		return;
	for (i = 0; i < count; i++)
		(void) vx_hnsw_pool_collect(search->fresh, i, search->distances[i], search->batch[i]);
	first = vx_hnsw_pool_merge(search->pool, &search->pool_count, room, search->fresh, count);
	if (first >= search->next)
		return;
	/* They may be the next ones. */
	for (i = 0; i < 2 && i < count; i++)
		prefetch_list(graph, search->fresh[i].node, level);
	search->next = first;
}

/* A search has come to its end: the pool may begin another one. */
static void
forget_expanded(Search *search)
{
	int			i;

	for (i = 0; i < search->pool_count; i++)
		search->pool[i].node &= ~EXPANDED;
	search->next = 0;
}

/*
 * The ef nearest nodes of a level, from what is in the pool (its nodes are
 * marked as visited, none as expanded).
 */
static void
search_level(const HnswGraph *graph, Search *search, const QuantSlotData *query, int ef, int level)
{
	search->next = 0;
	while (begin_step(graph, search, ef, level))
		end_step(graph, search, query, ef, level);
	forget_expanded(search);
}

/* Mark the pool's nodes as the beginning of a search. */
static void
restart_from_pool(const HnswGraph *graph, Search *search)
{
	int			i;

	forget_visited(search, graph->header->count);
	for (i = 0; i < search->pool_count; i++)
		visit(search, search->pool[i].node);
}

/* Put the entry into the pool, alone. */
static void
start_at(const HnswGraph *graph, Search *search, const QuantSlotData *query, uint32_t entry)
{
	search->pool_count = 0;
	search->next = 0;
	search->batch_count = 0;
	vx_hnsw_pool_insert(search->pool, &search->pool_count, 1,
						vx_quant_code_distance(graph->params, query, vx_hnsw_graph_slot(graph, entry)),
						entry);
}

/* Begin the search of a level for the node being inserted, which it shall not find. */
static void
begin_level(const HnswGraph *graph, Search *search)
{
	restart_from_pool(graph, search);
	visit(search, search->node);
	if (search->pool_count > 0)
		prefetch_list(graph, search->pool[0].node, search->level);
}

/*
 * Go down from the entry to a level, one nearest node at a time; leaves it in
 * the pool.
 */
static void
descend(const HnswGraph *graph, Search *search, const QuantSlotData *query,
		uint32_t entry, int entry_level, int to_level)
{
	int			level;

	start_at(graph, search, query, entry);
	for (level = entry_level; level > to_level; level--)
	{
		restart_from_pool(graph, search);
		search_level(graph, search, query, 1, level);
	}
}

/*
 * Choose up to want of count candidates, sorted by distance to the node, by
 * the heuristic: one that is nearer to a chosen one than to the node is
 * passed over, and taken only if there is room in the end, marked as covered.
 */
static int
select_neighbours(const HnswGraph *graph, HnswWorker *worker, const HnswCandidate *candidates,
				  int count, int want, uint32_t *selected)
{
	const QuantSlotData **slots = worker->slots;
	float	   *distances = worker->distances;
	int			chosen = 0;
	int			passed = 0;
	int			i;

	/*
	 * The chosen come first in selected, those passed over follow backwards
	 * from its end (there is room for list_room).
	 */
	for (i = 0; i < count && chosen < want; i++)
	{
		const QuantSlotData *slot = vx_hnsw_graph_slot(graph, candidates[i].node);
		bool		good = true;
		int			from;

		/* In portions: most fail early. */
		for (from = 0; good && from < chosen; from += 8)
		{
			int			portion = chosen - from < 8 ? chosen - from : 8;
			int			j;

			vx_quant_code_distance_list(graph->params, slot, slots + from, portion, distances);
			for (j = 0; j < portion; j++)
			{
				if (distances[j] < candidates[i].distance)
				{
					good = false;
					break;
				}
			}
		}
		if (good)
		{
			slots[chosen] = slot;
			worker->selected_distances[chosen] = candidates[i].distance;
			selected[chosen++] = candidates[i].node;
		}
		else if (passed < want)
			worker->batch[passed++] = i;
	}
	for (i = 0; i < passed && chosen < want; i++)
	{
		const HnswCandidate *candidate = &candidates[worker->batch[i]];

		worker->selected_distances[chosen] = candidate->distance;
		selected[chosen++] = candidate->node | COVERED;
	}
	return chosen;
}

static int
compare_floats(float a, float b)
{
	return a < b ? -1 : a > b;
}

/* Insertion sort: lists are short and nearly sorted. */
static void
sort_candidates(HnswCandidate *candidates, int count)
{
	int			i;

	for (i = 1; i < count; i++)
	{
		HnswCandidate moving = candidates[i];
		int			j = i;

		while (j > 0 && compare_floats(candidates[j - 1].distance, moving.distance) > 0)
		{
			candidates[j] = candidates[j - 1];
			j--;
		}
		candidates[j] = moving;
	}
}

/*
 * Write the chosen neighbours of a new node to its list of a level.  Others
 * may have come by the level above and linked themselves here already: they
 * stay behind the chosen, as far as there is room.
 */
static void
write_list(HnswGraph *graph, HnswWorker *worker, uint32_t node, int count, int level)
{
	uint32_t   *list = get_list(graph, node, level);
	int			size = list_size(graph, level);
	int			others = 0;
	int			i;
	int			j;

	lock_byte(&graph->locks[node]);
	for (; others < size && list[others] != HNSW_NONE; others++)
		worker->batch[others] = list[others];
	for (i = 0; i < count; i++)
		__atomic_store_n(&list[i], worker->selected[i], __ATOMIC_RELEASE);
	for (j = 0; j < others && i < size; j++)
	{
		int			k;

		for (k = 0; k < count &&
			 ((worker->selected[k] ^ worker->batch[j]) & HNSW_ID_MASK) != 0; k++)
			;
		if (k == count)
			__atomic_store_n(&list[i++], worker->batch[j], __ATOMIC_RELEASE);
	}
	/* All the others that were left out leave nothing behind. */
	for (; i < others; i++)
		__atomic_store_n(&list[i], HNSW_NONE, __ATOMIC_RELEASE);
	unlock_byte(&graph->locks[node]);
}

/*
 * Is one of the links that lie between the owner and target, as far as is
 * known, nearer to target than the owner is?  In portions: most are covered by
 * one of the first.
 */
static bool
is_covered(const HnswGraph *graph, HnswWorker *worker, const uint32_t *list, int size,
		   const QuantSlotData *target, float distance)
{
	int			at = 0;

	while (at < size)
	{
		int			portion = 0;
		int			i;

		for (; at < size && portion < 8; at++)
		{
			if (!(list[at] & COVERED) && worker->distances[at] < distance)
				worker->slots[portion++] = vx_hnsw_graph_slot(graph, list[at]);
		}
		vx_quant_code_distance_list(graph->params, target, worker->slots, portion, worker->others);
		for (i = 0; i < portion; i++)
		{
			if (worker->others[i] < distance)
				return true;
		}
	}
	return false;
}

/*
 * Mark the links that target covers.
 */
static void
cover_links(const HnswGraph *graph, HnswWorker *worker, uint32_t *list, int size,
			const QuantSlotData *target, float distance)
{
	int			count = 0;
	int			i;

	for (i = 0; i < size; i++)
	{
		if (!(list[i] & COVERED) && worker->distances[i] > distance)
		{
			worker->slots[count] = vx_hnsw_graph_slot(graph, list[i]);
			worker->batch[count++] = i;
		}
	}
	vx_quant_code_distance_list(graph->params, target, worker->slots, count, worker->others);
	for (i = 0; i < count; i++)
	{
		int			at = worker->batch[i];

		if (worker->others[i] < worker->distances[at])
			__atomic_store_n(&list[at], list[at] | COVERED, __ATOMIC_RELAXED);
	}
}

/*
 * Put target into a full list in the place of the one that it does best
 * without: the farthest that is covered, or the farthest.  Who is covered has
 * been found out for the others, so that it takes the distances from the owner
 * and a few from target, and not those of all pairs.
 */
static void
replace_link(HnswGraph *graph, HnswWorker *worker, uint32_t *list, int size,
			 const QuantSlotData *slot, uint32_t target, float distance)
{
	const QuantSlotData *target_slot = vx_hnsw_graph_slot(graph, target);
	bool		covered;
	int			victim = -1;
	bool		victim_covered;
	float		victim_distance = distance;
	int			i;

	for (i = 0; i < size; i++)
	{
		worker->slots[i] = vx_hnsw_graph_slot(graph, list[i] & HNSW_ID_MASK);
		prefetch_slot(graph, worker->slots[i]);
	}
	vx_quant_code_distance_list(graph->params, slot, worker->slots, size, worker->distances);
	covered = is_covered(graph, worker, list, size, target_slot, distance);
	if (!covered)
		cover_links(graph, worker, list, size, target_slot, distance);

	victim_covered = covered;
	for (i = 0; i < size; i++)
	{
		bool		other_covered = (list[i] & COVERED) != 0;

		if (other_covered ? !victim_covered || worker->distances[i] > victim_distance :
			!victim_covered && worker->distances[i] > victim_distance)
		{
			victim = i;
			victim_distance = worker->distances[i];
			victim_covered = other_covered;
		}
	}
	if (victim >= 0)
		__atomic_store_n(&list[victim], covered ? target | COVERED : target, __ATOMIC_RELEASE);
}

/*
 * Link node -> target; the node's list is pruned if it is full.
 */
static void
add_link(HnswGraph *graph, HnswWorker *worker, uint32_t node, uint32_t target,
		 float distance, int level)
{
	uint32_t   *list = get_list(graph, node, level);
	int			size = list_size(graph, level);
	int			count;
	int			i;

	lock_byte(&graph->locks[node]);
	for (count = 0; count < size && list[count] != HNSW_NONE; count++)
	{
		if ((list[count] & HNSW_ID_MASK) == target)
		{
			unlock_byte(&graph->locks[node]);
			return;
		}
	}
	if (count < size)
		__atomic_store_n(&list[count], target, __ATOMIC_RELEASE);
	else if (level == 0 && (graph->levels[node] & HNSW_JUDGED))
		replace_link(graph, worker, list, size, vx_hnsw_graph_slot(graph, node), target, distance);
	else
	{
		const QuantSlotData *slot = vx_hnsw_graph_slot(graph, node);

		for (i = 0; i < count; i++)
		{
			worker->merge[i].node = list[i] & HNSW_ID_MASK;
			worker->slots[i] = vx_hnsw_graph_slot(graph, worker->merge[i].node);
			prefetch_slot(graph, worker->slots[i]);
		}
		vx_quant_code_distance_list(graph->params, slot, worker->slots, count,
									worker->distances);
		for (i = 0; i < count; i++)
			worker->merge[i].distance = worker->distances[i];
		worker->merge[count].node = target;
		worker->merge[count].distance = distance;
		sort_candidates(worker->merge, count + 1);
		count = select_neighbours(graph, worker, worker->merge, count + 1, size,
								  worker->selected);
		for (i = 0; i < count; i++)
			__atomic_store_n(&list[i], worker->selected[i], __ATOMIC_RELEASE);
		if (level == 0)
			graph->levels[node] |= HNSW_JUDGED;
	}
	unlock_byte(&graph->locks[node]);
}

/*
 * Begin to insert a node: its search stands at the entry.  Returns false if
 * there was none, and the node has become it.
 */
static bool
begin_insert(HnswGraph *graph, HnswWorker *worker, Search *search, uint32_t node)
{
	HnswGraphHeader *header = graph->header;
	int			node_level = graph->levels[node] & ~HNSW_JUDGED;
	uint64_t	entry = __atomic_load_n(&header->entry, __ATOMIC_ACQUIRE);
	int			entry_level;

	if (entry == NO_ENTRY)
	{
		lock_byte(&header->entry_lock);
		entry = header->entry;
		if (entry == NO_ENTRY)
			__atomic_store_n(&header->entry, (uint64_t) node << 32 | node_level, __ATOMIC_RELEASE);
		unlock_byte(&header->entry_lock);
		if (entry == NO_ENTRY)
			return false;
	}
	entry_level = (int) (entry & 0xFF);

	search->node = node;
	search->level = entry_level;
	search->link_level = node_level < entry_level ? node_level : entry_level;
	search->linked_before = worker->linked;
	start_at(graph, search, vx_hnsw_graph_slot(graph, node), (uint32_t) (entry >> 32));
	begin_level(graph, search);
	return true;
}

/*
 * The other lanes have linked nodes since this search began, which has not come
 * across them, or not by all their links: near ones as a rule, since they come
 * one after the other.
 */
static void
add_recent(const HnswGraph *graph, HnswWorker *worker, Search *search)
{
	const QuantSlotData *slot = vx_hnsw_graph_slot(graph, search->node);
	uint32_t	from = search->linked_before;

	if (worker->linked - from > RECENT)
		from = worker->linked - RECENT;
	for (; from != worker->linked; from++)
	{
		uint32_t	node = worker->recent[from % RECENT];

		if ((graph->levels[node] & ~HNSW_JUDGED) >= search->level && !visit(search, node))
			vx_hnsw_pool_insert(search->pool, &search->pool_count,
								graph->header->ef_construction,
								vx_quant_code_distance(graph->params, slot, vx_hnsw_graph_slot(graph, node)),
								node);
	}
}

/*
 * Link the node with the nearest ones that its search has found on a level.
 */
static void
link_node(HnswGraph *graph, HnswWorker *worker, Search *search)
{
	int			level = search->level;
	int			count;
	int			i;

	add_recent(graph, worker, search);
	count = select_neighbours(graph, worker, search->pool, search->pool_count,
							  graph->header->m, worker->selected);
	/* worker->selected is reused by add_link. */
	for (i = 0; i < count; i++)
	{
		worker->neighbours[i].node = worker->selected[i] & HNSW_ID_MASK;
		worker->neighbours[i].distance = worker->selected_distances[i];
	}
	write_list(graph, worker, search->node, count, level);
	for (i = 0; i < count; i++)
		add_link(graph, worker, worker->neighbours[i].node, search->node,
				 worker->neighbours[i].distance, level);
}

/* The node has all its links: others may begin at it. */
static void
end_insert(HnswGraph *graph, HnswWorker *worker, Search *search)
{
	HnswGraphHeader *header = graph->header;
	int			node_level = graph->levels[search->node] & ~HNSW_JUDGED;

	if (node_level > (int) (__atomic_load_n(&header->entry, __ATOMIC_RELAXED) & 0xFF))
	{
		lock_byte(&header->entry_lock);
		if (node_level > (int) (header->entry & 0xFF))
			__atomic_store_n(&header->entry, (uint64_t) search->node << 32 | node_level,
							 __ATOMIC_RELEASE);
		unlock_byte(&header->entry_lock);
	}
	worker->recent[worker->linked++ % RECENT] = search->node;
	search->node = HNSW_NONE;
}

/*
 * True if an insertion's search has found what its node will be linked with, as
 * far as that can be told.  Scans end like this, too.
 */
static inline bool
has_enough(const HnswGraph *graph, const Search *search)
{
	const HnswGoal *enough = &graph->header->enough;

	return search->pool_count > enough->place &&
		vx_hnsw_reaches(enough, search->next, search->pool[search->next].distance,
						search->pool[enough->place - 1].distance);
}

/*
 * Go one step on with a lane's insertion.  Returns true if it has been the last
 * one.
 */
static bool
advance(HnswGraph *graph, HnswWorker *worker, Search *search)
{
	int			ef = search->level > search->link_level ? 1 : graph->header->ef_construction;

	if (search->batch_count > 0)
	{
		end_step(graph, search, vx_hnsw_graph_slot(graph, search->node), ef, search->level);
		search->batch_count = 0;
		return false;
	}
	if (find_next(search, ef) && (ef == 1 || !has_enough(graph, search)))
	{
		begin_step(graph, search, ef, search->level);
		return false;
	}

	forget_expanded(search);
	if (search->level <= search->link_level)
		link_node(graph, worker, search);
	if (search->level == 0)
	{
		end_insert(graph, worker, search);
		return true;
	}
	search->level--;
	begin_level(graph, search);
	return false;
}

void
vx_hnsw_graph_insert(HnswGraph *graph, HnswWorker *worker, uint32_t node)
{
	Search	   *search = &worker->lanes[0];

	if (begin_insert(graph, worker, search, node))
	{
		while (!advance(graph, worker, search))
			;
	}
}

void
vx_hnsw_graph_insert_many(HnswGraph *graph, HnswWorker *worker,
						  uint32_t (*next_node) (void *arg), void *arg)
{
	int			busy = 0;
	bool		more = true;
	int			i;

	while (more || busy > 0)
	{
		for (i = 0; i < LANES; i++)
		{
			Search	   *search = &worker->lanes[i];

			if (search->node != HNSW_NONE)
				busy -= advance(graph, worker, search);
			else if (more)
			{
				uint32_t	node = next_node(arg);

				more = node != HNSW_NONE;
				busy += more && begin_insert(graph, worker, search, node);
			}
		}
	}
}

int
vx_hnsw_graph_search(HnswGraph *graph, HnswWorker *worker, const QuantSlotData *slot,
					 int ef, uint32_t *nodes, float *distances)
{
	uint64_t	entry = __atomic_load_n(&graph->header->entry, __ATOMIC_ACQUIRE);
	Search	   *search = &worker->lanes[0];
	int			i;

	if (entry == NO_ENTRY)
		return 0;
	if (ef > worker->ef_max)
		ef = worker->ef_max;
	descend(graph, search, slot, (uint32_t) (entry >> 32), (int) (entry & 0xFF), 0);
	restart_from_pool(graph, search);
	search_level(graph, search, slot, ef, 0);
	for (i = 0; i < search->pool_count; i++)
	{
		nodes[i] = search->pool[i].node;
		distances[i] = search->pool[i].distance;
	}
	return search->pool_count;
}

bool
vx_hnsw_graph_begin_steps(HnswGraph *graph, HnswWorker *worker, const QuantSlotData *slot,
						  uint32_t hidden)
{
	uint64_t	entry = __atomic_load_n(&graph->header->entry, __ATOMIC_ACQUIRE);
	Search	   *search = &worker->lanes[0];
	int			level;

	if (entry == NO_ENTRY)
		return false;
	start_at(graph, search, slot, (uint32_t) (entry >> 32));
	for (level = (int) (entry & 0xFF);; level--)
	{
		restart_from_pool(graph, search);
		if (hidden != HNSW_NONE)
			visit(search, hidden);
		if (level == 0)
			return true;
		search_level(graph, search, slot, 1, level);
	}
}

int
vx_hnsw_graph_step(HnswGraph *graph, HnswWorker *worker, const QuantSlotData *slot,
				   int ef, const HnswGoal *goals, int goal_count, uint32_t *reached,
				   float *distances, int max)
{
	Search	   *search = &worker->lanes[0];
	int			i;

	*reached = 0;
	while (find_next(search, ef))
	{
		*reached = vx_hnsw_pool_reached(search->pool, search->pool_count, search->next, goals,
										goal_count);
		if (*reached != 0)
			break;
		begin_step(graph, search, ef, 0);
		end_step(graph, search, slot, worker->ef_max, 0);
	}
	for (i = 0; i < search->pool_count && i < max; i++)
		distances[i] = search->pool[i].distance;
	return i;
}
