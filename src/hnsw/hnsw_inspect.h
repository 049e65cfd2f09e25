/*-------------------------------------------------------------------------
 *
 * hnsw_inspect.h
 *	  What the functions that inspect an hnsw index share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_HNSW_INSPECT_H
#define VX_HNSW_INSPECT_H

#include "access/tableam.h"
#include "nodes/execnodes.h"

#include "am/am_inspect.h"
#include "hnsw/hnsw.h"
#include "type/type_vector.h"

/*
 * The table of an index as one snapshot sees it.
 */
typedef struct HnswTable
{
	Relation	heap;
	Relation	index;
	Snapshot	snapshot;
	BlockNumber blocks;			/* of the table, not before the snapshot */
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	AttrNumber	attribute;		/* of the vector; 0: an expression */
	IndexInfo  *index_info;		/* for expressions */
	EState	   *estate;
	AmRights	rights;
} HnswTable;

/*
 * Take a snapshot and get ready to read rows.  Until vx_hnsw_end_table the
 * index's expressions are the owner's to run: the current user may change.
 */
extern void vx_hnsw_begin_table(HnswTable *table, Relation heap, Relation index);
extern void vx_hnsw_end_table(HnswTable *table);

/* True if the snapshot sees the row; table->slot holds it then. */
extern bool vx_hnsw_fetch_row(HnswTable *table, ItemPointer tid);

/*
 * Indexed value of the row just fetched, which must be a vector of so many
 * dimensions, else the index is damaged.  In the current memory context.
 */
extern Vector *vx_hnsw_get_vector(HnswTable *table, ItemPointer tid, int dims);

/*
 * What is wrong with the graph's words on the metapage as far as others
 * compute with them; NULL if nothing is.
 */
extern const char *vx_hnsw_judge_words(const StoreMetaData *meta);

/* ereport(ERROR) if something is. */
extern void vx_hnsw_check_words(StoreIndex *store);

#endif							/* VX_HNSW_INSPECT_H */
