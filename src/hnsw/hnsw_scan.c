/*-------------------------------------------------------------------------
 *
 * hnsw_scan.c
 *	  What a scan gets from the graph: batches of candidates with bounds.
 *
 * The first batch comes from a walk as wide as the settings, the calibration
 * and the number of rows wanted ask for; where the calibration decides and that
 * number is known, from one that ends when what it has not looked at is far
 * enough (HnswGoal).  When more rows are asked for, the walk is made again from
 * the start, WIDER times as wide: that costs a fraction of the wider walk, and
 * spares the first one from keeping what it drops.  When a pass over all codes
 * has become the cheaper way, or the walk would look at more nodes than
 * hnsw.max_scan_tuples, it gives no more, and the scan goes on exactly
 * (am_scan.c).
 *
 * With conditions on other columns the walk is the same, and begins as wide as
 * without.  Where the last row wanted came among all that were found tells how
 * wide it has to be, or how far it must go; until then it goes on, keeping what
 * it met on the way, or is given up for a pass over the codes of the rows that
 * pass, whose number is known at least about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "am/am_scan.h"
#include "base/base_debug.h"
#include "hnsw/hnsw.h"
#include "hnsw/hnsw_inspect.h"
#include "hnsw/hnsw_read.h"
#include "store/store_peek.h"

#define WIDER 4

/*
 * With a filter: how much farther than it was found the last row wanted may
 * have to be looked for.  Chance alone puts the tenth row a third farther or
 * nearer.
 */
#define FILTER_SLACK 1.2

/*
 * A goal is told by where the last row wanted is, and needs no such room; but
 * the nearest that pass are not what has been calibrated: a walk may miss so much
 * of what it might without a filter, and expands so many nodes at least.
 */
#define FILTER_MISSES 0.75
#define FILTER_LEAST 32

/*
 * With a filter, a walk is taken to become as wide as rows that pass by chance
 * demand, and keeps so much more than that.
 */
#define ROOM_SLACK 1.5

/*
 * Where the pass would be the cheaper way then, a walk begins all the same if
 * that takes at most this share of it: rows that pass may be nearer than
 * others, which a part of the usual width tells.
 */
#define PROBE_SHARE 0.2
#define PROBE_PART 4
#define MIN_PROBE 40

/* Beyond, walks that end by their goal have nothing to gain. */
#define MAX_GOAL_PLACE 1000000

/* What is known of all rows counts as much as so many nodes that were found. */
#define PRIOR_NODES 50

/* Where the executor drops rows, more are looked for than it wants, so many at least. */
#define DROPPED_LEAST 20

/* Rows of a chain that are looked at for one that passes */
#define MAX_CHAIN_STEPS 64

/* Nodes that a walk looks at for each place of its pool, from measurements */
#define NODES_PER_PLACE 12

/* Nodes between those that are asked for and those that are tested, in two steps */
#define TESTS_AHEAD 4

/* Whether a row of a node passes that a walk has found */
typedef enum TestVerdict
{
	NODE_READ,					/* nobody knows yet */
	NODE_PASSES,
	NODE_FAILS
} TestVerdict;

typedef struct TestedNode
{
	uint32		node;
	uint32		head;			/* of its chain of rows */
	TestVerdict verdict;
	char		status;			/* simplehash */
} TestedNode;

#define SH_PREFIX testtable
#define SH_ELEMENT_TYPE TestedNode
#define SH_KEY_TYPE uint32
#define SH_KEY node
#define SH_HASH_KEY(tb, key) murmurhash32(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Codes that are peeked at between two looks at the clock (R6) */
#define PEEKS_PER_CLOCK 16

