/*-------------------------------------------------------------------------
 *
 * am_candidates.c
 *	  Batches of candidates for a scan: from the walk, then from passes over
 *	  the codes; am_scan.c tells how they are used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "portability/instr_time.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "am/am_scan_state.h"
#include "store/store_peek.h"

/* Candidates of the first pass: more than any usual LIMIT needs */
#define FIRST_BATCH		256
#define BATCH_GROWTH	4

/*
 * With so many of the rows passing, reading all codes in sequence costs less
 * than to read those of nodes that have one.
 */
#define MOST_ROWS		0.4

/*
 * Codes of matching nodes that are read at a time: at most so many, of so many
 * bytes, or reading them takes longer than a peek may (STORE_PEEK_MAX_NANOSECONDS).
 */
#define MATCH_BATCH		32
#define MATCH_BATCH_BYTES	32768

/* Such nodes, and where their codes are: NULL if a page has not been seen */
typedef struct MatchBatch
{
	int			count;
	uint32		nodes[MATCH_BATCH];
	uint32		offsets[MATCH_BATCH];
	StorePageRef *refs[MATCH_BATCH];
} MatchBatch;

/* One batch is asked for while the one before it is looked at. */
struct AmMatches
{
	MatchBatch	batches[2];
	int			filling;
};

static inline bool
candidate_before(const AmCandidate *a, const AmCandidate *b)
{
	return a->bound < b->bound || (a->bound == b->bound && a->node < b->node);
}

int
vx_am_compare_candidates(const void *a, const void *b)
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

	/* There may be hundreds of thousands of them. */
	CHECK_FOR_INTERRUPTS();
	for (i = from; i < state->ball_count; i++)
	{
		AmBall	   *ball = &state->balls[i];

		if (ball->query.query_class != QUANT_QUERY_NORMAL ||
			vx_quant_bound(&ball->query, slot) <= ball->radius)
		{
			while (state->balls[i].or_next)
				i++;
		}
		else if (!ball->or_next)
			return false;
	}
	return true;
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
 * True if a candidate has not been given before: with an order, by an earlier
 * pass; or by the walk.
 */
static inline bool
is_new_candidate(AmScan state, double bound, uint32 node, bool sort)
{
	if (sort && state->has_last &&
		(bound < state->last_bound ||
		 (bound == state->last_bound && node <= state->last_node)))
		return false;
	return !vx_am_has_bit(&state->given, node);
}

/*
 * Keep a candidate of this pass.  With an order: the best are kept, and
 * *threshold falls as they get better.
 */
static inline void
keep_candidate(AmScan state, double bound, uint32 node, uint32 incarnation, bool sort,
			   double *threshold)
{
	if (sort && state->candidate_count == 2 * state->batch)
	{
		select_best(state->candidates, state->candidate_count, state->batch);
		state->candidate_count = state->batch;
		state->exhausted = false;
		*threshold = state->candidates[state->batch - 1].bound;
	}
	add_candidate(state, sort ? bound : -get_float8_infinity(), node, incarnation);
}

/*
 * What codes are compared with: the order, or without one the first condition,
 * which then needs no other test; NULL if neither says anything about codes.
 */
static const QuantQuery *
choose_query(AmScan state, bool sort, int *first_ball)
{
	*first_ball = 0;
	if (sort)
		return &state->query;
	if (state->ball_count == 0 || state->balls[0].or_next ||
		state->balls[0].query.query_class != QUANT_QUERY_NORMAL)
		return NULL;
	*first_ball = 1;
	return &state->balls[0].query;
}

/*
 * What codes say: slots that may meet the threshold conditions, and whose bound
 * is not beyond a threshold.  Returns how many.
 */
static int
judge_slots(AmScan state, bool sort, const QuantSlotData *const *slots, const uint32 *nodes,
			int count, double threshold, AmCandidate *hits)
{
	int			first_ball;
	const QuantQuery *query = choose_query(state, sort, &first_ball);
	uint16		positions[MATCH_BATCH];
	double		bounds[MATCH_BATCH];
	int			found = 0;
	int			kept = 0;
	int			i;

	if (query != NULL)
		found = vx_quant_bound_list(query, slots, count, threshold, positions, bounds);
	else
	{
		/* An order or a condition that codes say nothing about */
		for (i = 0; i < count; i++)
		{
			positions[found] = i;
			bounds[found] = -get_float8_infinity();
			found += !isnan(slots[i]->error);
		}
	}
	for (i = 0; i < found; i++)
	{
		const QuantSlotData *slot = slots[positions[i]];

		/* No incarnation: there is no such node */
		if (slot->incarnation == 0 || !within_balls(state, first_ball, slot))
			continue;
		hits[kept].bound = bounds[i];
		hits[kept].node = nodes[positions[i]];
		hits[kept++].incarnation = slot->incarnation;
	}
	return kept;
}

