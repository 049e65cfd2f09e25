/*-------------------------------------------------------------------------
 *
 * bench_client.c
 *	  A client of one connection that asks for neighbours as fast as it gets
 *	  them.
 *
 * Prepared statement, binary parameter (float32), binary answers (int4 ids),
 * one query on its way at a time; what it does between two of them takes a
 * fraction of a microsecond.  It obeys lines on standard input and answers
 * each with one line:
 *
 *	  sql STATEMENT			a setting, say; "ok"
 *	  queries FILE DIMS		float32, a query after the other; their number
 *	  truth FILE K			lines "id distance id distance ...", nearest
 *							first, one for each query; "ok"
 *	  prepare STATEMENT		with one parameter, the vector; "ok"
 *	  run FIRST COUNT		ask these queries: SECONDS RECALL MEDIAN P99 SHORT,
 *							median and 99th percentile in microseconds, SHORT
 *							answers had fewer than K rows
 *	  loop FIRST SECONDS	ask from there on, again from the start at the
 *							end: QUERIES SECONDS
 *	  cpu N					run on this processor alone, and the server's process
 *							too if it can be told to; "ok" or "no"
 *	  save FILE				write the last run: latency in microseconds and
 *							ids, a line for each query; "ok"
 *
 * Recall counts a row as found if it is no farther than the K-th of the truth,
 * give or take what float32 blurs, so that ties count whichever is returned.
 * Without a truth it is -1.
 *
 * Build and run, from the top of the tree:
 *	  cc -O2 -I$(pg_config --includedir) test/bench/bench_client.c -L$(pg_config --libdir) -lpq
 *	  ./a.out CONNECTION-STRING
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#define MAX_K 1000

typedef struct Answer
{
	double		microseconds;
	int			count;
	int32_t		ids[MAX_K];
} Answer;

static PGconn * connection;

/* Parameters as the server receives them */
static char *parameters;
static int	parameter_bytes;
static int	query_count;

/* For each query k accepted ids at least, more if there are ties, sorted */
static int	k;
static int32_t **accepted;
static int *accepted_count;
static int	truth_count;

static Answer *answers;
static int	run_first;
static int	run_count;

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "bench_client: %s: %s\n", what, why);
	exit(1);
}

static void *
allocate(size_t bytes)
{
	void	   *memory = calloc(1, bytes > 0 ? bytes : 1);

	if (memory == NULL)
		fail("memory", "none is left");
	return memory;
}

static double
read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e6 + 1e-3 * (double) now.tv_nsec;
}

static void
read_queries(const char *path, int dims)
{
	FILE	   *input = fopen(path, "rb");
	uint32_t   *row;
	long		bytes;

	if (input == NULL || fseek(input, 0, SEEK_END) != 0 || (bytes = ftell(input)) <= 0)
		fail(path, "cannot be read");
	rewind(input);
	if (dims <= 0 || bytes % (4L * dims) != 0)
		fail(path, "does not hold vectors of so many dimensions");
	query_count = (int) (bytes / (4L * dims));
	parameter_bytes = 4 + 4 * dims;
	free(parameters);
	free(answers);
	parameters = allocate((size_t) query_count * parameter_bytes);
	answers = allocate(sizeof(Answer) * query_count);
	row = allocate(sizeof(uint32_t) * dims);
	for (int query = 0; query < query_count; query++)
	{
		char	   *parameter = parameters + (size_t) query * parameter_bytes;
		uint16_t	header[2] = {htons((uint16_t) dims), 0};

		if (fread(row, sizeof(uint32_t), dims, input) != (size_t) dims)
			fail(path, "cannot be read");
		for (int i = 0; i < dims; i++)
			row[i] = htonl(row[i]);
		memcpy(parameter, header, 4);
		memcpy(parameter + 4, row, 4 * (size_t) dims);
	}
	free(row);
	fclose(input);
	/* The truth belonged to the queries before. */
	k = 0;
}

static int
compare_ids(const void *a, const void *b)
{
	int32_t		left = *(const int32_t *) a;
	int32_t		right = *(const int32_t *) b;

	return left < right ? -1 : left > right;
}

static void
read_truth(const char *path, int wanted)
{
	FILE	   *input = fopen(path, "r");
	char	   *line = NULL;
	size_t		line_bytes = 0;

	if (input == NULL)
		fail(path, "cannot be read");
	if (wanted < 1 || wanted > MAX_K)
		fail("truth", "K is out of range");
	for (int query = 0; query < truth_count; query++)
		free(accepted[query]);
	free(accepted);
	free(accepted_count);
	accepted = allocate(sizeof(int32_t *) * query_count);
	accepted_count = allocate(sizeof(int) * query_count);
	truth_count = query_count;
	for (int query = 0; query < query_count; query++)
	{
		char	   *next;
		double		bound = INFINITY;
		int			room = 0;

		if (getline(&line, &line_bytes, input) < 0)
			fail(path, "has too few lines");
		for (next = line;;)
		{
			char	   *end;
			long		id = strtol(next, &end, 10);
			double		distance;

			if (end == next)
				break;
			distance = strtod(end, &next);
			if (next == end)
				fail(path, "is not a file of neighbours");
			if (distance > bound)
				break;
			if (accepted_count[query] == room)
			{
				room = room > 0 ? 2 * room : 16;
				accepted[query] = realloc(accepted[query], sizeof(int32_t) * room);
				if (accepted[query] == NULL)
					fail("memory", "none is left");
			}
			accepted[query][accepted_count[query]++] = (int32_t) id;
			if (accepted_count[query] == wanted)
				bound = distance + 1e-6 * fabs(distance) + 1e-7;
		}
		if (accepted_count[query] < wanted)
			fail(path, "has too few neighbours");
		qsort(accepted[query], accepted_count[query], sizeof(int32_t), compare_ids);
	}
	free(line);
	fclose(input);
	k = wanted;
}

