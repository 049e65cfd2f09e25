/*-------------------------------------------------------------------------
 *
 * graph_leaf.c
 *	  Reading edges from the leaf pages of a btree index.
 *
 * An index scan of the server is made for one key or some, with operators that
 * it does not know.  A walk asks for the entries of thousands of keys, most of
 * which are whole numbers, and knows them all beforehand.  So it goes to the
 * leaf pages itself: it takes the entries of all keys that a page has at once,
 * and compares numbers and uuids without calling functions.  Where the index
 * has all columns that are wanted, rows on pages that are all visible are not
 * looked up, as in an index-only scan; else rows are looked up in the order in
 * which they lie in the table.
 *
 * Pages are only read, under the rules of nbtree: one lock at a time; a page
 * that a key is beyond the high key of, or that is being deleted, is left to
 * the right; our snapshot keeps deleted pages from being used again.  The pin
 * of a leaf page is kept until its rows have been found visible or looked up,
 * so that vacuum cannot take a row away and call its page all visible between.
 *
 * graph_descent.c finds the page that has a key.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "base/base_compat.h"
#include "graph/graph_leaf.h"

/* Rows that are sorted before they are looked up in the table: least and most */
#define TIDS_MIN 8192
#define TIDS_MAX (1024 * 1024)

/*
 * Nodes from which on they do not fit into the processor's caches, and rows
 * between fetching one into them, its place before that, and looking at it
 */
#define PREFETCH_NODES 4096
#define PREFETCH_ROWS 8

/* ---- Taking entries ---- */

/* Makes a key of the list the one that is looked for. */
static void
set_key(GraphLeaves *leaves)
{
	const GraphKey *key;

	key = key_at(leaves, leaves->at);
	if (leaves->order == LEAF_UUID)
		leaves->key.bytes = key->value.data;
	else if (leaves->order != LEAF_OTHER)
		leaves->key.number = key->value.number;
	else
	{
		MemoryContext old;

		MemoryContextReset(leaves->edges->batch_context);
		old = MemoryContextSwitchTo(leaves->edges->batch_context);
		leaves->key.value = PointerGetDatum(cstring_to_text_with_len(key->value.data, key->length));
		MemoryContextSwitchTo(old);
	}
}

/*
 * The first entry from "low" on that is not before the key.  "start" is where it
 * probably is: what is near is looked at first, since each entry that is looked
 * at may have to be waited for.
 */
