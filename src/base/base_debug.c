/*-------------------------------------------------------------------------
 *
 * base_debug.c
 *	  Named places where a test can make a backend wait.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/fmgrprotos.h"

#include "base/base_debug.h"

char	   *vx_base_debug_point = "";

void
vx_base_wait_at_debug_point(void)
{
	DirectFunctionCall1(pg_advisory_lock_shared_int8, Int64GetDatum(VX_DEBUG_LOCK));
	DirectFunctionCall1(pg_advisory_unlock_shared_int8, Int64GetDatum(VX_DEBUG_LOCK));
}
