/*-------------------------------------------------------------------------
 *
 * test_filter.c
 *	  Unit test of the server-free parts of payload filters: prints TAP.
 *
 * SipHash against published vectors, dates against the C library's calendar,
 * geometry against known places and another way to count, paths and filters
 * against their own written form.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter/filter_datetime.h"
#include "filter/filter_parse.h"
#include "filter/filter_siphash.h"

/* ---- TAP ---- */

static int	tests_run = 0;
static int	tests_failed = 0;
static int	faults = 0;			/* in the test at work */

static void
fault(const char *format,...)
{
	va_list		args;

	if (++faults > 5)
		return;
	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void
end_test(const char *name)
{
	tests_run++;
	if (faults > 0)
		tests_failed++;
	printf("%s %d - %s\n", faults > 0 ? "not ok" : "ok", tests_run, name);
	fflush(stdout);
	faults = 0;
}

static uint64_t random_state = 42;

/* splitmix64 */
static uint64_t
next_random(void)
{
	uint64_t	z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static double
random_double(double from, double to)
{
	return from + (to - from) * (double) (next_random() >> 11) / 9007199254740992.0;
}

/* ---- SipHash ---- */

/* Of vectors.h in the authors' reference: input 00 01 02 ..., key 00 .. 0f */
static const struct
{
	int			length;
	unsigned char hash[8];
}			siphash_vectors[] = {
	{0, {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72}},
	{1, {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74}},
	{2, {0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d}},
	{3, {0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85}},
	{4, {0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf}},
	{5, {0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18}},
	{6, {0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb}},
	{7, {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab}},
	{8, {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93}},
	{15, {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1}},
	{63, {0x72, 0x45, 0x06, 0xeb, 0x4c, 0x32, 0x8a, 0x95}}
};

static void
test_siphash(void)
{
	unsigned int v;

	for (v = 0; v < sizeof(siphash_vectors) / sizeof(siphash_vectors[0]); v++)
	{
		int			length = siphash_vectors[v].length;
		unsigned char *input = malloc((size_t) length + 1);
		uint64_t	hash;
		int			i;

		for (i = 0; i < length; i++)
			input[i] = (unsigned char) i;
		hash = vx_filter_siphash(input, (size_t) length, UINT64_C(0x0706050403020100),
								 UINT64_C(0x0f0e0d0c0b0a0908));
		for (i = 0; i < 8; i++)
		{
			if ((unsigned char) (hash >> (8 * i)) != siphash_vectors[v].hash[i])
				fault("length %d gives %016llx", length, (unsigned long long) hash);
		}
		free(input);
	}
	end_test("SipHash-2-4 gives the published values");
}

/* ---- Dates ---- */

static bool
parse_datetime(const char *text, int64_t *micros)
{
	/* Exact size, so that the address sanitizer sees a step too far. */
	size_t		length = strlen(text);
	char	   *copy = malloc(length + 1);
	bool		good;

	memcpy(copy, text, length);
	copy[length] = 'Z';
	good = vx_filter_parse_datetime(copy, (int) length, micros);
	free(copy);
	return good;
}

static void
test_dates(void)
{
	/* 2000-01-01 in the C library's seconds */
	const int64_t epoch = INT64_C(946684800);
	int			i;

	for (i = 0; i < 200000; i++)
	{
		int64_t		seconds = (int64_t) (next_random() % UINT64_C(315537897600)) - INT64_C(62135596800);
		int			fraction = (int) (next_random() % 1000000);
		int			offset = (int) (next_random() % (2 * 24 * 60 - 1)) - (24 * 60 - 1);
		time_t		local = (time_t) (seconds + offset * 60);
		struct tm	broken;
		char		text[80];
		int64_t		micros;

		if (gmtime_r(&local, &broken) == NULL || broken.tm_year + 1900 < 0 || broken.tm_year + 1900 > 9999)
			continue;
		snprintf(text, sizeof(text), "%04d-%02d-%02d%c%02d:%02d:%02d.%06d%c%02d%s%02d",
				 broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday, i % 2 ? 'T' : ' ',
				 broken.tm_hour, broken.tm_min, broken.tm_sec, fraction, offset < 0 ? '-' : '+',
				 abs(offset) / 60, i % 3 ? ":" : "", abs(offset) % 60);
		if (!parse_datetime(text, &micros))
			fault("refused: %s", text);
		else if (micros != (seconds - epoch) * 1000000 + fraction)
			fault("%s gives %lld", text, (long long) micros);
	}
	end_test("200,000 random dates and times agree with gmtime");
}

static void
test_date_forms(void)
{
	static const char *const same[] = {
		"2000-01-01", "2000-01-01T00:00", "2000-01-01 00:00:00", "2000-01-01t00:00:00.0000009z",
		"2000-01-01T01:00+01", "1999-12-31T23:00:00-01:00", "2000-01-01 05:30 +0530", "1999-12-31T23:59:60Z"
	};
	static const char *const bad[] = {
		"", "2000", "2000-01", "2000-1-1", "2000-01-01T", "2000-01-01 ", "2000-01-01T0", "2000-01-01T00",
		"2000-01-01T00:0",
		"2000-01-01T00:00:", "2000-01-01T00:00:0", "2000-01-01T00:00:00.", "2000-01-01T00:00:00+", "2000-01-01T00:00:00+1",
		"2000-01-01T00:00:00+01:", "2000-01-01T00:00:00+01:0", "2000-01-01T00:00:00+24:00",
		"2000-01-01T00:00:00+00:60",
		"2000-01-01T00:00:00ZZ", "2000-01-01T00:00:00 UTC", "2000-01-01Z", "2000-00-01",
		"2000-13-01", "2000-01-00", "2000-01-32",
		"2001-02-29", "1900-02-29", "2000-04-31", "2000-01-01T24:00",
		"2000-01-01T00:60", "2000-01-01T00:00:61", "-2000-01-01",
		"+2000-01-01", "2000/01/01", "20000101", " 2000-01-01", "2000-01-01x",
		"2000-01-01T00:00:00.x", "x000-01-01", "2000-01-01T00:00 "
	};
	unsigned int i;
	int64_t		micros;

	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++)
	{
		micros = 1;
		if (!parse_datetime(same[i], &micros) || micros != 0)
			fault("%s gives %lld", same[i], (long long) micros);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		if (parse_datetime(bad[i], &micros))
			fault("taken: %s", bad[i]);
	}
	end_test("forms of dates and times");
}

/* ---- Geometry ---- */

static void
test_distances(void)
{
	FilterPoint berlin = {13.4050, 52.5200};
	FilterPoint london = {-0.1278, 51.5074};
	FilterPoint pole = {0, 90};
	FilterPoint equator = {0, 0};
	FilterPoint opposite = {180, 0};
	int			i;

	if (fabs(vx_filter_measure_metres(berlin, london) - 931567) > 1000)
		fault("Berlin to London: %f", vx_filter_measure_metres(berlin, london));
	if (fabs(vx_filter_measure_metres(pole, equator) - 10007557.22) > 0.01)
		fault("pole to equator: %f", vx_filter_measure_metres(pole, equator));
	if (fabs(vx_filter_measure_metres(equator, opposite) - 20015114.44) > 0.01)
		fault("half around: %f", vx_filter_measure_metres(equator, opposite));
	if (vx_filter_measure_metres(berlin, berlin) != 0)
		fault("a point has a distance from itself");

	/* Against the angle between vectors, which is good for long distances */
	for (i = 0; i < 100000; i++)
	{
		FilterPoint a = {random_double(-180, 180), random_double(-90, 90)};
		FilterPoint b = {random_double(-180, 180), random_double(-90, 90)};
		double		degree = 3.14159265358979323846 / 180;
		double		cosine = sin(a.lat * degree) * sin(b.lat * degree) +
			cos(a.lat * degree) * cos(b.lat * degree) * cos((a.lon - b.lon) * degree);
		double		expected = 6371008.8 * acos(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine);

		if (fabs(vx_filter_measure_metres(a, b) - expected) > 1)
			fault("%f instead of %f", vx_filter_measure_metres(a, b), expected);
	}
	end_test("distances on the globe");
}

/* Is the point inside, by the angle that the ring goes around it? */
static bool
winds_around(FilterPoint point, const FilterRing *ring)
{
	double		angle = 0;
	int			i;

	for (i = 1; i < ring->count; i++)
	{
		double		ax = ring->points[i - 1].lon - point.lon;
		double		ay = ring->points[i - 1].lat - point.lat;
		double		bx = ring->points[i].lon - point.lon;
		double		by = ring->points[i].lat - point.lat;

		angle += atan2(ax * by - ay * bx, ax * bx + ay * by);
	}
	/* Once or twice around, in either direction; an even number is outside. */
	return lround(fabs(angle) / 6.283185307179586) % 2 == 1;
}

static void
test_polygons(void)
{
	int			inside = 0;
	int			i;

	for (i = 0; i < 100000; i++)
	{
		FilterPoint points[9];
		FilterRing	ring;
		FilterPoint point = {random_double(-10, 10), random_double(-10, 10)};
		int			j;

		ring.count = 4 + (int) (next_random() % 6);
		ring.points = points;
		for (j = 0; j < ring.count - 1; j++)
		{
			points[j].lon = random_double(-10, 10);
			points[j].lat = random_double(-10, 10);
		}
		points[ring.count - 1] = points[0];
		if (vx_filter_is_in_polygon(point, &ring, 1) != winds_around(point, &ring))
			fault("polygon %d of %d points", i, ring.count);
		inside += winds_around(point, &ring) ? 1 : 0;
	}
	if (inside < 10000 || inside > 90000)
		fault("%d points inside", inside);
	end_test("100,000 random polygons agree with the angle around the point");
}

static void
test_boundaries(void)
{
	/* A square with a notch: level, upright and slanted lines */
	FilterPoint points[] = {{0, 0}, {8, 0}, {8, 8}, {4, 4}, {0, 8}, {0, 0}};
	FilterPoint hole_points[] = {{1, 1}, {1, 3}, {3, 3}, {3, 1}, {1, 1}};
	FilterRing	rings[] = {{6, points}, {5, hole_points}};
	static const struct
	{
		double		lon;
		double		lat;
		bool		inside;
	}			cases[] = {
		{4, 0, false}, {0, 0, false}, {8, 0, false}, {8, 4, false}, {0, 4, false},
		{4, 4, false}, {6, 6, false}, {2, 6, false},
		{8, 8, false}, {0, 8, false}, {9, 0, false}, {-1, 0, false}, {9, 4, false},
		{-1, 4, false}, {4, 5, false}, {4, 8, false},
		{4, 3.5, true}, {7.5, 4, true}, {0.5, 4, true}, {1, 6, true}, {7, 6, true}, {4, 0.1, true}, {0.5, 1, true},
		{2, 2, false}, {1, 1, false}, {1, 2, false}, {2, 1, false}, {3, 3, false},
		{3.5, 3, true}, {0.5, 3, true}, {2, 0.5, true}
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		FilterPoint point = {cases[i].lon, cases[i].lat};

		if (vx_filter_is_in_polygon(point, rings, 2) != cases[i].inside)
			fault("%g %g", point.lon, point.lat);
	}
	end_test("boundaries are not inside, nor are holes and their boundaries");
}

/* ---- Filters ---- */

static void *
allocate(void *arg, size_t bytes)
{
	void	  **chain = arg;
	void	  **block = malloc(sizeof(void *) * 2 + bytes);

	if (block == NULL)
		abort();
	block[0] = *chain;
	*chain = block;
	return block + 2;
}

static void
free_chain(void **chain)
{
	while (*chain != NULL)
	{
		void	  **block = *chain;

		*chain = block[0];
		free(block);
	}
}

static void
test_deep_filters(void)
{
	void	   *chain = NULL;
	FilterMemory memory = {allocate, &chain, vx_filter_encode_utf8};
	int			depth;

	for (depth = 1; depth <= VX_FILTER_MAX_NESTING + 1; depth++)
	{
		char		text[8192] = "";
		FilterFault problem;
		FilterNode *root;
		int			i;

		for (i = 1; i < depth; i++)
			strcat(text, "{\"must\":{\"nested\":{\"key\":\"a\",\"filter\":");
		strcat(text, "{\"should\":{\"key\":\"p\",\"geo_polygon\":{\"exterior\":{\"points\":[{\"lon\":0,\"lat\":0},"
			   "{\"lon\":1,\"lat\":0},{\"lon\":1,\"lat\":1},{\"lon\":0,\"lat\":0}]},\"interiors\":[{\"points\":"
			   "[{\"lon\":0,\"lat\":0},{\"lon\":1,\"lat\":0},{\"lon\":1,\"lat\":1},{\"lon\":0,\"lat\":0}]}]}}}");
		for (i = 1; i < depth; i++)
			strcat(text, "}}}");
		root = vx_filter_parse(text, strlen(text), &memory, &problem);
		if ((root != NULL) != (depth <= VX_FILTER_MAX_NESTING))
			fault("depth %d is %s", depth, root != NULL ? "taken" : "refused");
		if (root == NULL && problem.kind != FILTER_FAULT_LIMIT)
			fault("depth %d: %s", depth, problem.message);
		if (root != NULL)
		{
			FilterString written = vx_filter_write(root, &memory);

			if (vx_filter_parse(written.bytes, (size_t) written.length, &memory, &problem) == NULL)
				fault("depth %d does not read back: %s", depth, problem.message);
		}
		free_chain(&chain);
	}
	end_test("the deepest filter reads back, a deeper one is refused");
}

int
main(void)
{
	test_siphash();
	test_dates();
	test_date_forms();
	test_distances();
	test_polygons();
	test_boundaries();
	test_deep_filters();
	printf("1..%d\n", tests_run);
	return tests_failed > 0 ? 1 : 0;
}
