/*-------------------------------------------------------------------------
 *
 * distance_metric.h
 *	  From kernel sums to the distances that SQL shows.
 *
 * One definition serves the SQL functions, the quantiser's 'none' mode and
 * the tests, so that an index answers with the very number that the
 * operator computes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_DISTANCE_METRIC_H
#define VX_DISTANCE_METRIC_H

#include <math.h>

#include "distance/distance.h"

typedef enum DistanceMetric
{
	DISTANCE_METRIC_L2 = 1,		/* <->  */
	DISTANCE_METRIC_IP = 2,		/* <#>, the negative inner product */
	DISTANCE_METRIC_COSINE = 3, /* <=>  */
	DISTANCE_METRIC_L1 = 4		/* <+>  */
} DistanceMetric;

/* sqrt of the float32 sum; overflow of the sum gives infinity */
static inline double
vx_distance_l2_by(const DistanceKernels *kernels, int dims, const float *a, const float *b)
{
	return sqrt((double) kernels->l2_squared_f32(dims, a, b));
}

static inline double
vx_distance_negative_ip_by(const DistanceKernels *kernels, int dims, const float *a,
						   const float *b)
{
	return -(double) kernels->inner_product_f32(dims, a, b);
}

/*
 * 1 - cos(a, b) in [0, 2]; NaN if one of them is zero.  Where a float32 sum of
 * squares overflows or vanishes, it may be any number in this range or NaN.
 */
static inline double
vx_distance_cosine_by(const DistanceKernels *kernels, int dims, const float *a, const float *b)
{
	DistanceCosineSums sums;
	double		similarity;

	kernels->cosine_f32(dims, a, b, &sums);
	similarity = (double) sums.dot /
		sqrt((double) sums.norm_a * (double) sums.norm_b);

	/* Rounding may leave [-1, 1]; comparisons with NaN are false. */
	if (similarity > 1.0)
		similarity = 1.0;
	else if (similarity < -1.0)
		similarity = -1.0;
	return 1.0 - similarity;
}

static inline double
vx_distance_l1_by(const DistanceKernels *kernels, int dims, const float *a, const float *b)
{
	return (double) kernels->l1_f32(dims, a, b);
}

static inline double
vx_distance_metric_by(const DistanceKernels *kernels, DistanceMetric metric, int dims,
					  const float *a, const float *b)
{
	switch (metric)
	{
		case DISTANCE_METRIC_L2:
			return vx_distance_l2_by(kernels, dims, a, b);
		case DISTANCE_METRIC_IP:
			return vx_distance_negative_ip_by(kernels, dims, a, b);
		case DISTANCE_METRIC_COSINE:
			return vx_distance_cosine_by(kernels, dims, a, b);
		case DISTANCE_METRIC_L1:
			return vx_distance_l1_by(kernels, dims, a, b);
	}
	return NAN;
}

/* The same by the kernels in use */
static inline double
vx_distance_l2(int dims, const float *a, const float *b)
{
	return vx_distance_l2_by(vx_distance, dims, a, b);
}

static inline double
vx_distance_negative_ip(int dims, const float *a, const float *b)
{
	return vx_distance_negative_ip_by(vx_distance, dims, a, b);
}

static inline double
vx_distance_cosine(int dims, const float *a, const float *b)
{
	return vx_distance_cosine_by(vx_distance, dims, a, b);
}

static inline double
vx_distance_l1(int dims, const float *a, const float *b)
{
	return vx_distance_l1_by(vx_distance, dims, a, b);
}

static inline double
vx_distance_metric(DistanceMetric metric, int dims, const float *a, const float *b)
{
	return vx_distance_metric_by(vx_distance, metric, dims, a, b);
}

#endif							/* VX_DISTANCE_METRIC_H */
