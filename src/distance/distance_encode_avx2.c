/*-------------------------------------------------------------------------
 *
 * distance_encode_avx2.c
 *	  Encoding with AVX2: vectors to 8-bit codes, queries to limbs.
 *
 * Without FMA, so that products are rounded as in plain C and every variant
 * writes the same slots: what a server encoded, another one can recognise.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_codes_variants.h"

#ifdef VX_DISTANCE_X86

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

/* Four values, from element i on. */
TARGET static inline __m256d
load_values(const float *x, const float *mean, __m256d factor, int i)
{
	__m256d		values = _mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(x + i)), factor);

	return mean == NULL ? values :
		_mm256_sub_pd(values, _mm256_cvtps_pd(_mm_loadu_ps(mean + i)));
}

TARGET static inline __m256d
absolute_values(__m256d values)
{
	return _mm256_andnot_pd(_mm256_set1_pd(-0.0), values);
}

TARGET double
vx_distance_encode_norm2_avx2(int dims, const float *x)
{
	double		partials[ENCODE_PARTIALS];
	__m256d		sum0 = _mm256_setzero_pd();
	__m256d		sum1 = _mm256_setzero_pd();
	int			i = 0;
	int			j;

	for (; i + 8 <= dims; i += 8)
	{
		__m256d		x0 = _mm256_cvtps_pd(_mm_loadu_ps(x + i));
		__m256d		x1 = _mm256_cvtps_pd(_mm_loadu_ps(x + i + 4));

		sum0 = _mm256_add_pd(sum0, _mm256_mul_pd(x0, x0));
		sum1 = _mm256_add_pd(sum1, _mm256_mul_pd(x1, x1));
	}
	_mm256_storeu_pd(partials, sum0);
	_mm256_storeu_pd(partials + 4, sum1);
	for (j = 0; i < dims; i++, j++)
		partials[j] += (double) x[i] * (double) x[i];
	return add_encode_partials(partials);
}

TARGET void
vx_distance_encode_range_avx2(int dims, const float *x, const float *mean,
							  double factor, double range[2])
{
	__m256d		factors = _mm256_set1_pd(factor);
	__m256d		least;
	__m256d		greatest;
	__m128d		pair;
	int			i = 4;

	if (dims < 4)
	{
		vx_distance_encode_range(dims, x, mean, factor, range);
		return;
	}
	least = greatest = load_values(x, mean, factors, 0);
	while (i < dims)
	{
		__m256d		values;

		/* The last four may overlap those before. */
		if (i > dims - 4)
			i = dims - 4;
		values = load_values(x, mean, factors, i);
		least = _mm256_min_pd(values, least);
		greatest = _mm256_max_pd(values, greatest);
		i += 4;
	}
	pair = _mm_min_pd(_mm256_castpd256_pd128(least), _mm256_extractf128_pd(least, 1));
	range[0] = _mm_cvtsd_f64(_mm_min_sd(pair, _mm_unpackhi_pd(pair, pair)));
	pair = _mm_max_pd(_mm256_castpd256_pd128(greatest), _mm256_extractf128_pd(greatest, 1));
	range[1] = _mm_cvtsd_f64(_mm_max_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

/* The sums of four elements, half of the partial sums. */
typedef struct EncodeHalf
{
	__m256d		residual;
	__m256d		value;
	__m256d		decoded;
	__m256d		decoded_size;
	__m256d		mean_dot;
} EncodeHalf;

/* The codes of four elements. */
TARGET static inline __m128i
encode_four(const float *x, const float *mean, __m256d factor, __m256d offset,
			__m256d scale, __m256d inverse, bool absolute, int i, EncodeHalf *half)
{
	__m256d		values = load_values(x, mean, factor, i);
	__m256d		levels = _mm256_mul_pd(_mm256_sub_pd(values, offset), inverse);
	__m256d		decoded;
	__m256d		residuals;
	__m128i		codes;

	levels = _mm256_max_pd(levels, _mm256_setzero_pd());
	levels = _mm256_min_pd(levels, _mm256_set1_pd(255.0));
	codes = _mm256_cvttpd_epi32(_mm256_add_pd(levels, _mm256_set1_pd(0.5)));
	decoded = _mm256_add_pd(offset, _mm256_mul_pd(scale, _mm256_cvtepi32_pd(codes)));
	residuals = _mm256_sub_pd(values, decoded);

	half->decoded = _mm256_add_pd(half->decoded, _mm256_mul_pd(decoded, decoded));
	if (absolute)
	{
		half->residual = _mm256_add_pd(half->residual, absolute_values(residuals));
		half->value = _mm256_add_pd(half->value, absolute_values(values));
		half->decoded_size = _mm256_add_pd(half->decoded_size, absolute_values(decoded));
	}
	else
	{
		half->residual = _mm256_add_pd(half->residual, _mm256_mul_pd(residuals, residuals));
		half->value = _mm256_add_pd(half->value, _mm256_mul_pd(values, values));
	}
	if (mean != NULL)
		half->mean_dot = _mm256_add_pd(half->mean_dot,
									   _mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(mean + i)),
													 decoded));
	return codes;
}

