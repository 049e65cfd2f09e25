/*-------------------------------------------------------------------------
 *
 * am_column_number.c
 *	  Key columns of types that are numbers, or are kept as such: integers,
 *	  floats, numeric, bool, dates and times, enums, uuid, inet.
 *
 * A key of zero means NULL.  Where a type has as many values as a key has, the
 * smallest value shares the key of the next one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <sys/socket.h>

#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "am/am_column.h"

#define MAX_KEY8	PG_UINT64_MAX

static void
put_key4(char *slot, uint32 key)
{
	memcpy(slot, &key, sizeof(key));
}

static void
put_key8(char *slot, uint64 key)
{
	memcpy(slot, &key, sizeof(key));
}

/* Key of a number in 4 bytes */
static uint32
key_of_int32(int32 value)
{
	return Max((uint32) value ^ 0x80000000U, 1);
}

/* Key of a number in 8 bytes */
static uint64
key_of_int64(int64 value)
{
	return Max((uint64) value ^ (UINT64CONST(1) << 63), 1);
}

/*
 * Ask for numbers from low to high of a column whose type has those from min
 * to max.  wide: keys of 8 bytes.
 */
static void
add_numbers(AmSlotTest *test, int64 low, int64 high, int64 min, int64 max, bool wide)
{
	low = Max(low, min);
	high = Min(high, max);
	if (low > high)
		return;

	/* The two smallest numbers have one key. */
	if ((wide && min == PG_INT64_MIN) || (!wide && min == PG_INT32_MIN))
		test->lossy |= low == min + 1 || high == min;
	if (wide)
		vx_am_add_range(test, key_of_int64(low), key_of_int64(high));
	else
		vx_am_add_range(test, key_of_int32((int32) low), key_of_int32((int32) high));
}

/*
 * The same for a comparison with a number.
 */
