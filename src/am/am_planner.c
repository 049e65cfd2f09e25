/*-------------------------------------------------------------------------
 *
 * am_planner.c
 *	  Planner support: threshold functions and comparisons of distances become
 *	  index conditions, and parallel scans of flat indexes are priced as what
 *	  they are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_am.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "optimizer/restrictinfo.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "am/am_index.h"
#include "type/type_ball.h"

/*
 * What a worker's first look at a page costs, in units of seq_page_cost, and
 * that with huge pages
 */
#define MAP_PAGE_COST 0.03
#define MAP_HUGE_PAGE_COST 0.003

/*
 * Where memory is fast a page of codes takes a quarter of what flat_cost.c says,
 * and starting a worker what parallel_setup_cost says: so much of the costs is
 * there to be saved (flat/README.md has measurements).
 */
#define PASS_SHARE 0.25

static set_rel_pathlist_hook_type previous_pathlist_hook = NULL;
static bool hook_installed = false;

/* amcostestimate of the access method whose partial paths are adjusted */
static void *parallel_cost_estimate = NULL;

/* and of the other one */
static void *serial_cost_estimate = NULL;

bool
vx_am_is_our_index(const IndexOptInfo *index)
{
	return (void *) index->amcostestimate == parallel_cost_estimate ||
		(void *) index->amcostestimate == serial_cost_estimate;
}

bool
vx_am_is_our_index_oid(Oid relid)
{
	Relation	index;
	void	   *cost_estimate;

	/* Index advisors plan with indexes that nobody has created. */
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		return false;
	index = index_open(relid, NoLock);
	cost_estimate = (void *) index->rd_indam->amcostestimate;
	index_close(index, NoLock);
	return cost_estimate == parallel_cost_estimate || cost_estimate == serial_cost_estimate;
}

/* Has this session called one of the handlers? */
bool
vx_am_has_met_index(void)
{
	return hook_installed;
}

/*
 * A function of two arguments in the schema that the given function is in: the
 * extension may live in any schema, and all of it lives in one.  Not by
 * LookupFuncName(), which wants the user to have rights to the schema: whoever
 * uses a view with l2_within() needs none.
 */
static Oid
find_in_schema_of(Oid sibling, const char *name, Oid type1, Oid type2)
{
	Oid			types[2] = {type1, type2};

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(types, 2)),
						   ObjectIdGetDatum(get_func_namespace(sibling)));
}

/* vector_ball(vector, float8) */
static Oid
find_ball_function(Oid sibling, Oid vector_type)
{
	return find_in_schema_of(sibling, "vector_ball", vector_type, FLOAT8OID);
}

/*
 * l2_within(column, query, radius) can use an index whose operator family has
 * a threshold operator for the column.  Which metric the operator belongs to
 * is told by its name: the functions and operators are made in pairs.
 */
static List *
make_index_condition(SupportRequestIndexCondition *request)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	Node	   *column;
	Node	   *query;
	Node	   *radius;
	Oid			vector_type;
	Oid			ball_type;
	Oid			ball_function;
	Oid			operator;
	Expr	   *ball;

	if (!IsA(call, FuncExpr) || list_length(call->args) != 3 || request->indexarg != 0)
		return NIL;
	column = linitial(call->args);
	query = lsecond(call->args);
	radius = lthird(call->args);
	if (!is_pseudo_constant_for_index(request->root, query, request->index) ||
		!is_pseudo_constant_for_index(request->root, radius, request->index))
		return NIL;

	vector_type = exprType(column);
	ball_function = find_ball_function(call->funcid, vector_type);
	if (!OidIsValid(ball_function))
		return NIL;
	ball_type = get_func_rettype(ball_function);

	operator = get_opfamily_member(request->opfamily, vector_type, ball_type,
								   AM_STRATEGY_WITHIN);
	if (!OidIsValid(operator) ||
		get_opcode(operator) != vx_am_ball_sibling(call->funcid, vector_type, ball_type))
		return NIL;

	ball = (Expr *) makeFuncExpr(ball_function, ball_type, list_make2(query, radius),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	request->lossy = true;
	return list_make1(make_opclause(operator, BOOLOID, false, (Expr *) column, ball,
									InvalidOid, InvalidOid));
}

