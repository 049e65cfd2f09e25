/*-------------------------------------------------------------------------
 *
 * store_page.c
 *	  Pages of the store: layout, plausibility, and adding one to a family.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lmgr.h"

#include "store/store.h"

/*
 * Initialise a page of a family (or STORE_KIND_MAP) with no slots on it.
 */
void
vx_store_init_page(Page page, int family, uint32 page_no)
{
	StoreOpaque opaque;
	PageHeader	header = (PageHeader) page;

	PageInit(page, BLCKSZ, sizeof(StoreOpaqueData));
	opaque = StorePageGetOpaque(page);
	opaque->page_no = page_no;
	opaque->next_free = STORE_NONE;
	opaque->family = family;
	opaque->page_id = STORE_PAGE_ID;

	if (family == STORE_KIND_MAP)
		header->pd_lower = STORE_PACKED_START + sizeof(StoreMapHeaderData);
	else if (family == STORE_DIRECTORY)
		header->pd_lower = STORE_ALIGNED_START + STORE_BUCKETS_PER_PAGE * STORE_BUCKET_BYTES;
	else
		header->pd_lower = StoreFamilyStart(family);
}

/*
 * Initialise the metapage of an index without rows.
 */
void
vx_store_init_meta(Page page, int dims, QuantKind quantizer,
				   DistanceMetric metric, const StoreColumns *columns)
{
	StoreMetaData *meta = (StoreMetaData *) PageGetContents(page);
	StoreOpaque opaque;
	int			i;

	PageInit(page, BLCKSZ, sizeof(StoreOpaqueData));
	opaque = StorePageGetOpaque(page);
	opaque->next_free = STORE_NONE;
	opaque->family = STORE_KIND_META;
	opaque->page_id = STORE_PAGE_ID;

	memset(meta, 0, sizeof(StoreMetaData));
	meta->magic = STORE_MAGIC;
	meta->version = STORE_VERSION;
	if (!pg_strong_random(&meta->build_id, sizeof(meta->build_id)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random index build number")));
	meta->dims = dims;
	meta->quantizer = quantizer;
	meta->metric = metric;
	meta->attributes = columns->count;
	memcpy(meta->attribute_bytes, columns->bytes, columns->count);
	meta->slot_bytes = vx_quant_slot_bytes(quantizer, dims);
	meta->reserved_blocks = STORE_FIRST_FREE_BLOCK;
	meta->map_last_block = STORE_FIRST_MAP_BLOCK;
	for (i = 0; i < STORE_MAX_FAMILIES; i++)
		meta->families[i].free_head = STORE_NONE;

	((PageHeader) page)->pd_lower =
		((char *) meta + sizeof(StoreMetaData)) - (char *) page;
}

/*
 * Bytes between slots of a family; 1 where a page has no slots.
 */
Size
vx_store_slot_size(const StoreIndex *store, int family)
{
	switch (family)
	{
		case STORE_CODE:
			return store->quant->slot_bytes;
		case STORE_NODE:
			return sizeof(StoreNodeData);
		case STORE_ROW:
			return sizeof(StoreRowData);
		case STORE_DIRECTORY:
			return STORE_BUCKET_BYTES;
		case STORE_MEAN:
			return sizeof(float);
		case STORE_LINK:
			return Max(store->meta.link_bytes, 1);
		case STORE_UPPER:
			return Max(store->meta.upper_bytes, 1);
		default:
			if (family >= STORE_ATTRIBUTE && family < STORE_ATTRIBUTE + store->meta.attributes)
				return store->meta.attribute_bytes[family - STORE_ATTRIBUTE];
			return 1;
	}
}

/*
 * Slots that a page of a family has room for.
 */
uint32
vx_store_page_slots(const StoreIndex *store, int family)
{
	Size		size = vx_store_slot_size(store, family);

	if (family >= STORE_ATTRIBUTE && family < STORE_MAX_FAMILIES)
		return StoreAttributesPerPage(size);
	return (STORE_PAGE_END - StoreFamilyStart(family)) / size;
}

/*
 * ereport(ERROR) unless the page is what the caller expects; after this its
 * slot count can be trusted to lie within the page.
 */
void
vx_store_check_page(StoreIndex *store, Page page, int family, uint32 page_no)
{
	PageHeader	header = (PageHeader) page;
	StoreOpaque opaque;
	Size		size = vx_store_slot_size(store, family);
	Size		start = StoreFamilyStart(family);

	if (header->pd_special != STORE_PAGE_END)
		vx_store_report_corruption(store->relation,
								   "Page %u of family %d has no special space of ours.",
								   page_no, family);
	opaque = (StoreOpaque) ((char *) page + STORE_PAGE_END);
	if (opaque->page_id != STORE_PAGE_ID || opaque->family != family ||
		opaque->page_no != page_no)
		vx_store_report_corruption(store->relation,
								   "Expected page %u of family %d, found page %u of family %u.",
								   page_no, family, opaque->page_no, opaque->family);
	if (header->pd_lower < start || header->pd_lower > STORE_PAGE_END ||
		(header->pd_lower - start) % size != 0 || header->pd_upper != STORE_PAGE_END ||
		(family >= STORE_ATTRIBUTE && family < STORE_MAX_FAMILIES &&
		 header->pd_lower > start + vx_store_page_slots(store, family) * size) ||
		(family == STORE_DIRECTORY && header->pd_lower != start &&
		 header->pd_lower != start + STORE_BUCKETS_PER_PAGE * STORE_BUCKET_BYTES) ||
		(family == STORE_KIND_MAP &&
		 header->pd_lower != start + sizeof(StoreMapHeaderData) +
		 (uint64) ((StoreMapHeaderData *) PageGetContents(page))->entries * sizeof(StoreMapEntryData)))
		vx_store_report_corruption(store->relation,
								   "Page %u of family %d has a wrong slot count.",
								   page_no, family);
}

/*
 * The same for the metapage: magic, version, and fields that others compute
 * with.
 */
void
vx_store_check_meta_page(Relation index, Page page)
{
	PageHeader	header = (PageHeader) page;
	StoreMetaData *meta = (StoreMetaData *) PageGetContents(page);
	StoreOpaque opaque = (StoreOpaque) ((char *) page + STORE_PAGE_END);
	int			column_dims = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
	int			i;

	if (header->pd_special != STORE_PAGE_END || meta->magic != STORE_MAGIC ||
		opaque->page_id != STORE_PAGE_ID || opaque->family != STORE_KIND_META)
		vx_store_report_corruption(index, "The metapage has a wrong magic number.");
	if (meta->version != STORE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has format version %u, this library reads version %u",
						RelationGetRelationName(index), meta->version, STORE_VERSION),
				 errhint("Please REINDEX it.")));
	if (meta->dims < 1 || meta->dims > VX_VECTOR_MAX_DIMS ||
		(meta->quantizer != QUANT_SQ8 && meta->quantizer != QUANT_NONE &&
		 meta->quantizer != QUANT_SQ8_RESIDUAL) ||
		meta->metric < DISTANCE_METRIC_L2 || meta->metric > DISTANCE_METRIC_L1 ||
		meta->slot_bytes != vx_quant_slot_bytes(meta->quantizer, meta->dims) ||
		meta->slot_bytes > STORE_PAGE_END - STORE_ALIGNED_START ||
		meta->attributes != RelationGetDescr(index)->natts - 1 ||
		meta->link_bytes % 8 != 0 || meta->link_bytes > STORE_MAX_GRAPH_BYTES ||
		meta->upper_bytes % 8 != 0 || meta->upper_bytes > STORE_MAX_GRAPH_BYTES ||
		meta->reserved_blocks < STORE_FIRST_FREE_BLOCK ||
		meta->map_entries > STORE_MAX_EXTENTS * STORE_MAX_FAMILIES ||
		meta->map_last_block < STORE_FIRST_MAP_BLOCK ||
		meta->map_last_block >= meta->reserved_blocks ||
		meta->directory_levels > STORE_MAX_DIRECTORY_LEVELS ||
		((meta->flags & STORE_FLAG_MEAN) != 0) != (meta->families[STORE_MEAN].pages > 0) ||
		header->pd_lower != ((char *) meta + sizeof(StoreMetaData)) - (char *) page ||
		header->pd_upper != STORE_PAGE_END ||
	/* a column that has lost its dimensions keeps its index */
		(column_dims > 0 && meta->dims != column_dims))
		vx_store_report_corruption(index, "The metapage has impossible values.");

	for (i = 0; i < meta->attributes; i++)
	{
		int			bytes = meta->attribute_bytes[i];

		/*
		 * Of the widest, small blocks have no room for any; others divide by
		 * how many.
		 */
		if ((bytes != 4 && (bytes == 0 || bytes % 8 != 0 || bytes > STORE_MAX_ATTRIBUTE_BYTES)) ||
			StoreAttributesPerPage(bytes) == 0)
			vx_store_report_corruption(index, "Attribute column %d has %d bytes.", i + 1, bytes);
	}
	for (i = 0; i < STORE_MAX_FAMILIES; i++)
	{
		if (meta->families[i].pages > meta->reserved_blocks - STORE_FIRST_FREE_BLOCK)
			vx_store_report_corruption(index, "Family %d has %u pages, the index %u blocks.",
									   i, meta->families[i].pages, meta->reserved_blocks);
	}
	for (i = 0; i < (int) meta->directory_levels; i++)
	{
		if (meta->directory_pages[i] == 0)
			vx_store_report_corruption(index, "Directory level %d has no pages.", i);
	}
}