typedef struct HnswWalk
{
	StoreIndex *store;
	HnswSearch *search;
	const QuantQuery *query;
	AmScanCounters *counters;
	TransactionId snapshot_xmax;
	MemoryContext context;
	const AmFilter *filter;		/* or NULL */
	int			wanted;			/* rows, 0 once they have been given */
	HnswCandidate *passing;		/* what a walk has found, with a filter */
	int			passing_room;
	testtable_hash *tested;		/* what is known of it, or NULL */
	double		share;			/* of rows that pass, in the whole index */
	int			ef;				/* of the next walk */
	int			planned_ef;		/* with a filter: what it may have to become */
	int			room;			/* and as far as it can go on */
	bool		may_have_goal;	/* walks of the first batch */
	bool		exhausted;		/* the last walk has found all that it can */
	bool		ended;
	AmCandidate *batch;
	int			batch_room;
} HnswWalk;

/*
 * Nodes that this backend knows to be dead: all their rows are, for everybody,
 * and vacuum has not come yet.  A node may get a living row again without a
 * change of its incarnation; then it has another head, or the head's slot has been
 * freed and used again since the snapshot that saw nothing of it.  Copies of an
 * index have one build_id.  So this is good for what a walk may miss, and never
 * for a pass, which has to find every row.
 */
typedef struct DeadKey
{
	uint64		build_id;
	uint32		node;
	uint32		incarnation;
} DeadKey;

typedef struct DeadNode
{
	DeadKey		key;
	uint32		head;
	uint32		status;			/* simplehash */
	uint64		since;			/* FullTransactionId not after that snapshot */
} DeadNode;

#define SH_PREFIX deadtable
#define SH_ELEMENT_TYPE DeadNode
#define SH_KEY_TYPE DeadKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) &(key), sizeof(DeadKey))
#define SH_EQUAL(tb, a, b) (memcmp(&(a), &(b), sizeof(DeadKey)) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* 32 bytes each */
#define MAX_DEAD_NODES 262144

static deadtable_hash * dead_nodes = NULL;
static MemoryContext dead_context = NULL;

/*
 * Walks since one of these was met.  Vacuum takes dead nodes away without
 * telling sessions, and walks that ask of each node whether it is one are slower:
 * after so many all are forgotten.
 */
#define MAX_FRUITLESS_WALKS 50

static int	fruitless_walks = 0;

static void
note_dead(void *arg, uint32 node, uint32 incarnation, uint32 head)
{
	HnswWalk   *walk = (HnswWalk *) arg;
	FullTransactionId next = ReadNextFullTransactionId();
	deadtable_hash *table = dead_nodes;
	DeadKey		key;
	DeadNode   *entry;
	bool		found;

	if (table == NULL)
	{
		if (dead_context == NULL)
			dead_context = AllocSetContextCreate(TopMemoryContext, "vecext dead nodes",
												 ALLOCSET_DEFAULT_SIZES);
		MemoryContextReset(dead_context);
		table = deadtable_create(dead_context, 256, NULL);
	}
	if (table->members >= MAX_DEAD_NODES)
		deadtable_reset(table);
	key.build_id = walk->store->meta.build_id;
	key.node = node;
	key.incarnation = incarnation;

	/*
	 * If there is no memory for it to grow, the table takes itself for larger
	 * than it is: nobody may look into it any more.
	 */
	dead_nodes = NULL;
	entry = deadtable_insert(table, key, &found);
	dead_nodes = table;
	entry->head = head;
	entry->since = U64FromFullTransactionId(next) -
		(XidFromFullTransactionId(next) - walk->snapshot_xmax);
	fruitless_walks = 0;
}

/* Has a slot of the row's page been freed since?  Then it may be another row. */
static bool
may_be_reused(StoreIndex *store, uint32 row, uint64 since)
{
	Buffer		buffer;
	uint64		freed;

	if (row / STORE_ROWS_PER_PAGE >= store->meta.families[STORE_ROW].pages)
		return true;
	buffer = vx_store_lock(store, STORE_ROW, row / STORE_ROWS_PER_PAGE, BUFFER_LOCK_SHARE);
	freed = StorePageGetOpaque(BufferGetPage(buffer))->free_fxid;
	UnlockReleaseBuffer(buffer);
	return freed >= since;
}

