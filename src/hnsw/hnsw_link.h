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
 * of the build; they come first then.  Returns how many; *wanted are those that
 * the heuristic has asked for, the others fill up the list.  Neighbours without
 * a code are read from the index, and are left out if they do not live; the
 * codes of those chosen are allocated in the current memory context.
 */
extern int	vx_hnsw_select_neighbours(StoreIndex *store, HnswNeighbour *neighbours,
									  int count, int want, int *wanted);

/*
 * Link each of count nodes, nearest first, back to node; at least one of them
 * takes it for good, with a protected link.  With enter the node, whose code has
 * this hash, is then entered into the directory, if possible in the last record
 * of these.
 */
extern void vx_hnsw_link_back(StoreIndex *store, uint32 node, const QuantSlotData *slot,
							  uint64 hash, const HnswNeighbour *neighbours, int count,
							  bool enter);

/* As vx_hnsw_link_back on an upper level, without protection: upper is the node's slot. */
extern void vx_hnsw_link_back_upper(StoreIndex *store, uint32 node, uint32 upper, int level,
									const QuantSlotData *slot,
									const HnswNeighbour *neighbours, int count);

/* Link node and each of count others to each other; full lists may do without. */
extern void vx_hnsw_link_each_other(StoreIndex *store, uint32 node, const QuantSlotData *slot,
									const HnswNeighbour *neighbours, int count);

/* Give `to` a protected link from `from`; false if that has no room for one. */
extern bool vx_hnsw_protect_node(StoreIndex *store, uint32 from, uint32 to);

/*
 * Let a node have the place of another in owner's list, where that one is
 * protected; false if it is not, or if the node is there already.
 */
extern bool vx_hnsw_take_place(StoreIndex *store, uint32 owner, uint32 other, uint32 node);

/* True if the node is in use, by its own page under lock. */
extern bool vx_hnsw_node_is_live(StoreIndex *store, uint32 node);

/*
 * Copy a node's list as it is on the page and count its entries in use; -1 if
 * the node is free.  An entry out of range is an error.
 */
extern int	vx_hnsw_read_list(StoreIndex *store, uint32 node, HnswLink *links);

/* Copy codes as vx_hnsw_read_codes does, several cache misses at a time. */
extern void vx_hnsw_gather_codes(StoreIndex *store, const uint32 *nodes, int count, char *codes);

/* hnsw_protect.c */

/*
 * Give a node a protected link from one of count others that may protect it.
 * Where all their lists are full of such links, these form trees, and there is
 * room where a tree ends: whom they protect is asked next, and so on.  Returns
 * who protects the node now, or STORE_NONE.
 */
extern uint32 vx_hnsw_protect_from(StoreIndex *store, const uint32 *from, int count, uint32 node,
								   HnswFilter may_protect, void *arg);

/*
 * The same where nobody has room: one of those asked has the node in the place
 * of another whom it protects, if that may go.
 */
typedef bool (*HnswMayGo) (void *arg, uint32 owner, uint32 other);
extern uint32 vx_hnsw_protect_instead(StoreIndex *store, const uint32 *from, int count,
									  uint32 node, HnswFilter may_protect, HnswMayGo may_go,
									  void *arg);

/*
 * Have a node that has just been inserted protected by one of its count
 * neighbours, or by whom these protect.  False if that cannot be.
 */
extern bool vx_hnsw_protect_new(StoreIndex *store, const uint32 *neighbours, int count,
								uint32 node);

#endif							/* VX_HNSW_LINK_H */
