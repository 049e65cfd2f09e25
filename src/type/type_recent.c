/*-------------------------------------------------------------------------
 *
 * type_recent.c
 *	  Vectors that a scan has fetched from TOAST and the executor is about to
 *	  ask for again.
 *
 * ORDER BY distance puts the distance into the target list: when a row has been
 * returned, the executor computes it once more, and would fetch the vector
 * once more.  A scan remembers the last ones it has read by their TOAST
 * pointers, and the distance functions look here first.
 *
 * A value's number may be used again once nobody can see the value; the scan's
 * snapshot saw it, so not before the scan ends, and its memory is the scan's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "utils/memutils.h"

#include "type/type_vector.h"

/* Rows that a scan has read ahead of the one it returns are a few dozen. */
#define RECENT_SIZE 64

/* Longer vectors than this many bytes are not kept. */
#define RECENT_MAX_BYTES 16384

typedef struct RecentVector
{
	Oid			table;
	Oid			value;
	Size		room;
	Vector	   *vector;			/* NULL: nothing is here */
} RecentVector;

struct TypeRecent
{
	RecentVector entries[RECENT_SIZE];
	MemoryContext context;
	MemoryContextCallback release;
	struct TypeRecent *next;
};

/* Those of all scans that are open */
static TypeRecent *all_recent = NULL;

/* Memory context callback */
static void
unlink_recent(void *arg)
{
	TypeRecent **link = &all_recent;

	while (*link != (TypeRecent *) arg)
		link = &(*link)->next;
	*link = (*link)->next;
}

TypeRecent *
vx_type_begin_recent(void)
{
	TypeRecent *recent = palloc0(sizeof(TypeRecent));

	recent->context = CurrentMemoryContext;
	recent->next = all_recent;
	all_recent = recent;
	recent->release.func = unlink_recent;
	recent->release.arg = recent;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &recent->release);
	return recent;
}

void
vx_type_remember_vector(TypeRecent *recent, const struct varatt_external *pointer,
						const Vector *vector)
{
	RecentVector *entry = &recent->entries[pointer->va_valueid % RECENT_SIZE];
	Size		bytes = VARSIZE(vector);

	if (bytes > RECENT_MAX_BYTES)
		return;
	if (entry->room < bytes)
	{
		if (entry->vector != NULL)
			pfree(entry->vector);
		entry->vector = NULL;
		entry->vector = MemoryContextAlloc(recent->context, bytes);
		entry->room = bytes;
	}
	memcpy(entry->vector, vector, bytes);
	entry->table = pointer->va_toastrelid;
	entry->value = pointer->va_valueid;
}

Vector *
vx_type_recall_vector(Datum value)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(value);
	struct varatt_external external;
	const TypeRecent *recent;

	if (all_recent != NULL && VARATT_IS_EXTERNAL_ONDISK(pointer))
	{
		VARATT_EXTERNAL_GET_POINTER(external, pointer);
		for (recent = all_recent; recent != NULL; recent = recent->next)
		{
			const RecentVector *entry = &recent->entries[external.va_valueid % RECENT_SIZE];

			if (entry->vector != NULL && entry->value == external.va_valueid &&
				entry->table == external.va_toastrelid)
				return entry->vector;
		}
	}
	return DatumGetVector(value);
}
