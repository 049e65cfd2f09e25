-- Walks find what recursive queries and textbook algorithms find, on random graphs
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;

-- 40 graphs of 12 nodes, with cycles, parallel edges, edges to the same node and ends that are null
SELECT setseed(0.4711);
CREATE TABLE graph_random AS
	SELECT row_number() OVER ()::int AS id, graph, CASE WHEN random() < 0.97 THEN (random() * 11)::int + graph * 100 END AS src,
		CASE WHEN random() < 0.97 THEN (random() * 11)::int + graph * 100 END AS dst,
		CASE WHEN random() < 0.9 THEN (ARRAY['a', 'b', 'c'])[1 + (random() * 2)::int] END AS type,
		CASE WHEN random() < 0.9 THEN (random() * 8)::int / 8.0::float8 END AS weight
	FROM generate_series(1, 40) graph, LATERAL generate_series(1, 6 + graph / 2) edge;
CREATE INDEX ON graph_random (src);
CREATE INDEX ON graph_random (dst);
CREATE VIEW graph_random_view AS SELECT * FROM graph_random;
CREATE TABLE graph_random_text AS SELECT id, 'k' || src AS src, 'k' || dst AS dst, type, weight FROM graph_random;
CREATE INDEX ON graph_random_text (src, type);

-- Every way of at most "depth" hops without a repeated node
CREATE FUNCTION graph_ways(seed int, depth int, direction text, types text[], OUT node int, OUT depth int, OUT path int[], OUT weight float8)
	RETURNS SETOF record LANGUAGE sql STABLE AS $$
	WITH RECURSIVE e AS (
		SELECT src, dst, coalesce(weight, 1) AS weight FROM graph_random WHERE direction <> 'in' AND (types IS NULL OR type = ANY (types))
		UNION ALL
		SELECT dst, src, coalesce(weight, 1) FROM graph_random WHERE direction <> 'out' AND (types IS NULL OR type = ANY (types))
	), w AS (
		SELECT seed AS node, 0 AS depth, ARRAY[seed] AS path, 1::float8 AS weight
		UNION ALL
		SELECT e.dst, w.depth + 1, w.path || e.dst, w.weight * e.weight
		FROM w JOIN e ON e.src = w.node WHERE w.depth < graph_ways.depth AND e.dst <> ALL (w.path)
	)
	SELECT * FROM w
$$;

CREATE TABLE graph_case AS
	SELECT row_number() OVER () AS n, graph, graph * 100 + (graph * 7 + d) % 12 AS seed, d AS depth, direction, types
	FROM generate_series(1, 40, 2) graph, generate_series(1, 6) d, unnest('{out,in,both}'::text[]) direction,
		(VALUES (NULL::text[]), ('{a}'), ('{a,c}')) t(types)
	-- all ways of six hops in dense graphs are too many
	WHERE NOT (direction = 'both' AND d > 4 AND graph > 20 AND types IS NULL);

-- The set of nodes with their least depths, the greatest weight of all ways so short, and of all ways
CREATE TABLE graph_truth AS
	SELECT n, w.node, min(w.depth) AS depth, (array_agg(weight ORDER BY w.depth, weight DESC))[1] AS nearest, max(weight) AS best FROM graph_case c, graph_ways(seed, c.depth, direction, types) w GROUP BY 1, 2;
SELECT count(*) > 2000 AS enough FROM graph_truth;

SELECT edges, strategy, count(*) AS differences
FROM unnest('{graph_random,graph_random_view}'::text[]) edges, unnest('{bfs,water_circle,beam}'::text[]) strategy, LATERAL (
	(SELECT n, w.node, w.depth FROM graph_case c, graph_walk(edges, ARRAY[seed], types, c.depth, direction, strategy => strategy, beam_width => 100) w
	 EXCEPT SELECT n, node, depth FROM graph_truth)
	UNION ALL
	(SELECT n, node, depth FROM graph_truth
	 EXCEPT SELECT n, w.node, w.depth FROM graph_case c, graph_walk(edges, ARRAY[seed], types, c.depth, direction, strategy => strategy, beam_width => 100) w)) s
