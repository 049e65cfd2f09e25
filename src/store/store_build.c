/*-------------------------------------------------------------------------
 *
 * store_build.c
 *	  Writing a whole store at once, for ambuild and ambuildempty.
 *
 * Pages are filled in private memory and go to the buffer manager when they
 * are full, without WAL; at the end every block is logged whole.  Heads of
 * chains stay in memory until the end, so that equal vectors cost nothing
 * but their row.  Nobody else can see the index before the build's
 * transaction commits.
 *
 * The store tells equal vectors apart itself (vx_store_build_row), or the
 * caller has done it and decides on the order of nodes: nodes and links by
 * vx_store_build_node, then rows by vx_store_build_node_row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/smgr.h"
#include "utils/memutils.h"

#include "store/store.h"

/* Node with a given hash; open addressing */
typedef struct SeenNode
{
	uint64		hash;
	uint32		node_plus_one;
} SeenNode;

typedef struct BuildFamily
{
	char	   *page;			/* the page being filled */
	uint32		page_no;
	uint32		extents;
	BlockNumber starts[STORE_MAX_EXTENTS];
} BuildFamily;

struct StoreBuilder
{
	Relation	index;
	MemoryContext context;		/* the one that was current at the beginning */
	StoreMetaData meta;
	QuantParams quant;
	StoreColumns columns;
	BuildFamily families[STORE_MAX_FAMILIES];
	uint32		codes_per_page;
	uint32		nodes;
	uint32		rows;
	uint32	   *heads;			/* by node id */
	Size		heads_size;
	uint64	   *hashes;			/* by node id, for the directory */
	uint8	   *levels;			/* by node id, NULL without a graph */
	SeenNode   *seen;
	uint64		seen_size;		/* power of two */
};

/*
 * Write a finished page through the buffer manager.
 */
static void
write_page(Relation index, BlockNumber block, Page page)
{
	Buffer		buffer = vx_store_new_block(index, MAIN_FORKNUM, block);

	memcpy(BufferGetPage(buffer), page, BLCKSZ);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/*
 * Block of a page of the family; reserves its extent if it is the first.
 */
static BlockNumber
builder_block(StoreBuilder *builder, int family_no, uint32 page_no)
{
	BuildFamily *family = &builder->families[family_no];
	uint32		extent = StoreExtentOfPage(page_no);

	if (extent >= family->extents)
	{
		uint32		pages = StoreExtentPages(page_no);

		Assert(extent == family->extents);
		if (builder->meta.reserved_blocks > MaxBlockNumber - pages)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("cannot extend index \"%s\" beyond %u blocks",
							RelationGetRelationName(builder->index), MaxBlockNumber)));
		family->starts[extent] = builder->meta.reserved_blocks;
		builder->meta.reserved_blocks += pages;
		family->extents++;
	}
	return family->starts[extent] + StoreExtentOffset(page_no);
}

/* Send the page being filled to its block. */
static void
flush_family(StoreBuilder *builder, int family_no)
{
	BuildFamily *family = &builder->families[family_no];

	if (family->page == NULL)
		return;
	write_page(builder->index, builder_block(builder, family_no, family->page_no), family->page);
	builder->meta.families[family_no].pages = family->page_no + 1;
}

/*
 * Append a slot to a family.
 */
static void
append_slot(StoreBuilder *builder, int family_no, Size size, const void *data)
{
	BuildFamily *family = &builder->families[family_no];
	PageHeader	header = (PageHeader) family->page;
	Size		end = family_no < STORE_ATTRIBUTE ? STORE_PAGE_END :
		STORE_ALIGNED_START + StoreAttributesPerPage(size) * size;

	if (family->page != NULL && header->pd_lower + size > end)
	{
		flush_family(builder, family_no);
		family->page_no++;
		vx_store_init_page(family->page, family_no, family->page_no);
	}
	else if (family->page == NULL)
	{
		family->page = MemoryContextAlloc(builder->context, BLCKSZ);
		header = (PageHeader) family->page;
		vx_store_init_page(family->page, family_no, 0);
	}
	memcpy(family->page + header->pd_lower, data, size);
	header->pd_lower += size;
}

