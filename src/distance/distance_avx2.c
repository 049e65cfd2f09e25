/*-------------------------------------------------------------------------
 *
 * distance_avx2.c
 *	  The kernels for AVX2 + FMA, and their integer half for AVX-VNNI.
 *
 * Float kernels keep four accumulators of eight lanes, enough to hide the
 * latency of an FMA behind two loads a term.
 *
 * Integer kernels without VNNI: _mm256_maddubs_epi16 saturates on full 8-bit
 * operands, so the code is split into nibbles.  A product pair is then within
 * [-3840, 3810], eight of them fit an int16 lane, and widening to int32 is
 * needed only once in eight steps.  Where both operands are unsigned, even and
 * odd bytes are taken apart and _mm256_madd_epi16 is exact.
 *
 * A tail of fewer than 32 bytes is read by a load that ends at the last byte,
 * with the bytes that were already counted masked off; vectors shorter than
 * that take a plain loop.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_variants.h"

#ifdef VX_DISTANCE_X86

#include <immintrin.h>

#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define TARGET_VNNI __attribute__((target("avx2,fma,avxvnni")))
#define INLINE_AVX2 static inline __attribute__((always_inline)) TARGET_AVX2
#define INLINE_VNNI static inline __attribute__((always_inline)) TARGET_VNNI

/*
 * Keep a loaded vector in its register.  gcc would rather load it again for
 * each use, and these loops are bound by their loads.
 */
#define KEEP(vector) __asm__("" : "+x" (vector))

/* What a float kernel adds up; constant wherever it is passed. */
typedef enum FloatTerm
{
	TERM_L2_SQUARED,
	TERM_PRODUCT,
	TERM_L1
} FloatTerm;

/*
 * A window of eight lanes at (8 - n) has the first n set; a window of 32
 * bytes at n has the last n set.
 */
static const int32_t lane_masks[16] = {
	-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0
};
static const uint8_t byte_masks[64] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255
};

INLINE_AVX2 __m256i
first_lanes_mask(int n)
{
	return _mm256_loadu_si256((const __m256i *) (lane_masks + 8 - n));
}

/* The last n of 32 bytes, and a window that ends there. */
INLINE_AVX2 __m256i
last_bytes_mask(int n)
{
	return _mm256_loadu_si256((const __m256i *) (byte_masks + n));
}

INLINE_AVX2 __m256i
load_bytes(const void *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

/* (s0 + s1) + (s2 + s3), then across lanes, always in this order. */
INLINE_AVX2 float
sum_lanes(__m256 s0, __m256 s1, __m256 s2, __m256 s3)
{
	__m256		s = _mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3));
	__m128		x = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));

	x = _mm_add_ps(x, _mm_movehl_ps(x, x));
	x = _mm_add_ss(x, _mm_movehdup_ps(x));
	return _mm_cvtss_f32(x);
}

INLINE_AVX2 __m256
add_terms(FloatTerm term, __m256 sum, __m256 a, __m256 b)
{
	__m256		diff;

	if (term == TERM_PRODUCT)
		return _mm256_fmadd_ps(a, b, sum);
	diff = _mm256_sub_ps(a, b);
	if (term == TERM_L2_SQUARED)
		return _mm256_fmadd_ps(diff, diff, sum);
	return _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), diff));
}

INLINE_AVX2 float
sum_terms(FloatTerm term, int dims, const float *a, const float *b)
{
	__m256		s0 = _mm256_setzero_ps();
	__m256		s1 = _mm256_setzero_ps();
	__m256		s2 = _mm256_setzero_ps();
	__m256		s3 = _mm256_setzero_ps();
	int			i;

	for (i = 0; i <= dims - 32; i += 32)
	{
		s0 = add_terms(term, s0, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
		s1 = add_terms(term, s1, _mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
		s2 = add_terms(term, s2, _mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16));
		s3 = add_terms(term, s3, _mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24));
	}
	if (i <= dims - 16)
	{
		s0 = add_terms(term, s0, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
		s1 = add_terms(term, s1, _mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
		i += 16;
	}
	if (i <= dims - 8)
	{
		s2 = add_terms(term, s2, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
		i += 8;
	}
	if (i < dims)
	{
		__m256i		mask = first_lanes_mask(dims - i);

		s3 = add_terms(term, s3, _mm256_maskload_ps(a + i, mask),
					   _mm256_maskload_ps(b + i, mask));
	}
	return sum_lanes(s0, s1, s2, s3);
}

TARGET_AVX2 static float
l2_squared_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_L2_SQUARED, dims, a, b);
}

TARGET_AVX2 static float
inner_product_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_PRODUCT, dims, a, b);
}

