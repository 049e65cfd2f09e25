/*-------------------------------------------------------------------------
 *
 * hnsw_calibrate.c
 *	  How wide a walk must be for a recall: measured, and kept on the
 *	  metapage.
 *
 * A sample of the index's own nodes are the queries.  For each, the true
 * neighbours come from one pass over all codes, then the graph is walked at
 * growing ef with the node itself hidden, as if it were not in the index.
 * Distances are between codes on both sides: what codes cannot tell apart does
 * not count as a miss of the graph, and the scan's exact order makes up for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/hnsw.h"
#include "hnsw/hnsw_read.h"

/* Code comparisons to spend on the truth, and bounds of the sample's size */
#define TRUTH_COMPARISONS	1e8
#define MIN_SAMPLE	50
#define MAX_SAMPLE	400

/* More is not asked for, whatever the target */
#define MAX_TARGET	0.999

/* Largest k that is calibrated */
#define MAX_K	100

static const int calibrated_k[HNSW_CALIBRATED_KS] = {1, 10, MAX_K};

/* ef of point i */
#define CalibratedEf(i) (10 << (i))

/* One query of the sample */
typedef struct SampleQuery
{
	uint32		node;
	QuantSlotData *slot;
	float		nearest[MAX_K]; /* true distances, a heap with the largest
								 * first, then sorted */
	int			count;
} SampleQuery;

