/*-------------------------------------------------------------------------
 *
 * hnsw_link.h
 *	  Choosing neighbours, and changing lists on pages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_LINK_H
#define VX_HNSW_LINK_H

#include "hnsw/hnsw_search.h"

/* Inserts share it while they link, vacuum waits for them with it. */
#define HNSW_LINK_LOCK_BLOCK STORE_FIRST_MAP_BLOCK

/* A neighbour to be: codes are in the caller's memory. */
typedef struct HnswNeighbour
{
	float		distance;		/* to the node whose neighbour it is to be */
	uint32		node;
	uint32		upper;			/* on upper levels: its slot */
	const QuantSlotData *slot;
} HnswNeighbour;

/*
 * Choose up to want of count neighbours, sorted by distance, by the heuristic
 * of the build; they come first then.  Returns how many.
 */
extern int	vx_hnsw_select_neighbours(const QuantParams *quant, HnswNeighbour *neighbours,
									  int count, int want);

/*
 * Link each of count nodes back to node; at least one of them takes it for
 * good, with a protected link.
 */
extern void vx_hnsw_link_back(StoreIndex *store, uint32 node, const QuantSlotData *slot,
							  const HnswNeighbour *neighbours, int count);

/* The same on an upper level: upper is the node's slot there. */
extern void vx_hnsw_link_back_upper(StoreIndex *store, uint32 node, uint32 upper, int level,
									const QuantSlotData *slot,
									const HnswNeighbour *neighbours, int count);

/* Give `to` a protected link from `from`; false if that has no room for one. */
extern bool vx_hnsw_protect_node(StoreIndex *store, uint32 from, uint32 to);

/* True if the node is in use, by its own page under lock. */
extern bool vx_hnsw_node_is_live(StoreIndex *store, uint32 node, uint32 *incarnation);

#endif							/* VX_HNSW_LINK_H */
