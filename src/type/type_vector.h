/*-------------------------------------------------------------------------
 *
 * type_vector.h
 *	  The vector type: its layout and what C code may ask of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_TYPE_VECTOR_H
#define VX_TYPE_VECTOR_H

#include "fmgr.h"

#include "base/base_limits.h"

/*
 * In-memory and on-disk layout, pgvector's: apart from the varlena header and
 * endianness it is also the binary wire format.  Storage EXTERNAL, alignment
 * int4, so x is 4-byte aligned and no more.
 */
typedef struct Vector
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int16		dim;			/* number of dimensions, 1..VX_VECTOR_MAX_DIMS */
	int16		unused;			/* always 0 */
	float		x[FLEXIBLE_ARRAY_MEMBER];
} Vector;

#define VECTOR_SIZE(dims) (offsetof(Vector, x) + sizeof(float) * (dims))

#define DatumGetVector(d) ((Vector *) PG_DETOAST_DATUM(d))
#define PG_GETARG_VECTOR_P(n) DatumGetVector(PG_GETARG_DATUM(n))
#define PG_RETURN_VECTOR_P(v) PG_RETURN_POINTER(v)

/* A new vector of dims zeros in the current memory context. */
extern Vector *vx_type_make_vector(int dims);

/* ereport(ERROR) unless both have the same number of dimensions. */
extern void vx_type_check_same_dims(const Vector *a, const Vector *b);

#endif							/* VX_TYPE_VECTOR_H */
