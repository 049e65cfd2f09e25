/*-------------------------------------------------------------------------
 *
 * graph_table.c
 *	  The nodes that a walk has reached, found by their keys.
 *
 * Nodes are numbered from 0 in the order in which they are reached, and live in
 * chunks that never move; the hash table maps a key to its number.  A node
 * takes 32 bytes, its place in the hash table 13 to 27, and a key that is not a
 * number its bytes.  All of it is in one memory context, whose size the
 * server's limit for hash tables bounds: work_mem times hash_mem_multiplier.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "base/base_compat.h"
#include "base/base_prefetch.h"
#include "graph/graph.h"

/*
 * Chunks of nodes that a backend keeps from walk to walk: small walks would have
 * the system give and take pages each time.
 */
#define SPARE_CHUNKS 8

static GraphNode *spare_chunks[SPARE_CHUNKS];
static int	spare_count;

/* Space for keys is taken in pieces of this size. */
#define ARENA_BYTES 8000

typedef struct GraphHashEntry
{
	uint32		hash;
	uint32		node;			/* PROBE: the key that is looked for */
	char		status;
} GraphHashEntry;

#define PROBE PG_UINT32_MAX

static inline bool equals_probe(GraphTable *table, uint32 node);

#define SH_PREFIX graphnodes
#define SH_ELEMENT_TYPE GraphHashEntry
#define SH_KEY_TYPE uint32
#define SH_KEY node
#define SH_HASH_KEY(tb, key) (AssertMacro(false), 0)
#define SH_EQUAL(tb, a, b) equals_probe((GraphTable *) (tb)->private_data, a)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) ((entry)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static inline uint32
hash_key(GraphKeyKind kind, const GraphKey *key)
{
	uint64		hash;

	if (kind != GRAPH_KEY_INT)
		return hash_bytes((const unsigned char *) key->value.data, key->length);
	/* the finish of MurmurHash3 for 64 bits */
	hash = (uint64) key->value.number;
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xc4ceb9fe1a85ec53);
	hash ^= hash >> 33;
	return (uint32) hash;
}

static inline bool
equals_probe(GraphTable *table, uint32 node)
{
	GraphKey	key = vx_graph_node_key(table, node);

	if (table->kind == GRAPH_KEY_INT)
		return key.value.number == table->probe.value.number;
	return key.length == table->probe.length &&
		memcmp(key.value.data, table->probe.value.data, key.length) == 0;
}

static inline uint32
count_lent_chunks(const GraphTable *table)
{
	return Min(table->chunk_count, SPARE_CHUNKS);
}

/* Takes lent chunks back, when the memory of a table goes. */
static void
take_chunks_back(void *arg)
{
	GraphTable *table = arg;

	for (uint32 i = 0; i < count_lent_chunks(table); i++)
	{
		if (spare_count < SPARE_CHUNKS)
			spare_chunks[spare_count++] = table->chunks[i];
		else
			pfree(table->chunks[i]);
	}
}

GraphTable *
vx_graph_create_table(MemoryContext parent, GraphKeyKind kind)
{
	MemoryContext context = AllocSetContextCreate(parent, "graph walk", ALLOCSET_DEFAULT_SIZES);
	GraphTable *table = MemoryContextAllocZero(context, sizeof(GraphTable));

	/* on 32-bit systems numbers would need space of their own */
	StaticAssertStmt(sizeof(Datum) == sizeof(int64), "numbers must fit into a Datum");
	table->context = context;
	table->kind = kind;
	table->limit_bytes = get_hash_memory_limit();
	table->hash = graphnodes_create(context, 64, table);
	table->release.func = take_chunks_back;
	table->release.arg = table;
	MemoryContextRegisterResetCallback(context, &table->release);
	return table;
}

void
vx_graph_drop_table(GraphTable *table)
{
	MemoryContextDelete(table->context);
}

/* Raises an error if so many bytes more would be more than there may be. */
void
vx_graph_check_memory(GraphTable *table, Size more_bytes)
{
	Size		lent_bytes = count_lent_chunks(table) * GRAPH_NODES_PER_CHUNK * sizeof(GraphNode);

	if (MemoryContextMemAllocated(table->context, true) + lent_bytes + more_bytes > table->limit_bytes)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("a walk needs more memory than the %zu kB that work_mem allows",
						table->limit_bytes / 1024),
				 errdetail("It has reached %u nodes. The limit is work_mem times hash_mem_multiplier.",
						   table->count),
				 errhint("Increase work_mem, or reach less: with a smaller max_depth or beam_width, or fewer edge_types.")));
}

