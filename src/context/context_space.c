/*-------------------------------------------------------------------------
 *
 * context_space.c
 *	  Running SQL on the tables of a namespace.
 *
 * Functions of the context store get the name of a schema and run a few
 * statements on its tables.  This file finds out whether the schema is a
 * namespace, writes its quoted name into the statement, and keeps the plan for
 * the session: a function then costs little more than the statement.  Rights,
 * row-level security and triggers are those of the caller, since statements go
 * through SPI like any other.
 *
 * A kept plan belongs to a schema's name, not to the schema: the server plans
 * anew when tables behind a name have changed.  What the text depends on
 * otherwise, the tenant column, is part of the key.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

#include "base/base_compat.h"
#include "context/context.h"

/*
 * Plans kept; beyond that all are dropped, which only costs planning.  A
 * namespace has some thirty statements.
 */
#define MAX_KEPT_PLANS 1024

/* Zeroed before it is filled: hashed as bytes */
typedef struct PlanKey
{
	const ContextStatement *statement;
	Oid			vector_type;
	int			has_tenant;
	NameData	name;
} PlanKey;

typedef struct PlanEntry
{
	PlanKey		key;
	SPIPlanPtr	plan;
} PlanEntry;

static HTAB *kept_plans = NULL;

/* Statements being run now: their plans must stay */
static int	running = 0;

/*
 * Finds the namespace that the function's first argument names, and connects
 * to SPI.
 */
void
vx_context_open_space(FunctionCallInfo fcinfo, ContextSpace *space, bool read_only)
{
	char	   *name;
	Oid			schema;
	Oid			relid;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("namespace must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("name of namespace is too long"),
				 errdetail("Names have at most %d bytes.", NAMEDATALEN - 1)));

	/* also checks that the caller may use the schema */
	schema = LookupExplicitNamespace(name, false);
	relid = get_relname_relid("node", schema);
	if (!OidIsValid(relid) || get_attnum(relid, "is_current") == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("schema \"%s\" is not a namespace", name),
				 errhint("Create namespaces with graph_create.")));

	memset(space, 0, sizeof(ContextSpace));
	strcpy(NameStr(space->name), name);
	space->has_tenant = get_attnum(relid, "tenant") != InvalidAttrNumber;
	space->read_only = read_only;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
vx_context_close_space(void)
{
	SPI_finish();
}

/* The statement's text for a namespace; see ContextStatement. */
static char *
expand_statement(const ContextSpace *space, const char *sql)
{
	StringInfoData out;
	const char *at = sql;

	initStringInfo(&out);
	while (*at)
	{
		const char *end;
		char	   *word;

		if (*at != '{' || at[1] == '}')
		{
			int			length = *at == '{' ? 2 : 1;

			appendBinaryStringInfo(&out, at, length);
			at += length;
			continue;
		}
		end = strchr(at, '}');
		Assert(end != NULL);
		word = pnstrdup(at + 1, end - at - 1);
		at = end + 1;

		if (strcmp(word, "ns") == 0)
			appendStringInfoString(&out, quote_identifier(NameStr(space->name)));
		else if (strcmp(word, "tenant_set") == 0)
			;					/* vx_context_run() looks for it */
		else if (strncmp(word, "tenant", 6) == 0)
		{
			if (space->has_tenant)
				appendStringInfo(&out, " AND %s%stenant OPERATOR(pg_catalog.=) "
								 "pg_catalog.current_setting('vecext.tenant')",
								 word[6] ? word + 7 : "", word[6] ? "." : "");
		}
		else
			appendStringInfo(&out, "OPERATOR(pg_catalog.%s)", word);
		pfree(word);
	}
	return out.data;
}

/* Drop all kept plans: there are too many. */
static void
drop_plans(void)
{
	HASH_SEQ_STATUS status;
	PlanEntry  *entry;

	hash_seq_init(&status, kept_plans);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		SPIPlanPtr	plan = entry->plan;

		(void) hash_search(kept_plans, &entry->key, HASH_REMOVE, NULL);
		SPI_freeplan(plan);
	}
}