/*
 * Look at the codes of some nodes, which have been asked for ahead, without
 * pins where that is possible.  What is read so may be wrong in ways that the
 * checks of a peek do not see if it has taken long (store_peek.h): then it is
 * read again.
 */
static void
offer_nodes(AmScan state, MatchBatch *batch, bool sort, double *threshold)
{
	StoreIndex *store = state->store;
	const RelFileLocator *locator = &RelationLocator(store->relation);
	Size		slot_bytes = store->quant->slot_bytes;
	const QuantSlotData *slots[MATCH_BATCH];
	AmCandidate hits[MATCH_BATCH];
	instr_time	start;
	instr_time	end;
	bool		valid = true;
	int			count = 0;
	int			i;

	CHECK_FOR_INTERRUPTS();
	INSTR_TIME_SET_CURRENT(start);
	for (i = 0; i < batch->count && valid; i++)
	{
		const char *page = batch->refs[i] == NULL ? NULL :
			vx_store_peek_begin(locator, batch->refs[i]);

		valid = page != NULL;
		if (valid)
			slots[i] = (const QuantSlotData *) (page + batch->offsets[i]);
	}
	if (valid)
	{
		count = judge_slots(state, sort, slots, batch->nodes, batch->count, *threshold, hits);
		for (i = 0; i < batch->count && valid; i++)
		{
			valid = vx_store_peek_end(locator, batch->refs[i]);
			vx_store_touch_ref(batch->refs[i]);
		}
		INSTR_TIME_SET_CURRENT(end);
		INSTR_TIME_SUBTRACT(end, start);
		if (INSTR_TIME_GET_DOUBLE(end) * 1e9 > STORE_PEEK_MAX_NANOSECONDS)
			valid = false;
	}
	if (!valid)
	{
		char	   *copies = palloc0(slot_bytes * batch->count);

		for (i = 0; i < batch->count; i++)
		{
			char	   *copy = copies + i * slot_bytes;

			/* Where there is no such slot, zeros stay. */
			vx_store_copy_slot(store, STORE_CODE, batch->nodes[i] / store->codes_per_page,
							   batch->nodes[i] % store->codes_per_page, slot_bytes, slot_bytes,
							   copy);
			slots[i] = (const QuantSlotData *) copy;
		}
		count = judge_slots(state, sort, slots, batch->nodes, batch->count, *threshold, hits);
		pfree(copies);
	}
	for (i = 0; i < count; i++)
	{
		if (is_new_candidate(state, hits[i].bound, hits[i].node, sort))
			keep_candidate(state, hits[i].bound, hits[i].node, hits[i].incarnation, sort,
						   threshold);
	}
	batch->count = 0;
}

/*
 * Add a node to a batch, and ask for its code.
 */
static inline void
add_match(AmScan state, MatchBatch *batch, StorePageRef *ref, uint32 node, uint32 position)
{
	const QuantParams *quant = state->store->quant;
	uint32		offset = STORE_ALIGNED_START + position * quant->slot_bytes;

	batch->nodes[batch->count] = node;
	batch->refs[batch->count] = ref;
	batch->offsets[batch->count++] = offset;
	if (likely(ref != NULL))
		vx_prefetch_bytes(vx_store_prefetch_ref(ref) + offset, quant->compared_bytes);
}

/*
 * The codes of one chunk whose nodes match, one by one.
 */
static void
scan_matches(AmScan state, uint32 chunk, bool sort, double *threshold)
{
	StoreIndex *store = state->store;
	const AmFilter *filter = state->filter;
	StoreCacheFamily *family = vx_store_cache_family(store, STORE_CODE);
	bool		may_peek = vx_store_may_trust_peek(store);
	uint32		per_page = store->codes_per_page;
	uint64		node = (uint64) chunk * AM_CHUNK_PAGES * per_page;
	uint64		end = Min(node + (uint64) AM_CHUNK_PAGES * per_page, filter->node_limit);
	struct AmMatches *matches = state->matches;
	int			most = Max(Min(MATCH_BATCH, MATCH_BATCH_BYTES / (int) store->quant->slot_bytes), 1);

	node = vx_am_next_bit(filter->nodes, node, end);
	while (node < end)
	{
		uint32		page_no = node / per_page;
		uint64		first = (uint64) page_no * per_page;
		uint64		page_end = Min(first + per_page, end);
		StorePageRef *ref = may_peek ? vx_store_find_ref(family, page_no) : NULL;

		for (; node < page_end; node = vx_am_next_bit(filter->nodes, node + 1, page_end))
		{
			MatchBatch *batch = &matches->batches[matches->filling];

			add_match(state, batch, ref, node, node - first);
			if (batch->count == most)
			{
				matches->filling = 1 - matches->filling;
				offer_nodes(state, &matches->batches[matches->filling], sort, threshold);
			}
		}
		node = vx_am_next_bit(filter->nodes, page_end, end);
	}
}

