/*-------------------------------------------------------------------------
 *
 * type_parse.c
 *	  Server-free parsing of the text form of vectors.
 *
 * Reading a number has three levels, each falling back to the next:
 *
 * parse_common_number takes the shapes that clients write, eight digits at a
 * time, and looks up to FAST_WINDOW bytes ahead.  parse_any_number takes
 * every decimal number, byte by byte.  strtof takes the rest: hexadecimal
 * numbers, NaN and infinity, results outside float4's normal range, and
 * decimals too close to the middle between two floats.
 *
 * Why the first two round correctly without strtof
 *
 * A decimal number is t = w * 10^e with an integer w, of which we keep the
 * first 19 significant digits, so that w fits into 64 bits.  We compute the
 * double d = (double) w * P, P being the double nearest to 10^e.  With
 * u = 2^-53, the conversion, P and the product each have a relative error of
 * at most u, and digits left out after the 19th change w by less than one
 * part in 10^18 (0.01 u).  So |d - t| < 3.02 u |t|, and as u |t| is less than
 * one double ulp, fewer than 4 doubles lie between d and t.
 *
 * Converting d to float gives the float nearest to t unless the middle
 * between two adjacent floats lies at or between d and t.  In float4's normal
 * range those middles are the doubles whose low 29 bits are 0x10000000 (29 is
 * 52 - 23, the mantissa bits that float lacks).  If d's low 29 bits are
 * farther than MIDDLE_MARGIN from that, no middle is near, and the conversion
 * is right.  Otherwise, for about one random number in 30 million, strtof
 * decides.
 *
 *-------------------------------------------------------------------------
 */
#include "type/type_parse.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#define likely_true(x) __builtin_expect((x) != 0, 1)
#else
#define likely_true(x) (x)
#endif

/* Digits of w; 10^19 - 1 is the largest run of nines below 2^64. */
#define MAX_DIGITS 19

/* Twice the 4 doubles of the proof above. */
#define MIDDLE_MARGIN 8
#define DOUBLE_BELOW_FLOAT_BITS UINT64_C(0x1fffffff)
#define DOUBLE_MIDDLE_BITS UINT64_C(0x10000000)

/*
 * Bit patterns of the doubles between which d must lie: 2^-125, a factor of
 * two above the smallest normal float, so that rounding errors of d cannot
 * hide a subnormal result; and FLT_MAX.
 */
#define DOUBLE_LEAST_BITS UINT64_C(0x3820000000000000)
#define DOUBLE_MOST_BITS UINT64_C(0x47efffffe0000000)

#define FLOAT4_SIGN_BIT UINT32_C(0x80000000)
#define FLOAT4_EXPONENT_BITS UINT32_C(0x7f800000)
#define FLOAT4_MANTISSA_BITS UINT32_C(0x007fffff)

/*
 * Powers of ten between which w * 10^e can be a normal float: 1 * 10^38 and
 * 10^19 * 10^-57.
 */
#define LEAST_POWER (-57)
#define MOST_POWER 38

static const double powers_of_ten[MOST_POWER - LEAST_POWER + 1] = {
	1e-57, 1e-56, 1e-55, 1e-54, 1e-53, 1e-52, 1e-51, 1e-50, 1e-49, 1e-48,
	1e-47, 1e-46, 1e-45, 1e-44, 1e-43, 1e-42, 1e-41, 1e-40, 1e-39, 1e-38,
	1e-37, 1e-36, 1e-35, 1e-34, 1e-33, 1e-32, 1e-31, 1e-30, 1e-29, 1e-28,
	1e-27, 1e-26, 1e-25, 1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18,
	1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8,
	1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2,
	1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
	1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32,
	1e33, 1e34, 1e35, 1e36, 1e37, 1e38
};

static const uint32_t small_powers_of_ten[8] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000
};

