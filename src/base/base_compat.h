/*-------------------------------------------------------------------------
 *
 * base_compat.h
 *	  Differences between PostgreSQL 15, 16, 17 and 18.
 *
 * The only file that tests PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_BASE_COMPAT_H
#define VX_BASE_COMPAT_H

#include "utils/guc_tables.h"
#include "utils/rel.h"

/*
 * 16 took the varlena macros out of postgres.h, and brought soft errors: an
 * input function reports bad input with ereturn(fcinfo->context, ...) and may
 * be asked to return instead of raising an error.  Before, every error is
 * hard.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#else
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/* Another type's input function; false if it has reported a soft error. */
#if PG_VERSION_NUM >= 160000
#define vx_input_function_call(function, text, context, result) \
	DirectInputFunctionCallSafe(function, text, InvalidOid, -1, context, result)
#else
#define vx_input_function_call(function, text, context, result) \
	(*(result) = DirectFunctionCall3(function, CStringGetDatum(text), \
									 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)), true)
#endif

/* Relation file names: RelFileNode became RelFileLocator in 16. */
#if PG_VERSION_NUM >= 160000
#include "storage/relfilelocator.h"
#define RelationLocator(relation) ((relation)->rd_locator)
#define RelationLocatorEquals(a, b) RelFileLocatorEquals(a, b)
#else
#include "storage/relfilenode.h"
typedef RelFileNode RelFileLocator;
#define RelationLocator(relation) ((relation)->rd_node)
#define RelationLocatorEquals(a, b) RelFileNodeEquals(a, b)
#endif

/* All five fields of a buffer's tag, without jumps; 16 took the file name apart. */
#if PG_VERSION_NUM >= 160000
#define vx_buffer_tag_matches(tag, locator, fork, block_no) \
	((((tag)->blockNum ^ (block_no)) | ((tag)->relNumber ^ (locator)->relNumber) | \
	  ((uint32) (tag)->forkNum ^ (uint32) (fork)) | ((tag)->dbOid ^ (locator)->dbOid) | \
	  ((tag)->spcOid ^ (locator)->spcOid)) == 0)
#else
#define vx_buffer_tag_matches(tag, locator, fork, block_no) \
	((((tag)->blockNum ^ (block_no)) | ((tag)->rnode.relNode ^ (locator)->relNode) | \
	  ((uint32) (tag)->forkNum ^ (uint32) (fork)) | ((tag)->rnode.dbNode ^ (locator)->dbNode) | \
	  ((tag)->rnode.spcNode ^ (locator)->spcNode)) == 0)
#endif

/* 16 has one ownership check for all catalogs. */
#if PG_VERSION_NUM >= 160000
#define vx_is_relation_owner(relid, roleid) \
	object_ownercheck(RelationRelationId, relid, roleid)
#else
#define vx_is_relation_owner(relid, roleid) pg_class_ownercheck(relid, roleid)
#endif

/* The rights that allow LOCK TABLE ... IN SHARE MODE; 17 added one. */
#if PG_VERSION_NUM >= 170000
#define VX_ACL_LOCK_SHARE (ACL_MAINTAIN | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE)
#else
#define VX_ACL_LOCK_SHARE (ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE)
#endif

/* 17 asks whether an index can be built in parallel; before, only btree is. */
#if PG_VERSION_NUM >= 170000
#define vx_set_am_can_build_parallel(routine) ((routine)->amcanbuildparallel = true)
#define vx_plan_build_workers(index_info, heap, index) ((index_info)->ii_ParallelWorkers)
#else
#define vx_set_am_can_build_parallel(routine) ((void) 0)
#define vx_plan_build_workers(index_info, heap, index) \
	plan_create_index_workers(RelationGetRelid(heap), RelationGetRelid(index))
#endif

/* 18 names the access method's part of a parallel scan otherwise. */
#if PG_VERSION_NUM >= 180000
#define vx_parallel_am_offset(scan) ((scan)->ps_offset_am)
#else
#define vx_parallel_am_offset(scan) ((scan)->ps_offset)
#endif

