/*-------------------------------------------------------------------------
 *
 * graph_key.c
 *	  Keys of nodes: whole numbers, uuids or texts.
 *
 * Two keys are one node if they are equal byte by byte, which is what = says
 * for all of these types (columns with collations for which that is not so are
 * refused).  All whole numbers are one kind, so that columns and callers may
 * differ in their width.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "base/base_compat.h"
#include "graph/graph.h"

#define INT_ELEMENT_BYTES 8

/* Which kind a type is; false if no node can be of that type. */
bool
vx_graph_key_kind(Oid type, GraphKeyKind *kind)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			*kind = GRAPH_KEY_INT;
			return true;
		case UUIDOID:
			*kind = GRAPH_KEY_UUID;
			return true;
		case TEXTOID:
		case VARCHAROID:
			*kind = GRAPH_KEY_TEXT;
			return true;
		default:
			return false;
	}
}

/*
 * The key in a value of a table.  It points into the value, or into the current
 * memory context if that had to be unpacked.
 */
GraphKey
vx_graph_key_from_datum(GraphKeyKind kind, Oid type, Datum value)
{
	GraphKey	key;

	if (kind == GRAPH_KEY_INT)
	{
		key.length = 0;
		key.value.number = type == INT8OID ? DatumGetInt64(value) :
			type == INT4OID ? DatumGetInt32(value) : DatumGetInt16(value);
	}
	else if (kind == GRAPH_KEY_UUID)
	{
		key.length = UUID_LEN;
		key.value.data = (const char *) DatumGetUUIDP(value)->data;
	}
	else
	{
		text	   *packed = DatumGetTextPP(value);

		key.length = VARSIZE_ANY_EXHDR(packed);
		key.value.data = VARDATA_ANY(packed);
	}
	return key;
}

/* The type of arrays that vx_graph_key_array() makes. */
Oid
vx_graph_key_array_type(GraphKeyKind kind)
{
	return kind == GRAPH_KEY_INT ? INT8ARRAYOID : kind == GRAPH_KEY_UUID ? UUIDARRAYOID : TEXTARRAYOID;
}

Datum
vx_graph_key_array(GraphKeyKind kind, const GraphKey *keys, int count)
{
	Datum	   *values = palloc(count * sizeof(Datum));
	ArrayType  *array;

	for (int i = 0; i < count; i++)
	{
		if (kind == GRAPH_KEY_INT)
			values[i] = Int64GetDatum(keys[i].value.number);
		else if (kind == GRAPH_KEY_UUID)
			values[i] = PointerGetDatum(keys[i].value.data);
		else
			values[i] = PointerGetDatum(cstring_to_text_with_len(keys[i].value.data, keys[i].length));
	}
	if (kind == GRAPH_KEY_INT)
		array = construct_array(values, count, INT8OID, INT_ELEMENT_BYTES, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	else if (kind == GRAPH_KEY_UUID)
		array = construct_array(values, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR);
	else
		array = construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT);
	pfree(values);
	return PointerGetDatum(array);
}

/*
 * What the caller has for nodes: the same kind as the table, or text, from and
 * into which all kinds are converted.
 */
void
vx_graph_key_set_type(GraphKeyType *keytype, GraphKeyKind kind, Oid type)
{
	GraphKeyKind caller_kind;

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of nodes");
	if (!vx_graph_key_kind(type, &caller_kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("nodes cannot be of type %s", format_type_be(type)),
				 errdetail("Nodes are of type integer, bigint, uuid or text.")));
	if (caller_kind != kind && caller_kind != GRAPH_KEY_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("nodes of type %s are asked for, but the edges are between nodes of type %s",
						format_type_be(type),
						kind == GRAPH_KEY_INT ? "bigint" : kind == GRAPH_KEY_UUID ? "uuid" : "text"),
				 errhint("Cast the nodes to the type of the edges' columns, or to text.")));
	keytype->kind = kind;
	keytype->type = type;
	get_typlenbyvalalign(type, &keytype->typlen, &keytype->typbyval, &keytype->typalign);
}

