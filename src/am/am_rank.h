/*-------------------------------------------------------------------------
 *
 * am_rank.h
 *	  From bounds to exact order: rows are fetched from the table in order of
 *	  their bounds and come out in order of their distances.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_RANK_H
#define VX_AM_RANK_H

#include "access/relscan.h"

#include "am/am_index.h"
#include "type/type_vector.h"

typedef struct AmRank AmRank;

/* am_toast.c: TOASTed vectors; lives in the current context until its end */
typedef struct AmToast AmToast;
extern AmToast *vx_am_begin_toast(void);
extern void vx_am_end_toast(AmToast *toast);

/* A vector in the current memory context, or where the datum has it */
extern Vector *vx_am_fetch_vector(AmToast *toast, Datum value);

/* Lives in the current memory context until vx_am_end_rank. */
extern AmRank *vx_am_begin_rank(IndexScanDesc scan, const QuantQuery *query, AmToast *toast);
extern void vx_am_end_rank(AmRank *rank);

/*
 * Add a row and tell its distance; false if the snapshot does not see it, then
 * *all_dead tells whether nobody does.
 */
extern bool vx_am_add_row(AmRank *rank, ItemPointer tid, double *distance, bool *all_dead);

/* Is there a row that is no farther than limit? */
extern bool vx_am_rank_has_within(const AmRank *rank, double limit);

/*
 * Take the nearest row, if there is one and its distance is at most limit
 * (with infinity also one whose distance is NaN).
 */
extern bool vx_am_take_row(AmRank *rank, double limit, ItemPointer tid, double *distance);

#endif							/* VX_AM_RANK_H */