TARGET_AVX2 static float
l1_f32(int dims, const float *a, const float *b)
{
	return sum_terms(TERM_L1, dims, a, b);
}

TARGET_AVX2 static void
cosine_f32(int dims, const float *a, const float *b, DistanceCosineSums *sums)
{
	/*
	 * Three accumulators for each of three sums keep both FMA units busy; a
	 * fourth would leave no registers for a and b.
	 */
	__m256		zero = _mm256_setzero_ps();
	__m256		dot0 = zero,
				dot1 = zero,
				dot2 = zero;
	__m256		aa0 = zero,
				aa1 = zero,
				aa2 = zero;
	__m256		bb0 = zero,
				bb1 = zero,
				bb2 = zero;
	__m256		x;
	__m256		y;
	int			i;

	for (i = 0; i <= dims - 24; i += 24)
	{
		x = _mm256_loadu_ps(a + i);
		y = _mm256_loadu_ps(b + i);
		dot0 = _mm256_fmadd_ps(x, y, dot0);
		aa0 = _mm256_fmadd_ps(x, x, aa0);
		bb0 = _mm256_fmadd_ps(y, y, bb0);
		x = _mm256_loadu_ps(a + i + 8);
		y = _mm256_loadu_ps(b + i + 8);
		dot1 = _mm256_fmadd_ps(x, y, dot1);
		aa1 = _mm256_fmadd_ps(x, x, aa1);
		bb1 = _mm256_fmadd_ps(y, y, bb1);
		x = _mm256_loadu_ps(a + i + 16);
		y = _mm256_loadu_ps(b + i + 16);
		dot2 = _mm256_fmadd_ps(x, y, dot2);
		aa2 = _mm256_fmadd_ps(x, x, aa2);
		bb2 = _mm256_fmadd_ps(y, y, bb2);
	}
	for (; i <= dims - 8; i += 8)
	{
		x = _mm256_loadu_ps(a + i);
		y = _mm256_loadu_ps(b + i);
		dot0 = _mm256_fmadd_ps(x, y, dot0);
		aa0 = _mm256_fmadd_ps(x, x, aa0);
		bb0 = _mm256_fmadd_ps(y, y, bb0);
	}
	if (i < dims)
	{
		__m256i		mask = first_lanes_mask(dims - i);

		x = _mm256_maskload_ps(a + i, mask);
		y = _mm256_maskload_ps(b + i, mask);
		dot1 = _mm256_fmadd_ps(x, y, dot1);
		aa1 = _mm256_fmadd_ps(x, x, aa1);
		bb1 = _mm256_fmadd_ps(y, y, bb1);
	}
	sums->dot = sum_lanes(dot0, dot1, dot2, zero);
	sums->norm_a = sum_lanes(aa0, aa1, aa2, zero);
	sums->norm_b = sum_lanes(bb0, bb1, bb2, zero);
}

/* The sums of hi's and of lo's lanes, in the low half of the result. */
INLINE_AVX2 __m128i
sum_lanes_pair(__m256i hi, __m256i lo)
{
	__m256i		s = _mm256_add_epi32(_mm256_unpacklo_epi32(hi, lo),
									 _mm256_unpackhi_epi32(hi, lo));
	__m128i		x = _mm_add_epi32(_mm256_castsi256_si128(s),
								  _mm256_extracti128_si256(s, 1));

	return _mm_add_epi32(x, _mm_unpackhi_epi64(x, x));
}

INLINE_AVX2 int32_t
sum_lanes_s32(__m256i s)
{
	__m128i		x = _mm_add_epi32(_mm256_castsi256_si128(s),
								  _mm256_extracti128_si256(s, 1));

	x = _mm_add_epi32(x, _mm_unpackhi_epi64(x, x));
	return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 1)));
}

/*
 * int16 sums of products with a code's low and high nibbles.  A step adds at
 * most 2 * 15 * 128 = 3840 to a lane: eight steps fit.
 */
