/*-------------------------------------------------------------------------
 *
 * replay_corpus.c
 *	  Run a fuzz target over every file of a corpus: prints TAP.
 *
 * Linked with one fuzz_*.c in place of libFuzzer's main.  A target that finds
 * a fault aborts, and so leaves the plan unprinted.
 *
 * usage: PROGRAM DIRECTORY
 *
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file's bytes, to be freed; exits if it cannot be read. */
static uint8_t *
read_whole_file(const char *path, size_t *size)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *data = NULL;
	long		length;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 ||
		(length = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0 ||
		(data = malloc(length > 0 ? (size_t) length : 1)) == NULL ||
		fread(data, 1, (size_t) length, file) != (size_t) length)
	{
		fprintf(stderr, "could not read file \"%s\": %s\n", path, strerror(errno));
		exit(2);
	}
	fclose(file);
	*size = (size_t) length;
	return data;
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	struct dirent **entries;
	int			count;
	int			i;

	if (argc != 2)
	{
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}

	count = scandir(argv[1], &entries, is_visible, alphasort);
	if (count <= 0)
	{
		printf("not ok 1 - no files in %s\n1..1\n", argv[1]);
		return 1;
	}

	for (i = 0; i < count; i++)
	{
		char		path[4096];
		uint8_t    *data;
		size_t		size;

		snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
		data = read_whole_file(path, &size);

		/* Announced first, so that the output names the file at fault. */
		printf("# %s\n", entries[i]->d_name);
		fflush(stdout);
		LLVMFuzzerTestOneInput(data, size);
		printf("ok %d - %s, %zu bytes\n", i + 1, entries[i]->d_name, size);

		free(data);
		free(entries[i]);
	}
	free(entries);
	printf("1..%d\n", count);
	return 0;
}
