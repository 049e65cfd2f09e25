/*-------------------------------------------------------------------------
 *
 * am_index.h
 *	  What both access methods share above the store: options, the metric of
 *	  an operator class, encoding of heap values, costs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_INDEX_H
#define VX_AM_INDEX_H

#include "access/reloptions.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "utils/rel.h"

#include "am/am_column.h"
#include "store/store.h"

/* Strategy numbers of the operator classes of both access methods */
#define AM_STRATEGY_DISTANCE 1	/* ORDER BY vector <op> vector */
#define AM_STRATEGY_WITHIN	2	/* vector <op>@ vector_ball */

/* Support function numbers, pgvector's */
#define AM_PROC_DISTANCE	1
#define AM_PROC_NORM		2
#define AM_PROC_TYPE		3

/* Of columns after the vector: (internal) returns internal, AmColumnMethods */
#define AM_PROC_COLUMN		4
#define AM_PROC_COUNT		4

/* Options that both access methods have; theirs begin with this */
typedef struct AmOptions
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int			quantizer;		/* QuantKind */
	int			rerank;			/* AmRerank */
} AmOptions;

/* Where what makes exact order of bounds comes from */
typedef enum AmRerank
{
	AM_RERANK_TABLE,
	AM_RERANK_INDEX				/* residuals beside the codes */
} AmRerank;

extern relopt_enum_elt_def vx_am_quantizer_values[];
extern relopt_enum_elt_def vx_am_rerank_values[];

/* am_index.c */
extern QuantKind vx_am_get_quantizer(Relation index);
extern DistanceMetric vx_am_get_metric(Relation index);
extern int	vx_am_get_dims(Relation index, const char *am_name, QuantKind quantizer);
extern void vx_am_check_build(Relation index, IndexInfo *index_info, const char *am_name);
extern uint16 vx_am_encode(const QuantParams *quant, Datum value, bool isnull,
						   QuantSlotData *slot);
extern float *vx_am_sample_mean(Relation heap, Relation index, IndexInfo *index_info,
								DistanceMetric metric, int dims);
extern bool vx_am_validate(Oid opclass);
extern void vx_am_check_snapshot(IndexScanDesc scan);

/* am_insert.c */
typedef void (*AmInsertRow) (StoreIndex *store, ItemPointer tid, uint16 kind, QuantSlotData *slot,
							 const char *attributes);
extern void vx_am_insert(Relation index, const Datum *values, const bool *isnull, ItemPointer tid,
						 IndexInfo *index_info, AmInsertRow insert_row);

/* am_cost.c */
typedef struct AmFilterCost
{
	int			conditions;		/* on columns after the vector; 0: none */
	Selectivity selectivity;	/* of all these */
	Cost		find;			/* to find out which rows meet them */
	Cost		rows;			/* to read their slots */
	Cost		codes;			/* the same with the codes of their nodes */
} AmFilterCost;

extern bool vx_am_asks_codes(const IndexPath *path);
extern void vx_am_estimate_filter(PlannerInfo *root, IndexPath *path, Cost page_cost,
								  AmFilterCost *cost);
extern bool vx_am_is_toasted(PlannerInfo *root, const IndexOptInfo *index);

/* am_planner.c */
extern void vx_am_install_planner_hook(void *cost_estimate, bool parallel);
extern bool vx_am_is_our_index(const IndexOptInfo *index);
extern bool vx_am_is_our_index_oid(Oid relid);
extern bool vx_am_has_met_index(void);
extern Oid	vx_am_ball_sibling(Oid function, Oid vector_type, Oid ball_type);

/* am_planner_filter.c */
extern void vx_am_add_array_paths(PlannerInfo *root, RelOptInfo *rel);
extern Expr *vx_am_make_bool_clause(IndexOptInfo *index, const RestrictInfo *restriction);
extern Expr *vx_am_make_element_clause(PlannerInfo *root, IndexOptInfo *index,
									   const RestrictInfo *restriction);

/* am_planner_junk.c */
extern void vx_am_install_plan_hook(void);

/* am_planner_rival.c */
extern void vx_am_weigh_rivals(PlannerInfo *root, RelOptInfo *rel);

#endif							/* VX_AM_INDEX_H */
