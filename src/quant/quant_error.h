/*-------------------------------------------------------------------------
 *
 * quant_error.h
 *	  Rounding errors that the bounds allow for; private to this folder.
 *
 * README.md derives what stands here.  The slacks for double precision hold
 * up to 2^14 dimensions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_QUANT_ERROR_H
#define VX_QUANT_ERROR_H

#include <math.h>

#include "quant/quant_codec.h"

/*
 * gamma(depth + 2): the relative error of a float32 sum of non-negative terms
 * of three roundings each (a difference enters its square twice), each of
 * which passes through depth - 1 additions.
 */
static inline double
compute_gamma(int depth)
{
	double		roundings = (depth + 2) * 0x1p-24;

	return roundings / (1.0 - roundings);
}

/*
 * What rounding to double can do to an L2 (or L1) norm of differences a - b,
 * each computed from numbers with one rounding: given the computed norm and
 * those of a and b, a number that the exact norm does not exceed.
 */
static inline double
raise_norm(double norm, double norm_a, double norm_b, int dims)
{
	return norm * (1.0 + (dims + 8) * 0x1p-52) + (norm_a + norm_b) * 0x1p-50;
}

/* The distance between a vector normalised in double and the exact one. */
static inline double
compute_normalise_error(int dims)
{
	return (dims + 16) * 0x1p-52;
}

/* One value of y^^ (quant_codec.h) */
static inline double
decode_residual(double offset, double scale, uint8_t code, uint8_t residual)
{
	return offset + scale * ((double) code + ((double) residual + 0.5) / 256.0 - 0.5);
}

/* Relative error of a double that went through a few operations. */
#define QUANT_DOUBLE_SLACK 0x1p-48

/* Relative error of the header's norm2 (float32) before that of doubles. */
#define QUANT_NORM2_SLACK (0x1p-24 + 0x1p-34)

/* Error of norm2 + |z^|^2 - 2 cross relative to norm2 + |z^|^2. */
#define QUANT_CROSS_SLACK 0x1p-38

/* More than norm2 can lose to underflow. */
#define QUANT_NORM2_TINY 0x1p-148

/* >= |y^| */
static inline double
raise_code_norm(const QuantSlotData *slot)
{
	return sqrt((double) slot->norm2 * (1.0 + 0x1p-23) + QUANT_NORM2_TINY);
}

/* >= |mean + y^|, for METRIC_IP; norm2 and mean_dot are rounded to float. */
static inline double
raise_decoded_norm(const QuantQuery *query, const QuantSlotData *slot)
{
	double		slot_norm2 = (double) slot->norm2;
	double		mean_norm2 = query->params.mean_norm * query->params.mean_norm;
	double		norm2 = mean_norm2 + 2.0 * (double) slot->mean_dot + slot_norm2;

	if (norm2 < 0.0)
		norm2 = 0.0;
	return sqrt(norm2 + ((mean_norm2 + slot_norm2) * 0x1p-22 + QUANT_NORM2_TINY));
}

#endif							/* VX_QUANT_ERROR_H */
