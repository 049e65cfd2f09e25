-- The context store: the event log

CREATE FUNCTION event_append(namespace text, type text, payload jsonb DEFAULT '{}', origin text DEFAULT NULL,
	source text DEFAULT NULL)
	RETURNS bigint
	AS 'MODULE_PATHNAME', 'vecext_event_append' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION event_append(text, text, jsonb, text, text) IS
	'appends an event to the log, as part of the transaction, and notifies the channel of the namespace''s name; returns the event''s id';

CREATE FUNCTION event_since(namespace text, after text DEFAULT NULL, max_rows int DEFAULT NULL,
	OUT cursor text, OUT id bigint, OUT type text, OUT payload jsonb, OUT tx timestamptz, OUT origin text,
	OUT source_id uuid)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_event_since' LANGUAGE C CALLED ON NULL INPUT STABLE PARALLEL RESTRICTED COST 10000 ROWS 100
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION event_since(text, text, int) IS
	'events after a cursor (null: from the beginning), in order; none is ever skipped: events appended while a transaction that has written something runs are shown when it has ended; each row''s cursor is where to go on after it';

CREATE FUNCTION event_mark(namespace text, consumer text, cursor text) RETURNS void
	AS 'MODULE_PATHNAME', 'vecext_event_mark' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION event_mark(text, text, text) IS
	'keeps, as part of the transaction, how far a consumer has read the event log';

CREATE FUNCTION event_marked(namespace text, consumer text) RETURNS text
	AS 'MODULE_PATHNAME', 'vecext_event_marked' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION event_marked(text, text) IS
	'the cursor that event_mark has kept for a consumer; null if none';
