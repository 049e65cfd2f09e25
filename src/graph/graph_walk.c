/*-------------------------------------------------------------------------
 *
 * graph_walk.c
 *	  graph_walk(): the nodes that edges lead to from some nodes.
 *
 * Where the caller takes rows one at a time (in a select list), they come out
 * as they are found: a ring at a time, or node by node with best_first.  In FROM
 * the executor stores all rows before it looks at the first, so there they go
 * into a tuplestore at once, which is cheaper.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "graph/graph.h"

/* Arguments that graph_walk() and graph_subgraph() have in common */
enum
{
	ARG_EDGES, ARG_SEEDS, ARG_EDGE_TYPES, ARG_MAX_DEPTH, ARG_DIRECTION, ARG_MIN_WEIGHT, ARG_AS_OF,
	ARG_STRATEGY, ARG_BEAM_WIDTH, ARG_DECAY, ARG_MAX_ROWS, ARG_THROUGH_INVALID, ARG_NODES,
	ARG_EDGE_COLUMNS,
	ARG_NODE_COLUMNS = ARG_EDGE_COLUMNS + GRAPH_COLUMNS,
	ARG_TENANT_COLUMN = ARG_NODE_COLUMNS + 2, ARG_KNOWN_AT
};

#define WALK_RESULTS 6

#define DEFAULT_BEAM_WIDTH 10

static GraphStrategy
get_strategy(FunctionCallInfo fcinfo, int arg)
{
	static const char *const names[] = {"bfs", "beam", "water_circle", "best_first"};
	char	   *strategy;

	if (PG_ARGISNULL(arg))
		return GRAPH_BFS;
	strategy = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(strategy, names[i]) == 0)
			return (GraphStrategy) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid strategy: \"%s\"", strategy),
			 errdetail("Valid strategies are \"bfs\", \"beam\", \"water_circle\" and \"best_first\".")));
	return GRAPH_BFS;			/* keep compiler quiet */
}

static void
get_walk_options(FunctionCallInfo fcinfo, GraphWalkOptions *options)
{
	options->strategy = get_strategy(fcinfo, ARG_STRATEGY);
	options->direction = vx_graph_get_direction(fcinfo, ARG_DIRECTION, GRAPH_DIRECTION_OUT);
	options->max_depth = vx_graph_get_max_depth(fcinfo, ARG_MAX_DEPTH);
	options->max_rows = vx_graph_get_max_rows(fcinfo, ARG_MAX_ROWS);
	options->through_invalid = !PG_ARGISNULL(ARG_THROUGH_INVALID) &&
		PG_GETARG_BOOL(ARG_THROUGH_INVALID);
	options->beam_width = PG_ARGISNULL(ARG_BEAM_WIDTH) ? DEFAULT_BEAM_WIDTH :
		PG_GETARG_INT32(ARG_BEAM_WIDTH);
	if (options->beam_width < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("beam_width must be at least 1")));
	options->decay = PG_ARGISNULL(ARG_DECAY) ? 1 : PG_GETARG_FLOAT8(ARG_DECAY);
	if (!(options->decay >= 0 && options->decay <= DBL_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("decay must be a finite number that is not negative")));
}

/* The keys of an array of nodes, but for nulls; also sets what type they are of. */
static int
read_seeds(FunctionCallInfo fcinfo, GraphKeyKind kind, GraphKeyType *keytype, GraphKey **seeds)
{
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int			count,
				used = 0;

	*seeds = NULL;
	if (PG_ARGISNULL(ARG_SEEDS))
	{
		vx_graph_key_set_type(keytype, kind,
							  get_base_element_type(get_fn_expr_argtype(fcinfo->flinfo, ARG_SEEDS)));
		return 0;
	}
	array = PG_GETARG_ARRAYTYPE_P(ARG_SEEDS);
	vx_graph_key_set_type(keytype, kind, ARR_ELEMTYPE(array));
	deconstruct_array(array, keytype->type, keytype->typlen, keytype->typbyval, keytype->typalign,
					  &elements, &nulls, &count);
	*seeds = palloc(Max(count, 1) * sizeof(GraphKey));
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			(*seeds)[used++] = vx_graph_key_from_caller(keytype, elements[i]);
	}
	return used;
}

