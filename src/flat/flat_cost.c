/*-------------------------------------------------------------------------
 *
 * flat_cost.c
 *	  Cost estimate of the flat access method.
 *
 * An ordered scan passes over all codes before the first row comes out, so
 * nearly all of its cost is startup cost; rows then cost a chain lookup each.
 * When all rows are asked for, the codes are read once per batch.
 *
 * The generic estimate would price the pages by the fraction of rows that a
 * condition selects; a flat scan reads them all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "flat/flat.h"

/*
 * CPU cost of one bound, in units of cpu_operator_cost.  A bound of a 100-d
 * vector takes about 5 ns, a simple operator about ten times that.
 */
#define BOUND_COST 0.1

/*
 * A page of codes that is in memory takes about 2 us, a fifth of what
 * seq_page_cost stands for when cpu_tuple_cost is right for in-memory work.
 * The index of a working database is in memory if it can be.
 */
#define CACHED_PAGE_FACTOR 0.2

/* Row pages are a small part of the index; see store_format.h. */
#define ROW_PAGE_FRACTION 0.05

void
vx_flat_estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count,
					  Cost *startup_cost, Cost *total_cost,
					  Selectivity *selectivity, double *correlation,
					  double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	List	   *quals = get_quals_from_indexclauses(path->indexclauses);
	List	   *selectivity_quals = add_predicate_to_index_quals(index, quals);
	double		random_page_cost;
	double		page_cost;
	double		rows;
	Cost		pass;
	AmFilterCost filter;

	get_tablespace_page_costs(index->reltablespace, &random_page_cost, &page_cost);
	if (index->pages <= effective_cache_size)
		page_cost *= CACHED_PAGE_FACTOR;

	*selectivity = clauselist_selectivity(root, selectivity_quals, index->rel->relid,
										  JOIN_INNER, NULL);
	rows = rint(*selectivity * index->rel->tuples);

	vx_am_estimate_filter(root, path, page_cost, &filter);
	if (path->indexorderbys == NIL && filter.conditions > 0 &&
		filter.conditions == list_length(path->indexclauses))
	{
		/* Of the rows, too, only those that meet the conditions. */
		*pages = index->pages * ROW_PAGE_FRACTION;
		*startup_cost = filter.find;
		*total_cost = filter.find + filter.rows;
	}
	else if (path->indexorderbys == NIL && !vx_am_asks_codes(path))
	{
		/* Only rows are read. */
		*pages = index->pages * ROW_PAGE_FRACTION;
		*startup_cost = filter.find;
		*total_cost = filter.find + *pages * page_cost + rows * cpu_index_tuple_cost;
	}
	else
	{
		*pages = index->pages;
		pass = index->pages * page_cost +
			index->tuples * BOUND_COST * cpu_operator_cost;
		if (filter.conditions > 0)
			pass = Min(pass, filter.codes);
		*startup_cost = filter.find + (path->indexorderbys != NIL ? pass : 0);
		pass += filter.find;
		*total_cost = pass + rows * (cpu_index_tuple_cost + 2 * cpu_operator_cost);

		/*
		 * All rows in order take a pass for every batch, each four times the
		 * last.
		 */
		if (path->indexorderbys != NIL && rows > 256)
			*total_cost += pass * ceil(log(rows / 256) / log(4));

		/*
		 * Exact order takes the distance of every row (am_rank.c), and the
		 * query may show it besides: the planner counts the latter alone.
		 */
		if (path->indexorderbys != NIL)
		{
			QualCost	distance;

			cost_qual_eval(&distance, path->indexorderbys, root);
			*total_cost += distance.startup + rows * distance.per_tuple;
		}
	}
	*correlation = 0;
}
