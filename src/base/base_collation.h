/*-------------------------------------------------------------------------
 *
 * base_collation.h
 *	  What areas ask of collations.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_BASE_COLLATION_H
#define VX_BASE_COLLATION_H

/*
 * True if strings are ordered by their bytes: C or POSIX of the C library.
 * False for all others, even if they happen to.
 */
extern bool vx_base_collation_is_c(Oid collation);

#endif							/* VX_BASE_COLLATION_H */
