/*-------------------------------------------------------------------------
 *
 * flat.h
 *	  The flat access method: exact search by scanning all codes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FLAT_H
#define VX_FLAT_H

#include "access/amapi.h"
#include "nodes/execnodes.h"

#include "am/am_index.h"
#include "base/base_compat.h"

/* flat_build.c */
extern IndexBuildResult *vx_flat_build(Relation heap, Relation index, IndexInfo *index_info);
extern void vx_flat_build_empty(Relation index);
extern char *vx_flat_build_phase_name(int64 phase);

/* flat_insert.c */
extern bool vx_flat_insert(Relation index, Datum *values, bool *isnull,
						   ItemPointer heap_tid, Relation heap,
						   IndexUniqueCheck check_unique, bool index_unchanged,
						   IndexInfo *index_info);

/* flat_scan.c */
extern IndexScanDesc vx_flat_begin_scan(Relation index, int key_count, int order_by_count);
extern void vx_flat_rescan(IndexScanDesc scan, ScanKey keys, int key_count,
						   ScanKey order_bys, int order_by_count);
extern bool vx_flat_get_tuple(IndexScanDesc scan, ScanDirection direction);
extern int64 vx_flat_get_bitmap(IndexScanDesc scan, TIDBitmap *bitmap);
extern void vx_flat_end_scan(IndexScanDesc scan);

/* flat_parallel.c */
typedef struct FlatParallelData FlatParallelData;
extern Size vx_flat_estimate_parallel(VX_ESTIMATE_PARALLEL_ARGS);
extern void vx_flat_init_parallel(void *target);
extern void vx_flat_rescan_parallel(IndexScanDesc scan);

/* Phases of a scan that participants of a parallel scan share out */
typedef enum FlatPhase
{
	FLAT_PHASE_ODD,				/* rows whose distance only the heap knows */
	FLAT_PHASE_CODES,			/* codes */
	FLAT_PHASE_NAN,				/* rows whose distance is NaN */
	FLAT_PHASE_NULL,			/* rows without a vector */
	FLAT_PHASE_DONE
} FlatPhase;

/* Pages that a participant takes at a time */
#define FLAT_CHUNK_PAGES 32

extern bool vx_flat_claim_chunk(IndexScanDesc scan, FlatPhase phase, uint32 *next_private,
								uint32 *chunk);

/* flat_vacuum.c */
extern IndexBulkDeleteResult *vx_flat_bulk_delete(IndexVacuumInfo *info,
												  IndexBulkDeleteResult *stats,
												  IndexBulkDeleteCallback callback,
												  void *callback_state);
extern IndexBulkDeleteResult *vx_flat_vacuum_cleanup(IndexVacuumInfo *info,
													 IndexBulkDeleteResult *stats);

/* flat_cost.c */
extern void vx_flat_estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count,
								  Cost *startup_cost, Cost *total_cost,
								  Selectivity *selectivity, double *correlation,
								  double *pages);

#endif							/* VX_FLAT_H */
