/*-------------------------------------------------------------------------
 *
 * am_rank.c
 *	  From bounds to exact order.
 *
 * The executor can do this (xs_recheckorderby), but in many servers (17.11 and
 * 18.6 for two, 15.20 is right) a row that has been through its reorder queue
 * has lost its ctid: SELECT ... ORDER BY ... FOR UPDATE fails with "attempted
 * to lock invisible tuple".  So rows are fetched here, their
 * distances computed by the operator's own function, and returned in exact
 * order.  It costs a second visit to the tuple, and spares the executor a copy
 * of it.
 *
 * With residuals in the index (quant_codec.h) a row comes with two numbers that
 * its distance lies between, close together.  It can go out, unread, when no
 * other row may be nearer than the second one; where two rows overlap the nearer
 * one is read.  Of ten rows that is one in every thirty or so.
 *
 * A distance below its bound means a damaged code or a wrong bound; the
 * executor would say that the index returned tuples in wrong order.  Callers
 * check that.  (Without codes the bound is the distance, by the kernels in use
 * when it was computed: vecext.simd may have been set since.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"
#include "lib/pairingheap.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/relcache.h"

#include "am/am_rank.h"

typedef struct RankedRow
{
	pairingheap_node node;
	AmRankedRow row;
} RankedRow;

struct AmRank
{
	IndexScanDesc scan;
	const QuantQuery *query;
	AmToast    *toast;
	AmScanCounters *counters;
	TupleTableSlot *slot;
	AttrNumber	attribute;		/* of the table; 0: an expression */
	ExprState  *expression;
	EState	   *estate;			/* for the expression */
	MemoryContext row_context;
	MemoryContext heap_context;
	pairingheap *heap;
};

/* Nearest first, NaN last, then what is known exactly, then by place in the table */
static int
compare_rows(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const AmRankedRow *left = &pairingheap_const_container(RankedRow, node, a)->row;
	const AmRankedRow *right = &pairingheap_const_container(RankedRow, node, b)->row;
	int			order = float8_cmp_internal(right->lower, left->lower);

	if (order == 0)
		order = float8_cmp_internal(right->upper, left->upper);
	if (order == 0)
		order = ItemPointerCompare((ItemPointer) &right->tid, (ItemPointer) &left->tid);
	return order;
}

AmRank *
vx_am_begin_rank(IndexScanDesc scan, const QuantQuery *query, AmToast *toast,
				 AmScanCounters *counters)
{
	AmRank	   *rank = palloc0(sizeof(AmRank));

	rank->scan = scan;
	rank->query = query;
	rank->toast = toast;
	rank->counters = counters;
	rank->slot = table_slot_create(scan->heapRelation, NULL);
	rank->attribute = scan->indexRelation->rd_index->indkey.values[0];
	if (rank->attribute == 0)
	{
		List	   *expressions = RelationGetIndexExpressions(scan->indexRelation);

		/*
		 * Of those of other columns the query says nothing: whoever searches
		 * does not run them.
		 */
		rank->estate = CreateExecutorState();
		rank->expression = ExecPrepareExpr(linitial(expressions), rank->estate);
		GetPerTupleExprContext(rank->estate)->ecxt_scantuple = rank->slot;
	}
	rank->row_context = AllocSetContextCreate(CurrentMemoryContext, "vecext row",
											  ALLOCSET_DEFAULT_SIZES);
	rank->heap_context = CurrentMemoryContext;
	rank->heap = pairingheap_allocate(compare_rows, NULL);
	return rank;
}

/* Let go of what the memory context does not. */
void
vx_am_end_rank(AmRank *rank)
{
	if (rank->estate != NULL)
		FreeExecutorState(rank->estate);
	ExecDropSingleTupleTableSlot(rank->slot);
}

/* The indexed value of the row in the slot. */
static Datum
get_value(AmRank *rank, bool *isnull)
{
	if (rank->attribute != 0)
		return slot_getattr(rank->slot, rank->attribute, isnull);

	ResetPerTupleExprContext(rank->estate);
	return ExecEvalExprSwitchContext(rank->expression, GetPerTupleExprContext(rank->estate),
									 isnull);
}

/*
 * A row's distance, by the table; false if the snapshot does not see it.
 */
