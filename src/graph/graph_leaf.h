/*-------------------------------------------------------------------------
 *
 * graph_leaf.h
 *	  What finding leaf pages and reading their entries share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_GRAPH_LEAF_H
#define VX_GRAPH_LEAF_H

#include "access/nbtree.h"
#include "storage/bufmgr.h"
#include "utils/uuid.h"

#include "graph/graph.h"

/* From a leaf page go to the right so often before going down from the root again. */
#define LEAF_STEPS_MAX 3

/* Keys whose pages are fetched into the processor's caches together */
#define LEAF_AHEAD_KEYS 16

typedef enum LeafOrder
{
	LEAF_INT2,
	LEAF_INT4,
	LEAF_INT8,
	LEAF_UUID,
	LEAF_OTHER					/* as the operator class's function says */
} LeafOrder;

/* A key as it is compared with entries */
typedef struct LeafKey
{
	int64		number;
	const char *bytes;
	Datum		value;
} LeafKey;

/* A row that an entry on a page leads to */
typedef struct LeafRow
{
	ItemPointerData tid;
	uint16		entry;			/* where its entry is in the copy, by MAXALIGN */
} LeafRow;

/* An edge that says no more than where it leads, between whole numbers */
typedef struct LeafEdge
{
	int64		far;
	ItemPointerData tid;
	uint16		near;			/* which of near_keys */
} LeafEdge;

/* How a column of an entry lies there */
typedef struct LeafColumn
{
	int16		length;
	bool		byval;
	char		align;
} LeafColumn;

struct GraphLeaves
{
	GraphEdges *edges;
	GraphSide	side;
	Relation	index;
	LeafOrder	order;
	int			key_columns;	/* 2: the only type of edges that is wanted,
								 * too */
	FmgrInfo   *compare[2];
	bool		ordered;		/* keys are sorted as entries are, or the
								 * other way round: */
	bool		descending;
	bool		skip_dead;
	bool		covering;
	AttrNumber	sources[GRAPH_COLUMNS]; /* columns of the index; 0: not wanted */
	int			positions[GRAPH_COLUMNS];	/* of these in an entry that has
											 * been read */
	LeafColumn	layout[INDEX_MAX_KEYS];
	int			layout_count;	/* up to the last that is wanted */
	Datum		type;
	bool		plain;			/* covering, and edges are LeafEdges */
	int			far_at;			/* in an entry */
	Oid			far_type;
	int			type_at;		/* below 0: all types are wanted */
	struct IndexFetchTableData *fetch;	/* NULL: no row has been looked up */

	/* while edges are read */
	const GraphKey *keys;
	int			count;
	int			at;				/* the key that is looked for */
	LeafKey		key;
	int			map;			/* -1: none */
	int			slot;			/* of the page in the map; below 0: unknown */
	int			ahead_from;		/* keys whose pages are being fetched */
	int			ahead_to;
	int			ahead_slots[LEAF_AHEAD_KEYS];	/* where the map has them */
	OffsetNumber ahead_offsets[LEAF_AHEAD_KEYS];	/* where they are,
													 * probably; 0: unknown */
	Buffer		visibility;

	/* what has been taken from a page */
	char	   *copy;
	Size		copied;
	LeafRow    *rows;
	LeafEdge   *edges_taken;	/* plain: instead of both */
	int64	   *near_keys;
	int			near_count;
	int			row_count;
	/* or from several */
	uint64	   *tids;
	int			tid_count;
	int			tid_room;
};

extern Buffer vx_graph_find_leaf(GraphLeaves *leaves);
extern Buffer vx_graph_next_leaf(const GraphLeaves *leaves, BlockNumber block);
extern bool vx_graph_has_map(const GraphLeaves *leaves);
extern int	vx_graph_use_map(Relation index);
extern int	vx_graph_compare_by_function(const GraphLeaves *leaves, int column, Datum value,
										 IndexTuple tuple);

/* ---- Comparing with entries ---- */

static inline int64
number_of_tuple(LeafOrder order, const char *data)
{
	return order == LEAF_INT8 ? *(const int64 *) data :
		order == LEAF_INT4 ? *(const int32 *) data : *(const int16 *) data;
}

static inline const char *
tuple_data(IndexTuple tuple)
{
	return (const char *) tuple + IndexInfoFindDataOffset(tuple->t_info);
}

static inline bool
has_null(IndexTuple tuple, int column)
{
	return IndexTupleHasNulls(tuple) &&
		att_isnull(column, (bits8 *) ((char *) tuple + sizeof(IndexTupleData)));
}

/* Below, at or above 0 as the key is before, with or after an entry, by some columns */
static inline int
compare_columns(const GraphLeaves *leaves, IndexTuple tuple, int columns)
{
	int			result;

	if (leaves->order == LEAF_OTHER)
		result = vx_graph_compare_by_function(leaves, 0, leaves->key.value, tuple);
	else if (unlikely(has_null(tuple, 0)))
		result = leaves->index->rd_indoption[0] & INDOPTION_NULLS_FIRST ? 1 : -1;
	else
	{
		if (leaves->order == LEAF_UUID)
			result = memcmp(leaves->key.bytes, tuple_data(tuple), UUID_LEN);
		else
		{
			int64		number = number_of_tuple(leaves->order, tuple_data(tuple));

			result = (leaves->key.number > number) - (leaves->key.number < number);
		}
		if (leaves->descending)
			result = -result;
	}
	if (result == 0 && columns > 1)
		result = vx_graph_compare_by_function(leaves, 1, leaves->type, tuple);
	return result;
}

/*
 * As compare_columns(), with what separates two pages.  Columns that it does not
 * have are less than any value, and so is its row's place: all entries that are
 * equal to what it has are on its right.
 */
static inline int
compare_pivot(const GraphLeaves *leaves, IndexTuple tuple)
{
	int			columns = BTreeTupleGetNAtts(tuple, leaves->index);
	int			result;

	if (columns == 0)
		return 1;
	result = compare_columns(leaves, tuple, Min(columns, leaves->key_columns));
	if (result != 0)
		return result;
	return columns < leaves->key_columns ||
		(columns == leaves->key_columns && BTreeTupleGetHeapTID(tuple) == NULL) ? 1 : 0;
}

static inline IndexTuple
tuple_at(Page page, OffsetNumber offset)
{
	return (IndexTuple) PageGetItem(page, PageGetItemId(page, offset));
}

static inline const GraphKey *
key_at(const GraphLeaves *leaves, int at)
{
	return &leaves->keys[leaves->descending ? leaves->count - 1 - at : at];
}

/* Where the key that is looked for is on a page that the map has led to, probably; or 0 */
static inline OffsetNumber
guess_offset(const GraphLeaves *leaves)
{
	int			ahead = leaves->at - leaves->ahead_from;

	if (leaves->slot < 0 || leaves->at < leaves->ahead_from || leaves->at >= leaves->ahead_to ||
		leaves->ahead_slots[ahead] != leaves->slot)
		return 0;
	return leaves->ahead_offsets[ahead];
}

#endif							/* VX_GRAPH_LEAF_H */
