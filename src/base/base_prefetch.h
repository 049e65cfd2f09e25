/*-------------------------------------------------------------------------
 *
 * base_prefetch.h
 *	  Asking for a line of memory ahead.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_BASE_PREFETCH_H
#define VX_BASE_PREFETCH_H

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

#endif							/* VX_BASE_PREFETCH_H */
