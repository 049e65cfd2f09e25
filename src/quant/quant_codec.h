/*-------------------------------------------------------------------------
 *
 * quant_codec.h
 *	  Codes of vectors and hard lower bounds of distances to them.
 *
 * No server calls: linked into unit tests and benchmarks as it is.
 *
 * A vector is stored as a *code slot*: a header and, for QUANT_SQ8, one byte
 * a dimension; for QUANT_NONE, the float32 values themselves.  The bound of
 * a slot is never above the float4 distance that the SQL operator computes,
 * whatever kernel variant computes it; for QUANT_NONE it is that distance.
 * README.md derives the formulae.
 *
 * QUANT_SQ8_RESIDUAL has a second byte a dimension, the *residual*, which says
 * where within the first one's step the value lies.  Everything but
 * vx_quant_interval() reads the first bytes only, and is the same.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_QUANT_CODEC_H
#define VX_QUANT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "distance/distance_metric.h"

typedef enum QuantKind
{
	QUANT_SQ8 = 1,
	QUANT_NONE = 2,
	QUANT_SQ8_RESIDUAL = 3
} QuantKind;

/*
 * Code slot.  On disk as it is; x^ = mean + y^, y^[i] = offset + scale * code[i].
 * For cosine the encoded vector is x / |x|.
 */
typedef struct QuantSlotData
{
	uint32_t	incarnation;	/* the store's: counts reuses of the slot */
	float		error;			/* >= |x - x^|: L2 norm, L1 norm for
								 * METRIC_L1; NaN: the slot holds nothing;
								 * QUANT_NONE: 0 */
	float		scale;			/* >= 0 */
	float		offset;
	float		norm2;			/* |y^|^2, rounded to nearest */
	float		mean_dot;		/* <mean, y^> for METRIC_IP; with a residual
								 * |y^^|^2 for METRIC_L2 and METRIC_COSINE;
								 * else 0 */
	int32_t		code_sum;		/* sum of code[i] */
	uint8_t		code[];			/* dims bytes, or dims float32 */
} QuantSlotData;

/*
 * What comes behind the code, at the next multiple of 4 bytes:
 * y^^[i] = offset + scale * (code[i] + (residual[i] + 1/2) / 256 - 1/2).
 */
typedef struct QuantResidualData
{
	float		error;			/* >= |x - (mean + y^^)|, in the norm of the
								 * slot's error */
	uint8_t		residual[];		/* dims bytes */
} QuantResidualData;

#define QUANT_HEADER_BYTES 28

/*
 * Vectors of a larger L2 norm are odd: squares of their differences stay
 * below 2^122, far from the overflow of float32.  Under cosine so are vectors
 * of a smaller norm than the second: products that underflow are then no more
 * than dims * 2^-49 of the product of the norms.
 */
#define QUANT_MAX_NORM 0x1p60
#define QUANT_MIN_COSINE_NORM 0x1p-50

/* What one index needs to encode and to compare; owned by the caller. */
typedef struct QuantParams
{
	QuantKind	kind;
	DistanceMetric metric;
	int			dims;
	const float *mean;			/* dims values, or NULL for zeros */
	double		mean_norm;		/* >= |mean|, set by vx_quant_init_params */
	size_t		slot_bytes;		/* header + payload, multiple of 64 */
	size_t		compared_bytes; /* header + code: all that is read but by
								 * vx_quant_interval() */
} QuantParams;

typedef enum QuantClass
{
	QUANT_CLASS_CODE,			/* the slot is filled */
	QUANT_CLASS_NAN,			/* every distance to it is NaN (cosine, zero
								 * vector): no slot */
	QUANT_CLASS_ODD				/* so large or small that float4 sums may
								 * overflow or vanish: the slot is not filled,
								 * its bound is -Infinity */
} QuantClass;

typedef enum QuantQueryClass
{
	QUANT_QUERY_NORMAL,
	QUANT_QUERY_NAN,			/* every distance is NaN (cosine, zero query) */
	QUANT_QUERY_ODD				/* every bound is -Infinity */
} QuantQueryClass;

/* A prepared query.  The arrays lie in memory that the caller gave. */
typedef struct QuantQuery
{
	QuantQueryClass query_class;
	QuantParams params;
	const DistanceKernels *kernels; /* in use when it was prepared: bounds of
									 * QUANT_NONE and METRIC_L1 depend on them */
	const float *query;			/* the caller's dims floats (QUANT_NONE) */
	int8_t	   *hi;				/* limbs: z^[i] = step * (128 * hi + lo) */
	int8_t	   *lo;
	float	   *centered;		/* z in float32 (METRIC_L1) */
	double		step;
	double		sum;			/* sum of z^ */
	double		norm2;			/* |z^|^2 */
	double		error;			/* >= |z - z^| (L1 norm for METRIC_L1) */
	double		query_norm;		/* >= |q| */
	double		base;			/* metric's constant: ip: -<mean, q>; L1: 1 -
								 * relative error of sums over codes */
	double		relative;		/* relative error of the float4 operator's
								 * sums */
	double		shrink;			/* 1 - relative error of the float4 operator */
	double		slack;			/* absolute error of the float4 operator */
} QuantQuery;

/* Bytes of a code slot: header + payload, rounded up to 64. */
extern size_t vx_quant_slot_bytes(QuantKind kind, int dims);