typedef struct NibbleSums
{
	__m256i		hi_low;
	__m256i		hi_high;
	__m256i		lo_low;
	__m256i		lo_high;
} NibbleSums;

INLINE_AVX2 void
add_nibbles(bool two_limbs, NibbleSums *s, __m256i code, __m256i hi, __m256i lo)
{
	__m256i		nibble = _mm256_set1_epi8(15);
	__m256i		low = _mm256_and_si256(code, nibble);
	__m256i		high = _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble);

	KEEP(hi);
	s->hi_low = _mm256_add_epi16(s->hi_low, _mm256_maddubs_epi16(low, hi));
	s->hi_high = _mm256_add_epi16(s->hi_high, _mm256_maddubs_epi16(high, hi));
	if (two_limbs)
	{
		KEEP(lo);
		s->lo_low = _mm256_add_epi16(s->lo_low, _mm256_maddubs_epi16(low, lo));
		s->lo_high = _mm256_add_epi16(s->lo_high, _mm256_maddubs_epi16(high, lo));
	}
}

/* sum + low + 16 * high, widened from int16 */
INLINE_AVX2 __m256i
widen_nibble_sums(__m256i sum, __m256i low, __m256i high)
{
	sum = _mm256_add_epi32(sum, _mm256_madd_epi16(low, _mm256_set1_epi16(1)));
	return _mm256_add_epi32(sum, _mm256_madd_epi16(high, _mm256_set1_epi16(16)));
}

/*
 * The common pass of dot_u8_s8x2 and, with lo the same as hi, dot_u8_s8, over
 * at least 32 dimensions.
 */
INLINE_AVX2 void
dot_nibbles(bool two_limbs, int dims, const uint8_t *code, const int8_t *hi,
			const int8_t *lo, __m256i *hi_sum, __m256i *lo_sum)
{
	__m256i		zero = _mm256_setzero_si256();
	NibbleSums	s;
	int			i = 0;

	*hi_sum = zero;
	*lo_sum = zero;
	do
	{
		s.hi_low = s.hi_high = s.lo_low = s.lo_high = zero;
		if (i <= dims - 256)
		{
			int			end = i + 256;

			for (; i < end; i += 64)
			{
				add_nibbles(two_limbs, &s, load_bytes(code + i),
							load_bytes(hi + i), load_bytes(lo + i));
				add_nibbles(two_limbs, &s, load_bytes(code + i + 32),
							load_bytes(hi + i + 32), load_bytes(lo + i + 32));
			}
		}
		else
		{
			/* seven steps and a tail at most */
			for (; i <= dims - 32; i += 32)
				add_nibbles(two_limbs, &s, load_bytes(code + i),
							load_bytes(hi + i), load_bytes(lo + i));
			if (i < dims)
			{
				add_nibbles(two_limbs, &s,
							_mm256_and_si256(load_bytes(code + dims - 32),
											 last_bytes_mask(dims - i)),
							load_bytes(hi + dims - 32), load_bytes(lo + dims - 32));
				i = dims;
			}
		}
		*hi_sum = widen_nibble_sums(*hi_sum, s.hi_low, s.hi_high);
		if (two_limbs)
			*lo_sum = widen_nibble_sums(*lo_sum, s.lo_low, s.lo_high);
	} while (i < dims);
}

/* dot_u8_s8x2 of fewer than 32 dimensions */
static void
dot_short_u8_s8x2(int dims, const uint8_t *code, const int8_t *hi,
				  const int8_t *lo, int32_t sums[2])
{
	int32_t		sum_hi = 0;
	int32_t		sum_lo = 0;
	int			i;

	for (i = 0; i < dims; i++)
	{
		sum_hi += code[i] * hi[i];
		sum_lo += code[i] * lo[i];
	}
	sums[0] = sum_hi;
	sums[1] = sum_lo;
}

static int32_t
dot_short_u8_s8(int dims, const uint8_t *code, const int8_t *limb)
{
	int32_t		sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		sum += code[i] * limb[i];
	return sum;
}

static int32_t
dot_short_u8_u8(int dims, const uint8_t *a, const uint8_t *b)
{
	int32_t		sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		sum += a[i] * b[i];
	return sum;
}

