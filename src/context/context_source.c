/*-------------------------------------------------------------------------
 *
 * context_source.c
 *	  Sources: whom nodes and edges come from, how far they are believed, and
 *	  erasing all that came from one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base_compat.h"
#include "context/context.h"

static const ContextStatement find_id = {
	"SELECT s.id FROM {ns}.source s WHERE s.external_id = $1{tenant s}",
	1, {TEXTOID}, false
};

/*
 * What refers to the source will lock its row so anyway, but after the node: an
 * erasure, which takes the source first, would find them in the other order, or
 * be gone with the source.
 */
static const ContextStatement find_and_lock_id = {
	"SELECT s.id FROM {ns}.source s WHERE s.external_id = $1{tenant s} FOR KEY SHARE",
	1, {TEXTOID}, false
};

static const ContextStatement insert_id = {
	"INSERT INTO {ns}.source (external_id) SELECT $1{tenant_set} "
	"ON CONFLICT ON CONSTRAINT source_external_id_key DO NOTHING RETURNING id",
	1, {TEXTOID}, false
};

static const ContextStatement put_source = {
	"INSERT INTO {ns}.source AS s (external_id, labels, alpha, beta, domain_cred) "
	"SELECT $1, coalesce($2, '{}'), coalesce($3, 1), coalesce($4, 1), coalesce($5, '{}') "
	"{tenant_set} ON CONFLICT ON CONSTRAINT source_external_id_key DO UPDATE "
	"SET labels = coalesce($2, s.labels), alpha = coalesce($3, s.alpha), "
	"beta = coalesce($4, s.beta), domain_cred = coalesce($5, s.domain_cred), updated_at = now() "
	"RETURNING s.id",
	5, {TEXTOID, TEXTARRAYOID, FLOAT8OID, FLOAT8OID, JSONBOID}, false
};

static const ContextStatement get_source = {
	"SELECT s.id, s.external_id, s.labels, s.alpha, s.beta, s.domain_cred, s.updated_at "
	"FROM {ns}.source s WHERE s.external_id = $1{tenant s}",
	1, {TEXTOID}, false
};

/* A weight is in (0, 10]; what is not above 0, or is unknown, counts as 1. */
#define WEIGHT "CASE WHEN $2 > 0 AND $2 < 'Infinity' THEN least($2, 10) " \
	"WHEN $2 = 'Infinity' THEN 10 ELSE 1 END"

static const ContextStatement validate = {
	"UPDATE {ns}.source s SET alpha = s.alpha + " WEIGHT ", updated_at = now() "
	"WHERE s.external_id = $1{tenant s} RETURNING s.alpha, s.beta",
	2, {TEXTOID, FLOAT8OID}, false
};

static const ContextStatement refute = {
	"UPDATE {ns}.source s SET beta = s.beta + " WEIGHT ", updated_at = now() "
	"WHERE s.external_id = $1{tenant s} RETURNING s.alpha, s.beta",
	2, {TEXTOID, FLOAT8OID}, false
};

/* ---- Erasing ---- */

/* Waits for transactions that write for the source. */
static const ContextStatement lock_source = {
	"SELECT s.id FROM {ns}.source s WHERE s.external_id = $1{tenant s} FOR UPDATE",
	1, {TEXTOID}, false
};

static const ContextStatement delete_nodes = {
	"WITH gone AS (DELETE FROM {ns}.node n WHERE n.source_id = $1{tenant n} RETURNING n.id) "
	"SELECT coalesce(array_agg(DISTINCT id), '{}'), count(*) FROM gone",
	1, {UUIDOID}, false
};

/* Of nodes with versions of other sources the newest one is current. */
static const ContextStatement mark_newest = {
	"UPDATE {ns}.node n SET is_current = true "
	"WHERE n.id = ANY ($1) AND NOT n.is_current{tenant n} AND NOT EXISTS ("
	"SELECT FROM {ns}.node m WHERE m.id = n.id AND m.version > n.version{tenant m})",
	1, {UUIDARRAYOID}, false
};

static const ContextStatement delete_edges = {
	"WITH lost AS MATERIALIZED (SELECT unnest($2) EXCEPT "
	"SELECT n.id FROM {ns}.node n WHERE n.id = ANY ($2){tenant n}), "
	"gone AS (DELETE FROM {ns}.edge e WHERE (e.source_id = $1 "
	"OR e.src = ANY (ARRAY(TABLE lost)) OR e.dst = ANY (ARRAY(TABLE lost))){tenant e} RETURNING 1) "
	"SELECT count(*) FROM gone",
	2, {UUIDOID, UUIDARRAYOID}, false
};

/* The row stays, so that consumers of the log need not know. */
static const ContextStatement blank_events = {
	"WITH gone AS (UPDATE {ns}.event e SET payload = NULL, origin = NULL, source_id = NULL "
	"WHERE e.source_id = $1{tenant e} RETURNING 1) SELECT count(*) FROM gone",
	1, {UUIDOID}, false
};

