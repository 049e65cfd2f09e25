/*-------------------------------------------------------------------------
 *
 * distance_codes_neon.c
 *	  The code kernels for aarch64.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_codes_variants.h"

#ifdef VX_DISTANCE_NEON

#include <arm_neon.h>

/* Four of eight widened codes as floats. */
#define codes_low(codes) vcvtq_f32_u32(vmovl_u16(vget_low_u16(codes)))
#define codes_high(codes) vcvtq_f32_u32(vmovl_u16(vget_high_u16(codes)))

static float
l1_u8_f32(int dims, const uint8_t *code, float scale, float offset, const float *z)
{
	float32x4_t scales = vdupq_n_f32(scale);
	float32x4_t offsets = vdupq_n_f32(offset);
	float32x4_t zero = vdupq_n_f32(0.0f);
	float32x4_t sums[4] = {zero, zero, zero, zero};
	float		sum;
	int			i = 0;

	for (; i + 16 <= dims; i += 16)
	{
		uint8x16_t	bytes = vld1q_u8(code + i);
		uint16x8_t	low = vmovl_u8(vget_low_u8(bytes));
		uint16x8_t	high = vmovl_u8(vget_high_u8(bytes));

		sums[0] = vaddq_f32(sums[0], vabdq_f32(vfmaq_f32(offsets, scales, codes_low(low)),
											   vld1q_f32(z + i)));
		sums[1] = vaddq_f32(sums[1], vabdq_f32(vfmaq_f32(offsets, scales, codes_high(low)),
											   vld1q_f32(z + i + 4)));
		sums[2] = vaddq_f32(sums[2], vabdq_f32(vfmaq_f32(offsets, scales, codes_low(high)),
											   vld1q_f32(z + i + 8)));
		sums[3] = vaddq_f32(sums[3], vabdq_f32(vfmaq_f32(offsets, scales, codes_high(high)),
											   vld1q_f32(z + i + 12)));
	}
	sum = vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
	for (; i < dims; i++)
		sum += fabsf(offset + scale * (float) code[i] - z[i]);
	return sum;
}

static float
l1_u8_u8(int dims, const uint8_t *a, float scale_a, float offset_a,
		 const uint8_t *b, float scale_b, float offset_b)
{
	float32x4_t scales_a = vdupq_n_f32(scale_a);
	float32x4_t scales_b = vdupq_n_f32(scale_b);
	float32x4_t offsets = vdupq_n_f32(offset_a - offset_b);
	float32x4_t sum0 = vdupq_n_f32(0.0f);
	float32x4_t sum1 = vdupq_n_f32(0.0f);
	float		sum;
	int			i = 0;

	for (; i + 8 <= dims; i += 8)
	{
		uint16x8_t	codes_a = vmovl_u8(vld1_u8(a + i));
		uint16x8_t	codes_b = vmovl_u8(vld1_u8(b + i));

		sum0 = vaddq_f32(sum0, vabdq_f32(vfmaq_f32(offsets, scales_a, codes_low(codes_a)),
										 vmulq_f32(scales_b, codes_low(codes_b))));
		sum1 = vaddq_f32(sum1, vabdq_f32(vfmaq_f32(offsets, scales_a, codes_high(codes_a)),
										 vmulq_f32(scales_b, codes_high(codes_b))));
	}
	sum = vaddvq_f32(vaddq_f32(sum0, sum1));
	for (; i < dims; i++)
		sum += fabsf(offset_a - offset_b + scale_a * (float) a[i] - scale_b * (float) b[i]);
	return sum;
}

/*
 * The tests work in doubles, two to a register here: plain C serves as well.
 */
const DistanceCodeKernels vx_distance_codes_neon = {
	DISTANCE_VARIANT_NEON,
	vx_distance_encode_norm2,
	vx_distance_encode_range,
	vx_distance_encode_u8,
	vx_distance_encode_limbs,
	l1_u8_f32,
	l1_u8_u8,
	vx_distance_codes_keep_ball,
	vx_distance_codes_keep_plane
};

#endif							/* VX_DISTANCE_NEON */
