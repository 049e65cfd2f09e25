/*-------------------------------------------------------------------------
 *
 * score_fuse.c
 *	  Joining ranked lists: reciprocal ranks, and choosing what is both
 *	  relevant and new.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "distance/distance_metric.h"
#include "type/type_vector.h"

/* What of an array function's arguments one element is made of */
typedef struct FuseCandidate
{
	int			position;		/* in the arrays, from 0 */
	double		score;
	const Vector *vector;		/* NULL: similar to nothing */
	double		similarity;		/* greatest cosine to what was chosen */
} FuseCandidate;

/*
 * rrf(rank, k): what a place in a list adds to the score of a row.  NULL, for
 * a list that does not have the row, adds nothing.
 */
PG_FUNCTION_INFO_V1(vecext_rrf);
Datum
vecext_rrf(PG_FUNCTION_ARGS)
{
	int64		rank;
	int32		k;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	k = PG_GETARG_INT32(1);
	if (k < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must not be negative, but is %d", k)));
	if (PG_ARGISNULL(0))
		PG_RETURN_FLOAT8(0.0);
	rank = PG_GETARG_INT64(0);
	if (rank < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rank must be at least 1, but is %lld", (long long) rank)));
	PG_RETURN_FLOAT8(1.0 / ((double) k + (double) rank));
}

/* Greater scores first, then as given */
static int
compare_candidates(const void *a, const void *b)
{
	const FuseCandidate *x = (const FuseCandidate *) a;
	const FuseCandidate *y = (const FuseCandidate *) b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->position < y->position ? -1 : 1;
}

/* The elements of an array of at most one dimension */
static int
read_elements(ArrayType *array, Datum **values, bool **nulls)
{
	Oid			type = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		align;
	int			count;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("ids, scores and vectors must be one-dimensional arrays")));
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, values, nulls, &count);
	return count;
}

/* Cosine of two vectors; 0 where there is none */
static double
compute_similarity(const Vector *a, const Vector *b)
{
	double		similarity;

	if (a == NULL || b == NULL)
		return 0.0;
	vx_type_check_same_dims(a, b);
	similarity = 1.0 - vx_distance_cosine(a->dim, a->x, b->x);
	return isnan(similarity) ? 0.0 : similarity;
}

/*
 * Bring the first wanted of count candidates into the order of marginal
 * relevance.  They come in the order of their scores.
 */
static void
order_by_marginal_relevance(FuseCandidate *candidates, int count, int wanted, double lambda)
{
	int			chosen;
	int			i;

	for (i = 0; i < count; i++)
		candidates[i].similarity = -1.0;
	for (chosen = 1; chosen < Min(wanted, count); chosen++)
	{
		const FuseCandidate *last = &candidates[chosen - 1];
		FuseCandidate next;
		double		best_value = -INFINITY;
		int			best = chosen;

		CHECK_FOR_INTERRUPTS();
		for (i = chosen; i < count; i++)
		{
			double		similarity = compute_similarity(candidates[i].vector, last->vector);
			double		value;

			if (similarity > candidates[i].similarity)
				candidates[i].similarity = similarity;
			value = lambda * candidates[i].score - (1.0 - lambda) * candidates[i].similarity;
			if (value > best_value)
			{
				best_value = value;
				best = i;
			}
		}

		/* The others keep their order, which decides among equals. */
		next = candidates[best];
		memmove(&candidates[chosen + 1], &candidates[chosen],
				sizeof(FuseCandidate) * (best - chosen));
		candidates[chosen] = next;
	}
}

/*
 * mmr(ids, scores, vectors, lambda, max_rows, pool): ids in the order of
 * maximal marginal relevance (Carbonell and Goldstein 1998).
 */
PG_FUNCTION_INFO_V1(vecext_mmr);
Datum
vecext_mmr(PG_FUNCTION_ARGS)
{
	ArrayType  *ids;
	ArrayType  *result;
	Datum	   *id_values,
			   *score_values,
			   *vector_values,
			   *result_values;
	bool	   *id_nulls,
			   *score_nulls,
			   *vector_nulls,
			   *result_nulls;
	FuseCandidate *candidates;
	double		lambda;
	int			count;
	int			wanted;
	int			pool;
	int			dims[1];
	int			bounds[1] = {1};
	int16		length;
	bool		by_value;
	char		align;
	int			i;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	ids = PG_GETARG_ARRAYTYPE_P(0);
	lambda = PG_GETARG_FLOAT8(3);
	if (!(lambda >= 0.0 && lambda <= 1.0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lambda must be between 0 and 1")));

	count = read_elements(ids, &id_values, &id_nulls);
	if (read_elements(PG_GETARG_ARRAYTYPE_P(1), &score_values, &score_nulls) != count ||
		read_elements(PG_GETARG_ARRAYTYPE_P(2), &vector_values, &vector_nulls) != count)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("ids, scores and vectors must be arrays of the same length")));
	wanted = PG_ARGISNULL(4) ? count : PG_GETARG_INT32(4);
	pool = PG_ARGISNULL(5) ? count : PG_GETARG_INT32(5);
	if (wanted < 0 || pool < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows and pool must not be negative")));
	wanted = Min(wanted, count);
	pool = Min(pool, count);

	candidates = (FuseCandidate *) palloc0(sizeof(FuseCandidate) * Max(count, 1));
	for (i = 0; i < count; i++)
	{
		candidates[i].position = i;
		if (score_nulls[i] || isnan(DatumGetFloat8(score_values[i])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("scores must not be null or NaN")));
		candidates[i].score = DatumGetFloat8(score_values[i]);
		if (!vector_nulls[i])
			candidates[i].vector = DatumGetVector(vector_values[i]);
	}

	/* 0 turns it off, as in the system whose semantics these are. */
	if (lambda > 0.0)
	{
		qsort(candidates, count, sizeof(FuseCandidate), compare_candidates);
		order_by_marginal_relevance(candidates, pool, wanted, lambda);
	}

	result_values = (Datum *) palloc(sizeof(Datum) * Max(wanted, 1));
	result_nulls = (bool *) palloc(sizeof(bool) * Max(wanted, 1));
	for (i = 0; i < wanted; i++)
	{
		result_values[i] = id_values[candidates[i].position];
		result_nulls[i] = id_nulls[candidates[i].position];
	}
	dims[0] = wanted;
	get_typlenbyvalalign(ARR_ELEMTYPE(ids), &length, &by_value, &align);
	if (wanted == 0)
		result = construct_empty_array(ARR_ELEMTYPE(ids));
	else
		result = construct_md_array(result_values, result_nulls, 1, dims, bounds,
									ARR_ELEMTYPE(ids), length, by_value, align);
	PG_RETURN_ARRAYTYPE_P(result);
}
