/*-------------------------------------------------------------------------
 *
 * filter_json.h
 *	  Server-free reading of JSON into a tree.
 *
 * Unlike jsonb, the tree keeps members that occur twice, so that a filter in
 * which one of them would be lost can be refused.  Fuzzed by test/fuzz.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_JSON_H
#define VX_FILTER_JSON_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Limits of what is read.  A filter is given by whoever asks a query, so no
 * part of it may cost more than its length lets one expect.
 */

/* Bytes of a filter's text, before and after canonicalisation. */
#define VX_FILTER_MAX_BYTES (1024 * 1024)

/* Brackets and braces inside each other; reading recurses as deep. */
#define VX_FILTER_MAX_DEPTH 164

/* Digits of a number, and the size of its exponent; float8 ends at 308. */
#define VX_FILTER_MAX_NUMBER_BYTES 400
#define VX_FILTER_MAX_EXPONENT 400

/* Where memory comes from, and what is known of the text's encoding. */
typedef struct FilterMemory
{
	/* Never returns NULL; freed by whoever owns arg. */
	void	   *(*allocate) (void *arg, size_t bytes);
	void	   *arg;

	/*
	 * Writes a character (not 0) in the text's encoding, at most 4 bytes;
	 * returns their number, or 0 if the encoding has no such character.  All
	 * encodings keep ASCII, and use no byte of it within other characters.
	 */
	int			(*encode) (unsigned int code_point, char *out);
} FilterMemory;

typedef enum FilterFaultKind
{
	FILTER_FAULT_NONE,
	FILTER_FAULT_SYNTAX,		/* not JSON: 22P02 */
	FILTER_FAULT_INVALID,		/* JSON, but not a filter: 22023 */
	FILTER_FAULT_LIMIT			/* too much of it: 54000 */
} FilterFaultKind;

/* What is wrong; the texts live in the parser's memory. */
typedef struct FilterFault
{
	FilterFaultKind kind;
	const char *message;
	const char *place;			/* "must[2].range", "" at the top; NULL if
								 * found while reading JSON */
	long		byte;			/* LIMIT found while reading JSON: where, from
								 * 1; SYNTAX says it in its message */
	const char *hint;			/* or NULL */
} FilterFault;

/* bytes[length] is 0, and there is no 0 before. */
typedef struct FilterString
{
	const char *bytes;
	int			length;
} FilterString;

typedef enum FilterJsonKind
{
	FILTER_JSON_NULL,
	FILTER_JSON_BOOL,
	FILTER_JSON_NUMBER,			/* text holds it as it was written */
	FILTER_JSON_STRING,			/* text holds it without escapes */
	FILTER_JSON_ARRAY,
	FILTER_JSON_OBJECT
} FilterJsonKind;

typedef struct FilterJson
{
	FilterJsonKind kind;
	bool		boolean;
	FilterString text;
	FilterString name;			/* if it is a member of an object */
	int			count;			/* elements or members */
	struct FilterJson *first;	/* of them */
	struct FilterJson *next;	/* after this one in its container */
} FilterJson;

/*
 * Read text, length bytes of it.  Returns NULL and sets *fault if it is not
 * JSON (RFC 8259, without the character U+0000) or exceeds a limit.
 */
extern FilterJson *vx_filter_read_json(const char *text, size_t length,
									   const FilterMemory *memory,
									   FilterFault *fault);

/* Text as printf writes it, in the given memory. */
extern const char *vx_filter_format_text(const FilterMemory *memory, const char *format,...)
#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
		   ;

/* An encode function for UTF-8. */
extern int	vx_filter_encode_utf8(unsigned int code_point, char *out);

#endif							/* VX_FILTER_JSON_H */
