/*-------------------------------------------------------------------------
 *
 * filter_match.c
 *	  Does a payload match a filter?
 *
 * A path selects values, and a condition asks whether some value passes its
 * test; if the value is an array, whether some element does.  So a walk along
 * the path ends as soon as one passes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "base/base_compat.h"
#include "filter/filter_compile.h"
#include "filter/filter_datetime.h"
#include "filter/filter_jsonb.h"
#include "filter/filter_siphash.h"

typedef struct Match
{
	Filter	   *filter;
	const FilterRow *row;		/* NULL: nothing is known of it */
} Match;

static bool match_group(Match *match, const FilterNode *group, const JsonbValue *root);

static bool
is_in_set(const FilterSet *set, const JsonbValue *value)
{
	int			low = 0;
	int			high = set->count;

	if (value->type == jbvString ? set->strings == NULL
		: value->type != jbvNumeric || set->numbers == NULL)
		return false;
	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order;

		if (value->type == jbvString)
		{
			FilterString string = {value->val.string.val, value->val.string.len};

			order = vx_filter_compare_strings(&string, &set->strings[middle]);
		}
		else
			order = vx_filter_compare_numbers(value->val.numeric, set->numbers[middle]);
		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* Equal to the value of MATCH_VALUE or CONTAINS? */
static bool
equals_value(const FilterNode *node, const JsonbValue *value)
{
	switch (node->value.kind)
	{
		case FILTER_VALUE_STRING:
			return value->type == jbvString &&
				value->val.string.len == node->value.text.length &&
				memcmp(value->val.string.val, node->value.text.bytes,
					   node->value.text.length) == 0;
		case FILTER_VALUE_NUMBER:
			return value->type == jbvNumeric &&
				vx_filter_compare_numbers(value->val.numeric, (Numeric) node->prepared) == 0;
		case FILTER_VALUE_BOOL:
			return value->type == jbvBool && value->val.boolean == node->value.boolean;
	}
	return false;
}

static int
find_word(const FilterWords *words, const FilterString *word)
{
	const FilterString *found = bsearch(word, words->words, words->count,
										sizeof(FilterString), vx_filter_compare_strings);

	return found == NULL ? -1 : (int) (found - words->words);
}

static bool
match_words(Match *match, const FilterNode *node, const JsonbValue *value)
{
	const FilterWords *words = node->prepared;
	FilterString *there;
	int			there_count;
	bool		matches = false;
	int			i;

	if (words->count == 0 || value->type != jbvString)
		return false;

	there = vx_filter_split_words(value->val.string.val, value->val.string.len, &there_count);
	if (node->kind == FILTER_MATCH_PHRASE)
	{
		for (i = 0; i + words->count <= there_count && !matches; i++)
		{
			int			j = 0;

			while (j < words->count &&
				   vx_filter_compare_strings(&there[i + j], &words->words[j]) == 0)
				j++;
			matches = j == words->count;
		}
	}
	else
	{
		bool	   *found = palloc0(sizeof(bool) * words->count);
		int			missing = words->count;

		for (i = 0; i < there_count && !matches; i++)
		{
			int			word = find_word(words, &there[i]);

			if (word < 0 || found[word])
				continue;
			found[word] = true;
			missing--;
			matches = node->kind == FILTER_MATCH_TEXT_ANY || missing == 0;
		}
	}

	/* A payload may have many texts. */
	MemoryContextReset(match->filter->scratch);
	return matches;
}

static bool
contains_string(const JsonbValue *value, FilterString part)
{
	const char *at = value->val.string.val;
	const char *last = at + value->val.string.len - part.length;

	if (part.length == 0)
		return true;
	for (; at <= last; at++)
	{
		CHECK_FOR_INTERRUPTS();
		at = memchr(at, part.bytes[0], last - at + 1);
		if (at == NULL)
			return false;
		if (memcmp(at, part.bytes, part.length) == 0)
		{
			/*
			 * Outside UTF-8 the bytes of a character may also stand at the
			 * end of one and the beginning of the next.
			 */
			const char *start = value->val.string.val;

			if (GetDatabaseEncoding() == PG_UTF8 || pg_database_encoding_max_length() == 1)
				return true;
			while (start < at)
				start += pg_mblen(start);
			if (start == at)
				return true;
		}
	}
	return false;
}

static bool
match_range(const FilterNode *node, const JsonbValue *value)
{
	Numeric    *bounds = node->prepared;

	if (value->type != jbvNumeric)
		return false;
	return (bounds[FILTER_GT] == NULL ||
			vx_filter_compare_numbers(value->val.numeric, bounds[FILTER_GT]) > 0) &&
		(bounds[FILTER_GTE] == NULL ||
		 vx_filter_compare_numbers(value->val.numeric, bounds[FILTER_GTE]) >= 0) &&
		(bounds[FILTER_LT] == NULL ||
		 vx_filter_compare_numbers(value->val.numeric, bounds[FILTER_LT]) < 0) &&
		(bounds[FILTER_LTE] == NULL ||
		 vx_filter_compare_numbers(value->val.numeric, bounds[FILTER_LTE]) <= 0);
}

static bool
is_within_bounds(const FilterNode *node, int64 number)
{
	const FilterBound *bounds = node->bounds;

	return (!bounds[FILTER_GT].present || number > bounds[FILTER_GT].number) &&
		(!bounds[FILTER_GTE].present || number >= bounds[FILTER_GTE].number) &&
		(!bounds[FILTER_LT].present || number < bounds[FILTER_LT].number) &&
		(!bounds[FILTER_LTE].present || number <= bounds[FILTER_LTE].number);
}

static bool
get_coordinate(const JsonbValue *object, const char *name, double *coordinate)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(object->val.binary.data, name, (int) strlen(name),
									 &value) == NULL ||
		value.type != jbvNumeric)
		return false;
	*coordinate = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													 NumericGetDatum(value.val.numeric)));
	return true;
}

