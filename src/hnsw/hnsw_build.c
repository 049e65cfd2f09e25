/*-------------------------------------------------------------------------
 *
 * hnsw_build.c
 *	  CREATE INDEX ... USING hnsw.
 *
 * 1. Check options, dimensions and operator class.
 * 2. Compute the mean of a sample (vx_am_sample_mean).
 * 3. Read the table, with workers if it pays, into chunks of codes and rows;
 *	  equal codes become one node (load_row).
 * 4. Sort the codes (vx_hnsw_arrange), and build the graph over them, with workers
 *	  (vx_hnsw_build_graph).
 * 5. Write nodes, links and rows in breadth-first order: the id of a node is
 *	  its place in that order (write_index).
 * 6. Insert the rows that did not fit into maintenance_work_mem
 *	  (vx_hnsw_insert_overflow).
 * 7. Log the index.
 * 8. Measure how wide searches must be: workers begin before 5
 *	  (vx_hnsw_begin_measure), or all is done here after 7 (vx_hnsw_calibrate).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

#include "am/am_load.h"
#include "base/base_debug.h"
#include "hnsw/hnsw.h"
#include "hnsw/hnsw_build.h"

/*
 * Codes are kept in chunks, so that their memory is given back while they move
 * to where the graph is.  Malloc gives back what is larger than 32 MB; pages
 * that are not touched cost nothing.
 */
#define CHUNK_BYTES ((Size) 33 * 1024 * 1024)

/*
 * Memory of a node beside its code and its lists: 8 to 16 bytes for telling
 * equal codes apart, which are given back, then 4 for its upper lists, 2 for
 * level and lock, 2 for each process's marks, 4 for the order, 4 for its place
 * in it, and 13 for the store's builder.
 */
#define NODE_OVERHEAD_BYTES 36

/* A row of the table */
typedef struct BuildRow
{
	ItemPointerData tid;
	uint16		kind;
	uint32		node;			/* STORE_NONE without a code */
} BuildRow;

/* Node with a given hash, of which this is a part; open addressing */
typedef struct SeenCode
{
	uint32		hash;
	uint32		node_plus_one;
} SeenCode;

typedef struct BuildState
{
	Relation	index;
	MemoryContext context;
	QuantParams quant;
	uint32		codes_per_chunk;
	char	  **code_chunks;
	uint32		nodes;
	const AmColumns *columns;
	BuildRow   *rows;
	char	   *attributes;		/* of the rows, in the order they came in */
	uint32		row_count;
	Size		rows_size;
	bool		rows_in_order;
	SeenCode   *seen;
	uint64		seen_size;		/* power of two */
	Size		node_bytes;		/* memory of a node */
	Size		memory;			/* of all there are */
	HnswOverflow *overflow;		/* rows beyond maintenance_work_mem, or NULL */
} BuildState;

char *
vx_hnsw_build_phase_name(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case HNSW_BUILD_SAMPLE:
			return "computing mean";
		case HNSW_BUILD_LOAD:
			return "loading tuples";
		case HNSW_BUILD_GRAPH:
			return "building graph";
		case HNSW_BUILD_WRITE:
			return "writing index";
		case HNSW_BUILD_INSERT:
			return "inserting tuples";
		case HNSW_BUILD_CALIBRATE:
			return "calibrating";
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
	VX_DEBUG_POINT(vx_hnsw_build_phase_name(phase));
}

static inline QuantSlotData *
get_code(BuildState *state, uint32 node)
{
	return (QuantSlotData *) (state->code_chunks[node / state->codes_per_chunk] +
							  (Size) (node % state->codes_per_chunk) * state->quant.slot_bytes);
}

