/*-------------------------------------------------------------------------
 *
 * filter_terms.c
 *	  Terms: what a payload has, and what a filter requires (filter.h).
 *
 * A term is written as keys joined by dots, " = " and a JSON scalar.  Keys are
 * quoted as in paths; one with a quote inside is written as it is, for only
 * equality counts.  Numbers lose their trailing zeros, since 10 equals 10.0.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "base/base_compat.h"
#include "filter/filter_compile.h"
#include "filter/filter_jsonb.h"

/*
 * Bytes of all terms of a filter: a long path before each value of a long list
 * makes them much longer than the filter.  What does not fit requires nothing.
 */
#define MAX_TERM_BYTES (16 * VX_FILTER_MAX_BYTES)

/* A disjunction of terms; NULL in place of one: nothing is required. */
typedef struct Clause
{
	List	   *terms;			/* of StringInfo */
} Clause;

static List *require_group(const FilterNode *group, const char *prefix, int64 *room);

static void
append_key(StringInfo term, const char *key, int length)
{
	if (term->len > 0)
		appendStringInfoChar(term, '.');
	if (vx_filter_is_bare_key(key, length))
		appendBinaryStringInfo(term, key, length);
	else
	{
		appendStringInfoChar(term, '"');
		appendBinaryStringInfo(term, key, length);
		appendStringInfoChar(term, '"');
	}
}

static void
append_string(StringInfo term, const char *bytes, int length)
{
	char	   *string = pnstrdup(bytes, length);

	appendStringInfoString(term, " = ");
	escape_json(term, string);
	pfree(string);
}

static void
append_number(StringInfo term, Numeric number)
{
	char	   *digits = numeric_normalize(number);

	appendStringInfo(term, " = %s", digits);
	pfree(digits);
}

static void
append_bool(StringInfo term, bool value)
{
	appendStringInfoString(term, value ? " = true" : " = false");
}

/*
 * The keys of a path, behind those of the paths around it; NULL if there is no
 * room for them and so many terms.
 */
static char *
extend_prefix(const char *prefix, const FilterPath *path, int term_count, int64 *room)
{
	StringInfoData keys;
	int64		bytes = strlen(prefix);
	int			i;

	for (i = 0; i < path->count; i++)
		bytes += path->steps[i].key.length;
	bytes *= term_count + 1;
	if (bytes > *room)
		return NULL;
	*room -= bytes;

	initStringInfo(&keys);
	appendStringInfoString(&keys, prefix);
	for (i = 0; i < path->count; i++)
	{
		if (path->steps[i].kind == FILTER_STEP_KEY)
			append_key(&keys, path->steps[i].key.bytes, path->steps[i].key.length);
	}
	return keys.data;
}

static StringInfo
make_term(const char *keys, const FilterValue *value)
{
	StringInfo	term = makeStringInfo();

	appendStringInfoString(term, keys);
	switch (value->kind)
	{
		case FILTER_VALUE_STRING:
			append_string(term, value->text.bytes, value->text.length);
			break;
		case FILTER_VALUE_NUMBER:
			append_number(term, vx_filter_read_numeric(value->text));
			break;
		case FILTER_VALUE_BOOL:
			append_bool(term, value->boolean);
			break;
	}
	return term;
}

/*
 * What one of the conditions requires: the terms of one clause of each.  Of
 * several clauses the shortest is the most selective one.  NULL if a condition
 * requires nothing.
 */
static Clause *
require_any(const FilterList *list, const char *prefix, int64 *room)
{
	Clause	   *any = palloc0(sizeof(Clause));
	int			i;

	for (i = 0; i < list->count; i++)
	{
		FilterNode	single = {0};
		List	   *clauses;
		Clause	   *shortest = NULL;
		ListCell   *cell;

		single.kind = FILTER_GROUP;
		single.must.count = 1;
		single.must.nodes = &list->nodes[i];
		clauses = require_group(&single, prefix, room);
		foreach(cell, clauses)
		{
			Clause	   *clause = lfirst(cell);

			if (shortest == NULL || list_length(clause->terms) < list_length(shortest->terms))
				shortest = clause;
		}
		if (shortest == NULL)
			return NULL;
		any->terms = list_concat(any->terms, shortest->terms);
		if (list_length(any->terms) > VX_FILTER_MAX_LIST)
			return NULL;
	}
	return any;
}

/* Clauses of which a payload that matches has a term each */
static List *
require_group(const FilterNode *group, const char *prefix, int64 *room)
{
	List	   *clauses = NIL;
	Clause	   *clause;
	int			i;
	int			j;

	for (i = 0; i < group->must.count; i++)
	{
		const FilterNode *node = group->must.nodes[i];
		char	   *keys;

		switch (node->kind)
		{
			case FILTER_GROUP:
				clauses = list_concat(clauses, require_group(node, prefix, room));
				break;
			case FILTER_NESTED:
				keys = extend_prefix(prefix, &node->path, 0, room);
				if (keys != NULL)
					clauses = list_concat(clauses, require_group(node->must.nodes[0], keys, room));
				break;
			case FILTER_MATCH_VALUE:
				keys = extend_prefix(prefix, &node->path, 1, room);
				if (keys == NULL)
					break;
				clause = palloc0(sizeof(Clause));
				clause->terms = list_make1(make_term(keys, &node->value));
				clauses = lappend(clauses, clause);
				break;
			case FILTER_MATCH_ANY:
				keys = extend_prefix(prefix, &node->path, node->value_count, room);
				if (keys == NULL)
					break;
				clause = palloc0(sizeof(Clause));
				for (j = 0; j < node->value_count; j++)
					clause->terms = lappend(clause->terms, make_term(keys, &node->values[j]));
				clauses = lappend(clauses, clause);
				break;
			default:
				break;
		}
	}
	if (group->should.count > 0)
	{
		clause = require_any(&group->should, prefix, room);
		if (clause != NULL)
			clauses = lappend(clauses, clause);
	}
	if (group->min_should.count > 0)
	{
		clause = require_any(&group->min_should, prefix, room);
		if (clause != NULL)
			clauses = lappend(clauses, clause);
	}
	return clauses;
}

