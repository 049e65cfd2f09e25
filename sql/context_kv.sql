-- The context store: keys and values
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\set VERBOSITY terse
SELECT graph_create('ctx', 2);

-- Set, read, overwrite, remove
SELECT kv_get('ctx', 'k');
SELECT kv_set('ctx', 'k', '{"a": 1}'), kv_get('ctx', 'k');
SELECT kv_set('ctx', 'k', 'null'), kv_get('ctx', 'k');
SELECT kv_set_bytes('ctx', 'k', '\x00ff'), kv_get_bytes('ctx', 'k'), kv_get('ctx', 'k');
SELECT kv_set('ctx', 'k', '2'), kv_get_bytes('ctx', 'k'), kv_get('ctx', 'k');
SELECT kv_del('ctx', 'k'), kv_del('ctx', 'k'), kv_get('ctx', 'k');
SELECT kv_set('ctx', '', '"empty"'), kv_get('ctx', '');

-- Time to live: gone at once, even in one transaction
BEGIN;
SELECT kv_set('ctx', 't', '1', '1 day'), kv_get('ctx', 't');
SELECT kv_set('ctx', 't', '1', '1 ms'), kv_set_bytes('ctx', 'b', '\x01', '1 ms'), kv_set('ctx', 'keep', '1', '1 day');
SELECT pg_sleep(0.002), kv_get('ctx', 't'), kv_get_bytes('ctx', 'b'), kv_get('ctx', 'keep');
COMMIT;
SELECT count(*) FROM ctx.kv WHERE key IN ('t', 'b');
SELECT kv_del('ctx', 't');
SELECT kv_set('ctx', 't', '2'), kv_get('ctx', 't');
SELECT kv_set('ctx', 'e1', '1', '1 ms'), kv_set('ctx', 'e2', '1', '1 ms'), kv_set('ctx', 'e3', '1', '1 ms');
SELECT pg_sleep(0.002), kv_sweep('ctx', 2), kv_sweep('ctx', 0), kv_sweep('ctx');
SELECT key FROM ctx.kv ORDER BY key;

-- Counters
SELECT kv_incr('ctx', 'n'), kv_incr('ctx', 'n', 41), kv_incr('ctx', 'n', -2.5), kv_get('ctx', 'n');
SELECT kv_incr('ctx', 'rate', 1, '1 hour'), kv_incr('ctx', 'rate', 1, '1 day');
SELECT expires_at < clock_timestamp() + interval '2 hours' AS first_ttl FROM ctx.kv WHERE key = 'rate';
UPDATE ctx.kv SET expires_at = clock_timestamp() WHERE key = 'rate';
SELECT kv_get('ctx', 'rate'), kv_incr('ctx', 'rate', 1, '1 day'), kv_incr('ctx', 'rate');
SELECT kv_set('ctx', 's', '"x"'), kv_set_bytes('ctx', 'b', '\x01');
SELECT kv_incr('ctx', 's');
SELECT kv_incr('ctx', 'b');

-- Compare and set
SELECT kv_cas('ctx', 'c', '1', '2'), kv_cas('ctx', 'c', NULL, '1'), kv_cas('ctx', 'c', NULL, '5'), kv_cas('ctx', 'c', '2', '3'),
	kv_cas('ctx', 'c', '1', '2', '1 hour'), kv_get('ctx', 'c');
UPDATE ctx.kv SET expires_at = clock_timestamp() WHERE key = 'c';
SELECT kv_cas('ctx', 'c', '2', '3'), kv_cas('ctx', 'c', NULL, '{"b": 1, "a": 2}'), kv_cas('ctx', 'c', '{"a": 2, "b": 1}', '7');

-- The boundary: a key is there until expires_at, and gone from that very moment on, for whoever reads, compares or sweeps
DO $$
DECLARE
	way text;
	ends timestamptz;
	before timestamptz;
	after timestamptz;
	gone bool;
	early int;
	late int;
BEGIN
	FOREACH way IN ARRAY ARRAY['get', 'get_bytes', 'cas', 'sweep'] LOOP
		early := 0;
		late := 0;
		FOR round IN 1 .. 3 LOOP
			PERFORM kv_set('ctx', 'edge', '1', '50 ms'), kv_set_bytes('ctx', 'edge_bytes', '\x01', '50 ms');
			SELECT min(expires_at) INTO ends FROM ctx.kv WHERE key = CASE way WHEN 'get_bytes' THEN 'edge_bytes' ELSE 'edge' END;
			LOOP
				before := clock_timestamp();
				gone := CASE way
					WHEN 'get' THEN kv_get('ctx', 'edge') IS NULL
					WHEN 'get_bytes' THEN kv_get_bytes('ctx', 'edge_bytes') IS NULL
					WHEN 'cas' THEN kv_cas('ctx', 'edge', NULL, '2')
					ELSE kv_sweep('ctx', 1) > 0 END;
				after := clock_timestamp();
				IF gone AND after < ends THEN
					RAISE EXCEPTION '%: gone % before its end', way, ends - after;
				ELSIF NOT gone AND before >= ends THEN
					RAISE EXCEPTION '%: still there % after its end', way, before - ends;
				END IF;
				early := early + (NOT gone)::int;
				late := late + gone::int;
				EXIT WHEN gone;
			END LOOP;
			DELETE FROM ctx.kv WHERE key LIKE 'edge%';
		END LOOP;
		RAISE NOTICE '%: there before: %, gone afterwards: %', way, early > 0, late = 3;
	END LOOP;
