/*-------------------------------------------------------------------------
 *
 * bench_kernels.c
 *	  Nanoseconds per call of each distance kernel and variant, from L1, and of
 *	  the kernels over many codes from memory.
 *
 * Beside each kernel stands "plain": the one-accumulator loop that a compiler
 * makes of simple C, with clones for FMA and AVX-512 and with leave to reorder
 * float sums, without which it would not vectorise them at all.
 *
 * Build and run, from the top of the tree:
 *	  cc -O2 -g -Isrc test/bench/bench_kernels.c src/distance/[a-z]*.c -lm
 *	  ./a.out [float] [integer] [memory]
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "distance/distance.h"
#include "distance/distance_variants.h"

static const int bench_dims[] = {100, 128, 384, 768, 784, 1536};

#define BENCH_DIMS ((int) (sizeof(bench_dims) / sizeof(bench_dims[0])))
#define MAX_DIMS 1536
#define MAX_TABLES 8

/* ---- plain loops ---- */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define PLAIN \
	__attribute__((noinline, target_clones("default", "fma", "avx512f"), \
				   optimize("tree-vectorize", "associative-math", \
							"no-signed-zeros", "no-trapping-math", \
							"fp-contract=fast")))
#elif defined(__GNUC__) && !defined(__clang__)
#define PLAIN \
	__attribute__((noinline, \
				   optimize("tree-vectorize", "associative-math", \
							"no-signed-zeros", "no-trapping-math", \
							"fp-contract=fast")))
#else
#define PLAIN __attribute__((noinline))
#endif

