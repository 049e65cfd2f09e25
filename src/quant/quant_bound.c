/*-------------------------------------------------------------------------
 *
 * quant_bound.c
 *	  Lower bounds and estimates of distances to code slots.
 *
 * A bound has one definition, compute_bound(): scans compare the bounds of
 * one pass with those of an earlier one, so they have to agree in every bit,
 * whichever function they came from, and whichever kernels have been chosen
 * in between: a query keeps its own.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "distance/distance_codes.h"
#include "quant/quant_codec.h"
#include "quant/quant_error.h"

/* Slots for which the lists keep sums on the stack at a time. */
#define CHUNK_SLOTS 64

/* Beyond any bound, yet its square and its sums are finite. */
#define LARGE_BOUND 1e100

/* Norms are taken for one if so many of them are so close to it. */
#define NORM_SHARE		0.9
#define NORM_TOLERANCE	0.05

/*
 * How far ahead of the slot at work to prefetch: enough lines to keep the
 * fill buffers of a core busy, few enough to be still there when needed.
 */
#define PREFETCH_BYTES 2048

#if defined(__GNUC__)
#define NOINLINE __attribute__((noinline))
#define prefetch_line(address) __builtin_prefetch(address)
#else
#define NOINLINE
#define prefetch_line(address) ((void) (address))
#endif

_Static_assert(offsetof(QuantSlotData, scale) == offsetof(QuantSlotData, error) + 4 &&
			   offsetof(QuantSlotData, offset) == offsetof(QuantSlotData, error) + 8 &&
			   offsetof(QuantSlotData, norm2) == offsetof(QuantSlotData, error) + 12 &&
			   sizeof(DistanceCodeHead) == 16,
			   "error, scale, offset and norm2 are a DistanceCodeHead");

/* <y^, z^>, from the limbs' sums */
static inline double
compute_cross(const QuantQuery *query, const QuantSlotData *slot, const int32_t *sums)
{
	return (double) slot->offset * query->sum +
		(double) slot->scale * (query->step * (128.0 * (double) sums[0] + (double) sums[1]));
}

/* A lower bound of |y - z|; may be negative. */
static inline double
bound_l2(const QuantQuery *query, const QuantSlotData *slot, const int32_t *sums)
{
	double		slot_norm2 = (double) slot->norm2;
	double		norm2 = slot_norm2 + query->norm2;
	double		distance2;

	distance2 = norm2 - 2.0 * compute_cross(query, slot, sums);
	distance2 -= slot_norm2 * QUANT_NORM2_SLACK + norm2 * QUANT_CROSS_SLACK + QUANT_NORM2_TINY;
	if (distance2 < 0.0)
		distance2 = 0.0;
	return sqrt(distance2) * (1.0 - QUANT_DOUBLE_SLACK) - (double) slot->error - query->error;
}

static inline double
bound_ip(const QuantQuery *query, const QuantSlotData *slot, const int32_t *sums)
{
	double		error = (double) slot->error;

	return query->base - compute_cross(query, slot, sums) -
		raise_code_norm(slot) * (query->error + QUANT_CROSS_SLACK * query->query_norm) -
		(error + query->relative * (raise_decoded_norm(query, slot) + error)) *
		(query->query_norm * (1.0 + QUANT_DOUBLE_SLACK)) -
		query->slack;
}

/* sum is the kernel's. */
static inline double
bound_l1(const QuantQuery *query, const QuantSlotData *slot, float sum)
{
	int			dims = query->params.dims;
	double		low = fabs((double) slot->offset);
	double		high = fabs((double) slot->offset + 255.0 * (double) slot->scale);
	double		size = low > high ? low : high;
	double		distance;

	/* base: the rounding of the kernel's own sum */
	distance = (double) sum * query->base - dims * (0x1p-22 * size + 0x1p-148) -
		(double) slot->error - query->error;
	return distance < 0.0 ? 0.0 : distance * query->shrink;
}

