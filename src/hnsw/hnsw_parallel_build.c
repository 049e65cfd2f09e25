/*-------------------------------------------------------------------------
 *
 * hnsw_parallel_build.c
 *	  The graph of an index under construction: its memory and the processes
 *	  that work on it.
 *
 * Codes and graph are one block: a dynamic shared memory segment if workers
 * help, else private memory.  Processes take ranges of nodes from a counter and
 * insert them; the graph takes care of itself (hnsw_graph.c).  A worker touches
 * neither table nor index.
 *
 * Inserting calls nothing of the server, so nobody can leave a lock byte
 * behind: interrupts are looked at between two nodes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "postmaster/bgworker_internals.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/base_compat.h"
#include "hnsw/hnsw_build.h"

/* Keys of the shared memory table of contents */
#define GRAPH_KEY_HANDLE	UINT64CONST(0x5645435800000011)
#define GRAPH_KEY_QUERY_TEXT UINT64CONST(0x5645435800000012)

/* Nodes that a process takes at a time: neighbours, that find each other's in its caches */
#define NODES_PER_RANGE 64

/* A worker takes some 10 ms to start, as long as inserting a few hundred nodes. */
#define MIN_NODES_PER_WORKER 2000

/* Codes and graph begin on cache lines. */
#define GRAPH_ALIGNMENT 64

/* The block begins with this; what follows is found by layout(). */
typedef struct GraphShared
{
	pg_atomic_uint32 next_node;
	uint32		count;
	QuantKind	quantizer;
	DistanceMetric metric;
	int			dims;
	bool		has_mean;
} GraphShared;

typedef struct GraphLayout
{
	Size		mean;
	Size		slots;
	Size		graph;
	Size		end;
} GraphLayout;

PGDLLEXPORT void vecext_graph_worker(dsm_segment *segment, shm_toc *toc);

static Size
align_size(Size size)
{
	return add_size(size, GRAPH_ALIGNMENT - 1) & ~(Size) (GRAPH_ALIGNMENT - 1);
}

static GraphLayout
layout(QuantKind quantizer, int dims, uint32 count, Size graph_bytes)
{
	GraphLayout at;

	at.mean = align_size(sizeof(GraphShared));
	at.slots = align_size(add_size(at.mean, sizeof(float) * dims));
	at.graph = align_size(add_size(at.slots,
								   mul_size(count, vx_quant_slot_bytes(quantizer, dims))));
	at.end = add_size(at.graph, graph_bytes);
	return at;
}

/*
 * Bytes of the graph's arrays.  Their size is computed there without a check:
 * it does not overflow, as long as this does not.
 */
static Size
count_graph_bytes(uint32 count, int m)
{
	uint32		lists = vx_hnsw_graph_count_lists(count, m, HNSW_BUILD_SEED);

	(void) add_size(mul_size(count, 8 * m + 16), mul_size(lists, 4 * m));
	return vx_hnsw_graph_bytes(count, m, lists);
}

/*
 * What core asks before it lets workers scan a table does not matter: they do
 * not.
 */
int
vx_hnsw_plan_workers(Relation heap, uint64 rows)
{
	int			wanted = RelationGetParallelWorkers(heap, -1);

	if (max_parallel_maintenance_workers == 0 || IsInParallelMode() || !IsUnderPostmaster)
		return 0;
	if (wanted == -1)
		wanted = Min(rows / MIN_NODES_PER_WORKER, MAX_PARALLEL_WORKER_LIMIT);
	return Min(wanted, max_parallel_maintenance_workers);
}

static void
report_serial(Relation index, const char *reason)
{
	ereport(NOTICE,
			(errmsg("index \"%s\" is built without parallel workers",
					RelationGetRelationName(index)),
			 errdetail_internal("%s", reason)));
}

/*
 * A dynamic shared memory segment, or NULL and a notice.  The server raises an
 * error if the system has not got the memory; in a subtransaction, whose end
 * takes away what was begun.
 */
static dsm_segment *
create_segment(Relation index, Size bytes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *volatile segment = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		segment = dsm_create(bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		/* Keep it beyond the subtransaction. */
		if (segment != NULL)
			dsm_pin_mapping(segment);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (segment == NULL)
			report_serial(index, "The server has no dynamic shared memory segment left.");
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		segment = NULL;
		report_serial(index, psprintf("The graph needs %zu MB of dynamic shared memory: %s.",
									  bytes / (1024 * 1024) + 1, error->message));
		FreeErrorData(error);
	}
	PG_END_TRY();

	if (segment != NULL)
		dsm_unpin_mapping(segment);
	return segment;
}

Size
vx_hnsw_build_graph_bytes(const QuantParams *quant, uint32 count, int m)
{
	return layout(quant->kind, quant->dims, count, count_graph_bytes(count, m)).end;
}

HnswBuildGraph *
vx_hnsw_allocate_graph(Relation heap, Relation index, const QuantParams *quant,
					   uint32 count, int m, int ef_construction)
{
	HnswBuildGraph *build = palloc0(sizeof(HnswBuildGraph));
	GraphLayout at = layout(quant->kind, quant->dims, count, count_graph_bytes(count, m));
	GraphShared *shared;
	char	   *block;

	build->workers = vx_hnsw_plan_workers(heap, count);
	if (build->workers > 0)
		build->segment = create_segment(index, at.end);
	if (build->segment != NULL)
		block = dsm_segment_address(build->segment);
	else
	{
		build->workers = 0;
		build->memory = MemoryContextAllocHuge(CurrentMemoryContext,
											   add_size(at.end, GRAPH_ALIGNMENT));
		block = (char *) TYPEALIGN(GRAPH_ALIGNMENT, build->memory);
	}

	shared = (GraphShared *) block;
	memset(shared, 0, sizeof(GraphShared));
	pg_atomic_init_u32(&shared->next_node, 0);
	shared->count = count;
	shared->quantizer = quant->kind;
	shared->metric = quant->metric;
	shared->dims = quant->dims;
	shared->has_mean = quant->mean != NULL;
	if (shared->has_mean)
		memcpy(block + at.mean, quant->mean, sizeof(float) * quant->dims);

	build->shared = shared;
	build->slots = block + at.slots;
	vx_hnsw_graph_init(&build->graph, block + at.graph, quant, build->slots, count, m,
					   ef_construction, HNSW_BUILD_SEED);
	return build;
}

