-- Looking into hnsw indexes

CREATE FUNCTION hnsw_index_check(index regclass, heap bool DEFAULT false,
	OUT invariant text, OUT block bigint, OUT message text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_hnsw_index_check' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION hnsw_index_check(regclass, bool) IS
	'one row for each broken invariant of an hnsw index, none if it is sound; with heap, also compares it with its table; blocks writers while it runs if the caller may lock the table';

CREATE FUNCTION hnsw_index_info(index regclass,
	OUT format_version int, OUT dimensions int, OUT metric text, OUT quantizer text,
	OUT rerank text, OUT slot_bytes int, OUT has_mean bool, OUT nodes bigint, OUT rows bigint,
	OUT code_pages bigint, OUT row_pages bigint, OUT other_pages bigint, OUT reserved_pages bigint,
	OUT m int, OUT ef_construction int, OUT entry_node bigint, OUT entry_level int,
	OUT upper_lists bigint, OUT link_pages bigint, OUT upper_pages bigint,
	OUT calibrated bool, OUT calibrated_nodes bigint, OUT ef_90 int, OUT ef_95 int, OUT ef_99 int)
	RETURNS record
	AS 'MODULE_PATHNAME', 'vecext_hnsw_index_info' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION hnsw_index_info(regclass) IS
	'what the metapage of an hnsw index says; nodes are distinct vectors, rows are heap rows, upper_lists neighbours on levels above the lowest, all with slots that wait to be used again; other_pages includes link_pages and upper_pages; ef_90, ef_95 and ef_99 find 10 neighbours with that recall in percent, as measured when calibrated_nodes were in the index';

CREATE FUNCTION hnsw_recall(index regclass, INOUT k int DEFAULT 10, INOUT sample int DEFAULT 100, INOUT ef int DEFAULT NULL,
	OUT mean_recall float8, OUT p5_recall float8, OUT min_recall float8, OUT mean_hops float8, OUT mean_distances float8)
	RETURNS record
	AS 'MODULE_PATHNAME', 'vecext_hnsw_recall' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 100000;
COMMENT ON FUNCTION hnsw_recall(regclass, int, int, int) IS
	'measures which part of the k nearest rows one walk along the graph finds, that is the first batch of a scan before it goes on to be exact; queries are vectors of a sample of the table''s rows, each as if it and its equals were not there, truth is the operator''s distance to the table''s rows, rows as near as the k-th count; ef is what a scan would use for LIMIT k, unless given; shows the rows sampled, mean, fifth percentile and minimum of recall, and mean lists and codes read';

CREATE FUNCTION hnsw_calibrate(index regclass,
	OUT calibrated_nodes bigint, OUT ef_90 int, OUT ef_95 int, OUT ef_99 int)
	RETURNS record
	AS 'MODULE_PATHNAME', 'vecext_hnsw_calibrate' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION hnsw_calibrate(regclass) IS
	'measures anew how wide searches must be for a recall, as CREATE INDEX does, and keeps it in the index for hnsw.target_recall; owners only; shows the ef that find 10 neighbours with a recall of 90, 95 and 99 percent';