static const ContextStatement delete_source = {
	"DELETE FROM {ns}.source s WHERE s.id = $1{tenant s}",
	1, {UUIDOID}, false
};

static const char *const external_id_name[] = {"external_id"};

static void
fail_unknown(Datum external_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("source \"%s\" does not exist", TextDatumGetCString(external_id))));
}

/* The id of a source, which is made if need be. */
Datum
vx_context_find_source(const ContextSpace *space, Datum external_id, bool create)
{
	Oid			table = get_relname_relid("source", get_namespace_oid(NameStr(space->name), false));
	const ContextStatement *find = &find_id;
	bool		isnull;

	/* locking takes a right that writing for the source does not */
	if (OidIsValid(table) && pg_class_aclcheck(table, GetUserId(), ACL_UPDATE) == ACLCHECK_OK)
		find = &find_and_lock_id;
	for (int attempt = 0; attempt < CONTEXT_MAX_ATTEMPTS; attempt++)
	{
		CHECK_FOR_INTERRUPTS();
		if (vx_context_run(space, find, &external_id, NULL) > 0 ||
			(create && vx_context_run(space, &insert_id, &external_id, NULL) > 0))
			return vx_context_take_value(space, 0, UUIDOID, &isnull);
		if (!create)
			break;
	}
	fail_unknown(external_id);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(vecext_source_put);
Datum
vecext_source_put(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	Datum		result;
	bool		isnull;

	vx_context_require_args(fcinfo, 1, external_id_name);
	vx_context_open_space(fcinfo, &space, false);
	(void) vx_context_run_args(fcinfo, &space, &put_source);
	result = vx_context_take_value(&space, 0, UUIDOID, &isnull);
	vx_context_close_space();
	return result;
}

PG_FUNCTION_INFO_V1(vecext_source_get);
Datum
vecext_source_get(PG_FUNCTION_ARGS)
{
	ContextSpace space;

	vx_context_open_space(fcinfo, &space, true);
	(void) vx_context_run_args(fcinfo, &space, &get_source);
	vx_context_return_rows(fcinfo, &space);
	vx_context_close_space();
	return (Datum) 0;
}

static Datum
judge_source(FunctionCallInfo fcinfo, const ContextStatement *statement)
{
	ContextSpace space;

	vx_context_require_args(fcinfo, 1, external_id_name);
	vx_context_open_space(fcinfo, &space, false);
	if (vx_context_run_args(fcinfo, &space, statement) == 0)
		fail_unknown(PG_GETARG_DATUM(1));
	vx_context_return_rows(fcinfo, &space);
	vx_context_close_space();
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(vecext_source_validate);
Datum
vecext_source_validate(PG_FUNCTION_ARGS)
{
	return judge_source(fcinfo, &validate);
}

PG_FUNCTION_INFO_V1(vecext_source_refute);
Datum
vecext_source_refute(PG_FUNCTION_ARGS)
{
	return judge_source(fcinfo, &refute);
}

PG_FUNCTION_INFO_V1(vecext_source_erase);
Datum
vecext_source_erase(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ContextSpace space;
	Datum		values[2];
	Datum		counts[3];
	bool		nulls[3] = {false};
	bool		isnull;
	const char *schema;

	vx_context_require_args(fcinfo, 1, external_id_name);
	InitMaterializedSRF(fcinfo, 0);
	vx_context_open_space(fcinfo, &space, false);

	values[0] = PG_GETARG_DATUM(1);
	if (vx_context_run(&space, &lock_source, values, NULL) == 0)
		fail_unknown(values[0]);
	values[0] = vx_context_take_value(&space, 0, UUIDOID, &isnull);
	(void) vx_context_run(&space, &delete_nodes, values, NULL);
	values[1] = vx_context_take_value(&space, 0, UUIDARRAYOID, &isnull);
	counts[0] = vx_context_take_value(&space, 1, INT8OID, &isnull);
	(void) vx_context_run(&space, &mark_newest, &values[1], NULL);
	(void) vx_context_run(&space, &delete_edges, values, NULL);
	counts[1] = vx_context_take_value(&space, 0, INT8OID, &isnull);
	(void) vx_context_run(&space, &blank_events, values, NULL);
	counts[2] = vx_context_take_value(&space, 0, INT8OID, &isnull);
	(void) vx_context_run(&space, &delete_source, values, NULL);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, counts, nulls);

	schema = quote_identifier(NameStr(space.name));
	ereport(NOTICE,
			(errmsg("source \"%s\" has been erased, but its bytes are still in the files of namespace \"%s\"",
					text_to_cstring(PG_GETARG_TEXT_PP(1)), NameStr(space.name)),
			 errhint("To remove them, run after the transaction and all older ones have ended: "
					 "VACUUM (FULL, ANALYZE) %s.node, %s.edge, %s.event, %s.source; "
					 "it rewrites the tables and does what REINDEX does for their indexes.",
					 schema, schema, schema, schema)));
	vx_context_close_space();
	return (Datum) 0;
}
