/*-------------------------------------------------------------------------
 *
 * quant_encode.c
 *	  Code slots: from a vector, back to one, and whether two may share.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "distance/distance_codes.h"
#include "quant/quant_codec.h"
#include "quant/quant_error.h"

#define SLOT_ALIGNMENT 64

_Static_assert(offsetof(QuantSlotData, code) == QUANT_HEADER_BYTES, "code slot header");

size_t
vx_quant_slot_bytes(QuantKind kind, int dims)
{
	size_t		bytes = QUANT_HEADER_BYTES + vx_quant_code_bytes(kind, dims);

	if (kind == QUANT_SQ8_RESIDUAL)
		bytes = vx_quant_residual_offset(dims) + sizeof(QuantResidualData) + (size_t) dims;
	return (bytes + SLOT_ALIGNMENT - 1) & ~(size_t) (SLOT_ALIGNMENT - 1);
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
	params->compared_bytes = QUANT_HEADER_BYTES + vx_quant_code_bytes(kind, dims);
}

/* Can this vector be coded, and what is its norm? */
static QuantClass
classify_vector(const QuantParams *params, const float *x, double *norm)
{
	/* Squares of float32 neither overflow nor vanish in double. */
	*norm = sqrt(vx_distance_code_kernels(vx_distance->variant)->norm2_f64(params->dims, x));

	if (params->metric == DISTANCE_METRIC_COSINE)
	{
		if (*norm == 0.0)
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
		(params->kind != QUANT_NONE && !(params->mean_norm <= QUANT_MAX_NORM)))
		return QUANT_CLASS_ODD;
	return QUANT_CLASS_CODE;
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
	const DistanceCodeKernels *kernels = vx_distance_code_kernels(vx_distance->variant);
	int			dims = params->dims;
	bool		is_l1 = params->metric == DISTANCE_METRIC_L1;
	double		range[2];
	double		offset;
	DistanceEncodeSums sums;
	double		error;

	kernels->range_f64(dims, x, params->mean, factor, range);

	/* No negative zero: equal vectors are to have equal headers. */
	slot->offset = (float) range[0] + 0.0f;
	offset = (double) slot->offset;
	slot->scale = range[1] > offset ? (float) ((range[1] - offset) / 255.0) : 0.0f;

	kernels->encode_u8(dims, x, params->mean, factor, offset, (double) slot->scale, is_l1,
					   slot->code, &sums);
	if (is_l1)
		error = raise_norm(sums.residual, sums.value, sums.decoded_size, dims);
	else
		error = raise_norm(sqrt(sums.residual), sqrt(sums.value), sqrt(sums.decoded), dims);
	if (params->metric == DISTANCE_METRIC_COSINE)
		error += compute_normalise_error(dims);

	slot->error = round_up(error);
	slot->norm2 = (float) sums.decoded;
	slot->mean_dot = params->metric == DISTANCE_METRIC_IP ? (float) sums.mean_dot + 0.0f : 0.0f;
	slot->code_sum = sums.code_sum;
}

/*
 * The second byte: which of 256 parts of the first one's step a value lies in.
 * Written once and not by instruction sets: it is computed once a vector.
 */
static void
encode_residual(const QuantParams *params, const float *x, double factor, QuantSlotData *slot)
{
	QuantResidualData *residual = vx_quant_residual(params, slot);
	bool		is_l1 = params->metric == DISTANCE_METRIC_L1;
	double		offset = (double) slot->offset;
	double		scale = (double) slot->scale;
	double		per_scale = scale > 0.0 ? 1.0 / scale : 0.0;
	double		errors = 0.0;
	double		values = 0.0;
	double		decodeds = 0.0;
	double		error;
	int			i;

	for (i = 0; i < params->dims; i++)
	{
		double		value = (double) x[i] * factor;
		double		part;
		double		decoded;

		if (params->mean != NULL)
			value -= (double) params->mean[i];
		part = ((value - offset) * per_scale - (double) slot->code[i] + 0.5) * 256.0;
		residual->residual[i] = part <= 0.0 ? 0 : part >= 255.0 ? 255 : (uint8_t) part;
		decoded = decode_residual(offset, scale, slot->code[i], residual->residual[i]);
		if (is_l1)
		{
			errors += fabs(value - decoded);
			values += fabs(value);
			decodeds += fabs(decoded);
		}
		else
		{
			errors += (value - decoded) * (value - decoded);
			values += value * value;
			decodeds += decoded * decoded;
		}
	}

	if (is_l1)
		error = raise_norm(errors, values, decodeds, params->dims);
	else
		error = raise_norm(sqrt(errors), sqrt(values), sqrt(decodeds), params->dims);
	if (params->metric == DISTANCE_METRIC_COSINE)
		error += compute_normalise_error(params->dims);
	residual->error = round_up(error);
	if (params->metric == DISTANCE_METRIC_L2 || params->metric == DISTANCE_METRIC_COSINE)
		slot->mean_dot = (float) decodeds;
}

QuantClass
vx_quant_encode(const QuantParams *params, const float *x, QuantSlotData *slot)
{
	double		norm;
	QuantClass	vector_class = classify_vector(params, x, &norm);
	size_t		code_bytes = vx_quant_code_bytes(params->kind, params->dims);

	if (vector_class != QUANT_CLASS_CODE)
		return vector_class;

	memset(slot->code + code_bytes, 0, params->slot_bytes - QUANT_HEADER_BYTES - code_bytes);
	if (params->kind == QUANT_NONE)
	{
		slot->error = 0.0f;
		slot->scale = 0.0f;
		slot->offset = 0.0f;
		slot->norm2 = 0.0f;
		slot->mean_dot = 0.0f;
		slot->code_sum = 0;
		memcpy(slot->code, x, code_bytes);
	}
	else
	{
		double		factor = params->metric == DISTANCE_METRIC_COSINE ? 1.0 / norm : 1.0;

		encode_sq8(params, x, factor, slot);
		if (params->kind == QUANT_SQ8_RESIDUAL)
			encode_residual(params, x, factor, slot);
	}
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
	/* Also false if one of them holds nothing: its error is NaN. */
	if (!(b->error <= a->error))
		return false;

	/* From scale on: header and code bit by bit. */
	if (memcmp(&a->scale, &b->scale,
			   QUANT_HEADER_BYTES - offsetof(QuantSlotData, scale) +
			   vx_quant_code_bytes(params->kind, params->dims)) != 0)
		return false;
	if (params->kind == QUANT_SQ8_RESIDUAL)
	{
		const QuantResidualData *residual_a = vx_quant_residual(params, a);
		const QuantResidualData *residual_b = vx_quant_residual(params, b);

		return residual_b->error <= residual_a->error &&
			memcmp(residual_a->residual, residual_b->residual, (size_t) params->dims) == 0;
	}
	return true;
}
