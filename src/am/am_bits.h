/*-------------------------------------------------------------------------
 *
 * am_bits.h
 *	  Sets of node or row ids: bits in pieces that are made when they are
 *	  needed, so that a scan that gives ten rows does not pay for all that the
 *	  index has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_BITS_H
#define VX_AM_BITS_H

#define AM_BITS_PER_PIECE 8192

/* All zeros: the empty set */
typedef struct AmBits
{
	uint64	  **pieces;			/* NULL: none of its ids is there */
	uint32		count;
} AmBits;

static inline bool
vx_am_has_bit(const AmBits *bits, uint32 id)
{
	uint32		piece = id / AM_BITS_PER_PIECE;
	uint32		bit = id % AM_BITS_PER_PIECE;

	return piece < bits->count && bits->pieces[piece] != NULL &&
		(bits->pieces[piece][bit / 64] & (UINT64CONST(1) << (bit % 64))) != 0;
}

/*
 * Add an id; false if it was there.  All of a set is in one context.
 */
extern bool vx_am_set_bit(AmBits *bits, MemoryContext context, uint32 id);

#endif							/* VX_AM_BITS_H */
