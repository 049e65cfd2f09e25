/*-------------------------------------------------------------------------
 *
 * type_cast.c
 *	  Casts between vectors and arrays, and to a type modifier.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"

#include "type/type_vector.h"

/*
 * vector(vector, typmod, is_explicit): the cast to vector(n) checks and
 * changes nothing, so a TOASTed vector stays where it is.
 */
PG_FUNCTION_INFO_V1(vecext_vector_to_vector);
Datum
vecext_vector_to_vector(PG_FUNCTION_ARGS)
{
	vx_type_check_expected_dims(PG_GETARG_INT32(1), vx_type_count_dims(PG_GETARG_DATUM(0)));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * array_to_vector(int4[] | float4[] | float8[] | numeric[], typmod,
 * is_explicit)
 */
PG_FUNCTION_INFO_V1(vecext_array_to_vector);
Datum
vecext_array_to_vector(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Oid			element_type = ARR_ELEMTYPE(array);
	int			dims = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	Vector	   *result;
	char	   *data;
	int			i;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must be 1-D")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array must not contain nulls")));
	vx_type_check_dims(dims);
	vx_type_check_expected_dims(PG_GETARG_INT32(1), dims);

	/* Without nulls, elements of fixed width lie side by side. */
	result = vx_type_allocate_vector(dims);
	data = ARR_DATA_PTR(array);
	switch (element_type)
	{
		case INT4OID:
			for (i = 0; i < dims; i++)
				result->x[i] = (float) ((int32 *) data)[i];
			break;
		case FLOAT4OID:
			memcpy(result->x, data, sizeof(float) * dims);
			break;
		case FLOAT8OID:
			for (i = 0; i < dims; i++)
				result->x[i] = (float) ((float8 *) data)[i];
			break;
		case NUMERICOID:
			for (i = 0; i < dims; i++)
			{
				result->x[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4,
																  PointerGetDatum(data)));
				data = att_addlength_pointer(data, -1, data);
				data = (char *) att_align_nominal(data, TYPALIGN_INT);
			}
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("unsupported array type")));
	}

	vx_type_check_elements(result);
	PG_RETURN_VECTOR_P(result);
}

/* vector_to_float4(vector, typmod, is_explicit) */
PG_FUNCTION_INFO_V1(vecext_vector_to_float4);
Datum
vecext_vector_to_float4(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(float4) * vector->dim;
	ArrayType  *array = (ArrayType *) palloc(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = vector->dim;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), vector->x, sizeof(float4) * vector->dim);
	PG_RETURN_ARRAYTYPE_P(array);
}
