/*-------------------------------------------------------------------------
 *
 * am_explain.c
 *	  What each scan of an index has cost, in EXPLAIN (ANALYZE).
 *
 * 18 has a hook that is called for every node of a plan.  There the scan is still
 * open, so that its own counters can be read, and several scans of one query
 * are told apart.  A scan that parallel workers have run has closed theirs: what
 * is shown is this process's part.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base_compat.h"

#if VX_HAS_EXPLAIN_HOOK
#include "commands/explain.h"
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#include "nodes/execnodes.h"
#endif

#include "am/am_scan.h"

#if VX_HAS_EXPLAIN_HOOK

static explain_per_node_hook_type previous_node_hook = NULL;
static bool hook_installed = false;

/* A number and its name in the formats for people and for programs */
typedef struct Counter
{
	const char *text_name;
	const char *name;
	uint64		value;
} Counter;

/* The open scan of a node, NULL if it is of another kind or has not begun. */
static IndexScanDesc
find_scan(PlanState *state)
{
	switch (nodeTag(state))
	{
		case T_IndexScanState:
			return ((IndexScanState *) state)->iss_ScanDesc;
		case T_IndexOnlyScanState:
			return ((IndexOnlyScanState *) state)->ioss_ScanDesc;
		case T_BitmapIndexScanState:
			return ((BitmapIndexScanState *) state)->biss_ScanDesc;
		default:
			return NULL;
	}
}

static void
show_counters(const AmScanCounters *sum, ExplainState *es)
{
	const Counter counters[] = {
		{"walks", "Walks", sum->walks},
		{"hops", "Hops", sum->hops},
		{"distances", "Distances", sum->distances},
		{"passes", "Passes", sum->passes},
		{"peeks", "Peeks", sum->peeks},
		{"candidates", "Candidates", sum->candidates},
		{"rechecks", "Rechecks", sum->rechecks},
		{"dead_rows", "Dead Rows", sum->dead_rows},
		{"late_rows", "Late Rows", sum->late_rows}
	};
	int			i;

	if (es->format == EXPLAIN_FORMAT_TEXT)
	{
		ExplainIndentText(es);
		appendStringInfoString(es->str, "Vector Search:");
		if (sum->mode != AM_MODE_NONE)
			appendStringInfo(es->str, " mode=%s", vx_am_mode_names[sum->mode]);
		if (sum->walks > 0)
			appendStringInfo(es->str, " ef=%d", sum->ef);
		for (i = 0; i < lengthof(counters); i++)
			appendStringInfo(es->str, " %s=" UINT64_FORMAT, counters[i].text_name, counters[i].value);
		appendStringInfoChar(es->str, '\n');
		return;
	}

	ExplainOpenGroup("Vector Search", "Vector Search", true, es);
	if (sum->mode != AM_MODE_NONE)
		ExplainPropertyText("Mode", vx_am_mode_names[sum->mode], es);
	if (sum->walks > 0)
		ExplainPropertyInteger("Ef", NULL, sum->ef, es);
	for (i = 0; i < lengthof(counters); i++)
		ExplainPropertyUInteger(counters[i].name, NULL, counters[i].value, es);
	ExplainCloseGroup("Vector Search", "Vector Search", true, es);
}

static void
explain_node(PlanState *state, List *ancestors, const char *relationship,
			 const char *plan_name, ExplainState *es)
{
	IndexScanDesc scan;

	if (previous_node_hook)
		previous_node_hook(state, ancestors, relationship, plan_name, es);
	if (!es->analyze)
		return;
	scan = find_scan(state);
	if (scan != NULL && scan->indexRelation->rd_indam->amrescan == vx_am_rescan)
	{
		AmScanCounters sum;

		vx_am_sum_counters(scan, &sum);
		if (OidIsValid(sum.index) && !vx_am_has_hidden_rows(sum.index))
			show_counters(&sum, es);
	}
}

/* Called by the handlers: whoever executes a scan has called one first. */
void
vx_am_install_explain_hook(void)
{
	if (hook_installed)
		return;
	previous_node_hook = explain_per_node_hook;
	explain_per_node_hook = explain_node;
	hook_installed = true;
}

#else

void
vx_am_install_explain_hook(void)
{
}

#endif
