/*-------------------------------------------------------------------------
 *
 * am_planner_filter.c
 *	  Planner support for conditions on columns after the vector: what
 *	  planners do not do by themselves.
 *
 * - They give an index path either an order or a condition "column = ANY
 *	 (array)" on a column after the first, never both: here such conditions
 *	 are added to the ordered paths.
 * - 15 knows conditions on bool columns ("flag", "NOT flag") for its own
 *	 operator families only: here they are written as comparisons, for indexes
 *	 to see.
 * - All of them know "constant = ANY (array)" for a column that is compared
 *	 with an array, not for one that is the array: here it is written as
 *	 "array @> ARRAY[constant]".
 *
 * Other conditions of a path stay as they are, and whatever is added here is a
 * clause of the query: rows are the same with or without it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "am/am_column.h"
#include "am/am_index.h"
#include "base/base_compat.h"

/*
 * The column after the first that "column = ANY (array)" is a condition on, or
 * 0: the clause is no such thing.
 */
static int
find_array_column(PlannerInfo *root, IndexOptInfo *index, const RestrictInfo *restriction)
{
	ScalarArrayOpExpr *clause = (ScalarArrayOpExpr *) restriction->clause;
	int			i;

	if (!IsA(clause, ScalarArrayOpExpr) || !clause->useOr || restriction->pseudoconstant ||
		!restriction_is_securely_promotable((RestrictInfo *) restriction, index->rel) ||
		!is_pseudo_constant_for_index(root, lsecond(clause->args), index))
		return 0;
	for (i = 1; i < index->nkeycolumns; i++)
	{
		if (match_index_to_operand(linitial(clause->args), i, index) &&
			(!OidIsValid(index->indexcollations[i]) ||
			 index->indexcollations[i] == clause->inputcollid) &&
			op_in_opfamily(clause->opno, index->opfamily[i]))
			return i;
	}
	return 0;
}

/*
 * A path's conditions, with those of the list that it lacks; NIL if it has
 * them all.  The planner wants them in order of columns.
 */
static List *
add_array_clauses(PlannerInfo *root, const IndexPath *path)
{
	IndexOptInfo *index = path->indexinfo;
	List	   *clauses = list_copy(path->indexclauses);
	bool		added = false;
	ListCell   *cell;

	foreach(cell, index->indrestrictinfo)
	{
		RestrictInfo *restriction = lfirst_node(RestrictInfo, cell);
		int			column = find_array_column(root, index, restriction);
		IndexClause *clause;
		ListCell   *other;
		int			place = 0;

		if (column == 0)
			continue;
		foreach(other, path->indexclauses)
		{
			if (lfirst_node(IndexClause, other)->rinfo == restriction)
				break;
		}
		if (other != NULL)
			continue;
		clause = makeNode(IndexClause);
		clause->rinfo = restriction;
		clause->indexquals = list_make1(restriction);
		clause->indexcol = column;
		while (place < list_length(clauses) &&
			   list_nth_node(IndexClause, clauses, place)->indexcol <= column)
			place++;
		clauses = list_insert_nth(clauses, place, clause);
		added = true;
	}
	return added ? clauses : NIL;
}

static void
add_array_paths(PlannerInfo *root, RelOptInfo *rel, List *paths, bool partial)
{
	ListCell   *cell;

	foreach(cell, paths)
	{
		IndexPath  *path = (IndexPath *) lfirst(cell);
		IndexPath  *better;
		List	   *clauses;

		/* Adding a path may have freed this one. */
		if (!list_member_ptr(partial ? rel->partial_pathlist : rel->pathlist, path))
			continue;
		if (!IsA(path, IndexPath) || path->indexorderbys == NIL ||
			!vx_am_is_our_index(path->indexinfo))
			continue;
		clauses = add_array_clauses(root, path);
		if (clauses == NIL)
			continue;
		better = create_index_path(root, path->indexinfo, clauses, path->indexorderbys,
								   path->indexorderbycols, path->path.pathkeys,
								   path->indexscandir, false, PATH_REQ_OUTER(&path->path),
								   1.0, partial);

		/*
		 * It takes the other's place, as with any condition that an index
		 * knows.
		 */
		if (!partial)
		{
			rel->pathlist = list_delete_ptr(rel->pathlist, path);
			add_path(rel, (Path *) better);
		}
		else if (better->path.parallel_workers > 0)
		{
			rel->partial_pathlist = list_delete_ptr(rel->partial_pathlist, path);
			add_partial_path(rel, (Path *) better);
		}
	}
}

void
vx_am_add_array_paths(PlannerInfo *root, RelOptInfo *rel)
{
	if (VX_PLANNER_SPLITS_ORDER_AND_ARRAYS)
	{
		add_array_paths(root, rel, list_copy(rel->pathlist), false);
		add_array_paths(root, rel, list_copy(rel->partial_pathlist), true);
	}
}

