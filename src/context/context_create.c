/*-------------------------------------------------------------------------
 *
 * context_create.c
 *	  graph_create() and graph_drop(): the tables of a namespace.
 *
 * A namespace is an ordinary schema with ordinary tables, owned by whoever
 * calls graph_create().  Nothing registers it anywhere, so a dump of the schema
 * is a dump of the namespace.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base_compat.h"
#include "context/context.h"

/*
 * In these statements {ns} is the namespace, {ext} the schema of vecext,
 * {dims} the number of dimensions, {unlogged} the word or nothing; {tenant,}
 * stands where tables of tenants have the column's definition, {t,} where keys
 * have its name.
 */
static const char *const create_statements[] = {
	"CREATE SCHEMA {ns}",

	"CREATE TABLE {ns}.source ({tenant,}"
	"id uuid NOT NULL DEFAULT gen_random_uuid(), "
	"external_id text NOT NULL, "
	"labels text[] NOT NULL DEFAULT '{}', "
	"alpha float8 NOT NULL DEFAULT 1, "
	"beta float8 NOT NULL DEFAULT 1, "
	"domain_cred jsonb NOT NULL DEFAULT '{}', "
	"updated_at timestamptz NOT NULL DEFAULT now(), "
	"CONSTRAINT source_pkey PRIMARY KEY ({t,}id), "
	"CONSTRAINT source_external_id_key UNIQUE ({t,}external_id), "
	"CONSTRAINT source_alpha_check CHECK (alpha > 0 AND alpha < 'Infinity'), "
	"CONSTRAINT source_beta_check CHECK (beta > 0 AND beta < 'Infinity'))",

	"CREATE TABLE {ns}.node ({tenant,}"
	"id uuid NOT NULL, "
	"version int8 NOT NULL, "
	"labels text[] NOT NULL DEFAULT '{}', "
	"properties jsonb NOT NULL DEFAULT '{}', "
	"embedding {ext}.vector({dims}), "
	"valid tstzrange NOT NULL DEFAULT tstzrange(now(), NULL), "
	"tx timestamptz NOT NULL DEFAULT clock_timestamp(), "
	"confidence float8, "
	"epistemic_type text NOT NULL DEFAULT 'assertion', "
	"source_id uuid, "
	"retracted_at timestamptz, "
	"is_current bool NOT NULL, "
	"fingerprint bytea GENERATED ALWAYS AS ({ext}.content_fingerprint(properties ->> 'text')) STORED, "
	"CONSTRAINT node_pkey PRIMARY KEY ({t,}id, version), "
	"CONSTRAINT node_source_fkey FOREIGN KEY ({t,}source_id) REFERENCES {ns}.source ({t,}id), "
	"CONSTRAINT node_version_check CHECK (version > 0), "
	"CONSTRAINT node_properties_check CHECK (jsonb_typeof(properties) = 'object'), "
	"CONSTRAINT node_valid_check CHECK (CASE WHEN isempty(valid) THEN retracted_at IS NOT NULL "
	"ELSE NOT upper_inc(valid) AND (lower_inf(valid) OR lower_inc(valid)) END), "
	"CONSTRAINT node_confidence_check CHECK (confidence BETWEEN 0 AND 1), "
	"CONSTRAINT node_epistemic_type_check "
	"CHECK (epistemic_type IN ('assertion', 'observation', 'inference')))",

	"CREATE UNIQUE INDEX node_current_key ON {ns}.node ({t,}id) WHERE is_current",
	"CREATE INDEX node_embedding ON {ns}.node USING hnsw "
	"(embedding {ext}.vector_cosine_ops, {t,}labels, properties) WHERE is_current",
	"CREATE INDEX node_fingerprint ON {ns}.node ({t,}fingerprint) WHERE is_current",
	"CREATE INDEX node_source ON {ns}.node ({t,}source_id) WHERE source_id IS NOT NULL",

	"CREATE VIEW {ns}.node_current WITH (security_invoker = true) AS "
	"SELECT {t,}id, version, labels, properties, embedding, valid, tx, confidence, epistemic_type, "
	"source_id, retracted_at, fingerprint "
	"FROM {ns}.node WHERE is_current AND valid @> clock_timestamp()",

	"CREATE TABLE {ns}.edge ({tenant,}"
	"id uuid NOT NULL DEFAULT gen_random_uuid(), "
	"src uuid NOT NULL, "
	"dst uuid NOT NULL, "
	"type text NOT NULL, "
	"weight float8 NOT NULL DEFAULT 1, "
	"properties jsonb NOT NULL DEFAULT '{}', "
	"valid tstzrange NOT NULL DEFAULT tstzrange(now(), NULL), "
	"tx timestamptz NOT NULL DEFAULT clock_timestamp(), "
	"invalidated_at timestamptz, "
	"source_id uuid, "
	"CONSTRAINT edge_pkey PRIMARY KEY ({t,}id), "
	"CONSTRAINT edge_source_fkey FOREIGN KEY ({t,}source_id) REFERENCES {ns}.source ({t,}id), "
	"CONSTRAINT edge_weight_check CHECK (weight >= 0 AND weight < 'Infinity'), "
	"CONSTRAINT edge_properties_check CHECK (jsonb_typeof(properties) = 'object'), "
	"CONSTRAINT edge_valid_check CHECK (NOT isempty(valid) AND NOT upper_inc(valid) "
	"AND (lower_inf(valid) OR lower_inc(valid))))",

	/* all that a walk looks at, so that it need not look up rows */
	"CREATE INDEX edge_src ON {ns}.edge ({t,}src, type) INCLUDE (dst, weight, valid, invalidated_at, id)",
	"CREATE INDEX edge_dst ON {ns}.edge ({t,}dst, type) INCLUDE (src, weight, valid, invalidated_at, id)",
	"CREATE INDEX edge_source ON {ns}.edge ({t,}source_id) WHERE source_id IS NOT NULL",

	"CREATE TABLE {ns}.event ({tenant,}"
	"era int4 NOT NULL, "
	"next_xid xid8 NOT NULL, "
	"id int8 GENERATED ALWAYS AS IDENTITY, "
	"type text NOT NULL, "
	"payload jsonb, "
	"tx timestamptz NOT NULL DEFAULT clock_timestamp(), "
	"origin text, "
	"source_id uuid, "
	"CONSTRAINT event_pkey PRIMARY KEY ({t,}era, next_xid, id), "
	"CONSTRAINT event_source_fkey FOREIGN KEY ({t,}source_id) REFERENCES {ns}.source ({t,}id))",
	"CREATE INDEX event_source ON {ns}.event ({t,}source_id) WHERE source_id IS NOT NULL",

	/* it has no key, and is updated where the namespace may be published */
	"CREATE TABLE {ns}.event_clock (era int4 NOT NULL, cluster int8 NOT NULL)",
	"ALTER TABLE {ns}.event_clock REPLICA IDENTITY FULL",

	"CREATE TABLE {ns}.event_mark ({tenant,}"
	"consumer text NOT NULL, "
	"cursor text NOT NULL, "
	"updated_at timestamptz NOT NULL DEFAULT now(), "
	"CONSTRAINT event_mark_pkey PRIMARY KEY ({t,}consumer))",

	"CREATE {unlogged}TABLE {ns}.kv ({tenant,}"
	"key text NOT NULL, "
	"value jsonb, "
	"bytes bytea, "
	"expires_at timestamptz, "
	"CONSTRAINT kv_pkey PRIMARY KEY ({t,}key), "
	"CONSTRAINT kv_value_check CHECK (num_nonnulls(value, bytes) = 1))",
	"CREATE INDEX kv_expires ON {ns}.kv (expires_at) WHERE expires_at IS NOT NULL",

	"COMMENT ON SCHEMA {ns} IS 'namespace of a context store, made by graph_create'",
	"COMMENT ON TABLE {ns}.node IS 'versions of nodes; rows are added by node_put and node_retract'",
	"COMMENT ON VIEW {ns}.node_current IS 'the newest version of each node, if it is valid now'",
	"COMMENT ON TABLE {ns}.edge IS 'typed, weighted edges between nodes, valid for a time'",
	"COMMENT ON TABLE {ns}.source IS 'whom nodes, edges and events come from, and how far they are believed'",
	"COMMENT ON TABLE {ns}.event IS 'event log, read by event_since'",
	"COMMENT ON TABLE {ns}.event_clock IS 'the cluster whose transaction numbers events of this era carry'",
	"COMMENT ON TABLE {ns}.event_mark IS 'how far consumers have read the event log'",
	"COMMENT ON TABLE {ns}.kv IS 'keys and values with a time to live'",
};

