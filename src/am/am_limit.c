/*-------------------------------------------------------------------------
 *
 * am_limit.c
 *	  How many rows a query will ask an index scan for, and whether it will
 *	  compute with their vectors.
 *
 * An access method is not told.  So that a walk along the graph can look for
 * the right number at once, the plan that is being executed is searched for the
 * scan, and the LIMIT above it is taken if nothing between them drops or adds
 * rows.  If the executor computes with the vectors of the rows it gets, mostly
 * their distances, there is no use in a scan that does without them.  Both are
 * hints: answers do not depend on them.
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
	bool		or_more;		/* something above drops rows */
	const IndexScan *plan;		/* the scan's, when it has been found */
	const PlanState *parent;	/* of the current node, NULL: the topmost one */
} LimitSearch;

/*
 * Is the node the top of a subquery of its parent, a CTE for example?
 */
static bool
is_subquery(const PlanState *parent, const PlanState *state)
{
	const List *lists[2] = {parent->initPlan, parent->subPlan};
	int			i;

	for (i = 0; i < 2; i++)
	{
		ListCell   *cell;

		foreach(cell, lists[i])
		{
			if (((SubPlanState *) lfirst(cell))->planstate == state)
				return true;
		}
	}
	return false;
}

/*
 * planstate_tree_walker callback: true if the scan has been found; then
 * search->bound is its.
 */
static bool
find_scan(PlanState *state, LimitSearch *search)
{
	double		outer_bound = search->bound;
	bool		outer_or_more = search->or_more;
	const PlanState *outer_parent = search->parent;

	check_stack_depth();
	/* What its parent is asked for says nothing of a subquery. */
	if (outer_parent != NULL && is_subquery(outer_parent, state))
		search->bound = 0;
	switch (nodeTag(state))
	{
		case T_IndexScanState:
			if (((IndexScanState *) state)->iss_ScanDesc == search->scan)
			{
				search->plan = (const IndexScan *) state->plan;
				return true;
			}
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

					if (search->bound == 0 || search->or_more || rows < search->bound)
						search->bound = rows;
					search->or_more = false;
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
			if (state->qual != NULL)
				search->or_more = true;
			break;

		default:
			search->bound = 0;
			break;
	}

	search->parent = state;
	if (planstate_tree_walker(state, find_scan, search))
		return true;
	search->parent = outer_parent;
	search->bound = outer_bound;
	search->or_more = outer_or_more;
	return false;
}

/* expression_tree_walker callback: is the expression in there? */
static bool
contains(Node *node, void *expression)
{
	if (node == NULL)
		return false;
	if (equal(node, expression))
		return true;
	return expression_tree_walker(node, contains, expression);
}

/*
 * Does the executor compute something from the indexed vectors of the rows that
 * it gets?  To hand them on as they are is no computation.
 */
static bool
uses_vector(const IndexScan *plan)
{
	const OpExpr *distance = (const OpExpr *) linitial(plan->indexorderbyorig);
	Node	   *vector;
	ListCell   *cell;

	if (!IsA(distance, OpExpr))
		return true;
	vector = (Node *) linitial(distance->args);
	foreach(cell, plan->scan.plan.targetlist)
	{
		Node	   *shown = (Node *) lfirst_node(TargetEntry, cell)->expr;

		if (!equal(shown, vector) && contains(shown, vector))
			return true;
	}
	return contains((Node *) plan->scan.plan.qual, vector);
}

void
vx_am_find_limit(IndexScanDesc scan, bool with_vectors, AmLimit *limit)
{
	LimitSearch search;

	limit->rows = 0;
	limit->or_more = true;
	limit->uses_vectors = true;
	if (current_query == NULL || current_query->planstate == NULL)
		return;
	search.scan = scan;
	search.bound = 0;
	search.or_more = false;
	search.plan = NULL;
	search.parent = NULL;
	if (!find_scan(current_query->planstate, &search))
		return;
	limit->rows = search.bound;
	limit->or_more = search.bound == 0 || search.or_more || search.plan == NULL ||
		search.plan->scan.plan.qual != NIL;
	if (with_vectors && search.plan != NULL && search.plan->indexorderbyorig != NIL)
		limit->uses_vectors = uses_vector(search.plan);
}