/* Keep the MAX_K smallest distances: a max-heap. */
static void
add_distance(SampleQuery *query, float distance)
{
	float	   *heap = query->nearest;
	int			at;

	if (query->count < MAX_K)
	{
		at = query->count++;
		while (at > 0 && heap[(at - 1) / 2] < distance)
		{
			heap[at] = heap[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		heap[at] = distance;
		return;
	}
	if (!(distance < heap[0]))
		return;
	at = 0;
	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= MAX_K)
			break;
		if (child + 1 < MAX_K && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= distance)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = distance;
}

static int
compare_floats(const void *a, const void *b)
{
	float		left = *(const float *) a;
	float		right = *(const float *) b;

	return left < right ? -1 : left > right;
}

/*
 * Draw nodes that hold a code.  Returns how many.
 */
static int
draw_sample(StoreIndex *store, SampleQuery *queries, int want)
{
	uint32		limit = vx_hnsw_node_limit(store);
	Size		slot_bytes = store->quant->slot_bytes;
	pg_prng_state random;
	int			count = 0;
	int			tries;

	if (limit == 0)
		return 0;
	pg_prng_seed(&random, limit);
	for (tries = 0; tries < 4 * want && count < want; tries++)
	{
		SampleQuery *query = &queries[count];

		if (query->slot == NULL)
			query->slot = palloc(slot_bytes);
		query->node = (uint32) pg_prng_uint64_range(&random, 0, limit - 1);
		vx_hnsw_read_codes(store, &query->node, 1, (char *) query->slot);
		/* Without the entry point there is nothing to walk from. */
		if (!isnan(query->slot->error) && query->slot->incarnation != 0 &&
			query->node != HnswGetMeta(&store->meta)->entry_node)
			count++;
	}
	return count;
}

/*
 * The true neighbours of all queries, in one pass.  Returns the number of
 * codes.
 */
static uint64
find_truth(StoreIndex *store, SampleQuery *queries, int query_count)
{
	Size		slot_bytes = store->quant->slot_bytes;
	uint32		pages = store->meta.families[STORE_CODE].pages;
	char	   *copies = palloc(slot_bytes * store->codes_per_page);
	const QuantSlotData **slots = palloc(sizeof(QuantSlotData *) * store->codes_per_page);
	float	   *distances = palloc(sizeof(float) * store->codes_per_page);
	uint64		codes = 0;
	uint32		page_no;
	int			i;

	for (page_no = 0; page_no < pages; page_no++)
	{
		Buffer		buffer = vx_store_lock(store, STORE_CODE, page_no, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);
		int			count = vx_store_slots(page, STORE_CODE, slot_bytes);
		int			used = 0;

		memcpy(copies, vx_store_slot(page, STORE_CODE, slot_bytes, 0), slot_bytes * count);
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();

		for (i = 0; i < count; i++)
		{
			const QuantSlotData *slot = (QuantSlotData *) (copies + i * slot_bytes);

			if (!isnan(slot->error))
				slots[used++] = slot;
		}
		codes += used;
		for (i = 0; i < query_count; i++)
		{
			SampleQuery *query = &queries[i];
			int			own = query->node / store->codes_per_page == page_no ?
				(int) (query->node % store->codes_per_page) : -1;
			int			j;

			vx_quant_code_distance_list(store->quant, query->slot, slots, used, distances);
			for (j = 0; j < used; j++)
			{
				if (own >= 0 && (const char *) slots[j] == copies + own * slot_bytes)
					continue;
				if (query->count < MAX_K || distances[j] < query->nearest[0])
					add_distance(query, distances[j]);
			}
		}
	}
	for (i = 0; i < query_count; i++)
		qsort(queries[i].nearest, queries[i].count, sizeof(float), compare_floats);
	pfree(copies);
	pfree(slots);
	pfree(distances);
	return codes;
}

/* True if walks of this width find what any target may ask for. */
static bool
reaches_target(const HnswMetaData *meta, int step)
{
	int			k;

	for (k = 0; k < HNSW_CALIBRATED_KS; k++)
	{
		if (meta->recall[k][step] < MAX_TARGET * 65535.0)
			return false;
	}
	return true;
}

void
vx_hnsw_calibrate(StoreIndex *store, HnswMetaData *meta)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw calibration",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	double		nodes = Max(vx_hnsw_node_limit(store), 1);
	int			want = Max(MIN_SAMPLE, Min(MAX_SAMPLE, (int) (TRUTH_COMPARISONS / nodes)));
	SampleQuery *queries = MemoryContextAllocExtended(context, sizeof(SampleQuery) * want,
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int			count = draw_sample(store, queries, want);
	uint64		codes;
	HnswSearch *search;
	int			step;
	int			i;
	int			k;

	meta->calibrated = 0;
	if (count == 0)
	{
		MemoryContextSwitchTo(old_context);
		MemoryContextDelete(context);
		return;
	}
	codes = find_truth(store, queries, count);
	search = vx_hnsw_begin_search(store);

	for (step = 0; step < HNSW_CALIBRATED_EFS; step++)
	{
		double		sums[HNSW_CALIBRATED_KS] = {0};
		int			weights[HNSW_CALIBRATED_KS] = {0};

		/*
		 * A walk as wide as the one before costs more than a pass already: no
		 * scan makes a wider one until the index has grown, and is measured
		 * again.  Should one come first: twice as wide misses half as much.
		 * Nor is a wider one asked for once the highest target is reached.
		 */
		if (step > 0 && (vx_hnsw_walk_cost(store, CalibratedEf(step - 1)) > nodes ||
						 reaches_target(meta, step - 1)))
		{
			for (k = 0; k < HNSW_CALIBRATED_KS; k++)
				meta->recall[k][step] = 65535 - (65535 - meta->recall[k][step - 1]) / 2;
			continue;
		}

		for (i = 0; i < count; i++)
		{
			SampleQuery *query = &queries[i];
			const HnswCandidate *found;
			int			found_count = 0;

			CHECK_FOR_INTERRUPTS();
			vx_hnsw_hide_node(search, query->node);
			vx_hnsw_search_for_code(search, query->slot);
			if (vx_hnsw_descend(search, 0) >= 0)
				found_count = vx_hnsw_search_bottom(search, CalibratedEf(step), &found);
			for (k = 0; k < HNSW_CALIBRATED_KS; k++)
			{
				int			want_rows = Min(calibrated_k[k], query->count);
				int			hits = 0;

				if (want_rows == 0)
					continue;
				while (hits < found_count && hits < want_rows &&
					   found[hits].distance <= query->nearest[want_rows - 1])
					hits++;
				sums[k] += (double) hits / want_rows;
				weights[k]++;
			}
		}
		for (k = 0; k < HNSW_CALIBRATED_KS; k++)
			meta->recall[k][step] = weights[k] == 0 ? 65535 :
				(uint16) (sums[k] / weights[k] * 65535.0);
	}

	meta->calibrated = 1;
	meta->calibrated_nodes = codes;
	meta->calibrated_changes = 0;
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/*
 * log2(ef / 10) for one of the calibrated k: log(1 - recall) is taken for
 * linear between two points.
 */
static double
find_step(const uint16 *recalls, double recall)
{
	double		before = 0;
	int			step;

	for (step = 0; step < HNSW_CALIBRATED_EFS; step++)
	{
		/* Half a unit stands for "none has been missed". */
		double		found = Min(recalls[step] / 65535.0, 1.0 - 0.5 / 65535.0);

		if (found >= recall)
		{
			if (step == 0 || found <= before)
				return step;
			return step - 1 + (log(1 - before) - log(1 - recall)) /
				(log(1 - before) - log(1 - found));
		}
		before = found;
	}
	return HNSW_CALIBRATED_EFS - 1;
}

int
vx_hnsw_choose_ef(const HnswMetaData *meta, int k, double recall)
{
	double		steps[HNSW_CALIBRATED_KS];
	double		place;
	double		ef;
	int			i;

	if (!meta->calibrated)
		return Max(40, 2 * Min(k, 1000000));
	recall = Min(Max(recall, 0.01), MAX_TARGET);
	for (i = 0; i < HNSW_CALIBRATED_KS; i++)
		steps[i] = find_step(meta->recall[i], recall);

	/* Between the calibrated k, which are powers of ten */
	place = log10(Max(k, 1));
	if (place >= HNSW_CALIBRATED_KS - 1)
		ef = 10 * exp2(steps[HNSW_CALIBRATED_KS - 1]) * k / MAX_K;
	else
	{
		i = (int) place;
		ef = 10 * exp2(steps[i] + (place - i) * (steps[i + 1] - steps[i]));
	}
	return (int) Min(Max(ceil(ef), k), HNSW_MAX_NODES);
}

/*
 * Keep a calibration.
 */
void
vx_hnsw_store_calibration(StoreIndex *store, const HnswMetaData *measured)
{
	Buffer		buffer = vx_store_lock_meta(store, BUFFER_LOCK_EXCLUSIVE);
	HnswMetaData *meta = HnswGetMeta((StoreMetaData *) PageGetContents(BufferGetPage(buffer)));
	StoreWal	wal;

	/* From calibrated on: the words before are not ours. */
	vx_store_wal_begin(&wal, store->relation);
	vx_store_wal_add(&wal, buffer, false);
	vx_store_wal_put(&wal, 0, &meta->calibrated, &measured->calibrated,
					 sizeof(HnswMetaData) - offsetof(HnswMetaData, calibrated));
	vx_store_wal_finish(&wal);
	UnlockReleaseBuffer(buffer);
}
