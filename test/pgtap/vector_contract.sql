-- The SQL contract of the vector type, read from the catalogs.
BEGIN;
SELECT plan(35);

CREATE TEMP VIEW member AS
	SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecext');

-- ---- The type ----

SELECT has_type('vector');
SELECT results_eq(
	$$SELECT typlen, typbyval, typtype, typcategory, typdelim, typinput::text, typoutput::text, typreceive::text, typsend::text,
		typmodin::text, typmodout::text, typanalyze::text, typsubscript::text, typalign, typstorage, typcollation, typelem
	FROM pg_type WHERE oid = 'vector'::regtype$$,
	$$VALUES (-1::int2, false, 'b'::"char", 'U'::"char", ','::"char", 'vector_in', 'vector_out', 'vector_recv', 'vector_send',
		'vector_typmod_in', '-', '-', '-', 'i'::"char", 'e'::"char", 0::oid, 0::oid)$$,
	'type vector has its I/O functions, type modifier, alignment and storage');
SELECT is(format_type('vector'::regtype, 3), 'vector(3)', 'type modifier is shown as dimensions');
SELECT has_type('_vector', 'there is an array type');
SELECT isnt(obj_description('vector'::regtype, 'pg_type'), NULL, 'the type has a comment');

-- ---- Functions ----

CREATE TEMP TABLE expected_function (signature text, result text, symbol text, cost real);
INSERT INTO expected_function VALUES
	('vector_in(cstring,oid,integer)', 'vector', 'vector_in', 500),
	('vector_out(vector)', 'cstring', 'vector_out', 1000),
	('vector_typmod_in(cstring[])', 'integer', 'vector_typmod_in', 1),
	('vector_recv(internal,oid,integer)', 'vector', 'vector_recv', 10),
	('vector_send(vector)', 'bytea', 'vector_send', 10),
	('l2_distance(vector,vector)', 'double precision', 'l2_distance', 10),
	('inner_product(vector,vector)', 'double precision', 'inner_product', 10),
	('cosine_distance(vector,vector)', 'double precision', 'cosine_distance', 10),
	('l1_distance(vector,vector)', 'double precision', 'l1_distance', 10),
	('vector_l2_squared_distance(vector,vector)', 'double precision', 'vector_l2_squared_distance', 10),
	('vector_negative_inner_product(vector,vector)', 'double precision', 'vector_negative_inner_product', 10),
	('vector_spherical_distance(vector,vector)', 'double precision', 'vector_spherical_distance', 10),
	('vector_dims(vector)', 'integer', 'vector_dims', 1),
	('vector_norm(vector)', 'double precision', 'vector_norm', 10),
	('l2_normalize(vector)', 'vector', 'l2_normalize', 50),
	('binary_quantize(vector)', 'bit', 'binary_quantize', 10),
	('subvector(vector,integer,integer)', 'vector', 'subvector', 5),
	('vector_add(vector,vector)', 'vector', 'vector_add', 10),
	('vector_sub(vector,vector)', 'vector', 'vector_sub', 20),
	('vector_mul(vector,vector)', 'vector', 'vector_mul', 50),
	('vector_concat(vector,vector)', 'vector', 'vector_concat', 10),
	('vector_lt(vector,vector)', 'boolean', 'vector_lt', 5),
	('vector_le(vector,vector)', 'boolean', 'vector_le', 5),
	('vector_eq(vector,vector)', 'boolean', 'vector_eq', 5),
	('vector_ne(vector,vector)', 'boolean', 'vector_ne', 5),
	('vector_ge(vector,vector)', 'boolean', 'vector_ge', 5),
	('vector_gt(vector,vector)', 'boolean', 'vector_gt', 5),
	('vector_cmp(vector,vector)', 'integer', 'vector_cmp', 5),
	('vector_hash(vector)', 'integer', 'vector_hash', 100),
	('vector_hash_extended(vector,bigint)', 'bigint', 'vector_hash_extended', 100),
	('vector(vector,integer,boolean)', 'vector', 'vector_to_vector', 1),
	('array_to_vector(integer[],integer,boolean)', 'vector', 'array_to_vector', 30),
	('array_to_vector(real[],integer,boolean)', 'vector', 'array_to_vector', 10),
	('array_to_vector(double precision[],integer,boolean)', 'vector', 'array_to_vector', 30),
	('array_to_vector(numeric[],integer,boolean)', 'vector', 'array_to_vector', 5000),
	('vector_to_float4(vector,integer,boolean)', 'real[]', 'vector_to_float4', 10),
	('vector_accum(double precision[],vector)', 'double precision[]', 'vector_accum', 50),
	('vector_combine(double precision[],double precision[])', 'double precision[]', 'vector_combine', 50),
	('vector_avg(double precision[])', 'vector', 'vector_avg', 100);

