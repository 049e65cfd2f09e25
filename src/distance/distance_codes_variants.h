/*-------------------------------------------------------------------------
 *
 * distance_codes_variants.h
 *	  What the variants of the code kernels share; private to this folder.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_DISTANCE_CODES_VARIANTS_H
#define VX_DISTANCE_CODES_VARIANTS_H

#include <math.h>
#include <string.h>

#include "distance/distance_codes.h"
#include "distance/distance_variants.h"

extern const DistanceCodeKernels vx_distance_codes_scalar;
#ifdef VX_DISTANCE_X86
extern const DistanceCodeKernels vx_distance_codes_avx2;
extern const DistanceCodeKernels vx_distance_codes_avx512;
#endif
#ifdef VX_DISTANCE_NEON
extern const DistanceCodeKernels vx_distance_codes_neon;
#endif

/* Encoding in plain C: distance_encode_scalar.c */
extern double vx_distance_encode_norm2(int dims, const float *x);
extern void vx_distance_encode_range(int dims, const float *x, const float *mean,
									 double factor, double range[2]);
extern void vx_distance_encode_u8(int dims, const float *x, const float *mean,
								  double factor, double offset, double scale,
								  bool absolute, uint8_t *code,
								  DistanceEncodeSums *sums);
extern void vx_distance_encode_limbs(int dims, const float *x, const float *mean,
									 double factor, double step, int8_t *hi,
									 int8_t *lo, DistanceLimbSums *sums);

#ifdef VX_DISTANCE_X86
/* The same with AVX2, for AVX-512 as well: distance_encode_avx2.c */
extern double vx_distance_encode_norm2_avx2(int dims, const float *x);
extern void vx_distance_encode_range_avx2(int dims, const float *x, const float *mean,
										  double factor, double range[2]);
extern void vx_distance_encode_u8_avx2(int dims, const float *x, const float *mean,
									   double factor, double offset, double scale,
									   bool absolute, uint8_t *code,
									   DistanceEncodeSums *sums);
extern void vx_distance_encode_limbs_avx2(int dims, const float *x, const float *mean,
										  double factor, double step, int8_t *hi,
										  int8_t *lo, DistanceLimbSums *sums);
#endif

/*
 * One element of encoding, for the loops in plain C and for the ends of the
 * wide ones.  j is the element's partial sum.
 */
#define ENCODE_PARTIALS 8

typedef struct EncodePartials
{
	double		residual[ENCODE_PARTIALS];
	double		value[ENCODE_PARTIALS];
	double		decoded[ENCODE_PARTIALS];
	double		decoded_size[ENCODE_PARTIALS];
	double		mean_dot[ENCODE_PARTIALS];
	int32_t		code_sum;
} EncodePartials;

typedef struct LimbPartials
{
	double		residual[ENCODE_PARTIALS];
	double		value[ENCODE_PARTIALS];
	double		level[ENCODE_PARTIALS];
	double		level2[ENCODE_PARTIALS];
} LimbPartials;

static inline double
add_encode_partials(const double *partials)
{
	return ((partials[0] + partials[4]) + (partials[2] + partials[6])) +
		((partials[1] + partials[5]) + (partials[3] + partials[7]));
}

static inline double
encode_value(const float *x, const float *mean, double factor, int i)
{
	double		value = (double) x[i] * factor;

	return mean == NULL ? value : value - (double) mean[i];
}

static inline uint8_t
encode_element(const float *x, const float *mean, double factor, double offset,
			   double scale, double inverse, bool absolute, int i, int j,
			   EncodePartials *partials)
{
	double		value = encode_value(x, mean, factor, i);
	double		level = (value - offset) * inverse;
	double		decoded;
	double		residual;
	int			code;

	level = level > 0.0 ? level : 0.0;
	level = level < 255.0 ? level : 255.0;
	code = (int) (level + 0.5);
	decoded = offset + scale * (double) code;
	residual = value - decoded;

	partials->decoded[j] += decoded * decoded;
	if (absolute)
	{
		partials->residual[j] += fabs(residual);
		partials->value[j] += fabs(value);
		partials->decoded_size[j] += fabs(decoded);
	}
	else
	{
		partials->residual[j] += residual * residual;
		partials->value[j] += value * value;
	}
	if (mean != NULL)
		partials->mean_dot[j] += (double) mean[i] * decoded;
	partials->code_sum += code;
	return (uint8_t) code;
}

