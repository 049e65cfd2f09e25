/*-------------------------------------------------------------------------
 *
 * store_format.h
 *	  What the vector store keeps on disk: pages, slots, and the arithmetic
 *	  from an id to its place.
 *
 * Every struct here is fixed width and explicitly padded.  README.md has the
 * byte tables and the numbered invariants.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_STORE_FORMAT_H
#define VX_STORE_FORMAT_H

#include "port/pg_bitutils.h"
#include "storage/block.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"

#define STORE_MAGIC			0x56454358	/* "VECX" */
#define STORE_VERSION		2

/* Last two bytes of the special space; 0xFF80-0xFF90 are other modules'. */
#define STORE_PAGE_ID		0xFF91

#define STORE_META_BLOCK	0
#define STORE_FIRST_MAP_BLOCK 1
#define STORE_FIRST_FREE_BLOCK 2	/* reserved_blocks of an empty index */

#define STORE_NONE			0xFFFFFFFFU /* no row, node, page or level */

/*
 * A family is one dense sequence of pages; page numbers within it start at 0.
 * Attribute columns are families of their own, from STORE_ATTRIBUTE on.
 */
typedef enum StoreFamily
{
	STORE_MEAN,					/* the mean, float32, immutable */
	STORE_CODE,					/* code slots, by node id */
	STORE_NODE,					/* node slots, by node id */
	STORE_ROW,					/* row slots, by row id */
	STORE_DIRECTORY,			/* hash directory of codes */
	STORE_LINK,					/* hnsw: level-0 links, by node id */
	STORE_UPPER,				/* hnsw: links of upper levels */
	STORE_RESERVED,
	STORE_ATTRIBUTE				/* first attribute column */
} StoreFamily;

#define STORE_MAX_ATTRIBUTES (INDEX_MAX_KEYS - 1)
#define STORE_MAX_FAMILIES	(STORE_ATTRIBUTE + STORE_MAX_ATTRIBUTES)

/* Attribute slots take 4 bytes, or a multiple of 8 up to this. */
#define STORE_MAX_ATTRIBUTE_BYTES 32

/* Kinds of pages that belong to no family */
#define STORE_KIND_META		0xFE
#define STORE_KIND_MAP		0xFD

/* Special space of every page */
typedef struct StoreOpaqueData
{
	uint64		free_fxid;		/* slots freed here may be used again once
								 * this FullTransactionId is behind every
								 * snapshot */
	uint32		page_no;		/* number of the page within its family */
	uint32		next_free;		/* next page with free slots, STORE_NONE at
								 * the end */
	uint16		free_count;		/* free slots below the slot count */
	uint8		listed;			/* 1: the page is on its family's free list */
	uint8		family;			/* StoreFamily or STORE_KIND_* */
	uint16		padding;
	uint16		page_id;		/* STORE_PAGE_ID */
} StoreOpaqueData;

StaticAssertDecl(sizeof(StoreOpaqueData) == 24, "store special space is 24 bytes");

typedef StoreOpaqueData *StoreOpaque;

#define StorePageGetOpaque(page) ((StoreOpaque) PageGetSpecialPointer(page))

typedef struct StoreFamilyData
{
	uint32		pages;			/* published pages */
	uint32		free_head;		/* first page with free slots or STORE_NONE */
} StoreFamilyData;

/* Most bytes of a link or upper slot: a graph of 100 neighbours a node */
#define STORE_MAX_GRAPH_BYTES 816

/* Levels of the directory: 2^23 times the first one's size */
#define STORE_MAX_DIRECTORY_LEVELS 24

/* Metapage flags */
#define STORE_FLAG_MEAN		0x0001	/* STORE_MEAN holds a mean */
#define STORE_FLAG_ODD		0x0002	/* a row without node and with unknown
									 * distance has been inserted */

/* 64-bit words that belong to the access method above */
#define STORE_AM_WORDS		32

