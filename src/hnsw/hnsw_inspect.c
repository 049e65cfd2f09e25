/*-------------------------------------------------------------------------
 *
 * hnsw_inspect.c
 *	  hnsw_index_info() shows an hnsw index, hnsw_calibrate() measures anew how
 *	  wide its searches must be; reading the table of an index.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/snapmgr.h"

#include "am/am_inspect.h"
#include "hnsw/hnsw_inspect.h"
#include "hnsw/hnsw_read.h"

/* Recalls and the k that info and calibrate show an ef for */
static const double shown_recall[] = {0.90, 0.95, 0.99};
#define SHOWN_K		10

/* Columns of info behind the store's, of which the last are those of efs */
#define INFO_COLUMNS (AM_INFO_COLUMNS + 9 + lengthof(shown_recall))

const char *
vx_hnsw_judge_words(const StoreMetaData *meta)
{
	const HnswMetaData *words = HnswGetMeta(meta);

	if (words->m < HNSW_MIN_M || words->m > HNSW_MAX_M ||
		meta->link_bytes != HnswLinkSlotBytes(words->m) ||
		meta->upper_bytes != HnswUpperSlotBytes(words->m))
		return "the metapage has sizes of lists that do not belong together";
	if (words->ef_construction < HNSW_MIN_EF_CONSTRUCTION ||
		words->ef_construction > HNSW_MAX_EF_CONSTRUCTION)
		return "the metapage has an impossible ef_construction";
	if (words->entry_level > HNSW_TOP_LEVEL)
		return "the metapage has an impossible level of the entry point";
	if (words->calibrated > 1)
		return "the metapage has an impossible calibration";
	return NULL;
}

void
vx_hnsw_check_words(StoreIndex *store)
{
	const char *wrong = vx_hnsw_judge_words(&store->meta);

	if (wrong != NULL)
		vx_store_report_corruption(store->relation, "The graph cannot be read: %s.", wrong);
}

void
vx_hnsw_begin_table(HnswTable *table, Relation heap, Relation index)
{
	memset(table, 0, sizeof(HnswTable));
	table->heap = heap;
	table->index = index;
	vx_am_become_owner(&table->rights, heap, index);
	table->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	table->blocks = RelationGetNumberOfBlocks(heap);
	table->fetch = table_index_fetch_begin(heap);
	table->slot = table_slot_create(heap, NULL);
	table->attribute = index->rd_index->indkey.values[0];
	if (table->attribute == 0)
	{
		table->index_info = BuildIndexInfo(index);
		table->estate = CreateExecutorState();
		GetPerTupleExprContext(table->estate)->ecxt_scantuple = table->slot;
	}
}

void
vx_hnsw_end_table(HnswTable *table)
{
	if (table->estate != NULL)
		FreeExecutorState(table->estate);
	ExecDropSingleTupleTableSlot(table->slot);
	table_index_fetch_end(table->fetch);
	UnregisterSnapshot(table->snapshot);
	vx_am_become_caller(&table->rights);
}

bool
vx_hnsw_fetch_row(HnswTable *table, ItemPointer tid)
{
	ItemPointerData visible_tid = *tid;
	bool		call_again = false;

	/* Newer than the snapshot, or damaged: to read it would be an error. */
	if (ItemPointerGetBlockNumberNoCheck(tid) >= table->blocks)
		return false;
	return table_index_fetch_tuple(table->fetch, &visible_tid, table->snapshot, table->slot,
								   &call_again, NULL);
}

Vector *
vx_hnsw_get_vector(HnswTable *table, ItemPointer tid, int dims)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	Vector	   *vector;

	if (table->attribute != 0)
		values[0] = slot_getattr(table->slot, table->attribute, &nulls[0]);
	else
	{
		ResetPerTupleExprContext(table->estate);
		FormIndexDatum(table->index_info, table->slot, table->estate, values, nulls);
	}
	if (nulls[0])
		vx_store_report_corruption(table->index, "Heap tuple (%u,%u) has no vector.",
								   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
	vector = DatumGetVector(values[0]);
	if (vector->dim != dims)
		vx_store_report_corruption(table->index, "Heap tuple (%u,%u) has %d dimensions, the index %d.",
								   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid),
								   vector->dim, dims);
	return vector;
}

