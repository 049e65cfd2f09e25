/*-------------------------------------------------------------------------
 *
 * filter_json.c
 *	  Server-free reading of JSON into a tree.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/filter_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Reader
{
	const char *start;
	const char *at;
	const char *end;
	int			depth;
	const FilterMemory *memory;
	FilterFault *fault;
} Reader;

static FilterJson *read_value(Reader *reader);

const char *
vx_filter_format_text(const FilterMemory *memory, const char *format,...)
{
	va_list		args;
	int			length;
	char	   *text;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		return "";
	text = memory->allocate(memory->arg, (size_t) length + 1);

	va_start(args, format);
	vsnprintf(text, (size_t) length + 1, format, args);
	va_end(args);
	return text;
}

int
vx_filter_encode_utf8(unsigned int code_point, char *out)
{
	if (code_point < 0x80)
	{
		out[0] = (char) code_point;
		return 1;
	}
	if (code_point < 0x800)
	{
		out[0] = (char) (0xC0 | (code_point >> 6));
		out[1] = (char) (0x80 | (code_point & 0x3F));
		return 2;
	}
	if (code_point < 0x10000)
	{
		out[0] = (char) (0xE0 | (code_point >> 12));
		out[1] = (char) (0x80 | ((code_point >> 6) & 0x3F));
		out[2] = (char) (0x80 | (code_point & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | (code_point >> 18));
	out[1] = (char) (0x80 | ((code_point >> 12) & 0x3F));
	out[2] = (char) (0x80 | ((code_point >> 6) & 0x3F));
	out[3] = (char) (0x80 | (code_point & 0x3F));
	return 4;
}

/* The first fault stays; returns NULL for the caller to return. */
static void *
set_fault(Reader *reader, FilterFaultKind kind, const char *message)
{
	if (reader->fault->kind == FILTER_FAULT_NONE)
	{
		reader->fault->kind = kind;
		reader->fault->message = message;
		reader->fault->place = NULL;
		reader->fault->byte = 0;
		reader->fault->hint = NULL;
	}
	return NULL;
}

static void *
set_syntax_fault(Reader *reader, const char *what)
{
	if (reader->at >= reader->end)
		return set_fault(reader, FILTER_FAULT_SYNTAX,
						 vx_filter_format_text(reader->memory, "%s, but the text ends.", what));
	return set_fault(reader, FILTER_FAULT_SYNTAX,
					 vx_filter_format_text(reader->memory, "%s at byte %ld.", what,
										   (long) (reader->at - reader->start) + 1));
}

/* Too much of something, which begins there */
static void *
set_limit_fault(Reader *reader, const char *start, const char *message)
{
	if (reader->fault->kind == FILTER_FAULT_NONE)
	{
		set_fault(reader, FILTER_FAULT_LIMIT, message);
		reader->fault->byte = (long) (start - reader->start) + 1;
	}
	return NULL;
}

static void
skip_spaces(Reader *reader)
{
	while (reader->at < reader->end &&
		   (*reader->at == ' ' || *reader->at == '\t' ||
			*reader->at == '\n' || *reader->at == '\r'))
		reader->at++;
}

/* Is this the next byte?  If so, step over it. */
static bool
take_byte(Reader *reader, char byte)
{
	if (reader->at >= reader->end || *reader->at != byte)
		return false;
	reader->at++;
	return true;
}