TARGET_AVX2 static void
dot_u8_s8x2(int dims, const uint8_t *code, const int8_t *hi, const int8_t *lo,
			int32_t sums[2])
{
	__m256i		sum_hi;
	__m256i		sum_lo;

	if (dims < 32)
	{
		dot_short_u8_s8x2(dims, code, hi, lo, sums);
		return;
	}
	dot_nibbles(true, dims, code, hi, lo, &sum_hi, &sum_lo);
	_mm_storel_epi64((__m128i *) sums, sum_lanes_pair(sum_hi, sum_lo));
}

TARGET_AVX2 static int32_t
dot_u8_s8(int dims, const uint8_t *code, const int8_t *limb)
{
	__m256i		sum;
	__m256i		unused;

	if (dims < 32)
		return dot_short_u8_s8(dims, code, limb);
	dot_nibbles(false, dims, code, limb, limb, &sum, &unused);
	return sum_lanes_s32(sum);
}

/* sum + the products of even bytes and of odd bytes, exact */
INLINE_AVX2 __m256i
add_products_u8_u8(__m256i sum, __m256i a, __m256i b)
{
	__m256i		even = _mm256_set1_epi16(255);

	KEEP(a);
	KEEP(b);
	sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_and_si256(a, even),
												  _mm256_and_si256(b, even)));
	return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_srli_epi16(a, 8),
												   _mm256_srli_epi16(b, 8)));
}

