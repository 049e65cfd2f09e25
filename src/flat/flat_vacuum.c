/*-------------------------------------------------------------------------
 *
 * flat_vacuum.c
 *	  ambulkdelete of the flat access method.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "flat/flat.h"

IndexBulkDeleteResult *
vx_flat_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
					IndexBulkDeleteCallback callback, void *callback_state)
{
	StoreIndex *store = vx_store_open(info->index);

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	vx_am_check_columns(vx_am_open_columns(info->index), store);
	vx_store_bulk_delete(store, stats, callback, callback_state);
	return stats;
}
