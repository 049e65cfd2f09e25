/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The vector store: what access methods call.
 *
 * The store keeps rows (heap TIDs) and nodes (codes of distinct vectors) and
 * knows nothing of search order or graphs.  README.md explains it.
 *
 * Lock order, for whoever holds more than one page: node, code, links, row,
 * attribute, directory, meta, map, then pages that nobody else can reach yet.
 * Readers hold one content lock at a time (replay may hold four).
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_STORE_H
#define VX_STORE_H

#include "access/genam.h"
#include "common/pg_prng.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "base/base_compat.h"
#include "base/base_limits.h"
#include "quant/quant_codec.h"
#include "store/store_format.h"

/* Nodes that vx_store_find_equal remembers */
#define STORE_MAX_NAMED 64

/* Where a page was last seen */
typedef struct StorePageRef
{
	BlockNumber block;
	Buffer		buffer;			/* InvalidBuffer: not seen yet */
} StorePageRef;

/* References are allocated in pieces of this many pages. */
#define STORE_REFS_PER_CHUNK 1024

/* What a backend remembers of one family */
typedef struct StoreCacheFamily
{
	uint32		extents;		/* known extents */
	BlockNumber *starts;		/* STORE_MAX_EXTENTS of them, or NULL */
	StorePageRef **chunks;		/* NULL where no page has been asked for */
	uint32		chunk_count;
	StorePageRef last;			/* the last page that was found by the table
								 * of buffers */
} StoreCacheFamily;

typedef struct StoreCache StoreCache;

/*
 * One opened index.  Lives in the memory context that was current when it
 * was opened and lets go of its cache when that context is reset.
 */
typedef struct StoreIndex
{
	Relation	relation;
	StoreCache *cache;			/* page map and mean, shared by this backend's
								 * handles of the index */
	const QuantParams *quant;
	bool		temporary;		/* local buffers: no remembered pages */
	Snapshot	snapshot;		/* of a scan: pages may be too new for it */
	uint32		codes_per_page;
	int			attribute_bytes;	/* of all attribute columns of a row */
	StoreMetaData meta;			/* as read last */
	int64		reads_seen;		/* vx_store_prefetch: pages read from disk */
	uint32		prefetched;		/* and first page not yet asked for */
	StoreDirectoryEntryData wrong_entry;	/* that the next entry may replace */
	uint32		named[STORE_MAX_NAMED]; /* see vx_store_find_equal */
	int			named_count;	/* one more: there are others */
	MemoryContextCallback release;
} StoreIndex;

/*
 * The attribute columns of an index.  What a row has in them is passed around
 * as their slots one after another; a slot of zeros means NULL.
 */
typedef struct StoreColumns
{
	int			count;
	int			total_bytes;
	uint8		bytes[STORE_MAX_ATTRIBUTES];
} StoreColumns;

/* What this backend has done since it started */
typedef struct StoreCounters
{
	uint64		peeks;			/* pages used without a pin */
	uint64		peek_misses;	/* pages that had moved: read with a pin */
	uint64		recent_pins;	/* pins without a buffer table lookup */
	uint64		slow_pins;		/* pins through the buffer table */
} StoreCounters;

extern StoreCounters vx_store_counters;

/* store_open.c */
extern StoreIndex *vx_store_open(Relation index);
extern void vx_store_refresh_meta(StoreIndex *store);
extern StoreCacheFamily *vx_store_cache_family(StoreIndex *store, int family);
extern StorePageRef *vx_store_page_ref(StoreIndex *store, int family, uint32 page_no);
extern Buffer vx_store_pin(StoreIndex *store, int family_no, uint32 page_no);
extern const char *vx_store_ask_page(StoreIndex *store, int family_no, uint32 page_no);
extern Buffer vx_store_pin_immutable(StoreIndex *store, int family, uint32 page_no);
extern Buffer vx_store_lock(StoreIndex *store, int family, uint32 page_no, int mode);
extern bool vx_store_copy_slot(StoreIndex *store, int family, uint32 page_no, uint32 slot,
							   Size slot_bytes, Size length, void *copy);
