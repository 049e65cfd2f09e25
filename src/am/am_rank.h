/*-------------------------------------------------------------------------
 *
 * am_rank.h
 *	  From bounds to exact order: rows come in order of their bounds and go out
 *	  in order of their distances, which the table tells where it has to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_RANK_H
#define VX_AM_RANK_H

#include "access/relscan.h"

#include "am/am_index.h"
#include "am/am_scan.h"
#include "type/type_vector.h"

typedef struct AmRank AmRank;

/* am_toast.c: TOASTed vectors; lives in the current context until its end */
typedef struct AmToast AmToast;
extern AmToast *vx_am_begin_toast(void);
extern void vx_am_end_toast(AmToast *toast);

/* A vector in the current memory context, or where the datum has it */
extern Vector *vx_am_fetch_vector(AmToast *toast, Datum value);

/*
 * A row on its way out.  lower and upper are its distance, or where they differ
 * what that lies between: then nobody has looked whether the snapshot sees the
 * row, and the executor will.
 */
typedef struct AmRankedRow
{
	double		lower;
	double		upper;
	ItemPointerData tid;

	/*
	 * of its node, for whoever learns that the row is dead; row_id is
	 * STORE_NONE if the node has other rows
	 */
	uint32		node;
	uint32		incarnation;
	uint32		row_id;
} AmRankedRow;

/*
 * Lives in the current memory context until vx_am_end_rank.  Counts the rows
 * that it reads in the table.
 */
extern AmRank *vx_am_begin_rank(IndexScanDesc scan, const QuantQuery *query, AmToast *toast,
								AmScanCounters *counters);
extern void vx_am_end_rank(AmRank *rank);

/*
 * Add a row and tell its distance; false if the snapshot does not see it, then
 * *all_dead tells whether nobody does.
 */
extern bool vx_am_add_row(AmRank *rank, ItemPointer tid, double *distance, bool *all_dead);

/* Add a row whose distance is known to lie between two numbers, both finite. */
extern void vx_am_add_unread_row(AmRank *rank, const AmRankedRow *row);

/* Is there a row that may be no farther than limit? */
extern bool vx_am_rank_has_within(const AmRank *rank, double limit);

/*
 * A row that went to the ranking unread turns out to be dead to everybody
 * (am_scan.c).
 */
extern void vx_am_note_dead_row(IndexScanDesc scan, const AmRankedRow *row);

/*
 * Take the nearest row, if it is certain which one that is and that it is no
 * farther than limit, which no row that is added later is nearer than (with
 * infinity also one whose distance is NaN).
 */
extern bool vx_am_take_row(AmRank *rank, double limit, AmRankedRow *row);

#endif							/* VX_AM_RANK_H */
