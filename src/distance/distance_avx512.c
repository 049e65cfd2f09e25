/*-------------------------------------------------------------------------
 *
 * distance_avx512.c
 *	  The kernels for AVX-512 F, BW, DQ, VL, and their integer half for VNNI.
 *
 * Tails are masked loads, which read nothing where the mask is zero, so there
 * is no second code path for short vectors.  Float kernels keep four
 * accumulators of sixteen lanes.
 *
 * Integer kernels without VNNI work on nibbles, as in distance_avx2.c, where
 * the reason is given.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_variants.h"

#ifdef VX_DISTANCE_X86

#include <immintrin.h>

#define TARGET_AVX512 \
	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define TARGET_VNNI \
	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define INLINE_AVX512 static inline __attribute__((always_inline)) TARGET_AVX512
#define INLINE_VNNI static inline __attribute__((always_inline)) TARGET_VNNI

/*
 * Keep a loaded vector in its register.  gcc would rather load it again for
 * each use, and these loops are bound by their loads.
 */
#define KEEP(vector) __asm__("" : "+v" (vector))

/* What a float kernel adds up; constant wherever it is passed. */
typedef enum FloatTerm
{
	TERM_L2_SQUARED,
	TERM_PRODUCT,
	TERM_L1
} FloatTerm;

/* The first n of 64 lanes, n < 64. */
INLINE_AVX512 uint64_t
first_lanes_mask(int n)
{
	return (UINT64_C(1) << n) - 1;
}

/* (s0 + s1) + (s2 + s3), then across lanes, always in this order. */
INLINE_AVX512 float
sum_lanes(__m512 s0, __m512 s1, __m512 s2, __m512 s3)
{
	__m512		s = _mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3));
	__m256		y = _mm256_add_ps(_mm512_castps512_ps256(s),
								  _mm512_extractf32x8_ps(s, 1));
	__m128		x = _mm_add_ps(_mm256_castps256_ps128(y),
							   _mm256_extractf128_ps(y, 1));

	x = _mm_add_ps(x, _mm_movehl_ps(x, x));
	x = _mm_add_ss(x, _mm_movehdup_ps(x));
	return _mm_cvtss_f32(x);
}

INLINE_AVX512 __m512
add_terms(FloatTerm term, __m512 sum, __m512 a, __m512 b)
{
	__m512		diff;

	if (term == TERM_PRODUCT)
		return _mm512_fmadd_ps(a, b, sum);
	diff = _mm512_sub_ps(a, b);
	if (term == TERM_L2_SQUARED)
		return _mm512_fmadd_ps(diff, diff, sum);
	return _mm512_add_ps(sum, _mm512_abs_ps(diff));
}

INLINE_AVX512 __m512
add_masked_terms(FloatTerm term, __m512 sum, uint64_t lanes, const float *a,
				 const float *b)
{
	__mmask16	mask = (__mmask16) lanes;

	return add_terms(term, sum, _mm512_maskz_loadu_ps(mask, a),
					 _mm512_maskz_loadu_ps(mask, b));
}

INLINE_AVX512 float
sum_terms(FloatTerm term, int dims, const float *a, const float *b)
{
	__m512		s0 = _mm512_setzero_ps();
	__m512		s1 = _mm512_setzero_ps();
	__m512		s2 = _mm512_setzero_ps();
	__m512		s3 = _mm512_setzero_ps();
	int			i;

	for (i = 0; i <= dims - 64; i += 64)
	{
		s0 = add_terms(term, s0, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
		s1 = add_terms(term, s1, _mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
		s2 = add_terms(term, s2, _mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32));
		s3 = add_terms(term, s3, _mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48));
	}
	if (i < dims)
	{
		uint64_t	lanes = first_lanes_mask(dims - i);

		s0 = add_masked_terms(term, s0, lanes, a + i, b + i);
		if (i < dims - 16)
			s1 = add_masked_terms(term, s1, lanes >> 16, a + i + 16, b + i + 16);
		if (i < dims - 32)
			s2 = add_masked_terms(term, s2, lanes >> 32, a + i + 32, b + i + 32);
		if (i < dims - 48)
			s3 = add_masked_terms(term, s3, lanes >> 48, a + i + 48, b + i + 48);
	}
	return sum_lanes(s0, s1, s2, s3);
}

