/*-------------------------------------------------------------------------
 *
 * filter_geo.c
 *	  Server-free geometry on the globe.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/filter_geo.h"

#include <math.h>

/* Mean radius of the earth (IUGG: (2a + b) / 3), as Qdrant takes it */
#define EARTH_METRES 6371008.8

#define RADIANS_PER_DEGREE 0.017453292519943295

typedef enum RingPlace
{
	RING_OUTSIDE,
	RING_BOUNDARY,
	RING_INSIDE
} RingPlace;

bool
vx_filter_is_in_box(FilterPoint point, FilterPoint top_left, FilterPoint bottom_right)
{
	if (!(bottom_right.lat < point.lat && point.lat < top_left.lat))
		return false;
	if (top_left.lon > bottom_right.lon)
		return point.lon > top_left.lon || point.lon < bottom_right.lon;
	return top_left.lon < point.lon && point.lon < bottom_right.lon;
}

double
vx_filter_measure_metres(FilterPoint a, FilterPoint b)
{
	double		sin_lat = sin((b.lat - a.lat) * RADIANS_PER_DEGREE / 2);
	double		sin_lon = sin((b.lon - a.lon) * RADIANS_PER_DEGREE / 2);
	double		h = sin_lat * sin_lat +
		cos(a.lat * RADIANS_PER_DEGREE) * cos(b.lat * RADIANS_PER_DEGREE) * sin_lon * sin_lon;

	/* Rounding may take h of antipodes beyond 1. */
	return 2 * EARTH_METRES * asin(sqrt(h < 1 ? h : 1));
}

/* Crossings of a ray to the east with the ring's lines */
static RingPlace
find_place(FilterPoint point, const FilterRing *ring)
{
	bool		inside = false;
	int			i;

	for (i = 1; i < ring->count; i++)
	{
		FilterPoint a = ring->points[i - 1];
		FilterPoint b = ring->points[i];
		double		side;

		if ((a.lat > point.lat) == (b.lat > point.lat))
		{
			/* No crossing, but the point may lie on a level line or an end. */
			if (a.lat == point.lat && b.lat == point.lat &&
				(a.lon < b.lon ? a.lon <= point.lon && point.lon <= b.lon
				 : b.lon <= point.lon && point.lon <= a.lon))
				return RING_BOUNDARY;
			if ((a.lat == point.lat && a.lon == point.lon) ||
				(b.lat == point.lat && b.lon == point.lon))
				return RING_BOUNDARY;
			continue;
		}
		side = (b.lon - a.lon) * (point.lat - a.lat) - (point.lon - a.lon) * (b.lat - a.lat);
		if (side == 0)
			return RING_BOUNDARY;
		if ((side > 0) == (b.lat > a.lat))
			inside = !inside;
	}
	return inside ? RING_INSIDE : RING_OUTSIDE;
}

bool
vx_filter_is_in_polygon(FilterPoint point, const FilterRing *rings, int ring_count)
{
	int			i;

	if (!isfinite(point.lon) || !isfinite(point.lat) ||
		find_place(point, &rings[0]) != RING_INSIDE)
		return false;
	for (i = 1; i < ring_count; i++)
	{
		if (find_place(point, &rings[i]) != RING_OUTSIDE)
			return false;
	}
	return true;
}
