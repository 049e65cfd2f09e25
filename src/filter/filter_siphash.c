/*-------------------------------------------------------------------------
 *
 * filter_siphash.c
 *	  SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 *	  2012), with the test vectors of the paper's reference in test/unit.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/filter_siphash.h"

#define ROTATE(x, bits) (((x) << (bits)) | ((x) >> (64 - (bits))))

static void
mix(uint64_t v[4], int rounds)
{
	while (rounds-- > 0)
	{
		v[0] += v[1];
		v[1] = ROTATE(v[1], 13) ^ v[0];
		v[0] = ROTATE(v[0], 32);
		v[2] += v[3];
		v[3] = ROTATE(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = ROTATE(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = ROTATE(v[1], 17) ^ v[2];
		v[2] = ROTATE(v[2], 32);
	}
}

uint64_t
vx_filter_siphash(const unsigned char *bytes, size_t length, uint64_t key0, uint64_t key1)
{
	uint64_t	v[4];
	size_t		left = length;

	/* "somepseudorandomlygeneratedbytes" */
	v[0] = key0 ^ UINT64_C(0x736f6d6570736575);
	v[1] = key1 ^ UINT64_C(0x646f72616e646f6d);
	v[2] = key0 ^ UINT64_C(0x6c7967656e657261);
	v[3] = key1 ^ UINT64_C(0x7465646279746573);

	for (;;)
	{
		uint64_t	word = 0;
		size_t		taken = left < 8 ? left : 8;
		size_t		i;

		for (i = 0; i < taken; i++)
			word |= (uint64_t) bytes[i] << (8 * i);
		/* The last word, perhaps without bytes, carries the length. */
		if (taken < 8)
			word |= (uint64_t) length << 56;
		v[3] ^= word;
		mix(v, 2);
		v[0] ^= word;
		if (taken < 8)
			break;
		bytes += 8;
		left -= 8;
	}

	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
