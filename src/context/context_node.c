/*-------------------------------------------------------------------------
 *
 * context_node.c
 *	  Nodes: versions, time travel, retraction.
 *
 * The row of a node's newest version has is_current set.  Adding a version
 * takes the mark off the one before, which makes writers of one node wait for
 * each other; whoever has waited finds no marked row in his snapshot and tries
 * again with a new one.  The unique index on marked rows guards against two
 * newest versions.
 *
 * A version says what was true during its time "valid".  A retraction is a
 * version, too, with retracted_at set: it ends the time of all versions before
 * it, so that looking for the newest version that is valid at a time must not
 * look past a retraction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "base/base_compat.h"
#include "context/context.h"

/* What functions return of a node, in the order of their declarations */
#define NODE_COLUMNS \
	"n.id, n.version, n.labels, n.properties, n.embedding, n.valid, n.tx, n.confidence, " \
	"n.epistemic_type, n.source_id, n.retracted_at, n.fingerprint"

#define UNMARK_OLD \
	"WITH old AS (UPDATE {ns}.node n SET is_current = false " \
	"WHERE n.id = $1 AND n.is_current{tenant n} RETURNING n.*) "

/*
 * max(version) is for rows whose marks somebody has changed by hand.  tx never
 * goes back from version to version, even if the clock does.
 */
static const ContextStatement add_version = {
	UNMARK_OLD
	"INSERT INTO {ns}.node (id, version, labels, properties, embedding, valid, tx, confidence, "
	"epistemic_type, source_id, is_current) "
	"SELECT $1, coalesce((SELECT version FROM old), "
	"(SELECT max(m.version) FROM {ns}.node m WHERE m.id = $1{tenant m}), 0) + 1, "
	"coalesce($2, '{}'), coalesce($3, '{}'), $4, "
	"coalesce($5, tstzrange(now(), NULL)), "
	"greatest(clock_timestamp(), (SELECT tx FROM old)), $6, coalesce($7, 'assertion'), $8, true "
	"ON CONFLICT DO NOTHING RETURNING version",
	8, {UUIDOID, TEXTARRAYOID, JSONBOID, InvalidOid, TSTZRANGEOID, FLOAT8OID, TEXTOID, UUIDOID}, false
};

static const ContextStatement add_retraction = {
	UNMARK_OLD
	"INSERT INTO {ns}.node (id, version, labels, properties, embedding, valid, tx, confidence, "
	"epistemic_type, source_id, retracted_at, is_current) "
	"SELECT id, version + 1, labels, properties, embedding, valid * tstzrange(NULL, $2), "
	"greatest(clock_timestamp(), tx), confidence, epistemic_type, source_id, $2, true "
	"FROM old ON CONFLICT DO NOTHING RETURNING version, source_id",
	2, {UUIDOID, TIMESTAMPTZOID}, false
};

static const ContextStatement add_retracted_edge = {
	"INSERT INTO {ns}.edge (src, dst, type, properties, valid, tx, source_id) "
	"VALUES ($1, $1, 'retracted', jsonb_strip_nulls(jsonb_build_object('reason', $2)), "
	"tstzrange($3, NULL), clock_timestamp(), $4)",
	4, {UUIDOID, TEXTOID, TIMESTAMPTZOID, UUIDOID}, false
};

static const ContextStatement find_newest = {
	"SELECT n.retracted_at FROM {ns}.node n WHERE n.id = $1{tenant n} "
	"ORDER BY n.version DESC LIMIT 1",
	1, {UUIDOID}, false
};

static const ContextStatement get_node = {
	"SELECT " NODE_COLUMNS " FROM {ns}.node n "
	"WHERE n.id = $1 AND n.is_current{tenant n} AND n.valid @> clock_timestamp()",
	1, {UUIDOID}, false
};

static const ContextStatement get_node_as_of = {
	"SELECT " NODE_COLUMNS " FROM (SELECT n.* FROM {ns}.node n WHERE n.id = $1{tenant n} "
	"AND n.tx <= coalesce($3, $2) AND (n.valid @> $2 OR n.retracted_at <= $2) "
	"ORDER BY n.version DESC LIMIT 1) n WHERE n.valid @> $2",
	3, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, false
};

static const ContextStatement get_history = {
	"SELECT " NODE_COLUMNS " FROM {ns}.node n WHERE n.id = $1{tenant n} "
	"ORDER BY n.version LIMIT $2",
	2, {UUIDOID, INT4OID}, false
};

