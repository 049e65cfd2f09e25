/*-------------------------------------------------------------------------
 *
 * hnsw_protect.c
 *	  Who protects a node that none of those near to it has room for.
 *
 * A protected link is one that a list keeps.  They lead from the entry point to
 * every live node, and there is about one to a node; but some node may be the
 * nearest of many, and its list be full of such links.  If those that it protects
 * have room, one of them takes the node.  If they have died, none of them may;
 * while vacuum is at work, or after one that was interrupted, a list can lead to
 * nothing but dead nodes, all of them protected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hnsw/hnsw_link.h"

/* Nodes whose lists are looked at */
#define MAX_PROTECTORS 10000

/* Places in the table of those that have been met; a power of 2, a good deal more */
#define SEEN_SIZE 32768

/* Nodes in the order in which they are met, each once */
typedef struct NodeQueue
{
	uint32		nodes[MAX_PROTECTORS];
	int			count;
	int			head;
	uint32		seen[SEEN_SIZE];	/* STORE_NONE: free */
} NodeQueue;

static void
meet_node(NodeQueue *queue, uint32 node)
{
	uint32		at = node * 0x9E3779B1U % SEEN_SIZE;

	if (queue->count == MAX_PROTECTORS)
		return;
	while (queue->seen[at] != STORE_NONE)
	{
		if (queue->seen[at] == node)
			return;
		at = (at + 1) % SEEN_SIZE;
	}
	queue->seen[at] = node;
	queue->nodes[queue->count++] = node;
}

static NodeQueue *
make_queue(const uint32 *from, int count)
{
	NodeQueue  *queue = palloc(sizeof(NodeQueue));
	int			i;

	queue->count = 0;
	queue->head = 0;
	memset(queue->seen, 0xFF, sizeof(queue->seen));
	for (i = 0; i < count; i++)
		meet_node(queue, from[i]);
	return queue;
}

/* The next node that may protect another; false if there are none left. */
static bool
next_owner(NodeQueue *queue, uint32 node, HnswFilter may_protect, void *arg, uint32 *owner)
{
	while (queue->head < queue->count)
	{
		CHECK_FOR_INTERRUPTS();
		*owner = queue->nodes[queue->head++];
		if (*owner != node && may_protect(arg, *owner))
			return true;
	}
	return false;
}

/* Meet those whom a node protects. */
static void
meet_protected(NodeQueue *queue, StoreIndex *store, uint32 node)
{
	HnswLink	links[2 * HNSW_MAX_M];
	int			count = vx_hnsw_read_list(store, node, links);
	int			i;

	for (i = 0; i < count; i++)
	{
		if (links[i] & HNSW_LINK_PROTECTED)
			meet_node(queue, HnswLinkNode(links[i]));
	}
}

uint32
vx_hnsw_protect_from(StoreIndex *store, const uint32 *from, int count, uint32 node,
					 HnswFilter may_protect, void *arg)
{
	NodeQueue  *queue = make_queue(from, count);
	uint32		protector = STORE_NONE;
	uint32		owner;

	while (protector == STORE_NONE && next_owner(queue, node, may_protect, arg, &owner))
	{
		if (vx_hnsw_protect_node(store, owner, node))
			protector = owner;
		else
			meet_protected(queue, store, owner);
	}
	pfree(queue);
	return protector;
}

uint32
vx_hnsw_protect_instead(StoreIndex *store, const uint32 *from, int count, uint32 node,
						HnswFilter may_protect, HnswMayGo may_go, void *arg)
{
	NodeQueue  *queue = make_queue(from, count);
	uint32		protector = STORE_NONE;
	uint32		owner;

	while (protector == STORE_NONE && next_owner(queue, node, may_protect, arg, &owner))
	{
		HnswLink	links[2 * HNSW_MAX_M];
		int			used = vx_hnsw_read_list(store, owner, links);
		int			i;

		for (i = 0; i < used && protector == STORE_NONE; i++)
		{
			uint32		other = HnswLinkNode(links[i]);

			if ((links[i] & HNSW_LINK_PROTECTED) && may_go(arg, owner, other) &&
				vx_hnsw_take_place(store, owner, other, node))
				protector = owner;
		}
		meet_protected(queue, store, owner);
	}
	pfree(queue);
	return protector;
}

/* HnswFilter: nodes in use */
static bool
is_live(void *arg, uint32 node)
{
	return vx_hnsw_node_is_live((StoreIndex *) arg, node);
}

/*
 * HnswMayGo: dead nodes that lead to dead ones only, before they come back to
 * their owner or to the entry point, which are reached without them.  Where
 * there are too many of them to tell, they may not.
 */
static bool
is_dead_end(void *arg, uint32 owner, uint32 other)
{
	StoreIndex *store = (StoreIndex *) arg;
	uint32		entry = HnswGetMeta(&store->meta)->entry_node;
	NodeQueue  *queue = make_queue(&other, 1);
	bool		found_life = false;

	while (queue->head < queue->count && !found_life)
	{
		uint32		node = queue->nodes[queue->head++];

		CHECK_FOR_INTERRUPTS();
		if (node == owner || (node == entry && node != other))
			continue;
		found_life = is_live(store, node);
		if (node != entry)
			meet_protected(queue, store, node);
	}
	found_life |= queue->count == MAX_PROTECTORS;
	pfree(queue);
	return !found_life;
}

bool
vx_hnsw_protect_new(StoreIndex *store, const uint32 *neighbours, int count, uint32 node)
{
	return vx_hnsw_protect_from(store, neighbours, count, node, is_live, store) != STORE_NONE ||
		vx_hnsw_protect_instead(store, neighbours, count, node, is_live, is_dead_end,
								store) != STORE_NONE;
}
