/*-------------------------------------------------------------------------
 *
 * am_inspect.h
 *	  What the index checkers and info functions of both access methods share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_INSPECT_H
#define VX_AM_INSPECT_H

#include "nodes/execnodes.h"

#include "am/am_index.h"

/* Where rows of a check's answer go: (invariant, block, message) */
typedef struct AmReport
{
	ReturnSetInfo *result;
} AmReport;

/* Whose rights there were before vx_am_become_owner */
typedef struct AmRights
{
	Oid			caller;
	int			caller_context;
	int			guc_level;		/* 0: nothing was changed */
} AmRights;

/* Columns of <am>_index_info that come from the store */
#define AM_INFO_COLUMNS 13

extern LOCKMODE vx_am_open_for_check(Oid index_oid, const char *am_name,
									 bool block_writers, Relation *heap, Relation *index);
extern void vx_am_close_after_check(Relation heap, Relation index, LOCKMODE mode);
extern void vx_am_become_owner(AmRights *rights, Relation heap, Relation index);
extern void vx_am_become_caller(const AmRights *rights);
extern void vx_am_check_snapshot_age(Relation index, Snapshot snapshot);
extern void vx_am_report_row(void *arg, const char *invariant, int64 block, const char *message);
extern void vx_am_check_heap(Relation heap, Relation index, StoreIndex *store, AmReport *report);
extern void vx_am_fill_info(StoreIndex *store, Datum *values, bool *nulls);

#endif							/* VX_AM_INSPECT_H */
