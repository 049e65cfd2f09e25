/*-------------------------------------------------------------------------
 *
 * filter.h
 *	  Payload filters: what the rest of the extension uses of them.
 *
 * A payload_filter is a varlena of canonical text (filter_parse.h).  It is
 * compiled once a query or scan, and then asked about one payload after the
 * other.  Nothing here uses SPI; catalogs are read through caches only, and
 * only by text conditions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_H
#define VX_FILTER_H

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/palloc.h"

#include "filter/filter_parse.h"

typedef struct Filter Filter;

/* What a filter may ask of a row beyond its payload */
typedef struct FilterRow
{
	bool		has_id;
	FilterIdKind id_kind;
	uint64		id_number;		/* NUMBER; an int8, sign bit and all */
	const unsigned char *id_uuid;	/* UUID: 16 bytes */
	FilterString id_text;		/* TEXT; need not end with 0 */

	bool		has_vectors;	/* are the vectors known? */
	int			vector_count;
	const FilterString *vectors;	/* names of those that are not NULL */
} FilterRow;

/*
 * Compile a payload_filter (its header may be short).  The result lives in a
 * new context below parent until vx_filter_free(), or until parent goes; it
 * keeps no pointer to the argument.
 */
extern Filter *vx_filter_compile(const struct varlena *stored, MemoryContext parent);
extern void vx_filter_free(Filter *filter);

/*
 * Does the payload match?  row may be NULL if vx_filter_check_row(filter,
 * NULL) returns.  Leaves nothing behind in any memory context.  Checks for
 * interrupts; may raise errors of the regular expression engine and the text
 * search parser.
 */
extern bool vx_filter_matches(Filter *filter, const Jsonb *payload, const FilterRow *row);

/*
 * Raises 22023 if the filter asks for something that row (which may be NULL)
 * does not tell: "has_id", "slice", "has_vector".
 */
extern void vx_filter_check_row(const Filter *filter, const FilterRow *row);

/*
 * Terms, for signatures and inverted indexes.
 *
 * A term is a place in a payload, the keys that lead there without regard to
 * arrays on the way, and a scalar that stands there: tags = "a" is a term of
 * {"tags": "a"} and of {"tags": ["b", "a"]}.  Written as text, equal terms are
 * equal bytes.
 *
 * vx_filter_required_terms() gives a list of groups.  Every payload that the
 * filter matches has at least one term of every group; the opposite does not
 * hold.  No group: nothing is known.  A group without terms: nothing
 * matches.
 */
typedef struct FilterTermGroup
{
	int			count;
	FilterString *terms;
} FilterTermGroup;

/* In the current context */
extern FilterTermGroup *vx_filter_required_terms(const Filter *filter, int *group_count);

/*
 * Calls visit with every term of a payload, duplicates included; the term is
 * gone when it returns.
 */
extern void vx_filter_visit_terms(const Jsonb *payload,
								  void (*visit) (const char *term, int length, void *arg),
								  void *arg);

#endif							/* VX_FILTER_H */
