/*-------------------------------------------------------------------------
 *
 * hnsw_overflow.c
 *	  Rows of a build that do not fit into its memory.
 *
 * They wait, encoded, in a temporary file until the index has been written
 * with those that fit, and are then inserted into it, by workers, too, in the
 * way of INSERT but without WAL: the build logs the whole index at its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/buffile.h"
#include "storage/fileset.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

#include "hnsw/hnsw.h"
#include "hnsw/hnsw_build.h"


/* Keys of the shared memory table of contents */
#define OVERFLOW_KEY_SHARED UINT64CONST(0x5645435800000021)
#define OVERFLOW_KEY_QUERY_TEXT UINT64CONST(0x5645435800000022)
#define OVERFLOW_KEY_BUFFER_USAGE UINT64CONST(0x5645435800000023)
#define OVERFLOW_KEY_WAL_USAGE UINT64CONST(0x5645435800000024)

#define OVERFLOW_FILE_NAME "overflow"

/* Rows that a process takes at a time */
#define ROWS_PER_RANGE 16

/* Before each row's attributes and slot in the file */
typedef struct OverflowRecord
{
	ItemPointerData tid;
	uint16		kind;
} OverflowRecord;

struct HnswOverflow
{
	FileSet		files;
	BufFile    *file;
	Size		slot_bytes;
	Size		attribute_bytes;
	uint64		rows;
	uint64		before_first;	/* rows up to the first with a code, with it;
								 * 0: there is none */
	char	   *zeros;			/* a slot for rows without one */
	MemoryContextCallback cleanup;
};

typedef struct OverflowShared
{
	Oid			index;
	bool		concurrent;
	FileSet		files;
	uint64		rows;
	pg_atomic_uint64 next_row;
} OverflowShared;

PGDLLEXPORT void vecext_overflow_worker(dsm_segment *segment, shm_toc *toc);

/* The file goes when the build's memory does, after an error, too. */
static void
delete_files(void *arg)
{
	FileSetDeleteAll(&((HnswOverflow *) arg)->files);
}

HnswOverflow *
vx_hnsw_begin_overflow(Size slot_bytes, Size attribute_bytes)
{
	HnswOverflow *overflow = palloc0(sizeof(HnswOverflow));

	overflow->slot_bytes = slot_bytes;
	overflow->attribute_bytes = attribute_bytes;
	overflow->zeros = palloc0(slot_bytes);
	FileSetInit(&overflow->files);
	overflow->cleanup.func = delete_files;
	overflow->cleanup.arg = overflow;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &overflow->cleanup);
	overflow->file = BufFileCreateFileSet(&overflow->files, OVERFLOW_FILE_NAME);
	return overflow;
}

/*
 * Put a row aside.  All records have the same length, so that any process can
 * find any of them.
 */
void
vx_hnsw_add_overflow(HnswOverflow *overflow, ItemPointer tid, uint16 kind,
					 const QuantSlotData *slot, const char *attributes)
{
	OverflowRecord record;

	record.tid = *tid;
	record.kind = kind;
	BufFileWrite(overflow->file, &record, sizeof(record));
	BufFileWrite(overflow->file, unconstify(char *, attributes), overflow->attribute_bytes);
	BufFileWrite(overflow->file,
				 kind == STORE_ROW_CODED ? unconstify(QuantSlotData *, slot) : (void *) overflow->zeros,
				 overflow->slot_bytes);
	overflow->rows++;
	if (kind == STORE_ROW_CODED && overflow->before_first == 0)
		overflow->before_first = overflow->rows;
}

uint64
vx_hnsw_count_overflow(const HnswOverflow *overflow)
{
	return overflow->rows;
}

static void
read_exactly(BufFile *file, void *to, Size length)
{
	if (BufFileRead(file, to, length) != length)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from a temporary file of an index build")));
}

/*
 * Insert rows until there are none left to take.
 */
static void
insert_rows(Relation index, OverflowShared *shared, bool report)
{
	StoreIndex *store = vx_store_open(index);
	Size		slot_bytes = store->quant->slot_bytes;
	Size		attribute_bytes = store->attribute_bytes;
	QuantSlotData *slot = palloc(slot_bytes);
	char	   *attributes = palloc(attribute_bytes);
	BufFile    *file = BufFileOpenFileSet(&shared->files, OVERFLOW_FILE_NAME, O_RDONLY, false);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw overflow row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(row_context);
	pg_prng_state random;

	vx_store_random = &random;
	for (;;)
	{
		uint64		from = pg_atomic_fetch_add_u64(&shared->next_row, ROWS_PER_RANGE);
		uint64		end = Min(shared->rows, from + ROWS_PER_RANGE);

		if (from >= shared->rows)
			break;
		if (report)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, from);
		if (BufFileSeek(file, 0, from * (sizeof(OverflowRecord) + attribute_bytes + slot_bytes),
						SEEK_SET) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from a temporary file of an index build")));
		for (; from < end; from++)
		{
			OverflowRecord record;

			CHECK_FOR_INTERRUPTS();
			read_exactly(file, &record, sizeof(record));
			read_exactly(file, attributes, attribute_bytes);
			read_exactly(file, slot, slot_bytes);
			pg_prng_seed(&random, HNSW_BUILD_SEED + from);
			vx_hnsw_insert_row(store, &record.tid, record.kind, slot, attributes);
			MemoryContextReset(row_context);
		}
	}

	vx_store_random = &pg_global_prng_state;
	BufFileClose(file);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(row_context);
	pfree(slot);
	pfree(attributes);
}

/*
 * Entry point of a worker.
 */
