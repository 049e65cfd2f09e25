/*-------------------------------------------------------------------------
 *
 * type_parse.h
 *	  Server-free parsing of the text form of vectors.
 *
 * No palloc, no ereport: the caller gives the room and turns a status into
 * an error message.  Fuzzed by test/fuzz.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_TYPE_PARSE_H
#define VX_TYPE_PARSE_H

#include <stdbool.h>

typedef enum TypeParseStatus
{
	TYPE_PARSE_OK,
	TYPE_PARSE_NO_OPEN,			/* does not start with "[" */
	TYPE_PARSE_NO_DIMS,			/* "[]" */
	TYPE_PARSE_BAD_NUMBER,		/* no number where one must stand */
	TYPE_PARSE_NO_CLOSE,		/* something other than "," or "]" after a number */
	TYPE_PARSE_END,				/* the text ended early */
	TYPE_PARSE_JUNK,			/* text after "]" */
	TYPE_PARSE_TOO_MANY,		/* more than max_dims numbers */
	TYPE_PARSE_OUT_OF_RANGE,	/* a number overflows float4 */
	TYPE_PARSE_NAN,
	TYPE_PARSE_INFINITE
} TypeParseStatus;

typedef struct TypeParseResult
{
	TypeParseStatus status;
	int			dims;			/* numbers stored */
	const char *token;			/* OUT_OF_RANGE: the number's first byte */
	int			token_length;	/* OUT_OF_RANGE: its length in bytes */
} TypeParseResult;

/*
 * Parse one decimal float4 at str (NUL-terminated text) with strtof's syntax
 * in the C locale, correctly rounded (nearest, ties to even).  Returns the
 * first byte after the number, or str itself if there is none.  *out gets the
 * value: +-HUGE_VALF on overflow, 0 or a subnormal on underflow.
 * *out_of_range is set on overflow only.
 */
extern const char *vx_type_parse_float4(const char *str, float *out,
										bool *out_of_range);

/*
 * Parse "[x,y,...]" (NUL-terminated) into out, which has room for max_dims
 * numbers; never writes more.
 */
extern TypeParseResult vx_type_parse_vector(const char *str, float *out,
											int max_dims);

#endif							/* VX_TYPE_PARSE_H */
