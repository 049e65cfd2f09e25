/*-------------------------------------------------------------------------
 *
 * filter_sql.c
 *	  payload_filter_sql(): a filter as an SQL condition.
 *
 * Every condition is written so that it is true or false, never NULL, for a
 * payload that is not NULL: so NOT, OR and counting work on them.  Simple
 * paths are chains of ->; the others are jsonpath in strict mode, where each
 * step first asks whether it can be made, since lax mode would step into
 * arrays that the path does not mention.  What SQL has no words for, geometry
 * and ids, calls payload_matches() with that condition alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/base_compat.h"
#include "filter/filter_compile.h"
#include "filter/filter_datetime.h"

/* Values of a list that are asked for one by one, which an index can answer */
#define MAX_CONTAINED_VALUES 16

typedef struct SqlWriter
{
	StringInfoData sql;
	const char *schema;			/* ours, quoted */
	const char *id_column;		/* quoted; NULL if not given */
	int			nesting;
} SqlWriter;

static void put_node(SqlWriter *writer, const FilterNode *node, const char *column);

/*
 * A path with [], which selects several values, and one with several indexes,
 * each of which would double the length of a chain of ->
 */
static bool
needs_jsonpath(const FilterPath *path)
{
	int			indexes = 0;
	int			i;

	for (i = 0; i < path->count; i++)
	{
		if (path->steps[i].kind == FILTER_STEP_EACH)
			return true;
		if (path->steps[i].kind == FILTER_STEP_INDEX)
			indexes++;
	}
	return indexes > 1;
}

static bool
has_keys_only(const FilterPath *path)
{
	int			i;

	for (i = 0; i < path->count; i++)
	{
		if (path->steps[i].kind != FILTER_STEP_KEY)
			return false;
	}
	return true;
}

static char *
quote_json_string(const char *bytes, int length)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	escape_json(&quoted, pnstrdup(bytes, length));
	return quoted.data;
}

static char *
write_json_value(const FilterValue *value)
{
	switch (value->kind)
	{
		case FILTER_VALUE_STRING:
			return quote_json_string(value->text.bytes, value->text.length);
		case FILTER_VALUE_NUMBER:
			return pstrdup(value->text.bytes);
		case FILTER_VALUE_BOOL:
			break;
	}
	return pstrdup(value->boolean ? "true" : "false");
}

/* The one value of a path that needs no jsonpath; NULL if there is none */
static char *
write_single(const FilterPath *path, const char *column)
{
	char	   *value = pstrdup(column);
	int			i;

	for (i = 0; i < path->count; i++)
	{
		const FilterStep *step = &path->steps[i];

		if (step->kind == FILTER_STEP_KEY)
			value = psprintf("(%s -> %s)", value,
							 quote_literal_cstr(pnstrdup(step->key.bytes, step->key.length)));
		else
			/* A lone scalar -> 0 is the scalar. */
			value = psprintf("CASE WHEN jsonb_typeof(%s) = 'array' THEN %s -> %d END",
							 value, value, step->index);
	}
	return value;
}

/* The values of a path as a set-returning function */
static char *
write_source(const FilterPath *path, const char *column)
{
	StringInfoData jsonpath;
	int			i;

	if (!needs_jsonpath(path))
		return psprintf("jsonb_path_query(%s, '$')", write_single(path, column));
	initStringInfo(&jsonpath);
	appendStringInfoString(&jsonpath, "strict $");
	for (i = 0; i < path->count; i++)
	{
		const FilterStep *step = &path->steps[i];

		if (step->kind == FILTER_STEP_KEY)
		{
			char	   *key = quote_json_string(step->key.bytes, step->key.length);

			appendStringInfo(&jsonpath, " ? (exists (@.%s)).%s", key, key);
		}
		else if (step->kind == FILTER_STEP_INDEX)
			appendStringInfo(&jsonpath, " ? (@.type() == \"array\" && @.size() > %d)[%d]",
							 step->index, step->index);
		else
			appendStringInfoString(&jsonpath, " ? (@.type() == \"array\")[*]");
	}
	return psprintf("jsonb_path_query(%s, %s)", column, quote_literal_cstr(jsonpath.data));
}

