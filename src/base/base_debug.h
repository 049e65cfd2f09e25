/*-------------------------------------------------------------------------
 *
 * base_debug.h
 *	  Named places where a test can make a backend wait.
 *
 * vecext.debug_point (superuser only) names a place; a backend that comes by
 * takes and releases the advisory lock VX_DEBUG_LOCK in share mode.  A test
 * holds that lock exclusively in another session for as long as it wants the
 * backend to stand there.  No lightweight lock may be held at a debug point.
 * A few names stand for a choice instead of a place: VX_DEBUG_NAMED().
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_BASE_DEBUG_H
#define VX_BASE_DEBUG_H

#include <string.h>

/* The key for pg_advisory_lock(int8): "vecext" in ASCII */
#define VX_DEBUG_LOCK INT64CONST(0x766563657874)

extern char *vx_base_debug_point;

extern void vx_base_wait_at_debug_point(void);

/* True if vecext.debug_point is this: for tests that change a choice */
#define VX_DEBUG_NAMED(name) \
	(unlikely(vx_base_debug_point[0] != '\0') && strcmp(vx_base_debug_point, (name)) == 0)

#define VX_DEBUG_POINT(name) \
	do { \
		if (VX_DEBUG_NAMED(name)) \
			vx_base_wait_at_debug_point(); \
	} while (0)

#endif							/* VX_BASE_DEBUG_H */
