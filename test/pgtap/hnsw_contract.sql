-- The SQL contract of hnsw, its inspecting functions and the views of what a
-- session has done, read from the catalogs.
BEGIN;
SELECT plan(31);

CREATE TEMP VIEW member AS
	SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecext');

-- ---- The access method ----

SELECT set_eq(
	$$SELECT amtype, amhandler::text FROM pg_am WHERE amname = 'hnsw'
		AND oid IN (SELECT objid FROM member WHERE classid = 'pg_am'::regclass)$$,
	$$VALUES ('i'::"char", 'hnswhandler')$$,
	'hnsw is an index access method of the extension');
SELECT isnt(obj_description((SELECT oid FROM pg_am WHERE amname = 'hnsw'), 'pg_am'), NULL, 'hnsw has a comment');
SELECT set_eq(
	$$SELECT opcname::text, opcintype::regtype::text, opckeytype, opcdefault, opfname::text
	FROM pg_opclass c JOIN pg_opfamily f ON f.oid = c.opcfamily
	WHERE opcintype = 'vector'::regtype AND opcmethod = (SELECT oid FROM pg_am WHERE amname = 'hnsw')$$,
	$$VALUES ('vector_l2_ops', 'vector', 0::oid, false, 'vector_l2_ops'), ('vector_ip_ops', 'vector', 0, false, 'vector_ip_ops'),
		('vector_cosine_ops', 'vector', 0, false, 'vector_cosine_ops'), ('vector_l1_ops', 'vector', 0, false, 'vector_l1_ops')$$,
	'there is an operator class for each distance, and none is the default');
SELECT set_eq(
	$$SELECT opfname::text, amopstrategy, amopopr::regoperator::text, amoppurpose, amopsortfamily::regclass::text <> '0' AND
			amopsortfamily = (SELECT oid FROM pg_opfamily WHERE opfname = 'float_ops'
				AND opfmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')) AS by_float
	FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily
	WHERE opfname LIKE 'vector%' AND amopmethod = (SELECT oid FROM pg_am WHERE amname = 'hnsw')$$,
	$$VALUES ('vector_l2_ops', 1::int2, '<->(vector,vector)', 'o'::"char", true), ('vector_l2_ops', 2, '<->@(vector,vector_ball)', 's', false),
		('vector_ip_ops', 1, '<#>(vector,vector)', 'o', true), ('vector_ip_ops', 2, '<#>@(vector,vector_ball)', 's', false),
		('vector_cosine_ops', 1, '<=>(vector,vector)', 'o', true), ('vector_cosine_ops', 2, '<=>@(vector,vector_ball)', 's', false),
		('vector_l1_ops', 1, '<+>(vector,vector)', 'o', true), ('vector_l1_ops', 2, '<+>@(vector,vector_ball)', 's', false)$$,
	'classes order by their distance and answer its threshold operator');
SELECT set_eq(
	$$SELECT opfname::text, amprocnum, amproc::text
	FROM pg_amproc p JOIN pg_opfamily f ON f.oid = p.amprocfamily
	WHERE opfname LIKE 'vector%' AND opfmethod = (SELECT oid FROM pg_am WHERE amname = 'hnsw')$$,
	$$VALUES ('vector_l2_ops', 1::int2, 'vector_l2_squared_distance'), ('vector_ip_ops', 1, 'vector_negative_inner_product'),
		('vector_cosine_ops', 1, 'vector_negative_inner_product'), ('vector_cosine_ops', 2, 'vector_norm'),
		('vector_l1_ops', 1, 'l1_distance')$$,
	'classes have the support functions that tell their distance');
SELECT is_empty(
	$$SELECT opcname FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'hnsw') AND NOT amvalidate(oid)$$,
	'amvalidate agrees');
SELECT is_empty(
	$$SELECT opcname FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'hnsw')
		AND obj_description(oid, 'pg_opclass') IS NULL$$,
	'operator classes have comments');
SELECT set_eq(
	$$SELECT h.opcname::text, h.opcintype FROM pg_opclass h WHERE h.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'hnsw')$$,
	$$SELECT f.opcname::text, f.opcintype FROM pg_opclass f WHERE f.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'flat')$$,
	'flat and hnsw have the same classes');

-- ---- What it can do ----

CREATE TABLE hnsw_contract (v vector(3));
CREATE INDEX hnsw_contract_i ON hnsw_contract USING hnsw (v vector_l2_ops);
SELECT set_eq(
	$$SELECT p, pg_indexam_has_property(oid, p) FROM pg_am,
		unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_include']) p WHERE amname = 'hnsw'$$,
	$$VALUES ('can_order', false), ('can_unique', false), ('can_multi_col', true), ('can_include', false)$$,
	'access method properties');
