/*-------------------------------------------------------------------------
 *
 * distance_codes_avx2.c
 *	  The code kernels for AVX2 with FMA.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_codes_variants.h"

#ifdef VX_DISTANCE_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))

/* Eight codes as floats. */
TARGET static inline __m256
load_codes(const uint8_t *code)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) code)));
}

TARGET static inline __m256
absolute(__m256 values)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), values);
}

TARGET static inline float
add_lanes(__m256 sums)
{
	__m128		sum = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));

	sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
	sum = _mm_add_ss(sum, _mm_movehdup_ps(sum));
	return _mm_cvtss_f32(sum);
}

TARGET static float
l1_u8_f32(int dims, const uint8_t *code, float scale, float offset, const float *z)
{
	__m256		scales = _mm256_set1_ps(scale);
	__m256		offsets = _mm256_set1_ps(offset);
	__m256		sum0 = _mm256_setzero_ps();
	__m256		sum1 = _mm256_setzero_ps();
	float		sum;
	int			i = 0;

	for (; i + 16 <= dims; i += 16)
	{
		__m256		y0 = _mm256_fmadd_ps(scales, load_codes(code + i), offsets);
		__m256		y1 = _mm256_fmadd_ps(scales, load_codes(code + i + 8), offsets);

		sum0 = _mm256_add_ps(sum0, absolute(_mm256_sub_ps(y0, _mm256_loadu_ps(z + i))));
		sum1 = _mm256_add_ps(sum1, absolute(_mm256_sub_ps(y1, _mm256_loadu_ps(z + i + 8))));
	}
	sum = add_lanes(_mm256_add_ps(sum0, sum1));
	for (; i < dims; i++)
		sum += fabsf(offset + scale * (float) code[i] - z[i]);
	return sum;
}

TARGET static float
l1_u8_u8(int dims, const uint8_t *a, float scale_a, float offset_a,
		 const uint8_t *b, float scale_b, float offset_b)
{
	__m256		scales_a = _mm256_set1_ps(scale_a);
	__m256		scales_b = _mm256_set1_ps(scale_b);
	__m256		offsets = _mm256_set1_ps(offset_a - offset_b);
	__m256		sum0 = _mm256_setzero_ps();
	__m256		sum1 = _mm256_setzero_ps();
	float		sum;
	int			i = 0;

	for (; i + 16 <= dims; i += 16)
	{
		__m256		y0 = _mm256_fmadd_ps(scales_a, load_codes(a + i), offsets);
		__m256		y1 = _mm256_fmadd_ps(scales_a, load_codes(a + i + 8), offsets);

		y0 = _mm256_fnmadd_ps(scales_b, load_codes(b + i), y0);
		y1 = _mm256_fnmadd_ps(scales_b, load_codes(b + i + 8), y1);
		sum0 = _mm256_add_ps(sum0, absolute(y0));
		sum1 = _mm256_add_ps(sum1, absolute(y1));
	}
	sum = add_lanes(_mm256_add_ps(sum0, sum1));
	for (; i < dims; i++)
		sum += fabsf(offset_a - offset_b + scale_a * (float) a[i] - scale_b * (float) b[i]);
	return sum;
}

/* Four slots: their heads by field, and their cross terms. */
typedef struct SlotGroup
{
	__m256d		error;
	__m256d		cross;
	__m128		norm2;
} SlotGroup;

TARGET static inline SlotGroup
load_group(const char *head, size_t stride_bytes, const int32_t *sums,
		   __m256d sum, __m256d step, __m256d step128)
{
	SlotGroup	group;
	__m128		error = _mm_loadu_ps((const float *) head);
	__m128		scale = _mm_loadu_ps((const float *) (head + stride_bytes));
	__m128		offset = _mm_loadu_ps((const float *) (head + 2 * stride_bytes));
	__m128		norm2 = _mm_loadu_ps((const float *) (head + 3 * stride_bytes));
	__m128		pairs0 = _mm_loadu_ps((const float *) sums);
	__m128		pairs1 = _mm_loadu_ps((const float *) (sums + 4));
	__m128i		hi = _mm_castps_si128(_mm_shuffle_ps(pairs0, pairs1, _MM_SHUFFLE(2, 0, 2, 0)));
	__m128i		lo = _mm_castps_si128(_mm_shuffle_ps(pairs0, pairs1, _MM_SHUFFLE(3, 1, 3, 1)));
	__m256d		dot;

	_MM_TRANSPOSE4_PS(error, scale, offset, norm2);
	dot = _mm256_fmadd_pd(_mm256_cvtepi32_pd(hi), step128,
						  _mm256_mul_pd(_mm256_cvtepi32_pd(lo), step));
	group.cross = _mm256_fmadd_pd(_mm256_cvtps_pd(scale), dot,
								  _mm256_mul_pd(_mm256_cvtps_pd(offset), sum));
	group.error = _mm256_cvtps_pd(error);
	group.norm2 = norm2;
	return group;
}

TARGET static inline int
write_kept(int mask, int position, uint16_t *kept, int kept_count)
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
	__m256d		sum = _mm256_set1_pd(2.0 * test->sum);
	__m256d		step = _mm256_set1_pd(2.0 * test->step);
	__m256d		step128 = _mm256_set1_pd(256.0 * test->step);
	__m256d		constant = _mm256_set1_pd(test->constant);
	__m256d		reach = _mm256_set1_pd(test->reach);
	__m256d		factor = _mm256_set1_pd(test->norm2_factor);
	int			kept_count = 0;
	int			i = 0;

	for (; i + 4 <= count; i += 4, head += 4 * stride_bytes)
	{
		SlotGroup	group = load_group(head, stride_bytes, sums + 2 * i, sum, step, step128);
		__m256d		left = _mm256_fmadd_pd(_mm256_cvtps_pd(group.norm2), factor, constant);
		__m256d		right = _mm256_add_pd(reach, group.error);
		int			mask;

		left = _mm256_sub_pd(left, group.cross);
		right = _mm256_mul_pd(right, right);
		mask = _mm256_movemask_pd(_mm256_cmp_pd(left, right, _CMP_LE_OQ));
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
	__m256d		sum = _mm256_set1_pd(test->sum);
	__m256d		step = _mm256_set1_pd(test->step);
	__m256d		step128 = _mm256_set1_pd(128.0 * test->step);
	__m256d		constant = _mm256_set1_pd(test->constant);
	__m256d		reach = _mm256_set1_pd(test->reach);
	__m256d		norm_factor = _mm256_set1_pd(test->norm_factor);
	__m256d		error_factor = _mm256_set1_pd(test->error_factor);
	int			kept_count = 0;
	int			i = 0;

	for (; i + 4 <= count; i += 4, head += 4 * stride_bytes)
	{
		SlotGroup	group = load_group(head, stride_bytes, sums + 2 * i, sum, step, step128);
		__m256d		norm = _mm256_cvtps_pd(_mm_sqrt_ps(group.norm2));
		__m256d		left = _mm256_sub_pd(constant, group.cross);
		int			mask;

		left = _mm256_fnmadd_pd(group.error, error_factor, left);
		left = _mm256_fnmadd_pd(norm, norm_factor, left);
		mask = _mm256_movemask_pd(_mm256_cmp_pd(left, reach, _CMP_LE_OQ));
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

const DistanceCodeKernels vx_distance_codes_avx2 = {
	DISTANCE_VARIANT_AVX2,
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
