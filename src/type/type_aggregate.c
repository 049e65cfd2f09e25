/*-------------------------------------------------------------------------
 *
 * type_aggregate.c
 *	  avg(vector).
 *
 * The transition state is a float8 array: the number of rows, then the sum of
 * each element; just {0} before the first row.  It is an ordinary value, so
 * that parallel workers can hand it over and people can look at it.
 *
 * Called by an aggregate, the functions change the state where it stands; it
 * is the executor's own copy.  That also holds for windows, because the final
 * function makes a new value of it.  Called by anybody else, they leave their
 * arguments alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"

#include "type/type_lanes.h"
#include "type/type_vector.h"

#define STATE_SIZE(dims) (ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * ((Size) (dims) + 1))

/* The state's parts, once check_state has seen it */
#define STATE_DIMS(state) (ARR_DIMS(state)[0] - 1)
#define STATE_COUNT(state) (((float8 *) ARR_DATA_PTR(state))[0])
#define STATE_SUMS(state) ((float8 *) ARR_DATA_PTR(state) + 1)

static void
check_state(const ArrayType *state, const char *caller)
{
	if (ARR_NDIM(state) != 1 ||
		ARR_DIMS(state)[0] < 1 ||
		ARR_HASNULL(state) ||
		ARR_ELEMTYPE(state) != FLOAT8OID)
		elog(ERROR, "%s: expected state array", caller);
}

/* A new state of which only the count is set */
static ArrayType *
make_state(int dims, float8 count)
{
	Size		size = STATE_SIZE(dims);
	ArrayType  *state = (ArrayType *) palloc(size);

	SET_VARSIZE(state, size);
	state->ndim = 1;
	state->dataoffset = 0;
	state->elemtype = FLOAT8OID;
	ARR_DIMS(state)[0] = dims + 1;
	ARR_LBOUND(state)[0] = 1;
	STATE_COUNT(state) = count;
	return state;
}

/*
 * The state itself if this call may change it, else a copy.
 */
static ArrayType *
take_state(FunctionCallInfo fcinfo, ArrayType *state)
{
	ArrayType  *copy;

	/* Detoasting has made a copy already. */
	if ((Pointer) state != DatumGetPointer(PG_GETARG_DATUM(0)) ||
		AggCheckCallContext(fcinfo, NULL))
		return state;

	copy = make_state(STATE_DIMS(state), STATE_COUNT(state));
	memcpy(STATE_SUMS(copy), STATE_SUMS(state), sizeof(float8) * STATE_DIMS(state));
	return copy;
}

/*
 * An infinite sum is an error.  Rows are finite and too few for that, but a
 * state that somebody made up can come near.  probe is 0 times each sum,
 * added up: NaN if a sum is infinite or, which is the final function's
 * business, was NaN.
 */
static void
check_probe(float8 probe, int dims, const float8 *sums)
{
	int			i;

	if (likely(probe == 0))
		return;
	for (i = 0; i < dims; i++)
	{
		if (isinf(sums[i]))
			float_overflow_error();
	}
}

static void
add_row(int dims, float8 *sums, const float *x)
{
	DoublePair	probes = {0};
	float8		probe;
	int			i;

	for (i = 0; i + LANES <= dims; i += LANES)
	{
		DoublePair	low = load_pair(sums + i) + widen_pair(x + i);
		DoublePair	high = load_pair(sums + i + 2) + widen_pair(x + i + 2);

		store_pair(sums + i, low);
		store_pair(sums + i + 2, high);
		probes += (low + high) * 0.0;
	}
	probe = probes[0] + probes[1];
	for (; i < dims; i++)
	{
		sums[i] += x[i];
		probe += sums[i] * 0.0;
	}
	check_probe(probe, dims, sums);
}

/*
 * vector_accum(float8[], vector): one more row
 */
PG_FUNCTION_INFO_V1(vecext_vector_accum);
Datum
vecext_vector_accum(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	Vector	   *vector = PG_GETARG_VECTOR_P(1);
	int			i;

	check_state(state, "vector_accum");
	if (STATE_DIMS(state) == 0)
	{
		state = make_state(vector->dim, STATE_COUNT(state) + 1);
		for (i = 0; i < vector->dim; i++)
			STATE_SUMS(state)[i] = vector->x[i];
	}
	else
	{
		vx_type_check_expected_dims(STATE_DIMS(state), vector->dim);
		state = take_state(fcinfo, state);
		STATE_COUNT(state) += 1;
		add_row(vector->dim, STATE_SUMS(state), vector->x);
	}
	PG_RETURN_ARRAYTYPE_P(state);
}

/*
 * vector_combine(float8[], float8[]): the state of all rows of two states,
 * either of which may have seen none.
 */
PG_FUNCTION_INFO_V1(vecext_vector_combine);
Datum
vecext_vector_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *other = PG_GETARG_ARRAYTYPE_P(1);
	int			dims;
	float8		probe = 0;
	int			i;

	check_state(state, "vector_combine");
	check_state(other, "vector_combine");

	dims = Max(STATE_DIMS(state), STATE_DIMS(other));
	if (dims > 0)
		vx_type_check_dims(dims);

	if (STATE_DIMS(state) == 0)
	{
		state = make_state(dims, STATE_COUNT(state) + STATE_COUNT(other));
		memcpy(STATE_SUMS(state), STATE_SUMS(other), sizeof(float8) * dims);
		PG_RETURN_ARRAYTYPE_P(state);
	}

	if (STATE_DIMS(other) != 0)
		vx_type_check_expected_dims(STATE_DIMS(state), STATE_DIMS(other));
	state = take_state(fcinfo, state);
	STATE_COUNT(state) += STATE_COUNT(other);
	for (i = 0; i < STATE_DIMS(other); i++)
	{
		STATE_SUMS(state)[i] += STATE_SUMS(other)[i];
		probe += STATE_SUMS(state)[i] * 0.0;
	}
	check_probe(probe, dims, STATE_SUMS(state));
	PG_RETURN_ARRAYTYPE_P(state);
}

/*
 * vector_avg(float8[]): NULL if there were no rows
 */
PG_FUNCTION_INFO_V1(vecext_vector_avg);
Datum
vecext_vector_avg(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	Vector	   *result;
	int			i;

	check_state(state, "vector_avg");
	if (STATE_COUNT(state) == 0)
		PG_RETURN_NULL();

	vx_type_check_dims(STATE_DIMS(state));
	result = vx_type_allocate_vector(STATE_DIMS(state));
	for (i = 0; i < result->dim; i++)
		result->x[i] = (float) (STATE_SUMS(state)[i] / STATE_COUNT(state));
	vx_type_check_elements(result);
	PG_RETURN_VECTOR_P(result);
}
