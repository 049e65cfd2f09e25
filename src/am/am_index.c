/*-------------------------------------------------------------------------
 *
 * am_index.c
 *	  What both access methods ask of an index relation and of its operator
 *	  class, and how heap values become codes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "am/am_index.h"
#include "type/type_functions.h"
#include "type/type_vector.h"

/*
 * Ranges of blocks that the mean is computed from, and rows after which enough
 * has been read of one: of 8,000 rows in all the mean differs from the true one
 * by a ninetieth of their spread.
 */
#define SAMPLE_RANGES	64
#define SAMPLE_ROWS_PER_RANGE 128

relopt_enum_elt_def vx_am_quantizer_values[] = {
	{"sq8", QUANT_SQ8},
	{"none", QUANT_NONE},
	{(const char *) NULL}
};

relopt_enum_elt_def vx_am_rerank_values[] = {
	{"table", AM_RERANK_TABLE},
	{"index", AM_RERANK_INDEX},
	{(const char *) NULL}
};

/*
 * How vectors are to be stored.  Without codes the vectors themselves are in
 * the index: there is nothing to add to them.
 */
QuantKind
vx_am_get_quantizer(Relation index)
{
	AmOptions  *options = (AmOptions *) index->rd_options;

	if (options == NULL)
		return QUANT_SQ8;
	if (options->quantizer == QUANT_SQ8 && options->rerank == AM_RERANK_INDEX)
		return QUANT_SQ8_RESIDUAL;
	return (QuantKind) options->quantizer;
}

/*
 * The metric of the first column's operator class, by its support functions:
 * as in pgvector, cosine is the inner product with a norm function.
 */
DistanceMetric
vx_am_get_metric(Relation index)
{
	FmgrInfo   *distance;

	if (!OidIsValid(index_getprocid(index, 1, AM_PROC_DISTANCE)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("first column of index \"%s\" must be a vector",
						RelationGetRelationName(index)),
				 errhint("Columns for conditions come after it.")));
	distance = index_getprocinfo(index, 1, AM_PROC_DISTANCE);
	if (distance->fn_addr == vecext_vector_l2_squared_distance)
		return DISTANCE_METRIC_L2;
	if (distance->fn_addr == vecext_l1_distance)
		return DISTANCE_METRIC_L1;
	if (distance->fn_addr == vecext_vector_negative_inner_product)
		return OidIsValid(index_getprocid(index, 1, AM_PROC_NORM)) ?
			DISTANCE_METRIC_COSINE : DISTANCE_METRIC_IP;

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("operator class of index \"%s\" has an unknown distance function %s",
					RelationGetRelationName(index),
					format_procedure(distance->fn_oid))));
}

/*
 * Dimensions of the indexed column, checked against what a page can hold.
 */
int
vx_am_get_dims(Relation index, const char *am_name, QuantKind quantizer)
{
	Form_pg_attribute attribute = TupleDescAttr(index->rd_att, 0);
	int32		dims = attribute->atttypmod;
	int			max_dims = quantizer == QUANT_NONE ?
		VX_INDEX_MAX_DIMS_NONE : VX_INDEX_MAX_DIMS_SQ8;

	/* Servers built with smaller blocks hold less. */
	while (vx_quant_slot_bytes(quantizer, max_dims) > STORE_PAGE_END - STORE_ALIGNED_START)
		max_dims--;

	/* A column of a domain has its dimensions from there. */
	if (dims < 0)
		(void) getBaseTypeAndTypmod(attribute->atttypid, &dims);

	if (dims < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column does not have dimensions"),
				 errhint("Declare them, as in vector(3), or index an expression that has some.")));
	if (dims > max_dims)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column cannot have more than %d dimensions for %s index",
						max_dims, am_name)));
	return dims;
}

/*
 * May an index be built?  Exclusion constraints need search for equality, which
 * no bound can promise.
 */
void
vx_am_check_build(Relation index, IndexInfo *index_info, const char *am_name)
{
	if (index_info->ii_ExclusionOps != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method \"%s\" does not support exclusion constraints", am_name)));
	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
}

