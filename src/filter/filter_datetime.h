/*-------------------------------------------------------------------------
 *
 * filter_datetime.h
 *	  Server-free reading of dates and times, whatever DateStyle and TimeZone
 *	  say.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_FILTER_DATETIME_H
#define VX_FILTER_DATETIME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read YYYY-MM-DD, then perhaps T or a space and hh:mm[:ss[.fraction]], then
 * perhaps Z or an offset from UTC (+hh, +hhmm, +hh:mm, with or without a
 * space before).  Without a zone it is UTC.  *micros gets microseconds since
 * 2000-01-01 00:00 UTC, as timestamptz has them; digits beyond are cut off.
 * False if the text is anything else.
 */
extern bool vx_filter_parse_datetime(const char *text, int length, int64_t *micros);

#endif							/* VX_FILTER_DATETIME_H */