/*
 * Begin to write an index.  mean may be NULL.
 */
StoreBuilder *
vx_store_begin_build(Relation index, int dims, QuantKind quantizer,
					 DistanceMetric metric, const float *mean, const StoreColumns *columns)
{
	StoreBuilder *builder = palloc0(sizeof(StoreBuilder));
	PGAlignedBlock page;
	Buffer		buffer;
	int			i;

	/* What this backend remembers may be of an earlier build of this file. */
	vx_store_forget(RelationGetRelid(index));

	builder->columns = *columns;
	vx_store_init_meta((Page) page.data, dims, quantizer, metric, columns);
	memcpy(&builder->meta, PageGetContents((Page) page.data), sizeof(StoreMetaData));
	builder->index = index;
	builder->context = CurrentMemoryContext;
	vx_quant_init_params(&builder->quant, quantizer, metric, dims, mean);
	builder->codes_per_page = StoreCodesPerPage(builder->quant.slot_bytes);
	builder->heads_size = 1024;
	builder->heads = palloc(sizeof(uint32) * builder->heads_size);
	builder->hashes = palloc(sizeof(uint64) * builder->heads_size);
	builder->seen_size = 4096;
	builder->seen = palloc0(sizeof(SeenNode) * builder->seen_size);

	/* The metapage and the first map page, written at the end, come first. */
	for (i = 0; i < STORE_FIRST_FREE_BLOCK; i++)
	{
		buffer = vx_store_new_block(index, MAIN_FORKNUM, i);
		UnlockReleaseBuffer(buffer);
	}

	if (mean != NULL)
	{
		builder->meta.flags |= STORE_FLAG_MEAN;
		for (i = 0; i < dims; i++)
			append_slot(builder, STORE_MEAN, sizeof(float), &mean[i]);
	}
	return builder;
}

/*
 * The index has a graph; to be called before the first node.
 */
void
vx_store_builder_set_graph(StoreBuilder *builder, const StoreGraph *graph)
{
	builder->meta.link_bytes = graph->link_bytes;
	builder->meta.upper_bytes = graph->upper_bytes;
	memcpy(builder->meta.am_words, graph->am_words, sizeof(builder->meta.am_words));
	builder->levels = palloc(builder->heads_size);
}

const QuantParams *
vx_store_builder_quant(StoreBuilder *builder)
{
	return &builder->quant;
}

static void
double_seen(StoreBuilder *builder)
{
	SeenNode   *old = builder->seen;
	uint64		old_size = builder->seen_size;
	uint64		i;

	builder->seen_size *= 2;
	builder->seen = MemoryContextAllocExtended(builder->context,
											   sizeof(SeenNode) * builder->seen_size,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < old_size; i++)
	{
		uint64		at = old[i].hash & (builder->seen_size - 1);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (old[i].node_plus_one == 0)
			continue;
		while (builder->seen[at].node_plus_one != 0)
			at = (at + 1) & (builder->seen_size - 1);
		builder->seen[at] = old[i];
	}
	pfree(old);
}

/*
 * True if the node's code may be shared by slot.
 */
static bool
equals_node(StoreBuilder *builder, uint32 node, const QuantSlotData *slot)
{
	BuildFamily *family = &builder->families[STORE_CODE];
	uint32		page_no = node / builder->codes_per_page;
	Size		offset = STORE_ALIGNED_START +
		node % builder->codes_per_page * builder->quant.slot_bytes;
	Buffer		buffer;
	bool		equal;

	if (page_no == family->page_no)
		return vx_quant_may_share(&builder->quant,
								  (QuantSlotData *) (family->page + offset), slot);

	buffer = ReadBuffer(builder->index, builder_block(builder, STORE_CODE, page_no));
	equal = vx_quant_may_share(&builder->quant,
							   (QuantSlotData *) (BufferGetPage(buffer) + offset), slot);
	ReleaseBuffer(buffer);
	return equal;
}

