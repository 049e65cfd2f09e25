-- The context store: the event log
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\set VERBOSITY terse
SELECT graph_create('ctx', 2);
-- Other sessions, such as autovacuum, may still be running when an event has been appended.
CREATE FUNCTION pg_temp.settle() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	WHILE pg_snapshot_xmin(pg_current_snapshot()) < (SELECT max(next_xid) FROM ctx.event) LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;

SELECT count(*) FROM event_since('ctx');
SELECT event_append('ctx', 'made', '{"n": 1}', 'web'), event_append('ctx', 'made', '{"n": 2}'), event_append('ctx', 'dropped', NULL);
SELECT pg_temp.settle();
SELECT id, type, payload, origin, source_id FROM event_since('ctx');
SELECT cursor AS second FROM event_since('ctx', NULL, 2) OFFSET 1 \gset
SELECT id, type FROM event_since('ctx', :'second');
SELECT count(*) FROM event_since('ctx', max_rows => 0);

-- Events that are not committed are nobody's yet, not even their own transaction's
BEGIN;
SELECT event_append('ctx', 'maybe');
SELECT count(*) FROM event_since('ctx', :'second');
ROLLBACK;
SELECT event_append('ctx', 'surely');
SELECT pg_temp.settle();
SELECT id, type FROM event_since('ctx', :'second');

-- Consumers
SELECT event_marked('ctx', 'mailer');
SELECT event_mark('ctx', 'mailer', :'second');
SELECT type FROM event_since('ctx', event_marked('ctx', 'mailer'));
BEGIN;
SELECT event_mark('ctx', 'mailer', '0-0-0');
ROLLBACK;
SELECT event_marked('ctx', 'mailer') = :'second' AS kept;

-- As restored into another cluster: all that is there is settled, the next event begins an era,
-- published or not
SET client_min_messages = error;
CREATE PUBLICATION all_of_ctx FOR TABLE ctx.event, ctx.event_clock;
RESET client_min_messages;
UPDATE ctx.event_clock SET cluster = 1;
UPDATE ctx.event SET next_xid = '9000000000000000000';
SELECT id FROM event_since('ctx');
SELECT cursor AS last FROM event_since('ctx') ORDER BY id DESC LIMIT 1 \gset
SELECT event_append('ctx', 'here');
DO 'BEGIN WHILE (SELECT max(next_xid) > pg_snapshot_xmin(pg_current_snapshot()) FROM ctx.event WHERE era = 2) LOOP PERFORM pg_sleep(0.01); END LOOP; END';
SELECT era, cluster <> 1 AS ours FROM ctx.event_clock;
SELECT id, type FROM event_since('ctx', :'last');
SELECT id, type FROM event_since('ctx');
DROP PUBLICATION all_of_ctx;

-- The index leads to the cursor
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM ctx.event e
WHERE (e.era, e.next_xid, e.id) > (1, '5'::xid8, 3) ORDER BY e.era, e.next_xid, e.id LIMIT 10;
RESET enable_seqscan;

-- Errors
SELECT event_append('ctx', NULL);
BEGIN READ ONLY;
SELECT event_append('ctx', 'x');
ROLLBACK;
SELECT event_since('ctx', '');
SELECT event_since('ctx', '1-2');
SELECT event_since('ctx', '1-2-3-4');
SELECT event_since('ctx', '-1-2-3');
SELECT event_since('ctx', '2147483648-2-3');
SELECT event_since('ctx', '1-18446744073709551616-3');
SELECT event_since('ctx', '1-2-9223372036854775808');
SELECT count(*) FROM event_since('ctx', '2147483647-18446744073709551615-9223372036854775807');
SELECT event_since('ctx', NULL, -1);
SELECT event_mark('ctx', 'mailer', 'x');
SELECT event_mark('ctx', NULL, '0-0-0');
BEGIN;
DELETE FROM ctx.event_clock;
SELECT event_append('ctx', 'x');
ROLLBACK;

SELECT graph_drop('ctx');
