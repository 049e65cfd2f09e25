/*-------------------------------------------------------------------------
 *
 * graph.h
 *	  Walks over any table of edges: what the files of this folder share.
 *
 * A GraphEdges reads edges by either end, a GraphTable remembers the nodes
 * that have been reached, and two engines stand on both: GraphRing goes ring
 * by ring (one hop after another), GraphSearch takes the best node next.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_GRAPH_H
#define VX_GRAPH_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/pairingheap.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* ---- Keys of nodes (graph_key.c) ---- */

typedef enum GraphKeyKind
{
	GRAPH_KEY_INT,				/* smallint, integer, bigint */
	GRAPH_KEY_UUID,
	GRAPH_KEY_TEXT				/* text, varchar */
} GraphKeyKind;

/* A key that is looked for; data belongs to somebody else. */
typedef struct GraphKey
{
	union
	{
		int64		number;
		const char *data;
	}			value;
	uint32		length;			/* of data, in bytes */
} GraphKey;

/* How the nodes of an SQL call come in and go out. */
typedef struct GraphKeyType
{
	GraphKeyKind kind;			/* what the table has */
	Oid			type;			/* what the caller has */
	int16		typlen;
	bool		typbyval;
	char		typalign;
} GraphKeyType;

extern bool vx_graph_key_kind(Oid type, GraphKeyKind *kind);
extern GraphKey vx_graph_key_from_datum(GraphKeyKind kind, Oid type, Datum value);
extern Oid	vx_graph_key_array_type(GraphKeyKind kind);
extern Datum vx_graph_key_array(GraphKeyKind kind, const GraphKey *keys, int count);
extern void vx_graph_key_set_type(GraphKeyType *keytype, GraphKeyKind kind, Oid type);
extern GraphKey vx_graph_key_from_caller(const GraphKeyType *keytype, Datum value);
extern GraphKey vx_graph_key_from_arg(FunctionCallInfo fcinfo, int arg, GraphKeyKind kind,
									  GraphKeyType *keytype);
extern Datum vx_graph_key_to_caller(const GraphKeyType *keytype, GraphKey key);
extern void vx_graph_sort_keys(GraphKeyKind kind, GraphKey *keys, size_t count);
extern int	vx_graph_compare_keys(GraphKeyKind kind, const GraphKey *a, const GraphKey *b);

static inline bool
vx_graph_is_same_key(GraphKeyKind kind, const GraphKey *a, const GraphKey *b)
{
	if (kind == GRAPH_KEY_INT)
		return a->value.number == b->value.number;
	return a->length == b->length && memcmp(a->value.data, b->value.data, a->length) == 0;
}

/* ---- Nodes that have been reached (graph_table.c) ---- */

#define GRAPH_NO_NODE PG_UINT32_MAX
#define GRAPH_MAX_DEPTH ((1 << 28) - 1)

/*
 * The last fields mean what the engine that owns the table says: see
 * graph_ring.c, graph_search.c, graph_components.c.
 */
typedef struct GraphNode
{
	Datum		key;			/* by value, or into the table's memory */
	double		value;
	union
	{
		Datum		edge_id;
		void	   *pointer;
	}			u;
	uint32		parent;
	uint32		depth:28;
	uint32		flags:4;
} GraphNode;

#define GRAPH_NODES_PER_CHUNK 512
#define GRAPH_UUID_BYTES 16

typedef struct GraphTable
{
	MemoryContext context;		/* everything that grows with the walk */
	GraphKeyKind kind;
	Size		limit_bytes;
	struct graphnodes_hash *hash;
	GraphKey	probe;
	GraphNode **chunks;
	uint32		chunk_slots;
	uint32		chunk_count;
	MemoryContextCallback release;
	uint32		count;
	char	   *arena;			/* for bytes of keys */
	Size		arena_left;
} GraphTable;

extern GraphTable *vx_graph_create_table(MemoryContext parent, GraphKeyKind kind);
extern void vx_graph_drop_table(GraphTable *table);
extern uint32 vx_graph_find_node(GraphTable *table, GraphKey key);
extern uint32 vx_graph_add_node(GraphTable *table, GraphKey key, bool *found);
extern void vx_graph_prefetch_node(const GraphTable *table, GraphKey key, bool place_is_there);
extern void vx_graph_check_memory(GraphTable *table, Size more_bytes);

static inline GraphNode *
vx_graph_node(const GraphTable *table, uint32 node)
{
	Assert(node < table->count);
	return &table->chunks[node / GRAPH_NODES_PER_CHUNK][node % GRAPH_NODES_PER_CHUNK];
}

