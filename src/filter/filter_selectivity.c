/*-------------------------------------------------------------------------
 *
 * filter_selectivity.c
 *	  How many rows will a filter match?
 *
 * Three sources, the better ones first.  Statistics of an expression that a
 * condition is about, such as an index on (payload ->> 'city') has them:
 * the condition is put as a clause on that expression, and the planner asked.
 * The payloads that ANALYZE has kept as common values and histogram: the
 * condition is matched against them.  And defaults.  Conditions are combined
 * as if they were independent, unless the sample has enough matches of the
 * whole filter to tell.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "miscadmin.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/base_compat.h"
#include "filter/filter_compile.h"

/* Payloads of the sample that are looked at; a match takes some 100 ns. */
#define MAX_SAMPLE 200

/* Fewer of the histogram say nothing (as in PostgreSQL's own estimators). */
#define MIN_SAMPLE 10

/* So many matches of the whole filter make the sample's word count. */
#define MIN_SAMPLE_MATCHES 10

/* Values of a list that are estimated one by one; the others are like them. */
#define MAX_LIST_VALUES 50

/*
 * Questions about statistics of expressions that one filter may put; each takes
 * some microseconds to some hundred, by what there are.  Conditions after that
 * are estimated by the sample.
 */
#define MAX_QUESTIONS 1000

/* Where nothing is known; as PostgreSQL's defaults for such operators */
#define DEFAULT_FILTER_SEL 0.01
#define DEFAULT_EMPTY_SEL 0.1
#define LEAST_SEL 0.00001

typedef struct Sample
{
	int			common_count;
	Jsonb	  **common;
	double	   *frequencies;	/* of common values, of all rows */
	double		common_share;	/* their sum */
	int			other_count;	/* 0 or at least MIN_SAMPLE */
	Jsonb	  **others;
	double		null_share;
} Sample;

typedef struct Estimator
{
	PlannerInfo *root;
	int			var_relid;
	Node	   *column;
	double		rows;			/* of the table, or 0 */
	Oid			datetime_function;	/* payload_datetime(), or InvalidOid */
	Filter	   *filter;
	Sample		sample;
	int			condition_count;	/* estimated so far */
	int			questions;		/* put to the planner so far */
	MemoryContext condition_context;	/* reset after each condition */
} Estimator;

static double estimate_group(Estimator *estimator, const FilterNode *group);

