/*-------------------------------------------------------------------------
 *
 * bench_vectors.c
 *	  Files of vectors for bench_hnsw.pl: made, turned into COPY's format, and
 *	  searched exactly.
 *
 * A file of vectors is nothing but float32, little-endian, a row after the
 * other.  A part of one is chosen by ROWS, STRIDE and, if some are left out,
 * MODULUS and REMAINDER: it has the ids 0 to ROWS - 1, id I is the file's
 * row I * STRIDE, and ids with I % MODULUS = REMAINDER are missing.
 *
 *	bench_vectors clusters OUTPUT ROWS DIMS SEED
 *	bench_vectors copy FILE DIMS OUTPUT FIRST ROWS STRIDE
 *	bench_vectors truth FILE QUERIES DIMS METRIC OUTPUT K ROWS STRIDE [MODULUS REMAINDER]
 *
 * "copy" writes ids FIRST to FIRST + ROWS - 1 as (int, vector) for COPY ...
 * (FORMAT binary).  "truth" writes a line for each query, its K nearest rows
 * as "id distance id distance ...", nearest first; METRIC is l2 (squared
 * distances) or cosine.
 *
 * Build and run, from the top of the tree:
 *	  cc -O3 -march=native -pthread test/bench/bench_vectors.c -lm
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rows that stay in the cache while all queries of a group pass over them */
#define BLOCK_ROWS 64
#define GROUP_QUERIES 32

#define THREADS 2

typedef struct Vectors
{
	const float *values;
	size_t		rows;
	int			dims;
} Vectors;

/* One found row; a query's are kept as a sorted array. */
typedef struct Neighbour
{
	double		distance;
	int			id;
} Neighbour;

typedef struct Truth
{
	Vectors		base;
	Vectors		queries;
	bool		cosine;
	int			k;				/* wanted */
	int			kept;			/* kept while distances are float32 */
	int			rows;
	int			stride;
	int			modulus;		/* 0: no row is left out */
	int			remainder;
	float	   *norms;			/* of the rows, cosine only */
	Neighbour  *found;			/* kept for each query */
} Truth;

typedef struct Share
{
	Truth	   *truth;
	size_t		first;
	size_t		end;
} Share;

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *
allocate(size_t bytes)
{
	void	   *memory = malloc(bytes > 0 ? bytes : 1);

	if (memory == NULL)
		fail("bench_vectors");
	return memory;
}

static long
parse_number(const char *text, long least)
{
	char	   *end;
	long		number = strtol(text, &end, 10);

	if (*end != '\0' || number < least)
	{
		fprintf(stderr, "bench_vectors: \"%s\" is not a number from %ld on\n", text, least);
		exit(2);
	}
	return number;
}

static Vectors
map_vectors(const char *path, int dims)
{
	Vectors		vectors;
	struct stat status;
	int			fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) != 0)
		fail(path);
	vectors.dims = dims;
	vectors.rows = (size_t) status.st_size / (sizeof(float) * dims);
	if (vectors.rows == 0 || (size_t) status.st_size != vectors.rows * dims * sizeof(float))
	{
		fprintf(stderr, "bench_vectors: %s does not hold vectors of %d dimensions\n", path, dims);
		exit(1);
	}
	vectors.values = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (vectors.values == MAP_FAILED)
		fail(path);
	close(fd);
	return vectors;
}

static FILE *
open_output(const char *path)
{
	FILE	   *output = fopen(path, "wb");

	if (output == NULL)
		fail(path);
	return output;
}

static void
close_output(FILE *output, const char *path)
{
	if (ferror(output) || fclose(output) != 0)
		fail(path);
}

static void
check_part(const Vectors *vectors, long first, long rows, long stride)
{
	if ((size_t) ((first + rows - 1) * stride) >= vectors->rows)
	{
		fprintf(stderr, "bench_vectors: the file has only %zu rows\n", vectors->rows);
		exit(1);
	}
}

/* ---- Made vectors ---- */

static uint64_t random_state;

