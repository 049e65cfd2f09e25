/*-------------------------------------------------------------------------
 *
 * type_distance.c
 *	  SQL distances between vectors.
 *
 * Sums are accumulated in float4 by the kernels of src/distance and returned
 * as float8; sums that overflow are infinite, never an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "distance/distance_metric.h"
#include "type/type_vector.h"

/* l2_distance(vector, vector), operator <-> */
PG_FUNCTION_INFO_V1(vecext_l2_distance);
Datum
vecext_l2_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_RECENT(0);
	Vector	   *b = PG_GETARG_VECTOR_RECENT(1);

	vx_type_check_same_dims(a, b);
	PG_RETURN_FLOAT8(vx_distance_l2(a->dim, a->x, b->x));
}

/* vector_l2_squared_distance(vector, vector): orders as <-> does, without the root */
PG_FUNCTION_INFO_V1(vecext_vector_l2_squared_distance);
Datum
vecext_vector_l2_squared_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);

	vx_type_check_same_dims(a, b);
	PG_RETURN_FLOAT8((double) vx_distance->l2_squared_f32(a->dim, a->x, b->x));
}

/* inner_product(vector, vector) */
PG_FUNCTION_INFO_V1(vecext_inner_product);
Datum
vecext_inner_product(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);

	vx_type_check_same_dims(a, b);
	PG_RETURN_FLOAT8((double) vx_distance->inner_product_f32(a->dim, a->x, b->x));
}

/* vector_negative_inner_product(vector, vector), operator <#> */
PG_FUNCTION_INFO_V1(vecext_vector_negative_inner_product);
Datum
vecext_vector_negative_inner_product(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_RECENT(0);
	Vector	   *b = PG_GETARG_VECTOR_RECENT(1);

	vx_type_check_same_dims(a, b);
	PG_RETURN_FLOAT8(vx_distance_negative_ip(a->dim, a->x, b->x));
}

/* cosine_distance(vector, vector), operator <=> */
PG_FUNCTION_INFO_V1(vecext_cosine_distance);
Datum
vecext_cosine_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_RECENT(0);
	Vector	   *b = PG_GETARG_VECTOR_RECENT(1);

	vx_type_check_same_dims(a, b);
	PG_RETURN_FLOAT8(vx_distance_cosine(a->dim, a->x, b->x));
}

/* l1_distance(vector, vector), operator <+> */
PG_FUNCTION_INFO_V1(vecext_l1_distance);
Datum
vecext_l1_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_RECENT(0);
	Vector	   *b = PG_GETARG_VECTOR_RECENT(1);

	vx_type_check_same_dims(a, b);
	PG_RETURN_FLOAT8(vx_distance_l1(a->dim, a->x, b->x));
}

/*
 * vector_spherical_distance(vector, vector): the angle between two unit
 * vectors in units of pi.  Lengths are taken to be 1, not checked.
 */
PG_FUNCTION_INFO_V1(vecext_vector_spherical_distance);
Datum
vecext_vector_spherical_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	double		cosine;

	vx_type_check_same_dims(a, b);
	cosine = (double) vx_distance->inner_product_f32(a->dim, a->x, b->x);

	/* Rounding may leave the domain of acos. */
	if (cosine > 1.0)
		cosine = 1.0;
	else if (cosine < -1.0)
		cosine = -1.0;
	PG_RETURN_FLOAT8(acos(cosine) / M_PI);
}
