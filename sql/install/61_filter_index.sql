-- Payload filters as conditions of indexes

ALTER OPERATOR FAMILY jsonb_ops USING flat ADD
	OPERATOR 7 @~ (jsonb, payload_filter);
ALTER OPERATOR FAMILY jsonb_ops USING hnsw ADD
	OPERATOR 7 @~ (jsonb, payload_filter);
