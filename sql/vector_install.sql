-- Creating, moving and refusing the extension
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;

-- Into another schema, and on to a third, without help of the search path
BEGIN;
DROP EXTENSION vecext CASCADE;
CREATE SCHEMA vector_here;
CREATE SCHEMA vector_there;
CREATE EXTENSION vecext SCHEMA vector_here;
SELECT '[1,2]'::vector_here.vector OPERATOR(vector_here.<->) '[4,6]' AS l2;
CREATE TABLE vector_here.rows (v vector_here.vector(2));
INSERT INTO vector_here.rows VALUES ('[1,2]'), ('[3,4]');
ALTER EXTENSION vecext SET SCHEMA vector_there;
SELECT vector_there.avg(v), vector_there.sum(v), count(DISTINCT v), max(vector_there.vector_norm(v)),
	min(v OPERATOR(vector_there.<=>) '[1,1]') < 0.1 AS near, max(v::real[]) AS greatest
FROM vector_here.rows;
SELECT n.nspname, count(*) > 40 AS many
FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecext')
GROUP BY n.nspname;
ROLLBACK;

-- As a trusted extension, by somebody who may create in the database
BEGIN;
DROP EXTENSION vecext CASCADE;
CREATE ROLE regress_vecext_creator;
SELECT current_database() AS database \gset
GRANT CREATE ON DATABASE :"database" TO regress_vecext_creator;
CREATE SCHEMA vector_own AUTHORIZATION regress_vecext_creator;
SET ROLE regress_vecext_creator;
CREATE EXTENSION vecext SCHEMA vector_own;
SELECT vector_own.vector_norm('[3,4]');
RESET ROLE;
ROLLBACK;

-- Beside pgvector: an extension of its name with a member of its own stands
-- in for it.
BEGIN;
DROP EXTENSION vecext CASCADE;
CREATE FUNCTION vector_dims(text) RETURNS int LANGUAGE sql RETURN 1;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 4000000000, 'vector', 10, oid, true, '0.8.6' FROM pg_namespace WHERE nspname = current_schema;
INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
VALUES ('pg_proc'::regclass, 'vector_dims(text)'::regprocedure, 0, 'pg_extension'::regclass, 4000000000, 0, 'e');
\set VERBOSITY terse
SAVEPOINT s;
CREATE EXTENSION vecext;
ROLLBACK TO s;
\set VERBOSITY default
DO $$
DECLARE
	hint text;
BEGIN
	CREATE EXTENSION vecext;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RAISE WARNING '% %', SQLSTATE, hint;
END
$$;
ROLLBACK;

-- Beside itself under the name vector
BEGIN;
DO $$
BEGIN
	UPDATE pg_extension SET extname = 'vector' WHERE extname = 'vecext';
	CREATE EXTENSION vecext;
EXCEPTION WHEN OTHERS THEN
	RAISE WARNING '% %', SQLSTATE, SQLERRM;
END
$$;
ROLLBACK;
SELECT '[1]'::vector AS still_here;
