/*-------------------------------------------------------------------------
 *
 * flat_insert.c
 *	  aminsert of the flat access method.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "flat/flat.h"

/* AmInsertRow */
static void
insert_row(StoreIndex *store, ItemPointer tid, uint16 kind, QuantSlotData *slot,
		   const char *attributes)
{
	StoreInserted inserted;

	vx_store_insert(store, tid, kind, slot, attributes, &inserted);
}

bool
vx_flat_insert(Relation index, Datum *values, bool *isnull,
			   ItemPointer heap_tid, Relation heap,
			   IndexUniqueCheck check_unique, bool index_unchanged,
			   IndexInfo *index_info)
{
	vx_am_insert(index, values, isnull, heap_tid, index_info, insert_row);
	return false;
}