/* The batches that are not full yet */
static void
end_matches(AmScan state, bool sort, double *threshold)
{
	struct AmMatches *matches = state->matches;

	if (matches == NULL)
		return;
	offer_nodes(state, &matches->batches[1 - matches->filling], sort, threshold);
	offer_nodes(state, &matches->batches[matches->filling], sort, threshold);
}

/*
 * Pass over the codes of one chunk.  With an order: keep the best candidates
 * beyond the last one given; *threshold falls as they get better.  Without:
 * keep all that meet the conditions.  Slots that change meanwhile are of rows
 * that this scan's snapshot does not see, as with peeks: the emission check finds
 * out.
 */
static void
scan_chunk(AmScan state, uint32 chunk, double *threshold)
{
	StoreIndex *store = state->store;
	Size		slot_bytes = store->quant->slot_bytes;
	uint32		page_no = chunk * AM_CHUNK_PAGES;
	uint32		end = Min(page_no + AM_CHUNK_PAGES, store->meta.families[STORE_CODE].pages);
	bool		sort = vx_am_sorts_codes(state);
	int			first_ball;
	const QuantQuery *query = choose_query(state, sort, &first_ball);
	const AmFilter *filter = state->filter;

	if (state->matches != NULL)
	{
		scan_matches(state, chunk, sort, threshold);
		return;
	}

	for (; page_no < end; page_no++)
	{
		Buffer		buffer;
		Page		page;
		const char *next = vx_store_ask_page(store, STORE_CODE, page_no + 1);
		int			slots;
		int			hits;
		int			i;

		CHECK_FOR_INTERRUPTS();
		vx_store_prefetch(store, STORE_CODE, page_no, end);
		buffer = vx_store_pin_immutable(store, STORE_CODE, page_no);
		page = BufferGetPage(buffer);
		slots = vx_store_slots(page, STORE_CODE, slot_bytes);

		if (query != NULL)
			hits = vx_quant_bound_many(query, vx_store_slot(page, STORE_CODE, slot_bytes, 0),
									   next == NULL ? NULL : next + STORE_ALIGNED_START, slots,
									   *threshold, state->positions, state->bounds);
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

			if ((filter == NULL || vx_am_node_matches(filter, node)) &&
				is_new_candidate(state, state->bounds[i], node, sort) &&
				within_balls(state, first_ball, slot))
				keep_candidate(state, state->bounds[i], node, slot->incarnation, sort, threshold);
		}
		ReleaseBuffer(buffer);
	}
}

/*
 * The code that a candidate stands for, on its page; NULL if there is another one
 * by now, or none.
 */
static const QuantSlotData *
find_code(StoreIndex *store, Page page, const AmCandidate *candidate)
{
	Size		slot_bytes = store->quant->slot_bytes;
	uint32		position = candidate->node % store->codes_per_page;
	const QuantSlotData *slot;

	if (position >= vx_store_slots(page, STORE_CODE, slot_bytes))
		return NULL;
	slot = (QuantSlotData *) vx_store_slot(page, STORE_CODE, slot_bytes, position);
	return slot->incarnation == candidate->incarnation && !isnan(slot->error) ? slot : NULL;
}

/*
 * Read a candidate's code under its page's lock: true if it is the one that
 * the candidate stands for, then with a new bound and, if within is not NULL,
 * whether it may meet the threshold conditions.
 */
bool
vx_am_read_candidate(AmScan state, const AmCandidate *candidate, double *bound, bool *within)
{
	StoreIndex *store = state->store;
	Buffer		buffer = vx_store_lock(store, STORE_CODE,
									   candidate->node / store->codes_per_page,
									   BUFFER_LOCK_SHARE);
	const QuantSlotData *slot = find_code(store, BufferGetPage(buffer), candidate);

	if (slot != NULL)
		*bound = vx_quant_bound(&state->query, slot);
	if (slot != NULL && within != NULL)
		*within = within_balls(state, 0, slot);
	UnlockReleaseBuffer(buffer);
	return slot != NULL;
}

