/*-------------------------------------------------------------------------
 *
 * context.h
 *	  The context store: namespaces, and the SQL that functions run on their
 *	  tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_CONTEXT_H
#define VX_CONTEXT_H

#include "fmgr.h"
#include "utils/timestamp.h"

#define CONTEXT_MAX_ARGS	12

/*
 * How often a version is tried to be added that another transaction has added
 * meanwhile.  Each attempt that fails means that somebody else's succeeded.
 */
#define CONTEXT_MAX_ATTEMPTS 1000

/* A namespace, as one call of a function sees it */
typedef struct ContextSpace
{
	NameData	name;			/* of the schema */
	bool		has_tenant;		/* its tables have the column tenant */
	bool		read_only;		/* the function is not VOLATILE */
	Oid			vector_type;	/* of the parameter of type InvalidOid, if any */
} ContextSpace;

/*
 * A statement that is the same in every namespace.  In its text
 *		{ns}			is the namespace, quoted,
 *		{tenant}		a condition on the tenant, after AND, or nothing,
 *		{tenant x}		the same for the column of the alias x,
 *		{tenant_set}	nothing, but a tenant must be set,
 *		{=} {+} ...		an operator of the schema pg_catalog,
 * and {} is copied.  Where the function pins search_path, plain operators will
 * do.  A parameter of type InvalidOid has the type of vectors.
 */
typedef struct ContextStatement
{
	const char *sql;
	int			nargs;
	Oid			argtypes[CONTEXT_MAX_ARGS];
	bool		custom;			/* the plan may depend on the parameters */
} ContextStatement;

/* context_settings.c */
extern char *vx_context_tenant;
extern void vx_context_define_settings(void);

/* context_space.c */
extern void vx_context_open_space(FunctionCallInfo fcinfo, ContextSpace *space, bool read_only);
extern void vx_context_close_space(void);
extern uint64 vx_context_run(const ContextSpace *space, const ContextStatement *statement,
							 Datum *values, const bool *nulls);
extern uint64 vx_context_run_args(FunctionCallInfo fcinfo, const ContextSpace *space,
								  const ContextStatement *statement);
extern Datum vx_context_take_value(const ContextSpace *space, int column, Oid type, bool *isnull);
extern void vx_context_return_rows(FunctionCallInfo fcinfo, const ContextSpace *space);
extern void vx_context_require_args(FunctionCallInfo fcinfo, int count, const char *const *names);
extern void vx_context_check_max_rows(FunctionCallInfo fcinfo, int arg);

/* context_source.c */
extern Datum vx_context_find_source(const ContextSpace *space, Datum external_id, bool create);

/* context_sweep.c */
extern void vx_context_register_sweep(void);

#endif							/* VX_CONTEXT_H */
