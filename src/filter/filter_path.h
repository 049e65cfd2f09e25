/*-------------------------------------------------------------------------
 *
 * filter_path.h
 *	  Server-free reading of paths into payloads: a.b, a[].b, a[0], "a b".c
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_PATH_H
#define VX_FILTER_PATH_H

#include "filter/filter_json.h"

/* Steps of a path.  Matching recurses once for each "[]". */
#define VX_FILTER_MAX_STEPS 64

typedef enum FilterStepKind
{
	FILTER_STEP_KEY,			/* member of an object */
	FILTER_STEP_INDEX,			/* one element of an array */
	FILTER_STEP_EACH			/* every element of an array */
} FilterStepKind;

typedef struct FilterStep
{
	FilterStepKind kind;
	FilterString key;			/* not NUL-terminated if not quoted */
	int			index;			/* from 0 */
} FilterStep;

typedef struct FilterPath
{
	int			count;
	FilterStep *steps;
} FilterPath;

/*
 * Read a path.  Returns NULL if it is sound, else what is wrong with it; steps
 * has room for VX_FILTER_MAX_STEPS and points into text.
 */
extern const char *vx_filter_parse_path(const char *text, int length,
										FilterStep *steps, int *count);

/* Can the key stand in a path without quotes? */
extern bool vx_filter_is_bare_key(const char *key, int length);

#endif							/* VX_FILTER_PATH_H */