/* Does a value at the end of the path pass?  test has v where the value goes. */
static void
put_value_test(SqlWriter *writer, const FilterNode *node, const char *column, const char *test)
{
	appendStringInfo(&writer->sql, "EXISTS (SELECT FROM %s AS v WHERE %s)",
					 write_source(&node->path, column), test);
}

/* ... or, of an array, does an element?  test has e where it goes. */
static void
put_element_test(SqlWriter *writer, const FilterNode *node, const char *column, const char *test)
{
	if (needs_jsonpath(&node->path))
		appendStringInfo(&writer->sql,
						 "EXISTS (SELECT FROM %s AS v, jsonb_path_query(v, 'lax $[*]') AS e WHERE %s)",
						 write_source(&node->path, column), test);
	else
		appendStringInfo(&writer->sql,
						 "EXISTS (SELECT FROM jsonb_path_query(%s, 'lax $[*]') AS e WHERE %s)",
						 write_single(&node->path, column), test);
}

static void
put_missing(SqlWriter *writer, const FilterNode *node, const char *column)
{
	if (needs_jsonpath(&node->path))
		appendStringInfo(&writer->sql, " OR NOT EXISTS (SELECT FROM %s)",
						 write_source(&node->path, column));
	else
		appendStringInfo(&writer->sql, " OR %s IS NULL", write_single(&node->path, column));
}

/* column @> value at the path, or a list with it there */
static void
put_contained(SqlWriter *writer, const FilterPath *path, const FilterValue *value,
			  const char *column)
{
	StringInfoData before;
	StringInfoData after;
	char	   *json = write_json_value(value);
	int			i;

	initStringInfo(&before);
	initStringInfo(&after);
	for (i = 0; i < path->count; i++)
	{
		appendStringInfo(&before, "{%s: ",
						 quote_json_string(path->steps[i].key.bytes, path->steps[i].key.length));
		appendStringInfoChar(&after, '}');
	}
	appendStringInfo(&writer->sql, "%s @> %s OR %s @> %s",
					 column,
					 quote_literal_cstr(psprintf("%s%s%s", before.data, json, after.data)),
					 column,
					 quote_literal_cstr(psprintf("%s[%s]%s", before.data, json, after.data)));
}

static void
put_match_values(SqlWriter *writer, const FilterNode *node, const FilterValue *values, int count,
				 const char *column)
{
	StringInfoData test;
	bool		is_except = node->kind == FILTER_MATCH_EXCEPT;
	int			i;

	if (count == 0 && !is_except)
	{
		appendStringInfoString(&writer->sql, "false");
		return;
	}
	if (!is_except && has_keys_only(&node->path) && count <= MAX_CONTAINED_VALUES)
	{
		appendStringInfoChar(&writer->sql, '(');
		for (i = 0; i < count; i++)
		{
			if (i > 0)
				appendStringInfoString(&writer->sql, " OR ");
			put_contained(writer, &node->path, &values[i], column);
		}
		appendStringInfoChar(&writer->sql, ')');
		return;
	}

	initStringInfo(&test);
	if (is_except)
		appendStringInfoString(&test, "e <> 'null'");
	if (count > 0)
	{
		appendStringInfoString(&test, is_except ? " AND e NOT IN (" : "e IN (");
		for (i = 0; i < count; i++)
			appendStringInfo(&test, "%s%s", i > 0 ? ", " : "",
							 quote_literal_cstr(write_json_value(&values[i])));
		appendStringInfoChar(&test, ')');
	}
	put_element_test(writer, node, column, test.data);
}

