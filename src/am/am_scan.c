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
 * Conditions on columns after the vector are worked off before the first row,
 * or where many rows pass, after the walk has ended (am_filter.c).  Rows are
 * tested by the bitmap that this leaves, until then by their slots; and a pass
 * keeps only nodes that have one, and unless most rows pass reads no others.
 *
 * Pages are pinned and locked one at a time; nothing is held between calls but
 * an index-only scan's pin on the visibility map.
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
#include "utils/array.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "am/am_scan_state.h"
#include "base/base_debug.h"
#include "type/type_ball.h"
#include "type/type_vector.h"

/* How many candidates ahead of the one at work to ask for the next ones */
#define CANDIDATES_AHEAD 3

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
vx_am_sum_counters(IndexScanDesc scan, AmScanCounters *sum)
{
	AmScan		state = (AmScan) scan->opaque;
	const AmScanCounters *last = &state->counters;

	*sum = state->earlier;
	if (!state->started)
		return;
	sum->index = last->index;
	if (last->walks > 0)
		sum->ef = last->ef;
	sum->walks += last->walks;
	sum->hops += last->hops;
	sum->distances += last->distances;
	sum->repeats += last->repeats;
	sum->passes += last->passes;
	sum->candidates += last->candidates;
	sum->rechecks += last->rechecks;
	sum->dead_rows += last->dead_rows;
	sum->late_rows += last->late_rows;
	sum->rows += last->rows;
	sum->mode = last->mode;
	sum->matches += last->matches;
	sum->peeks += last->peeks;
}

void
vx_am_rescan(IndexScanDesc scan, ScanKey keys, int key_count,
			 ScanKey order_bys, int order_by_count)
{
	AmScan		state = (AmScan) scan->opaque;
	MemoryContext query_context = state->query_context;
	const AmWalk *walk = state->walk;
	AmToast    *toast = state->toast;
	AmScanCounters earlier;

	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, sizeof(ScanKeyData) * scan->numberOfKeys);
	if (order_bys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, order_bys, sizeof(ScanKeyData) * scan->numberOfOrderBys);

	vx_am_sum_counters(scan, &earlier);
	release_heap(state);
	MemoryContextReset(query_context);
	memset(state, 0, sizeof(AmScanData));
	state->query_context = query_context;
	state->walk = walk;
	state->toast = toast;
	state->map_buffer = InvalidBuffer;
	state->earlier = earlier;
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
 * A threshold condition; false if no row meets it, since NaN <= radius and
 * distance <= NaN are false.
 */
static bool
add_ball(AmScan state, const VectorBall *ball)
{
	AmBall	   *to = &state->balls[state->ball_count];

	prepare_query(state, &to->query, vx_type_ball_center(ball));
	if (to->query.query_class == QUANT_QUERY_NAN || isnan(ball->radius))
		return false;
	to->radius = ball->radius;
	to->or_next = false;
	state->ball_count++;
	return true;
}

/*
 * Any of several balls, as 18 also writes "within one OR within another";
 * keys_left is how many other conditions may come.
 */
static bool
add_any_ball(AmScan state, ArrayType *array, int keys_left)
{
	int			first = state->ball_count;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int			i;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE,
					  &elements, &nulls, &count);
	state->balls = repalloc_huge(state->balls,
								 sizeof(AmBall) * ((Size) first + count + keys_left + 1));
	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			add_ball(state, DatumGetVectorBall(elements[i]));
	}
	for (i = first; i + 1 < state->ball_count; i++)
		state->balls[i].or_next = true;
	return state->ball_count > first;
}

/*
 * Read the scan keys and get ready for the first row.
 */
