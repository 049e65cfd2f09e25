/* sources: src/hnsw/hnsw_width.c */
/*-------------------------------------------------------------------------
 *
 * test_width.c
 *	  The width of a walk that a calibration gives for a recall.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

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
	printf("1..%d\n", tests);
	return failures != 0;
}