/*
 * The operator function that belongs to a threshold function: the one of the
 * same name with (vector, vector_ball).
 */
Oid
vx_am_ball_sibling(Oid function, Oid vector_type, Oid ball_type)
{
	return find_in_schema_of(function, get_func_name(function), vector_type, ball_type);
}

/*
 * Selectivity of l2_within and its sisters, as of the operator with a ball.
 */
static bool
estimate_selectivity(SupportRequestSelectivity *request)
{
	Node	   *query;
	Node	   *radius;
	Oid			vector_type;
	Oid			ball_function;
	Oid			ball_type;
	Oid			function;
	Oid			operator = InvalidOid;
	List	   *args;
	CatCList   *candidates;
	int			i;

	if (request->is_join || list_length(request->args) != 3)
		return false;
	query = estimate_expression_value(request->root, lsecond(request->args));
	radius = estimate_expression_value(request->root, lthird(request->args));
	if (!IsA(query, Const) || !IsA(radius, Const) ||
		((Const *) query)->constisnull || ((Const *) radius)->constisnull)
	{
		/* What the operator assumes of a value it does not know */
		request->selectivity = DEFAULT_MATCHING_SEL;
		return true;
	}

	vector_type = exprType(linitial(request->args));
	ball_function = find_ball_function(request->funcid, vector_type);
	if (!OidIsValid(ball_function))
		return false;
	ball_type = get_func_rettype(ball_function);
	function = vx_am_ball_sibling(request->funcid, vector_type, ball_type);
	if (!OidIsValid(function))
		return false;

	/* The operator over that function */
	{
		static const char *const names[] = {"<->@", "<#>@", "<=>@", "<+>@"};

		for (i = 0; i < lengthof(names) && !OidIsValid(operator); i++)
		{
			Oid			candidate;

			candidates = SearchSysCacheList3(OPERNAMENSP, CStringGetDatum(names[i]),
											 ObjectIdGetDatum(vector_type),
											 ObjectIdGetDatum(ball_type));
			if (candidates->n_members > 0)
			{
				candidate = ((Form_pg_operator)
							 GETSTRUCT(&candidates->members[0]->tuple))->oid;
				if (get_opcode(candidate) == function)
					operator = candidate;
			}
			ReleaseCatCacheList(candidates);
		}
	}
	if (!OidIsValid(operator))
		return false;

	args = list_make2(linitial(request->args),
					  estimate_expression_value(request->root, (Node *)
												makeFuncExpr(ball_function, ball_type,
															 list_make2(query, radius),
															 InvalidOid, InvalidOid,
															 COERCE_EXPLICIT_CALL)));
	request->selectivity = restriction_selectivity(request->root, operator, args,
												   request->inputcollid, request->varRelid);
	return true;
}

/* Does a kind of the column's sample hold vectors of other dimensions? */
static bool
has_other_dims(const VariableStatData *column, int kind, int dims)
{
	AttStatsSlot slot;
	bool		found = false;
	int			i;

	if (!get_attstatsslot(&slot, column->statsTuple, kind, InvalidOid, ATTSTATSSLOT_VALUES))
		return false;
	for (i = 0; i < slot.nvalues && !found; i++)
		found = vx_type_count_dims(slot.values[i]) != dims;
	free_attstatsslot(&slot);
	return found;
}

/*
 * Selectivity of the threshold operators.  The sample, to which matchingsel()
 * applies the operator, can hold vectors that the operator refuses: of rows
 * that other conditions leave out, or that are gone by now.
 */
