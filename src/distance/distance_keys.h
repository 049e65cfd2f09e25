/*-------------------------------------------------------------------------
 *
 * distance_keys.h
 *	  Which of many keys lie in a range: conditions on packed columns.
 *
 * No server calls.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_DISTANCE_KEYS_H
#define VX_DISTANCE_KEYS_H

#include <stdint.h>

/*
 * Set bit i of words for each key i with low <= key <= high, low <= high; other
 * bits are left as they are.  count is a multiple of 32.
 */
extern void vx_distance_match_keys4(const uint32_t *keys, int count, uint32_t low,
									uint32_t high, uint32_t *words);
extern void vx_distance_match_keys8(const uint64_t *keys, int count, uint64_t low,
									uint64_t high, uint32_t *words);

#endif							/* VX_DISTANCE_KEYS_H */
