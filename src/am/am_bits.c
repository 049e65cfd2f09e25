/*-------------------------------------------------------------------------
 *
 * am_bits.c
 *	  Sets of node or row ids.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "am/am_bits.h"

bool
vx_am_set_bit(AmBits *bits, MemoryContext context, uint32 id)
{
	uint32		piece = id / AM_BITS_PER_PIECE;
	uint32		bit = id % AM_BITS_PER_PIECE;
	uint64		mask = UINT64CONST(1) << (bit % 64);
	uint64	   *word;

	if (piece >= bits->count)
	{
		uint32		count = pg_nextpower2_32(Max(piece + 1, 16));
		uint64	  **pieces = MemoryContextAllocZero(context, count * sizeof(uint64 *));

		if (bits->count > 0)
		{
			memcpy(pieces, bits->pieces, bits->count * sizeof(uint64 *));
			pfree(bits->pieces);
		}
		bits->pieces = pieces;
		bits->count = count;
	}
	if (bits->pieces[piece] == NULL)
		bits->pieces[piece] = MemoryContextAllocZero(context, AM_BITS_PER_PIECE / 8);
	word = &bits->pieces[piece][bit / 64];
	if (*word & mask)
		return false;
	*word |= mask;
	return true;
}
