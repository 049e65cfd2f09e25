/*-------------------------------------------------------------------------
 *
 * test_distance.c
 *	  Unit test of src/distance, without a server: prints TAP.
 *
 * Every set of kernels that some subset of this CPU's features selects is held
 * against a reference: integer sums must be equal, float sums within the bound
 * that src/distance/README.md derives.  Arrays lie flush against unreadable
 * pages, so that a read or write outside them ends the program before it has
 * printed its plan.
 *
 * Build and run, from the top of the tree:
 *	  cc -O1 -g -Isrc test/unit/test_distance.c src/distance/[a-z]*.c -lm
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "distance/distance.h"
#include "distance/distance_variants.h"

#define MAX_DIMS 16000
#define SHORT_DIMS 67			/* every length up to here is tested */

static const int long_dims[] = {
	96, 100, 127, 128, 300, 512, 768, 784, 1000, 1536, 8000, 16000
};

#define LENGTHS (SHORT_DIMS + 1 + (int) (sizeof(long_dims) / sizeof(long_dims[0])))

static int
length_at(int i)
{
	return i <= SHORT_DIMS ? i : long_dims[i - SHORT_DIMS - 1];
}

/* ---- TAP ---- */

static int	tests_run = 0;
static int	tests_failed = 0;
static int	faults = 0;			/* in the test at work */

static void
fault(const char *format,...)
{
	va_list		args;

	if (++faults > 5)
		return;
	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* Ends the test at work. */
static void
report(const char *kernels, const char *what)
{
	tests_run++;
	if (faults > 0)
	{
		tests_failed++;
		printf("# %d faults\n", faults);
	}
	printf("%sok %d - %s: %s\n", faults > 0 ? "not " : "", tests_run, kernels, what);
	faults = 0;
}

/* ---- guarded memory ---- */

typedef struct Arena
{
	char	   *start;			/* preceded by an unreadable page */
	char	   *end;			/* followed by one */
} Arena;

static Arena arena_a;
static Arena arena_b;
static Arena arena_c;
static Arena arena_out;

static void
make_arena(Arena *arena, size_t bytes)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);
	size_t		inside = (bytes + page - 1) / page * page;
	char	   *p;

	p = mmap(NULL, inside + 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED ||
		mprotect(p, page, PROT_NONE) != 0 ||
		mprotect(p + page + inside, page, PROT_NONE) != 0)
	{
		perror("guarded memory");
		exit(2);
	}
	arena->start = p + page;
	arena->end = p + page + inside;
}

/*
 * Where an array can lie: 0 to 3 elements after the first page's start, or
 * its end at the last page's end.
 */
#define PLACES 5

static void *
place_array(const Arena *arena, int place, size_t element_bytes, size_t count)
{
	if (place == PLACES - 1)
		return arena->end - element_bytes * count;
	return arena->start + (size_t) place * element_bytes;
}

static void *
place_copy(const Arena *arena, int place, const void *from,
		   size_t element_bytes, size_t count)
{
	void	   *to = place_array(arena, place, element_bytes, count);

	memcpy(to, from, element_bytes * count);
	return to;
}

/* ---- random numbers, the same in every run ---- */

static uint64_t random_state = 42;

static uint32_t
random_bits(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (random_state >> 32);
}

static float
random_float(float low, float high)
{
	return low + (high - low) * (float) (random_bits() >> 8) / 16777216.0f;
}

/* ---- float kernels ---- */

typedef enum FloatData
{
	DATA_UNIFORM,
	DATA_ONE_SIGN,
	DATA_WIDE,					/* magnitudes from 2^-20 to 2^20 */
	DATA_NEAR,					/* b is a, almost */
	DATA_SMALL_INTEGERS,		/* all sums are exact */
	DATA_LOSING,				/* squares and products of half an ulp of the
								 * sums that they are added to */
	DATA_KINDS
} FloatData;