/* HnswFilter: false for a node that is known to be dead */
static bool
may_live(void *arg, uint32 node)
{
	HnswWalk   *walk = (HnswWalk *) arg;
	StoreNodeData data;
	DeadKey		key;
	DeadNode   *entry;

	/* The node's own page tells what it is now. */
	if (dead_nodes == NULL ||
		!vx_store_peek_slot(walk->store, STORE_NODE, node / STORE_NODES_PER_PAGE,
							node % STORE_NODES_PER_PAGE, sizeof(StoreNodeData),
							sizeof(StoreNodeData), &data) ||
		data.state == STORE_NODE_FREE)
		return true;
	key.build_id = walk->store->meta.build_id;
	key.node = node;
	key.incarnation = data.incarnation;
	entry = deadtable_lookup(dead_nodes, key);
	if (entry == NULL || entry->head != data.head ||
		may_be_reused(walk->store, data.head, entry->since))
		return true;
	fruitless_walks = 0;
	return false;
}

/*
 * Leave known dead nodes out of a walk, if any are known.  Returns whether.
 */
static bool
set_dead_filter(HnswWalk *walk)
{
	if (dead_nodes == NULL || dead_nodes->members == 0)
		return false;
	if (++fruitless_walks > MAX_FRUITLESS_WALKS)
	{
		deadtable_reset(dead_nodes);
		return false;
	}
	vx_hnsw_set_filter(walk->search, may_live, walk);
	return true;
}

/*
 * In codes of a pass.  The second term is what moving the sorted places takes,
 * half of a walk at ef = 16,000.
 */
double
vx_hnsw_walk_cost(const QuantParams *quant, double ef)
{
	return ef * NODES_PER_PLACE * (2.0 + 800.0 / quant->slot_bytes) + ef * ef / 400;
}

/*
 * What a pass takes: over all codes, or over those of the rows that pass, of
 * which each is read for itself, but ahead of its use.
 */
static double
pass_cost(const HnswWalk *walk)
{
	double		cost = vx_hnsw_node_limit(walk->store);

	if (walk->filter != NULL)
		cost = Min(cost, walk->filter->matches * (1.5 + 400.0 / walk->store->quant->slot_bytes));
	return cost;
}

/*
 * True if a pass is the cheaper way to as many candidates.
 */
static bool
is_pass_cheaper(const HnswWalk *walk, int ef)
{
	return vx_hnsw_walk_cost(walk->store->quant, ef) > pass_cost(walk);
}

/*
 * True if a walk that has come so far may not become so wide.  Where there is a
 * filter it is compared with a pass that looks at all rows that pass: half as
 * many nodes are allowed whatever the setting is.
 */
static bool
is_too_wide(const HnswWalk *walk, int from, int ef)
{
	double		limit = vx_hnsw_max_scan_tuples;

	if (is_pass_cheaper(walk, ef - from))
		return true;
	return walk->filter != NULL &&
		(double) ef * NODES_PER_PLACE > Max(limit, walk->filter->matches / 2);
}

/*
 * Width of a walk that finds the rank nearest.
 */
static int
choose_ef(const HnswWalk *walk, double rank)
{
	int			k = (int) Min(Max(rank, 1), HNSW_MAX_NODES / 2);

	if (!vx_hnsw_has_target())
	{
		/* As many places for each row as without a filter */
		double		ef = vx_hnsw_ef_search * Max(rank / Max(walk->wanted, 1), 1);

		return (int) Min(Max(ef, k), HNSW_MAX_NODES / 2);
	}
	return Max(vx_hnsw_choose_ef(HnswGetMeta(&walk->store->meta), k, vx_hnsw_target_recall), k);
}

/*
 * Where a walk that finds the rank nearest may end; false if only its width tells.
 */