/* Begins the walk that the arguments describe, in the current memory context. */
GraphWalk *
vx_graph_open_walk(FunctionCallInfo fcinfo, bool want_type)
{
	GraphWalk  *walk = palloc0(sizeof(GraphWalk));
	GraphEdgesOptions edges_options;
	GraphWalkOptions options;
	GraphStates *states;
	GraphKey   *seeds;
	int			count;

	get_walk_options(fcinfo, &options);
	vx_graph_get_options(fcinfo, ARG_EDGE_TYPES, ARG_MIN_WEIGHT, ARG_AS_OF, &edges_options);
	vx_graph_get_known_at(fcinfo, ARG_KNOWN_AT, &edges_options);
	vx_graph_get_tenant(fcinfo, ARG_TENANT_COLUMN, &edges_options);
	edges_options.direction = options.direction;
	edges_options.want_type = want_type;
	edges_options.want_id = true;
	walk->edges = vx_graph_open_edges(fcinfo, ARG_EDGE_COLUMNS, &edges_options);
	count = read_seeds(fcinfo, walk->edges->kind, &walk->keytype, &seeds);
	states = vx_graph_open_states(fcinfo, ARG_NODES, ARG_NODE_COLUMNS, -1, walk->edges->kind,
								  &edges_options);
	walk->decay = options.decay;
	if (options.strategy == GRAPH_BEST_FIRST)
		walk->search = vx_graph_start_search(walk->edges, states, &options, false, seeds, count);
	else
		walk->ring = vx_graph_start_ring(walk->edges, states, &options, seeds, count);
	if (seeds != NULL)
		pfree(seeds);
	return walk;
}

/* Its memory is freed with the context that it lives in. */
void
vx_graph_close_walk(GraphWalk *walk)
{
	vx_graph_close_edges(walk->edges);
}

GraphTable *
vx_graph_walk_table(const GraphWalk *walk)
{
	return walk->ring != NULL ? walk->ring->table : vx_graph_search_table(walk->search);
}

/* The next node that the walk returns; false at its end. */
bool
vx_graph_next_visit(GraphWalk *walk, GraphVisit *visit)
{
	const GraphNode *node;

	if (walk->search != NULL)
	{
		visit->label = vx_graph_next_in_search(walk->search);
		if (visit->label == NULL)
			return false;
		visit->node = visit->label->node;
		visit->depth = visit->label->depth;
		visit->weight = visit->label->weight;
		visit->score = visit->label->value;
		return true;
	}
	visit->label = NULL;
	if (!vx_graph_next_in_ring(walk->ring, &visit->node))
		return false;
	node = vx_graph_node(walk->ring->table, visit->node);
	visit->depth = node->depth;
	visit->weight = node->value;
	visit->score = walk->decay == 1 ? node->value : node->value * pow(walk->decay, node->depth);
	if (unlikely(isinf(visit->score) || isnan(visit->score)))
		float_overflow_error();
	return true;
}

/* The node before a node on the way to it; also moves the label. */
static inline uint32
step_back(const GraphTable *table, uint32 number, const GraphLabel **label)
{
	if (*label == NULL)
		return vx_graph_node(table, number)->parent;
	*label = (*label)->parent;
	return (*label)->node;
}

/* Writes a key of fixed length as the caller has it. */
static inline void
write_key(const GraphTable *table, const GraphKeyType *keytype, uint32 number, char *place)
{
	GraphKey	key = vx_graph_node_key(table, number);

	if (!keytype->typbyval)
		memcpy(place, key.value.data, keytype->typlen);
	else if (keytype->typlen == sizeof(int64))
		*(int64 *) place = key.value.number;
	else if (keytype->typlen == sizeof(int32) && key.value.number == (int32) key.value.number)
		*(int32 *) place = (int32) key.value.number;
	else
		store_att_byval(place, vx_graph_key_to_caller(keytype, key), keytype->typlen);
}

/* How long the array of the nodes on the way is, if they are of fixed length */
static inline Size
plain_path_bytes(const GraphKeyType *keytype, const GraphVisit *visit)
{
	return ARR_OVERHEAD_NONULLS(1) + ((Size) visit->depth + 1) * keytype->typlen;
}

/* Writes that array: numbers and uuids have no space between them. */
static inline void
write_plain_path(const GraphTable *table, const GraphKeyType *keytype, const GraphVisit *visit,
				 ArrayType *array, Size bytes)
{
	const GraphLabel *label = visit->label;
	uint32		number = visit->node;
	char	   *place = (char *) array + bytes;

	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = keytype->type;
	ARR_DIMS(array)[0] = visit->depth + 1;
	ARR_LBOUND(array)[0] = 1;
	for (uint32 at = visit->depth;; at--)
	{
		place -= keytype->typlen;
		write_key(table, keytype, number, place);
		if (at == 0)
			break;
		number = step_back(table, number, &label);
	}
}