static bool
match_geo(const FilterNode *node, const JsonbValue *value)
{
	FilterPoint point;

	if (!is_jsonb_object(value) || !get_coordinate(value, "lon", &point.lon) ||
		!get_coordinate(value, "lat", &point.lat))
		return false;
	if (node->kind == FILTER_GEO_BOX)
		return vx_filter_is_in_box(point, node->points[0], node->points[1]);
	if (node->kind == FILTER_GEO_RADIUS)
		return vx_filter_measure_metres(point, node->points[0]) < node->metres;
	return vx_filter_is_in_polygon(point, node->rings, node->ring_count);
}

/* The test of a condition on one value that is not taken apart any more */
static bool
match_value(Match *match, const FilterNode *node, const JsonbValue *value)
{
	switch (node->kind)
	{
		case FILTER_MATCH_VALUE:
			return equals_value(node, value);
		case FILTER_MATCH_ANY:
			return is_in_set(node->prepared, value);
		case FILTER_MATCH_EXCEPT:
			return value->type != jbvNull && !is_in_set(node->prepared, value);
		case FILTER_MATCH_TEXT:
		case FILTER_MATCH_TEXT_ANY:
		case FILTER_MATCH_PHRASE:
			return match_words(match, node, value);
		case FILTER_MATCH_PREFIX:
			return value->type == jbvString &&
				value->val.string.len >= node->value.text.length &&
				memcmp(value->val.string.val, node->value.text.bytes,
					   node->value.text.length) == 0;
		case FILTER_REGEX:
			return value->type == jbvString &&
				RE_compile_and_execute(node->prepared, value->val.string.val,
									   value->val.string.len, REG_ADVANCED,
									   DEFAULT_COLLATION_OID, 0, NULL);
		case FILTER_RANGE:
			return match_range(node, value);
		case FILTER_DATETIME_RANGE:
			{
				int64		micros;

				return value->type == jbvString &&
					vx_filter_parse_datetime(value->val.string.val, value->val.string.len,
											 &micros) &&
					is_within_bounds(node, micros);
			}
		case FILTER_GEO_BOX:
		case FILTER_GEO_RADIUS:
		case FILTER_GEO_POLYGON:
			return match_geo(node, value);
		default:
			elog(ERROR, "unexpected kind of condition: %d", (int) node->kind);
	}
	return false;
}

/* Is the value null or []? */
static bool
is_empty_value(const JsonbValue *value)
{
	return value->type == jbvNull ||
		(is_jsonb_array(value) && count_jsonb_elements(value) == 0);
}

static bool
holds_null(const JsonbValue *value)
{
	JsonbCursor cursor;
	JsonbValue	element;

	if (!is_jsonb_array(value))
		return value->type == jbvNull;
	start_jsonb_cursor(&cursor, value->val.binary.data, 0);
	while (next_jsonb_child(&cursor, &element))
	{
		if (element.type == jbvNull)
			return true;
	}
	return false;
}

