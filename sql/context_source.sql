-- The context store: sources, credibility, erasing
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\set VERBOSITY terse

SELECT graph_create('ctx', 2);
\set a '\'00000000-0000-0000-0000-00000000000a\''
\set b '\'00000000-0000-0000-0000-00000000000b\''
\set c '\'00000000-0000-0000-0000-00000000000c\''
\set d '\'00000000-0000-0000-0000-00000000000d\''

SELECT source_put('ctx', 'user:1', '{admin}') = source_put('ctx', 'user:1', alpha => 3, domain_cred => '{"go": 0.9}') AS same;
SELECT external_id, labels, alpha, beta, domain_cred FROM source_get('ctx', 'user:1');
SELECT external_id, labels, alpha, beta, domain_cred FROM source_get('ctx', 'user:2');
SELECT source_put('ctx', 'user:2') IS NOT NULL AS made;
SELECT * FROM source_validate('ctx', 'user:2');
SELECT * FROM source_validate('ctx', 'user:2', 2.5);
SELECT * FROM source_validate('ctx', 'user:2', 100);
SELECT * FROM source_validate('ctx', 'user:2', 'Infinity');
SELECT * FROM source_refute('ctx', 'user:2', -3);
SELECT * FROM source_refute('ctx', 'user:2', 'NaN');
SELECT * FROM source_refute('ctx', 'user:2', NULL);
SELECT source_validate('ctx', 'nobody');
SELECT source_refute('ctx', NULL);
SELECT source_put('ctx', 'user:3', alpha => 0);
SELECT source_put('ctx', 'user:3', beta => 'NaN');

-- Credibility
SELECT credibility_mean(3, 1), credibility_mean(1, 9, '{admin}'), credibility_mean(1, 9, '{x,moderator,troll}'),
	credibility_mean(9, 1, '{troll,admin}'), credibility_mean(9, 1, '{flagged}'), credibility_mean(1, 1, '{}');
SELECT round(credibility_decayed(21, 1, 30 * 24)::numeric, 6), credibility_decayed(3, 1, 0), credibility_decayed(3, 1, -5),
	credibility_decayed(3, 2, 1e9);
SELECT round(low::numeric, 4) AS low, round(high::numeric, 4) AS high FROM credibility_interval(1, 1);
SELECT round(low::numeric, 4) AS low, round(high::numeric, 4) AS high FROM credibility_interval(101, 1);
SELECT level, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high
FROM unnest('{0.9,0.95,0.99,0.5}'::float8[]) level LEFT JOIN LATERAL credibility_interval(30, 20, level) ON true;
SELECT round(low::numeric, 4) AS low, round(high::numeric, 4) AS high FROM credibility_interval(30, 20, observations => 9);
SELECT * FROM credibility_merge(3, 2, 4, 3);
SELECT round(credibility_variance(2, 3)::numeric, 6);

-- Nodes by source: A, B, A, none
SELECT node_put('ctx', :a, '{}', '{"text": "one"}', '[1,0]', source => 'A'),
	node_put('ctx', :b, '{}', '{"text": "two"}', '[0,1]', source => 'B'),
	node_put('ctx', :c, '{}', '{"text": "three"}', '[1,1]', source => 'A'),
	node_put('ctx', :d, '{}', '{"text": "four"}', '[2,1]');
SELECT properties ->> 'text' AS text FROM ctx.node_current
WHERE source_id IS DISTINCT FROM (SELECT id FROM source_get('ctx', 'A')) ORDER BY id;

-- Erasing: c has a version of another source before and after
SELECT node_put('ctx', :c, '{}', '{"text": "three again"}', source => 'B');
SELECT node_put('ctx', :c, '{}', '{"text": "three once more"}', source => 'A');
SELECT count(edge_put('ctx', src::uuid, dst::uuid, type, source => by))
FROM (VALUES (:a, :b, 'goes', NULL), (:b, :c, 'stays', NULL), (:b, :d, 'goes, too', 'A'), (:b, :d, 'stays', 'B')) e(src, dst, type, by);
SELECT event_append('ctx', 'said', '{"what": "one"}', 'web', 'A'), event_append('ctx', 'said', '{"what": "two"}', 'web', 'B');
BEGIN;
\set VERBOSITY default
SELECT * FROM source_erase('ctx', 'A');
\set VERBOSITY terse
SELECT properties ->> 'text' AS text, version, is_current FROM ctx.node ORDER BY id, version;
SELECT type FROM edge_list('ctx') ORDER BY 1;
SELECT type, payload, origin FROM ctx.event ORDER BY id;
SELECT external_id FROM ctx.source ORDER BY 1;
ROLLBACK;
SELECT source_erase('ctx', 'A');
SELECT source_erase('ctx', 'A');
SELECT source_erase('ctx', NULL);
-- the log goes on
DO $$
BEGIN
	WHILE pg_snapshot_xmin(pg_current_snapshot()) < (SELECT max(next_xid) FROM ctx.event) LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
