/*-------------------------------------------------------------------------
 *
 * flat_build.c
 *	  CREATE INDEX ... USING flat.
 *
 * 1. Check options, dimensions and operator class.
 * 2. Compute the mean of a sample (vx_am_sample_mean).
 * 3. Read the table, with workers if it pays, and append the encoded rows to
 *	  the store (vx_am_load_rows, build_row).
 * 4. Write what is left and log the index (vx_store_end_build).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"

#include "am/am_load.h"
#include "base/base_debug.h"
#include "flat/flat.h"

/* Phases in pg_stat_progress_create_index, after core's "initializing" */
#define FLAT_BUILD_SAMPLE	2
#define FLAT_BUILD_LOAD		3
#define FLAT_BUILD_WRITE	4

char *
vx_flat_build_phase_name(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case FLAT_BUILD_SAMPLE:
			return "computing mean";
		case FLAT_BUILD_LOAD:
			return "loading tuples";
		case FLAT_BUILD_WRITE:
			return "writing index";
		default:
			return NULL;
	}
}

/*
 * Say what the build is at.  A test may hold it there: every phase is a debug
 * point of its name.
 */
static void
begin_phase(int phase)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
	VX_DEBUG_POINT(vx_flat_build_phase_name(phase));
}

static void
build_row(ItemPointer tid, uint16 kind, QuantSlotData *slot, const char *attributes, void *arg)
{
	vx_store_build_row((StoreBuilder *) arg, tid, kind, slot, attributes);
}

IndexBuildResult *
vx_flat_build(Relation heap, Relation index, IndexInfo *index_info)
{
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	QuantKind	quantizer = vx_am_get_quantizer(index);
	DistanceMetric metric = vx_am_get_metric(index);
	int			dims = vx_am_get_dims(index, "flat", quantizer);
	AmColumns  *columns = vx_am_open_columns(index);
	StoreBuilder *builder;
	float	   *mean = NULL;

	vx_am_check_build(index, index_info, "flat");
	if (quantizer != QUANT_NONE)
	{
		begin_phase(FLAT_BUILD_SAMPLE);
		mean = vx_am_sample_mean(heap, index, index_info, metric, dims);
	}

	begin_phase(FLAT_BUILD_LOAD);
	builder = vx_store_begin_build(index, dims, quantizer, metric, mean, &columns->store);
	result->heap_tuples = vx_am_load_rows(heap, index, index_info,
										  vx_store_builder_quant(builder), columns,
										  build_row, builder, &result->index_tuples);

	begin_phase(FLAT_BUILD_WRITE);
	vx_store_end_build(builder);
	return result;
}

void
vx_flat_build_empty(Relation index)
{
	QuantKind	quantizer = vx_am_get_quantizer(index);

	vx_store_build_empty(index, vx_am_get_dims(index, "flat", quantizer),
						 quantizer, vx_am_get_metric(index),
						 &vx_am_open_columns(index)->store, NULL);
}
