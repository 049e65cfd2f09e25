/* sources: src/quant/ src/distance/ */
/*-------------------------------------------------------------------------
 *
 * bench_codec.c
 *	  What codes cost: encoding, preparing a query, bounds over pages of slots
 *	  from cache and from memory beside a plain read of the same bytes; and
 *	  what they are worth: how many rows an exact search has to recheck.
 *
 * Build and run, from the top of the tree:
 *	  cc -O2 -g -Isrc test/bench/bench_codec.c src/quant/[a-z]*.c \
 *		 src/distance/[a-z]*.c -lm
 *	  ./a.out single | cache | stream
 *	  ./a.out recheck FILE DIMS l2|ip|cosine|l1 QUERIES
 *
 * FILE holds float32 values, DIMS for each vector, and nothing else; its last
 * QUERIES vectors are the queries.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "distance/distance_variants.h"
#include "quant/quant_codec.h"

#define PAGE_BYTES 8192
#define PAGE_START 64			/* of the first slot */
#define PAGE_END (PAGE_BYTES - 24)
#define CACHE_BYTES (1 << 20)
#define STREAM_BYTES (500 << 20)
#define REPEATS 15
#define VECTORS 4096			/* different ones, copied as often as needed */

static double
read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static uint64_t random_state = 1;

