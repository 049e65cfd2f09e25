/*-------------------------------------------------------------------------
 *
 * base_collation.c
 *	  Are strings ordered by their bytes?
 *
 * The server has a function for it, of another name in each major and in a
 * header that needs ICU's; the catalogs tell as well.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "base/base_collation.h"

/* The C library's locale of a tuple of pg_collation or pg_database: C? */
static bool
is_c_locale(int cache, HeapTuple tuple, AttrNumber attribute, char provider)
{
	bool		isnull;
	Datum		value;
	char	   *name;
	bool		is_c;

	if (provider != COLLPROVIDER_LIBC)
		return false;
	value = SysCacheGetAttr(cache, tuple, attribute, &isnull);
	if (isnull)
		return false;
	name = TextDatumGetCString(value);
	is_c = strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
	pfree(name);
	return is_c;
}

bool
vx_base_collation_is_c(Oid collation)
{
	HeapTuple	tuple;
	bool		is_c = false;

	if (collation == C_COLLATION_OID)
		return true;
	if (collation == DEFAULT_COLLATION_OID)
	{
		tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
		if (HeapTupleIsValid(tuple))
		{
			is_c = is_c_locale(DATABASEOID, tuple, Anum_pg_database_datcollate,
							   ((Form_pg_database) GETSTRUCT(tuple))->datlocprovider);
			ReleaseSysCache(tuple);
		}
		return is_c;
	}
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (HeapTupleIsValid(tuple))
	{
		is_c = is_c_locale(COLLOID, tuple, Anum_pg_collation_collcollate,
						   ((Form_pg_collation) GETSTRUCT(tuple))->collprovider);
		ReleaseSysCache(tuple);
	}
	return is_c;
}
