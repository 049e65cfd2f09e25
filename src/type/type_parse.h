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

/*
 * Each status with the message that the caller raises for it.  SYNTAX stands
 * for: invalid input syntax for type vector: "<the whole text>" (22P02).
 */
typedef enum TypeParseStatus
{
	TYPE_PARSE_OK,

	/* SYNTAX, detail: Vector contents must start with "[". */
	TYPE_PARSE_NO_OPEN,

	/* vector must have at least 1 dimension (22000) */
	TYPE_PARSE_NO_DIMS,

	/* No number where one must stand: SYNTAX without a detail */
	TYPE_PARSE_BAD_NUMBER,

	/* Neither "," nor "]" after a number: SYNTAX without a detail */
	TYPE_PARSE_NO_CLOSE,

	/* The text ends before "]": SYNTAX without a detail */
	TYPE_PARSE_END,

	/* Text after "]": SYNTAX, detail: Junk after closing right brace. */
	TYPE_PARSE_JUNK,

	/*
	 * vector cannot have more than <max_dims> dimensions (54000).  Found at
	 * the comma after the last number that fits, whatever follows it.
	 */
	TYPE_PARSE_TOO_MANY,

	/* "<token>" is out of range for type vector (22003) */
	TYPE_PARSE_OUT_OF_RANGE,

	/* NaN not allowed in vector (22000) */
	TYPE_PARSE_NAN,

	/* infinite value not allowed in vector (22000) */
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
 * Parse one float4 at str (NUL-terminated text) with strtof's syntax in the C
 * locale, but without leading whitespace; correctly rounded (nearest, ties to
 * even).  Returns the first byte after the number, or str itself if there is
 * none.  *out gets the value: +-HUGE_VALF on overflow, 0 or a subnormal on
 * underflow.  *out_of_range tells whether it overflowed.
 *
 * Relies on LC_NUMERIC being C, as in every backend.
 */
extern const char *vx_type_parse_float4(const char *str, float *out,
										bool *out_of_range);

/*
 * Parse "[x,y,...]" (NUL-terminated) into out, which has room for max_dims
 * numbers; never writes more.  The first fault in reading order decides the
 * status.
 */
extern TypeParseResult vx_type_parse_vector(const char *str, float *out,
											int max_dims);

#endif							/* VX_TYPE_PARSE_H */
