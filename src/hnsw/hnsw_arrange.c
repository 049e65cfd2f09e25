/*-------------------------------------------------------------------------
 *
 * hnsw_arrange.c
 *	  The order in which codes are inserted into a graph.
 *
 * Nodes inserted one after the other search the same part of the graph if they
 * are near each other, and find its codes and lists in the caches.  So codes
 * are sorted by a tree of pivots, in which near ones mostly come to lie side by
 * side.  Not all of them together: a graph that has only seen one region is a
 * bad one to search from another, and what comes first is what others are
 * found by.  Each window of the order of arrival is sorted by itself; windows
 * grow with what lies before them.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "hnsw/hnsw_graph.h"

/* Pivots that a group is divided by, and groups that stay as they are */
#define PIVOTS 32
#define SMALL_GROUP 64

/* Levels of the tree: however unequal the groups, there is an end. */
#define MAX_DEPTH 8

/* The first window, and the part of the nodes before it that another has */
#define FIRST_WINDOW 1024
#define WINDOW_PART 4

/* Nodes between two looks at interrupts */
#define INTERRUPT_NODES 1024

typedef struct Arrangement
{
	const QuantParams *params;
	const char *slots;
	uint32_t   *scratch;		/* count */
	uint8_t    *groups;			/* by place: the pivot it goes to */
	void		(*check_interrupts) (void);
} Arrangement;

static inline const QuantSlotData *
get_slot(const Arrangement *arrangement, uint32_t node)
{
	return (const QuantSlotData *) (arrangement->slots +
									(size_t) node * arrangement->params->slot_bytes);
}

/* Of a few distances; what cannot be compared is not nearest. */
static int
find_nearest(const float *distances, int count)
{
	int			nearest = 0;
	int			i;

	for (i = 1; i < count; i++)
	{
		if (distances[i] < distances[nearest])
			nearest = i;
	}
	return nearest;
}

/*
 * Pivots evenly from the group, each followed by the nearest of those left:
 * neighbouring groups are near each other, too.
 */
static void
choose_pivots(const Arrangement *arrangement, const uint32_t *nodes, uint32_t count,
			  const QuantSlotData **pivots)
{
	float		distances[PIVOTS];
	int			i;

	for (i = 0; i < PIVOTS; i++)
		pivots[i] = get_slot(arrangement, nodes[(uint64_t) count * i / PIVOTS]);
	for (i = 1; i < PIVOTS; i++)
	{
		const QuantSlotData *moving = pivots[i];
		int			nearest;

		vx_quant_code_distance_list(arrangement->params, pivots[i - 1], pivots + i, PIVOTS - i,
									distances);
		nearest = i + find_nearest(distances, PIVOTS - i);
		pivots[i] = pivots[nearest];
		pivots[nearest] = moving;
	}
}

/*
 * Sort a group of nodes.
 */
static void
arrange_group(Arrangement *arrangement, uint32_t *nodes, uint32_t count, int depth)
{
	const QuantSlotData *pivots[PIVOTS];
	float		distances[PIVOTS];
	uint32_t	ends[PIVOTS] = {0};
	uint32_t	begin = 0;
	uint32_t	i;
	int			group;

	if (count <= SMALL_GROUP || depth == MAX_DEPTH)
		return;
	choose_pivots(arrangement, nodes, count, pivots);
	for (i = 0; i < count; i++)
	{
		if (arrangement->check_interrupts != NULL && i % INTERRUPT_NODES == 0)
			arrangement->check_interrupts();
		vx_quant_code_distance_list(arrangement->params, get_slot(arrangement, nodes[i]), pivots,
									PIVOTS, distances);
		group = find_nearest(distances, PIVOTS);
		arrangement->groups[i] = (uint8_t) group;
		ends[group]++;
	}

	/* Where each group begins, which moves to its end */
	for (group = 0; group < PIVOTS; group++)
	{
		uint32_t	size = ends[group];

		ends[group] = begin;
		begin += size;
	}
	for (i = 0; i < count; i++)
		arrangement->scratch[ends[arrangement->groups[i]]++] = nodes[i];
	memcpy(nodes, arrangement->scratch, count * sizeof(uint32_t));

	begin = 0;
	for (group = 0; group < PIVOTS; group++)
	{
		/* All in one: there is nothing to tell them apart by. */
		if (ends[group] - begin < count)
			arrange_group(arrangement, nodes + begin, ends[group] - begin, depth + 1);
		begin = ends[group];
	}
}

/*
 * Bring slots into an order given by nodes, the old places by new ones, which
 * is lost.
 */
static void
move_slots(char *slots, size_t slot_bytes, uint32_t *nodes, uint32_t count, char *spare,
		   void (*check_interrupts) (void))
{
	uint32_t	moved = 0;
	uint32_t	first;

	for (first = 0; first < count; first++)
	{
		uint32_t	to = first;

		if (nodes[first] == first)
			continue;
		memcpy(spare, slots + (size_t) first * slot_bytes, slot_bytes);
		/* Around the circle: each place takes what belongs there. */
		while (nodes[to] != first)
		{
			uint32_t	from = nodes[to];

			if (check_interrupts != NULL && moved++ % INTERRUPT_NODES == 0)
				check_interrupts();
			memcpy(slots + (size_t) to * slot_bytes, slots + (size_t) from * slot_bytes,
				   slot_bytes);
			nodes[to] = to;
			to = from;
		}
		memcpy(slots + (size_t) to * slot_bytes, spare, slot_bytes);
		nodes[to] = to;
	}
}

size_t
vx_hnsw_arrange_bytes(const QuantParams *params, uint32_t count)
{
	return params->slot_bytes + (size_t) count * (sizeof(uint32_t) + 1);
}

void
vx_hnsw_arrange(const QuantParams *params, char *slots, uint32_t count, uint32_t *place_of,
				void *memory, void (*check_interrupts) (void))
{
	Arrangement arrangement;
	char	   *spare = memory;
	uint32_t   *nodes = (uint32_t *) (spare + params->slot_bytes);
	uint32_t	from;
	uint32_t	end;
	uint32_t	i;

	arrangement.params = params;
	arrangement.slots = slots;
	arrangement.scratch = place_of;
	arrangement.groups = (uint8_t *) (nodes + count);
	arrangement.check_interrupts = check_interrupts;

	for (i = 0; i < count; i++)
		nodes[i] = i;
	for (from = 0; from < count; from = end)
	{
		uint32_t	length = from / WINDOW_PART > FIRST_WINDOW ? from / WINDOW_PART : FIRST_WINDOW;

		/* What would be left is no window of its own. */
		end = count - from < length || count - from - length < count / WINDOW_PART ?
			count : from + length;
		arrange_group(&arrangement, nodes + from, end - from, 0);
	}

	for (i = 0; i < count; i++)
		place_of[nodes[i]] = i;
	move_slots(slots, params->slot_bytes, nodes, count, spare, check_interrupts);
}