/* Four hexadecimal digits, or -1 */
static int
read_hex(Reader *reader)
{
	int			value = 0;
	int			i;

	for (i = 0; i < 4; i++)
	{
		char		digit = reader->at < reader->end ? *reader->at : '\0';

		if (digit >= '0' && digit <= '9')
			value = value * 16 + (digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			value = value * 16 + (digit - 'a' + 10);
		else if (digit >= 'A' && digit <= 'F')
			value = value * 16 + (digit - 'A' + 10);
		else
			return -1;
		reader->at++;
	}
	return value;
}

/* The rest of \u....; returns the number of bytes put out, 0 after a fault. */
static int
read_unicode_escape(Reader *reader, char *out)
{
	int			code = read_hex(reader);
	int			bytes;

	if (code >= 0xD800 && code < 0xDC00)
	{
		int			low = -1;

		if (take_byte(reader, '\\') && take_byte(reader, 'u'))
			low = read_hex(reader);
		code = low >= 0xDC00 && low < 0xE000
			? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
			: -1;
	}
	if (code <= 0 || (code >= 0xD800 && code < 0xE000))
	{
		set_syntax_fault(reader, "A \\u escape that is no character");
		return 0;
	}
	bytes = reader->memory->encode((unsigned int) code, out);
	if (bytes == 0)
		set_syntax_fault(reader, "A \\u escape of a character that the encoding does not have");
	return bytes;
}

/* Behind the opening quote; steps over the closing one. */
static bool
read_string(Reader *reader, FilterString *string)
{
	const char *close = reader->at;
	char	   *out;

	/* No escape is shorter than what it stands for. */
	while (close < reader->end && *close != '"')
		close += *close == '\\' && close + 1 < reader->end ? 2 : 1;
	out = reader->memory->allocate(reader->memory->arg,
								   (size_t) (close - reader->at) + 1);
	string->bytes = out;

	for (;;)
	{
		unsigned char byte;

		if (reader->at >= reader->end)
			return set_syntax_fault(reader, "A string is not closed") != NULL;
		byte = (unsigned char) *reader->at;
		if (byte < ' ')
			return set_syntax_fault(reader, "A control character in a string") != NULL;
		reader->at++;
		if (byte == '"')
			break;
		if (byte != '\\')
		{
			*out++ = (char) byte;
			continue;
		}

		switch (reader->at < reader->end ? *reader->at++ : '\0')
		{
			case '"':
				*out++ = '"';
				break;
			case '\\':
				*out++ = '\\';
				break;
			case '/':
				*out++ = '/';
				break;
			case 'b':
				*out++ = '\b';
				break;
			case 'f':
				*out++ = '\f';
				break;
			case 'n':
				*out++ = '\n';
				break;
			case 'r':
				*out++ = '\r';
				break;
			case 't':
				*out++ = '\t';
				break;
			case 'u':
				{
					int			bytes = read_unicode_escape(reader, out);

					if (bytes == 0)
						return false;
					out += bytes;
					break;
				}
			default:
				return set_syntax_fault(reader, "An unknown escape in a string") != NULL;
		}
	}
	*out = '\0';
	string->length = (int) (out - string->bytes);
	return true;
}

static int
skip_digits(Reader *reader)
{
	const char *start = reader->at;

	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
		reader->at++;
	return (int) (reader->at - start);
}

static bool
read_number(Reader *reader, FilterString *number)
{
	const char *start = reader->at;
	char	   *copy;

	take_byte(reader, '-');
	if (!take_byte(reader, '0') && skip_digits(reader) == 0)
		return set_syntax_fault(reader, "A digit is missing") != NULL;
	if (take_byte(reader, '.') && skip_digits(reader) == 0)
		return set_syntax_fault(reader, "A digit is missing") != NULL;
	if (take_byte(reader, 'e') || take_byte(reader, 'E'))
	{
		const char *digits;
		int			exponent = 0;

		if (!take_byte(reader, '-'))
			take_byte(reader, '+');
		digits = reader->at;
		if (skip_digits(reader) == 0)
			return set_syntax_fault(reader, "A digit is missing") != NULL;
		for (; digits < reader->at && exponent <= VX_FILTER_MAX_EXPONENT; digits++)
			exponent = exponent * 10 + (*digits - '0');
		if (exponent > VX_FILTER_MAX_EXPONENT)
			return set_limit_fault(reader, start,
								   vx_filter_format_text(reader->memory, "an exponent is beyond %d",
														 VX_FILTER_MAX_EXPONENT)) != NULL;
	}
	number->length = (int) (reader->at - start);
	if (number->length > VX_FILTER_MAX_NUMBER_BYTES)
		return set_limit_fault(reader, start,
							   vx_filter_format_text(reader->memory, "a number is longer than %d bytes",
													 VX_FILTER_MAX_NUMBER_BYTES)) != NULL;
	copy = reader->memory->allocate(reader->memory->arg, (size_t) number->length + 1);
	memcpy(copy, start, (size_t) number->length);
	copy[number->length] = '\0';
	number->bytes = copy;
	return true;
}

/* Behind the opening bracket or brace; steps over the closing one. */
static bool
read_container(Reader *reader, FilterJson *container)
{
	bool		is_object = container->kind == FILTER_JSON_OBJECT;
	char		close = is_object ? '}' : ']';
	FilterJson **link = &container->first;

	if (++reader->depth > VX_FILTER_MAX_DEPTH)
		return set_limit_fault(reader, reader->at - 1,
							   vx_filter_format_text(reader->memory, "it is nested more than %d levels deep",
													 VX_FILTER_MAX_DEPTH)) != NULL;
	skip_spaces(reader);
	if (!take_byte(reader, close))
	{
		for (;;)
		{
			FilterString name = {NULL, 0};
			FilterJson *value;

			skip_spaces(reader);
			if (is_object)
			{
				if (!take_byte(reader, '"'))
					return set_syntax_fault(reader, "A key is missing") != NULL;
				if (!read_string(reader, &name))
					return false;
				skip_spaces(reader);
				if (!take_byte(reader, ':'))
					return set_syntax_fault(reader, "\":\" is missing") != NULL;
			}
			value = read_value(reader);
			if (value == NULL)
				return false;
			value->name = name;
			*link = value;
			link = &value->next;
			container->count++;
			skip_spaces(reader);
			if (take_byte(reader, close))
				break;
			if (!take_byte(reader, ','))
				return set_syntax_fault(reader, is_object ? "\",\" or \"}\" is missing"
										: "\",\" or \"]\" is missing") != NULL;
		}
	}
	reader->depth--;
	return true;
}

static bool
take_word(Reader *reader, const char *word)
{
	size_t		length = strlen(word);

	if ((size_t) (reader->end - reader->at) < length ||
		memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

static FilterJson *
read_value(Reader *reader)
{
	FilterJson *json = reader->memory->allocate(reader->memory->arg, sizeof(FilterJson));

	memset(json, 0, sizeof(FilterJson));
	skip_spaces(reader);
	switch (reader->at < reader->end ? *reader->at : '\0')
	{
		case '{':
			json->kind = FILTER_JSON_OBJECT;
			reader->at++;
			return read_container(reader, json) ? json : NULL;
		case '[':
			json->kind = FILTER_JSON_ARRAY;
			reader->at++;
			return read_container(reader, json) ? json : NULL;
		case '"':
			json->kind = FILTER_JSON_STRING;
			reader->at++;
			return read_string(reader, &json->text) ? json : NULL;
		case '-':
		case '0':
		case '1':
		case '2':
		case '3':
		case '4':
		case '5':
		case '6':
		case '7':
		case '8':
		case '9':
			json->kind = FILTER_JSON_NUMBER;
			return read_number(reader, &json->text) ? json : NULL;
		case 't':
			json->kind = FILTER_JSON_BOOL;
			json->boolean = true;
			if (take_word(reader, "true"))
				return json;
			break;
		case 'f':
			json->kind = FILTER_JSON_BOOL;
			if (take_word(reader, "false"))
				return json;
			break;
		case 'n':
			json->kind = FILTER_JSON_NULL;
			if (take_word(reader, "null"))
				return json;
			break;
		default:
			break;
	}
	return set_syntax_fault(reader, "A value is missing");
}

FilterJson *
vx_filter_read_json(const char *text, size_t length, const FilterMemory *memory,
					FilterFault *fault)
{
	Reader		reader;
	FilterJson *json;

	memset(fault, 0, sizeof(*fault));
	reader.start = reader.at = text;
	reader.end = text + length;

	reader.depth = 0;
	reader.memory = memory;
	reader.fault = fault;

	if (length > VX_FILTER_MAX_BYTES)
	{
		set_fault(&reader, FILTER_FAULT_LIMIT,
				  vx_filter_format_text(memory, "it is longer than %d bytes", VX_FILTER_MAX_BYTES));
		fault->place = "";
		return NULL;
	}
	json = read_value(&reader);
	if (json == NULL)
		return NULL;
	skip_spaces(&reader);
	if (reader.at < reader.end)
		return set_syntax_fault(&reader, "Something follows the JSON value");
	return json;
}