static void
init_state(BuildState *state, Relation index, const QuantParams *quant,
		   const AmColumns *columns)
{
	int			m = vx_hnsw_get_m(index);

	memset(state, 0, sizeof(BuildState));
	state->index = index;
	state->context = CurrentMemoryContext;
	state->quant = *quant;
	state->codes_per_chunk = CHUNK_BYTES / quant->slot_bytes;
	state->code_chunks = palloc0(sizeof(char *) *
								 (HNSW_MAX_NODES / state->codes_per_chunk + 1));
	state->rows_size = 1024;
	state->columns = columns;
	state->rows = palloc(sizeof(BuildRow) * state->rows_size);
	state->attributes = palloc(columns->store.total_bytes * state->rows_size);
	state->rows_in_order = true;
	state->node_bytes = quant->slot_bytes + NODE_OVERHEAD_BYTES +
		HnswLinkSlotBytes(m) + sizeof(uint32) * m / (m - 1);
	state->seen_size = 4096;
	state->seen = palloc0(sizeof(SeenCode) * state->seen_size);
}

static void
double_seen(BuildState *state)
{
	SeenCode   *old = state->seen;
	uint64		old_size = state->seen_size;
	uint64		i;

	state->seen_size *= 2;
	state->seen = MemoryContextAllocExtended(state->context,
											 sizeof(SeenCode) * state->seen_size,
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < old_size; i++)
	{
		uint64		at = old[i].hash & (state->seen_size - 1);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (old[i].node_plus_one == 0)
			continue;
		while (state->seen[at].node_plus_one != 0)
			at = (at + 1) & (state->seen_size - 1);
		state->seen[at] = old[i];
	}
	pfree(old);
}

/*
 * Find an equal code's node, or make a new one.
 */
static uint32
find_or_add_node(BuildState *state, QuantSlotData *slot)
{
	/* The low half: the table has at most 2^32 entries. */
	uint32		hash = (uint32) vx_store_hash_slot(&state->quant, slot);
	uint64		at = hash & (state->seen_size - 1);
	uint32		node;

	while (state->seen[at].node_plus_one != 0)
	{
		if (state->seen[at].hash == hash &&
			vx_quant_may_share(&state->quant,
							   get_code(state, state->seen[at].node_plus_one - 1), slot))
			return state->seen[at].node_plus_one - 1;
		at = (at + 1) & (state->seen_size - 1);
	}

	if (state->nodes >= HNSW_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot hold more than %u different vectors",
						RelationGetRelationName(state->index), HNSW_MAX_NODES)));
	node = state->nodes++;
	if (node % state->codes_per_chunk == 0)
		state->code_chunks[node / state->codes_per_chunk] =
			MemoryContextAllocHuge(state->context, CHUNK_BYTES);
	memcpy(get_code(state, node), slot, state->quant.slot_bytes);
	state->memory += state->node_bytes;

	state->seen[at].hash = hash;
	state->seen[at].node_plus_one = node + 1;
	if ((uint64) state->nodes * 3 > state->seen_size * 2 && state->seen_size < UINT64CONST(1) << 32)
		double_seen(state);
	return node;
}

/* Callback of vx_am_load_rows */
static void
load_row(ItemPointer tid, uint16 kind, QuantSlotData *slot, const char *attributes, void *arg)
{
	BuildState *state = (BuildState *) arg;
	Size		attribute_bytes = state->columns->store.total_bytes;
	BuildRow   *row;

	/* Once the memory is full, all that comes goes to the file. */
	if (state->overflow == NULL && state->memory > (Size) maintenance_work_mem * 1024)
	{
		MemoryContext old_context = MemoryContextSwitchTo(state->context);

		state->overflow = vx_hnsw_begin_overflow(state->quant.slot_bytes, attribute_bytes);
		MemoryContextSwitchTo(old_context);
	}
	if (state->overflow != NULL)
	{
		vx_hnsw_add_overflow(state->overflow, tid, kind, slot, attributes);
		return;
	}

	if (state->row_count >= STORE_NONE - STORE_ROWS_PER_PAGE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot hold more than %u rows",
						RelationGetRelationName(state->index), STORE_NONE - 1)));
	if (state->row_count == state->rows_size)
	{
		state->rows_size *= 2;
		state->rows = repalloc_huge(state->rows, sizeof(BuildRow) * state->rows_size);
		state->attributes = repalloc_huge(state->attributes, attribute_bytes * state->rows_size);
	}
	row = &state->rows[state->row_count];
	row->tid = *tid;
	row->kind = kind;
	row->node = kind == STORE_ROW_CODED ? find_or_add_node(state, slot) : STORE_NONE;
	memcpy(state->attributes + attribute_bytes * state->row_count, attributes, attribute_bytes);
	if (state->row_count > 0 && ItemPointerCompare(&row[-1].tid, tid) > 0)
		state->rows_in_order = false;
	state->row_count++;
	state->memory += sizeof(BuildRow) + attribute_bytes;
}

