/*-------------------------------------------------------------------------
 *
 * score_context.c
 *	  How much a remembered thing is worth now: similarity, confidence,
 *	  recency and utility, weighted.
 *
 * Called once a row over whatever a search has found, so nothing is allocated
 * and nothing is looked up: a profile is one of four constants, weights of the
 * caller's are normalised on the way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/base_compat.h"

/* What a missing argument counts as; see README.md */
#define UNKNOWN_SIMILARITY 0.0
#define UNKNOWN_CONFIDENCE 0.5
#define UNKNOWN_UTILITY 1.0

/* Confidence lost to the end of validity: half of it is gone at 35 hours. */
#define EXPIRY_RATE_PER_HOUR 0.02

typedef struct ScoreWeights
{
	double		similarity;
	double		confidence;
	double		recency;
	double		utility;
	double		alpha;			/* decay of recency per hour */
} ScoreWeights;

typedef struct ScoreProfile
{
	const char *name;
	ScoreWeights weights;
} ScoreProfile;

/* What a score is made of: contributions, not inputs */
typedef struct ScoreParts
{
	double		similarity;
	double		confidence;
	double		recency;
	double		utility;
} ScoreParts;

static const ScoreProfile profiles[] = {
	{"agent_memory", {.35, .20, .25, .20, .05}},
	{"belief_system", {.30, .45, .20, .05, .03}},
	{"general", {.40, .30, .20, .10, .05}},
	{"procedural", {.40, .40, .15, .05, .001}}
};

/* Weights that are all zero stand for these. */
static const ScoreWeights default_weights = {.40, .30, .20, .10, .05};

/* Arguments that both forms of context_score have in the same places */
#define ARG_SIMILARITY 0
#define ARG_CONFIDENCE 1
#define ARG_AGE_HOURS 2
#define ARG_UTILITY 3
#define ARG_WEIGHTS 4
#define ARG_HOURS_LEFT 5
#define ARG_DEPTH 6
#define ARG_VALID 7
#define ARG_DEPTH_DECAY 8
#define ARG_ALPHA 9

static inline double
clamp_to_unit(double value)
{
	/* NaN becomes 0: no score is ever NaN. */
	if (!(value > 0.0))
		return 0.0;
	return value > 1.0 ? 1.0 : value;
}

static const ScoreWeights *
find_profile(const text *name)
{
	const char *given = VARDATA_ANY(name);
	int			length = VARSIZE_ANY_EXHDR(name);
	int			i;

	for (i = 0; i < lengthof(profiles); i++)
	{
		if (strlen(profiles[i].name) == length &&
			memcmp(profiles[i].name, given, length) == 0)
			return &profiles[i].weights;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown score profile \"%s\"", text_to_cstring(name)),
			 errhint("Profiles are listed by context_profiles(). Weights of your own are an array, such as ARRAY[4, 3, 2, 1].")));
	return NULL;				/* keep compilers quiet */
}

/*
 * Four weights that are not negative, in the order of the arguments; their
 * sum becomes 1.
 */
static void
read_weights(ArrayType *array, double alpha, ScoreWeights *weights)
{
	double	   *given = (double *) ARR_DATA_PTR(array);
	double		sum = 0.0;
	int			i;

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != 4 || ARR_HASNULL(array) ||
		ARR_ELEMTYPE(array) != FLOAT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights must be an array of four numbers"),
				 errdetail("They are those of similarity, confidence, recency and utility.")));
	for (i = 0; i < 4; i++)
	{
		if (!(given[i] >= 0.0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weights must not be negative")));
		sum += given[i];
	}
	if (isinf(sum))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights must be finite")));
	if (!(alpha >= 0.0) || isinf(alpha))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("decay of recency must be a finite number that is not negative")));

	if (sum == 0.0)
		*weights = default_weights;
	else
	{
		weights->similarity = given[0] / sum;
		weights->confidence = given[1] / sum;
		weights->recency = given[2] / sum;
		weights->utility = given[3] / sum;
	}
	weights->alpha = alpha;
}

/*
 * The contributions of one row.  All are 0 for what is not valid.
 */
