/*-------------------------------------------------------------------------
 *
 * filter_type.c
 *	  The payload_filter type: text and binary form.
 *
 * Parsing lives in filter_parse.c; this file turns its verdict into errors,
 * soft ones where the caller wants that, and adds what needs the server: is a
 * regular expression one?
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "utils/builtins.h"

#include "base/base_compat.h"
#include "filter/filter_compile.h"

static void *
allocate(void *arg, size_t bytes)
{
	return palloc(bytes);
}

static int
encode_character(unsigned int code_point, char *out)
{
	unsigned char bytes[MAX_UNICODE_EQUIVALENT_STRING + 1];
	int			length;

	if (GetDatabaseEncoding() == PG_UTF8 || code_point < 0x80)
		return vx_filter_encode_utf8(code_point, out);
	pg_unicode_to_server(code_point, bytes);
	length = (int) strlen((char *) bytes);
	if (length > 4)
		return 0;
	memcpy(out, bytes, length);
	return length;
}

const FilterMemory vx_filter_memory = {allocate, NULL, encode_character};

/*
 * Find the first condition whose regular expression does not compile, and
 * what is wrong with it.
 */
static const FilterNode *
find_bad_regex(const FilterNode *node, char **wrong)
{
	const FilterList *lists[] = {&node->must, &node->should, &node->must_not, &node->min_should};
	const FilterNode *bad = NULL;
	int			i;
	int			j;

	if (node->kind == FILTER_REGEX)
	{
		FilterString pattern = node->value.text;
		pg_wchar   *wide = palloc(sizeof(pg_wchar) * (pattern.length + 1));
		int			wide_length = pg_mb2wchar_with_len(pattern.bytes, wide, pattern.length);
		regex_t		regex;
		int			status = pg_regcomp(&regex, wide, wide_length, REG_ADVANCED | REG_NOSUB,
										DEFAULT_COLLATION_OID);

		if (status == REG_OKAY)
		{
			pg_regfree(&regex);
			return NULL;
		}
		CHECK_FOR_INTERRUPTS();
		*wrong = palloc(100);
		pg_regerror(status, &regex, *wrong, 100);
		return node;
	}
	for (i = 0; i < lengthof(lists); i++)
	{
		for (j = 0; j < lists[i]->count && bad == NULL; j++)
			bad = find_bad_regex(lists[i]->nodes[j], wrong);
	}
	return bad;
}

static char *
describe_place(const FilterFault *fault)
{
	if (fault->place == NULL)
		return psprintf("At byte %ld.", fault->byte);
	return fault->place[0] == '\0' ? pstrdup("At the top level.")
		: psprintf("At path %s.", fault->place);
}

static Datum
report_fault(const FilterFault *fault, Node *escontext)
{
	switch (fault->kind)
	{
		case FILTER_FAULT_SYNTAX:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid input syntax for type payload_filter"),
					 errdetail("%s", fault->message)));
		case FILTER_FAULT_LIMIT:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("payload filter is too large: %s", fault->message),
					 errdetail("%s", describe_place(fault))));
		case FILTER_FAULT_INVALID:
		case FILTER_FAULT_NONE:
			break;
	}
	ereturn(escontext, (Datum) 0,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid payload filter: %s", fault->message),
			 errdetail("%s", describe_place(fault)),
			 fault->hint ? errhint("%s", fault->hint) : 0));
}

/* Text to stored filter */
static Datum
read_filter(const char *text, int length, Node *escontext)
{
	FilterFault fault;
	FilterNode *root = vx_filter_parse(text, length, &vx_filter_memory, &fault);
	FilterString canonical;
	const FilterNode *bad_regex;
	char	   *wrong;

	if (root == NULL)
		return report_fault(&fault, escontext);
	bad_regex = find_bad_regex(root, &wrong);
	if (bad_regex != NULL)
		ereturn(escontext, (Datum) 0,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid regular expression in payload filter: %s", wrong),
				 errdetail("At path %s.", bad_regex->place)));
	canonical = vx_filter_write(root, &vx_filter_memory);
	if (canonical.length > VX_FILTER_MAX_BYTES)
	{
		fault.kind = FILTER_FAULT_LIMIT;
		fault.message = psprintf("its canonical text is longer than %d bytes",
								 VX_FILTER_MAX_BYTES);
		fault.place = "";
		return report_fault(&fault, escontext);
	}
	return PointerGetDatum(cstring_to_text_with_len(canonical.bytes, canonical.length));
}

/* payload_filter_in(cstring) */
PG_FUNCTION_INFO_V1(vecext_payload_filter_in);
Datum
vecext_payload_filter_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	return read_filter(text, (int) strlen(text), fcinfo->context);
}

/* payload_filter_out(payload_filter): canonical text */
PG_FUNCTION_INFO_V1(vecext_payload_filter_out);
Datum
vecext_payload_filter_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

/* payload_filter_recv(internal): the text form, in the client's encoding */
PG_FUNCTION_INFO_V1(vecext_payload_filter_recv);
Datum
vecext_payload_filter_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *text = pq_getmsgtext(message, message->len - message->cursor, &length);

	return read_filter(text, length, NULL);
}

/* payload_filter_send(payload_filter) */
PG_FUNCTION_INFO_V1(vecext_payload_filter_send);
Datum
vecext_payload_filter_send(PG_FUNCTION_ARGS)
{
	text	   *stored = PG_GETARG_TEXT_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
