/*-------------------------------------------------------------------------
 *
 * filter_path.c
 *	  Server-free reading of paths into payloads.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/filter_path.h"

#include <limits.h>
#include <string.h>

/*
 * Letters and digits of any script: what is not ASCII is taken to be one, so
 * that no table of characters is needed.
 */
static bool
is_bare_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		(byte >= '0' && byte <= '9') || byte == '_' || byte == '-' ||
		((unsigned char) byte & 0x80);
}

bool
vx_filter_is_bare_key(const char *key, int length)
{
	int			i;

	for (i = 0; i < length; i++)
	{
		if (!is_bare_byte(key[i]))
			return false;
	}
	return length > 0;
}

const char *
vx_filter_parse_path(const char *text, int length, FilterStep *steps, int *count)
{
	const char *at = text;
	const char *end = text + length;
	bool		key_follows = true;

	*count = 0;
	while (key_follows || at < end)
	{
		FilterStep *step = &steps[*count];

		if (*count == VX_FILTER_MAX_STEPS)
			return "it has too many parts";
		memset(step, 0, sizeof(*step));

		if (key_follows)
		{
			step->kind = FILTER_STEP_KEY;
			if (at < end && *at == '"')
			{
				const char *close = memchr(at + 1, '"', (size_t) (end - at - 1));

				if (close == NULL)
					return "a quote is not closed";
				step->key.bytes = at + 1;
				step->key.length = (int) (close - at - 1);
				at = close + 1;
			}
			else
			{
				step->key.bytes = at;
				while (at < end && is_bare_byte(*at))
					at++;
				step->key.length = (int) (at - step->key.bytes);
				if (step->key.length == 0)
					return at == end || *at == '.' || *at == '[' ? "a key is missing"
						: "a key with this character needs quotes";
			}
		}
		else
		{
			/* at is behind a bracket. */
			if (at < end && *at == ']')
				step->kind = FILTER_STEP_EACH;
			else
			{
				const char *digits = at;

				step->kind = FILTER_STEP_INDEX;
				while (at < end && *at >= '0' && *at <= '9')
				{
					if (step->index > (INT_MAX - 9) / 10)
						return "an index is too large";
					step->index = step->index * 10 + (*at - '0');
					at++;
				}
				if (at == digits || at == end || *at != ']')
					return "brackets hold an index from 0 on, or nothing";
			}
			at++;
		}
		(*count)++;

		key_follows = false;
		if (at < end)
		{
			if (*at == '.')
				key_follows = true;
			else if (*at != '[')
				return "a key with this character needs quotes";
			at++;
			if (!key_follows && at == end)
				return "brackets hold an index from 0 on, or nothing";
		}
	}
	return NULL;
}