typedef struct StoreMetaData
{
	uint32		magic;
	uint32		version;
	uint64		build_id;		/* random; new for every build, so that what
								 * backends remember of an older one is void */
	uint16		dims;
	uint8		quantizer;		/* QuantKind */
	uint8		metric;			/* DistanceMetric */
	uint16		attributes;		/* number of attribute columns */
	uint16		flags;
	uint32		slot_bytes;		/* stride of code slots */
	uint32		reserved_blocks;	/* first block that no extent owns */
	uint32		map_entries;	/* extents recorded on the map pages */
	uint32		map_last_block; /* map page that takes the next entry */
	uint32		directory_levels;
	uint32		directory_pages[STORE_MAX_DIRECTORY_LEVELS];
	uint16		link_bytes;		/* size of link and upper slots, 0 without a */
	uint16		upper_bytes;	/* graph */
	uint64		am_words[STORE_AM_WORDS];
	StoreFamilyData families[STORE_MAX_FAMILIES];
	uint8		attribute_bytes[STORE_MAX_ATTRIBUTES + 1];	/* slot size of each
															 * attribute column */
} StoreMetaData;

StaticAssertDecl(offsetof(StoreMetaData, am_words) % 8 == 0, "am_words is aligned");
StaticAssertDecl(sizeof(StoreMetaData) <= 1024 - 24 - 24, "metapage fits the smallest block");

/* Map page: header, then entries */
typedef struct StoreMapHeaderData
{
	uint32		next_block;		/* next map page or 0 */
	uint32		entries;		/* entries on this page */
} StoreMapHeaderData;

/* Extent `extent` of `family` starts at block `start` */
typedef struct StoreMapEntryData
{
	uint16		family;
	uint16		extent;
	uint32		start;
} StoreMapEntryData;

/*
 * Node slot.  A node is what equal vectors share: one code slot and a chain
 * of rows.
 */
typedef struct StoreNodeData
{
	uint32		head;			/* first row of the chain or STORE_NONE */
	uint32		incarnation;	/* equal to the code slot's */
	uint16		state;			/* STORE_NODE_* */
	uint16		level;			/* hnsw: top level */
} StoreNodeData;

#define STORE_NODE_FREE		0
#define STORE_NODE_LIVE		1
#define STORE_NODE_DEAD		2	/* graph: without rows, still linked to */

/* Most nodes of a graph: entries of link slots have 31 bits for id plus one */
#define STORE_MAX_GRAPH_NODES 0x7FFFFFFEU

/* First word of a freed node's link slot */
#define STORE_LINK_FREED	0x80000000U

StaticAssertDecl(sizeof(StoreNodeData) == 12, "node slot is 12 bytes");

/* Row slot */
typedef struct StoreRowData
{
	ItemPointerData tid;		/* heap tuple */
	uint16		state;			/* STORE_ROW_* */
	uint32		node;			/* its node, STORE_NONE if it has none */
	uint32		incarnation;	/* its node's, when it was attached */
	uint32		next;			/* next row of the node or STORE_NONE */
} StoreRowData;

StaticAssertDecl(sizeof(StoreRowData) == 20, "row slot is 20 bytes");

/* Low byte: life; high byte: why there is no node */
#define STORE_ROW_FREE		0x0000
#define STORE_ROW_LIVE		0x0001
#define STORE_ROW_DEAD		0x0002	/* reported dead, perhaps still chained */
#define STORE_ROW_LIFE_MASK	0x00FF
#define STORE_ROW_CODED		0x0000	/* has a node */
#define STORE_ROW_NULL		0x0100	/* the vector is NULL */
#define STORE_ROW_NAN		0x0200	/* every distance is NaN */
#define STORE_ROW_ODD		0x0300	/* its distance is known to the heap only */
#define STORE_ROW_KIND_MASK	0xFF00

#define StoreRowLife(row)	((row)->state & STORE_ROW_LIFE_MASK)
#define StoreRowKind(row)	((row)->state & STORE_ROW_KIND_MASK)

/*
 * Every live row has a TID that the heap can be asked about: to read block
 * InvalidBlockNumber would extend the heap.
 */
#define StoreRowHasTid(row) \
	(ItemPointerIsValid(&(row)->tid) && \
	 ItemPointerGetBlockNumberNoCheck(&(row)->tid) != InvalidBlockNumber)

/* Directory: buckets of one cache line */
typedef struct StoreDirectoryEntryData
{
	uint32		tag;			/* other bits of the hash */
	uint32		node_plus_one;	/* 0: empty */
} StoreDirectoryEntryData;

