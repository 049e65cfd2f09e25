-- The context store: namespaces, nodes, edges
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\set VERBOSITY terse
SET timezone = 'UTC';

SELECT graph_create('ctx', 3);
\set a '\'00000000-0000-0000-0000-00000000000a\''
\set b '\'00000000-0000-0000-0000-00000000000b\''
\set c '\'00000000-0000-0000-0000-00000000000c\''

-- What there is
SELECT relname, relkind, relpersistence, relrowsecurity FROM pg_class
WHERE relnamespace = 'ctx'::regnamespace AND relkind <> 'S' ORDER BY relkind DESC, relname;

-- Two puts of one node are two versions
SELECT node_put('ctx', :a, '{person}', '{"text": "Ann likes Go"}', '[1,2,3]', confidence => 0.8, source => 'bob');
SELECT pg_sleep(0.002), clock_timestamp() AS t1 \gset
SELECT node_put('ctx', :a, '{person}', '{"text": "Ann likes Rust"}', '[3,2,1]', epistemic_type => 'inference');
SELECT version FROM node_history('ctx', :a);
SELECT version FROM node_history('ctx', :a, 1);
SELECT version, labels, properties, embedding, upper(valid), confidence, epistemic_type, source_id, retracted_at
FROM node_get('ctx', :a);
SELECT version, labels, properties, embedding, is_current, confidence, epistemic_type, source_id IS NOT NULL AS has_source,
	fingerprint = content_fingerprint(properties ->> 'text') AS printed
FROM ctx.node ORDER BY version;
SELECT version, properties FROM ctx.node_current;

-- Time travel
SELECT version FROM node_as_of('ctx', :a, '2001-01-01');
SELECT version FROM node_as_of('ctx', :a, :'t1');
SELECT version FROM node_as_of('ctx', :a, clock_timestamp());
SELECT version FROM node_as_of('ctx', :a, clock_timestamp(), :'t1');
SELECT version FROM node_as_of('ctx', :a, NULL);
SELECT change, id, old_version, new_version FROM node_diff('ctx', :'t1', clock_timestamp());
SELECT change, id, old_version, new_version FROM node_diff('ctx', '2001-01-01', :'t1');
SELECT change, id, old_version, new_version FROM node_diff('ctx', clock_timestamp(), :'t1');
SELECT count(*) FROM node_diff('ctx', :'t1', :'t1');

-- Versions for different times: each answers for its own
SELECT node_put('ctx', :b, valid => '[2010-01-01, 2020-01-01)', properties => '{"role": "student"}');
SELECT node_put('ctx', :b, valid => '[2020-01-01,)', properties => '{"role": "teacher"}');
SELECT y, (SELECT properties ->> 'role' FROM node_as_of('ctx', :b, y, 'infinity'))
FROM unnest('{2009-12-31, 2010-01-01, 2019-12-31, 2020-01-01, 2030-01-01}'::timestamptz[]) y;
-- A retraction ends all of them
SELECT node_retract('ctx', :b, 'it was somebody else', '2015-01-01');
SELECT y, (SELECT properties ->> 'role' FROM node_as_of('ctx', :b, y, 'infinity'))
FROM unnest('{2009-12-31, 2010-01-01, 2014-12-31, 2015-01-01, 2030-01-01}'::timestamptz[]) y;
SELECT version, valid, retracted_at FROM node_history('ctx', :b);
SELECT count(*) FROM ctx.node_current WHERE id = :b;
SELECT src = dst AS loop, type, properties, valid FROM edge_list('ctx', :b);
-- and can be overruled
SELECT node_put('ctx', :b, valid => '[2025-01-01,)', properties => '{"role": "pensioner"}');
SELECT y, (SELECT properties ->> 'role' FROM node_as_of('ctx', :b, y, 'infinity'))
FROM unnest('{2014-12-31, 2015-01-01, 2025-01-01}'::timestamptz[]) y;

