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