SELECT set_eq(
	$$SELECT oid::regprocedure::text, prorettype::regtype::text, prosrc, procost FROM pg_proc
	WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass) AND prokind = 'f'
		AND prosrc IN (SELECT 'vecext_' || symbol FROM expected_function)$$,
	$$SELECT signature, result, 'vecext_' || symbol, cost FROM expected_function$$,
	'functions have their arguments, results, C symbols and costs');
SELECT is_empty(
	$$SELECT signature FROM expected_function JOIN pg_proc p ON p.oid = signature::regprocedure
	WHERE NOT (provolatile = 'i' AND proisstrict AND proparallel = 's' AND NOT proretset AND NOT proleakproof AND NOT prosecdef
		AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND probin = '$libdir/vecext' AND proconfig IS NULL)$$,
	'functions are immutable, strict, parallel safe C functions');
SELECT is_empty(
	$$SELECT signature FROM expected_function WHERE obj_description(signature::regprocedure, 'pg_proc') IS NULL$$,
	'functions have comments');

-- ---- Operators ----

CREATE TEMP VIEW vector_operator AS
	SELECT * FROM pg_operator
	WHERE oprleft = 'vector'::regtype AND oprright = 'vector'::regtype
		AND oid IN (SELECT objid FROM member WHERE classid = 'pg_operator'::regclass);

SELECT set_eq(
	$$SELECT oprname::text, oprresult::regtype::text, oprcode::text FROM vector_operator$$,
	$$VALUES ('<->', 'double precision', 'l2_distance'), ('<#>', 'double precision', 'vector_negative_inner_product'),
		('<=>', 'double precision', 'cosine_distance'), ('<+>', 'double precision', 'l1_distance'),
		('+', 'vector', 'vector_add'), ('-', 'vector', 'vector_sub'), ('*', 'vector', 'vector_mul'), ('||', 'vector', 'vector_concat'),
		('<', 'boolean', 'vector_lt'), ('<=', 'boolean', 'vector_le'), ('=', 'boolean', 'vector_eq'),
		('<>', 'boolean', 'vector_ne'), ('>=', 'boolean', 'vector_ge'), ('>', 'boolean', 'vector_gt')$$,
	'operators have their results and functions');
SELECT set_eq(
	$$SELECT o.oprname::text AS operator, c.oprname::text AS commutator FROM vector_operator o LEFT JOIN vector_operator c ON c.oid = o.oprcom$$,
	$$VALUES ('<->', '<->'), ('<#>', '<#>'), ('<=>', '<=>'), ('<+>', '<+>'), ('+', '+'), ('-', NULL), ('*', '*'), ('||', NULL),
		('<', '>'), ('<=', '>='), ('=', '='), ('<>', '<>'), ('>=', '<='), ('>', '<')$$,
	'operators have their commutators');
SELECT set_eq(
	$$SELECT o.oprname::text AS operator, n.oprname::text AS negator FROM vector_operator o JOIN vector_operator n ON n.oid = o.oprnegate$$,
	$$VALUES ('<', '>='), ('<=', '>'), ('=', '<>'), ('<>', '='), ('>=', '<'), ('>', '<=')$$,
	'comparisons, and nothing else, have their negators');
