/*-------------------------------------------------------------------------
 *
 * test_wire.c
 *	  Unit test of the binary form of vectors, without a server: prints TAP.
 *
 * Build and run, from the top of the tree:
 *	  cc -O1 -g -Isrc test/unit/test_wire.c src/type/type_wire.c -lm
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/type/type_wire.c */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_limits.h"
#include "type/type_wire.h"

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

/* ---- headers ---- */

static void
check_header(const char *bytes, size_t length, int typmod,
			 TypeWireStatus status, int dims, int unused)
{
	unsigned char *copy = malloc(length > 0 ? length : 1);
	TypeWireHeader header;

	memcpy(copy, bytes, length);
	header = vx_type_check_wire_header(copy, length, typmod, VX_VECTOR_MAX_DIMS);
	if (header.status != status || header.dims != dims || header.unused != unused)
		fault("%zu bytes, %d dimensions wanted: status %d, %d, %d; expected %d, %d, %d",
			  length, typmod, (int) header.status, header.dims, header.unused,
			  (int) status, dims, unused);
	free(copy);
}

static void
test_headers(void)
{
	check_header("", 0, -1, TYPE_WIRE_SHORT, 0, 0);
	check_header("\0", 1, -1, TYPE_WIRE_SHORT, 0, 0);
	check_header("\0\3", 2, -1, TYPE_WIRE_SHORT, 0, 0);
	check_header("\0\3\0", 3, -1, TYPE_WIRE_SHORT, 0, 0);
	check_header("\0\3\0\0", 4, -1, TYPE_WIRE_OK, 3, 0);
	check_header("\0\3\0\0", 4, 3, TYPE_WIRE_OK, 3, 0);
	check_header("\1\2\0\0", 4, 258, TYPE_WIRE_OK, 258, 0);
	check_header("\0\3\0\0", 4, 2, TYPE_WIRE_TYPMOD, 3, 0);
	check_header("\0\3\0\0", 4, 4, TYPE_WIRE_TYPMOD, 3, 0);
	check_header("\0\3\0\1", 4, -1, TYPE_WIRE_UNUSED, 3, 1);
	check_header("\0\3\377\377", 4, -1, TYPE_WIRE_UNUSED, 3, 65535);
	check_header("\0\0\0\0", 4, -1, TYPE_WIRE_NO_DIMS, 0, 0);
	check_header("\76\200\0\0", 4, -1, TYPE_WIRE_OK, 16000, 0);
	check_header("\76\201\0\0", 4, -1, TYPE_WIRE_TOO_MANY, 16001, 0);
	check_header("\377\377\0\0", 4, -1, TYPE_WIRE_TOO_MANY, 65535, 0);
	end_test("headers");

	/* Several faults: dimensions, then those wanted, then unused. */
	check_header("\0\0\0\1", 4, 3, TYPE_WIRE_NO_DIMS, 0, 1);
	check_header("\377\377\1\0", 4, 3, TYPE_WIRE_TOO_MANY, 65535, 256);
	check_header("\0\2\0\1", 4, 3, TYPE_WIRE_TYPMOD, 2, 1);
	end_test("order of checks in headers");
}

/* ---- elements ---- */

#define GUARD 0x12345678

static void
check_elements(const char *bytes, size_t length, int dims,
			   TypeWireStatus expected)
{
	unsigned char *copy = malloc(length > 0 ? length : 1);
	float	   *out = malloc((size_t) dims * sizeof(float));
	TypeWireStatus status;

	memcpy(copy, bytes, length);
	status = vx_type_decode_wire(copy, length, dims, out);
	if (status != expected)
		fault("%d elements in %zu bytes: status %d, expected %d",
			  dims, length, (int) status, (int) expected);
	free(copy);
	free(out);
}

#define ONE "\77\200\0\0"
#define NOT_A_NUMBER "\177\300\0\0"
#define SIGNALLING "\377\200\0\1"
#define INFINITE "\177\200\0\0"
#define MINUS_INFINITE "\377\200\0\0"
#define LARGEST "\177\177\377\377"

