/*-------------------------------------------------------------------------
 *
 * am_scan.h
 *	  Scans of both access methods: from candidates to rows in exact order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_SCAN_H
#define VX_AM_SCAN_H

#include "access/amapi.h"

#include "am/am_filter.h"
#include "am/am_index.h"

/* A node and a lower bound of its distance */
typedef struct AmCandidate
{
	double		bound;
	uint32		node;
	uint32		incarnation;
} AmCandidate;

/* For qsort: the order in which candidates are given (am_candidates.c) */
extern int	vx_am_compare_candidates(const void *a, const void *b);

/* How a scan with conditions on columns after the vector finds its rows */
typedef enum AmScanMode
{
	AM_MODE_NONE,				/* it has none */
	AM_MODE_ROWS,				/* no codes: by the rows that pass */
	AM_MODE_WALK,				/* a walk, of which nodes that pass are kept */
	AM_MODE_ALL,				/* all codes, of which rows that pass are kept */
	AM_MODE_MATCHES				/* codes of nodes that pass */
} AmScanMode;

/* What a scan has cost; vecext_last_scan shows the last one that ended. */
typedef struct AmScanCounters
{
	Oid			index;			/* InvalidOid: there has been none */
	int			ef;				/* graph: width of the last walk */
	uint64		walks;			/* graph: batches */
	uint64		hops;			/* graph: lists read */
	uint64		distances;		/* codes compared along the graph */
	uint64		repeats;		/* of these, read again with pins */
	uint64		passes;			/* over all codes */
	uint64		candidates;		/* nodes looked up for rows */
	uint64		rechecks;		/* rows whose distance the table told */
	uint64		dead_rows;		/* of these, seen by nobody */
	uint64		late_rows;		/* nearer than one returned before */
	uint64		rows;			/* returned */
	AmScanMode	mode;			/* the last one, with conditions on columns */
	uint64		matches;		/* rows that meet these, as far as slots tell */
	uint64		peeks;			/* pages read without a pin */
} AmScanCounters;

extern AmScanCounters vx_am_last_scan;

/* by AmScanMode; NULL for none */
extern const char *const vx_am_mode_names[];

/*
 * True if there may be rows in the index's table that the user must not know
 * of: what a scan has cost would tell of them.
 */
extern bool vx_am_has_hidden_rows(Oid index);

/*
 * A way to the nearest candidates that is faster than a pass over the codes
 * but may miss some: the scan takes batches from it as long as it gives any and
 * goes on with passes, leaving out what it has been given before.
 */
typedef struct AmWalk
{
	/*
	 * Get ready, in the current memory context.  wanted is how many rows the
	 * query will ask for, 0 if that is not known, or_more whether it may turn
	 * out to be more.  filter is NULL or tells which rows are wanted; others
	 * may be given all the same.
	 */
	void	   *(*begin) (IndexScanDesc scan, StoreIndex *store, const QuantQuery *query,
						  double wanted, bool or_more, const AmFilter *filter,
						  AmScanCounters *counters);

	/*
	 * The next batch, in order of bounds; may repeat candidates.  Valid until
	 * the next call.  Returns how many, 0 if there is nothing more to gain.
	 */
	int			(*next) (void *walk, AmCandidate **batch);

	/*
	 * All rows of a node, head the first of them, are dead to everybody: the
	 * next walks need not give it.
	 */
	void		(*note_dead) (void *walk, uint32 node, uint32 incarnation, uint32 head);

	/* Rows nearer than one that has been returned are left out. */
	bool		(*is_strict) (void);
} AmWalk;

extern IndexScanDesc vx_am_begin_scan(Relation index, int key_count, int order_by_count,
									  const AmWalk *walk);
extern void vx_am_rescan(IndexScanDesc scan, ScanKey keys, int key_count,
						 ScanKey order_bys, int order_by_count);
extern bool vx_am_get_tuple(IndexScanDesc scan, ScanDirection direction);
extern int64 vx_am_get_bitmap(IndexScanDesc scan, TIDBitmap *bitmap);
extern void vx_am_end_scan(IndexScanDesc scan);

/*
 * What a scan has cost so far, with all it did before it was started again; ef
 * and mode are the last ones.  index is InvalidOid if it has never been run.
 */
extern void vx_am_sum_counters(IndexScanDesc scan, AmScanCounters *sum);

/* am_parallel.c */
typedef struct AmParallelData AmParallelData;
extern Size vx_am_estimate_parallel(VX_ESTIMATE_PARALLEL_ARGS);
extern void vx_am_init_parallel(void *target);
extern void vx_am_rescan_parallel(IndexScanDesc scan);

/* Phases of a scan that participants of a parallel scan share out */
typedef enum AmPhase
{
	AM_PHASE_ODD,				/* rows whose distance only the heap knows */
	AM_PHASE_CODES,				/* codes */
	AM_PHASE_NAN,				/* rows whose distance is NaN */
	AM_PHASE_NULL,				/* rows without a vector */
	AM_PHASE_DONE
} AmPhase;

/* Pages that a participant takes at a time */
#define AM_CHUNK_PAGES 32

extern bool vx_am_claim_chunk(IndexScanDesc scan, AmPhase phase, uint32 *next_private,
							  uint32 *chunk);

/* am_explain.c */
extern void vx_am_install_explain_hook(void);

/* am_limit.c */
extern void vx_am_install_executor_hook(void);

/* What the query will do with a scan's rows */
typedef struct AmLimit
{
	double		rows;			/* asked for, 0 if that cannot be told */
	bool		or_more;		/* some of those given may be dropped */
	bool		uses_vectors;	/* false: certainly computes nothing from
								 * their vectors */
} AmLimit;

/* with_vectors: uses_vectors is worth finding out */
extern void vx_am_find_limit(IndexScanDesc scan, bool with_vectors, AmLimit *limit);

#endif							/* VX_AM_SCAN_H */
