/*-------------------------------------------------------------------------
 *
 * type_wire.h
 *	  Server-free reading and writing of the binary wire form of vectors.
 *
 * int16 dims, int16 unused (0), dims x float4, all in network byte order.
 * No palloc, no ereport: the caller gives the room and turns a status into
 * an error message.  Fuzzed by test/fuzz.
 *
 * Reading takes two steps, because the caller needs the number of dimensions
 * to make room: the header, then the elements.  The checks come in the order
 * in which a reader of one field after the other would meet them, so that a
 * message with several faults gets the same error as from pgvector.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_TYPE_WIRE_H
#define VX_TYPE_WIRE_H

#include <stddef.h>

/* Bytes of the header, and of the whole form for a number of dimensions. */
#define TYPE_WIRE_HEADER_BYTES 4
#define TYPE_WIRE_BYTES(dims) (TYPE_WIRE_HEADER_BYTES + sizeof(float) * (size_t) (dims))

/* Each status with the message that the caller raises for it. */
typedef enum TypeWireStatus
{
	TYPE_WIRE_OK,
	TYPE_WIRE_SHORT,			/* "insufficient data left in message" (08P01) */
	TYPE_WIRE_NO_DIMS,			/* "vector must have at least 1 dimension"
								 * (22000) */
	TYPE_WIRE_TOO_MANY,			/* "vector cannot have more than %d
								 * dimensions", max_dims (54000) */
	TYPE_WIRE_TYPMOD,			/* "expected %d dimensions, not %d", typmod,
								 * dims (22000) */
	TYPE_WIRE_UNUSED,			/* "expected unused to be 0, not %d", unused
								 * (22000) */
	TYPE_WIRE_NAN,				/* "NaN not allowed in vector" (22000) */
	TYPE_WIRE_INFINITE			/* "infinite value not allowed in vector"
								 * (22000) */
} TypeWireStatus;

typedef struct TypeWireHeader
{
	TypeWireStatus status;
	int			dims;			/* as sent, 0..65535; 0 when SHORT */
	int			unused;			/* as sent, 0..65535; 0 when SHORT */
} TypeWireHeader;

/*
 * Read and check the header at the start of bytes.  typmod is the number of
 * dimensions that the column wants, or -1.  Status is OK, SHORT, NO_DIMS,
 * TOO_MANY, TYPMOD or UNUSED, the first that applies.
 */
extern TypeWireHeader vx_type_check_wire_header(const unsigned char *bytes,
												size_t length, int typmod,
												int max_dims);

/*
 * Read dims elements, which start at bytes (the byte after the header), into
 * out.  Status is OK, SHORT, NAN or INFINITE, whichever is met first.  Bytes
 * after the last element are not looked at: the caller moves on by
 * dims * sizeof(float), and the server itself complains about a rest.
 */
extern TypeWireStatus vx_type_decode_wire(const unsigned char *bytes,
										  size_t length, int dims, float *out);

/* Write TYPE_WIRE_BYTES(dims) bytes; dims must fit into 16 bits. */
extern void vx_type_encode_wire(const float *values, int dims,
								unsigned char *bytes);

#endif							/* VX_TYPE_WIRE_H */