static OffsetNumber
find_entry(const GraphLeaves *leaves, Page page, int low, int max, int start)
{
	int			high = max + 1;

	if (low >= high)
		return low;
	start = Max(Min(start, max), low);
	if (compare_columns(leaves, tuple_at(page, start), leaves->key_columns) > 0)
	{
		low = start + 1;
		for (int step = 1; low < high; step *= 2)
		{
			int			at = Min(low + step - 1, max);

			if (compare_columns(leaves, tuple_at(page, at), leaves->key_columns) <= 0)
			{
				high = at;
				break;
			}
			low = at + 1;
		}
	}
	else
	{
		high = start;
		for (int step = 1; low < high; step *= 2)
		{
			int			at = Max(high - step, low);

			if (compare_columns(leaves, tuple_at(page, at), leaves->key_columns) > 0)
			{
				low = at + 1;
				break;
			}
			high = at;
		}
	}
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_columns(leaves, tuple_at(page, middle), leaves->key_columns) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Reads an entry as far as it is wanted.  As index_deform_tuple(), but that stops
 * at no column, and index_getattr() begins anew for each.
 */
static inline void
read_entry(const GraphLeaves *leaves, IndexTuple tuple, Datum *values, bool *nulls)
{
	const char *data = tuple_data(tuple);
	Size		offset = 0;

	for (int i = 0; i < leaves->layout_count; i++)
	{
		const LeafColumn *column = &leaves->layout[i];

		nulls[i] = has_null(tuple, i);
		if (nulls[i])
			continue;
		offset = att_align_pointer(offset, column->align, column->length, data + offset);
		values[i] = fetch_att(data + offset, column->byval, column->length);
		offset = att_addlength_pointer(offset, column->length, data + offset);
	}
}

static inline void
add_tid(GraphLeaves *leaves, ItemPointer tid)
{
	if (leaves->covering)
	{
		LeafRow    *row = &leaves->rows[leaves->row_count++];

		row->tid = *tid;
		row->entry = leaves->copied / MAXIMUM_ALIGNOF;
	}
	else
		leaves->tids[leaves->tid_count++] =
			(uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 | ItemPointerGetOffsetNumberNoCheck(tid);
}

static void
take_entry(GraphLeaves *leaves, IndexTuple tuple)
{
	Size		size = IndexTupleSize(tuple);

	if (!BTreeTupleIsPosting(tuple))
		add_tid(leaves, &tuple->t_tid);
	else
	{
		for (int i = 0; i < BTreeTupleGetNPosting(tuple); i++)
			add_tid(leaves, BTreeTupleGetPostingN(tuple, i));
		size = BTreeTupleGetPostingOffset(tuple);
	}
	if (leaves->covering)
	{
		memcpy(leaves->copy + leaves->copied, tuple, size);
		leaves->copied += MAXALIGN(size);
	}
}

/* As vx_graph_accept_type(), without calls for texts as they usually are */
static inline bool
accept_type(const GraphEdges *edges, Datum value)
{
	const struct varlena *text_value = (const struct varlena *) DatumGetPointer(value);
	Size		length;

	if (VARATT_IS_EXTENDED(text_value) && !VARATT_IS_SHORT(text_value))
		return vx_graph_accept_type(edges, value);
	length = VARSIZE_ANY_EXHDR(text_value);
	for (int i = 0; i < edges->type_count; i++)
	{
		const text *wanted = (const text *) DatumGetPointer(edges->types[i]);

		if (length == VARSIZE_ANY_EXHDR(wanted) &&
			memcmp(VARDATA_ANY(text_value), VARDATA_ANY(wanted), length) == 0)
			return true;
	}
	return false;
}

/* Takes what a plain entry says, unless it is of a type that is not wanted. */
static void
take_plain_entry(GraphLeaves *leaves, IndexTuple tuple)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	bool		posting = BTreeTupleIsPosting(tuple);
	int			rows = posting ? BTreeTupleGetNPosting(tuple) : 1;
	int64		far;

	read_entry(leaves, tuple, values, nulls);
	if (nulls[leaves->far_at])
		return;
	if (leaves->type_at >= 0 &&
		(nulls[leaves->type_at] || !accept_type(leaves->edges, values[leaves->type_at])))
		return;
	far = leaves->far_type == INT8OID ? DatumGetInt64(values[leaves->far_at]) :
		leaves->far_type == INT4OID ? DatumGetInt32(values[leaves->far_at]) :
		DatumGetInt16(values[leaves->far_at]);
	if (leaves->near_count == 0 || leaves->near_keys[leaves->near_count - 1] != leaves->key.number)
		leaves->near_keys[leaves->near_count++] = leaves->key.number;
	for (int i = 0; i < rows; i++)
	{
		LeafEdge   *edge = &leaves->edges_taken[leaves->row_count++];

		edge->near = leaves->near_count - 1;
		edge->far = far;
		edge->tid = posting ? *BTreeTupleGetPostingN(tuple, i) : tuple->t_tid;
	}
}

/*
 * Takes the entries of keys from a locked page, until a key is looked for whose
 * entries may be further right; "near" says that the first entries are probably
 * wanted.  Returns false if such a key has none here, so that its page may be far
 * away.
 */
static bool
take_from_page(GraphLeaves *leaves, Page page, bool near)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber offset = P_FIRSTDATAKEY(opaque);
	OffsetNumber max = PageGetMaxOffsetNumber(page);
	OffsetNumber start;

	while (leaves->at < leaves->count)
	{
		start = guess_offset(leaves);
		if (start == 0)
			start = near ? offset : offset + (max + 1 - offset) / 2;
		near = true;
		offset = find_entry(leaves, page, offset, max, start);
		while (offset <= max &&
			   compare_columns(leaves, tuple_at(page, offset), leaves->key_columns) == 0)
		{
			if (!(leaves->skip_dead && ItemIdIsDead(PageGetItemId(page, offset))))
			{
				if (leaves->plain)
					take_plain_entry(leaves, tuple_at(page, offset));
				else
					take_entry(leaves, tuple_at(page, offset));
			}
			offset++;
		}
		if (offset > max && !P_RIGHTMOST(opaque))
		{
			int			result = compare_pivot(leaves, tuple_at(page, P_HIKEY));

			if (result >= 0)
				return result == 0;
		}
		if (++leaves->at < leaves->count)
			set_key(leaves);
		if (!leaves->ordered)
			break;
	}
	return false;
}

