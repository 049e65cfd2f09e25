/*-------------------------------------------------------------------------
 *
 * test_parse.c
 *	  Unit test of the text parser of vectors, without a server: prints TAP.
 *
 * Numbers are compared bit for bit, and in the length read, with strtof.
 * Each goes through both ways of the parser: alone, byte by byte, and as an
 * element in the middle of a long vector, eight bytes at a time.
 *
 * Build and run, from the top of the tree:
 *	  cc -O1 -g -Isrc test/unit/test_parse.c src/type/type_parse.c -lm
 *	  ./a.out [ROUNDS [SEED]]
 * ROUNDS multiplies the number of random numbers (1: about 4 million).
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/type/type_parse.c */

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "type/type_parse.h"
#include "unit_random.h"

#define MAX_DIMS 16000

/* ---- TAP ---- */

static int	tests_run = 0;
static int	tests_failed = 0;
static int	faults = 0;			/* in the test at work */

static void
fault(const char *format,...)
{
	va_list		args;

	if (++faults > 5)
		return;
	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void
end_test(const char *name)
{
	tests_run++;
	if (faults > 0)
		tests_failed++;
	printf("%s %d - %s\n", faults > 0 ? "not ok" : "ok", tests_run, name);
	fflush(stdout);
	faults = 0;
}

/* ---- random numbers ---- */

static int
random_below(int n)
{
	return (int) ((random_bits() >> 32) % (uint64_t) n);
}

static uint32_t
float_bits(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float
float_of_bits(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static double
random_double(void)
{
	return (double) (random_bits() >> 11) / 9007199254740992.0;
}

static float
random_finite_float(void)
{
	float		value;

	do
		value = float_of_bits((uint32_t) (random_bits() >> 32));
	while (!isfinite(value));
	return value;
}

/* ---- comparison with strtof ---- */

/*
 * Numbers wait here until there are enough for a long vector; each is also
 * kept apart to be parsed alone.
 */
#define BATCH_NUMBERS 500
#define BATCH_BYTES 200000

static char batch_text[BATCH_BYTES + 64];
static int	batch_offsets[BATCH_NUMBERS];
static int	batch_lengths[BATCH_NUMBERS];
static float batch_expected[BATCH_NUMBERS];
static int	batch_count = 0;
static int	batch_bytes = 0;
static long numbers_compared = 0;

static void
compare_batch(void)
{
	static float values[MAX_DIMS];
	TypeParseResult result;
	int			i;

	if (batch_count == 0)
		return;

	/* The fast way needs some bytes after the last number, too. */
	strcpy(batch_text + batch_bytes,
		   ",0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]");

	result = vx_type_parse_vector(batch_text, values, MAX_DIMS);
	if (result.status != TYPE_PARSE_OK || result.dims != batch_count + 22)
		fault("vector of %d numbers: status %d at number %d: %.60s",
			  batch_count, (int) result.status, result.dims,
			  result.dims < batch_count ?
			  batch_text + batch_offsets[result.dims] : "");

	for (i = 0; i < batch_count && i < result.dims; i++)
	{
		if (float_bits(values[i]) != float_bits(batch_expected[i]))
			fault("in a vector: \"%.*s\" gives %08x, strtof %08x",
				  batch_lengths[i], batch_text + batch_offsets[i],
				  float_bits(values[i]), float_bits(batch_expected[i]));
	}
	batch_count = 0;
}

/*
 * Parse text alone and compare with strtof; if it is one finite number and
 * nothing else, add it to the batch, too.
 */
static void
compare_number(const char *text)
{
	char	   *expected_end;
	const char *end;
	float		expected;
	float		value;
	bool		expected_range;
	bool		out_of_range;
	int			length = (int) strlen(text);

	errno = 0;
	expected = strtof(text, &expected_end);
	expected_range = errno == ERANGE && isinf(expected);

	end = vx_type_parse_float4(text, &value, &out_of_range);
	numbers_compared++;

	if (end != expected_end)
		fault("\"%s\": %d bytes read, strtof %d",
			  text, (int) (end - text), (int) (expected_end - text));
	else if (end != text && float_bits(value) != float_bits(expected))
		fault("\"%s\" gives %08x, strtof %08x",
			  text, float_bits(value), float_bits(expected));
	if (out_of_range != expected_range)
		fault("\"%s\": out of range %d, strtof %d",
			  text, (int) out_of_range, (int) expected_range);

	if (length == 0 || expected_end != text + length || !isfinite(expected))
		return;

	if (batch_count == BATCH_NUMBERS ||
		(batch_count > 0 && batch_bytes + length + 1 > BATCH_BYTES))
		compare_batch();
	if (batch_count == 0)
		batch_bytes = 0;
	batch_text[batch_bytes] = batch_count == 0 ? '[' : ',';
	batch_offsets[batch_count] = batch_bytes + 1;
	batch_lengths[batch_count] = length;
	batch_expected[batch_count] = expected;
	memcpy(batch_text + batch_bytes + 1, text, (size_t) length);
	batch_bytes += length + 1;
	batch_count++;
}

static void
end_number_test(const char *name)
{
	compare_batch();
	end_test(name);
}

/* ---- numbers ---- */

static void
test_chosen_numbers(void)
{
	static const char *const numbers[] = {
		/* plain */
		"0", "-0", "+0", "1", "-1", "+1", "12", "255", "0012", "1.", ".5", "-.5",
		"+.5", "1.5", "-1.5", "0.0", "-0.0", "0.", ".0", "00.00", "000",
		"0.1", "0.2", "0.3", "0.0123456789012345", "-0.34567891", "1.5e-05",
		"1e5", "1E5", "1e+5", "1e-5", "1.e5", ".5e5", "1e05", "1e000005", "0e5",
		"0e999999999999999999999", "-0e-99999999999999999999", "0.0e400",
		/* around each step of eight digits */
		"1234567", "12345678", "123456789", "-1234567", "-12345678",
		"-123456789", "0.1234567", "0.12345678", "0.123456789",
		"0.123456789012345", "0.1234567890123456", "0.12345678901234567",
		"0.12345678901234567890123", "0.123456789012345678901234",
		"0.1234567890123456789012345", "7654321.1234567", "7654321.12345678",
		"7654321.123456789012", "7654321.1234567890123",
		"7654321.1234567890123456", "7654321.12345678901234567890123e-12",
		/* about MAX_DIGITS digits, some of them leading zeros */
		"1234567890123456789", "9999999999999999999", "12345678901234567890",
		"99999999999999999999", "18446744073709551615", "18446744073709551616",
		"0.9999999999999999999", "0.99999999999999999999",
		"0.000123456789012345678", "0.00012345678901234567",
		"0.0001234567890123456789", "0.00001234567890123456789",
		"0.001234567890123456789", "0.0012345678901234567890",
		"0.00099999999999999999999", "1.00012345678901234567",
		"0000000000000000000000000000000000000000000001.5",
		"0.0000000000000000000000000000000000000000000015",
		"100000000000000000000000000000000000000",
		/* exponents */
		"1e38", "3.4028235e38", "3.4028234664e38", "3.4028235677973366e38",
		"3.4028235677973365e38", "3.402823567797337e38",
		"340282356779733661637539395458142568447",
		"340282356779733661637539395458142568448",
		"340282356779733661637539395458142568448.0000000000000000000001",
		"3.4e38", "3.5e38", "1e39", "-1e39", "1e40", "1e100", "1e400", "-1e400",
		"1e99999", "1e999999999999999999999999999999", "123e38",
		"0.000000000000000000000001e60", "100000000000000000000000000e-60",
		"1e-37", "1.17549435e-38", "1.1754944e-38", "1.1754943e-38",
		"1.17549428e-38", "1e-38", "1e-39", "1e-40", "1e-44", "1e-45",
		"1.4e-45", "7e-46", "7.1e-46", "7.006492321624085e-46",
		"7.0064923216240853546186479164495806564013097093825788587853e-46",
		"7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015626e-46",
		"1e-46", "-1e-46", "1e-60", "1e-100", "1e-400", "-1e-400", "1e-99999",
		"1e-999999999999999999999999999999", "2.3509887e-38", "2.3509886e-38",
		"2.350988701644575e-38", "2.35098870164457501594e-38",
		/* middles between two floats, and next to them */
		"16777217", "16777216", "16777218", "16777219", "-16777217",
		"16777217.0", "16777217.0000000000000000000000000001",
		"16777216.9999999999999999999999999999", "33554434", "33554438",
		"1.00000005960464477539062", "1.000000059604644775390625",
		"1.00000005960464477539063", "1.000000059604644775390626",
		"1.00000017881393432617187", "1.000000178813934326171875",
		"1.0000001788139343261718749999999999999999999999999999999999999999999",
		"1.0000001788139343261718750000000000000000000000000000000000000000001",
		"9007199254740993", "9007199254740992", "9007199254740991",
		"9007198717870080", "9007198717870081", "9007198717870079",
		/* not a number, or only its beginning is one */
		"", "-", "+", ".", "-.", "+.", "e", "e5", ".e5", "-e5", "--1", "+-1",
		"-+1", "1e", "1e+", "1e-", "1.e", "1.5e", "1.5ex", "1e5.5", "1.2.3",
		"1..2", "1,2", "1 2", "- 1", "1-", "1_000", "1f", "1d5", "x", ",", "]",
		"\x80", "\xff", "1\x80", "1\xff", "1/", "1:", "/", ":",
		/* for strtof */
		"nan", "NaN", "NAN", "-nan", "+nan", "nan(", "nan()", "nan(123)",
		"nan(0x7)", "nan(a_b)", "nan(-)", "nanx", "na", "n", "inf", "INF", "-inf",
		"+inf", "infinity", "-Infinity", "infinit", "infx", "in", "i",
		"0x1p-3", "0X1P3", "0x1.8", "0x.8p1", "0x", "0x.", "0xg", "-0x10", "0x1p",
		"0x1p+", "0x1.000001p0", "0x1.0000010000001p0", "0x1.ffffffp127",
		"0x1p128", "0x1p-149", "0x1p-150", "0x1.8p-150", "00x1", "1x1",
	};
	int			i;
	float		value;
	bool		out_of_range;
	static const char *const spaced[] = {" 1", "\t1", "\n1", "\v1", "\f1", "\r1"};

	for (i = 0; i < (int) (sizeof(numbers) / sizeof(numbers[0])); i++)
		compare_number(numbers[i]);

	/* Where the contract differs from strtof's. */
	for (i = 0; i < (int) (sizeof(spaced) / sizeof(spaced[0])); i++)
	{
		if (vx_type_parse_float4(spaced[i], &value, &out_of_range) != spaced[i])
			fault("whitespace %d skipped before a number", i);
	}

	errno = 4711;
	vx_type_parse_float4("1e999", &value, &out_of_range);
	if (errno != 4711)
		fault("errno changed to %d", errno);
	errno = 0;

	end_number_test("chosen numbers");
}

/* Every combination of parts, so that no branch's border is left out. */
static void
test_combined_numbers(void)
{
	static const char *const signs[] = {"", "-", "+"};
	static const char *const exponents[] = {
		"", "e0", "e1", "e-1", "e+12", "E-12", "e-30", "e30", "e-45", "e038",
		"e-0045", "e"
	};
	static const char *const tails[] = {"", " ", ",", "]", "x", ".", "e", "-"};
	static const char digits[] = "3141592653589793238462643383279502884197";
	static const char zeros[] = "0000000000000000000000000000000000000000";
	char		text[160];
	int			s,
				i,
				f,
				z,
				e,
				t;

	for (s = 0; s < 3; s++)
		for (i = 0; i <= 21; i++)
			for (f = -1; f <= 26; f++)
				for (z = 0; z <= (f < 0 ? 0 : f); z += (z == 5 ? 3 : 1))
					for (e = 0; e < 12; e++)
					{
						/* All integer digits 0 every other time. */
						const char *whole = (f + i + e) % 2 == 0 ? digits : zeros;

						t = random_below(16);
						snprintf(text, sizeof(text), "%s%.*s%s%.*s%.*s%s%s",
								 signs[s], i, whole, f < 0 ? "" : ".",
								 z, zeros, f < 0 ? 0 : f - z, digits,
								 exponents[e], t < 8 ? tails[t] : "");
						compare_number(text);
					}

	end_number_test("every combination of sign, digits, point and exponent");
}

/* The shortest text that reads back as the same float (or double). */
static void
print_shortest(char *text, size_t size, float value)
{
	int			digits;

	for (digits = 6; digits <= 9; digits++)
	{
		snprintf(text, size, "%.*g", digits, (double) value);
		if (strtof(text, NULL) == value)
			return;
	}
}

static void
test_random_floats(int rounds)
{
	char		text[400];
	int			i;

	for (i = 0; i < 120000 * rounds; i++)
	{
		float		value = random_finite_float();

		print_shortest(text, sizeof(text), value);
		compare_number(text);
		snprintf(text, sizeof(text), "%.9g", (double) value);
		compare_number(text);
		snprintf(text, sizeof(text), "%.17g", (double) value);
		compare_number(text);
		snprintf(text, sizeof(text), "%.*e", random_below(30), (double) value);
		compare_number(text);
		if (fabsf(value) < 1e15f && fabsf(value) > 1e-15f)
		{
			snprintf(text, sizeof(text), "%.*f", random_below(30), (double) value);
			compare_number(text);
		}
	}
	end_number_test("random float bit patterns in five forms");
}

static void
test_random_embeddings(int rounds)
{
	char		text[100];
	int			i;

	for (i = 0; i < 200000 * rounds; i++)
	{
		/* About the bell shape that elements of embeddings have. */
		double		value = (random_double() + random_double() +
							 random_double() - 1.5) * 0.1;

		snprintf(text, sizeof(text), "%.17g", value);
		compare_number(text);
		snprintf(text, sizeof(text), "%.16g", value);
		compare_number(text);
		snprintf(text, sizeof(text), "%.8f", value);
		compare_number(text);
		snprintf(text, sizeof(text), "%.8g", value);
		compare_number(text);
	}
	end_number_test("random elements of embeddings in four forms");
}

static void
test_random_doubles(int rounds)
{
	char		text[100];
	int			i;

	for (i = 0; i < 200000 * rounds; i++)
	{
		/* Exponents a little beyond float4's on either side. */
		double		value = ldexp(1.0 + random_double(), random_below(300) - 165);

		snprintf(text, sizeof(text), "%s%.17g",
				 random_below(2) ? "-" : "", value);
		compare_number(text);
		snprintf(text, sizeof(text), "%.*e", random_below(22), value);
		compare_number(text);
	}
	end_number_test("random doubles from below float4's range to above");
}

static void
test_random_digits(int rounds)
{
	char		text[100];
	int			i;

	for (i = 0; i < 800000 * rounds; i++)
	{
		char	   *p = text;
		int			whole = random_below(4) ? random_below(4) : random_below(24);
		int			places = random_below(27) - 1;
		int			k;

		if (random_below(2))
			*p++ = '-';
		for (k = 0; k < whole; k++)
			*p++ = (char) ('0' + random_below(10));
		if (places >= 0)
			*p++ = '.';
		for (k = 0; k < places; k++)
			*p++ = (char) ('0' + (random_below(4) ? random_below(10) : 0));
		if (random_below(3) == 0)
			p += sprintf(p, "e%d", random_below(110) - 60);
		*p = '\0';
		compare_number(text);
	}
	end_number_test("random digits");
}

/* Any mixture of the bytes that mean something to strtof. */
static void
test_random_bytes(int rounds)
{
	static const char alphabet[] = "00123456789..--++eEeExXpPnaifty(),] \t";
	char		text[32];
	int			i;

	for (i = 0; i < 500000 * rounds; i++)
	{
		int			length = random_below(12);
		int			k;

		for (k = 0; k < length; k++)
			text[k] = alphabet[random_below((int) sizeof(alphabet) - 1)];
		text[length] = '\0';
		if (text[0] != ' ' && text[0] != '\t')
			compare_number(text);
	}
	end_number_test("random bytes");
}

/*
 * Change the mantissa's last nonzero digit so that the number is less by one
 * in that place, and set nines after it.
 */
static void
print_just_below(char *text, const char *middle)
{
	const char *exponent = strchr(middle, 'e');
	int			length = (int) (exponent - middle);
	int			last = length - 1;

	while (middle[last] == '0' || middle[last] == '.')
		last--;
	memcpy(text, middle, (size_t) length);
	text[last]--;
	/* The digits after the last nonzero one are zeros: make them nines. */
	for (last++; last < length; last++)
		text[last] = text[last] == '.' ? '.' : '9';
	strcpy(text + length, "99");
	strcat(text, exponent);
}

static void
print_just_above(char *text, const char *middle)
{
	const char *exponent = strchr(middle, 'e');
	int			length = (int) (exponent - middle);

	memcpy(text, middle, (size_t) length);
	strcpy(text + length, "01");
	strcat(text, exponent);
}

static void
compare_middle(float value)
{
	float		next = float_of_bits(float_bits(value) + 1);
	double		middle;
	char		text[400];
	char		changed[400];
	int			digits;

	/* The step above FLT_MAX is the one that decides about overflow. */
	middle = isinf(next) ? (double) value + ldexp(1.0, 103) * (value < 0 ? -1 : 1) :
		((double) value + (double) next) / 2;

	/* All its digits: a middle of subnormals has 105 significant ones. */
	snprintf(text, sizeof(text), "%.112e", middle);
	compare_number(text);
	print_just_below(changed, text);
	compare_number(changed);
	print_just_above(changed, text);
	compare_number(changed);

	/* Rounded to about as many digits as the fast ways keep. */
	for (digits = 14; digits <= 21; digits++)
	{
		snprintf(text, sizeof(text), "%.*e", digits, middle);
		compare_number(text);
	}
	snprintf(text, sizeof(text), "%.17g", nextafter(middle, 0));
	compare_number(text);
	snprintf(text, sizeof(text), "%.17g", nextafter(middle, 2 * middle));
	compare_number(text);

	/* Without an exponent, where that is short enough. */
	if (fabs(middle) > 1e-8 && fabs(middle) < 1e30)
	{
		snprintf(text, sizeof(text), "%.60f", middle);
		compare_number(text);
		snprintf(text, sizeof(text), "%.20f", middle);
		compare_number(text);
	}
}

static void
test_middles(int rounds)
{
	int			i;
	int			k;

	for (i = 0; i < 16000 * rounds; i++)
		compare_middle(random_finite_float());
	for (i = 0; i < 16000 * rounds; i++)
		compare_middle(float_of_bits((uint32_t) ((90 + random_below(60)) << 23) +
									 (uint32_t) random_below(1 << 23)));
	/* Borders of binades and of the normal range. */
	for (i = 0; i < 255; i++)
		for (k = -3; k <= 3; k++)
		{
			uint32_t	bits = ((uint32_t) i << 23) + (uint32_t) k;

			if (i == 0 && k < 0)
				continue;
			compare_middle(float_of_bits(bits));
			compare_middle(float_of_bits(bits | UINT32_C(0x80000000)));
		}
	compare_middle(FLT_MAX);
	compare_middle(-FLT_MAX);
	end_number_test("middles between floats, just below and just above them");
}

static void
test_subnormals(int rounds)
{
	char		text[200];
	int			i;

	for (i = 0; i < 60000 * rounds; i++)
	{
		/* Up to 2^-125, below which strtof takes over. */
		float		value = float_of_bits((uint32_t) random_below(1 << 24));

		print_shortest(text, sizeof(text), value);
		compare_number(text);
		snprintf(text, sizeof(text), "-%.17g", (double) value);
		compare_number(text);
		snprintf(text, sizeof(text), "%.50f", (double) value);
		compare_number(text);
	}
	end_number_test("subnormal numbers");
}

/* ---- vectors ---- */

#define GUARD 12345.0f

typedef struct VectorCase
{
	const char *text;
	int			max_dims;
	TypeParseStatus status;
	int			dims;
	const char *token;
} VectorCase;

static const VectorCase vector_cases[] = {
	{"[1,2,3]", 3, TYPE_PARSE_OK, 3, NULL},
	{"[1]", 3, TYPE_PARSE_OK, 1, NULL},
	{"  [ 1 , 2 , 3 ]  ", 3, TYPE_PARSE_OK, 3, NULL},
	{" \t\n\r\v\f[ \t\n\r\v\f1 \t\n\r\v\f, \t\n\r\v\f2 \t\n\r\v\f] \t\n\r\v\f", 3, TYPE_PARSE_OK, 2, NULL},
	{"[1.,.5,+1,1e5,0x10]", 5, TYPE_PARSE_OK, 5, NULL},
	{"[1e-46,-1e-46]", 3, TYPE_PARSE_OK, 2, NULL},
	{"", 3, TYPE_PARSE_NO_OPEN, 0, NULL},
	{" ", 3, TYPE_PARSE_NO_OPEN, 0, NULL},
	{"1,2,3", 3, TYPE_PARSE_NO_OPEN, 0, NULL},
	{"{1,2,3}", 3, TYPE_PARSE_NO_OPEN, 0, NULL},
	{"]", 3, TYPE_PARSE_NO_OPEN, 0, NULL},
	{"\xc2\xa0[1]", 3, TYPE_PARSE_NO_OPEN, 0, NULL},
	{"[]", 3, TYPE_PARSE_NO_DIMS, 0, NULL},
	{"[ \t]", 3, TYPE_PARSE_NO_DIMS, 0, NULL},
	{"[]x", 3, TYPE_PARSE_NO_DIMS, 0, NULL},
	{"[", 3, TYPE_PARSE_END, 0, NULL},
	{"[ ", 3, TYPE_PARSE_END, 0, NULL},
	{"[1", 3, TYPE_PARSE_END, 1, NULL},
	{"[1 ", 3, TYPE_PARSE_END, 1, NULL},
	{"[1,", 3, TYPE_PARSE_END, 1, NULL},
	{"[1, ", 3, TYPE_PARSE_END, 1, NULL},
	{"[,", 3, TYPE_PARSE_BAD_NUMBER, 0, NULL},
	{"[,1]", 3, TYPE_PARSE_BAD_NUMBER, 0, NULL},
	{"[1,]", 3, TYPE_PARSE_BAD_NUMBER, 1, NULL},
	{"[1,,3]", 3, TYPE_PARSE_BAD_NUMBER, 1, NULL},
	{"[1, ,3]", 3, TYPE_PARSE_BAD_NUMBER, 1, NULL},
	{"[a]", 3, TYPE_PARSE_BAD_NUMBER, 0, NULL},
	{"[[1]]", 3, TYPE_PARSE_BAD_NUMBER, 0, NULL},
	{"[- 1]", 3, TYPE_PARSE_BAD_NUMBER, 0, NULL},
	{"[\xc2\xa0" "1]", 3, TYPE_PARSE_BAD_NUMBER, 0, NULL},
	{"[\xa0" "1]", 3, TYPE_PARSE_BAD_NUMBER, 0, NULL},
	{"[1 2]", 3, TYPE_PARSE_NO_CLOSE, 1, NULL},
	{"[1;2]", 3, TYPE_PARSE_NO_CLOSE, 1, NULL},
	{"[1a]", 3, TYPE_PARSE_NO_CLOSE, 1, NULL},
	{"[1e]", 3, TYPE_PARSE_NO_CLOSE, 1, NULL},
	{"[1}", 3, TYPE_PARSE_NO_CLOSE, 1, NULL},
	{"[1.2.3]", 3, TYPE_PARSE_NO_CLOSE, 1, NULL},
	{"[0x]", 3, TYPE_PARSE_NO_CLOSE, 1, NULL},
	{"[1]1", 3, TYPE_PARSE_JUNK, 1, NULL},
	{"[1] ]", 3, TYPE_PARSE_JUNK, 1, NULL},
	{"[1,2,3][4]", 3, TYPE_PARSE_JUNK, 3, NULL},
	{"[1,2,3,4]", 3, TYPE_PARSE_TOO_MANY, 3, NULL},
	{"[1,2,3,", 3, TYPE_PARSE_TOO_MANY, 3, NULL},
	{"[1,2,3,]", 3, TYPE_PARSE_TOO_MANY, 3, NULL},
	{"[1,2,3,a", 3, TYPE_PARSE_TOO_MANY, 3, NULL},
	{"[1,2,3", 3, TYPE_PARSE_END, 3, NULL},
	{"[1,2,3a", 3, TYPE_PARSE_NO_CLOSE, 3, NULL},
	{"[1,2,a,4]", 3, TYPE_PARSE_BAD_NUMBER, 2, NULL},
	{"[4e38,1]", 3, TYPE_PARSE_OUT_OF_RANGE, 0, "4e38"},
	{"[-4e38,1]", 3, TYPE_PARSE_OUT_OF_RANGE, 0, "-4e38"},
	{"[1, 1e40 ,a", 3, TYPE_PARSE_OUT_OF_RANGE, 1, "1e40"},
	{"[1e40x", 3, TYPE_PARSE_OUT_OF_RANGE, 0, "1e40"},
	{"[0x1p128]", 3, TYPE_PARSE_OUT_OF_RANGE, 0, "0x1p128"},
	{"[1,2,3,4e38]", 3, TYPE_PARSE_TOO_MANY, 3, NULL},
	{"[NaN,1]", 3, TYPE_PARSE_NAN, 0, NULL},
	{"[1,-nan(7)x", 3, TYPE_PARSE_NAN, 1, NULL},
	{"[inf,1]", 3, TYPE_PARSE_INFINITE, 0, NULL},
	{"[1,-Infinity;", 3, TYPE_PARSE_INFINITE, 1, NULL},
	{"[nan,inf]", 3, TYPE_PARSE_NAN, 0, NULL},
	{"[inf,nan]", 3, TYPE_PARSE_INFINITE, 0, NULL},
	{"[1,NULL]", 3, TYPE_PARSE_BAD_NUMBER, 1, NULL},
};

static void
check_vector(const VectorCase *c, const char *text, int max_dims, int before)
{
	static float values[MAX_DIMS];
	TypeParseResult result;
	const char *token = c->token;
	int			i;

	for (i = 0; i < MAX_DIMS; i++)
		values[i] = GUARD;
	result = vx_type_parse_vector(text, values, max_dims);

	if (result.status != c->status || result.dims != c->dims + before)
		fault("\"%.80s\": status %d after %d numbers, expected %d after %d",
			  text, (int) result.status, result.dims,
			  (int) c->status, c->dims + before);
	for (i = max_dims; i < MAX_DIMS; i++)
	{
		if (values[i] != GUARD)
		{
			fault("\"%.80s\": wrote number %d of %d", text, i, max_dims);
			break;
		}
	}
	if (c->status == TYPE_PARSE_OUT_OF_RANGE &&
		(result.token == NULL || token == NULL ||
		 result.token_length != (int) strlen(token) ||
		 strncmp(result.token, token, strlen(token)) != 0))
		fault("\"%.80s\": wrong token", text);
}

static void
test_vectors(void)
{
	int			count = (int) (sizeof(vector_cases) / sizeof(vector_cases[0]));
	int			i;

	for (i = 0; i < count; i++)
		check_vector(&vector_cases[i], vector_cases[i].text,
					 vector_cases[i].max_dims, 0);
	end_test("statuses of short vectors");

	/*
	 * The same behind 20 numbers and, where the text goes on, with 60 spaces
	 * behind it, so that the fast way meets the fault.
	 */
	for (i = 0; i < count; i++)
	{
		const VectorCase *c = &vector_cases[i];
		char		text[400] = "[";
		const char *open = strchr(c->text, '[');
		int			k;

		if (open == NULL || c->status == TYPE_PARSE_NO_OPEN ||
			c->status == TYPE_PARSE_NO_DIMS)
			continue;
		for (k = 0; k < 20; k++)
			strcat(text, "1.25,");
		strcat(text, open + 1);
		for (k = 0; k < 60; k++)
			strcat(text, " ");
		check_vector(c, text, c->max_dims + 20, 20);
	}
	end_test("statuses of longer vectors");
}

static void
test_vector_values(void)
{
	static const char text[] = " [1, -2.5 ,3e2,\t0x10,.5,-0,1e-46,16777217]";
	static const float expected[] = {1, -2.5f, 300, 16, .5f, -0.0f, 0, 16777216};
	float		values[8];
	TypeParseResult result = vx_type_parse_vector(text, values, 8);
	int			i;

	if (result.status != TYPE_PARSE_OK || result.dims != 8)
		fault("status %d, %d numbers", (int) result.status, result.dims);
	for (i = 0; i < result.dims; i++)
	{
		if (float_bits(values[i]) != float_bits(expected[i]))
			fault("number %d is %g, not %g", i, values[i], expected[i]);
	}
	end_test("values of a vector");
}

/* The text in memory of its exact size: sanitizers see a read beyond it. */
static void
test_exact_memory(void)
{
	static const char text[] =
		"[0.00012345678901234567,-7654321.12345678901234567890123e-12,"
		"255,-1.5e-05,0.1234567890123456,3.4e38]";
	int			length;

	for (length = 0; length < (int) sizeof(text); length++)
	{
		char	   *copy = malloc((size_t) length + 1);
		float	   *values = malloc(6 * sizeof(float));
		TypeParseResult result;

		memcpy(copy, text, (size_t) length);
		copy[length] = '\0';
		result = vx_type_parse_vector(copy, values, 6);
		if ((length == (int) sizeof(text) - 1) != (result.status == TYPE_PARSE_OK))
			fault("status %d of the first %d bytes", (int) result.status, length);
		free(copy);
		free(values);
	}
	end_test("texts cut off at every byte");
}

static void
test_most_dims(void)
{
	static char text[MAX_DIMS * 3 + 100];
	static float values[MAX_DIMS + 1];
	char	   *p = text;
	TypeParseResult result;
	int			i;

	*p++ = '[';
	for (i = 0; i < MAX_DIMS; i++)
		p += sprintf(p, "%s%d", i > 0 ? "," : "", i % 10);

	strcpy(p, "]");
	result = vx_type_parse_vector(text, values, MAX_DIMS);
	if (result.status != TYPE_PARSE_OK || result.dims != MAX_DIMS)
		fault("%d numbers: status %d", MAX_DIMS, (int) result.status);
	for (i = 0; i < result.dims; i++)
	{
		if (values[i] != (float) (i % 10))
			fault("number %d is %g", i, values[i]);
	}

	values[MAX_DIMS] = GUARD;
	strcpy(p, ",1]");
	result = vx_type_parse_vector(text, values, MAX_DIMS);
	if (result.status != TYPE_PARSE_TOO_MANY || result.dims != MAX_DIMS ||
		values[MAX_DIMS] != GUARD)
		fault("one number more: status %d", (int) result.status);
	end_test("the most dimensions, and one more");
}

/*
 * Zeros by the thousand, and exponents that undo them.
 */
static void
test_long_numbers(void)
{
	static const char *const exponents[] = {
		"", "e10000", "e10001", "e9990", "e10040", "e-9995", "e-10000",
		"e-10040", "e-10050", "e99999999999999999999", "e-99999999999999999999"
	};
	static char text[30100];
	int			e;

	for (e = 0; e < (int) (sizeof(exponents) / sizeof(exponents[0])); e++)
	{
		char	   *p = text;

		p += sprintf(p, "0.");
		memset(p, '0', 10000);
		strcpy(p + 10000, "15");
		strcat(p, exponents[e]);
		compare_number(text);

		p = text;
		p += sprintf(p, "-15");
		memset(p, '0', 10000);
		strcpy(p + 10000, exponents[e]);
		compare_number(text);

		memset(text, '9', 20000);
		text[5] = '.';
		strcpy(text + 20000, exponents[e]);
		compare_number(text);
	}
	end_number_test("numbers of ten thousand digits");
}

int
main(int argc, char **argv)
{
	int			rounds = argc > 1 ? atoi(argv[1]) : 1;

	random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 20260801;
	if (rounds < 1 || random_state == 0)
	{
		fprintf(stderr, "usage: %s [ROUNDS [SEED]]\n", argv[0]);
		return 2;
	}

	test_chosen_numbers();
	test_combined_numbers();
	test_random_floats(rounds);
	test_random_embeddings(rounds);
	test_random_doubles(rounds);
	test_random_digits(rounds);
	test_random_bytes(rounds);
	test_middles(rounds);
	test_subnormals(rounds);
	test_long_numbers();
	test_vectors();
	test_vector_values();
	test_exact_memory();
	test_most_dims();

	printf("# %ld numbers compared with strtof\n", numbers_compared);
	printf("1..%d\n", tests_run);
	return tests_failed > 0 ? 1 : 0;
}
