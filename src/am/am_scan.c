/*-------------------------------------------------------------------------
 *
 * am_scan.c
 *	  Scans of both access methods.
 *
 * An ordered scan takes candidates in batches: from a walk along the graph if
 * the access method has one, as long as that gives any, then from passes over
 * all codes.  A pass keeps the best candidates by (lower bound, node id),
 * FIRST_BATCH of them; when more is asked for, the codes are passed over again
 * for the ones beyond the last given, each time four times as many, as far
 * as work_mem allows.  Ranking by the table's own values turns bounds into
 * exact order (am_rank.c).
 *
 * What a walk has given is left out later.  A walk may miss candidates, so
 * one that comes in a later batch may be nearer than a row returned before:
 * a late row.  It is returned when it comes, or with a strict walk left out.
 *
 * Phases, in the order of their distances:
 *	 odd	rows without a code whose distance only the heap knows: -Infinity
 *	 codes	candidates by bound
 *	 NaN	rows whose every distance is NaN
 *	 NULL	rows without a vector
 * Scans without an order pass over the codes once if there is a threshold
 * condition, else over the rows.
 *
 * Pages are pinned and locked one at a time; nothing is held between calls.
 * What a page gave is used only after the row has been checked against the
 * incarnation of the code (store_chain.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relscan.h"
#include "access/skey.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "am/am_rank.h"
#include "am/am_scan.h"
#include "base/base_debug.h"
#include "type/type_ball.h"
#include "type/type_vector.h"

/* Candidates of the first pass: more than any usual LIMIT needs */
#define FIRST_BATCH		256
#define BATCH_GROWTH	4

/* Heap TIDs read from a row page or a chain at a time */
#define MAX_TIDS		STORE_ROWS_PER_PAGE

/* A threshold condition */
typedef struct AmBall
{
	QuantQuery	query;
	double		radius;
} AmBall;

typedef struct AmScanData
{
	StoreIndex *store;
	MemoryContext query_context;	/* reset by every rescan */
	const AmWalk *walk;			/* NULL: the access method has none */
	AmToast    *toast;

	/* what is asked for */
	bool		never;			/* a condition that no row meets */
	bool		ordered;		/* ORDER BY a distance */
	bool		null_query;		/* to a NULL vector: every distance is NULL */
	QuantQuery	query;
	AmBall	   *balls;
	int			ball_count;
	bool		want_null;		/* rows with and without a vector */
	bool		want_value;

	/* where we are */
	bool		started;
	AmPhase		phase;
	uint32		next_chunk[AM_PHASE_DONE];
	uint32		page;			/* row phases: next page of the chunk */
	uint32		page_end;
	bool		in_chunk;
	uint32	   *chunks;			/* chunks of codes that are ours */
	uint32		chunk_count;
	uint32		chunk_size;
	bool		chunks_claimed;

	/* the walk */
	void	   *walk_state;
	bool		walking;		/* it may give more */
	bool		at_border;		/* but rows of its last batch come first */
	uint64	   *given;			/* by node id: candidates from the walk */
	uint64		given_nodes;	/* bits there are */
	bool		has_returned;	/* last_distance is set */
	double		last_distance;	/* of the farthest row returned */
	AmScanCounters counters;

	/* candidates of this batch */
	AmCandidate *candidates;
	const AmCandidate *current; /* those being looked up: these, or the walk's */
	int			candidate_count;
	int			next_candidate;
	int			batch;			/* how many the pass keeps */
	int			capacity;		/* of candidates, twice the batch */
	bool		exhausted;		/* the pass found all there is */
	double		last_bound;		/* last candidate given */
	uint32		last_node;
	bool		has_last;

	/* rows of the current candidate or page */
	StoreChain	chain;
	bool		in_chain;
	uint32		chain_head;		/* first row read, STORE_NONE: none yet */
	bool		chain_dead;		/* so far all rows are dead to everybody */
	double		chain_bound;
	uint8	   *emitted;		/* by row id: set for rows of restarted chains */
	uint64		emitted_rows;
	ItemPointerData tids[MAX_TIDS];
	uint32		rows[MAX_TIDS];
	int			tid_count;
	int			next_tid;

	/*
	 * What index-only scans get: no column can be returned, but count(*)
	 * needs none, and the planner chooses such a scan for it.
	 */
	IndexTuple	no_columns;
	Buffer		map_buffer;		/* of the heap's visibility map */
	bool		visible[MAX_TIDS];	/* to everybody, see is_visible() */
	TupleTableSlot *heap_slot;

	AmRank	   *rank;			/* makes exact order of bounds */

	/* room for one page's hits */
	uint16	   *positions;
	double	   *bounds;
} AmScanData;