/*
 * Encode a column value; returns the kind of its row (STORE_ROW_CODED: slot
 * is filled).  slot has room for quant->slot_bytes.
 */
uint16
vx_am_encode(const QuantParams *quant, Datum value, bool isnull, QuantSlotData *slot)
{
	Vector	   *vector;
	QuantClass	class;

	if (isnull)
		return STORE_ROW_NULL;

	vector = DatumGetVector(value);
	if (vector->dim != quant->dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", quant->dims, vector->dim)));
	class = vx_quant_encode(quant, vector->x, slot);
	if ((Pointer) vector != DatumGetPointer(value))
		pfree(vector);

	switch (class)
	{
		case QUANT_CLASS_CODE:
			return STORE_ROW_CODED;
		case QUANT_CLASS_NAN:
			return STORE_ROW_NAN;
		case QUANT_CLASS_ODD:
			break;
	}
	return STORE_ROW_ODD;
}

typedef struct MeanState
{
	double	   *sums;
	int64		count;
	int			dims;
	bool		normalize;
} MeanState;

static void
add_to_mean(Relation index, ItemPointer tid, Datum *values, bool *isnull,
			bool tuple_is_alive, void *arg)
{
	MeanState  *state = (MeanState *) arg;
	Vector	   *vector;
	double		scale = 1;
	double		norm2 = 0;
	int			i;

	if (isnull[0])
		return;
	vector = DatumGetVector(values[0]);
	if (vector->dim != state->dims)
		return;					/* the build proper raises the error */
	for (i = 0; i < state->dims; i++)
		norm2 += (double) vector->x[i] * vector->x[i];

	/* Vectors that get no code must not spoil the mean of the others. */
	if (norm2 < 1e30 && (norm2 > 0 || !state->normalize))
	{
		if (state->normalize)
			scale = 1 / sqrt(norm2);
		for (i = 0; i < state->dims; i++)
			state->sums[i] += vector->x[i] * scale;
		state->count++;
	}
	if ((Pointer) vector != DatumGetPointer(values[0]))
		pfree(vector);
}

/*
 * Mean of a sample of the rows to be indexed (for cosine: of the normalised
 * vectors), or NULL if there are none.  Ranges of blocks are picked at random
 * with a fixed seed, so that a build can be repeated.
 */
float *
vx_am_sample_mean(Relation heap, Relation index, IndexInfo *index_info,
				  DistanceMetric metric, int dims)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(heap);
	MeanState	state;
	pg_prng_state prng;
	float	   *mean;
	int			i;

	state.dims = dims;
	state.count = 0;
	state.sums = palloc0(sizeof(double) * dims);
	state.normalize = metric == DISTANCE_METRIC_COSINE;

	if (blocks <= SAMPLE_RANGES * 4)
		table_index_build_scan(heap, index, index_info, false, false,
							   add_to_mean, &state, NULL);
	else
	{
		BlockNumber range = blocks / SAMPLE_RANGES;

		pg_prng_seed(&prng, 42);
		for (i = 0; i < SAMPLE_RANGES; i++)
		{
			BlockNumber start = i * range + pg_prng_uint64_range(&prng, 0, range - 1);
			BlockNumber end = start + Min(Min(range, Max(range / 64, 4)), blocks - start);
			int64		enough = state.count + SAMPLE_ROWS_PER_RANGE;

			for (; start < end && state.count < enough; start++)
			{
				CHECK_FOR_INTERRUPTS();

				/*
				 * Only a scan without snapshot may see what nobody has
				 * committed.
				 */
				table_index_build_range_scan(heap, index, index_info, false,
											 !index_info->ii_Concurrent, false, start, 1,
											 add_to_mean, &state, NULL);
			}
		}
	}

	if (state.count == 0)
	{
		pfree(state.sums);
		return NULL;
	}
	mean = palloc(sizeof(float) * dims);
	for (i = 0; i < dims; i++)
		mean[i] = (float) (state.sums[i] / state.count);
	pfree(state.sums);
	return mean;
}

