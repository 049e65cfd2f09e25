/*-------------------------------------------------------------------------
 *
 * distance_codes_avx512.c
 *	  The code kernels for AVX-512 (F, BW, DQ, VL).
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_codes_variants.h"

#ifdef VX_DISTANCE_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))

/* Sixteen codes as floats, those without a bit in mask as zero. */
TARGET static inline __m512
load_codes(__mmask16 mask, const uint8_t *code)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, code)));
}

/*
 * The bits of the first rest lanes.  Loads under a mask touch nothing beyond
 * it, so the ends need no loop of their own.
 */
TARGET static inline __mmask16
first_lanes(int rest)
{
	return rest >= 16 ? (__mmask16) 0xFFFF : (__mmask16) ((1U << rest) - 1);
}

TARGET static float
l1_u8_f32(int dims, const uint8_t *code, float scale, float offset, const float *z)
{
	__m512		scales = _mm512_set1_ps(scale);
	__m512		offsets = _mm512_set1_ps(offset);
	__m512		sum0 = _mm512_setzero_ps();
	__m512		sum1 = _mm512_setzero_ps();
	int			i = 0;

	for (; i + 32 <= dims; i += 32)
	{
		__m512		y0 = _mm512_fmadd_ps(scales, load_codes(0xFFFF, code + i), offsets);
		__m512		y1 = _mm512_fmadd_ps(scales, load_codes(0xFFFF, code + i + 16), offsets);

		sum0 = _mm512_add_ps(sum0, _mm512_abs_ps(_mm512_sub_ps(y0, _mm512_loadu_ps(z + i))));
		sum1 = _mm512_add_ps(sum1, _mm512_abs_ps(_mm512_sub_ps(y1, _mm512_loadu_ps(z + i + 16))));
	}
	for (; i < dims; i += 16)
	{
		__mmask16	mask = first_lanes(dims - i);
		__m512		y = _mm512_fmadd_ps(scales, load_codes(mask, code + i), offsets);

		y = _mm512_abs_ps(_mm512_sub_ps(y, _mm512_maskz_loadu_ps(mask, z + i)));
		sum0 = _mm512_mask_add_ps(sum0, mask, sum0, y);
	}
	return _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
}

TARGET static float
l1_u8_u8(int dims, const uint8_t *a, float scale_a, float offset_a,
		 const uint8_t *b, float scale_b, float offset_b)
{
	__m512		scales_a = _mm512_set1_ps(scale_a);
	__m512		scales_b = _mm512_set1_ps(scale_b);
	__m512		offsets = _mm512_set1_ps(offset_a - offset_b);
	__m512		sum0 = _mm512_setzero_ps();
	__m512		sum1 = _mm512_setzero_ps();
	int			i = 0;

	for (; i + 32 <= dims; i += 32)
	{
		__m512		y0 = _mm512_fmadd_ps(scales_a, load_codes(0xFFFF, a + i), offsets);
		__m512		y1 = _mm512_fmadd_ps(scales_a, load_codes(0xFFFF, a + i + 16), offsets);

		y0 = _mm512_fnmadd_ps(scales_b, load_codes(0xFFFF, b + i), y0);
		y1 = _mm512_fnmadd_ps(scales_b, load_codes(0xFFFF, b + i + 16), y1);
		sum0 = _mm512_add_ps(sum0, _mm512_abs_ps(y0));
		sum1 = _mm512_add_ps(sum1, _mm512_abs_ps(y1));
	}
	for (; i < dims; i += 16)
	{
		__mmask16	mask = first_lanes(dims - i);
		__m512		y = _mm512_fmadd_ps(scales_a, load_codes(mask, a + i), offsets);

		y = _mm512_fnmadd_ps(scales_b, load_codes(mask, b + i), y);
		sum0 = _mm512_mask_add_ps(sum0, mask, sum0, _mm512_abs_ps(y));
	}
	return _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
}

/* Four heads in one register. */
TARGET static inline __m512
load_heads(const char *head, size_t stride_bytes)
{
	__m512		heads = _mm512_castps128_ps512(_mm_loadu_ps((const float *) head));

	heads = _mm512_insertf32x4(heads, _mm_loadu_ps((const float *) (head + stride_bytes)), 1);
	heads = _mm512_insertf32x4(heads, _mm_loadu_ps((const float *) (head + 2 * stride_bytes)), 2);
	return _mm512_insertf32x4(heads, _mm_loadu_ps((const float *) (head + 3 * stride_bytes)), 3);
}

/* Eight slots: their heads by field, and their cross terms. */
typedef struct SlotGroup
{
	__m512d		error;
	__m512d		cross;
	__m256		norm2;
} SlotGroup;

