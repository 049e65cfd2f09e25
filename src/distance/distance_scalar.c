/*-------------------------------------------------------------------------
 *
 * distance_scalar.c
 *	  The kernels in plain C: they run everywhere and define "correct".
 *
 * Every other variant is tested against this file.  Keep the loops plain.
 * Float sums are made of partial sums, as in the others: that keeps the error
 * small that the bounds of src/quant have to allow for (DISTANCE_SUM_DEPTH).
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "distance/distance_variants.h"

static inline float
square_difference(float a, float b)
{
	return (a - b) * (a - b);
}

static float
l2_squared_f32(int dims, const float *a, const float *b)
{
	float		partials[DISTANCE_PARTIALS] = {0.0f};
	int			i = 0;
	int			j;

	for (; i + DISTANCE_PARTIALS <= dims; i += DISTANCE_PARTIALS)
	{
		for (j = 0; j < DISTANCE_PARTIALS; j++)
			partials[j] += square_difference(a[i + j], b[i + j]);
	}
	for (j = 0; i < dims; i++, j++)
		partials[j] += square_difference(a[i], b[i]);
	return add_partials(partials);
}

static float
inner_product_f32(int dims, const float *a, const float *b)
{
	float		partials[DISTANCE_PARTIALS] = {0.0f};
	int			i = 0;
	int			j;

	for (; i + DISTANCE_PARTIALS <= dims; i += DISTANCE_PARTIALS)
	{
		for (j = 0; j < DISTANCE_PARTIALS; j++)
			partials[j] += a[i + j] * b[i + j];
	}
	for (j = 0; i < dims; i++, j++)
		partials[j] += a[i] * b[i];
	return add_partials(partials);
}

static float
l1_f32(int dims, const float *a, const float *b)
{
	float		partials[DISTANCE_PARTIALS] = {0.0f};
	int			i = 0;
	int			j;

	for (; i + DISTANCE_PARTIALS <= dims; i += DISTANCE_PARTIALS)
	{
		for (j = 0; j < DISTANCE_PARTIALS; j++)
			partials[j] += fabsf(a[i + j] - b[i + j]);
	}
	for (j = 0; i < dims; i++, j++)
		partials[j] += fabsf(a[i] - b[i]);
	return add_partials(partials);
}

static void
cosine_f32(int dims, const float *a, const float *b, DistanceCosineSums *sums)
{
	sums->dot = inner_product_f32(dims, a, b);
	sums->norm_a = inner_product_f32(dims, a, a);
	sums->norm_b = inner_product_f32(dims, b, b);
}

static void
dot_u8_s8x2(int dims, const uint8_t *code, const int8_t *hi, const int8_t *lo,
			int32_t sums[2])
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
dot_u8_s8(int dims, const uint8_t *code, const int8_t *limb)
{
	int32_t		sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		sum += code[i] * limb[i];
	return sum;
}

static int32_t
dot_u8_u8(int dims, const uint8_t *a, const uint8_t *b)
{
	int32_t		sum = 0;
	int			i;

	for (i = 0; i < dims; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
dot_u8_s8x2_many(int dims, const uint8_t *codes, size_t stride_bytes,
				 const uint8_t *behind, int count,
				 const int8_t *hi, const int8_t *lo, int32_t *out)
{
	int			i;

	(void) behind;
	for (i = 0; i < count; i++)
		dot_u8_s8x2(dims, codes + (size_t) i * stride_bytes, hi, lo, out + 2 * i);
}

static void
dot_u8_s8x2_list(int dims, const uint8_t *const *codes, int count,
				 const int8_t *hi, const int8_t *lo, int32_t *out)
{
	int			i;

	for (i = 0; i < count; i++)
		dot_u8_s8x2(dims, codes[i], hi, lo, out + 2 * i);
}

static void
dot_u8_u8_list(int dims, const uint8_t *code, const uint8_t *const *codes,
			   int count, int32_t *out)
{
	int			i;

	for (i = 0; i < count; i++)
		out[i] = dot_u8_u8(dims, code, codes[i]);
}

const DistanceKernels vx_distance_scalar = {
	DISTANCE_VARIANT_SCALAR,
	"scalar",
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
