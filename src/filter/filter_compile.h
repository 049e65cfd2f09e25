/*-------------------------------------------------------------------------
 *
 * filter_compile.h
 *	  Compiled filters, as the files of this folder see them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_COMPILE_H
#define VX_FILTER_COMPILE_H

#include "utils/numeric.h"

#include "filter/filter.h"

struct Filter
{
	MemoryContext context;		/* this struct and all it points to */
	MemoryContext scratch;		/* empty between calls */
	FilterNode *root;			/* a FILTER_GROUP */
	const char *needs_id;		/* the condition that needs it, or NULL */
	bool		needs_vectors;
};

/* FilterNode.prepared of MATCH_ANY and MATCH_EXCEPT, by the kind of values */
typedef struct FilterSet
{
	int			count;
	Numeric    *numbers;		/* ascending */
	FilterString *strings;		/* by length, then by bytes */
} FilterSet;

/* ... of MATCH_TEXT, MATCH_TEXT_ANY and MATCH_PHRASE: lexemes */
typedef struct FilterWords
{
	int			count;			/* of distinct ones, but for a phrase */
	FilterString *words;
} FilterWords;

/* ... of HAS_ID */
typedef struct FilterIdSet
{
	int			number_count;
	uint64	   *numbers;		/* ascending */
	int			uuid_count;
	const unsigned char **uuids;	/* ascending */
	int			text_count;
	FilterString *texts;		/* as in FilterSet */
} FilterIdSet;

/*
 * ... of MATCH_VALUE and CONTAINS with a number: a Numeric; of RANGE: an array
 * of FILTER_BOUNDS of them; of REGEX: a text
 */

/* Memory of the current context, in the database's encoding */
extern const FilterMemory vx_filter_memory;

/* Parse stored text; what was stored has been checked, so a fault is corruption. */
extern FilterNode *vx_filter_parse_stored(const struct varlena *stored);

/* Order of FilterSet.strings */
extern int	vx_filter_compare_strings(const void *a, const void *b);

extern int	vx_filter_compare_numbers(Numeric a, Numeric b);

extern Numeric vx_filter_read_numeric(FilterString text);

/* Lexemes of a text in its order, in the current context. */
extern FilterString *vx_filter_split_words(const char *text, int length, int *count);

/* As vx_filter_matches(), for one condition of the filter, without a row */
extern bool vx_filter_matches_condition(Filter *filter, const FilterNode *node,
										const Jsonb *payload);

/*
 * The compiled filter of a function's argument, kept in fn_extra.  It is good
 * until the function is called again.
 */
extern Filter *vx_filter_get_argument(FunctionCallInfo fcinfo, int argument);

#endif							/* VX_FILTER_COMPILE_H */
