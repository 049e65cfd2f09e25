/*-------------------------------------------------------------------------
 *
 * distance_codes.h
 *	  Kernels over code slots beyond the integer dot products: L1 sums over
 *	  decoded codes, and the coarse test that keeps few slots of many.
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

typedef struct DistanceCodeKernels
{
	DistanceVariant variant;

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
