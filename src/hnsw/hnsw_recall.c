/*-------------------------------------------------------------------------
 *
 * hnsw_recall.c
 *	  hnsw_recall() measures what a walk along the graph finds of the nearest
 *	  rows.
 *
 * The queries are vectors of the table, of rows drawn evenly from the index.
 * For each, as if it were not there (its node is hidden, and with it rows of
 * equal vectors): the truth is the distance of the k-th nearest row that the
 * snapshot sees, by the operator's function from the table's values.  The
 * answer is the k nearest rows of the nodes that one walk finds, which is the
 * first batch of a scan.  A row of the answer that is not farther than the
 * truth is a hit, so that rows at equal distances may stand for each other;
 * recall is hits / k.  Rows without a node (NULL, NaN, odd) are left out:
 * scans find them without a walk.
 *
 * The truth takes passes over the codes, all queries of a group at once: the
 * first keeps each query's candidates of the lowest bounds, whose rows are
 * read from the table in order of the bounds until none can be nearer than
 * the k-th.  Where these were not enough, a second pass reads the rows of all
 * nodes whose bound is below what is the k-th distance by then (pass_over_codes).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "common/pg_prng.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "am/am_inspect.h"
#include "hnsw/hnsw_inspect.h"
#include "hnsw/hnsw_read.h"

#define MAX_K		10000
#define MAX_SAMPLE	100000

/* Candidates that the first pass keeps of each query */
#define KEPT_CANDIDATES(k) Max(4 * (k), 256)

/* Rows of a chain that are read at a time */
#define CHAIN_ROWS	64

/* Something to keep the smallest of */
typedef struct Ranked
{
	double		value;
	uint32		node;
	uint32		incarnation;
} Ranked;

/* A max-heap of the smallest by (value, node) */
typedef struct RankedHeap
{
	Ranked	   *items;
	int			count;
	int			room;
} RankedHeap;

/* One row of the sample */
typedef struct SampleRow
{
	uint32		node;
	QuantQuery	query;
	RankedHeap	candidates;		/* by bound */
	RankedHeap	nearest;		/* rows, by distance */
	Ranked		last;			/* of the candidates kept */
	bool		unfinished;		/* there may be nearer rows beyond them */
} SampleRow;

typedef struct RecallState
{
	HnswTable	table;
	StoreIndex *store;
	HnswSearch *search;
	int			k;
	int			ef;
	bool		may_have_goal;	/* walks may end by one, or by ef */
	MemoryContext group_context;
	MemoryContext row_context;	/* a row's value */

	/* room for one page of codes, and for one code */
	char	   *codes;
	uint16	   *positions;
	double	   *bounds;
	QuantSlotData *slot;

	/* which row comes next: (start + drawn * stride) % rows */
	uint64		rows;
	uint64		start;
	uint64		stride;
	uint64		drawn;

	double	   *recalls;
	int			count;
} RecallState;

static inline bool
ranked_before(const Ranked *a, const Ranked *b)
{
	return a->value < b->value || (a->value == b->value && a->node < b->node);
}

static void
add_ranked(RankedHeap *heap, double value, uint32 node, uint32 incarnation)
{
	Ranked		item = {value, node, incarnation};
	int			at = 0;

	if (heap->count < heap->room)
	{
		at = heap->count++;
		while (at > 0 && ranked_before(&heap->items[(at - 1) / 2], &item))
		{
			heap->items[at] = heap->items[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		heap->items[at] = item;
		return;
	}
	if (!ranked_before(&item, &heap->items[0]))
		return;
	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= heap->room)
			break;
		if (child + 1 < heap->room && ranked_before(&heap->items[child], &heap->items[child + 1]))
			child++;
		if (!ranked_before(&item, &heap->items[child]))
			break;
		heap->items[at] = heap->items[child];
		at = child;
	}
	heap->items[at] = item;
}

/* What is above this cannot come into the heap any more. */
static inline double
heap_limit(const RankedHeap *heap)
{
	return heap->count < heap->room ? get_float8_infinity() : heap->items[0].value;
}

static int
compare_ranked(const void *a, const void *b)
{
	if (ranked_before(a, b))
		return -1;
	return ranked_before(b, a) ? 1 : 0;
}

/* True if the heap has the row already: a chain has been read again. */
static bool
has_row(const RankedHeap *heap, uint32 row)
{
	int			i;

	for (i = 0; i < heap->count; i++)
	{
		if (heap->items[i].node == row)
			return true;
	}
	return false;
}

/*
 * Read the rows of a node that the snapshot sees.  With a heap, their
 * distances go there.  Returns how many are not farther than limit, but stops
 * at enough.
 */