static bool
choose_goal(const HnswWalk *walk, double rank, HnswGoal *goal)
{
	double		recall = vx_hnsw_target_recall;

	if (walk->filter != NULL)
		recall = 1 - (1 - recall) * FILTER_MISSES;
	if (!walk->may_have_goal || rank > MAX_GOAL_PLACE ||
		!vx_hnsw_choose_goal(HnswGetMeta(&walk->store->meta), walk->store->quant,
							 walk->query->query_norm, (int) Max(rank, 1), recall, goal))
		return false;
	if (walk->filter != NULL)
		goal->least = Max(goal->least, FILTER_LEAST);
	return true;
}

/*
 * A walk that looks for no rows that pass: of a scan without conditions, where the
 * first one may have a goal, or beyond the rows wanted.
 */
static int
walk_plainly(HnswWalk *walk, const HnswCandidate **found)
{
	HnswGoal	goal;
	int			count;

	if (walk->wanted > 0 && choose_goal(walk, walk->wanted, &goal))
	{
		walk->wanted = 0;
		return vx_hnsw_search_nearest(walk->search, walk->ef, &goal, found);
	}
	count = vx_hnsw_search_bottom(walk->search, walk->ef, found);
	walk->exhausted = count < walk->ef;
	return count;
}

/*
 * Read a node's slot, once a walk.
 */
static TestedNode *
read_node(HnswWalk *walk, uint32 node)
{
	StoreNodeData data;
	bool		found;
	TestedNode *tested = testtable_insert(walk->tested, node, &found);

	if (found)
		return tested;
	tested->verdict = NODE_FAILS;
	if (vx_store_peek_slot(walk->store, STORE_NODE, node / STORE_NODES_PER_PAGE,
						   node % STORE_NODES_PER_PAGE, sizeof(StoreNodeData),
						   sizeof(StoreNodeData), &data) &&
		data.state == STORE_NODE_LIVE)
	{
		tested->head = data.head;
		tested->verdict = NODE_READ;
	}
	return tested;
}

/*
 * True if a row of a chain passes, as far as a short look tells.
 */
static bool
chain_passes(const HnswWalk *walk, uint32 head)
{
	StoreIndex *store = walk->store;
	StoreRowData row;
	uint32		at = head;
	int			steps;

	for (steps = 0; steps < MAX_CHAIN_STEPS; steps++)
	{
		if (vx_am_row_passes(walk->filter, at, true))
			return true;
		if (at / STORE_ROWS_PER_PAGE >= store->meta.families[STORE_ROW].pages ||
			!vx_store_peek_slot(store, STORE_ROW, at / STORE_ROWS_PER_PAGE,
								at % STORE_ROWS_PER_PAGE, sizeof(StoreRowData),
								sizeof(StoreRowData), &row))
			return at != STORE_NONE;	/* newer than the metapage that we
										 * know */
		at = row.next;
		if (at == STORE_NONE)
			return false;
	}
	return true;
}

/*
 * True if a row of the node passes, as far as a short look tells: at its row's
 * slots, once a walk.
 */
static bool
node_passes(HnswWalk *walk, uint32 node)
{
	TestedNode *tested = read_node(walk, node);

	if (tested->verdict == NODE_READ)
		tested->verdict = chain_passes(walk, tested->head) ? NODE_PASSES : NODE_FAILS;
	return tested->verdict == NODE_PASSES;
}

/*
 * Ask for what the tests of the nodes will read that come after place at, which may
 * be below 0: of some the node's slot, of those before them the columns' slots.
 */
static void
ask_for_tests(HnswWalk *walk, const HnswCandidate *found, int count, int at)
{
	if (at + 2 * TESTS_AHEAD < count)
	{
		uint32		node = HnswFoundNode(&found[at + 2 * TESTS_AHEAD]);

		if (testtable_lookup(walk->tested, node) == NULL)
			vx_store_ask_slot(walk->store, STORE_NODE, node / STORE_NODES_PER_PAGE,
							  node % STORE_NODES_PER_PAGE, sizeof(StoreNodeData));
	}
	if (at + TESTS_AHEAD >= 0 && at + TESTS_AHEAD < count)
	{
		const TestedNode *tested = read_node(walk, HnswFoundNode(&found[at + TESTS_AHEAD]));

		if (tested->verdict == NODE_READ)
			vx_am_ask_for_row(walk->filter, tested->head);
	}
}

