/*-------------------------------------------------------------------------
 *
 * store_settings.c
 *	  Settings of the vector store.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "store/store_peek.h"
#include "store/store_settings.h"

bool		vx_store_buffer_peek = true;

void
vx_store_define_settings(void)
{
	DefineCustomBoolVariable("vecext.buffer_peek",
							 "Reads index pages in shared buffers without pinning them.",
							 "Turn it off only to look for a fault: answers are the same, searches slower.",
							 &vx_store_buffer_peek,
							 true,
							 PGC_SUSET,
							 0,
							 NULL,
							 NULL,
							 NULL);
}
