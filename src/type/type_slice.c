/*-------------------------------------------------------------------------
 *
 * type_slice.c
 *	  Taking vectors apart and putting them together: vector_dims,
 *	  subvector, ||, binary_quantize.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/varbit.h"

#include "type/type_lanes.h"
#include "type/type_vector.h"

/* vector_dims(vector): a TOASTed vector is not fetched for that. */
PG_FUNCTION_INFO_V1(vecext_vector_dims);
Datum
vecext_vector_dims(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(vx_type_count_dims(PG_GETARG_DATUM(0)));
}

/*
 * subvector(vector, start, count): elements start to start + count - 1,
 * counted from 1, as far as they exist.
 *
 * Only the pages of a TOASTed vector that hold the slice are read, which is
 * what storage EXTERNAL is for.
 */
PG_FUNCTION_INFO_V1(vecext_subvector);
Datum
vecext_subvector(PG_FUNCTION_ARGS)
{
	Datum		vector = PG_GETARG_DATUM(0);
	int64		start = PG_GETARG_INT32(1);
	int64		end = start + PG_GETARG_INT32(2);	/* one beyond the last */
	int			dims = vx_type_count_dims(vector);
	struct varlena *slice;
	Vector	   *result;

	/* int64 holds the sum of any two int4. */
	start = Max(start, 1);
	end = Min(end, dims + 1);
	vx_type_check_dims((int) Max(end - start, 0));
	dims = (int) (end - start);

	slice = PG_DETOAST_DATUM_SLICE(vector,
								   VECTOR_SIZE(start - 1) - VARHDRSZ,
								   sizeof(float) * dims);
	Assert(VARSIZE_ANY_EXHDR(slice) == sizeof(float) * dims);
	result = vx_type_allocate_vector(dims);
	memcpy(result->x, VARDATA_ANY(slice), sizeof(float) * dims);
	pfree(slice);
	PG_RETURN_VECTOR_P(result);
}

/* vector_concat(vector, vector), operator || */
PG_FUNCTION_INFO_V1(vecext_vector_concat);
Datum
vecext_vector_concat(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result;

	vx_type_check_dims(a->dim + b->dim);
	result = vx_type_allocate_vector(a->dim + b->dim);
	memcpy(result->x, a->x, sizeof(float) * a->dim);
	memcpy(result->x + a->dim, b->x, sizeof(float) * b->dim);
	PG_RETURN_VECTOR_P(result);
}

/* Four bits, the first element's the highest */
static inline int
quantize_lanes(const float *x)
{
	IntLanes	bits = (load_lanes(x) > 0.0f) & (IntLanes) {8, 4, 2, 1};

	return bits[0] | bits[1] | bits[2] | bits[3];
}

/*
 * binary_quantize(vector): one bit an element, set where it is above 0.  The
 * first element is the highest bit of the first byte, as bit strings have it.
 */
PG_FUNCTION_INFO_V1(vecext_binary_quantize);
Datum
vecext_binary_quantize(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	int			dims = vector->dim;
	Size		size = VARBITTOTALLEN(dims);
	VarBit	   *result = (VarBit *) palloc(size);
	unsigned char *bytes = (unsigned char *) VARBITS(result);
	int			i;

	SET_VARSIZE(result, size);
	VARBITLEN(result) = dims;
	for (i = 0; i + BITS_PER_BYTE <= dims; i += BITS_PER_BYTE)
		*bytes++ = quantize_lanes(vector->x + i) << LANES |
			quantize_lanes(vector->x + i + LANES);

	/* The bits after the last are 0. */
	if (i < dims)
		*bytes = 0;
	for (; i < dims; i++)
		*bytes |= (vector->x[i] > 0) << (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE);
	PG_RETURN_VARBIT_P(result);
}
