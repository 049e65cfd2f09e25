/*-------------------------------------------------------------------------
 *
 * distance_keys.c
 *	  Which of many keys lie in a range: scalar and AVX2.
 *
 * Keys are read in order and compared once: with AVX2 the speed is that of
 * the memory they come from, so there is no AVX-512 variant.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_keys.h"
#include "distance/distance_variants.h"

#ifdef VX_DISTANCE_X86
#include <immintrin.h>

__attribute__((target("avx2")))
static void
match_keys4_avx2(const uint32_t *keys, int count, uint32_t low, uint32_t high, uint32_t *words)
{
	__m256i		lows = _mm256_set1_epi32((int) low);
	__m256i		spans = _mm256_set1_epi32((int) (high - low));
	int			i;
	int			j;

	for (i = 0; i < count; i += 32)
	{
		uint32_t	bits = 0;

		for (j = 0; j < 32; j += 8)
		{
			__m256i		key = _mm256_loadu_si256((const __m256i *) (keys + i + j));
			__m256i		offset = _mm256_sub_epi32(key, lows);
			__m256i		inside = _mm256_cmpeq_epi32(_mm256_min_epu32(offset, spans), offset);

			bits |= (uint32_t) _mm256_movemask_ps(_mm256_castsi256_ps(inside)) << j;
		}
		words[i / 32] |= bits;
	}
}

__attribute__((target("avx2")))
static void
match_keys8_avx2(const uint64_t *keys, int count, uint64_t low, uint64_t high, uint32_t *words)
{
	/* There are only comparisons of signed numbers. */
	__m256i		sign = _mm256_set1_epi64x((long long) (UINT64_C(1) << 63));
	__m256i		lows = _mm256_xor_si256(_mm256_set1_epi64x((long long) low), sign);
	__m256i		highs = _mm256_xor_si256(_mm256_set1_epi64x((long long) high), sign);
	int			i;
	int			j;

	for (i = 0; i < count; i += 32)
	{
		uint32_t	bits = 0;

		for (j = 0; j < 32; j += 4)
		{
			__m256i		key = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *) (keys + i + j)),
											   sign);
			__m256i		outside = _mm256_or_si256(_mm256_cmpgt_epi64(lows, key),
												  _mm256_cmpgt_epi64(key, highs));

			bits |= (uint32_t) _mm256_movemask_pd(_mm256_castsi256_pd(outside)) << j;
		}
		words[i / 32] |= ~bits;
	}
}
#endif

static void
match_keys4_scalar(const uint32_t *keys, int count, uint32_t low, uint32_t high,
				   uint32_t *words)
{
	uint32_t	span = high - low;
	int			i;
	int			j;

	for (i = 0; i < count; i += 32)
	{
		uint32_t	bits = 0;

		for (j = 0; j < 32; j++)
			bits |= (uint32_t) (keys[i + j] - low <= span) << j;
		words[i / 32] |= bits;
	}
}

static void
match_keys8_scalar(const uint64_t *keys, int count, uint64_t low, uint64_t high,
				   uint32_t *words)
{
	uint64_t	span = high - low;
	int			i;
	int			j;

	for (i = 0; i < count; i += 32)
	{
		uint32_t	bits = 0;

		for (j = 0; j < 32; j++)
			bits |= (uint32_t) (keys[i + j] - low <= span) << j;
		words[i / 32] |= bits;
	}
}

void
vx_distance_match_keys4(const uint32_t *keys, int count, uint32_t low, uint32_t high,
						uint32_t *words)
{
#ifdef VX_DISTANCE_X86
	if (vx_distance->variant != DISTANCE_VARIANT_SCALAR)
	{
		match_keys4_avx2(keys, count, low, high, words);
		return;
	}
#endif
	match_keys4_scalar(keys, count, low, high, words);
}

void
vx_distance_match_keys8(const uint64_t *keys, int count, uint64_t low, uint64_t high,
						uint32_t *words)
{
#ifdef VX_DISTANCE_X86
	if (vx_distance->variant != DISTANCE_VARIANT_SCALAR)
	{
		match_keys8_avx2(keys, count, low, high, words);
		return;
	}
#endif
	match_keys8_scalar(keys, count, low, high, words);
}
