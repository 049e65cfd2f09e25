-- Walks over tables of edges

CREATE FUNCTION graph_walk(
	edges regclass, seeds anyarray, edge_types text[] DEFAULT NULL, max_depth int DEFAULT 3,
	direction text DEFAULT 'out', min_weight float8 DEFAULT NULL, as_of timestamptz DEFAULT NULL,
	strategy text DEFAULT 'bfs', beam_width int DEFAULT 10, decay float8 DEFAULT 1,
	max_rows bigint DEFAULT NULL, through_invalid bool DEFAULT false, nodes regclass DEFAULT NULL,
	src_column name DEFAULT NULL, dst_column name DEFAULT NULL, type_column name DEFAULT NULL,
	weight_column name DEFAULT NULL, valid_column name DEFAULT NULL,
	invalidated_column name DEFAULT NULL, id_column name DEFAULT NULL,
	node_id_column name DEFAULT NULL, node_valid_column name DEFAULT NULL,
	tenant_column name DEFAULT NULL, known_at timestamptz DEFAULT NULL,
	OUT node anyelement, OUT depth int, OUT path anyarray, OUT edge_path text[],
	OUT weight float8, OUT score float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_graph_walk' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 1000;
COMMENT ON FUNCTION graph_walk(regclass, anyarray, text[], int, text, float8, timestamptz, text, int, float8, bigint, bool, regclass, name, name, name, name, name, name, name, name, name, name, timestamptz) IS
	'the nodes that edges lead to from the seeds in at most max_depth hops (null: any number), each once, by its best path; weight is the product of the path''s weights, score weight times decay to the power of depth; strategy is bfs (ring by ring), water_circle (the same, best first in each ring), beam (the best beam_width of each ring) or best_first (greatest score next); nodes names a table of nodes whose validity counts, of versions known at known_at; tenant_column restricts both tables to the rows of vecext.tenant; column names that are null stand for type, weight, valid, invalidated_at, id, where there are such columns, empty ones for no column';

CREATE FUNCTION graph_subgraph(
	edges regclass, seeds anyarray, edge_types text[] DEFAULT NULL, max_depth int DEFAULT 3,
	direction text DEFAULT 'out', min_weight float8 DEFAULT NULL, as_of timestamptz DEFAULT NULL,
	strategy text DEFAULT 'bfs', beam_width int DEFAULT 10, decay float8 DEFAULT 1,
	max_rows bigint DEFAULT NULL, through_invalid bool DEFAULT false, nodes regclass DEFAULT NULL,
	src_column name DEFAULT NULL, dst_column name DEFAULT NULL, type_column name DEFAULT NULL,
	weight_column name DEFAULT NULL, valid_column name DEFAULT NULL,
	invalidated_column name DEFAULT NULL, id_column name DEFAULT NULL,
	node_id_column name DEFAULT NULL, node_valid_column name DEFAULT NULL,
	tenant_column name DEFAULT NULL, known_at timestamptz DEFAULT NULL,
	OUT kind text, OUT node anyelement, OUT target anyelement, OUT depth int, OUT edge_id text,
	OUT edge_type text, OUT weight float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_graph_subgraph' LANGUAGE C STABLE PARALLEL RESTRICTED COST 20000 ROWS 2000;
COMMENT ON FUNCTION graph_subgraph(regclass, anyarray, text[], int, text, float8, timestamptz, text, int, float8, bigint, bool, regclass, name, name, name, name, name, name, name, name, name, name, timestamptz) IS
	'what graph_walk returns with the same arguments, a row of kind node each, then all edges between these nodes that meet the same conditions, a row of kind edge each, from node to target; max_rows bounds the nodes';

CREATE FUNCTION graph_neighbors(
	edges regclass, node anyelement, edge_types text[] DEFAULT NULL, direction text DEFAULT 'out',
	min_weight float8 DEFAULT NULL, as_of timestamptz DEFAULT NULL, max_rows bigint DEFAULT NULL,
	src_column name DEFAULT NULL, dst_column name DEFAULT NULL, type_column name DEFAULT NULL,
	weight_column name DEFAULT NULL, valid_column name DEFAULT NULL,
	invalidated_column name DEFAULT NULL, id_column name DEFAULT NULL,
	tenant_column name DEFAULT NULL,
	OUT neighbor anyelement, OUT edge_id text, OUT edge_type text, OUT weight float8,
	OUT edge_direction text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_graph_neighbors' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 10;
COMMENT ON FUNCTION graph_neighbors(regclass, anyelement, text[], text, float8, timestamptz, bigint, name, name, name, name, name, name, name, name) IS
	'the edges of a node, a row each, with the node at the other end and whether they go out of the node or into it';

CREATE FUNCTION graph_components(
	edges regclass, edge_types text[] DEFAULT NULL, min_weight float8 DEFAULT NULL,
	as_of timestamptz DEFAULT NULL,
	src_column name DEFAULT NULL, dst_column name DEFAULT NULL, type_column name DEFAULT NULL,
	weight_column name DEFAULT NULL, valid_column name DEFAULT NULL,
	invalidated_column name DEFAULT NULL, id_column name DEFAULT NULL,
	tenant_column name DEFAULT NULL,
	OUT component bigint, OUT node text, OUT size bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_graph_components' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10000;
COMMENT ON FUNCTION graph_components(regclass, text[], float8, timestamptz, name, name, name, name, name, name, name, name) IS
	'the nodes of all edges and which component each belongs to, that is which hang together by edges in either direction; components are numbered from 1, the largest first; nodes are shown as text, whatever type they are of';

CREATE FUNCTION graph_shortest_path(
	edges regclass, source anyelement, target anyelement, edge_types text[] DEFAULT NULL,
	direction text DEFAULT 'out', weighted bool DEFAULT false, max_depth int DEFAULT NULL,
	min_weight float8 DEFAULT NULL, as_of timestamptz DEFAULT NULL,
	through_invalid bool DEFAULT false, nodes regclass DEFAULT NULL,
	src_column name DEFAULT NULL, dst_column name DEFAULT NULL, type_column name DEFAULT NULL,
	weight_column name DEFAULT NULL, valid_column name DEFAULT NULL,
	invalidated_column name DEFAULT NULL, id_column name DEFAULT NULL,
	node_id_column name DEFAULT NULL, node_valid_column name DEFAULT NULL,
	tenant_column name DEFAULT NULL, known_at timestamptz DEFAULT NULL,
	OUT path anyarray, OUT edge_path text[], OUT depth int, OUT cost float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_graph_shortest_path' LANGUAGE C STABLE PARALLEL RESTRICTED COST 20000 ROWS 1;
COMMENT ON FUNCTION graph_shortest_path(regclass, anyelement, anyelement, text[], text, bool, int, float8, timestamptz, bool, regclass, name, name, name, name, name, name, name, name, name, name, timestamptz) IS
	'one path with the fewest hops from source to target or, if weighted, with the least sum of weights, which is its cost; no row if there is none of at most max_depth hops';

CREATE FUNCTION graph_trace(
	edges regclass, id anyelement, edge_type text DEFAULT 'supports', direction text DEFAULT 'in',
	max_depth int DEFAULT 20, as_of timestamptz DEFAULT NULL, nodes regclass DEFAULT NULL,
	src_column name DEFAULT NULL, dst_column name DEFAULT NULL, type_column name DEFAULT NULL,
	weight_column name DEFAULT NULL, valid_column name DEFAULT NULL,
	invalidated_column name DEFAULT NULL, id_column name DEFAULT NULL,
	node_id_column name DEFAULT NULL, node_valid_column name DEFAULT NULL,
	confidence_column name DEFAULT NULL, tenant_column name DEFAULT NULL,
	known_at timestamptz DEFAULT NULL,
	OUT depth int, OUT node anyelement, OUT edge_id text, OUT weight float8,
	OUT confidence float8, OUT compound float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_graph_trace' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 10;
COMMENT ON FUNCTION graph_trace(regclass, anyelement, text, text, int, timestamptz, regclass, name, name, name, name, name, name, name, name, name, name, name, timestamptz) IS
	'the node, then hop by hop the node that the strongest edge leads to and that has not been visited; compound is the product of all confidences and weights so far, an unknown confidence being 0.5';
