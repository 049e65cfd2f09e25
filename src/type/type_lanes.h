/*-------------------------------------------------------------------------
 *
 * type_lanes.h
 *	  Loops over four elements at a time.
 *
 * PostgreSQL is built with -O2, at which gcc leaves a loop alone whose length
 * it does not know.  The vector types of gcc and clang need no instruction
 * set beyond the compiler's default; distances, which gain from wider ones,
 * are in src/distance.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_TYPE_LANES_H
#define VX_TYPE_LANES_H

#define LANES 4

typedef float FloatLanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int IntLanes __attribute__((vector_size(LANES * sizeof(int))));
typedef float FloatPair __attribute__((vector_size(2 * sizeof(float))));
typedef double DoublePair __attribute__((vector_size(2 * sizeof(double))));

/* memcpy, because elements are aligned by themselves only. */
static inline FloatLanes
load_lanes(const float *from)
{
	FloatLanes	lanes;

	memcpy(&lanes, from, sizeof(lanes));
	return lanes;
}

static inline void
store_lanes(float *to, FloatLanes lanes)
{
	memcpy(to, &lanes, sizeof(lanes));
}

static inline DoublePair
load_pair(const double *from)
{
	DoublePair	pair;

	memcpy(&pair, from, sizeof(pair));
	return pair;
}

static inline void
store_pair(double *to, DoublePair pair)
{
	memcpy(to, &pair, sizeof(pair));
}

/* Two floats as doubles */
static inline DoublePair
widen_pair(const float *from)
{
	FloatPair	pair;

	memcpy(&pair, from, sizeof(pair));
	return __builtin_convertvector(pair, DoublePair);
}

/* Two doubles, rounded to floats */
static inline void
store_narrowed_pair(float *to, DoublePair pair)
{
	FloatPair	narrowed = __builtin_convertvector(pair, FloatPair);

	memcpy(to, &narrowed, sizeof(narrowed));
}

#endif							/* VX_TYPE_LANES_H */