static void
ask(int query)
{
	const char *values[1] = {parameters + (size_t) query * parameter_bytes};
	int			lengths[1] = {parameter_bytes};
	int			formats[1] = {1};
	Answer	   *answer = &answers[query];
	double		start = read_clock();
	PGresult   *result = PQexecPrepared(connection, "neighbours", 1, values, lengths, formats, 1);

	answer->microseconds = read_clock() - start;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail("query", PQresultErrorMessage(result));
	answer->count = PQntuples(result);
	if (answer->count > MAX_K)
		fail("query", "returns too many rows");
	for (int i = 0; i < answer->count; i++)
	{
		uint32_t	id;

		if (PQgetlength(result, i, 0) != 4)
			fail("query", "the first column is not an int4");
		memcpy(&id, PQgetvalue(result, i, 0), 4);
		answer->ids[i] = (int32_t) ntohl(id);
	}
	PQclear(result);
}

static int
compare_times(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}

static void
report_run(double seconds)
{
	double	   *times = allocate(sizeof(double) * run_count);
	long		found = 0;
	int			short_answers = 0;

	for (int i = 0; i < run_count; i++)
	{
		const Answer *answer = &answers[run_first + i];

		times[i] = answer->microseconds;
		if (answer->count < k)
			short_answers++;
		for (int j = 0; j < answer->count && j < k; j++)
			found += bsearch(&answer->ids[j], accepted[run_first + i],
							 accepted_count[run_first + i],
							 sizeof(int32_t), compare_ids) != NULL;
	}
	qsort(times, run_count, sizeof(double), compare_times);
	printf("%.6f %.5f %.1f %.1f %d\n", seconds,
		   k > 0 ? (double) found / ((double) run_count * k) : -1.0,
		   times[run_count / 2], times[(int) (run_count * 0.99)], short_answers);
	free(times);
}

static void
save_run(const char *path)
{
	FILE	   *output = fopen(path, "w");

	if (output == NULL)
		fail(path, "cannot be written");
	for (int i = 0; i < run_count; i++)
	{
		const Answer *answer = &answers[run_first + i];

		fprintf(output, "%.1f", answer->microseconds);
		for (int j = 0; j < answer->count; j++)
			fprintf(output, " %d", answer->ids[j]);
		putc('\n', output);
	}
	if (ferror(output) || fclose(output) != 0)
		fail(path, "cannot be written");
}

static void
obey(char *line)
{
	char	   *rest = strchr(line, ' ');
	char	   *last;
	int			first;
	int			count;
	double		duration;
	double		start;

	if (rest == NULL)
		fail(line, "is no command");
	*rest++ = '\0';
	last = strrchr(rest, ' ');
	if (strcmp(line, "sql") == 0)
	{
		PGresult   *result = PQexec(connection, rest);

		if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
			fail(rest, PQresultErrorMessage(result));
		PQclear(result);
		puts("ok");
	}
	else if (strcmp(line, "cpu") == 0)
	{
		cpu_set_t	cpus;

		CPU_ZERO(&cpus);
		CPU_SET(atoi(rest), &cpus);
		puts(sched_setaffinity(PQbackendPID(connection), sizeof(cpus), &cpus) == 0 &&
			 sched_setaffinity(0, sizeof(cpus), &cpus) == 0 ? "ok" : "no");
	}
	else if (strcmp(line, "prepare") == 0)
	{
		PGresult   *result;

		PQclear(PQexec(connection, "DEALLOCATE ALL"));
		result = PQprepare(connection, "neighbours", rest, 1, NULL);
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			fail(rest, PQresultErrorMessage(result));
		PQclear(result);
		puts("ok");
	}
	else if (strcmp(line, "queries") == 0 && last != NULL)
	{
		*last++ = '\0';
		read_queries(rest, atoi(last));
		printf("%d\n", query_count);
	}
	else if (strcmp(line, "truth") == 0 && last != NULL)
	{
		*last++ = '\0';
		read_truth(rest, atoi(last));
		puts("ok");
	}
	else if (strcmp(line, "run") == 0 && sscanf(rest, "%d %d", &first, &count) == 2)
	{
		if (first < 0 || count < 1 || first > query_count - count)
			fail("run", "there are not so many queries");
		run_first = first;
		run_count = count;
		start = read_clock();
		for (int i = 0; i < count; i++)
			ask(first + i);
		report_run((read_clock() - start) / 1e6);
	}
	else if (strcmp(line, "loop") == 0 && sscanf(rest, "%d %lf", &first, &duration) == 2)
	{
		if (first < 0 || query_count == 0)
			fail("loop", "there are no queries");
		start = read_clock();
		for (count = 0; read_clock() - start < duration * 1e6; count++)
			ask((int) (((long) first + count) % query_count));
		printf("%d %.6f\n", count, (read_clock() - start) / 1e6);
	}
	else if (strcmp(line, "save") == 0)
	{
		save_run(rest);
		puts("ok");
	}
	else
		fail(line, "cannot be understood");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	char	   *line = NULL;
	size_t		line_bytes = 0;
	ssize_t		length;

	if (argc != 2)
	{
		fprintf(stderr, "usage: bench_client CONNECTION-STRING\n");
		return 2;
	}
	connection = PQconnectdb(argv[1]);
	if (PQstatus(connection) != CONNECTION_OK)
		fail("connection", PQerrorMessage(connection));
	while ((length = getline(&line, &line_bytes, stdin)) > 0)
	{
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		obey(line);
	}
	free(line);
	PQfinish(connection);
	return 0;
}
