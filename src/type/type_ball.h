/*-------------------------------------------------------------------------
 *
 * type_ball.h
 *	  vector_ball: a centre and a radius, the right side of the operators
 *	  that indexes use for threshold conditions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_TYPE_BALL_H
#define VX_TYPE_BALL_H

#include "type/type_vector.h"

/*
 * Layout; alignment double, so that radius is aligned.  The centre is a
 * whole vector, header included.
 */
typedef struct VectorBall
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int32		padding;		/* 0 */
	float8		radius;
	char		center[FLEXIBLE_ARRAY_MEMBER];	/* a Vector */
} VectorBall;

#define DatumGetVectorBall(d) ((VectorBall *) PG_DETOAST_DATUM(d))
#define PG_GETARG_VECTOR_BALL_P(n) DatumGetVectorBall(PG_GETARG_DATUM(n))

static inline Vector *
vx_type_ball_center(const VectorBall *ball)
{
	return (Vector *) ball->center;
}

#endif							/* VX_TYPE_BALL_H */
