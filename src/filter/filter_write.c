/*-------------------------------------------------------------------------
 *
 * filter_write.c
 *	  Server-free writing of payload filters: canonical text.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/filter_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Writer
{
	const FilterMemory *memory;
	char	   *bytes;
	size_t		length;
	size_t		room;
} Writer;

static void write_condition(Writer *writer, const FilterNode *node);

/* What is outgrown stays where it is until all of the memory goes. */
static void
put_bytes(Writer *writer, const char *bytes, size_t length)
{
	if (writer->length + length + 1 > writer->room)
	{
		size_t		room = (writer->length + length + 1) * 2 + 128;
		char	   *grown = writer->memory->allocate(writer->memory->arg, room);

		if (writer->length > 0)
			memcpy(grown, writer->bytes, writer->length);
		writer->bytes = grown;
		writer->room = room;
	}
	if (length > 0)
		memcpy(writer->bytes + writer->length, bytes, length);
	writer->length += length;
	writer->bytes[writer->length] = '\0';
}

static void
put_text(Writer *writer, const char *text)
{
	put_bytes(writer, text, strlen(text));
}

static void
put_integer(Writer *writer, int64_t value)
{
	char		text[32];

	snprintf(text, sizeof(text), "%lld", (long long) value);
	put_text(writer, text);
}

/* 17 digits tell every float8 from its neighbours. */
static void
put_double(Writer *writer, double value)
{
	char		text[32];

	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	put_text(writer, text);
}

/* A JSON string; what PostgreSQL's own JSON escapes is escaped. */
static void
put_string(Writer *writer, FilterString string)
{
	int			i;
	int			start = 0;

	put_text(writer, "\"");
	for (i = 0; i < string.length; i++)
	{
		unsigned char byte = (unsigned char) string.bytes[i];
		char		escape[8];

		if (byte >= ' ' && byte != '"' && byte != '\\')
			continue;
		put_bytes(writer, string.bytes + start, (size_t) (i - start));
		start = i + 1;
		if (byte == '"')
			put_text(writer, "\\\"");
		else if (byte == '\\')
			put_text(writer, "\\\\");
		else if (byte == '\n')
			put_text(writer, "\\n");
		else if (byte == '\t')
			put_text(writer, "\\t");
		else if (byte == '\r')
			put_text(writer, "\\r");
		else if (byte == '\b')
			put_text(writer, "\\b");
		else if (byte == '\f')
			put_text(writer, "\\f");
		else
		{
			snprintf(escape, sizeof(escape), "\\u%04x", byte);
			put_text(writer, escape);
		}
	}
	put_bytes(writer, string.bytes + start, (size_t) (string.length - start));
	put_text(writer, "\"");
}

static void
put_path_text(Writer *writer, const FilterPath *path)
{
	int			i;

	for (i = 0; i < path->count; i++)
	{
		const FilterStep *step = &path->steps[i];

		switch (step->kind)
		{
			case FILTER_STEP_KEY:
				if (i > 0)
					put_text(writer, ".");
				if (vx_filter_is_bare_key(step->key.bytes, step->key.length))
					put_bytes(writer, step->key.bytes, (size_t) step->key.length);
				else
				{
					put_text(writer, "\"");
					put_bytes(writer, step->key.bytes, (size_t) step->key.length);
					put_text(writer, "\"");
				}
				break;
			case FILTER_STEP_INDEX:
				put_text(writer, "[");
				put_integer(writer, step->index);
				put_text(writer, "]");
				break;
			case FILTER_STEP_EACH:
				put_text(writer, "[]");
				break;
		}
	}
}

FilterString
vx_filter_write_path(const FilterPath *path, const FilterMemory *memory)
{
	Writer		writer = {memory, NULL, 0, 0};
	FilterString text;

	put_bytes(&writer, "", 0);
	put_path_text(&writer, path);
	text.bytes = writer.bytes;
	text.length = (int) writer.length;
	return text;
}

static void
put_key(Writer *writer, const FilterPath *path)
{
	put_text(writer, "\"key\": ");
	put_string(writer, vx_filter_write_path(path, writer->memory));
}

static void
put_value(Writer *writer, const FilterValue *value)
{
	switch (value->kind)
	{
		case FILTER_VALUE_STRING:
			put_string(writer, value->text);
			break;
		case FILTER_VALUE_NUMBER:
			put_bytes(writer, value->text.bytes, (size_t) value->text.length);
			break;
		case FILTER_VALUE_BOOL:
			put_text(writer, value->boolean ? "true" : "false");
			break;
	}
}