void
vx_am_check_snapshot(IndexScanDesc scan)
{
	/* Slots are reused as soon as no MVCC snapshot needs them. */
	if (!IsMVCCSnapshot(scan->xs_snapshot))
		elog(ERROR, "non-MVCC snapshots are not supported with index \"%s\"",
			 RelationGetRelationName(scan->indexRelation));
}

static void
report_operator(const char *class_name, Form_pg_amop op)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator class \"%s\" contains operator %s with invalid strategy number %d or wrong signature",
					class_name, format_operator(op->amopopr), op->amopstrategy)));
}

/*
 * amvalidate of both access methods.
 */
bool
vx_am_validate(Oid opclass)
{
	bool		result = true;
	bool		has_distance = false;
	bool		has_column = false;
	HeapTuple	class_tuple;
	Form_pg_opclass class_form;
	char	   *name;
	CatCList   *operators;
	CatCList   *procs;
	int			i;

	class_tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	if (!HeapTupleIsValid(class_tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	class_form = (Form_pg_opclass) GETSTRUCT(class_tuple);
	name = NameStr(class_form->opcname);

	procs = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(class_form->opcfamily));
	for (i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);
		bool		ok;

		switch (proc->amprocnum)
		{
			case AM_PROC_DISTANCE:
				ok = check_amproc_signature(proc->amproc, FLOAT8OID, false, 2, 2,
											class_form->opcintype, class_form->opcintype);
				has_distance = true;
				break;
			case AM_PROC_NORM:
				ok = check_amproc_signature(proc->amproc, FLOAT8OID, false, 1, 1,
											class_form->opcintype);
				break;
			case AM_PROC_TYPE:
				ok = check_amproc_signature(proc->amproc, INTERNALOID, false, 1, 1, INTERNALOID);
				break;
			case AM_PROC_COLUMN:
				ok = check_amproc_signature(proc->amproc, INTERNALOID, false, 1, 1, INTERNALOID);
				has_column |= proc->amproclefttype == class_form->opcintype;
				break;
			default:
				ok = false;
				break;
		}
		if (!ok)
		{
			ereport(INFO,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("operator class \"%s\" contains function %s with invalid support number %d or wrong signature",
							name, format_procedure(proc->amproc), proc->amprocnum)));
			result = false;
		}
	}
	if (!has_distance && !has_column)
	{
		ereport(INFO,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("operator class \"%s\" is missing support function %d",
						name, AM_PROC_DISTANCE)));
		result = false;
	}

	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(class_form->opcfamily));
	for (i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop op = (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);
		bool		ok;

		/* Of columns after the vector: the methods know the strategies. */
		if (has_column)
		{
			if (op->amoppurpose == AMOP_SEARCH && op->amopstrategy <= AM_MAX_COLUMN_STRATEGY &&
				check_amop_signature(op->amopopr, BOOLOID, op->amoplefttype, op->amoprighttype))
				continue;
			report_operator(name, op);
			result = false;
			continue;
		}

		switch (op->amopstrategy)
		{
			case AM_STRATEGY_DISTANCE:
				ok = op->amoppurpose == AMOP_ORDER && OidIsValid(op->amopsortfamily) &&
					check_amop_signature(op->amopopr, FLOAT8OID,
										 op->amoplefttype, op->amoprighttype);
				break;
			case AM_STRATEGY_WITHIN:
				/* Never the type itself: scans read the right side as a ball. */
				ok = op->amoppurpose == AMOP_SEARCH &&
					op->amoplefttype != op->amoprighttype &&
					check_amop_signature(op->amopopr, BOOLOID, op->amoplefttype, op->amoprighttype);
				break;
			default:
				ok = false;
				break;
		}
		if (!ok)
		{
			report_operator(name, op);
			result = false;
		}
	}

	ReleaseCatCacheList(operators);
	ReleaseCatCacheList(procs);
	ReleaseSysCache(class_tuple);
	return result;
}