static void
make_floats(FloatData kind, int dims, float *a, float *b)
{
	/* as many large terms as some variant has partial sums */
	static const int widths[] = {1, 4, 8, 16, 24, 32, 64};
	int			width = widths[random_bits() % 7];
	bool		alike = random_bits() % 2 == 0;
	int			i;

	for (i = 0; i < dims; i++)
	{
		switch (kind)
		{
			case DATA_LOSING:
				a[i] = i < width ? 1.0f : ldexpf(1.0f, -12);
				b[i] = alike ? a[i] : 0.0f;
				break;
			case DATA_ONE_SIGN:
				a[i] = random_float(0.0f, 1.0f);
				b[i] = random_float(0.0f, 1.0f);
				break;
			case DATA_WIDE:
				a[i] = ldexpf(random_float(-1.0f, 1.0f), (int) (random_bits() % 41) - 20);
				b[i] = ldexpf(random_float(-1.0f, 1.0f), (int) (random_bits() % 41) - 20);
				break;
			case DATA_NEAR:
				a[i] = random_float(-1.0f, 1.0f);
				b[i] = a[i] + random_float(-1e-6f, 1e-6f);
				break;
			case DATA_SMALL_INTEGERS:
				a[i] = (float) ((int) (random_bits() % 31) - 15);
				b[i] = (float) ((int) (random_bits() % 31) - 15);
				break;
			default:
				a[i] = random_float(-1.0f, 1.0f);
				b[i] = random_float(-1.0f, 1.0f);
				break;
		}
	}
}

enum
{
	SUM_L2,
	SUM_PRODUCT,
	SUM_L1,
	SUM_DOT,
	SUM_NORM_A,
	SUM_NORM_B,
	SUMS
};

static const char *const sum_names[SUMS] = {
	"l2_squared_f32", "inner_product_f32", "l1_f32",
	"cosine_f32 dot", "cosine_f32 norm_a", "cosine_f32 norm_b"
};

static void
run_float_kernels(const DistanceKernels *k, int dims, const float *a,
				  const float *b, float got[SUMS])
{
	DistanceCosineSums sums;

	got[SUM_L2] = k->l2_squared_f32(dims, a, b);
	got[SUM_PRODUCT] = k->inner_product_f32(dims, a, b);
	got[SUM_L1] = k->l1_f32(dims, a, b);
	k->cosine_f32(dims, a, b, &sums);
	got[SUM_DOT] = sums.dot;
	got[SUM_NORM_A] = sums.norm_a;
	got[SUM_NORM_B] = sums.norm_b;
}

/* In double: the sums and the sums of the terms' magnitudes. */
static void
run_float_reference(int dims, const float *a, const float *b,
					double exact[SUMS], double magnitude[SUMS])
{
	int			i;

	for (i = 0; i < SUMS; i++)
		exact[i] = magnitude[i] = 0.0;
	for (i = 0; i < dims; i++)
	{
		double		x = a[i];
		double		y = b[i];
		double		d = x - y;

		exact[SUM_L2] += d * d;
		exact[SUM_PRODUCT] += x * y;
		magnitude[SUM_PRODUCT] += fabs(x * y);
		exact[SUM_L1] += fabs(d);
		exact[SUM_NORM_A] += x * x;
		exact[SUM_NORM_B] += y * y;
	}
	exact[SUM_DOT] = exact[SUM_PRODUCT];
	magnitude[SUM_DOT] = magnitude[SUM_PRODUCT];
	magnitude[SUM_L2] = exact[SUM_L2];
	magnitude[SUM_L1] = exact[SUM_L1];
	magnitude[SUM_NORM_A] = exact[SUM_NORM_A];
	magnitude[SUM_NORM_B] = exact[SUM_NORM_B];
}

/* The bound of src/distance/README.md, and the reference's own error. */
static double
float_bound(int dims, double magnitude)
{
	double		u = ldexp(1.0, -24);
	double		n = DISTANCE_SUM_DEPTH(dims) + 2;

	return n * u / (1.0 - n * u) * magnitude + dims * ldexp(1.0, -149) +
		(dims + 2) * ldexp(1.0, -52) * magnitude;
}

static float floats_a[MAX_DIMS];
static float floats_b[MAX_DIMS];

