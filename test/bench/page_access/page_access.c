/*-------------------------------------------------------------------------
 *
 * page_access.c
 *	  Nanoseconds per random access to a page of a flat index, by each way of
 *	  reading it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "store/store_peek.h"

PG_MODULE_MAGIC;

/* Prefetch this many accesses ahead. */
#define AHEAD 8

static uint64
touch(const char *page, int bytes)
{
	uint64		sum = 0;
	int			i;

	for (i = 0; i < bytes; i += 64)
		sum += *(const volatile uint64 *) (page + 64 + i);
	return sum;
}

/*
 * page_access(index, mode, bytes, accesses, seed) -> ns per access.  Modes:
 * lock, pin, recent, peek, peek_ahead, search, private_ahead.  "search" does
 * what vecext.buffer_peek allows, the others what their names say.
 */
PG_FUNCTION_INFO_V1(page_access);
Datum
page_access(PG_FUNCTION_ARGS)
{
	Relation	index = index_open(PG_GETARG_OID(0), AccessShareLock);
	char	   *mode = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			bytes = PG_GETARG_INT32(2);
	int			accesses = PG_GETARG_INT32(3);
	StoreIndex *store = vx_store_open(index);
	uint32		pages = store->meta.families[STORE_CODE].pages;
	RelFileLocator locator = RelationLocator(index);
	uint32	   *order = palloc_extended(sizeof(uint32) * (accesses + AHEAD), MCXT_ALLOC_HUGE);
	StorePageRef **refs = palloc_extended(sizeof(StorePageRef *) * (accesses + AHEAD),
										  MCXT_ALLOC_HUGE);
	char	   *copy = NULL;
	pg_prng_state prng;
	instr_time	start;
	instr_time	end;
	uint64		sum = 0;
	uint64		missed = 0;
	uint32		page_no;
	int			i;

	bytes = Min(bytes, (int) STORE_PAGE_END - 64);
	pg_prng_seed(&prng, PG_GETARG_INT64(4));
	if (strcmp(mode, "private_ahead") == 0)
		copy = palloc_extended((Size) pages * BLCKSZ, MCXT_ALLOC_HUGE);
	for (page_no = 0; page_no < pages; page_no++)
	{
		Buffer		buffer = vx_store_pin(store, STORE_CODE, page_no);

		if (copy)
			memcpy(copy + (Size) page_no * BLCKSZ, BufferGetPage(buffer), BLCKSZ);
		ReleaseBuffer(buffer);
	}
	for (i = 0; i < accesses + AHEAD; i++)
	{
		order[i] = pg_prng_uint64_range(&prng, 0, pages - 1);
		refs[i] = vx_store_page_ref(store, STORE_CODE, order[i]);
	}

	INSTR_TIME_SET_CURRENT(start);
	if (strcmp(mode, "lock") == 0)
	{
		for (i = 0; i < accesses; i++)
		{
			Buffer		buffer = ReadBuffer(index, refs[i]->block);

			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			sum += touch(BufferGetPage(buffer), bytes);
			UnlockReleaseBuffer(buffer);
		}
	}
	else if (strcmp(mode, "pin") == 0)
	{
		for (i = 0; i < accesses; i++)
		{
			Buffer		buffer = ReadBuffer(index, refs[i]->block);

			sum += touch(BufferGetPage(buffer), bytes);
			ReleaseBuffer(buffer);
		}
	}
	else if (strcmp(mode, "recent") == 0)
	{
		for (i = 0; i < accesses; i++)
		{
			if (!ReadRecentBuffer(locator, MAIN_FORKNUM, refs[i]->block, refs[i]->buffer))
			{
				missed++;
				continue;
			}
			sum += touch(BufferGetPage(refs[i]->buffer), bytes);
			ReleaseBuffer(refs[i]->buffer);
		}
	}
	else if (strcmp(mode, "peek") == 0 || strcmp(mode, "peek_ahead") == 0)
	{
		bool		prefetch = mode[4] != '\0';

		for (i = 0; i < accesses; i++)
		{
			const char *page;

			if (prefetch)
			{
				const char *next = (const char *) BufferGetBlock(refs[i + AHEAD]->buffer);
				int			j;

				__builtin_prefetch(GetBufferDescriptor(refs[i + AHEAD]->buffer - 1));
				for (j = 0; j < bytes; j += 64)
					__builtin_prefetch(next + 64 + j);
			}
			page = vx_store_peek_begin(&locator, refs[i]);
			if (page == NULL)
			{
				missed++;
				continue;
			}
			sum += touch(page, bytes);
			if (!vx_store_peek_end(&locator, refs[i]))
				missed++;
		}
	}
	else if (strcmp(mode, "search") == 0)
	{
		bool		may_peek;

		/* This module has a variable of its own behind the setting. */
		vx_store_buffer_peek =
			strcmp(GetConfigOption("vecext.buffer_peek", false, false), "on") == 0;
		may_peek = vx_store_may_peek(store);
		for (i = 0; i < accesses; i++)
		{
			const char *next = (const char *) BufferGetBlock(refs[i + AHEAD]->buffer);
			const char *page = NULL;
			Buffer		buffer;
			int			j;

			__builtin_prefetch(GetBufferDescriptor(refs[i + AHEAD]->buffer - 1));
			for (j = 0; j < bytes; j += 64)
				__builtin_prefetch(next + 64 + j);
			if (may_peek && (page = vx_store_peek_begin(&locator, refs[i])) != NULL)
			{
				uint64		part = touch(page, bytes);

				if (vx_store_peek_end(&locator, refs[i]))
				{
					sum += part;
					continue;
				}
			}
			if (may_peek)
				missed++;
			buffer = vx_store_pin(store, STORE_CODE, order[i]);
			sum += touch(BufferGetPage(buffer), bytes);
			ReleaseBuffer(buffer);
		}
	}
	else if (strcmp(mode, "private_ahead") == 0)
	{
		for (i = 0; i < accesses; i++)
		{
			const char *next = copy + (Size) order[i + AHEAD] * BLCKSZ;
			int			j;

			for (j = 0; j < bytes; j += 64)
				__builtin_prefetch(next + 64 + j);
			sum += touch(copy + (Size) order[i] * BLCKSZ, bytes);
		}
	}
	else
		elog(ERROR, "unknown mode \"%s\"", mode);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);

	if (missed > accesses / 100)
		elog(ERROR, UINT64_FORMAT " of %d accesses missed: is the index in shared buffers?",
			 missed, accesses);
	elog(DEBUG1, "sum " UINT64_FORMAT, sum);
	index_close(index, AccessShareLock);
	PG_RETURN_FLOAT8(INSTR_TIME_GET_DOUBLE(end) * 1e9 / accesses);
}
