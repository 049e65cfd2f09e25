/*-------------------------------------------------------------------------
 *
 * distance_codes.h
 *	  Kernels around code slots beyond the integer dot products: encoding, L1
 *	  sums over decoded codes, and the coarse test that keeps few slots of
 *	  many.
 *
 * The variant follows vx_distance->variant; there is no choice of its own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_DISTANCE_CODES_H
#define VX_DISTANCE_CODES_H

#include "distance/distance.h"

/*
 * What stands before a code, as four float32 in a row.  A head needs no
 * alignment beyond a float's.
 */
typedef struct DistanceCodeHead
{
	float		error;
	float		scale;
	float		offset;
	float		norm2;
} DistanceCodeHead;

/*
 * The coarse test.  With cross = offset * sum + scale * step * (128 * hi + lo)
 * for the sums (hi, lo) of a slot, all in double precision, a slot is kept if
 *
 * ball:	norm2 * norm2_factor + constant - 2 * cross <= (reach + error)^2
 * plane:	constant - cross - error * error_factor
 *			- sqrt(norm2) * norm_factor <= reach
 *
 * A slot is not kept if anything here is NaN.  The order of operations is not
 * fixed: callers leave room for the rounding of doubles, and in the plane
 * test for a square root that is off by 2^-21 of itself.
 */
typedef struct DistanceCodeTest
{
	double		sum;
	double		step;
	double		constant;
	double		reach;
	double		norm2_factor;
	double		norm_factor;
	double		error_factor;
} DistanceCodeTest;

/*
 * What one pass of encoding adds up, in double precision and in eight partial
 * sums (term i goes to sum i % 8) that are added pairwise.  Sizes are squares,
 * or absolute values if the pass was told so.
 */
typedef struct DistanceEncodeSums
{
	double		residual;		/* sizes of value - decoded value */
	double		value;			/* sizes of the values */
	double		decoded;		/* squares of the decoded values, always */
	double		decoded_size;	/* sizes of the decoded values */
	double		mean_dot;		/* mean[i] * decoded value, 0 without a mean */
	int32_t		code_sum;
} DistanceEncodeSums;

/* The same for a query's limbs. */
typedef struct DistanceLimbSums
{
	double		residual;		/* squares of value - step * level */
	double		value;			/* squares of the values */
	double		level;			/* exact */
	double		level2;			/* squares of the levels, exact */
} DistanceLimbSums;

/* |128 * hi + lo| for hi in [-127, 127], with lo in [-64, 63] */
#define DISTANCE_MAX_LEVEL 16256

typedef struct DistanceCodeKernels
{
	DistanceVariant variant;

	/*
	 * To and from codes, in double precision.  A *value* is x[i] * factor -
	 * mean[i]; mean may be NULL for zeros.  Every variant gives the same
	 * bits.
	 */

	/* sum x[i] * x[i], in partial sums as above */
	double		(*norm2_f64) (int dims, const float *x);

	/* The least and the greatest value; dims >= 1. */
	void		(*range_f64) (int dims, const float *x, const float *mean,
							  double factor, double range[2]);

	/*
	 * code[i] = (value - offset) / scale, rounded, 0 to 255; all 0 if scale
	 * is 0.
	 */
	void		(*encode_u8) (int dims, const float *x, const float *mean,
							  double factor, double offset, double scale,
							  bool absolute, uint8_t *code,
							  DistanceEncodeSums *sums);

	/*
	 * level = value / step, rounded, where step is the greatest absolute
	 * value divided by DISTANCE_MAX_LEVEL; hi and lo are its limbs.
	 */
	void		(*encode_limbs) (int dims, const float *x, const float *mean,
								 double factor, double step, int8_t *hi,
								 int8_t *lo, DistanceLimbSums *sums);

	/*
	 * sum |offset + scale * code[i] - z[i]|, in float32.
	 *
	 * |computed - exact| <= gamma(dims / 16 + 24) * exact + dims * 2^-22 * m
	 * + dims * 2^-148, where m = max(|offset|, |offset + 255 * scale|), as
	 * long as nothing overflows.
	 */
	float		(*l1_u8_f32) (int dims, const uint8_t *code, float scale,
							  float offset, const float *z);

	/*
	 * sum |(offset_a + scale_a * a[i]) - (offset_b + scale_b * b[i])|, in
	 * float32.
	 */
	float		(*l1_u8_u8) (int dims, const uint8_t *a, float scale_a,
							 float offset_a, const uint8_t *b, float scale_b,
							 float offset_b);

	/*
	 * Test count slots.  heads is the first slot's head, the next one lies
	 * stride_bytes further; sums holds count pairs (hi, lo).  Writes the
	 * numbers of the slots kept in ascending order and returns how many they
	 * are; kept has room for count entries.
	 */
	int			(*keep_ball) (const void *heads, size_t stride_bytes, int count,
							  const int32_t *sums, const DistanceCodeTest *test,
							  uint16_t *kept);
	int			(*keep_plane) (const void *heads, size_t stride_bytes, int count,
							   const int32_t *sums, const DistanceCodeTest *test,
							   uint16_t *kept);
} DistanceCodeKernels;

/*
 * Additions that one result of l1_u8_f32 can have passed through, in the
 * variant that has most.
 */
#define DISTANCE_CODES_L1_DEPTH(dims) ((dims) / 16 + 24)

/* The kernels of a variant that vx_distance_variant_supported() allows. */
extern const DistanceCodeKernels *vx_distance_code_kernels(DistanceVariant variant);

#endif							/* VX_DISTANCE_CODES_H */
