/*-------------------------------------------------------------------------
 *
 * test_keys.c
 *	  Unit test of the comparison of packed keys with ranges, without a server:
 *	  prints TAP.
 *
 * Build and run, from the top of the tree:
 *	  test/lib/compile_unit test/unit/test_keys.c PROGRAM
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/distance/ */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distance/distance.h"
#include "distance/distance_keys.h"
#include "distance/distance_variants.h"

#define COUNT 320

static int	tests_run = 0;
static int	tests_failed = 0;
static uint64_t state = UINT64_C(88172645463325252);

/* xorshift64 */
static uint64_t
next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void
report(bool ok, const char *name, const char *variant)
{
	tests_run++;
	if (!ok)
		tests_failed++;
	printf("%sok %d - %s, %s\n", ok ? "" : "not ", tests_run, name, variant);
}

/* A number that is often at the border of a range, of a sign, or zero */
static uint64_t
choose_key(uint64_t low, uint64_t high)
{
	switch (next_random() % 9)
	{
		case 0:
			return low;
		case 1:
			return high;
		case 2:
			return low - 1;
		case 3:
			return high + 1;
		case 4:
			return 0;
		case 5:
			return UINT64_MAX;
		case 6:
			return UINT64_C(1) << 63;
		default:
			return next_random();
	}
}

static void
test_variant(DistanceVariant variant, const char *name)
{
	bool		ok4 = true;
	bool		ok8 = true;
	bool		kept = true;
	int			round;
	int			i;

	vx_distance_choose(variant);
	for (round = 0; round < 2000; round++)
	{
		uint32_t	keys4[COUNT + 1];
		uint64_t	keys8[COUNT + 1];
		uint32_t	words4[COUNT / 32 + 1];
		uint32_t	words8[COUNT / 32 + 1];
		uint64_t	low = round % 7 == 0 ? 0 : next_random() >> (round % 64);
		uint64_t	high = round % 5 == 0 ? UINT64_MAX : next_random() >> (round % 64);
		uint32_t	before = (uint32_t) next_random() & (uint32_t) next_random();
		int			count = (1 + round % (COUNT / 32)) * 32;
		int			shift = round % 2;	/* keys need not be aligned to vectors */

		if (high < low)
		{
			uint64_t	swap = low;

			low = high;
			high = swap;
		}
		for (i = 0; i < COUNT + 1; i++)
		{
			keys8[i] = choose_key(low, high);
			keys4[i] = (uint32_t) choose_key(low >> 32, high >> 32);
		}
		for (i = 0; i < COUNT / 32 + 1; i++)
			words4[i] = words8[i] = before;
		vx_distance_match_keys8(keys8 + shift, count, low, high, words8);
		vx_distance_match_keys4(keys4 + shift, count, (uint32_t) (low >> 32),
								(uint32_t) (high >> 32), words4);
		for (i = 0; i < count; i++)
		{
			bool		was = before >> (i % 32) & 1;
			bool		in8 = keys8[i + shift] >= low && keys8[i + shift] <= high;
			bool		in4 = keys4[i + shift] >= (uint32_t) (low >> 32) &&
				keys4[i + shift] <= (uint32_t) (high >> 32);

			ok8 &= (words8[i / 32] >> (i % 32) & 1) == (was || in8);
			ok4 &= (words4[i / 32] >> (i % 32) & 1) == (was || in4);
		}
		kept &= words4[count / 32] == before && words8[count / 32] == before;
	}
	report(ok4, "keys of 4 bytes", name);
	report(ok8, "keys of 8 bytes", name);
	report(kept, "nothing is written behind them", name);
}

int
main(void)
{
	test_variant(DISTANCE_VARIANT_SCALAR, "scalar");
	if (vx_distance_variant_supported(DISTANCE_VARIANT_AVX2))
		test_variant(DISTANCE_VARIANT_AVX2, "avx2");
	test_variant(DISTANCE_VARIANT_AUTO, "auto");
	printf("1..%d\n", tests_run);
	return tests_failed > 0;
}