typedef AmScanData *AmScan;

IndexScanDesc
vx_am_begin_scan(Relation index, int key_count, int order_by_count, const AmWalk *walk)
{
	IndexScanDesc scan = RelationGetIndexScan(index, key_count, order_by_count);
	AmScan		state = palloc0(sizeof(AmScanData));

	if (order_by_count > 0)
	{
		scan->xs_orderbyvals = palloc0(sizeof(Datum) * order_by_count);
		scan->xs_orderbynulls = palloc(sizeof(bool) * order_by_count);
		memset(scan->xs_orderbynulls, true, sizeof(bool) * order_by_count);
	}
	state->query_context = AllocSetContextCreate(CurrentMemoryContext, "vecext scan",
												 ALLOCSET_DEFAULT_SIZES);
	state->walk = walk;
	state->toast = vx_am_begin_toast();
	state->map_buffer = InvalidBuffer;
	scan->opaque = state;
	return scan;
}

AmScanCounters vx_am_last_scan;

/* Let go of what memory contexts do not. */
static void
release_heap(AmScan state)
{
	if (state->started)
		vx_am_last_scan = state->counters;
	if (BufferIsValid(state->map_buffer))
		ReleaseBuffer(state->map_buffer);
	if (state->heap_slot != NULL)
		ExecDropSingleTupleTableSlot(state->heap_slot);
	if (state->rank != NULL)
		vx_am_end_rank(state->rank);
	state->map_buffer = InvalidBuffer;
	state->heap_slot = NULL;
	state->rank = NULL;
}

void
vx_am_rescan(IndexScanDesc scan, ScanKey keys, int key_count,
			 ScanKey order_bys, int order_by_count)
{
	AmScan		state = (AmScan) scan->opaque;
	MemoryContext query_context = state->query_context;
	const AmWalk *walk = state->walk;
	AmToast    *toast = state->toast;

	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, sizeof(ScanKeyData) * scan->numberOfKeys);
	if (order_bys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, order_bys, sizeof(ScanKeyData) * scan->numberOfOrderBys);

	release_heap(state);
	MemoryContextReset(query_context);
	memset(state, 0, sizeof(AmScanData));
	state->query_context = query_context;
	state->walk = walk;
	state->toast = toast;
	state->map_buffer = InvalidBuffer;
}

void
vx_am_end_scan(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;

	release_heap(state);
	vx_am_end_toast(state->toast);
	MemoryContextDelete(state->query_context);
	pfree(state);
}

