/*-------------------------------------------------------------------------
 *
 * hnsw_width.c
 *	  What a calibration says: how wide a walk must be for a recall.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "hnsw/hnsw_width.h"

/*
 * log2(ef / 10) for one of the calibrated k: log(1 - recall) is taken for
 * linear between two points.  Beyond the last, twice as wide misses half as
 * much, as beyond what has been measured (vx_hnsw_fill_calibration).
 */
static double
find_step(const uint16_t *recalls, double recall)
{
	double		before = 0;
	double		step;
	int			i;

	for (i = 0; i < HNSW_CALIBRATED_EFS; i++)
	{
		/* Half a unit stands for "none has been missed". */
		double		found = fmin(recalls[i] / 65535.0, 1.0 - 0.5 / 65535.0);

		if (found >= recall)
		{
			if (i == 0 || found <= before)
				return i;
			return i - 1 + (log(1 - before) - log(1 - recall)) /
				(log(1 - before) - log(1 - found));
		}
		before = found;
	}
	step = HNSW_CALIBRATED_EFS - 1 + log2((1 - before) / (1 - recall));
	return fmin(step, log2(HNSW_MAX_EF_SEARCH / (double) HnswCalibratedEf(0)));
}

double
vx_hnsw_find_width(const uint16_t recalls[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_EFS],
				   int k, double recall)
{
	double		steps[HNSW_CALIBRATED_KS];
	double		place;
	double		slope;
	int			i;

	for (i = 0; i < HNSW_CALIBRATED_KS; i++)
		steps[i] = find_step(recalls[i], recall);

	/* Between the calibrated k, which are powers of ten */
	place = log10(k > 1 ? k : 1);
	i = (int) fmin(place, HNSW_CALIBRATED_KS - 2);
	slope = steps[i + 1] - steps[i];
	if (place > HNSW_CALIBRATED_KS - 1)
	{
		/* Beyond, half way from there to an ef that grows like k */
		i = HNSW_CALIBRATED_KS - 1;
		slope = (slope + log2(10)) / 2;
	}
	return HnswCalibratedEf(0) * exp2(steps[i] + (place - i) * slope);
}
