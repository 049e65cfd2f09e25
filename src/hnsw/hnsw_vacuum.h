/*-------------------------------------------------------------------------
 *
 * hnsw_vacuum.h
 *	  What the steps of vacuum share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_VACUUM_H
#define VX_HNSW_VACUUM_H

#include "hnsw/hnsw_link.h"

/* Candidates for one list: its own and those of its dead neighbours */
#define MAX_CANDIDATES 512

typedef struct GraphVacuum
{
	StoreIndex *store;
	uint32		nodes;			/* ids below this are looked at */
	uint64	   *dead;			/* bitmap by node */
	uint64	   *starved;		/* by node, and by upper slot: lists that have */
	uint64	   *starved_uppers; /* lost a neighbourhood */
	uint32		dead_count;
	uint32	   *tree;			/* by node: one nearer to its tree's root,
								 * which has itself; STORE_NONE: not in use */
	uint32		root;			/* of the tree that is being worked on */
	uint32	   *found;			/* whom nodes of islands are to be linked to:
								 * node, count, that many others */
	Size		found_size;
	Size		found_room;
	int			m;
	char	   *codes;			/* MAX_CANDIDATES + 1 slots */
	HnswNeighbour *neighbours;
	HnswUpperData *upper;
} GraphVacuum;

static inline bool
test_bit(const uint64 *bits, uint32 node)
{
	return (bits[node / 64] & (UINT64CONST(1) << (node % 64))) != 0;
}

static inline void
set_bit(uint64 *bits, uint32 node)
{
	bits[node / 64] |= UINT64CONST(1) << (node % 64);
}

static inline bool
is_dead(const GraphVacuum *vacuum, uint32 node)
{
	return node < vacuum->nodes && test_bit(vacuum->dead, node);
}

static inline bool
contains(const uint32 *nodes, int count, uint32 node)
{
	int			i;

	for (i = 0; i < count; i++)
	{
		if (nodes[i] == node)
			return true;
	}
	return false;
}

/*
 * Sort candidates by their distance from a node, to vacuum->neighbours.  Returns
 * how many hold a code.
 */
extern int	vx_hnsw_sort_candidates(GraphVacuum *vacuum, uint32 node, const uint32 *candidates,
									int count);

/* The same, and those come first that the heuristic prefers for a list of so many. */
extern int	vx_hnsw_rank_candidates(GraphVacuum *vacuum, uint32 node, const uint32 *candidates,
									int count, int want);

/* A walk to where a node is; *slot is its code, in the current memory context. */
extern HnswSearch *vx_hnsw_search_for_node(StoreIndex *store, uint32 node, QuantSlotData **slot);

/* hnsw_plant.c */

/* Protected links of live nodes become one tree, with this root. */
extern void vx_hnsw_plant_trees(GraphVacuum *vacuum, uint32 entry);

/* When lists have been repaired: link islands to the rest. */
extern void vx_hnsw_bridge_islands(GraphVacuum *vacuum);

#endif							/* VX_HNSW_VACUUM_H */