SELECT set_eq(
	$$SELECT p, pg_index_has_property('hnsw_contract_i', p) FROM unnest(ARRAY['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) p$$,
	$$VALUES ('clusterable', false), ('index_scan', true), ('bitmap_scan', true), ('backward_scan', false)$$,
	'index properties');
SELECT set_eq(
	$$SELECT p, pg_index_column_has_property('hnsw_contract_i', 1, p) FROM unnest(ARRAY['orderable', 'returnable', 'search_array', 'search_nulls']) p$$,
	$$VALUES ('orderable', false), ('returnable', false), ('search_array', true), ('search_nulls', true)$$,
	'column properties');

-- ---- Functions ----

CREATE TEMP TABLE expected_function (signature text, result text, symbol text, cost real, strict bool, volatile "char", parallel "char");
INSERT INTO expected_function VALUES
	('hnswhandler(internal)', 'index_am_handler', 'hnsw_handler', 1, false, 'v', 'u'),
	('hnsw_index_check(regclass,boolean)', 'record', 'hnsw_index_check', 10000, true, 'v', 'u'),
	('hnsw_index_info(regclass)', 'record', 'hnsw_index_info', 1, true, 'v', 'r'),
	('hnsw_recall(regclass,integer,integer,integer)', 'record', 'hnsw_recall', 100000, false, 'v', 'r'),
	('hnsw_calibrate(regclass)', 'record', 'hnsw_calibrate', 100000, true, 'v', 'u'),
	('vecext_last_scan_counters()', 'record', 'last_scan_counters', 1, false, 'v', 'r'),
	('vecext_buffer_counters()', 'record', 'buffer_counters', 1, false, 'v', 'r');

SELECT set_eq(
	$$SELECT oid::regprocedure::text, prorettype::regtype::text, prosrc, procost, proisstrict, provolatile, proparallel FROM pg_proc
	WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
		AND (proname ~ '^hnsw' OR proname ~ '^vecext_.*_counters$')$$,
	$$SELECT signature, result, 'vecext_' || symbol, cost, strict, volatile, parallel FROM expected_function$$,
	'functions have their arguments, results, C symbols, costs and markings');
SELECT is_empty(
	$$SELECT signature FROM expected_function JOIN pg_proc p ON p.oid = signature::regprocedure
	WHERE NOT (NOT proleakproof AND NOT prosecdef AND proconfig IS NULL AND probin = '$libdir/vecext'
		AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c'))$$,
	'functions are plain C functions, none of them leakproof or security definer');
SELECT is_empty(
	$$SELECT signature FROM expected_function WHERE obj_description(signature::regprocedure, 'pg_proc') IS NULL$$,
	'functions have comments');
SELECT set_eq(
	$$SELECT proargnames::text, proallargtypes::regtype[]::text, proretset FROM pg_proc WHERE oid = 'hnsw_index_check(regclass,bool)'::regprocedure$$,
	$$VALUES ('{index,heap,invariant,block,message}', '{regclass,boolean,text,bigint,text}', true)$$,
	'columns of hnsw_index_check');
SELECT set_eq(
	$$SELECT proargnames::text, proallargtypes::regtype[]::text, proretset FROM pg_proc WHERE oid = 'hnsw_index_info(regclass)'::regprocedure$$,
	$$VALUES ('{index,format_version,dimensions,metric,quantizer,rerank,slot_bytes,has_mean,nodes,rows,code_pages,row_pages,other_pages,reserved_pages,'
			'm,ef_construction,entry_node,entry_level,upper_lists,link_pages,upper_pages,calibrated,calibrated_nodes,ef_90,ef_95,ef_99}',
		'{regclass,integer,integer,text,text,text,integer,boolean,bigint,bigint,bigint,bigint,bigint,bigint,'
			'integer,integer,bigint,integer,bigint,bigint,bigint,boolean,bigint,integer,integer,integer}', false)$$,
	'columns of hnsw_index_info');
SELECT ok((SELECT proargnames FROM pg_proc WHERE proname = 'hnsw_index_info')
	@> (SELECT proargnames FROM pg_proc WHERE proname = 'flat_index_info'), 'hnsw_index_info has all columns of flat_index_info');
SELECT set_eq(
	$$SELECT proargnames::text, proallargtypes::regtype[]::text, proargmodes::text, pg_get_expr(proargdefaults, 0), proretset
	FROM pg_proc WHERE oid = 'hnsw_recall(regclass,int,int,int)'::regprocedure$$,
	$$VALUES ('{index,k,sample,ef,mean_recall,p5_recall,min_recall,mean_hops,mean_distances}',
		'{regclass,integer,integer,integer,"double precision","double precision","double precision","double precision","double precision"}',
		'{i,b,b,b,o,o,o,o,o}', '10, 100, NULL::integer', false)$$,
	'columns of hnsw_recall');
SELECT set_eq(
	$$SELECT proargnames::text, proallargtypes::regtype[]::text, proretset FROM pg_proc WHERE oid = 'hnsw_calibrate(regclass)'::regprocedure$$,
	$$VALUES ('{index,calibrated_nodes,ef_90,ef_95,ef_99}', '{regclass,bigint,integer,integer,integer}', false)$$,
	'columns of hnsw_calibrate');

-- ---- Views ----

SELECT set_eq(
	$$SELECT attrelid::regclass::text, string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute
	WHERE attrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
		AND attrelid IN ('vecext_last_scan'::regclass, 'vecext_session_buffers'::regclass)
	GROUP BY attrelid$$,
	$$VALUES ('vecext_last_scan', 'index regclass, ef integer, walks bigint, hops bigint, distances bigint, repeats bigint, passes bigint, '
			'candidates bigint, rechecks bigint, dead_rows bigint, late_rows bigint, rows bigint, mode text, matches bigint, peeks bigint'),
		('vecext_session_buffers', 'peeks bigint, peek_misses bigint, recent_pins bigint, slow_pins bigint')$$,
	'columns of the views');
SELECT is_empty(
	$$SELECT v FROM unnest(ARRAY['vecext_last_scan', 'vecext_session_buffers']) v
	WHERE obj_description(v::regclass, 'pg_class') IS NULL OR NOT has_table_privilege('public', v, 'select')$$,
	'the views have comments, and everybody may read them');
SELECT results_eq('SELECT count(*) FROM vecext_last_scan', 'VALUES (1::bigint)', 'there is one last scan');

-- ---- Rights: everybody may look, what they see depends on their tables ----

SELECT is_empty(
	$$SELECT signature FROM expected_function WHERE NOT has_function_privilege('public', signature, 'execute')$$,
	'everybody may call the functions');
CREATE ROLE regress_hnsw_contract;
SET ROLE regress_hnsw_contract;
SELECT throws_ok($$SELECT * FROM hnsw_index_info('hnsw_contract_i')$$, '42501', 'permission denied for table hnsw_contract',
	'info needs rights on the table');
SELECT throws_ok($$SELECT * FROM hnsw_index_check('hnsw_contract_i')$$, '42501', 'permission denied for table hnsw_contract',
	'check needs rights on the table');
SELECT throws_ok($$SELECT * FROM hnsw_recall('hnsw_contract_i')$$, '42501', 'permission denied for table hnsw_contract',
	'recall needs rights on the table');
SELECT throws_ok($$SELECT * FROM hnsw_calibrate('hnsw_contract_i')$$, '42501', 'permission denied for table hnsw_contract',
	'calibration needs rights on the table');
RESET ROLE;

-- ---- What a dump writes comes back ----

CREATE INDEX hnsw_contract_options ON hnsw_contract USING hnsw (v vector_cosine_ops) WITH (m = 8, ef_construction = 40, quantizer = 'none');
SELECT is(pg_get_indexdef('hnsw_contract_options'::regclass),
	$$CREATE INDEX hnsw_contract_options ON public.hnsw_contract USING hnsw (v vector_cosine_ops) WITH (m='8', ef_construction='40', quantizer='none')$$,
	'options are part of the definition');
SELECT is(reloptions, ARRAY['m=8', 'ef_construction=40', 'quantizer=none'], 'options are stored as written')
FROM pg_class WHERE relname = 'hnsw_contract_options';
SELECT set_eq(
	$$SELECT format_version, dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows, m, ef_construction, entry_node, calibrated
	FROM hnsw_index_info('hnsw_contract_i')$$,
	$$VALUES (2, 3, 'l2', 'sq8', 64, false, 0::bigint, 0::bigint, 16, 64, NULL::bigint, false)$$,
	'an empty index, by 8-bit codes and with the defaults');
DROP INDEX hnsw_contract_options;
DROP INDEX hnsw_contract_i;
INSERT INTO hnsw_contract VALUES ('[1,2,3]');
CREATE INDEX hnsw_contract_options ON hnsw_contract USING hnsw (v vector_cosine_ops) WITH (m = 8, ef_construction = 40, quantizer = 'none');
SELECT set_eq(
	$$SELECT format_version, dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows, m, ef_construction, entry_node, calibrated
	FROM hnsw_index_info('hnsw_contract_options')$$,
	$$VALUES (2, 3, 'cosine', 'none', 64, false, 1::bigint, 1::bigint, 8, 40, 0::bigint, false)$$,
	'an index with one row, without codes and with options');

SELECT * FROM finish();
ROLLBACK;