static void
put_values(Writer *writer, const FilterNode *node)
{
	int			i;

	put_text(writer, "[");
	for (i = 0; i < node->value_count; i++)
	{
		if (i > 0)
			put_text(writer, ", ");
		put_value(writer, &node->values[i]);
	}
	put_text(writer, "]");
}

static void
put_bounds(Writer *writer, const FilterNode *node)
{
	static const char *const names[FILTER_BOUNDS] = {"gt", "gte", "lt", "lte"};
	const char *comma = "";
	int			i;

	put_text(writer, "{");
	for (i = 0; i < FILTER_BOUNDS; i++)
	{
		const FilterBound *bound = &node->bounds[i];

		if (!bound->present)
			continue;
		put_text(writer, comma);
		put_text(writer, "\"");
		put_text(writer, names[i]);
		put_text(writer, "\": ");
		if (node->kind == FILTER_VALUES_COUNT)
			put_integer(writer, bound->number);
		else if (node->kind == FILTER_RANGE)
			put_bytes(writer, bound->text.bytes, (size_t) bound->text.length);
		else
			put_string(writer, bound->text);
		comma = ", ";
	}
	put_text(writer, "}");
}

static void
put_point(Writer *writer, FilterPoint point)
{
	put_text(writer, "{\"lon\": ");
	put_double(writer, point.lon);
	put_text(writer, ", \"lat\": ");
	put_double(writer, point.lat);
	put_text(writer, "}");
}

static void
put_ring(Writer *writer, const FilterRing *ring)
{
	int			i;

	put_text(writer, "{\"points\": [");
	for (i = 0; i < ring->count; i++)
	{
		if (i > 0)
			put_text(writer, ", ");
		put_point(writer, ring->points[i]);
	}
	put_text(writer, "]}");
}

static void
put_polygon(Writer *writer, const FilterNode *node)
{
	int			i;

	put_text(writer, "{\"exterior\": ");
	put_ring(writer, &node->rings[0]);
	if (node->ring_count > 1)
	{
		put_text(writer, ", \"interiors\": [");
		for (i = 1; i < node->ring_count; i++)
		{
			if (i > 1)
				put_text(writer, ", ");
			put_ring(writer, &node->rings[i]);
		}
		put_text(writer, "]");
	}
	put_text(writer, "}");
}

static void
put_ids(Writer *writer, const FilterNode *node)
{
	char		text[32];
	int			i;

	put_text(writer, "[");
	for (i = 0; i < node->id_count; i++)
	{
		if (i > 0)
			put_text(writer, ", ");
		if (node->ids[i].kind == FILTER_ID_NUMBER)
		{
			snprintf(text, sizeof(text), "%llu", (unsigned long long) node->ids[i].number);
			put_text(writer, text);
		}
		else
			put_string(writer, node->ids[i].text);
	}
	put_text(writer, "]");
}

static void
put_list(Writer *writer, const char **comma, const char *name, const FilterList *list)
{
	int			i;

	if (list->count == 0)
		return;
	put_text(writer, *comma);
	put_text(writer, "\"");
	put_text(writer, name);
	put_text(writer, "\": [");
	for (i = 0; i < list->count; i++)
	{
		if (i > 0)
			put_text(writer, ", ");
		write_condition(writer, list->nodes[i]);
	}
	put_text(writer, "]");
	*comma = ", ";
}

static void
write_group(Writer *writer, const FilterNode *group)
{
	const char *comma = "";

	put_text(writer, "{");
	put_list(writer, &comma, "must", &group->must);
	put_list(writer, &comma, "should", &group->should);
	put_list(writer, &comma, "must_not", &group->must_not);
	if (group->min_should.count > 0)
	{
		put_text(writer, comma);
		comma = "";
		put_text(writer, "\"min_should\": {");
		put_list(writer, &comma, "conditions", &group->min_should);
		put_text(writer, ", \"min_count\": ");
		put_integer(writer, group->min_count);
		put_text(writer, "}");
	}
	put_text(writer, "}");
}

/* {"key": p, "match": {what: the node's string}} */
static void
put_match_string(Writer *writer, const char *what, const FilterNode *node)
{
	put_text(writer, ", \"match\": {\"");
	put_text(writer, what);
	put_text(writer, "\": ");
	put_string(writer, node->value.text);
	put_text(writer, "}");
}