END
$$;

-- Errors
SELECT kv_get(NULL, 'k');
SELECT kv_get('ctx', NULL);
SELECT kv_set('ctx', 'k', NULL);
SELECT kv_set('ctx', 'k', '1', '0 s');
SELECT kv_set('ctx', 'k', '1', '-1 s');
SELECT kv_cas('ctx', 'k', NULL, NULL);
SELECT kv_incr('ctx', 'k', NULL);
SELECT kv_incr('ctx', 'k', 'NaN');
SELECT kv_incr('ctx', 'k', '-Infinity');
SELECT kv_sweep('ctx', -1);
BEGIN;
ALTER TABLE ctx.kv ALTER value TYPE text;
SELECT kv_get('ctx', 's');
ROLLBACK;

-- Kept plans follow the tables: renamed, made anew, taken away
ALTER SCHEMA ctx RENAME TO ctx2;
SELECT kv_get('ctx', 'n');
SELECT kv_get('ctx2', 'n');
SELECT graph_create('ctx', 2);
SELECT kv_get('ctx', 'n'), kv_get('ctx2', 'n');
SELECT graph_drop('ctx2'), kv_set('ctx', 'n', '1');
BEGIN;
DROP TABLE ctx.kv;
SELECT kv_get('ctx', 'n');
ROLLBACK;
SELECT kv_get('ctx', 'n');

-- More names than plans are kept for
SELECT graph_create('ctx0', 2), kv_set('ctx0', 'k', '1');
DO $$
BEGIN
	FOR i IN 1..1100 LOOP
		EXECUTE format('ALTER SCHEMA ctx%s RENAME TO ctx%s', i - 1, i);
		IF kv_get('ctx' || i, 'k') <> '1' THEN
			RAISE 'lost';
		END IF;
	END LOOP;
END
$$;
SELECT kv_get('ctx1100', 'k'), kv_get('ctx', 'n'), graph_drop('ctx1100');

-- Beside parallel workers, in a statement that writes
CREATE TABLE ctx.many AS SELECT i FROM generate_series(1, 10000) i;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE ctx.copy AS SELECT i, kv_get('ctx', 'n') AS n, kv_get_bytes('ctx', 'n') AS b FROM ctx.many WHERE i % 5000 = 0;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT * FROM ctx.copy ORDER BY i;
DROP TABLE ctx.many, ctx.copy;

-- Whoever may not read a table cannot read it here, nor may who has lost the right
CREATE ROLE regress_context_reader;
GRANT USAGE ON SCHEMA ctx TO regress_context_reader;
GRANT SELECT ON ctx.kv TO regress_context_reader;
SET ROLE regress_context_reader;
SELECT kv_get('ctx', 'n');
SELECT kv_set('ctx', 'n', '2');
RESET ROLE;
REVOKE SELECT ON ctx.kv FROM regress_context_reader;
SET ROLE regress_context_reader;
SELECT kv_get('ctx', 'n');
RESET ROLE;
REVOKE USAGE ON SCHEMA ctx FROM regress_context_reader;
SET ROLE regress_context_reader;
SELECT kv_get('ctx', 'n');
RESET ROLE;
DROP ROLE regress_context_reader;

-- Functions inside of functions, errors inside of subtransactions
CREATE FUNCTION ctx.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.key NOT LIKE 'last%' THEN
		PERFORM kv_set('ctx', 'last', to_jsonb(NEW.key));
		BEGIN
			PERFORM kv_incr('ctx', 'last');
		EXCEPTION WHEN datatype_mismatch THEN
			PERFORM kv_set('ctx', 'last_error', to_jsonb(SQLERRM));
		END;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER note BEFORE INSERT OR UPDATE ON ctx.kv FOR EACH ROW EXECUTE FUNCTION ctx.note();
SELECT kv_set('ctx', 'one', '1'), kv_get('ctx', 'last'), kv_get('ctx', 'last_error');
DROP TRIGGER note ON ctx.kv;
DROP FUNCTION ctx.note();

SELECT graph_drop('ctx');
