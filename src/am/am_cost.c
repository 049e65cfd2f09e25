/*-------------------------------------------------------------------------
 *
 * am_cost.c
 *	  What conditions on columns after the vector cost, for both access
 *	  methods' estimates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "am/am_index.h"

/*
 * CPU costs in units of cpu_operator_cost, which stands for about 50 ns: a
 * slot of a column that is compared with a condition, and the code of a node
 * that is read for itself rather than in a pass over all.
 */
#define SLOT_COST		0.01
#define MATCH_COST		0.6

/* What a scan does before its first row, in the same units */
#define BEGIN_COST		4000

/* Bytes of a slot and of a row, on average */
#define SLOT_BYTES		8
#define ROW_BYTES		20

/*
 * True if a condition is about the vector itself; whether there is one at all,
 * rows tell.
 */
bool
vx_am_asks_codes(const IndexPath *path)
{
	ListCell   *cell;

	foreach(cell, path->indexclauses)
	{
		const IndexClause *clause = lfirst_node(IndexClause, cell);

		if (clause->indexcol == 0 && !IsA(clause->rinfo->clause, NullTest))
			return true;
	}
	return false;
}

/*
 * page_cost is what a page in memory or on disk costs when it is read in
 * sequence.
 */
void
vx_am_estimate_filter(PlannerInfo *root, IndexPath *path, Cost page_cost,
					  AmFilterCost *cost)
{
	IndexOptInfo *index = path->indexinfo;
	List	   *quals = NIL;
	double		tuples = Max(index->tuples, 1);
	double		row_pages = ceil(tuples * ROW_BYTES / BLCKSZ);
	double		matches;
	ListCell   *cell;

	memset(cost, 0, sizeof(AmFilterCost));
	cost->selectivity = 1;
	foreach(cell, path->indexclauses)
	{
		IndexClause *clause = lfirst_node(IndexClause, cell);
		ListCell   *qual;

		if (clause->indexcol == 0)
			continue;
		foreach(qual, clause->indexquals)
			quals = lappend(quals, lfirst(qual));
		cost->conditions++;
	}
	if (cost->conditions == 0)
		return;

	cost->selectivity = clauselist_selectivity(root, quals, index->rel->relid, JOIN_INNER, NULL);
	matches = cost->selectivity * tuples;
	cost->find = BEGIN_COST * cpu_operator_cost +
		cost->conditions * (ceil(tuples * SLOT_BYTES / BLCKSZ) * page_cost +
							tuples * SLOT_COST * cpu_operator_cost);

	/* Rows lie together by chance only. */
	cost->rows = row_pages * (1 - exp(-matches / row_pages)) * page_cost +
		matches * cpu_index_tuple_cost;
	cost->codes = cost->rows + matches * MATCH_COST * cpu_operator_cost;
}

/*
 * Are the vectors out of line, by the statistics of the column?
 */
bool
vx_am_is_toasted(PlannerInfo *root, const IndexOptInfo *index)
{
	int			column = index->indexkeys[0];
	Oid			table;
	Oid			type;
	Oid			collation;
	int32		dims;
	int32		width;

	if (column <= 0)
		return false;
	table = planner_rt_fetch(index->rel->relid, root)->relid;
	get_atttypetypmodcoll(table, column, &type, &dims, &collation);
	width = get_attavgwidth(table, column);
	return width > 0 && width < dims * (int) sizeof(float) / 2;
}