static bool
read_distance(AmRank *rank, ItemPointer tid, double *distance, bool *all_dead)
{
	const QuantQuery *query = rank->query;
	Relation	index = rank->scan->indexRelation;
	ItemPointerData visible_tid = *tid;
	bool		call_again = false;
	MemoryContext old_context;
	Vector	   *vector;
	Datum		value;
	bool		isnull;

	rank->counters->rechecks++;
	if (!table_index_fetch_tuple(rank->scan->xs_heapfetch, &visible_tid,
								 rank->scan->xs_snapshot, rank->slot, &call_again, all_dead))
	{
		rank->counters->dead_rows++;
		return false;
	}

	old_context = MemoryContextSwitchTo(rank->row_context);
	value = get_value(rank, &isnull);
	if (isnull)
		vx_store_report_corruption(index, "Heap tuple (%u,%u) has no vector.",
								   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
	vector = vx_am_fetch_vector(rank->toast, value);
	if (vector->dim != query->params.dims)
		vx_store_report_corruption(index, "Heap tuple (%u,%u) has %d dimensions, the index %d.",
								   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid),
								   vector->dim, query->params.dims);
	*distance = vx_distance_metric_by(query->kernels, query->params.metric, vector->dim, vector->x,
									  query->query);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(rank->row_context);
	ExecClearTuple(rank->slot);
	return true;
}

bool
vx_am_add_row(AmRank *rank, ItemPointer tid, double *distance, bool *all_dead)
{
	RankedRow  *ranked;

	if (!read_distance(rank, tid, distance, all_dead))
		return false;

	/* The tid of the chain's root: the executor finds the version again. */
	ranked = MemoryContextAlloc(rank->heap_context, sizeof(RankedRow));
	ranked->row.lower = *distance;
	ranked->row.upper = *distance;
	ranked->row.tid = *tid;
	ranked->row.row_id = STORE_NONE;
	pairingheap_add(rank->heap, &ranked->node);
	return true;
}

void
vx_am_add_unread_row(AmRank *rank, const AmRankedRow *row)
{
	RankedRow  *ranked = MemoryContextAlloc(rank->heap_context, sizeof(RankedRow));

	ranked->row = *row;
	pairingheap_add(rank->heap, &ranked->node);
}

static RankedRow *
first_row(const AmRank *rank)
{
	return pairingheap_container(RankedRow, node, pairingheap_first(rank->heap));
}

bool
vx_am_rank_has_within(const AmRank *rank, double limit)
{
	return !pairingheap_is_empty(rank->heap) && first_row(rank)->row.lower <= limit;
}

/*
 * Read a row that has been taken from the heap, and put it back with its
 * distance; if nobody sees it, it is gone.
 */
static void
read_row(AmRank *rank, RankedRow *ranked)
{
	AmRankedRow *row = &ranked->row;
	bool		all_dead = false;
	double		distance;

	if (!read_distance(rank, &row->tid, &distance, &all_dead))
	{
		if (all_dead)
			vx_am_note_dead_row(rank->scan, row);
		pfree(ranked);
		return;
	}
	if (!(distance >= row->lower && distance <= row->upper))
		vx_store_report_corruption(rank->scan->indexRelation,
								   "Heap tuple (%u,%u) is not where its code says.",
								   ItemPointerGetBlockNumber(&row->tid),
								   ItemPointerGetOffsetNumber(&row->tid));
	row->lower = row->upper = distance;
	row->row_id = STORE_NONE;
	pairingheap_add(rank->heap, &ranked->node);
}

bool
vx_am_take_row(AmRank *rank, double limit, AmRankedRow *row)
{
	while (!pairingheap_is_empty(rank->heap))
	{
		RankedRow  *ranked = first_row(rank);

		/* False for NaN, which only an infinite limit lets through. */
		if (!(ranked->row.upper <= limit) && limit != get_float8_infinity())
			return false;
		pairingheap_remove_first(rank->heap);
		if (ranked->row.lower < ranked->row.upper && !pairingheap_is_empty(rank->heap) &&
			first_row(rank)->row.lower < ranked->row.upper)
		{
			CHECK_FOR_INTERRUPTS();
			read_row(rank, ranked);
			continue;
		}
		*row = ranked->row;
		pfree(ranked);
		return true;
	}
	return false;
}
