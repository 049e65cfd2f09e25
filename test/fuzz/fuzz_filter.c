/*-------------------------------------------------------------------------
 *
 * fuzz_filter.c
 *	  Fuzz target: reading and writing payload filters.
 *
 * Whatever the bytes: what the parser calls no JSON, and nothing else, the
 * plain checker below must refuse, too; a fault must have its texts; and what
 * is a filter must be written as one that reads back as itself.  All memory
 * has its exact size, so that the address sanitizer sees every step outside
 * it.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/filter/ test/fuzz/replay_corpus.c */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/filter_parse.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
allocate(void *arg, size_t bytes)
{
	void	  **chain = arg;
	void	  **block = malloc(sizeof(void *) * 2 + bytes);

	if (block == NULL)
		abort();
	block[0] = *chain;
	*chain = block;
	return block + 2;
}

static void
free_chain(void **chain)
{
	while (*chain != NULL)
	{
		void	  **block = *chain;

		*chain = block[0];
		free(block);
	}
}

/* ---- A plain checker of JSON: the end of the value, or NULL ---- */

static const char *check_value(const char *at, const char *end);

static const char *
skip(const char *at, const char *end)
{
	while (at < end && strchr(" \t\n\r", *at) != NULL && *at != '\0')
		at++;
	return at;
}

static int
read_code(const char *at, const char *end)
{
	char		digits[5] = {0};
	char	   *stop;
	long		code;

	if (end - at < 4)
		return -1;
	memcpy(digits, at, 4);
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return -1;
	code = strtol(digits, &stop, 16);
	return (int) code;
}

static const char *
check_string(const char *at, const char *end)
{
	if (at >= end || *at != '"')
		return NULL;
	for (at++; at < end; at++)
	{
		if (*at == '"')
			return at + 1;
		if ((unsigned char) *at < 32)
			return NULL;
		if (*at != '\\')
			continue;
		if (++at >= end || *at == '\0' || strchr("\"\\/bfnrtu", *at) == NULL)
			return NULL;
		if (*at == 'u')
		{
			int			code = read_code(at + 1, end);

			if (code <= 0 || (code >= 0xDC00 && code <= 0xDFFF))
				return NULL;
			at += 4;
			if (code >= 0xD800 && code <= 0xDBFF)
			{
				if (end - at < 7 || at[1] != '\\' || at[2] != 'u')
					return NULL;
				code = read_code(at + 3, end);
				if (code < 0xDC00 || code > 0xDFFF)
					return NULL;
				at += 6;
			}
		}
	}
	return NULL;
}

static const char *
check_digits(const char *at, const char *end)
{
	const char *start = at;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at > start ? at : NULL;
}

static const char *
check_number(const char *at, const char *end)
{
	if (at < end && *at == '-')
		at++;
	if (at < end && *at == '0')
		at++;
	else
		at = check_digits(at, end);
	if (at != NULL && at < end && *at == '.')
		at = check_digits(at + 1, end);
	if (at != NULL && at < end && (*at == 'e' || *at == 'E'))
	{
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		at = check_digits(at, end);
	}
	return at;
}

static const char *
check_container(const char *at, const char *end, char close)
{
	at = skip(at + 1, end);
	if (at < end && *at == close)
		return at + 1;
	for (;;)
	{
		at = skip(at, end);
		if (close == '}')
		{
			at = check_string(at, end);
			if (at == NULL)
				return NULL;
			at = skip(at, end);
			if (at >= end || *at++ != ':')
				return NULL;
		}
		at = check_value(at, end);
		if (at == NULL)
			return NULL;
		at = skip(at, end);
		if (at < end && *at == close)
			return at + 1;
		if (at >= end || *at++ != ',')
			return NULL;
	}
}

static const char *
check_value(const char *at, const char *end)
{
	static const char *const words[] = {"null", "true", "false"};
	int			i;

	at = skip(at, end);
	if (at >= end)
		return NULL;
	if (*at == '{')
		return check_container(at, end, '}');
	if (*at == '[')
		return check_container(at, end, ']');
	if (*at == '"')
		return check_string(at, end);
	for (i = 0; i < 3; i++)
	{
		size_t		length = strlen(words[i]);

		if ((size_t) (end - at) >= length && memcmp(at, words[i], length) == 0)
			return at + length;
	}
	return check_number(at, end);
}

static void
complain(const char *what, const char *text, size_t length)
{
	fprintf(stderr, "%s: %.*s\n", what, (int) length, text);
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void	   *chain = NULL;
	FilterMemory memory = {allocate, &chain, vx_filter_encode_utf8};
	char	   *text = malloc(size > 0 ? size : 1);
	FilterFault fault;
	FilterNode *root;

	if (size > 0)
		memcpy(text, data, size);
	root = vx_filter_parse(text, size, &memory, &fault);

	/* A limit may be met before what is wrong behind it. */
	if (root != NULL || fault.kind != FILTER_FAULT_LIMIT)
	{
		const char *end = check_value(text, text + size);
		bool		is_json = end != NULL && skip(end, text + size) == text + size;

		if (is_json != (root != NULL || fault.kind == FILTER_FAULT_INVALID))
			complain(is_json ? "JSON refused" : "no JSON, but taken", text, size);
	}

	if (root == NULL)
	{
		if (fault.kind == FILTER_FAULT_NONE || fault.message == NULL || fault.message[0] == '\0' ||
			(fault.kind != FILTER_FAULT_SYNTAX && fault.place == NULL && fault.byte < 1))
			complain("fault without words", text, size);
	}
	else
	{
		FilterString once = vx_filter_write(root, &memory);
		FilterNode *again = vx_filter_parse(once.bytes, (size_t) once.length, &memory, &fault);
		FilterString twice;

		if (fault.kind != FILTER_FAULT_NONE && again != NULL)
			complain("a filter with a fault", once.bytes, (size_t) once.length);
		if (again == NULL)
			complain("does not read back", once.bytes, (size_t) once.length);
		twice = vx_filter_write(again, &memory);
		if (once.length != twice.length || memcmp(once.bytes, twice.bytes, (size_t) once.length) != 0)
			complain("reads back as another", once.bytes, (size_t) once.length);
	}
	free_chain(&chain);
	free(text);
	return 0;
}