/*
 * Published pages of a family, for whoever allocates memory by their number: it
 * must not be more than the file has.
 */
uint32
vx_store_count_pages(const StoreIndex *store, int family)
{
	uint32		pages = store->meta.families[family].pages;
	BlockNumber blocks = RelationGetNumberOfBlocks(store->relation);

	if (pages > blocks)
		vx_store_report_corruption(store->relation, "Family %d has %u pages, the file %u blocks.",
								   family, pages, blocks);
	return pages;
}

/*
 * ereport(ERROR) if the metapage's next block lies further behind the end of
 * the file than the rests of all families' extents can make it: a damaged
 * metapage must not make an insert extend the file for hours.
 */
static void
check_reserved_blocks(Relation index, const StoreMetaData *meta)
{
	uint64		limit = RelationGetNumberOfBlocks(index) + STORE_FIRST_FREE_BLOCK;
	int			i;

	for (i = 0; i < STORE_MAX_FAMILIES; i++)
	{
		if (meta->families[i].pages > 0)
			limit += StoreExtentPages(meta->families[i].pages - 1);
	}
	if (meta->reserved_blocks > limit)
		vx_store_report_corruption(index, "The metapage counts %u blocks, there can be at most " UINT64_FORMAT ".",
								   meta->reserved_blocks, limit);
}