static bool
is_text(const GraphKeyType *keytype)
{
	return keytype->type == TEXTOID || keytype->type == VARCHAROID;
}

/* As vx_graph_key_from_datum(), for a value of the caller. */
GraphKey
vx_graph_key_from_caller(const GraphKeyType *keytype, Datum value)
{
	Oid			type = keytype->type;

	if (is_text(keytype) && keytype->kind != GRAPH_KEY_TEXT)
	{
		Datum		string = CStringGetDatum(TextDatumGetCString(value));

		if (keytype->kind == GRAPH_KEY_INT)
		{
			value = DirectFunctionCall1(int8in, string);
			type = INT8OID;
		}
		else
		{
			value = DirectFunctionCall1(uuid_in, string);
			type = UUIDOID;
		}
	}
	return vx_graph_key_from_datum(keytype->kind, type, value);
}

/* The key of one node that is an argument, which must not be null. */
GraphKey
vx_graph_key_from_arg(FunctionCallInfo fcinfo, int arg, GraphKeyKind kind, GraphKeyType *keytype)
{
	vx_graph_key_set_type(keytype, kind, getBaseType(get_fn_expr_argtype(fcinfo->flinfo, arg)));
	return vx_graph_key_from_caller(keytype, PG_GETARG_DATUM(arg));
}

/* A key as the caller wants it, in the current memory context. */
Datum
vx_graph_key_to_caller(const GraphKeyType *keytype, GraphKey key)
{
	Datum		value;

	if (keytype->kind == GRAPH_KEY_TEXT)
		return PointerGetDatum(cstring_to_text_with_len(key.value.data, key.length));
	if (keytype->kind == GRAPH_KEY_UUID)
	{
		char	   *copy;

		if (is_text(keytype))
		{
			value = DirectFunctionCall1(uuid_out, PointerGetDatum(key.value.data));
			return CStringGetTextDatum(DatumGetCString(value));
		}
		copy = palloc(UUID_LEN);
		memcpy(copy, key.value.data, UUID_LEN);
		return PointerGetDatum(copy);
	}
	if (is_text(keytype))
	{
		value = DirectFunctionCall1(int8out, Int64GetDatum(key.value.number));
		return CStringGetTextDatum(DatumGetCString(value));
	}
	if (keytype->type == INT8OID)
		return Int64GetDatum(key.value.number);
	if (key.value.number < (keytype->type == INT4OID ? PG_INT32_MIN : PG_INT16_MIN) ||
		key.value.number > (keytype->type == INT4OID ? PG_INT32_MAX : PG_INT16_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("node " INT64_FORMAT " is out of range for type %s",
						key.value.number, format_type_be(keytype->type)),
				 errhint("Cast the nodes that are given to bigint.")));
	return keytype->type == INT4OID ? Int32GetDatum((int32) key.value.number) :
		Int16GetDatum((int16) key.value.number);
}

static inline int
compare_numbers(const GraphKey *a, const GraphKey *b)
{
	return (a->value.number > b->value.number) - (a->value.number < b->value.number);
}

static inline int
compare_bytes(const GraphKey *a, const GraphKey *b)
{
	int			result = memcmp(a->value.data, b->value.data, Min(a->length, b->length));

	return result != 0 ? result : (a->length > b->length) - (a->length < b->length);
}

#define ST_SORT sort_numbers
#define ST_ELEMENT_TYPE GraphKey
#define ST_COMPARE(a, b) compare_numbers(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_bytes
#define ST_ELEMENT_TYPE GraphKey
#define ST_COMPARE(a, b) compare_bytes(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

int
vx_graph_compare_keys(GraphKeyKind kind, const GraphKey *a, const GraphKey *b)
{
	return kind == GRAPH_KEY_INT ? compare_numbers(a, b) : compare_bytes(a, b);
}

/* In the order in which numbers and uuids stand in an index; text as in "C". */
void
vx_graph_sort_keys(GraphKeyKind kind, GraphKey *keys, size_t count)
{
	if (kind == GRAPH_KEY_INT)
		sort_numbers(keys, count);
	else
		sort_bytes(keys, count);
}
