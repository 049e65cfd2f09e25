/*-------------------------------------------------------------------------
 *
 * am_load.h
 *	  Reading a table for an index build: every row, encoded, by one or more
 *	  processes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_AM_LOAD_H
#define VX_AM_LOAD_H

#include "nodes/execnodes.h"

#include "am/am_index.h"

/*
 * Called for every row, in this process.  slot is valid for STORE_ROW_CODED
 * and until the callback returns; attributes are the row's slots in the other
 * columns.
 */
typedef void (*AmLoadCallback) (ItemPointer tid, uint16 kind, QuantSlotData *slot,
								const char *attributes, void *arg);

extern double vx_am_load_rows(Relation heap, Relation index, IndexInfo *index_info,
							  const QuantParams *quant, const AmColumns *columns,
							  AmLoadCallback callback,
							  void *arg, double *index_tuples);

#endif							/* VX_AM_LOAD_H */