static void
start_scan(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;
	MemoryContext old_context = MemoryContextSwitchTo(state->query_context);
	bool		may_walk;
	AmLimit		limit = {0, true, true};
	int			i;

	vx_am_check_snapshot(scan);
	pgstat_count_index_scan(scan->indexRelation);
	vx_count_instrument_search(scan);

	state->store = vx_store_open(scan->indexRelation);
	state->store->snapshot = scan->xs_snapshot;
	state->counters.index = RelationGetRelid(scan->indexRelation);
	state->want_null = true;
	state->want_value = true;
	state->balls = palloc(sizeof(AmBall) * Max(scan->numberOfKeys, 1));

	for (i = 0; i < scan->numberOfKeys; i++)
	{
		ScanKey		key = &scan->keyData[i];

		if (key->sk_attno > 1)
			continue;
		if (key->sk_flags & SK_SEARCHNULL)
			state->want_value = false;
		else if (key->sk_flags & SK_SEARCHNOTNULL)
			state->want_null = false;
		else if (key->sk_flags & SK_ISNULL)
			state->never = true;	/* the operators are strict */
		else
		{
			state->want_null = false;
			state->lossy = true;
			if (!((key->sk_flags & SK_SEARCHARRAY) ?
				  add_any_ball(state, DatumGetArrayTypeP(key->sk_argument),
							   scan->numberOfKeys - i - 1) :
				  add_ball(state, DatumGetVectorBall(key->sk_argument))))
				state->never = true;
		}
	}
	if (!state->want_null && !state->want_value)
		state->never = true;

	if (scan->numberOfOrderBys > 0)
	{
		ScanKey		key = &scan->orderByData[0];

		/*
		 * Distances to NULL decide nothing, and the executor does not look
		 * beyond them (cmp_orderbyvals): the next key makes the order.
		 */
		while ((key->sk_flags & SK_ISNULL) && state->order_key < scan->numberOfOrderBys - 1)
			key = &scan->orderByData[++state->order_key];
		memset(scan->xs_orderbynulls, true, sizeof(bool) * scan->numberOfOrderBys);

		state->ordered = true;
		if (key->sk_flags & SK_ISNULL)
			state->null_query = true;
		else
			prepare_query(state, &state->query, DatumGetVector(key->sk_argument));
	}
	may_walk = state->walk != NULL && vx_am_sorts_codes(state) && scan->parallel_scan == NULL;

	if (!state->never)
		state->filter = vx_am_begin_filter(scan, state->store, may_walk);
	if (state->filter != NULL)
	{
		state->counters.mode = AM_MODE_ROWS;
		state->counters.matches = state->filter->matches;
		state->lossy |= state->filter->lossy;
		if (state->filter->matches == 0)
			state->never = true;
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
	 * has to compute the others anyway, unless the first is to NULL.
	 */
	if (state->ordered && !state->null_query &&
		(scan->numberOfOrderBys == 1 || state->order_key > 0) &&
		state->query.query_class != QUANT_QUERY_NAN &&
		(state->store->quant->kind != QUANT_NONE ||
		 state->query.query_class != QUANT_QUERY_NORMAL ||
		 (state->store->meta.flags & STORE_FLAG_ODD)))
		state->rank = vx_am_begin_rank(scan, &state->query, state->toast, &state->counters);

	/*
	 * Where the executor computes with the vectors of rows, or has to test
	 * threshold conditions, nothing is gained by not reading them.  A strict
	 * order of batches has to know distances.
	 */
	state->unread = state->store->quant->kind == QUANT_SQ8_RESIDUAL &&
		state->rank != NULL && vx_am_sorts_codes(state) && scan->numberOfOrderBys == 1 &&
		state->ball_count == 0 && !(may_walk && state->walk->is_strict());
	if (may_walk || state->unread)
		vx_am_find_limit(scan, state->unread, &limit);
	state->unread &= !limit.uses_vectors;
	state->last_unread.row_id = STORE_NONE;

	if (may_walk && !state->never)
	{
		state->walk_state = state->walk->begin(scan, state->store, &state->query, limit.rows,
											   limit.or_more || state->ball_count > 0,
											   state->filter, &state->counters);
		state->walking = true;
		state->border_distance = -get_float8_infinity();
	}

	state->phase = AM_PHASE_ODD;
	state->positions = palloc(sizeof(uint16) * state->store->codes_per_page);
	state->bounds = palloc(sizeof(double) * state->store->codes_per_page);
	state->started = true;
	MemoryContextSwitchTo(old_context);
}

/*
 * True if a candidate may go out.  Where the executor is told its bound, or its
 * distance, that must not come from a peek alone: it is computed again under
 * the page's lock (store_peek.h, R6).  If it is another one, the candidate takes
 * its place among those to come.
 */
static bool
confirm_candidate(AmScan state, AmCandidate *candidate)
{
	AmCandidate *end = state->current + state->candidate_count;
	AmCandidate confirmed = *candidate;

	if (state->rank != NULL || !vx_am_sorts_codes(state) ||
		!(state->walking || state->matches != NULL))
		return true;
	if (!vx_am_read_candidate(state, candidate, &confirmed.bound, NULL))
	{
		/* Freed meanwhile: there are no rows that anybody sees. */
		state->next_candidate++;
		return false;
	}
	if (likely(confirmed.bound == candidate->bound))
		return true;
	while (candidate + 1 < end && vx_am_compare_candidates(candidate + 1, &confirmed) < 0)
	{
		candidate[0] = candidate[1];
		candidate++;
	}
	*candidate = confirmed;
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
			AmCandidate *candidate;

			if (state->next_candidate == state->candidate_count)
			{
				/* A batch of the walk ends: what it gave goes out first. */
				state->at_border = state->walking && state->rank != NULL &&
					vx_am_rank_has_within(state->rank, state->border_distance);
				if (state->at_border || !vx_am_collect_candidates(scan))
					return false;
			}
			VX_DEBUG_POINT("flat-candidate");
			candidate = &state->current[state->next_candidate];
			if (!confirm_candidate(state, candidate))
				continue;
			state->next_candidate++;
			if (state->next_candidate + CANDIDATES_AHEAD <= state->candidate_count)
				vx_am_ask_for_candidate(state, candidate + CANDIDATES_AHEAD);
			/* Freed meanwhile: as in confirm_candidate() */
			if (state->unread &&
				!vx_am_bracket_candidate(state, candidate, &state->chain_lower,
										 &state->chain_upper))
				continue;
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
			if (state->walk_state != NULL && state->chain_dead &&
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
			if (state->filter != NULL && !vx_am_row_passes(state->filter, state->rows[i], false))
				state->chain_dead = false;	/* as far as anybody knows */
			else if (vx_am_set_bit(&state->emitted, state->query_context, state->rows[i]))
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

	if (state->filter != NULL)
		vx_am_fill_filter(state->filter);
	for (;;)
	{
		Buffer		buffer;
		Page		page;
		uint32		row_id;
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

		row_id = state->page * STORE_ROWS_PER_PAGE;
		if (state->filter != NULL && !vx_am_page_passes(state->filter, state->page))
		{
			state->page++;
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
			if (state->filter != NULL && !vx_am_row_passes(state->filter, row_id + i, false))
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
		scan->xs_orderbynulls[i] = i < state->order_key;
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
		scan->xs_orderbyvals[state->order_key] = Float8GetDatum(get_float8_nan());
	else if (state->phase == AM_PHASE_CODES)
		scan->xs_orderbyvals[state->order_key] = Float8GetDatum(state->chain_bound);
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
		if (!vx_am_read_candidate(state, &candidate, &bound, NULL) || !(distance < bound))
			return;
	}
	vx_store_report_corruption(scan->indexRelation,
							   "Heap tuple (%u,%u) is nearer than its code allows.",
							   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
}

/*
 * True if the row is to be returned, whose distance is between two numbers;
 * counts late ones.
 */
static bool
accept_distance(AmScan state, double distance, double upper)
{
	if (state->has_returned && upper < state->last_distance)
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
 * The row at next_tid, of a code with an interval, goes to the ranking unread.
 */
static void
add_unread_row(AmScan state)
{
	AmRankedRow row;

	row.lower = state->chain_lower;
	row.upper = state->chain_upper;
	row.tid = state->tids[state->next_tid];
	row.node = state->chain.node;
	row.incarnation = state->chain.incarnation;
	row.row_id = state->chain.next == STORE_NONE && state->chain.steps == 1 ?
		state->chain_head : STORE_NONE;
	vx_am_add_unread_row(state->rank, &row);
	state->next_tid++;
	if (state->walking && row.upper > state->border_distance)
		state->border_distance = row.upper;
	state->chain_dead = false;	/* as far as anybody knows */
}

void
vx_am_note_dead_row(IndexScanDesc scan, const AmRankedRow *row)
{
	AmScan		state = (AmScan) scan->opaque;

	if (row->row_id != STORE_NONE && state->walk_state != NULL && !scan->xactStartedInRecovery)
		state->walk->note_dead(state->walk_state, row->node, row->incarnation, row->row_id);
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
	AmRankedRow row;
	double		distance;

	/* What the executor has found out about a row that nobody had read */
	if (scan->kill_prior_tuple)
		vx_am_note_dead_row(scan, &state->last_unread);
	state->last_unread.row_id = STORE_NONE;

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
		else if (!more && state->at_border)
			bound = state->border_distance;
		if (vx_am_take_row(state->rank, bound, &row))
		{
			if (!accept_distance(state, row.lower, row.upper))
				continue;
			state->last_unread = row;
			scan->xs_heaptid = row.tid;
			scan->xs_orderbyvals[state->order_key] = Float8GetDatum(row.lower);
			scan->xs_orderbynulls[state->order_key] = false;
			scan->xs_recheckorderby = false;
			return true;
		}
		if (!more)
			return false;
		if (state->phase > AM_PHASE_CODES)
		{
			/* NaN or NULL: nothing to compute, and nothing nearer is left */
			scan->xs_heaptid = state->tids[state->next_tid++];
			scan->xs_orderbyvals[state->order_key] = Float8GetDatum(get_float8_nan());
			scan->xs_orderbynulls[state->order_key] = state->phase == AM_PHASE_NULL;
			scan->xs_recheckorderby = false;
			return true;
		}
		CHECK_FOR_INTERRUPTS();

		/*
		 * Where there is no interval (NaN), or it contradicts the bound, the
		 * code is damaged, or has been read while it became another one, and
		 * then nobody sees the row: to read it tells which.
		 */
		if (state->phase == AM_PHASE_CODES && state->unread && state->chain_upper >= bound)
		{
			add_unread_row(state);
			continue;
		}
		tid = &state->tids[state->next_tid++];
		if (!vx_am_add_row(state->rank, tid, &distance, &all_dead))
		{
			state->chain_dead &= all_dead;
			continue;
		}
		state->chain_dead = false;
		if (state->walking && state->phase == AM_PHASE_CODES && distance > state->border_distance)
			state->border_distance = distance;
		if (unlikely(distance < bound && state->query.params.kind != QUANT_NONE))
			check_bound(scan, tid, distance);
	}
}

static bool
get_tuple(IndexScanDesc scan)
{
	AmScan		state = (AmScan) scan->opaque;
	int			position;

	if (!state->started)
		start_scan(scan);
	if (state->never)
		return false;
	scan->xs_recheck = state->lossy;
	scan->xs_itup = state->no_columns;
	if (state->rank != NULL)
	{
		if (!get_ranked_tuple(scan))
			return false;
		state->counters.rows++;
		return true;
	}

	/* What the executor has found out about the row that it got last */
	if (state->counters.rows > 0 && !scan->kill_prior_tuple)
		state->chain_dead = false;
	for (;;)
	{
		if (!fetch_tids(scan))
			return false;
		position = state->next_tid++;
		if ((!scan->xs_want_itup || is_visible(scan, position)) &&
			(!vx_am_sorts_codes(state) || state->phase != AM_PHASE_CODES ||
			 accept_distance(state, state->chain_bound, state->chain_bound)))
			break;
		state->chain_dead = false;	/* nobody has asked the table */
	}

	state->counters.rows++;
	scan->xs_heaptid = state->tids[position];
	if (state->ordered)
		set_order_by_values(scan);
	return true;
}

bool
vx_am_get_tuple(IndexScanDesc scan, ScanDirection direction)
{
	AmScan		state = (AmScan) scan->opaque;
	uint64		peeks = vx_store_counters.peeks;
	bool		found;

	Assert(ScanDirectionIsForward(direction));
	found = get_tuple(scan);
	/* Other scans of this session run between two calls. */
	state->counters.peeks += vx_store_counters.peeks - peeks;
	return found;
}

int64
vx_am_get_bitmap(IndexScanDesc scan, TIDBitmap *bitmap)
{
	AmScan		state = (AmScan) scan->opaque;
	uint64		peeks = vx_store_counters.peeks;
	int64		count = 0;

	if (!state->started)
		start_scan(scan);
	if (state->never)
		return 0;

	while (fetch_tids(scan))
	{
		tbm_add_tuples(bitmap, state->tids + state->next_tid,
					   state->tid_count - state->next_tid, state->lossy);
		count += state->tid_count - state->next_tid;
		state->next_tid = state->tid_count;
	}
	state->counters.rows += count;
	state->counters.peeks += vx_store_counters.peeks - peeks;
	return count;
}