/* The key of a node; its bytes are the table's. */
static inline GraphKey
vx_graph_node_key(const GraphTable *table, uint32 node)
{
	Datum		stored = vx_graph_node(table, node)->key;
	GraphKey	key;

	if (table->kind == GRAPH_KEY_INT)
	{
		key.value.number = DatumGetInt64(stored);
		key.length = 0;
	}
	else if (table->kind == GRAPH_KEY_UUID)
	{
		key.value.data = DatumGetPointer(stored);
		key.length = GRAPH_UUID_BYTES;
	}
	else
	{
		key.value.data = DatumGetPointer(stored) + sizeof(uint32);
		key.length = *(uint32 *) DatumGetPointer(stored);
	}
	return key;
}

/* ---- Reading edges (graph_edges.c, graph_columns.c) ---- */

typedef enum GraphColumnName
{
	GRAPH_SRC,
	GRAPH_DST,
	GRAPH_TYPE,
	GRAPH_WEIGHT,
	GRAPH_VALID,
	GRAPH_INVALIDATED,
	GRAPH_ID,
	GRAPH_COLUMNS
} GraphColumnName;

/* Which end of an edge is known; the order of an index into arrays */
typedef enum GraphSide
{
	GRAPH_OUT,					/* src is known, dst is looked for */
	GRAPH_IN
} GraphSide;

typedef enum GraphDirection
{
	GRAPH_DIRECTION_OUT = 1 << GRAPH_OUT,
	GRAPH_DIRECTION_IN = 1 << GRAPH_IN,
	GRAPH_DIRECTION_BOTH = GRAPH_DIRECTION_OUT | GRAPH_DIRECTION_IN
} GraphDirection;

typedef struct GraphColumn
{
	AttrNumber	attno;			/* 0: the table has none, or nobody wants it */
	Oid			type;			/* base type, if it is a domain */
	int16		typlen;
	bool		typbyval;
	FmgrInfo	output;			/* of GRAPH_ID and GRAPH_TYPE, if they are
								 * shown */
} GraphColumn;

/* An edge as it is read; keys and values live until the callback returns. */
typedef struct GraphEdge
{
	GraphKey	near;			/* the known end */
	GraphKey	far;
	double		weight;			/* 1 if there is none */
	bool		id_null;
	bool		type_null;
	Datum		id;
	Datum		type;
} GraphEdge;

/* Returns false if no more edges are wanted. */
typedef bool (*GraphEdgeCallback) (void *arg, const GraphEdge *edge);

typedef struct GraphEdges
{
	Relation	relation;
	GraphKeyKind kind;
	GraphColumn columns[GRAPH_COLUMNS];
	AttrNumber	last_attno;

	/* what an edge must be like */
	bool		types_given;
	int			type_count;
	Datum	   *types;
	FmgrInfo   *type_equal;		/* NULL: compare bytes */
	Oid			type_collation;
	bool		min_weight_given;
	double		min_weight;
	TimestampTz as_of;
	TypeCacheEntry *valid_cache;

	/* reading */
	MemoryContext context;		/* as long as the walk: scans keep things
								 * there */
	MemoryContext row_context;
	MemoryContext batch_context;
	bool		row_allocates;
	Snapshot	snapshot;
	ResourceOwner owner;
	char	   *tenant_condition;	/* of queries on e; NULL: none */
	bool		direct;			/* the table itself may be read */
	TupleTableSlot *slot;		/* see vx_graph_row_slot() */
	Relation	indexes[2];		/* by GraphSide; NULL: the planner's choice */
	struct GraphLeaves *leaves[2];	/* reads its pages, or NULL and */
	IndexScanDesc scans[2];		/* a scan does */
	RegProcedure keys_equal[2];
	RegProcedure types_equal[2];	/* if the index finds the one type, too */
	int			positions[2][GRAPH_COLUMNS];	/* in rows of the table, of
												 * queries */
	char	   *queries[2];		/* NULL: not made yet */
	char	   *whole_query;
	const GraphTable *table;	/* where ends of edges will be looked for, or
								 * NULL */
} GraphEdges;

/* What the SQL functions have in common, as they were called. */
typedef struct GraphEdgesOptions
{
	ArrayType  *edge_types;		/* NULL: all */
	bool		min_weight_given;
	double		min_weight;
	bool		as_of_given;
	TimestampTz as_of;
	bool		known_at_given; /* of nodes' versions; else as_of */
	TimestampTz known_at;
	const char *tenant_column;	/* NULL: rows are not of tenants */
	const char *tenant;
	bool		want_type;
	bool		want_id;
	bool		need_weight;
	bool		ignore_weight;	/* unless there is a min_weight */
	GraphDirection direction;
} GraphEdgesOptions;

