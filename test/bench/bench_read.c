/*-------------------------------------------------------------------------
 *
 * bench_read.c
 *	  The yardstick of bench_flat.pl: how long reading so many bytes takes one
 *	  core, if it does nothing else with them.
 *
 * A server of one client: for each line on standard input, a number of bytes,
 * it reads so much memory from front to back and prints the milliseconds.
 * So it can take turns with the scans that it is compared with, on the same
 * minute's memory and processor.  Two more numbers on the line, PIECE and
 * STRIDE, have it read the first PIECE bytes of every STRIDE, as codes lie on
 * pages.
 *
 * Build and run, from the top of the tree:
 *	  cc -O2 test/bench/bench_read.c
 *	  ./a.out MEGABYTES
 *
 * MEGABYTES is the most that will be asked for.  The memory is ordinary pages,
 * as shared buffers are unless the administrator has set huge ones aside.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t (*ReadFunction) (const char *bytes, size_t count);

static uint64_t
read_plain(const char *bytes, size_t count)
{
	uint64_t	sum = 0;
	size_t		i;

	for (i = 0; i + 8 <= count; i += 8)
	{
		uint64_t	word;

		memcpy(&word, bytes + i, 8);
		sum += word;
	}
	return sum;
}

/* Vector loads keep more lines on their way than words do. */
#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static uint64_t
read_avx2(const char *bytes, size_t count)
{
	__m256i		sum0 = _mm256_setzero_si256();
	__m256i		sum1 = _mm256_setzero_si256();
	size_t		i;

	for (i = 0; i + 64 <= count; i += 64)
	{
		sum0 = _mm256_add_epi64(sum0, _mm256_loadu_si256((const __m256i *) (bytes + i)));
		sum1 = _mm256_add_epi64(sum1, _mm256_loadu_si256((const __m256i *) (bytes + i + 32)));
	}
	sum0 = _mm256_add_epi64(sum0, sum1);
	return (uint64_t) _mm256_extract_epi64(sum0, 0) + (uint64_t) _mm256_extract_epi64(sum0, 1) +
		(uint64_t) _mm256_extract_epi64(sum0, 2) + (uint64_t) _mm256_extract_epi64(sum0, 3);
}

__attribute__((target("avx512f"))) static uint64_t
read_avx512(const char *bytes, size_t count)
{
	__m512i		sum = _mm512_setzero_si512();
	size_t		i;

	for (i = 0; i + 64 <= count; i += 64)
		sum = _mm512_add_epi64(sum, _mm512_loadu_si512(bytes + i));
	return (uint64_t) _mm512_reduce_add_epi64(sum);
}
#endif

static ReadFunction
choose_read(void)
{
#if defined(__GNUC__) && defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f"))
		return read_avx512;
	if (__builtin_cpu_supports("avx2"))
		return read_avx2;
#endif
	return read_plain;
}

static double
read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e3 + 1e-6 * (double) now.tv_nsec;
}

int
main(int argc, char **argv)
{
	ReadFunction read_bytes = choose_read();
	static volatile uint64_t sink;	/* so that no read can be left out */
	size_t		size;
	char	   *memory;
	char		line[64];
	size_t		i;

	if (argc != 2 || (size = strtoull(argv[1], NULL, 10) << 20) == 0)
	{
		fprintf(stderr, "usage: bench_read MEGABYTES\n");
		return 2;
	}
	memory = malloc(size);
	if (memory == NULL)
	{
		fprintf(stderr, "bench_read: out of memory\n");
		return 2;
	}
	/* Pages of zeros would all be the same one. */
	for (i = 0; i < size; i++)
		memory[i] = (char) (i * 31 >> 3);

	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		unsigned long long wanted = 0;
		unsigned long long piece = 0;
		unsigned long long stride = 0;
		unsigned long long pieces;
		double		start;

		if (sscanf(line, "%llu %llu %llu", &wanted, &piece, &stride) != 3)
			piece = stride = wanted;
		pieces = piece > 0 ? wanted / piece : 0;
		if (pieces == 0 || piece > stride || pieces > size / stride)
		{
			fprintf(stderr, "bench_read: cannot read %s", line);
			return 2;
		}
		start = read_clock();
		for (i = 0; i < pieces; i++)
			sink += read_bytes(memory + i * stride, piece);
		printf("%.4f\n", read_clock() - start);
		fflush(stdout);
	}
	free(memory);
	return 0;
}
