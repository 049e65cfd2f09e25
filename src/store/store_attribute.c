/*-------------------------------------------------------------------------
 *
 * store_attribute.c
 *	  Attribute columns: for each row, by its number, a slot of fixed size in
 *	  each of them.
 *
 * A row's slots are written before the row, with the row's page locked
 * exclusively: who reads a live row's number finds its attributes.  So a column
 * may be one slot ahead of the rows (a crash, or an insert in progress), never
 * behind.  What a free row has there means nothing; vacuum makes it zeros.
 *
 * Locks are taken below that of the row's page, a few pages at a time in the
 * order of the columns, and are let go before this returns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/store.h"

/*
 * True if a page that the row's slots need has to be added first; as far as
 * store->meta tells, of which the caller reads a new copy then.
 */
bool
vx_store_find_missing_attribute(const StoreIndex *store, uint32 row, int *family,
								uint32 *page_no)
{
	int			i;

	for (i = 0; i < store->meta.attributes; i++)
	{
		*family = STORE_ATTRIBUTE + i;
		*page_no = row / vx_store_page_slots(store, *family);
		if (*page_no >= store->meta.families[*family].pages)
			return true;
	}
	return false;
}

/*
 * Write a row's slots.  The row's page is locked by the caller, and the pages
 * of the slots exist.
 */
void
vx_store_write_attributes(StoreIndex *store, uint32 row, const char *attributes)
{
	int			column = 0;

	while (column < store->meta.attributes)
	{
		Buffer		buffers[STORE_WAL_BLOCKS];
		StoreWal	wal;
		int			count;

		vx_store_wal_begin(&wal, store->relation);
		for (count = 0; count < STORE_WAL_BLOCKS && column < store->meta.attributes;
			 count++, column++)
		{
			int			family = STORE_ATTRIBUTE + column;
			Size		size = vx_store_slot_size(store, family);
			uint32		per_page = vx_store_page_slots(store, family);
			uint32		slot = row % per_page;
			Page		page;
			uint32		used;

			buffers[count] = vx_store_lock(store, family, row / per_page, BUFFER_LOCK_EXCLUSIVE);
			page = BufferGetPage(buffers[count]);
			used = vx_store_slots(page, family, size);
			if (slot > used)
				vx_store_report_corruption(store->relation,
										   "Page %u of family %d has %u slots, %u rows have theirs there.",
										   row / per_page, family, used, slot);
			vx_store_wal_add(&wal, buffers[count], false);
			vx_store_wal_put(&wal, count, vx_store_slot(page, family, size, slot), attributes,
							 size);
			if (slot == used)
			{
				PageHeader	header = (PageHeader) page;
				uint16		lower = header->pd_lower + size;

				vx_store_wal_put(&wal, count, &header->pd_lower, &lower, sizeof(uint16));
			}
			attributes += size;
		}
		vx_store_wal_finish(&wal);
		while (count > 0)
			UnlockReleaseBuffer(buffers[--count]);
	}
}

/*
 * Make zeros of the slots of rows that nobody needs any more, given in
 * ascending order.  The page that has them all is locked by the caller.
 */
void
vx_store_clear_attributes(StoreIndex *store, const uint32 *rows, int count)
{
	static const char zeros[STORE_MAX_ATTRIBUTE_BYTES];
	int			column;

	for (column = 0; column < store->meta.attributes; column++)
	{
		int			family = STORE_ATTRIBUTE + column;
		Size		size = vx_store_slot_size(store, family);
		uint32		per_page = vx_store_page_slots(store, family);
		int			i = 0;

		while (i < count)
		{
			uint32		page_no = rows[i] / per_page;
			Buffer		buffer;
			Page		page;
			uint32		used;
			StoreWal	wal;

			if (page_no >= store->meta.families[family].pages)
				vx_store_refresh_meta(store);
			if (page_no >= store->meta.families[family].pages)
				vx_store_report_corruption(store->relation, "Row %u has no attributes in family %d.",
										   rows[i], family);
			buffer = vx_store_lock(store, family, page_no, BUFFER_LOCK_EXCLUSIVE);
			page = BufferGetPage(buffer);
			used = vx_store_slots(page, family, size);
			vx_store_wal_begin(&wal, store->relation);
			vx_store_wal_add(&wal, buffer, false);
			for (; i < count && rows[i] / per_page == page_no; i++)
			{
				if (rows[i] % per_page >= used)
					vx_store_report_corruption(store->relation,
											   "Row %u has no attributes in family %d.",
											   rows[i], family);
				vx_store_wal_put(&wal, 0, vx_store_slot(page, family, size, rows[i] % per_page),
								 zeros, size);
			}
			vx_store_wal_finish(&wal);
			UnlockReleaseBuffer(buffer);
		}
	}
}

/*
 * Read a row's slots, one page at a time.
 */
void
vx_store_read_attributes(StoreIndex *store, uint32 row, char *attributes)
{
	int			column;

	for (column = 0; column < store->meta.attributes; column++)
	{
		int			family = STORE_ATTRIBUTE + column;
		Size		size = vx_store_slot_size(store, family);
		uint32		per_page = vx_store_page_slots(store, family);
		Buffer		buffer;
		Page		page;

		if (row / per_page >= store->meta.families[family].pages)
			vx_store_refresh_meta(store);
		if (row / per_page >= store->meta.families[family].pages)
			vx_store_report_corruption(store->relation, "Row %u has no attributes in family %d.",
									   row, family);
		buffer = vx_store_lock(store, family, row / per_page, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		if (row % per_page >= vx_store_slots(page, family, size))
			vx_store_report_corruption(store->relation, "Row %u has no attributes in family %d.",
									   row, family);
		memcpy(attributes, vx_store_slot(page, family, size, row % per_page), size);
		UnlockReleaseBuffer(buffer);
		attributes += size;
	}
}
