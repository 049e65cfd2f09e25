/*-------------------------------------------------------------------------
 *
 * base_prefetch.h
 *	  Asking for memory ahead.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_BASE_PREFETCH_H
#define VX_BASE_PREFETCH_H

#include <stddef.h>

/*
 * A function that does nothing but __builtin_prefetch is one without effects
 * to gcc (12 at least), which then leaves out the calls of it.  The empty
 * statement is an effect.
 */
#define vx_prefetch(address) \
	do { \
		__builtin_prefetch(address); \
		__asm__ __volatile__(""); \
	} while (0)

/* What lies behind so many bytes the CPU finds by itself, or who reads it asks for. */
#define VX_PREFETCH_MOST 1024

/* Ask for bytes that begin with a line, or end with one. */
static inline void
vx_prefetch_bytes(const void *start, size_t bytes)
{
	size_t		end = bytes < VX_PREFETCH_MOST ? bytes : VX_PREFETCH_MOST;
	size_t		at;

	for (at = 0; at < end; at += 64)
		vx_prefetch((const char *) start + at);
}

#endif							/* VX_BASE_PREFETCH_H */