/* The bound of an SQ8 slot, from its sums (not L1). */
static NOINLINE double
compute_bound(const QuantQuery *query, const QuantSlotData *slot, const int32_t *sums)
{
	double		distance;
	double		bound;

	if (query->params.metric == DISTANCE_METRIC_IP)
		return bound_ip(query, slot, sums);

	/* Comparisons with NaN are false: it stays. */
	distance = bound_l2(query, slot, sums);
	if (distance < 0.0)
		distance = 0.0;
	if (query->params.metric == DISTANCE_METRIC_COSINE)
		bound = 0.5 * distance * distance * query->shrink - query->slack;
	else
		bound = distance * query->shrink - query->slack;
	return bound < 0.0 ? 0.0 : bound;
}

static inline const DistanceCodeKernels *
get_code_kernels(const QuantQuery *query)
{
	return vx_distance_code_kernels(query->kernels->variant);
}

static NOINLINE double
compute_bound_l1(const QuantQuery *query, const QuantSlotData *slot,
				 const DistanceCodeKernels *kernels)
{
	return bound_l1(query, slot,
					kernels->l1_u8_f32(query->params.dims, slot->code, slot->scale,
									   slot->offset, query->centered));
}

double
vx_quant_bound(const QuantQuery *query, const QuantSlotData *slot)
{
	int32_t		sums[2];

	if (query->params.kind == QUANT_NONE)
	{
		if (isnan(slot->error))
			return NAN;
		return vx_distance_metric_by(query->kernels, query->params.metric, query->params.dims,
									 (const float *) slot->code, query->query);
	}
	if (query->params.metric == DISTANCE_METRIC_L1)
		return compute_bound_l1(query, slot, get_code_kernels(query));

	query->kernels->dot_u8_s8x2(query->params.dims, slot->code, query->hi, query->lo, sums);
	return compute_bound(query, slot, sums);
}

/*
 * The coarse test for bound <= threshold: true for all slots that have it,
 * and for very few others.  Returns false if no slot can have it.
 */
static bool
make_test(const QuantQuery *query, double threshold, DistanceCodeTest *test)
{
	double		query_norm = query->query_norm;
	double		mean_norm = query->params.mean_norm;
	double		distance;

	/* False for NaN too. */
	if (!(threshold > -INFINITY))
		return false;
	if (threshold > LARGE_BOUND)
		threshold = LARGE_BOUND;

	test->sum = query->sum;
	test->step = query->step;
	if (query->params.metric == DISTANCE_METRIC_IP)
	{
		/*
		 * The terms of bound_ip(), with |mean + y^| <= |mean| + |y^|, and the
		 * roundings of both computations.
		 */
		test->reach = threshold;
		test->constant = query->base - query->slack * (1.0 + 0x1p-40) -
			(query->relative * (1.0 + 0x1p-18) + 0x1p-40) * mean_norm * query_norm -
			0x1p-72 * (query->error + query_norm);
		test->norm_factor = (query->error + query->relative * query_norm) * (1.0 + 0x1p-16) +
			4.0 * QUANT_CROSS_SLACK * query_norm;
		test->error_factor = (1.0 + query->relative) * query_norm * (1.0 + 0x1p-40);
		return true;
	}

	if (threshold < 0.0)
		return false;
	if (query->params.metric == DISTANCE_METRIC_COSINE)
		distance = sqrt(2.0 * (threshold + query->slack) / query->shrink);
	else
		distance = (threshold + query->slack) / query->shrink;
	test->reach = (distance + query->error) * (1.0 + 0x1p-40);
	test->constant = query->norm2 * (1.0 - 2.0 * QUANT_CROSS_SLACK) - 2.0 * QUANT_NORM2_TINY;
	test->norm2_factor = 1.0 - QUANT_NORM2_SLACK - 2.0 * QUANT_CROSS_SLACK;
	return true;
}

/* Slots that are compared one by one: no codes, or L1. */
static int
bound_each(const QuantQuery *query, const char *slots, const char *next, int count,
		   double threshold, uint16_t *positions, double *bounds)
{
	const DistanceCodeKernels *kernels = get_code_kernels(query);
	bool		is_none = query->params.kind == QUANT_NONE;
	size_t		stride_bytes = query->params.slot_bytes;
	const char *end = slots + (size_t) count * stride_bytes;
	int			found = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		const QuantSlotData *slot = (const QuantSlotData *) (slots + (size_t) i * stride_bytes);
		const char *ahead = (const char *) slot + PREFETCH_BYTES;
		size_t		byte;
		double		bound;

		if (ahead >= end && next != NULL)
			ahead = next + (ahead - end);
		for (byte = 0; byte < stride_bytes && (ahead + byte < end || next != NULL); byte += 64)
			prefetch_line(ahead + byte);

		bound = is_none ? vx_quant_bound(query, slot) : compute_bound_l1(query, slot, kernels);
		positions[found] = (uint16_t) i;
		bounds[found] = bound;
		found += bound <= threshold;
	}
	return found;
}

