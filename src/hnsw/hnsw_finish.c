/*-------------------------------------------------------------------------
 *
 * hnsw_finish.c
 *	  The end of a graph under construction: every node can be reached, and
 *	  has its place in an order in which near ones are near.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "base/base_prefetch.h"
#include "hnsw/hnsw_graph.h"

/* Nodes among which an orphan looks for one to hang from; ef_construction is not larger */
#define MAX_FOUND 1000

/* Lists that are asked for ahead */
#define AHEAD 8

static inline uint32_t *
get_list(const HnswGraph *graph, uint32_t node)
{
	return graph->links + (size_t) node * 2 * graph->header->m;
}

/* Ask for a list. */
static inline void
prefetch_list(const HnswGraph *graph, uint32_t node)
{
	vx_prefetch_bytes(get_list(graph, node), 2 * graph->header->m * sizeof(uint32_t));
}

/*
 * Breadth-first from what is in order[0..done): reaches new nodes through
 * their first link, which becomes the protected one.  Returns the new count.
 */
static uint32_t
reach(HnswGraph *graph, uint8_t *reached, uint32_t *order, uint32_t from, uint32_t done)
{
	int			size = 2 * graph->header->m;

	for (; from < done; from++)
	{
		uint32_t   *list = get_list(graph, order[from]);
		int			i;

		if (graph->check_interrupts != NULL && from % 1024 == 0)
			graph->check_interrupts();
		if (from + AHEAD < done)
			prefetch_list(graph, order[from + AHEAD]);
		for (i = 0; i < size && list[i] != HNSW_NONE; i++)
		{
			uint32_t	neighbour = list[i] & HNSW_ID_MASK;

			if (reached[neighbour])
				continue;
			reached[neighbour] = 1;
			list[i] |= HNSW_PROTECTED;
			order[done++] = neighbour;
		}
	}
	return done;
}

/*
 * Make room for a link to an orphan in the list of a node near it: a free
 * place, or that of the last link that is nobody's protected one.
 */
static bool
link_orphan(HnswGraph *graph, uint32_t node, uint32_t orphan)
{
	uint32_t   *list = get_list(graph, node);
	int			size = 2 * graph->header->m;
	int			i;

	for (i = 0; i < size; i++)
	{
		if (list[i] == HNSW_NONE)
			break;
	}
	if (i == size)
	{
		for (i = size - 1; i >= 0 && (list[i] & HNSW_PROTECTED); i--)
			;
		if (i < 0)
			return false;
	}
	list[i] = orphan | HNSW_PROTECTED;
	return true;
}

/* The bit says something else from now on. */
static void
forget_covered(HnswGraph *graph)
{
	size_t		m = graph->header->m;
	size_t		count = graph->header->count * 2 * m;
	size_t		i;

	for (i = 0; i < count; i++)
	{
		if (graph->check_interrupts != NULL && i % 1048576 == 0)
			graph->check_interrupts();
		if (graph->links[i] != HNSW_NONE)
			graph->links[i] &= ~HNSW_PROTECTED;
	}
	count = graph->header->upper_lists * m;
	for (i = 0; i < count; i++)
	{
		if (graph->upper_links[i] != HNSW_NONE)
			graph->upper_links[i] &= ~HNSW_PROTECTED;
	}
	for (i = 0; i < graph->header->count; i++)
		graph->levels[i] &= ~HNSW_JUDGED;
}

uint32_t
vx_hnsw_graph_finish(HnswGraph *graph, HnswWorker *worker, uint32_t *order)
{
	uint32_t	count = graph->header->count;
	uint8_t    *reached = graph->locks; /* nobody locks any more */
	uint32_t	done = 1;
	uint32_t	orphans = 0;
	uint32_t	nodes[MAX_FOUND];
	float		distances[MAX_FOUND];
	int			ef = graph->header->ef_construction;
	uint32_t	node;

	if (count == 0)
		return 0;
	if (ef > MAX_FOUND)
		ef = MAX_FOUND;
	forget_covered(graph);
	memset(reached, 0, count);
	order[0] = (uint32_t) (graph->header->entry >> 32);
	reached[order[0]] = 1;
	done = reach(graph, reached, order, 0, done);

	for (node = 0; node < count && done < count; node++)
	{
		uint32_t	before = done;
		bool		linked = false;
		int			found;
		int			i;

		if (reached[node])
			continue;
		if (graph->check_interrupts != NULL)
			graph->check_interrupts();

		/* The nearest reached nodes first; any other with room will do. */
		found = vx_hnsw_graph_search(graph, worker,
									 (const QuantSlotData *) (graph->slots + (size_t) node *
															  graph->params->slot_bytes),
									 ef, nodes, distances);
		for (i = 0; i < found && !linked; i++)
			linked = reached[nodes[i]] && link_orphan(graph, nodes[i], node);
		for (i = (int) done - 1; i >= 0 && !linked; i--)
			linked = link_orphan(graph, order[i], node);

		reached[node] = 1;
		order[done++] = node;
		done = reach(graph, reached, order, before, done);
		orphans++;
	}
	memset(graph->locks, 0, count);
	return orphans;
}