/*
 * Make sure that the file has a block.  The caller should hold no content lock
 * that others wait for: this may take as long as writing an extent does.
 */
static void
extend_file(Relation index, ForkNumber fork, BlockNumber block)
{
	/* Of a build's own index workers do not know that it is new: they lock. */
	bool		need_lock = !RELATION_IS_LOCAL(index) ||
		RelationGetRelid(index) == vx_store_unlogged_index;

	if (block < RelationGetNumberOfBlocksInFork(index, fork))
		return;
	if (need_lock)
		LockRelationForExtension(index, ExclusiveLock);
	while (block >= RelationGetNumberOfBlocksInFork(index, fork))
	{
		Buffer		buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, NULL);

		ReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
	if (need_lock)
		UnlockRelationForExtension(index, ExclusiveLock);
}

/*
 * Pin and exclusively lock a block that may not exist yet.  It is all zeros,
 * or the map or metapage are damaged and it belongs to somebody else.
 *
 * Blocks are handed out by the metapage, not by the file's length: after a
 * crash the file may be shorter or longer than what has been handed out.  It
 * cannot have other bytes in a block that has not: a page is on disk only
 * after the record that hands it out (README.md, "What a crash leaves in
 * blocks that nothing counts").
 */
Buffer
vx_store_new_block(Relation index, ForkNumber fork, BlockNumber block)
{
	Buffer		buffer;

	extend_file(index, fork, block);
	buffer = ReadBufferExtended(index, fork, block, RBM_NORMAL, NULL);
	vx_store_lock_buffer(index, buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!PageIsNew(BufferGetPage(buffer)))
		vx_store_report_corruption(index, "Block %u is in use and was to be handed out.", block);
	return buffer;
}

