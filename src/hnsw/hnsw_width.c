/*-------------------------------------------------------------------------
 *
 * hnsw_width.c
 *	  What a calibration says: how wide a walk must be for a recall, or how far
 *	  it must go.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "hnsw/hnsw_width.h"

/*
 * Close to 1, where most data asks for them, and far beyond for few dimensions,
 * where the next row may be several times as far as the nearest.
 */
const double vx_hnsw_calibrated_stretch[HNSW_CALIBRATED_STRETCHES] = {
	0.7, 0.85, 0.92, 0.95, 0.97, 0.985, 1, 1.01, 1.025, 1.04,
	1.06, 1.08, 1.1, 1.125, 1.15, 1.2, 1.3, 1.5, 2, 4
};

/* Half a unit of what is kept stands for "none has been missed". */
static double
found_share(uint16_t recall)
{
	return fmin(recall / 65535.0, 1.0 - 0.5 / 65535.0);
}

/*
 * Where a recall lies on a curve of count points, from 0 to count - 1:
 * log(1 - recall) is taken for linear between two.  count if it lies beyond.
 */
static double
find_place(const uint16_t *recalls, int count, double recall)
{
	double		before = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		double		found = found_share(recalls[i]);

		if (found >= recall)
		{
			if (i == 0 || found <= before)
				return i;
			return i - 1 + (log(1 - before) - log(1 - recall)) /
				(log(1 - before) - log(1 - found));
		}
		before = found;
	}
	return count;
}

/*
 * log2(ef / 10) for one of the calibrated k.  Beyond the last point, twice as
 * wide misses half as much, as beyond what has been measured
 * (vx_hnsw_fill_calibration).
 */
static double
find_step(const uint16_t *recalls, double recall)
{
	double		step = find_place(recalls, HNSW_CALIBRATED_EFS, recall);
	double		last;

	if (step < HNSW_CALIBRATED_EFS)
		return step;
	last = found_share(recalls[HNSW_CALIBRATED_EFS - 1]);
	step = HNSW_CALIBRATED_EFS - 1 + log2((1 - last) / (1 - recall));
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

/* The stretch for one of the calibrated k */
static double
find_stretch(const uint16_t *recalls, double recall)
{
	double		place = find_place(recalls, HNSW_CALIBRATED_STRETCHES, recall);
	int			i = (int) place;

	if (i == HNSW_CALIBRATED_STRETCHES)
		return INFINITY;
	if (place == i)
		return vx_hnsw_calibrated_stretch[i];
	return vx_hnsw_calibrated_stretch[i] + (place - i) *
		(vx_hnsw_calibrated_stretch[i + 1] - vx_hnsw_calibrated_stretch[i]);
}

double
vx_hnsw_find_stretch(const uint16_t recalls[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_STRETCHES],
					 int k, double recall)
{
	/* Between the calibrated k */
	double		place = log10(k > 1 ? k : 1);
	int			i = (int) fmin(place, HNSW_CALIBRATED_KS - 2);
	double		below = find_stretch(recalls[i], recall);
	double		above = find_stretch(recalls[i + 1], recall);

	/* Infinite times nothing is not a number. */
	if (place <= i || (place < i + 1 && isinf(below)))
		return below;
	if (place == i + 1 || isinf(above))
		return above;
	if (place < i + 1)
		return below + (place - i) * (above - below);

	/*
	 * Beyond, what is above 1 goes on to fall as it has from the last but
	 * one.
	 */
	if (above <= 1 || above >= below || isinf(below))
		return above;
	return 1 + (above - 1) * pow((above - 1) / (below - 1), place - (i + 1));
}
