/*-------------------------------------------------------------------------
 *
 * distance_neon.c
 *	  The kernels for aarch64: NEON, and their integer half for the dot
 *	  product and i8mm extensions.
 *
 * NEON has no product of unsigned with signed bytes before i8mm, so codes are
 * moved to signed by flipping their top bit, which takes 128 off each, and
 * 128 * (sum of the limb) is put back at the end.
 *
 * The last few dimensions, less than a register, are done one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_variants.h"

#ifdef VX_DISTANCE_NEON

#include <arm_neon.h>
#include <math.h>

#define INLINE_NEON static inline __attribute__((always_inline))

/* What a float kernel adds up; constant wherever it is passed. */
typedef enum FloatTerm
{
	TERM_L2_SQUARED,
	TERM_PRODUCT,
	TERM_L1
} FloatTerm;

/* ((s0 + s1) + (s2 + s3)), then across lanes, always in this order. */
INLINE_NEON float
sum_lanes(float32x4_t s0, float32x4_t s1, float32x4_t s2, float32x4_t s3)
{
	return vaddvq_f32(vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3)));
}

INLINE_NEON float32x4_t
add_terms(FloatTerm term, float32x4_t sum, float32x4_t a, float32x4_t b)
{
	float32x4_t diff;

	if (term == TERM_PRODUCT)
		return vfmaq_f32(sum, a, b);
	if (term == TERM_L1)
		return vaddq_f32(sum, vabdq_f32(a, b));
	diff = vsubq_f32(a, b);
	return vfmaq_f32(sum, diff, diff);
}

INLINE_NEON float
sum_terms(FloatTerm term, int dims, const float *a, const float *b)
{
	float32x4_t s0 = vdupq_n_f32(0.0f);
	float32x4_t s1 = s0;
	float32x4_t s2 = s0;
	float32x4_t s3 = s0;
	float		sum;
	int			i;

	for (i = 0; i <= dims - 16; i += 16)
	{
		s0 = add_terms(term, s0, vld1q_f32(a + i), vld1q_f32(b + i));
		s1 = add_terms(term, s1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
		s2 = add_terms(term, s2, vld1q_f32(a + i + 8), vld1q_f32(b + i + 8));
		s3 = add_terms(term, s3, vld1q_f32(a + i + 12), vld1q_f32(b + i + 12));
	}
	for (; i <= dims - 4; i += 4)
		s0 = add_terms(term, s0, vld1q_f32(a + i), vld1q_f32(b + i));
	sum = sum_lanes(s0, s1, s2, s3);
	for (; i < dims; i++)
	{
		float		diff;

		if (term == TERM_PRODUCT)
		{
			sum = fmaf(a[i], b[i], sum);
			continue;
		}
		diff = a[i] - b[i];
		sum = term == TERM_L1 ? sum + fabsf(diff) : fmaf(diff, diff, sum);
	}
	return sum;
}

static float
l2_squared_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_L2_SQUARED, dims, a, b);
}

static float
inner_product_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_PRODUCT, dims, a, b);
}

static float
l1_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_L1, dims, a, b);
}

/* Four accumulators each of the three sums. */
typedef struct CosineAccumulators
{
	float32x4_t dot[4];
	float32x4_t norm_a[4];
	float32x4_t norm_b[4];
} CosineAccumulators;

INLINE_NEON void
add_cosine_terms(CosineAccumulators *s, int k, float32x4_t a, float32x4_t b)
{
	s->dot[k] = vfmaq_f32(s->dot[k], a, b);
	s->norm_a[k] = vfmaq_f32(s->norm_a[k], a, a);
	s->norm_b[k] = vfmaq_f32(s->norm_b[k], b, b);
}