static void
compare_numbers(AmSlotTest *test, StrategyNumber strategy, int64 number, int64 min, int64 max,
				bool wide)
{
	switch (strategy)
	{
		case AM_STRATEGY_LESS:
			if (number > PG_INT64_MIN)
				add_numbers(test, min, number - 1, min, max, wide);
			break;
		case AM_STRATEGY_LESS_EQUAL:
			add_numbers(test, min, number, min, max, wide);
			break;
		case AM_STRATEGY_EQUAL:
			add_numbers(test, number, number, min, max, wide);
			break;
		case AM_STRATEGY_GREATER_EQUAL:
			add_numbers(test, number, max, min, max, wide);
			break;
		case AM_STRATEGY_GREATER:
			if (number < PG_INT64_MAX)
				add_numbers(test, number + 1, max, min, max, wide);
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
}

/*
 * The same for keys by which values can be compared only as far as they
 * differ: low to high are those that the right side may have.
 */
static void
compare_keys(AmSlotTest *test, StrategyNumber strategy, uint64 low, uint64 high, uint64 max)
{
	switch (strategy)
	{
		case AM_STRATEGY_LESS:
		case AM_STRATEGY_LESS_EQUAL:
			vx_am_add_range(test, 1, high);
			break;
		case AM_STRATEGY_EQUAL:
			vx_am_add_range(test, low, high);
			break;
		case AM_STRATEGY_GREATER_EQUAL:
		case AM_STRATEGY_GREATER:
			vx_am_add_range(test, low, max);
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
	test->lossy = true;
}

/* A number on the right side of an operator of the integer family */
static int64
read_integer(Datum argument, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(argument);
		case INT4OID:
			return DatumGetInt32(argument);
		default:
			return DatumGetInt64(argument);
	}
}

static void
encode_int2(const AmColumn *column, Datum value, char *slot)
{
	put_key4(slot, key_of_int32(DatumGetInt16(value)));
}

static void
compile_int2(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	compare_numbers(test, strategy, read_integer(argument, OidIsValid(subtype) ? subtype : INT2OID),
					PG_INT16_MIN, PG_INT16_MAX, false);
}

static void
encode_int4(const AmColumn *column, Datum value, char *slot)
{
	put_key4(slot, key_of_int32(DatumGetInt32(value)));
}

static void
compile_int4(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	compare_numbers(test, strategy, read_integer(argument, OidIsValid(subtype) ? subtype : INT4OID),
					PG_INT32_MIN, PG_INT32_MAX, false);
}

static void
encode_int8(const AmColumn *column, Datum value, char *slot)
{
	put_key8(slot, key_of_int64(DatumGetInt64(value)));
}

static void
compile_int8(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	compare_numbers(test, strategy, read_integer(argument, OidIsValid(subtype) ? subtype : INT8OID),
					PG_INT64_MIN, PG_INT64_MAX, true);
}

/* false and true are 0 and 1 */
static void
encode_bool(const AmColumn *column, Datum value, char *slot)
{
	put_key4(slot, key_of_int32(DatumGetBool(value)));
}

static void
compile_bool(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	compare_numbers(test, strategy, DatumGetBool(argument), 0, 1, false);
}

/* Dates are numbers, -infinity the smallest one. */
static void
compile_date(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	compare_numbers(test, strategy, DatumGetDateADT(argument), PG_INT32_MIN, PG_INT32_MAX, false);
}

/*
 * A date or timestamp on the right side as the column's type has it.  Dates
 * that are later than all timestamps but infinity are told by *beyond.
 */
static int64
read_time(Datum argument, Oid type, bool with_zone, int *beyond)
{
	*beyond = 0;
	switch (type)
	{
		case DATEOID:
			return with_zone ? date2timestamptz_opt_overflow(DatumGetDateADT(argument), beyond) :
				date2timestamp_opt_overflow(DatumGetDateADT(argument), beyond);
		case TIMESTAMPOID:
			return with_zone ?
				timestamp2timestamptz_opt_overflow(DatumGetTimestamp(argument), beyond) :
				DatumGetTimestamp(argument);
		default:
			return DatumGetTimestampTz(argument);
	}
}

static void
compile_time(StrategyNumber strategy, Oid type, Datum argument, bool with_zone,
			 AmSlotTest *test)
{
	int			beyond;
	int64		time = read_time(argument, type, with_zone, &beyond);

	if (beyond != 0)
	{
		/* Between infinity and all that is finite: equal to nothing */
		if (strategy == AM_STRATEGY_EQUAL)
			return;
		time = beyond > 0 ? PG_INT64_MAX : PG_INT64_MIN;
		if (strategy == AM_STRATEGY_LESS || strategy == AM_STRATEGY_LESS_EQUAL)
			strategy = beyond > 0 ? AM_STRATEGY_LESS : AM_STRATEGY_LESS_EQUAL;
		else
			strategy = beyond > 0 ? AM_STRATEGY_GREATER_EQUAL : AM_STRATEGY_GREATER;
	}
	compare_numbers(test, strategy, time, PG_INT64_MIN, PG_INT64_MAX, true);
}

static void
compile_timestamp(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
				  AmSlotTest *test)
{
	compile_time(strategy, OidIsValid(subtype) ? subtype : TIMESTAMPOID, argument, false, test);
}

static void
compile_timestamptz(const AmColumn *column, StrategyNumber strategy, Oid subtype,
					Datum argument, AmSlotTest *test)
{
	compile_time(strategy, OidIsValid(subtype) ? subtype : TIMESTAMPTZOID, argument, true, test);
}

/*
 * Floats in the order that the operators have: both zeros are one, NaN is one
 * and greater than all others.  No float has the key zero.
 */
static uint64
key_of_float(double value)
{
	uint64		bits;

	if (isnan(value))
		return MAX_KEY8;
	value += 0.0;				/* -0 becomes 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits & (UINT64CONST(1) << 63) ? ~bits : bits | (UINT64CONST(1) << 63);
}

static double
read_float(Datum argument, Oid type)
{
	return type == FLOAT4OID ? DatumGetFloat4(argument) : DatumGetFloat8(argument);
}

static void
compare_floats(AmSlotTest *test, StrategyNumber strategy, double number)
{
	uint64		key = key_of_float(number);

	switch (strategy)
	{
		case AM_STRATEGY_LESS:
			vx_am_add_range(test, 1, key - 1);
			break;
		case AM_STRATEGY_LESS_EQUAL:
			vx_am_add_range(test, 1, key);
			break;
		case AM_STRATEGY_EQUAL:
			vx_am_add_range(test, key, key);
			break;
		case AM_STRATEGY_GREATER_EQUAL:
			vx_am_add_range(test, key, MAX_KEY8);
			break;
		case AM_STRATEGY_GREATER:
			if (key < MAX_KEY8)
				vx_am_add_range(test, key + 1, MAX_KEY8);
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
}

static void
encode_float4(const AmColumn *column, Datum value, char *slot)
{
	put_key8(slot, key_of_float(DatumGetFloat4(value)));
}

static void
compile_float4(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			   AmSlotTest *test)
{
	compare_floats(test, strategy, read_float(argument, OidIsValid(subtype) ? subtype : FLOAT4OID));
}

static void
encode_float8(const AmColumn *column, Datum value, char *slot)
{
	put_key8(slot, key_of_float(DatumGetFloat8(value)));
}

static void
compile_float8(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			   AmSlotTest *test)
{
	compare_floats(test, strategy, read_float(argument, OidIsValid(subtype) ? subtype : FLOAT8OID));
}

/* The float next to a numeric: never on the other side of another's */
static uint64
key_of_numeric(Datum value)
{
	return key_of_float(DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value)));
}

