/*-------------------------------------------------------------------------
 *
 * quant_encode.c
 *	  Code slots: from a vector, back to one, and whether two may share.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "quant/quant_codec.h"
#include "quant/quant_error.h"

#define SLOT_ALIGNMENT 64

_Static_assert(offsetof(QuantSlotData, code) == QUANT_HEADER_BYTES, "code slot header");

size_t
vx_quant_slot_bytes(QuantKind kind, int dims)
{
	size_t		payload_bytes = (size_t) dims * (kind == QUANT_NONE ? sizeof(float) : 1);

	return (QUANT_HEADER_BYTES + payload_bytes + SLOT_ALIGNMENT - 1) & ~(size_t) (SLOT_ALIGNMENT - 1);
}

void
vx_quant_init_params(QuantParams *params, QuantKind kind, DistanceMetric metric,
					 int dims, const float *mean)
{
	double		norm2 = 0.0;
	int			i;

	if (mean != NULL)
	{
		for (i = 0; i < dims; i++)
			norm2 += (double) mean[i] * (double) mean[i];
	}
	params->kind = kind;
	params->metric = metric;
	params->dims = dims;
	params->mean = mean;
	params->mean_norm = raise_norm(sqrt(norm2), 0.0, 0.0, dims);
	params->slot_bytes = vx_quant_slot_bytes(kind, dims);
}

/* Can this vector be coded, and what is its norm? */
static QuantClass
classify_vector(const QuantParams *params, const float *x, double *norm)
{
	double		norm2 = 0.0;
	bool		is_zero = true;
	int			i;

	/* Squares of float32 neither overflow nor vanish in double. */
	for (i = 0; i < params->dims; i++)
	{
		norm2 += (double) x[i] * (double) x[i];
		is_zero &= x[i] == 0.0f;
	}
	*norm = sqrt(norm2);

	if (params->metric == DISTANCE_METRIC_COSINE)
	{
		if (is_zero)
			return QUANT_CLASS_NAN;
		if (!(*norm >= QUANT_MIN_COSINE_NORM))
			return QUANT_CLASS_ODD;
	}

	/*
	 * Sums of terms >= 0 cannot become NaN, and without codes there is
	 * nothing else that could go wrong.
	 */
	if (params->kind == QUANT_NONE &&
		(params->metric == DISTANCE_METRIC_L2 || params->metric == DISTANCE_METRIC_L1))
		return QUANT_CLASS_CODE;

	if (!(*norm <= QUANT_MAX_NORM) ||
		(params->kind == QUANT_SQ8 && !(params->mean_norm <= QUANT_MAX_NORM)))
		return QUANT_CLASS_ODD;
	return QUANT_CLASS_CODE;
}

/* y[i], the value to be coded */
static inline double
center_value(const float *x, const float *mean, double factor, int i)
{
	double		value = (double) x[i] * factor;

	return mean == NULL ? value : value - (double) mean[i];
}

/* The least float that is not below value. */
static float
round_up(double value)
{
	float		rounded = (float) value;

	return (double) rounded < value ? nextafterf(rounded, INFINITY) : rounded;
}

