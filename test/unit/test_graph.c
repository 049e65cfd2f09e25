/* sources: src/hnsw/hnsw_graph.c src/hnsw/hnsw_finish.c src/quant/ src/distance/ */
/*-------------------------------------------------------------------------
 *
 * test_graph.c
 *	  The in-memory graph: recall, reachability, links, repeatability.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hnsw/hnsw_graph.h"
#include "unit_random.h"

#define DIMS 24
#define NODES 6000
#define QUERIES 100
#define K 10
#define M 8
#define EF 48

static int	tests = 0;
static int	failures = 0;

static void
check(bool ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, what);
	failures += !ok;
}

#define MAX_BLOCKS 32
static void *blocks[MAX_BLOCKS];
static int	block_count = 0;

/* Freed together, at the end */
static void *
allocate(size_t bytes)
{
	void	   *memory;

	if (block_count == MAX_BLOCKS || posix_memalign(&memory, 64, bytes) != 0)
		exit(1);
	blocks[block_count++] = memory;
	return memory;
}

/* Clusters of unequal size */
static char *
make_slots(QuantParams *params, uint32_t count, bool all_equal)
{
	float		centers[20][DIMS];
	char	   *slots;
	uint32_t	i;
	int			j;

	vx_quant_init_params(params, QUANT_SQ8, DISTANCE_METRIC_L2, DIMS, NULL);
	slots = allocate(count * params->slot_bytes);
	for (i = 0; i < 20; i++)
		for (j = 0; j < DIMS; j++)
			centers[i][j] = (float) (uniform() * 4);
	for (i = 0; i < count; i++)
	{
		float		x[DIMS];
		int			cluster = (int) (uniform() * uniform() * 20);

		for (j = 0; j < DIMS; j++)
			x[j] = all_equal ? 1.0f : centers[cluster][j] + (float) uniform();
		vx_quant_encode(params, x, (QuantSlotData *) (slots + i * params->slot_bytes));
	}
	return slots;
}

static const QuantSlotData *
slot_at(const QuantParams *params, const char *slots, uint32_t i)
{
	return (const QuantSlotData *) (slots + i * params->slot_bytes);
}

/* Nodes that are taken one after the other */
typedef struct NodeRange
{
	uint32_t	next;
	uint32_t	end;
} NodeRange;

static uint32_t
take_node(void *arg)
{
	NodeRange  *range = arg;

	return range->next < range->end ? range->next++ : HNSW_NONE;
}

/* One node at a time, or several */
static void *
build(HnswGraph *graph, const QuantParams *params, const char *slots, uint32_t count,
	  bool many, HnswWorker **worker)
{
	uint32_t	lists = vx_hnsw_graph_count_lists(count, M, 7);
	void	   *memory = allocate(vx_hnsw_graph_bytes(count, M, lists));
	NodeRange	range = {0, count};
	uint32_t	node;

	vx_hnsw_graph_init(graph, memory, params, slots, count, M, EF, 7);
	*worker = vx_hnsw_worker_init(allocate(vx_hnsw_worker_bytes(count, M, EF)), count, M, EF);
	if (many)
		vx_hnsw_graph_insert_many(graph, *worker, take_node, &range);
	for (node = range.next; node < count; node++)
		vx_hnsw_graph_insert(graph, *worker, node);
	return memory;
}

/*
 * Every list holds nodes that exist on its level, none twice, not its owner;
 * order is a permutation that begins with the entry; every node but the entry
 * has exactly one protected link, and can be reached over these.
 */
