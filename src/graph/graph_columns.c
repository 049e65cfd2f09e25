/*-------------------------------------------------------------------------
 *
 * graph_columns.c
 *	  What the SQL functions are called with: tables, columns, conditions.
 *
 * Names of columns are looked up in the table, never put into a statement as
 * they were given.  A name that was not given stands for the usual one if the
 * table has such a column of a type that fits; an empty name means that there
 * is no such column.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "base/base_compat.h"
#include "graph/graph.h"

static const char *const parameter_names[GRAPH_COLUMNS] = {
	"src_column", "dst_column", "type_column", "weight_column", "valid_column",
	"invalidated_column", "id_column"
};

static const char *const usual_names[GRAPH_COLUMNS] = {
	"src", "dst", "type", "weight", "valid", "invalidated_at", "id"
};

Oid
vx_graph_get_relid(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return PG_GETARG_OID(arg);
}

GraphDirection
vx_graph_get_direction(FunctionCallInfo fcinfo, int arg, GraphDirection missing)
{
	char	   *direction;

	if (PG_ARGISNULL(arg))
		return missing;
	direction = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	if (strcmp(direction, "out") == 0)
		return GRAPH_DIRECTION_OUT;
	if (strcmp(direction, "in") == 0)
		return GRAPH_DIRECTION_IN;
	if (strcmp(direction, "both") == 0)
		return GRAPH_DIRECTION_BOTH;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid direction: \"%s\"", direction),
			 errdetail("Valid directions are \"out\", \"in\" and \"both\".")));
	return missing;				/* keep compiler quiet */
}

/* In hops; null is no limit. */
int
vx_graph_get_max_depth(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return GRAPH_MAX_DEPTH;
	if (PG_GETARG_INT32(arg) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_depth must not be negative")));
	return Min(PG_GETARG_INT32(arg), GRAPH_MAX_DEPTH);
}

/* Null is no limit. */
int64
vx_graph_get_max_rows(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return PG_INT64_MAX;
	if (PG_GETARG_INT64(arg) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must not be negative")));
	return PG_GETARG_INT64(arg);
}

/*
 * An argument number below 0 means that the function does not have it.
 *
 * Now is when the walk begins, not when the statement did: the snapshot may have
 * edges that were put in between, whose time begins with them.
 */
void
vx_graph_get_options(FunctionCallInfo fcinfo, int types_arg, int min_weight_arg, int as_of_arg,
					 GraphEdgesOptions *options)
{
	memset(options, 0, sizeof(GraphEdgesOptions));
	options->direction = GRAPH_DIRECTION_OUT;
	if (types_arg >= 0 && !PG_ARGISNULL(types_arg))
		options->edge_types = PG_GETARG_ARRAYTYPE_P(types_arg);
	if (min_weight_arg >= 0 && !PG_ARGISNULL(min_weight_arg))
	{
		options->min_weight_given = true;
		options->min_weight = PG_GETARG_FLOAT8(min_weight_arg);
		if (isnan(options->min_weight))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("min_weight must be a number")));
	}
	options->as_of_given = as_of_arg >= 0 && !PG_ARGISNULL(as_of_arg);
	options->as_of = options->as_of_given ? PG_GETARG_TIMESTAMPTZ(as_of_arg) :
		GetCurrentTimestamp();
}

/* Until when versions of nodes were known; null is as_of, or all. */
void
vx_graph_get_known_at(FunctionCallInfo fcinfo, int arg, GraphEdgesOptions *options)
{
	options->known_at_given = options->as_of_given;
	options->known_at = options->as_of;
	if (PG_ARGISNULL(arg))
		return;
	if (!options->as_of_given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("known_at needs as_of")));
	options->known_at = PG_GETARG_TIMESTAMPTZ(arg);
}

/* The column of tenants, and whose rows of edges and nodes are read. */
void
vx_graph_get_tenant(FunctionCallInfo fcinfo, int arg, GraphEdgesOptions *options)
{
	const char *tenant;

	if (PG_ARGISNULL(arg) || NameStr(*PG_GETARG_NAME(arg))[0] == '\0')
		return;
	tenant = GetConfigOption("vecext.tenant", true, false);
	if (tenant == NULL || tenant[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no tenant is set"),
				 errhint("Set vecext.tenant.")));
	options->tenant_column = pstrdup(NameStr(*PG_GETARG_NAME(arg)));
	options->tenant = pstrdup(tenant);
}

/*
 * The condition that a row is the tenant's, for a query in which the relation
 * has that alias; or NULL if rows are not of tenants.
 */
