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

#include "base/base_compat.h"
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

StaticAssertDecl(offsetof(Vector, x) == 8, "vector header is 8 bytes");

#define VECTOR_SIZE(dims) (offsetof(Vector, x) + sizeof(float) * (dims))

#define DatumGetVector(d) ((Vector *) PG_DETOAST_DATUM(d))
#define PG_GETARG_VECTOR_P(n) DatumGetVector(PG_GETARG_DATUM(n))
#define PG_RETURN_VECTOR_P(v) PG_RETURN_POINTER(v)

/*
 * For arguments of distances: looks first among what scans have just fetched
 * from TOAST.  Not to be changed, and valid until the function returns.
 */
#define PG_GETARG_VECTOR_RECENT(n) vx_type_recall_vector(PG_GETARG_DATUM(n))

/* A new vector of dims zeros in the current memory context. */
extern Vector *vx_type_make_vector(int dims);

/* The same with elements that are not set yet. */
extern Vector *vx_type_allocate_vector(int dims);

/* Dimensions of a vector datum in whatever form, without detoasting it. */
extern int	vx_type_count_dims(Datum vector);

/* ereport(ERROR) unless both have the same number of dimensions. */
extern void vx_type_check_same_dims(const Vector *a, const Vector *b);

/* ereport(ERROR) unless 1 <= dims <= VX_VECTOR_MAX_DIMS. */
extern void vx_type_check_dims(int dims);

/* ereport(ERROR) unless expected_dims is -1 or equals dims. */
extern void vx_type_check_expected_dims(int expected_dims, int dims);

/* ereport(ERROR) if an element is NaN or infinite. */
extern void vx_type_check_elements(const Vector *vector);

/* type_recent.c; begins in the current memory context, which it lives as long as */
typedef struct TypeRecent TypeRecent;
struct varatt_external;
extern TypeRecent *vx_type_begin_recent(void);
extern void vx_type_remember_vector(TypeRecent *recent, const struct varatt_external *pointer,
									const Vector *vector);
extern Vector *vx_type_recall_vector(Datum value);

/* -1, 0 or 1: by elements first, then by the number of dimensions. */
extern int	vx_type_compare_vectors(const Vector *a, const Vector *b);

#endif							/* VX_TYPE_VECTOR_H */
