/*-------------------------------------------------------------------------
 *
 * score_bm25.c
 *	  BM25: how well a document answers a query, by the words they share.
 *
 * A query's terms are its lexemes that are not negated, each once, in the
 * order of their bytes; an exact word and a prefix of the same letters are
 * two.  bm25_terms shows them, and the frequencies that bm25 wants are theirs,
 * in the same order.
 *
 * Statistics come as plain numbers, so that a table of them, exact counts or
 * guesses will do.  Weights of terms are computed when the query or the
 * numbers change and kept from row to row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tsearch/ts_type.h"
#include "tsearch/ts_utils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base_compat.h"

typedef struct Bm25Term
{
	const char *lexeme;			/* not terminated */
	int			length;
	bool		prefix;
	double		weight;			/* inverse document frequency */
} Bm25Term;

typedef struct Bm25Terms
{
	int			count;
	Bm25Term   *terms;
} Bm25Terms;

/* What a query's rows share, in a memory context of its own */
typedef struct Bm25Cache
{
	MemoryContext context;
	bool		valid;
	TSQuery		query;
	ArrayType  *frequencies;
	int64		documents;
	Bm25Terms	found;
} Bm25Cache;

/* ---- Terms of a query ---- */

static int
compare_terms(const void *a, const void *b)
{
	const Bm25Term *x = (const Bm25Term *) a;
	const Bm25Term *y = (const Bm25Term *) b;
	int			order = memcmp(x->lexeme, y->lexeme, Min(x->length, y->length));

	if (order == 0)
		order = x->length - y->length;
	if (order == 0)
		order = (int) x->prefix - (int) y->prefix;
	return order;
}

static void
collect_terms(QueryItem *item, const char *operands, bool negated, Bm25Terms *found)
{
	check_stack_depth();
	if (item->type == QI_VAL)
	{
		if (!negated)
		{
			Bm25Term   *term = &found->terms[found->count++];

			term->lexeme = operands + item->qoperand.distance;
			term->length = item->qoperand.length;
			term->prefix = item->qoperand.prefix;
			term->weight = 0.0;
		}
		return;
	}

	/* The right operand follows its operator; NOT has no other. */
	if (item->qoperator.oper == OP_NOT)
	{
		collect_terms(item + 1, operands, !negated, found);
		return;
	}
	collect_terms(item + 1, operands, negated, found);
	collect_terms(item + item->qoperator.left, operands, negated, found);
}

/*
 * The terms of a query, which they point into.
 */
static void
read_terms(TSQuery query, Bm25Terms *found)
{
	int			i;
	int			kept = 0;

	found->count = 0;
	found->terms = (Bm25Term *) palloc(sizeof(Bm25Term) * Max(query->size, 1));
	if (query->size == 0)
		return;
	collect_terms(GETQUERY(query), GETOPERAND(query), false, found);
	qsort(found->terms, found->count, sizeof(Bm25Term), compare_terms);
	for (i = 0; i < found->count; i++)
	{
		if (kept == 0 || compare_terms(&found->terms[kept - 1], &found->terms[i]) != 0)
			found->terms[kept++] = found->terms[i];
	}
	found->count = kept;
}

/* bm25_terms(query): the terms in the order of the frequencies */
PG_FUNCTION_INFO_V1(vecext_bm25_terms);
Datum
vecext_bm25_terms(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Bm25Terms	found;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	read_terms(PG_GETARG_TSQUERY(0), &found);
	for (i = 0; i < found.count; i++)
	{
		const Bm25Term *term = &found.terms[i];
		Datum		values[2];
		bool		nulls[2] = {0};

		values[0] = PointerGetDatum(cstring_to_text_with_len(term->lexeme, term->length));
		values[1] = BoolGetDatum(term->prefix);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ---- Weights ---- */

/*
 * Inverse document frequencies.  Statistics may be older than the documents:
 * a term is never in more documents than there are, as far as they know.
 */
static void
weigh_terms(Bm25Terms *found, ArrayType *frequencies, int64 documents)
{
	int64	   *counts = (int64 *) ARR_DATA_PTR(frequencies);
	int			given = ArrayGetNItems(ARR_NDIM(frequencies), ARR_DIMS(frequencies));
	int			i;

	if (ARR_NDIM(frequencies) > 1 || ARR_HASNULL(frequencies) ||
		ARR_ELEMTYPE(frequencies) != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("frequencies must be a one-dimensional array without nulls")));
	if (given != found->count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query has %d terms, but %d frequencies are given", found->count, given),
				 errhint("The terms and their order are those of bm25_terms().")));
	for (i = 0; i < given; i++)
	{
		double		total = (double) documents;
		double		with_term;

		if (counts[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("frequencies must not be negative")));
		with_term = Min((double) counts[i], total);
		found->terms[i].weight = log1p((total - with_term + 0.5) / (with_term + 0.5));
	}
}

