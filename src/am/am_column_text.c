/*-------------------------------------------------------------------------
 *
 * am_column_text.c
 *	  Key columns of type text.
 *
 * The upper half of a key is the value's first four bytes, the lower half a
 * hash of all of it.  The hash tells equal from different; the bytes serve
 * prefixes (LIKE, ^@), which compare bytes in every deterministic collation,
 * and order where the collation orders by bytes.  Everything is lossy.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "am/am_column.h"

#define HASH_MASK PG_UINT32_MAX

/* The first four bytes as a number, zeros behind a shorter value */
static uint64
read_start(const char *data, int length)
{
	uint64		start = 0;
	int			i;

	for (i = 0; i < 4; i++)
		start = start << 8 | (i < length ? (unsigned char) data[i] : 0);
	return start;
}

static uint64
key_of_text(const AmColumn *column, Datum value)
{
	text	   *string = DatumGetTextPP(value);
	uint64		hash = DatumGetUInt64(DirectFunctionCall2Coll(hashtextextended, column->collation,
															  PointerGetDatum(string),
															  Int64GetDatum(0)));

	/* With a collation in which different bytes may be equal, only the hash */
	if (!column->deterministic)
		return Max(hash, 1);
	return Max(read_start(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)) << 32 |
			   (hash & HASH_MASK), 1);
}

static void
encode_text(const AmColumn *column, Datum value, char *slot)
{
	uint64		key = key_of_text(column, value);

	memcpy(slot, &key, sizeof(key));
}

/* Ask for values that begin with these bytes. */
static void
add_prefix(AmSlotTest *test, const char *data, int length)
{
	uint64		low = read_start(data, length);
	uint64		high = low;

	if (length < 4)
		high |= PG_UINT32_MAX >> (8 * length);
	vx_am_add_range(test, Max(low << 32, 1), high << 32 | HASH_MASK);
}

/*
 * The bytes that a LIKE pattern begins with, up to the first wildcard, in the
 * current memory context; *exact if there is none.
 */
static char *
read_pattern(const text *pattern, int *length, bool *exact)
{
	const char *data = VARDATA_ANY(pattern);
	int			end = VARSIZE_ANY_EXHDR(pattern);
	char	   *prefix = palloc(end + 1);
	int			i;

	*length = 0;
	*exact = false;
	for (i = 0; i < end; i++)
	{
		if (data[i] == '%' || data[i] == '_')
			return prefix;
		if (data[i] == '\\')
		{
			/* The executor raises an error if nothing follows. */
			if (++i == end)
				return prefix;
		}
		prefix[(*length)++] = data[i];
	}
	*exact = true;
	return prefix;
}

static void
compile_text(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	text	   *string = DatumGetTextPP(argument);
	const char *data = VARDATA_ANY(string);
	int			length = VARSIZE_ANY_EXHDR(string);
	uint64		start = read_start(data, length) << 32;
	uint64		key;
	bool		exact;

	test->lossy = true;
	if (strategy == AM_STRATEGY_EQUAL)
	{
		key = key_of_text(column, argument);
		vx_am_add_range(test, key, key);
		return;
	}
	if (!column->deterministic ||
		(strategy <= AM_STRATEGY_GREATER && !column->by_bytes))
	{
		/* Any value may be meant. */
		vx_am_add_range(test, 1, PG_UINT64_MAX);
		return;
	}

	switch (strategy)
	{
		case AM_STRATEGY_LESS:
		case AM_STRATEGY_LESS_EQUAL:
			vx_am_add_range(test, 1, start | HASH_MASK);
			break;
		case AM_STRATEGY_GREATER_EQUAL:
		case AM_STRATEGY_GREATER:
			vx_am_add_range(test, Max(start, 1), PG_UINT64_MAX);
			break;
		case AM_STRATEGY_PREFIX:
			add_prefix(test, data, length);
			break;
		case AM_STRATEGY_LIKE:
			data = read_pattern(string, &length, &exact);
			if (exact)
			{
				key = key_of_text(column, PointerGetDatum(cstring_to_text_with_len(data, length)));
				vx_am_add_range(test, key, key);
			}
			else
				add_prefix(test, data, length);
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
}

PG_FUNCTION_INFO_V1(vecext_column_text);
Datum
vecext_column_text(PG_FUNCTION_ARGS)
{
	static const AmColumnMethods methods = {
		8, false, false, encode_text, compile_text
	};

	PG_RETURN_POINTER(&methods);
}
