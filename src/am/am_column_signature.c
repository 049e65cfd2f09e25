/*-------------------------------------------------------------------------
 *
 * am_column_signature.c
 *	  Signature columns: arrays and jsonb.
 *
 * A signature is a Bloom filter: every item of a value sets a few bits.  What
 * contains something has all bits of it.  Bit 0 is set in every one.
 *
 * Items of an array are its elements.  Items of a jsonb are
 * - each scalar, with the keys that lead to it (the terms of payload filters);
 *	 arrays on the way do not count, so that what contains another value has all
 *	 of its items;
 * - what the operator ? finds: keys and strings on the top level.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "am/am_column.h"
#include "filter/filter.h"

#define ARRAY_BYTES 16
#define ARRAY_ITEM_BITS 3

/* Smaller blocks have room for smaller signatures (StoreAttributesPerPage). */
#define JSONB_BYTES (BLCKSZ >= 2048 ? 32 : 16)
#define JSONB_ITEM_BITS 2

StaticAssertDecl(StoreAttributesPerPage(JSONB_BYTES) > 0, "a page has room for signatures");
StaticAssertDecl(StoreAttributesPerPage(ARRAY_BYTES) > 0, "a page has room for signatures");

/* Ways to meet a payload filter that are told apart */
#define MAX_FILTER_PATTERNS 64

/* Tells items that ? finds from others */
#define EXISTS_SEED UINT64CONST(0x3F3F3F3F3F3F3F3F)

/* Set an item's bits in a signature of some bytes; never bit 0. */
static void
add_item(uint64 *signature, int bytes, int item_bits, uint64 hash)
{
	int			i;

	for (i = 0; i < item_bits; i++)
	{
		uint32		bit = 1 + (uint32) (hash & 0xFFFF) % (bytes * 8 - 1);

		signature[bit / 64] |= UINT64CONST(1) << (bit % 64);
		hash >>= 16;
	}
}

static uint64
hash_element(const AmColumn *column, Datum element)
{
	return DatumGetUInt64(FunctionCall2Coll(unconstify(FmgrInfo *, &column->hash),
											column->collation, element, Int64GetDatum(0)));
}

/*
 * Take an array apart; NULL elements are left out and told by *has_null.
 */
static int
read_array(const AmColumn *column, Datum value, Datum **elements, bool *has_null)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	bool	   *nulls;
	int			count;
	int			kept = 0;
	int			i;

	deconstruct_array(array, column->element_type, column->element_length,
					  column->element_by_value, column->element_align,
					  elements, &nulls, &count);
	for (i = 0; i < count; i++)
	{
		if (!nulls[i])
			(*elements)[kept++] = (*elements)[i];
	}
	*has_null = kept < count;
	return kept;
}

static void
encode_array(const AmColumn *column, Datum value, char *slot)
{
	uint64		signature[AM_SIGNATURE_WORDS] = {AM_SIGNATURE_NOT_NULL};
	Datum	   *elements;
	bool		has_null;
	int			count = read_array(column, value, &elements, &has_null);
	int			i;

	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_item(signature, ARRAY_BYTES, ARRAY_ITEM_BITS, hash_element(column, elements[i]));
	}
	memcpy(slot, signature, ARRAY_BYTES);
}

static void
compile_array(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			  AmSlotTest *test)
{
	Datum	   *elements;
	bool		has_null;
	int			count = read_array(column, argument, &elements, &has_null);
	uint64	   *pattern = NULL;
	int			i;

	test->lossy = true;

	/* NULL is in no array, as these operators see it. */
	if (strategy == AM_STRATEGY_CONTAINS && has_null)
		return;
	if (strategy != AM_STRATEGY_OVERLAPS)
		pattern = vx_am_add_pattern(test);
	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (strategy == AM_STRATEGY_OVERLAPS)
			pattern = vx_am_add_pattern(test);
		add_item(pattern, ARRAY_BYTES, ARRAY_ITEM_BITS, hash_element(column, elements[i]));
	}
}

static uint64
hash_exists(const char *string, int length)
{
	return hash_bytes_extended((const unsigned char *) string, length, EXISTS_SEED);
}

/* vx_filter_visit_terms: a scalar with the keys that lead to it */
static void
add_term(const char *term, int length, void *arg)
{
	add_item((uint64 *) arg, JSONB_BYTES, JSONB_ITEM_BITS,
			 hash_bytes_extended((const unsigned char *) term, length, 0));
}

