/*-------------------------------------------------------------------------
 *
 * am_limit.c
 *	  How many rows a query will ask an index scan for.
 *
 * An access method is not told.  So that a walk along the graph can look for
 * the right number at once, the plan that is being executed is searched for the
 * scan, and the LIMIT above it is taken if nothing between them drops or adds
 * rows.  It is a hint: answers do not depend on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"

#include "am/am_scan.h"
#include "base/base_compat.h"

static ExecutorRun_hook_type previous_run_hook = NULL;
static bool hook_installed = false;

/* The innermost query that is being executed */
static QueryDesc *current_query = NULL;

static void
remember_query(VX_EXECUTOR_RUN_ARGS)
{
	QueryDesc  *outer = current_query;

	current_query = query;
	PG_TRY();
	{
		if (previous_run_hook)
			previous_run_hook(VX_EXECUTOR_RUN_PASS);
		else
			standard_ExecutorRun(VX_EXECUTOR_RUN_PASS);
	}
	PG_FINALLY();
	{
		current_query = outer;
	}
	PG_END_TRY();
}

/* Called by the handlers: whoever executes a scan has called one first. */
void
vx_am_install_executor_hook(void)
{
	if (hook_installed)
		return;
	previous_run_hook = ExecutorRun_hook;
	ExecutorRun_hook = remember_query;
	hook_installed = true;
}

typedef struct LimitSearch
{
	IndexScanDesc scan;
	double		bound;			/* rows that the current node is asked for, 0:
								 * unknown */
} LimitSearch;

/*
 * planstate_tree_walker callback: true if the scan has been found; then
 * search->bound is its.
 */
static bool
find_scan(PlanState *state, LimitSearch *search)
{
	double		outer_bound = search->bound;

	check_stack_depth();
	switch (nodeTag(state))
	{
		case T_IndexScanState:
			if (((IndexScanState *) state)->iss_ScanDesc == search->scan)
				return true;
			break;

		case T_IndexOnlyScanState:
			if (((IndexOnlyScanState *) state)->ioss_ScanDesc == search->scan)
				return true;
			break;

		case T_LimitState:
			{
				LimitState *limit = (LimitState *) state;

				/* Not computed yet: the scan is not below it. */
				if (limit->lstate != LIMIT_INITIAL && !limit->noCount)
				{
					double		rows = (double) limit->count + (double) limit->offset;

					if (search->bound == 0 || rows < search->bound)
						search->bound = rows;
				}
				break;
			}

		case T_ResultState:
		case T_LockRowsState:
		case T_SubqueryScanState:
		case T_AppendState:
		case T_MergeAppendState:
		case T_GatherState:
		case T_GatherMergeState:
			/* Asks below for no more than it is asked for, or a little. */
			break;

		default:
			search->bound = 0;
			break;
	}

	if (planstate_tree_walker(state, find_scan, search))
		return true;
	search->bound = outer_bound;
	return false;
}

/*
 * The number of rows that will be asked for, if that can be told, else 0.
 */
double
vx_am_find_limit(IndexScanDesc scan)
{
	LimitSearch search;

	if (current_query == NULL || current_query->planstate == NULL)
		return 0;
	search.scan = scan;
	search.bound = 0;
	return find_scan(current_query->planstate, &search) ? search.bound : 0;
}