extern GraphEdges *vx_graph_open_edges(FunctionCallInfo fcinfo, int column_arg,
									   const GraphEdgesOptions *options);
extern void vx_graph_close_edges(GraphEdges *edges);
extern void vx_graph_read_edges(GraphEdges *edges, GraphSide side, GraphKey *keys, int count,
								GraphEdgeCallback callback, void *arg);
extern void vx_graph_read_all_edges(GraphEdges *edges, GraphEdgeCallback callback, void *arg);
extern bool vx_graph_is_cheap_to_read(const GraphEdges *edges, GraphDirection direction);
extern TupleTableSlot *vx_graph_row_slot(GraphEdges *edges);
extern Datum vx_graph_column_text(GraphColumn *column, Datum value);
extern bool vx_graph_accept_type(const GraphEdges *edges, Datum value);
extern bool vx_graph_take_row(GraphEdges *edges, const int *positions, const Datum *values,
							  const bool *nulls, GraphSide side, GraphEdgeCallback callback,
							  void *arg);

extern Relation vx_graph_open_relation(Oid relid);
extern AttrNumber vx_graph_find_column(Relation relation, const char *name);

/* What is remembered of tables of edges (graph_shape.c) */

/* A call, as far as it says which columns and which index are wanted */
typedef struct GraphCall
{
	Oid			relid;
	GraphDirection direction;
	uint8		given;			/* 1 << GraphColumnName: its name is in names */
	uint8		unused;			/* 1 << GraphColumnName: nobody looks at it */
	uint8		types;			/* 0: all, 1: one, 2: none or several */
	NameData	names[GRAPH_COLUMNS];
} GraphCall;

typedef struct GraphShape
{
	GraphCall	call;
	uint64		used;
	GraphKeyKind kind;
	GraphColumn columns[GRAPH_COLUMNS];
	AttrNumber	last_attno;
	struct
	{
		Oid			index;		/* invalid: none finds edges by that end */
		RegProcedure keys_equal;
		RegProcedure types_equal;
	}			sides[2];		/* by GraphSide */
} GraphShape;

extern uint64 vx_graph_shape_changes(void);
extern const GraphShape *vx_graph_find_shape(const GraphCall *call);
extern void vx_graph_keep_shape(const GraphShape *shape, uint64 changes);

extern void vx_graph_read_call(FunctionCallInfo fcinfo, int column_arg,
							   const GraphEdgesOptions *options, GraphCall *call);
extern void vx_graph_find_edge_columns(GraphEdges *edges, const GraphCall *call);
extern void vx_graph_set_conditions(GraphEdges *edges, const GraphEdgesOptions *options);

/* Leaf pages of a btree index (graph_leaf.c) */
typedef struct GraphLeaves GraphLeaves;

extern GraphLeaves *vx_graph_open_leaves(GraphEdges *edges, GraphSide side, Relation index,
										 bool with_type);
extern void vx_graph_close_leaves(GraphLeaves *leaves);
extern bool vx_graph_leaves_cover(const GraphEdges *edges, Relation index);
extern void vx_graph_read_leaves(GraphLeaves *leaves, const GraphKey *keys, int count,
								 GraphEdgeCallback callback, void *arg);

/* Arguments of SQL functions (graph_columns.c) */
extern Oid	vx_graph_get_relid(FunctionCallInfo fcinfo, int arg, const char *name);
extern GraphDirection vx_graph_get_direction(FunctionCallInfo fcinfo, int arg,
											 GraphDirection missing);
extern int	vx_graph_get_max_depth(FunctionCallInfo fcinfo, int arg);
extern int64 vx_graph_get_max_rows(FunctionCallInfo fcinfo, int arg);
extern void vx_graph_get_options(FunctionCallInfo fcinfo, int types_arg, int min_weight_arg,
								 int as_of_arg, GraphEdgesOptions *options);
extern void vx_graph_get_known_at(FunctionCallInfo fcinfo, int arg, GraphEdgesOptions *options);
extern void vx_graph_get_tenant(FunctionCallInfo fcinfo, int arg, GraphEdgesOptions *options);
extern char *vx_graph_tenant_condition(Relation relation, const GraphEdgesOptions *options,
									   const char *alias);