static void
test_float_bound(const DistanceKernels *k)
{
	int			length;
	int			kind;
	int			place;
	int			i;

	for (length = 0; length < LENGTHS; length++)
	{
		int			dims = length_at(length);

		for (kind = 0; kind < DATA_KINDS; kind++)
		{
			double		exact[SUMS];
			double		magnitude[SUMS];

			make_floats((FloatData) kind, dims, floats_a, floats_b);
			run_float_reference(dims, floats_a, floats_b, exact, magnitude);
			for (place = 0; place < PLACES; place++)
			{
				const float *a = place_copy(&arena_a, place, floats_a, sizeof(float),
											(size_t) dims);
				const float *b = place_copy(&arena_b, PLACES - 1 - place, floats_b, sizeof(float),
											(size_t) dims);
				float		got[SUMS];

				run_float_kernels(k, dims, a, b, got);
				for (i = 0; i < SUMS; i++)
				{
					double		bound = kind == DATA_SMALL_INTEGERS ?
						0.0 : float_bound(dims, magnitude[i]);

					if (!(fabs((double) got[i] - exact[i]) <= bound))
						fault("%s, %d dims, data %d, place %d: %.9g instead of %.9g, bound %.3g",
							  sum_names[i], dims, kind, place, got[i], exact[i], bound);
				}
			}
		}
	}
	report(k->name, "float sums are within the bound");
}

static void
test_float_same_bits(const DistanceKernels *k)
{
	int			length;
	int			place;
	int			i;

	for (length = 0; length < LENGTHS; length++)
	{
		int			dims = length_at(length);
		float		first[SUMS];

		make_floats(DATA_UNIFORM, dims, floats_a, floats_b);
		for (place = 0; place < PLACES; place++)
		{
			const float *a = place_copy(&arena_a, place, floats_a, sizeof(float), (size_t) dims);
			const float *b = place_copy(&arena_b, (place + 2) % PLACES, floats_b, sizeof(float),
										(size_t) dims);
			float		got[SUMS];
			float		swapped[SUMS];

			run_float_kernels(k, dims, a, b, got);
			run_float_kernels(k, dims, b, a, swapped);
			if (place == 0)
				memcpy(first, got, sizeof(first));
			for (i = 0; i < SUMS; i++)
			{
				int			other = i == SUM_NORM_A ? SUM_NORM_B : i == SUM_NORM_B ? SUM_NORM_A : i;

				if (memcmp(&got[i], &first[i], sizeof(float)) != 0)
					fault("%s, %d dims: %.9g at place %d, %.9g at place 0",
						  sum_names[i], dims, got[i], place, first[i]);
				if (memcmp(&got[i], &swapped[other], sizeof(float)) != 0)
					fault("%s, %d dims: %.9g, but %.9g with a and b swapped",
						  sum_names[i], dims, got[i], swapped[other]);
			}
			if (k->l2_squared_f32(dims, a, a) != 0.0f || k->l1_f32(dims, a, a) != 0.0f)
				fault("%d dims: a vector is not at distance 0 of itself", dims);
		}
	}
	report(k->name, "float sums depend on the values alone");
}

/* NaN equals NaN here, and 0 equals -0. */
static void
expect_float(const char *what, int dims, int at, float got, float wanted)
{
	if (isnan(wanted) ? !isnan(got) : got != wanted)
		fault("%s, %d dims, at %d: %g instead of %g", what, dims, at, got, wanted);
}

