/*-------------------------------------------------------------------------
 *
 * type_ball.c
 *	  vector_ball and the threshold conditions built on it.
 *
 * l2_within(v, q, r) and its sisters are what people write.  An index can
 * only be asked for "column operator constant", so the planner support
 * function (am_planner.c) turns them into v <->@ vector_ball(q, r).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include "base/base_compat.h"
#include "distance/distance_metric.h"
#include "type/type_ball.h"
#include "type/type_functions.h"

/*
 * A radius of NaN is allowed: it holds nothing, and l2_within(v, q, 'NaN') must
 * be false with an index as it is without.
 */
static VectorBall *
make_ball(const Vector *center, float8 radius)
{
	Size		size = offsetof(VectorBall, center) + VECTOR_SIZE(center->dim);
	VectorBall *ball;

	ball = palloc0(size);
	SET_VARSIZE(ball, size);
	ball->radius = radius;
	memcpy(ball->center, center, VECTOR_SIZE(center->dim));
	SET_VARSIZE(ball->center, VECTOR_SIZE(center->dim));
	return ball;
}

/* vector_ball(vector, float8) */
PG_FUNCTION_INFO_V1(vecext_vector_ball);
Datum
vecext_vector_ball(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(make_ball(PG_GETARG_VECTOR_P(0), PG_GETARG_FLOAT8(1)));
}

/*
 * Text form: <[1,2,3],0.5>, as circle writes its own.
 */
PG_FUNCTION_INFO_V1(vecext_vector_ball_in);
Datum
vecext_vector_ball_in(PG_FUNCTION_ARGS)
{
	static const char spaces[] = " \t\n\r\v\f";
	char	   *text = PG_GETARG_CSTRING(0);
	char	   *open = text +strspn(text, spaces);
	char	   *close = strrchr(text, ']');
	char	   *comma = close ? close + 1 : NULL;
	char	   *end;
	Datum		center;
	Datum		radius;

	if (comma)
		comma += strspn(comma, spaces);
	end = comma ? strrchr(comma, '>') : NULL;
	if (*open != '<' || end == NULL || *comma != ',' ||
		strspn(end + 1, spaces) != strlen(end + 1))
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type vector_ball: \"%s\"", text),
				 errdetail("A vector_ball is written <[x,...],radius>.")));

	open = pnstrdup(open + 1, close - open);
	comma = pnstrdup(comma + 1, end - comma - 1);
	if (!vx_input_function_call(vecext_vector_in, open, fcinfo->context, &center) ||
		!vx_input_function_call(float8in, comma, fcinfo->context, &radius))
		return (Datum) 0;
	PG_RETURN_POINTER(make_ball(DatumGetVector(center), DatumGetFloat8(radius)));
}

PG_FUNCTION_INFO_V1(vecext_vector_ball_out);
Datum
vecext_vector_ball_out(PG_FUNCTION_ARGS)
{
	VectorBall *ball = PG_GETARG_VECTOR_BALL_P(0);
	char		radius[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(ball->radius, radius);
	PG_RETURN_CSTRING(psprintf("<%s,%s>",
							   DatumGetCString(DirectFunctionCall1(vecext_vector_out,
																   PointerGetDatum(ball->center))),
							   radius));
}

/* Binary form: the radius, then the vector's */
PG_FUNCTION_INFO_V1(vecext_vector_ball_recv);
Datum
vecext_vector_ball_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	float8		radius = pq_getmsgfloat8(message);
	Vector	   *center = (Vector *)
		DatumGetPointer(DirectFunctionCall3(vecext_vector_recv, PointerGetDatum(message),
											ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));

	PG_RETURN_POINTER(make_ball(center, radius));
}

PG_FUNCTION_INFO_V1(vecext_vector_ball_send);
Datum
vecext_vector_ball_send(PG_FUNCTION_ARGS)
{
	VectorBall *ball = PG_GETARG_VECTOR_BALL_P(0);
	bytea	   *center = DatumGetByteaPP(DirectFunctionCall1(vecext_vector_send,
															 PointerGetDatum(ball->center)));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendfloat8(&message, ball->radius);
	pq_sendbytes(&message, VARDATA_ANY(center), VARSIZE_ANY_EXHDR(center));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* NaN lies within no radius. */
static bool
is_within(DistanceMetric metric, const Vector *a, const Vector *b, float8 radius)
{
	vx_type_check_same_dims(a, b);
	return vx_distance_metric(metric, a->dim, a->x, b->x) <= radius;
}

static Datum
within_ball(FunctionCallInfo fcinfo, DistanceMetric metric)
{
	VectorBall *ball = PG_GETARG_VECTOR_BALL_P(1);

	PG_RETURN_BOOL(is_within(metric, PG_GETARG_VECTOR_P(0), vx_type_ball_center(ball),
							 ball->radius));
}

static Datum
within_radius(FunctionCallInfo fcinfo, DistanceMetric metric)
{
	PG_RETURN_BOOL(is_within(metric, PG_GETARG_VECTOR_P(0), PG_GETARG_VECTOR_P(1),
							 PG_GETARG_FLOAT8(2)));
}

/* vector <->@ vector_ball */
PG_FUNCTION_INFO_V1(vecext_l2_within_ball);
Datum
vecext_l2_within_ball(PG_FUNCTION_ARGS)
{
	return within_ball(fcinfo, DISTANCE_METRIC_L2);
}

/* vector <#>@ vector_ball */
PG_FUNCTION_INFO_V1(vecext_ip_within_ball);
Datum
vecext_ip_within_ball(PG_FUNCTION_ARGS)
{
	return within_ball(fcinfo, DISTANCE_METRIC_IP);
}

/* vector <=>@ vector_ball */
PG_FUNCTION_INFO_V1(vecext_cosine_within_ball);
Datum
vecext_cosine_within_ball(PG_FUNCTION_ARGS)
{
	return within_ball(fcinfo, DISTANCE_METRIC_COSINE);
}

/* vector <+>@ vector_ball */
PG_FUNCTION_INFO_V1(vecext_l1_within_ball);
Datum
vecext_l1_within_ball(PG_FUNCTION_ARGS)
{
	return within_ball(fcinfo, DISTANCE_METRIC_L1);
}

/* l2_within(vector, vector, float8) */
PG_FUNCTION_INFO_V1(vecext_l2_within);
Datum
vecext_l2_within(PG_FUNCTION_ARGS)
{
	return within_radius(fcinfo, DISTANCE_METRIC_L2);
}

/* ip_within(vector, vector, float8) */
PG_FUNCTION_INFO_V1(vecext_ip_within);
Datum
vecext_ip_within(PG_FUNCTION_ARGS)
{
	return within_radius(fcinfo, DISTANCE_METRIC_IP);
}

/* cosine_within(vector, vector, float8) */
PG_FUNCTION_INFO_V1(vecext_cosine_within);
Datum
vecext_cosine_within(PG_FUNCTION_ARGS)
{
	return within_radius(fcinfo, DISTANCE_METRIC_COSINE);
}

/* l1_within(vector, vector, float8) */
PG_FUNCTION_INFO_V1(vecext_l1_within);
Datum
vecext_l1_within(PG_FUNCTION_ARGS)
{
	return within_radius(fcinfo, DISTANCE_METRIC_L1);
}