/* The plan of a statement for a namespace, from earlier or new. */
static SPIPlanPtr
find_plan(const ContextSpace *space, const ContextStatement *statement)
{
	PlanKey		key;
	PlanEntry  *entry;
	SPIPlanPtr	plan;
	Oid			argtypes[CONTEXT_MAX_ARGS];

	memset(&key, 0, sizeof(key));
	key.statement = statement;
	key.vector_type = space->vector_type;
	key.has_tenant = space->has_tenant;
	key.name = space->name;

	if (kept_plans == NULL)
	{
		HASHCTL		control;

		memset(&control, 0, sizeof(control));
		control.keysize = sizeof(PlanKey);
		control.entrysize = sizeof(PlanEntry);
		control.hcxt = TopMemoryContext;
		kept_plans = hash_create("vecext context plans", 64, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(kept_plans, &key, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->plan;

	for (int i = 0; i < statement->nargs; i++)
		argtypes[i] = OidIsValid(statement->argtypes[i]) ? statement->argtypes[i] : space->vector_type;
	plan = SPI_prepare_cursor(expand_statement(space, statement->sql), statement->nargs, argtypes,
							  statement->custom ? 0 : CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	if (hash_get_num_entries(kept_plans) >= MAX_KEPT_PLANS && running == 0)
		drop_plans();
	SPI_keepplan(plan);
	entry = hash_search(kept_plans, &key, HASH_ENTER, NULL);
	entry->plan = plan;
	return plan;
}

static int
execute_plan(SPIPlanPtr plan, Datum *values, const char *nulls, bool read_only)
{
	int			result;

	running++;
	PG_TRY();
	{
		result = SPI_execute_plan(plan, values, nulls, read_only, 0);
	}
	PG_FINALLY();
	{
		running--;
	}
	PG_END_TRY();
	return result;
}

/*
 * Runs a statement and returns the number of its rows, which are in
 * SPI_tuptable until the next one.  Without a tenant, functions that need one stop here.
 */
uint64
vx_context_run(const ContextSpace *space, const ContextStatement *statement,
			   Datum *values, const bool *nulls)
{
	SPIPlanPtr	plan;
	char		spi_nulls[CONTEXT_MAX_ARGS];
	int			result;

	if (space->has_tenant && (vx_context_tenant == NULL || vx_context_tenant[0] == '\0') &&
		strstr(statement->sql, "{tenant") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no tenant is set for namespace \"%s\"", NameStr(space->name)),
				 errhint("Set vecext.tenant.")));

	/* Calls that run many statements would pile up their rows. */
	if (SPI_tuptable != NULL)
	{
		SPI_freetuptable(SPI_tuptable);
		SPI_tuptable = NULL;
	}

	plan = find_plan(space, statement);
	for (int i = 0; i < statement->nargs; i++)
		spi_nulls[i] = nulls != NULL && nulls[i] ? 'n' : ' ';

	result = execute_plan(plan, values, spi_nulls, space->read_only);
	if (result < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/* The same with the function's arguments after the namespace. */
uint64
vx_context_run_args(FunctionCallInfo fcinfo, const ContextSpace *space,
					const ContextStatement *statement)
{
	Datum		values[CONTEXT_MAX_ARGS];
	bool		nulls[CONTEXT_MAX_ARGS];

	Assert(statement->nargs < PG_NARGS());
	for (int i = 0; i < statement->nargs; i++)
	{
		nulls[i] = PG_ARGISNULL(i + 1);
		values[i] = nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(i + 1);
	}
	return vx_context_run(space, statement, values, nulls);
}

/*
 * Tables are the user's, who may have changed a column: its type must be what
 * the function returns.
 */
static void
check_type(const ContextSpace *space, TupleDesc have, int column, Oid type)
{
	Oid			found = TupleDescAttr(have, column)->atttypid;

	if (found != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of namespace \"%s\" has type %s, not %s",
						NameStr(TupleDescAttr(have, column)->attname), NameStr(space->name),
						format_type_be(found), format_type_be(type))));
}

/*
 * A column (from 0) of the first row of the last statement, valid after
 * vx_context_close_space().  Triggers and rules of the user's may have left the
 * row out.
 */
Datum
vx_context_take_value(const ContextSpace *space, int column, Oid type, bool *isnull)
{
	TupleDesc	tupdesc;
	Datum		value;
	int16		length;
	bool		by_value;

	if (SPI_tuptable == NULL || SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a trigger or rule on a table of namespace \"%s\" has left out the row",
						NameStr(space->name))));
	tupdesc = SPI_tuptable->tupdesc;
	check_type(space, tupdesc, column, type);
	value = SPI_getbinval(SPI_tuptable->vals[0], tupdesc, column + 1, isnull);
	if (*isnull)
		return (Datum) 0;
	get_typlenbyval(type, &length, &by_value);
	return SPI_datumTransfer(value, by_value, length);
}

/* The function returns the rows of the last statement. */
void
vx_context_return_rows(FunctionCallInfo fcinfo, const ContextSpace *space)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	have = SPI_tuptable->tupdesc;

	InitMaterializedSRF(fcinfo, 0);
	if (rsinfo->setDesc->natts != have->natts)
		elog(ERROR, "function returns %d columns instead of %d",
			 have->natts, rsinfo->setDesc->natts);
	for (int i = 0; i < have->natts; i++)
		check_type(space, have, i, TupleDescAttr(rsinfo->setDesc, i)->atttypid);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
}

/* The first arguments after the namespace, which must not be null. */
void
vx_context_require_args(FunctionCallInfo fcinfo, int count, const char *const *names)
{
	for (int i = 0; i < count; i++)
		if (PG_ARGISNULL(i + 1))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", names[i])));
}

/* max_rows: null for all, or how many at most */
void
vx_context_check_max_rows(FunctionCallInfo fcinfo, int arg)
{
	if (!PG_ARGISNULL(arg) && PG_GETARG_INT32(arg) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must not be negative")));
}