static void
test_float_special(const DistanceKernels *k)
{
	int			length;
	int			at;
	int			i;

	/* up to and including 300 dims: every loop of every variant is entered */
	for (length = 1; length < LENGTHS && length_at(length) <= 300; length++)
	{
		int			dims = length_at(length);
		float	   *a = place_array(&arena_a, PLACES - 1, sizeof(float), (size_t) dims);
		float	   *b = place_array(&arena_b, PLACES - 1, sizeof(float), (size_t) dims);
		float		got[SUMS];
		float		sum;

		for (i = 0; i < dims; i++)
		{
			a[i] = random_float(0.5f, 1.0f);
			b[i] = random_float(1.5f, 2.0f);
		}
		for (at = 0; at < dims; at++)
		{
			float		a_was = a[at];
			float		b_was = b[at];

			a[at] = NAN;
			run_float_kernels(k, dims, a, b, got);
			for (i = 0; i < SUMS; i++)
			{
				if (i == SUM_NORM_B ? !isfinite(got[i]) : !isnan(got[i]))
					fault("%s, %d dims, NaN in a at %d: %g", sum_names[i], dims, at, got[i]);
			}

			a[at] = -INFINITY;
			run_float_kernels(k, dims, a, b, got);
			expect_float("l2 of -inf", dims, at, got[SUM_L2], INFINITY);
			expect_float("l1 of -inf", dims, at, got[SUM_L1], INFINITY);
			expect_float("product with -inf", dims, at, got[SUM_PRODUCT], -INFINITY);
			expect_float("dot with -inf", dims, at, got[SUM_DOT], -INFINITY);
			expect_float("norm of -inf", dims, at, got[SUM_NORM_A], INFINITY);
			if (!isfinite(got[SUM_NORM_B]))
				fault("norm_b, %d dims, -inf in a at %d: %g", dims, at, got[SUM_NORM_B]);

			b[at] = -INFINITY;
			run_float_kernels(k, dims, a, b, got);
			expect_float("l2 of -inf and -inf", dims, at, got[SUM_L2], NAN);
			expect_float("l1 of -inf and -inf", dims, at, got[SUM_L1], NAN);
			expect_float("product of -inf and -inf", dims, at, got[SUM_PRODUCT], INFINITY);

			b[at] = 0.0f;
			run_float_kernels(k, dims, a, b, got);
			expect_float("product of -inf and 0", dims, at, got[SUM_PRODUCT], NAN);
			expect_float("dot of -inf and 0", dims, at, got[SUM_DOT], NAN);

			/* one term overflows */
			a[at] = 3e38f;
			b[at] = -3e38f;
			run_float_kernels(k, dims, a, b, got);
			expect_float("l2 overflow", dims, at, got[SUM_L2], INFINITY);
			expect_float("l1 overflow", dims, at, got[SUM_L1], INFINITY);
			expect_float("product overflow", dims, at, got[SUM_PRODUCT], -INFINITY);
			expect_float("norm_a overflow", dims, at, got[SUM_NORM_A], INFINITY);
			expect_float("norm_b overflow", dims, at, got[SUM_NORM_B], INFINITY);
			a[at] = a_was;
			b[at] = b_was;
		}

		/* no term overflows, the sum does: each is 1/(dims - 1) of the range */
		if (dims > 1)
		{
			for (i = 0; i < dims; i++)
			{
				a[i] = sqrtf(FLT_MAX / (float) (dims - 1)) * 1.0001f;
				b[i] = a[i];
			}
			run_float_kernels(k, dims, a, b, got);
			expect_float("product sum overflow", dims, -1, got[SUM_PRODUCT], INFINITY);
			expect_float("norm_a sum overflow", dims, -1, got[SUM_NORM_A], INFINITY);
			for (i = 0; i < dims; i++)
				b[i] = 0.0f;
			run_float_kernels(k, dims, a, b, got);
			expect_float("l2 sum overflow", dims, -1, got[SUM_L2], INFINITY);
			for (i = 0; i < dims; i++)
				a[i] = FLT_MAX / (float) (dims - 1) * 1.0001f;
			run_float_kernels(k, dims, a, b, got);
			expect_float("l1 sum overflow", dims, -1, got[SUM_L1], INFINITY);
		}

		/* denormals count: small multiples of the smallest float */
		sum = 0.0f;
		for (i = 0; i < dims; i++)
		{
			a[i] = ldexpf((float) (random_bits() % 256), -149);
			b[i] = ldexpf(1.0f, 100);
			sum += a[i];
		}
		run_float_kernels(k, dims, a, b, got);
		expect_float("product with denormals", dims, -1, got[SUM_PRODUCT], ldexpf(sum, 100));
		expect_float("dot with denormals", dims, -1, got[SUM_DOT], ldexpf(sum, 100));
		for (i = 0; i < dims; i++)
			b[i] = 0.0f;
		run_float_kernels(k, dims, a, b, got);
		expect_float("l1 of denormals", dims, -1, got[SUM_L1], sum);
		expect_float("l2 of denormals", dims, -1, got[SUM_L2], 0.0f);
		expect_float("norm of denormals", dims, -1, got[SUM_NORM_A], 0.0f);

		/* -0 is 0 */
		for (i = 0; i < dims; i++)
			a[i] = -0.0f;
		run_float_kernels(k, dims, a, b, got);
		for (i = 0; i < SUMS; i++)
			expect_float("-0", dims, -1, got[i], 0.0f);
		if (signbit(got[SUM_L2]) || signbit(got[SUM_L1]))
			fault("a distance of -0, %d dims", dims);
	}
	report(k->name, "float sums of special values");
}

