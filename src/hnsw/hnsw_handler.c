/*-------------------------------------------------------------------------
 *
 * hnsw_handler.c
 *	  The handler of the hnsw access method: what it can do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "commands/vacuum.h"
#include "fmgr.h"

#include "am/am_scan.h"
#include "base/base_compat.h"
#include "hnsw/hnsw.h"


static relopt_kind hnsw_option_kind;
static bool hnsw_options_known = false;

/*
 * Options are registered when the access method is first used, so that
 * loading the library for its types alone costs nothing.
 */
static void
register_options(void)
{
	if (hnsw_options_known)
		return;
	hnsw_option_kind = add_reloption_kind();
	add_int_reloption(hnsw_option_kind, "m",
					  "Neighbours of a node on the upper levels, half of those on the lowest",
					  HNSW_DEFAULT_M, HNSW_MIN_M, HNSW_MAX_M, AccessExclusiveLock);
	add_int_reloption(hnsw_option_kind, "ef_construction",
					  "Width of the search for a new node's neighbours",
					  HNSW_DEFAULT_EF_CONSTRUCTION, HNSW_MIN_EF_CONSTRUCTION,
					  HNSW_MAX_EF_CONSTRUCTION, AccessExclusiveLock);
	add_enum_reloption(hnsw_option_kind, "quantizer",
					   "How vectors are stored in the index",
					   vx_am_quantizer_values, QUANT_SQ8,
					   "Valid values are \"sq8\" and \"none\".",
					   AccessExclusiveLock);
	add_enum_reloption(hnsw_option_kind, "rerank",
					   "Where exact order comes from",
					   vx_am_rerank_values, AM_RERANK_TABLE,
					   "Valid values are \"table\" and \"index\".",
					   AccessExclusiveLock);
	hnsw_options_known = true;
}

static bytea *
parse_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"m", RELOPT_TYPE_INT, offsetof(HnswOptions, m)},
		{"ef_construction", RELOPT_TYPE_INT, offsetof(HnswOptions, ef_construction)},
		{"quantizer", RELOPT_TYPE_ENUM, offsetof(HnswOptions, am.quantizer)},
		{"rerank", RELOPT_TYPE_ENUM, offsetof(HnswOptions, am.rerank)}
	};
	HnswOptions *options = (HnswOptions *)
		build_reloptions(reloptions, validate, hnsw_option_kind,
						 sizeof(HnswOptions), table, lengthof(table));

	if (validate && options != NULL && options->ef_construction < 2 * options->m)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ef_construction must be greater than or equal to 2 * m")));
	return (bytea *) options;
}

int
vx_hnsw_get_m(Relation index)
{
	HnswOptions *options = (HnswOptions *) index->rd_options;

	return options ? options->m : HNSW_DEFAULT_M;
}

int
vx_hnsw_get_ef_construction(Relation index)
{
	HnswOptions *options = (HnswOptions *) index->rd_options;

	return options ? options->ef_construction : HNSW_DEFAULT_EF_CONSTRUCTION;
}

PG_FUNCTION_INFO_V1(vecext_hnsw_handler);
Datum
vecext_hnsw_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *routine = makeNode(IndexAmRoutine);

	register_options();
	vx_am_install_planner_hook((void *) vx_hnsw_estimate_cost, false);
	vx_am_install_executor_hook();
	vx_am_install_explain_hook();

	routine->amstrategies = 0;
	routine->amsupport = AM_PROC_COUNT;
	routine->amoptsprocnum = 0;
	routine->amcanorder = false;
	routine->amcanorderbyop = true;
	routine->amcanbackward = false;
	routine->amcanunique = false;
	routine->amcanmulticol = true;
	routine->amoptionalkey = true;
	routine->amsearcharray = true;
	routine->amsearchnulls = true;
	routine->amstorage = false;
	routine->amclusterable = false;
	routine->ampredlocks = false;
	routine->amcanparallel = false;
	vx_set_am_can_build_parallel(routine);
	routine->amcaninclude = false;
	routine->amusemaintenanceworkmem = false;
	routine->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	routine->amkeytype = InvalidOid;

	routine->ambuild = vx_hnsw_build;
	routine->ambuildempty = vx_hnsw_build_empty;
	routine->aminsert = vx_hnsw_insert;
	routine->ambulkdelete = vx_hnsw_bulk_delete;
	routine->amvacuumcleanup = vx_hnsw_vacuum_cleanup;
	routine->amcanreturn = NULL;
	routine->amcostestimate = vx_hnsw_estimate_cost;
	routine->amoptions = parse_options;
	routine->amproperty = NULL;
	routine->ambuildphasename = vx_hnsw_build_phase_name;
	routine->amvalidate = vx_am_validate;
	routine->amadjustmembers = NULL;
	routine->ambeginscan = vx_hnsw_begin_scan;
	routine->amrescan = vx_am_rescan;
	routine->amgettuple = vx_am_get_tuple;
	routine->amgetbitmap = vx_am_get_bitmap;
	routine->amendscan = vx_am_end_scan;
	routine->ammarkpos = NULL;
	routine->amrestrpos = NULL;
	routine->amestimateparallelscan = NULL;
	routine->aminitparallelscan = NULL;
	routine->amparallelrescan = NULL;

	PG_RETURN_POINTER(routine);
}