static void
test_elements(void)
{
	check_elements(ONE, 4, 1, TYPE_WIRE_OK);
	check_elements(ONE LARGEST, 8, 2, TYPE_WIRE_OK);
	check_elements(ONE ONE ONE, 12, 2, TYPE_WIRE_OK);
	check_elements(ONE NOT_A_NUMBER, 8, 1, TYPE_WIRE_OK);
	check_elements(ONE NOT_A_NUMBER, 8, 2, TYPE_WIRE_NAN);
	check_elements(SIGNALLING ONE, 8, 2, TYPE_WIRE_NAN);
	check_elements(ONE INFINITE, 8, 2, TYPE_WIRE_INFINITE);
	check_elements(MINUS_INFINITE ONE, 8, 2, TYPE_WIRE_INFINITE);
	check_elements("", 0, 1, TYPE_WIRE_SHORT);
	check_elements(ONE, 3, 1, TYPE_WIRE_SHORT);
	check_elements(ONE ONE, 7, 2, TYPE_WIRE_SHORT);
	end_test("elements");

	check_elements(INFINITE NOT_A_NUMBER, 8, 2, TYPE_WIRE_INFINITE);
	check_elements(NOT_A_NUMBER INFINITE, 8, 2, TYPE_WIRE_NAN);
	check_elements(ONE NOT_A_NUMBER ONE, 11, 3, TYPE_WIRE_NAN);
	check_elements(ONE NOT_A_NUMBER, 7, 2, TYPE_WIRE_SHORT);
	check_elements(INFINITE, 4, 2, TYPE_WIRE_INFINITE);
	end_test("order of checks in elements");
}

static void
test_values(void)
{
	static const char bytes[] = ONE "\300\40\0\0" "\200\0\0\0" "\0\0\0\1" "\102\366\351\171";
	static const uint32_t expected[5] = {
		0x3f800000, 0xc0200000, 0x80000000, 0x00000001, 0x42f6e979
	};
	float		out[6];
	uint32_t	guard = GUARD;

	memcpy(&out[5], &guard, sizeof(guard));
	if (vx_type_decode_wire((const unsigned char *) bytes, 20, 5, out) != TYPE_WIRE_OK)
		fault("not read");
	if (memcmp(out, expected, sizeof(expected)) != 0)
		fault("wrong values");
	if (memcmp(&out[5], &guard, sizeof(guard)) != 0)
		fault("one value too many");
	end_test("values");
}

/* Short lengths, longer ones up to the most, and any alignment of the bytes. */
static void
test_round_trips(void)
{
	float	   *values = malloc(VX_VECTOR_MAX_DIMS * sizeof(float));
	float	   *again = malloc(VX_VECTOR_MAX_DIMS * sizeof(float));
	uint32_t	state = 1;
	int			dims;
	int			i;

	for (i = 0; i < VX_VECTOR_MAX_DIMS; i++)
	{
		uint32_t	bits;

		state = state * 1664525 + 1013904223;
		bits = state ^ (state >> 15);
		if ((bits & 0x7f800000) == 0x7f800000)
			bits ^= 0x00800000;
		memcpy(&values[i], &bits, sizeof(bits));
	}

	for (dims = 1; dims <= VX_VECTOR_MAX_DIMS; dims += dims < 300 ? 1 : 785)
	{
		size_t		bytes = TYPE_WIRE_BYTES(dims);
		unsigned char *room = malloc(bytes + 3);
		unsigned char *wire = room + dims % 4;
		TypeWireHeader header;

		vx_type_encode_wire(values, dims, wire);
		header = vx_type_check_wire_header(wire, bytes, dims, VX_VECTOR_MAX_DIMS);
		if (header.status != TYPE_WIRE_OK || header.dims != dims)
			fault("%d dimensions read as %d, status %d",
				  dims, header.dims, (int) header.status);
		if (vx_type_decode_wire(wire + TYPE_WIRE_HEADER_BYTES,
								bytes - TYPE_WIRE_HEADER_BYTES,
								dims, again) != TYPE_WIRE_OK)
			fault("%d elements not read", dims);
		else if (memcmp(values, again, (size_t) dims * sizeof(float)) != 0)
			fault("%d elements read back differently", dims);
		free(room);
	}
	if (dims != VX_VECTOR_MAX_DIMS + 785)
		fault("the most dimensions were left out");
	free(values);
	free(again);
	end_test("written and read again");
}

int
main(void)
{
	test_headers();
	test_elements();
	test_values();
	test_round_trips();
	printf("1..%d\n", tests_run);
	return tests_failed > 0 ? 1 : 0;
}
