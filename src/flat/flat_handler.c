/*-------------------------------------------------------------------------
 *
 * flat_handler.c
 *	  The handler of the flat access method: what it can do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "commands/vacuum.h"
#include "fmgr.h"

#include "am/am_scan.h"
#include "base/base_compat.h"
#include "flat/flat.h"

static relopt_kind flat_option_kind;
static bool flat_options_known = false;

/*
 * Options are registered when the access method is first used, so that
 * loading the library for its types alone costs nothing.
 */
static void
register_options(void)
{
	if (flat_options_known)
		return;
	flat_option_kind = add_reloption_kind();
	add_enum_reloption(flat_option_kind, "quantizer",
					   "How vectors are stored in the index",
					   vx_am_quantizer_values, QUANT_SQ8,
					   "Valid values are \"sq8\" and \"none\".",
					   AccessExclusiveLock);
	add_enum_reloption(flat_option_kind, "rerank",
					   "Where exact order comes from",
					   vx_am_rerank_values, AM_RERANK_TABLE,
					   "Valid values are \"table\" and \"index\".",
					   AccessExclusiveLock);
	flat_options_known = true;
}

static bytea *
parse_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"quantizer", RELOPT_TYPE_ENUM, offsetof(AmOptions, quantizer)},
		{"rerank", RELOPT_TYPE_ENUM, offsetof(AmOptions, rerank)}
	};

	return (bytea *) build_reloptions(reloptions, validate, flat_option_kind,
									  sizeof(AmOptions), table, lengthof(table));
}

static IndexScanDesc
begin_scan(Relation index, int key_count, int order_by_count)
{
	return vx_am_begin_scan(index, key_count, order_by_count, NULL);
}

PG_FUNCTION_INFO_V1(vecext_flat_handler);
Datum
vecext_flat_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *routine = makeNode(IndexAmRoutine);

	register_options();
	vx_am_install_planner_hook((void *) vx_flat_estimate_cost, true);
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
	routine->amcanparallel = true;
	vx_set_am_can_build_parallel(routine);
	routine->amcaninclude = false;
	routine->amusemaintenanceworkmem = false;
	routine->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	routine->amkeytype = InvalidOid;

	routine->ambuild = vx_flat_build;
	routine->ambuildempty = vx_flat_build_empty;
	routine->aminsert = vx_flat_insert;
	routine->ambulkdelete = vx_flat_bulk_delete;
	routine->amvacuumcleanup = vx_store_vacuum_cleanup;
	routine->amcanreturn = NULL;
	routine->amcostestimate = vx_flat_estimate_cost;
	routine->amoptions = parse_options;
	routine->amproperty = NULL;
	routine->ambuildphasename = vx_flat_build_phase_name;
	routine->amvalidate = vx_am_validate;
	routine->amadjustmembers = NULL;
	routine->ambeginscan = begin_scan;
	routine->amrescan = vx_am_rescan;
	routine->amgettuple = vx_am_get_tuple;
	routine->amgetbitmap = vx_am_get_bitmap;
	routine->amendscan = vx_am_end_scan;
	routine->ammarkpos = NULL;
	routine->amrestrpos = NULL;
	routine->amestimateparallelscan = vx_am_estimate_parallel;
	routine->aminitparallelscan = vx_am_init_parallel;
	routine->amparallelrescan = vx_am_rescan_parallel;

	PG_RETURN_POINTER(routine);
}