/* splitmix64 */
static uint64_t
draw_word(void)
{
	uint64_t	z = (random_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static double
draw_uniform(void)
{
	return ((double) (draw_word() >> 11) + 0.5) / 9007199254740992.0;
}

static float
draw_normal(void)
{
	return (float) (sqrt(-2 * log(draw_uniform())) * cos(2 * M_PI * draw_uniform()));
}

/*
 * Topics, subjects within topics, and texts about subjects: three levels of
 * normal noise, each narrower than the last.  The noise of the texts falls off
 * along the dimensions, as the spectrum of embeddings does; even noise would
 * have no neighbours worth the name.
 */
static void
write_clusters(const char *path, long rows, int dims, long seed)
{
	const int	topics = 100;
	const int	subjects = 10000;
	float	   *topic = allocate(sizeof(float) * topics * dims);
	float	   *subject = allocate(sizeof(float) * subjects * dims);
	float	   *row = allocate(sizeof(float) * dims);
	FILE	   *output = open_output(path);

	random_state = (uint64_t) seed;
	for (int i = 0; i < topics * dims; i++)
		topic[i] = draw_normal();
	for (int i = 0; i < subjects; i++)
	{
		const float *parent = topic + (size_t) (draw_word() % topics) * dims;

		for (int j = 0; j < dims; j++)
			subject[i * dims + j] = parent[j] + 0.6f * draw_normal();
	}
	for (long i = 0; i < rows; i++)
	{
		const float *parent = subject + (size_t) (draw_word() % subjects) * dims;

		for (int j = 0; j < dims; j++)
			row[j] = parent[j] + draw_normal() * sqrtf(1.0f / (1.0f + j / 8.0f));
		if (fwrite(row, sizeof(float), dims, output) != (size_t) dims)
			fail(path);
	}
	close_output(output, path);
	free(topic);
	free(subject);
	free(row);
}

/* ---- COPY ---- */

static void
put_bytes(FILE *output, uint32_t value, int bytes)
{
	while (bytes-- > 0)
		putc_unlocked((int) (value >> (8 * bytes)) & 0xFF, output);
}

static void
write_copy(const Vectors *vectors, const char *path, long first, long rows, long stride)
{
	static const char signature[11] = "PGCOPY\n\377\r\n";
	FILE	   *output = open_output(path);
	uint32_t   *words = allocate(sizeof(uint32_t) * vectors->dims);

	check_part(vectors, first, rows, stride);
	fwrite(signature, 1, sizeof(signature), output);
	put_bytes(output, 0, 4);	/* flags */
	put_bytes(output, 0, 4);	/* no header extension */
	for (long id = first; id < first + rows; id++)
	{
		memcpy(words, vectors->values + (size_t) (id * stride) * vectors->dims,
			   sizeof(float) * vectors->dims);
		for (int j = 0; j < vectors->dims; j++)
			words[j] = htonl(words[j]);
		put_bytes(output, 2, 2);
		put_bytes(output, 4, 4);
		put_bytes(output, (uint32_t) id, 4);
		put_bytes(output, (uint32_t) (4 + 4 * vectors->dims), 4);
		put_bytes(output, (uint32_t) vectors->dims, 2);
		put_bytes(output, 0, 2);
		fwrite(words, sizeof(uint32_t), vectors->dims, output);
	}
	put_bytes(output, 0xFFFF, 2);
	close_output(output, path);
	free(words);
}

/* ---- Exact search ---- */

static float
sum_products(const float *a, const float *b, int dims)
{
	float		sums[16] = {0};
	float		sum = 0;
	int			i = 0;

	for (; i + 16 <= dims; i += 16)
		for (int lane = 0; lane < 16; lane++)
			sums[lane] += a[i + lane] * b[i + lane];
	for (; i < dims; i++)
		sum += a[i] * b[i];
	for (int lane = 0; lane < 16; lane++)
		sum += sums[lane];
	return sum;
}

static float
sum_squares(const float *a, const float *b, int dims)
{
	float		sums[16] = {0};
	float		sum = 0;
	int			i = 0;

	for (; i + 16 <= dims; i += 16)
		for (int lane = 0; lane < 16; lane++)
			sums[lane] += (a[i + lane] - b[i + lane]) * (a[i + lane] - b[i + lane]);
	for (; i < dims; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	for (int lane = 0; lane < 16; lane++)
		sum += sums[lane];
	return sum;
}

static double
compute_exactly(const Truth *truth, const float *a, const float *b)
{
	double		squares = 0;
	double		dot = 0;
	double		norm_a = 0;
	double		norm_b = 0;

	for (int i = 0; i < truth->base.dims; i++)
	{
		double		difference = (double) a[i] - b[i];

		squares += difference * difference;
		dot += (double) a[i] * b[i];
		norm_a += (double) a[i] * a[i];
		norm_b += (double) b[i] * b[i];
	}
	return truth->cosine ? 1 - dot / sqrt(norm_a * norm_b) : squares;
}

/* Keep the "kept" nearest; equal distances in the order of their ids. */
static void
add_neighbour(Neighbour *found, int kept, double distance, int id)
{
	int			place = kept - 1;

	if (!(distance < found[place].distance))
		return;
	for (; place > 0 && distance < found[place - 1].distance; place--)
		found[place] = found[place - 1];
	found[place].distance = distance;
	found[place].id = id;
}

static int
compare_neighbours(const void *a, const void *b)
{
	const Neighbour *left = a;
	const Neighbour *right = b;

	if (left->distance != right->distance)
		return left->distance < right->distance ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id;
}

static void *
search_share(void *argument)
{
	Share	   *share = argument;
	Truth	   *truth = share->truth;
	int			dims = truth->base.dims;

	for (size_t group = share->first; group < share->end; group += GROUP_QUERIES)
	{
		size_t		group_end = group + GROUP_QUERIES < share->end ?
			group + GROUP_QUERIES : share->end;

		for (int block = 0; block < truth->rows; block += BLOCK_ROWS)
		{
			int			block_end = block + BLOCK_ROWS < truth->rows ?
				block + BLOCK_ROWS : truth->rows;

			for (size_t query = group; query < group_end; query++)
			{
				const float *q = truth->queries.values + query * dims;
				Neighbour  *found = truth->found + query * truth->kept;

				for (int id = block; id < block_end; id++)
				{
					const float *row = truth->base.values + (size_t) id * truth->stride * dims;

					if (truth->modulus != 0 && id % truth->modulus == truth->remainder)
						continue;
					/* The query's norm changes nothing about the order. */
					add_neighbour(found, truth->kept,
								  truth->cosine ? -sum_products(q, row, dims) / truth->norms[id]
								  : sum_squares(q, row, dims), id);
				}
			}
		}
		/* What float32 has blurred is put in order. */
		for (size_t query = group; query < group_end; query++)
		{
			Neighbour  *found = truth->found + query * truth->kept;

			for (int i = 0; i < truth->kept && found[i].id >= 0; i++)
			{
				const float *row = truth->base.values + (size_t) found[i].id * truth->stride * dims;

				found[i].distance =
					compute_exactly(truth, truth->queries.values + query * dims, row);
			}
			qsort(found, truth->kept, sizeof(Neighbour), compare_neighbours);
		}
	}
	return NULL;
}

static void
write_truth(Truth *truth, const char *path)
{
	FILE	   *output = open_output(path);
	pthread_t	threads[THREADS];
	Share		shares[THREADS];
	size_t		count = truth->queries.rows;

	check_part(&truth->base, 0, truth->rows, truth->stride);
	truth->kept = truth->k + 20;
	truth->found = allocate(sizeof(Neighbour) * count * truth->kept);
	for (size_t i = 0; i < count * truth->kept; i++)
	{
		truth->found[i].distance = INFINITY;
		truth->found[i].id = -1;
	}
	truth->norms = allocate(sizeof(float) * truth->rows);
	for (int id = 0; truth->cosine && id < truth->rows; id++)
	{
		const float *row = truth->base.values + (size_t) id * truth->stride * truth->base.dims;

		truth->norms[id] = sqrtf(sum_products(row, row, truth->base.dims));
	}
	for (int i = 0; i < THREADS; i++)
	{
		shares[i].truth = truth;
		shares[i].first = count * i / THREADS;
		shares[i].end = count * (i + 1) / THREADS;
		if (pthread_create(&threads[i], NULL, search_share, &shares[i]) != 0)
			fail("bench_vectors");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t query = 0; query < count; query++)
	{
		const Neighbour *found = truth->found + query * truth->kept;

		for (int i = 0; i < truth->k && found[i].id >= 0; i++)
			fprintf(output, "%s%d %.17g", i > 0 ? " " : "", found[i].id, found[i].distance);
		putc('\n', output);
	}
	close_output(output, path);
	free(truth->found);
	free(truth->norms);
}

int
main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (strcmp(command, "clusters") == 0 && argc == 6)
		write_clusters(argv[2], parse_number(argv[3], 1), (int) parse_number(argv[4], 1),
					   parse_number(argv[5], 0));
	else if (strcmp(command, "copy") == 0 && argc == 8)
	{
		Vectors		vectors = map_vectors(argv[2], (int) parse_number(argv[3], 1));

		write_copy(&vectors, argv[4], parse_number(argv[5], 0), parse_number(argv[6], 1),
				   parse_number(argv[7], 1));
	}
	else if (strcmp(command, "truth") == 0 && (argc == 10 || argc == 12) &&
			 (strcmp(argv[5], "l2") == 0 || strcmp(argv[5], "cosine") == 0))
	{
		Truth		truth = {0};

		truth.base = map_vectors(argv[2], (int) parse_number(argv[4], 1));
		truth.queries = map_vectors(argv[3], truth.base.dims);
		truth.cosine = strcmp(argv[5], "cosine") == 0;
		truth.k = (int) parse_number(argv[7], 1);
		truth.rows = (int) parse_number(argv[8], 1);
		truth.stride = (int) parse_number(argv[9], 1);
		if (argc == 12)
		{
			truth.modulus = (int) parse_number(argv[10], 1);
			truth.remainder = (int) parse_number(argv[11], 0);
		}
		write_truth(&truth, argv[6]);
	}
	else
	{
		fprintf(stderr, "usage: bench_vectors clusters OUTPUT ROWS DIMS SEED\n"
				"       bench_vectors copy FILE DIMS OUTPUT FIRST ROWS STRIDE\n"
				"       bench_vectors truth FILE QUERIES DIMS l2|cosine OUTPUT K ROWS STRIDE [MODULUS REMAINDER]\n");
		return 2;
	}
	return 0;
}
