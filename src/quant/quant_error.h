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

#endif							/* VX_QUANT_ERROR_H */