static const char *const tenant_statements[] = {
	"ALTER TABLE {ns}.%s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
	"CREATE POLICY tenant ON {ns}.%s "
	"USING (tenant = nullif(current_setting('vecext.tenant', true), ''))",
};

static const char *const tenant_tables[] = {"source", "node", "edge", "event", "event_mark", "kv"};

static const char *const drop_statements[] = {
	"DROP VIEW {ns}.node_current",
	"DROP TABLE {ns}.kv, {ns}.event, {ns}.event_clock, {ns}.event_mark, {ns}.edge, {ns}.node, "
	"{ns}.source",
	"DROP SCHEMA {ns}",
};

typedef struct DdlWord
{
	const char *word;
	const char *text;
} DdlWord;

/* Runs a statement with words in braces replaced; {} stays. */
static void
run_ddl(const char *sql, const DdlWord *words)
{
	StringInfoData out;
	int			result;

	initStringInfo(&out);
	for (const char *at = sql; *at;)
	{
		const DdlWord *word = words;

		if (*at == '{')
			while (word->word != NULL && strncmp(at, word->word, strlen(word->word)) != 0)
				word++;
		if (*at != '{' || word->word == NULL)
			appendStringInfoChar(&out, *at++);
		else
		{
			appendStringInfoString(&out, word->text);
			at += strlen(word->word);
		}
	}
	result = SPI_execute(out.data, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	pfree(out.data);
}

PG_FUNCTION_INFO_V1(vecext_graph_create);
Datum
vecext_graph_create(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		tenant_column = PG_GETARG_BOOL(2);
	char	   *extension = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));
	Oid			clock_types[] = {INT8OID};
	Datum		cluster = Int64GetDatum((int64) GetSystemIdentifier());
	DdlWord		words[] = {
		{"{ns}", quote_identifier(name)},
		{"{ext}", quote_identifier(extension)},
		{"{dims}", psprintf("%d", PG_GETARG_INT32(1))},
		{"{unlogged}", PG_GETARG_BOOL(3) ? "UNLOGGED " : ""},
		{"{tenant,}", tenant_column ?
		"tenant text NOT NULL DEFAULT nullif(current_setting('vecext.tenant', true), ''), " : ""},
		{"{t,}", tenant_column ? "tenant, " : ""},
		{NULL, NULL}
	};

	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("name of namespace is too long"),
				 errdetail("Names have at most %d bytes.", NAMEDATALEN - 1)));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	for (int i = 0; i < lengthof(create_statements); i++)
		run_ddl(create_statements[i], words);
	for (int i = 0; tenant_column && i < lengthof(tenant_tables); i++)
		for (int j = 0; j < lengthof(tenant_statements); j++)
			run_ddl(psprintf(tenant_statements[j], tenant_tables[i]), words);
	(void) SPI_execute_with_args(psprintf("INSERT INTO %s.event_clock VALUES (1, $1)",
										  quote_identifier(name)),
								 1, clock_types, &cluster, NULL, false, 0);
	SPI_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(vecext_graph_drop);
Datum
vecext_graph_drop(PG_FUNCTION_ARGS)
{
	ContextSpace space;
	DdlWord		words[2] = {{NULL, NULL}};

	vx_context_open_space(fcinfo, &space, false);
	words[0].word = "{ns}";
	words[0].text = quote_identifier(NameStr(space.name));
	for (int i = 0; i < lengthof(drop_statements); i++)
		run_ddl(drop_statements[i], words);
	vx_context_close_space();
	PG_RETURN_VOID();
}