static bool
is_same_value(const void *a, const void *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

static void *
copy_value(const void *value)
{
	void	   *copy = palloc(VARSIZE(value));

	memcpy(copy, value, VARSIZE(value));
	return copy;
}

static const Bm25Terms *
get_weighted_terms(FunctionCallInfo fcinfo, TSQuery query, int64 documents,
				   ArrayType *frequencies)
{
	Bm25Cache  *cache = (Bm25Cache *) fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	if (cache == NULL)
	{
		cache = (Bm25Cache *) MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Bm25Cache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "bm25 terms",
											   ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = cache;
	}
	if (cache->valid && cache->documents == documents &&
		is_same_value(cache->query, query) && is_same_value(cache->frequencies, frequencies))
		return &cache->found;

	/* An error on the way leaves nothing that looks like a query's weights. */
	cache->valid = false;
	MemoryContextReset(cache->context);
	caller = MemoryContextSwitchTo(cache->context);
	cache->query = (TSQuery) copy_value(query);
	cache->frequencies = (ArrayType *) copy_value(frequencies);
	cache->documents = documents;
	read_terms(cache->query, &cache->found);
	weigh_terms(&cache->found, cache->frequencies, documents);
	MemoryContextSwitchTo(caller);
	cache->valid = true;
	return &cache->found;
}

/* ---- Counting in a document ---- */

/* How often a lexeme occurs; once, where positions have been stripped */
static inline int
count_occurrences(TSVector document, WordEntry *entry)
{
	return entry->haspos ? POSDATALEN(document, entry) : 1;
}

static int64
count_words(TSVector document)
{
	WordEntry  *entries = ARRPTR(document);
	int64		words = 0;
	int			i;

	for (i = 0; i < document->size; i++)
		words += count_occurrences(document, &entries[i]);
	return words;
}

/*
 * How often a term occurs in a document, whose lexemes are sorted.
 */
static int64
count_term(TSVector document, const Bm25Term *term)
{
	WordEntry  *entries = ARRPTR(document);
	char	   *strings = STRPTR(document);
	int			low = 0;
	int			high = document->size;
	int64		found = 0;

	/* The first lexeme that is not less */
	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		WordEntry  *entry = &entries[middle];

		if (tsCompareString(strings + entry->pos, entry->len,
							unconstify(char *, term->lexeme), term->length, false) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < document->size; low++)
	{
		WordEntry  *entry = &entries[low];

		if (entry->len < term->length ||
			memcmp(strings + entry->pos, term->lexeme, term->length) != 0 ||
			(!term->prefix && entry->len != term->length))
			break;
		found += count_occurrences(document, entry);
		if (!term->prefix)
			break;
	}
	return found;
}

/*
 * bm25(document, query, documents, average_length, frequencies, k1, b)
 */
PG_FUNCTION_INFO_V1(vecext_bm25);
Datum
vecext_bm25(PG_FUNCTION_ARGS)
{
	TSVector	document = PG_GETARG_TSVECTOR(0);
	TSQuery		query = PG_GETARG_TSQUERY(1);
	int64		documents = PG_GETARG_INT64(2);
	double		average_length = PG_GETARG_FLOAT8(3);
	ArrayType  *frequencies = PG_GETARG_ARRAYTYPE_P(4);
	double		k1 = PG_GETARG_FLOAT8(5);
	double		b = PG_GETARG_FLOAT8(6);
	const Bm25Terms *found;
	double		saturation = -1.0;
	double		score = 0.0;
	int			i;

	if (documents < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of documents must not be negative")));
	if (!(average_length >= 0.0) || isinf(average_length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("average length must be a finite number that is not negative")));
	if (!(k1 >= 0.0) || isinf(k1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k1 must be a finite number that is not negative")));
	if (!(b >= 0.0 && b <= 1.0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("b must be between 0 and 1")));

	found = get_weighted_terms(fcinfo, query, documents, frequencies);
	for (i = 0; i < found->count; i++)
	{
		double		occurrences = (double) count_term(document, &found->terms[i]);

		if (occurrences == 0.0)
			continue;

		/* The length matters only to documents that have a term. */
		if (saturation < 0.0)
		{
			double		length = average_length > 0.0 ? count_words(document) / average_length : 1.0;

			saturation = k1 * (1.0 - b + b * length);
		}
		score += found->terms[i].weight * (occurrences / (occurrences + saturation) * (k1 + 1.0));
	}
	PG_RETURN_FLOAT8(score);
}
