/*-------------------------------------------------------------------------
 *
 * flat_vacuum.c
 *	  ambulkdelete and amvacuumcleanup of the flat access method.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/bufmgr.h"

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

IndexBulkDeleteResult *
vx_flat_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	if (info->analyze_only)
		return stats;
	if (stats == NULL)
	{
		stats = palloc0(sizeof(IndexBulkDeleteResult));
		stats->num_index_tuples = vx_store_count_rows(vx_store_open(info->index));
	}
	else
		vx_store_finish_vacuum(stats);
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
