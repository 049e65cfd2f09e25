/* sources: src/hnsw/hnsw_arrange.c src/quant/ src/distance/ */
/*-------------------------------------------------------------------------
 *
 * test_arrange.c
 *	  The order of insertion: nothing is lost, near codes come together.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hnsw/hnsw_graph.h"
#include "unit_random.h"

#define MAX_DIMS 16
#define MAX_NODES 20000

static int	tests = 0;
static int	failures = 0;
static int	interrupts = 0;

static void
check(bool ok, const char *name, const char *what)
{
	printf("%sok %d - %s: %s\n", ok ? "" : "not ", ++tests, name, what);
	failures += !ok;
}

static void
count_interrupts(void)
{
	interrupts++;
}

static void *
allocate(size_t bytes)
{
	void	   *memory;

	if (posix_memalign(&memory, 64, bytes == 0 ? 64 : bytes) != 0)
		exit(1);
	return memory;
}

/* Shapes of data */
typedef enum Shape
{
	EVEN,
	CLUSTERS,					/* one holds nearly everything */
	POWERS,						/* each vector twice as long as the last one */
	EQUAL
} Shape;

static void
fill(Shape shape, int dims, uint32_t node, float *x)
{
	int			j;

	for (j = 0; j < dims; j++)
	{
		if (shape == EVEN)
			x[j] = (float) uniform();
		else if (shape == CLUSTERS)
			x[j] = (float) (uniform() * 0.01 + (node % 100 == 7) * (node % 17));
		else if (shape == POWERS)
			x[j] = (float) ldexp(1.0, (int) (node % 100) - 50);
		else
			x[j] = 1.0f;
	}
}

/* Mean distance between neighbours in the order */
static double
measure_steps(const QuantParams *params, const char *slots, uint32_t count)
{
	double		sum = 0;
	uint32_t	i;

	for (i = 1; i < count; i++)
		sum += vx_quant_code_distance(params,
									  (const QuantSlotData *) (slots + (i - 1) * params->slot_bytes),
									  (const QuantSlotData *) (slots + i * params->slot_bytes));
	return sum / (count - 1);
}

static void
try(const char *name, Shape shape, QuantKind kind, DistanceMetric metric, int dims,
	uint32_t count, double max_steps)
{
	QuantParams params;
	size_t		bytes;
	char	   *slots;
	char	   *again;
	char	   *before;
	uint32_t   *place_of = allocate(count * sizeof(uint32_t));
	uint8_t    *taken = calloc(count + 1, 1);
	void	   *memory;
	float		x[MAX_DIMS];
	bool		kept = true;
	uint32_t	i;

	vx_quant_init_params(&params, kind, metric, dims, NULL);
	bytes = count * params.slot_bytes;
	slots = allocate(bytes);
	again = allocate(bytes);
	before = allocate(bytes);
	memset(slots, 0, bytes);
	for (i = 0; i < count; i++)
	{
		fill(shape, dims, i, x);
		vx_quant_encode(&params, x, (QuantSlotData *) (slots + i * params.slot_bytes));
	}
	memcpy(before, slots, bytes);
	memcpy(again, slots, bytes);
	memory = allocate(vx_hnsw_arrange_bytes(&params, count));

	vx_hnsw_arrange(&params, slots, count, place_of, memory, count_interrupts);
	for (i = 0; i < count && kept; i++)
	{
		kept = place_of[i] < count && !taken[place_of[i]] &&
			memcmp(slots + place_of[i] * params.slot_bytes, before + i * params.slot_bytes,
				   params.slot_bytes) == 0;
		if (kept)
			taken[place_of[i]] = 1;
	}
	check(kept, name, "every code is where place_of says, each in a place of its own");

	vx_hnsw_arrange(&params, again, count, place_of, memory, NULL);
	check(bytes == 0 || memcmp(slots, again, bytes) == 0, name, "the order can be repeated");

	if (max_steps > 0)
	{
		double		ratio = measure_steps(&params, slots, count) /
			measure_steps(&params, before, count);

		printf("# %s: steps %.3f of those before\n", name, ratio);
		check(ratio <= max_steps, name, "neighbours in the order are near each other");
	}
	free(slots);
	free(again);
	free(before);
	free(place_of);
	free(taken);
	free(memory);
}

int
main(void)
{
	try("none", EVEN, QUANT_SQ8, DISTANCE_METRIC_L2, 4, 0, 0);
	try("one", EVEN, QUANT_SQ8, DISTANCE_METRIC_L2, 4, 1, 0);
	try("a few", EVEN, QUANT_SQ8, DISTANCE_METRIC_L2, 4, 65, 0);
	try("even", EVEN, QUANT_SQ8, DISTANCE_METRIC_L2, 4, MAX_NODES, 0.2);
	check(interrupts > 0, "even", "interrupts are looked at");
	try("cosine", EVEN, QUANT_SQ8, DISTANCE_METRIC_COSINE, 4, MAX_NODES, 0.2);
	try("inner product", EVEN, QUANT_SQ8, DISTANCE_METRIC_IP, 4, MAX_NODES, 0);
	try("taxicab", EVEN, QUANT_SQ8, DISTANCE_METRIC_L1, 4, 5000, 0.5);
	try("without codes", EVEN, QUANT_NONE, DISTANCE_METRIC_L2, 4, 5000, 0.2);
	try("one dimension", EVEN, QUANT_NONE, DISTANCE_METRIC_L2, 1, MAX_NODES, 0.01);
	try("a large cluster", CLUSTERS, QUANT_SQ8, DISTANCE_METRIC_L2, MAX_DIMS, MAX_NODES, 0.5);
	try("powers", POWERS, QUANT_NONE, DISTANCE_METRIC_L2, 1, MAX_NODES, 0);
	try("all equal", EQUAL, QUANT_SQ8, DISTANCE_METRIC_L2, 4, MAX_NODES, 0);

	printf("1..%d\n", tests);
	return failures != 0;
}