PG_FUNCTION_INFO_V1(vecext_vector_ball_sel);
Datum
vecext_vector_ball_sel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	int			var_relid = PG_GETARG_INT32(3);
	VariableStatData column;
	Node	   *ball;
	bool		column_on_left;
	bool		refused = false;

	/* "<->@ ANY" of many asks for each of them. */
	CHECK_FOR_INTERRUPTS();
	if (get_restriction_variable(root, args, var_relid, &column, &ball, &column_on_left))
	{
		if (column_on_left && IsA(ball, Const) && !((Const *) ball)->constisnull &&
			HeapTupleIsValid(column.statsTuple) &&
			statistic_proc_security_check(&column, get_opcode(operator)))
		{
			VectorBall *value = DatumGetVectorBall(((Const *) ball)->constvalue);
			int			dims = vx_type_ball_center(value)->dim;

			refused = has_other_dims(&column, STATISTIC_KIND_MCV, dims) ||
				has_other_dims(&column, STATISTIC_KIND_HISTOGRAM, dims);
		}
		ReleaseVariableStats(column);
	}
	if (refused)
		PG_RETURN_FLOAT8(DEFAULT_MATCHING_SEL);
	PG_RETURN_FLOAT8(generic_restriction_selectivity(root, operator, PG_GET_COLLATION(), args,
													 var_relid, DEFAULT_MATCHING_SEL));
}

/* Planner support function of l2_within, ip_within, cosine_within, l1_within */
PG_FUNCTION_INFO_V1(vecext_within_support);
Datum
vecext_within_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(make_index_condition((SupportRequestIndexCondition *) request));
	if (IsA(request, SupportRequestSelectivity) &&
		estimate_selectivity((SupportRequestSelectivity *) request))
		PG_RETURN_POINTER(request);
	PG_RETURN_POINTER(NULL);
}

/*
 * A worker has none of the shared buffers in its page tables: each page of
 * codes costs it a part of a fault, without huge pages about as much as reading
 * the page.  Only 17 and later tell what "try" has come to.
 */
static Cost
get_map_page_cost(void)
{
	const char *status = GetConfigOption("huge_pages_status", true, false);

	if (status == NULL)
		status = GetConfigOption("huge_pages", true, false);
	return status != NULL && strcmp(status, "on") == 0 ? MAP_HUGE_PAGE_COST : MAP_PAGE_COST;
}

/*
 * An ordered flat scan reads all codes before its first row.  The planner
 * divides only what comes after the first row among parallel workers, so a
 * partial path looks as slow as a serial one.  Here its startup cost is
 * divided, too, with the number of workers that the planner has chosen.
 */
static void
divide_startup_cost(IndexPath *path)
{
	double		divisor = path->path.parallel_workers;
	Cost		saved;

	if (parallel_leader_participation)
		divisor += Max(1.0 - 0.3 * path->path.parallel_workers, 0);
	if (divisor <= 1)
		return;
	saved = path->indextotalcost * (1 - 1 / divisor);
	saved = Min(saved, path->path.startup_cost * (1 - 1 / divisor));
	saved = saved * PASS_SHARE -
		path->indexinfo->pages * get_map_page_cost() * seq_page_cost / divisor;
	path->path.startup_cost -= saved;
	path->path.total_cost -= saved;
}

/*
 * "column <-> query < radius" or "<= radius", written either way around, as an
 * index knows it: "column <->@ vector_ball(query, radius)", which is true of all
 * rows that meet the clause.  NULL if the clause is no such thing.
 *
 * The radius must be a known number.  NaN is above every distance for a
 * comparison, and no distance is within it for a ball.
 */
