/*-------------------------------------------------------------------------
 *
 * filter_compile.c
 *	  From stored filters to ones that can be matched.
 *
 * The stored text is parsed again, and every condition gets what matching it
 * takes: numbers as numeric, sorted sets, lexemes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "nodes/primnodes.h"
#include "tsearch/ts_public.h"
#include "tsearch/ts_utils.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "filter/filter_compile.h"

/*
 * The text search configuration pg_catalog.simple: lower case, no stop words.
 * initdb gives it this number (pg_ts_config.dat), in every version.
 */
#define SIMPLE_CONFIG_OID 3748

/* Filters that a call of a function keeps: as many as an ANY may have, say */
#define MAX_CACHED_FILTERS 8

/* What the filter of a function call was compiled from */
typedef struct CachedFilter
{
	Filter	   *filter;			/* NULL: none */
	Size		length;
	char	   *bytes;
} CachedFilter;

typedef struct FilterCache
{
	bool		is_constant;	/* the argument cannot change: it is the first */
	int			last;			/* the one that was used last */
	int			next;			/* the one to be replaced next */
	CachedFilter filters[MAX_CACHED_FILTERS];
} FilterCache;

FilterNode *
vx_filter_parse_stored(const struct varlena *stored)
{
	FilterFault fault;
	FilterNode *root = vx_filter_parse(VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored),
									   &vx_filter_memory, &fault);

	if (root == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored payload filter cannot be read: %s", fault.message)));
	return root;
}

int
vx_filter_compare_strings(const void *a, const void *b)
{
	const FilterString *x = a;
	const FilterString *y = b;

	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return memcmp(x->bytes, y->bytes, x->length);
}

int
vx_filter_compare_numbers(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

Numeric
vx_filter_read_numeric(FilterString text)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text.bytes),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

static int
compare_numeric_elements(const void *a, const void *b)
{
	return vx_filter_compare_numbers(*(const Numeric *) a, *(const Numeric *) b);
}

