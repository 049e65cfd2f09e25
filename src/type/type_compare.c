/*-------------------------------------------------------------------------
 *
 * type_compare.c
 *	  Order, equality and hashing of vectors.
 *
 * The order is that of arrays: by elements from the first on, then by the
 * number of dimensions.  Elements are compared as numbers, so 0 = -0; there
 * is no NaN.
 *
 * Sorts and hash joins call these functions in contexts that live as long as
 * the query: whatever is detoasted is freed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "type/type_vector.h"

/* Elements hashed at a time, a piece of the stack */
#define HASH_CHUNK_DIMS 128

int
vx_type_compare_vectors(const Vector *a, const Vector *b)
{
	int			dims = Min(a->dim, b->dim);
	int			i;

	for (i = 0; i < dims; i++)
	{
		if (a->x[i] != b->x[i])
			return a->x[i] < b->x[i] ? -1 : 1;
	}
	return (a->dim > b->dim) - (a->dim < b->dim);
}

static int
compare_arguments(FunctionCallInfo fcinfo)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	int			result = vx_type_compare_vectors(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/*
 * Equality is asked for far more often than order, and most often of vectors
 * that are equal or differ early.
 */
static bool
are_arguments_equal(FunctionCallInfo fcinfo)
{
	Vector	   *a;
	Vector	   *b;
	bool		result;

	/* Vectors of different length need not be fetched. */
	if (vx_type_count_dims(PG_GETARG_DATUM(0)) != vx_type_count_dims(PG_GETARG_DATUM(1)))
		return false;

	a = PG_GETARG_VECTOR_P(0);
	b = PG_GETARG_VECTOR_P(1);

	/* Equal bytes are equal numbers; other bytes may be zeros of either sign. */
	result = memcmp(a->x, b->x, sizeof(float) * a->dim) == 0 ||
		vx_type_compare_vectors(a, b) == 0;
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* vector_lt(vector, vector), operator < */
PG_FUNCTION_INFO_V1(vecext_vector_lt);
Datum
vecext_vector_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

/* vector_le(vector, vector), operator <= */
PG_FUNCTION_INFO_V1(vecext_vector_le);
Datum
vecext_vector_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

/* vector_eq(vector, vector), operator = */
PG_FUNCTION_INFO_V1(vecext_vector_eq);
Datum
vecext_vector_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(are_arguments_equal(fcinfo));
}

/* vector_ne(vector, vector), operator <> */
PG_FUNCTION_INFO_V1(vecext_vector_ne);
Datum
vecext_vector_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!are_arguments_equal(fcinfo));
}

/* vector_ge(vector, vector), operator >= */
PG_FUNCTION_INFO_V1(vecext_vector_ge);
Datum
vecext_vector_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

/* vector_gt(vector, vector), operator > */
PG_FUNCTION_INFO_V1(vecext_vector_gt);
Datum
vecext_vector_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

/* vector_cmp(vector, vector) */
PG_FUNCTION_INFO_V1(vecext_vector_cmp);
Datum
vecext_vector_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/*
 * Hash the elements with every -0 as 0, because the two are equal.
 *
 * A vector of up to HASH_CHUNK_DIMS dimensions gets the hash of its bytes;
 * beyond that, each chunk is seeded with the hash of what went before.
 */
static uint64
hash_elements(const Vector *vector, uint64 seed)
{
	float		chunk[HASH_CHUNK_DIMS];
	int			start;
	int			i;

	for (start = 0; start < vector->dim; start += HASH_CHUNK_DIMS)
	{
		int			dims = Min(vector->dim - start, HASH_CHUNK_DIMS);

		/* -0 + 0 is 0; every other number stays what it is. */
		for (i = 0; i < dims; i++)
			chunk[i] = vector->x[start + i] + 0.0f;
		seed = hash_bytes_extended((const unsigned char *) chunk,
								   (int) sizeof(float) * dims, seed);
	}
	return seed;
}

/* vector_hash(vector): the low half of vector_hash_extended with seed 0 */
PG_FUNCTION_INFO_V1(vecext_vector_hash);
Datum
vecext_vector_hash(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	uint64		hash = hash_elements(vector, 0);

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_UINT32((uint32) hash);
}

/* vector_hash_extended(vector, int8) */
PG_FUNCTION_INFO_V1(vecext_vector_hash_extended);
Datum
vecext_vector_hash_extended(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	uint64		hash = hash_elements(vector, (uint64) PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_UINT64(hash);
}