TARGET static inline void
store_half(const EncodeHalf *half, int j, EncodePartials *partials)
{
	_mm256_storeu_pd(partials->residual + j, half->residual);
	_mm256_storeu_pd(partials->value + j, half->value);
	_mm256_storeu_pd(partials->decoded + j, half->decoded);
	_mm256_storeu_pd(partials->decoded_size + j, half->decoded_size);
	_mm256_storeu_pd(partials->mean_dot + j, half->mean_dot);
}

TARGET static inline void
encode_vector(int dims, const float *x, const float *mean, double factor, double offset,
			  double scale, bool absolute, uint8_t *code, DistanceEncodeSums *sums)
{
	double		inverse = scale > 0.0 ? 1.0 / scale : 0.0;
	__m256d		factors = _mm256_set1_pd(factor);
	__m256d		offsets = _mm256_set1_pd(offset);
	__m256d		scales = _mm256_set1_pd(scale);
	__m256d		inverses = _mm256_set1_pd(inverse);
	__m128i		code_sums = _mm_setzero_si128();
	EncodeHalf	half0;
	EncodeHalf	half1;
	EncodePartials partials;
	int			i = 0;
	int			j;

	half0.residual = half0.value = half0.decoded = _mm256_setzero_pd();
	half0.decoded_size = half0.mean_dot = _mm256_setzero_pd();
	half1 = half0;
	for (; i + 8 <= dims; i += 8)
	{
		__m128i		codes0 = encode_four(x, mean, factors, offsets, scales, inverses, absolute, i,
										 &half0);
		__m128i		codes1 = encode_four(x, mean, factors, offsets, scales, inverses, absolute,
										 i + 4, &half1);
		__m128i		words = _mm_packus_epi32(codes0, codes1);

		_mm_storel_epi64((__m128i *) (code + i), _mm_packus_epi16(words, words));
		code_sums = _mm_add_epi32(code_sums, _mm_add_epi32(codes0, codes1));
	}
	store_half(&half0, 0, &partials);
	store_half(&half1, 4, &partials);
	code_sums = _mm_add_epi32(code_sums, _mm_shuffle_epi32(code_sums, _MM_SHUFFLE(1, 0, 3, 2)));
	code_sums = _mm_add_epi32(code_sums, _mm_shuffle_epi32(code_sums, _MM_SHUFFLE(2, 3, 0, 1)));
	partials.code_sum = _mm_cvtsi128_si32(code_sums);

	for (j = 0; i < dims; i++, j++)
		code[i] = encode_element(x, mean, factor, offset, scale, inverse, absolute, i, j,
								 &partials);
	finish_encode_sums(&partials, absolute, sums);
}

TARGET void
vx_distance_encode_u8_avx2(int dims, const float *x, const float *mean, double factor,
						   double offset, double scale, bool absolute, uint8_t *code,
						   DistanceEncodeSums *sums)
{
	/* Constants, so that each loop holds only what it needs. */
	if (absolute && mean != NULL)
		encode_vector(dims, x, mean, factor, offset, scale, true, code, sums);
	else if (absolute)
		encode_vector(dims, x, NULL, factor, offset, scale, true, code, sums);
	else if (mean != NULL)
		encode_vector(dims, x, mean, factor, offset, scale, false, code, sums);
	else
		encode_vector(dims, x, NULL, factor, offset, scale, false, code, sums);
}

