/* sources: src/hnsw/hnsw_width.c */
/*-------------------------------------------------------------------------
 *
 * test_pool.c
 *	  Pools of candidates: merging several is putting in one after the other.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hnsw/hnsw_pool.h"
#include "unit_random.h"

#define ROUNDS 20000
#define MOST_IN_POOL 300
#define MOST_ADDED 70

static int	tests = 0;
static int	failures = 0;

static void
check(bool ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, what);
	failures += !ok;
}

/*
 * One after the other, as slowly as it goes; returns the lowest place, room if
 * none has been taken.
 */
static int
put_in(HnswCandidate *pool, int *count, int room, float distance, uint32_t node)
{
	int			place = 0;
	int			i;

	while (place < *count && pool[place].distance <= distance)
		place++;
	if (place >= room)
		return room;
	if (*count < room)
		(*count)++;
	for (i = *count - 1; i > place; i--)
		pool[i] = pool[i - 1];
	pool[place].distance = distance;
	pool[place].node = node;
	return place;
}

/* Few distances: many are alike. */
static float
any_distance(int kinds)
{
	switch (random_bits() % 100)
	{
		case 0:
			return 0;
		case 1:
			return INFINITY;
		default:
			return (float) (random_bits() % kinds) - kinds / 4;
	}
}

/*
 * Pools on the heap and not larger than they are said to be: the sanitizer
 * watches their ends.
 */
static bool
merge_once(void)
{
	int			room = 1 + random_bits() % MOST_IN_POOL;
	int			count = random_bits() % (room + 1);
	int			added = 1 + random_bits() % MOST_ADDED;
	int			kinds = 1 + random_bits() % 1000;
	int			padded = (added + HNSW_POOL_LANES - 1) / HNSW_POOL_LANES * HNSW_POOL_LANES;
	HnswCandidate *pool = malloc(sizeof(HnswCandidate) * room);
	HnswCandidate *expected = malloc(sizeof(HnswCandidate) * room);
	HnswCandidate *fresh = malloc(sizeof(HnswCandidate) * padded);
	int			expected_count = 0;
	int			first = room;
	int			place;
	uint32_t	node = 0;
	bool		same;
	int			i;

	for (i = 0; i < count; i++)
		put_in(expected, &expected_count, room, any_distance(kinds), node++);
	memcpy(pool, expected, sizeof(HnswCandidate) * count);

	/*
	 * Places move back when something is put before them: the least is the
	 * first's.
	 */
	for (i = 0; i < added; i++)
	{
		float		distance = any_distance(kinds);

		if (vx_hnsw_pool_collect(fresh, i, distance, node) != i + 1)
			return false;
		place = put_in(expected, &expected_count, room, distance, node++);
		first = place < first ? place : first;
	}
	for (i = 1; i < added; i++)
	{
		if (fresh[i - 1].distance > fresh[i].distance)
			return false;
	}
	place = vx_hnsw_pool_merge(pool, &count, room, fresh, added);

	same = count == expected_count && (place < room ? place : room) == first;
	for (i = 0; i < count; i++)
		same &= pool[i].distance == expected[i].distance && pool[i].node == expected[i].node;
	free(pool);
	free(expected);
	free(fresh);
	return same;
}

static bool
insert_once(void)
{
	int			room = 1 + random_bits() % 20;
	int			kinds = 1 + random_bits() % 30;
	HnswCandidate *pool = malloc(sizeof(HnswCandidate) * room);
	HnswCandidate *expected = malloc(sizeof(HnswCandidate) * room);
	int			count = 0;
	int			expected_count = 0;
	bool		same = true;
	uint32_t	node;
	int			i;

	for (node = 0; node < 40; node++)
	{
		float		distance = any_distance(kinds);

		same &= vx_hnsw_pool_insert(pool, &count, room, distance, node) ==
			put_in(expected, &expected_count, room, distance, node);
	}
	same &= count == expected_count;
	for (i = 0; i < count; i++)
		same &= pool[i].distance == expected[i].distance && pool[i].node == expected[i].node;
	free(pool);
	free(expected);
	return same;
}

int
main(void)
{
	HnswCandidate pool[1];
	int			count = 0;
	bool		same = true;
	int			i;

	for (i = 0; i < ROUNDS && same; i++)
		same = merge_once();
	check(same, "candidates merged are those put in one after the other, at the same places");
	for (i = 0, same = true; i < ROUNDS / 10 && same; i++)
		same = insert_once();
	check(same, "... and so is each by itself");
	check(vx_hnsw_pool_insert(pool, &count, 1, 1, 7) == 0 && count == 1, "an empty pool takes one");
	check(vx_hnsw_pool_insert(pool, &count, 1, NAN, 8) == 1 && pool[0].node == 7,
		  "a full one does not take what is no number");

	printf("1..%d\n", tests);
	return failures > 0;
}