-- Edges
SELECT edge_put('ctx', :a, :b, 'relates_to') AS edge1 \gset
SELECT edge_put('ctx', :b, :c, 'contradicts', 0.5, '{"why": "x"}', '[2020-01-01,)') AS edge2 \gset
SELECT type FROM edge_list('ctx', edge_types => '{contradicts}');
SELECT type, weight, properties, valid FROM edge_get('ctx', :'edge2');
SELECT type FROM edge_list('ctx', :b, 'out', '{relates_to,contradicts}');
SELECT type FROM edge_list('ctx', :b, 'in', '{relates_to,contradicts}');
SELECT type FROM edge_list('ctx', :b, 'both', '{relates_to,contradicts}');
SELECT type FROM edge_list('ctx', :b, edge_types => '{relates_to,contradicts}', max_rows => 1);
SELECT type FROM edge_list('ctx', :b, as_of => '2020-06-01', edge_types => '{relates_to,contradicts}');
-- An edge that is no longer believed is there for earlier times
SELECT clock_timestamp() AS t2 \gset
SELECT edge_invalidate('ctx', :'edge1') IS NOT NULL AS invalidated;
SELECT count(*) FROM edge_list('ctx', :a);
SELECT count(*) FROM edge_list('ctx', :a, as_of => :'t2');
SELECT edge_invalidate('ctx', :'edge1', '2019-01-01');
SELECT edge_invalidate('ctx', :'edge1', '2020-01-01');
SELECT count(*) FROM edge_list('ctx', :a, as_of => :'t2');

-- What was derived from a retracted node is retracted: a from b from c, and back
SELECT graph_create('casc', 1);
SELECT node_put('casc', id) FROM unnest(ARRAY[:a, :b, :c]::uuid[]) id;
SELECT count(edge_put('casc', src, dst, 'derived_from'))
FROM (VALUES (:a::uuid, :b::uuid), (:b, :c), (:c, :a)) e(src, dst);
BEGIN;
SELECT * FROM node_retract_cascade('casc', :c, 1);
ROLLBACK;
BEGIN;
SELECT * FROM node_retract_cascade('casc', :c, 0, 'alone');
SELECT * FROM node_retract_cascade('casc', :c);
SELECT * FROM node_retract_cascade('casc', :c);
ROLLBACK;
SELECT * FROM node_retract_cascade('casc', :c, reason => 'forged');
SELECT count(*) FROM casc.node_current;
SELECT src, dst, type, properties FROM edge_list('casc', edge_types => '{retracted}') ORDER BY 1;
-- along edges that are active, from nodes or from elsewhere
SELECT node_put('casc', id) FROM unnest(ARRAY[:a, :b, :c]::uuid[]) id;
SELECT count(edge_invalidate('casc', id)) FROM edge_list('casc', :a, 'out', '{derived_from}');
SELECT count(edge_put('casc', gen_random_uuid(), :c, 'derived_from'));
SELECT * FROM node_retract_cascade('casc', :c);

-- All in one transaction
BEGIN;
SELECT node_put('ctx', :c, '{}', '{"text": "now"}');
SELECT properties FROM ctx.node_current WHERE id = :c;
SELECT node_put('ctx', :c, '{}', '{"text": "and now"}');
SELECT properties FROM ctx.node_current WHERE id = :c;
SELECT node_retract('ctx', :c);
SELECT count(*) FROM ctx.node_current WHERE id = :c;
SELECT count(DISTINCT tx) FROM ctx.node WHERE id = :c;
ROLLBACK;
DO $$
BEGIN
	PERFORM node_put('ctx', '00000000-0000-0000-0000-00000000000d');
	PERFORM pg_sleep(0.001);
	IF NOT EXISTS (SELECT FROM node_get('ctx', '00000000-0000-0000-0000-00000000000d')) THEN
		RAISE 'not there';
	END IF;
	PERFORM node_retract('ctx', '00000000-0000-0000-0000-00000000000d');
	IF EXISTS (SELECT FROM node_get('ctx', '00000000-0000-0000-0000-00000000000d')) THEN
		RAISE 'still there';
	END IF;
END
$$;

