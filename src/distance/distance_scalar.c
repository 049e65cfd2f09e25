/*-------------------------------------------------------------------------
 *
 * distance_scalar.c
 *	  The kernels in plain C: they run everywhere and define "correct".
 *
 * Every other variant is tested against this file.  Keep the loops plain.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "distance/distance_variants.h"

static float
l2_squared_f32(int dims, const float *a, const float *b)
{
	float		sum = 0.0f;
	int			i;

	for (i = 0; i < dims; i++)
	{
		float		diff = a[i] - b[i];

		sum += diff * diff;
	}
	return sum;
}

static float
inner_product_f32(int dims, const float *a, const float *b)
{
	float		sum = 0.0f;
	int			i;

	for (i = 0; i < dims; i++)
		sum += a[i] * b[i];
	return sum;
}

static float
l1_f32(int dims, const float *a, const float *b)
{
	float		sum = 0.0f;
	int			i;

	for (i = 0; i < dims; i++)
		sum += fabsf(a[i] - b[i]);
	return sum;
}

static void
cosine_f32(int dims, const float *a, const float *b, DistanceCosineSums *sums)
{
	float		dot = 0.0f;
	float		norm_a = 0.0f;
	float		norm_b = 0.0f;
	int			i;

	for (i = 0; i < dims; i++)
	{
		dot += a[i] * b[i];
		norm_a += a[i] * a[i];
		norm_b += b[i] * b[i];
	}
	sums->dot = dot;
	sums->norm_a = norm_a;
	sums->norm_b = norm_b;
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
dot_u8_s8x2_many(int dims, const uint8_t *codes, size_t stride_bytes, int count,
				 const int8_t *hi, const int8_t *lo, int32_t *out)
{
	int			i;

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