TARGET_AVX512 static float
l2_squared_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_L2_SQUARED, dims, a, b);
}

TARGET_AVX512 static float
inner_product_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_PRODUCT, dims, a, b);
}

TARGET_AVX512 static float
l1_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_L1, dims, a, b);
}

/* Four accumulators each of the three sums. */
typedef struct CosineAccumulators
{
	__m512		dot[4];
	__m512		norm_a[4];
	__m512		norm_b[4];
} CosineAccumulators;

INLINE_AVX512 void
add_cosine_terms(CosineAccumulators *s, int k, __m512 a, __m512 b)
{
	KEEP(a);
	KEEP(b);
	s->dot[k] = _mm512_fmadd_ps(a, b, s->dot[k]);
	s->norm_a[k] = _mm512_fmadd_ps(a, a, s->norm_a[k]);
	s->norm_b[k] = _mm512_fmadd_ps(b, b, s->norm_b[k]);
}

INLINE_AVX512 void
add_masked_cosine_terms(CosineAccumulators *s, int k, uint64_t lanes,
						const float *a, const float *b)
{
	__mmask16	mask = (__mmask16) lanes;

	add_cosine_terms(s, k, _mm512_maskz_loadu_ps(mask, a),
					 _mm512_maskz_loadu_ps(mask, b));
}

TARGET_AVX512 static void
cosine_f32(int dims, const float *a, const float *b, DistanceCosineSums *sums)
{
	__m512		zero = _mm512_setzero_ps();
	CosineAccumulators s = {
		{zero, zero, zero, zero}, {zero, zero, zero, zero}, {zero, zero, zero, zero}
	};
	int			i;

	for (i = 0; i <= dims - 64; i += 64)
	{
		add_cosine_terms(&s, 0, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
		add_cosine_terms(&s, 1, _mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
		add_cosine_terms(&s, 2, _mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32));
		add_cosine_terms(&s, 3, _mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48));
	}
	if (i < dims)
	{
		uint64_t	lanes = first_lanes_mask(dims - i);

		add_masked_cosine_terms(&s, 0, lanes, a + i, b + i);
		if (i < dims - 16)
			add_masked_cosine_terms(&s, 1, lanes >> 16, a + i + 16, b + i + 16);
		if (i < dims - 32)
			add_masked_cosine_terms(&s, 2, lanes >> 32, a + i + 32, b + i + 32);
		if (i < dims - 48)
			add_masked_cosine_terms(&s, 3, lanes >> 48, a + i + 48, b + i + 48);
	}
	sums->dot = sum_lanes(s.dot[0], s.dot[1], s.dot[2], s.dot[3]);
	sums->norm_a = sum_lanes(s.norm_a[0], s.norm_a[1], s.norm_a[2], s.norm_a[3]);
	sums->norm_b = sum_lanes(s.norm_b[0], s.norm_b[1], s.norm_b[2], s.norm_b[3]);
}

/* The lower half of the lanes plus the upper. */
INLINE_AVX512 __m256i
fold_lanes(__m512i s)
{
	return _mm256_add_epi32(_mm512_castsi512_si256(s), _mm512_extracti64x4_epi64(s, 1));
}

INLINE_AVX512 __m512i
sum_four(const __m512i s[4])
{
	return _mm512_add_epi32(_mm512_add_epi32(s[0], s[1]), _mm512_add_epi32(s[2], s[3]));
}

INLINE_AVX512 int32_t
sum_lanes_s32(__m512i s)
{
	__m256i		y = fold_lanes(s);
	__m128i		x = _mm_add_epi32(_mm256_castsi256_si128(y),
								  _mm256_extracti128_si256(y, 1));

	x = _mm_add_epi32(x, _mm_unpackhi_epi64(x, x));
	return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 1)));
}