/*
 * Make the file as long as a page of a family that is to be added will need
 * it: extents are reserved long before their pages are used, so that the file
 * may have to grow by many blocks at once.  Takes no lock but the metapage's,
 * for a moment.  Returns false if somebody else has added the page.
 */
static bool
extend_for_page(StoreIndex *store, int family, uint32 page_no)
{
	BlockNumber block;

	vx_store_refresh_meta(store);
	if (store->meta.families[family].pages > page_no)
		return false;
	if (StoreExtentOffset(page_no) != 0)
		block = vx_store_page_ref(store, family, page_no)->block;
	else
	{
		check_reserved_blocks(store->relation, &store->meta);
		/* One more if the map needs another page */
		block = Min(store->meta.reserved_blocks, MaxBlockNumber - 1) + 1;
	}
	extend_file(store->relation, MAIN_FORKNUM, block);
	return true;
}

/*
 * Make sure that the family has page page_no, the one after its last.
 * Returns at once if somebody else has added it.  Takes the metapage's lock:
 * the caller may hold locks of data pages, not of meta or map pages; but it
 * should hold none, see extend_file.
 */
void
vx_store_add_page(StoreIndex *store, int family, uint32 page_no)
{
	Relation	index = store->relation;
	Buffer		meta_buffer;
	Buffer		map_buffer = InvalidBuffer;
	Buffer		new_buffer;
	Page		new_page;
	StoreMetaData *meta;
	StoreFamilyData family_data;
	StoreWal	wal;
	BlockNumber block;
	int			meta_block;
	uint32		reserved;

	if (!extend_for_page(store, family, page_no))
		return;
	meta_buffer = vx_store_lock_meta(store, BUFFER_LOCK_EXCLUSIVE);
	meta = (StoreMetaData *) PageGetContents(BufferGetPage(meta_buffer));
	family_data = meta->families[family];
	if (family_data.pages > page_no)
	{
		UnlockReleaseBuffer(meta_buffer);
		return;
	}
	if (family_data.pages != page_no)
		vx_store_report_corruption(index, "Family %d has %u pages, page %u was expected to be the next.",
								   family, family_data.pages, page_no);
	reserved = meta->reserved_blocks;

	/* A page that opens an extent reserves all of it. */
	if (StoreExtentOffset(page_no) == 0)
	{
		Page		map_page;
		uint32		map_no;
		StoreMapHeaderData *header;
		uint32		extent_pages = StoreExtentPages(page_no);

		if (reserved > MaxBlockNumber - extent_pages - 1)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("cannot extend index \"%s\" beyond %u blocks",
							RelationGetRelationName(index), MaxBlockNumber)));
		check_reserved_blocks(index, meta);

		map_buffer = ReadBuffer(index, meta->map_last_block);
		vx_store_lock_buffer(index, map_buffer, BUFFER_LOCK_EXCLUSIVE);
		map_page = BufferGetPage(map_buffer);

		/* Whatever its number is: that is where our special space has it. */
		map_no = ((StoreOpaque) ((char *) map_page + STORE_PAGE_END))->page_no;
		vx_store_check_page(store, map_page, STORE_KIND_MAP, map_no);
		header = (StoreMapHeaderData *) PageGetContents(map_page);

		if (header->entries >= STORE_MAP_ENTRIES_PER_PAGE)
		{
			/* The map page is full: chain another one. */
			Buffer		next_buffer = vx_store_new_block(index, MAIN_FORKNUM, reserved);

			vx_store_init_page(BufferGetPage(next_buffer), STORE_KIND_MAP, map_no + 1);
			vx_store_wal_begin(&wal, index);
			vx_store_wal_add(&wal, next_buffer, true);
			vx_store_wal_add(&wal, map_buffer, false);
			vx_store_wal_put(&wal, 1, &header->next_block, &reserved, sizeof(uint32));
			vx_store_wal_add(&wal, meta_buffer, false);
			vx_store_wal_put(&wal, 2, &meta->map_last_block, &reserved, sizeof(uint32));
			reserved++;
			vx_store_wal_put(&wal, 2, &meta->reserved_blocks, &reserved, sizeof(uint32));
			vx_store_wal_finish(&wal);
			UnlockReleaseBuffer(map_buffer);
			map_buffer = next_buffer;
		}
		block = reserved;
		reserved += extent_pages;
	}
	else
		block = vx_store_page_ref(store, family, page_no)->block;

	new_buffer = vx_store_new_block(index, MAIN_FORKNUM, block);
	new_page = BufferGetPage(new_buffer);
	vx_store_init_page(new_page, family, page_no);

	/*
	 * Buckets of a new directory page come with its first entry: an image of
	 * zeros would make up most of what an insert logs.
	 */
	if (family == STORE_DIRECTORY)
		((PageHeader) new_page)->pd_lower = STORE_ALIGNED_START;

	vx_store_wal_begin(&wal, index);
	vx_store_wal_add(&wal, new_buffer, true);
	meta_block = vx_store_wal_add(&wal, meta_buffer, false);
	family_data.pages = page_no + 1;
	vx_store_wal_put(&wal, meta_block, &meta->families[family].pages,
					 &family_data.pages, sizeof(uint32));
	if (BufferIsValid(map_buffer))
	{
		Page		map_page = BufferGetPage(map_buffer);
		StoreMapHeaderData *header = (StoreMapHeaderData *) PageGetContents(map_page);
		StoreMapEntryData *entries = (StoreMapEntryData *) (header + 1);
		StoreMapEntryData entry;
		uint32		count = header->entries + 1;
		uint32		total = meta->map_entries + 1;
		uint16		lower;
		int			map_block = vx_store_wal_add(&wal, map_buffer, false);

		entry.family = family;
		entry.extent = StoreExtentOfPage(page_no);
		entry.start = block;
		vx_store_wal_put(&wal, map_block, &entries[count - 1], &entry, sizeof(entry));
		vx_store_wal_put(&wal, map_block, &header->entries, &count, sizeof(uint32));
		lower = (char *) &entries[count] - (char *) map_page;
		vx_store_wal_put(&wal, map_block, &((PageHeader) map_page)->pd_lower,
						 &lower, sizeof(uint16));
		vx_store_wal_put(&wal, meta_block, &meta->map_entries, &total, sizeof(uint32));
		vx_store_wal_put(&wal, meta_block, &meta->reserved_blocks, &reserved, sizeof(uint32));
	}
	vx_store_wal_finish(&wal);

	if (BufferIsValid(map_buffer))
		UnlockReleaseBuffer(map_buffer);
	UnlockReleaseBuffer(new_buffer);
	UnlockReleaseBuffer(meta_buffer);
}