static inline void
finish_encode_sums(const EncodePartials *partials, bool absolute, DistanceEncodeSums *sums)
{
	sums->residual = add_encode_partials(partials->residual);
	sums->value = add_encode_partials(partials->value);
	sums->decoded = add_encode_partials(partials->decoded);
	sums->decoded_size = absolute ? add_encode_partials(partials->decoded_size) : sums->decoded;
	sums->mean_dot = add_encode_partials(partials->mean_dot);
	sums->code_sum = partials->code_sum;
}

static inline void
encode_limb_element(const float *x, const float *mean, double factor, double step,
					double inverse, int8_t *hi, int8_t *lo, int i, int j,
					LimbPartials *partials)
{
	double		value = encode_value(x, mean, factor, i);
	double		residual;
	int			level;
	int			upper;

	/* Both by way of positive numbers, where a cast rounds down. */
	level = (int) (value * inverse + (DISTANCE_MAX_LEVEL + 0.5)) - DISTANCE_MAX_LEVEL;
	upper = (level + DISTANCE_MAX_LEVEL + 64) / 128 - DISTANCE_MAX_LEVEL / 128;
	hi[i] = (int8_t) upper;
	lo[i] = (int8_t) (level - 128 * upper);

	residual = value - step * (double) level;
	partials->residual[j] += residual * residual;
	partials->value[j] += value * value;
	partials->level[j] += (double) level;
	partials->level2[j] += (double) level * (double) level;
}

static inline void
finish_limb_sums(const LimbPartials *partials, DistanceLimbSums *sums)
{
	sums->residual = add_encode_partials(partials->residual);
	sums->value = add_encode_partials(partials->value);
	sums->level = add_encode_partials(partials->level);
	sums->level2 = add_encode_partials(partials->level2);
}

/* The tests in plain C, for variants that have nothing better. */
extern int	vx_distance_codes_keep_ball(const void *heads, size_t stride_bytes,
										int count, const int32_t *sums,
										const DistanceCodeTest *test,
										uint16_t *kept);
extern int	vx_distance_codes_keep_plane(const void *heads, size_t stride_bytes,
										 int count, const int32_t *sums,
										 const DistanceCodeTest *test,
										 uint16_t *kept);

/* One slot of the tests, for the ends of the wide loops as well. */
static inline double
compute_cross(const DistanceCodeHead *head, const int32_t *sums,
			  const DistanceCodeTest *test)
{
	return (double) head->offset * test->sum +
		(double) head->scale * (test->step * (128.0 * (double) sums[0] + (double) sums[1]));
}

static inline bool
test_ball(const void *head_bytes, const int32_t *sums, const DistanceCodeTest *test)
{
	DistanceCodeHead head;
	double		reach;

	memcpy(&head, head_bytes, sizeof(head));
	reach = test->reach + (double) head.error;
	return (double) head.norm2 * test->norm2_factor + test->constant -
		2.0 * compute_cross(&head, sums, test) <= reach * reach;
}

static inline bool
test_plane(const void *head_bytes, const int32_t *sums, const DistanceCodeTest *test)
{
	DistanceCodeHead head;

	memcpy(&head, head_bytes, sizeof(head));
	return test->constant - compute_cross(&head, sums, test) -
		(double) head.error * test->error_factor -
		sqrt((double) head.norm2) * test->norm_factor <= test->reach;
}

#endif							/* VX_DISTANCE_CODES_VARIANTS_H */
