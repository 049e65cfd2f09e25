/*-------------------------------------------------------------------------
 *
 * filter_siphash.h
 *	  SipHash-2-4, which decides what slice a row is in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_SIPHASH_H
#define VX_FILTER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* The 64-bit hash; the key is given as two little-endian numbers. */
extern uint64_t vx_filter_siphash(const unsigned char *bytes, size_t length,
								  uint64_t key0, uint64_t key1);

#endif							/* VX_FILTER_SIPHASH_H */
