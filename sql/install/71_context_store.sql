-- The context store: namespaces, nodes, edges, sources

CREATE FUNCTION graph_create(name text, dims int, tenant_column bool DEFAULT false, unlogged_kv bool DEFAULT false)
	RETURNS void
	AS 'MODULE_PATHNAME', 'vecext_graph_create' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE COST 100000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION graph_create(text, int, bool, bool) IS
	'makes a namespace: a schema of that name, owned by the caller, with the tables node, edge, source, event, event_clock, event_mark and kv, the view node_current and an hnsw index over the embeddings (of dims dimensions), labels and properties of current nodes; with tenant_column, keys begin with a tenant, and row-level security shows the rows of the tenant in vecext.tenant; with unlogged_kv, kv is empty after a crash and faster before';

CREATE FUNCTION graph_drop(name text) RETURNS void
	AS 'MODULE_PATHNAME', 'vecext_graph_drop' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE COST 100000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION graph_drop(text) IS
	'drops a namespace with all that graph_create has made; an error if the schema holds anything else';

CREATE FUNCTION content_fingerprint(content text) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vecext_content_fingerprint' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION content_fingerprint(text) IS
	'SHA-256 of the text in lower case with letters and digits only, one blank between words, in UTF-8; null if nothing is left; the same in every locale';

-- Nodes
CREATE FUNCTION node_put(namespace text, id uuid, labels text[] DEFAULT '{}', properties jsonb DEFAULT '{}',
	embedding vector DEFAULT NULL, valid tstzrange DEFAULT NULL, confidence float8 DEFAULT NULL,
	epistemic_type text DEFAULT 'assertion', source text DEFAULT NULL)
	RETURNS bigint
	AS 'MODULE_PATHNAME', 'vecext_node_put' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION node_put(text, uuid, text[], jsonb, vector, tstzrange, float8, text, text) IS
	'adds a version of a node and returns its number; valid is from the beginning of the transaction on unless given, source the external_id of a source, which is made if need be; concurrent writers of a node get different versions';

CREATE FUNCTION node_get(namespace text, node_id uuid,
	OUT id uuid, OUT version bigint, OUT labels text[], OUT properties jsonb, OUT embedding vector,
	OUT valid tstzrange, OUT tx timestamptz, OUT confidence float8, OUT epistemic_type text,
	OUT source_id uuid, OUT retracted_at timestamptz, OUT fingerprint bytea)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_node_get' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED COST 1000 ROWS 1
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION node_get(text, uuid) IS
	'the newest version of a node, if it is valid now; no row otherwise';

CREATE FUNCTION node_as_of(namespace text, node_id uuid, valid_at timestamptz, known_at timestamptz DEFAULT NULL,
	OUT id uuid, OUT version bigint, OUT labels text[], OUT properties jsonb, OUT embedding vector,
	OUT valid tstzrange, OUT tx timestamptz, OUT confidence float8, OUT epistemic_type text,
	OUT source_id uuid, OUT retracted_at timestamptz, OUT fingerprint bytea)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_node_as_of' LANGUAGE C CALLED ON NULL INPUT STABLE PARALLEL RESTRICTED COST 1000 ROWS 1
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION node_as_of(text, uuid, timestamptz, timestamptz) IS
	'what was true of a node at valid_at as far as it was known at known_at (valid_at unless given): the newest version known then that is valid then, and none if a later retraction known then covers the time';

CREATE FUNCTION node_history(namespace text, node_id uuid, max_rows int DEFAULT NULL,
	OUT id uuid, OUT version bigint, OUT labels text[], OUT properties jsonb, OUT embedding vector,
	OUT valid tstzrange, OUT tx timestamptz, OUT confidence float8, OUT epistemic_type text,
	OUT source_id uuid, OUT retracted_at timestamptz, OUT fingerprint bytea)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_node_history' LANGUAGE C CALLED ON NULL INPUT STABLE PARALLEL RESTRICTED COST 1000 ROWS 10
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION node_history(text, uuid, int) IS
	'all versions of a node, oldest first';