TARGET_AVX2 static int32_t
dot_u8_u8(int dims, const uint8_t *a, const uint8_t *b)
{
	__m256i		s0 = _mm256_setzero_si256();
	__m256i		s1 = _mm256_setzero_si256();
	int			i;

	if (dims < 32)
		return dot_short_u8_u8(dims, a, b);
	for (i = 0; i <= dims - 64; i += 64)
	{
		s0 = add_products_u8_u8(s0, load_bytes(a + i), load_bytes(b + i));
		s1 = add_products_u8_u8(s1, load_bytes(a + i + 32), load_bytes(b + i + 32));
	}
	if (i <= dims - 32)
	{
		s0 = add_products_u8_u8(s0, load_bytes(a + i), load_bytes(b + i));
		i += 32;
	}
	if (i < dims)
		s1 = add_products_u8_u8(s1,
								_mm256_and_si256(load_bytes(a + dims - 32),
												 last_bytes_mask(dims - i)),
								load_bytes(b + dims - 32));
	return sum_lanes_s32(_mm256_add_epi32(s0, s1));
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

const DistanceKernels vx_distance_avx2 = {
	DISTANCE_VARIANT_AVX2,
	"avx2",
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

#ifdef VX_DISTANCE_AVX_VNNI

/*
 * VNNI: _mm256_dpbusd_avx_epi32 adds four u8 * s8 products to an int32 lane
 * without saturating.  For two unsigned operands one is moved to signed by
 * flipping its top bit, which takes 128 off each factor; 128 * (sum of the
 * other operand) is put back at the end.
 */

/* hi and lo += the products of 32 bytes of a code with the two limbs' */
INLINE_VNNI void
add_limbs(__m256i *hi_sum, __m256i *lo_sum, __m256i code, __m256i hi, __m256i lo)
{
	KEEP(code);
	*hi_sum = _mm256_dpbusd_avx_epi32(*hi_sum, code, hi);
	*lo_sum = _mm256_dpbusd_avx_epi32(*lo_sum, code, lo);
}

TARGET_VNNI static void
dot_u8_s8x2_vnni(int dims, const uint8_t *code, const int8_t *hi,
				 const int8_t *lo, int32_t sums[2])
{
	__m256i		zero = _mm256_setzero_si256();
	__m256i		h[4] = {zero, zero, zero, zero};
	__m256i		l[4] = {zero, zero, zero, zero};
	int			i;

	if (dims < 32)
	{
		dot_short_u8_s8x2(dims, code, hi, lo, sums);
		return;
	}
	for (i = 0; i <= dims - 128; i += 128)
	{
		add_limbs(&h[0], &l[0], load_bytes(code + i),
				  load_bytes(hi + i), load_bytes(lo + i));
		add_limbs(&h[1], &l[1], load_bytes(code + i + 32),
				  load_bytes(hi + i + 32), load_bytes(lo + i + 32));
		add_limbs(&h[2], &l[2], load_bytes(code + i + 64),
				  load_bytes(hi + i + 64), load_bytes(lo + i + 64));
		add_limbs(&h[3], &l[3], load_bytes(code + i + 96),
				  load_bytes(hi + i + 96), load_bytes(lo + i + 96));
	}
	if (i <= dims - 64)
	{
		add_limbs(&h[0], &l[0], load_bytes(code + i),
				  load_bytes(hi + i), load_bytes(lo + i));
		add_limbs(&h[1], &l[1], load_bytes(code + i + 32),
				  load_bytes(hi + i + 32), load_bytes(lo + i + 32));
		i += 64;
	}
	if (i <= dims - 32)
	{
		add_limbs(&h[2], &l[2], load_bytes(code + i),
				  load_bytes(hi + i), load_bytes(lo + i));
		i += 32;
	}
	if (i < dims)
		add_limbs(&h[3], &l[3],
				  _mm256_and_si256(load_bytes(code + dims - 32),
								   last_bytes_mask(dims - i)),
				  load_bytes(hi + dims - 32), load_bytes(lo + dims - 32));
	h[0] = _mm256_add_epi32(_mm256_add_epi32(h[0], h[1]),
							_mm256_add_epi32(h[2], h[3]));
	l[0] = _mm256_add_epi32(_mm256_add_epi32(l[0], l[1]),
							_mm256_add_epi32(l[2], l[3]));
	_mm_storel_epi64((__m128i *) sums, sum_lanes_pair(h[0], l[0]));
}

TARGET_VNNI static int32_t
dot_u8_s8_vnni(int dims, const uint8_t *code, const int8_t *limb)
{
	__m256i		zero = _mm256_setzero_si256();
	__m256i		s[4] = {zero, zero, zero, zero};
	int			i;

	if (dims < 32)
		return dot_short_u8_s8(dims, code, limb);
	for (i = 0; i <= dims - 128; i += 128)
	{
		s[0] = _mm256_dpbusd_avx_epi32(s[0], load_bytes(code + i),
									   load_bytes(limb + i));
		s[1] = _mm256_dpbusd_avx_epi32(s[1], load_bytes(code + i + 32),
									   load_bytes(limb + i + 32));
		s[2] = _mm256_dpbusd_avx_epi32(s[2], load_bytes(code + i + 64),
									   load_bytes(limb + i + 64));
		s[3] = _mm256_dpbusd_avx_epi32(s[3], load_bytes(code + i + 96),
									   load_bytes(limb + i + 96));
	}
	if (i <= dims - 64)
	{
		s[0] = _mm256_dpbusd_avx_epi32(s[0], load_bytes(code + i),
									   load_bytes(limb + i));
		s[1] = _mm256_dpbusd_avx_epi32(s[1], load_bytes(code + i + 32),
									   load_bytes(limb + i + 32));
		i += 64;
	}
	if (i <= dims - 32)
	{
		s[2] = _mm256_dpbusd_avx_epi32(s[2], load_bytes(code + i),
									   load_bytes(limb + i));
		i += 32;
	}
	if (i < dims)
		s[3] = _mm256_dpbusd_avx_epi32(s[3],
									   _mm256_and_si256(load_bytes(code + dims - 32),
														last_bytes_mask(dims - i)),
									   load_bytes(limb + dims - 32));
	return sum_lanes_s32(_mm256_add_epi32(_mm256_add_epi32(s[0], s[1]),
										  _mm256_add_epi32(s[2], s[3])));
}

/* sum += a * (b - 128); sum_a += a */
INLINE_VNNI void
add_flipped(__m256i *sum, __m256i *sum_a, __m256i a, __m256i b)
{
	KEEP(a);
	*sum = _mm256_dpbusd_avx_epi32(*sum, a,
								   _mm256_xor_si256(b, _mm256_set1_epi8(-128)));
	*sum_a = _mm256_dpbusd_avx_epi32(*sum_a, a, _mm256_set1_epi8(1));
}

TARGET_VNNI static int32_t
dot_u8_u8_vnni(int dims, const uint8_t *a, const uint8_t *b)
{
	__m256i		zero = _mm256_setzero_si256();
	__m256i		s[4] = {zero, zero, zero, zero};
	__m256i		sa[4] = {zero, zero, zero, zero};
	int			i;

	if (dims < 32)
		return dot_short_u8_u8(dims, a, b);
	for (i = 0; i <= dims - 128; i += 128)
	{
		add_flipped(&s[0], &sa[0], load_bytes(a + i), load_bytes(b + i));
		add_flipped(&s[1], &sa[1], load_bytes(a + i + 32), load_bytes(b + i + 32));
		add_flipped(&s[2], &sa[2], load_bytes(a + i + 64), load_bytes(b + i + 64));
		add_flipped(&s[3], &sa[3], load_bytes(a + i + 96), load_bytes(b + i + 96));
	}
	if (i <= dims - 64)
	{
		add_flipped(&s[0], &sa[0], load_bytes(a + i), load_bytes(b + i));
		add_flipped(&s[1], &sa[1], load_bytes(a + i + 32), load_bytes(b + i + 32));
		i += 64;
	}
	if (i <= dims - 32)
	{
		add_flipped(&s[2], &sa[2], load_bytes(a + i), load_bytes(b + i));
		i += 32;
	}
	if (i < dims)
		add_flipped(&s[3], &sa[3],
					_mm256_and_si256(load_bytes(a + dims - 32),
									 last_bytes_mask(dims - i)),
					load_bytes(b + dims - 32));
	s[0] = _mm256_add_epi32(_mm256_add_epi32(s[0], s[1]),
							_mm256_add_epi32(s[2], s[3]));
	sa[0] = _mm256_add_epi32(_mm256_add_epi32(sa[0], sa[1]),
							 _mm256_add_epi32(sa[2], sa[3]));
	return sum_lanes_s32(_mm256_add_epi32(s[0], _mm256_slli_epi32(sa[0], 7)));
}

/*
 * Four codes at a time: what they are multiplied with is loaded once for all
 * four, and eight sums are added across their lanes together.
 */

/* The eight sums of the lanes of s[0] .. s[7], in order. */
INLINE_AVX2 __m256i
sum_lanes_eight(const __m256i s[8])
{
	__m256i		s01 = _mm256_hadd_epi32(s[0], s[1]);
	__m256i		s23 = _mm256_hadd_epi32(s[2], s[3]);
	__m256i		s45 = _mm256_hadd_epi32(s[4], s[5]);
	__m256i		s67 = _mm256_hadd_epi32(s[6], s[7]);
	__m256i		s0123 = _mm256_hadd_epi32(s01, s23);
	__m256i		s4567 = _mm256_hadd_epi32(s45, s67);

	return _mm256_add_epi32(_mm256_permute2x128_si256(s0123, s4567, 0x20),
							_mm256_permute2x128_si256(s0123, s4567, 0x31));
}

INLINE_VNNI void
add_limbs_four(__m256i s[8], const uint8_t *const codes[4], int at,
			   __m256i hi, __m256i lo)
{
	KEEP(hi);
	KEEP(lo);
	add_limbs(&s[0], &s[1], load_bytes(codes[0] + at), hi, lo);
	add_limbs(&s[2], &s[3], load_bytes(codes[1] + at), hi, lo);
	add_limbs(&s[4], &s[5], load_bytes(codes[2] + at), hi, lo);
	add_limbs(&s[6], &s[7], load_bytes(codes[3] + at), hi, lo);
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

	if (dims < 32)
	{
		for (i = 0; i < count; i++)
			dot_short_u8_s8x2(dims, code_at(first, stride_bytes, list, i),
							  hi, lo, out + 2 * i);
		return;
	}
	for (i = 0; i < count; i += 4)
	{
		__m256i		zero = _mm256_setzero_si256();
		__m256i		s[8] = {zero, zero, zero, zero, zero, zero, zero, zero};
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
			add_limbs_four(s, codes, at, load_bytes(hi + at), load_bytes(lo + at));
			add_limbs_four(s, codes, at + 32, load_bytes(hi + at + 32),
						   load_bytes(lo + at + 32));
		}
		if (at < dims)
			prefetch_group(next, at);
		if (at <= dims - 32)
		{
			add_limbs_four(s, codes, at, load_bytes(hi + at), load_bytes(lo + at));
			at += 32;
		}
		if (at < dims)
		{
			__m256i		mask = last_bytes_mask(dims - at);

			at = dims - 32;
			add_limbs_four(s, codes, at,
						   _mm256_and_si256(load_bytes(hi + at), mask),
						   _mm256_and_si256(load_bytes(lo + at), mask));
		}
		if (i <= count - 4)
			_mm256_storeu_si256((__m256i *) (out + 2 * i), sum_lanes_eight(s));
		else
			_mm256_maskstore_epi32(out + 2 * i, first_lanes_mask(2 * (count - i)),
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

/* s[2 * c + half] += a * (code c - 128) */
INLINE_VNNI void
add_flipped_four(__m256i s[8], int half, __m256i a,
				 const uint8_t *const codes[4], int at)
{
	__m256i		flip = _mm256_set1_epi8(-128);

	KEEP(a);
	s[half] = _mm256_dpbusd_avx_epi32(s[half], a,
									  _mm256_xor_si256(load_bytes(codes[0] + at), flip));
	s[2 + half] = _mm256_dpbusd_avx_epi32(s[2 + half], a,
										  _mm256_xor_si256(load_bytes(codes[1] + at), flip));
	s[4 + half] = _mm256_dpbusd_avx_epi32(s[4 + half], a,
										  _mm256_xor_si256(load_bytes(codes[2] + at), flip));
	s[6 + half] = _mm256_dpbusd_avx_epi32(s[6 + half], a,
										  _mm256_xor_si256(load_bytes(codes[3] + at), flip));
}

TARGET_VNNI static void
dot_u8_u8_list_vnni(int dims, const uint8_t *code, const uint8_t *const *codes,
					int count, int32_t *out)
{
	int			ahead = count_prefetch_codes(dims, 4);
	__m128i		correction;
	int			i;

	if (dims < 32)
	{
		for (i = 0; i < count; i++)
			out[i] = dot_short_u8_u8(dims, code, codes[i]);
		return;
	}

	/* 128 times the sum of the one code that all are multiplied with */
	{
		__m256i		ones = _mm256_set1_epi8(1);
		__m256i		sum = _mm256_setzero_si256();

		for (i = 0; i <= dims - 32; i += 32)
			sum = _mm256_dpbusd_avx_epi32(sum, load_bytes(code + i), ones);
		if (i < dims)
			sum = _mm256_dpbusd_avx_epi32(sum,
										  _mm256_and_si256(load_bytes(code + dims - 32),
														   last_bytes_mask(dims - i)),
										  ones);
		correction = _mm_set1_epi32(sum_lanes_s32(sum) * 128);
	}

	for (i = 0; i < count; i += 4)
	{
		__m256i		zero = _mm256_setzero_si256();
		__m256i		s[8] = {zero, zero, zero, zero, zero, zero, zero, zero};
		__m256i		sums;
		__m128i		result;
		const uint8_t *group[4];
		const uint8_t *next[4];
		int			at;

		set_group(group, NULL, 0, codes, NULL, i, count);
		set_group(next, NULL, 0, codes, NULL, i + ahead, count);
		for (at = 0; at <= dims - 64; at += 64)
		{
			prefetch_group(next, at);
			add_flipped_four(s, 0, load_bytes(code + at), group, at);
			add_flipped_four(s, 1, load_bytes(code + at + 32), group, at + 32);
		}
		if (at < dims)
			prefetch_group(next, at);
		if (at <= dims - 32)
		{
			add_flipped_four(s, 0, load_bytes(code + at), group, at);
			at += 32;
		}
		if (at < dims)
		{
			__m256i		mask = last_bytes_mask(dims - at);

			at = dims - 32;
			add_flipped_four(s, 1, _mm256_and_si256(load_bytes(code + at), mask),
							 group, at);
		}
		sums = sum_lanes_eight(s);
		result = _mm_hadd_epi32(_mm256_castsi256_si128(sums),
								_mm256_extracti128_si256(sums, 1));
		result = _mm_add_epi32(result, correction);
		if (i <= count - 4)
			_mm_storeu_si128((__m128i *) (out + i), result);
		else
			_mm_maskstore_epi32(out + i,
								_mm256_castsi256_si128(first_lanes_mask(count - i)),
								result);
	}
}

const DistanceKernels vx_distance_avx2_vnni = {
	DISTANCE_VARIANT_AVX2,
	"avx2-vnni",
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

#endif							/* VX_DISTANCE_AVX_VNNI */

#else							/* !VX_DISTANCE_X86 */

/* ISO C wants something in every file. */
typedef int vx_distance_avx2_unused;

#endif							/* VX_DISTANCE_X86 */