static void
cosine_f32(int dims, const float *a, const float *b, DistanceCosineSums *sums)
{
	float32x4_t zero = vdupq_n_f32(0.0f);
	CosineAccumulators s = {
		{zero, zero, zero, zero}, {zero, zero, zero, zero}, {zero, zero, zero, zero}
	};
	int			i;

	for (i = 0; i <= dims - 16; i += 16)
	{
		add_cosine_terms(&s, 0, vld1q_f32(a + i), vld1q_f32(b + i));
		add_cosine_terms(&s, 1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
		add_cosine_terms(&s, 2, vld1q_f32(a + i + 8), vld1q_f32(b + i + 8));
		add_cosine_terms(&s, 3, vld1q_f32(a + i + 12), vld1q_f32(b + i + 12));
	}
	for (; i <= dims - 4; i += 4)
		add_cosine_terms(&s, 0, vld1q_f32(a + i), vld1q_f32(b + i));
	sums->dot = sum_lanes(s.dot[0], s.dot[1], s.dot[2], s.dot[3]);
	sums->norm_a = sum_lanes(s.norm_a[0], s.norm_a[1], s.norm_a[2], s.norm_a[3]);
	sums->norm_b = sum_lanes(s.norm_b[0], s.norm_b[1], s.norm_b[2], s.norm_b[3]);
	for (; i < dims; i++)
	{
		sums->dot = fmaf(a[i], b[i], sums->dot);
		sums->norm_a = fmaf(a[i], a[i], sums->norm_a);
		sums->norm_b = fmaf(b[i], b[i], sums->norm_b);
	}
}

INLINE_NEON int8x16_t
load_flipped(const uint8_t *code)
{
	return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(code), vdupq_n_u8(0x80)));
}

/* sum + a * b, a pair of 16-bit products to a lane, exact */
INLINE_NEON int32x4_t
add_products_s8(int32x4_t sum, int8x16_t a, int8x16_t b)
{
	sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
	return vpadalq_s16(sum, vmull_high_s8(a, b));
}

static void
dot_u8_s8x2(int dims, const uint8_t *code, const int8_t *hi, const int8_t *lo,
			int32_t sums[2])
{
	int32x4_t	zero = vdupq_n_s32(0);
	int32x4_t	hi_products = zero;
	int32x4_t	hi_sum = zero;
	int32x4_t	lo_products = zero;
	int32x4_t	lo_sum = zero;
	int			i;

	for (i = 0; i <= dims - 16; i += 16)
	{
		int8x16_t	c = load_flipped(code + i);
		int8x16_t	h = vld1q_s8(hi + i);
		int8x16_t	l = vld1q_s8(lo + i);

		hi_products = add_products_s8(hi_products, c, h);
		hi_sum = vpadalq_s16(hi_sum, vpaddlq_s8(h));
		lo_products = add_products_s8(lo_products, c, l);
		lo_sum = vpadalq_s16(lo_sum, vpaddlq_s8(l));
	}
	sums[0] = vaddvq_s32(vaddq_s32(hi_products, vshlq_n_s32(hi_sum, 7)));
	sums[1] = vaddvq_s32(vaddq_s32(lo_products, vshlq_n_s32(lo_sum, 7)));
	for (; i < dims; i++)
	{
		sums[0] += code[i] * hi[i];
		sums[1] += code[i] * lo[i];
	}
}

static int32_t
dot_u8_s8(int dims, const uint8_t *code, const int8_t *limb)
{
	int32x4_t	products0 = vdupq_n_s32(0);
	int32x4_t	products1 = products0;
	int32x4_t	limb_sum = products0;
	int32_t		sum;
	int			i;

	for (i = 0; i <= dims - 16; i += 16)
	{
		int8x16_t	c = load_flipped(code + i);
		int8x16_t	x = vld1q_s8(limb + i);

		products0 = vpadalq_s16(products0, vmull_s8(vget_low_s8(c), vget_low_s8(x)));
		products1 = vpadalq_s16(products1, vmull_high_s8(c, x));
		limb_sum = vpadalq_s16(limb_sum, vpaddlq_s8(x));
	}
	sum = vaddvq_s32(vaddq_s32(vaddq_s32(products0, products1),
							   vshlq_n_s32(limb_sum, 7)));
	for (; i < dims; i++)
		sum += code[i] * limb[i];
	return sum;
}

