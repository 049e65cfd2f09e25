/*-------------------------------------------------------------------------
 *
 * graph_shape.c
 *	  What a backend remembers of tables of edges from call to call.
 *
 * Which columns a call means, of what types they are, and which index finds
 * edges by either end does not change while the table does not.  A small walk
 * would spend a good part of its time on finding that out again, so it is kept
 * for the last few kinds of calls.  Rights, row-level security and snapshots are
 * never remembered.
 *
 * The answer holds as long as nothing is heard of the table or its indexes: each
 * change of their definitions sends a relcache invalidation, which has arrived
 * by the time a lock on the table is held.  Operators that join a family later
 * are heard of, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/syscache.h"

#include "base/base_compat.h"
#include "graph/graph.h"

/* Kinds of calls that are remembered */
#define SHAPES 16

static GraphShape shapes[SHAPES];
static uint64 shape_clock;
static uint64 shape_changes;

static void
forget_relation(Datum arg, Oid relid)
{
	shape_changes++;
	for (int i = 0; i < SHAPES; i++)
	{
		GraphShape *shape = &shapes[i];

		if (!OidIsValid(relid) || shape->call.relid == relid ||
			shape->sides[GRAPH_OUT].index == relid || shape->sides[GRAPH_IN].index == relid)
			shape->call.relid = InvalidOid;
	}
}

static void
forget_all(Datum arg, int cacheid, uint32 hashvalue)
{
	forget_relation((Datum) 0, InvalidOid);
}

/* What has been heard of changes so far; a shape found before a change is not kept after it. */
uint64
vx_graph_shape_changes(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
		CacheRegisterSyscacheCallback(AMOPOPID, forget_all, (Datum) 0);
		registered = true;
	}
	return shape_changes;
}

static bool
is_same_call(const GraphCall *a, const GraphCall *b)
{
	if (a->relid != b->relid || a->types != b->types || a->given != b->given ||
		a->unused != b->unused || a->direction != b->direction)
		return false;
	for (int i = 0; i < GRAPH_COLUMNS; i++)
	{
		if ((a->given & (1 << i)) && strcmp(NameStr(a->names[i]), NameStr(b->names[i])) != 0)
			return false;
	}
	return true;
}

/* What is known of such a call, or NULL; the table must be locked. */
const GraphShape *
vx_graph_find_shape(const GraphCall *call)
{
	for (int i = 0; i < SHAPES; i++)
	{
		if (is_same_call(&shapes[i].call, call))
		{
			shapes[i].used = ++shape_clock;
			return &shapes[i];
		}
	}
	return NULL;
}

/* Remembers what has been found out, unless there was a change since "changes". */
void
vx_graph_keep_shape(const GraphShape *shape, uint64 changes)
{
	int			oldest = 0;

	if (changes != vx_graph_shape_changes())
		return;
	for (int i = 1; i < SHAPES; i++)
	{
		if (OidIsValid(shapes[oldest].call.relid) &&
			(!OidIsValid(shapes[i].call.relid) || shapes[i].used < shapes[oldest].used))
			oldest = i;
	}
	shapes[oldest] = *shape;
	shapes[oldest].used = ++shape_clock;
}