/* Does a value at the end of the path pass? */
static bool
test_selected(Match *match, const FilterNode *node, const JsonbValue *value)
{
	switch (node->kind)
	{
		case FILTER_VALUES_COUNT:
			return is_within_bounds(node, value->type == jbvNull ? 0 :
									is_jsonb_array(value) ? count_jsonb_elements(value) : 1);
		case FILTER_KEY_IS_EMPTY:
			return is_empty_value(value) == node->flag;
		case FILTER_KEY_IS_NULL:
			return holds_null(value) == node->flag;
		case FILTER_IS_EMPTY:
			/* True if none is found that is not empty */
			return !is_empty_value(value);
		case FILTER_IS_NULL:
			return value->type == jbvNull;
		case FILTER_NESTED:
			return is_jsonb_object(value) && match_group(match, node->must.nodes[0], value);
		case FILTER_CONTAINS:
			if (value->type == jbvString)
				return node->value.kind == FILTER_VALUE_STRING &&
					contains_string(value, node->value.text);
			if (is_jsonb_array(value))
			{
				JsonbCursor cursor;
				JsonbValue	element;

				start_jsonb_cursor(&cursor, value->val.binary.data, 0);
				while (next_jsonb_child(&cursor, &element))
				{
					CHECK_FOR_INTERRUPTS();
					if (equals_value(node, &element))
						return true;
				}
			}
			return false;
		default:
			if (is_jsonb_array(value))
			{
				JsonbCursor cursor;
				JsonbValue	element;

				start_jsonb_cursor(&cursor, value->val.binary.data, 0);
				while (next_jsonb_child(&cursor, &element))
				{
					CHECK_FOR_INTERRUPTS();
					if (match_value(match, node, &element))
						return true;
				}
				return false;
			}
			return match_value(match, node, value);
	}
}

/*
 * Follow the node's path from step on; true as soon as a value passes.  *found
 * becomes true if there is any value at all.
 */
static bool
walk_path(Match *match, const FilterNode *node, const JsonbValue *from, int step, bool *found)
{
	JsonbValue	value = *from;
	JsonbCursor cursor;

	for (; step < node->path.count; step++)
	{
		const FilterStep *to = &node->path.steps[step];

		switch (to->kind)
		{
			case FILTER_STEP_KEY:
				{
					JsonbContainer *object;

					if (!is_jsonb_object(&value))
						return false;
					object = value.val.binary.data;
					if (getKeyJsonValueFromContainer(object, to->key.bytes, to->key.length,
													 &value) == NULL)
						return false;
					break;
				}
			case FILTER_STEP_INDEX:
				if (!is_jsonb_array(&value) || to->index >= count_jsonb_elements(&value))
					return false;
				start_jsonb_cursor(&cursor, value.val.binary.data, to->index);
				next_jsonb_child(&cursor, &value);
				break;
			case FILTER_STEP_EACH:
				if (!is_jsonb_array(&value))
					return false;
				start_jsonb_cursor(&cursor, value.val.binary.data, 0);
				while (next_jsonb_child(&cursor, &value))
				{
					CHECK_FOR_INTERRUPTS();
					if (walk_path(match, node, &value, step + 1, found))
						return true;
				}
				return false;
		}
	}
	*found = true;
	return test_selected(match, node, &value);
}

static bool
match_key(Match *match, const FilterNode *node, const JsonbValue *root)
{
	bool		found = false;
	bool		passed = walk_path(match, node, root, 0, &found);

	switch (node->kind)
	{
		case FILTER_IS_EMPTY:
			return !passed;
		case FILTER_VALUES_COUNT:
			return found ? passed : is_within_bounds(node, 0);
		case FILTER_KEY_IS_EMPTY:
			return found ? passed : node->flag;
		case FILTER_KEY_IS_NULL:
			return found ? passed : !node->flag;
		default:
			return passed;
	}
}

/* A row's id in canonical form: UUIDs and numbers are the same in any type. */
static FilterRow
make_canonical_row(const FilterRow *row, unsigned char uuid[16])
{
	FilterRow	canonical = *row;

	if (row->id_kind == FILTER_ID_TEXT)
	{
		if (vx_filter_parse_uuid(row->id_text.bytes, row->id_text.length, uuid))
		{
			canonical.id_kind = FILTER_ID_UUID;
			canonical.id_uuid = uuid;
		}
		else if ((row->id_text.length <= 1 || row->id_text.bytes[0] != '0') &&
				 vx_filter_parse_number(row->id_text.bytes, row->id_text.length,
										&canonical.id_number))
			canonical.id_kind = FILTER_ID_NUMBER;
	}
	return canonical;
}

