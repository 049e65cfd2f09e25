/*-------------------------------------------------------------------------
 *
 * filter_parse.c
 *	  Server-free reading of payload filters: from JSON to conditions.
 *
 * Every object is taken apart by take_members(), which knows all keys that may
 * stand there: what it does not know, or knows already, is a fault.  null is
 * the same as a key left out, as clients write their structures with nulls.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/filter_parse.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "filter/filter_datetime.h"

#define COUNT_OF(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* Where the reader is: the way back to the top */
typedef struct Place
{
	const struct Place *parent;
	const char *name;			/* NULL: an element */
	int			index;
} Place;

typedef struct Parser
{
	const FilterMemory *memory;
	FilterFault *fault;
	int			depth;			/* filters within filters */
	int			condition_count;
	int			regex_count;
} Parser;

static FilterNode *read_group(Parser *parser, const FilterJson *json, const Place *place);

static void *
allocate_zeroed(Parser *parser, size_t bytes)
{
	void	   *memory = parser->memory->allocate(parser->memory->arg, bytes > 0 ? bytes : 1);

	memset(memory, 0, bytes);
	return memory;
}

static const char *
write_place(Parser *parser, const Place *place)
{
	const char *before;

	if (place == NULL)
		return "";
	before = write_place(parser, place->parent);
	if (place->name == NULL)
		return vx_filter_format_text(parser->memory, "%s[%d]", before, place->index);
	return vx_filter_format_text(parser->memory, "%s%s%s", before,
								 *before != '\0' ? "." : "", place->name);
}

static const char *
quote_name(Parser *parser, const char *name)
{
	return vx_filter_format_text(parser->memory, "\"%s\"", name);
}

/* The first fault stays. */
static void
set_fault(Parser *parser, FilterFaultKind kind, const Place *place,
		  const char *message, const char *hint)
{
	if (parser->fault->kind != FILTER_FAULT_NONE)
		return;
	parser->fault->kind = kind;
	parser->fault->message = message;
	parser->fault->place = write_place(parser, place);
	parser->fault->byte = 0;
	parser->fault->hint = hint;
}

static void
set_invalid(Parser *parser, const Place *place, const char *message)
{
	set_fault(parser, FILTER_FAULT_INVALID, place, message, NULL);
}

static bool
is_absent(const FilterJson *json)
{
	return json == NULL || json->kind == FILTER_JSON_NULL;
}

static bool
is_named(const FilterJson *member, const char *name)
{
	return (size_t) member->name.length == strlen(name) &&
		memcmp(member->name.bytes, name, strlen(name)) == 0;
}

/* A place below another, in the caller's frame */
static Place
name_place(const Place *parent, const char *name)
{
	Place		place = {parent, name, 0};

	return place;
}

static Place
index_place(const Place *parent, int index)
{
	Place		place = {parent, NULL, index};

	return place;
}

/*
 * Sort the members of an object by names; members[i] becomes NULL if names[i]
 * is not there.  what tells what the object is.
 */
static bool
take_members(Parser *parser, const FilterJson *json, const Place *place, const char *what,
			 const char *const *names, int count, const FilterJson **members)
{
	const FilterJson *member;
	int			i;

	if (json->kind != FILTER_JSON_OBJECT)
	{
		set_invalid(parser, place,
					vx_filter_format_text(parser->memory, "%s must be an object", what));
		return false;
	}
	for (i = 0; i < count; i++)
		members[i] = NULL;
	for (member = json->first; member != NULL; member = member->next)
	{
		for (i = 0; i < count && !is_named(member, names[i]); i++)
			;
		if (i == count)
		{
			const char *hint = "Known here:";

			for (i = 0; i < count; i++)
				hint = vx_filter_format_text(parser->memory, "%s%s \"%s\"", hint,
											 i > 0 ? "," : "", names[i]);
			set_fault(parser, FILTER_FAULT_INVALID, place,
					  vx_filter_format_text(parser->memory, "unknown key \"%s\"",
											member->name.bytes),
					  vx_filter_format_text(parser->memory, "%s.", hint));
			return false;
		}
		if (members[i] != NULL)
		{
			set_invalid(parser, place,
						vx_filter_format_text(parser->memory, "key \"%s\" occurs twice", names[i]));
			return false;
		}
		members[i] = member;
	}
	return true;
}