/* ---- integer kernels ---- */

static uint8_t bytes_a[MAX_DIMS];
static uint8_t bytes_b[MAX_DIMS];
static uint8_t bytes_c[MAX_DIMS];

/*
 * What the bytes are: random, or all the same at the ends of their ranges,
 * where saturation and wrap-around would show.
 */
static const int byte_fills[][3] = {
	{-1, -1, -1},
	{255, 127, 128},
	{255, 128, 127},
	{255, 255, 255},
	{128, 128, 127},
	{127, 128, 128},
	{0, 128, 127},
	{255, -1, -1},
	{-1, 128, 127}
};

#define BYTE_FILLS ((int) (sizeof(byte_fills) / sizeof(byte_fills[0])))

static void
make_bytes(int fill, int dims, uint8_t *to)
{
	int			i;

	for (i = 0; i < dims; i++)
		to[i] = (uint8_t) (fill < 0 ? (int) (random_bits() & 255) : fill);
}

static int32_t
reference_u8_s8(int dims, const uint8_t *code, const int8_t *limb)
{
	int64_t		sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		sum += (int64_t) code[i] * limb[i];
	return (int32_t) sum;
}

static int32_t
reference_u8_u8(int dims, const uint8_t *a, const uint8_t *b)
{
	int64_t		sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		sum += (int64_t) a[i] * b[i];
	return (int32_t) sum;
}

static void
test_integer_single(const DistanceKernels *k)
{
	int			length;
	int			fill;
	int			place;

	for (length = 0; length < LENGTHS; length++)
	{
		int			dims = length_at(length);

		for (fill = 0; fill < BYTE_FILLS; fill++)
		{
			int32_t		want_hi;
			int32_t		want_lo;
			int32_t		want_u8;

			make_bytes(byte_fills[fill][0], dims, bytes_a);
			make_bytes(byte_fills[fill][1], dims, bytes_b);
			make_bytes(byte_fills[fill][2], dims, bytes_c);
			want_hi = reference_u8_s8(dims, bytes_a, (const int8_t *) bytes_b);
			want_lo = reference_u8_s8(dims, bytes_a, (const int8_t *) bytes_c);
			want_u8 = reference_u8_u8(dims, bytes_a, bytes_b);
			for (place = 0; place < PLACES; place++)
			{
				const uint8_t *a = place_copy(&arena_a, place, bytes_a, 1, (size_t) dims);
				const uint8_t *b = place_copy(&arena_b, PLACES - 1 - place, bytes_b, 1,
											  (size_t) dims);
				const uint8_t *c = place_copy(&arena_c, (place + 3) % PLACES, bytes_c, 1,
											  (size_t) dims);
				int32_t    *sums = place_array(&arena_out, place, sizeof(int32_t), 2);
				int32_t		sum;

				sums[0] = sums[1] = 1;
				k->dot_u8_s8x2(dims, a, (const int8_t *) b, (const int8_t *) c, sums);
				if (sums[0] != want_hi || sums[1] != want_lo)
					fault("dot_u8_s8x2, %d dims, fill %d, place %d: %d, %d instead of %d, %d",
						  dims, fill, place, sums[0], sums[1], want_hi, want_lo);
				sum = k->dot_u8_s8(dims, a, (const int8_t *) b);
				if (sum != want_hi)
					fault("dot_u8_s8, %d dims, fill %d, place %d: %d instead of %d",
						  dims, fill, place, sum, want_hi);
				sum = k->dot_u8_u8(dims, a, b);
				if (sum != want_u8)
					fault("dot_u8_u8, %d dims, fill %d, place %d: %d instead of %d",
						  dims, fill, place, sum, want_u8);
			}
		}
	}
	report(k->name, "integer sums of one code are equal");
}

