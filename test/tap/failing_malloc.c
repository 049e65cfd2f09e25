/*-------------------------------------------------------------------------
 *
 * failing_malloc.c
 *	  Memory that is not there, for 262_out_of_memory.pl.
 *
 * Preloaded by LD_PRELOAD this is the allocator of the whole server, and the
 * functions below tell each backend which allocation of its shall fail.  The
 * functions behind malloc() and its kin are glibc's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

extern PGDLLEXPORT Datum fail_malloc(PG_FUNCTION_ARGS);

/* Allocations up to the one that fails; 0 and less: none does */
static int64 left = 0;

PG_FUNCTION_INFO_V1(fail_malloc);

/*
 * fail_malloc(n bigint) returns bigint: the nth allocation from now on fails.
 * Returns how many were left; none if one has failed.
 */
Datum
fail_malloc(PG_FUNCTION_ARGS)
{
	int64		before = left;

	left = PG_GETARG_INT64(0);
	PG_RETURN_INT64(before);
}

static bool
fails(void)
{
	if (left == 0 || --left > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