static Expr *
make_ball_clause(PlannerInfo *root, IndexOptInfo *index, const RestrictInfo *restriction)
{
	OpExpr	   *comparison = (OpExpr *) restriction->clause;
	OpExpr	   *distance;
	Const	   *radius;
	Node	   *column;
	Node	   *query;
	Oid			vector_type = index->opcintype[0];
	Oid			ball_function;
	Oid			ball_type;
	Oid			operator;

	if (!IsA(comparison, OpExpr) || list_length(comparison->args) != 2)
		return NULL;
	if (comparison->opfuncid == F_FLOAT8LT || comparison->opfuncid == F_FLOAT8LE)
	{
		distance = linitial(comparison->args);
		radius = lsecond(comparison->args);
	}
	else if (comparison->opfuncid == F_FLOAT8GT || comparison->opfuncid == F_FLOAT8GE)
	{
		distance = lsecond(comparison->args);
		radius = linitial(comparison->args);
	}
	else
		return NULL;
	if (!IsA(radius, Const) || radius->constisnull || isnan(DatumGetFloat8(radius->constvalue)) ||
		!IsA(distance, OpExpr) || distance->opno !=
		get_opfamily_member(index->opfamily[0], vector_type, vector_type, AM_STRATEGY_DISTANCE))
		return NULL;

	column = linitial(distance->args);
	query = lsecond(distance->args);
	if (!match_index_to_operand(column, 0, index))
	{
		column = lsecond(distance->args);
		query = linitial(distance->args);
		if (!match_index_to_operand(column, 0, index))
			return NULL;
	}
	if (!is_pseudo_constant_for_index(root, query, index))
		return NULL;

	ball_function = find_ball_function(distance->opfuncid, vector_type);
	if (!OidIsValid(ball_function))
		return NULL;
	ball_type = get_func_rettype(ball_function);
	operator = get_opfamily_member(index->opfamily[0], vector_type, ball_type,
								   AM_STRATEGY_WITHIN);
	if (!OidIsValid(operator))
		return NULL;
	return make_opclause(operator, BOOLOID, false, (Expr *) column, (Expr *)
						 makeFuncExpr(ball_function, ball_type, list_make2(query, radius),
									  InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
						 InvalidOid, InvalidOid);
}

/*
 * The paths without those of an index: create_index_paths makes them again,
 * with the clauses that it is shown by then.
 */
static List *
without_paths_of(List *paths, const IndexOptInfo *index)
{
	ListCell   *cell;

	foreach(cell, paths)
	{
		IndexPath  *path = (IndexPath *) lfirst(cell);

		if (IsA(path, IndexPath) && path->indexinfo == index)
			paths = foreach_delete_current(paths, cell);
	}
	return paths;
}

/*
 * Plan anew with the conditions that make_ball_clause finds, if there are any,
 * and those on bool columns and on arrays that the planner does not know of.
 * A comparison of distances is a condition of float8, and the planner asks no
 * support function whether there is more to it.
 *
 * The clauses are shown to the indexes, not to the table: what a path does not
 * use is not evaluated, and the comparisons stay as filters.
 *
 * A path without a ball may be the better one, where the nearest rows are asked
 * for and all of them are within.  One that leaves a filter to the executor is
 * not, as with every other condition that an index knows: such paths go, for
 * their first rows are priced as if the rows that pass were anywhere.
 */
static void
add_threshold_paths(PlannerInfo *root, RelOptInfo *rel)
{
	List	   *saved = NIL;
	bool		found = false;
	ListCell   *cell;
	ListCell   *restriction_cell;

	foreach(cell, rel->indexlist)
	{
		IndexOptInfo *index = (IndexOptInfo *) lfirst(cell);
		List	   *clauses = index->indrestrictinfo;

		saved = lappend(saved, clauses);
		if (!index->amcanorderbyop)
			continue;
		foreach(restriction_cell, clauses)
		{
			RestrictInfo *restriction = (RestrictInfo *) lfirst(restriction_cell);
			Expr	   *clause = make_ball_clause(root, index, restriction);
			bool		ball = clause != NULL;

			if (clause == NULL)
				clause = vx_am_make_bool_clause(index, restriction);
			if (clause == NULL)
				clause = vx_am_make_element_clause(root, index, restriction);
			if (clause != NULL)
			{
				RestrictInfo *shown = make_simple_restrictinfo(root, clause);

				shown->security_level = restriction->security_level;
				index->indrestrictinfo = lappend(list_copy(index->indrestrictinfo), shown);
				found = true;
				if (!ball)
				{
					rel->pathlist = without_paths_of(rel->pathlist, index);
					rel->partial_pathlist = without_paths_of(rel->partial_pathlist, index);
				}
			}
		}
	}
	if (!found)
		return;

	create_index_paths(root, rel);
	forboth(cell, rel->indexlist, restriction_cell, saved)
		((IndexOptInfo *) lfirst(cell))->indrestrictinfo = lfirst(restriction_cell);
}

static bool
is_path_of_more_distances(const Path *path)
{
	return IsA(path, IndexPath) && list_length(((IndexPath *) path)->indexorderbys) > 1 &&
		vx_am_is_our_index(((IndexPath *) path)->indexinfo);
}

/*
 * A row that comes in order of two distances has been through a queue of the
 * executor, where many servers lose its ctid: FOR UPDATE fails, and whatever
 * else asks for it gets a wrong one.  True if that matters here.
 */
static bool
loses_ctid(RelOptInfo *rel)
{
	Bitmapset  *columns = NULL;
	ListCell   *cell;

	foreach(cell, rel->pathlist)
	{
		if (is_path_of_more_distances(lfirst(cell)))
			break;
	}
	if (cell == NULL)
		return false;
	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &columns);
	foreach(cell, rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, cell)->clause, rel->relid, &columns);
	return bms_is_member(SelfItemPointerAttributeNumber - FirstLowInvalidHeapAttributeNumber,
						 columns);
}

