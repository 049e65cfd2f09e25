/*-------------------------------------------------------------------------
 *
 * hnsw_settings.c
 *	  Settings of the hnsw access method.
 *
 * Names, defaults and ranges are pgvector's where it has the setting.  Its
 * library may be in the same server, loaded before this one: a setting can be
 * defined only once, so what it has defined is read from where it keeps it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/parallel.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "base/base_compat.h"
#include "hnsw/hnsw.h"

static int	own_ef_search = 40;
static int	own_iterative_scan = HNSW_ITERATIVE_OFF;
static int	own_max_scan_tuples = 20000;
static double own_scan_mem_multiplier = 1;

double		vx_hnsw_target_recall = 0.95;

/* Where the values are: here or in another library */
int		   *vx_hnsw_ef_search_at = &own_ef_search;
int		   *vx_hnsw_max_scan_tuples_at = &own_max_scan_tuples;

/* The server's record of hnsw.ef_search */
static struct config_generic *ef_search_record = NULL;

/* Another library's hnsw.iterative_scan, which has numbers of its own */
static struct config_enum *foreign_iterative_scan = NULL;

static const struct config_enum_entry iterative_scan_options[] = {
	{"off", HNSW_ITERATIVE_OFF, false},
	{"relaxed_order", HNSW_ITERATIVE_RELAXED, false},
	{"strict_order", HNSW_ITERATIVE_STRICT, false},
	{NULL, 0, false}
};

/*
 * The record of a setting that another library has defined, NULL if none has;
 * found collects their names.  A value given before anybody defines the setting
 * is no definition.
 */
static struct config_generic *
find_foreign(const char *name, enum config_type type, StringInfo found)
{
	struct config_generic *record = vx_find_setting(name);

	if (record == NULL || (record->flags & GUC_CUSTOM_PLACEHOLDER) != 0)
		return NULL;
	if (record->vartype != type)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("another library has defined parameter \"%s\" with another type", name)));
	appendStringInfo(found, "%s%s", found->len > 0 ? ", " : "", name);
	return record;
}

/*
 * Whoever looks for a setting in our documentation should know that it is
 * another library's: by the log where the server loads us, in the session else.
 */
static void
report_foreign(const char *names)
{
	/* Workers load what their leader has loaded, and said. */
	if (names[0] == '\0' || IsParallelWorker())
		return;
	ereport(process_shared_preload_libraries_in_progress ? LOG : NOTICE,
			(errmsg("another library has defined parameters of access method hnsw"),
			 errdetail("Its %s are used.", names)));
}

void
vx_hnsw_define_settings(void)
{
	struct config_generic *foreign;
	StringInfoData found;

	initStringInfo(&found);
	foreign = find_foreign("hnsw.ef_search", PGC_INT, &found);
	if (foreign != NULL)
		vx_hnsw_ef_search_at = ((struct config_int *) foreign)->variable;
	else
		DefineCustomIntVariable("hnsw.ef_search",
								"Sets how many candidates a search along the graph keeps.",
								"Once set, it is used instead of hnsw.target_recall.",
								&own_ef_search,
								40, 1, HNSW_MAX_EF_SEARCH,
								PGC_USERSET, 0, NULL, NULL, NULL);
	ef_search_record = vx_find_setting("hnsw.ef_search");

	foreign = find_foreign("hnsw.iterative_scan", PGC_ENUM, &found);
	if (foreign != NULL)
		foreign_iterative_scan = (struct config_enum *) foreign;
	else
		DefineCustomEnumVariable("hnsw.iterative_scan",
								 "Sets in which order rows come that a search finds late.",
								 "Searches go on until the query has enough rows, whatever the value.",
								 &own_iterative_scan,
								 HNSW_ITERATIVE_OFF, iterative_scan_options,
								 PGC_USERSET, 0, NULL, NULL, NULL);

	foreign = find_foreign("hnsw.max_scan_tuples", PGC_INT, &found);
	if (foreign != NULL)
		vx_hnsw_max_scan_tuples_at = ((struct config_int *) foreign)->variable;
	else
		DefineCustomIntVariable("hnsw.max_scan_tuples",
								"Sets how many nodes a search visits along the graph before it reads all codes.",
								"The first walk of a search without conditions on columns of the index is not bounded by it.",
								&own_max_scan_tuples,
								20000, 1, INT_MAX,
								PGC_USERSET, 0, NULL, NULL, NULL);

	if (find_foreign("hnsw.scan_mem_multiplier", PGC_REAL, &found) == NULL)
		DefineCustomRealVariable("hnsw.scan_mem_multiplier",
								 "Has no effect; sets the memory of a search in pgvector.",
								 NULL,
								 &own_scan_mem_multiplier,
								 1, 1, 1000,
								 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomRealVariable("hnsw.target_recall",
							 "Sets which fraction of the nearest rows searches find on average.",
							 "0 leaves the width of searches to hnsw.ef_search.",
							 &vx_hnsw_target_recall,
							 0.95, 0, 0.999,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	report_foreign(found.data);
	pfree(found.data);
}

void
vx_hnsw_reserve_prefixes(void)
{
	MarkGUCPrefixReserved("hnsw");
}

/*
 * True if somebody has set hnsw.ef_search: in a file, for a role or database, in
 * the session.
 */
bool
vx_hnsw_ef_search_is_set(void)
{
	return ef_search_record->source > PGC_S_DYNAMIC_DEFAULT;
}

/*
 * True if hnsw.target_recall rules: calibrations say how wide walks are.
 */
bool
vx_hnsw_has_target(void)
{
	return !vx_hnsw_ef_search_is_set() && vx_hnsw_target_recall > 0;
}

HnswIterativeScan
vx_hnsw_get_iterative_scan(void)
{
	const char *name;
	int			i;

	if (foreign_iterative_scan == NULL)
		return own_iterative_scan;
	name = config_enum_lookup_by_value(foreign_iterative_scan,
									   *foreign_iterative_scan->variable);
	for (i = 0; iterative_scan_options[i].name != NULL; i++)
	{
		if (strcmp(name, iterative_scan_options[i].name) == 0)
			return iterative_scan_options[i].val;
	}
	return HNSW_ITERATIVE_OFF;
}