/*
 * Move the codes to the graph's memory, chunk by chunk.
 */
static void
move_codes(BuildState *state, char *slots)
{
	Size		chunk_bytes = (Size) state->codes_per_chunk * state->quant.slot_bytes;
	Size		left = (Size) state->nodes * state->quant.slot_bytes;
	int			chunk;

	for (chunk = 0; left > 0; chunk++)
	{
		Size		length = Min(left, chunk_bytes);

		CHECK_FOR_INTERRUPTS();
		memcpy(slots, state->code_chunks[chunk], length);
		pfree(state->code_chunks[chunk]);
		slots += length;
		left -= length;
	}
}

/* For vx_hnsw_arrange, which knows no server */
static void
check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/*
 * Let near codes lie side by side: so they are inserted.
 */
static void
arrange_codes(BuildState *state, char *slots)
{
	uint32	   *place_of = MemoryContextAllocHuge(state->context, sizeof(uint32) * state->nodes);
	void	   *memory = MemoryContextAllocHuge(state->context,
												vx_hnsw_arrange_bytes(&state->quant, state->nodes));
	uint32		i;

	vx_hnsw_arrange(&state->quant, slots, state->nodes, place_of, memory, check_interrupts);
	for (i = 0; i < state->row_count; i++)
	{
		BuildRow   *row = &state->rows[i];

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (row->kind == STORE_ROW_CODED)
			row->node = place_of[row->node];
	}
	pfree(memory);
	pfree(place_of);
}

/*
 * Write the lists of all nodes.  place_of is the new id of each node, upper_of the
 * upper slot of each list of an upper level.
 */
static void
write_nodes(StoreBuilder *builder, const HnswGraph *graph, const uint32 *order,
			const uint32 *place_of, const uint32 *upper_of)
{
	uint32		count = graph->header->count;
	int			m = graph->header->m;
	Size		slot_bytes = graph->params->slot_bytes;
	HnswLink   *links = palloc(HnswLinkSlotBytes(m));
	HnswUpperData *upper = palloc(HnswUpperSlotBytes(m));
	uint32		place;
	int			i;

	for (place = 0; place < count; place++)
	{
		uint32		node = order[place];
		const uint32 *list = graph->links + (Size) node * 2 * m;
		int			level;

		CHECK_FOR_INTERRUPTS();
		memset(links, 0, HnswLinkSlotBytes(m));
		for (i = 0; i < 2 * m && list[i] != HNSW_NONE; i++)
			links[i] = HnswMakeLink(place_of[list[i] & HNSW_ID_MASK]) |
				(list[i] & HNSW_PROTECTED ? HNSW_LINK_PROTECTED : 0);
		vx_store_build_node(builder,
							(QuantSlotData *) (graph->slots + (Size) node * slot_bytes),
							graph->levels[node], links);

		for (level = 1; level <= graph->levels[node]; level++)
		{
			uint32		own = graph->upper_start[node] + level - 1;

			list = graph->upper_links + (Size) own * m;
			memset(upper, 0, HnswUpperSlotBytes(m));
			upper->node = place;
			upper->incarnation = 1;
			upper->down = level == 1 ? STORE_NONE : upper_of[own - 1];
			upper->level = level;
			for (i = 0; i < m && list[i] != HNSW_NONE; i++)
			{
				uint32		neighbour = list[i] & HNSW_ID_MASK;

				upper->links[i].node_plus_one = place_of[neighbour] + 1;
				upper->links[i].upper = upper_of[graph->upper_start[neighbour] + level - 1];
			}
			vx_store_build_upper(builder, upper);
		}
	}
	pfree(links);
	pfree(upper);
}

