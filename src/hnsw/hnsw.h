/*-------------------------------------------------------------------------
 *
 * hnsw.h
 *	  The hnsw access method: approximate search along a graph.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_H
#define VX_HNSW_H

#include "access/amapi.h"
#include "nodes/execnodes.h"

#include "am/am_index.h"
#include "base/base_compat.h"
#include "hnsw/hnsw_format.h"
#include "hnsw/hnsw_search.h"

/* Index options */
typedef struct HnswOptions
{
	AmOptions	am;
	int			m;
	int			ef_construction;
} HnswOptions;

/* hnsw_settings.c */
typedef enum HnswIterativeScan
{
	HNSW_ITERATIVE_OFF,
	HNSW_ITERATIVE_RELAXED,
	HNSW_ITERATIVE_STRICT
} HnswIterativeScan;

extern int *vx_hnsw_ef_search_at;
extern int *vx_hnsw_max_scan_tuples_at;
extern double vx_hnsw_target_recall;

/* To be used like variables */
#define vx_hnsw_ef_search (*vx_hnsw_ef_search_at)
#define vx_hnsw_max_scan_tuples (*vx_hnsw_max_scan_tuples_at)
#define vx_hnsw_iterative_scan (vx_hnsw_get_iterative_scan())

extern void vx_hnsw_define_settings(void);
extern void vx_hnsw_reserve_prefixes(void);
extern bool vx_hnsw_ef_search_is_set(void);
extern bool vx_hnsw_has_target(void);
extern HnswIterativeScan vx_hnsw_get_iterative_scan(void);

/* hnsw_handler.c */
extern int	vx_hnsw_get_m(Relation index);
extern int	vx_hnsw_get_ef_construction(Relation index);

/* hnsw_build.c */
extern IndexBuildResult *vx_hnsw_build(Relation heap, Relation index, IndexInfo *index_info);
extern void vx_hnsw_build_empty(Relation index);
extern char *vx_hnsw_build_phase_name(int64 phase);

/* hnsw_insert.c */
extern bool vx_hnsw_insert(Relation index, Datum *values, bool *isnull,
						   ItemPointer heap_tid, Relation heap,
						   IndexUniqueCheck check_unique, bool index_unchanged,
						   IndexInfo *index_info);

/* Put a row into an opened index: aminsert and builds beyond their memory. */
extern void vx_hnsw_insert_row(StoreIndex *store, ItemPointer tid, uint16 kind,
							   QuantSlotData *slot, const char *attributes);

/* hnsw_scan.c */
extern IndexScanDesc vx_hnsw_begin_scan(Relation index, int key_count, int order_by_count);

/*
 * What a walk costs, in codes of a pass over all.  A node that a walk looks at
 * is read in random order: about eight codes of 128 bytes, three of 832.
 */
extern double vx_hnsw_walk_cost(const QuantParams *quant, double ef);

/* hnsw_vacuum.c */
extern IndexBulkDeleteResult *vx_hnsw_bulk_delete(IndexVacuumInfo *info,
												  IndexBulkDeleteResult *stats,
												  IndexBulkDeleteCallback callback,
												  void *callback_state);
extern IndexBulkDeleteResult *vx_hnsw_vacuum_cleanup(IndexVacuumInfo *info,
													 IndexBulkDeleteResult *stats);

/* hnsw_calibrate.c */

/* Fill meta's calibration by walking the index; changes nothing on disk. */
extern void vx_hnsw_calibrate(StoreIndex *store, HnswMetaData *meta);

/* Log what has been measured. */
extern void vx_hnsw_store_calibration(StoreIndex *store, const HnswMetaData *measured);

/* The ef to find k neighbours with a recall, by the calibration. */
extern int	vx_hnsw_choose_ef(const HnswMetaData *meta, int k, double recall);

/*
 * Where a walk for k neighbours may end if it shall find them with a recall;
 * false if the calibration does not tell, and vx_hnsw_choose_ef has to do.
 */
extern bool vx_hnsw_choose_goal(const HnswMetaData *meta, const QuantParams *quant,
								double query_norm, int k, double recall, HnswGoal *goal);

/* hnsw_cost.c */
extern void vx_hnsw_estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count,
								  Cost *startup_cost, Cost *total_cost,
								  Selectivity *selectivity, double *correlation,
								  double *pages);

#endif							/* VX_HNSW_H */
