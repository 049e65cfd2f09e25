/*-------------------------------------------------------------------------
 *
 * distance_variants.h
 *	  What the variants and their chooser share; private to this folder and
 *	  to its test and benchmark.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_DISTANCE_VARIANTS_H
#define VX_DISTANCE_VARIANTS_H

#include "distance/distance.h"

/*
 * The feature word: what of the CPU the choice depends on.  A bit stands for
 * everything its kernels' target attribute names.
 */
#define DISTANCE_FEATURE_AVX2			(UINT32_C(1) << 0)	/* AVX2, FMA */
#define DISTANCE_FEATURE_AVX_VNNI		(UINT32_C(1) << 1)	/* 256-bit VNNI */
#define DISTANCE_FEATURE_AVX512			(UINT32_C(1) << 2)	/* F, BW, DQ, VL */
#define DISTANCE_FEATURE_AVX512_VNNI	(UINT32_C(1) << 3)
#define DISTANCE_FEATURE_NEON			(UINT32_C(1) << 4)
#define DISTANCE_FEATURE_DOTPROD		(UINT32_C(1) << 5)
#define DISTANCE_FEATURE_I8MM			(UINT32_C(1) << 6)
#define DISTANCE_FEATURE_BITS			7

/* The features of this CPU, as far as this build can use them. */
extern uint32_t vx_distance_read_features(void);

/*
 * The kernels that AUTO takes on a CPU with just these features, or NULL if
 * this CPU lacks one of them.
 */
extern const DistanceKernels *vx_distance_find_kernels(uint32_t features);

/* Which variants this build has. */
#if defined(__GNUC__) && defined(__x86_64__)
#define VX_DISTANCE_X86
/* gcc 11 and clang 12 are the first to know AVX-VNNI */
#if defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11
#define VX_DISTANCE_AVX_VNNI
#endif
#endif

#if defined(__GNUC__) && defined(__aarch64__)
#define VX_DISTANCE_NEON

/*
 * clang's arm_neon.h declares the intrinsics of extensions for functions with
 * a target attribute since version 16; before that only if the whole file is
 * compiled for such a CPU.
 */
#if defined(__ARM_FEATURE_DOTPROD) || \
	(defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 8)
#define VX_DISTANCE_DOTPROD
#if defined(__ARM_FEATURE_MATMUL_INT8) || \
	(defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 10)
#define VX_DISTANCE_I8MM
#endif
#endif
#endif

extern const DistanceKernels vx_distance_scalar;
#ifdef VX_DISTANCE_X86
extern const DistanceKernels vx_distance_avx2;
extern const DistanceKernels vx_distance_avx512;
extern const DistanceKernels vx_distance_avx512_vnni;
#endif
#ifdef VX_DISTANCE_AVX_VNNI
extern const DistanceKernels vx_distance_avx2_vnni;
#endif
#ifdef VX_DISTANCE_NEON
extern const DistanceKernels vx_distance_neon;
#endif
#ifdef VX_DISTANCE_DOTPROD
extern const DistanceKernels vx_distance_neon_dotprod;
#endif
#ifdef VX_DISTANCE_I8MM
extern const DistanceKernels vx_distance_neon_i8mm;
#endif

/*
 * Partial sums of the float kernels in plain C, term i in sum i mod 16, added
 * up in a binary tree.
 */
#define DISTANCE_PARTIALS 16

static inline float
add_partials(float *partials)
{
	int			width;
	int			i;

	for (width = DISTANCE_PARTIALS / 2; width > 0; width /= 2)
	{
		for (i = 0; i < width; i++)
			partials[i] += partials[i + width];
	}
	return partials[0];
}

#ifdef __GNUC__

/*
 * For the kernels that take several codes: either count codes at stride_bytes
 * from first, or those in list.
 *
 * The codes ahead of those at work are prefetched, so many that about 2 kB are
 * on their way: two dozen cache lines, more than the line fill buffers of
 * present cores hold.  Much more only pushes out what is still needed.
 */
#define DISTANCE_PREFETCH_BYTES 2048

typedef void (*DotLimbsFunction) (int dims, const uint8_t *code,
								  const int8_t *hi, const int8_t *lo,
								  int32_t sums[2]);