static ScoreParts
compute_parts(FunctionCallInfo fcinfo, const ScoreWeights *weights)
{
	ScoreParts	parts = {0};
	double		confidence = UNKNOWN_CONFIDENCE;
	double		recency = 0.0;

	if (!PG_ARGISNULL(ARG_VALID) && !PG_GETARG_BOOL(ARG_VALID))
		return parts;

	if (!PG_ARGISNULL(ARG_CONFIDENCE))
		confidence = clamp_to_unit(PG_GETARG_FLOAT8(ARG_CONFIDENCE));
	if (!PG_ARGISNULL(ARG_DEPTH) && PG_GETARG_INT32(ARG_DEPTH) > 0)
	{
		double		decay = PG_ARGISNULL(ARG_DEPTH_DECAY) ? 0.9 : PG_GETARG_FLOAT8(ARG_DEPTH_DECAY);

		if (!(decay >= 0.0 && decay <= 1.0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("decay by provenance must be between 0 and 1")));
		confidence *= pow(decay, PG_GETARG_INT32(ARG_DEPTH));
	}
	if (!PG_ARGISNULL(ARG_HOURS_LEFT))
	{
		double		hours_left = PG_GETARG_FLOAT8(ARG_HOURS_LEFT);

		/* Validity is half-open: at its end it is over. */
		if (!(hours_left > 0.0))
			return parts;
		confidence *= -expm1(-EXPIRY_RATE_PER_HOUR * hours_left);
	}

	if (!PG_ARGISNULL(ARG_AGE_HOURS))
	{
		double		age = PG_GETARG_FLOAT8(ARG_AGE_HOURS);

		if (age <= 0.0 || weights->alpha == 0.0)
			recency = 1.0;
		else
			recency = clamp_to_unit(exp(-weights->alpha * age));
	}

	parts.similarity = weights->similarity *
		(PG_ARGISNULL(ARG_SIMILARITY) ? UNKNOWN_SIMILARITY :
		 clamp_to_unit(PG_GETARG_FLOAT8(ARG_SIMILARITY)));
	parts.confidence = weights->confidence * confidence;
	parts.recency = weights->recency * recency;
	parts.utility = weights->utility *
		(PG_ARGISNULL(ARG_UTILITY) ? UNKNOWN_UTILITY :
		 clamp_to_unit(PG_GETARG_FLOAT8(ARG_UTILITY)));
	return parts;
}

static inline double
add_parts(const ScoreParts *parts)
{
	return parts->similarity + parts->confidence + parts->recency + parts->utility;
}

/*
 * Parts by the profile or the weights that are the fifth argument; false if
 * that is NULL.
 */
static inline bool
score_by_profile(FunctionCallInfo fcinfo, ScoreParts *parts)
{
	if (PG_ARGISNULL(ARG_WEIGHTS))
		return false;
	*parts = compute_parts(fcinfo, find_profile(PG_GETARG_TEXT_PP(ARG_WEIGHTS)));
	return true;
}

static inline bool
score_by_weights(FunctionCallInfo fcinfo, ScoreParts *parts)
{
	ScoreWeights weights;

	if (PG_ARGISNULL(ARG_WEIGHTS))
		return false;
	read_weights(PG_GETARG_ARRAYTYPE_P(ARG_WEIGHTS),
				 PG_ARGISNULL(ARG_ALPHA) ? default_weights.alpha : PG_GETARG_FLOAT8(ARG_ALPHA),
				 &weights);
	*parts = compute_parts(fcinfo, &weights);
	return true;
}

static Datum
make_breakdown(FunctionCallInfo fcinfo, const ScoreParts *parts)
{
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Float8GetDatum(parts->similarity);
	values[1] = Float8GetDatum(parts->confidence);
	values[2] = Float8GetDatum(parts->recency);
	values[3] = Float8GetDatum(parts->utility);
	values[4] = Float8GetDatum(add_parts(parts));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* context_score(similarity, confidence, age_hours, utility, profile text, ...) */
PG_FUNCTION_INFO_V1(vecext_context_score_profile);
Datum
vecext_context_score_profile(PG_FUNCTION_ARGS)
{
	ScoreParts	parts;

	if (!score_by_profile(fcinfo, &parts))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(add_parts(&parts));
}

/* context_score(similarity, confidence, age_hours, utility, weights float8[], ...) */
PG_FUNCTION_INFO_V1(vecext_context_score_weights);
Datum
vecext_context_score_weights(PG_FUNCTION_ARGS)
{
	ScoreParts	parts;

	if (!score_by_weights(fcinfo, &parts))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(add_parts(&parts));
}

/* context_score_breakdown, arguments as context_score */
PG_FUNCTION_INFO_V1(vecext_context_breakdown_profile);
Datum
vecext_context_breakdown_profile(PG_FUNCTION_ARGS)
{
	ScoreParts	parts;

	if (!score_by_profile(fcinfo, &parts))
		PG_RETURN_NULL();
	return make_breakdown(fcinfo, &parts);
}

PG_FUNCTION_INFO_V1(vecext_context_breakdown_weights);
Datum
vecext_context_breakdown_weights(PG_FUNCTION_ARGS)
{
	ScoreParts	parts;

	if (!score_by_weights(fcinfo, &parts))
		PG_RETURN_NULL();
	return make_breakdown(fcinfo, &parts);
}

/* context_profiles(): the profiles by name */
PG_FUNCTION_INFO_V1(vecext_context_profiles);
Datum
vecext_context_profiles(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	for (i = 0; i < lengthof(profiles); i++)
	{
		const ScoreWeights *weights = &profiles[i].weights;
		Datum		values[6];
		bool		nulls[6] = {0};

		values[0] = CStringGetTextDatum(profiles[i].name);
		values[1] = Float8GetDatum(weights->similarity);
		values[2] = Float8GetDatum(weights->confidence);
		values[3] = Float8GetDatum(weights->recency);
		values[4] = Float8GetDatum(weights->utility);
		values[5] = Float8GetDatum(weights->alpha);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