static void
put_words(SqlWriter *writer, const FilterNode *node, const char *column)
{
	const char *operator = node->kind == FILTER_MATCH_TEXT ? " & "
		: node->kind == FILTER_MATCH_TEXT_ANY ? " | " : " <-> ";
	StringInfoData query;
	FilterString *words;
	int			count;
	int			i;

	words = vx_filter_split_words(node->value.text.bytes, node->value.text.length, &count);
	if (count == 0)
	{
		appendStringInfoString(&writer->sql, "false");
		return;
	}
	initStringInfo(&query);
	for (i = 0; i < count; i++)
	{
		const char *at;

		if (i > 0)
			appendStringInfoString(&query, operator);
		appendStringInfoChar(&query, '\'');
		for (at = words[i].bytes; at < words[i].bytes + words[i].length; at++)
		{
			if (*at == '\'' || *at == '\\')
				appendStringInfoChar(&query, *at);
			appendStringInfoChar(&query, *at);
		}
		appendStringInfoChar(&query, '\'');
	}
	put_element_test(writer, node, column,
					 psprintf("jsonb_typeof(e) = 'string' AND "
							  "to_tsvector('pg_catalog.simple', e #>> '{}') @@ %s::tsquery",
							  quote_literal_cstr(query.data)));
}

static const char *const bound_operators[FILTER_BOUNDS] = {">", ">=", "<", "<="};

static void
put_range(SqlWriter *writer, const FilterNode *node, const char *column)
{
	bool		is_datetime = node->kind == FILTER_DATETIME_RANGE;
	StringInfoData test;
	int			i;

	initStringInfo(&test);
	appendStringInfo(&test, "jsonb_typeof(e) = '%s'", is_datetime ? "string" : "number");
	for (i = 0; i < FILTER_BOUNDS; i++)
	{
		const char *bound = node->bounds[i].present
			? quote_literal_cstr(node->bounds[i].text.bytes) : NULL;

		if (bound == NULL)
			continue;
		if (is_datetime)
			appendStringInfo(&test, " AND %s.payload_datetime(e #>> '{}') %s %s.payload_datetime(%s)",
							 writer->schema, bound_operators[i], writer->schema, bound);
		else
			appendStringInfo(&test, " AND e %s %s", bound_operators[i], bound);
	}
	put_element_test(writer, node, column, test.data);
}

static void
put_values_count(SqlWriter *writer, const FilterNode *node, const char *column)
{
	const char *count = "CASE jsonb_typeof(v) WHEN 'array' THEN jsonb_array_length(v)"
		" WHEN 'null' THEN 0 ELSE 1 END";
	const FilterBound *bounds = node->bounds;
	StringInfoData test;
	int			i;

	initStringInfo(&test);
	appendStringInfoString(&test, "true");
	for (i = 0; i < FILTER_BOUNDS; i++)
	{
		if (bounds[i].present)
			appendStringInfo(&test, " AND %s %s " INT64_FORMAT, count, bound_operators[i],
							 bounds[i].number);
	}
	appendStringInfoChar(&writer->sql, '(');
	put_value_test(writer, node, column, test.data);
	if (!bounds[FILTER_GT].present &&
		(!bounds[FILTER_GTE].present || bounds[FILTER_GTE].number == 0) &&
		(!bounds[FILTER_LT].present || bounds[FILTER_LT].number > 0))
		put_missing(writer, node, column);
	appendStringInfoChar(&writer->sql, ')');
}

/* For what SQL has no words for: ask the matcher about this condition alone. */
static void
put_call(SqlWriter *writer, const FilterNode *node, const char *column, const char *id_column)
{
	FilterString condition = vx_filter_write_condition(node, &vx_filter_memory);

	appendStringInfo(&writer->sql, "%s.payload_matches(%s, %s::%s.payload_filter%s%s)",
					 writer->schema, column,
					 quote_literal_cstr(psprintf("{\"must\": [%s]}", condition.bytes)),
					 writer->schema, id_column ? ", " : "", id_column ? id_column : "");
}

