/*-------------------------------------------------------------------------
 *
 * hnsw_pool.h
 *	  What a walk has found and may go on from: candidates, nearest first.
 *
 * For walks along pages and for those in memory.  No server headers: unit tests
 * link it as it is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_POOL_H
#define VX_HNSW_POOL_H

#include <stdint.h>
#include <string.h>

#include "hnsw/hnsw_width.h"

/* A node and its estimated distance */
typedef struct HnswCandidate
{
	float		distance;
	uint32_t	node;
} HnswCandidate;

/*
 * Candidates are looked up so many at once, since each comparison waits for the
 * one before.  What is merged has room for as many more, less one.
 */
#define HNSW_POOL_LANES 4

/*
 * Sort a candidate, whose distance is a number, in behind those of fresh that are
 * as near; returns how many there are now.
 */
static inline int
vx_hnsw_pool_collect(HnswCandidate *fresh, int count, float distance, uint32_t node)
{
	int			place = count;

	for (; place > 0 && fresh[place - 1].distance > distance; place--)
		fresh[place] = fresh[place - 1];
	fresh[place].distance = distance;
	fresh[place].node = node;
	return count + 1;
}

/*
 * Where candidates belong in a sorted pool: behind all that are as near.
 */
static inline void
vx_hnsw_pool_find(const HnswCandidate *pool, int count, const HnswCandidate *fresh, int *places)
{
	const HnswCandidate *starts[HNSW_POOL_LANES] = {pool, pool, pool, pool};
	int			length = count;

	/* No jumps, as half of them would surprise the CPU; no loop over lanes */
#define STEP(i) \
	starts[i] += half & -(int) (starts[i][half - 1].distance <= fresh[i].distance)
	while (length > 1)
	{
		int			half = length / 2;

		STEP(0);
		STEP(1);
		STEP(2);
		STEP(3);
		length -= half;
	}
#undef STEP
#define PLACE(i) \
	(int) (starts[i] - pool) + (length == 1 && starts[i]->distance <= fresh[i].distance)
	places[0] = PLACE(0);
	places[1] = PLACE(1);
	places[2] = PLACE(2);
	places[3] = PLACE(3);
#undef PLACE
}

/*
 * Put candidates, which are sorted and at least one, into a pool that holds room
 * at most: what becomes too much is the farthest.  Returns the place of the first
 * of them.
 */
static inline int
vx_hnsw_pool_merge(HnswCandidate *pool, int *count, int room, HnswCandidate *fresh, int added)
{
	int			end = *count;	/* of the pool, what has not moved yet */
	int			from;
	int			i;

	for (i = added; i % HNSW_POOL_LANES != 0; i++)
		fresh[i].distance = 0;
	for (from = (added - 1) / HNSW_POOL_LANES * HNSW_POOL_LANES; from >= 0; from -= HNSW_POOL_LANES)
	{
		int			places[HNSW_POOL_LANES];

		vx_hnsw_pool_find(pool, end, fresh + from, places);
		for (i = (added - from < HNSW_POOL_LANES ? added - from : HNSW_POOL_LANES) - 1; i >= 0; i--)
		{
			int			to = places[i] + from + i;
			int			moved = end - places[i];

			if (to < room)
			{
				if (moved > room - to - 1)
					moved = room - to - 1;
				memmove(pool + to + 1, pool + places[i], moved * sizeof(HnswCandidate));
				pool[to] = fresh[from + i];
			}
			end = places[i];
		}
	}
	*count = *count + added < room ? *count + added : room;
	return end;
}

/*
 * Put one candidate into the pool.  Returns its place, or room if it is too far.
 */
static inline int
vx_hnsw_pool_insert(HnswCandidate *pool, int *count, int room, float distance, uint32_t node)
{
	HnswCandidate fresh[HNSW_POOL_LANES] = {{distance, node}};

	if (*count == room && !(distance < pool[room - 1].distance))
		return room;
	return vx_hnsw_pool_merge(pool, count, room, fresh, 1);
}

/*
 * Which of the goals a walk has reached whose nearest node not expanded is next,
 * as bits.
 */
static inline uint32_t
vx_hnsw_pool_reached(const HnswCandidate *pool, int count, int next, const HnswGoal *goals,
					 int goal_count)
{
	uint32_t	reached = 0;
	int			i;

	for (i = 0; i < goal_count; i++)
	{
		if (goals[i].place <= count &&
			vx_hnsw_reaches(&goals[i], next, pool[next].distance,
							pool[goals[i].place - 1].distance))
			reached |= 1U << i;
	}
	return reached;
}

#endif							/* VX_HNSW_POOL_H */