TARGET static inline SlotGroup
load_group(const char *head, size_t stride_bytes, const int32_t *sums,
		   __m512d sum, __m512d step, __m512d step128)
{
	SlotGroup	group;
	__m512		heads0 = load_heads(head, stride_bytes);
	__m512		heads1 = load_heads(head + 4 * stride_bytes, stride_bytes);
	__m512i		pairs = _mm512_loadu_si512(sums);
	const __m512i evens = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28,
											1, 5, 9, 13, 17, 21, 25, 29);
	const __m512i odds = _mm512_setr_epi32(2, 6, 10, 14, 18, 22, 26, 30,
										   3, 7, 11, 15, 19, 23, 27, 31);
	__m512		error_scale = _mm512_permutex2var_ps(heads0, evens, heads1);
	__m512		offset_norm2 = _mm512_permutex2var_ps(heads0, odds, heads1);
	__m256		scale = _mm512_extractf32x8_ps(error_scale, 1);
	__m256		offset = _mm512_castps512_ps256(offset_norm2);
	__m256i		hi;
	__m256i		lo;
	__m512d		dot;

	/* A pair is one 64-bit number: hi its lower half, lo its upper. */
	hi = _mm512_cvtepi64_epi32(pairs);
	lo = _mm512_cvtepi64_epi32(_mm512_srli_epi64(pairs, 32));
	dot = _mm512_fmadd_pd(_mm512_cvtepi32_pd(hi), step128,
						  _mm512_mul_pd(_mm512_cvtepi32_pd(lo), step));
	group.cross = _mm512_fmadd_pd(_mm512_cvtps_pd(scale), dot,
								  _mm512_mul_pd(_mm512_cvtps_pd(offset), sum));
	group.error = _mm512_cvtps_pd(_mm512_castps512_ps256(error_scale));
	group.norm2 = _mm512_extractf32x8_ps(offset_norm2, 1);
	return group;
}

TARGET static inline int
write_kept(unsigned int mask, int position, uint16_t *kept, int kept_count)
{
	while (mask != 0)
	{
		kept[kept_count++] = (uint16_t) (position + __builtin_ctz(mask));
		mask &= mask - 1;
	}
	return kept_count;
}

TARGET static int
keep_ball(const void *heads, size_t stride_bytes, int count, const int32_t *sums,
		  const DistanceCodeTest *test, uint16_t *kept)
{
	const char *head = heads;
	__m512d		sum = _mm512_set1_pd(2.0 * test->sum);
	__m512d		step = _mm512_set1_pd(2.0 * test->step);
	__m512d		step128 = _mm512_set1_pd(256.0 * test->step);
	__m512d		constant = _mm512_set1_pd(test->constant);
	__m512d		reach = _mm512_set1_pd(test->reach);
	__m512d		factor = _mm512_set1_pd(test->norm2_factor);
	int			kept_count = 0;
	int			i = 0;

	for (; i + 8 <= count; i += 8, head += 8 * stride_bytes)
	{
		SlotGroup	group = load_group(head, stride_bytes, sums + 2 * i, sum, step, step128);
		__m512d		left = _mm512_fmadd_pd(_mm512_cvtps_pd(group.norm2), factor, constant);
		__m512d		right = _mm512_add_pd(reach, group.error);
		__mmask8	mask;

		left = _mm512_sub_pd(left, group.cross);
		right = _mm512_mul_pd(right, right);
		mask = _mm512_cmp_pd_mask(left, right, _CMP_LE_OQ);
		if (mask != 0)
			kept_count = write_kept(mask, i, kept, kept_count);
	}
	for (; i < count; i++, head += stride_bytes)
	{
		if (test_ball(head, sums + 2 * i, test))
			kept[kept_count++] = (uint16_t) i;
	}
	return kept_count;
}

TARGET static int
keep_plane(const void *heads, size_t stride_bytes, int count, const int32_t *sums,
		   const DistanceCodeTest *test, uint16_t *kept)
{
	const char *head = heads;
	__m512d		sum = _mm512_set1_pd(test->sum);
	__m512d		step = _mm512_set1_pd(test->step);
	__m512d		step128 = _mm512_set1_pd(128.0 * test->step);
	__m512d		constant = _mm512_set1_pd(test->constant);
	__m512d		reach = _mm512_set1_pd(test->reach);
	__m512d		norm_factor = _mm512_set1_pd(test->norm_factor);
	__m512d		error_factor = _mm512_set1_pd(test->error_factor);
	int			kept_count = 0;
	int			i = 0;

	for (; i + 8 <= count; i += 8, head += 8 * stride_bytes)
	{
		SlotGroup	group = load_group(head, stride_bytes, sums + 2 * i, sum, step, step128);
		__m512d		norm = _mm512_cvtps_pd(_mm256_sqrt_ps(group.norm2));
		__m512d		left = _mm512_sub_pd(constant, group.cross);
		__mmask8	mask;

		left = _mm512_fnmadd_pd(group.error, error_factor, left);
		left = _mm512_fnmadd_pd(norm, norm_factor, left);
		mask = _mm512_cmp_pd_mask(left, reach, _CMP_LE_OQ);
		if (mask != 0)
			kept_count = write_kept(mask, i, kept, kept_count);
	}
	for (; i < count; i++, head += stride_bytes)
	{
		if (test_plane(head, sums + 2 * i, test))
			kept[kept_count++] = (uint16_t) i;
	}
	return kept_count;
}

const DistanceCodeKernels vx_distance_codes_avx512 = {
	DISTANCE_VARIANT_AVX512,
	vx_distance_encode_norm2_avx2,
	vx_distance_encode_range_avx2,
	vx_distance_encode_u8_avx2,
	vx_distance_encode_limbs_avx2,
	l1_u8_f32,
	l1_u8_u8,
	keep_ball,
	keep_plane
};

#endif							/* VX_DISTANCE_X86 */