static void
encode_numeric(const AmColumn *column, Datum value, char *slot)
{
	put_key8(slot, key_of_numeric(value));
}

static void
compile_numeric(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
				AmSlotTest *test)
{
	uint64		key = key_of_numeric(argument);

	compare_keys(test, strategy, key, key, MAX_KEY8);
}

/* The first half of a uuid */
static uint64
key_of_uuid(Datum value)
{
	uint64		half;

	memcpy(&half, DatumGetUUIDP(value)->data, sizeof(half));
	return Max(pg_ntoh64(half), 1);
}

static void
encode_uuid(const AmColumn *column, Datum value, char *slot)
{
	put_key8(slot, key_of_uuid(value));
}

static void
compile_uuid(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	uint64		key = key_of_uuid(argument);

	compare_keys(test, strategy, key, key, MAX_KEY8);
}

/* Enums are kept as what the table has: the OID of the label. */
static void
encode_enum(const AmColumn *column, Datum value, char *slot)
{
	put_key4(slot, DatumGetObjectId(value));
}

/*
 * The order of labels is their enumsortorder: a comparison becomes the labels
 * that meet it.  Labels that are added later are in no row that a scan under
 * way can see.
 */
static void
compile_enum(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	Oid			label = DatumGetObjectId(argument);
	HeapTuple	tuple;
	float4		place;
	CatCList   *labels;
	int			i;

	if (strategy == AM_STRATEGY_EQUAL)
	{
		vx_am_add_range(test, label, label);
		return;
	}

	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(label));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for enum value %u", label);
	place = ((Form_pg_enum) GETSTRUCT(tuple))->enumsortorder;
	ReleaseSysCache(tuple);

	labels = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(column->type));
	for (i = 0; i < labels->n_members; i++)
	{
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(&labels->members[i]->tuple);
		bool		wanted = false;

		switch (strategy)
		{
			case AM_STRATEGY_LESS:
				wanted = form->enumsortorder < place;
				break;
			case AM_STRATEGY_LESS_EQUAL:
				wanted = form->enumsortorder <= place;
				break;
			case AM_STRATEGY_GREATER_EQUAL:
				wanted = form->enumsortorder >= place;
				break;
			case AM_STRATEGY_GREATER:
				wanted = form->enumsortorder > place;
				break;
			default:
				elog(ERROR, "unrecognized strategy number: %d", strategy);
		}
		if (wanted)
			vx_am_add_range(test, form->oid, form->oid);
	}
	ReleaseCatCacheList(labels);
}

