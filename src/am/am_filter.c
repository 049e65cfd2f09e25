/*-------------------------------------------------------------------------
 *
 * am_filter.c
 *	  Conditions on the columns after the vector.
 *
 * 1. The keys of a scan become tests of slots, one list of ranges for each key
 *	  column, patterns for each condition on a signature (compile_keys).
 * 2. A sample tells about how many rows pass.  If it is many, and there may be
 *	  a walk along a graph, rows are tested when it has found them
 *	  (vx_am_test_row).
 * 3. Else, or when the walk ends, each test passes over its column, a page at a
 *	  time, and leaves a bitmap of rows; all are ANDed, and the bits counted
 *	  (vx_am_fill_filter).
 * 4. Where nodes are asked for rather than rows: row slots tell (vx_am_find_
 *	  matching_nodes).
 *
 * What slots and bitmap say holds for rows that the scan's snapshot sees: such a row
 * had its attributes before the scan began and keeps them.  Rows that are put
 * into slots meanwhile are seen by nobody with this snapshot, whatever is said
 * of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/skey.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "am/am_filter.h"
#include "base/base_prefetch.h"
#include "distance/distance_keys.h"
#include "store/store_peek.h"

/* With more ranges than this a key is looked up rather than compared. */
#define MAX_COMPARED_RANGES 8

/*
 * With more patterns than this a page is copied before its signatures are compared
 * with all of them: nobody shall wait for its lock meanwhile.
 */
#define MAX_LOCKED_PATTERNS 1024

/* Bits of the bitmap that most lookups end at */
#define POINT_BITS 65536

/*
 * Pages of rows that are peeked at between two looks at the clock, and how many
 * rows may pass there at most: more take too long.
 */
#define PEEK_PAGES 16
#define PEEK_ROWS 256

/*
 * The sample: so many times 32 rows, spread evenly.  It is not worth it where
 * there are few rows, nor is what it tells of few that pass.
 */
#define SAMPLE_PLACES 64
#define SAMPLE_ROWS (SAMPLE_PLACES * 32)
#define MIN_ROWS (8 * SAMPLE_ROWS)
#define MANY_PASS (SAMPLE_ROWS / 16)

/* What a column has to meet */
typedef struct FilterTest
{
	int			column;
	bool		is_null;		/* of a signature: the slot is zeros */
	bool		lossy;
	AmSlotTest	slot;			/* any of these; ranges ascend */
	uint64	   *points;			/* many ranges: bitmap of hashes of single
								 * keys */
} FilterTest;

typedef struct FilterState
{
	StoreIndex *store;
	AmColumns  *columns;
	FilterTest *tests;
	int			count;
	MemoryContext context;
} FilterState;

static int
compare_ranges(const void *a, const void *b)
{
	const AmKeyRange *left = a;
	const AmKeyRange *right = b;

	/* Sorting many takes long. */
	CHECK_FOR_INTERRUPTS();
	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	return 0;
}

/* Sort ranges and join those that overlap. */
static void
order_ranges(AmSlotTest *test)
{
	int			kept = 0;
	int			i;

	if (test->count > 1)
		qsort(test->ranges, test->count, sizeof(AmKeyRange), compare_ranges);
	for (i = 0; i < test->count; i++)
	{
		if (kept > 0 && test->ranges[i].low <= test->ranges[kept - 1].high)
			test->ranges[kept - 1].high = Max(test->ranges[kept - 1].high, test->ranges[i].high);
		else
			test->ranges[kept++] = test->ranges[i];
	}
	test->count = kept;
}

/* Leave in `into` what is in both; both are ordered. */
static void
intersect_ranges(AmSlotTest *into, const AmSlotTest *other)
{
	AmSlotTest	both = {0};
	int			i = 0;
	int			j = 0;

	while (i < into->count && j < other->count)
	{
		const AmKeyRange *a = &into->ranges[i];
		const AmKeyRange *b = &other->ranges[j];

		vx_am_add_range(&both, Max(a->low, b->low), Min(a->high, b->high));
		if (a->high < b->high)
			i++;
		else
			j++;
	}
	both.lossy = into->lossy || other->lossy;
	*into = both;
}

