/*-------------------------------------------------------------------------
 *
 * base_limits.h
 *	  Limits that more than one area has to agree on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_BASE_LIMITS_H
#define VX_BASE_LIMITS_H

/* Most dimensions of a vector value (pgvector's limit). */
#define VX_VECTOR_MAX_DIMS 16000

/* Most dimensions of an indexed vector column, by quantizer. */
#define VX_INDEX_MAX_DIMS_SQ8 8000
#define VX_INDEX_MAX_DIMS_NONE 2000

#endif							/* VX_BASE_LIMITS_H */