-- The index finds current versions
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM ctx.node_current ORDER BY embedding <=> '[1,1,1]' LIMIT 1;
SELECT version, embedding FROM ctx.node_current ORDER BY embedding <=> '[1,2,3]' LIMIT 1;
EXPLAIN (COSTS OFF) SELECT id FROM ctx.node_current
WHERE labels @> '{person}' AND properties @> '{"text": "Ann likes Rust"}' ORDER BY embedding <=> '[1,1,1]' LIMIT 1;
SELECT version FROM ctx.node_current
WHERE labels @> '{person}' AND properties @> '{"text": "Ann likes Rust"}' ORDER BY embedding <=> '[1,1,1]' LIMIT 1;
ROLLBACK;

-- Nothing gets out of a name, a key or a text
SELECT graph_create('x"; DROP SCHEMA ctx CASCADE; --', 2);
\set x '\'x"; DROP SCHEMA ctx CASCADE; --\''
SELECT node_put(:x, :a, ARRAY['''; DROP SCHEMA ctx CASCADE; --'], '{"text": "\"''; DROP SCHEMA ctx"}', source => '''; --');
SELECT labels, properties FROM node_get(:x, :a);
SELECT count(edge_put(:x, :a, :b, '''; DROP SCHEMA ctx CASCADE; --'));
SELECT type FROM edge_list(:x, edge_types => ARRAY['''; DROP SCHEMA ctx CASCADE; --']);
SELECT external_id, alpha FROM source_get(:x, '''; --');
SELECT kv_set(:x, '''; DROP', '"\"''; DROP"'), kv_get(:x, '''; DROP');
SELECT versions FROM source_erase(:x, '''; --');
SELECT graph_drop(:x);
SELECT kv_get('ctx.kv WHERE true; --', 'a');
SELECT kv_get('"ctx"', 'a');
SELECT graph_create('{ns}', 2), node_put('{ns}', :a), graph_drop('{ns}');

-- The caller's search_path means nothing
CREATE SCHEMA trap;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
CREATE FUNCTION trap.eq(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.eq);
BEGIN;
SELECT kv_set('ctx', 'right', '1'), kv_set('ctx', 'wrong', '2');
SELECT extnamespace::regnamespace AS home FROM pg_extension WHERE extname = 'vecext' \gset
SELECT set_config('search_path', 'trap, pg_catalog, ' || :'home', true) IS NOT NULL AS set;
SELECT kv_get('ctx', 'right'), kv_incr('ctx', 'wrong'), kv_del('ctx', 'wrong');
SELECT version FROM node_get('ctx', :a);
ROLLBACK;
DROP SCHEMA trap CASCADE;

-- Errors
SELECT node_put(NULL, :a);
SELECT node_put('nowhere', :a);
SELECT node_put('pg_catalog', :a);
SELECT node_put(repeat('x', 64), :a);
SELECT graph_create(repeat('x', 64), 1);
SELECT graph_create('ctx', 1);
SELECT graph_create('pg_ctx', 1);
SELECT graph_create('many', 0);
\set VERBOSITY sqlstate
SELECT graph_create('many', 9000);
\set VERBOSITY terse
SELECT graph_create('many', 20000);
SELECT graph_drop('public');
SELECT node_put('ctx', NULL);
SELECT node_put('ctx', :a, embedding => '[1,2]');
SELECT node_put('ctx', :a, confidence => 1.5);
SELECT node_put('ctx', :a, confidence => 'NaN');
SELECT node_put('ctx', :a, epistemic_type => 'rumour');
SELECT node_put('ctx', :a, valid => '(2020-01-01, 2021-01-01]');
SELECT node_put('ctx', :a, valid => 'empty');
SELECT node_put('ctx', :a, properties => '[]');
SELECT node_retract('ctx', '00000000-0000-0000-0000-0000000000ff');
SELECT node_retract_cascade('ctx', '00000000-0000-0000-0000-0000000000ff');
SELECT node_retract_cascade('ctx', :a, -1);
SELECT node_history('ctx', :a, -1);
SELECT node_diff('ctx', NULL, now());
SELECT edge_put('ctx', :a, NULL, 'x');
SELECT edge_put('ctx', :a, :b, 'x', -1);
SELECT edge_put('ctx', :a, :b, 'x', 'NaN');
SELECT edge_put('ctx', :a, :b, 'x', id => :'edge2');
SELECT edge_list('ctx', :a, 'up');
SELECT edge_invalidate('ctx', :a);
-- tables are the user's, who may break them
BEGIN;
ALTER TABLE ctx.edge ALTER type TYPE varchar;
SELECT edge_get('ctx', :'edge2');
ROLLBACK;
BEGIN;
UPDATE ctx.node SET is_current = false WHERE id = :a;
SELECT node_put('ctx', :a);
ROLLBACK;
BEGIN;
UPDATE ctx.node SET is_current = false WHERE id = :a;
SELECT node_retract('ctx', :a);
ROLLBACK;
BEGIN;
CREATE TABLE ctx.mine ();
SELECT graph_drop('ctx');
ROLLBACK;
-- or may have triggers and rules that leave rows out
CREATE FUNCTION ctx.leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
BEGIN;
CREATE TRIGGER leave_out BEFORE INSERT ON ctx.edge FOR EACH ROW EXECUTE FUNCTION ctx.leave_out();
SELECT edge_put('ctx', :a, :b, 'x');
ROLLBACK;
BEGIN;
CREATE RULE leave_out AS ON INSERT TO ctx.edge DO INSTEAD DELETE FROM ctx.edge RETURNING *;
SELECT edge_put('ctx', :a, :b, 'x');
ROLLBACK;
BEGIN;
CREATE TRIGGER leave_out BEFORE UPDATE ON ctx.source FOR EACH ROW EXECUTE FUNCTION ctx.leave_out();
SELECT source_put('ctx', 'left out') IS NOT NULL AS put;
SELECT source_put('ctx', 'left out', alpha => 2);
ROLLBACK;
DROP FUNCTION ctx.leave_out;

-- Fingerprints
SELECT content_fingerprint('  Go, uses   GC! ') = content_fingerprint('go uses gc') AS same,
	content_fingerprint('go uses gc') = sha256('go uses gc') AS plain,
	content_fingerprint(E'\u00c4ra\u00a0-\u00a0\u0416\u0416 \u0661') = sha256(convert_to(E'\u00e4ra \u0436\u0436 \u0661', 'UTF8')) AS others,
	content_fingerprint('ab') = content_fingerprint('a b') AS words,
	content_fingerprint('') AS empty, content_fingerprint(' ?! ') AS blank, content_fingerprint(NULL) AS none;
-- Of a long text it can be cancelled: nextval comes only after it
CREATE SEQUENCE pg_temp.done;
SELECT nextval('pg_temp.done') FROM (SELECT 'long'::text AS t OFFSET 0) l
	WHERE CASE WHEN pg_cancel_backend(pg_backend_pid()) THEN content_fingerprint(t) END IS NOT NULL;
SELECT is_called FROM pg_temp.done;
SELECT count(*) FROM ctx.node_current WHERE fingerprint = content_fingerprint('ANN likes rust.');

-- A chain of a thousand takes no more memory at its end than at its beginning
SELECT graph_create('chain', 2);
INSERT INTO chain.node (id, version, is_current) SELECT lpad(n::text, 32, '0')::uuid, 1, true FROM generate_series(1, 1000) n;
INSERT INTO chain.edge (src, dst, type)
	SELECT lpad(n::text, 32, '0')::uuid, lpad((n - 1)::text, 32, '0')::uuid, 'derived_from' FROM generate_series(2, 1000) n;
CREATE TABLE chain.memory (bytes numeric);
CREATE FUNCTION chain.measure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO chain.memory SELECT sum(total_bytes) FROM pg_backend_memory_contexts;
	RETURN NULL;
END
$$;
CREATE TRIGGER measure AFTER INSERT ON chain.node FOR EACH ROW
	WHEN (NEW.id IN (lpad('10', 32, '0')::uuid, lpad('1000', 32, '0')::uuid)) EXECUTE FUNCTION chain.measure();
SELECT count(*) FROM node_retract_cascade('chain', lpad('1', 32, '0')::uuid, max_depth => 2000);
SELECT count(*), max(bytes) - min(bytes) < 4000000 AS level FROM chain.memory;
SET client_min_messages = warning;
DROP SCHEMA chain CASCADE;
RESET client_min_messages;

SELECT graph_drop('ctx'), graph_drop('casc');