/*
 * Plan such a table anew, in order of the first distance only; the rest of the
 * order is the planner's to sort.  What had been found dearer than the paths
 * that go is made again.
 */
static void
replace_paths_of_more_distances(PlannerInfo *root, RelOptInfo *rel)
{
	ListCell   *cell;

	foreach(cell, rel->pathlist)
	{
		if (is_path_of_more_distances(lfirst(cell)))
			rel->pathlist = foreach_delete_current(rel->pathlist, cell);
	}
	foreach(cell, rel->partial_pathlist)
	{
		if (is_path_of_more_distances(lfirst(cell)))
			rel->partial_pathlist = foreach_delete_current(rel->partial_pathlist, cell);
	}
	root->query_pathkeys = list_make1(linitial(root->query_pathkeys));
	add_path(rel, create_seqscan_path(root, rel, rel->lateral_relids, 0));
	create_index_paths(root, rel);
	create_tidscan_paths(root, rel);
}

/*
 * The planner does not ask whether ORDER BY expressions of an index path are
 * parallel safe, since no access method of its own has both these and parallel
 * scans.  They may hold parameters of an outer query that workers never get to
 * see: such a path must not be used.
 */
static void
adjust_paths(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	ListCell   *cell;

	if (previous_pathlist_hook)
		previous_pathlist_hook(root, rel, rti, rte);

	/* Parents of partitions have indexes, too, for other ends. */
	if (rte->rtekind == RTE_RELATION && !rte->inh && rte->tablesample == NULL &&
		!IS_DUMMY_REL(rel))
	{
		List	   *pathkeys = root->query_pathkeys;

		if (loses_ctid(rel))
			replace_paths_of_more_distances(root, rel);
		add_threshold_paths(root, rel);
		vx_am_add_array_paths(root, rel);
		vx_am_weigh_rivals(root, rel);
		root->query_pathkeys = pathkeys;
	}

	foreach(cell, rel->partial_pathlist)
	{
		IndexPath  *path = (IndexPath *) lfirst(cell);

		if (!IsA(path, IndexPath) || path->indexorderbys == NIL ||
			(void *) path->indexinfo->amcostestimate != parallel_cost_estimate)
			continue;
		if (is_parallel_safe(root, (Node *) path->indexorderbys))
			divide_startup_cost(path);
		else
			rel->partial_pathlist = foreach_delete_current(rel->partial_pathlist, cell);
	}
}

/*
 * Called by the handlers: planning with one of our indexes has read its
 * handler first, so the hook is there whenever it can matter.  Its indexes are
 * known by its cost_estimate; parallel tells whether it has parallel scans.
 */
void
vx_am_install_planner_hook(void *cost_estimate, bool parallel)
{
	if (parallel)
		parallel_cost_estimate = cost_estimate;
	else
		serial_cost_estimate = cost_estimate;
	if (hook_installed)
		return;
	previous_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = adjust_paths;
	hook_installed = true;
}
