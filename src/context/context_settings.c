/*-------------------------------------------------------------------------
 *
 * context_settings.c
 *	  Settings of the context store.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "context/context.h"

char	   *vx_context_tenant = NULL;

void
vx_context_define_settings(void)
{
	DefineCustomStringVariable("vecext.tenant",
							   "Sets whose rows are seen in namespaces with a tenant column.",
							   "An empty tenant sees and writes nothing there.",
							   &vx_context_tenant,
							   "",
							   PGC_USERSET,
							   0,
							   NULL,
							   NULL,
							   NULL);
	vx_context_register_sweep();
}
