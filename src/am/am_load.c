/*-------------------------------------------------------------------------
 *
 * am_load.c
 *	  Reading a table for an index build.
 *
 * Fetching, detoasting and encoding are most of the work of a flat build and
 * a good part of a graph's.  Workers do their share of the table and write
 * the encoded rows to a shared temporary file each; the leader handles its
 * own rows at once and the workers' when they have finished.  Files rather
 * than queues: nobody waits for anybody, and memory is bounded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "optimizer/paths.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/buffile.h"
#include "storage/sharedfileset.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/am_load.h"

/* Keys of the shared memory table of contents */
#define LOAD_KEY_SHARED		UINT64CONST(0x5645435800000001)
#define LOAD_KEY_QUERY_TEXT	UINT64CONST(0x5645435800000002)
#define LOAD_KEY_WAL_USAGE	UINT64CONST(0x5645435800000003)
#define LOAD_KEY_BUFFER_USAGE UINT64CONST(0x5645435800000004)
#define LOAD_KEY_MEAN		UINT64CONST(0x5645435800000005)

/* Memory a process should have before another one is added */
#define MIN_MEMORY_PER_PROCESS_KB (32 * 1024)

typedef struct LoadShared
{
	Oid			heap;
	Oid			index;
	bool		concurrent;
	bool		has_mean;
	QuantKind	quantizer;
	DistanceMetric metric;
	int			dims;
	slock_t		mutex;
	double		heap_tuples;
	double		index_tuples;
	bool		broken_hot_chain;	/* see IndexInfo */
	SharedFileSet files;
	/* A ParallelTableScanDesc follows, see shared_scan(). */
} LoadShared;

static ParallelTableScanDesc
shared_scan(LoadShared *shared)
{
	return (ParallelTableScanDesc) ((char *) shared + BUFFERALIGN(sizeof(LoadShared)));
}

/* What a worker's file holds for each row, before its attributes and slot */
typedef struct LoadRecord
{
	ItemPointerData tid;
	uint16		kind;
} LoadRecord;

/* One process's scan */
typedef struct LoadState
{
	const QuantParams *quant;
	const AmColumns *columns;
	QuantSlotData *slot;
	char	   *attributes;
	MemoryContext row_context;
	double		rows;
	AmLoadCallback callback;	/* leader */
	void	   *arg;
	BufFile    *file;			/* worker */
} LoadState;

PGDLLEXPORT void vecext_load_worker(dsm_segment *segment, shm_toc *toc);

static void
init_state(LoadState *state, const QuantParams *quant, const AmColumns *columns)
{
	memset(state, 0, sizeof(LoadState));
	state->quant = quant;
	state->columns = columns;
	state->attributes = palloc(columns->store.total_bytes);
	state->slot = palloc0(quant->slot_bytes);
	state->row_context = AllocSetContextCreate(CurrentMemoryContext, "vecext build row",
											   ALLOCSET_DEFAULT_SIZES);
}

/* Callback of the table scan */
static void
load_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		 bool tuple_is_alive, void *arg)
{
	LoadState  *state = (LoadState *) arg;
	MemoryContext old_context = MemoryContextSwitchTo(state->row_context);
	uint16		kind = vx_am_encode(state->quant, values[0], isnull[0], state->slot);

	vx_am_encode_columns(state->columns, values, isnull, state->attributes);
	MemoryContextSwitchTo(old_context);
	if (state->file == NULL)
		state->callback(tid, kind, state->slot, state->attributes, state->arg);
	else
	{
		LoadRecord	record;

		record.tid = *tid;
		record.kind = kind;
		BufFileWrite(state->file, &record, sizeof(record));
		BufFileWrite(state->file, state->attributes, state->columns->store.total_bytes);
		if (kind == STORE_ROW_CODED)
			BufFileWrite(state->file, state->slot, state->quant->slot_bytes);
	}
	state->rows += 1;
	MemoryContextReset(state->row_context);
}

/*
 * Entry point of a worker.
 */
