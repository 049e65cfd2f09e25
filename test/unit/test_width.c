/* sources: src/hnsw/hnsw_width.c */
/*-------------------------------------------------------------------------
 *
 * test_width.c
 *	  The width of a walk that a calibration gives for a recall, and where it may
 *	  end.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "hnsw/hnsw_width.h"

static int	tests = 0;
static int	failures = 0;

static void
check(bool ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, what);
	failures += !ok;
}

/* The same curve for all k: the misses at ef 10 and by which they fall each step */
static void
fill(uint16_t recalls[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_EFS], double misses, double factor)
{
	int			k;
	int			i;

	for (k = 0; k < HNSW_CALIBRATED_KS; k++)
	{
		for (i = 0; i < HNSW_CALIBRATED_EFS; i++)
			recalls[k][i] = (uint16_t) lround(65535 * (1 - misses * pow(factor, i)));
	}
}

static bool
is_near(double width, double expected)
{
	return fabs(width - expected) <= expected / 100;
}

/* All that is missed is found by a stretch of so much. */
static void
fill_stretches(uint16_t recalls[HNSW_CALIBRATED_STRETCHES], double misses, double enough)
{
	int			i;

	for (i = 0; i < HNSW_CALIBRATED_STRETCHES; i++)
	{
		double		share = (enough - vx_hnsw_calibrated_stretch[i]) /
			(enough - vx_hnsw_calibrated_stretch[0]);

		recalls[i] = (uint16_t) lround(65535 * (1 - misses * fmax(share, 0)));
	}
}

static void
check_stretches(void)
{
	uint16_t	recalls[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_STRETCHES];
	double		last = 0;
	double		target;
	bool		grows = true;
	int			i;

	for (i = 1; i < HNSW_CALIBRATED_STRETCHES; i++)
		grows &= vx_hnsw_calibrated_stretch[i] > vx_hnsw_calibrated_stretch[i - 1];
	check(grows, "stretches are measured from small to large");

	fill_stretches(recalls[0], 0.6, 1.5);
	fill_stretches(recalls[1], 0.4, 1.3);
	fill_stretches(recalls[2], 0.2, 1.1);
	for (i = 0; i < HNSW_CALIBRATED_STRETCHES; i++)
		grows &= recalls[1][i] == 65535 ||
			fabs(vx_hnsw_find_stretch(recalls, 10, recalls[1][i] / 65535.0) -
				 vx_hnsw_calibrated_stretch[i]) < 1e-3;
	check(grows, "a stretch that has been measured is given for its recall");
	check(vx_hnsw_find_stretch(recalls, 10, 0.5) == vx_hnsw_calibrated_stretch[0],
		  "the smallest is enough for less");
	grows = true;
	for (target = 0.7; target < 0.999; target += 0.001)
	{
		double		stretch = vx_hnsw_find_stretch(recalls, 10, target);

		grows &= stretch >= last;
		last = stretch;
	}
	check(grows, "more is never nearer");
	check(vx_hnsw_find_stretch(recalls, 1, 0.95) > vx_hnsw_find_stretch(recalls, 3, 0.95) &&
		  vx_hnsw_find_stretch(recalls, 3, 0.95) > vx_hnsw_find_stretch(recalls, 10, 0.95),
		  "between two k");
	check(vx_hnsw_find_stretch(recalls, 1000, 0.95) < vx_hnsw_find_stretch(recalls, 100, 0.95) &&
		  vx_hnsw_find_stretch(recalls, 1000000, 0.95) >= 1,
		  "beyond them it falls, but not below one");

	/*
	 * Even the largest misses some: that is no stretch, of no k that comes
	 * near.
	 */
	for (i = 0; i < HNSW_CALIBRATED_STRETCHES; i++)
		recalls[1][i] = recalls[1][i] < 62000 ? recalls[1][i] : 62000;
	check(isinf(vx_hnsw_find_stretch(recalls, 10, 0.96)), "a recall that no stretch finds");
	check(isinf(vx_hnsw_find_stretch(recalls, 5, 0.96)) && isinf(vx_hnsw_find_stretch(recalls, 20, 0.96)) &&
		  !isinf(vx_hnsw_find_stretch(recalls, 1, 0.96)) && !isinf(vx_hnsw_find_stretch(recalls, 100, 0.96)),
		  "is none between this k and its neighbours");

	check(vx_hnsw_find_stretch(recalls, 1000, 0.96) == vx_hnsw_find_stretch(recalls, 100, 0.96),
		  "and says nothing of how it goes on beyond the last");

	/* An index that was measured before there were stretches */
	memset(recalls, 0, sizeof(recalls));
	check(isinf(vx_hnsw_find_stretch(recalls, 1, 0.01)) && isinf(vx_hnsw_find_stretch(recalls, 10, 0.95)) &&
		  isinf(vx_hnsw_find_stretch(recalls, 5000, 0.5)), "nothing has been measured");
}

