/*-------------------------------------------------------------------------
 *
 * hnsw_parallel_build.c
 *	  The graph of an index under construction: its memory and the processes
 *	  that work on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/progress.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

#include "hnsw/hnsw_build.h"

/* Nodes between two looks at what else is to be done */
#define NODES_PER_RANGE 64

/* Codes and graph begin on cache lines. */
#define GRAPH_ALIGNMENT 64

Size
vx_hnsw_build_graph_bytes(const QuantParams *quant, uint32 count, int m)
{
	Size		bytes = add_size(mul_size(count, quant->slot_bytes), 2 * GRAPH_ALIGNMENT);

	return add_size(bytes,
					vx_hnsw_graph_bytes(count, m,
										vx_hnsw_graph_count_lists(count, m, HNSW_BUILD_SEED)));
}

static char *
align_address(void *address)
{
	return (char *) TYPEALIGN(GRAPH_ALIGNMENT, address);
}

HnswBuildGraph *
vx_hnsw_allocate_graph(Relation heap, Relation index, const QuantParams *quant,
					   uint32 count, int m, int ef_construction)
{
	HnswBuildGraph *build = palloc0(sizeof(HnswBuildGraph));
	Size		bytes = vx_hnsw_build_graph_bytes(quant, count, m);
	char	   *memory;

	build->memory = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	build->slots = align_address(build->memory);
	memory = align_address(build->slots + (Size) count * quant->slot_bytes);
	vx_hnsw_graph_init(&build->graph, memory, quant, build->slots, count, m, ef_construction,
					   HNSW_BUILD_SEED);
	return build;
}

void
vx_hnsw_build_graph(HnswBuildGraph *build, Relation index, uint32 *order)
{
	HnswGraphHeader *header = build->graph.header;
	Size		worker_bytes = vx_hnsw_worker_bytes(header->count, header->m,
													header->ef_construction);
	void	   *worker_memory = MemoryContextAllocHuge(CurrentMemoryContext,
													   worker_bytes + GRAPH_ALIGNMENT);
	HnswWorker *worker = vx_hnsw_worker_init(align_address(worker_memory), header->count,
											 header->m, header->ef_construction);
	uint32		node;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, header->count);
	for (node = 0; node < header->count; node++)
	{
		if (node % NODES_PER_RANGE == 0)
		{
			CHECK_FOR_INTERRUPTS();
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, node);
		}
		vx_hnsw_graph_insert(&build->graph, worker, node);
	}
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, header->count);

	vx_hnsw_graph_finish(&build->graph, worker, order);
	pfree(worker_memory);
}

void
vx_hnsw_free_graph(HnswBuildGraph *build)
{
	pfree(build->memory);
	pfree(build);
}
