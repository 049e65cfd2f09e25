-- Views for people and scrapers

CREATE FUNCTION vecext_buffer_counters(
	OUT peeks bigint, OUT peek_misses bigint, OUT recent_pins bigint, OUT slow_pins bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'vecext_buffer_counters' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION vecext_buffer_counters() IS
	'how this session has read index pages so far: without a pin, such reads that had to be repeated with one, pins of remembered buffers, pins through the buffer table';

CREATE VIEW vecext_session_buffers AS
	SELECT peeks, peek_misses, recent_pins, slow_pins FROM vecext_buffer_counters();
COMMENT ON VIEW vecext_session_buffers IS
	'how this session has read index pages so far; see vecext_buffer_counters()';
GRANT SELECT ON vecext_session_buffers TO PUBLIC;

CREATE FUNCTION vecext_last_scan_counters(
	OUT index regclass, OUT ef int, OUT walks bigint, OUT hops bigint, OUT distances bigint,
	OUT repeats bigint, OUT passes bigint, OUT candidates bigint, OUT rechecks bigint,
	OUT dead_rows bigint, OUT late_rows bigint, OUT rows bigint, OUT mode text, OUT matches bigint,
	OUT peeks bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'vecext_last_scan_counters' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION vecext_last_scan_counters() IS
	'what the last scan of a flat or hnsw index that ended in this session has cost: width of its last walk along the graph (null: none), walks, lists and codes read by them, codes read again with pins, passes over all codes, candidates looked up, rows whose distance the table told, those of them that the snapshot did not see, rows nearer than one returned before, rows returned (by a bitmap scan, to be rechecked), the way of a scan with conditions on columns of the index (null: none), rows that meet these conditions as far as the index tells, pages read without a pin; all but the index are null where the table has rows that the user may not see';

CREATE VIEW vecext_last_scan AS
	SELECT index, ef, walks, hops, distances, repeats, passes, candidates, rechecks, dead_rows, late_rows, rows,
		mode, matches, peeks
	FROM vecext_last_scan_counters();
COMMENT ON VIEW vecext_last_scan IS
	'what this session''s last scan of a flat or hnsw index has cost; see vecext_last_scan_counters()';
GRANT SELECT ON vecext_last_scan TO PUBLIC;