/* From palloc'd memory that must not be freed before the worker is done. */
static HnswWorker *
start_worker(const HnswGraphHeader *header, void **memory)
{
	Size		bytes = vx_hnsw_worker_bytes(header->count, header->m, header->ef_construction);

	*memory = MemoryContextAllocHuge(CurrentMemoryContext, bytes + GRAPH_ALIGNMENT);
	return vx_hnsw_worker_init((void *) TYPEALIGN(GRAPH_ALIGNMENT, *memory), header->count,
							   header->m, header->ef_construction);
}

/* For vx_hnsw_graph_finish, which knows no server */
static void
check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/*
 * Insert nodes until there are none left to take.
 */
static void
insert_nodes(HnswGraph *graph, GraphShared *shared, HnswWorker *worker, bool report)
{
	uint32		count = shared->count;

	for (;;)
	{
		uint32		from = pg_atomic_fetch_add_u32(&shared->next_node, NODES_PER_RANGE);
		uint32		end = Min(count, from + NODES_PER_RANGE);

		if (from >= count)
			break;
		if (report)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, from);
		for (; from < end; from++)
		{
			CHECK_FOR_INTERRUPTS();
			vx_hnsw_graph_insert(graph, worker, from);
		}
	}
}

/*
 * Entry point of a worker.
 */
void
vecext_graph_worker(dsm_segment *segment, shm_toc *toc)
{
	dsm_handle *handle = shm_toc_lookup(toc, GRAPH_KEY_HANDLE, false);
	dsm_segment *graph_segment;
	GraphShared *shared;
	GraphLayout at;
	QuantParams quant;
	HnswGraph	graph;
	void	   *memory;
	char	   *block;

	debug_query_string = shm_toc_lookup(toc, GRAPH_KEY_QUERY_TEXT, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);

	graph_segment = dsm_attach(*handle);
	if (graph_segment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not map dynamic shared memory segment")));
	block = dsm_segment_address(graph_segment);
	shared = (GraphShared *) block;
	at = layout(shared->quantizer, shared->dims, shared->count, 0);
	vx_quant_init_params(&quant, shared->quantizer, shared->metric, shared->dims,
						 shared->has_mean ? (float *) (block + at.mean) : NULL);
	vx_hnsw_graph_attach(&graph, block + at.graph, &quant, block + at.slots);

	insert_nodes(&graph, shared, start_worker(graph.header, &memory), false);
	pfree(memory);
	dsm_detach(graph_segment);
}

/*
 * Let workers insert while this process does.
 */
static void
insert_parallel(HnswBuildGraph *build, Relation index, HnswWorker *worker)
{
	ParallelContext *context;
	int			query_length = debug_query_string ? strlen(debug_query_string) : 0;

	EnterParallelMode();
	context = CreateParallelContext("vecext", "vecext_graph_worker", build->workers);
	shm_toc_estimate_chunk(&context->estimator, sizeof(dsm_handle));
	shm_toc_estimate_keys(&context->estimator, 1);
	if (query_length > 0)
	{
		shm_toc_estimate_chunk(&context->estimator, query_length + 1);
		shm_toc_estimate_keys(&context->estimator, 1);
	}
	InitializeParallelDSM(context);

	if (context->seg == NULL)
		report_serial(index, "The server has no dynamic shared memory segment left.");
	else
	{
		dsm_handle *handle = shm_toc_allocate(context->toc, sizeof(dsm_handle));

		*handle = dsm_segment_handle(build->segment);
		shm_toc_insert(context->toc, GRAPH_KEY_HANDLE, handle);
		if (query_length > 0)
		{
			char	   *text = shm_toc_allocate(context->toc, query_length + 1);

			memcpy(text, debug_query_string, query_length + 1);
			shm_toc_insert(context->toc, GRAPH_KEY_QUERY_TEXT, text);
		}
		LaunchParallelWorkers(context);
		ereport(DEBUG1,
				(errmsg_internal("building the graph with %d parallel workers",
								 context->nworkers_launched)));
	}

	/* All of it if no worker could be launched */
	insert_nodes(&build->graph, build->shared, worker, true);
	WaitForParallelWorkersToFinish(context);
	DestroyParallelContext(context);
	ExitParallelMode();
}

void
vx_hnsw_build_graph(HnswBuildGraph *build, Relation index, uint32 *order)
{
	const HnswGraphHeader *header = build->graph.header;
	void	   *memory;
	HnswWorker *worker = start_worker(header, &memory);

	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, header->count);
	if (build->workers > 0)
		insert_parallel(build, index, worker);
	else
		insert_nodes(&build->graph, build->shared, worker, true);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, header->count);

	build->graph.check_interrupts = check_interrupts;
	vx_hnsw_graph_finish(&build->graph, worker, order);
	pfree(memory);
}

void
vx_hnsw_free_graph(HnswBuildGraph *build)
{
	if (build->segment != NULL)
		dsm_detach(build->segment);
	else
		pfree(build->memory);
	pfree(build);
}