void
vecext_load_worker(dsm_segment *segment, shm_toc *toc)
{
	LoadShared *shared = shm_toc_lookup(toc, LOAD_KEY_SHARED, false);
	float	   *mean = shm_toc_lookup(toc, LOAD_KEY_MEAN, true);
	WalUsage   *wal_usage = shm_toc_lookup(toc, LOAD_KEY_WAL_USAGE, false);
	BufferUsage *buffer_usage = shm_toc_lookup(toc, LOAD_KEY_BUFFER_USAGE, false);
	LOCKMODE	heap_mode = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_mode = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	Relation	heap;
	Relation	index;
	IndexInfo  *index_info;
	QuantParams quant;
	LoadState	state;
	char		name[32];
	double		heap_tuples;

	debug_query_string = shm_toc_lookup(toc, LOAD_KEY_QUERY_TEXT, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);

	heap = table_open(shared->heap, heap_mode);
	index = index_open(shared->index, index_mode);
	index_info = BuildIndexInfo(index);
	index_info->ii_Concurrent = shared->concurrent;
	SharedFileSetAttach(&shared->files, segment);

	InstrStartParallelQuery();
	vx_quant_init_params(&quant, shared->quantizer, shared->metric, shared->dims,
						 shared->has_mean ? mean : NULL);
	init_state(&state, &quant, vx_am_open_columns(index));
	snprintf(name, sizeof(name), "rows%d", ParallelWorkerNumber);
	state.file = BufFileCreateFileSet(&shared->files.fs, name);
	heap_tuples = table_index_build_scan(heap, index, index_info, true, false, load_row, &state,
										 table_beginscan_parallel(heap, shared_scan(shared)));
	BufFileExportFileSet(state.file);
	BufFileClose(state.file);

	SpinLockAcquire(&shared->mutex);
	shared->heap_tuples += heap_tuples;
	shared->index_tuples += state.rows;
	if (index_info->ii_BrokenHotChain)
		shared->broken_hot_chain = true;
	SpinLockRelease(&shared->mutex);
	InstrEndParallelQuery(&buffer_usage[ParallelWorkerNumber], &wal_usage[ParallelWorkerNumber]);

	index_close(index, index_mode);
	table_close(heap, heap_mode);
}

/*
 * Hand the rows of a worker's file to the callback.
 */
static void
read_worker_file(LoadState *state, LoadShared *shared, int worker)
{
	char		name[32];
	BufFile    *file;
	LoadRecord	record;
	size_t		count;

	snprintf(name, sizeof(name), "rows%d", worker);
	file = BufFileOpenFileSet(&shared->files.fs, name, O_RDONLY, true);
	if (file == NULL)
		return;					/* never got started */
	while ((count = BufFileRead(file, &record, sizeof(record))) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (count != sizeof(record) ||
			BufFileRead(file, state->attributes, state->columns->store.total_bytes) !=
			state->columns->store.total_bytes ||
			(record.kind == STORE_ROW_CODED &&
			 BufFileRead(file, state->slot, state->quant->slot_bytes) != state->quant->slot_bytes))
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from a temporary file of an index build")));
		state->callback(&record.tid, record.kind, state->slot, state->attributes, state->arg);
	}
	BufFileClose(file);
}

/*
 * How many workers to ask for.
 *
 * Core counts the table's own pages, but wide vectors are in its TOAST table
 * and the work with them.
 */
static int
plan_workers(Relation heap, Relation index, IndexInfo *index_info)
{
	int			workers = vx_plan_build_workers(index_info, heap, index);
	BlockNumber pages;
	BlockNumber threshold = Max(min_parallel_table_scan_size, 1);
	Relation	toast;

	if (workers > 0 || !OidIsValid(heap->rd_rel->reltoastrelid) ||
		max_parallel_maintenance_workers == 0 || IsInParallelMode() || !IsUnderPostmaster ||
		RelationUsesLocalBuffers(heap) || RelationGetParallelWorkers(heap, -1) != -1 ||
		index_info->ii_Expressions != NIL || index_info->ii_Predicate != NIL)
		return workers;

	toast = table_open(heap->rd_rel->reltoastrelid, AccessShareLock);
	pages = RelationGetNumberOfBlocks(heap) + RelationGetNumberOfBlocks(toast);
	table_close(toast, AccessShareLock);

	/* One worker at the threshold, one more for each threefold size */
	while (pages >= threshold && workers < max_parallel_maintenance_workers)
	{
		workers++;
		if (threshold > PG_INT32_MAX / 3)
			break;
		threshold *= 3;
	}
	while (workers > 0 && maintenance_work_mem / (workers + 1) < MIN_MEMORY_PER_PROCESS_KB)
		workers--;
	return workers;
}

/*
 * Read the table with workers.  Returns false if none could be had, before
 * anything has been read.
 */