static void
add_jsonb_items(uint64 *signature, Jsonb *jsonb)
{
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	/* What is nested comes as one value. */
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY || (token == WJB_ELEM && value.type == jbvString))
			add_item(signature, JSONB_BYTES, JSONB_ITEM_BITS,
					 hash_exists(value.val.string.val, value.val.string.len));
	}
	vx_filter_visit_terms(jsonb, add_term, signature);
}

/*
 * What a payload filter requires: of each of some groups of terms one.  The
 * patterns are all the ways to choose these; groups that would make too many
 * are left to the filter itself.
 */
static void
compile_filter(Datum argument, AmSlotTest *test)
{
	Filter	   *filter = vx_filter_compile(PG_DETOAST_DATUM(argument), CurrentMemoryContext);
	FilterTermGroup *groups;
	AmSlotTest	ways = {0};		/* test may have those of other filters */
	int			group_count;
	int			i;
	int			j;
	int			k;

	vx_filter_check_row(filter, NULL);
	groups = vx_filter_required_terms(filter, &group_count);
	vx_am_add_pattern(&ways);
	for (i = 0; i < group_count; i++)
	{
		AmSlotTest	wider = {0};

		if ((int64) ways.count * groups[i].count > MAX_FILTER_PATTERNS)
			continue;
		CHECK_FOR_INTERRUPTS();
		for (j = 0; j < ways.count; j++)
		{
			for (k = 0; k < groups[i].count; k++)
			{
				uint64	   *pattern = vx_am_add_pattern(&wider);

				memcpy(pattern, ways.patterns + AM_SIGNATURE_WORDS * j,
					   sizeof(uint64) * AM_SIGNATURE_WORDS);
				add_term(groups[i].terms[k].bytes, groups[i].terms[k].length, pattern);
			}
		}
		ways = wider;
	}
	for (i = 0; i < ways.count; i++)
		memcpy(vx_am_add_pattern(test), ways.patterns + AM_SIGNATURE_WORDS * i,
			   sizeof(uint64) * AM_SIGNATURE_WORDS);
	vx_filter_free(filter);
	test->lossy = true;
}

static void
encode_jsonb(const AmColumn *column, Datum value, char *slot)
{
	uint64		signature[AM_SIGNATURE_WORDS] = {AM_SIGNATURE_NOT_NULL};

	add_jsonb_items(signature, DatumGetJsonbP(value));
	memcpy(slot, signature, JSONB_BYTES);
}

static void
compile_jsonb(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			  AmSlotTest *test)
{
	uint64	   *pattern = NULL;
	Datum	   *keys;
	bool	   *nulls;
	int			count;
	int			i;

	test->lossy = true;
	switch (strategy)
	{
		case AM_STRATEGY_CONTAINS:
			add_jsonb_items(vx_am_add_pattern(test), DatumGetJsonbP(argument));
			break;
		case AM_STRATEGY_EXISTS:
			{
				text	   *key = DatumGetTextPP(argument);

				add_item(vx_am_add_pattern(test), JSONB_BYTES, JSONB_ITEM_BITS,
						 hash_exists(VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)));
				break;
			}
		case AM_STRATEGY_EXISTS_ANY:
		case AM_STRATEGY_EXISTS_ALL:
			deconstruct_array(DatumGetArrayTypeP(argument), TEXTOID, -1, false, TYPALIGN_INT,
							  &keys, &nulls, &count);
			if (strategy == AM_STRATEGY_EXISTS_ALL)
				pattern = vx_am_add_pattern(test);
			for (i = 0; i < count; i++)
			{
				if (nulls[i])
					continue;
				if (strategy == AM_STRATEGY_EXISTS_ANY)
					pattern = vx_am_add_pattern(test);
				add_item(pattern, JSONB_BYTES, JSONB_ITEM_BITS,
						 hash_exists(VARDATA_ANY(DatumGetPointer(keys[i])),
									 VARSIZE_ANY_EXHDR(DatumGetPointer(keys[i]))));
			}
			break;
		case AM_STRATEGY_FILTER:
			compile_filter(argument, test);
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
}

PG_FUNCTION_INFO_V1(vecext_column_array);
Datum
vecext_column_array(PG_FUNCTION_ARGS)
{
	static const AmColumnMethods methods = {
		ARRAY_BYTES, true, true, encode_array, compile_array
	};

	PG_RETURN_POINTER(&methods);
}

PG_FUNCTION_INFO_V1(vecext_column_jsonb);
Datum
vecext_column_jsonb(PG_FUNCTION_ARGS)
{
	static const AmColumnMethods methods = {
		JSONB_BYTES, true, false, encode_jsonb, compile_jsonb
	};

	PG_RETURN_POINTER(&methods);
}