/*
 * Where the last row wanted is among the nodes found; 0 if there are not as
 * many, and in *passing how many there are.
 */
static int
find_rank(HnswWalk *walk, const HnswCandidate *found, int count, int *passing)
{
	int			i;

	*passing = 0;
	if (walk->tested == NULL)
		walk->tested = testtable_create(walk->context, 2 * count, NULL);
	for (i = -2 * TESTS_AHEAD; i < count; i++)
	{
		ask_for_tests(walk, found, count, i);
		if (i >= 0 && node_passes(walk, HnswFoundNode(&found[i])) && ++*passing == walk->wanted)
			return i + 1;
	}
	return 0;
}

/* Begin a walk that may become as wide, and some wider. */
static void
begin_steps(HnswWalk *walk, int ef)
{
	walk->room = (int) Min(ef * ROOM_SLACK + 2 * FILTER_LEAST, HNSW_MAX_NODES / 2);
	vx_hnsw_search_begin_steps(walk->search, walk->room);
}

/*
 * Walk as widely as the rows wanted demand.  Returns how many nodes have been
 * found, -1 if a pass is the better way.
 */
static int
walk_in_steps(HnswWalk *walk, const HnswCandidate **found, int *rank)
{
	double		place = walk->wanted;	/* how many nodes the walk has to find */

	*rank = 0;
	begin_steps(walk, Max(walk->planned_ef, walk->ef));
	for (;;)
	{
		HnswGoal	goal;
		bool		has_goal = choose_goal(walk, place, &goal);
		double		last_place = place;
		int			passing;
		int			needed;
		int			count;

		if (has_goal)
		{
			/* A place that has only been guessed may never be filled. */
			int			widest = *rank > 0 ? vx_hnsw_goal_width(walk->ef, goal.place) : walk->ef;
			uint32		reached;

			widest = Min(Max(widest, goal.least), walk->room);
			count = vx_hnsw_search_to_goals(walk->search, widest, &goal, 1, &reached, found);
			walk->exhausted = reached == 0 && count < widest;
			count = Min(count, widest);
		}
		else
		{
			count = vx_hnsw_search_step(walk->search, walk->ef, found);
			walk->exhausted = count < walk->ef;
		}
		*rank = find_rank(walk, *found, count, &passing);
		if (walk->exhausted)
			return count;

		if (*rank > 0)
			place = has_goal ? *rank : *rank * FILTER_SLACK;
		else
			place = (double) walk->wanted * (count + PRIOR_NODES) /
				(passing + PRIOR_NODES * walk->share);
		needed = choose_ef(walk, place);
		if (*rank == 0)
			needed = Max(needed, walk->ef + walk->ef / 2);
		else if (has_goal ? place <= last_place : needed <= walk->ef)
			return has_goal ? (int) Min(count, place * 1.25 + 4) : count;
		if (needed > walk->ef)
		{
			if (is_too_wide(walk, needed <= walk->room ? walk->ef : 0, needed))
				return -1;

			/* What has been guessed from few may be far too much. */
			if (*rank == 0)
				needed = (int) Min(needed, (double) walk->ef * WIDER);
			walk->ef = needed;
			if (needed > walk->room)
				begin_steps(walk, needed);
		}
	}
}

/*
 * Keep those of the nodes found of which a row passes, up to a rank if that is
 * not 0, and what is beyond: little of it will be looked at.
 */
static int
keep_passing(HnswWalk *walk, const HnswCandidate *found, int count, int rank)
{
	int			kept = 0;
	int			i;

	if (count > walk->passing_room)
	{
		if (walk->passing != NULL)
			pfree(walk->passing);
		walk->passing = MemoryContextAllocHuge(walk->context,
											   sizeof(HnswCandidate) * (Size) count);
		walk->passing_room = count;
	}
	for (i = 0; i < count; i++)
	{
		HnswCandidate candidate = {found[i].distance, HnswFoundNode(&found[i])};

		if ((rank > 0 && i >= rank) || node_passes(walk, candidate.node))
			walk->passing[kept++] = candidate;
	}
	return kept;
}