/*
 * Bytes that parse_common_number may read: sign, up to 7 digits, point, up to
 * 23 digits, "e", sign, 4 digits and the byte after them make 39; the loads
 * of 8 bytes stay within that.
 */
#define FAST_WINDOW 40

static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
is_digit(char c)
{
	return (unsigned char) (c - '0') <= 9;
}

/*
 * Eight bytes of text, the first in the lowest byte, as digit values: bytes
 * 0..9 are digits, all others are not.
 */
static inline uint64_t
load_digits(const char *p)
{
	uint64_t	chunk;

	memcpy(&chunk, p, sizeof(chunk));
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	chunk = __builtin_bswap64(chunk);
#endif
	return chunk ^ UINT64_C(0x3030303030303030);
}

/*
 * Nonzero unless all eight bytes are digits.  The lowest bit set belongs to
 * the first byte that is none; bits above it may be wrong, because adding to
 * a byte that is no digit can carry into the next.
 */
static inline uint64_t
find_others(uint64_t digits)
{
	return (digits | (digits + UINT64_C(0x7676767676767676))) &
		UINT64_C(0x8080808080808080);
}

/* Digits before the first other byte; others must not be 0. */
static inline int
count_digits(uint64_t others)
{
#if defined(__GNUC__)
	return __builtin_ctzll(others) >> 3;
#else
	int			n = 0;

	for (; (others & 0x80) == 0; others >>= 8)
		n++;
	return n;
#endif
}

/* The number that eight digits make: pairs, then fours, then all. */
static inline uint32_t
join_digits(uint64_t digits)
{
	digits = digits * 10 + (digits >> 8);
	digits = ((digits & UINT64_C(0x000000ff000000ff)) *
			  (100 + (UINT64_C(1000000) << 32)) +
			  ((digits >> 16) & UINT64_C(0x000000ff000000ff)) *
			  (1 + (UINT64_C(10000) << 32))) >> 32;
	return (uint32_t) digits;
}

/* The number that the first n (0..7) digits make. */
static inline uint32_t
join_first_digits(uint64_t digits, int n)
{
	/* Two shifts, because one by 64 is undefined. */
	return join_digits((digits << 8) << (56 - 8 * n));
}

static inline void
store_float(float *out, float value, bool negative)
{
	uint32_t	bits;

	/* Not "negative ? -value : value": signs of vectors defy prediction. */
	memcpy(&bits, &value, sizeof(bits));
	bits |= (uint32_t) negative << 31;
	memcpy(out, &bits, sizeof(bits));
}

/*
 * Round w * 10^power to float, w being a number's first MAX_DIGITS digits at
 * most.  False if that needs strtof.
 */
static inline bool
round_decimal(uint64_t w, int64_t power, bool negative, float *out)
{
	double		d;
	uint64_t	bits;

	if (!likely_true(power >= LEAST_POWER && power <= MOST_POWER))
		return false;

	d = (double) w * powers_of_ten[power - LEAST_POWER];
	memcpy(&bits, &d, sizeof(bits));

	if (!likely_true(bits - DOUBLE_LEAST_BITS <=
					 DOUBLE_MOST_BITS - DOUBLE_LEAST_BITS))
		return false;
	if (!likely_true(((bits - DOUBLE_MIDDLE_BITS + MIDDLE_MARGIN) &
					  DOUBLE_BELOW_FLOAT_BITS) > 2 * MIDDLE_MARGIN))
		return false;

	store_float(out, (float) d, negative);
	return true;
}

static const char *
call_strtof(const char *str, float *out, bool *out_of_range)
{
	char	   *end;
	int			saved_errno = errno;
	uint32_t	bits;

	*out = 0;
	*out_of_range = false;

	/* Keep strtof from skipping what its locale takes for whitespace. */
	if (*str == '\0' || strchr("+-.0123456789iInN", *str) == NULL)
		return str;

	errno = 0;
	*out = strtof(str, &end);

	/* ERANGE alone may also be underflow. */
	memcpy(&bits, out, sizeof(bits));
	*out_of_range = errno == ERANGE &&
		(bits & ~FLOAT4_SIGN_BIT) == FLOAT4_EXPONENT_BITS;

	errno = saved_errno;
	return end;
}