static void
check_shape(HnswGraph *graph, const uint32_t *order, uint32_t count, const char *name)
{
	bool		lists_ok = true;
	bool		order_ok = true;
	bool		protected_ok = true;
	uint32_t   *in_links = calloc(count, sizeof(uint32_t));
	uint32_t   *place = malloc(count * sizeof(uint32_t));
	char		what[100];
	uint32_t	node;

	memset(place, 0xFF, count * sizeof(uint32_t));
	for (node = 0; node < count; node++)
	{
		if (order[node] >= count || place[order[node]] != HNSW_NONE)
			order_ok = false;
		else
			place[order[node]] = node;
	}
	order_ok = order_ok && order[0] == (uint32_t) (graph->header->entry >> 32);

	for (node = 0; node < count; node++)
	{
		int			level;

		for (level = 0; level <= graph->levels[node]; level++)
		{
			uint32_t   *list = level == 0 ? graph->links + (size_t) node * 2 * M :
				graph->upper_links + ((size_t) graph->upper_start[node] + level - 1) * M;
			int			size = level == 0 ? 2 * M : M;
			int			i;
			int			j;

			for (i = 0; i < size && list[i] != HNSW_NONE; i++)
			{
				uint32_t	target = list[i] & HNSW_ID_MASK;

				if (target >= count || target == node || graph->levels[target] < level)
				{
					lists_ok = false;
					break;
				}
				for (j = 0; j < i; j++)
					lists_ok = lists_ok && (list[j] & HNSW_ID_MASK) != target;
				if (list[i] & HNSW_PROTECTED)
				{
					in_links[target]++;
					/* Breadth-first: whoever links to a node comes before it. */
					protected_ok = protected_ok && level == 0 && place[node] < place[target];
				}
			}
			for (; i < size; i++)
				lists_ok = lists_ok && list[i] == HNSW_NONE;
		}
	}
	for (node = 0; node < count; node++)
		protected_ok = protected_ok && in_links[node] == (node != order[0]);

	snprintf(what, sizeof(what), "%s: lists hold existing, distinct nodes of their level", name);
	check(lists_ok, what);
	snprintf(what, sizeof(what), "%s: the order is a permutation that begins with the entry", name);
	check(order_ok, what);
	snprintf(what, sizeof(what),
			 "%s: every node but the entry has one protected link, from before it", name);
	check(protected_ok, what);
	free(in_links);
	free(place);
}

/*
 * A walk in steps finds what searches of each width find; hidden is none of it.
 */
static void
check_steps(HnswGraph *graph, const QuantParams *params, const char *slots)
{
	HnswWorker *walker = vx_hnsw_worker_init(allocate(vx_hnsw_worker_bytes(NODES, M, 4 * EF)),
											 NODES, M, 4 * EF);
	HnswWorker *searcher = vx_hnsw_worker_init(allocate(vx_hnsw_worker_bytes(NODES, M, 4 * EF)),
											   NODES, M, 4 * EF);
	bool		equal = true;
	bool		hidden = true;
	uint32_t	i;

	for (i = 0; i < QUERIES; i++)
	{
		const QuantSlotData *query = slot_at(params, slots, NODES + i);
		uint32_t	nodes[4 * EF];
		float		distances[4 * EF];
		float		steps[EF];
		uint32_t	nearest = 0;
		uint32_t	reached = 0;
		int			ef;

		for (ef = EF / 4; ef <= 4 * EF; ef *= 2)
		{
			int			found = vx_hnsw_graph_search(graph, searcher, query, ef, nodes, distances);
			int			first = found < EF ? found : EF;

			nearest = nodes[0];
			if (ef == EF / 4)
				equal = equal && vx_hnsw_graph_begin_steps(graph, walker, query, HNSW_NONE);
			equal = equal && reached == 0 &&
				vx_hnsw_graph_step(graph, walker, query, ef, NULL, 0, &reached, steps, EF) >= first &&
				memcmp(steps, distances, first * sizeof(float)) == 0;
		}
		if (nearest == (uint32_t) (graph->header->entry >> 32))
			continue;
		vx_hnsw_graph_begin_steps(graph, walker, query, nearest);
		hidden = hidden &&
			vx_hnsw_graph_step(graph, walker, query, EF, NULL, 0, &reached, steps, 1) == 1 &&
			steps[0] >= distances[0] &&
			(steps[0] > distances[0] || distances[1] == distances[0]);
	}
	check(equal, "a walk in steps finds what searches find");
	check(hidden, "but not the node that is hidden");

	/* Goals that are reached one after the other, then the end of the walk */
	equal = true;
	hidden = true;
	for (i = 0; i < QUERIES; i++)
	{
		const QuantSlotData *query = slot_at(params, slots, NODES + i);
		HnswGoal	goals[2] = {{4, 1, 1.0f, 0.0f}, {8, 2, 1.0f, 0.0f}};
		uint32_t	nodes[4 * EF];
		float		distances[4 * EF];
		float		before[EF];
		float		steps[EF];
		uint32_t	reached;
		uint32_t	seen = 0;
		int			count = 0;
		int			turns = 0;
		int			found = vx_hnsw_graph_search(graph, searcher, query, EF, nodes, distances);
		int			j;

		vx_hnsw_graph_begin_steps(graph, walker, query, HNSW_NONE);
		while (turns++ < 100)
		{
			memcpy(before, steps, sizeof(before));
			j = count;
			count = vx_hnsw_graph_step(graph, walker, query, EF, goals, 2, &reached, steps, EF);
			/* What has been found is never lost. */
			for (j = j < count ? j : count; j > 0; j--)
				hidden = hidden && steps[j - 1] <= before[j - 1];
			seen |= reached;
			if (reached == 0)
				break;
			for (j = 0; j < 2; j++)
				if (reached & (1U << j))
					goals[j].factor *= 1.1f;
		}
		equal = equal && seen == 3 && reached == 0 && found == EF && count == EF &&
			memcmp(steps, distances, EF * sizeof(float)) == 0;
	}
	check(equal, "a walk that stops at goals finds the same in the end");
	check(hidden, "and never less than at the goal before");
}