/* Of positions in the array of rows.  Sorting many takes long. */
static int
compare_rows(const void *a, const void *b, void *arg)
{
	const BuildRow *rows = (const BuildRow *) arg;

	CHECK_FOR_INTERRUPTS();
	return ItemPointerCompare((ItemPointer) &rows[*(const uint32 *) a].tid,
							  (ItemPointer) &rows[*(const uint32 *) b].tid);
}

/*
 * Write the rows, in the order of their places in the table.
 */
static void
write_rows(BuildState *state, StoreBuilder *builder, const uint32 *place_of)
{
	uint32	   *order = NULL;
	uint32		i;

	/* With workers, rows have come in several sequences. */
	if (!state->rows_in_order)
	{
		order = MemoryContextAllocHuge(state->context, sizeof(uint32) * state->row_count);
		for (i = 0; i < state->row_count; i++)
			order[i] = i;
		qsort_arg(order, state->row_count, sizeof(uint32), compare_rows, state->rows);
	}
	for (i = 0; i < state->row_count; i++)
	{
		uint32		at = order == NULL ? i : order[i];
		BuildRow   *row = &state->rows[at];

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		vx_store_build_node_row(builder, &row->tid, row->kind,
								row->kind == STORE_ROW_CODED ? place_of[row->node] : STORE_NONE,
								state->attributes +
								(Size) state->columns->store.total_bytes * at);
	}
	if (order != NULL)
		pfree(order);
}

static void
fill_graph_words(StoreGraph *words, Relation index)
{
	HnswMetaData *meta = (HnswMetaData *) words->am_words;

	memset(words, 0, sizeof(StoreGraph));
	meta->m = vx_hnsw_get_m(index);
	meta->ef_construction = vx_hnsw_get_ef_construction(index);
	meta->entry_node = STORE_NONE;
	meta->entry_upper = STORE_NONE;
	words->link_bytes = HnswLinkSlotBytes(meta->m);
	words->upper_bytes = HnswUpperSlotBytes(meta->m);
}

/*
 * Write the graph and the rows.
 */
