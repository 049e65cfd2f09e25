/*-------------------------------------------------------------------------
 *
 * am_column.c
 *	  The columns of an index after the vector: which there are, and the slots
 *	  of a row's values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "am/am_column.h"
#include "am/am_index.h"
#include "base/base_collation.h"
#include "base/base_compat.h"

/*
 * Elements of an array column are told apart by the hash function that goes
 * with their equality.
 */
static void
open_elements(Relation index, AmColumn *column, int number)
{
	TypeCacheEntry *entry;

	column->element_type = get_base_element_type(column->type);
	if (!OidIsValid(column->element_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %d of index \"%s\" has type %s, which is no array",
						number, RelationGetRelationName(index), format_type_be(column->type))));
	entry = lookup_type_cache(column->element_type, TYPECACHE_HASH_EXTENDED_PROC_FINFO);
	if (!OidIsValid(entry->hash_extended_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an extended hash function for type %s",
						format_type_be(column->element_type))));
	fmgr_info_copy(&column->hash, &entry->hash_extended_proc_finfo, CurrentMemoryContext);
	column->element_length = entry->typlen;
	column->element_by_value = entry->typbyval;
	column->element_align = entry->typalign;
}

/*
 * The columns of an index, in the current memory context.
 */
AmColumns *
vx_am_open_columns(Relation index)
{
	AmColumns  *columns = palloc0(sizeof(AmColumns));
	TupleDesc	desc = RelationGetDescr(index);
	int			i;

	for (i = 1; i < desc->natts; i++)
	{
		AmColumn   *column = &columns->column[i - 1];

		if (!OidIsValid(index_getprocid(index, i + 1, AM_PROC_COLUMN)))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column %d of index \"%s\" cannot be a vector",
							i + 1, RelationGetRelationName(index)),
					 errdetail("The first column is what the index searches, the others are for conditions.")));
		column->methods = (const AmColumnMethods *)
			DatumGetPointer(FunctionCall1(index_getprocinfo(index, i + 1, AM_PROC_COLUMN),
										  PointerGetDatum(NULL)));
		column->type = getBaseType(TupleDescAttr(desc, i)->atttypid);
		column->collation = index->rd_indcollation[i];
		if (OidIsValid(column->collation))
		{
			column->deterministic = get_collation_isdeterministic(column->collation);
			column->by_bytes = column->deterministic && vx_base_collation_is_c(column->collation);
		}
		if (column->methods->of_arrays)
			open_elements(index, column, i + 1);
		columns->store.bytes[i - 1] = column->methods->bytes;
		columns->store.total_bytes += column->methods->bytes;
		columns->store.count++;
	}
	return columns;
}

/*
 * ereport(ERROR) unless the metapage has slots as wide as the operator classes
 * write them.  Whoever reads or writes slots of an index that was there before
 * calls this first: memory is taken by the one and filled by the other.
 */
void
vx_am_check_columns(const AmColumns *columns, const StoreIndex *store)
{
	int			i;

	for (i = 0; i < columns->store.count; i++)
	{
		if (columns->store.bytes[i] != store->meta.attribute_bytes[i])
			vx_store_report_corruption(store->relation, "Attribute column %d has %u bytes, expected %u.",
									   i + 1, store->meta.attribute_bytes[i],
									   columns->store.bytes[i]);
	}
}

/*
 * The slots of a row, by the values of the index's columns, the vector's first.
 */
void
vx_am_encode_columns(const AmColumns *columns, const Datum *values, const bool *isnull,
					 char *attributes)
{
	int			i;

	for (i = 0; i < columns->store.count; i++)
	{
		memset(attributes, 0, columns->store.bytes[i]);
		if (!isnull[i + 1])
			columns->column[i].methods->encode(&columns->column[i], values[i + 1], attributes);
		attributes += columns->store.bytes[i];
	}
}

/* Room for one more range or pattern */
static void
grow_test(AmSlotTest *test)
{
	if (test->count < test->room)
		return;
	if (test->room == 0)
	{
		test->room = 4;
		test->ranges = palloc(sizeof(AmKeyRange) * test->room);
		test->patterns = palloc(sizeof(uint64) * AM_SIGNATURE_WORDS * test->room);
	}
	else
	{
		test->room *= 2;
		test->ranges = repalloc_huge(test->ranges, sizeof(AmKeyRange) * test->room);
		test->patterns = repalloc_huge(test->patterns,
									   sizeof(uint64) * AM_SIGNATURE_WORDS * test->room);
	}
}

/* A key in this range is wanted. */
void
vx_am_add_range(AmSlotTest *test, uint64 low, uint64 high)
{
	if (low > high)
		return;
	grow_test(test);
	test->ranges[test->count].low = low;
	test->ranges[test->count].high = high;
	test->count++;
}

/* A signature with all bits of this pattern is wanted; the caller adds bits. */
uint64 *
vx_am_add_pattern(AmSlotTest *test)
{
	uint64	   *pattern;

	grow_test(test);
	pattern = test->patterns + AM_SIGNATURE_WORDS * test->count++;
	memset(pattern, 0, sizeof(uint64) * AM_SIGNATURE_WORDS);
	pattern[0] = AM_SIGNATURE_NOT_NULL;
	return pattern;
}
