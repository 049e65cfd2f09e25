/*-------------------------------------------------------------------------
 *
 * hnsw_search.h
 *	  Walking the graph on the index's pages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_SEARCH_H
#define VX_HNSW_SEARCH_H

#include "hnsw/hnsw_format.h"
#include "hnsw/hnsw_pool.h"
#include "store/store.h"

/* A candidate of an upper level, and its slot there */
typedef struct HnswUpperCandidate
{
	float		distance;
	uint32		node;
	uint32		upper;
} HnswUpperCandidate;

/* What walks have cost, since vx_hnsw_begin_search */
typedef struct HnswSearchCounters
{
	uint64		hops;			/* lists read */
	uint64		distances;		/* codes compared */
	uint64		repeats;		/* lists or codes read again with pins */
} HnswSearchCounters;

typedef struct HnswSearch
{
	StoreIndex *store;
	HnswSearchCounters counters;
	/* hnsw_search.c's own follows */
} HnswSearch;

/*
 * Get ready to walk.  Lives in the current memory context; its visited bitmap
 * is borrowed from the backend until that context is reset.
 */
extern HnswSearch *vx_hnsw_begin_search(StoreIndex *store);

/* What to look for: a query (not QUANT_QUERY_NAN or _ODD) or a code. */
extern void vx_hnsw_search_for_query(HnswSearch *search, const QuantQuery *query);
extern void vx_hnsw_search_for_code(HnswSearch *search, const QuantSlotData *slot);

/*
 * Begin at the entry point (as store->meta has it) and go down to a level,
 * keeping the nearest node.  Returns the level reached: the smaller of level
 * and the entry's; -1 if the graph is empty.
 */
extern int	vx_hnsw_descend(HnswSearch *search, int level);

/*
 * The ef nearest nodes of an upper level from where the walk stands, nearest
 * first; valid until the next call.  The walk then stands one level below, at
 * those found.  Returns how many.
 */
extern int	vx_hnsw_search_upper(HnswSearch *search, int ef,
								 const HnswUpperCandidate **found);

/*
 * The same on level 0, the last.  May be called again with another ef: then
 * it starts from the same place and finds at least as much.
 */
extern int	vx_hnsw_search_bottom(HnswSearch *search, int ef, const HnswCandidate **found);

/*
 * The nearest nodes on level 0 by a walk that ends when it comes to a goal, or when it
 * is as wide as vx_hnsw_goal_width says, of the ef that finds as much without one: few
 * come there.  Finds some more than the goal's place if there are.  Not with a filter.
 */
extern int	vx_hnsw_search_nearest(HnswSearch *search, int ef, const HnswGoal *goal,
								   const HnswCandidate **found);

/*
 * A walk on level 0 in steps of growing ef, up to widest.  After each step the
 * distances of what has been found, and how many there are, are those of
 * vx_hnsw_search_bottom with that ef, in the time of one walk with the last;
 * only where nodes have to pass a filter is each step a walk of its own.  Nodes
 * are told by HnswFoundNode.
 */
#define HnswFoundNode(found) ((found)->node & 0x7FFFFFFFU)

extern void vx_hnsw_search_begin_steps(HnswSearch *search, int widest);
extern int	vx_hnsw_search_step(HnswSearch *search, int ef, const HnswCandidate **found);

/*
 * A step that ends before if it comes to one of the goals, and gives all that it
 * knows, be it beyond ef.  The goals that it has come to are bits of *reached, which is 0
 * where ef has been its end.  Not with a filter.
 */
extern int	vx_hnsw_search_to_goals(HnswSearch *search, int ef, const HnswGoal *goals,
									int goal_count, uint32 *reached,
									const HnswCandidate **found);

/*
 * From now on only nodes that pass may be found on level 0; others are bridges:
 * walks go through at most ef of them.  NULL: all nodes pass.
 */
typedef bool (*HnswFilter) (void *arg, uint32 node);

extern void vx_hnsw_set_filter(HnswSearch *search, HnswFilter passes, void *arg);

/* Nodes that the next walks shall not see (calibration); STORE_NONE: none. */
extern void vx_hnsw_hide_node(HnswSearch *search, uint32 node);

/*
 * Copy one node's list of 2 m entries, without those that are out of range.
 * Returns how many are in use (0 for a freed node).
 */
extern int	vx_hnsw_read_links(StoreIndex *store, uint32 node, HnswLink *links);

/*
 * Copy one upper slot (HnswUpperSlotBytes); false if it is not of this node
 * and level.  Returns in *count how many links are in use; their nodes may be
 * newer than the metapage in store.
 */
extern bool vx_hnsw_read_upper(StoreIndex *store, uint32 upper, uint32 node, int level,
							   HnswUpperData *copy, int *count);

/*
 * Copy headers and codes of count nodes, without residuals, to slots, slot_bytes
 * apart.  Those of freed nodes have error NaN.
 */
extern void vx_hnsw_read_codes(StoreIndex *store, const uint32 *nodes, int count, char *slots);

/* The same of one node, by the page's lock: never torn */
extern void vx_hnsw_read_locked_code(StoreIndex *store, uint32 node, QuantSlotData *slot);

#endif							/* VX_HNSW_SEARCH_H */
