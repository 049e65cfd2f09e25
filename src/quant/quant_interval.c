/*-------------------------------------------------------------------------
 *
 * quant_interval.c
 *	  Where a distance lies, by a code and its residual.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "distance/distance_codes.h"
#include "quant/quant_codec.h"
#include "quant/quant_error.h"

/* <y^^, z^>: the residuals are a second code of a 256th of the scale. */
static double
compute_fine_cross(const QuantQuery *query, const QuantSlotData *slot,
				   const QuantResidualData *residual)
{
	double		scale = (double) slot->scale;
	double		first = (double) slot->offset + scale * (0.5 / 256.0 - 0.5);
	int32_t		codes[2];
	int32_t		residuals[2];

	query->kernels->dot_u8_s8x2(query->params.dims, slot->code, query->hi, query->lo, codes);
	query->kernels->dot_u8_s8x2(query->params.dims, residual->residual, query->hi, query->lo,
								residuals);
	return first * query->sum +
		scale * (query->step * (128.0 * (double) codes[0] + (double) codes[1] +
								(128.0 * (double) residuals[0] + (double) residuals[1]) / 256.0));
}

/* From where to where |x - q| may lie (L2), and not below 0 */
static void
bracket_l2(const QuantQuery *query, const QuantSlotData *slot,
		   const QuantResidualData *residual, double *lower, double *upper)
{
	double		slot_norm2 = (double) slot->mean_dot;
	double		norm2 = slot_norm2 + query->norm2;
	double		distance2 = norm2 - 2.0 * compute_fine_cross(query, slot, residual);
	double		slack = slot_norm2 * QUANT_NORM2_SLACK + norm2 * QUANT_CROSS_SLACK +
		QUANT_NORM2_TINY;
	double		error = (double) residual->error + query->error;
	double		least = distance2 - slack;
	double		most = distance2 + slack;

	/* Comparisons with NaN are false: it stays. */
	*lower = (least < 0.0 ? 0.0 : sqrt(least)) * (1.0 - QUANT_DOUBLE_SLACK) - error;
	*upper = (most < 0.0 ? 0.0 : sqrt(most)) * (1.0 + QUANT_DOUBLE_SLACK) + error;
	if (*lower < 0.0)
		*lower = 0.0;
}

/* The same, of the L1 distance */
static void
bracket_l1(const QuantQuery *query, const QuantSlotData *slot,
		   const QuantResidualData *residual, double *lower, double *upper)
{
	double		offset = (double) slot->offset;
	double		scale = (double) slot->scale;
	double		error = (double) residual->error + query->error;
	double		sum = 0.0;
	double		size = 0.0;
	int			i;

	for (i = 0; i < query->params.dims; i++)
	{
		double		y = decode_residual(offset, scale, slot->code[i], residual->residual[i]);

		sum += fabs(y - (double) query->centered[i]);
		size += fabs(y) + fabs((double) query->centered[i]);
	}
	error += (sum + size) * (query->params.dims + 16) * 0x1p-52;
	*lower = sum - error;
	*upper = sum + error;
	if (*lower < 0.0)
		*lower = 0.0;
}

/* Of the operator's negative inner product itself */
static void
bracket_ip(const QuantQuery *query, const QuantSlotData *slot,
		   const QuantResidualData *residual, double *lower, double *upper)
{
	double		error = (double) residual->error;
	double		middle = query->base - compute_fine_cross(query, slot, residual);
	double		fine_norm;
	double		norm;
	double		reach;

	/* |y^^| <= |y^| + |y^ - y| + |y - y^^| */
	fine_norm = raise_code_norm(slot) + (double) slot->error + error;

	/* |x| <= |mean + y^| + |x - x^| */
	norm = raise_decoded_norm(query, slot) + (double) slot->error;

	reach = fine_norm * (query->error + QUANT_CROSS_SLACK * query->query_norm) +
		(error + query->relative * norm) * (query->query_norm * (1.0 + QUANT_DOUBLE_SLACK)) +
		query->slack;
	*lower = middle - reach;
	*upper = middle + reach;
}

bool
vx_quant_interval(const QuantQuery *query, const QuantSlotData *slot,
				  double *lower, double *upper)
{
	const QuantResidualData *residual = vx_quant_residual(&query->params, slot);
	double		least;
	double		most;

	switch (query->params.metric)
	{
		case DISTANCE_METRIC_IP:
			bracket_ip(query, slot, residual, &least, &most);
			break;
		case DISTANCE_METRIC_L1:
			bracket_l1(query, slot, residual, &least, &most);
			least *= query->shrink;
			most /= query->shrink;
			break;
		case DISTANCE_METRIC_COSINE:
			bracket_l2(query, slot, residual, &least, &most);
			least = 0.5 * least * least * query->shrink - query->slack;
			most = 0.5 * most * most / query->shrink + query->slack;
			break;
		default:
			bracket_l2(query, slot, residual, &least, &most);
			least = least * query->shrink - query->slack;
			most = most / query->shrink + query->slack;
			break;
	}
	if (query->params.metric != DISTANCE_METRIC_IP && least < 0.0)
		least = 0.0;

	/* False for NaN, and where a number has overflowed */
	if (isnan(slot->error) || !(least <= most) || !(most < INFINITY) || !(least > -INFINITY))
		return false;
	*lower = least;
	*upper = most;
	return true;
}
