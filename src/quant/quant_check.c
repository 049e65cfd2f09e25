/*-------------------------------------------------------------------------
 *
 * quant_check.c
 *	  Does a code slot's header belong to its code?
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "quant/quant_codec.h"
#include "quant/quant_error.h"

/* Does a residual belong to its slot, as far as the header tells? */
static bool
is_residual_plausible(const QuantParams *params, const QuantSlotData *slot)
{
	const QuantResidualData *residual = vx_quant_residual(params, slot);
	double		norm2 = 0;
	int			i;

	if (!(residual->error >= 0 && isfinite(residual->error)))
		return false;
	if (params->metric != DISTANCE_METRIC_L2 && params->metric != DISTANCE_METRIC_COSINE)
		return true;
	for (i = 0; i < params->dims; i++)
	{
		double		y = decode_residual((double) slot->offset, (double) slot->scale,
										slot->code[i], residual->residual[i]);

		norm2 += y * y;
	}
	return fabs(norm2 - slot->mean_dot) <= norm2 * 1e-6 + 1e-37;
}

bool
vx_quant_is_plausible(const QuantParams *params, const QuantSlotData *slot)
{
	double		norm2 = 0;
	int32_t		sum = 0;
	int			i;

	if (params->kind == QUANT_NONE)
	{
		const float *x = (const float *) slot->code;

		for (i = 0; i < params->dims; i++)
		{
			if (!isfinite(x[i]))
				return false;
		}
		return slot->error == 0;
	}

	for (i = 0; i < params->dims; i++)
	{
		double		y = (double) slot->offset + (double) slot->scale * slot->code[i];

		sum += slot->code[i];
		norm2 += y * y;
	}

	/* norm2 is stored as a float */
	return sum == slot->code_sum && slot->scale >= 0 && slot->error >= 0 &&
		isfinite(slot->error) && isfinite(slot->scale) && isfinite(slot->offset) &&
		isfinite(slot->mean_dot) && fabs(norm2 - slot->norm2) <= norm2 * 1e-6 + 1e-37 &&
		(params->kind != QUANT_SQ8_RESIDUAL || is_residual_plausible(params, slot));
}