static double
random_unit(void)
{
	uint64_t	z = (random_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	z ^= z >> 31;
	return (double) (z >> 11) * 0x1p-53;
}

static double
random_gauss(void)
{
	return sqrt(-2.0 * log(1.0 - random_unit())) * cos(6.283185307179586 * random_unit());
}

static void *
allocate(size_t bytes)
{
	void	   *memory;

	if (posix_memalign(&memory, 4096, bytes) != 0)
	{
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	memset(memory, 0, bytes);
	return memory;
}

/* ---- the yardstick: reading the bytes and nothing else ---- */

typedef uint64_t (*ReadFunction) (const char *bytes, size_t count);

static uint64_t
read_plain(const char *bytes, size_t count)
{
	uint64_t	sum = 0;
	size_t		i;

	for (i = 0; i < count; i += 8)
	{
		uint64_t	word;

		memcpy(&word, bytes + i, 8);
		sum += word;
	}
	return sum;
}

#ifdef VX_DISTANCE_X86
#include <immintrin.h>

__attribute__((target("avx2"))) static uint64_t
read_avx2(const char *bytes, size_t count)
{
	__m256i		sum0 = _mm256_setzero_si256();
	__m256i		sum1 = _mm256_setzero_si256();
	size_t		i;

	for (i = 0; i < count; i += 64)
	{
		sum0 = _mm256_add_epi64(sum0, _mm256_loadu_si256((const __m256i *) (bytes + i)));
		sum1 = _mm256_add_epi64(sum1, _mm256_loadu_si256((const __m256i *) (bytes + i + 32)));
	}
	sum0 = _mm256_add_epi64(sum0, sum1);
	return (uint64_t) _mm256_extract_epi64(sum0, 0) + (uint64_t) _mm256_extract_epi64(sum0, 1) +
		(uint64_t) _mm256_extract_epi64(sum0, 2) + (uint64_t) _mm256_extract_epi64(sum0, 3);
}

__attribute__((target("avx512f"))) static uint64_t
read_avx512(const char *bytes, size_t count)
{
	__m512i		sum0 = _mm512_setzero_si512();
	size_t		i;

	for (i = 0; i < count; i += 64)
		sum0 = _mm512_add_epi64(sum0, _mm512_loadu_si512(bytes + i));
	return (uint64_t) _mm512_reduce_add_epi64(sum0);
}
#endif

/* The fastest of what this CPU has, over the pages' slots. */
static ReadFunction
choose_read(const char **name)
{
#ifdef VX_DISTANCE_X86
	uint32_t	features = vx_distance_read_features();

	if (features & DISTANCE_FEATURE_AVX512)
	{
		*name = "avx512";
		return read_avx512;
	}
	if (features & DISTANCE_FEATURE_AVX2)
	{
		*name = "avx2";
		return read_avx2;
	}
#endif
	*name = "plain";
	return read_plain;
}

/* ---- pages of slots ---- */

typedef struct Pages
{
	QuantParams params;
	char	   *memory;
	size_t		pages;
	int			slots_per_page;
	float	   *q;
	QuantQuery	query;
	double		threshold;
} Pages;

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
make_pages(Pages *pages, QuantKind kind, DistanceMetric metric, int dims, size_t bytes)
{
	float	   *x = allocate((size_t) dims * sizeof(float));
	char	   *slots;
	double	   *bounds;
	size_t		slot_bytes;
	size_t		next = 0;
	size_t		page;
	int			i;
	int			j;

	vx_quant_init_params(&pages->params, kind, metric, dims, NULL);
	slot_bytes = pages->params.slot_bytes;
	pages->slots_per_page = (int) ((PAGE_END - PAGE_START) / slot_bytes);
	pages->pages = bytes / PAGE_BYTES;
	pages->memory = allocate(pages->pages * PAGE_BYTES);
	pages->q = allocate((size_t) dims * sizeof(float));
	for (i = 0; i < dims; i++)
		pages->q[i] = (float) random_gauss();
	vx_quant_prepare_query(&pages->query, &pages->params, pages->q,
						   allocate(vx_quant_query_bytes(&pages->params)));

	slots = allocate(VECTORS * slot_bytes);
	bounds = allocate(VECTORS * sizeof(double));
	for (i = 0; i < VECTORS; i++)
	{
		QuantSlotData *slot = (QuantSlotData *) (slots + (size_t) i * slot_bytes);

		for (j = 0; j < dims; j++)
			x[j] = (float) random_gauss();
		if (vx_quant_encode(&pages->params, x, slot) != QUANT_CLASS_CODE)
			abort();
		bounds[i] = vx_quant_bound(&pages->query, slot);
	}
	/* four of 4096: what a scan with a settled threshold keeps, or more */
	qsort(bounds, VECTORS, sizeof(double), compare_doubles);
	pages->threshold = bounds[3];

	for (page = 0; page < pages->pages; page++)
	{
		for (i = 0; i < pages->slots_per_page; i++)
		{
			memcpy(pages->memory + page * PAGE_BYTES + PAGE_START + (size_t) i * slot_bytes,
				   slots + (next++ % VECTORS) * slot_bytes, slot_bytes);
		}
	}
	free(x);
	free(slots);
	free(bounds);
}

static void
free_pages(Pages *pages)
{
	free(pages->memory);
	free(pages->q);
	free(pages->query.hi != NULL ? (void *) pages->query.hi : (void *) pages->query.centered);
}

static volatile uint64_t sink;

static double
time_read(const Pages *pages, ReadFunction read, int rounds)
{
	size_t		bytes = (size_t) pages->slots_per_page * pages->params.slot_bytes;
	double		start = read_clock();
	uint64_t	sum = 0;
	size_t		page;
	int			round;

	for (round = 0; round < rounds; round++)
	{
		for (page = 0; page < pages->pages; page++)
			sum += read(pages->memory + page * PAGE_BYTES + PAGE_START, bytes);
	}
	sink += sum;
	return (read_clock() - start) / rounds;
}

static double
time_bounds(const Pages *pages, int rounds)
{
	uint16_t	positions[PAGE_BYTES / 64];
	double		bounds[PAGE_BYTES / 64];
	double		start = read_clock();
	uint64_t	sum = 0;
	size_t		page;
	int			round;

	for (round = 0; round < rounds; round++)
	{
		for (page = 0; page < pages->pages; page++)
			sum += (uint64_t) vx_quant_bound_many(&pages->query,
												  pages->memory + page * PAGE_BYTES + PAGE_START,
												  pages->memory + (page + 1) * PAGE_BYTES + PAGE_START,
												  pages->slots_per_page, pages->threshold,
												  positions, bounds);
	}
	sink += sum;
	return (read_clock() - start) / rounds;
}

static const char *const metric_names[] = {"", "l2", "ip", "cosine", "l1"};

static void
bench_pages(QuantKind kind, DistanceMetric metric, int dims, bool stream, bool all_kernels)
{
	const char *read_name;
	ReadFunction read = choose_read(&read_name);
	Pages		pages;
	size_t		slots;
	size_t		bytes;
	int			rounds = stream ? 1 : 20;
	int			i;
	uint32_t	features;
	uint32_t	present = vx_distance_read_features();
	const DistanceKernels *seen[16];
	int			seen_count = 0;

	make_pages(&pages, kind, metric, dims, stream ? STREAM_BYTES : CACHE_BYTES);
	slots = pages.pages * (size_t) pages.slots_per_page;
	bytes = slots * pages.params.slot_bytes;

	/* from the widest down */
	for (features = present + 1; features-- > 0;)
	{
		const DistanceKernels *kernels = vx_distance_find_kernels(features);
		double		best = INFINITY;
		double		read_best = INFINITY;
		double		shares[REPEATS];

		for (i = 0; i < seen_count && seen[i] != kernels; i++)
			;
		if (kernels == NULL || i < seen_count || seen_count == 16)
			continue;
		seen[seen_count++] = kernels;
		vx_distance = kernels;
		pages.query.kernels = kernels;

		/*
		 * One beside the other, so that a neighbour on the machine disturbs
		 * both; the median of the ratios forgets when one alone was hit.
		 */
		for (i = 0; i < REPEATS; i++)
		{
			double		read_time = time_read(&pages, read, rounds);
			double		time = time_bounds(&pages, rounds);

			best = fmin(best, time);
			read_best = fmin(read_best, read_time);
			shares[i] = read_time / time;
		}
		qsort(shares, REPEATS, sizeof(double), compare_doubles);
		printf("%-6s %-4s %-6s %4d dims  %-12s %7.2f ns/slot %6.1f GB/s  read (%s) %6.2f ns/slot %6.1f GB/s  %3.0f %% of it (median)\n",
			   stream ? "stream" : "cache", kind == QUANT_SQ8 ? "sq8" : "none",
			   metric_names[metric], dims,
			   kernels->name, best / slots * 1e9, bytes / best * 1e-9, read_name,
			   read_best / slots * 1e9, bytes / read_best * 1e-9, 100.0 * shares[REPEATS / 2]);
		if (!all_kernels)
			break;
	}
	free_pages(&pages);
}

/* ---- single calls ---- */

#define LIST 32

static void
bench_single(int dims, DistanceMetric metric)
{
	QuantParams params;
	QuantQuery	query;
	float	   *x = allocate(64 * (size_t) dims * sizeof(float));
	float	   *mean = allocate((size_t) dims * sizeof(float));
	char	   *slots;
	void	   *memory;
	const QuantSlotData *list[LIST];
	float		floats[LIST];
	double		start;
	double		encode;
	double		prepare;
	double		bound;
	double		estimate;
	double		code_distance;
	int			rounds = 100000;
	int			i;

	for (i = 0; i < 64 * dims; i++)
		x[i] = (float) random_gauss();
	for (i = 0; i < dims; i++)
		mean[i] = (float) (0.1 * random_gauss());
	vx_quant_init_params(&params, QUANT_SQ8, metric, dims, mean);
	slots = allocate(64 * params.slot_bytes);
	memory = allocate(vx_quant_query_bytes(&params));

	start = read_clock();
	for (i = 0; i < rounds; i++)
		sink += vx_quant_encode(&params, x + (i % 64) * dims,
								(QuantSlotData *) (slots + (i % 64) * params.slot_bytes));
	encode = (read_clock() - start) / rounds * 1e9;

	start = read_clock();
	for (i = 0; i < rounds; i++)
	{
		vx_quant_prepare_query(&query, &params, x + (i % 64) * dims, memory);
		sink += (uint64_t) query.query_class;
	}
	prepare = (read_clock() - start) / rounds * 1e9;

	start = read_clock();
	for (i = 0; i < rounds * 10; i++)
	{
		const char *slot = slots + (i % 64) * params.slot_bytes;

		sink += (uint64_t) (int64_t) vx_quant_bound(&query, (const QuantSlotData *) slot);
	}
	bound = (read_clock() - start) / rounds / 10 * 1e9;

	for (i = 0; i < LIST; i++)
		list[i] = (const QuantSlotData *) (slots + (i * 7 % 64) * params.slot_bytes);
	start = read_clock();
	for (i = 0; i < rounds; i++)
	{
		vx_quant_estimate_list(&query, list, LIST, floats);
		sink += (uint64_t) (int64_t) floats[i % LIST];
	}
	estimate = (read_clock() - start) / rounds / LIST * 1e9;

	start = read_clock();
	for (i = 0; i < rounds; i++)
	{
		vx_quant_code_distance_list(&params, list[i % LIST], list, LIST, floats);
		sink += (uint64_t) (int64_t) floats[i % LIST];
	}
	code_distance = (read_clock() - start) / rounds / LIST * 1e9;

	printf("%-6s %4d dims  %-12s encode %6.0f ns  prepare %6.0f ns  bound %5.1f ns  of a list: estimate %5.1f ns  code distance %5.1f ns\n",
		   metric_names[metric], dims, vx_distance->name, encode, prepare, bound, estimate,
		   code_distance);
	free(x);
	free(mean);
	free(slots);
	free(memory);
}

/* ---- rechecks ---- */

#define NEAREST 10

static void
insert_nearest(double *nearest, double distance)
{
	int			i = NEAREST - 1;

	if (!(distance < nearest[i]))
		return;
	for (; i > 0 && nearest[i - 1] > distance; i--)
		nearest[i] = nearest[i - 1];
	nearest[i] = distance;
}

static int
bench_recheck(const char *path, int dims, DistanceMetric metric, int queries)
{
	FILE	   *file = fopen(path, "rb");
	size_t		vector_bytes = (size_t) dims * sizeof(float);
	QuantParams params;
	float	   *data;
	float	   *mean;
	double	   *sums;
	char	   *slots;
	void	   *memory;
	double	   *bounds;
	double	   *distances;
	double	   *estimates;
	size_t		count;
	size_t		rows;
	size_t		i;
	size_t		odd = 0;
	double		recheck_sum = 0.0;
	double		margin_sum = 0.0;
	double		within[4] = {0.0, 0.0, 0.0, 0.0};
	static const int depths[4] = {10, 13, 20, 40};
	int			recheck_most = 0;
	double		error_sum = 0.0;
	int			j;
	int			k;

	if (file == NULL)
	{
		perror(path);
		return 2;
	}
	fseek(file, 0, SEEK_END);
	count = (size_t) ftell(file) / vector_bytes;
	rewind(file);
	if (count <= (size_t) queries)
	{
		fprintf(stderr, "%s: only %zu vectors\n", path, count);
		return 2;
	}
	rows = count - (size_t) queries;
	data = allocate(count * vector_bytes);
	if (fread(data, vector_bytes, count, file) != count)
	{
		perror(path);
		return 2;
	}
	fclose(file);

	/* the mean of what is encoded */
	sums = allocate((size_t) dims * sizeof(double));
	mean = allocate(vector_bytes);
	for (i = 0; i < rows; i++)
	{
		double		norm = 0.0;

		for (j = 0; j < dims; j++)
			norm += (double) data[i * dims + j] * data[i * dims + j];
		norm = metric == DISTANCE_METRIC_COSINE && norm > 0.0 ? sqrt(norm) : 1.0;
		for (j = 0; j < dims; j++)
			sums[j] += data[i * dims + j] / norm;
	}
	for (j = 0; j < dims; j++)
		mean[j] = (float) (sums[j] / rows);

	vx_quant_init_params(&params, QUANT_SQ8, metric, dims, mean);
	slots = allocate(rows * params.slot_bytes);
	memory = allocate(vx_quant_query_bytes(&params));
	bounds = allocate(rows * sizeof(double));
	distances = allocate(rows * sizeof(double));
	estimates = allocate(rows * sizeof(double));
	for (i = 0; i < rows; i++)
	{
		QuantSlotData *slot = (QuantSlotData *) (slots + i * params.slot_bytes);

		if (vx_quant_encode(&params, data + i * dims, slot) != QUANT_CLASS_CODE)
		{
			slot->error = NAN;
			odd++;
		}
		else
			error_sum += slot->error;
	}

	for (k = 0; k < queries; k++)
	{
		const float *q = data + (rows + (size_t) k) * dims;
		QuantQuery	query;
		double		nearest[NEAREST];
		double		nearest_bounds[NEAREST];
		int			rechecks = 0;
		int			d;

		vx_quant_prepare_query(&query, &params, q, memory);
		for (j = 0; j < NEAREST; j++)
			nearest[j] = nearest_bounds[j] = INFINITY;
		for (i = 0; i < rows; i++)
		{
			const QuantSlotData *slot = (const QuantSlotData *) (slots + i * params.slot_bytes);

			bounds[i] = vx_quant_bound(&query, slot);
			estimates[i] = (double) vx_quant_estimate(&query, slot);
			distances[i] = vx_distance_metric(metric, dims, data + i * dims, q);
			insert_nearest(nearest, distances[i]);
			insert_nearest(nearest_bounds, bounds[i]);
		}
		for (i = 0; i < rows; i++)
			rechecks += bounds[i] <= nearest[NEAREST - 1];
		recheck_sum += rechecks;
		recheck_most = rechecks > recheck_most ? rechecks : recheck_most;
		margin_sum += nearest[NEAREST - 1] - nearest_bounds[NEAREST - 1];

		/* How many of the true ten are among the first by estimate? */
		for (i = 0; i < rows; i++)
		{
			size_t		before = 0;
			size_t		other;

			if (!(distances[i] <= nearest[NEAREST - 1]))
				continue;
			for (other = 0; other < rows; other++)
				before += estimates[other] < estimates[i];
			for (d = 0; d < 4; d++)
				within[d] += before < (size_t) depths[d];
		}
	}

	printf("%s: %zu rows of %d dims, %d queries, %s; mean error %.4g; %zu rows without a code\n", path, rows, dims,
		   queries, metric_names[metric], error_sum / (rows - odd), odd);
	printf("exact top %d: %.1f rows within the true %dth distance by bound (at most %d); 10th bound %.4g below\n",
		   NEAREST, recheck_sum / queries, NEAREST, recheck_most, margin_sum / queries);
	printf("true top %d within the first 10 / 13 / 20 / 40 by estimate: %.4f %.4f %.4f %.4f\n", NEAREST,
		   within[0] / queries / NEAREST, within[1] / queries / NEAREST,
		   within[2] / queries / NEAREST, within[3] / queries / NEAREST);
	return 0;
}

int
main(int argc, char **argv)
{
	static const DistanceMetric metrics[] = {
		DISTANCE_METRIC_L2, DISTANCE_METRIC_IP, DISTANCE_METRIC_COSINE, DISTANCE_METRIC_L1
	};
	bool		stream = argc == 2 && strcmp(argv[1], "stream") == 0;
	int			i;

	vx_distance_choose(DISTANCE_VARIANT_AUTO);
	if (argc == 6 && strcmp(argv[1], "recheck") == 0)
	{
		for (i = 0; i < 4; i++)
		{
			if (strcmp(argv[4], metric_names[metrics[i]]) == 0)
				return bench_recheck(argv[2], atoi(argv[3]), metrics[i], atoi(argv[5]));
		}
	}
	else if (argc == 2 && strcmp(argv[1], "single") == 0)
	{
		for (i = 0; i < 4; i++)
		{
			bench_single(100, metrics[i]);
			bench_single(784, metrics[i]);
		}
		return 0;
	}
	else if (stream || (argc == 2 && strcmp(argv[1], "cache") == 0))
	{
		for (i = 0; i < 4; i++)
		{
			bench_pages(QUANT_SQ8, metrics[i], 100, stream, i == 0);
			bench_pages(QUANT_SQ8, metrics[i], 784, stream, i == 0);
		}
		bench_pages(QUANT_NONE, DISTANCE_METRIC_L2, 100, stream, false);
		return 0;
	}
	fprintf(stderr, "usage: %s single | cache | stream | recheck FILE DIMS METRIC QUERIES\n", argv[0]);
	return 2;
}