/*
 * What one scan key asks of its column's slots.
 */
static void
compile_key(const AmColumn *column, ScanKey key, FilterTest *test)
{
	if (key->sk_flags & SK_SEARCHNULL)
	{
		if (column->methods->signature)
			test->is_null = true;
		else
			vx_am_add_range(&test->slot, 0, 0);
	}
	else if (key->sk_flags & SK_SEARCHNOTNULL)
	{
		if (column->methods->signature)
			vx_am_add_pattern(&test->slot);
		else
			vx_am_add_range(&test->slot, 1, PG_UINT64_MAX);
	}
	else if (key->sk_flags & SK_ISNULL)
	{
		/* The operators are strict: nothing is added, nothing passes. */
	}
	else if (key->sk_flags & SK_SEARCHARRAY)
	{
		ArrayType  *array = DatumGetArrayTypeP(key->sk_argument);
		int16		length;
		bool		by_value;
		char		align;
		Datum	   *elements;
		bool	   *nulls;
		int			count;
		int			i;

		get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
		deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align,
						  &elements, &nulls, &count);
		for (i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!nulls[i])
				column->methods->compile(column, key->sk_strategy, key->sk_subtype,
										 elements[i], &test->slot);
		}
	}
	else
		column->methods->compile(column, key->sk_strategy, key->sk_subtype,
								 key->sk_argument, &test->slot);

	if (!column->methods->signature)
	{
		/* Shorter keys end sooner. */
		if (column->methods->bytes == sizeof(uint32))
		{
			int			i;

			for (i = 0; i < test->slot.count; i++)
				test->slot.ranges[i].high = Min(test->slot.ranges[i].high, PG_UINT32_MAX);
		}
		order_ranges(&test->slot);
	}
}

/*
 * Turn the scan's keys into tests.
 */
static void
compile_keys(FilterState *state, IndexScanDesc scan)
{
	int			i;
	int			j;

	state->tests = palloc0(sizeof(FilterTest) * scan->numberOfKeys);
	for (i = 0; i < scan->numberOfKeys; i++)
	{
		ScanKey		key = &scan->keyData[i];
		const AmColumn *column;
		FilterTest	test = {0};

		if (key->sk_attno == 1)
			continue;
		test.column = key->sk_attno - 2;
		column = &state->columns->column[test.column];
		compile_key(column, key, &test);

		/* Conditions on one key column are one list of ranges. */
		for (j = 0; j < state->count && !column->methods->signature; j++)
		{
			if (state->tests[j].column == test.column)
			{
				intersect_ranges(&state->tests[j].slot, &test.slot);
				break;
			}
		}
		if (j == state->count || column->methods->signature)
			state->tests[state->count++] = test;
	}
}

static inline uint32
hash_point(uint64 key)
{
	return (uint32) ((key * UINT64CONST(0x9E3779B97F4A7C15)) >> 48) % POINT_BITS;
}

/*
 * A bitmap that tells most keys that are in none of many ranges, if these are
 * single keys.
 */
static void
fill_points(FilterTest *test)
{
	int			i;

	if (test->slot.count <= MAX_COMPARED_RANGES || test->slot.count > POINT_BITS / 4)
		return;
	for (i = 0; i < test->slot.count; i++)
	{
		if (test->slot.ranges[i].low != test->slot.ranges[i].high)
			return;
	}
	test->points = palloc0(POINT_BITS / 8);
	for (i = 0; i < test->slot.count; i++)
	{
		uint32		bit = hash_point(test->slot.ranges[i].low);

		test->points[bit / 64] |= UINT64CONST(1) << (bit % 64);
	}
}