static bool
load_parallel(Relation heap, Relation index, IndexInfo *index_info, int workers,
			  LoadState *state, double *heap_tuples)
{
	const QuantParams *quant = state->quant;
	ParallelContext *context;
	Snapshot	snapshot;
	LoadShared *shared;
	WalUsage   *wal_usage;
	BufferUsage *buffer_usage;
	Size		shared_size;
	Size		mean_size = quant->mean ? sizeof(float) * quant->dims : 0;
	int			query_length = debug_query_string ? strlen(debug_query_string) : 0;
	int			keys = 3;
	int			i;

	EnterParallelMode();
	context = CreateParallelContext("vecext", "vecext_load_worker", workers);
	snapshot = index_info->ii_Concurrent ?
		RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;

	shared_size = add_size(BUFFERALIGN(sizeof(LoadShared)),
						   table_parallelscan_estimate(heap, snapshot));
	shm_toc_estimate_chunk(&context->estimator, shared_size);
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(WalUsage), context->nworkers));
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(BufferUsage), context->nworkers));
	if (mean_size > 0)
	{
		shm_toc_estimate_chunk(&context->estimator, mean_size);
		keys++;
	}
	if (query_length > 0)
	{
		shm_toc_estimate_chunk(&context->estimator, query_length + 1);
		keys++;
	}
	shm_toc_estimate_keys(&context->estimator, keys);

	InitializeParallelDSM(context);
	if (context->seg == NULL)
	{
		if (IsMVCCSnapshot(snapshot))
			UnregisterSnapshot(snapshot);
		DestroyParallelContext(context);
		ExitParallelMode();
		ereport(NOTICE,
				(errmsg("index \"%s\" is built without parallel workers",
						RelationGetRelationName(index)),
				 errdetail("The server has no dynamic shared memory segment left.")));
		return false;
	}

	shared = shm_toc_allocate(context->toc, shared_size);
	memset(shared, 0, sizeof(LoadShared));
	shared->heap = RelationGetRelid(heap);
	shared->index = RelationGetRelid(index);
	shared->concurrent = index_info->ii_Concurrent;
	shared->has_mean = quant->mean != NULL;
	shared->quantizer = quant->kind;
	shared->metric = quant->metric;
	shared->dims = quant->dims;
	SpinLockInit(&shared->mutex);
	SharedFileSetInit(&shared->files, context->seg);
	table_parallelscan_initialize(heap, shared_scan(shared), snapshot);
	shm_toc_insert(context->toc, LOAD_KEY_SHARED, shared);

	wal_usage = shm_toc_allocate(context->toc, mul_size(sizeof(WalUsage), context->nworkers));
	shm_toc_insert(context->toc, LOAD_KEY_WAL_USAGE, wal_usage);
	buffer_usage = shm_toc_allocate(context->toc, mul_size(sizeof(BufferUsage), context->nworkers));
	shm_toc_insert(context->toc, LOAD_KEY_BUFFER_USAGE, buffer_usage);
	if (mean_size > 0)
	{
		float	   *mean = shm_toc_allocate(context->toc, mean_size);

		memcpy(mean, quant->mean, mean_size);
		shm_toc_insert(context->toc, LOAD_KEY_MEAN, mean);
	}
	if (query_length > 0)
	{
		char	   *text = shm_toc_allocate(context->toc, query_length + 1);

		memcpy(text, debug_query_string, query_length + 1);
		shm_toc_insert(context->toc, LOAD_KEY_QUERY_TEXT, text);
	}

	LaunchParallelWorkers(context);
	ereport(DEBUG1,
			(errmsg_internal("using %d parallel workers", context->nworkers_launched)));

	/* The leader scans, too; alone if no worker could be launched. */
	*heap_tuples = table_index_build_scan(heap, index, index_info, true, true, load_row, state,
										  table_beginscan_parallel(heap, shared_scan(shared)));
	WaitForParallelWorkersToAttach(context);
	WaitForParallelWorkersToFinish(context);

	for (i = 0; i < context->nworkers_launched; i++)
	{
		InstrAccumParallelQuery(&buffer_usage[i], &wal_usage[i]);
		read_worker_file(state, shared, i);
	}
	*heap_tuples += shared->heap_tuples;
	state->rows += shared->index_tuples;
	/* Older snapshots must not use the index: the caller sees to that. */
	if (shared->broken_hot_chain)
		index_info->ii_BrokenHotChain = true;

	if (IsMVCCSnapshot(snapshot))
		UnregisterSnapshot(snapshot);
	DestroyParallelContext(context);
	ExitParallelMode();
	return true;
}

/*
 * Call callback for every row to be indexed, encoded.  Returns the number of
 * heap tuples, as table_index_build_scan does, and sets *index_tuples.
 */
double
vx_am_load_rows(Relation heap, Relation index, IndexInfo *index_info,
				const QuantParams *quant, const AmColumns *columns,
				AmLoadCallback callback, void *arg, double *index_tuples)
{
	int			workers = plan_workers(heap, index, index_info);
	LoadState	state;
	double		heap_tuples;

	init_state(&state, quant, columns);
	state.callback = callback;
	state.arg = arg;

	/*
	 * Alone from the first block on, wherever other scans are: the same table
	 * gives the same index.
	 */
	if (workers == 0 ||
		!load_parallel(heap, index, index_info, workers, &state, &heap_tuples))
		heap_tuples = table_index_build_scan(heap, index, index_info, false, true,
											 load_row, &state, NULL);

	*index_tuples = state.rows;
	MemoryContextDelete(state.row_context);
	pfree(state.slot);
	pfree(state.attributes);
	return heap_tuples;
}
