/*-------------------------------------------------------------------------
 *
 * type_functions.h
 *	  SQL-callable functions of the types that other C code calls or
 *	  recognises by address.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_TYPE_FUNCTIONS_H
#define VX_TYPE_FUNCTIONS_H

#include "fmgr.h"

extern PGDLLEXPORT Datum vecext_vector_in(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum vecext_vector_out(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum vecext_vector_recv(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum vecext_vector_send(PG_FUNCTION_ARGS);

/* Distance functions of operator classes: they tell the metric. */
extern PGDLLEXPORT Datum vecext_vector_l2_squared_distance(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum vecext_vector_negative_inner_product(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum vecext_l1_distance(PG_FUNCTION_ARGS);

#endif							/* VX_TYPE_FUNCTIONS_H */