static int
read_rows(RecallState *state, const QuantQuery *query, uint32 node, uint32 incarnation,
		  RankedHeap *heap, double limit, int enough)
{
	StoreChain	chain;
	ItemPointerData tids[CHAIN_ROWS];
	uint32		rows[CHAIN_ROWS];
	bool		again = false;
	int			counted = 0;
	int			read;
	int			i;

	vx_store_start_chain(&chain, node, incarnation);
	while (counted < enough &&
		   (read = vx_store_read_chain(state->store, &chain, tids, rows, CHAIN_ROWS)) > 0)
	{
		/* Vacuum was at work: what has been counted may come again. */
		if (chain.restarts > 0 && !again)
		{
			again = true;
			counted = 0;
			vx_store_start_chain(&chain, node, incarnation);
			continue;
		}
		for (i = 0; i < read && counted < enough; i++)
		{
			MemoryContext old_context;
			Vector	   *vector;
			double		distance;

			CHECK_FOR_INTERRUPTS();
			if ((again && heap != NULL && has_row(heap, rows[i])) ||
				!vx_hnsw_fetch_row(&state->table, &tids[i]))
				continue;
			old_context = MemoryContextSwitchTo(state->row_context);
			vector = vx_hnsw_get_vector(&state->table, &tids[i], query->params.dims);
			distance = vx_distance_metric_by(query->kernels, query->params.metric, vector->dim,
											 vector->x, query->query);
			MemoryContextSwitchTo(old_context);
			MemoryContextReset(state->row_context);
			if (heap != NULL && !isnan(distance))
				add_ranked(heap, distance, rows[i], 0);
			if (distance <= limit)
				counted++;
		}
	}
	return counted;
}

/*
 * Rows are drawn by going round with a large stride that has no divisor in
 * common with their number: evenly from everywhere, none twice, and the same
 * ones as long as there are as many.
 */
static void
init_draw(RecallState *state)
{
	uint32		pages = state->store->meta.families[STORE_ROW].pages;
	pg_prng_state random;
	uint64		a;
	uint64		b;

	state->rows = (uint64) pages * STORE_ROWS_PER_PAGE;
	state->drawn = 0;
	if (state->rows == 0)
		return;
	pg_prng_seed(&random, state->rows);
	state->start = pg_prng_uint64_range(&random, 0, state->rows - 1);
	state->stride = pg_prng_uint64_range(&random, state->rows / 3, state->rows / 3 * 2 + 1);
	for (;; state->stride++)
	{
		a = state->rows;
		b = state->stride;
		while (b != 0)
		{
			uint64		rest = a % b;

			a = b;
			b = rest;
		}
		if (a == 1)
			return;
	}
}

/*
 * Draw the next row that has a code and that the snapshot sees, and prepare
 * its vector as a query.  Returns false if there is none left.
 */
static bool
draw_row(RecallState *state, SampleRow *sample)
{
	StoreIndex *store = state->store;
	const QuantParams *quant = store->quant;

	while (state->drawn < state->rows)
	{
		uint64		id = (state->start + state->drawn++ * state->stride) % state->rows;
		MemoryContext old_context;
		StoreRowData row;
		Vector	   *vector;
		float	   *copy;

		CHECK_FOR_INTERRUPTS();
		/* No peek: a row that is just being written would look corrupted. */
		if (!vx_store_copy_slot(store, STORE_ROW, id / STORE_ROWS_PER_PAGE, id % STORE_ROWS_PER_PAGE,
								sizeof(StoreRowData), sizeof(StoreRowData), &row) ||
			StoreRowLife(&row) != STORE_ROW_LIVE || StoreRowKind(&row) != STORE_ROW_CODED)
			continue;
		if (!StoreRowHasTid(&row))
			vx_store_report_corruption(store->relation, "Row %u has no heap tuple.", (uint32) id);

		/* Without the entry point a walk has nowhere to begin. */
		if (row.node == HnswGetMeta(&store->meta)->entry_node ||
			!vx_hnsw_fetch_row(&state->table, &row.tid))
			continue;

		copy = palloc(sizeof(float) * quant->dims);
		old_context = MemoryContextSwitchTo(state->row_context);
		vector = vx_hnsw_get_vector(&state->table, &row.tid, quant->dims);
		memcpy(copy, vector->x, sizeof(float) * quant->dims);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(state->row_context);
		memset(sample, 0, sizeof(SampleRow));
		sample->node = row.node;
		vx_quant_prepare_query(&sample->query, quant, copy, palloc(vx_quant_query_bytes(quant)));
		if (sample->query.query_class != QUANT_QUERY_NORMAL)
			continue;
		sample->candidates.room = KEPT_CANDIDATES(state->k);
		sample->candidates.items = palloc(sizeof(Ranked) * sample->candidates.room);
		sample->nearest.room = state->k;
		sample->nearest.items = palloc(sizeof(Ranked) * state->k);
		return true;
	}
	return false;
}

