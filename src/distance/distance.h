/*-------------------------------------------------------------------------
 *
 * distance.h
 *	  Distance kernels and the choice among their instruction-set variants.
 *
 * This folder makes no server calls: it is linked into unit tests and
 * benchmarks as it is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_DISTANCE_H
#define VX_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DistanceVariant
{
	DISTANCE_VARIANT_AUTO = 0,
	DISTANCE_VARIANT_SCALAR,
	DISTANCE_VARIANT_AVX2,		/* AVX2 + FMA */
	DISTANCE_VARIANT_AVX512,	/* AVX-512 F, BW, VL (and VNNI where present) */
	DISTANCE_VARIANT_NEON
} DistanceVariant;

/* The three sums of one pass over a and b. */
typedef struct DistanceCosineSums
{
	float		dot;			/* sum a[i] * b[i] */
	float		norm_a;			/* sum a[i] * a[i] */
	float		norm_b;			/* sum b[i] * b[i] */
} DistanceCosineSums;

/*
 * One variant.  Every function takes dims >= 0 and pointers without any
 * alignment requirement beyond the element's own.
 */
typedef struct DistanceKernels
{
	DistanceVariant variant;
	const char *name;

	/* float32, accumulated in float32; overflow gives infinity */
	float		(*l2_squared_f32) (int dims, const float *a, const float *b);
	float		(*inner_product_f32) (int dims, const float *a, const float *b);
	float		(*l1_f32) (int dims, const float *a, const float *b);
	void		(*cosine_f32) (int dims, const float *a, const float *b,
							   DistanceCosineSums *sums);

	/*
	 * Integer kernels for 8-bit codes; every variant gives the same integers.
	 * The sums fit int32 up to 8,000 dimensions.
	 */

	/* sum code[i] * hi[i] and sum code[i] * lo[i] in one pass over code */
	void		(*dot_u8_s8x2) (int dims, const uint8_t *code,
								const int8_t *hi, const int8_t *lo,
								int32_t sums[2]);
	/* sum a[i] * b[i] */
	int32_t		(*dot_u8_u8) (int dims, const uint8_t *a, const uint8_t *b);

	/*
	 * dot_u8_s8x2 over count codes, stride_bytes apart; out holds count
	 * pairs (hi sum, lo sum).
	 */
	void		(*dot_u8_s8x2_many) (int dims, const uint8_t *codes,
									 size_t stride_bytes, int count,
									 const int8_t *hi, const int8_t *lo,
									 int32_t *out);
} DistanceKernels;

/* The variant in use; never NULL once vx_distance_choose has run. */
extern const DistanceKernels *vx_distance;

/* True if this build and this CPU can run the variant (AUTO: always). */
extern bool vx_distance_variant_supported(DistanceVariant variant);

/* The kernels of a variant, or NULL if it is not supported here. */
extern const DistanceKernels *vx_distance_variant(DistanceVariant variant);

/* Make vx_distance point at a supported variant (AUTO: the widest). */
extern void vx_distance_choose(DistanceVariant variant);

#endif							/* VX_DISTANCE_H */