GROUP BY 1, 2;
SELECT count(*) AS differences FROM (
	(SELECT n, w.node, w.depth FROM graph_case c, graph_walk('graph_random_text', ARRAY['k' || seed], types, c.depth, direction) w
	 EXCEPT SELECT n, 'k' || node, depth FROM graph_truth)
	UNION ALL
	(SELECT n, 'k' || node, depth FROM graph_truth
	 EXCEPT SELECT n, w.node, w.depth FROM graph_case c, graph_walk('graph_random_text', ARRAY['k' || seed], types, c.depth, direction) w)) s;
-- Each node once, also row by row and from several seeds
SELECT count(*), count(DISTINCT (n, node)) = count(*) AS once, count(DISTINCT n) FROM graph_case c, graph_walk('graph_random', ARRAY[seed], types, c.depth, direction);
SELECT count(*) AS differences FROM (
	SELECT n, (graph_walk('graph_random', ARRAY[seed], types, depth, direction)).* FROM graph_case WHERE n % 5 = 0
	EXCEPT SELECT n, w.* FROM graph_case c, graph_walk('graph_random', ARRAY[seed], types, c.depth, direction) w) s;
SELECT count(*) AS differences FROM (
	(SELECT node, depth FROM graph_walk('graph_random', (SELECT array_agg(seed) FROM graph_case), max_depth => 2)
	 EXCEPT SELECT w.node, min(w.depth) FROM (SELECT DISTINCT seed FROM graph_case) c, graph_ways(seed, 2, 'out', NULL) w GROUP BY 1)) s;

-- bfs: the greatest weight of all ways of the least depth; best_first: of all ways
SELECT edges, strategy, count(*) AS compared,
	count(*) FILTER (WHERE abs(w.weight - CASE strategy WHEN 'best_first' THEN best ELSE nearest END) < 1e-12 IS NOT TRUE) AS differences
FROM unnest('{graph_random,graph_random_view}'::text[]) edges, unnest('{bfs,water_circle,best_first}'::text[]) strategy, graph_case c
	JOIN graph_truth t USING (n)
	LEFT JOIN LATERAL (SELECT n, node, weight FROM graph_walk(edges, ARRAY[seed], types, c.depth, direction, strategy => strategy)) w USING (n, node)
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS not_in_order FROM (
	SELECT score, lag(score) OVER (PARTITION BY n ORDER BY ordinality) AS before
	FROM graph_case c, graph_walk('graph_random', ARRAY[seed], types, c.depth, direction, strategy => 'best_first', decay => 0.7) WITH ORDINALITY w) s
WHERE score > before;
-- Scores are weights times decays; what max_rows lets through are the first
SELECT count(*) AS differences FROM graph_case c, unnest('{bfs,water_circle,best_first}'::text[]) strategy,
	graph_walk('graph_random', ARRAY[seed], types, c.depth, direction, strategy => strategy, decay => 0.7) w
WHERE abs(score - weight * 0.7 ^ w.depth) > 1e-12;
SELECT count(*) AS differences FROM graph_case c, unnest('{water_circle,best_first}'::text[]) strategy, LATERAL (
	SELECT * FROM graph_walk('graph_random', ARRAY[seed], types, c.depth, direction, strategy => strategy, max_rows => 3)
	EXCEPT SELECT * FROM (SELECT * FROM graph_walk('graph_random', ARRAY[seed], types, c.depth, direction, strategy => strategy) LIMIT 3) f) s;

-- Paths are made of the edges that edge_path names, and have their weight
CREATE FUNCTION graph_path_is_sound(path int[], edge_path text[], direction text, types text[], depth int, weight float8) RETURNS bool LANGUAGE sql STABLE AS $$
	SELECT cardinality(path) = depth + 1 AND cardinality(edge_path) = depth AND
		(SELECT count(DISTINCT p) = depth + 1 FROM unnest(path) p) AND
		coalesce((SELECT bool_and(e.id IS NOT NULL) AND abs(exp(sum(ln(greatest(coalesce(e.weight, 1), 1e-30)))) - max($6)) < 1e-9
			FROM generate_series(1, depth) i LEFT JOIN graph_random e ON e.id = edge_path[i]::int AND (types IS NULL OR e.type = ANY (types)) AND
				((direction <> 'in' AND e.src = path[i] AND e.dst = path[i + 1]) OR (direction <> 'out' AND e.dst = path[i] AND e.src = path[i + 1]))), true)