static void
put_row_condition(SqlWriter *writer, const FilterNode *node, const char *column)
{
	if (writer->nesting > 0)
	{
		/* Elements are no rows. */
		appendStringInfoString(&writer->sql, "false");
		return;
	}
	if (node->kind == FILTER_HAS_VECTOR)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("condition \"has_vector\" of a payload filter cannot be written in SQL")));
	if (writer->id_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("condition \"%s\" of a payload filter needs the name of the id column",
						node->kind == FILTER_SLICE ? "slice" : "has_id"),
				 errhint("Use payload_filter_sql(filter, column_name, id_column).")));
	put_call(writer, node, column, writer->id_column);
}

static void
put_list(SqlWriter *writer, const FilterList *list, const char *before, const char *between,
		 const char *after, const char *column)
{
	int			i;

	for (i = 0; i < list->count; i++)
	{
		appendStringInfoString(&writer->sql, i > 0 ? between : "");
		appendStringInfoString(&writer->sql, before);
		put_node(writer, list->nodes[i], column);
		appendStringInfoString(&writer->sql, after);
	}
}

/* Conditions joined by AND, each of them one operand of it */
static void
put_group(SqlWriter *writer, const FilterNode *group, const char *column)
{
	const char *joint = "";

	if (group->must.count > 0)
	{
		put_list(writer, &group->must, "", " AND ", "", column);
		joint = " AND ";
	}
	if (group->must_not.count > 0)
	{
		appendStringInfoString(&writer->sql, joint);
		put_list(writer, &group->must_not, "NOT ", " AND ", "", column);
		joint = " AND ";
	}
	if (group->should.count > 0)
	{
		appendStringInfo(&writer->sql, "%s(", joint);
		put_list(writer, &group->should, "", " OR ", "", column);
		appendStringInfoChar(&writer->sql, ')');
		joint = " AND ";
	}
	if (group->min_should.count > 0)
	{
		appendStringInfo(&writer->sql, "%s(", joint);
		put_list(writer, &group->min_should, "(", " + ", ")::int", column);
		appendStringInfo(&writer->sql, " >= " INT64_FORMAT ")", group->min_count);
		joint = " AND ";
	}
	if (*joint == '\0')
		appendStringInfoString(&writer->sql, "true");
}

static void
put_nested(SqlWriter *writer, const FilterNode *node, const char *column)
{
	char	   *alias;

	writer->nesting++;
	alias = psprintf("n%d", writer->nesting);
	appendStringInfo(&writer->sql, "EXISTS (SELECT FROM %s AS %s WHERE jsonb_typeof(%s) = 'object' AND ",
					 write_source(&node->path, column), alias, alias);
	put_group(writer, node->must.nodes[0], alias);
	appendStringInfoChar(&writer->sql, ')');
	writer->nesting--;
}

