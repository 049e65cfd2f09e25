/*-------------------------------------------------------------------------
 *
 * am_planner_junk.c
 *	  Distances that a plan computes for nobody.
 *
 * ORDER BY a distance puts the distance into the target list of the scan, as a
 * junk column, for whoever sorts.  Where an index has sorted, and nothing above
 * the scan but LIMIT and row locks looks at its rows, nobody reads that column
 * before it is thrown away; but the executor computes it, and has to read each
 * row's vector for it, mostly from TOAST.  So the finished plan gets NULL in its place.
 *
 * A scan sees in the plan whether the executor will want its distances
 * (am_limit.c): if not, and the index itself can tell the order, vectors need
 * not be read at all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/planner.h"
#include "utils/lsyscache.h"

#include "am/am_index.h"

static planner_hook_type previous_planner_hook = NULL;

/*
 * Is this one of the distances that the index orders by?  The query may have
 * written it the other way round.
 */
static bool
is_order_by(const List *order_bys, const Expr *expression)
{
	const OpExpr *asked = (const OpExpr *) expression;
	ListCell   *cell;

	foreach(cell, order_bys)
	{
		const OpExpr *order_by = (const OpExpr *) lfirst(cell);

		if (equal(order_by, asked))
			return true;
		if (IsA(order_by, OpExpr) && IsA(asked, OpExpr) &&
			list_length(order_by->args) == 2 && list_length(asked->args) == 2 &&
			get_commutator(asked->opno) == order_by->opno &&
			equal(linitial(order_by->args), lsecond(asked->args)) &&
			equal(lsecond(order_by->args), linitial(asked->args)))
			return true;
	}
	return false;
}

/*
 * The plan of a query, or of a subquery whose junk columns nobody reads: take
 * the distances that it is ordered by out of the scan below it, if there is
 * nothing in between that reads them.
 */
static void
drop_junk(Plan *top)
{
	Plan	   *plan = top;
	IndexScan  *scan;
	ListCell   *cell;

	/* WITH TIES compares the columns of ORDER BY. */
	while (plan != NULL &&
		   (IsA(plan, LockRows) ||
			(IsA(plan, Limit) && ((Limit *) plan)->limitOption == LIMIT_OPTION_COUNT)))
		plan = outerPlan(plan);
	if (plan == NULL || !IsA(plan, IndexScan))
		return;
	scan = (IndexScan *) plan;
	if (scan->indexorderbyorig == NIL || !vx_am_is_our_index_oid(scan->indexid))
		return;

	foreach(cell, plan->targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		TargetEntry *shown;

		if (entry->resno > list_length(top->targetlist))
			continue;
		shown = list_nth_node(TargetEntry, top->targetlist, entry->resno - 1);
		if (!shown->resjunk || !is_order_by(scan->indexorderbyorig, entry->expr))
			continue;
		/* Nodes in between hand their rows on as they are. */
		if (plan != top &&
			!(IsA(shown->expr, Var) && ((Var *) shown->expr)->varno == OUTER_VAR &&
			  ((Var *) shown->expr)->varattno == entry->resno))
			continue;
		entry->expr = (Expr *) makeNullConst(exprType((Node *) entry->expr),
											 exprTypmod((Node *) entry->expr),
											 exprCollation((Node *) entry->expr));
	}
}

/*
 * Subqueries within a plan; those of expressions and CTEs are listed apart.  A
 * LIMIT is the last step of a query, even where the scan of the subquery has
 * been left out of the plan: what is junk there nobody can ask for.  (From 16 on
 * DISTINCT may become a LIMIT 1 with more steps above; whoever compares its one
 * row has no other to compare it with.)
 */
static void
visit_subqueries(Plan *plan)
{
	List	   *children = NIL;
	ListCell   *cell;

	if (plan == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_Limit:
			drop_junk(plan);
			break;
		case T_SubqueryScan:
			drop_junk(((SubqueryScan *) plan)->subplan);
			visit_subqueries(((SubqueryScan *) plan)->subplan);
			break;
		case T_Append:
			children = ((Append *) plan)->appendplans;
			break;
		case T_MergeAppend:
			children = ((MergeAppend *) plan)->mergeplans;
			break;
		case T_CustomScan:
			children = ((CustomScan *) plan)->custom_plans;
			break;
		default:
			break;
	}
	foreach(cell, children)
		visit_subqueries((Plan *) lfirst(cell));
	visit_subqueries(outerPlan(plan));
	visit_subqueries(innerPlan(plan));
}

static PlannedStmt *
plan_without_junk(Query *parse, const char *query_string, int cursor_options,
				  ParamListInfo params)
{
	PlannedStmt *plan;
	ListCell   *cell;

	if (previous_planner_hook)
		plan = previous_planner_hook(parse, query_string, cursor_options, params);
	else
		plan = standard_planner(parse, query_string, cursor_options, params);

	/* Sessions that have not met one of our indexes have nothing to gain. */
	if (!vx_am_has_met_index())
		return plan;
	if (plan->commandType == CMD_SELECT)
		drop_junk(plan->planTree);
	visit_subqueries(plan->planTree);
	foreach(cell, plan->subplans)
	{
		drop_junk((Plan *) lfirst(cell));
		visit_subqueries((Plan *) lfirst(cell));
	}
	return plan;
}

/*
 * Called when the library is loaded: the first plan with one of our indexes is
 * under way when its handler is called.
 */
void
vx_am_install_plan_hook(void)
{
	previous_planner_hook = planner_hook;
	planner_hook = plan_without_junk;
}
