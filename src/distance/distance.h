/*-------------------------------------------------------------------------
 *
 * distance.h
 *	  Distance kernels and the choice among their instruction-set variants.
 *
 * This folder makes no server calls: it is linked into unit tests and
 * benchmarks as it is.  README.md holds the error bound of the float kernels
 * and its derivation.
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
	DISTANCE_VARIANT_AVX2,		/* AVX2 + FMA (and AVX-VNNI where present) */
	DISTANCE_VARIANT_AVX512,	/* AVX-512 F, BW, DQ, VL (and VNNI where
								 * present) */
	DISTANCE_VARIANT_NEON		/* aarch64 (and dotprod, i8mm where present) */
} DistanceVariant;

/* The three sums of one pass over a and b. */
typedef struct DistanceCosineSums
{
	float		dot;			/* sum a[i] * b[i] */
	float		norm_a;			/* sum a[i] * a[i] */
	float		norm_b;			/* sum b[i] * b[i] */
} DistanceCosineSums;

/*
 * One more than the additions that a term of a float sum can pass through, in
 * the variant where it passes most; README.md counts them.  At least 16
 * partial sums; a few additions more for the last terms and across lanes.
 */
#define DISTANCE_SUM_DEPTH(dims) ((dims) <= 10 ? (dims) : (dims) / 16 + 10)

/*
 * One variant.  Every function takes dims >= 0 and pointers without any
 * alignment requirement beyond the element's own, and reads no byte outside
 * the arrays it is given.
 */
typedef struct DistanceKernels
{
	DistanceVariant variant;
	const char *name;

	/*
	 * float32, accumulated in float32.
	 *
	 * |computed - exact| <= gamma(DISTANCE_SUM_DEPTH(dims) + 2) * sum |term|,
	 * where gamma(n) = n*u / (1 - n*u) and u = 2^-24, plus dims * 2^-149 for
	 * products that underflow, as long as nothing overflows.  Sums of terms
	 * >= 0 (all but the dot products) that overflow are +infinity; a dot
	 * product whose terms of either sign overflow can be NaN in one variant
	 * and not in another.
	 *
	 * Within one variant a result depends on dims and the values alone, never
	 * on where they lie in memory, and swapping a and b changes nothing.
	 */
	float		(*l2_squared_f32) (int dims, const float *a, const float *b);
	float		(*inner_product_f32) (int dims, const float *a, const float *b);
	float		(*l1_f32) (int dims, const float *a, const float *b);
	void		(*cosine_f32) (int dims, const float *a, const float *b,
							   DistanceCosineSums *sums);

	/*
	 * Integer kernels for 8-bit codes; every variant gives the same integers.
	 * The sums fit int32 up to 33,025 dimensions.
	 */

	/* sum code[i] * hi[i] and sum code[i] * lo[i] in one pass over code */
	void		(*dot_u8_s8x2) (int dims, const uint8_t *code,
								const int8_t *hi, const int8_t *lo,
								int32_t sums[2]);
	/* sum code[i] * limb[i] */
	int32_t		(*dot_u8_s8) (int dims, const uint8_t *code,
							  const int8_t *limb);
	/* sum a[i] * b[i] */
	int32_t		(*dot_u8_u8) (int dims, const uint8_t *a, const uint8_t *b);

	/*
	 * dot_u8_s8x2 over count codes, stride_bytes apart; out holds count pairs
	 * (hi sum, lo sum).  Faster per code than single calls, and it prefetches
	 * the codes ahead of the one at work, up to the last, and from there on
	 * those from behind on: where the next call will begin, or NULL.  Nothing
	 * there is read.
	 */
	void		(*dot_u8_s8x2_many) (int dims, const uint8_t *codes,
									 size_t stride_bytes,
									 const uint8_t *behind, int count,
									 const int8_t *hi, const int8_t *lo,
									 int32_t *out);

	/* The same for count codes anywhere in memory. */
	void		(*dot_u8_s8x2_list) (int dims, const uint8_t *const *codes,
									 int count, const int8_t *hi,
									 const int8_t *lo, int32_t *out);
	/* dot_u8_u8 of one code with each of count codes; out holds count sums. */
	void		(*dot_u8_u8_list) (int dims, const uint8_t *code,
								   const uint8_t *const *codes, int count,
								   int32_t *out);
} DistanceKernels;

/* The variant in use: never NULL; scalar until vx_distance_choose has run. */
extern const DistanceKernels *vx_distance;

/* True if this build and this CPU can run the variant (AUTO: always). */
extern bool vx_distance_variant_supported(DistanceVariant variant);

/*
 * The kernels of a variant (AUTO: the best), or NULL if it is not supported
 * here.
 */
extern const DistanceKernels *vx_distance_variant(DistanceVariant variant);

/*
 * Make vx_distance point at a variant.  AUTO, and a variant that is not
 * supported here, give the widest that is.
 */
extern void vx_distance_choose(DistanceVariant variant);

#endif							/* VX_DISTANCE_H */
