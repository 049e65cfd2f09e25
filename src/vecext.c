/*-------------------------------------------------------------------------
 *
 * vecext.c
 *	  Module magic and start-up.
 *
 * Nothing else belongs here: each area registers what it needs through one
 * function called from _PG_init.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "am/am_index.h"
#include "base/base_settings.h"
#include "context/context.h"
#include "hnsw/hnsw.h"
#include "store/store_settings.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	vx_base_define_settings();
	vx_store_define_settings();
	vx_hnsw_define_settings();
	vx_context_define_settings();
	vx_base_reserve_prefixes();
	vx_hnsw_reserve_prefixes();
	vx_am_install_plan_hook();
}