/* ---- Rows ---- */

static bool
fetch_row(GraphLeaves *leaves, ItemPointer tid)
{
	bool		call_again = false;

	pgstat_count_heap_fetch(leaves->index);
	if (leaves->fetch == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(leaves->edges->context);

		leaves->fetch = table_index_fetch_begin(leaves->edges->relation);
		MemoryContextSwitchTo(old);
	}
	return table_index_fetch_tuple(leaves->fetch, tid, leaves->edges->snapshot,
								   vx_graph_row_slot(leaves->edges), &call_again, NULL);
}

/* Both ends of an edge that will be handed over soon */
static void
prefetch_row(const GraphLeaves *leaves, int number, bool place_is_there)
{
	const GraphEdges *edges = leaves->edges;
	IndexTuple	tuple = (IndexTuple) (leaves->copy + leaves->rows[number].entry * MAXIMUM_ALIGNOF);

	for (int column = GRAPH_SRC; column <= GRAPH_DST; column++)
	{
		bool		isnull;
		Datum		value = index_getattr(tuple, leaves->sources[column],
										  RelationGetDescr(leaves->index), &isnull);

		if (!isnull)
			vx_graph_prefetch_node(edges->table,
								   vx_graph_key_from_datum(edges->kind, edges->columns[column].type, value),
								   place_is_there);
	}
}

/* Hands over the rows of a page that is still pinned. */
static bool
hand_over_entries(GraphLeaves *leaves, GraphEdgeCallback callback, void *arg)
{
	GraphEdges *edges = leaves->edges;
	BlockNumber block = InvalidBlockNumber;
	bool		visible = false;
	bool		prefetch = edges->table != NULL && edges->table->count >= PREFETCH_NODES &&
		edges->kind != GRAPH_KEY_TEXT;

	if (leaves->row_count == 0)
		return true;
	for (int i = prefetch ? -2 * PREFETCH_ROWS : 0; i < leaves->row_count; i++)
	{
		LeafRow    *row = &leaves->rows[Max(i, 0)];
		IndexTuple	tuple = (IndexTuple) (leaves->copy + row->entry * MAXIMUM_ALIGNOF);
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		if (prefetch)
		{
			if (i + 2 * PREFETCH_ROWS < leaves->row_count)
				prefetch_row(leaves, i + 2 * PREFETCH_ROWS, false);
			if (i + PREFETCH_ROWS >= 0 && i + PREFETCH_ROWS < leaves->row_count)
				prefetch_row(leaves, i + PREFETCH_ROWS, true);
			if (i < 0)
				continue;
		}
		if (ItemPointerGetBlockNumberNoCheck(&row->tid) != block)
		{
			block = ItemPointerGetBlockNumberNoCheck(&row->tid);
			visible = VM_ALL_VISIBLE(edges->relation, block, &leaves->visibility);
		}
		if (!visible && !fetch_row(leaves, &row->tid))
			continue;
		read_entry(leaves, tuple, values, nulls);
		if (!vx_graph_take_row(edges, leaves->positions, values, nulls, leaves->side, callback, arg))
			return false;
	}
	return true;
}

