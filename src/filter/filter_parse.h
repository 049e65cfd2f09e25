/*-------------------------------------------------------------------------
 *
 * filter_parse.h
 *	  Server-free reading and writing of payload filters.
 *
 * JSON text becomes a tree of conditions, or a fault that says what is wrong
 * and where.  Both dialects (README.md) give the same tree, and writing it
 * gives the canonical text.  Fuzzed by test/fuzz.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_PARSE_H
#define VX_FILTER_PARSE_H

#include <stdint.h>

#include "filter/filter_geo.h"
#include "filter/filter_json.h"
#include "filter/filter_path.h"

/*
 * Filters within filters.  Canonical text takes at most 5 levels of JSON for
 * one (nested in min_should), and 9 for the last with the holes of a polygon:
 * that is VX_FILTER_MAX_DEPTH.  Matching recurses as deep.
 */
#define VX_FILTER_MAX_NESTING 32

/* Conditions of one filter, those of filters within it included. */
#define VX_FILTER_MAX_CONDITIONS 4096

/* Elements of one list: values, ids, points of a ring. */
#define VX_FILTER_MAX_LIST 65536

/*
 * Bytes of a regular expression, and how many one filter may have: compiling
 * one takes milliseconds at worst.
 */
#define VX_FILTER_MAX_REGEX_BYTES 1000
#define VX_FILTER_MAX_REGEXES 16

typedef enum FilterNodeKind
{
	FILTER_GROUP,				/* must, should, must_not, min_should */
	FILTER_MATCH_VALUE,
	FILTER_MATCH_ANY,
	FILTER_MATCH_EXCEPT,
	FILTER_MATCH_TEXT,
	FILTER_MATCH_TEXT_ANY,
	FILTER_MATCH_PHRASE,
	FILTER_MATCH_PREFIX,
	FILTER_CONTAINS,
	FILTER_REGEX,
	FILTER_RANGE,				/* of numbers */
	FILTER_DATETIME_RANGE,
	FILTER_GEO_BOX,
	FILTER_GEO_RADIUS,
	FILTER_GEO_POLYGON,
	FILTER_VALUES_COUNT,
	FILTER_KEY_IS_EMPTY,		/* {"key": p, "is_empty": flag} */
	FILTER_KEY_IS_NULL,			/* {"key": p, "is_null": flag} */
	FILTER_IS_EMPTY,			/* {"is_empty": {"key": p}} */
	FILTER_IS_NULL,				/* {"is_null": {"key": p}} */
	FILTER_HAS_ID,
	FILTER_HAS_VECTOR,
	FILTER_SLICE,
	FILTER_NESTED
} FilterNodeKind;

typedef enum FilterValueKind
{
	FILTER_VALUE_STRING,
	FILTER_VALUE_NUMBER,
	FILTER_VALUE_BOOL
} FilterValueKind;

typedef struct FilterValue
{
	FilterValueKind kind;
	bool		boolean;
	FilterString text;			/* of a string, or of a number as written */
} FilterValue;

typedef enum FilterBoundKind
{
	FILTER_GT,
	FILTER_GTE,
	FILTER_LT,
	FILTER_LTE
} FilterBoundKind;
#define FILTER_BOUNDS 4

/* A bound of a range, by the kind of the range */
typedef struct FilterBound
{
	bool		present;
	FilterString text;			/* RANGE: the number; DATETIME_RANGE: as
								 * written */
	int64_t		number;			/* DATETIME_RANGE: microseconds as in
								 * filter_datetime.h; VALUES_COUNT: the count */
} FilterBound;

typedef enum FilterIdKind
{
	FILTER_ID_NUMBER,
	FILTER_ID_UUID,
	FILTER_ID_TEXT
} FilterIdKind;

typedef struct FilterId
{
	FilterIdKind kind;
	uint64_t	number;
	unsigned char uuid[16];
	FilterString text;			/* TEXT and UUID; that of a UUID is in lower
								 * case with hyphens */
} FilterId;

typedef struct FilterNode FilterNode;

typedef struct FilterList
{
	int			count;
	FilterNode **nodes;
} FilterList;

/* One condition.  Which fields count is said by the kinds behind them. */
struct FilterNode
{
	FilterNodeKind kind;
	bool		flag;			/* KEY_IS_EMPTY, KEY_IS_NULL */

	FilterPath	path;			/* all that have a key; NESTED's ends with [] */
	FilterList	must;			/* GROUP; NESTED has its filter here, alone */
	FilterList	should;			/* GROUP */
	FilterList	must_not;		/* GROUP */
	FilterList	min_should;		/* GROUP */
	int64_t		min_count;		/* GROUP, from 1; counts if min_should is not
								 * empty */

	FilterValue value;			/* MATCH_VALUE, CONTAINS; the string of
								 * MATCH_TEXT*, MATCH_PHRASE, MATCH_PREFIX,
								 * REGEX, HAS_VECTOR */
	int			value_count;	/* MATCH_ANY, MATCH_EXCEPT: all of one kind,
								 * strings or numbers */
	FilterValue *values;

	FilterBound bounds[FILTER_BOUNDS];	/* RANGE, DATETIME_RANGE, VALUES_COUNT */

	FilterPoint points[2];		/* GEO_BOX: top left, bottom right;
								 * GEO_RADIUS: the centre */
	double		metres;			/* GEO_RADIUS */
	int			ring_count;		/* GEO_POLYGON: exterior, then interiors */
	FilterRing *rings;

	int			id_count;		/* HAS_ID */
	FilterId   *ids;
	int64_t		slice_total;	/* SLICE, from 1 */
	int64_t		slice_index;	/* SLICE, from 0, below total */

	const char *place;			/* REGEX: of its text, as in FilterFault */
	void	   *prepared;		/* of whoever matches; NULL after parsing */
};

/*
 * Read the text of a filter.  Returns NULL and sets *fault if it is none.
 */
extern FilterNode *vx_filter_parse(const char *text, size_t length,
								   const FilterMemory *memory, FilterFault *fault);

/* Canonical text; it reads back as the same tree. */
extern FilterString vx_filter_write(const FilterNode *group, const FilterMemory *memory);

/* One condition, as it stands in a list. */
extern FilterString vx_filter_write_condition(const FilterNode *node,
											  const FilterMemory *memory);

/* The path, with quotes only where they are needed. */
extern FilterString vx_filter_write_path(const FilterPath *path, const FilterMemory *memory);

/*
 * Read a UUID in any form that the type uuid takes in: hexadecimal digits,
 * hyphens after any group of four, perhaps braces around.
 */
extern bool vx_filter_parse_uuid(const char *text, int length, unsigned char uuid[16]);

/* Read digits as a 64-bit number; false if there is anything else. */
extern bool vx_filter_parse_number(const char *text, int length, uint64_t *number);

#endif							/* VX_FILTER_PARSE_H */