$$;
SELECT strategy, count(*) > 1000 AS enough, count(*) FILTER (WHERE graph_path_is_sound(path, edge_path, direction, types, w.depth, w.weight) IS NOT TRUE) AS unsound
FROM graph_case c, unnest('{bfs,water_circle,beam,best_first}'::text[]) strategy,
	graph_walk(CASE WHEN n % 2 = 0 THEN 'graph_random' ELSE 'graph_random_view' END, ARRAY[seed], types, c.depth, direction, strategy => strategy, beam_width => 3) w
GROUP BY 1 ORDER BY 1;

-- beam: of each ring the beam_width best, from the rest of the rings before
CREATE FUNCTION graph_beam(seed int, depth int, width int) RETURNS TABLE (node int, ring int, weight float8) LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE IF NOT EXISTS graph_reached (node int, ring int, weight float8, kept bool);
	TRUNCATE graph_reached;
	INSERT INTO graph_reached VALUES (seed, 0, 1, true);
	FOR d IN 1..depth LOOP
		INSERT INTO graph_reached
			SELECT r.dst, d, r.weight, rank() OVER (ORDER BY r.weight DESC) <= width
			FROM (SELECT e.dst, max(g.weight * coalesce(e.weight, 1)) AS weight FROM graph_reached g JOIN graph_random e ON e.src = g.node
				WHERE g.ring = d - 1 AND g.kept AND e.dst NOT IN (SELECT x.node FROM graph_reached x) GROUP BY 1) r;
	END LOOP;
	RETURN QUERY SELECT g.node, g.ring, g.weight FROM graph_reached g WHERE g.kept;
END
$$;
-- where no weights tie at the edge of a beam
SELECT count(*) > 100 AS enough, count(*) FILTER (WHERE walked IS DISTINCT FROM expected) AS differences FROM (
	SELECT (SELECT array_agg((node, depth, round(weight::numeric, 9)) ORDER BY node) FROM graph_walk('graph_random', ARRAY[seed], max_depth => c.depth, strategy => 'beam', beam_width => 2)) AS walked,
		(SELECT array_agg((node, ring, round(weight::numeric, 9)) ORDER BY node) FROM graph_beam(seed, c.depth, 2)) AS expected,
		(SELECT bool_and(n <= 2) FROM (SELECT count(*) AS n FROM graph_beam(seed, c.depth, 2) WHERE ring > 0 GROUP BY ring) s) AS no_ties
	FROM (SELECT DISTINCT seed, depth FROM graph_case WHERE direction = 'out' AND types IS NULL) c) s
WHERE no_ties IS NOT FALSE;

-- Shortest paths: Dijkstra's algorithm, as the textbook has it
CREATE FUNCTION graph_dijkstra(seed int, direction text) RETURNS TABLE (node int, cost float8) LANGUAGE plpgsql AS $$
DECLARE
	nearest int;
	distance float8;
BEGIN
	CREATE TEMP TABLE IF NOT EXISTS graph_distance (node int PRIMARY KEY, cost float8, final bool);
	TRUNCATE graph_distance;
	INSERT INTO graph_distance VALUES (seed, 0, false);
	LOOP
		SELECT d.node, d.cost INTO nearest, distance FROM graph_distance d WHERE NOT d.final ORDER BY d.cost LIMIT 1;
		EXIT WHEN NOT FOUND;
		UPDATE graph_distance d SET final = true WHERE d.node = nearest;
		INSERT INTO graph_distance AS d
			SELECT e.far, min(distance + coalesce(e.weight, 1)), false
			FROM (SELECT dst AS far, weight FROM graph_random WHERE src = nearest AND direction <> 'in'
				UNION ALL SELECT src, weight FROM graph_random WHERE dst = nearest AND direction <> 'out') e
			WHERE e.far IS NOT NULL GROUP BY 1
			ON CONFLICT ON CONSTRAINT graph_distance_pkey DO UPDATE SET cost = least(d.cost, excluded.cost);
	END LOOP;
	RETURN QUERY SELECT d.node, d.cost FROM graph_distance d;