static const char *
parse_any_number(const char *str, float *out, bool *out_of_range)
{
	const char *p = str;
	uint64_t	w = 0;
	int			kept = 0;		/* significant digits in w */
	int64_t		power = 0;
	bool		negative;
	bool		any_digit = false;

	negative = *p == '-';
	if (*p == '-' || *p == '+')
		p++;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		return call_strtof(str, out, out_of_range);

	for (; is_digit(*p); p++)
	{
		any_digit = true;
		if (kept < MAX_DIGITS)
		{
			w = w * 10 + (uint64_t) (*p - '0');
			kept += w != 0;
		}
		else
			power++;
	}

	if (*p == '.')
	{
		for (p++; is_digit(*p); p++)
		{
			any_digit = true;
			if (kept < MAX_DIGITS)
			{
				w = w * 10 + (uint64_t) (*p - '0');
				kept += w != 0;
				power--;
			}
		}
	}

	if (!any_digit)
		return call_strtof(str, out, out_of_range);

	if (*p == 'e' || *p == 'E')
	{
		const char *q = p + 1;
		bool		minus = *q == '-';

		if (*q == '-' || *q == '+')
			q++;

		/* Without a digit the "e" is not part of the number. */
		if (is_digit(*q))
		{
			int64_t		exponent = 0;

			/*
			 * The limit only has to be out of reach of texts below 1 GB,
			 * whose digits move the power by as many at most.
			 */
			for (; is_digit(*q); q++)
			{
				if (exponent < INT64_C(1000000000000))
					exponent = exponent * 10 + (*q - '0');
			}
			power += minus ? -exponent : exponent;
			p = q;
		}
	}

	*out_of_range = false;
	if (w == 0)
	{
		store_float(out, 0.0f, negative);
		return p;
	}
	if (round_decimal(w, power, negative, out))
		return p;
	return call_strtof(str, out, out_of_range);
}

/*
 * Parse a finite decimal of a common shape; NULL if it is something else or
 * needs strtof.  Reads up to FAST_WINDOW bytes.
 */
static inline const char *
parse_common_number(const char *p, float *out)
{
	bool		negative = *p == '-';
	uint64_t	chunk;
	uint64_t	others;
	uint64_t	w;
	int			n;
	int			places = 0;
	int			power;

	p += negative;

	if ((p[1] == '.' || p[1] == ',') && is_digit(*p))
	{
		/* Spares the commonest cases the latency of the chunk. */
		w = (uint64_t) (*p - '0');
		n = 1;
		p++;
	}
	else
	{
		chunk = load_digits(p);
		others = find_others(chunk);
		if (others == 0)
			return NULL;
		n = count_digits(others);
		if (n == 0)
			return NULL;
		w = join_first_digits(chunk, n);
		p += n;
	}

	if (*p == ',')
	{
		/* At most 7 digits, less than 2^24: every such integer is a float. */
		store_float(out, (float) (int32_t) w, negative);
		return p;
	}

	if (*p == '.')
	{
		uint64_t	first_chunk;
		int			int_digits = w != 0 ? n : 0;

		p++;
		first_chunk = chunk = load_digits(p);
		others = find_others(chunk);
		if (others == 0)
		{
			w = w * 100000000 + join_digits(chunk);
			places = 8;
			p += 8;
			chunk = load_digits(p);
			others = find_others(chunk);
			if (others == 0)
			{
				w = w * 100000000 + join_digits(chunk);
				places = 16;
				p += 8;
				chunk = load_digits(p);
				others = find_others(chunk);
				if (others == 0)
					return NULL;
			}
		}
		n = count_digits(others);
		w = w * small_powers_of_ten[n] + join_first_digits(chunk, n);
		places += n;
		p += n;

		/*
		 * w has wrapped around unless so many of its digits are leading
		 * zeros, as in 0.00012345678901234567 (17 digits from a double).
		 * places is 23 at most, so that the zeros asked for are in the first
		 * chunk.
		 */
		if (!likely_true(int_digits + places <= MAX_DIGITS))
		{
			if (int_digits > 0 ||
				first_chunk << (8 * (8 - (places - MAX_DIGITS))) != 0)
				return NULL;
		}
	}

	power = -places;
	if ((*p | 0x20) == 'e')
	{
		const char *q = p + 1;
		bool		minus = *q == '-';
		int			exponent;

		q += *q == '-' || *q == '+';

		/* Leave an "e" without digits and long exponents to the other. */
		if (!is_digit(*q))
			return NULL;
		exponent = *q++ - '0';
		if (is_digit(*q))
			exponent = exponent * 10 + (*q++ - '0');
		if (is_digit(*q))
			return NULL;
		power += minus ? -exponent : exponent;
		p = q;
	}
	else if (!likely_true((*p | 0x20) != 'x'))
		return NULL;

	if (w == 0)
		store_float(out, 0.0f, negative);
	else if (!likely_true(round_decimal(w, power, negative, out)))
		return NULL;

	return p;
}

