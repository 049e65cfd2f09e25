-- The SQL contract of flat, vector_ball and the threshold functions, read from
-- the catalogs.
BEGIN;
SELECT plan(31);

CREATE TEMP VIEW member AS
	SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecext');

-- ---- The access method ----

SELECT set_eq(
	$$SELECT amtype, amhandler::text FROM pg_am WHERE amname = 'flat'
		AND oid IN (SELECT objid FROM member WHERE classid = 'pg_am'::regclass)$$,
	$$VALUES ('i'::"char", 'flathandler')$$,
	'flat is an index access method of the extension');
SELECT isnt(obj_description((SELECT oid FROM pg_am WHERE amname = 'flat'), 'pg_am'), NULL, 'flat has a comment');
SELECT set_eq(
	$$SELECT opcname::text, opcintype::regtype::text, opckeytype, opcdefault, opfname::text
	FROM pg_opclass c JOIN pg_opfamily f ON f.oid = c.opcfamily
	WHERE opcintype = 'vector'::regtype AND opcmethod = (SELECT oid FROM pg_am WHERE amname = 'flat')$$,
	$$VALUES ('vector_l2_ops', 'vector', 0::oid, false, 'vector_l2_ops'), ('vector_ip_ops', 'vector', 0, false, 'vector_ip_ops'),
		('vector_cosine_ops', 'vector', 0, false, 'vector_cosine_ops'), ('vector_l1_ops', 'vector', 0, false, 'vector_l1_ops')$$,
	'there is an operator class for each distance, and none is the default');
SELECT set_eq(
	$$SELECT opfname::text, amopstrategy, amopopr::regoperator::text, amoppurpose, amopsortfamily::regclass::text <> '0' AND
			amopsortfamily = (SELECT oid FROM pg_opfamily WHERE opfname = 'float_ops'
				AND opfmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')) AS by_float
	FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily
	WHERE opfname LIKE 'vector%' AND amopmethod = (SELECT oid FROM pg_am WHERE amname = 'flat')$$,
	$$VALUES ('vector_l2_ops', 1::int2, '<->(vector,vector)', 'o'::"char", true), ('vector_l2_ops', 2, '<->@(vector,vector_ball)', 's', false),
		('vector_ip_ops', 1, '<#>(vector,vector)', 'o', true), ('vector_ip_ops', 2, '<#>@(vector,vector_ball)', 's', false),
		('vector_cosine_ops', 1, '<=>(vector,vector)', 'o', true), ('vector_cosine_ops', 2, '<=>@(vector,vector_ball)', 's', false),
		('vector_l1_ops', 1, '<+>(vector,vector)', 'o', true), ('vector_l1_ops', 2, '<+>@(vector,vector_ball)', 's', false)$$,
	'classes order by their distance and answer its threshold operator');
SELECT set_eq(
	$$SELECT opfname::text, amprocnum, amproc::text
	FROM pg_amproc p JOIN pg_opfamily f ON f.oid = p.amprocfamily
	WHERE opfname LIKE 'vector%' AND opfmethod = (SELECT oid FROM pg_am WHERE amname = 'flat')$$,
	$$VALUES ('vector_l2_ops', 1::int2, 'vector_l2_squared_distance'), ('vector_ip_ops', 1, 'vector_negative_inner_product'),
		('vector_cosine_ops', 1, 'vector_negative_inner_product'), ('vector_cosine_ops', 2, 'vector_norm'),
		('vector_l1_ops', 1, 'l1_distance')$$,
	'classes have the support functions that tell their distance');
SELECT is_empty(
	$$SELECT opcname FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'flat') AND NOT amvalidate(oid)$$,
	'amvalidate agrees');
SELECT is_empty(
	$$SELECT opcname FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'flat')
		AND obj_description(oid, 'pg_opclass') IS NULL$$,
	'operator classes have comments');

-- ---- What it can do ----

CREATE TABLE flat_contract (v vector(3));
CREATE INDEX flat_contract_i ON flat_contract USING flat (v vector_l2_ops);
SELECT set_eq(
	$$SELECT p, pg_indexam_has_property(oid, p) FROM pg_am,
		unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_include']) p WHERE amname = 'flat'$$,
	$$VALUES ('can_order', false), ('can_unique', false), ('can_multi_col', true), ('can_include', false)$$,
	'access method properties');