/*
 * "flag" or "NOT flag" on a column after the first, as a comparison; NULL if
 * the clause is no such thing.
 */
Expr *
vx_am_make_bool_clause(IndexOptInfo *index, const RestrictInfo *restriction)
{
	Node	   *operand = (Node *) restriction->clause;
	bool		value = true;
	int			i;

	if (!VX_PLANNER_IGNORES_BOOL_FAMILIES || !vx_am_is_our_index(index))
		return NULL;
	if (is_notclause(operand))
	{
		operand = (Node *) get_notclausearg((Expr *) operand);
		value = false;
	}
	else if (IsA(operand, BooleanTest))
	{
		BooleanTest *test = (BooleanTest *) operand;

		if (test->booltesttype != IS_TRUE && test->booltesttype != IS_FALSE)
			return NULL;
		operand = (Node *) test->arg;
		value = test->booltesttype == IS_TRUE;
	}
	if (exprType(operand) != BOOLOID)
		return NULL;
	for (i = 1; i < index->nkeycolumns; i++)
	{
		if (match_index_to_operand(operand, i, index) &&
			op_in_opfamily(BooleanEqualOperator, index->opfamily[i]))
			return make_opclause(BooleanEqualOperator, BOOLOID, false, (Expr *) operand,
								 (Expr *) makeBoolConst(value, false), InvalidOid, InvalidOid);
	}
	return NULL;
}

/*
 * Of an array whose elements are only called by the name of another type, as
 * varchar's are that are compared as text: the array itself.
 */
static Node *
strip_element_relabel(Node *array)
{
	ArrayCoerceExpr *coercion = (ArrayCoerceExpr *) array;
	RelabelType *element;

	if (!IsA(array, ArrayCoerceExpr))
		return array;
	element = (RelabelType *) coercion->elemexpr;
	return IsA(element, RelabelType) && IsA(element->arg, CaseTestExpr) ? (Node *) coercion->arg : array;
}

/*
 * "value = ANY (column)" on a column of arrays after the first, as "column @>
 * ARRAY[value]"; NULL if the clause is no such thing.  Both mean the same but
 * for NULL in place of false.
 */
Expr *
vx_am_make_element_clause(PlannerInfo *root, IndexOptInfo *index, const RestrictInfo *restriction)
{
	ScalarArrayOpExpr *clause = (ScalarArrayOpExpr *) restriction->clause;
	Node	   *value;
	Node	   *column;
	Oid			type;
	Oid			element_type;
	int			i;

	if (!IsA(clause, ScalarArrayOpExpr) || !clause->useOr || !vx_am_is_our_index(index))
		return NULL;
	value = linitial(clause->args);
	column = strip_element_relabel(lsecond(clause->args));
	type = exprType(column);
	element_type = get_element_type(type);
	if (IsA(column, RelabelType) || !OidIsValid(element_type) ||
		!is_pseudo_constant_for_index(root, value, index))
		return NULL;
	if (clause->opno != lookup_type_cache(element_type, TYPECACHE_EQ_OPR)->eq_opr)
	{
		/* Integers of two sizes, as in 5 = ANY (bigints): widen the value. */
		if (get_op_opfamily_strategy(clause->opno, INTEGER_BTREE_FAM_OID) != BTEqualStrategyNumber)
			return NULL;
		value = coerce_to_target_type(NULL, value, exprType(value), element_type, -1,
									  COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
		if (value == NULL)
			return NULL;
	}
	if (column != lsecond(clause->args))
	{
		/*
		 * Their equality is the clause's: so the value may be called as they
		 * are.
		 */
		if (!IsBinaryCoercible(exprType(value), element_type))
			return NULL;
		value = (Node *) makeRelabelType((Expr *) value, element_type, -1, clause->inputcollid,
										 COERCE_IMPLICIT_CAST);
	}
	for (i = 1; i < index->nkeycolumns; i++)
	{
		if (index->opcintype[i] == ANYARRAYOID && match_index_to_operand(column, i, index) &&
			(!OidIsValid(index->indexcollations[i]) ||
			 index->indexcollations[i] == clause->inputcollid))
		{
			ArrayExpr  *array = makeNode(ArrayExpr);
			Oid			contains = get_opfamily_member(index->opfamily[i], ANYARRAYOID, ANYARRAYOID,
													   AM_STRATEGY_CONTAINS);

			if (!OidIsValid(contains))
				return NULL;
			array->array_typeid = type;
			array->array_collid = exprCollation(column);
			array->element_typeid = element_type;
			array->elements = list_make1(value);
			array->location = -1;
			return make_opclause(contains, BOOLOID, false, (Expr *) column, (Expr *)
								 eval_const_expressions(root, (Node *) array),
								 InvalidOid, clause->inputcollid);
		}
	}
	return NULL;
}
