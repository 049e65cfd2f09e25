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
 * While the leader writes the index, workers measure the graph's recall: they
 * take queries of the sample, a group at a time, from a second counter.  The
 * leader takes what is left.
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
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/base_compat.h"
#include "hnsw/hnsw_build.h"
#include "hnsw/hnsw_calibrate.h"
#include "hnsw/hnsw_read.h"

/* Keys of the shared memory table of contents */
#define GRAPH_KEY_HANDLE	UINT64CONST(0x5645435800000011)
#define GRAPH_KEY_QUERY_TEXT UINT64CONST(0x5645435800000012)

/* Nodes that a process takes at a time: neighbours, that find each other's in its caches */
#define NODES_PER_RANGE 64

/* A worker takes some 10 ms to start, as long as inserting a few hundred nodes. */
#define MIN_NODES_PER_WORKER 2000

/* Queries that are compared with all codes at a time: enough that memory keeps up */
#define QUERIES_PER_GROUP 50

/* Codes and graph begin on cache lines. */
#define GRAPH_ALIGNMENT 64

/* What workers are there for */
typedef enum GraphTask
{
	GRAPH_INSERT,
	GRAPH_MEASURE
} GraphTask;

/* The block begins with this; what follows is found by layout(). */
typedef struct GraphShared
{
	GraphTask	task;
	pg_atomic_uint32 next_node;
	uint32		count;
	QuantKind	quantizer;
	DistanceMetric metric;
	int			dims;
	bool		has_mean;

	/* the sample, and what has been found */
	pg_atomic_uint32 next_query;
	int			queries;
	int			steps;
	double		common_norm;
	uint32		sample[HNSW_MAX_SAMPLE];
	slock_t		mutex;
	HnswTally	tally;
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
 * takes away what was begun, but reports of progress, too: these go on.
 */
static dsm_segment *
create_segment(Relation index, Size bytes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *volatile segment = NULL;
	const char *volatile reason = "The server has no dynamic shared memory segment left.";
	PgBackendStatus *own = MyBEEntry;
	ProgressCommandType command = own->st_progress_command;
	Oid			target = own->st_progress_command_target;
	int64		progress[PGSTAT_NUM_PROGRESS_PARAM];
	int			i;

	memcpy(progress, own->st_progress_param, sizeof(progress));
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
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		segment = NULL;
		if (command != PROGRESS_COMMAND_INVALID)
		{
			pgstat_progress_start_command(command, target);
			for (i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
				pgstat_progress_update_param(i, progress[i]);
		}
		reason = psprintf("The graph needs %zu MB of dynamic shared memory: %s.",
						  bytes / (1024 * 1024) + 1, error->message);
		FreeErrorData(error);
	}
	PG_END_TRY();

	if (segment != NULL)
		dsm_unpin_mapping(segment);
	else
		report_serial(index, reason);
	return segment;
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
	pg_atomic_init_u32(&shared->next_query, 0);
	SpinLockInit(&shared->mutex);
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
start_worker(const HnswGraphHeader *header, int ef, void **memory)
{
	Size		bytes = vx_hnsw_worker_bytes(header->count, header->m, ef);

	*memory = MemoryContextAllocHuge(CurrentMemoryContext, bytes + GRAPH_ALIGNMENT);
	return vx_hnsw_worker_init((void *) TYPEALIGN(GRAPH_ALIGNMENT, *memory), header->count,
							   header->m, ef);
}

/* For vx_hnsw_graph_finish, which knows no server */
static void
check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* A process's range of nodes */
typedef struct NodeRange
{
	GraphShared *shared;
	uint32		next;
	uint32		end;
	bool		report;
} NodeRange;

/* Callback of vx_hnsw_graph_insert_many */
static uint32
take_node(void *arg)
{
	NodeRange  *range = (NodeRange *) arg;

	CHECK_FOR_INTERRUPTS();
	if (range->next == range->end)
	{
		uint32		count = range->shared->count;
		uint32		from;

		/* Beyond the end the counter must not go round. */
		if (pg_atomic_read_u32(&range->shared->next_node) >= count)
			return HNSW_NONE;
		from = pg_atomic_fetch_add_u32(&range->shared->next_node, NODES_PER_RANGE);
		if (from >= count)
			return HNSW_NONE;
		range->next = from;
		range->end = Min(count, from + NODES_PER_RANGE);
		if (range->report)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, from);
	}
	return range->next++;
}

/*
 * Insert nodes until there are none left to take.
 */
static void
insert_nodes(HnswGraph *graph, GraphShared *shared, bool report)
{
	NodeRange	range = {shared, 0, 0, report};
	void	   *memory;
	HnswWorker *worker = start_worker(graph->header, graph->header->ef_construction, &memory);

	vx_hnsw_graph_insert_many(graph, worker, take_node, &range);
	pfree(memory);
}

/* A walk through the graph in memory */
typedef struct MemoryWalk
{
	HnswGraph  *graph;
	HnswWorker *worker;
	const QuantSlotData *slot;
} MemoryWalk;

/* Callback of vx_hnsw_count_hits */
static int
take_step(void *arg, int ef, const HnswGoal *goals, int goal_count, uint32 *reached,
		  float *distances)
{
	MemoryWalk *walk = (MemoryWalk *) arg;

	return vx_hnsw_graph_step(walk->graph, walk->worker, walk->slot, ef, goals, goal_count,
							  reached, distances, HNSW_SAMPLE_K);
}

/*
 * What walks find of the neighbours of some queries.
 */
static void
measure_group(HnswGraph *graph, HnswWorker *worker, const GraphShared *shared,
			  HnswSampleQuery *queries, int count, HnswTruthBlock *block, HnswTally *tally)
{
	uint32		nodes = graph->header->count;
	MemoryWalk	walk = {graph, worker, NULL};
	uint32		node;
	int			i;

	for (node = 0; node < nodes; node++)
	{
		block->slots[block->count] = vx_hnsw_graph_slot(graph, node);
		block->nodes[block->count++] = node;
		if (block->count == block->room || node == nodes - 1)
		{
			CHECK_FOR_INTERRUPTS();
			vx_hnsw_compare_block(block, graph->params, queries, count);
		}
	}
	vx_hnsw_end_truth(queries, count);
	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		walk.slot = queries[i].slot;
		vx_hnsw_graph_begin_steps(graph, worker, walk.slot, queries[i].node);
		vx_hnsw_count_hits(graph->params, shared->common_norm, &queries[i], shared->steps,
						   take_step, &walk, tally);
	}
}

