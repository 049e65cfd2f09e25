/*-------------------------------------------------------------------------
 *
 * quant_query.c
 *	  Prepares a query: two int8 limbs a dimension (or, for L1, centred
 *	  floats), and the errors that its bounds have to allow for.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "distance/distance_codes.h"
#include "quant/quant_codec.h"
#include "quant/quant_error.h"

#define ARRAY_ALIGNMENT 64

static size_t
align_bytes(size_t bytes)
{
	return (bytes + ARRAY_ALIGNMENT - 1) & ~(size_t) (ARRAY_ALIGNMENT - 1);
}

size_t
vx_quant_query_bytes(const QuantParams *params)
{
	size_t		dims = (size_t) params->dims;

	if (params->kind == QUANT_NONE)
		return ARRAY_ALIGNMENT;
	if (params->metric == DISTANCE_METRIC_L1)
		return align_bytes(dims * sizeof(float));
	return 2 * align_bytes(dims);
}

static QuantQueryClass
classify_query(const QuantParams *params, const float *q, double *norm)
{
	*norm = sqrt(vx_distance_code_kernels(vx_distance->variant)->norm2_f64(params->dims, q));

	/* The same thresholds, and for the same reasons, as for vectors. */
	if (params->metric == DISTANCE_METRIC_COSINE)
	{
		if (*norm == 0.0)
			return QUANT_QUERY_NAN;
		if (!(*norm >= QUANT_MIN_COSINE_NORM))
			return QUANT_QUERY_ODD;
	}
	if (params->kind == QUANT_NONE &&
		(params->metric == DISTANCE_METRIC_L2 || params->metric == DISTANCE_METRIC_L1))
		return QUANT_QUERY_NORMAL;
	if (!(*norm <= QUANT_MAX_NORM) ||
		(params->kind != QUANT_NONE && !(params->mean_norm <= QUANT_MAX_NORM)))
		return QUANT_QUERY_ODD;
	return QUANT_QUERY_NORMAL;
}

/* hi, lo, step, sum, norm2 and error; z is q * factor - mean */
static void
quantise_limbs(QuantQuery *query, const float *mean, double factor)
{
	const DistanceCodeKernels *kernels = vx_distance_code_kernels(vx_distance->variant);
	int			dims = query->params.dims;
	double		range[2];
	DistanceLimbSums sums;

	kernels->range_f64(dims, query->query, mean, factor, range);
	query->step = fmax(-range[0], range[1]) / DISTANCE_MAX_LEVEL;
	kernels->encode_limbs(dims, query->query, mean, factor, query->step,
						  query->hi, query->lo, &sums);

	query->sum = query->step * sums.level;
	query->norm2 = query->step * query->step * sums.level2;
	query->error = raise_norm(sqrt(sums.residual), sqrt(sums.value), sqrt(query->norm2), dims);
}

/* centered and error */
static void
center_floats(QuantQuery *query)
{
	int			dims = query->params.dims;
	double		residual_sum = 0.0;
	double		norm_sum = 0.0;
	int			i;

	for (i = 0; i < dims; i++)
	{
		double		z = (double) query->query[i];

		if (query->params.mean != NULL)
			z -= (double) query->params.mean[i];
		query->centered[i] = (float) z;
		residual_sum += fabs(z - (double) query->centered[i]);
		norm_sum += fabs(z);
	}
	query->error = raise_norm(residual_sum, norm_sum, norm_sum, dims);
}

void
vx_quant_prepare_query(QuantQuery *query, const QuantParams *params,
					   const float *q, void *memory)
{
	int			dims = params->dims;
	const float *mean = params->mean;
	double		norm;
	double		cosine_error;
	int			i;

	memset(query, 0, sizeof(*query));
	query->params = *params;
	query->kernels = vx_distance;
	query->query = q;
	query->query_class = classify_query(params, q, &norm);
	query->query_norm = raise_norm(norm, 0.0, 0.0, dims);
	if (query->query_class != QUANT_QUERY_NORMAL || params->kind == QUANT_NONE)
		return;

	if (params->metric == DISTANCE_METRIC_L1)
		query->centered = memory;
	else
	{
		query->hi = memory;
		query->lo = query->hi + align_bytes((size_t) dims);
	}

	query->relative = compute_gamma(DISTANCE_SUM_DEPTH(dims));
	switch (params->metric)
	{
		case DISTANCE_METRIC_L2:
			quantise_limbs(query, mean, 1.0);
			query->shrink = sqrt(1.0 - query->relative) * (1.0 - QUANT_DOUBLE_SLACK);

			/*
			 * squares that underflow; the root of a sum is below that of its
			 * terms
			 */
			query->slack = sqrt(dims * 0x1p-148);
			break;

		case DISTANCE_METRIC_COSINE:
			quantise_limbs(query, mean, 1.0 / norm);
			query->error += compute_normalise_error(dims);
			query->shrink = 1.0 - QUANT_DOUBLE_SLACK;

			/*
			 * The dot product and both norms are off by this, relative to the
			 * product of the norms; the last term is for the division and the
			 * root in double.
			 */
			cosine_error = query->relative + dims * 0x1p-49;
			query->slack = 2.0 * cosine_error / (1.0 - cosine_error) + QUANT_DOUBLE_SLACK;
			break;

		case DISTANCE_METRIC_IP:
			quantise_limbs(query, NULL, 1.0);
			if (mean != NULL)
			{
				for (i = 0; i < dims; i++)
					query->base -= (double) mean[i] * (double) q[i];
			}
			query->shrink = 1.0 - query->relative;
			/* products that underflow, and the roundings of base */
			query->slack = dims * 0x1p-148 +
				(dims + 32) * 0x1p-52 * params->mean_norm * query->query_norm;
			break;

		case DISTANCE_METRIC_L1:
			center_floats(query);
			query->base = 1.0 - compute_gamma(DISTANCE_CODES_L1_DEPTH(dims)) - QUANT_DOUBLE_SLACK;
			query->shrink = (1.0 - query->relative) * (1.0 - QUANT_DOUBLE_SLACK);
			break;
	}
}
