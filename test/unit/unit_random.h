/*-------------------------------------------------------------------------
 *
 * unit_random.h
 *	  Random numbers of unit tests: xorshift64*, the same on every machine
 *	  (Vigna, An experimental exploration of Marsaglia's xorshift generators).
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_RANDOM_H
#define UNIT_RANDOM_H

#include <stdint.h>

static uint64_t random_state = 42;

static inline uint64_t
random_bits(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

/* From 0 to below 1 */
static inline double
uniform(void)
{
	return (random_bits() >> 11) * 0x1p-53;
}

#endif							/* UNIT_RANDOM_H */
