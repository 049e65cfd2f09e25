/*-------------------------------------------------------------------------
 *
 * hnsw_calibrate.h
 *	  The parts of a calibration: of an index on its pages, or of a graph in
 *	  memory, divided among processes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_CALIBRATE_H
#define VX_HNSW_CALIBRATE_H

#include "hnsw/hnsw_format.h"
#include "quant/quant_codec.h"

/* Queries at most */
#define HNSW_MAX_SAMPLE 400

/* Room for the pool of a walk that is measured: its widest, and for the neighbours */
#define HnswSampleRoom(steps) Max(HnswCalibratedEf((steps) - 1), HNSW_SAMPLE_K)

/* One query of the sample */
typedef struct HnswSampleQuery
{
	uint32		node;
	const QuantSlotData *slot;
	float		nearest[HNSW_SAMPLE_K]; /* true distances, a heap with the
										 * largest first, then sorted */
	int			count;
} HnswSampleQuery;

/* Neighbours found and wanted, of all queries: sums that may be added up */
typedef struct HnswTally
{
	uint64		hits[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_EFS];
	uint64		stretch_hits[HNSW_CALIBRATED_KS][HNSW_CALIBRATED_STRETCHES];
	uint64		wanted[HNSW_CALIBRATED_KS];
} HnswTally;

/*
 * Draw nodes below limit, the same ones each time.  accept says whether a
 * query's node may be one, and sets its slot.  queries has room for
 * HNSW_MAX_SAMPLE.  Returns how many there are.
 */
typedef bool (*HnswAcceptNode) (void *arg, HnswSampleQuery *query);

extern int	vx_hnsw_draw_sample(uint32 limit, HnswAcceptNode accept, void *arg,
								HnswSampleQuery *queries);

/* The norm that the sample's vectors have, as vx_quant_common_norm */
extern double vx_hnsw_sample_norm(const QuantParams *quant, const HnswSampleQuery *queries,
								  int count);

/*
 * Codes to compare with all queries while they are in the first cache.  The
 * caller fills slots and nodes up to room, calls vx_hnsw_compare_block, and so
 * on with all codes there are; vx_hnsw_end_truth comes last.
 */
typedef struct HnswTruthBlock
{
	int			room;
	int			count;
	const QuantSlotData **slots;
	uint32	   *nodes;
	float	   *distances;
} HnswTruthBlock;

extern void vx_hnsw_init_block(HnswTruthBlock *block, const QuantParams *quant, int min_room);
extern void vx_hnsw_compare_block(HnswTruthBlock *block, const QuantParams *quant,
								  HnswSampleQuery *queries, int query_count);
extern void vx_hnsw_end_truth(HnswSampleQuery *queries, int query_count);

/*
 * How many widths are measured in an index of so many nodes.  A walk as wide as
 * the one before costs more than a pass already: no scan makes a wider one
 * until the index has grown, and is measured again.
 */
extern int	vx_hnsw_count_steps(const QuantParams *quant, uint32 limit);

/*
 * Count what a walk finds of a query's neighbours.  take_step makes it as wide
 * as ef, but for goals that it comes to before, whose bits it sets in *reached; it
 * writes the distances of the nearest found, HNSW_SAMPLE_K at most, and returns
 * how many.  A walk that has found all is not made any wider.
 */
typedef int (*HnswTakeStep) (void *arg, int ef, const HnswGoal *goals, int goal_count,
							 uint32 *reached, float *distances);

extern void vx_hnsw_count_hits(const QuantParams *quant, double common_norm,
							   const HnswSampleQuery *query, int steps,
							   HnswTakeStep take_step, void *arg, HnswTally *tally);
extern void vx_hnsw_add_tally(HnswTally *sum, const HnswTally *tally);

/* What the metapage keeps of it */
extern void vx_hnsw_fill_calibration(const QuantParams *quant, double common_norm,
									 HnswMetaData *meta, const HnswTally *tally, int steps,
									 uint64 nodes);

#endif							/* VX_HNSW_CALIBRATE_H */