/* Bytes of the code alone, or of the float32 values. */
static inline size_t
vx_quant_code_bytes(QuantKind kind, int dims)
{
	return (size_t) dims * (kind == QUANT_NONE ? sizeof(float) : 1);
}

/* Where the residual begins in a slot of QUANT_SQ8_RESIDUAL */
static inline size_t
vx_quant_residual_offset(int dims)
{
	return QUANT_HEADER_BYTES + (((size_t) dims + 3) & ~(size_t) 3);
}

static inline QuantResidualData *
vx_quant_residual(const QuantParams *params, const QuantSlotData *slot)
{
	return (QuantResidualData *) ((char *) slot + vx_quant_residual_offset(params->dims));
}

extern void vx_quant_init_params(QuantParams *params, QuantKind kind,
								 DistanceMetric metric, int dims,
								 const float *mean);

/*
 * Fill slot (params->slot_bytes bytes, padding zeroed; incarnation untouched)
 * from x.
 */
extern QuantClass vx_quant_encode(const QuantParams *params, const float *x,
								  QuantSlotData *slot);

/* Write x^ (for cosine: of the normalised vector) to out, dims floats. */
extern void vx_quant_decode(const QuantParams *params,
							const QuantSlotData *slot, float *out);

/* Bytes of memory that a prepared query needs, 64-byte aligned. */
extern size_t vx_quant_query_bytes(const QuantParams *params);

/*
 * q and memory must outlive the query.  It keeps the kernels of now: whoever
 * chooses others meanwhile does not change its bounds.
 */
extern void vx_quant_prepare_query(QuantQuery *query,
								   const QuantParams *params,
								   const float *q, void *memory);

/*
 * Lower bound of the operator's distance between the query and what the slot
 * holds.  NaN only if the slot holds nothing or is torn or corrupt (callers
 * drop such slots).  Only for QUANT_QUERY_NORMAL.
 */
extern double vx_quant_bound(const QuantQuery *query, const QuantSlotData *slot);

/*
 * Bounds of count slots that lie params.slot_bytes apart.  Writes the
 * positions and bounds of those with bound <= threshold, in order of
 * position, and returns how many there are.  positions and bounds have room
 * for count entries.  next is where the slots are that will be compared next, or
 * NULL: they are asked for ahead, never read.
 */
extern int	vx_quant_bound_many(const QuantQuery *query, const void *slots,
								const void *next, int count, double threshold,
								uint16_t *positions, double *bounds);

/* The same for count slots anywhere in memory. */
extern int	vx_quant_bound_list(const QuantQuery *query,
								const QuantSlotData *const *slots, int count,
								double threshold, uint16_t *positions, double *bounds);

/*
 * QUANT_SQ8_RESIDUAL: numbers that the operator's distance is neither below nor
 * above, some two hundred times closer than the bound is.  False if there are
 * none: the slot holds nothing or is torn or corrupt.  Only for
 * QUANT_QUERY_NORMAL.
 */
extern bool vx_quant_interval(const QuantQuery *query, const QuantSlotData *slot,
							  double *lower, double *upper);

/*
 * Like vx_quant_bound, but the best estimate of the distance itself rather
 * than a lower bound; only for ranking in graph search and build.  L2:
 * squared L2; cosine: squared L2 on the sphere, that is twice the distance;
 * ip: negative inner product; L1: L1.
 */
extern float vx_quant_estimate(const QuantQuery *query, const QuantSlotData *slot);

/* The estimates of count slots anywhere in memory. */
extern void vx_quant_estimate_list(const QuantQuery *query,
								   const QuantSlotData *const *slots, int count,
								   float *estimates);

/*
 * Estimated distance between what two slots of one index hold, from their
 * codes alone (L2: squared L2; cosine: squared L2 on the sphere; ip: negative
 * inner product; L1: L1).  For build and repair: only the order matters.
 */
extern float vx_quant_code_distance(const QuantParams *params,
									const QuantSlotData *a,
									const QuantSlotData *b);

/* The distances of one slot to count slots anywhere in memory. */
extern void vx_quant_code_distance_list(const QuantParams *params,
										const QuantSlotData *slot,
										const QuantSlotData *const *slots,
										int count, float *distances);

/*
 * About the norm of what a slot stands for; only for DISTANCE_METRIC_IP.
 */
extern double vx_quant_norm(const QuantParams *params, const QuantSlotData *slot);

/*
 * The norm that nearly all of count slots have, which are a sample of at most
 * QUANT_NORM_SAMPLE: with it inner products can be told from each other as
 * distances are.  0 if norms differ, and for other metrics.
 */
#define QUANT_NORM_SAMPLE 400

extern double vx_quant_common_norm(const QuantParams *params,
								   const QuantSlotData *const *slots, int count);

/*
 * True if b may share a's node: same code and header (and residual), and b's
 * errors <= a's.
 */
extern bool vx_quant_may_share(const QuantParams *params,
							   const QuantSlotData *a, const QuantSlotData *b);

/*
 * True if the slot's header is what its code implies; for checkers.  The slot
 * holds something (error is not NaN).
 */
extern bool vx_quant_is_plausible(const QuantParams *params,
								  const QuantSlotData *slot);

#endif							/* VX_QUANT_CODEC_H */
