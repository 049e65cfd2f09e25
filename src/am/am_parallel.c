/*-------------------------------------------------------------------------
 *
 * am_parallel.c
 *	  Sharing a scan out among parallel workers.
 *
 * Each phase of a scan has one counter of chunks in shared memory.  A
 * participant takes chunks until there are none left and answers with what
 * is best in its own; Gather Merge does the rest.  A participant that runs
 * out of answers scans its own chunks again (am_scan.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relscan.h"
#include "port/atomics.h"

#include "am/am_scan.h"
#include "base/base_compat.h"

struct AmParallelData
{
	pg_atomic_uint32 next_chunk[AM_PHASE_DONE];
};

static AmParallelData *
get_shared(IndexScanDesc scan)
{
	ParallelIndexScanDesc parallel = scan->parallel_scan;

	return (AmParallelData *) OffsetToPointer(parallel, vx_parallel_am_offset(parallel));
}

Size
vx_am_estimate_parallel(VX_ESTIMATE_PARALLEL_ARGS)
{
	return sizeof(AmParallelData);
}

void
vx_am_init_parallel(void *target)
{
	AmParallelData *shared = (AmParallelData *) target;
	int			i;

	for (i = 0; i < AM_PHASE_DONE; i++)
		pg_atomic_init_u32(&shared->next_chunk[i], 0);
}

void
vx_am_rescan_parallel(IndexScanDesc scan)
{
	AmParallelData *shared = get_shared(scan);
	int			i;

	for (i = 0; i < AM_PHASE_DONE; i++)
		pg_atomic_write_u32(&shared->next_chunk[i], 0);
}

/*
 * Take the next chunk of a phase; next_private counts for scans that are not
 * parallel.  The caller stops at the first chunk beyond the last page.
 */
bool
vx_am_claim_chunk(IndexScanDesc scan, AmPhase phase, uint32 *next_private,
				  uint32 *chunk)
{
	if (scan->parallel_scan == NULL)
		*chunk = (*next_private)++;
	else
		*chunk = pg_atomic_fetch_add_u32(&get_shared(scan)->next_chunk[phase], 1);
	return *chunk < PG_UINT32_MAX / AM_CHUNK_PAGES;
}