/*
 * A new node for a code.
 */
static uint32
add_node(StoreBuilder *builder, QuantSlotData *slot, uint64 hash)
{
	uint32		node = builder->nodes++;

	if (node >= STORE_NONE - STORE_NODES_PER_PAGE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot hold more than %u rows",
						RelationGetRelationName(builder->index), STORE_NONE - 1)));
	if (node >= builder->heads_size)
	{
		builder->heads_size *= 2;
		builder->heads = repalloc_huge(builder->heads, sizeof(uint32) * builder->heads_size);
		builder->hashes = repalloc_huge(builder->hashes, sizeof(uint64) * builder->heads_size);
		if (builder->levels != NULL)
			builder->levels = repalloc_huge(builder->levels, builder->heads_size);
	}
	builder->heads[node] = STORE_NONE;
	builder->hashes[node] = hash;
	slot->incarnation = 1;
	append_slot(builder, STORE_CODE, builder->quant.slot_bytes, slot);
	return node;
}

/*
 * Find an equal vector's node, or enter a new one.
 */
static uint32
find_or_add_node(StoreBuilder *builder, QuantSlotData *slot)
{
	uint64		hash = vx_store_hash_slot(&builder->quant, slot);
	uint64		at = hash & (builder->seen_size - 1);
	uint32		node;

	while (builder->seen[at].node_plus_one != 0)
	{
		if (builder->seen[at].hash == hash &&
			equals_node(builder, builder->seen[at].node_plus_one - 1, slot))
			return builder->seen[at].node_plus_one - 1;
		at = (at + 1) & (builder->seen_size - 1);
	}

	node = add_node(builder, slot, hash);
	builder->seen[at].hash = hash;
	builder->seen[at].node_plus_one = node + 1;
	if ((uint64) builder->nodes * 2 > builder->seen_size)
		double_seen(builder);
	return node;
}

/*
 * Append a row, at the head of its node's chain if it has one.
 */
static void
append_row(StoreBuilder *builder, ItemPointer tid, uint16 kind, uint32 node,
		   const char *attributes)
{
	StoreRowData row;
	uint32		id = builder->rows++;
	int			i;

	if (id >= STORE_NONE - STORE_ROWS_PER_PAGE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot hold more than %u rows",
						RelationGetRelationName(builder->index), STORE_NONE - 1)));
	memset(&row, 0, sizeof(row));
	row.tid = *tid;
	row.state = STORE_ROW_LIVE | kind;
	row.node = node;
	row.next = STORE_NONE;
	if (kind == STORE_ROW_CODED)
	{
		row.incarnation = 1;
		row.next = builder->heads[node];
		builder->heads[node] = id;
	}
	else if (kind == STORE_ROW_ODD)
		builder->meta.flags |= STORE_FLAG_ODD;
	append_slot(builder, STORE_ROW, sizeof(row), &row);
	for (i = 0; i < builder->columns.count; i++)
	{
		append_slot(builder, STORE_ATTRIBUTE + i, builder->columns.bytes[i], attributes);
		attributes += builder->columns.bytes[i];
	}
}

/*
 * Add a row; see vx_store_insert for kind and slot.
 */
void
vx_store_build_row(StoreBuilder *builder, ItemPointer tid, uint16 kind,
				   QuantSlotData *slot, const char *attributes)
{
	append_row(builder, tid, kind,
			   kind == STORE_ROW_CODED ? find_or_add_node(builder, slot) : STORE_NONE,
			   attributes);
}

/*
 * Add the next node of a graph, with its top level and its link slot.  Its
 * code must not be shared by another: nobody looks.
 */
void
vx_store_build_node(StoreBuilder *builder, QuantSlotData *slot, int level, const void *links)
{
	uint32		node = add_node(builder, slot, vx_store_hash_slot(&builder->quant, slot));

	builder->levels[node] = level;
	append_slot(builder, STORE_LINK, builder->meta.link_bytes, links);
}