/* The nodes on the way to a node, itself included, as an array */
static Datum
make_path(const GraphTable *table, const GraphKeyType *keytype, const GraphVisit *visit)
{
	const GraphLabel *label = visit->label;
	uint32		number = visit->node;
	int			length = visit->depth + 1;
	Datum	   *nodes;

	if (keytype->typlen > 0)
	{
		Size		bytes = plain_path_bytes(keytype, visit);
		ArrayType  *array = palloc(bytes);

		write_plain_path(table, keytype, visit, array, bytes);
		return PointerGetDatum(array);
	}
	nodes = palloc_extended(length * sizeof(Datum), MCXT_ALLOC_HUGE);
	for (int at = length - 1; at >= 0; at--)
	{
		nodes[at] = vx_graph_key_to_caller(keytype, vx_graph_node_key(table, number));
		if (at > 0)
			number = step_back(table, number, &label);
	}
	return PointerGetDatum(construct_array(nodes, length, keytype->type, keytype->typlen,
										   keytype->typbyval, keytype->typalign));
}

/*
 * The nodes on the way to a node, itself included, and the ids of the edges
 * between, as arrays in the current memory context.
 */
void
vx_graph_path_to(const GraphTable *table, const GraphKeyType *keytype, GraphColumn *id_column,
				 const GraphVisit *visit, Datum *path, Datum *edge_path, bool *edge_path_null)
{
	const GraphLabel *label = visit->label;
	uint32		number = visit->node;
	int			hops = visit->depth;
	Datum	   *ids;
	bool	   *nulls;
	int			bounds[1] = {1};

	*path = make_path(table, keytype, visit);
	*edge_path_null = id_column->attno == 0;
	if (*edge_path_null)
		return;
	if (hops == 0)
	{
		*edge_path = PointerGetDatum(construct_empty_array(TEXTOID));
		return;
	}
	ids = palloc_extended(hops * sizeof(Datum), MCXT_ALLOC_HUGE);
	nulls = palloc_extended(hops * sizeof(bool), MCXT_ALLOC_HUGE);
	for (int at = hops - 1; at >= 0; at--)
	{
		const GraphNode *node = vx_graph_node(table, number);

		nulls[at] = label != NULL ? label->edge_id_null : (node->flags & GRAPH_FLAG_NO_ID) != 0;
		if (!nulls[at])
			ids[at] = vx_graph_column_text(id_column, label != NULL ? label->edge_id : node->u.edge_id);
		number = step_back(table, number, &label);
	}
	*edge_path = PointerGetDatum(construct_md_array(ids, nulls, 1, &hops, bounds, TEXTOID, -1,
													false, TYPALIGN_INT));
}

static void
fill_row(const GraphWalk *walk, const GraphVisit *visit, Datum *values, bool *nulls)
{
	GraphTable *table = vx_graph_walk_table(walk);

	memset(nulls, 0, WALK_RESULTS * sizeof(bool));
	values[0] = vx_graph_key_to_caller(&walk->keytype, vx_graph_node_key(table, visit->node));
	values[1] = Int32GetDatum(visit->depth);
	vx_graph_path_to(table, &walk->keytype, &walk->edges->columns[GRAPH_ID], visit,
					 &values[2], &values[3], &nulls[3]);
	values[4] = Float8GetDatum(visit->weight);
	values[5] = Float8GetDatum(visit->score);
}

/*
 * A row that is made over and over in one place: nodes of fixed length, no ids of
 * edges.  Its columns but for the last two always begin at the same places.
 */
typedef struct PlainRow
{
	HeapTupleData tuple;
	Size		room;
	Size		depth_at;
	Size		path_at;
} PlainRow;

#define PLAIN_ROW_START MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(WALK_RESULTS))
/* All columns but the path of edges */
#define PLAIN_ROW_BITMAP ((1 << WALK_RESULTS) - 1 - (1 << 3))
#define PLAIN_ROW_BYTES 512

static void
make_plain_room(PlainRow *row, Size bytes)
{
	HeapTupleHeader header = palloc0(bytes);

	if (row->tuple.t_data != NULL)
		pfree(row->tuple.t_data);
	header->t_hoff = PLAIN_ROW_START;
	header->t_infomask = HEAP_HASNULL | HEAP_HASVARWIDTH;
	HeapTupleHeaderSetNatts(header, WALK_RESULTS);
	header->t_bits[0] = PLAIN_ROW_BITMAP;
	row->tuple.t_data = header;
	row->room = bytes;
}

