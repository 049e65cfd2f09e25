/*-------------------------------------------------------------------------
 *
 * am_inspect.c
 *	  What the index checkers and info functions of both access methods share:
 *	  permissions and locks, comparing an index with its table, and the
 *	  columns that come from the store.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "common/hashfn.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "am/am_inspect.h"

/*
 * ereport(ERROR) unless the caller owns the table or may read all of it.
 */
static void
check_may_inspect(Oid heap_oid, const char *index_name)
{
	char	   *heap_name = get_rel_name(heap_oid);

	if (!vx_is_relation_owner(heap_oid, GetUserId()) &&
		pg_class_aclcheck(heap_oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, heap_name);
	if (check_enable_rls(heap_oid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to inspect index \"%s\"", index_name),
				 errdetail("Row-level security hides rows of table \"%s\" from you.",
						   heap_name)));
}

/*
 * May the caller make writers wait?  As LOCK TABLE ... IN SHARE MODE has it:
 * the right to read is not enough.
 */
static bool
may_block_writers(Oid heap_oid)
{
	return vx_is_relation_owner(heap_oid, GetUserId()) ||
		pg_class_aclcheck(heap_oid, GetUserId(), VX_ACL_LOCK_SHARE) == ACLCHECK_OK;
}

/*
 * Open an index and its table for inspection; returns the lock that is held
 * on both, for vx_am_close_after_check.
 *
 * With block_writers, writers and vacuum wait until the end.  Where such a
 * lock cannot be had (on a standby) or is not the caller's to take, changes
 * and replay go on, and what they are at may be reported as damage.
 */
LOCKMODE
vx_am_open_for_check(Oid index_oid, const char *am_name,
					 bool block_writers, Relation *heap, Relation *index)
{
	LOCKMODE	mode = AccessShareLock;
	Oid			heap_oid = IndexGetRelation(index_oid, true);
	char	   *index_name = get_rel_name(index_oid);
	HeapTuple	am_tuple;

	if (index_name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", index_oid)));
	if (!OidIsValid(heap_oid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an index", index_name)));

	/* Before the locks: who may not look shall not make others wait. */
	check_may_inspect(heap_oid, index_name);
	if (block_writers && !RecoveryInProgress() && may_block_writers(heap_oid))
		mode = ShareLock;

	*heap = table_open(heap_oid, mode);
	*index = index_open(index_oid, mode);

	/*
	 * The number may have come to another index while we waited for the
	 * locks.
	 */
	if (heap_oid != IndexGetRelation(index_oid, true))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("could not open parent table of index \"%s\"",
						RelationGetRelationName(*index))));

	am_tuple = SearchSysCache1(AMOID, ObjectIdGetDatum((*index)->rd_rel->relam));
	if (!HeapTupleIsValid(am_tuple) ||
		strcmp(NameStr(((Form_pg_am) GETSTRUCT(am_tuple))->amname), am_name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a %s index", RelationGetRelationName(*index), am_name)));
	ReleaseSysCache(am_tuple);
	if ((*index)->rd_rel->relkind != RELKIND_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot inspect partitioned index \"%s\"", RelationGetRelationName(*index)),
				 errhint("Inspect the indexes of its partitions.")));

	if (!(*index)->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", RelationGetRelationName(*index))));
	if (RELATION_IS_OTHER_TEMP(*index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));

	/* Before promotion it has no file. */
	if (RecoveryInProgress() && !RelationIsPermanent(*index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary or unlogged relations during recovery")));
	return mode;
}

void
vx_am_close_after_check(Relation heap, Relation index, LOCKMODE mode)
{
	index_close(index, mode);
	table_close(heap, mode);
}

/*
 * Expressions of an index are functions of the table's owner.  Whoever else
 * inspects the index must not run them with rights of his own, nor the owner's
 * rights with names that he resolves: as VACUUM and ANALYZE do it.  Goes before
 * BuildIndexInfo() and RelationGetIndexExpressions(), which evaluate what is
 * constant in them.
 */
void
vx_am_become_owner(AmRights *rights, Relation heap, Relation index)
{
	Oid			owner = heap->rd_rel->relowner;

	GetUserIdAndSecContext(&rights->caller, &rights->caller_context);
	rights->guc_level = 0;
	if (rights->caller == owner ||
		(heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL) &&
		 heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL)))
		return;
	SetUserIdAndSecContext(owner, rights->caller_context | SECURITY_RESTRICTED_OPERATION);
	rights->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
vx_am_become_caller(const AmRights *rights)
{
	if (rights->guc_level == 0)
		return;
	AtEOXact_GUC(false, rights->guc_level);
	SetUserIdAndSecContext(rights->caller, rights->caller_context);
}

/* StoreCheckReport that returns a row */
void
vx_am_report_row(void *arg, const char *invariant, int64 block, const char *message)
{
	AmReport   *report = (AmReport *) arg;
	Datum		values[3];
	bool		nulls[3] = {false, block < 0, false};

	values[0] = CStringGetTextDatum(invariant);
	values[1] = Int64GetDatum(block);
	values[2] = CStringGetTextDatum(message);
	tuplestore_putvalues(report->result->setResult, report->result->setDesc, values, nulls);
}

/*
 * ereport(ERROR) if the snapshot is the transaction's and older than an index
 * that has been built over broken HOT chains.  The planner does not use such an
 * index then: it has the last version of a row, the snapshot sees another.
 */
void
vx_am_check_snapshot_age(Relation index, Snapshot snapshot)
{
	if (IsolationUsesXactSnapshot() && index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
							   snapshot->xmin))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("index \"%s\" cannot be compared with its table as of this transaction's snapshot",
						RelationGetRelationName(index)),
				 errdetail("The index is newer, and does not have what the snapshot sees.")));
}