static void
write_condition(Writer *writer, const FilterNode *node)
{
	switch (node->kind)
	{
		case FILTER_GROUP:
			write_group(writer, node);
			return;
		case FILTER_IS_EMPTY:
			put_text(writer, "{\"is_empty\": {");
			put_key(writer, &node->path);
			put_text(writer, "}}");
			return;
		case FILTER_IS_NULL:
			put_text(writer, "{\"is_null\": {");
			put_key(writer, &node->path);
			put_text(writer, "}}");
			return;
		case FILTER_HAS_ID:
			put_text(writer, "{\"has_id\": ");
			put_ids(writer, node);
			put_text(writer, "}");
			return;
		case FILTER_HAS_VECTOR:
			put_text(writer, "{\"has_vector\": ");
			put_string(writer, node->value.text);
			put_text(writer, "}");
			return;
		case FILTER_SLICE:
			put_text(writer, "{\"slice\": {\"total\": ");
			put_integer(writer, node->slice_total);
			put_text(writer, ", \"index\": ");
			put_integer(writer, node->slice_index);
			put_text(writer, "}}");
			return;
		case FILTER_NESTED:
			put_text(writer, "{\"nested\": {");
			put_key(writer, &node->path);
			put_text(writer, ", \"filter\": ");
			write_group(writer, node->must.nodes[0]);
			put_text(writer, "}}");
			return;
		default:
			break;
	}

	put_text(writer, "{");
	put_key(writer, &node->path);
	switch (node->kind)
	{
		case FILTER_MATCH_VALUE:
			put_text(writer, ", \"match\": {\"value\": ");
			put_value(writer, &node->value);
			put_text(writer, "}");
			break;
		case FILTER_MATCH_ANY:
			put_text(writer, ", \"match\": {\"any\": ");
			put_values(writer, node);
			put_text(writer, "}");
			break;
		case FILTER_MATCH_EXCEPT:
			put_text(writer, ", \"match\": {\"except\": ");
			put_values(writer, node);
			put_text(writer, "}");
			break;
		case FILTER_MATCH_TEXT:
			put_match_string(writer, "text", node);
			break;
		case FILTER_MATCH_TEXT_ANY:
			put_match_string(writer, "text_any", node);
			break;
		case FILTER_MATCH_PHRASE:
			put_match_string(writer, "phrase", node);
			break;
		case FILTER_MATCH_PREFIX:
			put_match_string(writer, "prefix", node);
			break;
		case FILTER_CONTAINS:
			put_text(writer, ", \"type\": \"contains\", \"match\": {\"value\": ");
			put_value(writer, &node->value);
			put_text(writer, "}");
			break;
		case FILTER_REGEX:
			put_text(writer, ", \"type\": \"regex\"");
			put_match_string(writer, "value", node);
			break;
		case FILTER_RANGE:
		case FILTER_DATETIME_RANGE:
			put_text(writer, ", \"range\": ");
			put_bounds(writer, node);
			break;
		case FILTER_GEO_BOX:
			put_text(writer, ", \"geo_bounding_box\": {\"top_left\": ");
			put_point(writer, node->points[0]);
			put_text(writer, ", \"bottom_right\": ");
			put_point(writer, node->points[1]);
			put_text(writer, "}");
			break;
		case FILTER_GEO_RADIUS:
			put_text(writer, ", \"geo_radius\": {\"center\": ");
			put_point(writer, node->points[0]);
			put_text(writer, ", \"radius\": ");
			put_double(writer, node->metres);
			put_text(writer, "}");
			break;
		case FILTER_GEO_POLYGON:
			put_text(writer, ", \"geo_polygon\": ");
			put_polygon(writer, node);
			break;
		case FILTER_VALUES_COUNT:
			put_text(writer, ", \"values_count\": ");
			put_bounds(writer, node);
			break;
		case FILTER_KEY_IS_EMPTY:
			put_text(writer, node->flag ? ", \"is_empty\": true" : ", \"is_empty\": false");
			break;
		case FILTER_KEY_IS_NULL:
			put_text(writer, node->flag ? ", \"is_null\": true" : ", \"is_null\": false");
			break;
		default:
			break;
	}
	put_text(writer, "}");
}

FilterString
vx_filter_write(const FilterNode *group, const FilterMemory *memory)
{
	return vx_filter_write_condition(group, memory);
}

FilterString
vx_filter_write_condition(const FilterNode *node, const FilterMemory *memory)
{
	Writer		writer = {memory, NULL, 0, 0};
	FilterString text;

	write_condition(&writer, node);
	text.bytes = writer.bytes;
	text.length = (int) writer.length;
	return text;
}