FilterTermGroup *
vx_filter_required_terms(const Filter *filter, int *group_count)
{
	int64		room = MAX_TERM_BYTES;
	List	   *clauses = require_group(filter->root, "", &room);
	FilterTermGroup *groups = palloc(sizeof(FilterTermGroup) * Max(list_length(clauses), 1));
	ListCell   *cell;

	*group_count = 0;
	foreach(cell, clauses)
	{
		FilterTermGroup *group = &groups[(*group_count)++];
		List	   *terms = ((Clause *) lfirst(cell))->terms;
		ListCell   *term_cell;

		group->count = 0;
		group->terms = palloc(sizeof(FilterString) * Max(list_length(terms), 1));
		foreach(term_cell, terms)
		{
			StringInfo	term = lfirst(term_cell);

			group->terms[group->count].bytes = term->data;
			group->terms[group->count].length = term->len;
			group->count++;
		}
	}
	return groups;
}

typedef void (*VisitTerm) (const char *term, int length, void *arg);

/* keys holds the way to the value, and does so again afterwards. */
static void
visit_value(const JsonbValue *value, StringInfo keys, VisitTerm visit, void *arg)
{
	int			length = keys->len;
	JsonbCursor cursor;
	JsonbValue	child;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	switch (value->type)
	{
		case jbvString:
			append_string(keys, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			append_number(keys, value->val.numeric);
			break;
		case jbvBool:
			append_bool(keys, value->val.boolean);
			break;
		case jbvBinary:
			start_jsonb_cursor(&cursor, value->val.binary.data, 0);
			if (is_jsonb_object(value))
			{
				JsonbCursor key_cursor = cursor;
				JsonbValue	key = {0};

				start_jsonb_cursor(&cursor, value->val.binary.data,
								   JsonContainerSize(value->val.binary.data));
				while (next_jsonb_child(&cursor, &child) && next_jsonb_child(&key_cursor, &key))
				{
					append_key(keys, key.val.string.val, key.val.string.len);
					visit_value(&child, keys, visit, arg);
					keys->len = length;
				}
			}
			else
			{
				while (next_jsonb_child(&cursor, &child))
					visit_value(&child, keys, visit, arg);
			}
			return;
		default:
			return;
	}
	visit(keys->data, keys->len, arg);
	keys->len = length;
	keys->data[length] = '\0';
}

void
vx_filter_visit_terms(const Jsonb *payload, VisitTerm visit, void *arg)
{
	JsonbValue	root;
	StringInfoData keys;

	make_jsonb_root(payload, &root);
	/* What is not below a key cannot be asked for. */
	if (!is_jsonb_object(&root))
		return;
	initStringInfo(&keys);
	visit_value(&root, &keys, visit, arg);
	pfree(keys.data);
}

/* payload_filter_terms(payload_filter): a row of terms for each group */
PG_FUNCTION_INFO_V1(vecext_payload_filter_terms);
Datum
vecext_payload_filter_terms(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Filter	   *filter = vx_filter_compile(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0)),
										   CurrentMemoryContext);
	int			group_count;
	FilterTermGroup *groups = vx_filter_required_terms(filter, &group_count);
	int			i;
	int			j;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (i = 0; i < group_count; i++)
	{
		Datum	   *terms = palloc(sizeof(Datum) * Max(groups[i].count, 1));
		Datum		row;
		bool		is_null = false;

		for (j = 0; j < groups[i].count; j++)
			terms[j] = PointerGetDatum(cstring_to_text_with_len(groups[i].terms[j].bytes,
																groups[i].terms[j].length));
		row = PointerGetDatum(construct_array(terms, groups[i].count, TEXTOID, -1, false,
											  TYPALIGN_INT));
		tuplestore_putvalues(result->setResult, result->setDesc, &row, &is_null);
	}
	return (Datum) 0;
}

/* Terms on the way to an array */
typedef struct CollectedTerms
{
	ArrayBuildState *array;
	Size		bytes;
} CollectedTerms;

static void
collect_term(const char *term, int length, void *arg)
{
	CollectedTerms *terms = arg;
	text	   *copy;

	/*
	 * Each term repeats the keys that lead to it, so a payload may have terms
	 * that no array holds, and no memory either.
	 */
	terms->bytes += length + VARHDRSZ;
	if (!AllocSizeIsValid(terms->bytes))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("terms of a payload are too long for an array")));
	copy = cstring_to_text_with_len(term, length);
	terms->array = accumArrayResult(terms->array, PointerGetDatum(copy), false, TEXTOID,
									CurrentMemoryContext);
	pfree(copy);
}

/* payload_terms(jsonb): the terms that the payload has */
PG_FUNCTION_INFO_V1(vecext_payload_terms);
Datum
vecext_payload_terms(PG_FUNCTION_ARGS)
{
	CollectedTerms terms = {initArrayResult(TEXTOID, CurrentMemoryContext, false), 0};

	vx_filter_visit_terms(PG_GETARG_JSONB_P(0), collect_term, &terms);
	PG_RETURN_DATUM(makeArrayResult(terms.array, CurrentMemoryContext));
}