/* Parameters of amestimateparallelscan */
#if PG_VERSION_NUM >= 180000
#define VX_ESTIMATE_PARALLEL_ARGS Relation index, int key_count, int order_by_count
#elif PG_VERSION_NUM >= 170000
#define VX_ESTIMATE_PARALLEL_ARGS int key_count, int order_by_count
#else
#define VX_ESTIMATE_PARALLEL_ARGS void
#endif

/* 18 counts index searches for EXPLAIN. */
#if PG_VERSION_NUM >= 180000
#define vx_count_instrument_search(scan) \
	do { if ((scan)->instrument) (scan)->instrument->nsearches++; } while (0)
#else
#define vx_count_instrument_search(scan) ((void) 0)
#endif

/* 18 lets others write into EXPLAIN's output. */
#define VX_HAS_EXPLAIN_HOOK (PG_VERSION_NUM >= 180000)

/* 18 has an argument more. */
#if PG_VERSION_NUM >= 180000
#define vx_index_beginscan(table, index, snapshot, keys, order_bys) \
	index_beginscan(table, index, snapshot, NULL, keys, order_bys)
#else
#define vx_index_beginscan(table, index, snapshot, keys, order_bys) \
	index_beginscan(table, index, snapshot, keys, order_bys)
#endif

/* What TOAST tables are read with; 18 has one for all.  Include toast_internals.h. */
#if PG_VERSION_NUM >= 180000
#define vx_toast_snapshot(room) ((void) (room), get_toast_snapshot())
#else
#define vx_toast_snapshot(room) (init_toast_snapshot(room), (room))
#endif

/* 18 dropped ExecutorRun's last parameter. */
#if PG_VERSION_NUM >= 180000
#define VX_EXECUTOR_RUN_ARGS QueryDesc *query, ScanDirection direction, uint64 count
#define VX_EXECUTOR_RUN_PASS query, direction, count
#else
#define VX_EXECUTOR_RUN_ARGS \
	QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define VX_EXECUTOR_RUN_PASS query, direction, count, execute_once
#endif

/* The record of a setting, or NULL; before 16 there is a list only. */
#if PG_VERSION_NUM >= 160000
#define vx_find_setting(name) find_option((name), false, true, 0)
#else
static inline struct config_generic *
vx_find_setting(const char *name)
{
	struct config_generic **records = get_guc_variables();
	int			i;

	for (i = 0; i < GetNumConfigOptions(); i++)
	{
		if (strcmp(records[i]->name, name) == 0)
			return records[i];
	}
	return NULL;
}
#endif

/*
 * Before 17 an index path has either an order or "= ANY" on columns after the
 * first; before 16 conditions on bool columns are for built-in families only.
 */
#define VX_PLANNER_SPLITS_ORDER_AND_ARRAYS (PG_VERSION_NUM < 170000)
#define VX_PLANNER_IGNORES_BOOL_FAMILIES (PG_VERSION_NUM < 160000)

/* Goes before a declaration; 18 has C11's way only. */
#if PG_VERSION_NUM >= 180000
#define vx_noreturn pg_noreturn
#else
#define vx_noreturn pg_attribute_noreturn()
#endif

/* The variables of transam.h; include that. */
#if PG_VERSION_NUM >= 170000
#define vx_transam_variables TransamVariables
#else
#define vx_transam_variables ShmemVariableCache
#endif

/* Before 17 a snapshot may be too old for a page.  Include bufmgr.h and snapmgr.h. */
#if PG_VERSION_NUM >= 170000
#define vx_test_old_snapshot(snapshot, relation, page) ((void) 0)
#define vx_snapshots_grow_old() false
#else
#define vx_test_old_snapshot(snapshot, relation, page) TestForOldSnapshot(snapshot, relation, page)
#define vx_snapshots_grow_old() (old_snapshot_threshold >= 0)
#endif

/* 18 tells vacuum's delay from analyze's. */
#if PG_VERSION_NUM >= 180000
#define vx_vacuum_delay_point() vacuum_delay_point(false)
#else
#define vx_vacuum_delay_point() vacuum_delay_point()
#endif

#endif							/* VX_BASE_COMPAT_H */
