-- flat: exact search by scanning all codes

CREATE FUNCTION flathandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'vecext_flat_handler' LANGUAGE C;
COMMENT ON FUNCTION flathandler(internal) IS 'flat index access method handler';

CREATE ACCESS METHOD flat TYPE INDEX HANDLER flathandler;
COMMENT ON ACCESS METHOD flat IS 'exact nearest neighbours by scanning 8-bit codes';

CREATE OPERATOR CLASS vector_l2_ops
	FOR TYPE vector USING flat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <->@ (vector, vector_ball),
	FUNCTION 1 vector_l2_squared_distance(vector, vector);

CREATE OPERATOR CLASS vector_ip_ops
	FOR TYPE vector USING flat AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <#>@ (vector, vector_ball),
	FUNCTION 1 vector_negative_inner_product(vector, vector);

CREATE OPERATOR CLASS vector_cosine_ops
	FOR TYPE vector USING flat AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <=>@ (vector, vector_ball),
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector);

CREATE OPERATOR CLASS vector_l1_ops
	FOR TYPE vector USING flat AS
	OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <+>@ (vector, vector_ball),
	FUNCTION 1 l1_distance(vector, vector);

COMMENT ON OPERATOR CLASS vector_l2_ops USING flat IS 'L2 distance: ORDER BY <-> and l2_within';
COMMENT ON OPERATOR CLASS vector_ip_ops USING flat IS 'negative inner product: ORDER BY <#> and ip_within';
COMMENT ON OPERATOR CLASS vector_cosine_ops USING flat IS 'cosine distance: ORDER BY <=> and cosine_within';
COMMENT ON OPERATOR CLASS vector_l1_ops USING flat IS 'L1 distance: ORDER BY <+> and l1_within';

CREATE FUNCTION flat_index_check(index regclass, heap bool DEFAULT false,
	OUT invariant text, OUT block bigint, OUT message text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_flat_index_check' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION flat_index_check(regclass, bool) IS
	'one row for each broken invariant of a flat index, none if it is sound; with heap, also compares it with its table; blocks writers while it runs if the caller may lock the table';

CREATE FUNCTION flat_index_info(index regclass,
	OUT format_version int, OUT dimensions int, OUT metric text, OUT quantizer text,
	OUT rerank text, OUT slot_bytes int, OUT has_mean bool, OUT nodes bigint, OUT rows bigint,
	OUT code_pages bigint, OUT row_pages bigint, OUT other_pages bigint, OUT reserved_pages bigint)
	RETURNS record
	AS 'MODULE_PATHNAME', 'vecext_flat_index_info' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION flat_index_info(regclass) IS
	'what the metapage of a flat index says; nodes are distinct vectors, rows are heap rows, both with slots that wait to be used again';
