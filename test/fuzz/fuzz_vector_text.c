/*-------------------------------------------------------------------------
 *
 * fuzz_vector_text.c
 *	  Fuzz target: the text parser of vectors, held against strtof.
 *
 * Whatever the bytes, the parser must agree with the plain parser below in
 * status, count, every bit of every number, and the text that an error
 * message would quote.  All memory has its exact size, so that the address
 * sanitizer sees every step outside it.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/type/type_parse.c test/fuzz/replay_corpus.c */

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "type/type_parse.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
skip_spaces(const char *p)
{
	return p + strspn(p, " \t\n\v\f\r");
}

static TypeParseResult
parse_plainly(const char *text, float *out, int max_dims)
{
	TypeParseResult result = {TYPE_PARSE_OK, 0, NULL, 0};
	const char *p = skip_spaces(text);

	if (*p != '[')
	{
		result.status = TYPE_PARSE_NO_OPEN;
		return result;
	}
	p = skip_spaces(p + 1);
	if (*p == ']')
	{
		result.status = TYPE_PARSE_NO_DIMS;
		return result;
	}

	for (;;)
	{
		char	   *end;
		float		value;

		if (result.dims == max_dims)
		{
			result.status = TYPE_PARSE_TOO_MANY;
			return result;
		}
		p = skip_spaces(p);
		if (*p == '\0')
		{
			result.status = TYPE_PARSE_END;
			return result;
		}

		errno = 0;
		value = strtof(p, &end);
		if (end == p)
			result.status = TYPE_PARSE_BAD_NUMBER;
		else if (errno == ERANGE && isinf(value))
		{
			result.status = TYPE_PARSE_OUT_OF_RANGE;
			result.token = p;
			result.token_length = (int) (end - p);
		}
		else if (isnan(value))
			result.status = TYPE_PARSE_NAN;
		else if (isinf(value))
			result.status = TYPE_PARSE_INFINITE;
		if (result.status != TYPE_PARSE_OK)
			return result;

		out[result.dims++] = value;
		p = skip_spaces(end);
		if (*p == ']')
			break;
		if (*p != ',')
		{
			result.status = *p == '\0' ? TYPE_PARSE_END : TYPE_PARSE_NO_CLOSE;
			return result;
		}
		p++;
	}

	if (*skip_spaces(p + 1) != '\0')
		result.status = TYPE_PARSE_JUNK;
	return result;
}

static void
compare_vector(const char *text, int max_dims)
{
	size_t		bytes = (size_t) max_dims * sizeof(float);
	float	   *values = malloc(bytes);
	float	   *expected_values = malloc(bytes);
	TypeParseResult result = vx_type_parse_vector(text, values, max_dims);
	TypeParseResult expected = parse_plainly(text, expected_values, max_dims);

	if (result.status != expected.status || result.dims != expected.dims ||
		result.token != expected.token ||
		result.token_length != expected.token_length)
	{
		fprintf(stderr, "status %d after %d numbers, expected %d after %d\n",
				(int) result.status, result.dims,
				(int) expected.status, expected.dims);
		abort();
	}
	if (memcmp(values, expected_values, (size_t) result.dims * sizeof(float)) != 0)
	{
		fprintf(stderr, "numbers differ\n");
		abort();
	}
	free(values);
	free(expected_values);
}

static void
compare_number(const char *text)
{
	float		value;
	float		expected;
	bool		out_of_range;
	const char *end;
	char	   *expected_end;

	/* The parser's contract leaves whitespace out. */
	if (skip_spaces(text) != text)
		return;

	end = vx_type_parse_float4(text, &value, &out_of_range);
	errno = 0;
	expected = strtof(text, &expected_end);

	if (end != expected_end ||
		out_of_range != (errno == ERANGE && isinf(expected)) ||
		(end != text && memcmp(&value, &expected, sizeof(value)) != 0))
	{
		fprintf(stderr, "number %a of %d bytes, expected %a of %d\n",
				value, (int) (end - text),
				expected, (int) (expected_end - text));
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A NUL within the data ends the text early: allocate no more than it. */
	size_t		length = size > 0 ? strnlen((const char *) data, size) : 0;
	char	   *text = malloc(length + 1);
	const char *open;

	if (length > 0)
		memcpy(text, data, length);
	text[length] = '\0';

	compare_vector(text, (int) length + 1);
	compare_vector(text, 3);

	/* The first number alone, behind the bracket if there is one. */
	open = strchr(text, '[');
	compare_number(open != NULL ? open + 1 : text);

	free(text);
	return 0;
}
