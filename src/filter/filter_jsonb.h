/*-------------------------------------------------------------------------
 *
 * filter_jsonb.h
 *	  Walking jsonb without allocating: utils/jsonb.h describes the layout,
 *	  which is that of stored values and so the same in every version.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_JSONB_H
#define VX_FILTER_JSONB_H

#include "utils/jsonb.h"

/* Children of a container from first on, in their order */
typedef struct JsonbCursor
{
	const JsonbContainer *container;
	const char *base;			/* where the children's data begin */
	int			index;			/* of the next child */
	int			end;
	uint32		offset;			/* of its data */
} JsonbCursor;

static inline bool
is_jsonb_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

static inline bool
is_jsonb_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static inline int
count_jsonb_elements(const JsonbValue *array)
{
	return JsonContainerSize(array->val.binary.data);
}

/*
 * A container as a value: the root of a payload.  A lone scalar is stored as
 * an array of one element; it becomes a null, which has no members.
 */
static inline void
make_jsonb_root(const Jsonb *payload, JsonbValue *value)
{
	if (JsonContainerIsScalar(&payload->root))
		value->type = jbvNull;
	else
	{
		value->type = jbvBinary;
		value->val.binary.data = (JsonbContainer *) &payload->root;
		value->val.binary.len = VARSIZE(payload) - VARHDRSZ;
	}
}

/* Elements of an array from index on; of an object, its keys, then its values */
static inline void
start_jsonb_cursor(JsonbCursor *cursor, const JsonbContainer *container, int index)
{
	int			children = JsonContainerSize(container);

	if (JsonContainerIsObject(container))
		children *= 2;
	cursor->container = container;
	cursor->base = (const char *) &container->children[children];
	cursor->index = index;
	cursor->end = children;
	cursor->offset = index > 0 ? getJsonbOffset(container, index) : 0;
}

/* The next child; strings and numbers point into the container. */
static inline bool
next_jsonb_child(JsonbCursor *cursor, JsonbValue *value)
{
	JEntry		entry;
	const char *data;
	uint32		start = cursor->offset;

	if (cursor->index >= cursor->end)
		return false;
	entry = cursor->container->children[cursor->index++];
	JBE_ADVANCE_OFFSET(cursor->offset, entry);
	data = cursor->base + start;

	if (JBE_ISSTRING(entry))
	{
		value->type = jbvString;
		value->val.string.val = (char *) data;
		value->val.string.len = cursor->offset - start;
	}
	else if (JBE_ISNUMERIC(entry))
	{
		value->type = jbvNumeric;
		value->val.numeric = (Numeric) (cursor->base + INTALIGN(start));
	}
	else if (JBE_ISBOOL(entry))
	{
		value->type = jbvBool;
		value->val.boolean = JBE_ISBOOL_TRUE(entry);
	}
	else if (JBE_ISCONTAINER(entry))
	{
		value->type = jbvBinary;
		value->val.binary.data = (JsonbContainer *) (cursor->base + INTALIGN(start));
		value->val.binary.len = cursor->offset - INTALIGN(start);
	}
	else
		value->type = jbvNull;
	return true;
}

#endif							/* VX_FILTER_JSONB_H */