END
$$;
SELECT edges, direction, count(p.cost) AS connected,
	count(*) FILTER (WHERE (p.cost IS NULL) <> (d.cost IS NULL) OR abs(p.cost - d.cost) > 1e-12) AS differences
FROM unnest('{graph_random,graph_random_view}'::text[]) edges, unnest('{out,in,both}'::text[]) direction, generate_series(1, 40) graph,
	LATERAL (SELECT array_agg(node) AS nodes, array_agg(cost) AS costs FROM graph_dijkstra(graph * 100 + 3, direction)) truth,
	generate_series(graph * 100, graph * 100 + 11) target
	CROSS JOIN LATERAL (SELECT truth.costs[array_position(truth.nodes, target)] AS cost) d
	LEFT JOIN LATERAL graph_shortest_path(edges, graph * 100 + 3, target, direction => direction, weighted => true) p ON true
GROUP BY 1, 2 ORDER BY 1, 2;
-- within a number of hops: the least over all ways
SELECT count(*) AS compared, count(*) FILTER (WHERE p.cost IS DISTINCT FROM t.cost AND abs(p.cost - t.cost) > 1e-12 OR (p.cost IS NULL)) AS differences
FROM generate_series(1, 40) graph, generate_series(1, 4) hops, LATERAL (
	WITH RECURSIVE w AS (
		SELECT graph * 100 + 5 AS node, 0 AS depth, ARRAY[graph * 100 + 5] AS path, 0::float8 AS cost
		UNION ALL
		SELECT e.dst, w.depth + 1, w.path || e.dst, w.cost + coalesce(e.weight, 1) FROM w JOIN graph_random e ON e.src = w.node
		WHERE w.depth < hops AND e.dst <> ALL (w.path))
	SELECT node, min(cost) AS cost FROM w GROUP BY 1) t
	LEFT JOIN LATERAL graph_shortest_path('graph_random', graph * 100 + 5, t.node, weighted => true, max_depth => hops) p ON true;
-- fewest hops
SELECT count(*) AS compared, count(*) FILTER (WHERE p.depth IS DISTINCT FROM t.depth OR p.cost <> p.depth) AS differences
FROM graph_case c JOIN graph_truth t USING (n) LEFT JOIN LATERAL graph_shortest_path('graph_random', seed, t.node, types, direction) p ON true;

-- Components: reached from each other by edges in either direction
SELECT count(*) > 100 AS enough, count(*) FILTER (WHERE (a.component = b.component) <> EXISTS (
	SELECT FROM graph_walk('graph_random', ARRAY[a.node::int], max_depth => NULL, direction => 'both') w WHERE w.node = b.node::int)) AS differences,
	bool_and(a.component >= b.component OR a.size >= b.size) AS largest_first
FROM graph_components('graph_random') a, graph_components('graph_random') b WHERE a.node::int % 9 = 1 AND b.node::int % 2 = 0;
-- Subgraphs: all edges between the nodes that a walk returns
SELECT count(*) AS differences FROM graph_case c, LATERAL (
	SELECT edge_id::int FROM graph_subgraph(CASE WHEN n % 2 = 0 THEN 'graph_random' ELSE 'graph_random_view' END, ARRAY[seed], types, c.depth, direction) WHERE kind = 'edge'
	EXCEPT ALL SELECT e.id FROM graph_random e JOIN graph_truth a ON a.node = e.src AND a.n = c.n JOIN graph_truth b ON b.node = e.dst AND b.n = c.n
	WHERE types IS NULL OR type = ANY (types)) s;
SELECT count(*) AS differences FROM graph_case c, LATERAL (
	SELECT e.id FROM graph_random e JOIN graph_truth a ON a.node = e.src AND a.n = c.n JOIN graph_truth b ON b.node = e.dst AND b.n = c.n
	WHERE types IS NULL OR type = ANY (types)
	EXCEPT ALL SELECT edge_id::int FROM graph_subgraph('graph_random', ARRAY[seed], types, c.depth, direction) WHERE kind = 'edge') s;

