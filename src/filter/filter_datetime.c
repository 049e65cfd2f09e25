/*-------------------------------------------------------------------------
 *
 * filter_datetime.c
 *	  Server-free reading of dates and times.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/filter_datetime.h"

/* Days from 0000-03-01 to 2000-01-01 in the Gregorian calendar */
#define EPOCH_DAYS 730425

/* A number of exactly so many digits; false if there are not. */
static bool
read_digits(const char **at, const char *end, int digits, int *value)
{
	*value = 0;
	if (end - *at < digits)
		return false;
	while (digits-- > 0)
	{
		char		digit = *(*at)++;

		if (digit < '0' || digit > '9')
			return false;
		*value = *value * 10 + (digit - '0');
	}
	return true;
}

static bool
take_byte(const char **at, const char *end, char byte)
{
	if (*at >= end || **at != byte)
		return false;
	(*at)++;
	return true;
}

static int
count_days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days since 2000-01-01; years begin in March, so that leap days end them. */
static int
count_days(int year, int month, int day)
{
	/* A multiple of 400 years keeps divisions of year -1 from rounding up. */
	int			y = year + 400 - (month <= 2 ? 1 : 0);
	int			m = (month + 9) % 12;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + (day - 1) -
		146097 - EPOCH_DAYS;
}

bool
vx_filter_parse_datetime(const char *text, int length, int64_t *micros)
{
	const char *at = text;
	const char *end = text + length;
	int			year;
	int			month;
	int			day;
	int			hour = 0;
	int			minute = 0;
	int			second = 0;
	int			fraction = 0;
	int			offset_minutes = 0;

	if (!read_digits(&at, end, 4, &year) || !take_byte(&at, end, '-') ||
		!read_digits(&at, end, 2, &month) || !take_byte(&at, end, '-') ||
		!read_digits(&at, end, 2, &day) ||
		month < 1 || month > 12 || day < 1 || day > count_days_of_month(year, month))
		return false;

	if (at < end)
	{
		if (!take_byte(&at, end, 'T') && !take_byte(&at, end, 't') &&
			!take_byte(&at, end, ' '))
			return false;
		if (!read_digits(&at, end, 2, &hour) || !take_byte(&at, end, ':') ||
			!read_digits(&at, end, 2, &minute) || hour > 23 || minute > 59)
			return false;
		if (take_byte(&at, end, ':'))
		{
			/* 60 is a leap second; it counts as the next minute's first. */
			if (!read_digits(&at, end, 2, &second) || second > 60)
				return false;
			if (take_byte(&at, end, '.'))
			{
				int			unit = 100000;
				const char *digits = at;

				for (; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10)
					fraction += (*at - '0') * unit;
				if (at == digits)
					return false;
			}
		}

		if (!take_byte(&at, end, 'Z') && !take_byte(&at, end, 'z') && at < end)
		{
			bool		west;
			int			hours;
			int			minutes = 0;

			take_byte(&at, end, ' ');
			west = at < end && *at == '-';
			if (!take_byte(&at, end, '+') && !take_byte(&at, end, '-'))
				return false;
			if (!read_digits(&at, end, 2, &hours))
				return false;
			if (at < end)
			{
				take_byte(&at, end, ':');
				if (!read_digits(&at, end, 2, &minutes))
					return false;
			}
			if (hours > 23 || minutes > 59)
				return false;
			offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
		}
		if (at < end)
			return false;
	}

	*micros = ((((int64_t) count_days(year, month, day) * 24 + hour) * 60 + minute -
				offset_minutes) * 60 + second) * 1000000 + fraction;
	return true;
}
