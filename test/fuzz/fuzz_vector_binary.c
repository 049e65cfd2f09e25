/*-------------------------------------------------------------------------
 *
 * fuzz_vector_binary.c
 *	  Fuzz target: reading and writing the binary form of vectors.
 *
 * Whatever the bytes, the reader must find the same fault as the plain reader
 * below, which takes one field after the other; what it accepts must be
 * written back as the same bytes.  All memory has its exact size, so that the
 * address sanitizer sees every step outside it.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/type/type_wire.c test/fuzz/replay_corpus.c */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_limits.h"
#include "type/type_wire.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The field of width bytes at *at; false if the data ends before it does. */
static bool
take_field(const uint8_t *data, size_t size, size_t *at, size_t width,
		   uint32_t *field)
{
	*field = 0;
	if (size - *at < width)
		return false;
	for (; width > 0; width--)
		*field = (*field << 8) | data[(*at)++];
	return true;
}

static TypeWireStatus
read_plainly(const uint8_t *data, size_t size, int typmod)
{
	size_t		at = 0;
	uint32_t	dims;
	uint32_t	unused;
	uint32_t	i;

	if (!take_field(data, size, &at, 2, &dims) ||
		!take_field(data, size, &at, 2, &unused))
		return TYPE_WIRE_SHORT;
	if (dims == 0)
		return TYPE_WIRE_NO_DIMS;
	if (dims > VX_VECTOR_MAX_DIMS)
		return TYPE_WIRE_TOO_MANY;
	if (typmod != -1 && (uint32_t) typmod != dims)
		return TYPE_WIRE_TYPMOD;
	if (unused != 0)
		return TYPE_WIRE_UNUSED;

	for (i = 0; i < dims; i++)
	{
		uint32_t	bits;
		float		value;

		if (!take_field(data, size, &at, 4, &bits))
			return TYPE_WIRE_SHORT;
		memcpy(&value, &bits, sizeof(value));
		if (isnan(value))
			return TYPE_WIRE_NAN;
		if (isinf(value))
			return TYPE_WIRE_INFINITE;
	}
	return TYPE_WIRE_OK;
}

static void
check_message(const uint8_t *data, size_t size, int typmod)
{
	TypeWireStatus expected = read_plainly(data, size, typmod);
	TypeWireHeader header;
	TypeWireStatus status;

	header = vx_type_check_wire_header(data, size, typmod, VX_VECTOR_MAX_DIMS);
	status = header.status;

	if (size >= TYPE_WIRE_HEADER_BYTES &&
		(header.dims != data[0] * 256 + data[1] ||
		 header.unused != data[2] * 256 + data[3]))
	{
		fprintf(stderr, "header read as %d, %d\n", header.dims, header.unused);
		abort();
	}

	if (status == TYPE_WIRE_OK)
	{
		float	   *values = malloc((size_t) header.dims * sizeof(float));

		status = vx_type_decode_wire(data + TYPE_WIRE_HEADER_BYTES,
									 size - TYPE_WIRE_HEADER_BYTES,
									 header.dims, values);
		if (status == TYPE_WIRE_OK)
		{
			uint8_t    *written = malloc(TYPE_WIRE_BYTES(header.dims));

			vx_type_encode_wire(values, header.dims, written);
			if (memcmp(written, data, TYPE_WIRE_BYTES(header.dims)) != 0)
			{
				fprintf(stderr, "written back as other bytes\n");
				abort();
			}
			free(written);
		}
		free(values);
	}

	if (status != expected)
	{
		fprintf(stderr, "status %d, expected %d\n", (int) status, (int) expected);
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own size: the data may lie in a larger buffer. */
	uint8_t    *message = malloc(size > 0 ? size : 1);

	if (size > 0)
		memcpy(message, data, size);

	check_message(message, size, -1);
	check_message(message, size, 3);

	free(message);
	return 0;
}