static bool
match_id(const FilterIdSet *set, const FilterRow *row)
{
	unsigned char uuid[16];
	FilterRow	canonical = make_canonical_row(row, uuid);
	int			low = 0;
	int			high;

	/* A text that looks like a number may also be in the list as a text. */
	if (row->id_kind == FILTER_ID_TEXT &&
		bsearch(&row->id_text, set->texts, set->text_count,
				sizeof(FilterString), vx_filter_compare_strings) != NULL)
		return true;
	switch (canonical.id_kind)
	{
		case FILTER_ID_TEXT:
			return false;
		case FILTER_ID_NUMBER:
			/* A negative int8 is no id of a filter. */
			if (row->id_kind == FILTER_ID_NUMBER && (int64) row->id_number < 0)
				return false;
			high = set->number_count;
			while (low < high)
			{
				int			middle = low + (high - low) / 2;

				if (set->numbers[middle] == canonical.id_number)
					return true;
				if (set->numbers[middle] > canonical.id_number)
					high = middle;
				else
					low = middle + 1;
			}
			return false;
		case FILTER_ID_UUID:
			high = set->uuid_count;
			while (low < high)
			{
				int			middle = low + (high - low) / 2;
				int			order = memcmp(set->uuids[middle], canonical.id_uuid, 16);

				if (order == 0)
					return true;
				if (order > 0)
					high = middle;
				else
					low = middle + 1;
			}
			return false;
	}
	return false;
}

static bool
match_slice(const FilterNode *node, const FilterRow *row)
{
	unsigned char uuid[16];
	unsigned char number[8];
	FilterRow	canonical = make_canonical_row(row, uuid);
	const unsigned char *bytes = NULL;
	int			length = 0;
	int			i;

	switch (canonical.id_kind)
	{
		case FILTER_ID_TEXT:
			bytes = (const unsigned char *) canonical.id_text.bytes;
			length = canonical.id_text.length;
			break;
		case FILTER_ID_NUMBER:
			for (i = 0; i < 8; i++)
				number[i] = (unsigned char) (canonical.id_number >> (8 * i));
			bytes = number;
			length = 8;
			break;
		case FILTER_ID_UUID:
			bytes = canonical.id_uuid;
			length = 16;
			break;
	}
	return vx_filter_siphash(bytes, length, 0, 0) % (uint64) node->slice_total ==
		(uint64) node->slice_index;
}

static bool
match_node(Match *match, const FilterNode *node, const JsonbValue *root)
{
	int			i;

	/* One condition may look through all of a long text. */
	CHECK_FOR_INTERRUPTS();
	switch (node->kind)
	{
		case FILTER_GROUP:
			return match_group(match, node, root);
		case FILTER_HAS_ID:
			return match->row != NULL && match->row->has_id &&
				match_id(node->prepared, match->row);
		case FILTER_SLICE:
			return match->row != NULL && match->row->has_id && match_slice(node, match->row);
		case FILTER_HAS_VECTOR:
			for (i = 0; match->row != NULL && i < match->row->vector_count; i++)
			{
				if (vx_filter_compare_strings(&match->row->vectors[i], &node->value.text) == 0)
					return true;
			}
			return false;
		case FILTER_NESTED:
			{
				/* Elements are no rows. */
				const FilterRow *row = match->row;
				bool		matches;

				match->row = NULL;
				matches = match_key(match, node, root);
				match->row = row;
				return matches;
			}
		default:
			return match_key(match, node, root);
	}
}

static bool
match_group(Match *match, const FilterNode *group, const JsonbValue *root)
{
	int			i;

	for (i = 0; i < group->must.count; i++)
	{
		if (!match_node(match, group->must.nodes[i], root))
			return false;
	}
	for (i = 0; i < group->must_not.count; i++)
	{
		if (match_node(match, group->must_not.nodes[i], root))
			return false;
	}
	if (group->should.count > 0)
	{
		for (i = 0; i < group->should.count; i++)
		{
			if (match_node(match, group->should.nodes[i], root))
				break;
		}
		if (i == group->should.count)
			return false;
	}
	if (group->min_should.count > 0)
	{
		int64		wanted = group->min_count;

		for (i = 0; i < group->min_should.count && wanted > 0 &&
			 wanted <= group->min_should.count - i; i++)
		{
			if (match_node(match, group->min_should.nodes[i], root))
				wanted--;
		}
		if (wanted > 0)
			return false;
	}
	return true;
}