char *
vx_graph_tenant_condition(Relation relation, const GraphEdgesOptions *options, const char *alias)
{
	AttrNumber	attno;
	Oid			type;

	if (options->tenant_column == NULL)
		return NULL;
	attno = vx_graph_find_column(relation, options->tenant_column);
	if (attno == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						options->tenant_column, RelationGetRelationName(relation)),
				 errhint("%s names it.", "tenant_column")));
	type = TupleDescAttr(RelationGetDescr(relation), attno - 1)->atttypid;
	if (getBaseType(type) != TEXTOID && getBaseType(type) != VARCHAROID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" cannot be %s",
						options->tenant_column, RelationGetRelationName(relation), "tenant_column"),
				 errdetail("It is of type %s. %s", format_type_be(type),
						   "Tenants are of type text.")));
	return psprintf("%s.%s OPERATOR(pg_catalog.=) %s::pg_catalog.text", alias,
					quote_identifier(options->tenant_column), quote_literal_cstr(options->tenant));
}

/* A table or view, locked for reading until the transaction ends. */
Relation
vx_graph_open_relation(Oid relid)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_VIEW:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is not a table or view", RelationGetRelationName(relation))));
	}
	return relation;
}

/* The number of a column, or 0. */
AttrNumber
vx_graph_find_column(Relation relation, const char *name)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->attnum;
	}
	return 0;
}

static bool
is_weight_type(Oid type)
{
	return type == FLOAT8OID || type == FLOAT4OID || type == NUMERICOID ||
		type == INT2OID || type == INT4OID || type == INT8OID;
}

/* May a column be used as that?  Any type does for edge types and ids. */
static bool
fits_column(GraphColumnName name, Oid type)
{
	GraphKeyKind kind;

	switch (name)
	{
		case GRAPH_SRC:
		case GRAPH_DST:
			return vx_graph_key_kind(type, &kind);
		case GRAPH_WEIGHT:
			return is_weight_type(type);
		case GRAPH_VALID:
			return type == TSTZRANGEOID;
		case GRAPH_INVALIDATED:
			return type == TIMESTAMPTZOID;
		default:
			return true;
	}
}

static const char *
wanted_types(GraphColumnName name)
{
	switch (name)
	{
		case GRAPH_SRC:
		case GRAPH_DST:
			return "Nodes are of type integer, bigint, uuid or text.";
		case GRAPH_WEIGHT:
			return "Weights are numbers.";
		case GRAPH_VALID:
			return "It must be of type tstzrange.";
		default:
			return "It must be of type timestamp with time zone.";
	}
}

/* Looks up what the caller says of one column. */
static void
find_edge_column(GraphEdges *edges, const GraphCall *call, GraphColumnName name)
{
	Relation	relation = edges->relation;
	GraphColumn *column = &edges->columns[name];
	bool		given = (call->given & (1 << name)) != 0;
	bool		required = name == GRAPH_SRC || name == GRAPH_DST;
	const char *wanted = given ? NameStr(call->names[name]) : usual_names[name];
	Form_pg_attribute attribute;

	column->attno = 0;
	if (wanted[0] == '\0' && !required)
		return;
	column->attno = vx_graph_find_column(relation, wanted);
	if (column->attno == 0)
	{
		if (given || required)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							wanted, RelationGetRelationName(relation)),
					 errhint("%s names it.", parameter_names[name])));
		return;
	}
	attribute = TupleDescAttr(RelationGetDescr(relation), column->attno - 1);
	column->type = getBaseType(attribute->atttypid);
	column->typlen = attribute->attlen;
	column->typbyval = attribute->attbyval;
	if (!fits_column(name, column->type))
	{
		if (given || required)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of relation \"%s\" cannot be %s",
							wanted, RelationGetRelationName(relation), parameter_names[name]),
					 errdetail("It is of type %s. %s",
							   format_type_be(attribute->atttypid), wanted_types(name))));
		column->attno = 0;
	}
	else if (required && OidIsValid(attribute->attcollation) &&
			 !get_collation_isdeterministic(attribute->attcollation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of relation \"%s\" has a nondeterministic collation",
						wanted, RelationGetRelationName(relation))));
}

/*
 * The caller must be allowed to use the schema and to read all columns that are
 * used, as if a query named them: reading the table directly does not ask, and
 * a regclass may be made of a number.
 */
static void
check_select_right(const GraphEdges *edges)
{
	Oid			relid = RelationGetRelid(edges->relation);
	Oid			user = GetUserId();

	if (!isTempNamespace(RelationGetNamespace(edges->relation)))
		(void) LookupExplicitNamespace(get_namespace_name(RelationGetNamespace(edges->relation)),
									   false);
	if (pg_class_aclcheck(relid, user, ACL_SELECT) == ACLCHECK_OK)
		return;
	for (int i = 0; i < GRAPH_COLUMNS; i++)
	{
		if (edges->columns[i].attno != 0 &&
			pg_attribute_aclcheck(relid, edges->columns[i].attno, user, ACL_SELECT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(edges->relation->rd_rel->relkind),
						   RelationGetRelationName(edges->relation));
	}
}

/* Makes the values of the caller's list that edges' types are compared with. */
static void
read_edge_types(GraphEdges *edges, ArrayType *list)
{
	GraphColumn *column = &edges->columns[GRAPH_TYPE];
	Form_pg_attribute attribute;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	Oid			input,
				param;

	if (column->attno == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no column of edge types",
						RelationGetRelationName(edges->relation)),
				 errhint("type_column names it.")));
	attribute = TupleDescAttr(RelationGetDescr(edges->relation), column->attno - 1);
	deconstruct_array(list, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	edges->types_given = true;
	edges->types = palloc(Max(count, 1) * sizeof(Datum));
	if (column->type != TEXTOID && column->type != VARCHAROID)
	{
		TypeCacheEntry *cache = lookup_type_cache(column->type, TYPECACHE_EQ_OPR_FINFO);

		if (!OidIsValid(cache->eq_opr_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify an equality operator for type %s",
							format_type_be(column->type))));
		edges->type_equal = &cache->eq_opr_finfo;
		edges->type_collation = attribute->attcollation;
		getTypeInputInfo(column->type, &input, &param);
	}
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			continue;
		edges->types[edges->type_count++] = edges->type_equal == NULL ? elements[i] :
			OidInputFunctionCall(input, TextDatumGetCString(elements[i]), param, -1);
	}
}

