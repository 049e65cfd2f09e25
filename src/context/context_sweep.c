/*-------------------------------------------------------------------------
 *
 * context_sweep.c
 *	  A background worker that removes expired keys of all namespaces.
 *
 * There is one a database of vecext.kv_sweep_databases, if the library is
 * preloaded.  It has every right, and tables belong to users: so it plans and
 * runs no SQL on them, which could call triggers, policies or functions in
 * indexes, but finds rows by the index and deletes them itself.  Tables with
 * triggers, which foreign keys also are, it leaves to kv_sweep().  It never
 * waits for a lock: what is in use is swept next time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "base/base_compat.h"
#include "context/context.h"

/* Rows that one transaction removes */
#define SWEEP_ROWS 1000

/* A worker that has failed, for want of its database for example, is tried again. */
#define RESTART_SECONDS 60

static char *sweep_databases = NULL;
static int	sweep_interval = 60;

PGDLLEXPORT void vecext_kv_sweep_main(Datum main_arg);

/* The tables named kv of all namespaces; in the caller's memory. */
static List *
list_tables(MemoryContext context)
{
	Relation	classes = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	ScanKeyInit(&key, Anum_pg_class_relname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("kv"));
	scan = systable_beginscan(classes, ClassNameNspIndexId, true, NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);
		Oid			node = get_relname_relid("node", class->relnamespace);

		if (class->relkind == RELKIND_RELATION && class->relpersistence != RELPERSISTENCE_TEMP &&
			OidIsValid(node) && get_attnum(node, "is_current") != InvalidAttrNumber)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			result = lappend_oid(result, class->oid);
			MemoryContextSwitchTo(old);
		}
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	return result;
}

/* An index over a column alone that a scan may use, or InvalidOid. */
static Oid
find_index(Relation table, AttrNumber column)
{
	List	   *indexes = RelationGetIndexList(table);
	ListCell   *cell;
	Oid			result = InvalidOid;

	foreach(cell, indexes)
	{
		Oid			oid = lfirst_oid(cell);
		Relation	index = index_open(oid, AccessShareLock);
		Form_pg_index form = index->rd_index;

		if (index->rd_rel->relam == BTREE_AM_OID && form->indisvalid && form->indnkeyatts == 1 &&
			form->indkey.values[0] == column && index->rd_opcintype[0] == TIMESTAMPTZOID &&
			strcmp(RelationGetRelationName(index), "kv_expires") == 0)
			result = oid;
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return result;
}

/* Deletes expired rows of a table, SWEEP_ROWS at most; returns how many. */
static int
sweep_table(Oid relid)
{
	Relation	table;
	AttrNumber	column;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Snapshot	snapshot;
	int			count = 0;

	if (!ConditionalLockRelationOid(relid, RowExclusiveLock))
		return 0;
	table = try_table_open(relid, NoLock);
	if (table == NULL)
		return 0;
	column = get_attnum(relid, "expires_at");
	if (column == InvalidAttrNumber || get_atttype(relid, column) != TIMESTAMPTZOID ||
		table->rd_rel->relkind != RELKIND_RELATION || table->trigdesc != NULL)
	{
		table_close(table, NoLock);
		return 0;
	}

	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	ScanKeyInit(&key, column, BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE,
				TimestampTzGetDatum(GetCurrentTimestamp()));
	{
		Oid			index = find_index(table, column);

		scan = systable_beginscan(table, index, OidIsValid(index), snapshot, 1, &key);
	}
	while (count < SWEEP_ROWS && (tuple = systable_getnext(scan)) != NULL)
	{
		TM_FailureData failure;

		CHECK_FOR_INTERRUPTS();
		if (table_tuple_delete(table, &tuple->t_self, GetCurrentCommandId(true), snapshot,
							   InvalidSnapshot, false, &failure, false) == TM_Ok)
			count++;
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, NoLock);
	return count;
}

static void
sweep_database(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "vecext kv_sweep",
												  ALLOCSET_SMALL_SIZES);
	List	   *tables;
	ListCell   *cell;

	StartTransactionCommand();
	tables = list_tables(context);
	CommitTransactionCommand();

	foreach(cell, tables)
	{
		int			count;

		do
		{
			SetCurrentStatementStartTimestamp();
			pgstat_report_activity(STATE_RUNNING, "removing expired keys");
			StartTransactionCommand();
			PushActiveSnapshot(GetTransactionSnapshot());
			count = sweep_table(lfirst_oid(cell));
			PopActiveSnapshot();
			CommitTransactionCommand();
			pgstat_report_stat(true);
			pgstat_report_activity(STATE_IDLE, NULL);
		} while (count == SWEEP_ROWS);
	}
	MemoryContextDelete(context);
}

void
vecext_kv_sweep_main(Datum main_arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(MyBgworkerEntry->bgw_extra, NULL, 0);

	/*
	 * As autovacuum does: serializable transactions of others would fail
	 * because of it.
	 */
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);

	for (;;)
	{
		sweep_database();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 sweep_interval * 1000L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}

/* At the start of the server: settings, and a worker a database. */
void
vx_context_register_sweep(void)
{
	List	   *names;
	ListCell   *cell;

	if (!process_shared_preload_libraries_in_progress)
		return;

	DefineCustomStringVariable("vecext.kv_sweep_databases",
							   "Names the databases whose expired keys a background worker removes.",
							   NULL,
							   &sweep_databases,
							   "",
							   PGC_POSTMASTER,
							   GUC_LIST_INPUT,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("vecext.kv_sweep_interval",
							"Sets the time between two removals of expired keys.",
							NULL,
							&sweep_interval,
							60, 1, 86400,
							PGC_SIGHUP,
							GUC_UNIT_S,
							NULL, NULL, NULL);

	if (!SplitIdentifierString(pstrdup(sweep_databases), ',', &names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid list of databases in parameter \"%s\"", "vecext.kv_sweep_databases")));
	foreach(cell, names)
	{
		BackgroundWorker worker;

		memset(&worker, 0, sizeof(worker));
		worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
		worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
		worker.bgw_restart_time = RESTART_SECONDS;
		snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "vecext");
		snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "vecext_kv_sweep_main");
		snprintf(worker.bgw_name, sizeof(worker.bgw_name), "vecext kv_sweep of %s",
				 (char *) lfirst(cell));
		snprintf(worker.bgw_type, sizeof(worker.bgw_type), "vecext kv_sweep");
		strlcpy(worker.bgw_extra, (char *) lfirst(cell), sizeof(worker.bgw_extra));
		RegisterBackgroundWorker(&worker);
	}
}