static void *
begin_walk(IndexScanDesc scan, StoreIndex *store, const QuantQuery *query, double wanted,
		   bool or_more, const AmFilter *filter, AmScanCounters *counters)
{
	HnswWalk   *walk = palloc0(sizeof(HnswWalk));
	int			k = wanted >= 1 && wanted < HNSW_MAX_NODES ? (int) wanted : 10;

	vx_hnsw_check_words(store);
	walk->store = store;
	walk->query = query;
	walk->counters = counters;
	walk->snapshot_xmax = scan->xs_snapshot->xmax;
	walk->context = CurrentMemoryContext;
	walk->search = vx_hnsw_begin_search(store);
	vx_hnsw_search_for_query(walk->search, query);

	walk->filter = filter;
	walk->wanted = k;
	if (filter == NULL && !vx_hnsw_has_target())
		walk->ef = Max(vx_hnsw_ef_search, wanted >= 1 ? k : 1);
	else
		walk->ef = choose_ef(walk, k);

	/*
	 * Of a walk that gives k rows, the first one dropped would cost a wider
	 * one.
	 */
	if (or_more && wanted >= 1 && vx_hnsw_has_target())
		walk->ef = Max(choose_ef(walk, 1.5 * k),
					   (int) Min((double) k + Max(k, DROPPED_LEAST), HNSW_MAX_NODES / 2));
	walk->may_have_goal = !set_dead_filter(walk) && vx_hnsw_has_target() && wanted >= 1 && !or_more;

	/* Few nodes, or a LIMIT that asks for a good part of them */
	walk->ended = is_too_wide(walk, 0, walk->ef);
	if (filter != NULL && !walk->ended)
	{
		walk->share = Max(filter->matches, 1) /
			((double) store->meta.families[STORE_ROW].pages * STORE_ROWS_PER_PAGE);
		walk->planned_ef = choose_ef(walk, k / walk->share * FILTER_SLACK);
		if (is_too_wide(walk, 0, walk->planned_ef))
		{
			walk->planned_ef = walk->ef;
			walk->ef = Max(walk->ef / PROBE_PART, Max(k, MIN_PROBE));
			walk->ended = vx_hnsw_walk_cost(store->quant, walk->ef) > PROBE_SHARE * pass_cost(walk);
		}
	}
	return walk;
}

/*
 * Incarnation and bound of a node by a peek, false if there was none.
 */
static bool
peek_at_candidate(const HnswWalk *walk, StoreCacheFamily *family, AmCandidate *candidate)
{
	StoreIndex *store = walk->store;
	const RelFileLocator *locator = &RelationLocator(store->relation);
	StorePageRef *ref = vx_store_find_ref(family, candidate->node / store->codes_per_page);
	const char *page = ref == NULL ? NULL : vx_store_peek_begin(locator, ref);
	const QuantSlotData *slot;

	if (page == NULL)
		return false;
	slot = (const QuantSlotData *)
		(page + STORE_ALIGNED_START +
		 candidate->node % store->codes_per_page * store->quant->slot_bytes);
	candidate->incarnation = slot->incarnation;
	candidate->bound = vx_quant_bound(walk->query, slot);

	/* Bytes of another page, as a test wants them */
	if (VX_DEBUG_NAMED("hnsw-peek-low") && candidate->node % 2 == 1)
		candidate->bound -= 1;
	if (VX_DEBUG_NAMED("hnsw-peek-high") && candidate->node % 2 == 1)
		candidate->bound += 1;
	return vx_store_peek_end(locator, ref);
}

/*
 * The bounds of what a walk has found, sorted.  Codes have just been read: most
 * are in the CPU's caches.
 */