static int
compare_uint64_elements(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

static int
compare_uuid_elements(const void *a, const void *b)
{
	return memcmp(*(const unsigned char *const *) a, *(const unsigned char *const *) b, 16);
}

FilterString *
vx_filter_split_words(const char *text, int length, int *count)
{
	ParsedText	parsed;
	FilterString *words;
	int			i;

	/* to_tsvector() makes the same guess. */
	parsed.lenwords = Max(length / 6, 2);
	parsed.curwords = 0;
	parsed.pos = 0;
	parsed.words = palloc(sizeof(ParsedWord) * parsed.lenwords);
	parsetext(SIMPLE_CONFIG_OID, &parsed, unconstify(char *, text), length);

	words = palloc(sizeof(FilterString) * Max(parsed.curwords, 1));
	for (i = 0; i < parsed.curwords; i++)
	{
		words[i].bytes = parsed.words[i].word;
		words[i].length = parsed.words[i].len;
	}
	*count = parsed.curwords;
	return words;
}

static void
prepare_set(FilterNode *node)
{
	FilterSet  *set = palloc0(sizeof(FilterSet));
	int			i;

	set->count = node->value_count;
	if (set->count > 0 && node->values[0].kind == FILTER_VALUE_NUMBER)
	{
		set->numbers = palloc(sizeof(Numeric) * set->count);
		for (i = 0; i < set->count; i++)
			set->numbers[i] = vx_filter_read_numeric(node->values[i].text);
		qsort(set->numbers, set->count, sizeof(Numeric), compare_numeric_elements);
	}
	else if (set->count > 0)
	{
		set->strings = palloc(sizeof(FilterString) * set->count);
		for (i = 0; i < set->count; i++)
			set->strings[i] = node->values[i].text;
		qsort(set->strings, set->count, sizeof(FilterString), vx_filter_compare_strings);
	}
	node->prepared = set;
}

static void
prepare_words(FilterNode *node)
{
	FilterWords *words = palloc(sizeof(FilterWords));
	int			kept = 0;
	int			i;

	words->words = vx_filter_split_words(node->value.text.bytes, node->value.text.length,
										 &words->count);
	if (node->kind != FILTER_MATCH_PHRASE && words->count > 0)
	{
		qsort(words->words, words->count, sizeof(FilterString), vx_filter_compare_strings);
		for (i = 1; i < words->count; i++)
		{
			if (vx_filter_compare_strings(&words->words[kept], &words->words[i]) != 0)
				words->words[++kept] = words->words[i];
		}
		words->count = kept + 1;
	}
	node->prepared = words;
}

static void
prepare_ids(FilterNode *node)
{
	FilterIdSet *set = palloc0(sizeof(FilterIdSet));
	int			i;

	set->numbers = palloc(sizeof(uint64) * Max(node->id_count, 1));
	set->uuids = palloc(sizeof(unsigned char *) * Max(node->id_count, 1));
	set->texts = palloc(sizeof(FilterString) * Max(node->id_count, 1));
	for (i = 0; i < node->id_count; i++)
	{
		const FilterId *id = &node->ids[i];

		switch (id->kind)
		{
			case FILTER_ID_NUMBER:
				set->numbers[set->number_count++] = id->number;
				break;
			case FILTER_ID_UUID:
				set->uuids[set->uuid_count++] = id->uuid;
				break;
			case FILTER_ID_TEXT:
				set->texts[set->text_count++] = id->text;
				break;
		}
	}
	qsort(set->numbers, set->number_count, sizeof(uint64), compare_uint64_elements);
	qsort(set->uuids, set->uuid_count, sizeof(unsigned char *), compare_uuid_elements);
	qsort(set->texts, set->text_count, sizeof(FilterString), vx_filter_compare_strings);
	node->prepared = set;
}

static void
prepare_bounds(FilterNode *node)
{
	Numeric    *bounds = palloc0(sizeof(Numeric) * FILTER_BOUNDS);
	int			i;

	for (i = 0; i < FILTER_BOUNDS; i++)
	{
		if (node->bounds[i].present)
			bounds[i] = vx_filter_read_numeric(node->bounds[i].text);
	}
	node->prepared = bounds;
}

static void
			prepare_list(Filter *filter, FilterList *list, bool in_nested);

static void
prepare_node(Filter *filter, FilterNode *node, bool in_nested)
{
	switch (node->kind)
	{
		case FILTER_GROUP:
			prepare_list(filter, &node->must, in_nested);
			prepare_list(filter, &node->should, in_nested);
			prepare_list(filter, &node->must_not, in_nested);
			prepare_list(filter, &node->min_should, in_nested);
			break;
		case FILTER_NESTED:
			prepare_list(filter, &node->must, true);
			break;
		case FILTER_MATCH_VALUE:
		case FILTER_CONTAINS:
			if (node->value.kind == FILTER_VALUE_NUMBER)
				node->prepared = vx_filter_read_numeric(node->value.text);
			break;
		case FILTER_MATCH_ANY:
		case FILTER_MATCH_EXCEPT:
			prepare_set(node);
			break;
		case FILTER_MATCH_TEXT:
		case FILTER_MATCH_TEXT_ANY:
		case FILTER_MATCH_PHRASE:
			prepare_words(node);
			break;
		case FILTER_REGEX:
			node->prepared = cstring_to_text_with_len(node->value.text.bytes,
													  node->value.text.length);
			break;
		case FILTER_RANGE:
			prepare_bounds(node);
			break;
		case FILTER_HAS_ID:
			prepare_ids(node);
			if (!in_nested)
				filter->needs_id = "has_id";
			break;
		case FILTER_SLICE:
			if (!in_nested)
				filter->needs_id = "slice";
			break;
		case FILTER_HAS_VECTOR:
			filter->needs_vectors = filter->needs_vectors || !in_nested;
			break;
		case FILTER_MATCH_PREFIX:
		case FILTER_DATETIME_RANGE:
		case FILTER_GEO_BOX:
		case FILTER_GEO_RADIUS:
		case FILTER_GEO_POLYGON:
		case FILTER_VALUES_COUNT:
		case FILTER_KEY_IS_EMPTY:
		case FILTER_KEY_IS_NULL:
		case FILTER_IS_EMPTY:
		case FILTER_IS_NULL:
			break;
	}
}

static void
prepare_list(Filter *filter, FilterList *list, bool in_nested)
{
	int			i;

	for (i = 0; i < list->count; i++)
		prepare_node(filter, list->nodes[i], in_nested);
}

Filter *
vx_filter_compile(const struct varlena *stored, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "vecext payload filter",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Filter	   *filter = palloc0(sizeof(Filter));

	filter->context = context;
	filter->scratch = AllocSetContextCreate(context, "vecext payload filter scratch",
											ALLOCSET_SMALL_SIZES);
	filter->root = vx_filter_parse_stored(stored);
	prepare_node(filter, filter->root, false);
	MemoryContextSwitchTo(caller);
	return filter;
}

void
vx_filter_free(Filter *filter)
{
	MemoryContextDelete(filter->context);
}

void
vx_filter_check_row(const Filter *filter, const FilterRow *row)
{
	if (unlikely(filter->needs_id != NULL) && (row == NULL || !row->has_id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("condition \"%s\" of a payload filter needs the row's id", filter->needs_id),
				 errhint("Use payload_matches(payload, filter, id).")));
	if (unlikely(filter->needs_vectors) && (row == NULL || !row->has_vectors))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("condition \"has_vector\" of a payload filter needs the names of the row's vectors"),
				 errhint("Use payload_matches(payload, filter, id, vectors).")));
}

