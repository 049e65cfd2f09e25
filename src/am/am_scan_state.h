/*-------------------------------------------------------------------------
 *
 * am_scan_state.h
 *	  What a scan keeps between calls, for am_scan.c and am_candidates.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_SCAN_STATE_H
#define VX_AM_SCAN_STATE_H

#include "access/relscan.h"
#include "executor/tuptable.h"

#include "am/am_bits.h"
#include "am/am_rank.h"
#include "am/am_scan.h"

/* Heap TIDs read from a row page or a chain at a time */
#define MAX_TIDS		STORE_ROWS_PER_PAGE

/* A threshold condition */
typedef struct AmBall
{
	QuantQuery	query;
	double		radius;
	bool		or_next;		/* the next one will do as well */
} AmBall;

typedef struct AmScanData
{
	StoreIndex *store;
	MemoryContext query_context;	/* reset by every rescan */
	const AmWalk *walk;			/* NULL: the access method has none */
	AmToast    *toast;

	/* what is asked for */
	bool		never;			/* a condition that no row meets */
	bool		ordered;		/* ORDER BY a distance */
	bool		null_query;		/* to a NULL vector: every distance is NULL */
	int			order_key;		/* which ORDER BY: others before it are to
								 * NULL */
	QuantQuery	query;
	AmBall	   *balls;
	int			ball_count;
	AmFilter   *filter;			/* conditions on other columns, or NULL */
	bool		lossy;			/* the executor has to test rows again */
	bool		unread;			/* rows go out unread where intervals tell
								 * their order */
	bool		want_null;		/* rows with and without a vector */
	bool		want_value;

	/* where we are */
	bool		started;
	AmPhase		phase;
	uint32		next_chunk[AM_PHASE_DONE];
	uint32		page;			/* row phases: next page of the chunk */
	uint32		page_end;
	bool		in_chunk;
	uint32	   *chunks;			/* chunks of codes that are ours */
	uint32		chunk_count;
	uint32		chunk_size;
	bool		chunks_claimed;

	/* the walk */
	void	   *walk_state;
	bool		walking;		/* it may give more */
	bool		at_border;		/* but rows of its last batch come first */
	double		border_distance;	/* of the farthest of these */
	AmBits		given;			/* by node id: candidates from the walk */
	bool		has_returned;	/* last_distance is set */
	double		last_distance;	/* of the farthest row returned */
	AmScanCounters counters;
	AmScanCounters earlier;		/* the sum before the last rescan */

	/* candidates of this batch */
	struct AmMatches *matches;	/* am_candidates.c's own */
	AmCandidate *candidates;
	AmCandidate *current;		/* those being looked up: these, or the walk's */
	int			candidate_count;
	int			next_candidate;
	int			batch;			/* how many the pass keeps */
	int			capacity;		/* of candidates, twice the batch */
	bool		exhausted;		/* the pass found all there is */
	double		last_bound;		/* last candidate given */
	uint32		last_node;
	bool		has_last;

	/* rows of the current candidate or page */
	StoreChain	chain;
	bool		in_chain;
	uint32		chain_head;		/* first row read, STORE_NONE: none yet */
	bool		chain_dead;		/* so far all rows are dead to everybody */
	double		chain_bound;
	double		chain_lower;	/* with unread: from where to where the
								 * distance of its rows lies, NaN if unknown */
	double		chain_upper;
	AmRankedRow last_unread;	/* returned last; row_id is STORE_NONE if it
								 * has been read, or does not stand alone */
	AmBits		emitted;		/* by row id: restarted chains repeat rows */
	ItemPointerData tids[MAX_TIDS];
	uint32		rows[MAX_TIDS];
	int			tid_count;
	int			next_tid;

	/*
	 * What index-only scans get: no column can be returned, but count(*)
	 * needs none, and the planner chooses such a scan for it.
	 */
	IndexTuple	no_columns;
	Buffer		map_buffer;		/* of the heap's visibility map */
	bool		visible[MAX_TIDS];	/* to everybody, see is_visible() */
	TupleTableSlot *heap_slot;

	AmRank	   *rank;			/* makes exact order of bounds */

	/* room for one page's hits */
	uint16	   *positions;
	double	   *bounds;
} AmScanData;

typedef AmScanData *AmScan;

/*
 * Only candidates of a normal query have bounds to sort by.
 */
static inline bool
vx_am_sorts_codes(AmScan state)
{
	return state->ordered && !state->null_query &&
		state->query.query_class == QUANT_QUERY_NORMAL;
}

/* am_candidates.c */

/* Get the next batch of candidates; false if there are none left. */
extern bool vx_am_collect_candidates(IndexScanDesc scan);

/*
 * Read a candidate's code under its page's lock: true if it is the one that
 * the candidate stands for, then with a new bound and, if within is not NULL,
 * whether it may meet the threshold conditions.
 */
extern bool vx_am_read_candidate(AmScan state, const AmCandidate *candidate, double *bound,
								 bool *within);

/*
 * Ask for what the way from a candidate to its rows begins with: its node, and
 * its residual if that is going to be read.
 */
extern void vx_am_ask_for_candidate(AmScan state, const AmCandidate *candidate);

/*
 * What a candidate's distance lies between, by its code and residual.  False if
 * the code is no longer the one that the candidate stands for; NaN if the code
 * does not tell.
 */
extern bool vx_am_bracket_candidate(AmScan state, const AmCandidate *candidate,
									double *lower, double *upper);

#endif							/* VX_AM_SCAN_STATE_H */