/* Half of the partial sums of encode_limbs. */
typedef struct LimbHalf
{
	__m256d		residual;
	__m256d		value;
	__m256d		level;
	__m256d		level2;
} LimbHalf;

/* The levels of four elements. */
TARGET static inline __m128i
encode_four_levels(const float *x, const float *mean, __m256d factor, __m256d step,
				   __m256d inverse, int i, LimbHalf *half)
{
	__m256d		values = load_values(x, mean, factor, i);
	__m256d		levels;
	__m256d		residuals;
	__m128i		integers;

	levels = _mm256_add_pd(_mm256_mul_pd(values, inverse),
						   _mm256_set1_pd(DISTANCE_MAX_LEVEL + 0.5));
	integers = _mm_sub_epi32(_mm256_cvttpd_epi32(levels), _mm_set1_epi32(DISTANCE_MAX_LEVEL));
	levels = _mm256_cvtepi32_pd(integers);
	residuals = _mm256_sub_pd(values, _mm256_mul_pd(step, levels));

	half->residual = _mm256_add_pd(half->residual, _mm256_mul_pd(residuals, residuals));
	half->value = _mm256_add_pd(half->value, _mm256_mul_pd(values, values));
	half->level = _mm256_add_pd(half->level, levels);
	half->level2 = _mm256_add_pd(half->level2, _mm256_mul_pd(levels, levels));
	return integers;
}

/* The upper limbs of four levels. */
TARGET static inline __m128i
split_upper(__m128i levels)
{
	__m128i		raised = _mm_add_epi32(levels, _mm_set1_epi32(DISTANCE_MAX_LEVEL + 64));

	return _mm_sub_epi32(_mm_srli_epi32(raised, 7), _mm_set1_epi32(DISTANCE_MAX_LEVEL / 128));
}

TARGET static inline void
store_limbs(int8_t *limbs, __m128i four0, __m128i four1)
{
	__m128i		words = _mm_packs_epi32(four0, four1);

	_mm_storel_epi64((__m128i *) limbs, _mm_packs_epi16(words, words));
}

TARGET static inline void
store_limb_half(const LimbHalf *half, int j, LimbPartials *partials)
{
	_mm256_storeu_pd(partials->residual + j, half->residual);
	_mm256_storeu_pd(partials->value + j, half->value);
	_mm256_storeu_pd(partials->level + j, half->level);
	_mm256_storeu_pd(partials->level2 + j, half->level2);
}

TARGET void
vx_distance_encode_limbs_avx2(int dims, const float *x, const float *mean, double factor,
							  double step, int8_t *hi, int8_t *lo, DistanceLimbSums *sums)
{
	double		inverse = step > 0.0 ? 1.0 / step : 0.0;
	__m256d		factors = _mm256_set1_pd(factor);
	__m256d		steps = _mm256_set1_pd(step);
	__m256d		inverses = _mm256_set1_pd(inverse);
	LimbHalf	half0;
	LimbHalf	half1;
	LimbPartials partials;
	int			i = 0;
	int			j;

	half0.residual = half0.value = half0.level = half0.level2 = _mm256_setzero_pd();
	half1 = half0;
	for (; i + 8 <= dims; i += 8)
	{
		__m128i		levels0 = encode_four_levels(x, mean, factors, steps, inverses, i, &half0);
		__m128i		levels1 = encode_four_levels(x, mean, factors, steps, inverses, i + 4, &half1);
		__m128i		upper0 = split_upper(levels0);
		__m128i		upper1 = split_upper(levels1);

		store_limbs(hi + i, upper0, upper1);
		store_limbs(lo + i, _mm_sub_epi32(levels0, _mm_slli_epi32(upper0, 7)),
					_mm_sub_epi32(levels1, _mm_slli_epi32(upper1, 7)));
	}
	store_limb_half(&half0, 0, &partials);
	store_limb_half(&half1, 4, &partials);
	for (j = 0; i < dims; i++, j++)
		encode_limb_element(x, mean, factor, step, inverse, hi, lo, i, j, &partials);
	finish_limb_sums(&partials, sums);
}

#endif							/* VX_DISTANCE_X86 */
