/*-------------------------------------------------------------------------
 *
 * hnsw_build.h
 *	  The graph of an index under construction: its memory and the processes
 *	  that work on it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_BUILD_H
#define VX_HNSW_BUILD_H

#include "storage/dsm.h"
#include "utils/rel.h"

#include "hnsw/hnsw_format.h"
#include "hnsw/hnsw_graph.h"

/* Phases in pg_stat_progress_create_index, after core's "initializing" */
#define HNSW_BUILD_SAMPLE	2
#define HNSW_BUILD_LOAD		3
#define HNSW_BUILD_GRAPH	4
#define HNSW_BUILD_WRITE	5
#define HNSW_BUILD_INSERT	6
#define HNSW_BUILD_CALIBRATE 7

/* Levels are drawn from it, so that a build can be repeated. */
#define HNSW_BUILD_SEED		42

typedef struct HnswBuildGraph
{
	HnswGraph	graph;
	char	   *slots;			/* what graph.slots points to, to be filled */
	int			workers;		/* to be launched */
	struct GraphShared *shared; /* the block that it all is in */
	dsm_segment *segment;		/* the block's, NULL: private memory */
	void	   *memory;			/* private memory */
	struct ParallelContext *context;	/* workers who measure it, or NULL */
} HnswBuildGraph;

/* Memory for a graph and its codes; the caller then fills slots. */
extern HnswBuildGraph *vx_hnsw_allocate_graph(Relation heap, Relation index,
											  const QuantParams *quant, uint32 count,
											  int m, int ef_construction);

/* Insert all nodes, and finish: fills order (count ids, breadth first). */
extern void vx_hnsw_build_graph(HnswBuildGraph *build, Relation index, uint32 *order);

/*
 * Measure the recall of the finished graph, as vx_hnsw_calibrate does it on
 * pages: workers begin at once, this process helps them in the end.  In
 * parallel mode between the two, if there are workers.  order is that of
 * vx_hnsw_build_graph, which is the index's.
 */
extern void vx_hnsw_begin_measure(HnswBuildGraph *build, Relation index, const uint32 *order);
extern void vx_hnsw_end_measure(HnswBuildGraph *build, HnswMetaData *meta);

extern void vx_hnsw_free_graph(HnswBuildGraph *build);

/* How many workers to ask for; they do not read the table. */
extern int	vx_hnsw_plan_workers(Relation heap, uint64 rows);

/* hnsw_overflow.c */
typedef struct HnswOverflow HnswOverflow;

/* Lives in the current memory context. */
extern HnswOverflow *vx_hnsw_begin_overflow(Size slot_bytes, Size attribute_bytes);
extern void vx_hnsw_add_overflow(HnswOverflow *overflow, ItemPointer tid, uint16 kind,
								 const QuantSlotData *slot, const char *attributes);
extern uint64 vx_hnsw_count_overflow(const HnswOverflow *overflow);

/* Insert them all, without WAL; the index must be logged whole afterwards. */
extern void vx_hnsw_insert_overflow(HnswOverflow *overflow, Relation heap, Relation index,
									bool concurrent, bool graph_is_empty);

#endif							/* VX_HNSW_BUILD_H */