int
main(void)
{
	QuantParams params;
	HnswGraph	graph;
	HnswGraph	again;
	HnswWorker *worker;
	HnswWorker *other;
	uint32_t   *order = allocate(NODES * sizeof(uint32_t));
	char	   *slots;
	char	   *memory;
	char	   *memory_again;
	uint32_t	nodes[EF];
	float		distances[EF];
	uint32_t	i;
	int			many;
	int			hits = 0;
	bool		sorted = true;

	slots = make_slots(&params, NODES + QUERIES, false);
	for (many = 0; many < 2; many++)
	{
		memory = build(&graph, &params, slots, NODES, many, &worker);
		memory_again = build(&again, &params, slots, NODES, many, &other);
		check(memcmp(memory, memory_again,
					 vx_hnsw_graph_bytes(NODES, M, graph.header->upper_lists)) == 0,
			  many ? "two builds with one worker and one seed are equal, several nodes at a time" :
			  "two builds with one worker and one seed are equal");
		vx_hnsw_graph_finish(&graph, worker, order);
		check_shape(&graph, order, NODES, many ? "clusters, several at a time" : "clusters");
	}
	check_steps(&graph, &params, slots);

	for (i = 0; i < QUERIES; i++)
	{
		const QuantSlotData *query = slot_at(&params, slots, NODES + i);
		int			found = vx_hnsw_graph_search(&graph, worker, query, EF, nodes, distances);
		int			at;

		sorted = sorted && found == EF;
		for (at = 1; at < found; at++)
			sorted = sorted && distances[at - 1] <= distances[at];
		for (at = 0; at < K && at < found; at++)
		{
			int			nearer = 0;
			uint32_t	node;

			/* A hit is among the K nearest, ties included. */
			for (node = 0; node < NODES; node++)
				nearer += vx_quant_code_distance(&params, query,
												 slot_at(&params, slots, node)) <
					distances[at];
			hits += nearer < K;
		}
	}
	check(sorted, "a search returns ef nodes, nearest first");
	printf("# recall@%d at ef %d: %.4f\n", K, EF, hits / (double) (QUERIES * K));
	check(hits >= QUERIES * K * 97 / 100, "recall at least .97");

	/* Every node finds itself: nothing is out of reach of its own search. */
	hits = 0;
	for (i = 0; i < NODES; i++)
	{
		const QuantSlotData *slot = slot_at(&params, slots, i);

		vx_hnsw_graph_search(&graph, worker, slot, EF, nodes, distances);
		hits += distances[0] <= vx_quant_code_distance(&params, slot, slot);
	}
	printf("# %d of %d nodes found\n", hits, NODES);
	check(hits >= NODES * 99 / 100, "nearly every node is found by its own code");

	/* Equal codes: no distances to go by */
	slots = make_slots(&params, 500, true);
	for (many = 0; many < 2; many++)
	{
		build(&graph, &params, slots, 500, many, &worker);
		vx_hnsw_graph_finish(&graph, worker, order);
		check_shape(&graph, order, 500, many ? "equal codes, several at a time" : "equal codes");
	}

	build(&graph, &params, slots, 1, true, &worker);
	check(vx_hnsw_graph_finish(&graph, worker, order) == 0 && order[0] == 0, "one node");
	check(vx_hnsw_graph_search(&graph, worker, slot_at(&params, slots, 0), EF, nodes,
							   distances) == 1 &&
		  nodes[0] == 0, "one node is found");

	while (block_count > 0)
		free(blocks[--block_count]);
	printf("1..%d\n", tests);
	return failures != 0;
}