void
vecext_overflow_worker(dsm_segment *segment, shm_toc *toc)
{
	OverflowShared *shared = shm_toc_lookup(toc, OVERFLOW_KEY_SHARED, false);
	BufferUsage *buffer_usage = shm_toc_lookup(toc, OVERFLOW_KEY_BUFFER_USAGE, false);
	WalUsage   *wal_usage = shm_toc_lookup(toc, OVERFLOW_KEY_WAL_USAGE, false);
	LOCKMODE	mode = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	Relation	index;

	debug_query_string = shm_toc_lookup(toc, OVERFLOW_KEY_QUERY_TEXT, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);

	index = index_open(shared->index, mode);
	InstrStartParallelQuery();
	vx_store_unlogged_index = shared->index;
	insert_rows(index, shared, false);
	vx_store_unlogged_index = InvalidOid;
	InstrEndParallelQuery(&buffer_usage[ParallelWorkerNumber], &wal_usage[ParallelWorkerNumber]);
	index_close(index, mode);
}

/*
 * Insert rows from one on, up to another.
 */
static void
insert_alone(HnswOverflow *overflow, Relation index, uint64 from, uint64 end)
{
	OverflowShared alone;

	alone.files = overflow->files;
	alone.rows = end;
	pg_atomic_init_u64(&alone.next_row, from);
	insert_rows(index, &alone, true);
}

/*
 * Insert all rows from one on with the help of workers.  Returns false if there
 * is no shared memory for any.
 */
static bool
insert_parallel(HnswOverflow *overflow, Relation index, bool concurrent, int workers,
				uint64 from)
{
	ParallelContext *context;
	OverflowShared *shared;
	BufferUsage *buffer_usage;
	WalUsage   *wal_usage;
	int			query_length = debug_query_string ? strlen(debug_query_string) : 0;
	int			i;

	EnterParallelMode();
	context = CreateParallelContext("vecext", "vecext_overflow_worker", workers);
	shm_toc_estimate_chunk(&context->estimator, sizeof(OverflowShared));
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(BufferUsage), workers));
	shm_toc_estimate_chunk(&context->estimator, mul_size(sizeof(WalUsage), workers));
	shm_toc_estimate_keys(&context->estimator, 3);
	if (query_length > 0)
	{
		shm_toc_estimate_chunk(&context->estimator, query_length + 1);
		shm_toc_estimate_keys(&context->estimator, 1);
	}
	InitializeParallelDSM(context);
	if (context->seg == NULL)
	{
		DestroyParallelContext(context);
		ExitParallelMode();
		ereport(NOTICE,
				(errmsg("rows of index \"%s\" are inserted without parallel workers",
						RelationGetRelationName(index)),
				 errdetail("The server has no dynamic shared memory segment left.")));
		return false;
	}

	shared = shm_toc_allocate(context->toc, sizeof(OverflowShared));
	shared->index = RelationGetRelid(index);
	shared->concurrent = concurrent;
	shared->files = overflow->files;
	shared->rows = overflow->rows;
	pg_atomic_init_u64(&shared->next_row, from);
	shm_toc_insert(context->toc, OVERFLOW_KEY_SHARED, shared);
	buffer_usage = shm_toc_allocate(context->toc, mul_size(sizeof(BufferUsage), workers));
	shm_toc_insert(context->toc, OVERFLOW_KEY_BUFFER_USAGE, buffer_usage);
	wal_usage = shm_toc_allocate(context->toc, mul_size(sizeof(WalUsage), workers));
	shm_toc_insert(context->toc, OVERFLOW_KEY_WAL_USAGE, wal_usage);
	if (query_length > 0)
	{
		char	   *text = shm_toc_allocate(context->toc, query_length + 1);

		memcpy(text, debug_query_string, query_length + 1);
		shm_toc_insert(context->toc, OVERFLOW_KEY_QUERY_TEXT, text);
	}

	LaunchParallelWorkers(context);
	insert_rows(index, shared, true);
	WaitForParallelWorkersToFinish(context);
	for (i = 0; i < context->nworkers_launched; i++)
		InstrAccumParallelQuery(&buffer_usage[i], &wal_usage[i]);
	DestroyParallelContext(context);
	ExitParallelMode();
	return true;
}

/* Not inlined: its variables need not survive an error. */
static pg_noinline void
insert_all(HnswOverflow *overflow, Relation heap, Relation index, bool concurrent,
		   bool graph_is_empty)
{
	uint64		alone = graph_is_empty ? overflow->before_first : 0;
	int			workers = vx_hnsw_plan_workers(heap, overflow->rows);

	/*
	 * Whoever inserts the first node excludes others by a lock that does not
	 * work between processes of one transaction.
	 */
	if (alone > 0)
		insert_alone(overflow, index, 0, alone);

	/* Workers do not see the buffers of a temporary index. */
	if (workers == 0 || RelationUsesLocalBuffers(index) ||
		!insert_parallel(overflow, index, concurrent, workers, alone))
		insert_alone(overflow, index, alone, overflow->rows);
}

void
vx_hnsw_insert_overflow(HnswOverflow *overflow, Relation heap, Relation index, bool concurrent,
						bool graph_is_empty)
{
	BufFileExportFileSet(overflow->file);
	BufFileClose(overflow->file);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, overflow->rows);

	vx_store_unlogged_index = RelationGetRelid(index);
	PG_TRY();
	{
		insert_all(overflow, heap, index, concurrent, graph_is_empty);
	}
	PG_FINALLY();
	{
		vx_store_unlogged_index = InvalidOid;
		vx_store_random = &pg_global_prng_state;
	}
	PG_END_TRY();
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, overflow->rows);
}