/* Stores the sum of hi's and the sum of lo's lanes. */
INLINE_AVX512 void
store_sums_pair(int32_t sums[2], __m512i hi, __m512i lo)
{
	__m256i		y = fold_lanes(_mm512_add_epi32(_mm512_unpacklo_epi32(hi, lo),
												_mm512_unpackhi_epi32(hi, lo)));
	__m128i		x = _mm_add_epi32(_mm256_castsi256_si128(y),
								  _mm256_extracti128_si256(y, 1));

	_mm_storel_epi64((__m128i *) sums, _mm_add_epi32(x, _mm_unpackhi_epi64(x, x)));
}

/*
 * int16 sums of products with a code's low and high nibbles.  A step adds at
 * most 2 * 15 * 128 = 3840 to a lane: eight steps fit.
 */
typedef struct NibbleSums
{
	__m512i		hi_low;
	__m512i		hi_high;
	__m512i		lo_low;
	__m512i		lo_high;
} NibbleSums;

INLINE_AVX512 void
add_nibbles(bool two_limbs, NibbleSums *s, __m512i code, __m512i hi, __m512i lo)
{
	__m512i		nibble = _mm512_set1_epi8(15);
	__m512i		low = _mm512_and_si512(code, nibble);
	__m512i		high = _mm512_and_si512(_mm512_srli_epi16(code, 4), nibble);

	KEEP(hi);
	s->hi_low = _mm512_add_epi16(s->hi_low, _mm512_maddubs_epi16(low, hi));
	s->hi_high = _mm512_add_epi16(s->hi_high, _mm512_maddubs_epi16(high, hi));
	if (two_limbs)
	{
		KEEP(lo);
		s->lo_low = _mm512_add_epi16(s->lo_low, _mm512_maddubs_epi16(low, lo));
		s->lo_high = _mm512_add_epi16(s->lo_high, _mm512_maddubs_epi16(high, lo));
	}
}

/* sum + low + 16 * high, widened from int16 */
INLINE_AVX512 __m512i
widen_nibble_sums(__m512i sum, __m512i low, __m512i high)
{
	sum = _mm512_add_epi32(sum, _mm512_madd_epi16(low, _mm512_set1_epi16(1)));
	return _mm512_add_epi32(sum, _mm512_madd_epi16(high, _mm512_set1_epi16(16)));
}

/* The common pass of dot_u8_s8x2 and, with lo the same as hi, dot_u8_s8. */
INLINE_AVX512 void
dot_nibbles(bool two_limbs, int dims, const uint8_t *code, const int8_t *hi,
			const int8_t *lo, __m512i *hi_sum, __m512i *lo_sum)
{
	__m512i		zero = _mm512_setzero_si512();
	NibbleSums	s;
	int			i = 0;

	*hi_sum = zero;
	*lo_sum = zero;
	do
	{
		s.hi_low = s.hi_high = s.lo_low = s.lo_high = zero;
		if (i <= dims - 512)
		{
			int			end = i + 512;

			for (; i < end; i += 128)
			{
				add_nibbles(two_limbs, &s, _mm512_loadu_si512(code + i),
							_mm512_loadu_si512(hi + i), _mm512_loadu_si512(lo + i));
				add_nibbles(two_limbs, &s, _mm512_loadu_si512(code + i + 64),
							_mm512_loadu_si512(hi + i + 64),
							_mm512_loadu_si512(lo + i + 64));
			}
		}
		else
		{
			/* seven steps and a tail at most */
			for (; i <= dims - 64; i += 64)
				add_nibbles(two_limbs, &s, _mm512_loadu_si512(code + i),
							_mm512_loadu_si512(hi + i), _mm512_loadu_si512(lo + i));
			if (i < dims)
			{
				__mmask64	mask = first_lanes_mask(dims - i);

				add_nibbles(two_limbs, &s, _mm512_maskz_loadu_epi8(mask, code + i),
							_mm512_maskz_loadu_epi8(mask, hi + i),
							_mm512_maskz_loadu_epi8(mask, lo + i));
				i = dims;
			}
		}
		*hi_sum = widen_nibble_sums(*hi_sum, s.hi_low, s.hi_high);
		if (two_limbs)
			*lo_sum = widen_nibble_sums(*lo_sum, s.lo_low, s.lo_high);
	} while (i < dims);
}