SELECT set_eq(
	$$SELECT oprname::text, oprrest::text, oprjoin::text FROM vector_operator WHERE oprrest <> 0 OR oprjoin <> 0$$,
	$$VALUES ('<', 'scalarltsel', 'scalarltjoinsel'), ('<=', 'scalarlesel', 'scalarlejoinsel'), ('=', 'eqsel', 'eqjoinsel'),
		('<>', 'neqsel', 'neqjoinsel'), ('>=', 'scalargesel', 'scalargejoinsel'), ('>', 'scalargtsel', 'scalargtjoinsel')$$,
	'comparisons, and nothing else, have their selectivity estimators');
SELECT set_eq(
	$$SELECT oprname::text, oprcanhash, oprcanmerge FROM vector_operator WHERE oprcanhash OR oprcanmerge$$,
	$$VALUES ('=', true, true)$$,
	'= can hash and merge, and nothing else can');
SELECT is_empty(
	$$SELECT oprname FROM vector_operator WHERE obj_description(oid, 'pg_operator') IS NULL$$,
	'operators have comments');

-- ---- Casts ----

SELECT set_eq(
	$$SELECT castsource::regtype::text, casttarget::regtype::text, castfunc::regprocedure::text, castcontext::text, castmethod::text
	FROM pg_cast
	WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_cast'::regclass)
		AND 'vector'::regtype IN (castsource, casttarget)
		AND (castsource = casttarget OR format_type(castsource, NULL) LIKE '%[]' OR format_type(casttarget, NULL) LIKE '%[]')$$,
	$$VALUES ('vector', 'vector', 'vector(vector,integer,boolean)', 'i', 'f'),
		('vector', 'real[]', 'vector_to_float4(vector,integer,boolean)', 'i', 'f'),
		('integer[]', 'vector', 'array_to_vector(integer[],integer,boolean)', 'a', 'f'),
		('real[]', 'vector', 'array_to_vector(real[],integer,boolean)', 'a', 'f'),
		('double precision[]', 'vector', 'array_to_vector(double precision[],integer,boolean)', 'a', 'f'),
		('numeric[]', 'vector', 'array_to_vector(numeric[],integer,boolean)', 'a', 'f')$$,
	'casts have their functions and contexts');

-- ---- Aggregates ----

SELECT set_eq(
	$$SELECT a.aggfnoid::regprocedure::text, aggkind, aggtransfn::text, aggtranstype::regtype::text, aggfinalfn::text, aggcombinefn::text,
		agginitval, aggserialfn::text, aggmtransfn::text, aggfinalextra, aggfinalmodify, aggsortop, proparallel, provolatile
	FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
	WHERE p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass) AND proargtypes[0] = 'vector'::regtype$$,
	$$VALUES ('avg(vector)', 'n'::"char", 'vector_accum', 'double precision[]', 'vector_avg', 'vector_combine', '{0}', '-', '-', false, 'r'::"char", 0::oid, 's'::"char", 'i'::"char"),
		('sum(vector)', 'n', 'vector_add', 'vector', '-', 'vector_add', NULL, '-', '-', false, 'r', 0, 's', 'i')$$,
	'aggregates have their transition, combine and final functions');
SELECT isnt(obj_description('avg(vector)'::regprocedure, 'pg_proc'), NULL, 'avg(vector) has a comment');
SELECT isnt(obj_description('sum(vector)'::regprocedure, 'pg_proc'), NULL, 'sum(vector) has a comment');

-- ---- Operator classes ----

CREATE TEMP VIEW vector_class AS
	SELECT c.*, amname FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
	WHERE opcintype = 'vector'::regtype AND amname IN ('btree', 'hash');

SELECT set_eq(
	$$SELECT amname::text, opcname::text, opcdefault, opckeytype FROM vector_class$$,
	$$VALUES ('btree', 'vector_ops', true, 0::oid), ('hash', 'vector_ops', true, 0)$$,
	'there are default operator classes for btree and hash');