/* What the index says about a heap tuple */
typedef struct IndexedTuple
{
	ItemPointerData tid;
	uint16		kind;
	uint32		node;
	uint32		row;
	uint32		status;			/* simplehash */
} IndexedTuple;

static uint32
hash_tid(ItemPointerData tid)
{
	return hash_bytes((const unsigned char *) &tid, sizeof(ItemPointerData));
}

#define SH_PREFIX tidtable
#define SH_ELEMENT_TYPE IndexedTuple
#define SH_KEY_TYPE ItemPointerData
#define SH_KEY tid
#define SH_HASH_KEY(tb, key) hash_tid(key)
#define SH_EQUAL(tb, a, b) ItemPointerEquals(&(a), &(b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct HeapCheck
{
	StoreIndex *store;
	AmReport   *report;
	tidtable_hash *table;
	QuantSlotData *slot;
	AmColumns  *columns;
	char	   *attributes;		/* that a tuple should have */
	char	   *stored;			/* that its row has */
	MemoryContext tuple_context;
} HeapCheck;

/*
 * One tuple of the heap: it must be in the index, with the code of its value.
 */
static void
check_heap_tuple(Relation index, ItemPointer tid, Datum *values, bool *isnull,
				 bool tuple_is_alive, void *arg)
{
	HeapCheck  *check = (HeapCheck *) arg;
	StoreIndex *store = check->store;
	Size		slot_bytes = store->quant->slot_bytes;
	IndexedTuple *found = tidtable_lookup(check->table, *tid);
	Buffer		buffer;
	QuantSlotData *stored;
	MemoryContext old_context;
	uint16		kind;

	if (found == NULL)
	{
		vx_am_report_row(check->report, "I9", -1,
						 psprintf("heap tuple (%u,%u) has no row in the index",
								  ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)));
		return;
	}

	kind = vx_am_encode(store->quant, values[0], isnull[0], check->slot);
	if (kind != found->kind)
	{
		vx_am_report_row(check->report, "I9", -1,
						 psprintf("heap tuple (%u,%u) has a row of another kind",
								  ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)));
		return;
	}

	old_context = MemoryContextSwitchTo(check->tuple_context);
	vx_am_encode_columns(check->columns, values, isnull, check->attributes);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(check->tuple_context);
	vx_store_read_attributes(store, found->row, check->stored);
	if (memcmp(check->attributes, check->stored, store->attribute_bytes) != 0)
		vx_am_report_row(check->report, "I9", -1,
						 psprintf("heap tuple (%u,%u) has other attributes than row %u",
								  ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid),
								  found->row));
	if (kind != STORE_ROW_CODED)
		return;

	buffer = vx_store_lock(store, STORE_CODE, found->node / store->codes_per_page,
						   BUFFER_LOCK_SHARE);
	stored = (QuantSlotData *) vx_store_slot(BufferGetPage(buffer), STORE_CODE, slot_bytes,
											 found->node % store->codes_per_page);
	if (!vx_quant_may_share(store->quant, stored, check->slot))
		vx_am_report_row(check->report, "I9", -1,
						 psprintf("heap tuple (%u,%u) has another code than node %u",
								  ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid),
								  found->node));
	UnlockReleaseBuffer(buffer);
}

/*
 * I9: every visible heap tuple that belongs into the index has a row with its
 * value's code and attributes.  Uses memory for one entry a row.  Expressions of the index run
 * as the owner of the table.
 */