/* What node_as_of would return at a time, for all nodes */
#define STATE_AT(time) \
	"(SELECT id, version FROM (SELECT DISTINCT ON (n.id) n.id, n.version, n.valid " \
	"FROM {ns}.node n WHERE n.tx <= " time " AND (n.valid @> " time " OR n.retracted_at <= " time ")" \
	"{tenant n} ORDER BY n.id, n.version DESC) s WHERE valid @> " time ")"

static const ContextStatement compare_states = {
	"SELECT CASE WHEN o.id IS NULL THEN 'added' WHEN w.id IS NULL THEN 'removed' "
	"ELSE 'modified' END, coalesce(o.id, w.id), o.version, w.version "
	"FROM " STATE_AT("$1") " o FULL JOIN " STATE_AT("$2") " w ON o.id = w.id "
	"WHERE o.version IS DISTINCT FROM w.version ORDER BY 2 LIMIT $3",
	3, {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID}, true
};

/*
 * One step from nodes ($1) to those derived from them that have not been
 * reached before ($2): these, and all reached so far.
 */
static const ContextStatement find_derived = {
	"SELECT array_agg(s.src ORDER BY s.src), $2 || array_agg(s.src) FROM ("
	"SELECT e.src FROM {ns}.edge e WHERE e.dst = ANY ($1) AND e.type = 'derived_from'{tenant e} "
	"AND e.valid @> clock_timestamp() "
	"AND (e.invalidated_at IS NULL OR e.invalidated_at > clock_timestamp()) "
	"EXCEPT SELECT unnest($2)) s HAVING count(*) > 0",
	2, {UUIDARRAYOID, UUIDARRAYOID}, false
};

static const char *const id_name[] = {"id"};

static void
fail_attempts(Datum id)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not add a version to node %s",
					DatumGetCString(DirectFunctionCall1(uuid_out, id))),
			 errdetail("Other transactions have added versions meanwhile, or its newest version is not marked as current.")));
}

PG_FUNCTION_INFO_V1(vecext_node_put);
Datum
vecext_node_put(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	Datum		values[8];
	bool		nulls[8];
	Datum		result;
	bool		isnull;

	vx_context_require_args(fcinfo, 1, id_name);
	vx_context_open_space(fcinfo, &space, false);
	space.vector_type = get_fn_expr_argtype(fcinfo->flinfo, 4);
	for (int i = 0; i < 8; i++)
	{
		nulls[i] = PG_ARGISNULL(i + 1);
		values[i] = nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(i + 1);
	}
	if (!nulls[7])
		values[7] = vx_context_find_source(&space, values[7], true);

	for (int attempt = 0; vx_context_run(&space, &add_version, values, nulls) == 0; attempt++)
	{
		CHECK_FOR_INTERRUPTS();
		if (attempt >= CONTEXT_MAX_ATTEMPTS)
			fail_attempts(values[0]);
	}
	result = vx_context_take_value(&space, 0, INT8OID, &isnull);
	vx_context_close_space();
	return result;
}

/* A function that returns rows of nodes for its arguments. */
static Datum
return_nodes(FunctionCallInfo fcinfo, const ContextStatement *statement)
{
	ContextSpace space;

	vx_context_open_space(fcinfo, &space, true);
	(void) vx_context_run_args(fcinfo, &space, statement);
	vx_context_return_rows(fcinfo, &space);
	vx_context_close_space();
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(vecext_node_get);
Datum
vecext_node_get(PG_FUNCTION_ARGS)
{
	return return_nodes(fcinfo, &get_node);
}

PG_FUNCTION_INFO_V1(vecext_node_as_of);
Datum
vecext_node_as_of(PG_FUNCTION_ARGS)
{
	return return_nodes(fcinfo, &get_node_as_of);
}

PG_FUNCTION_INFO_V1(vecext_node_history);
Datum
vecext_node_history(PG_FUNCTION_ARGS)
{
	vx_context_check_max_rows(fcinfo, 2);
	return return_nodes(fcinfo, &get_history);
}

PG_FUNCTION_INFO_V1(vecext_node_diff);
Datum
vecext_node_diff(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"t1", "t2"};

	vx_context_require_args(fcinfo, 2, names);
	vx_context_check_max_rows(fcinfo, 3);
	return return_nodes(fcinfo, &compare_states);
}

/* The newest version of a node: false if there is none. */
static bool
find_newest_version(const ContextSpace *space, Datum id, TimestampTz *retracted_at, bool *retracted)
{
	bool		isnull;

	if (vx_context_run(space, &find_newest, &id, NULL) == 0)
		return false;
	*retracted_at = DatumGetTimestampTz(vx_context_take_value(space, 0, TIMESTAMPTZOID, &isnull));
	*retracted = !isnull;
	return true;
}

