/*-------------------------------------------------------------------------
 *
 * hnsw_graph.h
 *	  The graph of an index under construction, in memory.
 *
 * No server calls: linked into unit tests and benchmarks as it is.  Several
 * threads or processes may insert at once into one graph; the arrays may lie
 * in shared memory, at different addresses in each process.
 *
 * The graph is that of Malkov and Yashunin, "Efficient and robust approximate
 * nearest neighbor search using Hierarchical Navigable Small World graphs"
 * (2016): neighbours are chosen by their heuristic (algorithm 4) with
 * keepPrunedConnections, over distances between 8-bit codes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_GRAPH_H
#define VX_HNSW_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hnsw/hnsw_width.h"
#include "quant/quant_codec.h"

#define HNSW_NONE 0xFFFFFFFFU

/* Levels above 0; with m >= 2 nothing smaller than 2^24 nodes gets there */
#define HNSW_MAX_LEVEL 24

/*
 * Link entries carry a flag: the link is its target's protected one, which
 * no pruning may drop.  Every node but the entry has one after
 * vx_hnsw_graph_finish.
 */
#define HNSW_PROTECTED	0x80000000U
#define HNSW_ID_MASK	0x7FFFFFFFU

/* In levels, while it is built: who is covered in the node's list of level 0 is known */
#define HNSW_JUDGED 0x80

/* What all who work on a graph share; fixed size, no pointers */
typedef struct HnswGraphHeader
{
	uint32_t	count;			/* nodes */
	int32_t		m;
	int32_t		ef_construction;
	uint32_t	upper_lists;	/* lists of all levels above 0 */
	uint64_t	entry;			/* entry node << 32 | its level; all ones:
								 * none */
	HnswGoal	enough;			/* where insertions may end */
	uint8_t		entry_lock;
	uint8_t		padding[7];
} HnswGraphHeader;

/* One process's view */
typedef struct HnswGraph
{
	HnswGraphHeader *header;
	const QuantParams *params;
	const char *slots;			/* count code slots, params->slot_bytes apart */
	uint32_t   *links;			/* count lists of 2 m node ids, HNSW_NONE
								 * filled */
	uint32_t   *upper_links;	/* upper_lists lists of m node ids */
	uint32_t   *upper_start;	/* by node: its list of level 1 */
	uint8_t    *levels;			/* by node: its top level */
	uint8_t    *locks;			/* by node */
	void		(*check_interrupts) (void); /* called by finish now and then,
											 * and may not return; NULL:
											 * nothing */
} HnswGraph;

/*
 * Before the graph: bring codes into an order in which near ones are mostly
 * inserted one after the other (hnsw_arrange.c).  Writes to place_of where each of
 * the count slots has gone.  memory has vx_hnsw_arrange_bytes, aligned as
 * malloc's; check_interrupts, if not NULL, is called now and then, and may not return.
 */
extern size_t vx_hnsw_arrange_bytes(const QuantParams *params, uint32_t count);
extern void vx_hnsw_arrange(const QuantParams *params, char *slots, uint32_t count,
							uint32_t *place_of, void *memory,
							void (*check_interrupts) (void));

/* What one worker needs to insert; from vx_hnsw_worker_bytes of memory */
typedef struct HnswWorker HnswWorker;

/* Bytes for the arrays of a graph; levels decide the number of upper lists. */
extern uint32_t vx_hnsw_graph_count_lists(uint32_t count, int m, uint64_t seed);
extern size_t vx_hnsw_graph_bytes(uint32_t count, int m, uint32_t upper_lists);

/*
 * Lay a graph out in memory (64-byte aligned).  init also fills the header
 * and the levels, drawn from seed; without it the memory holds a graph that
 * somebody else has initialised.
 */
extern void vx_hnsw_graph_attach(HnswGraph *graph, void *memory,
								 const QuantParams *params, const char *slots);
extern void vx_hnsw_graph_init(HnswGraph *graph, void *memory,
							   const QuantParams *params, const char *slots,
							   uint32_t count, int m, int ef_construction,
							   uint64_t seed);

/* The code of a node */
static inline const QuantSlotData *
vx_hnsw_graph_slot(const HnswGraph *graph, uint32_t node)
{
	return (const QuantSlotData *) (graph->slots + (size_t) node * graph->params->slot_bytes);
}

/*
 * When all slots are there, and before the first insertion: look whether inner
 * products can be raised to distances (HnswGoal), so that insertions may end early.
 */
extern void vx_hnsw_graph_judge_norms(HnswGraph *graph);

extern size_t vx_hnsw_worker_bytes(uint32_t count, int m, int ef_construction);
extern HnswWorker *vx_hnsw_worker_init(void *memory, uint32_t count, int m,
									   int ef_construction);

/* Insert a node; each node once. */
extern void vx_hnsw_graph_insert(HnswGraph *graph, HnswWorker *worker, uint32_t node);

/*
 * Insert nodes until next_node returns HNSW_NONE, several at a time, so that the
 * worker need not wait for memory.  No list is locked when it is called: it
 * may leave by a jump, after which worker and graph are of no use any more.
 */
extern void vx_hnsw_graph_insert_many(HnswGraph *graph, HnswWorker *worker,
									  uint32_t (*next_node) (void *arg), void *arg);

/*
 * After all inserts, by one process: link nodes that cannot be reached from
 * the entry, give every node but the entry a protected link, and write to
 * order the nodes in breadth-first order from the entry (count ids).  Returns
 * the number of nodes that had to be linked.
 */
extern uint32_t vx_hnsw_graph_finish(HnswGraph *graph, HnswWorker *worker,
									 uint32_t *order);

/*
 * The ef nodes that a search for the slot finds, nearest first, with their
 * code distances.  Returns how many.
 */
extern int	vx_hnsw_graph_search(HnswGraph *graph, HnswWorker *worker,
								 const QuantSlotData *slot, int ef,
								 uint32_t *nodes, float *distances);

/*
 * The same in steps of growing ef, none of them larger than the worker's
 * ef_construction.  hidden, if not HNSW_NONE, is a node that shall not be found,
 * and not the entry.  After each step the distances are what a search with that ef would have
 * found, in the time of one with the last, and those behind them; max of them are
 * written.  A step ends before if it comes to one of the goals: those that it has come to are
 * bits of *reached, which is 0 where ef has been its end.  begin returns false if
 * the graph is empty.
 */
extern bool vx_hnsw_graph_begin_steps(HnswGraph *graph, HnswWorker *worker,
									  const QuantSlotData *slot, uint32_t hidden);
extern int	vx_hnsw_graph_step(HnswGraph *graph, HnswWorker *worker,
							   const QuantSlotData *slot, int ef,
							   const HnswGoal *goals, int goal_count,
							   uint32_t *reached, float *distances, int max);

#endif							/* VX_HNSW_GRAPH_H */