void
vx_am_ask_for_candidate(AmScan state, const AmCandidate *candidate)
{
	StoreIndex *store = state->store;
	const QuantParams *quant = store->quant;
	const char *bytes = vx_store_ask_page(store, STORE_NODE,
										  candidate->node / STORE_NODES_PER_PAGE);

	if (bytes != NULL)
		vx_prefetch(bytes + StoreFamilyStart(STORE_NODE) +
					candidate->node % STORE_NODES_PER_PAGE * sizeof(StoreNodeData));
	if (!state->unread)
		return;
	bytes = vx_store_ask_page(store, STORE_CODE, candidate->node / store->codes_per_page);
	if (bytes != NULL)
		vx_prefetch_bytes(bytes + STORE_ALIGNED_START + quant->compared_bytes +
						  candidate->node % store->codes_per_page * quant->slot_bytes,
						  quant->slot_bytes - quant->compared_bytes);
}

/*
 * The slot does not change as long as somebody sees one of its rows, so a pin
 * will do: whoever has been given another one meanwhile finds no rows.
 */
bool
vx_am_bracket_candidate(AmScan state, const AmCandidate *candidate, double *lower, double *upper)
{
	StoreIndex *store = state->store;
	Buffer		buffer = vx_store_pin_immutable(store, STORE_CODE,
												candidate->node / store->codes_per_page);
	const QuantSlotData *slot = find_code(store, BufferGetPage(buffer), candidate);

	if (slot != NULL && !vx_quant_interval(&state->query, slot, lower, upper))
		*lower = *upper = get_float8_nan();
	ReleaseBuffer(buffer);
	return slot != NULL;
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

			CHECK_FOR_INTERRUPTS();
			if (!vx_am_set_bit(&state->given, state->query_context, batch[i].node))
				continue;
			if (state->ball_count > 0 &&
				!(vx_am_read_candidate(state, &batch[i], &batch[i].bound, &within) && within))
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
 * Before the first pass with conditions on columns: find out which nodes have
 * a row that passes, and whether to read only these.
 */
static void
choose_pass(AmScan state)
{
	uint64		rows = (uint64) state->store->meta.families[STORE_ROW].pages * STORE_ROWS_PER_PAGE;
	MemoryContext old_context;

	if (state->filter == NULL || state->counters.mode >= AM_MODE_ALL)
		return;
	old_context = MemoryContextSwitchTo(state->query_context);
	vx_am_find_matching_nodes(state->filter, state->store);
	state->counters.matches = state->filter->matches;
	state->counters.mode = AM_MODE_ALL;
	if (state->filter->matches <= rows * MOST_ROWS)
	{
		state->counters.mode = AM_MODE_MATCHES;
		state->matches = palloc0(sizeof(struct AmMatches));
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * One pass over our codes; false if there are no candidates left.
 *
 * Without an order to sort by, a pass takes one chunk at a time: whatever
 * meets the conditions may go out at once.
 */
bool
vx_am_collect_candidates(IndexScanDesc scan)
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
	choose_pass(state);

	if (!vx_am_sorts_codes(state))
	{
		if (state->batch == 0)
			state->counters.passes++;
		state->batch = INT_MAX / 4;
		if (state->ball_count > 0 && !state->balls[0].or_next &&
			state->balls[0].query.query_class == QUANT_QUERY_NORMAL)
			threshold = state->balls[0].radius;
		while (state->candidate_count == 0)
		{
			position = state->chunk_count;
			if (!next_code_chunk(scan, &position, &chunk))
				return false;
			scan_chunk(state, chunk, &threshold);
			end_matches(state, false, &threshold);
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
	end_matches(state, true, &threshold);

	if (state->candidate_count > state->batch)
	{
		select_best(state->candidates, state->candidate_count, state->batch);
		state->candidate_count = state->batch;
		state->exhausted = false;
	}
	qsort(state->candidates, state->candidate_count, sizeof(AmCandidate),
		  vx_am_compare_candidates);
	state->current = state->candidates;
	if (state->candidate_count == 0)
		return false;

	/* All of these will have been given when the next pass begins. */
	state->last_bound = state->candidates[state->candidate_count - 1].bound;
	state->last_node = state->candidates[state->candidate_count - 1].node;
	state->has_last = true;
	return true;
}