typedef int32_t (*DotCodesFunction) (int dims, const uint8_t *a,
									 const uint8_t *b);

/*
 * Not left to the compiler: gcc takes a function that only prefetches for one
 * without effect, and drops a call that it has not inlined by then.
 */
#define INLINE_ALWAYS static inline __attribute__((always_inline))

/* How far ahead to prefetch, in codes: a multiple of group_codes. */
INLINE_ALWAYS int
count_prefetch_codes(int dims, int group_codes)
{
	return group_codes * (DISTANCE_PREFETCH_BYTES / (group_codes * dims + 1) + 1);
}

INLINE_ALWAYS const uint8_t *
code_at(const uint8_t *first, size_t stride_bytes, const uint8_t *const *list,
		int i)
{
	return list != NULL ? list[i] : first + (size_t) i * stride_bytes;
}

/*
 * What to ask for ahead of place i: beyond the last code those that the caller
 * says come next, or the last one.  They are never read, so it does not matter
 * how many there are, as long as no more are asked for than the caller has here.
 */
INLINE_ALWAYS const uint8_t *
code_ahead(const uint8_t *first, size_t stride_bytes, const uint8_t *const *list,
		   const uint8_t *behind, int i, int count)
{
	int			last = count - 1;

	if (i <= last || behind == NULL)
		return code_at(first, stride_bytes, list, i < last ? i : last);
	i -= count;
	return behind + (size_t) (i < last ? i : last) * stride_bytes;
}

INLINE_ALWAYS void
prefetch_code(const uint8_t *code, int dims)
{
	int			i;

	for (i = 0; i < dims; i += 64)
		__builtin_prefetch(code + i);
}

/*
 * One by one, for the variants that gain nothing from taking four together.
 * They also get through fewer codes before the core's window is full, so the
 * codes that the loop's own prefetch does not reach are asked for first.
 */
INLINE_ALWAYS void
dot_each_limbs(DotLimbsFunction dot, int dims, const uint8_t *first,
			   size_t stride_bytes, const uint8_t *const *list,
			   const uint8_t *behind, int count,
			   const int8_t *hi, const int8_t *lo, int32_t *out)
{
	int			ahead = count_prefetch_codes(dims, 1);
	int			i;

	for (i = 1; i < ahead && i < count; i++)
		prefetch_code(code_at(first, stride_bytes, list, i), dims);
	for (i = 0; i < count; i++)
	{
		if (i < count - ahead || behind != NULL)
			prefetch_code(code_ahead(first, stride_bytes, list, behind, i + ahead, count), dims);
		dot(dims, code_at(first, stride_bytes, list, i), hi, lo, out + 2 * i);
	}
}

INLINE_ALWAYS void
dot_each_code(DotCodesFunction dot, int dims, const uint8_t *code,
			  const uint8_t *const *list, int count, int32_t *out)
{
	int			ahead = count_prefetch_codes(dims, 1);
	int			i;

	for (i = 1; i < ahead && i < count; i++)
		prefetch_code(list[i], dims);
	for (i = 0; i < count; i++)
	{
		if (i < count - ahead)
			prefetch_code(list[i + ahead], dims);
		out[i] = dot(dims, code, list[i]);
	}
}

/*
 * Four codes from i on; places beyond the last take those behind, to be asked
 * for only, or without these the last.
 */
INLINE_ALWAYS void
set_group(const uint8_t *codes[4], const uint8_t *first, size_t stride_bytes,
		  const uint8_t *const *list, const uint8_t *behind, int i, int count)
{
	codes[0] = code_ahead(first, stride_bytes, list, behind, i, count);
	codes[1] = code_ahead(first, stride_bytes, list, behind, i + 1, count);
	codes[2] = code_ahead(first, stride_bytes, list, behind, i + 2, count);
	codes[3] = code_ahead(first, stride_bytes, list, behind, i + 3, count);
}

INLINE_ALWAYS void
prefetch_group(const uint8_t *const codes[4], int at)
{
	__builtin_prefetch(codes[0] + at);
	__builtin_prefetch(codes[1] + at);
	__builtin_prefetch(codes[2] + at);
	__builtin_prefetch(codes[3] + at);
}

#endif							/* __GNUC__ */

#endif							/* VX_DISTANCE_VARIANTS_H */
