/*-------------------------------------------------------------------------
 *
 * context_condition.c
 *	  context_condition(): is a text one SQL expression?
 *
 * context_search() puts a condition of the caller's into its statement.  It may
 * do what the caller may do, but it must stay within its parentheses: else a
 * condition as "true) OR (true" would undo those beside it, the tenant's among
 * them.  So the server's own grammar reads it alone first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "context/context.h"

/* Is there a parameter?  It would mean one of context_search()'s. */
static bool
has_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		return true;
	return raw_expression_tree_walker(node, has_parameter, context);
}

/* Is it nothing but SELECT and one expression, without a name? */
static bool
is_expression(const SelectStmt *select)
{
	const ResTarget *target;

	if (list_length(select->targetList) != 1 || select->distinctClause != NIL ||
		select->fromClause != NIL || select->whereClause != NULL || select->groupClause != NIL ||
		select->havingClause != NULL || select->windowClause != NIL || select->sortClause != NIL ||
		select->limitOffset != NULL || select->limitCount != NULL || select->lockingClause != NIL ||
		select->op != SETOP_NONE)
		return false;
	target = linitial_node(ResTarget, select->targetList);
	return target->name == NULL && target->indirection == NIL;
}

PG_FUNCTION_INFO_V1(vecext_context_condition);
Datum
vecext_context_condition(PG_FUNCTION_ARGS)
{
	char	   *condition = text_to_cstring(PG_GETARG_TEXT_PP(0));

	/* what may follow SELECT */
	List	   *parsed = raw_parser(condition, RAW_PARSE_PLPGSQL_EXPR);
	Node	   *statement = linitial_node(RawStmt, parsed)->stmt;

	if (list_length(parsed) != 1 || !IsA(statement, SelectStmt) ||
		!is_expression((SelectStmt *) statement))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("condition must be one SQL expression")));
	if (has_parameter(statement, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_PARAMETER),
				 errmsg("condition must not contain parameters")));

	/* a comment at its end ends with the line */
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s\n", condition)));
}