/*
 * Networks are ordered by family, network, length, address.  The upper half of
 * a key has the family and the first 31 bits of the network, the lower one a
 * hash of all of it.
 */
static uint32
network_start(const inet *address)
{
	uint32		bits = 0;
	int			length = ip_bits(address);
	int			i;

	for (i = 0; i < 4; i++)
		bits = bits << 8 | ip_addr(address)[i];
	if (length < 32)
		bits &= length == 0 ? 0 : PG_UINT32_MAX << (32 - length);
	return bits;
}

static uint64
key_of_inet(Datum value, uint64 *low, uint64 *high)
{
	const inet *address = DatumGetInetPP(value);
	uint64		start = network_start(address) >> 1;
	uint64		hash = DatumGetUInt64(DirectFunctionCall2(hashinetextended, value, Int64GetDatum(0)));

	if (ip_family(address) != PGSQL_AF_INET)
		start |= UINT64CONST(1) << 31;
	*low = Max(start << 32, 1);
	*high = start << 32 | PG_UINT32_MAX;
	return Max(start << 32 | (hash & PG_UINT32_MAX), 1);
}

static void
encode_inet(const AmColumn *column, Datum value, char *slot)
{
	uint64		low;
	uint64		high;

	put_key8(slot, key_of_inet(value, &low, &high));
}

static void
compile_inet(const AmColumn *column, StrategyNumber strategy, Oid subtype, Datum argument,
			 AmSlotTest *test)
{
	const inet *network = DatumGetInetPP(argument);
	uint64		low;
	uint64		high;
	uint64		key = key_of_inet(argument, &low, &high);

	switch (strategy)
	{
		case AM_STRATEGY_EQUAL:
			compare_keys(test, strategy, key, key, MAX_KEY8);
			break;
		case AM_STRATEGY_SUBNET:
		case AM_STRATEGY_SUBNET_EQUAL:
			/* All networks that begin like this one */
			if (ip_bits(network) < 31)
				high |= UINT64CONST(0x7FFFFFFF) >> ip_bits(network) << 32;
			compare_keys(test, AM_STRATEGY_EQUAL, low, high, MAX_KEY8);
			break;
		default:
			compare_keys(test, strategy, low, high, MAX_KEY8);
			break;
	}
}

#define COLUMN_METHODS(name, bytes, encode_function, compile_function) \
	PG_FUNCTION_INFO_V1(vecext_column_##name); \
	Datum \
	vecext_column_##name(PG_FUNCTION_ARGS) \
	{ \
		static const AmColumnMethods methods = { \
			bytes, false, false, encode_function, compile_function \
		}; \
		\
		PG_RETURN_POINTER(&methods); \
	} \
	extern Datum vecext_column_##name(PG_FUNCTION_ARGS)

COLUMN_METHODS(int2, 4, encode_int2, compile_int2);
COLUMN_METHODS(int4, 4, encode_int4, compile_int4);
COLUMN_METHODS(int8, 8, encode_int8, compile_int8);
COLUMN_METHODS(bool, 4, encode_bool, compile_bool);
COLUMN_METHODS(date, 4, encode_int4, compile_date);
COLUMN_METHODS(timestamp, 8, encode_int8, compile_timestamp);
COLUMN_METHODS(timestamptz, 8, encode_int8, compile_timestamptz);
COLUMN_METHODS(float4, 8, encode_float4, compile_float4);
COLUMN_METHODS(float8, 8, encode_float8, compile_float8);
COLUMN_METHODS(numeric, 8, encode_numeric, compile_numeric);
COLUMN_METHODS(uuid, 8, encode_uuid, compile_uuid);
COLUMN_METHODS(enum, 4, encode_enum, compile_enum);
COLUMN_METHODS(inet, 8, encode_inet, compile_inet);