/* Add the next upper slot of a graph. */
void
vx_store_build_upper(StoreBuilder *builder, const void *upper)
{
	append_slot(builder, STORE_UPPER, builder->meta.upper_bytes, upper);
}

/*
 * Add a row of a node that has been added (STORE_NONE unless kind is
 * STORE_ROW_CODED).
 */
void
vx_store_build_node_row(StoreBuilder *builder, ItemPointer tid, uint16 kind, uint32 node,
						const char *attributes)
{
	Assert((kind == STORE_ROW_CODED) == (node < builder->nodes));
	append_row(builder, tid, kind, node, attributes);
}

/*
 * The directory: one level with room for all nodes and more to come.
 */
static void
write_directory(StoreBuilder *builder, uint64 more_nodes)
{
	uint64		room = builder->nodes;
	int			fill_percent = 60;
	uint32		pages;
	uint32		page_no;
	uint32		node;
	char	   *level;

	if (builder->nodes == 0 && more_nodes == 0)
		return;

	/*
	 * Several processes of one transaction may insert those, and locks do not
	 * keep two of them from growing the directory at once: there is so much
	 * room that it does not grow (store_directory.c).
	 */
	if (more_nodes > 0)
	{
		room += more_nodes + 8 * STORE_NODES_PER_PAGE;
		fill_percent = 45;
	}

	pages = room * 100 /
		(fill_percent * STORE_BUCKETS_PER_PAGE * STORE_BUCKET_ENTRIES) + 1;
	level = MemoryContextAllocExtended(CurrentMemoryContext, (Size) pages * BLCKSZ,
									   MCXT_ALLOC_HUGE);
	for (page_no = 0; page_no < pages; page_no++)
		vx_store_init_page((Page) (level + (Size) page_no * BLCKSZ), STORE_DIRECTORY, page_no);

	for (node = 0; node < builder->nodes; node++)
	{
		uint32		bucket = vx_store_bucket(builder->hashes[node], pages, &page_no);
		int			i;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < STORE_PROBES * STORE_BUCKET_ENTRIES; i++)
		{
			StoreDirectoryEntryData *entry = (StoreDirectoryEntryData *)
				(level + (Size) page_no * BLCKSZ + STORE_ALIGNED_START +
				 bucket * STORE_BUCKET_BYTES) + i % STORE_BUCKET_ENTRIES;

			if (entry->node_plus_one == 0)
			{
				entry->tag = (uint32) builder->hashes[node];
				entry->node_plus_one = node + 1;
				break;
			}
			if (i % STORE_BUCKET_ENTRIES == STORE_BUCKET_ENTRIES - 1)
				bucket = vx_store_next_bucket(bucket);
		}
	}

	for (page_no = 0; page_no < pages; page_no++)
	{
		CHECK_FOR_INTERRUPTS();
		write_page(builder->index, builder_block(builder, STORE_DIRECTORY, page_no),
				   (Page) (level + (Size) page_no * BLCKSZ));
	}
	builder->meta.families[STORE_DIRECTORY].pages = pages;
	builder->meta.directory_levels = 1;
	builder->meta.directory_pages[0] = pages;
	pfree(level);
}

/*
 * The map: extents of all families, one page after another.
 */
