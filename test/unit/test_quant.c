/* sources: src/quant/ src/distance/ */
/*-------------------------------------------------------------------------
 *
 * test_quant.c
 *	  Unit test of src/quant, without a server: prints TAP.
 *
 * The property that everything rests on: no bound exceeds a distance.  Pairs
 * of vectors, many of them made to be difficult, are compared under every set
 * of kernels that some subset of this CPU's features selects: the highest
 * bound of any against the lowest distance of any.  The opposite property,
 * that a bound is not far below, keeps a bound of 0 from passing.
 *
 * VX_PAIRS=n asks for n pairs instead of 300,000, VX_SEED=n for other ones.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distance/distance_codes.h"
#include "distance/distance_variants.h"
#include "quant/quant_codec.h"
#include "quant/quant_error.h"

#define MAX_DIMS 8000
#define BATCH 24				/* vectors that share a query */
#define MAX_TABLES 16

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
report(const char *format,...)
{
	va_list		args;

	tests_run++;
	if (faults > 0)
	{
		tests_failed++;
		printf("# %d faults\n", faults);
	}
	printf("%sok %d - ", faults > 0 ? "not " : "", tests_run);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	faults = 0;
}

/* ---- random numbers ---- */

static uint64_t random_state;

static uint64_t
random_bits(void)
{
	uint64_t	z = (random_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static int
random_below(int n)
{
	return (int) (random_bits() % (uint64_t) n);
}

/* [0, 1) */
static double
random_unit(void)
{
	return (double) (random_bits() >> 11) * 0x1p-53;
}

static double
random_gauss(void)
{
	return sqrt(-2.0 * log(1.0 - random_unit())) * cos(6.283185307179586 * random_unit());
}

/* ---- kernels ---- */

static const DistanceKernels *tables[MAX_TABLES];
static int	table_count = 0;

static void
find_tables(void)
{
	uint32_t	present = vx_distance_read_features();
	uint32_t	features;
	int			i;

	for (features = 0; features < (UINT32_C(1) << DISTANCE_FEATURE_BITS); features++)
	{
		const DistanceKernels *kernels;

		if ((features & ~present) != 0)
			continue;
		kernels = vx_distance_find_kernels(features);
		for (i = 0; i < table_count && tables[i] != kernels; i++)
			;
		if (kernels != NULL && i == table_count && table_count < MAX_TABLES)
			tables[table_count++] = kernels;
	}
}

/* ---- data ---- */

typedef enum VectorShape
{
	SHAPE_GAUSS,
	SHAPE_UNIFORM,
	SHAPE_BYTES,				/* integers 0 to 255 */
	SHAPE_SPARSE,
	SHAPE_CONSTANT,
	SHAPE_OUTLIER,				/* noise and one large value */
	SHAPE_LARGE,				/* norm near QUANT_MAX_NORM */
	SHAPE_TINY,					/* denormals */
	SHAPE_MIXED,				/* magnitudes from 2^-60 to 2^20 */
	SHAPE_FAR,					/* all near 1000 */
	SHAPE_EXACT,				/* few levels: the code is exact */
	SHAPE_QUERY_SHAPES,
	SHAPE_EQUAL = SHAPE_QUERY_SHAPES,	/* the query */
	SHAPE_ULP,					/* the query but for last bits */
	SHAPE_NEAR,					/* the query and a little noise */
	SHAPE_MULTIPLE,				/* the query times a number */
	SHAPE_CLUSTER,				/* the query and some noise */
	SHAPES
} VectorShape;

static void
make_vector(VectorShape shape, int dims, const float *q, float *x)
{
	double		a = random_gauss();
	double		b;
	int			i;

	switch (shape)
	{
		case SHAPE_GAUSS:
			for (i = 0; i < dims; i++)
				x[i] = (float) random_gauss();
			break;
		case SHAPE_UNIFORM:
			for (i = 0; i < dims; i++)
				x[i] = (float) random_unit();
			break;
		case SHAPE_BYTES:
			for (i = 0; i < dims; i++)
				x[i] = (float) random_below(256);
			break;
		case SHAPE_SPARSE:
			for (i = 0; i < dims; i++)
				x[i] = random_below(20) == 0 ? (float) random_gauss() : 0.0f;
			break;
		case SHAPE_CONSTANT:
			for (i = 0; i < dims; i++)
				x[i] = (float) a;
			break;
		case SHAPE_OUTLIER:
			for (i = 0; i < dims; i++)
				x[i] = (float) (0.001 * random_gauss());
			x[random_below(dims)] = (float) (a * pow(10.0, random_below(8) - 2));
			break;
		case SHAPE_LARGE:
			b = ldexp(1.0, 50 + random_below(12)) / sqrt(dims);
			for (i = 0; i < dims; i++)
				x[i] = (float) (b * random_gauss());
			break;
		case SHAPE_TINY:
			b = ldexp(1.0, -150 + random_below(20));
			for (i = 0; i < dims; i++)
				x[i] = (float) (b * random_gauss());
			break;
		case SHAPE_MIXED:
			for (i = 0; i < dims; i++)
				x[i] = (float) ldexp(random_gauss(), random_below(80) - 60);
			break;
		case SHAPE_FAR:
			b = random_below(2) == 0 ? 0.01 : 1e-5;
			for (i = 0; i < dims; i++)
				x[i] = (float) (1000.0 + b * random_gauss());
			break;
		case SHAPE_EXACT:
			b = ldexp(1.0, -random_below(10));
			for (i = 0; i < dims; i++)
				x[i] = (float) (b * (random_below(256) - 100));
			/* both ends present, so that the scale is just b */
			x[random_below(dims)] = (float) (b * -100);
			x[random_below(dims)] = (float) (b * 155);
			break;
		case SHAPE_EQUAL:
			memcpy(x, q, sizeof(float) * (size_t) dims);
			break;
		case SHAPE_ULP:
			for (i = 0; i < dims; i++)
				x[i] = random_below(4) == 0 ?
					nextafterf(q[i], a > 0.0 ? INFINITY : -INFINITY) : q[i];
			break;
		case SHAPE_NEAR:
			b = pow(10.0, -2 - random_below(6));
			for (i = 0; i < dims; i++)
				x[i] = (float) (q[i] * (1.0 + b * random_gauss()));
			break;
		case SHAPE_MULTIPLE:
			b = random_below(2) == 0 ? a : ldexp(a, random_below(80) - 40);
			for (i = 0; i < dims; i++)
				x[i] = (float) (b * q[i]);
			break;
		case SHAPE_CLUSTER:
			b = 0.0;
			for (i = 0; i < dims; i++)
				b += fabs((double) q[i]);
			b *= 0.3 / dims;
			for (i = 0; i < dims; i++)
				x[i] = (float) (q[i] + b * random_gauss());
			break;
		case SHAPES:
			break;
	}
}

/*
 * A pair whose float sums lose what they can: in each of a variant's partial
 * sums one large term, and behind it terms of just less than half a unit in
 * its last place.  Both vectors have (nearly) exact codes, so that the bound's
 * allowance for the operator's rounding is all that there is.
 */
static void
make_losing_pair(DistanceMetric metric, int dims, float *q, float *x)
{
	/* what the variants have, and sums that would be added one by one */
	static const int widths[] = {1, 4, 8, 12, 16, 16, 24, 32, 64};
	int			width = widths[random_below(9)];
	int			first = random_below(3) == 0 ? random_below(dims) : 0;
	double		part = 0.5 + 0.5 * random_unit();
	float		large_q = 16256 * 0x1p-13f;
	float		large_x;
	float		small_q = 0x1p-13f;
	float		small_x;
	int			i;

	switch (metric)
	{
		case DISTANCE_METRIC_L2:
			if (random_below(8) == 0)
			{
				/* squares of 2^-150 that underflow to nothing */
				large_q = small_q = 0x1p-75f;
				large_x = small_x = 0.0f;
				break;
			}
			/* squares: 1/4 and 2^-26 */
			large_x = large_q - 0.5f;
			small_x = 0.0f;
			break;
		case DISTANCE_METRIC_L1:
			large_x = large_q - 1.0f;
			small_q = (float) (part * 0x1p-24);
			small_x = 0.0f;
			break;
		case DISTANCE_METRIC_COSINE:
			/* squares and product a little above 2, all others below 2^-23 */
			large_q = 1.42f;
			large_x = 1.42f;
			small_q = (float) (3.0 * 1.42 / 16256.0);
			small_x = (float) (-part * 3.4e-4);
			break;
		default:
			/* products: a little above 2, and less than 2^-23 below zero */
			large_x = 1.03125f;
			small_x = (float) (-part * 0x1p-10);
			break;
	}
	for (i = 0; i < dims; i++)
	{
		q[i] = i >= first && i < first + width ? large_q : small_q;
		x[i] = i >= first && i < first + width ? large_x : small_x;
	}
}

static int
choose_dims(void)
{
	int			chance = random_below(1000);

	if (chance < 500)
		return 1 + random_below(32);
	if (chance < 800)
		return 33 + random_below(168);
	if (chance < 960)
		return 201 + random_below(600);
	if (chance < 997)
		return 801 + random_below(1200);
	return 2001 + random_below(MAX_DIMS - 2000);
}

/* Returns NULL or a mean made here. */
static const float *
choose_mean(DistanceMetric metric, int dims, const float *q, float *mean)
{
	double		a = random_gauss();
	int			i;

	switch (random_below(5))
	{
		case 0:
			return NULL;
		case 1:
			for (i = 0; i < dims; i++)
				mean[i] = 1000.0f;
			break;
		case 2:
			for (i = 0; i < dims; i++)
				mean[i] = (float) (0.5 * random_gauss());
			break;
		case 3:
			for (i = 0; i < dims; i++)
				mean[i] = (float) (a * q[i]);
			break;
		default:
			for (i = 0; i < dims; i++)
				mean[i] = (float) (metric == DISTANCE_METRIC_COSINE ? random_gauss() / dims : 0.4);
			break;
	}
	return mean;
}

/* ---- one batch: a query and vectors ---- */

static const char *const kind_names[] = {"", "sq8", "none", "sq8 and residual"};
static const char *const metric_names[] = {"", "l2", "ip", "cosine", "l1"};

typedef struct Batch
{
	QuantParams params;
	QuantQuery	query;
	int			count;			/* slots */
	float	   *q;
	float	   *mean;
	float	   *x[BATCH];		/* the vectors of the slots */
	float	   *scratch;
	double		norm[BATCH];
	void	   *query_memory;
	void	   *other_memory;
	void	   *other_slot;
	char	   *slots;
	size_t		slots_bytes;
} Batch;

static Batch batch;

static long pairs_tested;
static long pairs_positive;		/* with a bound above 0 (for ip: above
								 * -Infinity) */
static double least_gap[5][MAX_TABLES]; /* least (distance - bound) / size */

static void *
allocate(size_t bytes)
{
	void	   *memory;

	if (posix_memalign(&memory, 64, bytes) != 0)
	{
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	memset(memory, 0, bytes);
	return memory;
}

static void
allocate_batch(void)
{
	int			i;

	batch.q = allocate(MAX_DIMS * sizeof(float));
	batch.mean = allocate(MAX_DIMS * sizeof(float));
	batch.scratch = allocate(MAX_DIMS * sizeof(float));
	for (i = 0; i < BATCH; i++)
		batch.x[i] = allocate(MAX_DIMS * sizeof(float));
}

/* Distances, and the bounds and estimates of the query at work, by kernels t. */
static void
use_kernels(int t)
{
	vx_distance = tables[t];
	batch.query.kernels = tables[t];
}

static QuantSlotData *
get_slot(int i)
{
	return (QuantSlotData *) (batch.slots + (size_t) i * batch.params.slot_bytes);
}

/*
 * Every variant prepares the same query (where the compiler does not fuse
 * multiplications and additions of plain C).
 */
static void
check_other_query(void)
{
#ifndef __aarch64__
	QuantQuery	other;
	const QuantQuery *query = &batch.query;

	vx_distance = tables[random_below(table_count)];
	vx_quant_prepare_query(&other, &batch.params, batch.q, batch.other_memory);
	if (other.query_class != query->query_class)
		fault("query class %d, but %d by %s", query->query_class, other.query_class,
			  vx_distance->name);
	if (query->query_class != QUANT_QUERY_NORMAL)
		return;
	if (other.step != query->step || other.sum != query->sum || other.norm2 != query->norm2 ||
		other.error != query->error ||
		other.query_norm != query->query_norm || other.slack != query->slack ||
		memcmp(batch.query_memory, batch.other_memory, vx_quant_query_bytes(&batch.params)) != 0)
		fault("%s %d: another query by %s", metric_names[batch.params.metric], batch.params.dims,
			  vx_distance->name);
#endif
}

static void
start_batch(QuantKind kind, DistanceMetric metric, int dims, const float *mean)
{
	vx_quant_init_params(&batch.params, kind, metric, dims, mean);

	/*
	 * The arrays are as long as they have to be, so that a sanitizer sees
	 * what is read beyond.
	 */
	batch.query_memory = allocate(vx_quant_query_bytes(&batch.params));
	batch.other_memory = allocate(vx_quant_query_bytes(&batch.params));
	batch.other_slot = allocate(batch.params.slot_bytes);
	batch.slots_bytes = BATCH * batch.params.slot_bytes;
	batch.slots = allocate(batch.slots_bytes);
	memset(batch.slots, 0xA5, batch.slots_bytes);
	vx_distance = tables[random_below(table_count)];
	vx_quant_prepare_query(&batch.query, &batch.params, batch.q, batch.query_memory);
	check_other_query();
	batch.count = 0;
}

static void
end_batch(void)
{
	free(batch.query_memory);
	free(batch.other_memory);
	free(batch.other_slot);
	free(batch.slots);
}

static bool
is_zero(const float *x, int dims)
{
	int			i;

	for (i = 0; i < dims; i++)
	{
		if (x[i] != 0.0f)
			return false;
	}
	return true;
}

/*
 * The residual's error and norm, against long double; factor is what x is
 * multiplied by before it is coded.
 */
static void
check_residual(const QuantSlotData *slot, const float *x, long double factor)
{
	const QuantParams *params = &batch.params;
	const QuantResidualData *residual = vx_quant_residual(params, slot);
	bool		is_l1 = params->metric == DISTANCE_METRIC_L1;
	int			dims = params->dims;
	long double error = 0.0L;
	long double norm2 = 0.0L;
	long double size = 0.0L;
	long double part;
	int			i;

	for (i = 0; i < dims; i++)
	{
		long double mean = params->mean == NULL ? 0.0L : (long double) params->mean[i];
		long double decoded = (long double) slot->offset + (long double) slot->scale *
			(slot->code[i] + (residual->residual[i] + 0.5L) / 256.0L - 0.5L);
		long double difference = (long double) x[i] * factor - mean - decoded;

		error += is_l1 ? fabsl(difference) : difference * difference;
		norm2 += decoded * decoded;
		size += fabsl(mean) + fabsl((long double) slot->offset) + 255.0L * slot->scale;
	}
	if (!is_l1)
		error = sqrtl(error);
	if (error > (long double) residual->error)
		fault("%s %d: error with residual %.9g is below %.9Lg", metric_names[params->metric],
			  dims, residual->error, error);

	/*
	 * Half a 256th of a step a dimension, and the rounding of offset and
	 * scale
	 */
	part = (long double) slot->scale / 512.0L;
	error = is_l1 ? part * dims : part * sqrtl(dims);
	if ((long double) residual->error > error * 1.0001L + size * 0x1p-21L + 0x1p-120L)
		fault("%s %d: error with residual is %.9g, half a part of a step %.9Lg",
			  metric_names[params->metric], dims, residual->error, error);
	if (params->metric != DISTANCE_METRIC_IP && !is_l1 &&
		fabsl((long double) slot->mean_dot - norm2) > norm2 * QUANT_NORM2_SLACK + 0x1p-149L)
		fault("%s %d: norm2 with residual %.9g is not %.9Lg", metric_names[params->metric], dims,
			  slot->mean_dot, norm2);
}

/*
 * The slot's error and its other fields, against long double; the decoded
 * vector against both.
 */
static void
check_slot(const QuantSlotData *slot, const float *x, double *norm_out)
{
	const QuantParams *params = &batch.params;
	int			dims = params->dims;
	long double norm = 0.0L;
	long double factor = 1.0L;
	long double residual = 0.0L;
	long double decoded_norm2 = 0.0L;
	long double mean_dot = 0.0L;
	long double largest = 0.0L;
	int32_t		code_sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		norm += (long double) x[i] * (long double) x[i];
	norm = sqrtl(norm);
	*norm_out = (double) norm;

	for (i = QUANT_HEADER_BYTES + (int) vx_quant_code_bytes(params->kind, dims);
		 i < (int) params->slot_bytes; i++)
	{
		int			residual_start = QUANT_HEADER_BYTES + (dims + 3) / 4 * 4;

		if (params->kind == QUANT_SQ8_RESIDUAL && i >= residual_start &&
			i < residual_start + 4 + dims)
			continue;
		if (((const char *) slot)[i] != 0)
			fault("padding byte %d is not zero", i);
	}

	if (!vx_quant_is_plausible(params, slot))
		fault("%s %d: a slot just written is not plausible", metric_names[params->metric], dims);
	vx_quant_decode(params, slot, batch.scratch);
	if (params->kind == QUANT_NONE)
	{
		if (memcmp(batch.scratch, x, sizeof(float) * (size_t) dims) != 0 || slot->error != 0.0f)
			fault("a slot without codes does not hold the vector");
		return;
	}

	if (params->metric == DISTANCE_METRIC_COSINE)
		factor = 1.0L / norm;
	for (i = 0; i < dims; i++)
	{
		long double mean = params->mean == NULL ? 0.0L : (long double) params->mean[i];
		long double decoded = (long double) slot->offset +
			(long double) slot->scale * slot->code[i];
		long double difference = (long double) x[i] * factor - mean - decoded;
		long double rounding = fabsl(mean + decoded) * 0x1p-23L + fabsl(mean) * 0x1p-50L +
			0x1p-149L;

		if (fabsl((long double) batch.scratch[i] - (mean + decoded)) > rounding)
			fault("%s %d: decoded[%d] is %.9g, not %.9Lg", metric_names[params->metric], dims, i,
				  batch.scratch[i], mean + decoded);
		residual += params->metric == DISTANCE_METRIC_L1 ?
			fabsl(difference) : difference * difference;
		decoded_norm2 += decoded * decoded;
		mean_dot += mean * decoded;
		largest += fabsl(mean * decoded);
		code_sum += slot->code[i];
	}
	if (params->metric != DISTANCE_METRIC_L1)
		residual = sqrtl(residual);
	if (residual > (long double) slot->error)
		fault("%s %d: error %.9g is below %.9Lg", metric_names[params->metric], dims,
			  slot->error, residual);
	if (fabsl((long double) slot->norm2 - decoded_norm2) >
		decoded_norm2 * QUANT_NORM2_SLACK + 0x1p-149L)
		fault("%s %d: norm2 %.9g is not %.9Lg", metric_names[params->metric], dims,
			  slot->norm2, decoded_norm2);
	if (params->kind == QUANT_SQ8_RESIDUAL)
		check_residual(slot, x, factor);
	if (params->kind == QUANT_SQ8_RESIDUAL && params->metric != DISTANCE_METRIC_IP &&
		params->metric != DISTANCE_METRIC_L1)
		mean_dot = slot->mean_dot;	/* looked at there */
	else if (params->metric != DISTANCE_METRIC_IP)
		mean_dot = 0.0L;
	if (fabsl((long double) slot->mean_dot - mean_dot) >
		fabsl(mean_dot) * 0x1p-23L + largest * 0x1p-40L + 0x1p-149L)
		fault("%s %d: mean_dot %.9g is not %.9Lg", metric_names[params->metric], dims,
			  slot->mean_dot, mean_dot);
	if (slot->code_sum != code_sum)
		fault("%s %d: code_sum %d is not %d", metric_names[params->metric], dims,
			  slot->code_sum, code_sum);
}

/* Encode the vector in batch.x[batch.count]; if it has a code, keep it. */
static void
add_vector(void)
{
	QuantSlotData *slot = get_slot(batch.count);
	float	   *x = batch.x[batch.count];
	int			dims = batch.params.dims;
	QuantSlotData *other = (QuantSlotData *) batch.other_slot;
	QuantClass	vector_class;
	bool		zero_cosine;
	int			i;

	for (i = 0; i < dims; i++)
	{
		if (!isfinite(x[i]))
			x[i] = 1.0f;
	}
	vx_distance = tables[random_below(table_count)];
	zero_cosine = batch.params.metric == DISTANCE_METRIC_COSINE && is_zero(x, dims);
	vector_class = vx_quant_encode(&batch.params, x, slot);
	if ((vector_class == QUANT_CLASS_NAN) != zero_cosine)
		fault("class %d, but zero under cosine: %d", vector_class, zero_cosine);
	if (vector_class != QUANT_CLASS_CODE)
		return;
	check_slot(slot, x, &batch.norm[batch.count]);

#ifndef __aarch64__

	/*
	 * Every variant writes the same slot (where the compiler does not fuse
	 * multiplications and additions of plain C).
	 */
	vx_distance = tables[random_below(table_count)];
	other->incarnation = slot->incarnation;
	if (vx_quant_encode(&batch.params, x, other) != QUANT_CLASS_CODE ||
		memcmp(slot, other, batch.params.slot_bytes) != 0)
		fault("%s %d: another slot by %s", metric_names[batch.params.metric], dims,
			  vx_distance->name);
#else
	(void) other;
#endif
	batch.count++;
}

/*
 * A number that the difference between a distance and its bound does not
 * exceed: twice the error norms, by the triangle inequality, and the
 * allowances for rounding.
 */
static double
compute_leeway(const QuantSlotData *slot, double distance, double norm, double norm_q)
{
	const QuantQuery *query = &batch.query;
	int			dims = batch.params.dims;
	double		gamma = compute_gamma(DISTANCE_SUM_DEPTH(dims));
	double		errors = 2.0 * ((double) slot->error + query->error);
	double		decoded = (double) slot->norm2;
	double		l2;

	switch (batch.params.metric)
	{
		case DISTANCE_METRIC_L2:
			/* the root of norm2's rounding counts only where it is near all */
			return 1.001 * errors + 2.0 * gamma * distance + 2.0 * query->slack +
				sqrt(2.0 * (decoded * QUANT_NORM2_SLACK +
							(decoded + query->norm2) * QUANT_CROSS_SLACK)) +
				0x1p-73;
		case DISTANCE_METRIC_COSINE:
			l2 = sqrt(2.0 * distance) + sqrt(2.0 * query->slack);
			return l2 * (1.001 * errors +
						 sqrt(2.0 * QUANT_NORM2_SLACK * (decoded + query->norm2))) +
				3.0 * query->slack;
		case DISTANCE_METRIC_IP:
			return 2.001 * ((double) slot->error * norm_q + sqrt(decoded) * query->error) +
				3.0 * gamma * norm_q * (norm + batch.params.mean_norm * 0x1p-10) +
				0x1p-36 * norm_q * (sqrt(decoded) + batch.params.mean_norm) + 2.0 * query->slack +
				0x1p-73 * norm_q;
		default:
			return 1.001 * errors +
				2.0 * (gamma + compute_gamma(DISTANCE_CODES_L1_DEPTH(dims))) * (distance + errors) +
				dims * 0x1p-20 * (fabs((double) slot->offset) + 255.0 * (double) slot->scale) +
				0x1p-130;
	}
}

/* What has been found at one threshold, against the single bounds */
static void
check_found(const double *bounds, double threshold, const char *kernels, int found,
			const uint16_t *positions, const double *found_bounds)
{
	int			next = 0;
	int			i;

	for (i = 0; i < batch.count; i++)
	{
		if (!(bounds[i] <= threshold))
			continue;
		if (next >= found || positions[next] != i)
		{
			fault("%s %s %d: slot %d of bound %.17g is not within %.17g", kernels,
				  metric_names[batch.params.metric], batch.params.dims, i, bounds[i], threshold);
			return;
		}
		if (memcmp(&found_bounds[next], &bounds[i], sizeof(double)) != 0)
			fault("%s %s %d: bound %.17g among many, %.17g alone", kernels,
				  metric_names[batch.params.metric], batch.params.dims, found_bounds[next],
				  bounds[i]);
		next++;
	}
	if (next != found)
		fault("%s %s %d: %d slots within %.17g, not %d", kernels,
			  metric_names[batch.params.metric], batch.params.dims, found, threshold, next);
}

/* Bounds of all slots, in a row and as a list */
static void
check_bound_many(const double *bounds, double threshold, const char *kernels)
{
	const QuantSlotData *slots[BATCH];
	uint16_t	positions[BATCH];
	double		found_bounds[BATCH];
	int			found;
	int			i;

	found = vx_quant_bound_many(&batch.query, batch.slots, NULL, batch.count, threshold,
								positions, found_bounds);
	check_found(bounds, threshold, kernels, found, positions, found_bounds);
	for (i = 0; i < batch.count; i++)
		slots[i] = (const QuantSlotData *) ((const char *) batch.slots +
											i * batch.params.slot_bytes);
	found = vx_quant_bound_list(&batch.query, slots, batch.count, threshold,
								positions, found_bounds);
	check_found(bounds, threshold, kernels, found, positions, found_bounds);
}

/*
 * The intervals of slots with residuals, against the distances by all kernels:
 * they hold them, and are not much wider than the errors make them.
 */
static void
check_intervals(double distances[MAX_TABLES][BATCH], double norm_q)
{
	const QuantQuery *query = &batch.query;
	DistanceMetric metric = batch.params.metric;
	int			dims = batch.params.dims;
	double		gamma = compute_gamma(DISTANCE_SUM_DEPTH(dims));
	int			t;
	int			u;
	int			i;

	for (i = 0; i < batch.count; i++)
	{
		const QuantSlotData *slot = get_slot(i);
		double		error = (double) vx_quant_residual(&batch.params, slot)->error;
		double		norm = batch.norm[i];

		for (t = 0; t < table_count; t++)
		{
			double		lower;
			double		upper;
			double		width;
			double		size;

			use_kernels(t);
			if (!vx_quant_interval(query, slot, &lower, &upper))
			{
				fault("%s %s %d: no interval", tables[t]->name, metric_names[metric], dims);
				continue;
			}
			for (u = 0; u < table_count; u++)
			{
				if (!(lower <= distances[u][i] && distances[u][i] <= upper))
					fault("%s %d: distance %.17g by %s is outside of %.17g to %.17g by %s",
						  metric_names[metric], dims, distances[u][i], tables[u]->name, lower, upper,
						  tables[t]->name);
			}

			size = sqrt((double) slot->norm2) + (double) slot->error + norm_q;
			switch (metric)
			{
				case DISTANCE_METRIC_IP:
					width = 2.002 * (error * norm_q + size * query->error +
									 0x1p-37 * size * norm_q + query->slack) +
						2.002 * gamma * norm_q * (norm + 3.0 * (double) slot->error +
												  batch.params.mean_norm * 0x1p-10);
					break;
				case DISTANCE_METRIC_COSINE:

					/*
					 * of half a square: its root may be as far as the norms'
					 * rounding
					 */
					width = (2.002 * (error + query->error) + 0x1p-11 *
							 (sqrt((double) slot->mean_dot) + sqrt(query->norm2))) *
						(sqrt(2.0 * upper)) + 2.002 * query->slack;
					break;
				default:
					width = 2.002 * (error + query->error + query->slack) + 3.0 * gamma * upper +
						0x1p-11 * (sqrt((double) slot->norm2) + (double) slot->error +
								   sqrt(query->norm2)) + 0x1p-73;
					break;
			}
			if (!(upper - lower <= width + 0x1p-73 * (1.0 + norm_q)))
				fault("%s %d: interval %.17g to %.17g by %s is wider than %g", metric_names[metric],
					  dims, lower, upper, tables[t]->name, width);
		}
	}
}

/* Bounds against distances, under all kernels. */
static void
check_batch(void)
{
	DistanceMetric metric = batch.params.metric;
	int			dims = batch.params.dims;
	double		bounds[MAX_TABLES][BATCH];
	double		distances[MAX_TABLES][BATCH];
	double		norm_q = 0.0;
	int			t;
	int			u;
	int			i;

	for (i = 0; i < dims; i++)
		norm_q += (double) batch.q[i] * (double) batch.q[i];
	norm_q = sqrt(norm_q);

	if (batch.query.query_class == QUANT_QUERY_ODD)
	{
		if (norm_q <= QUANT_MAX_NORM && batch.params.mean_norm <= QUANT_MAX_NORM &&
			(metric != DISTANCE_METRIC_COSINE || norm_q >= QUANT_MIN_COSINE_NORM))
			fault("%s %d: a query of norm %g is odd", metric_names[metric], dims, norm_q);
		return;
	}

	for (t = 0; t < table_count; t++)
	{
		use_kernels(t);
		for (i = 0; i < batch.count; i++)
		{
			distances[t][i] = vx_distance_metric(metric, dims, batch.x[i], batch.q);
			if (batch.query.query_class == QUANT_QUERY_NAN)
			{
				if (!isnan(distances[t][i]))
					fault("the distance to a query of class NAN is %g", distances[t][i]);
				continue;
			}
			if (isnan(distances[t][i]))
				fault("%s %s %d: distance is NaN", tables[t]->name, metric_names[metric], dims);
			bounds[t][i] = vx_quant_bound(&batch.query, get_slot(i));
		}
		if (batch.query.query_class == QUANT_QUERY_NAN)
			continue;

		for (i = 0; i < 3 && batch.count > 0; i++)
		{
			double		bound = bounds[t][random_below(batch.count)];

			switch (random_below(8))
			{
				case 0:
					check_bound_many(bounds[t], INFINITY, tables[t]->name);
					break;
				case 1:
					check_bound_many(bounds[t], -INFINITY, tables[t]->name);
					break;
				case 2:
					check_bound_many(bounds[t], 0.0, tables[t]->name);
					break;
				case 3:
					check_bound_many(bounds[t], -1.0, tables[t]->name);
					break;
				case 4:
					check_bound_many(bounds[t], nextafter(bound, -INFINITY), tables[t]->name);
					break;
				default:
					check_bound_many(bounds[t], bound, tables[t]->name);
					break;
			}
		}
	}
	if (batch.query.query_class == QUANT_QUERY_NAN)
		return;
	if (batch.params.kind == QUANT_SQ8_RESIDUAL)
		check_intervals(distances, norm_q);

	for (i = 0; i < batch.count; i++)
	{
		const QuantSlotData *slot = get_slot(i);

		for (t = 0; t < table_count; t++)
		{
			double		bound = bounds[t][i];

			if (isnan(bound) || bound == -INFINITY)
			{
				fault("%s %s %d: bound is %g", tables[t]->name, metric_names[metric], dims, bound);
				continue;
			}
			if (batch.params.kind == QUANT_NONE)
			{
				if (memcmp(&bound, &distances[t][i], sizeof(double)) != 0)
					fault("%s %s %d: bound %.17g without codes, distance %.17g", tables[t]->name,
						  metric_names[metric], dims, bound, distances[t][i]);
				continue;
			}
			if (metric != DISTANCE_METRIC_L1 && bound != bounds[0][i])
				fault("%s %s %d: bound %.17g, but %.17g by %s", tables[t]->name,
					  metric_names[metric], dims, bound, bounds[0][i], tables[0]->name);

			for (u = 0; u < table_count; u++)
			{
				double		distance = distances[u][i];
				double		leeway = compute_leeway(slot, distance, batch.norm[i], norm_q);
				double		size = metric == DISTANCE_METRIC_IP ? batch.norm[i] * norm_q : distance;
				double		gap;

				if (!(bound <= distance))
					fault("%s %d: bound %.17g by %s is above distance %.17g by %s", metric_names[metric],
						  dims, bound, tables[t]->name, distance, tables[u]->name);
				if (!(bound >= distance - leeway))
					fault("%s %d: bound %.17g by %s is far below distance %.17g by %s, leeway %g",
						  metric_names[metric], dims, bound, tables[t]->name, distance,
						  tables[u]->name, leeway);

				gap = size > 0.0 ? (distance - bound) / size : 1.0;
				if (gap < least_gap[metric][u])
					least_gap[metric][u] = gap;
			}
		}
		pairs_tested++;
		if (bounds[0][i] != 0.0)
			pairs_positive++;
	}
}

/* Estimates and code distances against decoded vectors. */
static void
check_estimates(void)
{
	const QuantParams *params = &batch.params;
	DistanceMetric metric = params->metric;
	int			dims = params->dims;
	const QuantSlotData *slots[BATCH];
	float		list[BATCH];
	int			i;
	int			j;

	if (batch.query.query_class != QUANT_QUERY_NORMAL)
		return;
	use_kernels(table_count - 1);
	for (i = 0; i < batch.count; i++)
		slots[i] = get_slot(i);

	vx_quant_estimate_list(&batch.query, slots, batch.count, list);
	for (i = 0; i < batch.count; i++)
	{
		const QuantSlotData *slot = slots[i];
		float		estimate = vx_quant_estimate(&batch.query, slot);
		double		sum = 0.0;
		double		size = 0.0;
		double		norm_q = batch.query.query_norm;
		double		factor = metric == DISTANCE_METRIC_COSINE ? 1.0 / norm_q : 1.0;
		double		tolerance;

		if (memcmp(&estimate, &list[i], sizeof(float)) != 0)
			fault("%s %d: estimate %.9g alone, %.9g in a list", metric_names[metric], dims, estimate, list[i]);
		if (params->kind == QUANT_NONE)
			continue;

		for (j = 0; j < dims; j++)
		{
			double		mean = params->mean == NULL ? 0.0 : (double) params->mean[j];
			double		decoded = mean + (double) slot->offset +
				(double) slot->scale * slot->code[j];
			double		q = (double) batch.q[j] * factor;

			if (metric == DISTANCE_METRIC_IP)
				sum -= decoded * q;
			else if (metric == DISTANCE_METRIC_L1)
				sum += fabs(decoded - q);
			else
				sum += (decoded - q) * (decoded - q);
			size += fabs(decoded) + fabs(q);
		}

		/* squares: |a^2 - b^2| <= |a - b| (2 a + |a - b|) */
		if (metric == DISTANCE_METRIC_IP)
			tolerance = sqrt((double) slot->norm2 + QUANT_NORM2_TINY) * batch.query.error +
				0x1p-22 * norm_q * (params->mean_norm + sqrt((double) slot->norm2));
		else if (metric == DISTANCE_METRIC_L1)
			tolerance = batch.query.error + 0x1p-20 * size +
				2.0 * compute_gamma(DISTANCE_CODES_L1_DEPTH(dims)) * sum + dims * 0x1p-20 *
				(fabs((double) slot->offset) + 255.0 * (double) slot->scale);
		else
			tolerance = batch.query.error * (2.0 * sqrt(sum) + batch.query.error) +
				0x1p-21 * ((double) slot->norm2 + batch.query.norm2) +
				0x1p-40 * params->mean_norm * params->mean_norm;
		if (!(fabs((double) estimate - sum) <= tolerance + 0x1p-140))
			fault("%s %d: estimate %.9g, distance to the decoded vector %.9g, tolerance %g",
				  metric_names[metric], dims, estimate, sum, tolerance);
	}

	if (batch.count == 0)
		return;
	vx_quant_code_distance_list(params, slots[0], slots, batch.count, list);
	for (i = 0; i < batch.count; i++)
	{
		const QuantSlotData *a = slots[0];
		const QuantSlotData *b = slots[i];
		float		distance = vx_quant_code_distance(params, a, b);
		double		sum = 0.0;
		double		size = 0.0;

		if (memcmp(&distance, &list[i], sizeof(float)) != 0)
			fault("%s %d: code distance %.9g alone, %.9g in a list", metric_names[metric], dims, distance, list[i]);
		if (params->kind == QUANT_NONE)
			continue;
		for (j = 0; j < dims; j++)
		{
			double		mean = params->mean == NULL ? 0.0 : (double) params->mean[j];
			double		y_a = (double) a->offset + (double) a->scale * a->code[j];
			double		y_b = (double) b->offset + (double) b->scale * b->code[j];

			if (metric == DISTANCE_METRIC_IP)
			{
				sum -= (mean + y_a) * (mean + y_b);
				size += mean * mean + fabs(mean * y_a) + fabs(mean * y_b) + y_a * y_a + y_b * y_b;
			}
			else if (metric == DISTANCE_METRIC_L1)
			{
				sum += fabs(y_a - y_b);
				/* in units of the tolerance below */
				size += fabs((double) a->offset) + 255.0 * (double) a->scale +
					fabs((double) b->offset) + 255.0 * (double) b->scale +
					0x1p20 * compute_gamma(DISTANCE_CODES_L1_DEPTH(dims)) * fabs(y_a - y_b);
			}
			else
			{
				sum += (y_a - y_b) * (y_a - y_b);
				size += y_a * y_a + y_b * y_b;
			}
		}
		if (!(fabs((double) distance - sum) <= 0x1p-20 * size + 0x1p-140))
			fault("%s %d: code distance %.9g, between decoded vectors %.9g", metric_names[metric], dims,
				  distance, sum);
	}
}

static void
test_bounds(QuantKind kind, DistanceMetric metric, long pairs)
{
	long		start = pairs_tested;
	double		least = INFINITY;
	int			t;

	pairs_positive = 0;
	for (t = 0; t < MAX_TABLES; t++)
		least_gap[metric][t] = INFINITY;

	while (pairs_tested - start < pairs)
	{
		int			dims = choose_dims();
		bool		losing = random_below(8) == 0;
		int			i;

		if (kind == QUANT_NONE && dims > 2000)
			dims = 2000;
		if (kind == QUANT_SQ8_RESIDUAL && dims > 4048)
			dims = 4048;
		if (losing)
		{
			dims = random_below(8) == 0 ? MAX_DIMS : dims;
			make_losing_pair(metric, dims, batch.q, batch.x[0]);
			start_batch(kind, metric, dims, NULL);
			add_vector();
		}
		else
		{
			VectorShape shape = (VectorShape) random_below(SHAPE_QUERY_SHAPES);
			const float *mean;

			make_vector(shape, dims, NULL, batch.q);
			mean = choose_mean(metric, dims, batch.q, batch.mean);
			start_batch(kind, metric, dims, mean);
			for (i = 0; i < BATCH; i++)
			{
				/* half of the vectors resemble the query */
				VectorShape own = (VectorShape) (random_below(2) == 0 ? shape :
												 (VectorShape) random_below(SHAPES));

				make_vector(own, dims, batch.q, batch.x[batch.count]);
				add_vector();
			}
		}
		check_batch();
		if (random_below(4) == 0)
			check_estimates();
		end_batch();
	}
	for (t = 0; t < table_count; t++)
		least = least_gap[metric][t] < least ? least_gap[metric][t] : least;
	printf("# %ld pairs, %ld of them with a bound other than 0", pairs_tested - start, pairs_positive);
	if (kind != QUANT_NONE)
		printf("; least (distance - bound) / %s: %.3g", metric == DISTANCE_METRIC_IP ? "norms" : "distance",
			   least);
	printf("\n");
	report("%s %s: no bound above a distance, none far below", metric_names[metric],
		   kind_names[kind]);
}

/*
 * How far below the distances bounds are on well-behaved data, on average:
 * figures that users would notice.
 */
static void
test_tightness(DistanceMetric metric, bool clustered, double limit)
{
	int			dims = 100;
	double		sum = 0.0;
	int			count = 0;
	int			round;

	for (round = 0; round < 50; round++)
	{
		int			i;

		make_vector(SHAPE_GAUSS, dims, NULL, batch.q);
		start_batch(QUANT_SQ8, metric, dims, NULL);
		for (i = 0; i < BATCH; i++)
		{
			make_vector(clustered ? SHAPE_CLUSTER : SHAPE_GAUSS, dims, batch.q,
						batch.x[batch.count]);
			add_vector();
		}
		use_kernels(table_count - 1);
		for (i = 0; i < batch.count; i++)
		{
			double		distance = vx_distance_metric(metric, dims, batch.x[i], batch.q);
			double		bound = vx_quant_bound(&batch.query, get_slot(i));
			double		size = metric == DISTANCE_METRIC_IP ?
				batch.norm[i] * batch.query.query_norm : distance;

			sum += (distance - bound) / size;
			count++;
		}
		end_batch();
	}
	printf("# mean of (distance - bound) / %s: %.4f\n", metric == DISTANCE_METRIC_IP ? "norms" : "distance",
		   sum / count);
	if (!(sum / count <= limit))
		fault("above %g", limit);
	report("%s: %s data of 100 dimensions, bounds within %g %%", metric_names[metric],
		   clustered ? "clustered" : "normal", 100.0 * limit);
}

/*
 * A scan compares bounds that it has computed at different times.
 */
static void
test_kept_kernels(QuantKind kind, DistanceMetric metric)
{
	int			dims = 300;
	bool		differ = false;
	double		bounds[MAX_TABLES][BATCH];
	int			t;
	int			u;
	int			i;

	make_vector(SHAPE_GAUSS, dims, NULL, batch.q);
	for (i = 0; i < BATCH; i++)
		make_vector(SHAPE_GAUSS, dims, NULL, batch.x[i]);
	for (t = 0; t < table_count; t++)
	{
		start_batch(kind, metric, dims, NULL);
		for (i = 0; i < BATCH; i++)
			add_vector();
		vx_distance = tables[t];
		vx_quant_prepare_query(&batch.query, &batch.params, batch.q, batch.query_memory);
		for (i = 0; i < BATCH; i++)
		{
			bounds[t][i] = vx_quant_bound(&batch.query, get_slot(i));
			differ |= bounds[t][i] != bounds[0][i];
		}
		for (u = 0; u < table_count; u++)
		{
			vx_distance = tables[u];
			for (i = 0; i < BATCH; i++)
			{
				double		bound = vx_quant_bound(&batch.query, get_slot(i));

				if (bound != bounds[t][i])
					fault("%s: bound %.17g by %s, but %.17g when %s came", metric_names[metric],
						  bounds[t][i], tables[t]->name, bound, tables[u]->name);
			}
			check_bound_many(bounds[t], INFINITY, tables[u]->name);
		}
		end_batch();
	}
	if (table_count > 1 && !differ)
		fault("no two kernels differ, so nothing has been shown");
	report("%s %s: other kernels do not change a query's bounds", metric_names[metric],
		   kind_names[kind]);
}

/* ---- classes ---- */

static void
fill(float *x, int dims, double value)
{
	int			i;

	for (i = 0; i < dims; i++)
		x[i] = (float) value;
}

static void
expect_class(QuantKind kind, DistanceMetric metric, double value, QuantClass expected)
{
	int			dims = 4;		/* norm = 2 * value */
	QuantClass	vector_class;
	QuantQueryClass query_class;

	fill(batch.q, dims, value);
	fill(batch.x[0], dims, value);
	start_batch(kind, metric, dims, NULL);
	vector_class = vx_quant_encode(&batch.params, batch.x[0], get_slot(0));
	query_class = batch.query.query_class;
	if (vector_class != expected)
		fault("%s: a vector of %g is of class %d", metric_names[metric], value, vector_class);
	if ((query_class == QUANT_QUERY_NAN) != (expected == QUANT_CLASS_NAN) ||
		(query_class == QUANT_QUERY_ODD) != (expected == QUANT_CLASS_ODD))
		fault("%s: a query of %g is of class %d", metric_names[metric], value, query_class);
	end_batch();
}

static void
test_classes(void)
{
	static const DistanceMetric metrics[] = {
		DISTANCE_METRIC_L2, DISTANCE_METRIC_IP, DISTANCE_METRIC_COSINE, DISTANCE_METRIC_L1
	};
	int			i;

	for (i = 0; i < 4; i++)
	{
		DistanceMetric metric = metrics[i];
		bool		cosine = metric == DISTANCE_METRIC_COSINE;
		bool		sums = metric == DISTANCE_METRIC_L2 || metric == DISTANCE_METRIC_L1;

		expect_class(QUANT_SQ8, metric, 0.0, cosine ? QUANT_CLASS_NAN : QUANT_CLASS_CODE);
		expect_class(QUANT_SQ8, metric, -0.0, cosine ? QUANT_CLASS_NAN : QUANT_CLASS_CODE);
		expect_class(QUANT_NONE, metric, 0.0, cosine ? QUANT_CLASS_NAN : QUANT_CLASS_CODE);
		expect_class(QUANT_SQ8, metric, 1.0, QUANT_CLASS_CODE);
		expect_class(QUANT_SQ8, metric, 0x1p59, QUANT_CLASS_CODE);
		expect_class(QUANT_SQ8, metric, 0x1.000002p59, QUANT_CLASS_ODD);
		expect_class(QUANT_SQ8, metric, 3e38, QUANT_CLASS_ODD);
		expect_class(QUANT_NONE, metric, 0x1p59, QUANT_CLASS_CODE);
		expect_class(QUANT_NONE, metric, 3e38, sums ? QUANT_CLASS_CODE : QUANT_CLASS_ODD);
		expect_class(QUANT_SQ8, metric, 0x1p-51, QUANT_CLASS_CODE);
		expect_class(QUANT_SQ8, metric, 0x1.fffffep-52,
					 cosine ? QUANT_CLASS_ODD : QUANT_CLASS_CODE);
		expect_class(QUANT_NONE, metric, 1e-40, cosine ? QUANT_CLASS_ODD : QUANT_CLASS_CODE);
		expect_class(QUANT_SQ8, metric, INFINITY, QUANT_CLASS_ODD);
		expect_class(QUANT_SQ8, metric, NAN, QUANT_CLASS_ODD);
	}
	report("classes at their thresholds");

	/* Without codes, L2 and L1 overflow as the operator does. */
	for (i = 0; i < 4; i += 3)
	{
		double		bound;

		fill(batch.q, 4, 3e38);
		fill(batch.x[0], 4, -3e38);
		start_batch(QUANT_NONE, metrics[i], 4, NULL);
		add_vector();
		bound = vx_quant_bound(&batch.query, get_slot(0));
		if (bound != INFINITY)
			fault("%s: bound %g", metric_names[metrics[i]], bound);
		check_bound_many(&bound, INFINITY, "overflow");
		end_batch();
	}
	report("distances that overflow");
}

/* ---- slots that hold nothing or nonsense ---- */

static void
test_broken_slots(void)
{
	static const DistanceMetric metrics[] = {
		DISTANCE_METRIC_L2, DISTANCE_METRIC_IP, DISTANCE_METRIC_COSINE, DISTANCE_METRIC_L1
	};
	uint16_t	positions[BATCH];
	double		bounds[BATCH];
	int			dims = 40;
	int			m;
	int			kind;
	int			t;
	int			i;

	for (m = 0; m < 4; m++)
	{
		for (kind = QUANT_SQ8; kind <= QUANT_SQ8_RESIDUAL; kind++)
		{
			make_vector(SHAPE_GAUSS, dims, NULL, batch.q);
			start_batch((QuantKind) kind, metrics[m], dims, NULL);
			for (i = 0; i < BATCH; i++)
			{
				make_vector(SHAPE_GAUSS, dims, NULL, batch.x[batch.count]);
				add_vector();
				if (i % 3 == 1)
					get_slot(i)->error = NAN;
			}
			for (t = 0; t < table_count; t++)
			{
				int			found;
				int			next = 0;

				use_kernels(t);
				found = vx_quant_bound_many(&batch.query, batch.slots, batch.slots, BATCH, INFINITY, positions,
											bounds);
				for (i = 0; i < BATCH; i++)
				{
					bool		empty = i % 3 == 1;

					if (isnan(vx_quant_bound(&batch.query, get_slot(i))) != empty)
						fault("%s %s: bound of slot %d", tables[t]->name,
							  metric_names[metrics[m]], i);
					if (isnan(vx_quant_estimate(&batch.query, get_slot(i))) != empty)
						fault("%s %s: estimate of slot %d", tables[t]->name,
							  metric_names[metrics[m]], i);
					if (!empty && (next >= found || positions[next++] != i))
						fault("%s %s: slot %d not found", tables[t]->name,
							  metric_names[metrics[m]], i);
				}
				if (next != found)
					fault("%s %s: %d slots, not %d", tables[t]->name, metric_names[metrics[m]],
						  found, next);
			}
			end_batch();
		}
	}
	report("empty slots have no bound");

	/* Any bytes: no number is wrong, but nothing may trap. */
	for (m = 0; m < 8; m++)
	{
		int			round;

		make_vector(SHAPE_GAUSS, dims, NULL, batch.q);
		start_batch(m < 4 ? QUANT_SQ8 : QUANT_SQ8_RESIDUAL, metrics[m % 4], dims, NULL);
		for (round = 0; round < 200; round++)
		{
			size_t		byte;

			for (byte = 0; byte < batch.slots_bytes; byte++)
				batch.slots[byte] = (char) (random_below(4) == 0 ? 0xFF : random_bits());
			for (t = 0; t < table_count; t++)
			{
				double		threshold = random_gauss();
				int			found;

				use_kernels(t);
				found = vx_quant_bound_many(&batch.query, batch.slots, NULL, BATCH, threshold,
											positions, bounds);
				if (found < 0 || found > BATCH)
					fault("%d of %d slots", found, BATCH);
				for (i = 0; i < found; i++)
				{
					if (!(bounds[i] <= threshold) || positions[i] >= BATCH ||
						(i > 0 && positions[i] <= positions[i - 1]))
						fault("slot %d with bound %g", positions[i], bounds[i]);
				}
				(void) vx_quant_bound(&batch.query, get_slot(0));
				(void) vx_quant_estimate(&batch.query, get_slot(0));
				(void) vx_quant_code_distance(&batch.params, get_slot(0), get_slot(1));
				(void) vx_quant_may_share(&batch.params, get_slot(0), get_slot(1));
				if (batch.params.metric == DISTANCE_METRIC_IP &&
					!(vx_quant_norm(&batch.params, get_slot(0)) >= 0.0))
					fault("a norm below nothing");
				if (batch.params.kind == QUANT_SQ8_RESIDUAL)
				{
					double		lower;
					double		upper;

					if (vx_quant_interval(&batch.query, get_slot(0), &lower, &upper) &&
						!(lower <= upper && isfinite(lower) && isfinite(upper)))
						fault("interval from %g to %g", lower, upper);
				}
			}
		}
		end_batch();
	}
	report("slots of random bytes do no harm");
}

/* ---- norms ---- */

/* All slots, with vectors of a norm, but for some that are longer or shorter */
static void
encode_norms(double norm, int others)
{
	int			dims = batch.params.dims;
	int			i;
	int			j;

	for (i = 0; i < BATCH; i++)
	{
		double		sum = 0.0;
		double		factor;

		make_vector(SHAPE_GAUSS, dims, NULL, batch.x[i]);
		for (j = 0; j < dims; j++)
			sum += (double) batch.x[i][j] * batch.x[i][j];
		factor = (i >= others ? norm : i % 2 == 0 ? 100.0 * norm : 0.0) / sqrt(sum);
		for (j = 0; j < dims; j++)
			batch.x[i][j] = (float) (batch.x[i][j] * factor);
		if (vx_quant_encode(&batch.params, batch.x[i], get_slot(i)) != QUANT_CLASS_CODE)
			fault("no code");
		factor *= sqrt(sum);
		if (batch.params.metric == DISTANCE_METRIC_IP &&
			!(fabs(vx_quant_norm(&batch.params, get_slot(i)) - factor) <= 0.01 * (factor + norm)))
			fault("a norm of %g is told as %g", factor, vx_quant_norm(&batch.params, get_slot(i)));
	}
}

static void
test_norms(QuantKind kind)
{
	const QuantSlotData *slots[BATCH];
	float	   *mean;
	int			dims = 100;
	int			with_mean;
	int			i;

	mean = allocate(sizeof(float) * dims);
	for (i = 0; i < dims; i++)
		mean[i] = (float) (0.1 * random_gauss());
	make_vector(SHAPE_GAUSS, dims, NULL, batch.q);
	for (with_mean = 0; with_mean < 2; with_mean++)
	{
		start_batch(kind, DISTANCE_METRIC_IP, dims, with_mean ? mean : NULL);
		for (i = 0; i < BATCH; i++)
			slots[i] = get_slot(i);

		encode_norms(3.0, 0);
		if (!(fabs(vx_quant_common_norm(&batch.params, slots, BATCH) - 3.0) <= 0.03))
			fault("one norm of all is not found");
		if (vx_quant_common_norm(&batch.params, slots, 0) != 0.0)
			fault("no vector has a norm");
		encode_norms(3.0, 2);
		if (!(fabs(vx_quant_common_norm(&batch.params, slots, BATCH) - 3.0) <= 0.03))
			fault("one norm of nearly all is not found");
		encode_norms(3.0, 3);
		if (vx_quant_common_norm(&batch.params, slots, BATCH) != 0.0)
			fault("an eighth have another norm");
		end_batch();
	}

	start_batch(kind, DISTANCE_METRIC_L2, dims, mean);
	for (i = 0; i < BATCH; i++)
		slots[i] = get_slot(i);
	encode_norms(3.0, 0);
	if (vx_quant_common_norm(&batch.params, slots, BATCH) != 0.0)
		fault("distances have no use for a norm");
	end_batch();
	free(mean);
	report("norms that vectors have in common");
}

/* ---- sharing ---- */

/* A vector in the first two slots */
static void
encode_twice(const float *x)
{
	if (vx_quant_encode(&batch.params, x, get_slot(0)) != QUANT_CLASS_CODE ||
		vx_quant_encode(&batch.params, x, get_slot(1)) != QUANT_CLASS_CODE)
		fault("no code");
}

static void
test_sharing(void)
{
	const QuantParams *params = &batch.params;
	QuantSlotData *a;
	QuantSlotData *b;
	int			dims = 100;
	int			i;

	make_vector(SHAPE_GAUSS, dims, NULL, batch.q);
	start_batch(QUANT_SQ8, DISTANCE_METRIC_L2, dims, NULL);
	a = get_slot(0);
	b = get_slot(1);
	encode_twice(batch.q);
	a->incarnation = 1;
	b->incarnation = 2;
	if (!vx_quant_may_share(params, a, b) || !vx_quant_may_share(params, b, a))
		fault("equal vectors do not share");
	b->error = nextafterf(b->error, 0.0f);
	if (!vx_quant_may_share(params, a, b) || vx_quant_may_share(params, b, a))
		fault("the node's error has to be the greater");
	b->error = NAN;
	if (vx_quant_may_share(params, a, b) || vx_quant_may_share(params, b, a))
		fault("an empty slot shares");
	b->error = a->error;
	for (i = 0; i < dims; i++)
	{
		b->code[i] ^= 1;
		if (vx_quant_may_share(params, a, b))
			fault("code %d differs", i);
		if (vx_quant_is_plausible(params, b))
			fault("code %d does not belong to its header", i);
		b->code[i] ^= 1;
	}
	b->scale = nextafterf(b->scale, 1.0f);
	if (vx_quant_may_share(params, a, b))
		fault("scale differs");
	b->scale = a->scale;
	b->offset = nextafterf(b->offset, 1.0f);
	if (vx_quant_may_share(params, a, b))
		fault("offset differs");
	b->offset = a->offset;
	b->norm2 = nextafterf(b->norm2, 0.0f);
	if (vx_quant_may_share(params, a, b))
		fault("norm2 differs");
	b->norm2 = a->norm2;
	b->mean_dot = 1.0f;
	if (vx_quant_may_share(params, a, b))
		fault("mean_dot differs");
	b->mean_dot = a->mean_dot;
	b->code_sum++;
	if (vx_quant_may_share(params, a, b))
		fault("code_sum differs");
	end_batch();

	/* Vectors that share a node: the node's bound holds for each. */
	for (i = 0; i < 2000; i++)
	{
		int			j;

		dims = 1 + random_below(20);
		make_vector(SHAPE_GAUSS, dims, NULL, batch.q);
		make_vector(SHAPE_GAUSS, dims, NULL, batch.x[0]);
		start_batch(QUANT_SQ8, i % 2 == 0 ? DISTANCE_METRIC_COSINE : DISTANCE_METRIC_L2, dims,
					NULL);
		for (j = 0; j < dims; j++)
			batch.x[1][j] = i % 2 == 0 ? 3.0f * batch.x[0][j] :
				(float) ((double) batch.x[0][j] * (1.0 + 1e-7 * random_gauss()));
		a = get_slot(0);
		b = get_slot(1);
		if (vx_quant_encode(params, batch.x[0], a) != QUANT_CLASS_CODE ||
			vx_quant_encode(params, batch.x[1], b) != QUANT_CLASS_CODE)
			fault("no code");
		if (vx_quant_may_share(params, a, b) &&
			!(vx_quant_bound(&batch.query, a) <=
			  vx_distance_metric(params->metric, dims, batch.x[1], batch.q)))
			fault("%s %d: a shared node's bound is too high", metric_names[params->metric], dims);
		end_batch();
	}

	dims = 8;
	start_batch(QUANT_NONE, DISTANCE_METRIC_L2, dims, NULL);
	a = get_slot(0);
	b = get_slot(1);
	fill(batch.x[0], dims, 0.0);
	encode_twice(batch.x[0]);
	if (!vx_quant_may_share(params, a, b))
		fault("equal vectors without codes do not share");
	((float *) b->code)[dims - 1] = -0.0f;
	if (vx_quant_may_share(params, a, b))
		fault("vectors of other bytes share");
	end_batch();

	dims = 100;
	start_batch(QUANT_SQ8_RESIDUAL, DISTANCE_METRIC_L1, dims, NULL);
	a = get_slot(0);
	b = get_slot(1);
	encode_twice(batch.q);
	if (!vx_quant_may_share(params, a, b))
		fault("equal vectors with residuals do not share");
	for (i = 0; i < dims; i++)
	{
		vx_quant_residual(params, b)->residual[i] ^= 1;
		if (vx_quant_may_share(params, a, b))
			fault("residual %d differs", i);
		vx_quant_residual(params, b)->residual[i] ^= 1;
	}
	vx_quant_residual(params, b)->error = nextafterf(vx_quant_residual(params, a)->error, 1.0f);
	if (vx_quant_may_share(params, a, b) || !vx_quant_may_share(params, b, a))
		fault("the node's error with residual has to be the greater");
	end_batch();
	report("what may share a node");
}

/* ---- the kernels beneath ---- */

/* A copy that ends where the array does, for sanitizers. */
static void *
copy_exactly(const void *source, size_t bytes)
{
	void	   *copy = malloc(bytes);

	if (copy == NULL)
	{
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	return memcpy(copy, source, bytes);
}

static void
check_vector_kernels(const DistanceCodeKernels *kernels, int dims)
{
	size_t		bytes = (size_t) dims * sizeof(float);
	float	   *x = copy_exactly(batch.x[0], bytes);
	float	   *z = copy_exactly(batch.x[1], bytes);
	uint8_t    *a = copy_exactly(batch.x[0], (size_t) dims);
	uint8_t    *b = copy_exactly(batch.x[1], (size_t) dims);
	int8_t	   *hi = copy_exactly(batch.x[0], (size_t) dims);
	int8_t	   *lo = copy_exactly(batch.x[0], (size_t) dims);
	float		scale = (float) (0.01 * random_unit());
	float		offset = (float) random_gauss();
	double		gamma = compute_gamma(DISTANCE_CODES_L1_DEPTH(dims));
	double		norm2 = 0.0;
	double		least = INFINITY;
	double		greatest = -INFINITY;
	double		l1_query = 0.0;
	double		l1_codes = 0.0;
	double		size = fmax(fabs((double) offset), fabs((double) offset + 255.0 * (double) scale));
	double		range[2];
	double		result;
	DistanceEncodeSums sums;
	DistanceLimbSums limbs;
	int			i;

	for (i = 0; i < dims; i++)
	{
		double		decoded = (double) offset + (double) scale * a[i];

		norm2 += (double) x[i] * (double) x[i];
		least = fmin(least, 2.0 * x[i] - z[i]);
		greatest = fmax(greatest, 2.0 * x[i] - z[i]);
		l1_query += fabs(decoded - (double) z[i]);
		l1_codes += fabs(decoded - (1.0 + (double) scale * b[i]));
	}

	result = kernels->norm2_f64(dims, x);
	if (!(fabs(result - norm2) <= 1e-12 * norm2))
		fault("%d: norm2 %g, not %g", dims, result, norm2);
	kernels->range_f64(dims, x, z, 2.0, range);
	if (range[0] != least || range[1] != greatest)
		fault("%d: range %g %g, not %g %g", dims, range[0], range[1], least, greatest);

	result = (double) kernels->l1_u8_f32(dims, a, scale, offset, z);
	if (!(fabs(result - l1_query) <= gamma * l1_query + dims * 0x1p-22 * size))
		fault("%d: l1_u8_f32 %.9g, not %.9g", dims, result, l1_query);
	result = (double) kernels->l1_u8_u8(dims, a, scale, offset, b, scale, 1.0f);
	if (!(fabs(result - l1_codes) <=
		  gamma * l1_codes + dims * 0x1p-20 * (size + 256.0 * (double) scale + 1.0)))
		fault("%d: l1_u8_u8 %.9g, not %.9g", dims, result, l1_codes);

	/* To codes and limbs and back. */
	kernels->encode_u8(dims, x, z, 2.0, least, (greatest - least) / 255.0, true, a, &sums);
	kernels->encode_limbs(dims, x, z, 2.0, fmax(-least, greatest) / DISTANCE_MAX_LEVEL, hi, lo,
						  &limbs);
	for (i = 0; i < dims; i++)
	{
		double		value = 2.0 * x[i] - z[i];
		double		step = fmax(-least, greatest) / DISTANCE_MAX_LEVEL;

		if (!(fabs(value - (least + (greatest - least) / 255.0 * a[i])) <=
			  (greatest - least) / 509.0 + 1e-12))
			fault("%d: code[%d] is %d", dims, i, a[i]);
		if (!(fabs(value - step * (128.0 * hi[i] + lo[i])) <= 0.51 * step) || abs(hi[i]) > 127 ||
			abs(lo[i]) > 64)
			fault("%d: limbs[%d] are %d and %d", dims, i, hi[i], lo[i]);
		sums.code_sum -= a[i];
		limbs.level -= 128 * hi[i] + lo[i];
	}
	if (sums.code_sum != 0 || limbs.level != 0.0)
		fault("%d: sums of codes or levels", dims);

	free(x);
	free(z);
	free(a);
	free(b);
	free(hi);
	free(lo);
}

static void
check_keep_kernels(const DistanceCodeKernels *kernels, int count)
{
	size_t		stride_bytes = 64 * (size_t) (1 + random_below(3));
	char	   *heads = allocate((size_t) count * stride_bytes + sizeof(DistanceCodeHead));
	int32_t		all_sums[2 * BATCH];
	int32_t    *sums;
	uint16_t	kept[BATCH];
	DistanceCodeTest test;
	int			plane;
	int			i;

	for (i = 0; i < 2 * count; i++)
		all_sums[i] = random_below(2000000) - 1000000;
	sums = copy_exactly(all_sums, sizeof(int32_t) * 2 * (size_t) count);
	for (i = 0; i < count; i++)
	{
		DistanceCodeHead *head = (DistanceCodeHead *) (heads + (size_t) i * stride_bytes);

		head->error = random_below(10) == 0 ? NAN : (float) random_unit();
		head->scale = (float) (0.01 * random_unit());
		head->offset = (float) random_gauss();
		head->norm2 = (float) (100.0 * random_unit());
	}
	test.sum = random_gauss();
	test.step = 1e-6;
	test.constant = 10.0 * random_gauss();
	test.reach = 10.0 * random_unit();
	test.norm2_factor = 1.0 - 1e-6;
	test.norm_factor = random_unit();
	test.error_factor = random_unit();

	for (plane = 0; plane < 2; plane++)
	{
		int			found;
		int			next = 0;

		if (plane)
			found = kernels->keep_plane(heads, stride_bytes, count, sums, &test, kept);
		else
			found = kernels->keep_ball(heads, stride_bytes, count, sums, &test, kept);
		for (i = 0; i < count; i++)
		{
			const DistanceCodeHead *head =
				(const DistanceCodeHead *) (heads + (size_t) i * stride_bytes);
			double		cross = (double) head->offset * test.sum +
				(double) head->scale * test.step * (128.0 * sums[2 * i] + sums[2 * i + 1]);
			double		reach = test.reach + (double) head->error;
			double		left;
			double		right;

			if (plane)
			{
				left = test.constant - cross - (double) head->error * test.error_factor -
					sqrt((double) head->norm2) * test.norm_factor;
				right = test.reach;
			}
			else
			{
				left = (double) head->norm2 * test.norm2_factor + test.constant - 2.0 * cross;
				right = reach * reach;
			}
			if (next < found && kept[next] == i)
			{
				next++;
				if (!(left <= right + 1e-5))
					fault("%s of %d: slot %d is kept, %g and %g", plane ? "plane" : "ball", count, i, left, right);
			}
			else if (left < right - 1e-5)
				fault("%s of %d: slot %d is not kept, %g and %g", plane ? "plane" : "ball", count, i, left, right);
		}
		if (next != found)
			fault("%s of %d: %d kept, %d in order", plane ? "plane" : "ball", count, found, next);
	}
	free(heads);
	free(sums);
}

static void
test_kernels(void)
{
	int			t;
	int			round;

	for (t = 0; t < table_count; t++)
	{
		const DistanceCodeKernels *kernels = vx_distance_code_kernels(tables[t]->variant);

		for (round = 1; round < 200; round++)
		{
			int			dims = round <= 100 ? round : 1 + random_below(1000);

			make_vector(SHAPE_GAUSS, dims, NULL, batch.x[0]);
			make_vector(SHAPE_GAUSS, dims, NULL, batch.x[1]);
			check_vector_kernels(kernels, dims);
			check_keep_kernels(kernels, random_below(BATCH) + 1);
		}
		report("kernels around codes: %s", tables[t]->name);
	}
}

/* ---- sizes ---- */

static void
test_sizes(void)
{
	if (vx_quant_slot_bytes(QUANT_SQ8, 1) != 64 || vx_quant_slot_bytes(QUANT_SQ8, 36) != 64 ||
		vx_quant_slot_bytes(QUANT_SQ8, 37) != 128 || vx_quant_slot_bytes(QUANT_SQ8, 100) != 128 ||
		vx_quant_slot_bytes(QUANT_SQ8, 784) != 832 ||
		vx_quant_slot_bytes(QUANT_SQ8, 8000) != 8064 ||
		vx_quant_slot_bytes(QUANT_SQ8_RESIDUAL, 16) != 64 ||
		vx_quant_slot_bytes(QUANT_SQ8_RESIDUAL, 17) != 128 ||
		vx_quant_slot_bytes(QUANT_SQ8_RESIDUAL, 784) != 1600 ||
		vx_quant_slot_bytes(QUANT_SQ8_RESIDUAL, 4048) != 8128 ||
		vx_quant_slot_bytes(QUANT_NONE, 9) != 64 || vx_quant_slot_bytes(QUANT_NONE, 2000) != 8064)
		fault("slot sizes");
	report("slot sizes");
}

int
main(void)
{
	static const DistanceMetric metrics[] = {
		DISTANCE_METRIC_L2, DISTANCE_METRIC_IP, DISTANCE_METRIC_COSINE, DISTANCE_METRIC_L1
	};
	const char *pairs_text = getenv("VX_PAIRS");
	const char *seed_text = getenv("VX_SEED");
	long		pairs = pairs_text != NULL ? atol(pairs_text) : 300000;
	int			i;

	random_state = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
	find_tables();
	allocate_batch();
	printf("# kernels:");
	for (i = 0; i < table_count; i++)
		printf(" %s", tables[i]->name);
	printf("\n");

	test_sizes();
	test_kernels();
	for (i = 0; i < 4; i++)
		test_bounds(QUANT_SQ8, metrics[i], pairs * 9 / 40);
	for (i = 0; i < 4; i++)
		test_bounds(QUANT_NONE, metrics[i], pairs / 40);
	for (i = 0; i < 4; i++)
		test_bounds(QUANT_SQ8_RESIDUAL, metrics[i], pairs / 10);

	test_tightness(DISTANCE_METRIC_L2, false, 0.01);
	test_tightness(DISTANCE_METRIC_L2, true, 0.05);
	test_tightness(DISTANCE_METRIC_IP, false, 0.01);
	test_tightness(DISTANCE_METRIC_IP, true, 0.01);
	test_tightness(DISTANCE_METRIC_COSINE, false, 0.02);
	test_tightness(DISTANCE_METRIC_COSINE, true, 0.08);
	test_tightness(DISTANCE_METRIC_L1, false, 0.01);
	test_tightness(DISTANCE_METRIC_L1, true, 0.05);

	test_kept_kernels(QUANT_NONE, DISTANCE_METRIC_L2);
	test_kept_kernels(QUANT_NONE, DISTANCE_METRIC_IP);
	test_kept_kernels(QUANT_NONE, DISTANCE_METRIC_COSINE);
	test_kept_kernels(QUANT_NONE, DISTANCE_METRIC_L1);
	test_kept_kernels(QUANT_SQ8, DISTANCE_METRIC_L1);
	test_classes();
	test_broken_slots();
	test_norms(QUANT_SQ8);
	test_norms(QUANT_SQ8_RESIDUAL);
	test_norms(QUANT_NONE);
	test_sharing();

	printf("1..%d\n", tests_run);
	return tests_failed > 0 ? 1 : 0;
}