static int32_t
dot_u8_u8(int dims, const uint8_t *a, const uint8_t *b)
{
	uint32x4_t	s0 = vdupq_n_u32(0);
	uint32x4_t	s1 = s0;
	int32_t		sum;
	int			i;

	for (i = 0; i <= dims - 16; i += 16)
	{
		uint8x16_t	x = vld1q_u8(a + i);
		uint8x16_t	y = vld1q_u8(b + i);

		s0 = vpadalq_u16(s0, vmull_u8(vget_low_u8(x), vget_low_u8(y)));
		s1 = vpadalq_u16(s1, vmull_high_u8(x, y));
	}
	sum = (int32_t) vaddvq_u32(vaddq_u32(s0, s1));
	for (; i < dims; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
dot_u8_s8x2_many(int dims, const uint8_t *codes, size_t stride_bytes,
				 const uint8_t *behind, int count,
				 const int8_t *hi, const int8_t *lo, int32_t *out)
{
	dot_each_limbs(dot_u8_s8x2, dims, codes, stride_bytes, NULL, behind, count, hi, lo, out);
}

static void
dot_u8_s8x2_list(int dims, const uint8_t *const *codes, int count,
				 const int8_t *hi, const int8_t *lo, int32_t *out)
{
	dot_each_limbs(dot_u8_s8x2, dims, NULL, 0, codes, NULL, count, hi, lo, out);
}

static void
dot_u8_u8_list(int dims, const uint8_t *code, const uint8_t *const *codes,
			   int count, int32_t *out)
{
	dot_each_code(dot_u8_u8, dims, code, codes, count, out);
}

const DistanceKernels vx_distance_neon = {
	DISTANCE_VARIANT_NEON,
	"neon",
	l2_squared_f32,
	inner_product_f32,
	l1_f32,
	cosine_f32,
	dot_u8_s8x2,
	dot_u8_s8,
	dot_u8_u8,
	dot_u8_s8x2_many,
	dot_u8_s8x2_list,
	dot_u8_u8_list
};

#ifdef VX_DISTANCE_DOTPROD

#ifdef __ARM_FEATURE_DOTPROD
#define TARGET_DOTPROD
#else
#define TARGET_DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

TARGET_DOTPROD static void
dot_u8_s8x2_dotprod(int dims, const uint8_t *code, const int8_t *hi,
					const int8_t *lo, int32_t sums[2])
{
	int32x4_t	zero = vdupq_n_s32(0);
	int8x16_t	ones = vdupq_n_s8(1);
	int32x4_t	hi_products[2] = {zero, zero};
	int32x4_t	hi_sum[2] = {zero, zero};
	int32x4_t	lo_products[2] = {zero, zero};
	int32x4_t	lo_sum[2] = {zero, zero};
	int8x16_t	c;
	int8x16_t	h;
	int8x16_t	l;
	int			i;

	for (i = 0; i <= dims - 32; i += 32)
	{
		c = load_flipped(code + i);
		h = vld1q_s8(hi + i);
		l = vld1q_s8(lo + i);
		hi_products[0] = vdotq_s32(hi_products[0], c, h);
		hi_sum[0] = vdotq_s32(hi_sum[0], h, ones);
		lo_products[0] = vdotq_s32(lo_products[0], c, l);
		lo_sum[0] = vdotq_s32(lo_sum[0], l, ones);
		c = load_flipped(code + i + 16);
		h = vld1q_s8(hi + i + 16);
		l = vld1q_s8(lo + i + 16);
		hi_products[1] = vdotq_s32(hi_products[1], c, h);
		hi_sum[1] = vdotq_s32(hi_sum[1], h, ones);
		lo_products[1] = vdotq_s32(lo_products[1], c, l);
		lo_sum[1] = vdotq_s32(lo_sum[1], l, ones);
	}
	if (i <= dims - 16)
	{
		c = load_flipped(code + i);
		h = vld1q_s8(hi + i);
		l = vld1q_s8(lo + i);
		hi_products[0] = vdotq_s32(hi_products[0], c, h);
		hi_sum[0] = vdotq_s32(hi_sum[0], h, ones);
		lo_products[0] = vdotq_s32(lo_products[0], c, l);
		lo_sum[0] = vdotq_s32(lo_sum[0], l, ones);
		i += 16;
	}
	sums[0] = vaddvq_s32(vaddq_s32(vaddq_s32(hi_products[0], hi_products[1]),
								   vshlq_n_s32(vaddq_s32(hi_sum[0], hi_sum[1]), 7)));
	sums[1] = vaddvq_s32(vaddq_s32(vaddq_s32(lo_products[0], lo_products[1]),
								   vshlq_n_s32(vaddq_s32(lo_sum[0], lo_sum[1]), 7)));
	for (; i < dims; i++)
	{
		sums[0] += code[i] * hi[i];
		sums[1] += code[i] * lo[i];
	}
}

TARGET_DOTPROD static int32_t
dot_u8_s8_dotprod(int dims, const uint8_t *code, const int8_t *limb)
{
	int32x4_t	zero = vdupq_n_s32(0);
	int8x16_t	ones = vdupq_n_s8(1);
	int32x4_t	products[2] = {zero, zero};
	int32x4_t	limb_sum[2] = {zero, zero};
	int8x16_t	x;
	int32_t		sum;
	int			i;

	for (i = 0; i <= dims - 32; i += 32)
	{
		x = vld1q_s8(limb + i);
		products[0] = vdotq_s32(products[0], load_flipped(code + i), x);
		limb_sum[0] = vdotq_s32(limb_sum[0], x, ones);
		x = vld1q_s8(limb + i + 16);
		products[1] = vdotq_s32(products[1], load_flipped(code + i + 16), x);
		limb_sum[1] = vdotq_s32(limb_sum[1], x, ones);
	}
	if (i <= dims - 16)
	{
		x = vld1q_s8(limb + i);
		products[0] = vdotq_s32(products[0], load_flipped(code + i), x);
		limb_sum[0] = vdotq_s32(limb_sum[0], x, ones);
		i += 16;
	}
	sum = vaddvq_s32(vaddq_s32(vaddq_s32(products[0], products[1]),
							   vshlq_n_s32(vaddq_s32(limb_sum[0], limb_sum[1]), 7)));
	for (; i < dims; i++)
		sum += code[i] * limb[i];
	return sum;
}

TARGET_DOTPROD static int32_t
dot_u8_u8_dotprod(int dims, const uint8_t *a, const uint8_t *b)
{
	uint32x4_t	s0 = vdupq_n_u32(0);
	uint32x4_t	s1 = s0;
	uint32x4_t	s2 = s0;
	uint32x4_t	s3 = s0;
	int32_t		sum;
	int			i;

	for (i = 0; i <= dims - 64; i += 64)
	{
		s0 = vdotq_u32(s0, vld1q_u8(a + i), vld1q_u8(b + i));
		s1 = vdotq_u32(s1, vld1q_u8(a + i + 16), vld1q_u8(b + i + 16));
		s2 = vdotq_u32(s2, vld1q_u8(a + i + 32), vld1q_u8(b + i + 32));
		s3 = vdotq_u32(s3, vld1q_u8(a + i + 48), vld1q_u8(b + i + 48));
	}
	for (; i <= dims - 16; i += 16)
		s0 = vdotq_u32(s0, vld1q_u8(a + i), vld1q_u8(b + i));
	sum = (int32_t) vaddvq_u32(vaddq_u32(vaddq_u32(s0, s1), vaddq_u32(s2, s3)));
	for (; i < dims; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
dot_u8_s8x2_many_dotprod(int dims, const uint8_t *codes, size_t stride_bytes,
						 const uint8_t *behind, int count,
						 const int8_t *hi, const int8_t *lo, int32_t *out)
{
	dot_each_limbs(dot_u8_s8x2_dotprod, dims, codes, stride_bytes, NULL, behind, count,
				   hi, lo, out);
}

static void
dot_u8_s8x2_list_dotprod(int dims, const uint8_t *const *codes, int count,
						 const int8_t *hi, const int8_t *lo, int32_t *out)
{
	dot_each_limbs(dot_u8_s8x2_dotprod, dims, NULL, 0, codes, NULL, count, hi, lo, out);
}

static void
dot_u8_u8_list_dotprod(int dims, const uint8_t *code, const uint8_t *const *codes,
					   int count, int32_t *out)
{
	dot_each_code(dot_u8_u8_dotprod, dims, code, codes, count, out);
}

const DistanceKernels vx_distance_neon_dotprod = {
	DISTANCE_VARIANT_NEON,
	"neon-dotprod",
	l2_squared_f32,
	inner_product_f32,
	l1_f32,
	cosine_f32,
	dot_u8_s8x2_dotprod,
	dot_u8_s8_dotprod,
	dot_u8_u8_dotprod,
	dot_u8_s8x2_many_dotprod,
	dot_u8_s8x2_list_dotprod,
	dot_u8_u8_list_dotprod
};

#endif							/* VX_DISTANCE_DOTPROD */

#ifdef VX_DISTANCE_I8MM

#ifdef __ARM_FEATURE_MATMUL_INT8
#define TARGET_I8MM
#else
#define TARGET_I8MM __attribute__((target("arch=armv8.2-a+dotprod+i8mm")))
#endif

TARGET_I8MM static void
dot_u8_s8x2_i8mm(int dims, const uint8_t *code, const int8_t *hi,
				 const int8_t *lo, int32_t sums[2])
{
	int32x4_t	zero = vdupq_n_s32(0);
	int32x4_t	h[4] = {zero, zero, zero, zero};
	int32x4_t	l[4] = {zero, zero, zero, zero};
	uint8x16_t	c;
	int			i;

	for (i = 0; i <= dims - 64; i += 64)
	{
		c = vld1q_u8(code + i);
		h[0] = vusdotq_s32(h[0], c, vld1q_s8(hi + i));
		l[0] = vusdotq_s32(l[0], c, vld1q_s8(lo + i));
		c = vld1q_u8(code + i + 16);
		h[1] = vusdotq_s32(h[1], c, vld1q_s8(hi + i + 16));
		l[1] = vusdotq_s32(l[1], c, vld1q_s8(lo + i + 16));
		c = vld1q_u8(code + i + 32);
		h[2] = vusdotq_s32(h[2], c, vld1q_s8(hi + i + 32));
		l[2] = vusdotq_s32(l[2], c, vld1q_s8(lo + i + 32));
		c = vld1q_u8(code + i + 48);
		h[3] = vusdotq_s32(h[3], c, vld1q_s8(hi + i + 48));
		l[3] = vusdotq_s32(l[3], c, vld1q_s8(lo + i + 48));
	}
	for (; i <= dims - 16; i += 16)
	{
		c = vld1q_u8(code + i);
		h[0] = vusdotq_s32(h[0], c, vld1q_s8(hi + i));
		l[0] = vusdotq_s32(l[0], c, vld1q_s8(lo + i));
	}
	sums[0] = vaddvq_s32(vaddq_s32(vaddq_s32(h[0], h[1]), vaddq_s32(h[2], h[3])));
	sums[1] = vaddvq_s32(vaddq_s32(vaddq_s32(l[0], l[1]), vaddq_s32(l[2], l[3])));
	for (; i < dims; i++)
	{
		sums[0] += code[i] * hi[i];
		sums[1] += code[i] * lo[i];
	}
}

TARGET_I8MM static int32_t
dot_u8_s8_i8mm(int dims, const uint8_t *code, const int8_t *limb)
{
	int32x4_t	zero = vdupq_n_s32(0);
	int32x4_t	s[4] = {zero, zero, zero, zero};
	int32_t		sum;
	int			i;

	for (i = 0; i <= dims - 64; i += 64)
	{
		s[0] = vusdotq_s32(s[0], vld1q_u8(code + i), vld1q_s8(limb + i));
		s[1] = vusdotq_s32(s[1], vld1q_u8(code + i + 16), vld1q_s8(limb + i + 16));
		s[2] = vusdotq_s32(s[2], vld1q_u8(code + i + 32), vld1q_s8(limb + i + 32));
		s[3] = vusdotq_s32(s[3], vld1q_u8(code + i + 48), vld1q_s8(limb + i + 48));
	}
	for (; i <= dims - 16; i += 16)
		s[0] = vusdotq_s32(s[0], vld1q_u8(code + i), vld1q_s8(limb + i));
	sum = vaddvq_s32(vaddq_s32(vaddq_s32(s[0], s[1]), vaddq_s32(s[2], s[3])));
	for (; i < dims; i++)
		sum += code[i] * limb[i];
	return sum;
}

static void
dot_u8_s8x2_many_i8mm(int dims, const uint8_t *codes, size_t stride_bytes,
					  const uint8_t *behind, int count,
					  const int8_t *hi, const int8_t *lo, int32_t *out)
{
	dot_each_limbs(dot_u8_s8x2_i8mm, dims, codes, stride_bytes, NULL, behind, count,
				   hi, lo, out);
}

static void
dot_u8_s8x2_list_i8mm(int dims, const uint8_t *const *codes, int count,
					  const int8_t *hi, const int8_t *lo, int32_t *out)
{
	dot_each_limbs(dot_u8_s8x2_i8mm, dims, NULL, 0, codes, NULL, count, hi, lo, out);
}

/* Two unsigned operands gain nothing from i8mm. */
const DistanceKernels vx_distance_neon_i8mm = {
	DISTANCE_VARIANT_NEON,
	"neon-i8mm",
	l2_squared_f32,
	inner_product_f32,
	l1_f32,
	cosine_f32,
	dot_u8_s8x2_i8mm,
	dot_u8_s8_i8mm,
	dot_u8_u8_dotprod,
	dot_u8_s8x2_many_i8mm,
	dot_u8_s8x2_list_i8mm,
	dot_u8_u8_list_dotprod
};

#endif							/* VX_DISTANCE_I8MM */

#else							/* !VX_DISTANCE_NEON */

/* ISO C wants something in every file. */
typedef int vx_distance_neon_unused;

#endif							/* VX_DISTANCE_NEON */