#define STORE_BUCKET_ENTRIES 8
#define STORE_PROBES		8	/* an entry is in its bucket, or, if that is
								 * full, in the next, so many at most */
#define STORE_BUCKET_BYTES	(STORE_BUCKET_ENTRIES * sizeof(StoreDirectoryEntryData))

StaticAssertDecl(STORE_BUCKET_BYTES == 64, "a bucket is one cache line");

/* First byte of slots: cache-line aligned for codes, links and buckets */
#define STORE_ALIGNED_START	64
#define STORE_PACKED_START	MAXALIGN(SizeOfPageHeaderData)
#define STORE_PAGE_END		(BLCKSZ - sizeof(StoreOpaqueData))

#define STORE_NODES_PER_PAGE ((STORE_PAGE_END - STORE_PACKED_START) / sizeof(StoreNodeData))
#define STORE_ROWS_PER_PAGE ((STORE_PAGE_END - STORE_PACKED_START) / sizeof(StoreRowData))
#define STORE_BUCKETS_PER_PAGE ((STORE_PAGE_END - STORE_ALIGNED_START) / STORE_BUCKET_BYTES)
#define STORE_MAP_ENTRIES_PER_PAGE ((STORE_PAGE_END - STORE_PACKED_START - \
	sizeof(StoreMapHeaderData)) / sizeof(StoreMapEntryData))
#define STORE_MEAN_PER_PAGE ((STORE_PAGE_END - STORE_ALIGNED_START) / sizeof(float))

/* Code slots that fit a page */
#define StoreCodesPerPage(slot_bytes) ((STORE_PAGE_END - STORE_ALIGNED_START) / (slot_bytes))

/*
 * Attribute slots of a page: a multiple of 32, so that bitmaps of rows are
 * filled a word at a time.
 */
#define StoreAttributesPerPage(bytes) \
	((STORE_PAGE_END - STORE_ALIGNED_START) / (bytes) / 32 * 32)

/*
 * Extents.  Each of the first 32 pages is an extent of its own; above, each
 * doubling of a family is cut into 32 extents of equal size.  So a family of any
 * size has at most 896 extents, and at most a 32nd of it lies ahead unused.
 */
#define STORE_EXTENT_BITS	5
#define STORE_EXTENT_CUTS	(1U << STORE_EXTENT_BITS)
#define STORE_MAX_EXTENTS	(STORE_EXTENT_CUTS * (32 - STORE_EXTENT_BITS + 1))

static inline uint32
StoreExtentOfPage(uint32 page_no)
{
	int			shift;

	if (page_no < STORE_EXTENT_CUTS)
		return page_no;
	shift = pg_leftmost_one_pos32(page_no) - STORE_EXTENT_BITS;
	return (shift + 1) * STORE_EXTENT_CUTS + ((page_no >> shift) & (STORE_EXTENT_CUTS - 1));
}

/* First page of an extent: the inverse of StoreExtentOfPage */
static inline uint32
StoreExtentFirstPage(uint32 extent)
{
	if (extent < STORE_EXTENT_CUTS)
		return extent;
	return (STORE_EXTENT_CUTS + extent % STORE_EXTENT_CUTS) << (extent / STORE_EXTENT_CUTS - 1);
}

/* Pages in the page's extent */
static inline uint32
StoreExtentPages(uint32 page_no)
{
	if (page_no < STORE_EXTENT_CUTS)
		return 1;
	return 1U << (pg_leftmost_one_pos32(page_no) - STORE_EXTENT_BITS);
}

/* The page's distance from the first page of its extent */
static inline uint32
StoreExtentOffset(uint32 page_no)
{
	return page_no & (StoreExtentPages(page_no) - 1);
}

/* Slots start here on pages of a family */
static inline Size
StoreFamilyStart(int family)
{
	switch (family)
	{
		case STORE_CODE:
		case STORE_MEAN:
		case STORE_DIRECTORY:
		case STORE_LINK:
		case STORE_UPPER:
			return STORE_ALIGNED_START;
		case STORE_KIND_META:
		case STORE_KIND_MAP:
			return STORE_PACKED_START;
		default:
			return family >= STORE_ATTRIBUTE ? STORE_ALIGNED_START : STORE_PACKED_START;
	}
}

#endif							/* VX_STORE_FORMAT_H */
