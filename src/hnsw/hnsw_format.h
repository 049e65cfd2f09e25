/*-------------------------------------------------------------------------
 *
 * hnsw_format.h
 *	  What the graph keeps on disk beside the store's codes and rows: lists of
 *	  neighbours and a few words on the metapage.
 *
 * README.md has the byte tables and the numbered invariants.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_FORMAT_H
#define VX_HNSW_FORMAT_H

#include "hnsw/hnsw_width.h"
#include "store/store_format.h"

/* Range and defaults of the index options, pgvector's */
#define HNSW_MIN_M					2
#define HNSW_DEFAULT_M				16
#define HNSW_MAX_M					100
#define HNSW_MIN_EF_CONSTRUCTION	4
#define HNSW_DEFAULT_EF_CONSTRUCTION 64
#define HNSW_MAX_EF_CONSTRUCTION	1000

/*
 * Link slot, by node id: 2 m entries, those in use first.  An entry is a node
 * id plus one, so that zeros are no neighbours; the highest bit says that the
 * link is its target's protected one.  A freed node's first entry is
 * HNSW_LINK_FREED, the others are 0.
 */
typedef uint32 HnswLink;

#define HNSW_LINK_PROTECTED	0x80000000U
#define HNSW_LINK_FREED		STORE_LINK_FREED
#define HNSW_MAX_NODES		STORE_MAX_GRAPH_NODES

#define HnswLinkNode(link)	(((link) & ~HNSW_LINK_PROTECTED) - 1)
#define HnswMakeLink(node)	((node) + 1)

#define HnswLinkSlotBytes(m) (2 * (m) * sizeof(HnswLink))

/* One neighbour on an upper level */
typedef struct HnswUpperLinkData
{
	uint32		node_plus_one;	/* 0: no neighbour */
	uint32		upper;			/* its slot of this level */
} HnswUpperLinkData;

/*
 * Upper slot: a node's list on one level above 0.  Whoever follows a link
 * checks that the slot is of the node and level expected.
 */
typedef struct HnswUpperData
{
	uint32		node;			/* STORE_NONE: free */
	uint32		incarnation;	/* the node's */
	uint32		down;			/* the node's slot one level below; STORE_NONE
								 * on level 1 */
	uint32		level;			/* from 1 */
	HnswUpperLinkData links[FLEXIBLE_ARRAY_MEMBER]; /* m, those in use first */
} HnswUpperData;

#define HnswUpperSlotBytes(m) \
	(offsetof(HnswUpperData, links) + (m) * sizeof(HnswUpperLinkData))

/* Levels above 0; with m >= 2 nothing smaller than 2^24 nodes gets there */
#define HNSW_TOP_LEVEL 24

/* The graph's words on the metapage */
typedef struct HnswMetaData
{
	uint32		entry_node;		/* STORE_NONE: the graph is empty */
	uint32		entry_upper;	/* its slot of level entry_level, STORE_NONE
								 * if that is 0 */
	uint16		entry_level;
	uint16		m;
	uint16		ef_construction;
	uint16		calibrated;		/* 1: the following is filled */
	uint64		calibrated_nodes;	/* live nodes when that was */
	uint64		calibrated_changes; /* nodes added and removed since, as far
									 * as vacuum has counted */
	/* hnsw_width.h */
	uint16		recall[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_EFS];
	uint16		stretch_recall[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_STRETCHES];
	float		common_norm;	/* inner products: vx_quant_common_norm, 0:
								 * none, or not measured */
} HnswMetaData;

StaticAssertDecl(sizeof(HnswMetaData) <= STORE_AM_WORDS * sizeof(uint64),
				 "the graph's words fit");

#define HnswGetMeta(store_meta) ((HnswMetaData *) (store_meta)->am_words)

#endif							/* VX_HNSW_FORMAT_H */