-- So many keys that an index is read through, with keys that it does not have and that its column cannot hold
CREATE TABLE graph_dense AS
	SELECT (random() * 2000)::int - 1000 AS src, (random() * 2000)::int8 - 1000 AS dst FROM generate_series(1, 6000);
CREATE INDEX ON graph_dense (src);
CREATE INDEX ON graph_dense (dst);
CREATE TABLE graph_dense_uuid AS
	SELECT md5(src::text)::uuid AS src, md5(dst::text)::uuid AS dst FROM graph_dense;
CREATE INDEX ON graph_dense_uuid (src);
DELETE FROM graph_dense WHERE src % 7 = 0;
DELETE FROM graph_dense_uuid e WHERE EXISTS (SELECT FROM generate_series(-1000, 1000) i WHERE i % 7 = 0 AND e.src = md5(i::text)::uuid);
CREATE TABLE graph_dense_seed AS
	SELECT i::int8 AS id FROM generate_series(-1200, 1200) i WHERE i % 3 = 0 UNION ALL SELECT i + (1::int8 << 40) * sign(i)::int8 FROM generate_series(-20, 20) i;
CREATE FUNCTION graph_dense_truth(direction text) RETURNS TABLE (node int8, depth int) LANGUAGE sql STABLE AS $$
	SELECT id, min(d) FROM (
		SELECT id, 0 AS d FROM graph_dense_seed
		UNION ALL SELECT dst, 1 FROM graph_dense e JOIN graph_dense_seed s ON s.id = e.src WHERE direction <> 'in'
		UNION ALL SELECT src, 1 FROM graph_dense e JOIN graph_dense_seed s ON s.id = e.dst WHERE direction <> 'out') s
	GROUP BY 1
$$;
SELECT direction, count(*) > 1000 AS enough, count(*) FILTER (WHERE w.depth IS DISTINCT FROM t.depth) AS differences
FROM unnest('{out,in,both}'::text[]) direction, LATERAL (
	SELECT w.depth AS depth, t.depth AS other FROM graph_walk('graph_dense', (SELECT array_agg(id) FROM graph_dense_seed), max_depth => 1, direction => direction) w
		FULL JOIN graph_dense_truth(direction) t USING (node)) w(depth, other), LATERAL (SELECT w.other) t(depth)
GROUP BY 1 ORDER BY 1;
SELECT count(*) > 1000 AS enough, count(*) FILTER (WHERE w.depth IS DISTINCT FROM t.depth) AS differences
FROM graph_walk('graph_dense_uuid', (SELECT array_agg(md5(id::text)::uuid) FROM graph_dense_seed), max_depth => 1) w
	FULL JOIN (SELECT md5(node::text)::uuid AS node, depth FROM graph_dense_truth('out')) t USING (node);
SELECT count(*) AS differences FROM (
	(SELECT node, target FROM graph_subgraph('graph_dense', (SELECT array_agg(id) FROM graph_dense_seed), max_depth => 0) WHERE kind = 'edge'
	 EXCEPT ALL SELECT src, dst FROM graph_dense WHERE src IN (SELECT id FROM graph_dense_seed) AND dst IN (SELECT id FROM graph_dense_seed))
	UNION ALL
	(SELECT src, dst FROM graph_dense WHERE src IN (SELECT id FROM graph_dense_seed) AND dst IN (SELECT id FROM graph_dense_seed)
	 EXCEPT ALL SELECT node, target FROM graph_subgraph('graph_dense', (SELECT array_agg(id) FROM graph_dense_seed), max_depth => 0) WHERE kind = 'edge')) s;
DROP FUNCTION graph_dense_truth;
DROP TABLE graph_dense, graph_dense_uuid, graph_dense_seed;
DROP TABLE graph_random, graph_random_text, graph_case, graph_truth CASCADE;
DROP FUNCTION graph_ways, graph_path_is_sound, graph_beam, graph_dijkstra;