/*
 * What the caller says of columns, in seven arguments, and what will be looked
 * at.  Without a column of types, a list of them is an error, but not here.
 */
void
vx_graph_read_call(FunctionCallInfo fcinfo, int column_arg, const GraphEdgesOptions *options,
				   GraphCall *call)
{
	call->relid = vx_graph_get_relid(fcinfo, 0, "edges");
	call->direction = options->direction;
	call->given = 0;
	for (int i = 0; i < GRAPH_COLUMNS; i++)
	{
		if (!PG_ARGISNULL(column_arg + i))
		{
			call->given |= 1 << i;
			call->names[i] = *PG_GETARG_NAME(column_arg + i);
		}
	}
	call->types = 0;
	call->unused = 0;
	if (options->edge_types != NULL)
		call->types = array_contains_nulls(options->edge_types) ||
			ArrayGetNItems(ARR_NDIM(options->edge_types), ARR_DIMS(options->edge_types)) != 1 ? 2 : 1;
	else if (!options->want_type)
		call->unused |= 1 << GRAPH_TYPE;
	if (options->ignore_weight && !options->min_weight_given)
		call->unused |= 1 << GRAPH_WEIGHT;
	if (!options->want_id)
		call->unused |= 1 << GRAPH_ID;
}

/* Finds the columns that a call means.  Those that nobody would look at are left out. */
void
vx_graph_find_edge_columns(GraphEdges *edges, const GraphCall *call)
{
	GraphKeyKind dst_kind;

	for (int i = 0; i < GRAPH_COLUMNS; i++)
		find_edge_column(edges, call, (GraphColumnName) i);

	vx_graph_key_kind(edges->columns[GRAPH_SRC].type, &edges->kind);
	vx_graph_key_kind(edges->columns[GRAPH_DST].type, &dst_kind);
	if (edges->kind != dst_kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("both ends of edges must be of one type"),
				 errdetail("In relation \"%s\" they are of types %s and %s.",
						   RelationGetRelationName(edges->relation),
						   format_type_be(edges->columns[GRAPH_SRC].type),
						   format_type_be(edges->columns[GRAPH_DST].type))));
	for (int i = 0; i < GRAPH_COLUMNS; i++)
	{
		if (call->unused & (1 << i))
			edges->columns[i].attno = 0;
		edges->last_attno = Max(edges->last_attno, edges->columns[i].attno);
	}
}

/*
 * Sets what edges must be like, and checks the caller's right to read the
 * columns that have been found.
 */
void
vx_graph_set_conditions(GraphEdges *edges, const GraphEdgesOptions *options)
{
	if (options->need_weight && edges->columns[GRAPH_WEIGHT].attno == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no column of weights",
						RelationGetRelationName(edges->relation)),
				 errhint("weight_column names it.")));
	if (options->edge_types != NULL)
		read_edge_types(edges, options->edge_types);
	check_select_right(edges);

	for (int i = 0; i < GRAPH_COLUMNS; i++)
	{
		GraphColumn *column = &edges->columns[i];

		if (column->attno != 0 && (i == GRAPH_ID || (i == GRAPH_TYPE && options->want_type)))
		{
			Oid			output;
			bool		varlena;

			getTypeOutputInfo(column->type, &output, &varlena);
			fmgr_info(output, &column->output);
		}
	}
	edges->min_weight_given = options->min_weight_given;
	edges->min_weight = options->min_weight;
	edges->as_of = options->as_of;
	if (edges->columns[GRAPH_VALID].attno != 0)
		edges->valid_cache = lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO);
	edges->row_allocates = edges->kind == GRAPH_KEY_TEXT || edges->valid_cache != NULL ||
		edges->type_equal != NULL || edges->columns[GRAPH_WEIGHT].type == NUMERICOID;
}

/* A value of an edge's type or id as text, in the current memory context. */
Datum
vx_graph_column_text(GraphColumn *column, Datum value)
{
	return CStringGetTextDatum(OutputFunctionCall(&column->output, value));
}
