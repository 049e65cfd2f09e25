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