/* ---- Which nodes are valid, and how sure (graph_state.c) ---- */

typedef struct GraphStates
{
	char	   *query;
	GraphKeyKind kind;
	TimestampTz as_of;
	bool		known_at_given;
	TimestampTz known_at;
} GraphStates;

/* A node that the table of nodes does not have is not reported. */
typedef void (*GraphStateCallback) (void *arg, GraphKey key, bool valid, double confidence);

#define GRAPH_UNKNOWN_CONFIDENCE 0.5

extern GraphStates *vx_graph_open_states(FunctionCallInfo fcinfo, int nodes_arg, int column_arg,
										 int confidence_arg, GraphKeyKind kind,
										 const GraphEdgesOptions *options);
extern void vx_graph_read_states(GraphStates *states, const GraphKey *keys, int count,
								 GraphStateCallback callback, void *arg);

/* ---- Ring by ring (graph_ring.c) ---- */

typedef enum GraphStrategy
{
	GRAPH_BFS,
	GRAPH_BEAM,
	GRAPH_WATER_CIRCLE,
	GRAPH_BEST_FIRST
} GraphStrategy;

typedef struct GraphWalkOptions
{
	GraphStrategy strategy;
	GraphDirection direction;
	uint32		max_depth;
	int64		beam_width;
	double		decay;
	int64		max_rows;
	bool		through_invalid;
} GraphWalkOptions;

typedef struct GraphRing
{
	GraphEdges *edges;
	GraphStates *states;		/* NULL: all nodes are valid */
	GraphTable *table;
	GraphWalkOptions options;
	uint32		depth;
	uint32	   *ring;			/* nodes at that depth */
	uint32		ring_count;
	uint32		next;			/* of the ring, to be returned */
	int64		returned;
	const GraphKey *target;		/* the only node that is looked for, or NULL */
	/* while a ring grows */
	int64		room;			/* nodes that may still be added */
	GraphKey	last_near;
	uint32		last_near_node;
} GraphRing;

extern GraphRing *vx_graph_start_ring(GraphEdges *edges, GraphStates *states,
									  const GraphWalkOptions *options, const GraphKey *seeds, int count);
extern bool vx_graph_next_in_ring(GraphRing *ring, uint32 *node);
extern void vx_graph_keep_id(GraphTable *table, const GraphColumn *column, Datum *kept, bool *kept_null,
							 const GraphEdge *edge);

/* Flags of a node in a ring's table */
#define GRAPH_FLAG_NO_ID 1		/* edge_id is null */
#define GRAPH_FLAG_EXPANDING 2	/* its edges are being read */
#define GRAPH_FLAG_VALID 4

/* ---- The best next (graph_search.c) ---- */

typedef struct GraphLabel GraphLabel;
typedef struct GraphSearch GraphSearch;

/* One way to reach a node */
struct GraphLabel
{
	pairingheap_node heap;
	GraphLabel *parent;
	double		value;			/* score, or cost */
	double		weight;			/* product of weights */
	Datum		edge_id;
	uint32		node;
	uint32		depth:31;
	uint32		edge_id_null:1;
};

extern GraphSearch *vx_graph_start_search(GraphEdges *edges, GraphStates *states,
										  const GraphWalkOptions *options, bool least_cost,
										  const GraphKey *seeds, int count);
extern GraphLabel *vx_graph_next_in_search(GraphSearch *search);
extern GraphTable *vx_graph_search_table(GraphSearch *search);

/* ---- Walks as SQL calls them (graph_walk.c) ---- */

typedef struct GraphWalk
{
	GraphEdges *edges;
	GraphKeyType keytype;
	GraphRing  *ring;			/* one of these two */
	GraphSearch *search;
	double		decay;
} GraphWalk;

/* A node with the way to it */
typedef struct GraphVisit
{
	uint32		node;
	GraphLabel *label;			/* NULL for a node of a ring */
	uint32		depth;
	double		weight;
	double		score;
} GraphVisit;

extern GraphWalk *vx_graph_open_walk(FunctionCallInfo fcinfo, bool want_type);
extern void vx_graph_close_walk(GraphWalk *walk);
extern bool vx_graph_next_visit(GraphWalk *walk, GraphVisit *visit);
extern GraphTable *vx_graph_walk_table(const GraphWalk *walk);
extern void vx_graph_path_to(const GraphTable *table, const GraphKeyType *keytype,
							 GraphColumn *id_column, const GraphVisit *visit, Datum *path,
							 Datum *edge_path, bool *edge_path_null);

#endif							/* VX_GRAPH_H */