/* Positions of the slots of a chunk that pass the coarse test */
static inline int
keep_slots(const QuantQuery *query, const DistanceCodeKernels *kernels, const void *heads,
		   size_t stride_bytes, int count, const int32_t *sums, const DistanceCodeTest *test,
		   uint16_t *kept)
{
	if (query->params.metric == DISTANCE_METRIC_IP)
		return kernels->keep_plane(heads, stride_bytes, count, sums, test, kept);
	return kernels->keep_ball(heads, stride_bytes, count, sums, test, kept);
}

int
vx_quant_bound_many(const QuantQuery *query, const void *slots, const void *next, int count,
					double threshold, uint16_t *positions, double *bounds)
{
	const DistanceCodeKernels *kernels;
	const char *first = slots;
	size_t		stride_bytes = query->params.slot_bytes;
	DistanceCodeTest test;
	int			found = 0;
	int			start;

	if (query->params.kind == QUANT_NONE || query->params.metric == DISTANCE_METRIC_L1)
		return bound_each(query, slots, next, count, threshold, positions, bounds);
	if (!make_test(query, threshold, &test))
		return 0;

	kernels = get_code_kernels(query);
	for (start = 0; start < count; start += CHUNK_SLOTS)
	{
		int			chunk = count - start < CHUNK_SLOTS ? count - start : CHUNK_SLOTS;
		const char *chunk_slots = first + (size_t) start * stride_bytes;
		const char *heads = chunk_slots + offsetof(QuantSlotData, error);
		const char *behind = start + chunk < count ?
			chunk_slots + (size_t) chunk * stride_bytes : next;
		int32_t		sums[2 * CHUNK_SLOTS];
		uint16_t	kept[CHUNK_SLOTS];
		int			kept_count;
		int			i;

		if (behind != NULL)
			behind += QUANT_HEADER_BYTES;
		query->kernels->dot_u8_s8x2_many(query->params.dims,
										 (const uint8_t *) chunk_slots + QUANT_HEADER_BYTES,
										 stride_bytes, (const uint8_t *) behind, chunk,
										 query->hi, query->lo, sums);
		kept_count = keep_slots(query, kernels, heads, stride_bytes, chunk, sums, &test, kept);

		for (i = 0; i < kept_count; i++)
		{
			int			position = kept[i];
			const char *slot = chunk_slots + (size_t) position * stride_bytes;
			double		bound;

			bound = compute_bound(query, (const QuantSlotData *) slot, sums + 2 * position);
			if (bound <= threshold)
			{
				positions[found] = (uint16_t) (start + position);
				bounds[found] = bound;
				found++;
			}
		}
	}
	return found;
}

int
vx_quant_bound_list(const QuantQuery *query, const QuantSlotData *const *slots, int count,
					double threshold, uint16_t *positions, double *bounds)
{
	DistanceCodeTest test;
	int			found = 0;
	int			start;
	int			i;

	if (query->params.kind == QUANT_NONE || query->params.metric == DISTANCE_METRIC_L1)
	{
		for (i = 0; i < count; i++)
		{
			positions[found] = (uint16_t) i;
			bounds[found] = vx_quant_bound(query, slots[i]);
			found += bounds[found] <= threshold;
		}
		return found;
	}
	if (!make_test(query, threshold, &test))
		return 0;

	for (start = 0; start < count; start += CHUNK_SLOTS)
	{
		int			chunk = count - start < CHUNK_SLOTS ? count - start : CHUNK_SLOTS;
		const uint8_t *codes[CHUNK_SLOTS];
		DistanceCodeHead heads[CHUNK_SLOTS];
		int32_t		sums[2 * CHUNK_SLOTS];
		uint16_t	kept[CHUNK_SLOTS];
		int			kept_count;

		for (i = 0; i < chunk; i++)
		{
			codes[i] = slots[start + i]->code;
			memcpy(&heads[i], &slots[start + i]->error, sizeof(DistanceCodeHead));
		}
		query->kernels->dot_u8_s8x2_list(query->params.dims, codes, chunk,
										 query->hi, query->lo, sums);
		kept_count = keep_slots(query, get_code_kernels(query), heads, sizeof(DistanceCodeHead),
								chunk, sums, &test, kept);
		for (i = 0; i < kept_count; i++)
		{
			double		bound = compute_bound(query, slots[start + kept[i]], sums + 2 * kept[i]);

			if (bound <= threshold)
			{
				positions[found] = (uint16_t) (start + kept[i]);
				bounds[found] = bound;
				found++;
			}
		}
	}
	return found;
}