/* As hand_over_entries(), for plain ones. */
static bool
hand_over_plain(GraphLeaves *leaves, GraphEdgeCallback callback, void *arg)
{
	GraphEdges *edges = leaves->edges;
	BlockNumber block = InvalidBlockNumber;
	bool		visible = false;
	bool		prefetch = edges->table != NULL && edges->table->count >= PREFETCH_NODES;
	GraphEdge	edge = {0};

	edge.weight = 1;
	edge.id_null = true;
	edge.type_null = true;
	for (int i = prefetch ? -2 * PREFETCH_ROWS : 0; i < leaves->row_count; i++)
	{
		const LeafEdge *taken = &leaves->edges_taken[Max(i, 0)];

		if (prefetch)
		{
			for (int turn = 1; turn <= 2; turn++)
			{
				int			next = i + turn * PREFETCH_ROWS;

				if (next < 0 || next >= leaves->row_count)
					continue;
				edge.far.value.number = leaves->edges_taken[next].far;
				vx_graph_prefetch_node(edges->table, edge.far, turn == 1);
			}
			if (i < 0)
				continue;
		}
		if (ItemPointerGetBlockNumberNoCheck(&taken->tid) != block)
		{
			block = ItemPointerGetBlockNumberNoCheck(&taken->tid);
			visible = VM_ALL_VISIBLE(edges->relation, block, &leaves->visibility);
		}
		if (!visible)
		{
			ItemPointerData tid = taken->tid;

			if (!fetch_row(leaves, &tid))
				continue;
		}
		edge.near.value.number = leaves->near_keys[taken->near];
		edge.far.value.number = taken->far;
		if (!callback(arg, &edge))
			return false;
	}
	return true;
}

#define ST_SORT sort_tids
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Looks up the rows that have been found, in the order in which they lie in the table. */
static bool
hand_over_tids(GraphLeaves *leaves, GraphEdgeCallback callback, void *arg)
{
	GraphEdges *edges = leaves->edges;
	TupleTableSlot *slot = vx_graph_row_slot(edges);
	bool		go_on = true;

	sort_tids(leaves->tids, leaves->tid_count);
	for (int i = 0; i < leaves->tid_count && go_on; i++)
	{
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		ItemPointerSet(&tid, leaves->tids[i] >> 16, leaves->tids[i] & 0xFFFF);
		if (!fetch_row(leaves, &tid))
			continue;
		slot_getsomeattrs(slot, edges->last_attno);
		go_on = vx_graph_take_row(edges, edges->positions[0], slot->tts_values, slot->tts_isnull,
								  leaves->side, callback, arg);
	}
	leaves->tid_count = 0;
	return go_on;
}

/* ---- What graph_edges.c calls ---- */

/* The column of an index that has the values of a column of the table, or 0 */
static AttrNumber
find_source(Relation relation, Relation index, AttrNumber wanted)
{
	Oid			type = TupleDescAttr(RelationGetDescr(relation), wanted - 1)->atttypid;

	for (int i = 0; i < IndexRelationGetNumberOfAttributes(index); i++)
	{
		if (index->rd_index->indkey.values[i] == wanted &&
			TupleDescAttr(RelationGetDescr(index), i)->atttypid == type)
			return i + 1;
	}
	return 0;
}

/* Has the index all columns that are wanted, so that rows need not be looked up? */
bool
vx_graph_leaves_cover(const GraphEdges *edges, Relation index)
{
	if (edges->relation->rd_tableam != GetHeapamTableAmRoutine())
		return false;
	for (int column = 0; column < GRAPH_COLUMNS; column++)
	{
		if (edges->columns[column].attno != 0 &&
			find_source(edges->relation, index, edges->columns[column].attno) == 0)
			return false;
	}
	return true;
}

/* Can edges be read as LeafEdges? */
static bool
is_plain(const GraphLeaves *leaves)
{
	const GraphEdges *edges = leaves->edges;

	if (!leaves->covering || edges->kind != GRAPH_KEY_INT || edges->min_weight_given)
		return false;
	for (int column = 0; column < GRAPH_COLUMNS; column++)
	{
		if (edges->columns[column].attno != 0 && column != GRAPH_SRC && column != GRAPH_DST &&
			(column != GRAPH_TYPE || edges->type_equal != NULL ||
			 OidIsValid(edges->columns[column].output.fn_oid)))
			return false;
	}
	return true;
}

