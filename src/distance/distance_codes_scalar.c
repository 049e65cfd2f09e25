/*-------------------------------------------------------------------------
 *
 * distance_codes_scalar.c
 *	  The code kernels in plain C, and the table of their variants.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_codes_variants.h"

static float
l1_u8_f32(int dims, const uint8_t *code, float scale, float offset, const float *z)
{
	float		partials[DISTANCE_PARTIALS] = {0.0f};
	int			i = 0;
	int			j;

	for (; i + DISTANCE_PARTIALS <= dims; i += DISTANCE_PARTIALS)
	{
		for (j = 0; j < DISTANCE_PARTIALS; j++)
			partials[j] += fabsf(offset + scale * (float) code[i + j] - z[i + j]);
	}
	for (j = 0; i < dims; i++, j++)
		partials[j] += fabsf(offset + scale * (float) code[i] - z[i]);
	return add_partials(partials);
}

static float
l1_u8_u8(int dims, const uint8_t *a, float scale_a, float offset_a,
		 const uint8_t *b, float scale_b, float offset_b)
{
	float		partials[DISTANCE_PARTIALS] = {0.0f};
	float		offset = offset_a - offset_b;
	int			i = 0;
	int			j;

	for (; i + DISTANCE_PARTIALS <= dims; i += DISTANCE_PARTIALS)
	{
		for (j = 0; j < DISTANCE_PARTIALS; j++)
			partials[j] += fabsf(offset + scale_a * (float) a[i + j] -
								 scale_b * (float) b[i + j]);
	}
	for (j = 0; i < dims; i++, j++)
		partials[j] += fabsf(offset + scale_a * (float) a[i] - scale_b * (float) b[i]);
	return add_partials(partials);
}

int
vx_distance_codes_keep_ball(const void *heads, size_t stride_bytes, int count,
							const int32_t *sums, const DistanceCodeTest *test,
							uint16_t *kept)
{
	const char *head = heads;
	int			kept_count = 0;
	int			i;

	for (i = 0; i < count; i++, head += stride_bytes)
	{
		/* Without a branch: the outcome is hard to foretell. */
		kept[kept_count] = (uint16_t) i;
		kept_count += test_ball(head, sums + 2 * i, test);
	}
	return kept_count;
}

int
vx_distance_codes_keep_plane(const void *heads, size_t stride_bytes, int count,
							 const int32_t *sums, const DistanceCodeTest *test,
							 uint16_t *kept)
{
	const char *head = heads;
	int			kept_count = 0;
	int			i;

	for (i = 0; i < count; i++, head += stride_bytes)
	{
		kept[kept_count] = (uint16_t) i;
		kept_count += test_plane(head, sums + 2 * i, test);
	}
	return kept_count;
}

const DistanceCodeKernels vx_distance_codes_scalar = {
	DISTANCE_VARIANT_SCALAR,
	vx_distance_encode_norm2,
	vx_distance_encode_range,
	vx_distance_encode_u8,
	vx_distance_encode_limbs,
	l1_u8_f32,
	l1_u8_u8,
	vx_distance_codes_keep_ball,
	vx_distance_codes_keep_plane
};

const DistanceCodeKernels *
vx_distance_code_kernels(DistanceVariant variant)
{
	switch (variant)
	{
#ifdef VX_DISTANCE_X86
		case DISTANCE_VARIANT_AVX2:
			return &vx_distance_codes_avx2;
		case DISTANCE_VARIANT_AVX512:
			return &vx_distance_codes_avx512;
#endif
#ifdef VX_DISTANCE_NEON
		case DISTANCE_VARIANT_NEON:
			return &vx_distance_codes_neon;
#endif
		default:
			return &vx_distance_codes_scalar;
	}
}