static bool
match_payload(Filter *filter, const FilterNode *node, const Jsonb *payload, const FilterRow *row)
{
	Match		match = {filter, row};
	MemoryContext caller = MemoryContextSwitchTo(filter->scratch);
	JsonbValue	root;
	bool		matches;

	make_jsonb_root(payload, &root);
	matches = match_node(&match, node, &root);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(filter->scratch);
	return matches;
}

bool
vx_filter_matches(Filter *filter, const Jsonb *payload, const FilterRow *row)
{
	return match_payload(filter, filter->root, payload, row);
}

bool
vx_filter_matches_condition(Filter *filter, const FilterNode *node, const Jsonb *payload)
{
	return match_payload(filter, node, payload, NULL);
}

/* payload @~ filter, payload_matches(payload, filter) */
PG_FUNCTION_INFO_V1(vecext_payload_matches);
Datum
vecext_payload_matches(PG_FUNCTION_ARGS)
{
	Filter	   *filter = vx_filter_get_argument(fcinfo, 1);
	Jsonb	   *payload = PG_GETARG_JSONB_P(0);
	bool		matches;

	vx_filter_check_row(filter, NULL);
	matches = vx_filter_matches(filter, payload, NULL);
	PG_FREE_IF_COPY(payload, 0);
	PG_RETURN_BOOL(matches);
}

/* payload_matches(payload, filter, id, vectors text[]) */
static Datum
match_row(FunctionCallInfo fcinfo, FilterRow *row)
{
	Filter	   *filter = vx_filter_get_argument(fcinfo, 1);
	Jsonb	   *payload = PG_GETARG_JSONB_P(0);
	bool		matches;

	row->has_id = true;
	if (!PG_ARGISNULL(3) && filter->needs_vectors)
	{
		Datum	   *names;
		bool	   *nulls;
		FilterString *vectors;
		int			count;
		int			i;

		deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TEXTOID, -1, false, TYPALIGN_INT,
						  &names, &nulls, &count);
		vectors = palloc(sizeof(FilterString) * Max(count, 1));
		for (i = 0; i < count; i++)
		{
			text	   *name;

			if (nulls[i])
				continue;
			name = DatumGetTextPP(names[i]);
			vectors[row->vector_count].bytes = VARDATA_ANY(name);
			vectors[row->vector_count].length = VARSIZE_ANY_EXHDR(name);
			row->vector_count++;
		}
		row->vectors = vectors;
		row->has_vectors = true;
	}
	vx_filter_check_row(filter, row);
	matches = vx_filter_matches(filter, payload, row);
	PG_FREE_IF_COPY(payload, 0);
	PG_RETURN_BOOL(matches);
}

#define HAS_NULL_ARGUMENT(fcinfo) \
	(PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))

PG_FUNCTION_INFO_V1(vecext_payload_matches_int8);
Datum
vecext_payload_matches_int8(PG_FUNCTION_ARGS)
{
	FilterRow	row = {0};

	if (HAS_NULL_ARGUMENT(fcinfo))
		PG_RETURN_NULL();
	row.id_kind = FILTER_ID_NUMBER;
	row.id_number = (uint64) PG_GETARG_INT64(2);
	return match_row(fcinfo, &row);
}

PG_FUNCTION_INFO_V1(vecext_payload_matches_uuid);
Datum
vecext_payload_matches_uuid(PG_FUNCTION_ARGS)
{
	FilterRow	row = {0};

	if (HAS_NULL_ARGUMENT(fcinfo))
		PG_RETURN_NULL();
	row.id_kind = FILTER_ID_UUID;
	row.id_uuid = PG_GETARG_UUID_P(2)->data;
	return match_row(fcinfo, &row);
}

PG_FUNCTION_INFO_V1(vecext_payload_matches_text);
Datum
vecext_payload_matches_text(PG_FUNCTION_ARGS)
{
	FilterRow	row = {0};
	text	   *id;

	if (HAS_NULL_ARGUMENT(fcinfo))
		PG_RETURN_NULL();
	id = PG_GETARG_TEXT_PP(2);
	row.id_kind = FILTER_ID_TEXT;
	row.id_text.bytes = VARDATA_ANY(id);
	row.id_text.length = VARSIZE_ANY_EXHDR(id);
	return match_row(fcinfo, &row);
}
