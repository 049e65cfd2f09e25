/*-------------------------------------------------------------------------
 *
 * filter_geo.h
 *	  Server-free geometry on the globe: boxes, circles and polygons of
 *	  longitudes and latitudes in degrees.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_GEO_H
#define VX_FILTER_GEO_H

#include <stdbool.h>

typedef struct FilterPoint
{
	double		lon;
	double		lat;
} FilterPoint;

/* A closed line: the last point is the first. */
typedef struct FilterRing
{
	int			count;
	FilterPoint *points;
} FilterRing;

/*
 * Strictly inside the box.  If its left side is east of its right side, the
 * box goes across the antimeridian.
 */
extern bool vx_filter_is_in_box(FilterPoint point, FilterPoint top_left,
								FilterPoint bottom_right);

/* Metres between two points by haversine, on a sphere of the mean radius. */
extern double vx_filter_measure_metres(FilterPoint a, FilterPoint b);

/*
 * Strictly inside the first ring and strictly outside the others.  Lines are
 * straight on the map of longitudes and latitudes.
 */
extern bool vx_filter_is_in_polygon(FilterPoint point, const FilterRing *rings,
									int ring_count);

#endif							/* VX_FILTER_GEO_H */
