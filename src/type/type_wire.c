/*-------------------------------------------------------------------------
 *
 * type_wire.c
 *	  Server-free reading and writing of the binary wire form of vectors.
 *
 *-------------------------------------------------------------------------
 */
#include "type/type_wire.h"

#include <stdint.h>
#include <string.h>

#define FLOAT4_EXPONENT_BITS UINT32_C(0x7f800000)
#define FLOAT4_MANTISSA_BITS UINT32_C(0x007fffff)

/*
 * Network byte order read and written by shifts: compilers make one byte swap
 * of it, or none on big-endian machines.
 */
static inline int
read_uint16(const unsigned char *bytes)
{
	return (bytes[0] << 8) | bytes[1];
}

static inline uint32_t
read_uint32(const unsigned char *bytes)
{
	return ((uint32_t) bytes[0] << 24) | ((uint32_t) bytes[1] << 16) |
		((uint32_t) bytes[2] << 8) | (uint32_t) bytes[3];
}

TypeWireHeader
vx_type_check_wire_header(const unsigned char *bytes, size_t length,
						  int typmod, int max_dims)
{
	TypeWireHeader header = {TYPE_WIRE_OK, 0, 0};

	if (length < TYPE_WIRE_HEADER_BYTES)
	{
		header.status = TYPE_WIRE_SHORT;
		return header;
	}

	/* Unsigned, as pgvector reads it: 0xffff is 65535 dimensions, not -1. */
	header.dims = read_uint16(bytes);
	header.unused = read_uint16(bytes + 2);

	if (header.dims < 1)
		header.status = TYPE_WIRE_NO_DIMS;
	else if (header.dims > max_dims)
		header.status = TYPE_WIRE_TOO_MANY;
	else if (typmod != -1 && typmod != header.dims)
		header.status = TYPE_WIRE_TYPMOD;
	else if (header.unused != 0)
		header.status = TYPE_WIRE_UNUSED;

	return header;
}

TypeWireStatus
vx_type_decode_wire(const unsigned char *bytes, size_t length, int dims,
					float *out)
{
	size_t		available = length / sizeof(float);
	size_t		count = (size_t) dims < available ? (size_t) dims : available;
	uint32_t	worst = 0;
	size_t		i;

	/*
	 * One pass without a branch, then a second only if some element is not
	 * finite, to find out which kind comes first.
	 */
	for (i = 0; i < count; i++)
	{
		uint32_t	bits = read_uint32(bytes + i * sizeof(float));
		uint32_t	exponent = bits & FLOAT4_EXPONENT_BITS;

		worst = exponent > worst ? exponent : worst;
		memcpy(&out[i], &bits, sizeof(float));
	}

	if (worst == FLOAT4_EXPONENT_BITS)
	{
		for (i = 0; i < count; i++)
		{
			uint32_t	bits = read_uint32(bytes + i * sizeof(float));

			if ((bits & FLOAT4_EXPONENT_BITS) != FLOAT4_EXPONENT_BITS)
				continue;
			return (bits & FLOAT4_MANTISSA_BITS) != 0 ?
				TYPE_WIRE_NAN : TYPE_WIRE_INFINITE;
		}
	}

	return count < (size_t) dims ? TYPE_WIRE_SHORT : TYPE_WIRE_OK;
}

void
vx_type_encode_wire(const float *values, int dims, unsigned char *bytes)
{
	int			i;

	bytes[0] = (unsigned char) (dims >> 8);
	bytes[1] = (unsigned char) dims;
	bytes[2] = 0;
	bytes[3] = 0;
	bytes += TYPE_WIRE_HEADER_BYTES;

	for (i = 0; i < dims; i++)
	{
		uint32_t	bits;
		unsigned char *at = bytes + (size_t) i * sizeof(float);

		memcpy(&bits, &values[i], sizeof(float));
		at[0] = (unsigned char) (bits >> 24);
		at[1] = (unsigned char) (bits >> 16);
		at[2] = (unsigned char) (bits >> 8);
		at[3] = (unsigned char) bits;
	}
}