static void
encode_sq8(const QuantParams *params, const float *x, double factor,
		   QuantSlotData *slot)
{
	const float *mean = params->mean;
	bool		is_l1 = params->metric == DISTANCE_METRIC_L1;
	double		minimum = INFINITY;
	double		maximum = -INFINITY;
	double		offset;
	double		scale;
	double		inverse;
	double		residual_sum = 0.0;
	double		norm_sum = 0.0;
	double		decoded_sum = 0.0;
	double		decoded_norm2 = 0.0;
	double		mean_dot = 0.0;
	double		error;
	int32_t		code_sum = 0;
	int			i;

	for (i = 0; i < params->dims; i++)
	{
		double		y = center_value(x, mean, factor, i);

		minimum = y < minimum ? y : minimum;
		maximum = y > maximum ? y : maximum;
	}

	slot->offset = (float) minimum;
	offset = (double) slot->offset;
	slot->scale = maximum > offset ? (float) ((maximum - offset) / 255.0) : 0.0f;
	scale = (double) slot->scale;
	inverse = scale > 0.0 ? 1.0 / scale : 0.0;

	for (i = 0; i < params->dims; i++)
	{
		double		y = center_value(x, mean, factor, i);
		double		level = (y - offset) * inverse;
		int			code;
		double		decoded;
		double		residual;

		if (level > 254.5)
			code = 255;
		else
			code = level > 0.0 ? (int) (level + 0.5) : 0;
		slot->code[i] = (uint8_t) code;
		code_sum += code;

		decoded = offset + scale * (double) code;
		residual = y - decoded;
		decoded_norm2 += decoded * decoded;
		if (is_l1)
		{
			residual_sum += fabs(residual);
			norm_sum += fabs(y);
			decoded_sum += fabs(decoded);
		}
		else
		{
			residual_sum += residual * residual;
			norm_sum += y * y;
		}
		if (mean != NULL)
			mean_dot += decoded * (double) mean[i];
	}

	if (is_l1)
		error = raise_norm(residual_sum, norm_sum, decoded_sum, params->dims);
	else
		error = raise_norm(sqrt(residual_sum), sqrt(norm_sum), sqrt(decoded_norm2), params->dims);
	if (params->metric == DISTANCE_METRIC_COSINE)
		error += compute_normalise_error(params->dims);

	slot->error = round_up(error);
	slot->norm2 = (float) decoded_norm2;
	slot->mean_dot = params->metric == DISTANCE_METRIC_IP ? (float) mean_dot : 0.0f;
	slot->code_sum = code_sum;
}

QuantClass
vx_quant_encode(const QuantParams *params, const float *x, QuantSlotData *slot)
{
	double		norm;
	QuantClass	vector_class = classify_vector(params, x, &norm);
	size_t		payload_bytes;

	if (vector_class != QUANT_CLASS_CODE)
		return vector_class;

	if (params->kind == QUANT_NONE)
	{
		payload_bytes = (size_t) params->dims * sizeof(float);
		slot->error = 0.0f;
		slot->scale = 0.0f;
		slot->offset = 0.0f;
		slot->norm2 = 0.0f;
		slot->mean_dot = 0.0f;
		slot->code_sum = 0;
		memcpy(slot->code, x, payload_bytes);
	}
	else
	{
		payload_bytes = (size_t) params->dims;
		encode_sq8(params, x,
				   params->metric == DISTANCE_METRIC_COSINE ? 1.0 / norm : 1.0, slot);
	}
	memset(slot->code + payload_bytes, 0,
		   params->slot_bytes - QUANT_HEADER_BYTES - payload_bytes);
	return QUANT_CLASS_CODE;
}

void
vx_quant_decode(const QuantParams *params, const QuantSlotData *slot, float *out)
{
	int			i;

	if (params->kind == QUANT_NONE)
	{
		memcpy(out, slot->code, (size_t) params->dims * sizeof(float));
		return;
	}
	for (i = 0; i < params->dims; i++)
	{
		double		value = (double) slot->offset + (double) slot->scale * (double) slot->code[i];

		if (params->mean != NULL)
			value += (double) params->mean[i];
		out[i] = (float) value;
	}
}

bool
vx_quant_may_share(const QuantParams *params, const QuantSlotData *a,
				   const QuantSlotData *b)
{
	size_t		payload_bytes = (size_t) params->dims *
		(params->kind == QUANT_NONE ? sizeof(float) : 1);

	/* Also false if one of them holds nothing: its error is NaN. */
	if (!(b->error <= a->error))
		return false;

	/* From scale on: header and code bit by bit. */
	return memcmp(&a->scale, &b->scale,
				  QUANT_HEADER_BYTES - offsetof(QuantSlotData, scale) + payload_bytes) == 0;
}