/* The estimate of an SQ8 slot, from its sums (not L1). */
static inline float
estimate_from_sums(const QuantQuery *query, const QuantSlotData *slot, const int32_t *sums)
{
	double		cross = compute_cross(query, slot, sums);
	double		distance2;

	if (isnan(slot->error))
		return NAN;
	if (query->params.metric == DISTANCE_METRIC_IP)
		return (float) (query->base - cross);
	distance2 = (double) slot->norm2 + query->norm2 - 2.0 * cross;
	return distance2 < 0.0 ? 0.0f : (float) distance2;
}

/* What estimates and code distances of float32 payloads are. */
static float
compare_floats(const DistanceKernels *kernels, const QuantParams *params, const float *a,
			   const float *b)
{
	switch (params->metric)
	{
		case DISTANCE_METRIC_L2:
			return kernels->l2_squared_f32(params->dims, a, b);
		case DISTANCE_METRIC_COSINE:
			return (float) (2.0 * vx_distance_cosine_by(kernels, params->dims, a, b));
		default:
			return (float) vx_distance_metric_by(kernels, params->metric, params->dims, a, b);
	}
}

float
vx_quant_estimate(const QuantQuery *query, const QuantSlotData *slot)
{
	int32_t		sums[2];

	if (query->params.kind == QUANT_NONE)
		return isnan(slot->error) ? NAN :
			compare_floats(query->kernels, &query->params, (const float *) slot->code,
						   query->query);
	if (query->params.metric == DISTANCE_METRIC_L1)
		return isnan(slot->error) ? NAN :
			get_code_kernels(query)->l1_u8_f32(query->params.dims, slot->code, slot->scale,
											   slot->offset, query->centered);

	query->kernels->dot_u8_s8x2(query->params.dims, slot->code, query->hi, query->lo, sums);
	return estimate_from_sums(query, slot, sums);
}

void
vx_quant_estimate_list(const QuantQuery *query, const QuantSlotData *const *slots,
					   int count, float *estimates)
{
	int			start;
	int			i;

	if (query->params.kind == QUANT_NONE || query->params.metric == DISTANCE_METRIC_L1)
	{
		for (i = 0; i < count; i++)
			estimates[i] = vx_quant_estimate(query, slots[i]);
		return;
	}

	for (start = 0; start < count; start += CHUNK_SLOTS)
	{
		int			chunk = count - start < CHUNK_SLOTS ? count - start : CHUNK_SLOTS;
		const uint8_t *codes[CHUNK_SLOTS];
		int32_t		sums[2 * CHUNK_SLOTS];

		for (i = 0; i < chunk; i++)
			codes[i] = slots[start + i]->code;
		query->kernels->dot_u8_s8x2_list(query->params.dims, codes, chunk,
										 query->hi, query->lo, sums);
		for (i = 0; i < chunk; i++)
			estimates[start + i] = estimate_from_sums(query, slots[start + i], sums + 2 * i);
	}
}

/* What one of two SQ8 slots brings to their distances, whatever the other is */
typedef struct CodeSide
{
	double		scale;
	double		offset;
	double		sum;			/* of the elements that the code stands for */
	double		base;			/* IP: |mean|^2 + <mean, y^>; else |y^|^2 */
} CodeSide;