/*
 * Prepares to read edges by the leaf pages of an index, whose first column is
 * the known end and whose second one is the type, if that is to be looked for,
 * too.  Returns NULL if that cannot be done: what a serializable transaction has
 * read must be known to others, indexes of old servers have no order among
 * equal entries, and numbers may be sorted by an operator class of somebody's.
 */
GraphLeaves *
vx_graph_open_leaves(GraphEdges *edges, GraphSide side, Relation index, bool with_type)
{
	GraphLeaves *leaves;
	bool		has_order,
				all_equal;

	if (IsolationIsSerializable() || !IsMVCCSnapshot(edges->snapshot))
		return NULL;
	_bt_metaversion(index, &has_order, &all_equal);
	if (!has_order)
		return NULL;

	leaves = palloc0(sizeof(GraphLeaves));
	leaves->edges = edges;
	leaves->side = side;
	leaves->index = index;
	leaves->key_columns = with_type ? 2 : 1;
	switch (index_getprocid(index, 1, BTORDER_PROC))
	{
		case F_BTINT2CMP:
			leaves->order = LEAF_INT2;
			break;
		case F_BTINT4CMP:
			leaves->order = LEAF_INT4;
			break;
		case F_BTINT8CMP:
			leaves->order = LEAF_INT8;
			break;
		case F_UUID_CMP:
			leaves->order = LEAF_UUID;
			break;
		default:
			leaves->order = LEAF_OTHER;
	}
	if (leaves->order == LEAF_OTHER && edges->kind != GRAPH_KEY_TEXT)
	{
		pfree(leaves);
		return NULL;
	}
	leaves->ordered = leaves->order != LEAF_OTHER;
	leaves->descending = leaves->ordered && (index->rd_indoption[0] & INDOPTION_DESC) != 0;
	for (int i = 0; i < leaves->key_columns; i++)
		leaves->compare[i] = index_getprocinfo(index, i + 1, BTORDER_PROC);
	if (with_type)
		leaves->type = edges->types[0];
	leaves->skip_dead = !edges->snapshot->takenDuringRecovery;
	leaves->covering = vx_graph_leaves_cover(edges, index);
	for (int column = 0; column < GRAPH_COLUMNS; column++)
	{
		AttrNumber	wanted = edges->columns[column].attno;

		leaves->positions[column] = -1;
		if (wanted != 0 && leaves->covering)
		{
			leaves->sources[column] = find_source(edges->relation, index, wanted);
			leaves->positions[column] = leaves->sources[column] - 1;
			leaves->layout_count = Max(leaves->layout_count, leaves->sources[column]);
		}
	}
	leaves->plain = is_plain(leaves);
	if (leaves->plain)
	{
		GraphColumnName far = side == GRAPH_OUT ? GRAPH_DST : GRAPH_SRC;

		leaves->far_at = leaves->positions[far];
		leaves->far_type = edges->columns[far].type;
		leaves->type_at = edges->types_given ? leaves->positions[GRAPH_TYPE] : -1;
	}
	for (int i = 0; i < leaves->layout_count; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(index), i);

		leaves->layout[i].length = attribute->attlen;
		leaves->layout[i].byval = attribute->attbyval;
		leaves->layout[i].align = attribute->attalign;
	}
	return leaves;
}

void
vx_graph_close_leaves(GraphLeaves *leaves)
{
	if (leaves->fetch != NULL)
		table_index_fetch_end(leaves->fetch);
}

/* Room for what a page has, or for what is sorted */
static void
make_room(GraphLeaves *leaves)
{
	GraphEdges *edges = leaves->edges;

	if (leaves->covering && !leaves->plain && leaves->copy == NULL)
	{
		leaves->copy = MemoryContextAlloc(edges->context, BLCKSZ);
		leaves->rows = MemoryContextAlloc(edges->context, MaxTIDsPerBTreePage * sizeof(LeafRow));
	}
	else if (!leaves->covering && leaves->tids == NULL)
	{
		leaves->tid_room = TIDS_MIN;
		leaves->tids = MemoryContextAlloc(edges->context, leaves->tid_room * sizeof(uint64));
	}
}

