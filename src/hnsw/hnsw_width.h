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

#include <stdbool.h>
#include <stdint.h>

#include "distance/distance_metric.h"

/*
 * Calibration: recall found at growing ef, for three k.  recall[k][i] is that
 * with an ef of 10 * 2^i, in 1/65535.
 */
#define HNSW_CALIBRATED_EFS 8
#define HNSW_CALIBRATED_KS	3	/* k = 1, 10, 100 */
#define HNSW_SAMPLE_K	100		/* the last of them */

/* ef of point i */
#define HnswCalibratedEf(i) (10 << (i))

/*
 * And recall of walks that end by a stretch (HnswGoal), with each of these, in
 * times of a distance: all 0 if it has not been measured.
 */
#define HNSW_CALIBRATED_STRETCHES 20

extern const double vx_hnsw_calibrated_stretch[HNSW_CALIBRATED_STRETCHES];

/* Of hnsw.ef_search.  pgvector has 1,000; whoever asks for more gets more. */
#define HNSW_MAX_EF_SEARCH 100000

/*
 * The ef that finds k neighbours with a recall, which is above 0 and below 1.
 */
extern double vx_hnsw_find_width(const uint16_t recalls[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_EFS],
								 int k, double recall);

/*
 * The stretch that finds k neighbours with a recall; infinite if none that has
 * been measured does.
 */
extern double vx_hnsw_find_stretch(const uint16_t recalls[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_STRETCHES],
								   int k, double recall);

/*
 * Where a walk may end before it has expanded as many nodes as it might: the
 * nearest node that it has not expanded yet is farther than the place-th of all
 * that it has found, times factor.  So a walk whose neighbours are near compared
 * with what is around them is shorter than one that cannot tell them apart, and
 * both find about as much: Al-Jazzazi et al., "Distance Adaptive Beam Search for
 * Provably Accurate Graph-Based Nearest Neighbor Search" (2025).
 *
 * As many of the nearest as least says are always expanded.  factor is for
 * distances as vx_quant_estimate gives them: the stretch, or its square where
 * they are squares.
 *
 * Inner products are no distances of which one could be so many times another.
 * But of vectors of one norm, raised by lift, which is that norm times the query's,
 * they grow like squared distances from the query, brought to that norm, too.  The
 * few of a larger norm may then be nearer than nothing.
 */
typedef struct HnswGoal
{
	int			place;			/* from 1 */
	int			least;
	float		factor;
	float		lift;			/* 0 for distances */
} HnswGoal;

/* least of the goals that are measured, and where nothing speaks for more */
#define HnswGoalLeast(place) (((place) + 3) / 4)

/*
 * A goal at a stretch for distances of a metric.  Of inner products it takes the norm
 * of nearly all vectors (vx_quant_common_norm) and the query's; without the former, and
 * of an infinite stretch, nobody ever reaches it.
 */
static inline HnswGoal
vx_hnsw_make_goal(DistanceMetric metric, int place, int least, double stretch,
				  double common_norm, double query_norm)
{
	HnswGoal	goal = {place, least, 0.0f, 0.0f};

	if (metric == DISTANCE_METRIC_IP)
	{
		goal.lift = (float) (common_norm * query_norm);
		if (!(common_norm > 0.0))
			stretch = INFINITY;
	}
	goal.factor = (float) (metric == DISTANCE_METRIC_L1 ? stretch : stretch * stretch);
	return goal;
}

/*
 * How wide a walk may become that does not come to its goal, of the ef that finds as
 * much without one.  Not wider than what the calibration has seen of goals, if
 * that is not less than ef: one that it hardly ever came to is there to be missed.
 */
static inline int
vx_hnsw_goal_width(int ef, int place)
{
	double		widest = HnswCalibratedEf(HNSW_CALIBRATED_EFS - 1);

	if (place > HNSW_SAMPLE_K)
		widest *= place / (double) HNSW_SAMPLE_K;
	if (widest > 3.0 * ef + 32)
		widest = 3.0 * ef + 32;
	return widest > ef ? (int) widest : ef;
}

/*
 * How far a goal lets a walk go whose place-th node is at_place far.
 */
static inline float
vx_hnsw_goal_limit(const HnswGoal *goal, float at_place)
{
	float		lifted = at_place + goal->lift;

	return goal->factor * (lifted > 0 ? lifted : 0) - goal->lift;
}

/*
 * True if a walk has reached a goal: position is that of the nearest node not
 * expanded, distance how far it is, and at_place how far the place-th node.
 */
static inline bool
vx_hnsw_reaches(const HnswGoal *goal, int position, float distance, float at_place)
{
	return position >= goal->least && distance > vx_hnsw_goal_limit(goal, at_place);
}

#endif							/* VX_HNSW_WIDTH_H */