/*
 * Measure queries until there are none left to take.
 */
static void
measure_queries(HnswGraph *graph, GraphShared *shared)
{
	HnswSampleQuery *queries = palloc(sizeof(HnswSampleQuery) * QUERIES_PER_GROUP);
	HnswTruthBlock block;
	HnswTally	tally;
	void	   *memory;
	HnswWorker *worker = start_worker(graph->header, HnswSampleRoom(shared->steps), &memory);

	memset(&tally, 0, sizeof(tally));
	vx_hnsw_init_block(&block, graph->params, 1);
	for (;;)
	{
		int			from = pg_atomic_fetch_add_u32(&shared->next_query, QUERIES_PER_GROUP);
		int			count = Min(QUERIES_PER_GROUP, shared->queries - from);
		int			i;

		if (count <= 0)
			break;
		for (i = 0; i < count; i++)
		{
			queries[i].node = shared->sample[from + i];
			queries[i].slot = vx_hnsw_graph_slot(graph, queries[i].node);
			queries[i].count = 0;
		}
		measure_group(graph, worker, shared, queries, count, &block, &tally);
	}
	pfree(memory);
	pfree(queries);

	SpinLockAcquire(&shared->mutex);
	vx_hnsw_add_tally(&shared->tally, &tally);
	SpinLockRelease(&shared->mutex);
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

	if (shared->task == GRAPH_INSERT)
		insert_nodes(&graph, shared, false);
	else
		measure_queries(&graph, shared);
	dsm_detach(graph_segment);
}