/* A list of at most VX_FILTER_MAX_LIST elements? */
static bool
check_list(Parser *parser, const FilterJson *json, const Place *place, const char *what)
{
	if (is_absent(json) || json->kind != FILTER_JSON_ARRAY)
		set_invalid(parser, place,
					vx_filter_format_text(parser->memory, "%s must be a list", what));
	else if (json->count > VX_FILTER_MAX_LIST)
		set_fault(parser, FILTER_FAULT_LIMIT, place,
				  vx_filter_format_text(parser->memory, "a list has more than %d elements",
										VX_FILTER_MAX_LIST), NULL);
	else
		return true;
	return false;
}

static bool
read_string(Parser *parser, const FilterJson *json, const Place *place, const char *what,
			FilterString *string)
{
	if (is_absent(json) || json->kind != FILTER_JSON_STRING)
	{
		set_invalid(parser, place,
					vx_filter_format_text(parser->memory, "%s must be a string", what));
		return false;
	}
	*string = json->text;
	return true;
}

static bool
read_bool(Parser *parser, const FilterJson *json, const Place *place, const char *what,
		  bool *value)
{
	if (is_absent(json) || json->kind != FILTER_JSON_BOOL)
	{
		set_invalid(parser, place,
					vx_filter_format_text(parser->memory, "%s must be true or false", what));
		return false;
	}
	*value = json->boolean;
	return true;
}