/* The ef that find SHOWN_K neighbours with each shown recall */
static void
fill_efs(const HnswMetaData *meta, Datum *values, bool *nulls)
{
	int			i;

	for (i = 0; i < (int) lengthof(shown_recall); i++)
	{
		nulls[i] = !meta->calibrated;
		values[i] = Int32GetDatum(vx_hnsw_choose_ef(meta, SHOWN_K, shown_recall[i]));
	}
}

PG_FUNCTION_INFO_V1(vecext_hnsw_index_info);
Datum
vecext_hnsw_index_info(PG_FUNCTION_ARGS)
{
	Oid			index_oid = PG_GETARG_OID(0);
	Relation	heap;
	Relation	index;
	LOCKMODE	lock_mode;
	TupleDesc	desc;
	StoreIndex *store;
	const HnswMetaData *meta;
	Datum		values[INFO_COLUMNS];
	bool		nulls[INFO_COLUMNS] = {0};
	uint64		uppers = 0;
	uint32		upper_pages;
	int			at = AM_INFO_COLUMNS;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	lock_mode = vx_am_open_for_check(index_oid, "hnsw", false, &heap, &index);
	store = vx_store_open(index);
	vx_hnsw_check_words(store);
	vx_am_fill_info(store, values, nulls);

	meta = HnswGetMeta(&store->meta);
	upper_pages = store->meta.families[STORE_UPPER].pages;
	if (upper_pages > 0)
	{
		Buffer		buffer = vx_store_lock(store, STORE_UPPER, upper_pages - 1, BUFFER_LOCK_SHARE);

		/* All pages but the last are full. */
		uppers = (uint64) (upper_pages - 1) * HnswUppersPerPage(store->meta.upper_bytes) +
			vx_store_slots(BufferGetPage(buffer), STORE_UPPER, store->meta.upper_bytes);
		UnlockReleaseBuffer(buffer);
	}

	values[at++] = Int32GetDatum(meta->m);
	values[at++] = Int32GetDatum(meta->ef_construction);
	nulls[at] = meta->entry_node == STORE_NONE;
	values[at++] = Int64GetDatum(meta->entry_node);
	nulls[at] = meta->entry_node == STORE_NONE;
	values[at++] = Int32GetDatum(meta->entry_level);
	values[at++] = Int64GetDatum(uppers);
	values[at++] = Int64GetDatum(store->meta.families[STORE_LINK].pages);
	values[at++] = Int64GetDatum(upper_pages);
	values[at++] = BoolGetDatum(meta->calibrated);
	nulls[at] = !meta->calibrated;
	values[at++] = Int64GetDatum(meta->calibrated_nodes);
	fill_efs(meta, values + at, nulls + at);
	vx_am_close_after_check(heap, index, lock_mode);

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

PG_FUNCTION_INFO_V1(vecext_hnsw_calibrate);
Datum
vecext_hnsw_calibrate(PG_FUNCTION_ARGS)
{
	Oid			index_oid = PG_GETARG_OID(0);
	Relation	heap;
	Relation	index;
	LOCKMODE	lock_mode;
	TupleDesc	desc;
	StoreIndex *store;
	HnswMetaData measured;
	Datum		values[1 + lengthof(shown_recall)];
	bool		nulls[1 + lengthof(shown_recall)];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PreventCommandIfReadOnly("hnsw_calibrate()");
	PreventCommandDuringRecovery("hnsw_calibrate()");

	lock_mode = vx_am_open_for_check(index_oid, "hnsw", false, &heap, &index);
	if (!vx_is_relation_owner(index_oid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, RelationGetRelationName(index));

	/* Not beside vacuum, REINDEX or another calibration, until the end. */
	LockRelation(heap, ShareUpdateExclusiveLock);

	store = vx_store_open(index);
	vx_hnsw_check_words(store);
	measured = *HnswGetMeta(&store->meta);
	vx_hnsw_calibrate(store, &measured);
	vx_hnsw_store_calibration(store, &measured);
	vx_am_close_after_check(heap, index, lock_mode);

	nulls[0] = !measured.calibrated;
	values[0] = Int64GetDatum(measured.calibrated_nodes);
	fill_efs(&measured, values + 1, nulls + 1);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
