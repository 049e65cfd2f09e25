-- hnsw: approximate search along a graph

CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'vecext_hnsw_handler' LANGUAGE C;
COMMENT ON FUNCTION hnswhandler(internal) IS 'hnsw index access method handler';

CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hnswhandler;
COMMENT ON ACCESS METHOD hnsw IS 'nearest neighbours along a graph of 8-bit codes';

CREATE OPERATOR CLASS vector_l2_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <->@ (vector, vector_ball),
	FUNCTION 1 vector_l2_squared_distance(vector, vector);

CREATE OPERATOR CLASS vector_ip_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <#>@ (vector, vector_ball),
	FUNCTION 1 vector_negative_inner_product(vector, vector);

CREATE OPERATOR CLASS vector_cosine_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <=>@ (vector, vector_ball),
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector);

CREATE OPERATOR CLASS vector_l1_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 2 <+>@ (vector, vector_ball),
	FUNCTION 1 l1_distance(vector, vector);

COMMENT ON OPERATOR CLASS vector_l2_ops USING hnsw IS 'L2 distance: ORDER BY <-> and l2_within';
COMMENT ON OPERATOR CLASS vector_ip_ops USING hnsw IS 'negative inner product: ORDER BY <#> and ip_within';
COMMENT ON OPERATOR CLASS vector_cosine_ops USING hnsw IS 'cosine distance: ORDER BY <=> and cosine_within';
COMMENT ON OPERATOR CLASS vector_l1_ops USING hnsw IS 'L1 distance: ORDER BY <+> and l1_within';
