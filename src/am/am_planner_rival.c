/*-------------------------------------------------------------------------
 *
 * am_planner_rival.c
 *	  Few rows meet the conditions: a B-tree or GIN finds them, and they are
 *	  sorted.
 *
 * A scan of ours with conditions passes over the slots of all rows, so it takes
 * some tenths of a nanosecond for each row of the table, however few meet them.
 * An index made for the condition goes to these rows at once.  The planner takes
 * each row of the table for a page that comes from a disk (random_page_cost),
 * and so thinks the other way a hundred times dearer than it is in memory: it
 * would leave it only the last few dozen rows.  Raising our own cost would
 * make a scan of the whole table look cheap.
 *
 * So here, where table and index fit into memory, both ways are estimated once
 * more, in nanoseconds, and if the other one is faster our ordered path with
 * conditions is taken away.  If ours is faster it costs no more than the other
 * one by as much: several indexes whose rows are ANDed leave few pages to read,
 * and have many entries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"

#include "am/am_index.h"

/*
 * Nanoseconds, measured with 340,000 rows of 100 dimensions in the row and
 * 60,000 of 784 in a TOAST table (README.md): a row of the table that is
 * fetched, tested and sorted, and its vector's way out of the TOAST table; an
 * entry of another index; a scan of ours as such; the slot of a row, as a key
 * and as a signature; a row that meets the conditions, from its slot to its
 * code's bound; a row that is returned, and its vector's way, which is shorter
 * for us (am_toast.c).
 */
#define FETCH_TIME			500
#define FETCH_TOAST_TIME	2500
#define ENTRY_TIME			60
#define BEGIN_TIME			12000
#define KEY_TIME			0.25
#define SIGNATURE_TIME		1.0
#define MATCH_TIME			100
#define RETURN_TIME			1000
#define RETURN_TOAST_TIME	1500

/*
 * The index scans of a path: itself, or those of its bitmap.
 */
static List *
find_index_scans(Path *path)
{
	List	   *below = NIL;
	List	   *scans = NIL;
	ListCell   *cell;

	if (IsA(path, IndexPath))
		return list_make1(path);
	if (IsA(path, BitmapHeapPath))
		return find_index_scans(((BitmapHeapPath *) path)->bitmapqual);
	if (IsA(path, BitmapAndPath))
		below = ((BitmapAndPath *) path)->bitmapquals;
	else if (IsA(path, BitmapOrPath))
		below = ((BitmapOrPath *) path)->bitmapquals;
	foreach(cell, below)
		scans = list_concat(scans, find_index_scans(lfirst(cell)));
	return scans;
}

/*
 * The time that the fastest path of other indexes takes to give all rows, and
 * what the planner takes for its cost; infinity if there is none.
 */
static double
estimate_rival(RelOptInfo *rel, double fetch_time, Cost *cost)
{
	double		best = get_float8_infinity();
	ListCell   *cell;

	*cost = best;

	foreach(cell, rel->pathlist)
	{
		Path	   *path = lfirst(cell);
		List	   *scans;
		ListCell   *scan;
		double		rows;
		double		entries = 0;
		double		time;

		if (path->param_info != NULL || !(IsA(path, BitmapHeapPath) ? enable_bitmapscan :
										  IsA(path, IndexPath) && enable_indexscan))
			continue;
		scans = find_index_scans(path);
		foreach(scan, scans)
		{
			IndexPath  *index_path = lfirst_node(IndexPath, scan);

			if (vx_am_is_our_index(index_path->indexinfo))
				break;
			entries += index_path->indexselectivity * index_path->indexinfo->tuples;
		}
		if (scan != NULL)
			continue;
		rows = entries;
		if (IsA(path, BitmapHeapPath))
		{
			Cost		find;
			Selectivity selectivity;

			cost_bitmap_tree_node(((BitmapHeapPath *) path)->bitmapqual, &find, &selectivity);
			rows = selectivity * rel->tuples;
		}
		time = rows * fetch_time + entries * ENTRY_TIME;
		if (time < best)
		{
			best = time;
			*cost = path->total_cost;
		}
	}
	return best;
}

/*
 * The time of an ordered path of ours with conditions on columns; -1 for one
 * without, and where what is needed does not fit into memory.
 */
static double
estimate_ours(PlannerInfo *root, RelOptInfo *rel, IndexPath *path, bool toasted)
{
	IndexOptInfo *index = path->indexinfo;
	List	   *quals = NIL;
	double		time = BEGIN_TIME;
	double		matches;
	ListCell   *cell;

	if (path->path.param_info != NULL ||
		(double) index->pages + rel->pages > effective_cache_size)
		return -1;
	foreach(cell, path->indexclauses)
	{
		IndexClause *clause = lfirst_node(IndexClause, cell);

		if (clause->indexcol == 0)
			continue;
		quals = list_concat(quals, clause->indexquals);
		if (index->opcintype[clause->indexcol] == ANYARRAYOID ||
			index->opcintype[clause->indexcol] == JSONBOID)
			time += index->tuples * SIGNATURE_TIME;
		else
			time += index->tuples * KEY_TIME;
	}
	if (quals == NIL)
		return -1;
	matches = index->tuples *
		clauselist_selectivity(root, quals, rel->relid, JOIN_INNER, NULL);
	time += matches * MATCH_TIME;
	if (root->limit_tuples > 0)
		matches = Min(matches, root->limit_tuples);
	return time + matches * (RETURN_TIME + (toasted ? RETURN_TOAST_TIME : 0));
}

/*
 * Take away ordered paths of ours with conditions that are slower than a B-tree or
 * GIN and a sort, and see that the others cost less than that.
 */
void
vx_am_weigh_rivals(PlannerInfo *root, RelOptInfo *rel)
{
	bool		toasted = false;
	double		rival = -1;
	Cost		rival_cost = 0;
	int			i;

	if (!enable_sort)
		return;
	for (i = 0; i < 2; i++)
	{
		List	  **paths = i == 0 ? &rel->pathlist : &rel->partial_pathlist;
		ListCell   *cell;

		foreach(cell, *paths)
		{
			Path	   *path = lfirst(cell);
			double		ours;
			Cost		most;

			if (!IsA(path, IndexPath) || ((IndexPath *) path)->indexorderbys == NIL ||
				!vx_am_is_our_index(((IndexPath *) path)->indexinfo))
				continue;
			if (rival < 0)
			{
				toasted = vx_am_is_toasted(root, ((IndexPath *) path)->indexinfo);
				rival = estimate_rival(rel, FETCH_TIME + (toasted ? FETCH_TOAST_TIME : 0),
									   &rival_cost);
			}
			ours = estimate_ours(root, rel, (IndexPath *) path, toasted);
			if (ours > rival)
			{
				*paths = foreach_delete_current(*paths, cell);
				continue;
			}
			if (ours < 0 || isinf(rival) || !enable_indexscan)
				continue;
			most = rival_cost * ours / rival;
			if (path->total_cost > most)
			{
				path->startup_cost *= most / path->total_cost;
				path->total_cost = most;
			}
		}
	}
}
