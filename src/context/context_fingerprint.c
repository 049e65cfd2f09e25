/*-------------------------------------------------------------------------
 *
 * context_fingerprint.c
 *	  content_fingerprint(): equal for texts that differ in case, punctuation
 *	  and white space only.
 *
 * Fingerprints are stored, so the function must stay the same for ever: it asks
 * no collation and no library, but has tables of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "context/context.h"
#include "context/context_unicode.h"

/* White space of Unicode, as Go's unicode.IsSpace has it */
static bool
is_space(uint32 code)
{
	return (code >= '\t' && code <= '\r') || code == ' ' || code == 0x85 || code == 0xA0 ||
		code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
		code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static bool
is_letter_or_digit(uint32 code)
{
	int			low = 0,
				high = lengthof(unicode_letters) - 1;

	if (code < 0x80)
		return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
			(code >= '0' && code <= '9');
	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (code < unicode_letters[middle][0])
			high = middle - 1;
		else if (code > unicode_letters[middle][1])
			low = middle + 1;
		else
			return true;
	}
	return false;
}

static uint32
to_lower(uint32 code)
{
	if (code < 0x80)
		return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;

	/*
	 * Runs of equal distance may lie within each other: they are in order of
	 * their first.
	 */
	for (int i = 0; i < lengthof(unicode_lower); i++)
	{
		const int32 *map = unicode_lower[i];

		if ((int32) code < map[0])
			break;
		if ((int32) code <= map[1] && ((int32) code - map[0]) % map[2] == 0)
			return code + map[3];
	}
	return code;
}

/*
 * Lower case, letters and digits only, one blank between words.  Bytes that
 * are not UTF-8 (a database without an encoding may have them) are kept.
 */
static bytea *
normalize_text(const char *text, int length)
{
	const unsigned char *at = (const unsigned char *) text;
	const unsigned char *end = at + length;
	bytea	   *result;
	unsigned char *start;
	unsigned char *to;
	bool		space = false;

	/* No lower case takes more than one byte more than the letter itself. */
	result = MemoryContextAllocHuge(CurrentMemoryContext, VARHDRSZ + (Size) length * 3 / 2 + 2);
	start = to = (unsigned char *) VARDATA(result);
	while (at < end)
	{
		int			bytes = pg_utf_mblen(at);
		uint32		code;

		CHECK_FOR_INTERRUPTS();
		if (bytes > end - at || !pg_utf8_islegal(at, bytes))
		{
			if (space && to > start)
				*to++ = ' ';
			space = false;
			*to++ = *at++;
			continue;
		}
		code = utf8_to_unicode(at);
		at += bytes;
		if (is_space(code))
			space = true;
		if (!is_letter_or_digit(code))
			continue;
		if (space && to > start)
			*to++ = ' ';
		space = false;
		code = to_lower(code);
		unicode_to_utf8(code, to);
		to += pg_utf_mblen(to);
	}
	/* what is hashed is a bytea, which cannot be longer than 1 GB */
	if (to - start > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("text is too long for a fingerprint")));
	SET_VARSIZE(result, to - (unsigned char *) result);
	return result;
}

PG_FUNCTION_INFO_V1(vecext_content_fingerprint);
Datum
vecext_content_fingerprint(PG_FUNCTION_ARGS)
{
	text	   *content = PG_GETARG_TEXT_PP(0);
	int			length = VARSIZE_ANY_EXHDR(content);
	char	   *raw = VARDATA_ANY(content);
	char	   *utf8 = pg_server_to_any(raw, length, PG_UTF8);
	bytea	   *normal = normalize_text(utf8, utf8 == raw ? length : strlen(utf8));

	if (VARSIZE(normal) == VARHDRSZ)
		PG_RETURN_NULL();
	return DirectFunctionCall1(sha256_bytea, PointerGetDatum(normal));
}
