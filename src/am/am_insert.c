/*-------------------------------------------------------------------------
 *
 * am_insert.c
 *	  aminsert of both access methods, up to the encoded row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "am/am_index.h"

/* Kept for the statement in ii_AmCache */
typedef struct AmInsertState
{
	StoreIndex *store;
	AmColumns  *columns;
	QuantSlotData *slot;
	char	   *attributes;
} AmInsertState;

void
vx_am_insert(Relation index, const Datum *values, const bool *isnull, ItemPointer tid,
			 IndexInfo *index_info, AmInsertRow insert_row)
{
	AmInsertState *state = (AmInsertState *) index_info->ii_AmCache;
	MemoryContext context;
	MemoryContext old_context;
	uint16		kind;

	if (state == NULL)
	{
		old_context = MemoryContextSwitchTo(index_info->ii_Context);
		state = palloc(sizeof(AmInsertState));
		state->store = vx_store_open(index);
		state->columns = vx_am_open_columns(index);
		vx_am_check_columns(state->columns, state->store);
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
	insert_row(state->store, tid, kind, state->slot, state->attributes);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}