const char *
vx_type_parse_float4(const char *str, float *out, bool *out_of_range)
{
	return parse_any_number(str, out, out_of_range);
}

TypeParseResult
vx_type_parse_vector(const char *str, float *out, int max_dims)
{
	TypeParseResult result = {TYPE_PARSE_OK, 0, NULL, 0};
	const char *p = str;
	const char *end;

	while (is_space(*p))
		p++;
	if (*p != '[')
	{
		result.status = TYPE_PARSE_NO_OPEN;
		return result;
	}
	p++;

	while (is_space(*p))
		p++;
	if (*p == ']')
	{
		result.status = TYPE_PARSE_NO_DIMS;
		return result;
	}

	end = p + strlen(p);
	for (;;)
	{
		const char *next = NULL;

		if (result.dims == max_dims)
		{
			result.status = TYPE_PARSE_TOO_MANY;
			return result;
		}

		while (is_space(*p))
			p++;
		if (*p == '\0')
		{
			result.status = TYPE_PARSE_END;
			return result;
		}

		if (likely_true(end - p >= FAST_WINDOW))
			next = parse_common_number(p, &out[result.dims]);
		if (!likely_true(next != NULL))
		{
			bool		out_of_range;
			float		value;
			uint32_t	bits;

			next = parse_any_number(p, &value, &out_of_range);
			if (next == p)
			{
				result.status = TYPE_PARSE_BAD_NUMBER;
				return result;
			}
			if (out_of_range)
			{
				result.status = TYPE_PARSE_OUT_OF_RANGE;
				result.token = p;
				result.token_length = (int) (next - p);
				return result;
			}
			memcpy(&bits, &value, sizeof(bits));
			if ((bits & FLOAT4_EXPONENT_BITS) == FLOAT4_EXPONENT_BITS)
			{
				result.status = (bits & FLOAT4_MANTISSA_BITS) != 0 ?
					TYPE_PARSE_NAN : TYPE_PARSE_INFINITE;
				return result;
			}
			out[result.dims] = value;
		}
		result.dims++;
		p = next;

		while (is_space(*p))
			p++;
		if (likely_true(*p == ','))
			p++;
		else if (*p == ']')
		{
			p++;
			break;
		}
		else
		{
			result.status = *p == '\0' ? TYPE_PARSE_END : TYPE_PARSE_NO_CLOSE;
			return result;
		}
	}

	while (is_space(*p))
		p++;
	if (*p != '\0')
		result.status = TYPE_PARSE_JUNK;

	return result;
}
