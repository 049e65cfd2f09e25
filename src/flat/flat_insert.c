/*-------------------------------------------------------------------------
 *
 * flat_insert.c
 *	  aminsert of the flat access method.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "flat/flat.h"

/* Kept for the statement in ii_AmCache */
typedef struct FlatInsertState
{
	StoreIndex *store;
	AmColumns  *columns;
	QuantSlotData *slot;
	char	   *attributes;
} FlatInsertState;

bool
vx_flat_insert(Relation index, Datum *values, bool *isnull,
			   ItemPointer heap_tid, Relation heap,
			   IndexUniqueCheck check_unique, bool index_unchanged,
			   IndexInfo *index_info)
{
	FlatInsertState *state = (FlatInsertState *) index_info->ii_AmCache;
	StoreInserted inserted;
	MemoryContext context;
	MemoryContext old_context;
	uint16		kind;

	if (state == NULL)
	{
		old_context = MemoryContextSwitchTo(index_info->ii_Context);
		state = palloc(sizeof(FlatInsertState));
		state->store = vx_store_open(index);
		state->columns = vx_am_open_columns(index);
		state->slot = palloc0(state->store->quant->slot_bytes);
		state->attributes = palloc(state->store->attribute_bytes);
		index_info->ii_AmCache = state;
		MemoryContextSwitchTo(old_context);
	}
	/* A statement may outlive the relcache entry it began with. */
	state->store->relation = index;

	context = AllocSetContextCreate(CurrentMemoryContext, "vecext insert",
									ALLOCSET_SMALL_SIZES);
	old_context = MemoryContextSwitchTo(context);
	kind = vx_am_encode(state->store->quant, values[0], isnull[0], state->slot);
	vx_am_encode_columns(state->columns, values, isnull, state->attributes);
	vx_store_insert(state->store, heap_tid, kind, state->slot, state->attributes, &inserted);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);

	return false;
}
