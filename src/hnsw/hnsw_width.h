/*-------------------------------------------------------------------------
 *
 * hnsw_width.h
 *	  What a calibration says: how wide a walk must be for a recall.
 *
 * No server headers: unit tests link it as it is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_WIDTH_H
#define VX_HNSW_WIDTH_H

#include <stdint.h>

/*
 * Calibration: recall found at growing ef, for three k.  recall[k][i] is that
 * with an ef of 10 * 2^i, in 1/65535.
 */
#define HNSW_CALIBRATED_EFS 8
#define HNSW_CALIBRATED_KS	3	/* k = 1, 10, 100 */

/* ef of point i */
#define HnswCalibratedEf(i) (10 << (i))

/* Of hnsw.ef_search.  pgvector has 1,000; whoever asks for more gets more. */
#define HNSW_MAX_EF_SEARCH 100000

/*
 * The ef that finds k neighbours with a recall, which is above 0 and below 1.
 */
extern double vx_hnsw_find_width(const uint16_t recalls[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_EFS],
								 int k, double recall);

#endif							/* VX_HNSW_WIDTH_H */
