/*-------------------------------------------------------------------------
 *
 * other_settings.c
 *	  A library that defines the settings that pgvector's defines, for
 *	  202_hnsw_other_settings.pl.
 *
 * Names, types, ranges and defaults are what pgvector's users know.  Numbers of
 * the enum are others than ours on purpose.  With OTHER_TYPE one of the settings
 * has another type.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static int	probes;

#ifdef OTHER_TYPE
static bool ef_search;
#else
static int	ef_search;
static int	order = 90;
static int	max_tuples;
static double mem_multiplier;

static const struct config_enum_entry orders[] = {
	{"strict_order", 70, false},
	{"relaxed_order", 80, false},
	{"off", 90, false},
	{NULL, 0, false}
};
#endif

void
_PG_init(void)
{
#ifdef OTHER_TYPE
	DefineCustomBoolVariable("hnsw.ef_search", "Another library's.", NULL, &ef_search,
							 false, PGC_USERSET, 0, NULL, NULL, NULL);
#else
	DefineCustomIntVariable("hnsw.ef_search", "Another library's.", NULL, &ef_search,
							40, 1, 1000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("hnsw.iterative_scan", "Another library's.", NULL, &order,
							 90, orders, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hnsw.max_scan_tuples", "Another library's.", NULL, &max_tuples,
							20000, 1, INT_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("hnsw.scan_mem_multiplier", "Another library's.", NULL,
							 &mem_multiplier, 1, 1, 1000, PGC_USERSET, 0, NULL, NULL, NULL);
#endif
	DefineCustomIntVariable("ivfflat.probes", "Another library's.", NULL, &probes,
							1, 1, 32768, PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("hnsw");
	MarkGUCPrefixReserved("ivfflat");
}