/*
 * An argument that is a constant of the query need not be looked at again.
 * Not so parameters: PL/pgSQL evaluates one expression with many values.
 */
static bool
is_constant_argument(FmgrInfo *function, int argument)
{
	Node	   *call = function->fn_expr;
	List	   *arguments;

	if (call == NULL)
		return false;
	if (IsA(call, OpExpr))
		arguments = ((OpExpr *) call)->args;
	else if (IsA(call, FuncExpr))
		arguments = ((FuncExpr *) call)->args;
	else
		return false;
	return argument < list_length(arguments) && IsA(list_nth(arguments, argument), Const);
}

Filter *
vx_filter_get_argument(FunctionCallInfo fcinfo, int argument)
{
	FmgrInfo   *function = fcinfo->flinfo;
	FilterCache *cache = function->fn_extra;
	CachedFilter *cached;
	Filter	   *filter;
	struct varlena *stored;
	Size		length;
	int			i;

	if (cache != NULL && cache->is_constant)
		return cache->filters[0].filter;

	stored = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(argument));
	length = VARSIZE_ANY_EXHDR(stored);
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(function->fn_mcxt, sizeof(FilterCache));
		function->fn_extra = cache;
	}

	/* The one used last, and from there on in the order they came in. */
	for (i = 0; i < MAX_CACHED_FILTERS; i++)
	{
		int			number = (cache->last + i) % MAX_CACHED_FILTERS;

		cached = &cache->filters[number];
		if (cached->filter != NULL && cached->length == length &&
			memcmp(cached->bytes, VARDATA_ANY(stored), length) == 0)
		{
			cache->last = number;
			return cached->filter;
		}
	}

	cached = &cache->filters[cache->next];
	if (cached->filter != NULL)
		vx_filter_free(cached->filter);
	cached->filter = NULL;
	filter = vx_filter_compile(stored, function->fn_mcxt);
	cached->length = length;
	cached->bytes = MemoryContextAlloc(filter->context, length);
	memcpy(cached->bytes, VARDATA_ANY(stored), length);
	cached->filter = filter;
	cache->is_constant = is_constant_argument(function, argument);
	cache->last = cache->next;
	cache->next = (cache->next + 1) % MAX_CACHED_FILTERS;
	return filter;
}