/* The number of a node, or GRAPH_NO_NODE. */
uint32
vx_graph_find_node(GraphTable *table, GraphKey key)
{
	GraphHashEntry *entry;

	table->probe = key;
	entry = graphnodes_lookup_hash(table->hash, PROBE, hash_key(table->kind, &key));
	return entry != NULL ? entry->node : GRAPH_NO_NODE;
}

/*
 * Fetches what finding a node will read into the processor's caches: first its
 * place in the hash table, some time later the node itself.  Most of a great
 * walk's time goes into waiting for these two.
 */
void
vx_graph_prefetch_node(const GraphTable *table, GraphKey key, bool place_is_there)
{
	uint32		hash = hash_key(table->kind, &key);
	const GraphHashEntry *entry = &table->hash->data[hash & table->hash->sizemask];

	if (!place_is_there)
		vx_prefetch(entry);
	else if (entry->status == graphnodes_SH_IN_USE && entry->hash == hash && entry->node < table->count)
		vx_prefetch(vx_graph_node(table, entry->node));
}

static Datum
store_key(GraphTable *table, GraphKey key)
{
	Size		bytes;
	char	   *place;

	if (table->kind == GRAPH_KEY_INT)
		return Int64GetDatum(key.value.number);

	bytes = table->kind == GRAPH_KEY_UUID ? UUID_LEN :
		INTALIGN(sizeof(uint32) + (Size) key.length);
	if (bytes > ARENA_BYTES / 4)
	{
		vx_graph_check_memory(table, bytes);
		place = MemoryContextAlloc(table->context, bytes);
	}
	else
	{
		if (bytes > table->arena_left)
		{
			table->arena = MemoryContextAlloc(table->context, ARENA_BYTES);
			table->arena_left = ARENA_BYTES;
		}
		place = table->arena;
		table->arena += bytes;
		table->arena_left -= bytes;
	}
	if (table->kind == GRAPH_KEY_UUID)
		memcpy(place, key.value.data, UUID_LEN);
	else
	{
		*(uint32 *) place = key.length;
		memcpy(place + sizeof(uint32), key.value.data, key.length);
	}
	return PointerGetDatum(place);
}

/* Make room for another chunk of nodes. */
static void
add_chunk(GraphTable *table)
{
	uint32		chunk = table->count / GRAPH_NODES_PER_CHUNK;

	if (table->count > PG_INT32_MAX - GRAPH_NODES_PER_CHUNK)
		elog(ERROR, "a walk cannot reach more than %u nodes", table->count);
	vx_graph_check_memory(table, GRAPH_NODES_PER_CHUNK * sizeof(GraphNode));
	if (chunk >= table->chunk_slots)
	{
		uint32		slots = Max(16, table->chunk_slots * 2);

		if (table->chunks == NULL)
			table->chunks = MemoryContextAlloc(table->context, slots * sizeof(GraphNode *));
		else
			table->chunks = repalloc_huge(table->chunks, slots * sizeof(GraphNode *));
		table->chunk_slots = slots;
	}
	if (chunk < SPARE_CHUNKS && spare_count > 0)
		table->chunks[chunk] = spare_chunks[--spare_count];
	else
		table->chunks[chunk] = MemoryContextAlloc(chunk < SPARE_CHUNKS ? TopMemoryContext : table->context,
												  GRAPH_NODES_PER_CHUNK * sizeof(GraphNode));
	table->chunk_count = chunk + 1;
}

/*
 * The number of a node, which is added if it is not there: then all but its key
 * is zero.
 */
uint32
vx_graph_add_node(GraphTable *table, GraphKey key, bool *found)
{
	GraphHashEntry *entry;
	GraphNode  *node;

	/* Doubling keeps the old entries until the new ones are in place. */
	if (table->hash->members >= table->hash->grow_threshold)
		vx_graph_check_memory(table, table->hash->size * 2 * sizeof(GraphHashEntry));

	table->probe = key;
	entry = graphnodes_insert_hash(table->hash, PROBE, hash_key(table->kind, &key), found);
	if (*found)
		return entry->node;

	/* the entry must not stay a probe if there is an error */
	entry->node = 0;
	if (table->count % GRAPH_NODES_PER_CHUNK == 0)
		add_chunk(table);
	entry->node = table->count++;
	node = vx_graph_node(table, entry->node);
	memset(node, 0, sizeof(GraphNode));
	node->key = store_key(table, key);
	return entry->node;
}
