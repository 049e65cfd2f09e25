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

/* flat_vacuum.c */
extern IndexBulkDeleteResult *vx_flat_bulk_delete(IndexVacuumInfo *info,
												  IndexBulkDeleteResult *stats,
												  IndexBulkDeleteCallback callback,
												  void *callback_state);

/* flat_cost.c */
extern void vx_flat_estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count,
								  Cost *startup_cost, Cost *total_cost,
								  Selectivity *selectivity, double *correlation,
								  double *pages);

#endif							/* VX_FLAT_H */
