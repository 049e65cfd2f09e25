/*-------------------------------------------------------------------------
 *
 * type_vector.c
 *	  The vector type: text and binary form, type modifier, checks.
 *
 * Parsing lives in type_parse.c, the binary form in type_wire.c; this file
 * turns their verdicts into errors, soft ones where the caller wants that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "type/type_lanes.h"
#include "type/type_parse.h"
#include "type/type_vector.h"
#include "type/type_wire.h"

Vector *
vx_type_allocate_vector(int dims)
{
	Size		size = VECTOR_SIZE(dims);
	Vector	   *vector = (Vector *) palloc(size);

	SET_VARSIZE(vector, size);
	vector->dim = (int16) dims;
	vector->unused = 0;
	return vector;
}

Vector *
vx_type_make_vector(int dims)
{
	Vector	   *vector = vx_type_allocate_vector(dims);

	memset(vector->x, 0, sizeof(float) * dims);
	return vector;
}

int
vx_type_count_dims(Datum vector)
{
	return (int) ((toast_raw_datum_size(vector) - offsetof(Vector, x)) / sizeof(float));
}

void
vx_type_check_same_dims(const Vector *a, const Vector *b)
{
	if (unlikely(a->dim != b->dim))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different vector dimensions %d and %d", a->dim, b->dim)));
}

void
vx_type_check_dims(int dims)
{
	if (dims < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vector must have at least 1 dimension")));
	if (dims > VX_VECTOR_MAX_DIMS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("vector cannot have more than %d dimensions", VX_VECTOR_MAX_DIMS)));
}

void
vx_type_check_expected_dims(int expected_dims, int dims)
{
	if (expected_dims != -1 && expected_dims != dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", expected_dims, dims)));
}

void
vx_type_check_elements(const Vector *vector)
{
	FloatLanes	probes = {0};
	float		probe;
	int			i;

	/* 0 times an element is 0 if it is finite, else NaN. */
	for (i = 0; i + LANES <= vector->dim; i += LANES)
		probes += load_lanes(vector->x + i) * 0.0f;
	probe = (probes[0] + probes[1]) + (probes[2] + probes[3]);
	for (; i < vector->dim; i++)
		probe += vector->x[i] * 0.0f;
	if (likely(probe == 0))
		return;

	for (i = 0; i < vector->dim; i++)
	{
		if (isnan(vector->x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("NaN not allowed in vector")));
		if (isinf(vector->x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("infinite value not allowed in vector")));
	}
}

/*
 * Report why the parser refused text, softly if escontext asks for that.
 */
static Datum
report_parse_fault(const TypeParseResult *fault, const char *text, Node *escontext)
{
	switch (fault->status)
	{
		case TYPE_PARSE_NO_DIMS:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("vector must have at least 1 dimension")));
		case TYPE_PARSE_TOO_MANY:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("vector cannot have more than %d dimensions", VX_VECTOR_MAX_DIMS)));
		case TYPE_PARSE_OUT_OF_RANGE:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("\"%s\" is out of range for type vector",
							pnstrdup(fault->token, fault->token_length))));
		case TYPE_PARSE_NAN:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("NaN not allowed in vector")));
		case TYPE_PARSE_INFINITE:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("infinite value not allowed in vector")));
		case TYPE_PARSE_NO_OPEN:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid input syntax for type vector: \"%s\"", text),
					 errdetail("Vector contents must start with \"[\".")));
		case TYPE_PARSE_JUNK:
			ereturn(escontext, (Datum) 0,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid input syntax for type vector: \"%s\"", text),
					 errdetail("Junk after closing right brace.")));
		case TYPE_PARSE_BAD_NUMBER:
		case TYPE_PARSE_NO_CLOSE:
		case TYPE_PARSE_END:
		case TYPE_PARSE_OK:
			break;
	}
	ereturn(escontext, (Datum) 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type vector: \"%s\"", text)));
}

/*
 * vector_in(cstring, oid, int4): '[1,2,3]'
 *
 * The number of dimensions is known only at the end of the text.  The longest
 * vector fits on the stack, of which a usual one touches a page or two: that
 * spares a first pass that counts commas.
 */
PG_FUNCTION_INFO_V1(vecext_vector_in);
Datum
vecext_vector_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	float		values[VX_VECTOR_MAX_DIMS];
	TypeParseResult parsed = vx_type_parse_vector(text, values, VX_VECTOR_MAX_DIMS);
	Vector	   *vector;

	if (parsed.status != TYPE_PARSE_OK)
		return report_parse_fault(&parsed, text, fcinfo->context);
	if (typmod != -1 && typmod != parsed.dims)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, parsed.dims)));

	vector = vx_type_allocate_vector(parsed.dims);
	memcpy(vector->x, values, sizeof(float) * parsed.dims);
	PG_RETURN_VECTOR_P(vector);
}