#define MAX_CODES 37
#define MANY_BYTES (MAX_CODES * 1700)

static void
test_integer_several(const DistanceKernels *k)
{
	static const int some_dims[] = {
		0, 1, 3, 16, 31, 32, 33, 47, 63, 64, 65, 96, 100, 127, 128, 129, 191,
		200, 300, 512, 784, 1000, 1536
	};
	static const int paddings[] = {0, 1, 28, 67};
	int32_t		want_pairs[2 * MAX_CODES];
	int32_t		want_sums[MAX_CODES];
	const uint8_t *list[MAX_CODES];
	size_t		d;
	size_t		p;
	int			count;
	int			i;

	for (d = 0; d < sizeof(some_dims) / sizeof(some_dims[0]); d++)
	{
		int			dims = some_dims[d];

		for (p = 0; p < sizeof(paddings) / sizeof(paddings[0]); p++)
		{
			size_t		stride = (size_t) (dims + paddings[p]);

			for (count = 0; count <= MAX_CODES; count += count < 10 ? 1 : 9)
			{
				/* the last code, without its padding, ends at the guard */
				size_t		used = count == 0 ? 0 : (size_t) (count - 1) * stride + (size_t) dims;
				uint8_t    *codes = place_array(&arena_a, PLACES - 1, 1, used);
				const int8_t *hi;
				const int8_t *lo;
				const uint8_t *code;
				const uint8_t *behind;
				int32_t    *pairs = place_array(&arena_out, PLACES - 1, sizeof(int32_t),
												2 * (size_t) count);
				int32_t    *sums = place_array(&arena_out, PLACES - 1, sizeof(int32_t),
											   (size_t) count);
				int			fill = (int) (random_bits() % 4) == 0 ? 255 : -1;
				size_t		byte;

				for (byte = 0; byte < used; byte++)
					codes[byte] = (uint8_t) (fill < 0 ? (int) (random_bits() & 255) : fill);
				make_bytes(fill < 0 ? -1 : 128, dims, bytes_b);
				make_bytes(-1, dims, bytes_c);
				hi = place_copy(&arena_b, PLACES - 1, bytes_b, 1, (size_t) dims);
				lo = place_copy(&arena_c, PLACES - 1, bytes_c, 1, (size_t) dims);
				code = (const uint8_t *) lo;
				for (i = 0; i < count; i++)
				{
					list[i] = codes + (size_t) i * stride;
					want_pairs[2 * i] = reference_u8_s8(dims, list[i], hi);
					want_pairs[2 * i + 1] = reference_u8_s8(dims, list[i], lo);
				}

				/* a word before out must stay as it is */
				pairs[-1] = 12345;
				memset(pairs, 0x55, 2 * (size_t) count * sizeof(int32_t));

				/*
				 * what is asked for ahead is not read: there is nothing
				 * behind the guard
				 */
				behind = random_bits() % 2 == 0 ? NULL : codes + used;
				k->dot_u8_s8x2_many(dims, codes, stride, behind, count, hi, lo, pairs);
				if (memcmp(pairs, want_pairs, 2 * (size_t) count * sizeof(int32_t)) != 0 ||
					pairs[-1] != 12345)
					fault("dot_u8_s8x2_many, %d dims, %d codes, stride %zu", dims, count, stride);

				/* the list need not be in order, and may repeat itself */
				for (i = 0; i < count; i++)
				{
					int			from = (int) (random_bits() % (uint32_t) count);

					list[i] = codes + (size_t) from * stride;
				}
				for (i = 0; i < count; i++)
				{
					want_pairs[2 * i] = reference_u8_s8(dims, list[i], hi);
					want_pairs[2 * i + 1] = reference_u8_s8(dims, list[i], lo);
					want_sums[i] = reference_u8_u8(dims, code, list[i]);
				}
				memset(pairs, 0x55, 2 * (size_t) count * sizeof(int32_t));
				k->dot_u8_s8x2_list(dims, list, count, hi, lo, pairs);
				if (memcmp(pairs, want_pairs, 2 * (size_t) count * sizeof(int32_t)) != 0 ||
					pairs[-1] != 12345)
					fault("dot_u8_s8x2_list, %d dims, %d codes", dims, count);

				sums[-1] = 54321;
				memset(sums, 0x55, (size_t) count * sizeof(int32_t));
				k->dot_u8_u8_list(dims, code, list, count, sums);
				if (memcmp(sums, want_sums, (size_t) count * sizeof(int32_t)) != 0 ||
					sums[-1] != 54321)
					fault("dot_u8_u8_list, %d dims, %d codes", dims, count);
			}
		}
	}
	report(k->name, "integer sums of several codes are equal");
}

