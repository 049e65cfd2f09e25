/*-------------------------------------------------------------------------
 *
 * type_arith.c
 *	  Element-wise arithmetic, norm and normalisation; sum(vector).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/float.h"

#include "type/type_lanes.h"
#include "type/type_vector.h"

/*
 * r = a + b; r may be a.  An infinite sum is an error.
 *
 * The check adds up 0 times each sum: that is 0 as long as all are finite,
 * and NaN from the first infinity on.
 */
static void
add_elements(int dims, const float *a, const float *b, float *r)
{
	FloatLanes	probes = {0};
	float		probe;
	int			i;

	for (i = 0; i + LANES <= dims; i += LANES)
	{
		FloatLanes	sums = load_lanes(a + i) + load_lanes(b + i);

		store_lanes(r + i, sums);
		probes += sums * 0.0f;
	}
	probe = (probes[0] + probes[1]) + (probes[2] + probes[3]);
	for (; i < dims; i++)
	{
		r[i] = a[i] + b[i];
		probe += r[i] * 0.0f;
	}

	if (unlikely(probe != 0))
		float_overflow_error();
}

/*
 * vector_add(vector, vector), operator +, and transition and combine function
 * of sum(vector).
 *
 * An aggregate's transition value is changed where it stands, but not a
 * window function's: without a final function it is also the result of the
 * rows that have been returned.  A transition value that was detoasted (the
 * first one is a copy of the first row's datum as it was stored) is a copy of
 * our own; the executor keeps it in its place.
 */
PG_FUNCTION_INFO_V1(vecext_vector_add);
Datum
vecext_vector_add(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result;

	vx_type_check_same_dims(a, b);
	if ((Pointer) a != DatumGetPointer(PG_GETARG_DATUM(0)) ||
		AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_AGGREGATE)
		result = a;
	else
		result = vx_type_allocate_vector(a->dim);
	add_elements(a->dim, a->x, b->x, result->x);
	PG_RETURN_VECTOR_P(result);
}

/* vector_sub(vector, vector), operator - */
PG_FUNCTION_INFO_V1(vecext_vector_sub);
Datum
vecext_vector_sub(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result;
	int			i;

	vx_type_check_same_dims(a, b);
	result = vx_type_allocate_vector(a->dim);
	for (i = 0; i < a->dim; i++)
	{
		result->x[i] = a->x[i] - b->x[i];
		if (unlikely(isinf(result->x[i])))
			float_overflow_error();
	}
	PG_RETURN_VECTOR_P(result);
}

/* vector_mul(vector, vector), operator *: element by element */
PG_FUNCTION_INFO_V1(vecext_vector_mul);
Datum
vecext_vector_mul(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result;
	int			i;

	vx_type_check_same_dims(a, b);
	result = vx_type_allocate_vector(a->dim);
	for (i = 0; i < a->dim; i++)
	{
		result->x[i] = a->x[i] * b->x[i];
		if (unlikely(isinf(result->x[i])))
			float_overflow_error();
		if (unlikely(result->x[i] == 0) && a->x[i] != 0 && b->x[i] != 0)
			float_underflow_error();
	}
	PG_RETURN_VECTOR_P(result);
}

/*
 * The Euclidean norm, in double: it can neither overflow nor underflow.
 */
static double
compute_norm(const Vector *vector)
{
	const float *x = vector->x;
	DoublePair	evens = {0};
	DoublePair	odds = {0};
	double		sum;
	int			i;

	for (i = 0; i + LANES <= vector->dim; i += LANES)
	{
		DoublePair	low = widen_pair(x + i);
		DoublePair	high = widen_pair(x + i + 2);

		evens += low * low;
		odds += high * high;
	}
	evens += odds;
	sum = evens[0] + evens[1];
	for (; i < vector->dim; i++)
		sum += (double) x[i] * (double) x[i];
	return sqrt(sum);
}

/* vector_norm(vector) */
PG_FUNCTION_INFO_V1(vecext_vector_norm);
Datum
vecext_vector_norm(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(compute_norm(PG_GETARG_VECTOR_P(0)));
}

/*
 * l2_normalize(vector): the same direction with norm 1; zeros stay zeros.
 *
 * No quotient overflows, because no element is greater than the norm.
 */
PG_FUNCTION_INFO_V1(vecext_l2_normalize);
Datum
vecext_l2_normalize(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	double		norm = compute_norm(vector);
	Vector	   *result = vx_type_make_vector(vector->dim);
	int			i;

	if (norm > 0)
	{
		for (i = 0; i + 2 <= vector->dim; i += 2)
			store_narrowed_pair(result->x + i, widen_pair(vector->x + i) / norm);
		for (; i < vector->dim; i++)
			result->x[i] = (float) (vector->x[i] / norm);
	}
	PG_RETURN_VECTOR_P(result);
}