PLAIN static float
plain_l2_squared_f32(int dims, const float *a, const float *b)
{
	float		sum = 0.0f;
	int			i;

	for (i = 0; i < dims; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	return sum;
}

PLAIN static float
plain_inner_product_f32(int dims, const float *a, const float *b)
{
	float		sum = 0.0f;
	int			i;

	for (i = 0; i < dims; i++)
		sum += a[i] * b[i];
	return sum;
}

PLAIN static float
plain_l1_f32(int dims, const float *a, const float *b)
{
	float		sum = 0.0f;
	int			i;

	for (i = 0; i < dims; i++)
		sum += fabsf(a[i] - b[i]);
	return sum;
}

PLAIN static void
plain_cosine_f32(int dims, const float *a, const float *b, DistanceCosineSums *sums)
{
	float		dot = 0.0f;
	float		norm_a = 0.0f;
	float		norm_b = 0.0f;
	int			i;

	for (i = 0; i < dims; i++)
	{
		dot += a[i] * b[i];
		norm_a += a[i] * a[i];
		norm_b += b[i] * b[i];
	}
	sums->dot = dot;
	sums->norm_a = norm_a;
	sums->norm_b = norm_b;
}

PLAIN static void
plain_dot_u8_s8x2(int dims, const uint8_t *code, const int8_t *hi,
				  const int8_t *lo, int32_t sums[2])
{
	int32_t		sum_hi = 0;
	int32_t		sum_lo = 0;
	int			i;

	for (i = 0; i < dims; i++)
	{
		sum_hi += code[i] * hi[i];
		sum_lo += code[i] * lo[i];
	}
	sums[0] = sum_hi;
	sums[1] = sum_lo;
}

PLAIN static int32_t
plain_dot_u8_s8(int dims, const uint8_t *code, const int8_t *limb)
{
	int32_t		sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		sum += code[i] * limb[i];
	return sum;
}

PLAIN static int32_t
plain_dot_u8_u8(int dims, const uint8_t *a, const uint8_t *b)
{
	int32_t		sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
plain_dot_u8_s8x2_many(int dims, const uint8_t *codes, size_t stride_bytes,
					   const uint8_t *behind, int count,
					   const int8_t *hi, const int8_t *lo, int32_t *out)
{
	int			i;

	(void) behind;

	for (i = 0; i < count; i++)
		plain_dot_u8_s8x2(dims, codes + (size_t) i * stride_bytes, hi, lo, out + 2 * i);
}

static void
plain_dot_u8_s8x2_list(int dims, const uint8_t *const *codes, int count,
					   const int8_t *hi, const int8_t *lo, int32_t *out)
{
	int			i;

	for (i = 0; i < count; i++)
		plain_dot_u8_s8x2(dims, codes[i], hi, lo, out + 2 * i);
}

static void
plain_dot_u8_u8_list(int dims, const uint8_t *code, const uint8_t *const *codes,
					 int count, int32_t *out)
{
	int			i;

	for (i = 0; i < count; i++)
		out[i] = plain_dot_u8_u8(dims, code, codes[i]);
}

static const DistanceKernels plain_kernels = {
	DISTANCE_VARIANT_SCALAR,
	"plain",
	plain_l2_squared_f32,
	plain_inner_product_f32,
	plain_l1_f32,
	plain_cosine_f32,
	plain_dot_u8_s8x2,
	plain_dot_u8_s8,
	plain_dot_u8_u8,
	plain_dot_u8_s8x2_many,
	plain_dot_u8_s8x2_list,
	plain_dot_u8_u8_list
};

/* ---- timing ---- */

static volatile float float_sink;
static volatile int32_t integer_sink;

static double
read_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

/* The best of several rounds of CALLS: what disturbs only adds. */
#define ROUNDS 15

#define TIME_CALLS(calls, call) \
do { \
	int			round_; \
	int			i_; \
	best = 1e30; \
	for (round_ = 0; round_ < ROUNDS; round_++) \
	{ \
		double		start_ = read_clock_ns(); \
		double		each_; \
		for (i_ = 0; i_ < (calls); i_++) \
		{ \
			call; \
		} \
		each_ = (read_clock_ns() - start_) / (calls); \
		if (each_ < best) \
			best = each_; \
	} \
} while (0)

enum
{
	TIME_L2,
	TIME_PRODUCT,
	TIME_L1,
	TIME_COSINE,
	TIME_U8_S8X2,
	TIME_U8_S8,
	TIME_U8_U8,
	TIME_MANY,
	TIME_LIST,
	TIME_U8_LIST,
	TIMES
};

static const char *const time_names[TIMES] = {
	"l2_squared_f32", "inner_product_f32", "l1_f32", "cosine_f32",
	"dot_u8_s8x2", "dot_u8_s8", "dot_u8_u8",
	"dot_u8_s8x2_many", "dot_u8_s8x2_list", "dot_u8_u8_list"
};

/* Codes in one call of the kernels that take several: a page's, or a node's links. */
#define GROUP_CODES 16

static uint8_t *arrays;			/* 64-byte aligned */

#define CALLS 20000

static double
time_kernel(const DistanceKernels *k, int what, int dims, int offset_bytes)
{
	const float *a = (const float *) (arrays + offset_bytes);
	const float *b = (const float *) (arrays + 8192 + offset_bytes);
	const uint8_t *codes = arrays + offset_bytes;
	size_t		stride = ((size_t) dims + 63) / 64 * 64;
	const int8_t *hi = (const int8_t *) arrays + 32768;
	const int8_t *lo = hi + 2048;
	const uint8_t *list[GROUP_CODES];
	int32_t		out[2 * GROUP_CODES];
	DistanceCosineSums sums;
	double		best = 0.0;
	int			i;

	for (i = 0; i < GROUP_CODES; i++)
		list[i] = codes + (size_t) i * stride;
	switch (what)
	{
		case TIME_L2:
			TIME_CALLS(CALLS, float_sink = k->l2_squared_f32(dims, a, b));
			break;
		case TIME_PRODUCT:
			TIME_CALLS(CALLS, float_sink = k->inner_product_f32(dims, a, b));
			break;
		case TIME_L1:
			TIME_CALLS(CALLS, float_sink = k->l1_f32(dims, a, b));
			break;
		case TIME_COSINE:
			TIME_CALLS(CALLS, k->cosine_f32(dims, a, b, &sums); float_sink = sums.dot);
			break;
		case TIME_U8_S8X2:
			TIME_CALLS(CALLS, k->dot_u8_s8x2(dims, codes, hi, lo, out); integer_sink = out[0]);
			break;
		case TIME_U8_S8:
			TIME_CALLS(CALLS, integer_sink = k->dot_u8_s8(dims, codes, hi));
			break;
		case TIME_U8_U8:
			TIME_CALLS(CALLS, integer_sink = k->dot_u8_u8(dims, codes, codes + stride));
			break;
		case TIME_MANY:
			TIME_CALLS(CALLS / GROUP_CODES,
					   k->dot_u8_s8x2_many(dims, codes, stride, NULL, GROUP_CODES, hi, lo, out);
					   integer_sink = out[0]);
			best /= GROUP_CODES;
			break;
		case TIME_LIST:
			TIME_CALLS(CALLS / GROUP_CODES,
					   k->dot_u8_s8x2_list(dims, list, GROUP_CODES, hi, lo, out);
					   integer_sink = out[0]);
			best /= GROUP_CODES;
			break;
		case TIME_U8_LIST:
			TIME_CALLS(CALLS / GROUP_CODES,
					   k->dot_u8_u8_list(dims, codes, list, GROUP_CODES, out);
					   integer_sink = out[0]);
			best /= GROUP_CODES;
			break;
	}
	return best;
}

static void
print_times(const DistanceKernels *const *tables, int table_count,
			int first, int last, int offset_bytes)
{
	int			what;
	int			t;
	int			d;

	for (what = first; what <= last; what++)
	{
		double		plain[BENCH_DIMS];

		printf("%-20s", time_names[what]);
		for (d = 0; d < BENCH_DIMS; d++)
			printf("%14d", bench_dims[d]);
		printf("\n");
		for (t = 0; t < table_count; t++)
		{
			printf("  %-18s", tables[t]->name);
			for (d = 0; d < BENCH_DIMS; d++)
			{
				double		ns = time_kernel(tables[t], what, bench_dims[d], offset_bytes);

				if (t == 0)
					plain[d] = ns;
				printf("%8.1f %4.1fx", ns, plain[d] / ns);
			}
			printf("\n");
		}
	}
}

/* ---- from memory ---- */

#define MEMORY_BYTES ((size_t) 512 << 20)

/* The yardstick: read all of it in order, and nothing else. */
PLAIN static uint64_t
sum_words(const uint64_t *words, size_t count)
{
	uint64_t	sum = 0;
	size_t		i;

	for (i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

static void
print_memory(const DistanceKernels *const *tables, int table_count)
{
	static const int some_dims[] = {100, 784, 1536};
	uint8_t    *codes = aligned_alloc(64, MEMORY_BYTES);
	const int8_t *hi = (const int8_t *) arrays;
	const int8_t *lo = hi + 2048;
	int			round;
	int			d;
	int			t;

	if (codes == NULL)
	{
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	memset(codes, 99, MEMORY_BYTES);
	printf("in order: the codes of a page in each call, and the share of the speed of just\n"
		   "reading; at random: %d codes in each call, or one\n", GROUP_CODES);
	for (d = 0; d < (int) (sizeof(some_dims) / sizeof(some_dims[0])); d++)
	{
		int			dims = some_dims[d];
		size_t		stride = ((size_t) dims + 28 + 63) / 64 * 64;
		int			total = (int) (MEMORY_BYTES / stride);
		int			page_codes = (int) (8000 / stride);
		int32_t		out[2 * 64];

		for (t = 0; t < table_count; t++)
		{
			double		best_read = 1e30;
			double		best_order = 1e30;
			double		best_list = 1e30;
			double		best_single = 1e30;

			for (round = 0; round < 3; round++)
			{
				uint32_t	at = 1;
				double		start;
				double		ns;
				int			i;
				int			j;

				/* beside what it is compared with: other load comes and goes */
				start = read_clock_ns();
				integer_sink = (int32_t) sum_words((const uint64_t *) codes, MEMORY_BYTES / 8);
				ns = read_clock_ns() - start;
				if (ns < best_read)
					best_read = ns;

				start = read_clock_ns();
				for (i = 0; i + page_codes <= total; i += page_codes)
				{
					tables[t]->dot_u8_s8x2_many(dims, codes + (size_t) i * stride, stride,
												codes + (size_t) (i + page_codes) * stride, page_codes, hi, lo, out);
					integer_sink = out[0];
				}
				ns = (read_clock_ns() - start) / i;
				if (ns < best_order)
					best_order = ns;

				start = read_clock_ns();
				for (i = 0; i < 200000; i += GROUP_CODES)
				{
					const uint8_t *list[GROUP_CODES];

					for (j = 0; j < GROUP_CODES; j++)
					{
						at = at * 1664525 + 1013904223;
						list[j] = codes +
							(size_t) (((uint64_t) at * (uint64_t) total) >> 32) * stride;
					}
					tables[t]->dot_u8_s8x2_list(dims, list, GROUP_CODES, hi, lo, out);
					integer_sink = out[0];
				}
				ns = (read_clock_ns() - start) / i;
				if (ns < best_list)
					best_list = ns;

				start = read_clock_ns();
				for (i = 0; i < 200000; i++)
				{
					const uint8_t *code;

					at = at * 1664525 + 1013904223;
					code = codes + (size_t) (((uint64_t) at * (uint64_t) total) >> 32) * stride;
					tables[t]->dot_u8_s8x2(dims, code, hi, lo, out);
					integer_sink = out[0];
				}
				ns = (read_clock_ns() - start) / i;
				if (ns < best_single)
					best_single = ns;
			}
			printf("  %4d dims, %-12s  in order: %6.1f ns a code, %5.1f of %4.1f GB/s = %3.0f %%"
				   "   at random: %6.1f ns a code, one by one %6.1f\n",
				   dims, tables[t]->name, best_order, (double) stride / best_order,
				   (double) MEMORY_BYTES / best_read,
				   100.0 * (double) stride / best_order * best_read / (double) MEMORY_BYTES,
				   best_list, best_single);
		}
	}
	free(codes);
}

int
main(int argc, char **argv)
{
	const DistanceKernels *tables[MAX_TABLES];
	int			table_count = 0;
	uint32_t	features;
	bool		want_float = argc < 2;
	bool		want_integer = argc < 2;
	bool		want_memory = argc < 2;
	int			i;

	for (i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "float") == 0)
			want_float = true;
		else if (strcmp(argv[i], "integer") == 0)
			want_integer = true;
		else if (strcmp(argv[i], "memory") == 0)
			want_memory = true;
		else
		{
			fprintf(stderr, "usage: %s [float] [integer] [memory]\n", argv[0]);
			return 2;
		}
	}

	/* float arrays, or GROUP_CODES codes; then the limbs */
	arrays = aligned_alloc(4096, 65536);
	if (arrays == NULL)
	{
		fprintf(stderr, "out of memory\n");
		return 2;
	}
	for (i = 0; i < 8192 / 4; i++)
	{
		((float *) arrays)[i] = (float) (i % 97) / 97.0f;
		((float *) arrays)[i + 2048] = (float) (i % 89) / 89.0f;
	}
	for (i = 16384; i < 65536; i++)
		arrays[i] = (uint8_t) (i * 37);

	tables[table_count++] = &plain_kernels;
	for (features = 0; features < UINT32_C(1) << DISTANCE_FEATURE_BITS; features++)
	{
		const DistanceKernels *k = vx_distance_find_kernels(features);

		for (i = 0; i < table_count && k != NULL; i++)
		{
			if (tables[i] == k)
				k = NULL;
		}
		if (k != NULL && table_count < MAX_TABLES)
			tables[table_count++] = k;
	}

	if (want_float)
	{
		printf("\nns per call, and how many times faster than plain; 64-byte aligned\n");
		print_times(tables, table_count, TIME_L2, TIME_COSINE, 0);
		printf("\nns per call, 8 bytes off, as vectors in heap tuples are\n");
		print_times(tables, table_count, TIME_L2, TIME_COSINE, 8);
	}
	if (want_integer)
	{
		printf("\nns per code, and how many times faster than plain; 64-byte aligned\n");
		print_times(tables, table_count, TIME_U8_S8X2, TIME_U8_LIST, 0);
		printf("\nns per code, codes 28 bytes off\n");
		print_times(tables, table_count, TIME_U8_S8X2, TIME_U8_LIST, 28);
	}
	if (want_memory)
	{
		printf("\nfrom memory\n");
		print_memory(tables, table_count);
	}
	free(arrays);
	return 0;
}