static void
prepare_query(AmScan state, QuantQuery *query, const Vector *vector)
{
	const QuantParams *quant = state->store->quant;

	if (vector->dim != quant->dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different vector dimensions %d and %d", quant->dims, vector->dim)));
	vx_quant_prepare_query(query, quant, vector->x,
						   palloc(vx_quant_query_bytes(quant)));
}

/*
 * Only candidates of a normal query have bounds to sort by.
 */
static bool
sorts_codes(AmScan state)
{
	return state->ordered && !state->null_query &&
		state->query.query_class == QUANT_QUERY_NORMAL;
}

/*
 * Read the scan keys and get ready for the first row.
 */
static void
start_scan(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;
	MemoryContext old_context = MemoryContextSwitchTo(state->query_context);
	int			i;

	vx_am_check_snapshot(scan);
	pgstat_count_index_scan(scan->indexRelation);
	vx_count_instrument_search(scan);

	state->store = vx_store_open(scan->indexRelation);
	state->counters.index = RelationGetRelid(scan->indexRelation);
	state->want_null = true;
	state->want_value = true;
	state->balls = palloc(sizeof(AmBall) * Max(scan->numberOfKeys, 1));

	for (i = 0; i < scan->numberOfKeys; i++)
	{
		ScanKey		key = &scan->keyData[i];

		if (key->sk_flags & SK_SEARCHNULL)
			state->want_value = false;
		else if (key->sk_flags & SK_SEARCHNOTNULL)
			state->want_null = false;
		else if (key->sk_flags & SK_ISNULL)
			state->never = true;	/* the operators are strict */
		else
		{
			const VectorBall *ball = DatumGetVectorBall(key->sk_argument);
			AmBall	   *to = &state->balls[state->ball_count++];

			prepare_query(state, &to->query, vx_type_ball_center(ball));
			to->radius = ball->radius;
			state->want_null = false;
			if (to->query.query_class == QUANT_QUERY_NAN || isnan(to->radius))
				state->never = true;	/* NaN <= radius is false */
		}
	}
	if (!state->want_null && !state->want_value)
		state->never = true;

	if (scan->numberOfOrderBys > 0)
	{
		ScanKey		key = &scan->orderByData[0];

		state->ordered = true;
		if (key->sk_flags & SK_ISNULL)
			state->null_query = true;
		else
			prepare_query(state, &state->query, DatumGetVector(key->sk_argument));
	}

	if (scan->xs_want_itup)
	{
		Datum		values[INDEX_MAX_KEYS] = {0};
		bool		nulls[INDEX_MAX_KEYS];

		memset(nulls, true, sizeof(nulls));
		scan->xs_itupdesc = RelationGetDescr(scan->indexRelation);
		state->no_columns = index_form_tuple(scan->xs_itupdesc, values, nulls);
		state->heap_slot = table_slot_create(scan->heapRelation, NULL);
	}

	/*
	 * One distance to order by: exact order is made here, unless bounds are
	 * the distances and there is nothing else.  More than one: the executor
	 * has to compute the others anyway.
	 */
	if (state->ordered && !state->null_query && scan->numberOfOrderBys == 1 &&
		state->query.query_class != QUANT_QUERY_NAN &&
		(state->store->quant->kind != QUANT_NONE ||
		 state->query.query_class != QUANT_QUERY_NORMAL ||
		 (state->store->meta.flags & STORE_FLAG_ODD)))
		state->rank = vx_am_begin_rank(scan, &state->query, state->toast);

	if (state->walk != NULL && sorts_codes(state) && scan->parallel_scan == NULL)
	{
		state->walk_state = state->walk->begin(scan, state->store, &state->query,
											   vx_am_find_limit(scan), &state->counters);
		state->walking = true;
	}

	state->phase = AM_PHASE_ODD;
	state->positions = palloc(sizeof(uint16) * state->store->codes_per_page);
	state->bounds = palloc(sizeof(double) * state->store->codes_per_page);
	state->started = true;
	MemoryContextSwitchTo(old_context);
}

static inline bool
candidate_before(const AmCandidate *a, const AmCandidate *b)
{
	return a->bound < b->bound || (a->bound == b->bound && a->node < b->node);
}

static int
compare_candidates(const void *a, const void *b)
{
	if (candidate_before(a, b))
		return -1;
	return candidate_before(b, a) ? 1 : 0;
}

/*
 * Move the `keep` best of count candidates to the front (quickselect).
 */
static void
select_best(AmCandidate *candidates, int count, int keep)
{
	int			low = 0;
	int			high = count - 1;

	while (low < high)
	{
		AmCandidate pivot = candidates[low + (high - low) / 2];
		int			i = low;
		int			j = high;

		while (i <= j)
		{
			while (candidate_before(&candidates[i], &pivot))
				i++;
			while (candidate_before(&pivot, &candidates[j]))
				j--;
			if (i <= j)
			{
				AmCandidate swap = candidates[i];

				candidates[i++] = candidates[j];
				candidates[j--] = swap;
			}
		}
		if (keep - 1 <= j)
			high = j;
		else if (keep - 1 >= i)
			low = i;
		else
			return;
	}
}

/*
 * True if the slot may meet every threshold condition, from one on.
 */
static bool
within_balls(AmScan state, int from, const QuantSlotData *slot)
{
	int			i;

	for (i = from; i < state->ball_count; i++)
	{
		AmBall	   *ball = &state->balls[i];

		if (ball->query.query_class == QUANT_QUERY_NORMAL &&
			!(vx_quant_bound(&ball->query, slot) <= ball->radius))
			return false;
	}
	return true;
}

/* True if the walk has given the node before. */
static inline bool
was_given(AmScan state, uint32 node)
{
	return node < state->given_nodes &&
		(state->given[node / 64] & (UINT64CONST(1) << (node % 64))) != 0;
}

static void
mark_given(AmScan state, uint32 node)
{
	if (node >= state->given_nodes)
	{
		uint64		nodes = Max((uint64) node + 1,
								(uint64) state->store->meta.families[STORE_CODE].pages *
								state->store->codes_per_page);
		Size		words = nodes / 64 + 1;
		Size		old_words = state->given == NULL ? 0 : state->given_nodes / 64 + 1;
		uint64	   *given = MemoryContextAllocExtended(state->query_context,
													   words * sizeof(uint64),
													   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		if (old_words > 0)
		{
			memcpy(given, state->given, old_words * sizeof(uint64));
			pfree(state->given);
		}
		state->given = given;
		state->given_nodes = nodes;
	}
	state->given[node / 64] |= UINT64CONST(1) << (node % 64);
}

static void
add_candidate(AmScan state, double bound, uint32 node, uint32 incarnation)
{
	AmCandidate *candidate;

	if (state->candidate_count == state->capacity)
	{
		Size		size;

		/* Up to twice the batch, then the better half is kept. */
		state->capacity = state->capacity == 0 ? 2 * FIRST_BATCH :
			Min(state->capacity * 2, state->batch * 2);
		size = sizeof(AmCandidate) * state->capacity;
		state->candidates = state->candidates == NULL ?
			MemoryContextAllocHuge(state->query_context, size) :
			repalloc_huge(state->candidates, size);
	}
	candidate = &state->candidates[state->candidate_count++];
	candidate->bound = bound;
	candidate->node = node;
	candidate->incarnation = incarnation;
}

/*
 * Pass over the codes of one chunk.  With an order: keep the best candidates
 * beyond the last one given; *threshold falls as they get better.  Without:
 * keep all that meet the conditions.
 */
static void
scan_chunk(AmScan state, uint32 chunk, double *threshold)
{
	StoreIndex *store = state->store;
	Size		slot_bytes = store->quant->slot_bytes;
	uint32		page_no = chunk * AM_CHUNK_PAGES;
	uint32		end = Min(page_no + AM_CHUNK_PAGES, store->meta.families[STORE_CODE].pages);
	bool		sort = sorts_codes(state);
	const QuantQuery *query = sort ? &state->query : NULL;
	int			first_ball = 0;

	/* Without an order, the first condition takes the order's place. */
	if (!sort && state->ball_count > 0 &&
		state->balls[0].query.query_class == QUANT_QUERY_NORMAL)
	{
		query = &state->balls[0].query;
		first_ball = 1;
	}

	for (; page_no < end; page_no++)
	{
		Buffer		buffer;
		Page		page;
		int			slots;
		int			hits;
		int			i;

		CHECK_FOR_INTERRUPTS();
		vx_store_prefetch(store, STORE_CODE, page_no, end);
		buffer = vx_store_lock(store, STORE_CODE, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		slots = vx_store_slots(page, STORE_CODE, slot_bytes);

		if (query != NULL)
			hits = vx_quant_bound_many(query, vx_store_slot(page, STORE_CODE, slot_bytes, 0),
									   slots, *threshold, state->positions, state->bounds);
		else
		{
			/* An order or a condition that codes say nothing about */
			hits = 0;
			for (i = 0; i < slots; i++)
			{
				QuantSlotData *slot = (QuantSlotData *)
					vx_store_slot(page, STORE_CODE, slot_bytes, i);

				if (isnan(slot->error))
					continue;
				state->positions[hits] = i;
				state->bounds[hits++] = -get_float8_infinity();
			}
		}

		for (i = 0; i < hits; i++)
		{
			QuantSlotData *slot = (QuantSlotData *)
				vx_store_slot(page, STORE_CODE, slot_bytes, state->positions[i]);
			uint32		node = page_no * store->codes_per_page + state->positions[i];

			if (sort && state->has_last &&
				(state->bounds[i] < state->last_bound ||
				 (state->bounds[i] == state->last_bound && node <= state->last_node)))
				continue;
			if (state->given != NULL && was_given(state, node))
				continue;
			if (!within_balls(state, first_ball, slot))
				continue;
			if (sort && state->candidate_count == 2 * state->batch)
			{
				select_best(state->candidates, state->candidate_count, state->batch);
				state->candidate_count = state->batch;
				state->exhausted = false;
				*threshold = state->candidates[state->batch - 1].bound;
			}
			add_candidate(state, sort ? state->bounds[i] : -get_float8_infinity(),
						  node, slot->incarnation);
		}
		UnlockReleaseBuffer(buffer);
	}
}

/*
 * Read a candidate's code under its page's lock: true if it is the one that
 * the candidate stands for, then with a new bound and, if within is not NULL,
 * whether it may meet the threshold conditions.
 */
static bool
read_candidate(AmScan state, const AmCandidate *candidate, double *bound, bool *within)
{
	StoreIndex *store = state->store;
	Size		slot_bytes = store->quant->slot_bytes;
	uint32		position = candidate->node % store->codes_per_page;
	Buffer		buffer = vx_store_lock(store, STORE_CODE,
									   candidate->node / store->codes_per_page,
									   BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	bool		found = false;

	if (position < vx_store_slots(page, STORE_CODE, slot_bytes))
	{
		QuantSlotData *slot = (QuantSlotData *)
			vx_store_slot(page, STORE_CODE, slot_bytes, position);

		found = slot->incarnation == candidate->incarnation && !isnan(slot->error);
		if (found)
			*bound = vx_quant_bound(&state->query, slot);
		if (found && within != NULL)
			*within = within_balls(state, 0, slot);
	}
	UnlockReleaseBuffer(buffer);
	return found;
}

/*
 * Take a batch from the walk; false if it has no more to give.
 */
static bool
take_walk_batch(AmScan state)
{
	AmCandidate *batch;
	int			count;
	int			kept;
	int			i;

	for (;;)
	{
		count = state->walk->next(state->walk_state, &batch);
		if (count == 0)
			return false;
		state->counters.walks++;
		kept = 0;
		for (i = 0; i < count; i++)
		{
			bool		within = true;

			if (was_given(state, batch[i].node))
				continue;
			mark_given(state, batch[i].node);
			if (state->ball_count > 0 &&
				!(read_candidate(state, &batch[i], &batch[i].bound, &within) && within))
				continue;
			batch[kept++] = batch[i];
		}
		if (kept > 0)
		{
			state->current = batch;
			state->candidate_count = kept;
			return true;
		}
	}
}

/*
 * Take chunks of codes: the first time from the counter, then those we had.
 */
static bool
next_code_chunk(IndexScanDesc scan, uint32 *position, uint32 *chunk)
{
	AmScan		state = (AmScan) scan->opaque;
	uint32		pages = state->store->meta.families[STORE_CODE].pages;

	if (*position < state->chunk_count)
	{
		*chunk = state->chunks[(*position)++];
		return true;
	}
	if (state->chunks_claimed)
		return false;
	if (!vx_am_claim_chunk(scan, AM_PHASE_CODES,
						   &state->next_chunk[AM_PHASE_CODES], chunk) ||
		(uint64) *chunk * AM_CHUNK_PAGES >= pages)
	{
		state->chunks_claimed = true;
		return false;
	}

	if (state->chunk_count == state->chunk_size)
	{
		state->chunk_size = Max(64, state->chunk_size * 2);
		state->chunks = state->chunks == NULL ?
			MemoryContextAlloc(state->query_context, sizeof(uint32) * state->chunk_size) :
			repalloc_huge(state->chunks, sizeof(uint32) * state->chunk_size);
	}
	state->chunks[state->chunk_count++] = *chunk;
	(*position)++;
	return true;
}

/*
 * One pass over our codes; false if there are no candidates left.
 *
 * Without an order to sort by, a pass takes one chunk at a time: whatever
 * meets the conditions may go out at once.
 */
static bool
collect_candidates(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;
	double		threshold = get_float8_infinity();
	uint32		position = 0;
	uint32		chunk;

	state->candidate_count = 0;
	state->next_candidate = 0;
	if (state->walking)
	{
		if (take_walk_batch(state))
			return true;
		state->walking = false;
	}

	if (!sorts_codes(state))
	{
		if (state->batch == 0)
			state->counters.passes++;
		state->batch = INT_MAX / 4;
		if (state->ball_count > 0 &&
			state->balls[0].query.query_class == QUANT_QUERY_NORMAL)
			threshold = state->balls[0].radius;
		while (state->candidate_count == 0)
		{
			position = state->chunk_count;
			if (!next_code_chunk(scan, &position, &chunk))
				return false;
			scan_chunk(state, chunk, &threshold);
		}
		state->current = state->candidates;
		return true;
	}

	if (state->exhausted)
		return false;
	if (state->batch == 0)
		state->batch = FIRST_BATCH;
	else
	{
		Size		max_batch = (Size) work_mem * 1024 / (2 * sizeof(AmCandidate));

		max_batch = Min(Max(max_batch, FIRST_BATCH), INT_MAX / 8);
		if ((Size) state->batch * BATCH_GROWTH <= max_batch)
			state->batch *= BATCH_GROWTH;
		else
			state->batch = max_batch;
	}

	state->counters.passes++;
	state->exhausted = true;	/* until candidates are dropped */
	while (next_code_chunk(scan, &position, &chunk))
		scan_chunk(state, chunk, &threshold);

	if (state->candidate_count > state->batch)
	{
		select_best(state->candidates, state->candidate_count, state->batch);
		state->candidate_count = state->batch;
		state->exhausted = false;
	}
	qsort(state->candidates, state->candidate_count, sizeof(AmCandidate),
		  compare_candidates);
	state->current = state->candidates;
	return state->candidate_count > 0;
}

/*
 * True if the row has been given to this scan before; remembers it.  Only
 * chains that were started again can repeat a row.
 */
static bool
already_emitted(AmScan state, uint32 row)
{
	Size		bytes;

	if (row >= state->emitted_rows)
	{
		uint64		rows = Max((uint64) row + 1,
							   (uint64) state->store->meta.families[STORE_ROW].pages *
							   STORE_ROWS_PER_PAGE);

		bytes = rows / 8 + 1;
		if (state->emitted == NULL)
			state->emitted = MemoryContextAllocExtended(state->query_context, bytes,
														MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		else
		{
			Size		old_bytes = state->emitted_rows / 8 + 1;

			state->emitted = repalloc_huge(state->emitted, bytes);
			memset(state->emitted + old_bytes, 0, bytes - old_bytes);
		}
		state->emitted_rows = rows;
	}
	if (state->emitted[row / 8] & (1 << (row % 8)))
		return true;
	state->emitted[row / 8] |= 1 << (row % 8);
	return false;
}

/*
 * Heap TIDs of the next candidate with live rows.
 */
static bool
next_code_rows(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;

	for (;;)
	{
		int			count;
		int			i;

		if (!state->in_chain)
		{
			const AmCandidate *candidate;

			if (state->next_candidate == state->candidate_count)
			{
				/* A batch of the walk ends: what it gave goes out first. */
				state->at_border = state->walking && state->rank != NULL &&
					!vx_am_rank_is_empty(state->rank);
				if (state->at_border || !collect_candidates(scan))
					return false;
			}
			VX_DEBUG_POINT("flat-candidate");
			candidate = &state->current[state->next_candidate++];
			if (!state->walking)
			{
				state->last_bound = candidate->bound;
				state->last_node = candidate->node;
				state->has_last = true;
			}
			state->counters.candidates++;
			state->chain_bound = candidate->bound;
			vx_store_start_chain(&state->chain, candidate->node, candidate->incarnation);
			state->in_chain = true;
			state->chain_head = STORE_NONE;
			state->chain_dead = true;
		}

		count = vx_store_read_chain(state->store, &state->chain, state->tids, state->rows,
									MAX_TIDS);
		if (count == 0)
		{
			if (state->walking && state->rank != NULL && state->chain_dead &&
				state->chain_head != STORE_NONE && !scan->xactStartedInRecovery)
				state->walk->note_dead(state->walk_state, state->chain.node,
									   state->chain.incarnation, state->chain_head);
			state->in_chain = false;
			continue;
		}
		if (state->chain_head == STORE_NONE)
			state->chain_head = state->rows[0];
		state->tid_count = 0;
		for (i = 0; i < count; i++)
		{
			if (!already_emitted(state, state->rows[i]))
			{
				state->visible[state->tid_count] = false;
				state->tids[state->tid_count++] = state->tids[i];
			}
		}
		state->next_tid = 0;
		if (state->tid_count > 0)
			return true;
	}
}

/*
 * Heap TIDs of live rows of one kind (any: all kinds that are wanted), a page
 * at a time.
 */
static bool
next_lone_rows(IndexScanDesc scan, uint16 kind, bool any)
{
	AmScan		state = (AmScan) scan->opaque;
	StoreIndex *store = state->store;
	uint32		pages = store->meta.families[STORE_ROW].pages;

	for (;;)
	{
		Buffer		buffer;
		Page		page;
		uint32		slots;
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		if (!state->in_chunk)
		{
			uint32		chunk;

			if (!vx_am_claim_chunk(scan, state->phase, &state->next_chunk[state->phase],
								   &chunk) ||
				(uint64) chunk * AM_CHUNK_PAGES >= pages)
				return false;
			state->page = chunk * AM_CHUNK_PAGES;
			state->page_end = Min(state->page + AM_CHUNK_PAGES, pages);
			state->in_chunk = true;
		}
		if (state->page == state->page_end)
		{
			state->in_chunk = false;
			continue;
		}

		buffer = vx_store_lock(store, STORE_ROW, state->page++, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		slots = vx_store_slots(page, STORE_ROW, sizeof(StoreRowData));
		state->tid_count = 0;
		state->next_tid = 0;
		for (i = 0; i < slots; i++)
		{
			StoreRowData *row = (StoreRowData *)
				vx_store_slot(page, STORE_ROW, sizeof(StoreRowData), i);

			if (StoreRowLife(row) != STORE_ROW_LIVE)
				continue;
			if (any ? (StoreRowKind(row) == STORE_ROW_NULL ? !state->want_null : !state->want_value) :
				StoreRowKind(row) != kind)
				continue;
			if (!StoreRowHasTid(row))
				vx_store_report_corruption(scan->indexRelation, "A row has no heap tuple.");
			if (scan->xs_want_itup)
				state->visible[state->tid_count] =
					VM_ALL_VISIBLE(scan->heapRelation, ItemPointerGetBlockNumber(&row->tid),
								   &state->map_buffer);
			state->tids[state->tid_count++] = row->tid;
		}
		UnlockReleaseBuffer(buffer);
		if (state->tid_count > 0)
			return true;
	}
}

/*
 * Fetch TIDs until there are some; moves through the phases.  False also
 * where a batch of the walk ends and its rows have not all been returned
 * (at_border).
 */
static bool
fetch_tids(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;

	if (state->next_tid < state->tid_count)
		return true;

	while (state->phase != AM_PHASE_DONE)
	{
		bool		found = false;

		/* Nothing but rows: codes and phases do not matter. */
		if (state->null_query || (!state->ordered && state->ball_count == 0))
		{
			if (state->phase == AM_PHASE_ODD && state->ball_count == 0)
			{
				if (next_lone_rows(scan, 0, true))
					return true;
				state->phase = AM_PHASE_DONE;
				break;
			}
		}

		switch (state->phase)
		{
			case AM_PHASE_ODD:
				if ((state->store->meta.flags & STORE_FLAG_ODD) && state->want_value)
					found = next_lone_rows(scan, STORE_ROW_ODD, false);
				break;
			case AM_PHASE_CODES:
				if (state->want_value)
					found = next_code_rows(scan);
				break;
			case AM_PHASE_NAN:
				/* NaN meets no threshold */
				if (state->want_value && state->ball_count == 0)
					found = next_lone_rows(scan, STORE_ROW_NAN, false);
				break;
			case AM_PHASE_NULL:
				if (state->want_null)
					found = next_lone_rows(scan, STORE_ROW_NULL, false);
				break;
			case AM_PHASE_DONE:
				break;
		}
		if (found)
			return true;
		if (state->at_border)
			return false;
		state->phase++;
		state->in_chunk = false;
	}
	return false;
}

/*
 * Tell the executor the distance of the rows of this phase, or a bound.
 */
static void
set_order_by_values(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;
	int			i;

	for (i = 0; i < scan->numberOfOrderBys; i++)
	{
		scan->xs_orderbyvals[i] = Float8GetDatum(-get_float8_infinity());
		scan->xs_orderbynulls[i] = false;
	}

	if (state->null_query || state->phase == AM_PHASE_NULL)
	{
		scan->xs_orderbynulls[0] = true;
		scan->xs_recheckorderby = scan->numberOfOrderBys > 1;
		return;
	}

	/* One distance only: it is exact, or get_ranked_tuple() would be asked. */
	scan->xs_recheckorderby = scan->numberOfOrderBys > 1;
	if (state->phase == AM_PHASE_NAN || state->query.query_class == QUANT_QUERY_NAN)
		scan->xs_orderbyvals[0] = Float8GetDatum(get_float8_nan());
	else if (state->phase == AM_PHASE_CODES)
		scan->xs_orderbyvals[0] = Float8GetDatum(state->chain_bound);
}

/*
 * Index-only scans believe the visibility map, which they ask after we have
 * returned a row.  Meanwhile vacuum may have removed a row that nobody sees
 * and declared its page all-visible; a B-tree keeps a pin on its page that
 * vacuum waits for.  We hold nothing, so we return only rows that the scan
 * sees in any case: the map said so under the lock of the row's page, that is
 * before vacuum got there, or the heap says so now.
 */
static bool
is_visible(IndexScanDesc scan, int position)
{
	AmScan		state = (AmScan) scan->opaque;
	ItemPointerData tid = state->tids[position];
	bool		call_again = false;
	bool		found;

	if (state->visible[position])
		return true;
	found = table_index_fetch_tuple(scan->xs_heapfetch, &tid, scan->xs_snapshot,
									state->heap_slot, &call_again, NULL);
	ExecClearTuple(state->heap_slot);
	return found;
}

/*
 * ereport(ERROR) if a distance below the bound of its code means damage.  A
 * bound from a walk may have been computed from a page that was replaced
 * meanwhile: it is computed again from the code under its lock.
 */
static void
check_bound(IndexScanDesc scan, ItemPointer tid, double distance)
{
	AmScan		state = (AmScan) scan->opaque;
	AmCandidate candidate;
	double		bound;

	if (state->walking)
	{
		candidate.node = state->chain.node;
		candidate.incarnation = state->chain.incarnation;
		if (!read_candidate(state, &candidate, &bound, NULL) || !(distance < bound))
			return;
	}
	vx_store_report_corruption(scan->indexRelation,
							   "Heap tuple (%u,%u) is nearer than its code allows.",
							   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
}

/*
 * True if the row is to be returned; counts late ones.
 */
static bool
accept_distance(AmScan state, double distance)
{
	if (state->has_returned && distance < state->last_distance)
	{
		if (state->walk != NULL && state->walk->is_strict())
			return false;
		state->counters.late_rows++;
		return true;
	}
	state->has_returned = true;
	state->last_distance = distance;
	return true;
}

/*
 * The next row in exact order: rows go from the candidates to the ranking
 * until the nearest there is no farther than what may still come from this
 * batch.  To look into the next batch first would cost a walk several times as
 * wide for every query that asks for as many rows as a batch has.
 */
static bool
get_ranked_tuple(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;
	double		distance;

	for (;;)
	{
		bool		more = fetch_tids(scan);
		double		bound = get_float8_infinity();
		ItemPointer tid;
		bool		all_dead = false;

		if (more && state->phase == AM_PHASE_ODD)
			bound = -get_float8_infinity();
		else if (more && state->phase == AM_PHASE_CODES)
			bound = state->chain_bound;
		if (vx_am_take_row(state->rank, bound, &scan->xs_heaptid, &distance))
		{
			if (!accept_distance(state, distance))
				continue;
			scan->xs_orderbyvals[0] = Float8GetDatum(distance);
			scan->xs_orderbynulls[0] = false;
			scan->xs_recheckorderby = false;
			return true;
		}
		if (!more)
			return false;
		if (state->phase > AM_PHASE_CODES)
		{
			/* NaN or NULL: nothing to compute, and nothing nearer is left */
			scan->xs_heaptid = state->tids[state->next_tid++];
			scan->xs_orderbyvals[0] = Float8GetDatum(get_float8_nan());
			scan->xs_orderbynulls[0] = state->phase == AM_PHASE_NULL;
			scan->xs_recheckorderby = false;
			return true;
		}
		CHECK_FOR_INTERRUPTS();
		tid = &state->tids[state->next_tid++];
		state->counters.rechecks++;
		if (!vx_am_add_row(state->rank, tid, &distance, &all_dead))
		{
			state->counters.dead_rows++;
			state->chain_dead &= all_dead;
			continue;
		}
		state->chain_dead = false;
		if (unlikely(distance < bound && state->query.params.kind != QUANT_NONE))
			check_bound(scan, tid, distance);
	}
}

bool
vx_am_get_tuple(IndexScanDesc scan, ScanDirection direction)
{
	AmScan		state = (AmScan) scan->opaque;
	int			position;

	Assert(ScanDirectionIsForward(direction));

	if (!state->started)
		start_scan(scan);
	if (state->never)
		return false;
	scan->xs_recheck = state->ball_count > 0;
	scan->xs_itup = state->no_columns;
	if (state->rank != NULL)
	{
		if (!get_ranked_tuple(scan))
			return false;
		state->counters.rows++;
		return true;
	}

	do
	{
		if (!fetch_tids(scan))
			return false;
		position = state->next_tid++;
	} while ((scan->xs_want_itup && !is_visible(scan, position)) ||
			 (sorts_codes(state) && state->phase == AM_PHASE_CODES &&
			  !accept_distance(state, state->chain_bound)));

	state->counters.rows++;
	scan->xs_heaptid = state->tids[position];
	if (state->ordered)
		set_order_by_values(scan);
	return true;
}

int64
vx_am_get_bitmap(IndexScanDesc scan, TIDBitmap *bitmap)
{
	AmScan		state = (AmScan) scan->opaque;
	int64		count = 0;

	if (!state->started)
		start_scan(scan);
	if (state->never)
		return 0;

	while (fetch_tids(scan))
	{
		tbm_add_tuples(bitmap, state->tids + state->next_tid,
					   state->tid_count - state->next_tid, state->ball_count > 0);
		count += state->tid_count - state->next_tid;
		state->next_tid = state->tid_count;
	}
	state->counters.rows += count;
	return count;
}