static bool
find_key(const FilterTest *test, uint64 key)
{
	int			low = 0;
	int			high = test->slot.count;

	if (test->points != NULL)
	{
		uint32		bit = hash_point(key);

		if (!(test->points[bit / 64] & (UINT64CONST(1) << (bit % 64))))
			return false;
	}
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (test->slot.ranges[middle].high < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < test->slot.count && test->slot.ranges[low].low <= key;
}

/* Bits of the slots of a page whose key is in one of the ranges */
static void
match_keys(const FilterTest *test, int bytes, const char *slots, int count, uint32 *words)
{
	int			i;

	if (test->slot.count > MAX_COMPARED_RANGES)
	{
		for (i = 0; i < count; i++)
		{
			uint64		key = bytes == sizeof(uint32) ?
				((const uint32 *) slots)[i] : ((const uint64 *) slots)[i];

			words[i / 32] |= (uint32) find_key(test, key) << (i % 32);
		}
		return;
	}
	for (i = 0; i < test->slot.count; i++)
	{
		const AmKeyRange *range = &test->slot.ranges[i];

		if (bytes == sizeof(uint32))
			vx_distance_match_keys4((const uint32 *) slots, count, (uint32) range->low,
									(uint32) range->high, words);
		else
			vx_distance_match_keys8((const uint64 *) slots, count, range->low, range->high,
									words);
	}
}

/*
 * Bits of signatures that have a pattern.  Always inlined, with a constant
 * length: without jumps, and a loop over words that the compiler undoes.
 */
static pg_attribute_always_inline void
match_pattern(const uint64 *signatures, int length, const uint64 *pattern, int count,
			  uint32 *words)
{
	int			i;
	int			j;
	int			k;

	for (i = 0; i < count; i += 32)
	{
		uint32		bits = 0;

		for (j = 0; j < 32; j++)
		{
			uint64		missing = 0;

			for (k = 0; k < length; k++)
				missing |= pattern[k] & ~signatures[k];
			bits |= (uint32) (missing == 0) << j;
			signatures += length;
		}
		words[i / 32] |= bits;
	}
}

/* Bits of the slots of a page whose signature has one of the patterns */
static void
match_signatures(const FilterTest *test, int bytes, const char *slots, int count,
				 uint32 *words)
{
	const uint64 *signatures = (const uint64 *) slots;
	int			length = bytes / sizeof(uint64);
	int			i;

	if (test->is_null)
	{
		for (i = 0; i < count; i++)
			words[i / 32] |= (uint32) (signatures[i * length] == 0) << (i % 32);
		return;
	}
	for (i = 0; i < test->slot.count; i++)
	{
		const uint64 *pattern = test->slot.patterns + AM_SIGNATURE_WORDS * i;

		CHECK_FOR_INTERRUPTS();
		if (length == 2)
			match_pattern(signatures, 2, pattern, count, words);
		else if (length == 4)
			match_pattern(signatures, 4, pattern, count, words);
		else
			match_pattern(signatures, length, pattern, count, words);
	}
}

/*
 * Bits of the slots of a column's page that pass the test, from one on; first
 * and count are multiples of 32.
 */
static void
match_page(const FilterState *state, const FilterTest *test, uint32 page_no, uint32 first,
		   uint32 count, uint32 *words)
{
	StoreIndex *store = state->store;
	const AmColumnMethods *methods = state->columns->column[test->column].methods;
	int			family = STORE_ATTRIBUTE + test->column;
	Buffer		buffer;
	Page		page;
	PGAlignedBlock copy;
	const char *bytes;
	uint32		slots;
	uint32		whole;

	memset(words, 0, count / 8);
	if (page_no >= store->meta.families[family].pages)
		return;
	buffer = vx_store_lock(store, family, page_no, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	slots = vx_store_slots(page, family, methods->bytes);
	slots = slots <= first ? 0 : Min(slots - first, count);

	/* What lies behind the last slot is zero. */
	whole = (slots + 31) / 32 * 32;
	bytes = vx_store_slot(page, family, methods->bytes, first);
	if (methods->signature && test->slot.count > MAX_LOCKED_PATTERNS)
	{
		memcpy(copy.data, bytes, whole * methods->bytes);
		bytes = copy.data;
		UnlockReleaseBuffer(buffer);
		buffer = InvalidBuffer;
	}
	if (methods->signature)
		match_signatures(test, methods->bytes, bytes, whole, words);
	else
		match_keys(test, methods->bytes, bytes, whole, words);
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
	if (slots % 32 != 0)
		words[slots / 32] &= (1U << (slots % 32)) - 1;
}

/*
 * Pass over a column: leave in the bitmap the rows that pass the test, of
 * those that are there; the first test finds all of them there.
 */
static void
run_test(const FilterState *state, AmFilter *filter, const FilterTest *test, bool first)
{
	StoreIndex *store = state->store;
	int			family = STORE_ATTRIBUTE + test->column;
	uint32		page_words = vx_store_page_slots(store, family) / 32;
	uint32		pages = store->meta.families[family].pages;
	uint32	   *words = palloc(sizeof(uint32) * page_words);
	uint64		limit_words = filter->row_limit / 32;
	uint32		page_no;

	for (page_no = 0; (uint64) page_no * page_words < limit_words; page_no++)
	{
		uint64		start = (uint64) page_no * page_words;
		uint32		length = Min(page_words, limit_words - start);
		uint32	   *into = filter->rows + start;
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		if (!first)
		{
			for (i = 0; i < length && into[i] == 0; i++)
				;
			if (i == length)
				continue;
		}
		if (page_no < pages)
			vx_store_prefetch(store, family, page_no, pages);
		match_page(state, test, page_no, 0, length * 32, words);
		for (i = 0; i < length; i++)
			into[i] = first ? words[i] : into[i] & words[i];
	}
	pfree(words);
}

void
vx_am_fill_filter(AmFilter *filter)
{
	const FilterState *state = filter->state;
	int			i;

	if (filter->rows != NULL || filter->row_limit == 0)
		return;
	filter->rows = MemoryContextAllocHuge(state->context, filter->row_limit / 8 + 1);
	for (i = 0; i < state->count; i++)
		run_test(state, filter, &state->tests[i], i == 0);
	filter->matches = pg_popcount((const char *) filter->rows, filter->row_limit / 8);
}

/*
 * How many rows of a sample pass.
 */
static int
count_sample(const FilterState *state, const AmFilter *filter)
{
	uint64		words = filter->row_limit / 32;
	int			passing = 0;
	int			place;
	int			i;

	for (place = 0; place < SAMPLE_PLACES; place++)
	{
		uint64		at = words * (2 * place + 1) / (2 * SAMPLE_PLACES);
		uint32		all = PG_UINT32_MAX;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < state->count && all != 0; i++)
		{
			const FilterTest *test = &state->tests[i];
			uint32		page_words = vx_store_page_slots(state->store,
														 STORE_ATTRIBUTE + test->column) / 32;
			uint32		bits;

			match_page(state, test, at / page_words, at % page_words * 32, 32, &bits);
			all &= bits;
		}
		passing += pg_popcount32(all);
	}
	return passing;
}

static bool
slot_passes(const FilterTest *test, int bytes, bool signature, const uint64 *slot)
{
	int			i;
	int			j;

	if (!signature)
		return find_key(test, bytes == sizeof(uint32) ? *(const uint32 *) slot : *slot);
	if (test->is_null)
		return slot[0] == 0;
	for (i = 0; i < test->slot.count; i++)
	{
		const uint64 *pattern = test->slot.patterns + AM_SIGNATURE_WORDS * i;

		for (j = 0; j < bytes / (int) sizeof(uint64) && (pattern[j] & ~slot[j]) == 0; j++)
			;
		if (j == bytes / (int) sizeof(uint64))
			return true;
	}
	return false;
}

bool
vx_am_test_row(const AmFilter *filter, uint32 row, bool peek)
{
	const FilterState *state = filter->state;
	StoreIndex *store = state->store;
	int			i;

	/*
	 * Long arrays have as many patterns, and many rows may be tested in a
	 * row.
	 */
	CHECK_FOR_INTERRUPTS();
	for (i = 0; i < state->count; i++)
	{
		const FilterTest *test = &state->tests[i];
		const AmColumnMethods *methods = state->columns->column[test->column].methods;
		int			family = STORE_ATTRIBUTE + test->column;
		uint32		per_page = vx_store_page_slots(store, family);
		uint64		slot[AM_SIGNATURE_WORDS];

		if (row / per_page >= store->meta.families[family].pages ||
			!(peek ? vx_store_peek_slot : vx_store_copy_slot) (store, family, row / per_page,
															   row % per_page, methods->bytes,
															   methods->bytes, slot) ||
			!slot_passes(test, methods->bytes, methods->signature, slot))
			return false;
	}
	return true;
}

void
vx_am_ask_for_row(const AmFilter *filter, uint32 row)
{
	const FilterState *state = filter->state;
	StoreIndex *store = state->store;
	int			i;

	if (filter->rows != NULL || row >= filter->row_limit)
		return;
	for (i = 0; i < state->count; i++)
	{
		int			column = state->tests[i].column;
		int			family = STORE_ATTRIBUTE + column;
		uint32		per_page = vx_store_page_slots(store, family);

		vx_store_ask_slot(store, family, row / per_page, row % per_page,
						  state->columns->column[column].methods->bytes);
	}
}

AmFilter *
vx_am_begin_filter(IndexScanDesc scan, StoreIndex *store, bool may_wait)
{
	AmFilter   *filter;
	FilterState *state;
	uint64		rows;
	bool		nothing = false;
	int			i;

	for (i = 0; i < scan->numberOfKeys && scan->keyData[i].sk_attno == 1; i++)
		;
	if (i == scan->numberOfKeys)
		return NULL;

	filter = palloc0(sizeof(AmFilter));
	state = palloc0(sizeof(FilterState));
	filter->state = state;
	state->store = store;
	state->context = CurrentMemoryContext;
	state->columns = vx_am_open_columns(scan->indexRelation);
	vx_am_check_columns(state->columns, store);
	compile_keys(state, scan);
	for (i = 0; i < state->count; i++)
	{
		FilterTest *test = &state->tests[i];

		filter->lossy |= test->slot.lossy;
		nothing |= test->slot.count == 0 && !test->is_null;
		if (!state->columns->column[test->column].methods->signature)
			fill_points(test);
	}
	if (nothing)
		return filter;			/* and no row passes */

	rows = (uint64) vx_store_count_pages(store, STORE_ROW) * STORE_ROWS_PER_PAGE;
	filter->row_limit = (rows + 31) / 32 * 32;
	if (may_wait && rows >= MIN_ROWS)
	{
		int			passing = count_sample(state, filter);

		if (passing >= MANY_PASS)
		{
			filter->matches = rows * passing / SAMPLE_ROWS;
			return filter;
		}
	}
	vx_am_fill_filter(filter);
	return filter;
}

bool
vx_am_page_passes(const AmFilter *filter, uint32 page_no)
{
	uint64		row = (uint64) page_no * STORE_ROWS_PER_PAGE;
	uint64		end = Min(row + STORE_ROWS_PER_PAGE, filter->row_limit);

	return row < end && vx_am_next_bit(filter->rows, row, end) < end;
}

/*
 * Find the slots of rows of one page that pass, from a row on, and ask for them: they
 * lie too far apart for the CPU to see what will be wanted.  Returns how many.
 * The slots behind those in use are zeros: rows that do not live.
 */
static int
find_slots(const AmFilter *filter, Page page, uint64 row, uint64 end,
		   const StoreRowData **slots)
{
	uint64		first = row / STORE_ROWS_PER_PAGE * STORE_ROWS_PER_PAGE;
	uint64		last = Min(first + STORE_ROWS_PER_PAGE, end) - 1;
	uint64		word_no;
	int			count = 0;

	for (word_no = row / 32; word_no <= last / 32; word_no++)
	{
		uint32		word = filter->rows[word_no];

		if (word_no == row / 32)
			word &= ~0U << (row % 32);
		if (word_no == last / 32)
			word &= ~0U >> (31 - last % 32);
		while (word != 0)
		{
			uint64		found = word_no * 32 + pg_rightmost_one_pos32(word);

			slots[count] = (const StoreRowData *)
				vx_store_slot(page, STORE_ROW, sizeof(StoreRowData), found - first);
			vx_prefetch(slots[count++]);
			word &= word - 1;
		}
	}
	return count;
}

/* Mark the nodes of these rows. */
static void
mark_nodes(AmFilter *filter, const StoreRowData **slots, int count)
{
	int			i;

	for (i = 0; i < count; i++)
	{
		const StoreRowData *data = slots[i];
		uint32		node = data->node;

		if (StoreRowLife(data) == STORE_ROW_LIVE && StoreRowKind(data) == STORE_ROW_CODED &&
			node < filter->node_limit)
			filter->nodes[node / 32] |= 1U << (node % 32);
	}
}

/*
 * The same by peeks for some pages, up to PEEK_PAGES.  Returns the next row, or the
 * one it was given: then something may be missing, and is to be read under
 * locks.
 */
static uint64
peek_nodes(AmFilter *filter, StoreIndex *store, uint64 row, uint64 end, int pages)
{
	const RelFileLocator *locator = &RelationLocator(store->relation);
	StoreCacheFamily *family = vx_store_cache_family(store, STORE_ROW);
	StorePageRef *refs[PEEK_PAGES];
	const StoreRowData *slots[PEEK_ROWS + STORE_ROWS_PER_PAGE];
	uint64		next = row;
	bool		valid = true;
	int			found = 0;
	int			count = 0;
	instr_time	start;
	instr_time	duration;

	INSTR_TIME_SET_CURRENT(start);
	while (next < end && count < pages && found < PEEK_ROWS)
	{
		StorePageRef *ref = vx_store_find_ref(family, next / STORE_ROWS_PER_PAGE);
		const char *page = ref == NULL ? NULL : vx_store_peek_begin(locator, ref);

		if (page == NULL)
			break;
		refs[count++] = ref;
		found += find_slots(filter, (Page) page, next, end, slots + found);
		next = vx_am_next_bit(filter->rows, (next / STORE_ROWS_PER_PAGE + 1) * STORE_ROWS_PER_PAGE,
							  end);
	}
	mark_nodes(filter, slots, found);
	while (count > 0)
	{
		valid &= vx_store_peek_end(locator, refs[--count]);
		vx_store_touch_ref(refs[count]);
	}
	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	return valid && INSTR_TIME_GET_DOUBLE(duration) * 1e9 <= STORE_PEEK_MAX_NANOSECONDS ?
		next : row;
}

void
vx_am_find_matching_nodes(AmFilter *filter, StoreIndex *store)
{
	uint64		end = Min((uint64) store->meta.families[STORE_ROW].pages * STORE_ROWS_PER_PAGE,
						  filter->row_limit);
	const StoreRowData *slots[STORE_ROWS_PER_PAGE];
	uint64		pages = 0;
	uint64		row;

	vx_am_fill_filter(filter);
	if (vx_store_may_trust_peek(store))
		pages = PEEK_ROWS * (uint64) store->meta.families[STORE_ROW].pages / Max(filter->matches, 1);
	filter->node_limit = (uint64) vx_store_count_pages(store, STORE_CODE) * store->codes_per_page;
	filter->nodes = MemoryContextAllocExtended(CurrentMemoryContext, filter->node_limit / 8 + 8,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	row = vx_am_next_bit(filter->rows, 0, end);
	while (row < end)
	{
		uint64		next = pages <= 1 ? row :
			peek_nodes(filter, store, row, end, (int) Min(pages, PEEK_PAGES));

		CHECK_FOR_INTERRUPTS();
		if (next == row)
		{
			Buffer		buffer = vx_store_lock(store, STORE_ROW, row / STORE_ROWS_PER_PAGE,
											   BUFFER_LOCK_SHARE);

			mark_nodes(filter, slots, find_slots(filter, BufferGetPage(buffer), row, end, slots));
			UnlockReleaseBuffer(buffer);
			next = vx_am_next_bit(filter->rows,
								  (row / STORE_ROWS_PER_PAGE + 1) * STORE_ROWS_PER_PAGE, end);
		}
		row = next;
	}
}