/* ---- the choice ---- */

/* What each set of features should select, written down a second time. */
static const char *
expected_name(uint32_t features)
{
#define HAS(f) ((features & DISTANCE_FEATURE_##f) != 0)
	if (HAS(AVX2) && HAS(AVX_VNNI))
		return "avx2-vnni";
	if (HAS(AVX512))
		return HAS(AVX512_VNNI) ? "avx512-vnni" : "avx512";
	if (HAS(AVX2))
		return "avx2";
	if (HAS(NEON))
		return !HAS(DOTPROD) ? "neon" : HAS(I8MM) ? "neon-i8mm" : "neon-dotprod";
	return "scalar";
#undef HAS
}

static const DistanceVariant all_variants[] = {
	DISTANCE_VARIANT_AUTO, DISTANCE_VARIANT_SCALAR, DISTANCE_VARIANT_AVX2,
	DISTANCE_VARIANT_AVX512, DISTANCE_VARIANT_NEON
};

static void
test_choice(uint32_t cpu)
{
	uint32_t	features;
	size_t		i;
	int			refused = 0;

	for (features = 0; features < UINT32_C(1) << DISTANCE_FEATURE_BITS; features++)
	{
		const DistanceKernels *k = vx_distance_find_kernels(features);

		if ((features & ~cpu) != 0)
		{
			refused++;
			if (k != NULL)
				fault("features 0x%x selected %s on a CPU with 0x%x", features, k->name, cpu);
		}
		else if (k == NULL || strcmp(k->name, expected_name(features)) != 0)
			fault("features 0x%x selected %s, not %s", features,
				  k == NULL ? "nothing" : k->name, expected_name(features));
	}
	/* x86 features and NEON never meet in one CPU */
	if (refused == 0)
		fault("no set of features was refused");
	report("choice", "each set of features selects its kernels");

	for (i = 0; i < sizeof(all_variants) / sizeof(all_variants[0]); i++)
	{
		DistanceVariant variant = all_variants[i];
		const DistanceKernels *k = vx_distance_variant(variant);

		if (vx_distance_variant_supported(variant) != (k != NULL))
			fault("variant %d: supported or not?", (int) variant);
		if (k != NULL && variant != DISTANCE_VARIANT_AUTO && k->variant != variant)
			fault("asked for variant %d, got %s", (int) variant, k->name);
		vx_distance_choose(variant);
		if (vx_distance != (k != NULL ? k : vx_distance_find_kernels(cpu)))
			fault("chose variant %d, got %s", (int) variant, vx_distance->name);
	}
	if (vx_distance_variant(DISTANCE_VARIANT_SCALAR) != &vx_distance_scalar)
		fault("the scalar variant is not the scalar kernels");
	if (vx_distance_variant(DISTANCE_VARIANT_AUTO) != vx_distance_find_kernels(cpu))
		fault("AUTO does not use all features");
	if (vx_distance_variant_supported(DISTANCE_VARIANT_NEON) &&
		vx_distance_variant_supported(DISTANCE_VARIANT_AVX2))
		fault("both NEON and AVX2 are supported");
	report("choice", "each variant can be chosen, or falls back to the widest");
}