/* A condition that can be an operand of AND, OR and NOT as it is */
static void
put_node(SqlWriter *writer, const FilterNode *node, const char *column)
{
	switch (node->kind)
	{
		case FILTER_GROUP:
			appendStringInfoChar(&writer->sql, '(');
			put_group(writer, node, column);
			appendStringInfoChar(&writer->sql, ')');
			break;
		case FILTER_MATCH_VALUE:
			put_match_values(writer, node, &node->value, 1, column);
			break;
		case FILTER_MATCH_ANY:
		case FILTER_MATCH_EXCEPT:
			put_match_values(writer, node, node->values, node->value_count, column);
			break;
		case FILTER_MATCH_TEXT:
		case FILTER_MATCH_TEXT_ANY:
		case FILTER_MATCH_PHRASE:
			put_words(writer, node, column);
			break;
		case FILTER_MATCH_PREFIX:
			put_element_test(writer, node, column,
							 psprintf("jsonb_typeof(e) = 'string' AND starts_with(e #>> '{}', %s)",
									  quote_literal_cstr(node->value.text.bytes)));
			break;
		case FILTER_REGEX:
			put_element_test(writer, node, column,
							 psprintf("jsonb_typeof(e) = 'string' AND (e #>> '{}') ~ %s",
									  quote_literal_cstr(node->value.text.bytes)));
			break;
		case FILTER_CONTAINS:
			{
				char	   *in_array = psprintf("jsonb_typeof(v) = 'array' AND v @> %s",
												quote_literal_cstr(psprintf("[%s]", write_json_value(&node->value))));

				if (node->value.kind == FILTER_VALUE_STRING)
					put_value_test(writer, node, column,
								   psprintf("jsonb_typeof(v) = 'string' AND strpos(v #>> '{}', %s) > 0 OR %s",
											quote_literal_cstr(node->value.text.bytes), in_array));
				else
					put_value_test(writer, node, column, in_array);
				break;
			}
		case FILTER_RANGE:
		case FILTER_DATETIME_RANGE:
			put_range(writer, node, column);
			break;
		case FILTER_GEO_BOX:
		case FILTER_GEO_RADIUS:
		case FILTER_GEO_POLYGON:
			put_call(writer, node, column, NULL);
			break;
		case FILTER_VALUES_COUNT:
			put_values_count(writer, node, column);
			break;
		case FILTER_KEY_IS_EMPTY:
			appendStringInfoChar(&writer->sql, '(');
			put_value_test(writer, node, column,
						   node->flag ? "v IN ('null', '[]')" : "v NOT IN ('null', '[]')");
			if (node->flag)
				put_missing(writer, node, column);
			appendStringInfoChar(&writer->sql, ')');
			break;
		case FILTER_KEY_IS_NULL:
			appendStringInfoChar(&writer->sql, '(');
			put_value_test(writer, node, column,
						   node->flag ? "v = 'null' OR jsonb_typeof(v) = 'array' AND v @> '[null]'"
						   : "NOT (v = 'null' OR jsonb_typeof(v) = 'array' AND v @> '[null]')");
			if (!node->flag)
				put_missing(writer, node, column);
			appendStringInfoChar(&writer->sql, ')');
			break;
		case FILTER_IS_EMPTY:
			appendStringInfoString(&writer->sql, "(NOT ");
			put_value_test(writer, node, column, "v NOT IN ('null', '[]')");
			appendStringInfoChar(&writer->sql, ')');
			break;
		case FILTER_IS_NULL:
			put_value_test(writer, node, column, "v = 'null'");
			break;
		case FILTER_HAS_ID:
		case FILTER_SLICE:
		case FILTER_HAS_VECTOR:
			put_row_condition(writer, node, column);
			break;
		case FILTER_NESTED:
			put_nested(writer, node, column);
			break;
	}
}

/* A column's name, perhaps with its table's, quoted where it must be */
static char *
quote_column(text *name)
{
	return NameListToQuotedString(textToQualifiedNameList(name));
}

/* payload_filter_sql(payload_filter, column text, id_column text) */
PG_FUNCTION_INFO_V1(vecext_payload_filter_sql);
Datum
vecext_payload_filter_sql(PG_FUNCTION_ARGS)
{
	SqlWriter	writer = {0};
	FilterNode *root;
	char	   *column;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	root = vx_filter_parse_stored(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0)));
	column = quote_column(PG_GETARG_TEXT_PP(1));
	if (!PG_ARGISNULL(2))
		writer.id_column = quote_column(PG_GETARG_TEXT_PP(2));
	writer.schema = quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));

	initStringInfo(&writer.sql);
	/* A payload of NULL matches nothing. */
	appendStringInfo(&writer.sql, "(%s IS NOT NULL AND ", column);
	put_group(&writer, root, column);
	appendStringInfoChar(&writer.sql, ')');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(writer.sql.data, writer.sql.len));
}

/* payload_datetime(text): what a datetime range compares, or NULL */
PG_FUNCTION_INFO_V1(vecext_payload_datetime);
Datum
vecext_payload_datetime(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	int64		micros;

	if (!vx_filter_parse_datetime(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &micros))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(micros);
}