/*
 * Calls back for each edge that has one of the keys, which are sorted, at the
 * known end.
 */
void
vx_graph_read_leaves(GraphLeaves *leaves, const GraphKey *keys, int count,
					 GraphEdgeCallback callback, void *arg)
{
	GraphEdges *edges = leaves->edges;
	Buffer		buffer = InvalidBuffer;
	bool		go_on = true,
				goes_on_right,
				near = false;
	int			steps = 0,
				tids_most = Max(TIDS_MIN, Min(TIDS_MAX, (Size) work_mem * 1024 / 4 / sizeof(uint64)));
	LeafEdge	edges_taken[MaxTIDsPerBTreePage];
	int64		near_keys[MaxIndexTuplesPerPage];
	MemoryContext old;

	if (count == 0)
		return;
	leaves->edges_taken = edges_taken;
	leaves->near_keys = near_keys;
	/* what functions of types leave behind goes with the next row */
	old = MemoryContextSwitchTo(edges->row_context);
	make_room(leaves);
	leaves->keys = keys;
	leaves->count = count;
	leaves->at = 0;
	leaves->copied = 0;
	leaves->row_count = 0;
	leaves->near_count = 0;
	leaves->tid_count = 0;
	leaves->visibility = InvalidBuffer;
	leaves->ahead_from = 0;
	leaves->ahead_to = 0;
	if (leaves->order != LEAF_OTHER)
		leaves->map = vx_graph_use_map(leaves->index);
	set_key(leaves);
	pgstat_count_index_scan(leaves->index);
	buffer = vx_graph_find_leaf(leaves);
	while (BufferIsValid(buffer))
	{
		int			at = leaves->at;
		BlockNumber next = BTPageGetOpaque(BufferGetPage(buffer))->btpo_next;

		goes_on_right = take_from_page(leaves, BufferGetPage(buffer), near);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		CHECK_FOR_INTERRUPTS();
		if (leaves->covering)
		{
			pgstat_count_index_tuples(leaves->index, leaves->row_count);
			go_on = leaves->plain ? hand_over_plain(leaves, callback, arg) :
				hand_over_entries(leaves, callback, arg);
			leaves->copied = 0;
			leaves->row_count = 0;
			leaves->near_count = 0;
		}
		ReleaseBuffer(buffer);
		buffer = InvalidBuffer;
		MemoryContextReset(edges->row_context);
		if (!leaves->covering && leaves->tid_count + MaxTIDsPerBTreePage > leaves->tid_room)
		{
			if (leaves->tid_room < tids_most)
			{
				leaves->tid_room = Min(leaves->tid_room * 2, tids_most);
				leaves->tids = repalloc(leaves->tids, leaves->tid_room * sizeof(uint64));
			}
			else
			{
				pgstat_count_index_tuples(leaves->index, leaves->tid_count);
				go_on = hand_over_tids(leaves, callback, arg);
			}
		}
		if (!go_on || leaves->at >= leaves->count)
			break;

		/* a page that had nothing was one step too many in vain */
		steps = goes_on_right || leaves->at > at ? 0 : steps + 1;
		near = goes_on_right ||
			(leaves->ordered && next != P_NONE && !vx_graph_has_map(leaves) && steps < LEAF_STEPS_MAX &&
			 leaves->count - leaves->at > leaves->index->rd_rel->relpages / LEAF_STEPS_MAX);
		if (near)
		{
			leaves->slot = -1;
			buffer = vx_graph_next_leaf(leaves, next);
		}
		else
		{
			buffer = vx_graph_find_leaf(leaves);
			steps = 0;
		}
	}
	if (go_on && leaves->tid_count > 0)
	{
		pgstat_count_index_tuples(leaves->index, leaves->tid_count);
		hand_over_tids(leaves, callback, arg);
	}
	if (BufferIsValid(leaves->visibility))
		ReleaseBuffer(leaves->visibility);
	if (leaves->fetch != NULL)
	{
		ExecClearTuple(edges->slot);
		table_index_fetch_reset(leaves->fetch);
	}
	MemoryContextSwitchTo(old);
}