/* True if the line holds the word between spaces. */
static bool
has_word(const char *line, const char *word)
{
	size_t		length = strlen(word);
	const char *at = line;

	while ((at = strstr(at, word)) != NULL)
	{
		if (at > line && strchr(" \t", at[-1]) != NULL &&
			strchr(" \t\n", at[length]) != NULL)
			return true;
		at += length;
	}
	return false;
}

/*
 * What the kernel lists must have been found.  The other way round is no
 * error: older kernels do not list everything.
 */
static void
test_detection(uint32_t cpu)
{
	static const struct
	{
		const char *line;
		const char *words[5];
		uint32_t	feature;
	}			listed[] = {
#if defined(VX_DISTANCE_X86)
		{"flags", {"avx2", "fma"}, DISTANCE_FEATURE_AVX2},
		{"flags", {"avx512f", "avx512bw", "avx512dq", "avx512vl"}, DISTANCE_FEATURE_AVX512},
		{"flags", {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"},
		DISTANCE_FEATURE_AVX512_VNNI},
#ifdef VX_DISTANCE_AVX_VNNI
		{"flags", {"avx2", "fma", "avx_vnni"}, DISTANCE_FEATURE_AVX_VNNI},
#endif
#elif defined(VX_DISTANCE_NEON)
		{"Features", {"asimd"}, DISTANCE_FEATURE_NEON},
#ifdef VX_DISTANCE_DOTPROD
		{"Features", {"asimddp"}, DISTANCE_FEATURE_DOTPROD},
#endif
#ifdef VX_DISTANCE_I8MM
		{"Features", {"i8mm"}, DISTANCE_FEATURE_I8MM},
#endif
#else
		{"", {NULL}, 0},
#endif
	};
	FILE	   *file = fopen("/proc/cpuinfo", "r");
	static char line[65536];
	int			compared = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		size_t		i;
		int			w;

		for (i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
		{
			if (listed[i].feature == 0 ||
				strncmp(line, listed[i].line, strlen(listed[i].line)) != 0)
				continue;
			compared++;
			for (w = 0; w < 5 && listed[i].words[w] != NULL; w++)
			{
				if (!has_word(line, listed[i].words[w]))
					break;
			}
			if ((w == 5 || listed[i].words[w] == NULL) && (cpu & listed[i].feature) == 0)
				fault("the kernel lists %s, which was not found", listed[i].words[w - 1]);
		}
		if (compared > 0)
			break;
	}
	if (file != NULL)
		fclose(file);
	report("choice", compared > 0 ?
		   "features that the kernel lists are found" :
		   "features that the kernel lists are found # SKIP no list");
}

int
main(void)
{
	const DistanceKernels *seen[16];
	int			seen_count = 0;
	uint32_t	cpu;
	uint32_t	features;
	int			i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	make_arena(&arena_a, sizeof(float) * (MAX_DIMS + 4));
	make_arena(&arena_b, sizeof(float) * (MAX_DIMS + 4));
	make_arena(&arena_c, MAX_DIMS + 4);
	make_arena(&arena_out, sizeof(int32_t) * 2 * (MAX_CODES + 4));
	if (arena_a.end - arena_a.start < MANY_BYTES)
	{
		fprintf(stderr, "arena too small\n");
		return 2;
	}

	if (vx_distance != &vx_distance_scalar)
		fault("vx_distance is not scalar");
	report("choice", "before a choice is made, the kernels are the scalar ones");

	cpu = vx_distance_read_features();
	printf("# features of this CPU: 0x%x\n", cpu);
	test_detection(cpu);
	test_choice(cpu);

	/* Each set of kernels once, whichever features lead to it. */
	for (features = 0; features < UINT32_C(1) << DISTANCE_FEATURE_BITS; features++)
	{
		const DistanceKernels *k = vx_distance_find_kernels(features);

		if (k == NULL)
			continue;
		for (i = 0; i < seen_count; i++)
		{
			if (seen[i] == k)
				break;
		}
		if (i < seen_count)
			continue;
		seen[seen_count++] = k;
		test_float_bound(k);
		test_float_same_bits(k);
		test_float_special(k);
		test_integer_single(k);
		test_integer_several(k);
	}

	printf("1..%d\n", tests_run);
	return tests_failed == 0 ? 0 : 1;
}