static void
write_map(StoreBuilder *builder)
{
	PGAlignedBlock block;
	Page		page = (Page) block.data;
	StoreMapHeaderData *header = (StoreMapHeaderData *) PageGetContents(page);
	StoreMapEntryData *entries = (StoreMapEntryData *) (header + 1);
	BlockNumber at = STORE_FIRST_MAP_BLOCK;
	uint32		map_no = 0;
	int			family;
	uint32		extent;

	vx_store_init_page(page, STORE_KIND_MAP, map_no);
	for (family = 0; family < STORE_MAX_FAMILIES; family++)
	{
		for (extent = 0; extent < builder->families[family].extents; extent++)
		{
			if (header->entries == STORE_MAP_ENTRIES_PER_PAGE)
			{
				header->next_block = builder->meta.reserved_blocks++;
				write_page(builder->index, at, page);
				at = header->next_block;
				vx_store_init_page(page, STORE_KIND_MAP, ++map_no);
			}
			entries[header->entries].family = family;
			entries[header->entries].extent = extent;
			entries[header->entries].start = builder->families[family].starts[extent];
			header->entries++;
			((PageHeader) page)->pd_lower += sizeof(StoreMapEntryData);
			builder->meta.map_entries++;
		}
	}
	write_page(builder->index, at, page);
	builder->meta.map_last_block = at;
}

/*
 * Write what is left.  The index can be opened then, but nothing of it has
 * been logged; the caller will insert more nodes before it is.
 */
void
vx_store_write_build(StoreBuilder *builder, uint64 more_nodes)
{
	PGAlignedBlock page;
	uint32		node;
	int			i;

	flush_family(builder, STORE_MEAN);
	flush_family(builder, STORE_CODE);
	flush_family(builder, STORE_ROW);
	flush_family(builder, STORE_LINK);
	flush_family(builder, STORE_UPPER);
	for (i = 0; i < builder->columns.count; i++)
		flush_family(builder, STORE_ATTRIBUTE + i);
	for (node = 0; node < builder->nodes; node++)
	{
		StoreNodeData data;

		CHECK_FOR_INTERRUPTS();
		data.head = builder->heads[node];
		data.incarnation = 1;
		data.state = STORE_NODE_LIVE;
		data.level = builder->levels ? builder->levels[node] : 0;
		append_slot(builder, STORE_NODE, sizeof(data), &data);
	}
	flush_family(builder, STORE_NODE);
	write_directory(builder, more_nodes);
	write_map(builder);

	vx_store_init_meta((Page) page.data, builder->quant.dims, builder->quant.kind,
					   builder->quant.metric, &builder->columns);
	memcpy(PageGetContents((Page) page.data), &builder->meta, sizeof(StoreMetaData));
	write_page(builder->index, STORE_META_BLOCK, (Page) page.data);
}

/* Log an index that has been written without WAL. */
void
vx_store_log_build(Relation index)
{
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
}

/* Write what is left, and log the whole index. */
void
vx_store_end_build(StoreBuilder *builder)
{
	vx_store_write_build(builder, 0);
	vx_store_log_build(builder->index);
}

/*
 * Write an index without rows to the init fork of an unlogged one, through WAL:
 * it is copied from disk after a crash.  graph is NULL for one without a graph.
 */
void
vx_store_build_empty(Relation index, int dims, QuantKind quantizer, DistanceMetric metric,
					 const StoreColumns *columns, const StoreGraph *graph)
{
	int			block;

	for (block = 0; block < STORE_FIRST_FREE_BLOCK; block++)
	{
		PGAlignedBlock page;
		Buffer		buffer;

		if (block == STORE_META_BLOCK)
		{
			StoreMetaData *meta = (StoreMetaData *) PageGetContents((Page) page.data);

			vx_store_init_meta((Page) page.data, dims, quantizer, metric, columns);
			if (graph != NULL)
			{
				meta->link_bytes = graph->link_bytes;
				meta->upper_bytes = graph->upper_bytes;
				memcpy(meta->am_words, graph->am_words, sizeof(meta->am_words));
			}
		}
		else
			vx_store_init_page((Page) page.data, STORE_KIND_MAP, 0);
		buffer = vx_store_new_block(index, INIT_FORKNUM, block);

		START_CRIT_SECTION();
		memcpy(BufferGetPage(buffer), page.data, BLCKSZ);
		MarkBufferDirty(buffer);
		log_newpage_buffer(buffer, true);
		END_CRIT_SECTION();
		UnlockReleaseBuffer(buffer);
	}
}