extern bool vx_store_read_node(StoreIndex *store, uint32 node, StoreNodeData *copy);
extern bool vx_store_peek_slot(StoreIndex *store, int family, uint32 page_no, uint32 slot,
							   Size slot_bytes, Size length, void *copy);
extern void vx_store_prefetch(StoreIndex *store, int family, uint32 page_no, uint32 end);
extern void vx_store_lock_buffer(Relation index, Buffer buffer, int mode);
extern Buffer vx_store_lock_meta(StoreIndex *store, int mode);
extern void vx_store_forget(Oid relid);
vx_noreturn extern void vx_store_report_corruption(Relation index,
												   const char *detail_format,...)
			pg_attribute_printf(2, 3);

/* store_page.c */
extern void vx_store_init_page(Page page, int family, uint32 page_no);
extern void vx_store_init_meta(Page page, int dims, QuantKind quantizer,
							   DistanceMetric metric, const StoreColumns *columns);
extern Size vx_store_slot_size(const StoreIndex *store, int family);
extern uint32 vx_store_page_slots(const StoreIndex *store, int family);
extern void vx_store_check_page(StoreIndex *store, Page page, int family, uint32 page_no);
extern void vx_store_check_meta_page(Relation index, Page page);
extern uint32 vx_store_count_pages(const StoreIndex *store, int family);
extern Buffer vx_store_new_block(Relation index, ForkNumber fork, BlockNumber block);
extern void vx_store_add_page(StoreIndex *store, int family, uint32 page_no);

/* Slots in use on a checked page (free ones below the count included) */
static inline uint32
vx_store_slots(Page page, int family, Size slot_size)
{
	return (((PageHeader) page)->pd_lower - StoreFamilyStart(family)) / slot_size;
}

static inline char *
vx_store_slot(Page page, int family, Size slot_size, uint32 slot)
{
	return (char *) page + StoreFamilyStart(family) + slot * slot_size;
}

/* store_wal.c */
#define STORE_WAL_BLOCKS 4

/*
 * Bytes of one page's fragments.  The most there can be: every row slot of a
 * page freed, with a fragment header of 4 bytes for each slot of 20.
 */
#define STORE_WAL_ROOM	(BLCKSZ + BLCKSZ / 5 + 256)

/*
 * One WAL record in the making: changes are collected as (offset, length,
 * bytes) fragments and applied to the pages in one critical section, so that
 * the pages change exactly as replay will change them.
 */
typedef struct StoreWal
{
	Relation	index;
	int			blocks;
	struct
	{
		Buffer		buffer;
		bool		fresh;		/* a new page: logged whole */
		int			length;
	}			block[STORE_WAL_BLOCKS];
} StoreWal;

extern Oid	vx_store_unlogged_index;
extern pg_prng_state *vx_store_random;

extern void vx_store_wal_begin(StoreWal *wal, Relation index);
extern int	vx_store_wal_add(StoreWal *wal, Buffer buffer, bool fresh);
extern void vx_store_wal_put(StoreWal *wal, int block, const void *place,
							 const void *data, Size length);
extern void vx_store_wal_finish(StoreWal *wal);

/* store_insert.c */
typedef struct StoreInserted
{
	uint32		row;
	uint32		node;			/* STORE_NONE for rows without a node */
	uint32		incarnation;
	bool		new_node;
} StoreInserted;

extern void vx_store_insert(StoreIndex *store, ItemPointer tid, uint16 kind,
							QuantSlotData *slot, const char *attributes,
							StoreInserted *inserted);

extern bool vx_store_insert_equal(StoreIndex *store, ItemPointer tid, uint64 hash,
								  const QuantSlotData *slot, const char *attributes,
								  StoreInserted *inserted);
extern void vx_store_insert_linked(StoreIndex *store, ItemPointer tid, QuantSlotData *slot,
								   const char *attributes, int level, const void *links,
								   Size link_bytes, StoreInserted *inserted);
extern uint32 vx_store_insert_upper(StoreIndex *store, const void *upper);

/* store_attribute.c */
extern bool vx_store_find_missing_attribute(const StoreIndex *store, uint32 row, int *family,
											uint32 *page_no);