static void
write_index(BuildState *state, const HnswGraph *graph, const uint32 *order)
{
	uint64		more_rows = state->overflow ? vx_hnsw_count_overflow(state->overflow) : 0;
	StoreBuilder *builder;
	StoreGraph	words;
	uint32	   *place_of = NULL;
	uint32	   *upper_of = NULL;
	uint32		uppers = 0;
	uint32		i;

	builder = vx_store_begin_build(state->index, state->quant.dims, state->quant.kind,
								   state->quant.metric, state->quant.mean,
								   &state->columns->store);
	fill_graph_words(&words, state->index);
	if (state->nodes > 0)
	{
		HnswMetaData *meta = (HnswMetaData *) words.am_words;

		place_of = MemoryContextAllocHuge(state->context, sizeof(uint32) * state->nodes);
		upper_of = MemoryContextAllocHuge(state->context,
										  sizeof(uint32) * (graph->header->upper_lists + 1));
		for (i = 0; i < state->nodes; i++)
		{
			uint32		node = order[i];
			int			level;

			if (i % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
			place_of[node] = i;
			for (level = 1; level <= graph->levels[node]; level++)
				upper_of[graph->upper_start[node] + level - 1] = uppers++;
		}

		/* The order begins with the entry. */
		meta->entry_node = 0;
		meta->entry_level = graph->levels[order[0]];
		if (meta->entry_level > 0)
			meta->entry_upper = upper_of[graph->upper_start[order[0]] + meta->entry_level - 1];
	}
	vx_store_builder_set_graph(builder, &words);
	if (state->nodes > 0)
		write_nodes(builder, graph, order, place_of, upper_of);

	write_rows(state, builder, place_of);
	vx_store_write_build(builder, more_rows);
	if (state->nodes > 0)
	{
		pfree(place_of);
		pfree(upper_of);
	}
}

/*
 * Measure how wide searches must be, and keep it.  build is NULL if not all nodes
 * are in its graph.
 */
static void
calibrate(Relation index, HnswBuildGraph *build)
{
	StoreIndex *store = vx_store_open(index);
	HnswMetaData measured = *HnswGetMeta(&store->meta);

	if (build == NULL)
		vx_hnsw_calibrate(store, &measured);
	else
		vx_hnsw_end_measure(build, &measured);
	vx_hnsw_store_calibration(store, &measured);
}

/*
 * Say how much memory would have been enough.
 */
static void
report_overflow(const BuildState *state)
{
	uint64		rows = vx_hnsw_count_overflow(state->overflow);
	uint64		bytes = state->memory +
		rows * (state->node_bytes + sizeof(BuildRow) + state->columns->store.total_bytes);

	ereport(NOTICE,
			(errmsg("graph of index \"%s\" does not fit into maintenance_work_mem",
					RelationGetRelationName(state->index)),
			 errdetail("%u rows are built in memory, " UINT64_FORMAT " are inserted one by one.",
					   state->row_count, rows),
			 errhint("With maintenance_work_mem of " UINT64_FORMAT " MB all would fit.",
					 bytes / (1024 * 1024) + 1)));
}

IndexBuildResult *
vx_hnsw_build(Relation heap, Relation index, IndexInfo *index_info)
{
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	QuantKind	quantizer = vx_am_get_quantizer(index);
	DistanceMetric metric = vx_am_get_metric(index);
	int			dims = vx_am_get_dims(index, "hnsw", quantizer);
	MemoryContext context;
	MemoryContext old_context;
	BuildState	state;
	QuantParams quant;
	AmColumns  *columns;
	HnswBuildGraph *build = NULL;
	uint32	   *order = NULL;
	float	   *mean = NULL;

	vx_am_check_build(index, index_info, "hnsw");
	context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build", ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);

	if (quantizer != QUANT_NONE)
	{
		begin_phase(HNSW_BUILD_SAMPLE);
		mean = vx_am_sample_mean(heap, index, index_info, metric, dims);
	}

	begin_phase(HNSW_BUILD_LOAD);
	vx_quant_init_params(&quant, quantizer, metric, dims, mean);
	columns = vx_am_open_columns(index);
	init_state(&state, index, &quant, columns);
	result->heap_tuples = vx_am_load_rows(heap, index, index_info, &state.quant, columns,
										  load_row, &state, &result->index_tuples);
	pfree(state.seen);
	if (state.overflow != NULL)
		report_overflow(&state);

	if (state.nodes > 0)
	{
		begin_phase(HNSW_BUILD_GRAPH);
		build = vx_hnsw_allocate_graph(heap, index, &state.quant, state.nodes,
									   vx_hnsw_get_m(index), vx_hnsw_get_ef_construction(index));
		move_codes(&state, build->slots);
		arrange_codes(&state, build->slots);
		order = MemoryContextAllocHuge(context, sizeof(uint32) * state.nodes);
		vx_hnsw_build_graph(build, index, order);
	}

	/* What comes later is measured with all. */
	if (build != NULL && state.overflow == NULL)
		vx_hnsw_begin_measure(build, index, order);

	begin_phase(HNSW_BUILD_WRITE);
	write_index(&state, build ? &build->graph : NULL, order);
	if (state.overflow != NULL)
	{
		if (build != NULL)
			vx_hnsw_free_graph(build);
		build = NULL;
		begin_phase(HNSW_BUILD_INSERT);
		vx_hnsw_insert_overflow(state.overflow, heap, index, index_info->ii_Concurrent,
								state.nodes == 0);
	}
	vx_store_log_build(index);

	begin_phase(HNSW_BUILD_CALIBRATE);
	calibrate(index, build);
	if (build != NULL)
		vx_hnsw_free_graph(build);

	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return result;
}

void
vx_hnsw_build_empty(Relation index)
{
	QuantKind	quantizer = vx_am_get_quantizer(index);
	StoreGraph	words;

	fill_graph_words(&words, index);
	vx_store_build_empty(index, vx_am_get_dims(index, "hnsw", quantizer),
						 quantizer, vx_am_get_metric(index),
						 &vx_am_open_columns(index)->store, &words);
}