/*
 * Write the shortest text that reads back as value; returns its end.
 *
 * Integers below 10^6, where the shortest form turns to exponents, do not
 * need the search for the shortest decimal.
 */
static inline char *
write_element(float value, char *at)
{
	if (fabsf(value) < 1000000.0f && (float) (int32) value == value &&
		!(value == 0.0f && signbit(value)))
		return at + pg_ltoa((int32) value, at);
	return at + float_to_shortest_decimal_bufn(value, at);
}

/*
 * vector_out(vector): elements as float4 prints them, whatever
 * extra_float_digits says, so that a dump is exact.
 */
PG_FUNCTION_INFO_V1(vecext_vector_out);
Datum
vecext_vector_out(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	int			dims = vector->dim;
	char	   *text;
	char	   *at;
	int			i;

	/*
	 * FLOAT_SHORTEST_DECIMAL_LEN counts a terminator, which is the comma's
	 * room here; then the brackets and one terminator.
	 */
	text = at = (char *) palloc((Size) FLOAT_SHORTEST_DECIMAL_LEN * dims + 3);

	*at++ = '[';
	for (i = 0; i < dims; i++)
	{
		if (i > 0)
			*at++ = ',';
		at = write_element(vector->x[i], at);
	}
	*at++ = ']';
	*at = '\0';

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_CSTRING(text);
}

/*
 * vector_typmod_in(cstring[]): vector(n) means n dimensions.
 */
PG_FUNCTION_INFO_V1(vecext_vector_typmod_in);
Datum
vecext_vector_typmod_in(PG_FUNCTION_ARGS)
{
	int			count;
	int32	   *typmods = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &count);

	if (count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid type modifier")));
	if (*typmods < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type vector must be at least 1")));
	if (*typmods > VX_VECTOR_MAX_DIMS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type vector cannot exceed %d", VX_VECTOR_MAX_DIMS)));

	PG_RETURN_INT32(*typmods);
}

/*
 * vector_recv(internal, oid, int4)
 *
 * Too long a message is for the caller to refuse: a vector may be part of a
 * bigger value, such as an array.
 */
PG_FUNCTION_INFO_V1(vecext_vector_recv);
Datum
vecext_vector_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	const unsigned char *bytes = (const unsigned char *) message->data + message->cursor;
	Size		length = message->len - message->cursor;
	TypeWireHeader header = vx_type_check_wire_header(bytes, length, typmod,
													  VX_VECTOR_MAX_DIMS);
	TypeWireStatus status = header.status;
	Vector	   *vector = NULL;

	if (status == TYPE_WIRE_OK)
	{
		vector = vx_type_allocate_vector(header.dims);
		status = vx_type_decode_wire(bytes + TYPE_WIRE_HEADER_BYTES,
									 length - TYPE_WIRE_HEADER_BYTES,
									 header.dims, vector->x);
	}

	switch (status)
	{
		case TYPE_WIRE_OK:
		case TYPE_WIRE_SHORT:
			break;
		case TYPE_WIRE_NO_DIMS:
		case TYPE_WIRE_TOO_MANY:
			vx_type_check_dims(header.dims);
			break;
		case TYPE_WIRE_TYPMOD:
			vx_type_check_expected_dims(typmod, header.dims);
			break;
		case TYPE_WIRE_UNUSED:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("expected unused to be 0, not %d", header.unused)));
			break;
		case TYPE_WIRE_NAN:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("NaN not allowed in vector")));
			break;
		case TYPE_WIRE_INFINITE:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("infinite value not allowed in vector")));
			break;
	}

	/* Raises the error of a message that is too short. */
	(void) pq_getmsgbytes(message, vector ? TYPE_WIRE_BYTES(header.dims) : TYPE_WIRE_HEADER_BYTES);
	Assert(status == TYPE_WIRE_OK);
	PG_RETURN_VECTOR_P(vector);
}

/* vector_send(vector) */
PG_FUNCTION_INFO_V1(vecext_vector_send);
Datum
vecext_vector_send(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	Size		size = VARHDRSZ + TYPE_WIRE_BYTES(vector->dim);
	bytea	   *result = (bytea *) palloc(size);

	SET_VARSIZE(result, size);
	vx_type_encode_wire(vector->x, vector->dim, (unsigned char *) VARDATA(result));
	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_BYTEA_P(result);
}