extern void vx_store_write_attributes(StoreIndex *store, uint32 row, const char *attributes);
extern void vx_store_clear_attributes(StoreIndex *store, const uint32 *rows, int count);
extern void vx_store_read_attributes(StoreIndex *store, uint32 row, char *attributes);

/* store_directory.c */
extern uint64 vx_store_hash_slot(const QuantParams *quant, const QuantSlotData *slot);
extern bool vx_store_find_equal(StoreIndex *store, uint64 hash, const QuantSlotData *slot,
								uint32 *node, uint32 *incarnation);
extern void vx_store_remember_node(StoreIndex *store, uint64 hash, uint32 node);
extern void vx_store_reserve_entry(StoreIndex *store, uint64 hash);
extern Buffer vx_store_put_entry(StoreIndex *store, StoreWal *wal, uint64 hash, uint32 node);
extern uint32 vx_store_bucket(uint64 hash, uint32 pages, uint32 *page_no);
extern uint32 vx_store_next_bucket(uint32 bucket);

/* store_chain.c */

/* Heap TIDs of one node's rows, read in portions */
typedef struct StoreChain
{
	uint32		node;
	uint32		incarnation;
	uint32		next;			/* row to read next */
	bool		started;
	bool		ended;
	uint32		steps;			/* rows passed since the last start */
	uint32		restarts;
} StoreChain;

extern void vx_store_start_chain(StoreChain *chain, uint32 node, uint32 incarnation);
extern int	vx_store_read_chain(StoreIndex *store, StoreChain *chain,
								ItemPointerData *tids, uint32 *rows, int max);

/* store_vacuum.c */
extern void vx_store_bulk_delete(StoreIndex *store, IndexBulkDeleteResult *stats,
								 IndexBulkDeleteCallback callback, void *state);

extern IndexBulkDeleteResult *vx_store_vacuum_cleanup(IndexVacuumInfo *info,
													  IndexBulkDeleteResult *stats);

/* For graphs: what vacuum frees once nothing links to it */
typedef bool (*StoreShouldFree) (void *arg, const void *slot);

extern void vx_store_free_dead_nodes(StoreIndex *store, const uint32 *nodes, int count);
extern void vx_store_free_uppers(StoreIndex *store, uint32 page_no,
								 StoreShouldFree should_free, void *arg);

/* store_build.c */
typedef struct StoreBuilder StoreBuilder;

/* What the metapage says of a graph */
typedef struct StoreGraph
{
	uint16		link_bytes;
	uint16		upper_bytes;
	uint64		am_words[STORE_AM_WORDS];
} StoreGraph;

extern StoreBuilder *vx_store_begin_build(Relation index, int dims, QuantKind quantizer,
										  DistanceMetric metric, const float *mean,
										  const StoreColumns *columns);
extern const QuantParams *vx_store_builder_quant(StoreBuilder *builder);
extern void vx_store_build_row(StoreBuilder *builder, ItemPointer tid, uint16 kind,
							   QuantSlotData *slot, const char *attributes);
extern void vx_store_builder_set_graph(StoreBuilder *builder, const StoreGraph *graph);
extern void vx_store_build_node(StoreBuilder *builder, QuantSlotData *slot, int level,
								const void *links);
extern void vx_store_build_upper(StoreBuilder *builder, const void *upper);
extern void vx_store_build_node_row(StoreBuilder *builder, ItemPointer tid, uint16 kind,
									uint32 node, const char *attributes);
extern void vx_store_write_build(StoreBuilder *builder, uint64 more_nodes);
extern void vx_store_log_build(Relation index);
extern void vx_store_end_build(StoreBuilder *builder);
extern void vx_store_build_empty(Relation index, int dims, QuantKind quantizer,
								 DistanceMetric metric, const StoreColumns *columns,
								 const StoreGraph *graph);

/* store_check.c */
typedef void (*StoreCheckReport) (void *arg, const char *invariant, int64 block,
								  const char *message);
extern void vx_store_check(StoreIndex *store, StoreCheckReport report, void *arg);

#endif							/* VX_STORE_H */