SELECT set_eq(
	$$SELECT p, pg_index_has_property('flat_contract_i', p) FROM unnest(ARRAY['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) p$$,
	$$VALUES ('clusterable', false), ('index_scan', true), ('bitmap_scan', true), ('backward_scan', false)$$,
	'index properties');
SELECT set_eq(
	$$SELECT p, pg_index_column_has_property('flat_contract_i', 1, p) FROM unnest(ARRAY['orderable', 'returnable', 'search_array', 'search_nulls']) p$$,
	$$VALUES ('orderable', false), ('returnable', false), ('search_array', true), ('search_nulls', true)$$,
	'column properties');

-- ---- Functions ----

CREATE TEMP TABLE expected_function (signature text, result text, symbol text, cost real, strict bool, volatile "char", parallel "char");
INSERT INTO expected_function VALUES
	('vector_ball_in(cstring)', 'vector_ball', 'vector_ball_in', 1, true, 'i', 's'),
	('vector_ball_out(vector_ball)', 'cstring', 'vector_ball_out', 1, true, 'i', 's'),
	('vector_ball_recv(internal)', 'vector_ball', 'vector_ball_recv', 1, true, 'i', 's'),
	('vector_ball_send(vector_ball)', 'bytea', 'vector_ball_send', 1, true, 'i', 's'),
	('vector_ball(vector,double precision)', 'vector_ball', 'vector_ball', 1, true, 'i', 's'),
	('vector_ball_sel(internal,oid,internal,integer)', 'double precision', 'vector_ball_sel', 1, true, 's', 's'),
	('l2_within(vector,vector_ball)', 'boolean', 'l2_within_ball', 10, true, 'i', 's'),
	('ip_within(vector,vector_ball)', 'boolean', 'ip_within_ball', 10, true, 'i', 's'),
	('cosine_within(vector,vector_ball)', 'boolean', 'cosine_within_ball', 10, true, 'i', 's'),
	('l1_within(vector,vector_ball)', 'boolean', 'l1_within_ball', 10, true, 'i', 's'),
	('l2_within(vector,vector,double precision)', 'boolean', 'l2_within', 10, true, 'i', 's'),
	('ip_within(vector,vector,double precision)', 'boolean', 'ip_within', 10, true, 'i', 's'),
	('cosine_within(vector,vector,double precision)', 'boolean', 'cosine_within', 10, true, 'i', 's'),
	('l1_within(vector,vector,double precision)', 'boolean', 'l1_within', 10, true, 'i', 's'),
	('vecext_within_support(internal)', 'internal', 'within_support', 1, true, 'v', 'u'),
	('flathandler(internal)', 'index_am_handler', 'flat_handler', 1, false, 'v', 'u'),
	('flat_index_check(regclass,boolean)', 'record', 'flat_index_check', 10000, true, 'v', 'u'),
	('flat_index_info(regclass)', 'record', 'flat_index_info', 1, true, 'v', 'r');

SELECT set_eq(
	$$SELECT oid::regprocedure::text, prorettype::regtype::text, prosrc, procost, proisstrict, provolatile, proparallel FROM pg_proc
	WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
		AND (proname ~ '^flat' OR proname ~ 'within' OR proname ~ 'ball')$$,
	$$SELECT signature, result, 'vecext_' || symbol, cost, strict, volatile, parallel FROM expected_function$$,
	'functions have their arguments, results, C symbols, costs and markings');
SELECT is_empty(
	$$SELECT signature FROM expected_function JOIN pg_proc p ON p.oid = signature::regprocedure
	WHERE NOT (NOT proleakproof AND NOT prosecdef AND proconfig IS NULL AND probin = '$libdir/vecext'
		AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c'))$$,
	'functions are plain C functions, none of them leakproof or security definer');
SELECT is_empty(
	$$SELECT signature FROM expected_function
	WHERE obj_description(signature::regprocedure, 'pg_proc') IS NULL AND symbol NOT LIKE 'vector\_ball\__%'$$,
	'functions have comments');
SELECT set_eq(
	$$SELECT oid::regprocedure::text FROM pg_proc WHERE prosupport = 'vecext_within_support'::regproc$$,
	$$VALUES ('l2_within(vector,vector,double precision)'), ('ip_within(vector,vector,double precision)'),
		('cosine_within(vector,vector,double precision)'), ('l1_within(vector,vector,double precision)')$$,
	'the threshold functions have planner support');
SELECT set_eq(
	$$SELECT proargnames::text, proallargtypes::regtype[]::text, proretset FROM pg_proc WHERE oid = 'flat_index_check(regclass,bool)'::regprocedure$$,
	$$VALUES ('{index,heap,invariant,block,message}', '{regclass,boolean,text,bigint,text}', true)$$,
	'columns of flat_index_check');
SELECT set_eq(
	$$SELECT proargnames::text, proallargtypes::regtype[]::text, proretset FROM pg_proc WHERE oid = 'flat_index_info(regclass)'::regprocedure$$,
	$$VALUES ('{index,format_version,dimensions,metric,quantizer,rerank,slot_bytes,has_mean,nodes,rows,code_pages,row_pages,other_pages,reserved_pages}',
		'{regclass,integer,integer,text,text,text,integer,boolean,bigint,bigint,bigint,bigint,bigint,bigint}', false)$$,
	'columns of flat_index_info');
SELECT set_eq(
	$$SELECT DISTINCT proargnames::text FROM pg_proc WHERE prosupport = 'vecext_within_support'::regproc$$,
	$$VALUES ('{embedding,query,radius}')$$,
	'the threshold functions name their arguments');

-- ---- The ball and its operators ----

SELECT set_eq(
	$$SELECT typlen, typbyval, typtype, typcategory, typinput::text, typoutput::text, typreceive::text, typsend::text,
		typmodin::text, typanalyze::text, typalign, typstorage, typcollation, typelem
	FROM pg_type WHERE oid = 'vector_ball'::regtype$$,
	$$VALUES (-1::int2, false, 'b'::"char", 'U'::"char", 'vector_ball_in', 'vector_ball_out', 'vector_ball_recv', 'vector_ball_send',
		'-', '-', 'd'::"char", 'e'::"char", 0::oid, 0::oid)$$,
	'type vector_ball has its I/O functions, alignment and storage');
SELECT isnt(obj_description('vector_ball'::regtype, 'pg_type'), NULL, 'the type has a comment');
SELECT set_eq(
	$$SELECT oprname::text, oprcode::regprocedure::text, oprresult::regtype::text, oprcom, oprnegate, oprcanhash, oprcanmerge, oprrest::text, oprjoin::text
	FROM pg_operator WHERE oprright = 'vector_ball'::regtype AND oprleft = 'vector'::regtype$$,
	$$VALUES ('<->@', 'l2_within(vector,vector_ball)', 'boolean', 0::oid, 0::oid, false, false, 'vector_ball_sel', 'matchingjoinsel'),
		('<#>@', 'ip_within(vector,vector_ball)', 'boolean', 0, 0, false, false, 'vector_ball_sel', 'matchingjoinsel'),
		('<=>@', 'cosine_within(vector,vector_ball)', 'boolean', 0, 0, false, false, 'vector_ball_sel', 'matchingjoinsel'),
		('<+>@', 'l1_within(vector,vector_ball)', 'boolean', 0, 0, false, false, 'vector_ball_sel', 'matchingjoinsel')$$,
	'threshold operators have their functions and estimators');
SELECT is_empty(
	$$SELECT oprname FROM pg_operator WHERE oprright = 'vector_ball'::regtype AND obj_description(oid, 'pg_operator') IS NULL$$,
	'threshold operators have comments');
SELECT is_empty(
	$$SELECT castsource::regtype, casttarget::regtype FROM pg_cast WHERE 'vector_ball'::regtype IN (castsource, casttarget)$$,
	'nothing is cast to a ball behind your back');

-- ---- Rights: everybody may look, what they see depends on their tables ----

SELECT is_empty(
	$$SELECT signature FROM expected_function WHERE NOT has_function_privilege('public', signature, 'execute')$$,
	'everybody may call the functions');
CREATE ROLE regress_flat_contract;
SET ROLE regress_flat_contract;
SELECT throws_ok($$SELECT * FROM flat_index_info('flat_contract_i')$$, '42501', 'permission denied for table flat_contract',
	'info needs rights on the table');
SELECT throws_ok($$SELECT * FROM flat_index_check('flat_contract_i')$$, '42501', 'permission denied for table flat_contract',
	'check needs rights on the table');
RESET ROLE;

-- ---- What a dump writes comes back ----

CREATE INDEX flat_contract_none ON flat_contract USING flat (v vector_cosine_ops) WITH (quantizer = 'none');
SELECT is(pg_get_indexdef('flat_contract_none'::regclass),
	$$CREATE INDEX flat_contract_none ON public.flat_contract USING flat (v vector_cosine_ops) WITH (quantizer='none')$$,
	'options are part of the definition');
SELECT is(reloptions, ARRAY['quantizer=none'], 'options are stored as written') FROM pg_class WHERE relname = 'flat_contract_none';
INSERT INTO flat_contract VALUES ('[1,2,3]');
SELECT set_eq(
	$$SELECT format_version, dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows FROM flat_index_info('flat_contract_i')$$,
	$$VALUES (2, 3, 'l2', 'sq8', 64, false, 1::bigint, 1::bigint)$$,
	'an index with one row, by 8-bit codes');
SELECT set_eq(
	$$SELECT format_version, dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows FROM flat_index_info('flat_contract_none')$$,
	$$VALUES (2, 3, 'cosine', 'none', 64, false, 1::bigint, 1::bigint)$$,
	'an index with one row, without codes');

-- ---- Names that pgvector's users know ----

SELECT is_empty(
	$$SELECT indexed FROM unnest(ARRAY['vector_l2_ops', 'vector_ip_ops', 'vector_cosine_ops', 'vector_l1_ops']) indexed
	WHERE indexed NOT IN (SELECT opcname::text FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'flat'))$$,
	'operator classes have the names they have for hnsw');
SELECT is_empty(
	$$SELECT objid FROM member WHERE classid = 'pg_am'::regclass AND objid NOT IN (SELECT oid FROM pg_am WHERE amname IN ('flat', 'hnsw'))$$,
	'there are no access methods of other names');

SELECT * FROM finish();
ROLLBACK;