/*
 * Appends a version that ends at a time, and sets its number.  In a cascade, a
 * node that another transaction has retracted or erased while this one waited is
 * left out: false.
 */
static bool
retract_node(const ContextSpace *space, Datum id, Datum reason, bool reason_null, TimestampTz at,
			 bool in_cascade, Datum *version)
{
	Datum		values[4];
	bool		nulls[4] = {false};
	bool		isnull;

	values[0] = id;
	values[1] = TimestampTzGetDatum(at);
	for (int attempt = 0; vx_context_run(space, &add_retraction, values, nulls) == 0; attempt++)
	{
		TimestampTz retracted_at;
		bool		retracted;

		if (!find_newest_version(space, id, &retracted_at, &retracted))
		{
			if (in_cascade)
				return false;
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA_FOUND),
					 errmsg("node %s does not exist",
							DatumGetCString(DirectFunctionCall1(uuid_out, id)))));
		}
		if (in_cascade && retracted && retracted_at <= at)
			return false;
		CHECK_FOR_INTERRUPTS();
		if (attempt >= CONTEXT_MAX_ATTEMPTS)
			fail_attempts(id);
	}
	*version = vx_context_take_value(space, 0, INT8OID, &isnull);
	values[3] = vx_context_take_value(space, 1, UUIDOID, &nulls[3]);
	values[1] = reason;
	nulls[1] = reason_null;
	values[2] = TimestampTzGetDatum(at);
	(void) vx_context_run(space, &add_retracted_edge, values, nulls);
	return true;
}

PG_FUNCTION_INFO_V1(vecext_node_retract);
Datum
vecext_node_retract(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	TimestampTz at = PG_ARGISNULL(3) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(3);
	Datum		version;

	vx_context_require_args(fcinfo, 1, id_name);
	vx_context_open_space(fcinfo, &space, false);
	(void) retract_node(&space, PG_GETARG_DATUM(1), PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2),
						PG_ARGISNULL(2), at, false, &version);
	vx_context_close_space();
	return version;
}

/*
 * Breadth first against the direction of derived_from edges: whoever is
 * derived from a retracted node is retracted.  A node that was retracted
 * before is passed through.
 */
PG_FUNCTION_INFO_V1(vecext_node_retract_cascade);
Datum
vecext_node_retract_cascade(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"id", "max_depth"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ContextSpace space;
	Datum		reason = PG_ARGISNULL(3) ? (Datum) 0 : PG_GETARG_DATUM(3);
	TimestampTz at = PG_ARGISNULL(4) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(4);
	Datum		sets[2];		/* of the last step, and reached so far */
	int			max_depth;

	vx_context_require_args(fcinfo, 2, names);
	max_depth = PG_GETARG_INT32(2);
	if (max_depth < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_depth must not be negative")));
	InitMaterializedSRF(fcinfo, 0);
	vx_context_open_space(fcinfo, &space, false);

	sets[0] = PG_GETARG_DATUM(1);
	sets[0] = PointerGetDatum(construct_array(&sets[0], 1, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	sets[1] = sets[0];
	for (int depth = 0;; depth++)
	{
		Datum	   *ids;
		int			count;
		bool		isnull;

		deconstruct_array(DatumGetArrayTypeP(sets[0]), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR,
						  &ids, NULL, &count);
		for (int i = 0; i < count; i++)
		{
			TimestampTz retracted_at;
			bool		retracted;
			bool		known;
			Datum		row[3];
			bool		row_nulls[3] = {false};

			known = find_newest_version(&space, ids[i], &retracted_at, &retracted);
			/* edges may lead from where there is no node */
			if (known ? retracted && retracted_at <= at : depth > 0)
				continue;
			row[0] = ids[i];
			row[1] = Int32GetDatum(depth);
			if (!retract_node(&space, ids[i], reason, PG_ARGISNULL(3), at, known, &row[2]))
				continue;
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row, row_nulls);
		}
		pfree(ids);
		if (depth >= max_depth || vx_context_run(&space, &find_derived, sets, NULL) == 0)
			break;
		/* long chains would pile up what has been reached */
		if (sets[1] != sets[0])
			pfree(DatumGetPointer(sets[1]));
		pfree(DatumGetPointer(sets[0]));
		sets[0] = vx_context_take_value(&space, 0, UUIDARRAYOID, &isnull);
		sets[1] = vx_context_take_value(&space, 1, UUIDARRAYOID, &isnull);
	}
	vx_context_close_space();
	return (Datum) 0;
}