TARGET_AVX512 static void
dot_u8_s8x2(int dims, const uint8_t *code, const int8_t *hi, const int8_t *lo,
			int32_t sums[2])
{
	__m512i		sum_hi;
	__m512i		sum_lo;

	dot_nibbles(true, dims, code, hi, lo, &sum_hi, &sum_lo);
	store_sums_pair(sums, sum_hi, sum_lo);
}

TARGET_AVX512 static int32_t
dot_u8_s8(int dims, const uint8_t *code, const int8_t *limb)
{
	__m512i		sum;
	__m512i		unused;

	dot_nibbles(false, dims, code, limb, limb, &sum, &unused);
	return sum_lanes_s32(sum);
}

/* sum + the products of even bytes and of odd bytes, exact */
INLINE_AVX512 __m512i
add_products_u8_u8(__m512i sum, __m512i a, __m512i b)
{
	__m512i		even = _mm512_set1_epi16(255);

	KEEP(a);
	KEEP(b);
	sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_and_si512(a, even),
												  _mm512_and_si512(b, even)));
	return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_srli_epi16(a, 8),
												   _mm512_srli_epi16(b, 8)));
}

TARGET_AVX512 static int32_t
dot_u8_u8(int dims, const uint8_t *a, const uint8_t *b)
{
	__m512i		s0 = _mm512_setzero_si512();
	__m512i		s1 = _mm512_setzero_si512();
	int			i;

	for (i = 0; i <= dims - 128; i += 128)
	{
		s0 = add_products_u8_u8(s0, _mm512_loadu_si512(a + i),
								_mm512_loadu_si512(b + i));
		s1 = add_products_u8_u8(s1, _mm512_loadu_si512(a + i + 64),
								_mm512_loadu_si512(b + i + 64));
	}
	if (i <= dims - 64)
	{
		s0 = add_products_u8_u8(s0, _mm512_loadu_si512(a + i),
								_mm512_loadu_si512(b + i));
		i += 64;
	}
	if (i < dims)
	{
		__mmask64	mask = first_lanes_mask(dims - i);

		s1 = add_products_u8_u8(s1, _mm512_maskz_loadu_epi8(mask, a + i),
								_mm512_maskz_loadu_epi8(mask, b + i));
	}
	return sum_lanes_s32(_mm512_add_epi32(s0, s1));
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

const DistanceKernels vx_distance_avx512 = {
	DISTANCE_VARIANT_AVX512,
	"avx512",
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

/*
 * VNNI: _mm512_dpbusd_epi32 adds four u8 * s8 products to an int32 lane
 * without saturating.  For two unsigned operands one is moved to signed by
 * flipping its top bit, which takes 128 off each factor; 128 * (sum of the
 * other operand) is put back at the end.
 */

/* hi and lo += the products of 64 bytes of a code with the two limbs' */
INLINE_VNNI void
add_limbs(__m512i *hi_sum, __m512i *lo_sum, __m512i code, __m512i hi, __m512i lo)
{
	KEEP(code);
	*hi_sum = _mm512_dpbusd_epi32(*hi_sum, code, hi);
	*lo_sum = _mm512_dpbusd_epi32(*lo_sum, code, lo);
}

TARGET_VNNI static void
dot_u8_s8x2_vnni(int dims, const uint8_t *code, const int8_t *hi,
				 const int8_t *lo, int32_t sums[2])
{
	__m512i		zero = _mm512_setzero_si512();
	__m512i		h[4] = {zero, zero, zero, zero};
	__m512i		l[4] = {zero, zero, zero, zero};
	int			i;

	for (i = 0; i <= dims - 256; i += 256)
	{
		add_limbs(&h[0], &l[0], _mm512_loadu_si512(code + i),
				  _mm512_loadu_si512(hi + i), _mm512_loadu_si512(lo + i));
		add_limbs(&h[1], &l[1], _mm512_loadu_si512(code + i + 64),
				  _mm512_loadu_si512(hi + i + 64), _mm512_loadu_si512(lo + i + 64));
		add_limbs(&h[2], &l[2], _mm512_loadu_si512(code + i + 128),
				  _mm512_loadu_si512(hi + i + 128), _mm512_loadu_si512(lo + i + 128));
		add_limbs(&h[3], &l[3], _mm512_loadu_si512(code + i + 192),
				  _mm512_loadu_si512(hi + i + 192), _mm512_loadu_si512(lo + i + 192));
	}
	if (i <= dims - 128)
	{
		add_limbs(&h[0], &l[0], _mm512_loadu_si512(code + i),
				  _mm512_loadu_si512(hi + i), _mm512_loadu_si512(lo + i));
		add_limbs(&h[1], &l[1], _mm512_loadu_si512(code + i + 64),
				  _mm512_loadu_si512(hi + i + 64), _mm512_loadu_si512(lo + i + 64));
		i += 128;
	}
	if (i <= dims - 64)
	{
		add_limbs(&h[2], &l[2], _mm512_loadu_si512(code + i),
				  _mm512_loadu_si512(hi + i), _mm512_loadu_si512(lo + i));
		i += 64;
	}
	if (i < dims)
	{
		__mmask64	mask = first_lanes_mask(dims - i);

		add_limbs(&h[3], &l[3], _mm512_maskz_loadu_epi8(mask, code + i),
				  _mm512_maskz_loadu_epi8(mask, hi + i),
				  _mm512_maskz_loadu_epi8(mask, lo + i));
	}
	store_sums_pair(sums, sum_four(h), sum_four(l));
}

TARGET_VNNI static int32_t
dot_u8_s8_vnni(int dims, const uint8_t *code, const int8_t *limb)
{
	__m512i		zero = _mm512_setzero_si512();
	__m512i		s[4] = {zero, zero, zero, zero};
	int			i;

	for (i = 0; i <= dims - 256; i += 256)
	{
		s[0] = _mm512_dpbusd_epi32(s[0], _mm512_loadu_si512(code + i),
								   _mm512_loadu_si512(limb + i));
		s[1] = _mm512_dpbusd_epi32(s[1], _mm512_loadu_si512(code + i + 64),
								   _mm512_loadu_si512(limb + i + 64));
		s[2] = _mm512_dpbusd_epi32(s[2], _mm512_loadu_si512(code + i + 128),
								   _mm512_loadu_si512(limb + i + 128));
		s[3] = _mm512_dpbusd_epi32(s[3], _mm512_loadu_si512(code + i + 192),
								   _mm512_loadu_si512(limb + i + 192));
	}
	if (i <= dims - 128)
	{
		s[0] = _mm512_dpbusd_epi32(s[0], _mm512_loadu_si512(code + i),
								   _mm512_loadu_si512(limb + i));
		s[1] = _mm512_dpbusd_epi32(s[1], _mm512_loadu_si512(code + i + 64),
								   _mm512_loadu_si512(limb + i + 64));
		i += 128;
	}
	if (i <= dims - 64)
	{
		s[2] = _mm512_dpbusd_epi32(s[2], _mm512_loadu_si512(code + i),
								   _mm512_loadu_si512(limb + i));
		i += 64;
	}
	if (i < dims)
	{
		__mmask64	mask = first_lanes_mask(dims - i);

		s[3] = _mm512_dpbusd_epi32(s[3], _mm512_maskz_loadu_epi8(mask, code + i),
								   _mm512_maskz_loadu_epi8(mask, limb + i));
	}
	return sum_lanes_s32(sum_four(s));
}

/* sum += a * (b - 128); sum_a += a */
INLINE_VNNI void
add_flipped(__m512i *sum, __m512i *sum_a, __m512i a, __m512i b)
{
	KEEP(a);
	*sum = _mm512_dpbusd_epi32(*sum, a, _mm512_xor_si512(b, _mm512_set1_epi8(-128)));
	*sum_a = _mm512_dpbusd_epi32(*sum_a, a, _mm512_set1_epi8(1));
}

TARGET_VNNI static int32_t
dot_u8_u8_vnni(int dims, const uint8_t *a, const uint8_t *b)
{
	__m512i		zero = _mm512_setzero_si512();
	__m512i		s[4] = {zero, zero, zero, zero};
	__m512i		sa[4] = {zero, zero, zero, zero};
	int			i;

	for (i = 0; i <= dims - 256; i += 256)
	{
		add_flipped(&s[0], &sa[0], _mm512_loadu_si512(a + i),
					_mm512_loadu_si512(b + i));
		add_flipped(&s[1], &sa[1], _mm512_loadu_si512(a + i + 64),
					_mm512_loadu_si512(b + i + 64));
		add_flipped(&s[2], &sa[2], _mm512_loadu_si512(a + i + 128),
					_mm512_loadu_si512(b + i + 128));
		add_flipped(&s[3], &sa[3], _mm512_loadu_si512(a + i + 192),
					_mm512_loadu_si512(b + i + 192));
	}
	if (i <= dims - 128)
	{
		add_flipped(&s[0], &sa[0], _mm512_loadu_si512(a + i),
					_mm512_loadu_si512(b + i));
		add_flipped(&s[1], &sa[1], _mm512_loadu_si512(a + i + 64),
					_mm512_loadu_si512(b + i + 64));
		i += 128;
	}
	if (i <= dims - 64)
	{
		add_flipped(&s[2], &sa[2], _mm512_loadu_si512(a + i),
					_mm512_loadu_si512(b + i));
		i += 64;
	}
	if (i < dims)
	{
		__mmask64	mask = first_lanes_mask(dims - i);

		add_flipped(&s[3], &sa[3], _mm512_maskz_loadu_epi8(mask, a + i),
					_mm512_maskz_loadu_epi8(mask, b + i));
	}
	return sum_lanes_s32(_mm512_add_epi32(sum_four(s),
										  _mm512_slli_epi32(sum_four(sa), 7)));
}

/*
 * Four codes at a time: what they are multiplied with is loaded once for all
 * four, and eight sums are added across their lanes together.
 */

/* In each 128-bit part, the four sums of s[0] .. s[3]'s lanes there. */
INLINE_AVX512 __m512i
transpose_sums(const __m512i s[4])
{
	__m512i		s01 = _mm512_add_epi32(_mm512_unpacklo_epi32(s[0], s[1]),
									   _mm512_unpackhi_epi32(s[0], s[1]));
	__m512i		s23 = _mm512_add_epi32(_mm512_unpacklo_epi32(s[2], s[3]),
									   _mm512_unpackhi_epi32(s[2], s[3]));

	return _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23),
							_mm512_unpackhi_epi64(s01, s23));
}