CREATE FUNCTION node_diff(namespace text, t1 timestamptz, t2 timestamptz, max_rows int DEFAULT NULL,
	OUT change text, OUT id uuid, OUT old_version bigint, OUT new_version bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_node_diff' LANGUAGE C CALLED ON NULL INPUT STABLE PARALLEL RESTRICTED COST 100000 ROWS 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION node_diff(text, timestamptz, timestamptz, int) IS
	'nodes whose version as of t2 is not that as of t1 (added, modified, removed), by id; reads all nodes';

CREATE FUNCTION node_retract(namespace text, id uuid, reason text DEFAULT NULL, at timestamptz DEFAULT NULL)
	RETURNS bigint
	AS 'MODULE_PATHNAME', 'vecext_node_retract' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION node_retract(text, uuid, text, timestamptz) IS
	'adds a version of a node that ends at a time (now unless given), and an edge from the node to itself of type retracted with the reason; returns the version';

CREATE FUNCTION node_retract_cascade(namespace text, node_id uuid, max_depth int DEFAULT 10, reason text DEFAULT NULL,
	at timestamptz DEFAULT NULL, OUT id uuid, OUT depth int, OUT version bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_node_retract_cascade' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION node_retract_cascade(text, uuid, int, text, timestamptz) IS
	'retracts a node and what is derived from it, along active edges of type derived_from from original to derived, at most max_depth of them; returns the nodes retracted, leaving out those that were before';

-- Edges
CREATE FUNCTION edge_put(namespace text, src uuid, dst uuid, type text, weight float8 DEFAULT 1,
	properties jsonb DEFAULT '{}', valid tstzrange DEFAULT NULL, id uuid DEFAULT NULL, source text DEFAULT NULL)
	RETURNS uuid
	AS 'MODULE_PATHNAME', 'vecext_edge_put' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edge_put(text, uuid, uuid, text, float8, jsonb, tstzrange, uuid, text) IS
	'adds an edge and returns its id; valid is from the beginning of the transaction on unless given, source the external_id of a source, which is made if need be';

CREATE FUNCTION edge_get(namespace text, edge_id uuid,
	OUT id uuid, OUT src uuid, OUT dst uuid, OUT type text, OUT weight float8, OUT properties jsonb,
	OUT valid tstzrange, OUT tx timestamptz, OUT invalidated_at timestamptz, OUT source_id uuid)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_edge_get' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED COST 1000 ROWS 1
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edge_get(text, uuid) IS 'an edge, active or not';

CREATE FUNCTION edge_list(namespace text, node_id uuid DEFAULT NULL, direction text DEFAULT 'both',
	edge_types text[] DEFAULT NULL, as_of timestamptz DEFAULT NULL, max_rows int DEFAULT NULL,
	OUT id uuid, OUT src uuid, OUT dst uuid, OUT type text, OUT weight float8, OUT properties jsonb,
	OUT valid tstzrange, OUT tx timestamptz, OUT invalidated_at timestamptz, OUT source_id uuid)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_edge_list' LANGUAGE C CALLED ON NULL INPUT STABLE PARALLEL RESTRICTED COST 1000 ROWS 10
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edge_list(text, uuid, text, text[], timestamptz, int) IS
	'edges active at as_of (now unless given), of some types or all, in the order they were added: those that leave a node (out), reach it (in), or do either (both), or all edges if the node is null';

CREATE FUNCTION edge_invalidate(namespace text, id uuid, at timestamptz DEFAULT NULL) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'vecext_edge_invalidate' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edge_invalidate(text, uuid, timestamptz) IS
	'makes an edge inactive from a time on (now unless given); returns the time, which is the earlier one if there was one before';

-- Sources
CREATE FUNCTION source_put(namespace text, external_id text, labels text[] DEFAULT NULL, alpha float8 DEFAULT NULL,
	beta float8 DEFAULT NULL, domain_cred jsonb DEFAULT NULL)
	RETURNS uuid
	AS 'MODULE_PATHNAME', 'vecext_source_put' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION source_put(text, text, text[], float8, float8, jsonb) IS
	'adds a source, or changes what is not null of one that exists; returns its id; alpha and beta are 1 in a new source unless given';

CREATE FUNCTION source_get(namespace text, source text,
	OUT id uuid, OUT external_id text, OUT labels text[], OUT alpha float8, OUT beta float8,
	OUT domain_cred jsonb, OUT updated_at timestamptz)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_source_get' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED COST 1000 ROWS 1
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION source_get(text, text) IS 'a source by its external_id';

CREATE FUNCTION source_validate(namespace text, external_id text, weight float8 DEFAULT 1,
	OUT alpha float8, OUT beta float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_source_validate' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000 ROWS 1
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION source_validate(text, text, float8) IS
	'a source was right: adds the weight to its alpha; weights above 10 count as 10, those not above 0 as 1';

CREATE FUNCTION source_refute(namespace text, external_id text, weight float8 DEFAULT 1,
	OUT alpha float8, OUT beta float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_source_refute' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000 ROWS 1
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION source_refute(text, text, float8) IS
	'a source was wrong: adds the weight to its beta; weights above 10 count as 10, those not above 0 as 1';

CREATE FUNCTION source_erase(namespace text, external_id text,
	OUT versions bigint, OUT edges bigint, OUT events bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_source_erase' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION source_erase(text, text) IS
	'removes a source, all versions of nodes and all edges that come from it, all edges of nodes that are left without a version, and what its events say; returns how many; a notice names the maintenance that removes the bytes from the files';

-- Credibility: a Beta distribution (alpha, beta) of being right
CREATE FUNCTION credibility_mean(alpha float8, beta float8, labels text[] DEFAULT NULL) RETURNS float8
	LANGUAGE SQL IMMUTABLE PARALLEL SAFE COST 10
	BEGIN ATOMIC
		SELECT coalesce(
			(SELECT CASE WHEN l.label IN ('moderator', 'admin') THEN 1.0 ELSE 0.05 END
			 FROM unnest(labels) WITH ORDINALITY l(label, number)
			 WHERE l.label IN ('moderator', 'admin', 'flagged', 'troll') ORDER BY l.number LIMIT 1),
			alpha / (alpha + beta));
	END;
COMMENT ON FUNCTION credibility_mean(float8, float8, text[]) IS
	'alpha / (alpha + beta); but 1 with the label moderator or admin, .05 with flagged or troll, whichever comes first';

CREATE FUNCTION credibility_variance(alpha float8, beta float8) RETURNS float8
	LANGUAGE SQL IMMUTABLE PARALLEL SAFE
	BEGIN ATOMIC
		SELECT alpha * beta / ((alpha + beta) * (alpha + beta) * (alpha + beta + 1));
	END;
COMMENT ON FUNCTION credibility_variance(float8, float8) IS
	'variance of a Beta distribution: ab / ((a + b)^2 (a + b + 1))';

CREATE FUNCTION credibility_decayed(alpha float8, beta float8, age_hours float8) RETURNS float8
	LANGUAGE SQL IMMUTABLE PARALLEL SAFE
	BEGIN ATOMIC
		SELECT (1 + (alpha - 1) * d.kept) / (2 + (alpha + beta - 2) * d.kept)
		FROM (SELECT exp(-least(0.001 * greatest(age_hours, 0), 700))) d(kept);
	END;
COMMENT ON FUNCTION credibility_decayed(float8, float8, float8) IS
	'the mean after both parameters have gone back towards 1 by exp(-0.001 per hour) since the source was updated';

CREATE FUNCTION credibility_interval(alpha float8, beta float8, level float8 DEFAULT 0.95, observations float8 DEFAULT NULL,
	OUT low float8, OUT high float8)
	LANGUAGE SQL IMMUTABLE PARALLEL SAFE COST 10
	BEGIN ATOMIC
		SELECT greatest(m.mean - m.width, 0), least(m.mean + m.width, 1)
		FROM (SELECT alpha / (alpha + beta),
				sqrt(alpha * beta / ((alpha + beta) * (alpha + beta) * (alpha + beta + 1))) *
				CASE level WHEN 0.90 THEN 1.645 WHEN 0.95 THEN 1.96 WHEN 0.99 THEN 2.576 END *
				CASE WHEN coalesce(observations, alpha + beta - 2) < 10 THEN 1.5 ELSE 1 END) m(mean, width)
		WHERE m.width IS NOT NULL;
	END;
COMMENT ON FUNCTION credibility_interval(float8, float8, float8, float8) IS
	'credible interval of level .90, .95 or .99 (null for others): mean and 1.645, 1.96 or 2.576 standard deviations, half as much again under 10 observations (alpha + beta - 2 unless given), within 0 and 1';

CREATE FUNCTION credibility_merge(local_alpha float8, local_beta float8, remote_alpha float8, remote_beta float8,
	OUT alpha float8, OUT beta float8)
	LANGUAGE SQL IMMUTABLE PARALLEL SAFE
	BEGIN ATOMIC
		SELECT local_alpha + remote_alpha - 1, local_beta + remote_beta - 1;
	END;
COMMENT ON FUNCTION credibility_merge(float8, float8, float8, float8) IS
	'what two observers know of a source together: parameters added, the prior (1, 1) counted once';
