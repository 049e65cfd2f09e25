/*-------------------------------------------------------------------------
 *
 * am_column.h
 *	  The columns of an index after the vector: what conditions are answered
 *	  from.
 *
 * Each value becomes a slot of fixed size in the store.  There are two sorts:
 *
 * - keys of 4 or 8 bytes, unsigned numbers whose order follows the type's, so
 *	 that a condition is a set of ranges of keys;
 * - signatures of 16 or 32 bytes, a bit pattern for each element of a value, so
 *	 that a condition is a set of patterns of which one has to be in it.
 *
 * A slot of zeros is NULL, and nothing else is.  Where several values have one
 * slot, a condition may be lossy: rows that meet it by their slots are to be
 * tested again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_COLUMN_H
#define VX_AM_COLUMN_H

#include "access/stratnum.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "store/store.h"

/* Strategies of key columns; the first five are btree's. */
#define AM_STRATEGY_LESS	BTLessStrategyNumber
#define AM_STRATEGY_LESS_EQUAL BTLessEqualStrategyNumber
#define AM_STRATEGY_EQUAL	BTEqualStrategyNumber
#define AM_STRATEGY_GREATER_EQUAL BTGreaterEqualStrategyNumber
#define AM_STRATEGY_GREATER BTGreaterStrategyNumber
#define AM_STRATEGY_PREFIX	6	/* text ^@ text */
#define AM_STRATEGY_LIKE	7	/* text ~~ text */
#define AM_STRATEGY_SUBNET	8	/* inet << inet */
#define AM_STRATEGY_SUBNET_EQUAL 9	/* inet <<= inet */

/* Strategies of signature columns */
#define AM_STRATEGY_OVERLAPS 1	/* array && array */
#define AM_STRATEGY_CONTAINS 2	/* @> of arrays and jsonb */
#define AM_STRATEGY_SAME	3	/* array = array */
#define AM_STRATEGY_EXISTS	4	/* jsonb ? text */
#define AM_STRATEGY_EXISTS_ANY 5	/* jsonb ?| text[] */
#define AM_STRATEGY_EXISTS_ALL 6	/* jsonb ?& text[] */
#define AM_STRATEGY_FILTER	7	/* jsonb @~ payload_filter */
#define AM_MAX_COLUMN_STRATEGY 15

/* Words of the longest signature */
#define AM_SIGNATURE_WORDS (STORE_MAX_ATTRIBUTE_BYTES / 8)

/* Bit 0 of every signature */
#define AM_SIGNATURE_NOT_NULL UINT64CONST(1)

/* Keys from low to high, both included */
typedef struct AmKeyRange
{
	uint64		low;
	uint64		high;
} AmKeyRange;

/* What one operator with one right side asks of a slot: any of these */
typedef struct AmSlotTest
{
	AmKeyRange *ranges;			/* of a key */
	uint64	   *patterns;		/* of a signature, AM_SIGNATURE_WORDS each */
	int			count;
	int			room;
	bool		lossy;
} AmSlotTest;

typedef struct AmColumn AmColumn;

/* What an operator class's support function AM_PROC_COLUMN returns */
typedef struct AmColumnMethods
{
	uint8		bytes;			/* of a slot */
	bool		signature;
	bool		of_arrays;		/* needs AmColumn's fields for these */
	/* Fill a slot for a value, which is not NULL; it is all zeros. */
	void		(*encode) (const AmColumn *column, Datum value, char *slot);
	/* Add to test what an operator asks for; argument is not NULL. */
	void		(*compile) (const AmColumn *column, StrategyNumber strategy, Oid subtype,
							Datum argument, AmSlotTest *test);
} AmColumnMethods;

struct AmColumn
{
	const AmColumnMethods *methods;
	Oid			type;			/* of the column */
	Oid			collation;
	bool		deterministic;	/* equal strings are equal bytes */
	bool		by_bytes;		/* strings are ordered by their bytes */
	FmgrInfo	hash;			/* arrays: of elements */
	Oid			element_type;
	int16		element_length;
	bool		element_by_value;
	char		element_align;
};

/* All of an index */
typedef struct AmColumns
{
	StoreColumns store;
	AmColumn	column[STORE_MAX_ATTRIBUTES];
} AmColumns;

/* am_column.c */
extern AmColumns *vx_am_open_columns(Relation index);
extern void vx_am_check_columns(const AmColumns *columns, const StoreIndex *store);
extern void vx_am_encode_columns(const AmColumns *columns, const Datum *values,
								 const bool *isnull, char *attributes);
extern void vx_am_add_range(AmSlotTest *test, uint64 low, uint64 high);
extern uint64 *vx_am_add_pattern(AmSlotTest *test);

#endif							/* VX_AM_COLUMN_H */