static void
check_goals(void)
{
	HnswGoal	goal = {10, HnswGoalLeast(10), 1.21f, 0.0f};

	check(!vx_hnsw_reaches(&goal, 10, 1.2f, 1.0f) && vx_hnsw_reaches(&goal, 10, 1.3f, 1.0f),
		  "a goal is a distance in times of that at its place");
	check(!vx_hnsw_reaches(&goal, 2, 9.0f, 1.0f) && vx_hnsw_reaches(&goal, 3, 9.0f, 1.0f),
		  "a quarter of the places are expanded before");
	check(!vx_hnsw_reaches(&goal, 10, 0.0f, 0.0f) && vx_hnsw_reaches(&goal, 10, 1e-30f, 0.0f),
		  "where all are equal the walk goes on among them");
	check(!vx_hnsw_reaches(&goal, 10, 3e38f, 3e38f), "beyond what floats hold it goes on");
	goal.factor = INFINITY;
	check(!vx_hnsw_reaches(&goal, 10, 3e38f, 1e-30f) && !vx_hnsw_reaches(&goal, 10, 1.0f, 0.0f),
		  "an infinite stretch is no goal");

	check(vx_hnsw_goal_width(10, 10) == 62 && vx_hnsw_goal_width(100, 10) == 332 &&
		  vx_hnsw_goal_width(1500, 500) == 4532,
		  "a walk that does not come to its goal is three times as wide");
	check(vx_hnsw_goal_width(1000, 10) == 1280 && vx_hnsw_goal_width(1279, 100) == 1280 &&
		  vx_hnsw_goal_width(1500, 200) == 2560,
		  "... but not wider than what has been measured");
	check(vx_hnsw_goal_width(2000, 10) == 2000 && vx_hnsw_goal_width(20000, 1000) == 20000,
		  "... if a width that finds as much is not");

	/* Negated inner products of vectors whose norms' product is 4 */
	goal.factor = 1.5f;
	goal.lift = 4.0f;
	check(!vx_hnsw_reaches(&goal, 10, -2.6f, -3.0f) && vx_hnsw_reaches(&goal, 10, -2.4f, -3.0f),
		  "inner products are raised to distances");
	check(!vx_hnsw_reaches(&goal, 10, 5.5f, 2.4f) && vx_hnsw_reaches(&goal, 10, 5.7f, 2.4f),
		  "... those of vectors that point away, too");
	check(!vx_hnsw_reaches(&goal, 10, -4.5f, -6.0f) && vx_hnsw_reaches(&goal, 10, -3.9f, -6.0f),
		  "a longer row is as near as can be, and so are others like it");
}

int
main(void)
{
	uint16_t	recalls[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_EFS];
	double		last;
	double		target;
	bool		grows = true;

	fill(recalls, 0.4, 0.5);
	check(is_near(vx_hnsw_find_width(recalls, 10, 0.6), 10), "the first point");
	check(is_near(vx_hnsw_find_width(recalls, 10, 0.95), 80), "a point in the middle");
	check(is_near(vx_hnsw_find_width(recalls, 1, 0.9), 40), "the smallest k");
	check(is_near(vx_hnsw_find_width(recalls, 100, 1 - 0.4 * pow(0.5, 2.5)), 10 * exp2(2.5)),
		  "between two points");
	check(vx_hnsw_find_width(recalls, 1000, 0.9) > 1.9 * vx_hnsw_find_width(recalls, 100, 0.9),
		  "more rows than any that were measured");

	/* It ends at a recall of .97. */
	fill(recalls, 0.3, pow(0.1, 1.0 / (HNSW_CALIBRATED_EFS - 1)));
	check(is_near(vx_hnsw_find_width(recalls, 10, 0.9699), 1280), "the last point");
	check(is_near(vx_hnsw_find_width(recalls, 10, 0.985), 2560), "half of the misses at the end");
	check(is_near(vx_hnsw_find_width(recalls, 100, 0.999), 1280 * 30), "a thirtieth of them");
	last = 0;
	for (target = 0.5; target < 0.9995; target += 0.001)
	{
		double		width = vx_hnsw_find_width(recalls, 10, target);

		grows &= width >= last;
		last = width;
	}
	check(grows, "more is never less");

	fill(recalls, 1, 1);
	check(is_near(vx_hnsw_find_width(recalls, 10, 0.999), HNSW_MAX_EF_SEARCH),
		  "nothing is ever found: there is an end");
	check_stretches();
	check_goals();
	printf("1..%d\n", tests);
	return failures != 0;
}