static int
make_batch(HnswWalk *walk, const HnswCandidate *found, int count)
{
	StoreIndex *store = walk->store;
	StoreCacheFamily *family = vx_store_cache_family(store, STORE_CODE);
	bool		may_peek = vx_store_may_trust_peek(store);
	QuantSlotData *copy = palloc(store->quant->slot_bytes);
	int			kept = 0;
	int			from;

	if (count > walk->batch_room)
	{
		Size		size = sizeof(AmCandidate) * (Size) count;

		if (walk->batch != NULL)
			pfree(walk->batch);
		walk->batch = MemoryContextAllocHuge(walk->context, size);
		walk->batch_room = count;
	}

	for (from = 0; from < count; from += PEEKS_PER_CLOCK)
	{
		int			to = Min(from + PEEKS_PER_CLOCK, count);
		bool		peeked[PEEKS_PER_CLOCK];
		instr_time	start;
		instr_time	end;
		int			i;

		CHECK_FOR_INTERRUPTS();
		INSTR_TIME_SET_CURRENT(start);
		for (i = from; i < to; i++)
		{
			walk->batch[i].node = found[i].node;
			peeked[i - from] = may_peek && peek_at_candidate(walk, family, &walk->batch[i]);
		}
		INSTR_TIME_SET_CURRENT(end);
		INSTR_TIME_SUBTRACT(end, start);
		for (i = from; i < to; i++)
		{
			AmCandidate candidate = walk->batch[i];

			if (!peeked[i - from] ||
				INSTR_TIME_GET_DOUBLE(end) * 1e9 > STORE_PEEK_MAX_NANOSECONDS)
			{
				vx_hnsw_read_locked_code(store, candidate.node, copy);
				candidate.incarnation = copy->incarnation;
				candidate.bound = vx_quant_bound(walk->query, copy);
			}
			/* NaN: freed meanwhile; no incarnation: no such node */
			if (!isnan(candidate.bound) && candidate.incarnation != 0)
				walk->batch[kept++] = candidate;
		}
	}
	pfree(copy);
	qsort(walk->batch, kept, sizeof(AmCandidate), vx_am_compare_candidates);
	return kept;
}

static int
next_batch(void *arg, AmCandidate **batch)
{
	HnswWalk   *walk = (HnswWalk *) arg;

	while (!walk->ended)
	{
		const HnswCandidate *found;
		int			rank = 0;
		int			count;

		if (vx_hnsw_descend(walk->search, 0) < 0)
			return 0;
		if (walk->filter != NULL && walk->wanted > 0)
			count = walk_in_steps(walk, &found, &rank);
		else
			count = walk_plainly(walk, &found);
		walk->counters->ef = walk->ef;
		walk->counters->hops = walk->search->counters.hops;
		walk->counters->distances = walk->search->counters.distances;
		walk->counters->repeats = walk->search->counters.repeats;

		/* All that can be reached has been given, or it is time for a pass. */
		if (count < 0 || walk->exhausted || walk->ef > INT_MAX / WIDER)
			walk->ended = true;
		else
		{
			walk->ef *= WIDER;
			if ((double) walk->ef * NODES_PER_PLACE > vx_hnsw_max_scan_tuples ||
				is_pass_cheaper(walk, walk->ef))
				walk->ended = true;
		}
		if (count < 0)
			break;

		if (walk->filter != NULL)
		{
			count = keep_passing(walk, found, count, rank);
			found = walk->passing;
			walk->wanted = 0;
			walk->counters->mode = AM_MODE_WALK;
		}
		count = make_batch(walk, found, count);
		if (count > 0)
		{
			*batch = walk->batch;
			return count;
		}
	}
	return 0;
}

static bool
is_strict(void)
{
	return vx_hnsw_iterative_scan == HNSW_ITERATIVE_STRICT;
}

IndexScanDesc
vx_hnsw_begin_scan(Relation index, int key_count, int order_by_count)
{
	static const AmWalk walk = {
		begin_walk,
		next_batch,
		note_dead,
		is_strict
	};

	return vx_am_begin_scan(index, key_count, order_by_count, &walk);
}
