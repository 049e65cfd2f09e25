/*-------------------------------------------------------------------------
 *
 * am_filter.h
 *	  Conditions on the columns after the vector: which rows meet them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_FILTER_H
#define VX_AM_FILTER_H

#include "access/relscan.h"
#include "port/pg_bitutils.h"

#include "am/am_column.h"

typedef struct AmFilter
{
	bool		lossy;			/* rows that pass are to be tested again */
	uint64		matches;		/* rows that pass; dead ones are among them */
	uint64		row_limit;		/* ids from here on do not pass */
	uint32	   *rows;			/* by row id: one bit each; while this is
								 * NULL, matches is an estimate */
	struct FilterState *state;	/* am_filter.c's own */

	/* after vx_am_find_matching_nodes */
	uint32	   *nodes;			/* by node id; NULL before */
	uint64		node_limit;
} AmFilter;

/*
 * The conditions of a scan: NULL if it has none.  Lives in the current memory
 * context.  may_wait: where many rows pass, as far as a sample tells, they are
 * not worked off yet.
 */
extern AmFilter *vx_am_begin_filter(IndexScanDesc scan, StoreIndex *store, bool may_wait);

/* Work off what has waited. */
extern void vx_am_fill_filter(AmFilter *filter);

/*
 * Does a row pass, by its slots?  peek: they may be read without locks, and so
 * be wrong now and then.
 */
extern bool vx_am_test_row(const AmFilter *filter, uint32 row, bool peek);

/* Ask for what vx_am_row_passes will peek at. */
extern void vx_am_ask_for_row(const AmFilter *filter, uint32 row);

/* Make the bitmap of nodes of which a row passes. */
extern void vx_am_find_matching_nodes(AmFilter *filter, StoreIndex *store);

/* True if a row of this page of rows passes. */
extern bool vx_am_page_passes(const AmFilter *filter, uint32 page_no);

/*
 * The first bit that is set in a bitmap, from a place on; end if there is none
 * before it.  Few rows pass, as a rule: most of the work is leaving out zeros.
 */
static inline uint64
vx_am_next_bit(const uint32 *bits, uint64 from, uint64 end)
{
	uint64		word_no = from / 32;
	uint64		last;
	uint32		word;

	if (from >= end)
		return end;
	word = bits[word_no] & (~0U << (from % 32));
	last = (end - 1) / 32;
	while (word == 0)
	{
		/* Four words at a time: there is nothing in them to wait for. */
		while (word_no + 4 <= last &&
			   (bits[word_no + 1] | bits[word_no + 2] | bits[word_no + 3] | bits[word_no + 4]) == 0)
			word_no += 4;
		if (++word_no > last)
			return end;
		word = bits[word_no];
	}
	return Min(word_no * 32 + pg_rightmost_one_pos32(word), end);
}

static inline bool
vx_am_row_passes(const AmFilter *filter, uint32 row, bool peek)
{
	if (row >= filter->row_limit)
		return false;
	if (filter->rows == NULL)
		return vx_am_test_row(filter, row, peek);
	return (filter->rows[row / 32] & (1U << (row % 32))) != 0;
}

static inline bool
vx_am_node_matches(const AmFilter *filter, uint32 node)
{
	return node < filter->node_limit &&
		(filter->nodes[node / 32] & (1U << (node % 32))) != 0;
}

#endif							/* VX_AM_FILTER_H */
