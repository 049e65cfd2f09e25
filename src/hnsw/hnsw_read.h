/*-------------------------------------------------------------------------
 *
 * hnsw_read.h
 *	  Reading lists and codes of single nodes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_READ_H
#define VX_HNSW_READ_H

#include "hnsw/hnsw_search.h"

#define HnswLinksPerPage(link_bytes) ((STORE_PAGE_END - STORE_ALIGNED_START) / (link_bytes))
#define HnswUppersPerPage(upper_bytes) ((STORE_PAGE_END - STORE_ALIGNED_START) / (upper_bytes))

/* Node ids below this may be read, as far as the metapage in store tells. */
extern uint32 vx_hnsw_node_limit(const StoreIndex *store);

/* The same, of an index that has been built of so many nodes */
extern uint32 vx_hnsw_count_places(const QuantParams *quant, Size link_bytes, uint32 nodes);

/*
 * How many of room entries are in use; those that are out of range (damaged,
 * or newer than the metapage that the reader knows) are taken out.
 */
extern int	vx_hnsw_check_links(HnswLink *links, int room, uint32 node_limit);

#endif							/* VX_HNSW_READ_H */
