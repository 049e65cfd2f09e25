/*-------------------------------------------------------------------------
 *
 * distance_encode_scalar.c
 *	  Encoding in plain C: vectors to 8-bit codes, queries to limbs.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_codes_variants.h"

double
vx_distance_encode_norm2(int dims, const float *x)
{
	double		partials[ENCODE_PARTIALS] = {0.0};
	int			i;

	for (i = 0; i < dims; i++)
		partials[i % ENCODE_PARTIALS] += (double) x[i] * (double) x[i];
	return add_encode_partials(partials);
}

void
vx_distance_encode_range(int dims, const float *x, const float *mean,
						 double factor, double range[2])
{
	double		least = encode_value(x, mean, factor, 0);
	double		greatest = least;
	int			i;

	for (i = 1; i < dims; i++)
	{
		double		value = encode_value(x, mean, factor, i);

		least = value < least ? value : least;
		greatest = value > greatest ? value : greatest;
	}
	range[0] = least;
	range[1] = greatest;
}

void
vx_distance_encode_u8(int dims, const float *x, const float *mean, double factor,
					  double offset, double scale, bool absolute, uint8_t *code,
					  DistanceEncodeSums *sums)
{
	double		inverse = scale > 0.0 ? 1.0 / scale : 0.0;
	EncodePartials partials;
	int			i;

	memset(&partials, 0, sizeof(partials));
	for (i = 0; i < dims; i++)
		code[i] = encode_element(x, mean, factor, offset, scale, inverse, absolute,
								 i, i % ENCODE_PARTIALS, &partials);
	finish_encode_sums(&partials, absolute, sums);
}

void
vx_distance_encode_limbs(int dims, const float *x, const float *mean, double factor,
						 double step, int8_t *hi, int8_t *lo, DistanceLimbSums *sums)
{
	double		inverse = step > 0.0 ? 1.0 / step : 0.0;
	LimbPartials partials;
	int			i;

	memset(&partials, 0, sizeof(partials));
	for (i = 0; i < dims; i++)
		encode_limb_element(x, mean, factor, step, inverse, hi, lo,
							i, i % ENCODE_PARTIALS, &partials);
	finish_limb_sums(&partials, sums);
}
