-- Nanoseconds per random access to a resident page of a flat index.
-- Usage: psql -v index=NAME -f page_access.sql
CREATE TEMP TABLE result (mode text, position int, bytes int, ns float8);
CREATE FUNCTION pg_temp.page_access(regclass, text, int, int, bigint) RETURNS float8
	AS '$libdir/vecext_page_access', 'page_access' LANGUAGE C STRICT;
INSERT INTO result
SELECT mode, position, bytes, pg_temp.page_access(:'index', mode, bytes, 300000, round)
FROM generate_series(1, 5) round,
	(VALUES (128), (768)) b(bytes),
	(VALUES ('lock', 1), ('pin', 2), ('recent', 3), ('peek', 4), ('peek_ahead', 5),
		('private_ahead', 6)) m(mode, position);
SELECT CASE mode
		WHEN 'lock' THEN 'ReadBuffer + share lock'
		WHEN 'pin' THEN 'ReadBuffer, no content lock'
		WHEN 'recent' THEN 'ReadRecentBuffer with a remembered buffer'
		WHEN 'peek' THEN 'peek'
		WHEN 'peek_ahead' THEN 'peek, prefetch 8 ahead'
		ELSE 'private memory, prefetch 8 ahead' END AS "how",
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ns) FILTER (WHERE bytes = 128)) AS "128 B, ns",
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ns) FILTER (WHERE bytes = 768)) AS "768 B, ns"
FROM result GROUP BY mode, position ORDER BY position;