/* The eight sums of the lanes of s[0] .. s[7], in order. */
INLINE_AVX512 __m256i
sum_lanes_eight(const __m512i s[8])
{
	__m256i		s0123 = fold_lanes(transpose_sums(s));
	__m256i		s4567 = fold_lanes(transpose_sums(s + 4));

	return _mm256_add_epi32(_mm256_permute2x128_si256(s0123, s4567, 0x20),
							_mm256_permute2x128_si256(s0123, s4567, 0x31));
}

/*
 * The common pass of dot_u8_s8x2_many (list is NULL: the codes are at
 * stride_bytes from first) and dot_u8_s8x2_list (in list; behind is NULL).
 */
INLINE_VNNI void
dot_groups_u8_s8x2(int dims, const uint8_t *first, size_t stride_bytes,
				   const uint8_t *const *list, const uint8_t *behind, int count,
				   const int8_t *hi, const int8_t *lo, int32_t *out)
{
	int			ahead = count_prefetch_codes(dims, 4);
	int			i;

	for (i = 0; i < count; i += 4)
	{
		__m512i		zero = _mm512_setzero_si512();
		__m512i		s[8] = {zero, zero, zero, zero, zero, zero, zero, zero};
		__m512i		h;
		__m512i		l;
		const uint8_t *codes[4];
		const uint8_t *next[4];
		int			at;

		if (i == count - 1)
		{
			if (behind != NULL)
				prefetch_code(code_ahead(first, stride_bytes, list, behind, i + ahead, count), dims);
			dot_u8_s8x2_vnni(dims, code_at(first, stride_bytes, list, i),
							 hi, lo, out + 2 * i);
			break;
		}
		set_group(codes, first, stride_bytes, list, NULL, i, count);
		set_group(next, first, stride_bytes, list, behind, i + ahead, count);
		for (at = 0; at <= dims - 64; at += 64)
		{
			prefetch_group(next, at);
			h = _mm512_loadu_si512(hi + at);
			l = _mm512_loadu_si512(lo + at);
			KEEP(h);
			KEEP(l);
			add_limbs(&s[0], &s[1], _mm512_loadu_si512(codes[0] + at), h, l);
			add_limbs(&s[2], &s[3], _mm512_loadu_si512(codes[1] + at), h, l);
			add_limbs(&s[4], &s[5], _mm512_loadu_si512(codes[2] + at), h, l);
			add_limbs(&s[6], &s[7], _mm512_loadu_si512(codes[3] + at), h, l);
		}
		if (at < dims)
		{
			__mmask64	mask = first_lanes_mask(dims - at);

			prefetch_group(next, at);
			h = _mm512_maskz_loadu_epi8(mask, hi + at);
			l = _mm512_maskz_loadu_epi8(mask, lo + at);
			add_limbs(&s[0], &s[1], _mm512_maskz_loadu_epi8(mask, codes[0] + at), h, l);
			add_limbs(&s[2], &s[3], _mm512_maskz_loadu_epi8(mask, codes[1] + at), h, l);
			add_limbs(&s[4], &s[5], _mm512_maskz_loadu_epi8(mask, codes[2] + at), h, l);
			add_limbs(&s[6], &s[7], _mm512_maskz_loadu_epi8(mask, codes[3] + at), h, l);
		}
		if (i <= count - 4)
			_mm256_storeu_si256((__m256i *) (out + 2 * i), sum_lanes_eight(s));
		else
			_mm256_mask_storeu_epi32(out + 2 * i,
									 (__mmask8) first_lanes_mask(2 * (count - i)),
									 sum_lanes_eight(s));
	}
}