/*
 * Launch workers for a task; in parallel mode from now on, until end_workers.
 */
static ParallelContext *
begin_workers(HnswBuildGraph *build, Relation index, GraphTask task)
{
	ParallelContext *context;
	int			query_length = debug_query_string ? strlen(debug_query_string) : 0;

	build->shared->task = task;
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

	/* All is the leader's if no worker can be launched. */
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
				(errmsg_internal("%s the graph with %d parallel workers",
								 task == GRAPH_INSERT ? "building" : "measuring",
								 context->nworkers_launched)));
	}
	return context;
}

static void
end_workers(ParallelContext *context)
{
	WaitForParallelWorkersToFinish(context);
	DestroyParallelContext(context);
	ExitParallelMode();
}

void
vx_hnsw_build_graph(HnswBuildGraph *build, Relation index, uint32 *order)
{
	const HnswGraphHeader *header = build->graph.header;
	ParallelContext *context = NULL;
	HnswWorker *worker;
	void	   *memory;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, header->count);
	vx_hnsw_graph_judge_norms(&build->graph);
	if (build->workers > 0)
		context = begin_workers(build, index, GRAPH_INSERT);
	insert_nodes(&build->graph, build->shared, true);
	if (context != NULL)
		end_workers(context);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, header->count);

	worker = start_worker(header, header->ef_construction, &memory);
	build->graph.check_interrupts = check_interrupts;
	vx_hnsw_graph_finish(&build->graph, worker, order);
	pfree(memory);
}

/* The sample is drawn by places in the order. */
typedef struct PlaceSample
{
	const HnswBuildGraph *build;
	const uint32 *order;
} PlaceSample;

/* Callback of vx_hnsw_draw_sample: not the entry, which comes first */
static bool
accept_place(void *arg, HnswSampleQuery *query)
{
	PlaceSample *places = (PlaceSample *) arg;

	if (query->node == 0 || query->node >= places->build->shared->count)
		return false;
	query->node = places->order[query->node];
	query->slot = vx_hnsw_graph_slot(&places->build->graph, query->node);
	return true;
}

void
vx_hnsw_begin_measure(HnswBuildGraph *build, Relation index, const uint32 *order)
{
	GraphShared *shared = build->shared;
	const QuantParams *quant = build->graph.params;
	Size		link_bytes = HnswLinkSlotBytes(build->graph.header->m);
	uint32		limit = vx_hnsw_count_places(quant, link_bytes, shared->count);
	HnswSampleQuery *queries = palloc(sizeof(HnswSampleQuery) * HNSW_MAX_SAMPLE);
	PlaceSample places = {build, order};
	int			i;

	shared->queries = vx_hnsw_draw_sample(limit, accept_place, &places, queries);
	for (i = 0; i < shared->queries; i++)
		shared->sample[i] = queries[i].node;
	shared->common_norm = vx_hnsw_sample_norm(quant, queries, shared->queries);
	pfree(queries);
	shared->steps = vx_hnsw_count_steps(quant, limit);
	if (build->workers > 0 && shared->queries > 0)
		build->context = begin_workers(build, index, GRAPH_MEASURE);
}

void
vx_hnsw_end_measure(HnswBuildGraph *build, HnswMetaData *meta)
{
	GraphShared *shared = build->shared;

	if (shared->queries > 0)
		measure_queries(&build->graph, shared);
	if (build->context != NULL)
		end_workers(build->context);
	build->context = NULL;
	if (shared->queries > 0)
		vx_hnsw_fill_calibration(build->graph.params, shared->common_norm, meta, &shared->tally,
								 shared->steps, shared->count);
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