SELECT id, type, payload FROM event_since('ctx');
-- nodes of a source keep it
DELETE FROM ctx.source WHERE external_id = 'B';

-- Tenants: each sees its own, the owner included
CREATE ROLE regress_context_owner;
CREATE ROLE regress_context_reader;
SELECT current_database() AS db \gset
GRANT CREATE ON DATABASE :"db" TO regress_context_owner;
SET ROLE regress_context_owner;
SELECT graph_create('ten', 2, tenant_column => true);
GRANT USAGE ON SCHEMA ten TO regress_context_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA ten TO regress_context_reader;
SELECT kv_get('ten', 'k');
SELECT node_put('ten', :a);
SELECT count(*) FROM ten.node;
INSERT INTO ten.kv (key, value) VALUES ('k', '1');
SET vecext.tenant = 'red';
SELECT node_put('ten', :a, '{}', '{"text": "red"}', '[1,0]', source => 'S');
SELECT edge_put('ten', :a, :b, 'red') IS NOT NULL AS put;
SELECT kv_set('ten', 'k', '"red"'), kv_incr('ten', 'n', 5), kv_set('ten', 'old', '1', '1 ms'), event_append('ten', 'red');
DO $$
BEGIN
	WHILE pg_snapshot_xmin(pg_current_snapshot()) < (SELECT max(next_xid) FROM ten.event) LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
SELECT event_mark('ten', 'me', cursor) FROM event_since('ten');
SET vecext.tenant = 'blue';
SELECT kv_get('ten', 'k'), event_marked('ten', 'me');
SELECT count(*) FROM ten.node;
SELECT version FROM node_get('ten', :a);
SELECT count(*) FROM edge_list('ten');
SELECT count(*) FROM event_since('ten');
SELECT count(*) FROM source_get('ten', 'S');
SELECT node_put('ten', :a, '{}', '{"text": "blue"}', '[1,0]', source => 'S');
SELECT kv_set('ten', 'k', '"blue"'), kv_incr('ten', 'n'), kv_cas('ten', 'k', '"red"', '1'), event_append('ten', 'blue');
INSERT INTO ten.kv (tenant, key, value) VALUES ('red', 'k2', '1');
UPDATE ten.kv SET tenant = 'red' WHERE key = 'n';
SELECT source_erase('ten', 'S');
SELECT pg_sleep(0.002), kv_sweep('ten');
SET vecext.tenant = 'red';
SELECT tenant, properties FROM ten.node_current;
SELECT kv_get('ten', 'k'), kv_get('ten', 'n'), kv_sweep('ten');
SELECT type FROM event_since('ten');
SET ROLE regress_context_reader;
SELECT kv_get('ten', 'k'), (SELECT version FROM node_get('ten', :a));
SELECT kv_set('ten', 'k', '1');
SELECT node_put('ten', :a);
SET vecext.tenant = 'blue';
SELECT kv_get('ten', 'k'), (SELECT version FROM node_get('ten', :a));
SELECT kv_get('ctx', 'k');
RESET ROLE;
-- a superuser sees all rows, the functions still one tenant's
SELECT kv_get('ten', 'k'), (SELECT count(*) FROM ten.kv);
SET ROLE regress_context_owner;
SELECT graph_drop('ten');
RESET ROLE;
RESET vecext.tenant;

-- Dropped and made anew, with other columns, in one session
SELECT kv_set('ctx', 'k', '1'), kv_get('ctx', 'k');
SELECT graph_drop('ctx'), graph_create('ctx', 3, true, true);
SELECT kv_get('ctx', 'k');
SET vecext.tenant = 't';
SELECT kv_get('ctx', 'k'), node_put('ctx', :a, embedding => '[1,2,3]');
SELECT relpersistence FROM pg_class WHERE oid = 'ctx.kv'::regclass;
SELECT graph_drop('ctx');
RESET vecext.tenant;
REVOKE CREATE ON DATABASE :"db" FROM regress_context_owner;
DROP ROLE regress_context_owner, regress_context_reader;