static inline CodeSide
get_code_side(const QuantParams *params, const QuantSlotData *slot)
{
	CodeSide	side;

	side.scale = (double) slot->scale;
	side.offset = (double) slot->offset;
	side.sum = side.scale * (double) slot->code_sum + (double) params->dims * side.offset;
	side.base = params->metric == DISTANCE_METRIC_IP ?
		params->mean_norm * params->mean_norm + (double) slot->mean_dot : (double) slot->norm2;
	return side;
}

/* The code distance of two SQ8 slots, from <a's codes, b's codes> (not L1). */
static inline float
distance_from_dot(DistanceMetric metric, const CodeSide *a, const QuantSlotData *b, int32_t dot)
{
	double		cross = (double) b->scale * (a->scale * (double) dot +
											 a->offset * (double) b->code_sum) +
		(double) b->offset * a->sum;
	double		distance2;

	if (metric == DISTANCE_METRIC_IP)
		return (float) -(a->base + (double) b->mean_dot + cross);
	distance2 = a->base + (double) b->norm2 - 2.0 * cross;
	return distance2 < 0.0 ? 0.0f : (float) distance2;
}

double
vx_quant_norm(const QuantParams *params, const QuantSlotData *slot)
{
	double		norm2;

	if (params->kind == QUANT_NONE)
		norm2 = (double) vx_distance->inner_product_f32(params->dims, (const float *) slot->code,
														(const float *) slot->code);
	else
		norm2 = params->mean_norm * params->mean_norm + 2.0 * (double) slot->mean_dot +
			(double) slot->norm2;
	return norm2 > 0.0 ? sqrt(norm2) : 0.0;
}

static int
compare_norms(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}

double
vx_quant_common_norm(const QuantParams *params, const QuantSlotData *const *slots, int count)
{
	double		norms[QUANT_NORM_SAMPLE];
	double		median;
	int			equal = 0;
	int			i;

	if (params->metric != DISTANCE_METRIC_IP || count == 0)
		return 0.0;
	for (i = 0; i < count; i++)
		norms[i] = vx_quant_norm(params, slots[i]);
	qsort(norms, count, sizeof(double), compare_norms);
	median = norms[count / 2];
	for (i = 0; i < count; i++)
		equal += fabs(norms[i] - median) <= NORM_TOLERANCE * median;
	return equal >= NORM_SHARE * count ? median : 0.0;
}

float
vx_quant_code_distance(const QuantParams *params, const QuantSlotData *a,
					   const QuantSlotData *b)
{
	CodeSide	side;

	if (params->kind == QUANT_NONE)
		return compare_floats(vx_distance, params, (const float *) a->code,
							  (const float *) b->code);
	if (params->metric == DISTANCE_METRIC_L1)
	{
		const DistanceCodeKernels *kernels = vx_distance_code_kernels(vx_distance->variant);

		return kernels->l1_u8_u8(params->dims, a->code, a->scale, a->offset,
								 b->code, b->scale, b->offset);
	}
	side = get_code_side(params, a);
	return distance_from_dot(params->metric, &side, b,
							 vx_distance->dot_u8_u8(params->dims, a->code, b->code));
}

void
vx_quant_code_distance_list(const QuantParams *params, const QuantSlotData *slot,
							const QuantSlotData *const *slots, int count,
							float *distances)
{
	CodeSide	side;
	int			start;
	int			i;

	if (params->kind == QUANT_NONE || params->metric == DISTANCE_METRIC_L1)
	{
		for (i = 0; i < count; i++)
			distances[i] = vx_quant_code_distance(params, slot, slots[i]);
		return;
	}

	side = get_code_side(params, slot);
	for (start = 0; start < count; start += CHUNK_SLOTS)
	{
		int			chunk = count - start < CHUNK_SLOTS ? count - start : CHUNK_SLOTS;
		const uint8_t *codes[CHUNK_SLOTS];
		int32_t		dots[CHUNK_SLOTS];

		for (i = 0; i < chunk; i++)
			codes[i] = slots[start + i]->code;
		vx_distance->dot_u8_u8_list(params->dims, slot->code, codes, chunk, dots);
		for (i = 0; i < chunk; i++)
			distances[start + i] = distance_from_dot(params->metric, &side, slots[start + i],
													 dots[i]);
	}
}
