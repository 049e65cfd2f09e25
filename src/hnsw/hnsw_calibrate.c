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
 * A build measures its graph in memory (hnsw_parallel_build.c) and finds the
 * same as vx_hnsw_calibrate does on the pages that are made of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "commands/vacuum.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "hnsw/hnsw.h"
#include "hnsw/hnsw_calibrate.h"
#include "hnsw/hnsw_read.h"

/* Code comparisons to spend on the truth, and the least size of the sample */
#define TRUTH_COMPARISONS	1e8
#define MIN_SAMPLE	50

/* Codes to compare with all queries at once: the first cache holds them. */
#define TRUTH_BLOCK_BYTES 32768

/*
 * What a walk may miss that ends by a goal, of what the target lets it miss: the
 * sample is a few hundred rows, and recall is steep where a goal ends walks
 * early.
 */
#define GOAL_MISSES	0.9

/* More is not asked for, whatever the target */
#define MAX_TARGET	0.999

StaticAssertDecl(HNSW_MAX_SAMPLE <= QUANT_NORM_SAMPLE, "norms of the whole sample are looked at");

static const int calibrated_k[HNSW_CALIBRATED_KS] = {1, 10, HNSW_SAMPLE_K};

/* Keep the HNSW_SAMPLE_K smallest distances: a max-heap. */
static void
add_distance(HnswSampleQuery *query, float distance)
{
	float	   *heap = query->nearest;
	int			at;

	if (query->count < HNSW_SAMPLE_K)
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

		if (child >= HNSW_SAMPLE_K)
			break;
		if (child + 1 < HNSW_SAMPLE_K && heap[child + 1] > heap[child])
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

int
vx_hnsw_draw_sample(uint32 limit, HnswAcceptNode accept, void *arg, HnswSampleQuery *queries)
{
	int			want = Max(MIN_SAMPLE, Min(HNSW_MAX_SAMPLE,
										   (int) (TRUTH_COMPARISONS / Max(limit, 1))));
	pg_prng_state random;
	int			count = 0;
	int			tries;

	if (limit == 0)
		return 0;
	pg_prng_seed(&random, limit);
	for (tries = 0; tries < 4 * want && count < want; tries++)
	{
		queries[count].node = (uint32) pg_prng_uint64_range(&random, 0, limit - 1);
		if (accept(arg, &queries[count]))
			count++;
	}
	return count;
}

/*
 * True if a node of the index holds a code.
 */
static bool
read_query(void *arg, HnswSampleQuery *query)
{
	StoreIndex *store = (StoreIndex *) arg;
	QuantSlotData *slot = palloc(store->quant->slot_bytes);

	vx_hnsw_read_codes(store, &query->node, 1, (char *) slot);
	query->slot = slot;
	/* Without the entry point there is nothing to walk from. */
	return !isnan(slot->error) && slot->incarnation != 0 &&
		query->node != HnswGetMeta(&store->meta)->entry_node;
}

void
vx_hnsw_init_block(HnswTruthBlock *block, const QuantParams *quant, int min_room)
{
	/* In fours: kernels compare four at a time. */
	block->room = TYPEALIGN(4, Max(min_room, TRUTH_BLOCK_BYTES / quant->slot_bytes));
	block->count = 0;
	block->slots = palloc(sizeof(QuantSlotData *) * block->room);
	block->nodes = palloc(sizeof(uint32) * block->room);
	block->distances = palloc(sizeof(float) * block->room);
}

void
vx_hnsw_compare_block(HnswTruthBlock *block, const QuantParams *quant, HnswSampleQuery *queries,
					  int query_count)
{
	int			i;
	int			j;

	for (i = 0; i < query_count; i++)
	{
		HnswSampleQuery *query = &queries[i];
		float		limit = query->count < HNSW_SAMPLE_K ? INFINITY : query->nearest[0];

		vx_quant_code_distance_list(quant, query->slot, block->slots, block->count,
									block->distances);
		for (j = 0; j < block->count; j++)
		{
			if (block->distances[j] < limit && block->nodes[j] != query->node)
			{
				add_distance(query, block->distances[j]);
				limit = query->count < HNSW_SAMPLE_K ? INFINITY : query->nearest[0];
			}
		}
	}
	block->count = 0;
}

void
vx_hnsw_end_truth(HnswSampleQuery *queries, int query_count)
{
	int			i;

	for (i = 0; i < query_count; i++)
		qsort(queries[i].nearest, queries[i].count, sizeof(float), compare_floats);
}

/*
 * The true neighbours of all queries, in one pass.  Returns the number of
 * codes.
 */
static uint64
find_truth(StoreIndex *store, HnswSampleQuery *queries, int query_count)
{
	const QuantParams *quant = store->quant;
	Size		slot_bytes = quant->slot_bytes;
	uint32		pages = store->meta.families[STORE_CODE].pages;
	uint64		codes = 0;
	HnswTruthBlock block;
	char	   *copies;
	uint32		page_no;
	int			i;

	vx_hnsw_init_block(&block, quant, store->codes_per_page);
	copies = palloc(slot_bytes * block.room);
	for (page_no = 0; page_no < pages; page_no++)
	{
		Buffer		buffer = vx_store_lock(store, STORE_CODE, page_no, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);
		int			count = vx_store_slots(page, STORE_CODE, slot_bytes);

		for (i = 0; i < count; i++)
		{
			const char *slot = vx_store_slot(page, STORE_CODE, slot_bytes, i);
			char	   *copy = copies + block.count * slot_bytes;

			if (isnan(((const QuantSlotData *) slot)->error))
				continue;
			memcpy(copy, slot, slot_bytes);
			block.slots[block.count] = (QuantSlotData *) copy;
			block.nodes[block.count++] = page_no * store->codes_per_page + i;
		}
		UnlockReleaseBuffer(buffer);
		vx_vacuum_delay_point();

		if (block.room - block.count < store->codes_per_page || page_no == pages - 1)
		{
			codes += block.count;
			vx_hnsw_compare_block(&block, quant, queries, query_count);
		}
	}
	vx_hnsw_end_truth(queries, query_count);
	return codes;
}

int
vx_hnsw_count_steps(const QuantParams *quant, uint32 limit)
{
	int			steps = 1;

	while (steps < HNSW_CALIBRATED_EFS &&
		   vx_hnsw_walk_cost(quant, HnswCalibratedEf(steps - 1)) <= Max(limit, 1))
		steps++;
	return steps;
}

double
vx_hnsw_sample_norm(const QuantParams *quant, const HnswSampleQuery *queries, int count)
{
	const QuantSlotData *slots[HNSW_MAX_SAMPLE];
	int			i;

	for (i = 0; i < count; i++)
		slots[i] = queries[i].slot;
	return vx_quant_common_norm(quant, slots, count);
}

/* The goal of one of the calibrated k at one of the stretches, none behind the last */
static HnswGoal
get_sample_goal(const QuantParams *quant, int k, int stretch, double common_norm,
				double query_norm)
{
	return vx_hnsw_make_goal(quant->metric, calibrated_k[k], HnswGoalLeast(calibrated_k[k]),
							 stretch < HNSW_CALIBRATED_STRETCHES ?
							 vx_hnsw_calibrated_stretch[stretch] : INFINITY,
							 common_norm, query_norm);
}

void
vx_hnsw_count_hits(const QuantParams *quant, double common_norm, const HnswSampleQuery *query,
				   int steps, HnswTakeStep take_step, void *arg, HnswTally *tally)
{
	double		query_norm = quant->metric == DISTANCE_METRIC_IP ? vx_quant_norm(quant, query->slot) : 0;
	int			hits[HNSW_CALIBRATED_KS] = {0};
	int			stretches[HNSW_CALIBRATED_KS] = {0};	/* counted so far */
	HnswGoal	goals[HNSW_CALIBRATED_KS];
	bool		missed = query->count > 0;
	int			step = 0;
	int			k;
	int			i;

	for (k = 0; k < HNSW_CALIBRATED_KS; k++)
		goals[k] = get_sample_goal(quant, k, 0, common_norm, query_norm);
	while (missed && step < steps)
	{
		float		found[HNSW_SAMPLE_K];
		uint32		reached;
		int			found_count = take_step(arg, HnswCalibratedEf(step), goals,
											HNSW_CALIBRATED_KS, &reached, found);

		missed = false;
		for (k = 0; k < HNSW_CALIBRATED_KS; k++)
		{
			int			wanted = Min(calibrated_k[k], query->count);

			/* What was near enough before is so still. */
			while (hits[k] < found_count && hits[k] < wanted &&
				   found[hits[k]] <= query->nearest[wanted - 1])
				hits[k]++;
			missed |= hits[k] < wanted;

			if (reached & (1U << k))
			{
				tally->stretch_hits[k][stretches[k]++] += hits[k];
				goals[k] = get_sample_goal(quant, k, stretches[k], common_norm, query_norm);
			}
			else if (reached == 0)
				tally->hits[k][step] += Min(hits[k], HnswCalibratedEf(step));
		}
		if (reached == 0)
			step++;
	}

	/* All has been found, or as much as by the widest walk. */
	for (k = 0; k < HNSW_CALIBRATED_KS; k++)
	{
		for (i = step; i < steps; i++)
			tally->hits[k][i] += Min(hits[k], HnswCalibratedEf(i));
		for (i = stretches[k]; i < HNSW_CALIBRATED_STRETCHES; i++)
			tally->stretch_hits[k][i] += hits[k];
		tally->wanted[k] += Min(calibrated_k[k], query->count);
	}
}

void
vx_hnsw_add_tally(HnswTally *sum, const HnswTally *tally)
{
	int			k;
	int			i;

	for (k = 0; k < HNSW_CALIBRATED_KS; k++)
	{
		for (i = 0; i < HNSW_CALIBRATED_EFS; i++)
			sum->hits[k][i] += tally->hits[k][i];
		for (i = 0; i < HNSW_CALIBRATED_STRETCHES; i++)
			sum->stretch_hits[k][i] += tally->stretch_hits[k][i];
		sum->wanted[k] += tally->wanted[k];
	}
}

/* The walk on the index's pages */
static int
take_step(void *arg, int ef, const HnswGoal *goals, int goal_count, uint32 *reached,
		  float *distances)
{
	const HnswCandidate *found;
	int			count = vx_hnsw_search_to_goals((HnswSearch *) arg, ef, goals, goal_count,
												reached, &found);
	int			i;

	for (i = 0; i < count && i < HNSW_SAMPLE_K; i++)
		distances[i] = found[i].distance;
	return i;
}

/* A share of neighbours as the metapage keeps it */
static uint16
get_recall(uint64 hits, uint64 wanted)
{
	return wanted == 0 ? 65535 : (uint16) (hits * UINT64CONST(65535) / wanted);
}

void
vx_hnsw_fill_calibration(const QuantParams *quant, double common_norm, HnswMetaData *meta,
						 const HnswTally *tally, int steps, uint64 nodes)
{
	int			k;
	int			step;
	int			i;

	for (k = 0; k < HNSW_CALIBRATED_KS; k++)
	{
		for (step = 0; step < HNSW_CALIBRATED_EFS; step++)
		{
			/*
			 * Should a wider walk come first: twice as wide misses half as
			 * much.
			 */
			if (step >= steps)
				meta->recall[k][step] = 65535 - (65535 - meta->recall[k][step - 1]) / 2;
			else
				meta->recall[k][step] = get_recall(tally->hits[k][step], tally->wanted[k]);
		}
		/* Inner products of vectors of different norms have no goals. */
		for (i = 0; i < HNSW_CALIBRATED_STRETCHES; i++)
			meta->stretch_recall[k][i] = quant->metric != DISTANCE_METRIC_IP || common_norm > 0 ?
				get_recall(tally->stretch_hits[k][i], tally->wanted[k]) : 0;
	}
	meta->common_norm = (float) common_norm;
	meta->calibrated = 1;
	meta->calibrated_nodes = nodes;
	meta->calibrated_changes = 0;
}

void
vx_hnsw_calibrate(StoreIndex *store, HnswMetaData *meta)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw calibration",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	uint32		limit = vx_hnsw_node_limit(store);
	HnswSampleQuery *queries = palloc0(sizeof(HnswSampleQuery) * HNSW_MAX_SAMPLE);
	int			count = vx_hnsw_draw_sample(limit, read_query, store, queries);
	int			steps = vx_hnsw_count_steps(store->quant, limit);
	HnswTally	tally;
	uint64		codes;
	HnswSearch *search;
	double		common_norm;
	int			i;

	meta->calibrated = 0;
	if (count > 0)
	{
		codes = find_truth(store, queries, count);
		common_norm = vx_hnsw_sample_norm(store->quant, queries, count);
		search = vx_hnsw_begin_search(store);
		memset(&tally, 0, sizeof(tally));
		for (i = 0; i < count; i++)
		{
			vx_vacuum_delay_point();
			vx_hnsw_hide_node(search, queries[i].node);
			vx_hnsw_search_for_code(search, queries[i].slot);
			vx_hnsw_descend(search, 0);
			vx_hnsw_search_begin_steps(search, HnswSampleRoom(steps));
			vx_hnsw_count_hits(store->quant, common_norm, &queries[i], steps, take_step, search,
							   &tally);
		}
		vx_hnsw_fill_calibration(store->quant, common_norm, meta, &tally, steps, codes);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

int
vx_hnsw_choose_ef(const HnswMetaData *meta, int k, double recall)
{
	double		ef;

	if (!meta->calibrated)
		return Max(40, 2 * Min(k, 1000000));
	ef = vx_hnsw_find_width(meta->recall, k, Min(Max(recall, 0.01), MAX_TARGET));
	return (int) Min(Max(ceil(ef), k), HNSW_MAX_NODES);
}

bool
vx_hnsw_choose_goal(const HnswMetaData *meta, const QuantParams *quant, double query_norm, int k,
					double recall, HnswGoal *goal)
{
	double		misses = 1 - Min(Max(recall, 0.01), MAX_TARGET);
	double		stretch;

	if (!meta->calibrated)
		return false;
	stretch = vx_hnsw_find_stretch(meta->stretch_recall, k, 1 - misses * GOAL_MISSES);

	/* The widest walk that was measured may have found only just enough. */
	if (isinf(stretch))
		stretch = vx_hnsw_find_stretch(meta->stretch_recall, k, 1 - misses);
	*goal = vx_hnsw_make_goal(quant->metric, k, HnswGoalLeast(k), stretch, meta->common_norm,
							  query_norm);
	return !isinf(goal->factor);
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
