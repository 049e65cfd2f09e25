/*-------------------------------------------------------------------------
 *
 * hnsw_cost.c
 *	  Cost estimate of the hnsw access method.
 *
 * An ordered scan walks the graph before its first row comes out, as widely as
 * the LIMIT and the conditions that the index does not know demand: that is its
 * startup cost.  When more rows are asked for than a walk is worth, there is a
 * pass over all codes, as in flat, and each row costs a chain lookup, the
 * distance to it, and what the planner adds for the table.
 *
 * The metapage is not read: planning must not wait for a disk.  So the width of
 * the walk is a guess where it is to follow from a recall.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "hnsw/hnsw.h"

/*
 * CPU costs in units of cpu_operator_cost, which stands for about 50 ns: one
 * bound in a pass over the codes takes 5 ns at 100 dimensions, one distance on
 * a walk 40 ns plus 5 for every 100 dimensions, for it waits for memory.
 */
#define BOUND_COST		0.1
#define DISTANCE_COST	0.8
#define DISTANCE_COST_PER_DIMENSION 0.001

/* Of the neighbours that a walk meets, so many are new to it. */
#define FRESH_NEIGHBOURS 0.5

/* See flat_cost.c. */
#define CACHED_PAGE_FACTOR 0.2
#define ROW_PAGE_FRACTION 0.05

/*
 * What a row costs beside its place in the table, in pages of a sequential scan
 * (seq_page_cost): measured with 340,000 rows of 100 dimensions in memory, 5 us
 * for chain, distance and order, where the scan took 4 us for a page with its
 * rows.  Sequential scans over vectors in TOAST tables look cheaper than they
 * are: compared with these a row costs nothing more.  Nor does it when the LIMIT
 * is not known: the planner then thinks of a tenth of all rows, the user hardly.
 */
#define ROW_COST_PAGES	1.2

/* Rows that a query wants if it is not known how many it is */
#define DEFAULT_WANTED	10

/* Recall that a walk of twice the wanted width is taken to have */
#define USUAL_RECALL	0.95

/*
 * Width of a walk that finds so many rows.
 */
static double
guess_ef(double wanted)
{
	double		recall = vx_hnsw_target_recall;

	if (!vx_hnsw_has_target())
		return Max(wanted, vx_hnsw_ef_search);
	return Max(40, 2 * wanted) * Max(1, log(1 - recall) / log(1 - USUAL_RECALL));
}

/*
 * Cost of a walk with a given ef.
 */
static Cost
walk_cost(PlannerInfo *root, IndexOptInfo *index, int m, int dims, double ef,
		  double random_page_cost)
{
	double		levels = log(Max(index->tuples, 2)) / log(m);
	double		distances = levels * m + ef * 2 * m * FRESH_NEIGHBOURS;
	Cost		cost;

	distances = Min(distances, index->tuples);
	cost = distances * (DISTANCE_COST + DISTANCE_COST_PER_DIMENSION * dims) * cpu_operator_cost;

	/* The index of a working database is in memory if it can be. */
	if (index->pages > effective_cache_size)
		cost += index_pages_fetched(distances, index->pages, index->pages, root) *
			random_page_cost;
	return cost;
}

/*
 * How many rows a scan will be asked for: by the LIMIT if there is only this
 * table to take them from.
 */
static double
guess_wanted(PlannerInfo *root, IndexOptInfo *index)
{
	if (bms_membership(root->all_baserels) == BMS_SINGLETON && root->limit_tuples > 0)
		return root->limit_tuples;
	if (root->tuple_fraction >= 1)
		return root->tuple_fraction;
	if (root->tuple_fraction > 0)
		return DEFAULT_WANTED;
	return index->rel->rows;
}

void
vx_hnsw_estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count,
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
	*correlation = 0;
	rows = rint(*selectivity * index->rel->tuples);
	pass = index->pages * page_cost + index->tuples * BOUND_COST * cpu_operator_cost;

	vx_am_estimate_filter(root, path, page_cost, &filter);
	if (filter.conditions > 0)
		pass = Min(pass, filter.codes);

	if (path->indexorderbys == NIL && filter.conditions > 0 &&
		filter.conditions == list_length(path->indexclauses))
	{
		/* Only rows that meet the conditions are read. */
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
	else if (path->indexorderbys == NIL)
	{
		*pages = index->pages;
		*startup_cost = filter.find;
		*total_cost = filter.find + pass + rows * (cpu_index_tuple_cost + 2 * cpu_operator_cost);
	}
	else
	{
		Relation	relation = index_open(index->indexoid, NoLock);
		int			m = vx_hnsw_get_m(relation);
		int			dims = Max(TupleDescAttr(RelationGetDescr(relation), 0)->atttypmod, 1);
		double		wanted = guess_wanted(root, index);
		double		first = guess_ef(Min(wanted, DEFAULT_WANTED));
		double		nodes = Max(index->rel->tuples, 1);
		double		passing = Max(Min(index->rel->rows, nodes), 1) / nodes;
		double		kept = Min(passing / Max(filter.selectivity, 1 / nodes), 1);
		bool		toasted = vx_am_is_toasted(root, index);
		QualCost	distance;
		Cost		walk;
		Cost		rest;

		index_close(relation, NoLock);

		/* Rows that conditions reject have to be found, too. */
		walk = walk_cost(root, index, m, dims, guess_ef(wanted / passing), random_page_cost);

		/*
		 * Rather than walking ever wider, the scan gives up and passes over
		 * all codes, once for every batch, each four times the last.  With
		 * conditions on other columns it knows beforehand whether to walk,
		 * and passes over the codes of rows that meet them.
		 */
		rest = pass;
		if (filter.conditions == 0)
			rest += walk_cost(root, index, m, dims, first, random_page_cost);
		if (Min(wanted / kept, nodes) > 256)
			rest += pass * ceil(log(Min(wanted / kept, nodes) / 256) / log(4));

		*pages = Min(index->pages, guess_ef(wanted / passing) * m);
		*startup_cost = filter.find + Min(walk, rest);
		*total_cost = *startup_cost + rows * (cpu_index_tuple_cost + 2 * cpu_operator_cost);
		if (rest > walk)
			*total_cost += pass;
		if (!toasted && (root->limit_tuples > 0 || root->tuple_fraction == 0))
			*total_cost += rows * ROW_COST_PAGES * seq_page_cost;

		/* See flat_cost.c. */
		cost_qual_eval(&distance, path->indexorderbys, root);
		*startup_cost += distance.startup;
		*total_cost += distance.startup + rows * distance.per_tuple;
	}
}