void
vx_am_check_heap(Relation heap, Relation index, StoreIndex *store, AmReport *report)
{
	HeapCheck	check;
	AmRights	rights;
	IndexInfo  *index_info;
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	TableScanDesc scan;
	uint32		page_no;

	vx_am_check_snapshot_age(index, snapshot);
	vx_am_become_owner(&rights, heap, index);
	index_info = BuildIndexInfo(index);

	/* What the snapshot sees has been inserted by now, maybe since the open. */
	vx_store_refresh_meta(store);
	check.store = store;
	check.report = report;
	check.table = tidtable_create(CurrentMemoryContext, 1024, NULL);
	check.slot = palloc0(store->quant->slot_bytes);
	check.columns = vx_am_open_columns(index);
	vx_am_check_columns(check.columns, store);
	check.attributes = palloc(store->attribute_bytes);
	check.stored = palloc(store->attribute_bytes);
	check.tuple_context = AllocSetContextCreate(CurrentMemoryContext, "vecext check row",
												ALLOCSET_DEFAULT_SIZES);

	for (page_no = 0; page_no < store->meta.families[STORE_ROW].pages; page_no++)
	{
		Buffer		buffer;
		Page		page;
		uint32		slots;
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		buffer = vx_store_lock(store, STORE_ROW, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		slots = vx_store_slots(page, STORE_ROW, sizeof(StoreRowData));
		for (i = 0; i < slots; i++)
		{
			StoreRowData *row = (StoreRowData *)
				vx_store_slot(page, STORE_ROW, sizeof(StoreRowData), i);
			IndexedTuple *entry;
			bool		found;

			if (StoreRowLife(row) != STORE_ROW_LIVE)
				continue;
			entry = tidtable_insert(check.table, row->tid, &found);
			entry->kind = StoreRowKind(row);
			entry->node = row->node;
			entry->row = page_no * STORE_ROWS_PER_PAGE + i;
		}
		UnlockReleaseBuffer(buffer);
	}

	/* As CREATE INDEX CONCURRENTLY would: what an MVCC snapshot sees */
	index_info->ii_Concurrent = true;
	index_info->ii_Unique = false;
	index_info->ii_ExclusionOps = NULL;
	index_info->ii_ExclusionProcs = NULL;
	index_info->ii_ExclusionStrats = NULL;
	scan = table_beginscan_strat(heap, snapshot, 0, NULL, true, true);
	table_index_build_scan(heap, index, index_info, true, false,
						   check_heap_tuple, &check, scan);

	UnregisterSnapshot(snapshot);
	tidtable_destroy(check.table);
	vx_am_become_caller(&rights);
}

/*
 * Columns that <am>_index_info shows of any store: format_version,
 * dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows (slots,
 * free ones included), code_pages, row_pages, other_pages, reserved_pages.
 */
void
vx_am_fill_info(StoreIndex *store, Datum *values, bool *nulls)
{
	static const char *const metrics[] = {"", "l2", "ip", "cosine", "l1"};
	const StoreMetaData *meta = &store->meta;
	uint64		pages = 0;
	uint64		slots[2] = {0, 0};
	int			i;

	for (i = 0; i < STORE_MAX_FAMILIES; i++)
		pages += meta->families[i].pages;

	/* All pages but the last are full. */
	for (i = 0; i < 2; i++)
	{
		int			family = i == 0 ? STORE_NODE : STORE_ROW;
		Size		size = vx_store_slot_size(store, family);
		uint32		count = meta->families[family].pages;

		if (count > 0)
		{
			Buffer		buffer = vx_store_lock(store, family, count - 1, BUFFER_LOCK_SHARE);

			slots[i] = (uint64) (count - 1) * ((STORE_PAGE_END - StoreFamilyStart(family)) / size) +
				vx_store_slots(BufferGetPage(buffer), family, size);
			UnlockReleaseBuffer(buffer);
		}
	}

	memset(nulls, 0, sizeof(bool) * AM_INFO_COLUMNS);
	values[0] = Int32GetDatum(meta->version);
	values[1] = Int32GetDatum(meta->dims);
	values[2] = CStringGetTextDatum(metrics[meta->metric]);
	values[3] = CStringGetTextDatum(meta->quantizer == QUANT_NONE ? "none" : "sq8");
	values[4] = CStringGetTextDatum(meta->quantizer == QUANT_SQ8 ? "table" : "index");
	values[5] = Int32GetDatum(meta->slot_bytes);
	values[6] = BoolGetDatum((meta->flags & STORE_FLAG_MEAN) != 0);
	values[7] = Int64GetDatum(slots[0]);
	values[8] = Int64GetDatum(slots[1]);
	values[9] = Int64GetDatum(meta->families[STORE_CODE].pages);
	values[10] = Int64GetDatum(meta->families[STORE_ROW].pages);
	values[11] = Int64GetDatum(pages - meta->families[STORE_CODE].pages -
							   meta->families[STORE_ROW].pages);
	values[12] = Int64GetDatum(meta->reserved_blocks);
}
