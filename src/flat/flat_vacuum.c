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
	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	vx_store_bulk_delete(vx_store_open(info->index), stats, callback, callback_state);
	return stats;
}
