/*-------------------------------------------------------------------------
 *
 * bench_graph.c
 *	  Build time and recall of the in-memory graph.
 *
 * Usage: bench_graph VECTORS.tsv DIMS METRIC(l2|cosine) [THREADS [M [EF]]]
 *
 * VECTORS.tsv has one vector a line, "[x,...]" in its last column.  The last
 * 500 rows are the queries; recall is that of code distances against exact
 * code distances, so it judges the graph alone.
 *
 *-------------------------------------------------------------------------
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hnsw/hnsw_graph.h"
#include "type/type_parse.h"

#define QUERIES 500
#define K 10
#define RANGE_NODES 64

static HnswGraph graph;
static QuantParams params;
static uint32_t next_node;

static void *
allocate(size_t bytes)
{
	void	   *memory;

	if (posix_memalign(&memory, 64, bytes) != 0)
	{
		perror("bench_graph");
		exit(1);
	}
	return memory;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static const QuantSlotData *
slot_at(const char *slots, uint32_t i)
{
	return (const QuantSlotData *) (slots + (size_t) i * params.slot_bytes);
}

/* A thread's range of nodes, as long as a build's processes take them */
typedef struct NodeRange
{
	uint32_t	next;
	uint32_t	end;
} NodeRange;

static uint32_t
take_node(void *arg)
{
	NodeRange  *range = arg;

	if (range->next == range->end)
	{
		uint32_t	count = graph.header->count;

		range->next = __atomic_fetch_add(&next_node, RANGE_NODES, __ATOMIC_RELAXED);
		if (range->next > count)
			range->next = count;
		range->end = count - range->next < RANGE_NODES ? count : range->next + RANGE_NODES;
		if (range->next == range->end)
			return HNSW_NONE;
	}
	return range->next++;
}

static void *
work(void *arg)
{
	HnswWorker *worker = vx_hnsw_worker_init(arg, graph.header->count, graph.header->m,
											 graph.header->ef_construction);
	NodeRange	range = {0, 0};

	vx_hnsw_graph_insert_many(&graph, worker, take_node, &range);
	return NULL;
}

int
main(int argc, char **argv)
{
	int			dims = argc > 3 ? atoi(argv[2]) : 0;
	DistanceMetric metric = argc > 3 && strcmp(argv[3], "cosine") == 0 ?
		DISTANCE_METRIC_COSINE : DISTANCE_METRIC_L2;
	int			threads = argc > 4 ? atoi(argv[4]) : 1;
	int			m = argc > 5 ? atoi(argv[5]) : 16;
	int			ef_construction = argc > 6 ? atoi(argv[6]) : 64;
	FILE	   *file = argc > 3 ? fopen(argv[1], "r") : NULL;
	char	   *line = NULL;
	size_t		room = 0;
	float	   *vectors = NULL;
	float	   *mean;
	uint32_t	count = 0;
	uint32_t	size = 0;
	uint32_t	orphans;
	uint32_t   *order;
	uint32_t   *truth;
	char	   *slots;
	void	   *memory;
	HnswWorker *worker;
	pthread_t	ids[16];
	double		start;
	uint32_t	i;
	int			j;
	int			ef;

	if (file == NULL || dims < 1 || threads < 1 || threads > 16)
	{
		fprintf(stderr, "usage: bench_graph VECTORS.tsv DIMS l2|cosine [THREADS [M [EF]]]\n");
		return 1;
	}
	vx_distance_choose(DISTANCE_VARIANT_AUTO);
	while (getline(&line, &room, file) > 0)
	{
		TypeParseResult parsed;

		if (count == size)
		{
			size = size ? size * 2 : 1024;
			vectors = realloc(vectors, (size_t) size * dims * sizeof(float));
		}
		parsed = vx_type_parse_vector(strrchr(line, '['), vectors + (size_t) count * dims, dims);
		if (parsed.status == TYPE_PARSE_OK && parsed.dims == dims)
			count++;
	}
	mean = calloc(dims, sizeof(float));
	for (i = 0; i < count; i++)
	{
		double		norm = 0;

		for (j = 0; j < dims; j++)
			norm += (double) vectors[(size_t) i * dims + j] * vectors[(size_t) i * dims + j];
		norm = metric == DISTANCE_METRIC_COSINE ? sqrt(norm) : 1;
		for (j = 0; j < dims; j++)
			mean[j] += vectors[(size_t) i * dims + j] / norm / count;
	}
	vx_quant_init_params(&params, QUANT_SQ8, metric, dims, mean);
	slots = allocate((size_t) count * params.slot_bytes);
	start = now();
	for (i = 0; i < count; i++)
		vx_quant_encode(&params, vectors + (size_t) i * dims,
						(QuantSlotData *) (slots + i * params.slot_bytes));
	printf("%u vectors, encoded in %.2f s\n", count, now() - start);
	count -= QUERIES;

	start = now();
	vx_hnsw_arrange(&params, slots, count, malloc(count * sizeof(uint32_t)),
					allocate(vx_hnsw_arrange_bytes(&params, count)), NULL);
	printf("arranged in %.2f s\n", now() - start);

	memory = allocate(vx_hnsw_graph_bytes(count, m, vx_hnsw_graph_count_lists(count, m, 1)));
	vx_hnsw_graph_init(&graph, memory, &params, slots, count, m, ef_construction, 1);
	start = now();
	for (j = 0; j < threads; j++)
		pthread_create(&ids[j], NULL, work,
					   allocate(vx_hnsw_worker_bytes(count, m, ef_construction)));
	for (j = 0; j < threads; j++)
		pthread_join(ids[j], NULL);
	printf("built in %.2f s by %d threads\n", now() - start, threads);

	worker = vx_hnsw_worker_init(allocate(vx_hnsw_worker_bytes(count, m, 1000)),
								 count, m, 1000);
	order = malloc(count * sizeof(uint32_t));
	start = now();
	orphans = vx_hnsw_graph_finish(&graph, worker, order);
	printf("finished in %.2f s, %u orphans\n", now() - start, orphans);

	truth = malloc(QUERIES * K * sizeof(uint32_t));
	for (i = 0; i < QUERIES; i++)
	{
		const QuantSlotData *query = slot_at(slots, count + i);
		float		best[K + 1];
		int			found = 0;
		uint32_t	node;

		for (node = 0; node < count; node++)
		{
			float		d = vx_quant_code_distance(&params, query,
												   slot_at(slots, node));
			int			at = found;

			if (found == K && d >= best[K - 1])
				continue;
			if (found == K)
				at = K - 1;
			else
				found++;
			while (at > 0 && best[at - 1] > d)
			{
				best[at] = best[at - 1];
				truth[i * K + at] = truth[i * K + at - 1];
				at--;
			}
			best[at] = d;
			truth[i * K + at] = node;
		}
	}
	for (ef = 10; ef <= 640; ef *= 2)
	{
		uint32_t   *nodes = malloc(ef * sizeof(uint32_t));
		float	   *distances = malloc(ef * sizeof(float));
		int			hits = 0;

		start = now();
		for (i = 0; i < QUERIES; i++)
		{
			int			found = vx_hnsw_graph_search(&graph, worker,
													 slot_at(slots, count + i),
													 ef, nodes, distances);
			int			a;
			int			b;

			for (a = 0; a < K && a < found; a++)
				for (b = 0; b < K; b++)
					hits += nodes[a] == truth[i * K + b];
		}
		printf("ef %3d: recall@10 %.4f, %.0f us\n", ef, hits / (double) (QUERIES * K),
			   (now() - start) * 1e6 / QUERIES);
	}
	return 0;
}