static void
read_sample(VariableStatData *column, Oid function, Sample *sample)
{
	AttStatsSlot slot;
	int			step;
	int			i;

	memset(sample, 0, sizeof(*sample));
	if (!HeapTupleIsValid(column->statsTuple))
		return;
	sample->null_share = ((Form_pg_statistic) GETSTRUCT(column->statsTuple))->stanullfrac;
	if (!statistic_proc_security_check(column, function))
		return;

	if (get_attstatsslot(&slot, column->statsTuple, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		sample->common = palloc(sizeof(Jsonb *) * Max(slot.nvalues, 1));
		sample->frequencies = palloc(sizeof(double) * Max(slot.nvalues, 1));
		/* The most common come first. */
		for (i = 0; i < slot.nvalues && i < slot.nnumbers && i < MAX_SAMPLE; i++)
		{
			sample->common[i] = DatumGetJsonbPCopy(slot.values[i]);
			sample->frequencies[i] = slot.numbers[i];
			sample->common_share += slot.numbers[i];
		}
		sample->common_count = i;
		free_attstatsslot(&slot);
	}
	if (get_attstatsslot(&slot, column->statsTuple, STATISTIC_KIND_HISTOGRAM, InvalidOid,
						 ATTSTATSSLOT_VALUES))
	{
		if (slot.nvalues >= MIN_SAMPLE)
		{
			sample->others = palloc(sizeof(Jsonb *) * MAX_SAMPLE);
			step = (slot.nvalues + MAX_SAMPLE - 1) / MAX_SAMPLE;
			for (i = 0; i < slot.nvalues; i += step)
				sample->others[sample->other_count++] = DatumGetJsonbPCopy(slot.values[i]);
		}
		free_attstatsslot(&slot);
	}
}

/*
 * The share of payloads, without NULLs, that match a condition; -1 if the
 * sample does not tell.  *matches gets how many of the histogram do, *most the
 * share that there may be at most (two or three standard deviations).
 */
static double
estimate_by_sample(Estimator *estimator, const FilterNode *node, int *matches, double *most)
{
	const Sample *sample = &estimator->sample;
	double		present = 1 - sample->null_share;
	double		others = present - sample->common_share;
	double		share = 0;
	int			i;

	*matches = 0;
	*most = 1;
	/* Common values alone are enough if there are hardly any others. */
	if (present <= 0 || (sample->other_count == 0 && others > 0.1 * present))
		return -1;
	for (i = 0; i < sample->common_count; i++)
	{
		if (vx_filter_matches_condition(estimator->filter, node, sample->common[i]))
			share += sample->frequencies[i];
	}
	for (i = 0; i < sample->other_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (vx_filter_matches_condition(estimator->filter, node, sample->others[i]))
			(*matches)++;
	}
	*most = share;
	if (sample->other_count > 0 && others > 0)
	{
		double		part = others / sample->other_count;

		/* None of 100 may still be one of 200. */
		share += part * (*matches > 0 ? *matches : 0.5);
		*most += part * (*matches + 3 + 2 * sqrt(*matches));
	}
	*most /= present;
	CLAMP_PROBABILITY(*most);
	share /= present;
	CLAMP_PROBABILITY(share);
	return share;
}

static Oid
find_operator(const char *name, Oid left, Oid right)
{
	return OpernameGetOprid(list_make2(makeString("pg_catalog"), makeString(pstrdup(name))),
							left, right);
}

static Expr *
make_text_constant(const char *bytes, int length)
{
	return (Expr *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
							  PointerGetDatum(cstring_to_text_with_len(bytes, length)),
							  false, false);
}

/* column -> 'a' -> 'b', or with ->> at the end; NULL if the path has arrays */
static Expr *
make_path_expression(Estimator *estimator, const FilterPath *path, bool as_text)
{
	Expr	   *expression = (Expr *) estimator->column;
	int			i;

	for (i = 0; i < path->count; i++)
	{
		bool		text_now = as_text && i == path->count - 1;
		Oid			operator = find_operator(text_now ? "->>" : "->", JSONBOID, TEXTOID);

		if (path->steps[i].kind != FILTER_STEP_KEY || !OidIsValid(operator))
			return NULL;
		expression = make_opclause(operator, text_now ? TEXTOID : JSONBOID, false, expression,
								   make_text_constant(path->steps[i].key.bytes,
													  path->steps[i].key.length),
								   text_now ? DEFAULT_COLLATION_OID : InvalidOid,
								   DEFAULT_COLLATION_OID);
	}
	return expression;
}

/* Are there statistics of the expression, by an index or extended ones? */
static bool
has_statistics(Estimator *estimator, Expr *expression)
{
	VariableStatData variable;
	bool		has;

	if (expression == NULL)
		return false;
	estimator->questions++;
	examine_variable(estimator->root, (Node *) expression, estimator->var_relid, &variable);
	has = HeapTupleIsValid(variable.statsTuple);
	ReleaseVariableStats(variable);
	return has;
}

/* expression operator constant */
static Expr *
make_clause(Expr *expression, const char *operator, Oid type, Datum value)
{
	int16		length;
	bool		by_value;
	Oid			collation = type == TEXTOID ? DEFAULT_COLLATION_OID : InvalidOid;

	get_typlenbyval(type, &length, &by_value);
	return make_opclause(find_operator(operator, type, type), BOOLOID, false, expression,
						 (Expr *) makeConst(type, -1, collation, length, value, false, by_value),
						 InvalidOid, collation);
}

static double
ask_planner(Estimator *estimator, List *clauses)
{
	CHECK_FOR_INTERRUPTS();
	estimator->questions++;
	return clauselist_selectivity(estimator->root, clauses, estimator->var_relid, JOIN_INNER, NULL);
}

/* What people cast payload ->> 'n' and payload -> 'n' to, to index it */
static const struct
{
	Oid			type;
	Oid			jsonb_function;
}			number_types[] = {
	{NUMERICOID, F_NUMERIC_JSONB},
	{FLOAT8OID, F_FLOAT8_JSONB},
	{INT4OID, F_INT4_JSONB},
	{INT8OID, F_INT8_JSONB}
};

/* A number as a constant of such a type; rounding does for an estimate. */
static Datum
convert_number(Numeric number, Oid type)
{
	double		value;

	if (type == NUMERICOID)
		return NumericGetDatum(number);
	value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
	if (type == FLOAT8OID)
		return Float8GetDatum(value);
	value = floor(value);
	if (type == INT4OID)
		return Int32GetDatum((int32) Min(Max(value, (double) PG_INT32_MIN), (double) PG_INT32_MAX));
	/* 2^63 itself is no int64. */
	return Int64GetDatum(value >= 9.2e18 ? PG_INT64_MAX : value <= -9.2e18 ? PG_INT64_MIN : (int64) value);
}

/* The path as a number of a type that has statistics; NULL if none has */
static Expr *
find_number_expression(Estimator *estimator, const FilterPath *path, Oid *type)
{
	int			i;

	for (i = 0; i < lengthof(number_types); i++)
	{
		Expr	   *as_text = make_path_expression(estimator, path, true);
		Expr	   *as_jsonb = make_path_expression(estimator, path, false);
		CoerceViaIO *by_text = makeNode(CoerceViaIO);
		Expr	   *by_jsonb;

		if (as_text == NULL || as_jsonb == NULL)
			return NULL;
		*type = number_types[i].type;
		by_text->arg = as_text;
		by_text->resulttype = *type;
		by_text->coerceformat = COERCE_EXPLICIT_CAST;
		by_text->location = -1;
		if (has_statistics(estimator, (Expr *) by_text))
			return (Expr *) by_text;
		by_jsonb = (Expr *) makeFuncExpr(number_types[i].jsonb_function, *type,
										 list_make1(as_jsonb), InvalidOid, InvalidOid,
										 COERCE_EXPLICIT_CAST);
		if (has_statistics(estimator, by_jsonb))
			return by_jsonb;
	}
	return NULL;
}

static Datum
make_jsonb(const FilterValue *value)
{
	JsonbValue	scalar;

	switch (value->kind)
	{
		case FILTER_VALUE_STRING:
			scalar.type = jbvString;
			scalar.val.string.val = unconstify(char *, value->text.bytes);
			scalar.val.string.len = value->text.length;
			break;
		case FILTER_VALUE_NUMBER:
			scalar.type = jbvNumeric;
			scalar.val.numeric = vx_filter_read_numeric(value->text);
			break;
		case FILTER_VALUE_BOOL:
			scalar.type = jbvBool;
			scalar.val.boolean = value->boolean;
			break;
	}
	return JsonbPGetDatum(JsonbValueToJsonb(&scalar));
}

/* Share of rows with one of the values at the path; -1 if not known */
static double
estimate_values(Estimator *estimator, const FilterPath *path, const FilterValue *values, int count)
{
	Expr	   *as_text = make_path_expression(estimator, path, true);
	Expr	   *as_jsonb = make_path_expression(estimator, path, false);
	int			asked;
	Expr	   *as_number = NULL;
	Oid			number_type = InvalidOid;
	double		share = 0;
	int			i;

	if (as_text == NULL)
		return -1;
	if (count == 0)
		return 0;
	if (!has_statistics(estimator, as_text))
		as_text = NULL;
	if (!has_statistics(estimator, as_jsonb))
		as_jsonb = NULL;
	if (as_text == NULL && as_jsonb == NULL && values[0].kind == FILTER_VALUE_NUMBER)
		as_number = find_number_expression(estimator, path, &number_type);
	if (as_text == NULL && as_jsonb == NULL && as_number == NULL)
		return -1;

	asked = Min(Min(count, MAX_LIST_VALUES), MAX_QUESTIONS - estimator->questions);
	if (asked <= 0)
		return -1;
	for (i = 0; i < asked; i++)
	{
		const FilterValue *value = &values[i];
		Expr	   *clause;

		if (as_jsonb != NULL)
			clause = make_clause(as_jsonb, "=", JSONBOID, make_jsonb(value));
		else if (as_text != NULL)
		{
			const char *bytes = value->kind == FILTER_VALUE_BOOL
				? (value->boolean ? "true" : "false") : value->text.bytes;

			clause = make_clause(as_text, "=", TEXTOID, PointerGetDatum(cstring_to_text(bytes)));
		}
		else
			clause = make_clause(as_number, "=", number_type,
								 convert_number(vx_filter_read_numeric(value->text), number_type));
		share += ask_planner(estimator, list_make1(clause));
	}
	share *= (double) count / asked;
	CLAMP_PROBABILITY(share);
	return share;
}

/* Share of rows within the bounds; -1 if not known */
static double
estimate_range(Estimator *estimator, const FilterNode *node)
{
	static const char *const operators[FILTER_BOUNDS] = {">", ">=", "<", "<="};
	Expr	   *expression;
	Oid			type;
	List	   *clauses = NIL;
	int			i;

	if (node->kind == FILTER_DATETIME_RANGE)
	{
		Expr	   *as_text = make_path_expression(estimator, &node->path, true);

		if (as_text == NULL || !OidIsValid(estimator->datetime_function))
			return -1;
		type = TIMESTAMPTZOID;
		expression = (Expr *) makeFuncExpr(estimator->datetime_function, type, list_make1(as_text),
										   InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
		if (!has_statistics(estimator, expression))
			return -1;
	}
	else
	{
		/* Among jsonb's numbers its order is that of numbers. */
		type = JSONBOID;
		expression = make_path_expression(estimator, &node->path, false);
		if (!has_statistics(estimator, expression))
			expression = find_number_expression(estimator, &node->path, &type);
		if (expression == NULL)
			return -1;
	}

	for (i = 0; i < FILTER_BOUNDS; i++)
	{
		Datum		bound;

		if (!node->bounds[i].present)
			continue;
		if (type == TIMESTAMPTZOID)
			bound = TimestampTzGetDatum(node->bounds[i].number);
		else if (type == JSONBOID)
		{
			FilterValue value = {FILTER_VALUE_NUMBER, false, node->bounds[i].text};

			bound = make_jsonb(&value);
		}
		else
			bound = convert_number(vx_filter_read_numeric(node->bounds[i].text), type);
		clauses = lappend(clauses, make_clause(expression, operators[i], type, bound));
	}
	return clauses == NIL ? -1 : ask_planner(estimator, clauses);
}

static double
get_default(const FilterNode *node)
{
	int			bounds = 0;
	int			i;

	switch (node->kind)
	{
		case FILTER_MATCH_ANY:
			return Min(0.5, DEFAULT_FILTER_SEL * node->value_count);
		case FILTER_MATCH_EXCEPT:
			return 1 - DEFAULT_EMPTY_SEL;
		case FILTER_KEY_IS_EMPTY:
		case FILTER_KEY_IS_NULL:
			return node->flag ? DEFAULT_EMPTY_SEL : 1 - DEFAULT_EMPTY_SEL;
		case FILTER_IS_EMPTY:
		case FILTER_IS_NULL:
			return DEFAULT_EMPTY_SEL;
		case FILTER_RANGE:
		case FILTER_DATETIME_RANGE:
		case FILTER_VALUES_COUNT:
			for (i = 0; i < FILTER_BOUNDS; i++)
				bounds += node->bounds[i].present ? 1 : 0;
			return bounds == 0 ? 1 : bounds == 1 ? DEFAULT_INEQ_SEL : DEFAULT_RANGE_INEQ_SEL * 10;
		default:
			return DEFAULT_FILTER_SEL;
	}
}

/* What the planner knows of the expression that a condition is about, or -1 */
static double
estimate_by_expression(Estimator *estimator, const FilterNode *node)
{
	if (estimator->questions >= MAX_QUESTIONS)
		return -1;
	switch (node->kind)
	{
		case FILTER_MATCH_VALUE:
			return estimate_values(estimator, &node->path, &node->value, 1);
		case FILTER_MATCH_ANY:
			return estimate_values(estimator, &node->path, node->values, node->value_count);
		case FILTER_RANGE:
		case FILTER_DATETIME_RANGE:
			return estimate_range(estimator, node);
		default:
			return -1;
	}
}

static double
estimate_condition(Estimator *estimator, const FilterNode *node)
{
	MemoryContext old_context;
	double		share;
	double		most;
	int			matches;

	CHECK_FOR_INTERRUPTS();
	if (node->kind == FILTER_GROUP)
		return estimate_group(estimator, node);
	estimator->condition_count++;
	switch (node->kind)
	{
		case FILTER_HAS_ID:
			return estimator->rows > 0 ? Min(1, node->id_count / estimator->rows)
				: Min(0.5, DEFAULT_FILTER_SEL * node->id_count);
		case FILTER_SLICE:
			return 1.0 / node->slice_total;
		case FILTER_HAS_VECTOR:
			return 1 - DEFAULT_EMPTY_SEL;
		default:
			break;
	}

	old_context = MemoryContextSwitchTo(estimator->condition_context);
	share = estimate_by_expression(estimator, node);
	if (share < 0)
		share = estimate_by_sample(estimator, node, &matches, &most);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(estimator->condition_context);
	return share < 0 ? get_default(node) : share;
}

/* Chance that at least wanted of the conditions are true */
static double
estimate_at_least(Estimator *estimator, const FilterList *list, int64 wanted)
{
	double	   *chances;		/* of so many being true; the last: or more */
	double		chance;
	int			i;
	int			j;

	if (wanted > list->count)
		return 0;
	chances = palloc0(sizeof(double) * (wanted + 1));
	chances[0] = 1;
	for (i = 0; i < list->count; i++)
	{
		double		share = estimate_condition(estimator, list->nodes[i]);

		chances[wanted] += chances[wanted - 1] * share;
		for (j = (int) wanted - 1; j > 0; j--)
			chances[j] = chances[j] * (1 - share) + chances[j - 1] * share;
		chances[0] *= 1 - share;
	}
	chance = chances[wanted];
	pfree(chances);
	return chance;
}

static double
estimate_group(Estimator *estimator, const FilterNode *group)
{
	double		share = 1;
	int			i;

	for (i = 0; i < group->must.count; i++)
		share *= estimate_condition(estimator, group->must.nodes[i]);
	for (i = 0; i < group->must_not.count; i++)
		share *= 1 - estimate_condition(estimator, group->must_not.nodes[i]);
	if (group->should.count > 0)
		share *= estimate_at_least(estimator, &group->should, 1);
	if (group->min_should.count > 0)
		share *= estimate_at_least(estimator, &group->min_should, group->min_count);
	return share;
}

/* payload_datetime(text) of our own schema, known by a function in it */
static Oid
find_datetime_function(Oid sibling)
{
	Oid			schema = get_func_namespace(sibling);
	Oid			types[1] = {TEXTOID};

	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("payload_datetime"),
						   PointerGetDatum(buildoidvector(types, 1)), ObjectIdGetDatum(schema));
}

/*
 * Selectivity of function(payload, filter, ...), or of the operator that has
 * it.  -1 if the arguments are not a column and a filter known by now.
 */
static double
estimate_filter(PlannerInfo *root, Oid function, List *args, int var_relid)
{
	Estimator	estimator = {0};
	VariableStatData column;
	Node	   *other;
	bool		column_on_left;
	double		share = -1;
	double		sampled;
	double		most;
	int			matches;

	if (!get_restriction_variable(root, list_make2(linitial(args), lsecond(args)), var_relid,
								  &column, &other, &column_on_left))
		return -1;
	if (column_on_left && IsA(other, Const) && ((Const *) other)->constisnull)
		share = 0;
	else if (column_on_left && IsA(other, Const))
	{
		estimator.root = root;
		estimator.var_relid = var_relid;
		estimator.column = column.var;
		estimator.rows = column.rel ? column.rel->tuples : 0;
		estimator.datetime_function = find_datetime_function(function);
		estimator.filter = vx_filter_compile(PG_DETOAST_DATUM_PACKED(((Const *) other)->constvalue),
											 CurrentMemoryContext);
		read_sample(&column, function, &estimator.sample);

		estimator.condition_context = AllocSetContextCreate(CurrentMemoryContext,
															"vecext filter condition",
															ALLOCSET_DEFAULT_SIZES);
		share = estimate_group(&estimator, estimator.filter->root);
		/* How conditions go together is seen in the sample only. */
		if (estimator.condition_count > 1 && estimator.filter->needs_id == NULL &&
			!estimator.filter->needs_vectors)
		{
			sampled = estimate_by_sample(&estimator, estimator.filter->root, &matches, &most);
			if (sampled >= 0)
				share = matches >= MIN_SAMPLE_MATCHES || estimator.sample.other_count == 0
					? sampled : Min(share, most);
		}
		share *= 1 - estimator.sample.null_share;
		share = Max(share, LEAST_SEL);
		CLAMP_PROBABILITY(share);
		vx_filter_free(estimator.filter);
		MemoryContextDelete(estimator.condition_context);
	}
	ReleaseVariableStats(column);
	return share;
}

/* payload_filter_sel(internal, oid, internal, int4): of @~ */
PG_FUNCTION_INFO_V1(vecext_payload_filter_sel);
Datum
vecext_payload_filter_sel(PG_FUNCTION_ARGS)
{
	double		share = estimate_filter((PlannerInfo *) PG_GETARG_POINTER(0),
										get_opcode(PG_GETARG_OID(1)),
										(List *) PG_GETARG_POINTER(2), PG_GETARG_INT32(3));

	PG_RETURN_FLOAT8(share < 0 ? DEFAULT_FILTER_SEL : share);
}

/* payload_filter_support(internal): selectivity of payload_matches() */
PG_FUNCTION_INFO_V1(vecext_payload_filter_support);
Datum
vecext_payload_filter_support(PG_FUNCTION_ARGS)
{
	Node	   *node = (Node *) PG_GETARG_POINTER(0);
	SupportRequestSelectivity *request = (SupportRequestSelectivity *) node;
	double		share;

	if (!IsA(node, SupportRequestSelectivity) || request->is_join)
		PG_RETURN_POINTER(NULL);
	share = estimate_filter(request->root, request->funcid, request->args, request->varRelid);
	request->selectivity = share < 0 ? DEFAULT_FILTER_SEL : share;
	PG_RETURN_POINTER(request);
}