SELECT set_eq(
	$$SELECT amname::text, amopstrategy::int, amopopr::regoperator::text, amoppurpose::text
	FROM vector_class JOIN pg_amop ON amopfamily = opcfamily$$,
	$$VALUES ('btree', 1, '<(vector,vector)', 's'), ('btree', 2, '<=(vector,vector)', 's'), ('btree', 3, '=(vector,vector)', 's'),
		('btree', 4, '>=(vector,vector)', 's'), ('btree', 5, '>(vector,vector)', 's'), ('hash', 1, '=(vector,vector)', 's')$$,
	'operator classes have their operators');
SELECT set_eq(
	$$SELECT amname::text, amprocnum::int, amproc::regprocedure::text FROM vector_class JOIN pg_amproc ON amprocfamily = opcfamily$$,
	$$VALUES ('btree', 1, 'vector_cmp(vector,vector)'), ('hash', 1, 'vector_hash(vector)'), ('hash', 2, 'vector_hash_extended(vector,bigint)')$$,
	'operator classes have their support functions');
SELECT is_empty(
	$$SELECT amname FROM vector_class WHERE NOT amvalidate(oid)$$,
	'operator classes are valid');
SELECT is_empty(
	$$SELECT amname FROM vector_class WHERE obj_description(oid, 'pg_opclass') IS NULL$$,
	'operator classes have comments');

-- ---- What clients rely on ----

SELECT lives_ok($$SELECT vector_norm('[1,1]')$$, 'vector_norm takes an untyped literal');
SELECT is('[3,1,2]'::vector::text, '[3,1,2]', 'text form');
SELECT is(vector_send('[1,2]'), '\x000200003f80000040000000'::bytea, 'binary form');
SELECT is(pg_typeof('[1]'::vector <-> '[2]')::text, 'double precision', 'operators resolve with one untyped literal');
SELECT is(binary_quantize('[1,-1,1]'), B'101', 'binary_quantize gives a bit string');
SELECT throws_ok($$SELECT '[1,2]'::vector(3)$$, '22000', 'expected 3 dimensions, not 2', 'typmod mismatch');
SELECT throws_ok($$SELECT '[1,2]'::vector <-> '[1]'$$, '22000', 'different vector dimensions 2 and 1', 'different dimensions');

-- ---- The extension ----

SELECT ok(extrelocatable, 'the extension is relocatable') FROM pg_extension WHERE extname = 'vecext';
SELECT ok(trusted AND superuser, 'the extension is trusted') FROM pg_available_extension_versions WHERE name = 'vecext' AND installed;
SELECT is_empty(
	$$SELECT n.nspname FROM member JOIN pg_proc p ON p.oid = objid JOIN pg_namespace n ON n.oid = pronamespace
	WHERE classid = 'pg_proc'::regclass AND pronamespace <> (SELECT extnamespace FROM pg_extension WHERE extname = 'vecext')$$,
	'all functions are in the schema of the extension');
SELECT is_empty(
	$$SELECT p.oid::regprocedure FROM member JOIN pg_proc p ON p.oid = objid
	WHERE classid = 'pg_proc'::regclass AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND prosrc NOT LIKE 'vecext\_%'$$,
	'all C symbols carry our prefix');

-- ---- Comments ----

-- 17 counts types of arrays and rows, too; they go by what they belong to.
SELECT is_empty(
	$$SELECT pg_describe_object(classid, objid, 0) FROM member
	WHERE classid <> 'pg_opfamily'::regclass
		AND NOT (classid = 'pg_type'::regclass AND objid IN (SELECT oid FROM pg_type WHERE typcategory IN ('A', 'C')))
		AND obj_description(objid, classid::regclass::name) IS NULL$$,
	'every object of the extension has a comment');

SELECT * FROM finish();
ROLLBACK;