bool
vx_filter_parse_number(const char *text, int length, uint64_t *number)
{
	int			i;

	*number = 0;
	for (i = 0; i < length; i++)
	{
		unsigned int digit = (unsigned int) (text[i] - '0');

		if (text[i] < '0' || text[i] > '9' ||
			*number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return length > 0;
}

/* An integer of at least least, that int64 can hold */
static bool
read_integer(Parser *parser, const FilterJson *json, const Place *place, const char *what,
			 int64_t least, int64_t *value)
{
	uint64_t	number;

	if (is_absent(json) || json->kind != FILTER_JSON_NUMBER ||
		!vx_filter_parse_number(json->text.bytes, json->text.length, &number) ||
		number > INT64_MAX || (int64_t) number < least)
	{
		set_invalid(parser, place,
					vx_filter_format_text(parser->memory, "%s must be an integer of at least %d",
										  what, (int) least));
		return false;
	}
	*value = (int64_t) number;
	return true;
}

/* A number that float8 can hold, within bounds */
static bool
read_double(Parser *parser, const FilterJson *json, const Place *place, const char *what,
			double least, double most, double *value)
{
	if (!is_absent(json) && json->kind == FILTER_JSON_NUMBER)
	{
		*value = strtod(json->text.bytes, NULL);
		if (*value >= least && *value <= most)
			return true;
	}
	if (most == DBL_MAX)
		set_invalid(parser, place,
					vx_filter_format_text(parser->memory, "%s must be a number of at least %g",
										  what, least));
	else
		set_invalid(parser, place,
					vx_filter_format_text(parser->memory, "%s must be a number from %g to %g",
										  what, least, most));
	return false;
}

static bool
read_path(Parser *parser, const FilterJson *json, const Place *parent, FilterPath *path)
{
	Place		place = name_place(parent, "key");
	FilterStep	steps[VX_FILTER_MAX_STEPS];
	FilterString text;
	const char *wrong;

	if (!read_string(parser, json, &place, "a key", &text))
		return false;
	wrong = vx_filter_parse_path(text.bytes, text.length, steps, &path->count);
	if (wrong != NULL)
	{
		set_fault(parser, FILTER_FAULT_INVALID, &place,
				  vx_filter_format_text(parser->memory, "invalid path \"%s\": %s", text.bytes, wrong),
				  "A path is written like a.b, a[].b, a[0].b or \"a key\".b.");
		return false;
	}
	/* Room for the [] that NESTED appends */
	path->steps = allocate_zeroed(parser, sizeof(FilterStep) * ((size_t) path->count + 1));
	memcpy(path->steps, steps, sizeof(FilterStep) * (size_t) path->count);
	return true;
}

static bool
read_value(Parser *parser, const FilterJson *json, const Place *place, FilterValue *value)
{
	switch (json->kind)
	{
		case FILTER_JSON_STRING:
			value->kind = FILTER_VALUE_STRING;
			break;
		case FILTER_JSON_NUMBER:
			value->kind = FILTER_VALUE_NUMBER;
			break;
		case FILTER_JSON_BOOL:
			value->kind = FILTER_VALUE_BOOL;
			break;
		case FILTER_JSON_NULL:
		case FILTER_JSON_ARRAY:
		case FILTER_JSON_OBJECT:
			set_invalid(parser, place, "a value must be a string, a number, true or false");
			return false;
	}
	value->boolean = json->boolean;
	value->text = json->text;
	return true;
}

static bool
read_values(Parser *parser, const FilterJson *json, const Place *place, FilterNode *node)
{
	const FilterJson *element;

	if (!check_list(parser, json, place, quote_name(parser, place->name)))
		return false;
	node->values = allocate_zeroed(parser, sizeof(FilterValue) * (size_t) json->count);
	for (element = json->first; element != NULL; element = element->next)
	{
		FilterValue *value = &node->values[node->value_count];
		Place		at = index_place(place, node->value_count);

		if (!read_value(parser, element, &at, value))
			return false;
		if (value->kind == FILTER_VALUE_BOOL || value->kind != node->values[0].kind)
		{
			set_invalid(parser, &at, "a list must hold strings only, or numbers only");
			return false;
		}
		node->value_count++;
	}
	return true;
}

static bool
read_match(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	static const char *const names[] = {"value", "any", "except", "text", "text_any", "phrase", "prefix"};
	static const FilterNodeKind kinds[] = {
		FILTER_MATCH_VALUE, FILTER_MATCH_ANY, FILTER_MATCH_EXCEPT, FILTER_MATCH_TEXT,
		FILTER_MATCH_TEXT_ANY, FILTER_MATCH_PHRASE, FILTER_MATCH_PREFIX
	};
	const FilterJson *members[COUNT_OF(names)];
	Place		place = name_place(parent, "match");
	Place		at;
	int			chosen = -1;
	int			i;

	if (!take_members(parser, json, &place, "a match", names, COUNT_OF(names), members))
		return false;
	for (i = 0; i < COUNT_OF(names); i++)
	{
		if (is_absent(members[i]))
			continue;
		if (chosen >= 0)
		{
			set_invalid(parser, &place, "a match must have one kind only");
			return false;
		}
		chosen = i;
	}
	if (chosen < 0)
	{
		set_fault(parser, FILTER_FAULT_INVALID, &place, "a match must say what to match",
				  "Known here: \"value\", \"any\", \"except\", \"text\", \"text_any\", \"phrase\", \"prefix\".");
		return false;
	}

	node->kind = kinds[chosen];
	at = name_place(&place, names[chosen]);
	switch (node->kind)
	{
		case FILTER_MATCH_VALUE:
			return read_value(parser, members[chosen], &at, &node->value);
		case FILTER_MATCH_ANY:
		case FILTER_MATCH_EXCEPT:
			return read_values(parser, members[chosen], &at, node);
		default:
			return read_string(parser, members[chosen], &at, quote_name(parser, names[chosen]),
							   &node->value.text);
	}
}

static const char *const bound_names[FILTER_BOUNDS] = {"gt", "gte", "lt", "lte"};

static bool
read_range(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	const FilterJson *members[FILTER_BOUNDS];
	Place		place = name_place(parent, "range");
	int			i;

	if (!take_members(parser, json, &place, "a range", bound_names, FILTER_BOUNDS, members))
		return false;
	node->kind = FILTER_RANGE;
	for (i = 0; i < FILTER_BOUNDS; i++)
	{
		if (!is_absent(members[i]) && members[i]->kind == FILTER_JSON_STRING)
			node->kind = FILTER_DATETIME_RANGE;
	}
	for (i = 0; i < FILTER_BOUNDS; i++)
	{
		FilterBound *bound = &node->bounds[i];
		Place		at = name_place(&place, bound_names[i]);

		if (is_absent(members[i]))
			continue;
		bound->present = true;
		bound->text = members[i]->text;
		if (node->kind == FILTER_RANGE)
		{
			if (members[i]->kind == FILTER_JSON_NUMBER)
				continue;
			set_invalid(parser, &at, "a bound must be a number, or a date and time");
			return false;
		}
		if (members[i]->kind != FILTER_JSON_STRING)
		{
			set_invalid(parser, &at, "the bounds of a range must be numbers only, or dates and times only");
			return false;
		}
		if (!vx_filter_parse_datetime(bound->text.bytes, bound->text.length, &bound->number))
		{
			set_fault(parser, FILTER_FAULT_INVALID, &at,
					  vx_filter_format_text(parser->memory, "invalid date and time \"%s\"",
											bound->text.bytes),
					  "A date and time is written like 2024-05-30T12:30:00Z or 2024-05-30.");
			return false;
		}
	}
	return true;
}

static bool
read_values_count(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	const FilterJson *members[FILTER_BOUNDS];
	Place		place = name_place(parent, "values_count");
	int			i;

	if (!take_members(parser, json, &place, "\"values_count\"", bound_names, FILTER_BOUNDS, members))
		return false;
	node->kind = FILTER_VALUES_COUNT;
	for (i = 0; i < FILTER_BOUNDS; i++)
	{
		Place		at = name_place(&place, bound_names[i]);

		if (is_absent(members[i]))
			continue;
		node->bounds[i].present = true;
		if (!read_integer(parser, members[i], &at, "a count", 0, &node->bounds[i].number))
			return false;
	}
	return true;
}

static bool
read_point(Parser *parser, const FilterJson *json, const Place *place, FilterPoint *point)
{
	static const char *const names[] = {"lon", "lat"};
	const FilterJson *members[2];
	Place		lon = name_place(place, "lon");
	Place		lat = name_place(place, "lat");

	if (is_absent(json))
	{
		set_invalid(parser, place, "a point must be an object");
		return false;
	}
	return take_members(parser, json, place, "a point", names, 2, members) &&
		read_double(parser, members[0], &lon, "a longitude", -180, 180, &point->lon) &&
		read_double(parser, members[1], &lat, "a latitude", -90, 90, &point->lat);
}

static bool
read_geo_box(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	static const char *const names[] = {"top_left", "bottom_right"};
	const FilterJson *members[2];
	Place		place = name_place(parent, "geo_bounding_box");
	Place		top_left = name_place(&place, names[0]);
	Place		bottom_right = name_place(&place, names[1]);

	node->kind = FILTER_GEO_BOX;
	return take_members(parser, json, &place, "a bounding box", names, 2, members) &&
		read_point(parser, members[0], &top_left, &node->points[0]) &&
		read_point(parser, members[1], &bottom_right, &node->points[1]);
}

static bool
read_geo_radius(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	static const char *const names[] = {"center", "radius"};
	const FilterJson *members[2];
	Place		place = name_place(parent, "geo_radius");
	Place		center = name_place(&place, names[0]);
	Place		radius = name_place(&place, names[1]);

	node->kind = FILTER_GEO_RADIUS;
	return take_members(parser, json, &place, "\"geo_radius\"", names, 2, members) &&
		read_point(parser, members[0], &center, &node->points[0]) &&
		read_double(parser, members[1], &radius, "a radius", 0, DBL_MAX, &node->metres);
}

static bool
read_ring(Parser *parser, const FilterJson *json, const Place *place, FilterRing *ring)
{
	static const char *const names[] = {"points"};
	const FilterJson *points;
	const FilterJson *element;
	Place		at = name_place(place, "points");

	if (is_absent(json))
	{
		set_invalid(parser, place, "a line must be an object");
		return false;
	}
	if (!take_members(parser, json, place, "a line", names, 1, &points) ||
		!check_list(parser, points, &at, "the points of a line"))
		return false;
	ring->points = allocate_zeroed(parser, sizeof(FilterPoint) * (size_t) points->count);
	for (element = points->first; element != NULL; element = element->next)
	{
		Place		point = index_place(&at, ring->count);

		if (!read_point(parser, element, &point, &ring->points[ring->count]))
			return false;
		ring->count++;
	}
	if (ring->count < 4 ||
		ring->points[0].lon != ring->points[ring->count - 1].lon ||
		ring->points[0].lat != ring->points[ring->count - 1].lat)
	{
		set_invalid(parser, place, "a line must have at least 4 points, the last the same as the first");
		return false;
	}
	return true;
}

static bool
read_geo_polygon(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	static const char *const names[] = {"exterior", "interiors"};
	const FilterJson *members[2];
	const FilterJson *element;
	Place		place = name_place(parent, "geo_polygon");
	Place		exterior = name_place(&place, names[0]);
	Place		interiors = name_place(&place, names[1]);
	int			holes;

	if (!take_members(parser, json, &place, "a polygon", names, 2, members))
		return false;
	if (!is_absent(members[1]) && !check_list(parser, members[1], &interiors, "the interiors"))
		return false;
	holes = is_absent(members[1]) ? 0 : members[1]->count;
	node->kind = FILTER_GEO_POLYGON;
	node->rings = allocate_zeroed(parser, sizeof(FilterRing) * ((size_t) holes + 1));
	if (!read_ring(parser, members[0], &exterior, &node->rings[node->ring_count++]))
		return false;
	for (element = holes > 0 ? members[1]->first : NULL; element != NULL; element = element->next)
	{
		Place		at = index_place(&interiors, node->ring_count - 1);

		if (!read_ring(parser, element, &at, &node->rings[node->ring_count++]))
			return false;
	}
	return true;
}

/* {"key": p, "type": t, ...}: the other dialect's way to say it */
static bool
read_typed_condition(Parser *parser, const FilterJson *type, const FilterJson *match,
					 const FilterJson *range, const Place *place, FilterNode *node)
{
	static const char *const names[] = {"value"};
	Place		type_place = name_place(place, "type");
	Place		match_place = name_place(place, "match");
	Place		value_place = name_place(&match_place, "value");
	bool		exact;
	bool		contains;
	const FilterJson *value;
	FilterString text;

	if (!read_string(parser, type, &type_place, "a type", &text))
		return false;
	if (strcmp(text.bytes, "range") == 0)
	{
		if (!is_absent(match) || is_absent(range))
		{
			set_invalid(parser, place, "a condition of type \"range\" must have \"range\", and nothing else");
			return false;
		}
		return read_range(parser, range, place, node);
	}

	exact = strcmp(text.bytes, "exact") == 0;
	contains = strcmp(text.bytes, "contains") == 0;
	if (exact)
		node->kind = FILTER_MATCH_VALUE;
	else if (contains)
		node->kind = FILTER_CONTAINS;
	else if (strcmp(text.bytes, "prefix") == 0)
		node->kind = FILTER_MATCH_PREFIX;
	else if (strcmp(text.bytes, "regex") == 0)
		node->kind = FILTER_REGEX;
	else
	{
		set_fault(parser, FILTER_FAULT_INVALID, &type_place,
				  vx_filter_format_text(parser->memory, "unknown type \"%s\"", text.bytes),
				  "Known here: \"exact\", \"range\", \"prefix\", \"contains\", \"regex\".");
		return false;
	}

	if (is_absent(match) || !is_absent(range))
	{
		set_invalid(parser, place,
					vx_filter_format_text(parser->memory,
										  "a condition of type \"%s\" must have \"match\", and nothing else",
										  text.bytes));
		return false;
	}
	if (!take_members(parser, match, &match_place, "a match", names, 1, &value))
		return false;
	if (exact || contains)
	{
		if (is_absent(value))
		{
			set_invalid(parser, &value_place, "a value must be a string, a number, true or false");
			return false;
		}
		return read_value(parser, value, &value_place, &node->value);
	}
	if (!read_string(parser, value, &value_place, "the value", &node->value.text))
		return false;
	if (node->kind == FILTER_REGEX)
	{
		if (node->value.text.length > VX_FILTER_MAX_REGEX_BYTES)
			set_fault(parser, FILTER_FAULT_LIMIT, &value_place,
					  vx_filter_format_text(parser->memory, "a regular expression is longer than %d bytes",
											VX_FILTER_MAX_REGEX_BYTES), NULL);
		else if (++parser->regex_count > VX_FILTER_MAX_REGEXES)
			set_fault(parser, FILTER_FAULT_LIMIT, &value_place,
					  vx_filter_format_text(parser->memory, "it has more than %d regular expressions",
											VX_FILTER_MAX_REGEXES), NULL);
		else
		{
			node->place = write_place(parser, &value_place);
			return true;
		}
		return false;
	}
	return true;
}

typedef enum FieldMember
{
	FIELD_KEY,
	FIELD_TYPE,
	FIELD_MATCH,
	FIELD_RANGE,
	FIELD_GEO_BOX,
	FIELD_GEO_RADIUS,
	FIELD_GEO_POLYGON,
	FIELD_VALUES_COUNT,
	FIELD_IS_EMPTY,
	FIELD_IS_NULL,
	FIELD_MEMBERS
} FieldMember;

static const char *const field_names[FIELD_MEMBERS] = {
	"key", "type", "match", "range", "geo_bounding_box", "geo_radius", "geo_polygon",
	"values_count", "is_empty", "is_null"
};

/* {"key": p, one predicate} */
static bool
read_field(Parser *parser, const FilterJson *json, const Place *place, FilterNode *node)
{
	const FilterJson *members[FIELD_MEMBERS];
	const FilterJson *chosen = NULL;
	FieldMember predicate = FIELD_KEY;
	Place		at;
	int			i;

	if (!take_members(parser, json, place, "a condition", field_names, FIELD_MEMBERS, members) ||
		!read_path(parser, members[FIELD_KEY], place, &node->path))
		return false;
	for (i = FIELD_MATCH; i < FIELD_MEMBERS; i++)
	{
		if (is_absent(members[i]))
			continue;
		if (chosen != NULL)
		{
			set_fault(parser, FILTER_FAULT_INVALID, place,
					  vx_filter_format_text(parser->memory,
											"a condition on a key must have one predicate, not \"%s\" and \"%s\"",
											field_names[predicate], field_names[i]),
					  "Write a condition for each.");
			return false;
		}
		chosen = members[i];
		predicate = (FieldMember) i;
	}
	if (!is_absent(members[FIELD_TYPE]))
	{
		if (chosen != NULL && predicate != FIELD_MATCH && predicate != FIELD_RANGE)
		{
			set_invalid(parser, place,
						vx_filter_format_text(parser->memory, "\"%s\" goes with no type",
											  field_names[predicate]));
			return false;
		}
		return read_typed_condition(parser, members[FIELD_TYPE], members[FIELD_MATCH],
									members[FIELD_RANGE], place, node);
	}
	if (chosen == NULL)
	{
		set_fault(parser, FILTER_FAULT_INVALID, place,
				  "a condition on a key must have a predicate",
				  "Known here: \"match\", \"range\", \"geo_bounding_box\", \"geo_radius\","
				  " \"geo_polygon\", \"values_count\", \"is_empty\", \"is_null\".");
		return false;
	}

	at = name_place(place, field_names[predicate]);
	switch (predicate)
	{
		case FIELD_MATCH:
			return read_match(parser, chosen, place, node);
		case FIELD_RANGE:
			return read_range(parser, chosen, place, node);
		case FIELD_GEO_BOX:
			return read_geo_box(parser, chosen, place, node);
		case FIELD_GEO_RADIUS:
			return read_geo_radius(parser, chosen, place, node);
		case FIELD_GEO_POLYGON:
			return read_geo_polygon(parser, chosen, place, node);
		case FIELD_VALUES_COUNT:
			return read_values_count(parser, chosen, place, node);
		case FIELD_IS_EMPTY:
			node->kind = FILTER_KEY_IS_EMPTY;
			return read_bool(parser, chosen, &at, "\"is_empty\" of a key", &node->flag);
		case FIELD_IS_NULL:
			node->kind = FILTER_KEY_IS_NULL;
			return read_bool(parser, chosen, &at, "\"is_null\" of a key", &node->flag);
		case FIELD_KEY:
		case FIELD_TYPE:
		case FIELD_MEMBERS:
			break;
	}
	return false;
}

bool
vx_filter_parse_uuid(const char *text, int length, unsigned char uuid[16])
{
	const char *at = text;
	const char *end = text + length;
	int			digits = 0;

	if (length >= 2 && at[0] == '{' && end[-1] == '}')
	{
		at++;
		end--;
	}
	memset(uuid, 0, 16);
	for (; at < end && digits < 32; at++)
	{
		int			nibble;

		if (*at >= '0' && *at <= '9')
			nibble = *at - '0';
		else if (*at >= 'a' && *at <= 'f')
			nibble = *at - 'a' + 10;
		else if (*at >= 'A' && *at <= 'F')
			nibble = *at - 'A' + 10;
		else if (*at == '-' && digits % 4 == 0 && digits > 0 && at[-1] != '-')
			continue;
		else
			return false;
		uuid[digits / 2] |= (unsigned char) (nibble << (digits % 2 == 0 ? 4 : 0));
		digits++;
	}
	return digits == 32 && at == end;
}

static bool
read_has_id(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	Place		place = name_place(parent, "has_id");
	const FilterJson *element;

	if (!check_list(parser, json, &place, "\"has_id\""))
		return false;
	node->kind = FILTER_HAS_ID;
	node->ids = allocate_zeroed(parser, sizeof(FilterId) * (size_t) json->count);
	for (element = json->first; element != NULL; element = element->next)
	{
		FilterId   *id = &node->ids[node->id_count];
		Place		at = index_place(&place, node->id_count);

		node->id_count++;
		if (element->kind == FILTER_JSON_NUMBER &&
			vx_filter_parse_number(element->text.bytes, element->text.length, &id->number))
			id->kind = FILTER_ID_NUMBER;
		else if (element->kind != FILTER_JSON_STRING)
		{
			set_invalid(parser, &at, "an id must be an integer of at least 0 and below 2^64, or a string");
			return false;
		}
		else if (vx_filter_parse_uuid(element->text.bytes, element->text.length, id->uuid))
		{
			const unsigned char *u = id->uuid;

			id->kind = FILTER_ID_UUID;
			id->text.length = 36;
			id->text.bytes =
				vx_filter_format_text(parser->memory,
									  "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
									  u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
									  u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
		}
		else
		{
			id->kind = FILTER_ID_TEXT;
			id->text = element->text;
		}
	}
	return true;
}

static bool
read_slice(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	static const char *const names[] = {"total", "index"};
	const FilterJson *members[2];
	Place		place = name_place(parent, "slice");
	Place		total = name_place(&place, names[0]);
	Place		index = name_place(&place, names[1]);

	node->kind = FILTER_SLICE;
	if (!take_members(parser, json, &place, "a slice", names, 2, members) ||
		!read_integer(parser, members[0], &total, "a total", 1, &node->slice_total) ||
		!read_integer(parser, members[1], &index, "an index", 0, &node->slice_index))
		return false;
	if (node->slice_index >= node->slice_total)
	{
		set_invalid(parser, &index, "the index of a slice must be below its total");
		return false;
	}
	return true;
}

static bool
read_nested(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *node)
{
	static const char *const names[] = {"key", "filter"};
	const FilterJson *members[2];
	Place		place = name_place(parent, "nested");
	Place		filter = name_place(&place, "filter");

	node->kind = FILTER_NESTED;
	if (!take_members(parser, json, &place, "\"nested\"", names, 2, members) ||
		!read_path(parser, members[0], &place, &node->path))
		return false;
	if (is_absent(members[1]))
	{
		set_invalid(parser, &place, "\"nested\" must have a filter");
		return false;
	}
	if (node->path.steps[node->path.count - 1].kind != FILTER_STEP_EACH)
	{
		Place		key = name_place(&place, "key");

		/* Its canonical form is to be read again. */
		if (node->path.count == VX_FILTER_MAX_STEPS)
		{
			set_invalid(parser, &key, "the path has too many parts, with the [] that \"nested\" adds");
			return false;
		}
		node->path.steps[node->path.count++].kind = FILTER_STEP_EACH;
	}
	node->must.count = 1;
	node->must.nodes = allocate_zeroed(parser, sizeof(FilterNode *));
	node->must.nodes[0] = read_group(parser, members[1], &filter);
	return node->must.nodes[0] != NULL;
}

/* {"is_empty": {"key": p}} and its like */
static bool
read_key_only(Parser *parser, const FilterJson *json, const Place *parent, const char *name,
			  FilterNode *node)
{
	static const char *const names[] = {"key"};
	const FilterJson *key;
	Place		place = name_place(parent, name);

	return take_members(parser, json, &place, quote_name(parser, name), names, 1, &key) &&
		read_path(parser, key, &place, &node->path);
}

static const char *const lone_names[] = {
	"is_empty", "is_null", "has_id", "has_vector", "slice", "nested"
};

/*
 * One condition.  What it is shows by its keys: "key" makes it one on a key,
 * one of lone_names stands alone, and else it is a filter.
 */
static FilterNode *
read_condition(Parser *parser, const FilterJson *json, const Place *place)
{
	FilterNode *node;
	const FilterJson *member;
	const FilterJson *members[1];
	const char *lone = NULL;
	bool		is_field = false;
	bool		good = false;
	int			i;

	if (++parser->condition_count > VX_FILTER_MAX_CONDITIONS)
	{
		set_fault(parser, FILTER_FAULT_LIMIT, place,
				  vx_filter_format_text(parser->memory, "it has more than %d conditions",
										VX_FILTER_MAX_CONDITIONS), NULL);
		return NULL;
	}
	if (json->kind != FILTER_JSON_OBJECT)
	{
		set_invalid(parser, place, "a condition must be an object");
		return NULL;
	}
	for (member = json->first; member != NULL; member = member->next)
	{
		is_field = is_field || is_named(member, "key");
		for (i = 0; i < COUNT_OF(lone_names); i++)
		{
			if (is_named(member, lone_names[i]))
				lone = lone_names[i];
		}
	}
	if (!is_field && lone == NULL)
	{
		/* A predicate without a key is no filter with an unknown member. */
		for (member = json->first; member != NULL; member = member->next)
		{
			for (i = FIELD_TYPE; i < FIELD_MEMBERS; i++)
			{
				if (is_named(member, field_names[i]))
				{
					set_invalid(parser, place,
								vx_filter_format_text(parser->memory, "\"%s\" must have a key", field_names[i]));
					return NULL;
				}
			}
		}
		return read_group(parser, json, place);
	}

	node = allocate_zeroed(parser, sizeof(FilterNode));
	if (is_field)
		good = read_field(parser, json, place, node);
	else if (take_members(parser, json, place, "a condition", &lone, 1, members))
	{
		if (strcmp(lone, "is_empty") == 0)
		{
			node->kind = FILTER_IS_EMPTY;
			good = read_key_only(parser, members[0], place, lone, node);
		}
		else if (strcmp(lone, "is_null") == 0)
		{
			node->kind = FILTER_IS_NULL;
			good = read_key_only(parser, members[0], place, lone, node);
		}
		else if (strcmp(lone, "has_id") == 0)
			good = read_has_id(parser, members[0], place, node);
		else if (strcmp(lone, "has_vector") == 0)
		{
			Place		at = name_place(place, lone);

			node->kind = FILTER_HAS_VECTOR;
			good = read_string(parser, members[0], &at, "\"has_vector\"", &node->value.text);
		}
		else if (strcmp(lone, "slice") == 0)
			good = read_slice(parser, members[0], place, node);
		else
			good = read_nested(parser, members[0], place, node);
	}
	return good ? node : NULL;
}

/* A list of conditions, or one alone; nothing is an empty list. */
static bool
read_list(Parser *parser, const FilterJson *json, const Place *parent, const char *name,
		  bool may_be_alone, FilterList *list)
{
	Place		place = name_place(parent, name);
	const FilterJson *element;

	if (is_absent(json))
		return true;
	if (may_be_alone && json->kind == FILTER_JSON_OBJECT)
	{
		list->nodes = allocate_zeroed(parser, sizeof(FilterNode *));
		list->count = 1;
		list->nodes[0] = read_condition(parser, json, &place);
		return list->nodes[0] != NULL;
	}
	if (!check_list(parser, json, &place, quote_name(parser, name)))
		return false;
	list->nodes = allocate_zeroed(parser, sizeof(FilterNode *) * (size_t) json->count);
	for (element = json->first; element != NULL; element = element->next)
	{
		Place		at = index_place(&place, list->count);
		FilterNode *node = read_condition(parser, element, &at);

		if (node == NULL)
			return false;
		list->nodes[list->count++] = node;
	}
	return true;
}

static bool
read_min_should(Parser *parser, const FilterJson *json, const Place *parent, FilterNode *group)
{
	static const char *const names[] = {"conditions", "min_count"};
	const FilterJson *members[2];
	Place		place = name_place(parent, "min_should");
	Place		min_count = name_place(&place, names[1]);

	if (is_absent(json))
		return true;
	if (!take_members(parser, json, &place, "\"min_should\"", names, 2, members))
		return false;
	if (is_absent(members[0]))
	{
		set_invalid(parser, &place, "\"min_should\" must have conditions");
		return false;
	}
	return read_list(parser, members[0], &place, names[0], false, &group->min_should) &&
		read_integer(parser, members[1], &min_count, "\"min_count\"", 1, &group->min_count);
}

static FilterNode *
read_group(Parser *parser, const FilterJson *json, const Place *place)
{
	static const char *const names[] = {"must", "should", "must_not", "min_should"};
	const FilterJson *members[COUNT_OF(names)];
	FilterNode *group = allocate_zeroed(parser, sizeof(FilterNode));

	group->kind = FILTER_GROUP;
	if (++parser->depth > VX_FILTER_MAX_NESTING)
	{
		set_fault(parser, FILTER_FAULT_LIMIT, place,
				  vx_filter_format_text(parser->memory, "filters are nested more than %d levels deep",
										VX_FILTER_MAX_NESTING), NULL);
		return NULL;
	}
	if (!take_members(parser, json, place, "a filter", names, COUNT_OF(names), members) ||
		!read_list(parser, members[0], place, names[0], true, &group->must) ||
		!read_list(parser, members[1], place, names[1], true, &group->should) ||
		!read_list(parser, members[2], place, names[2], true, &group->must_not) ||
		!read_min_should(parser, members[3], place, group))
		return NULL;
	parser->depth--;
	return group;
}

FilterNode *
vx_filter_parse(const char *text, size_t length, const FilterMemory *memory, FilterFault *fault)
{
	Parser		parser = {memory, fault, 0, 0, 0};
	FilterJson *json = vx_filter_read_json(text, length, memory, fault);

	if (json == NULL)
		return NULL;
	if (json->kind == FILTER_JSON_NULL)
	{
		/* No filter */
		FilterNode *group = allocate_zeroed(&parser, sizeof(FilterNode));

		group->kind = FILTER_GROUP;
		return group;
	}
	return read_group(&parser, json, NULL);
}