TARGET_VNNI static void
dot_u8_s8x2_many_vnni(int dims, const uint8_t *codes, size_t stride_bytes,
					  const uint8_t *behind, int count,
					  const int8_t *hi, const int8_t *lo, int32_t *out)
{
	dot_groups_u8_s8x2(dims, codes, stride_bytes, NULL, behind, count, hi, lo, out);
}

TARGET_VNNI static void
dot_u8_s8x2_list_vnni(int dims, const uint8_t *const *codes, int count,
					  const int8_t *hi, const int8_t *lo, int32_t *out)
{
	dot_groups_u8_s8x2(dims, NULL, 0, codes, NULL, count, hi, lo, out);
}

/* sum += a * (b - 128) */
INLINE_VNNI void
add_flipped_only(__m512i *sum, __m512i a, __m512i b)
{
	*sum = _mm512_dpbusd_epi32(*sum, a, _mm512_xor_si512(b, _mm512_set1_epi8(-128)));
}

TARGET_VNNI static void
dot_u8_u8_list_vnni(int dims, const uint8_t *code, const uint8_t *const *codes,
					int count, int32_t *out)
{
	int			ahead = count_prefetch_codes(dims, 4);
	__m512i		ones = _mm512_set1_epi8(1);
	__m512i		sum = _mm512_setzero_si512();
	__m128i		correction;
	int			i;

	/* 128 times the sum of the one code that all are multiplied with */
	for (i = 0; i <= dims - 64; i += 64)
		sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(code + i), ones);
	if (i < dims)
		sum = _mm512_dpbusd_epi32(sum,
								  _mm512_maskz_loadu_epi8(first_lanes_mask(dims - i), code + i),
								  ones);
	correction = _mm_set1_epi32(sum_lanes_s32(sum) * 128);

	for (i = 0; i < count; i += 4)
	{
		__m512i		zero = _mm512_setzero_si512();
		__m512i		even[4] = {zero, zero, zero, zero};
		__m512i		odd[4] = {zero, zero, zero, zero};
		__m512i		a;
		__m256i		y;
		__m128i		result;
		const uint8_t *group[4];
		const uint8_t *next[4];
		int			at;

		set_group(group, NULL, 0, codes, NULL, i, count);
		set_group(next, NULL, 0, codes, NULL, i + ahead, count);

		/* Two accumulators a code, or each would wait for itself. */
		for (at = 0; at <= dims - 128; at += 128)
		{
			prefetch_group(next, at);
			a = _mm512_loadu_si512(code + at);
			KEEP(a);
			add_flipped_only(&even[0], a, _mm512_loadu_si512(group[0] + at));
			add_flipped_only(&even[1], a, _mm512_loadu_si512(group[1] + at));
			add_flipped_only(&even[2], a, _mm512_loadu_si512(group[2] + at));
			add_flipped_only(&even[3], a, _mm512_loadu_si512(group[3] + at));
			prefetch_group(next, at + 64);
			a = _mm512_loadu_si512(code + at + 64);
			KEEP(a);
			add_flipped_only(&odd[0], a, _mm512_loadu_si512(group[0] + at + 64));
			add_flipped_only(&odd[1], a, _mm512_loadu_si512(group[1] + at + 64));
			add_flipped_only(&odd[2], a, _mm512_loadu_si512(group[2] + at + 64));
			add_flipped_only(&odd[3], a, _mm512_loadu_si512(group[3] + at + 64));
		}
		if (at <= dims - 64)
		{
			prefetch_group(next, at);
			a = _mm512_loadu_si512(code + at);
			KEEP(a);
			add_flipped_only(&even[0], a, _mm512_loadu_si512(group[0] + at));
			add_flipped_only(&even[1], a, _mm512_loadu_si512(group[1] + at));
			add_flipped_only(&even[2], a, _mm512_loadu_si512(group[2] + at));
			add_flipped_only(&even[3], a, _mm512_loadu_si512(group[3] + at));
			at += 64;
		}
		if (at < dims)
		{
			__mmask64	mask = first_lanes_mask(dims - at);

			prefetch_group(next, at);
			a = _mm512_maskz_loadu_epi8(mask, code + at);
			add_flipped_only(&odd[0], a, _mm512_maskz_loadu_epi8(mask, group[0] + at));
			add_flipped_only(&odd[1], a, _mm512_maskz_loadu_epi8(mask, group[1] + at));
			add_flipped_only(&odd[2], a, _mm512_maskz_loadu_epi8(mask, group[2] + at));
			add_flipped_only(&odd[3], a, _mm512_maskz_loadu_epi8(mask, group[3] + at));
		}
		y = fold_lanes(_mm512_add_epi32(transpose_sums(even), transpose_sums(odd)));
		result = _mm_add_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
		result = _mm_add_epi32(result, correction);
		if (i <= count - 4)
			_mm_storeu_si128((__m128i *) (out + i), result);
		else
			_mm_mask_storeu_epi32(out + i, (__mmask8) first_lanes_mask(count - i), result);
	}
}

const DistanceKernels vx_distance_avx512_vnni = {
	DISTANCE_VARIANT_AVX512,
	"avx512-vnni",
	l2_squared_f32,
	inner_product_f32,
	l1_f32,
	cosine_f32,
	dot_u8_s8x2_vnni,
	dot_u8_s8_vnni,
	dot_u8_u8_vnni,
	dot_u8_s8x2_many_vnni,
	dot_u8_s8x2_list_vnni,
	dot_u8_u8_list_vnni
};

#else							/* !VX_DISTANCE_X86 */

/* ISO C wants something in every file. */
typedef int vx_distance_avx512_unused;

#endif							/* VX_DISTANCE_X86 */
