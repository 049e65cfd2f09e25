-- Nanoseconds per random access to a resident page of a flat index, with the
-- setting vecext.buffer_peek on and off.
-- Usage: psql -v index=NAME -f page_access.sql, as superuser.
LOAD 'vecext';
CREATE TEMP TABLE mode (position int, name text, title text);
INSERT INTO mode VALUES
	(1, 'lock', 'ReadBuffer and share lock'),
	(2, 'pin', 'ReadBuffer, no content lock'),
	(3, 'recent', 'ReadRecentBuffer with a remembered buffer'),
	(4, 'peek', 'peek'),
	(5, 'peek_ahead', 'peek, prefetch 8 ahead'),
	(6, 'search', 'as the setting allows, prefetch 8 ahead'),
	(7, 'private_ahead', 'private memory, prefetch 8 ahead');
CREATE TEMP TABLE result (name text, peek bool, bytes int, ns float8);
CREATE FUNCTION pg_temp.page_access(regclass, text, int, int, bigint) RETURNS float8
	AS '$libdir/vecext_page_access', 'page_access' LANGUAGE C STRICT;
SET max_parallel_workers_per_gather = 0;
SELECT set_config('bench.index', :'index', false) \g /dev/null
DO $$
BEGIN
	FOR round IN 1..6 LOOP
		-- the other setting first in each round
		PERFORM set_config('vecext.buffer_peek', CASE round % 2 WHEN 0 THEN 'on' ELSE 'off' END, false);
		INSERT INTO result
		SELECT name, current_setting('vecext.buffer_peek')::bool, bytes,
			pg_temp.page_access(current_setting('bench.index')::regclass, name, bytes, 300000, round)
		FROM mode, (VALUES (128), (768)) AS b(bytes);
	END LOOP;
END $$;
SELECT title AS "ns an access",
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ns) FILTER (WHERE bytes = 128 AND peek)) AS "128 B, on",
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ns) FILTER (WHERE bytes = 128 AND NOT peek)) AS "128 B, off",
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ns) FILTER (WHERE bytes = 768 AND peek)) AS "768 B, on",
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ns) FILTER (WHERE bytes = 768 AND NOT peek)) AS "768 B, off"
FROM result JOIN mode USING (name) GROUP BY title, position ORDER BY position;