/*
 * Pass over the codes for all queries.  The first pass fills candidates; the
 * second reads the rows of those that are beyond them.
 */
static void
pass_over_codes(RecallState *state, SampleRow *samples, int count, bool second)
{
	StoreIndex *store = state->store;
	Size		slot_bytes = store->quant->slot_bytes;
	uint32		pages = store->meta.families[STORE_CODE].pages;
	uint32		page_no;

	for (page_no = 0; page_no < pages; page_no++)
	{
		Buffer		buffer;
		Page		page;
		int			slots;
		int			i;

		vx_store_prefetch(store, STORE_CODE, page_no, pages);
		buffer = vx_store_lock(store, STORE_CODE, page_no, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		slots = vx_store_slots(page, STORE_CODE, slot_bytes);
		memcpy(state->codes, vx_store_slot(page, STORE_CODE, slot_bytes, 0), slots * slot_bytes);
		UnlockReleaseBuffer(buffer);

		for (i = 0; i < count; i++)
		{
			SampleRow  *sample = &samples[i];
			RankedHeap *heap = second ? &sample->nearest : &sample->candidates;
			int			hits;
			int			hit;

			if (second && !sample->unfinished)
				continue;
			CHECK_FOR_INTERRUPTS();
			hits = vx_quant_bound_many(&sample->query, state->codes, NULL, slots,
									   heap_limit(heap), state->positions, state->bounds);
			for (hit = 0; hit < hits; hit++)
			{
				Ranked		item;

				item.value = state->bounds[hit];
				item.node = page_no * store->codes_per_page + state->positions[hit];
				item.incarnation = ((QuantSlotData *)
									(state->codes + state->positions[hit] * slot_bytes))->incarnation;
				if (item.node == sample->node)
					continue;
				if (!second)
					add_ranked(heap, item.value, item.node, item.incarnation);
				else if (ranked_before(&sample->last, &item) && item.value < heap_limit(heap))
					read_rows(state, &sample->query, item.node, item.incarnation, heap, 0, INT_MAX);
			}
		}
	}
}

/*
 * Read the rows of the candidates, nearest bound first.  Sets unfinished if
 * there may be nearer rows of nodes that are not among them.
 */
static void
rank_candidates(RecallState *state, SampleRow *sample)
{
	RankedHeap *heap = &sample->candidates;
	int			i;

	qsort(heap->items, heap->count, sizeof(Ranked), compare_ranked);
	for (i = 0; i < heap->count && heap->items[i].value < heap_limit(&sample->nearest); i++)
		read_rows(state, &sample->query, heap->items[i].node, heap->items[i].incarnation,
				  &sample->nearest, 0, INT_MAX);
	if (i == heap->room)
	{
		sample->last = heap->items[i - 1];
		sample->unfinished = true;
	}
}

/* Make each query's heap of nearest rows complete. */
static void
find_truth(RecallState *state, SampleRow *samples, int count)
{
	bool		unfinished = false;
	int			i;

	pass_over_codes(state, samples, count, false);
	for (i = 0; i < count; i++)
	{
		rank_candidates(state, &samples[i]);
		unfinished |= samples[i].unfinished;
	}
	if (unfinished)
		pass_over_codes(state, samples, count, true);
}

/*
 * Walk for one query and count what it has found of the truth.
 */
static void
judge_walk(RecallState *state, SampleRow *sample)
{
	const HnswCandidate *found;
	HnswGoal	goal;
	int			want = sample->nearest.count;
	int			found_count = 0;
	int			hits = 0;
	double		truth;
	int			i;

	if (want == 0)
		return;
	truth = sample->nearest.items[0].value;

	vx_hnsw_hide_node(state->search, sample->node);
	vx_hnsw_search_for_query(state->search, &sample->query);
	if (vx_hnsw_descend(state->search, 0) >= 0)
		found_count = state->may_have_goal &&
			vx_hnsw_choose_goal(HnswGetMeta(&state->store->meta), state->store->quant,
								sample->query.query_norm, state->k, vx_hnsw_target_recall, &goal) ?
			vx_hnsw_search_nearest(state->search, state->ef, &goal, &found) :
			vx_hnsw_search_bottom(state->search, state->ef, &found);
	for (i = 0; i < found_count && hits < want; i++)
	{
		uint32		node = found[i].node;

		CHECK_FOR_INTERRUPTS();
		vx_hnsw_read_codes(state->store, &node, 1, (char *) state->slot);
		/* False for NaN: freed meanwhile */
		if (vx_quant_bound(&sample->query, state->slot) <= truth)
			hits += read_rows(state, &sample->query, node, state->slot->incarnation, NULL,
							  truth, want - hits);
	}
	state->recalls[state->count++] = (double) hits / want;
}

/*
 * Measure a sample of rows, as many at a time as fit work_mem.
 */
static void
measure(RecallState *state, int sample)
{
	StoreIndex *store = state->store;
	Size		query_bytes = sizeof(SampleRow) + sizeof(float) * store->quant->dims +
		vx_quant_query_bytes(store->quant) +
		sizeof(Ranked) * ((Size) KEPT_CANDIDATES(state->k) + state->k);
	int			group = (int) Max(1, Min((Size) sample, (Size) work_mem * 1024 / query_bytes));
	int			left = sample;
	int			i;

	while (left > 0)
	{
		MemoryContext old_context = MemoryContextSwitchTo(state->group_context);
		int			want = Min(group, left);
		SampleRow  *samples = palloc(sizeof(SampleRow) * want);
		int			count = 0;

		while (count < want && draw_row(state, &samples[count]))
			count++;
		find_truth(state, samples, count);
		MemoryContextSwitchTo(old_context);
		for (i = 0; i < count; i++)
			judge_walk(state, &samples[i]);
		MemoryContextReset(state->group_context);
		if (count < want)
			return;
		left -= count;
	}
}

static int
compare_recalls(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}

/* The walk that a scan with LIMIT k begins with (hnsw_scan.c) */
static void
choose_walk(RecallState *state)
{
	const HnswMetaData *meta = HnswGetMeta(&state->store->meta);

	if (!vx_hnsw_has_target())
	{
		state->ef = vx_hnsw_ef_search;
		return;
	}
	state->ef = vx_hnsw_choose_ef(meta, state->k, vx_hnsw_target_recall);
	state->may_have_goal = true;
}

static int
get_argument(FunctionCallInfo fcinfo, int number, const char *name, int max)
{
	int			value;

	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	value = PG_GETARG_INT32(number);
	if (value < 1 || value > max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between %d and %d, not %d", name, 1, max, value)));
	return value;
}

PG_FUNCTION_INFO_V1(vecext_hnsw_recall);
Datum
vecext_hnsw_recall(PG_FUNCTION_ARGS)
{
	RecallState state = {0};
	Relation	heap;
	Relation	index;
	LOCKMODE	lock_mode;
	TupleDesc	desc;
	Datum		values[8];
	bool		nulls[8] = {0};
	int			sample;
	double		sum = 0;
	int			i;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state.k = get_argument(fcinfo, 1, "k", MAX_K);
	sample = get_argument(fcinfo, 2, "sample", MAX_SAMPLE);
	if (!PG_ARGISNULL(3))
		state.ef = get_argument(fcinfo, 3, "ef", HNSW_MAX_EF_SEARCH);

	lock_mode = vx_am_open_for_check(PG_GETARG_OID(0), "hnsw", false, &heap, &index);
	vx_hnsw_begin_table(&state.table, heap, index);
	vx_am_check_snapshot_age(index, state.table.snapshot);

	/* After the snapshot: pages published by now hold every row that it sees. */
	state.store = vx_store_open(index);
	vx_hnsw_check_words(state.store);
	if (PG_ARGISNULL(3))
		choose_walk(&state);
	state.ef = Max(state.ef, state.k);

	state.group_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw recall group",
												ALLOCSET_DEFAULT_SIZES);
	state.row_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw recall row",
											  ALLOCSET_DEFAULT_SIZES);
	state.codes = palloc(state.store->quant->slot_bytes * state.store->codes_per_page);
	state.positions = palloc(sizeof(uint16) * state.store->codes_per_page);
	state.bounds = palloc(sizeof(double) * state.store->codes_per_page);
	state.slot = palloc(state.store->quant->slot_bytes);
	state.recalls = palloc(sizeof(double) * sample);
	state.search = vx_hnsw_begin_search(state.store);
	init_draw(&state);
	measure(&state, sample);
	vx_hnsw_end_table(&state.table);
	vx_am_close_after_check(heap, index, lock_mode);

	values[0] = Int32GetDatum(state.k);
	values[1] = Int32GetDatum(state.count);
	values[2] = Int32GetDatum(state.ef);
	if (state.count == 0)
		memset(nulls + 3, true, sizeof(bool) * 5);
	else
	{
		/* The highest that at most a twentieth of the queries is below */
		int			p5 = state.count / 20;

		qsort(state.recalls, state.count, sizeof(double), compare_recalls);
		for (i = 0; i < state.count; i++)
			sum += state.recalls[i];
		values[3] = Float8GetDatum(sum / state.count);
		values[4] = Float8GetDatum(state.recalls[p5]);
		values[5] = Float8GetDatum(state.recalls[0]);
		values[6] = Float8GetDatum((double) state.search->counters.hops / state.count);
		values[7] = Float8GetDatum((double) state.search->counters.distances / state.count);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