/* Can rows of that form be made so? */
static bool
start_plain_row(PlainRow *row, const GraphWalk *walk, TupleDesc desc)
{
	const GraphKeyType *keytype = &walk->keytype;

	if (keytype->typlen < 0 || walk->edges->columns[GRAPH_ID].attno != 0 ||
		desc == NULL || desc->natts != WALK_RESULTS ||
		TupleDescAttr(desc, 0)->atttypid != keytype->type)
		return false;
	row->depth_at = att_align_nominal(PLAIN_ROW_START + keytype->typlen, TYPALIGN_INT);
	row->path_at = att_align_nominal(row->depth_at + sizeof(int32), TupleDescAttr(desc, 2)->attalign);
	row->tuple.t_data = NULL;
	make_plain_room(row, PLAIN_ROW_BYTES);
	return true;
}

static void
fill_plain_row(PlainRow *row, const GraphWalk *walk, const GraphTable *table, const GraphVisit *visit)
{
	const GraphKeyType *keytype = &walk->keytype;
	Size		path_bytes = plain_path_bytes(keytype, visit);
	Size		path_end = row->path_at + path_bytes;
	Size		weight_at = DOUBLEALIGN(path_end);
	Size		bytes = weight_at + 2 * sizeof(float8);
	char	   *data;

	if (bytes > row->room)
		make_plain_room(row, Max(bytes, row->room * 2));
	row->tuple.t_len = bytes;
	data = (char *) row->tuple.t_data;
	write_key(table, keytype, visit->node, data + PLAIN_ROW_START);
	*(int32 *) (data + row->depth_at) = visit->depth;
	write_plain_path(table, keytype, visit, (ArrayType *) (data + row->path_at), path_bytes);
	memset(data + path_end, 0, weight_at - path_end);
	*(float8 *) (data + weight_at) = visit->weight;
	*(float8 *) (data + weight_at + sizeof(float8)) = visit->score;
}

/* All rows into a tuplestore */
static void
store_rows(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "graph walk call",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	GraphWalk  *walk;
	GraphVisit	visit;
	PlainRow	row;

	/* rows are of the form that the caller expects, so it need not compare */
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	rsinfo->returnMode = SFRM_Materialize;
	MemoryContextSwitchTo(context);
	walk = vx_graph_open_walk(fcinfo, false);
	if (start_plain_row(&row, walk, rsinfo->expectedDesc))
	{
		GraphTable *table = vx_graph_walk_table(walk);

		while (vx_graph_next_visit(walk, &visit))
		{
			fill_plain_row(&row, walk, table, &visit);
			tuplestore_puttuple(rsinfo->setResult, &row.tuple);
		}
	}
	else
	{
		MemoryContext row_context = AllocSetContextCreate(context, "graph walk row",
														  ALLOCSET_DEFAULT_SIZES);

		MemoryContextSwitchTo(row_context);
		while (vx_graph_next_visit(walk, &visit))
		{
			Datum		values[WALK_RESULTS];
			bool		nulls[WALK_RESULTS];

			fill_row(walk, &visit, values, nulls);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->expectedDesc, values, nulls);
			MemoryContextReset(row_context);
		}
	}
	vx_graph_close_walk(walk);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static void
close_early(Datum arg)
{
	vx_graph_close_walk((GraphWalk *) DatumGetPointer(arg));
}

PG_FUNCTION_INFO_V1(vecext_graph_walk);
Datum
vecext_graph_walk(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *context;
	GraphWalk  *walk;
	GraphVisit	visit;

	if (rsinfo != NULL && IsA(rsinfo, ReturnSetInfo) &&
		(rsinfo->allowedModes & SFRM_Materialize) &&
		(rsinfo->allowedModes & SFRM_Materialize_Preferred) && rsinfo->expectedDesc != NULL)
	{
		store_rows(fcinfo);
		return (Datum) 0;
	}

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;
		TupleDesc	desc;

		context = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		context->tuple_desc = BlessTupleDesc(desc);
		walk = vx_graph_open_walk(fcinfo, false);
		context->user_fctx = walk;
		/* Called before the memory goes, for this is the later registration. */
		RegisterExprContextCallback(rsinfo->econtext, close_early, PointerGetDatum(walk));
		MemoryContextSwitchTo(old);
	}
	context = SRF_PERCALL_SETUP();
	walk = context->user_fctx;
	if (vx_graph_next_visit(walk, &visit))
	{
		Datum		values[WALK_RESULTS];
		bool		nulls[WALK_RESULTS];

		fill_row(walk, &visit, values, nulls);
		SRF_RETURN_NEXT(context,
						HeapTupleGetDatum(heap_form_tuple(context->tuple_desc, values, nulls)));
	}
	UnregisterExprContextCallback(rsinfo->econtext, close_early, PointerGetDatum(walk));
	vx_graph_close_walk(walk);
	SRF_RETURN_DONE(context);
}
