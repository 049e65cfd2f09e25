/*-------------------------------------------------------------------------
 *
 * distance_choose.c
 *	  The choice among the kernel variants, by CPU feature.
 *
 *-------------------------------------------------------------------------
 */
#include "distance/distance_variants.h"

#ifdef VX_DISTANCE_X86
#include <cpuid.h>
#endif
#if defined(VX_DISTANCE_NEON) && defined(__linux__)
#include <sys/auxv.h>
/* The kernel's numbers (asm/hwcap.h); older headers lack the second. */
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1UL << 20)
#endif
#ifndef HWCAP2_I8MM
#define HWCAP2_I8MM (1UL << 13)
#endif
#endif

const DistanceKernels *vx_distance = &vx_distance_scalar;

/* One way to run, and the features it needs. */
typedef struct VariantChoice
{
	uint32_t	needs;
	const DistanceKernels *kernels;
} VariantChoice;

/*
 * Best first.  AVX-VNNI comes before AVX-512 although its kernels take longer
 * in a tight loop: cores that have it lower their clock when they multiply
 * 512 bits at a time, and everything around the kernels pays.  Measured on a
 * Sapphire Rapids class core, whole queries: sequential scans 3 % (100-d) and
 * 6 % (784-d, TOASTed) faster, flat scans 7-10 %.
 */
static const VariantChoice choices[] = {
#ifdef VX_DISTANCE_X86
#ifdef VX_DISTANCE_AVX_VNNI
	{DISTANCE_FEATURE_AVX2 | DISTANCE_FEATURE_AVX_VNNI, &vx_distance_avx2_vnni},
#endif
	{DISTANCE_FEATURE_AVX512 | DISTANCE_FEATURE_AVX512_VNNI, &vx_distance_avx512_vnni},
	{DISTANCE_FEATURE_AVX512, &vx_distance_avx512},
	{DISTANCE_FEATURE_AVX2, &vx_distance_avx2},
#endif
#ifdef VX_DISTANCE_I8MM
	{DISTANCE_FEATURE_NEON | DISTANCE_FEATURE_DOTPROD | DISTANCE_FEATURE_I8MM,
	&vx_distance_neon_i8mm},
#endif
#ifdef VX_DISTANCE_DOTPROD
	{DISTANCE_FEATURE_NEON | DISTANCE_FEATURE_DOTPROD, &vx_distance_neon_dotprod},
#endif
#ifdef VX_DISTANCE_NEON
	{DISTANCE_FEATURE_NEON, &vx_distance_neon},
#endif
	{0, &vx_distance_scalar}
};

#define CHOICE_COUNT ((int) (sizeof(choices) / sizeof(choices[0])))

uint32_t
vx_distance_read_features(void)
{
	uint32_t	features = 0;

#ifdef VX_DISTANCE_X86
	/* These tests include the operating system's side (XGETBV). */
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		features |= DISTANCE_FEATURE_AVX2;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
	{
		features |= DISTANCE_FEATURE_AVX512;
		if (__builtin_cpu_supports("avx512vnni"))
			features |= DISTANCE_FEATURE_AVX512_VNNI;
	}
#ifdef VX_DISTANCE_AVX_VNNI

	/*
	 * Not every compiler has a name for AVX-VNNI.  Its registers are AVX's,
	 * so AVX2 having passed says that the operating system saves them.
	 */
	if (features & DISTANCE_FEATURE_AVX2)
	{
		unsigned int eax;
		unsigned int ebx;
		unsigned int ecx;
		unsigned int edx;

		if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && eax >= 1 &&
			__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) &&
			(eax & (1U << 4)) != 0)
			features |= DISTANCE_FEATURE_AVX_VNNI;
	}
#endif
#endif

#ifdef VX_DISTANCE_NEON
	features |= DISTANCE_FEATURE_NEON;
#ifdef VX_DISTANCE_DOTPROD
#if defined(__ARM_FEATURE_DOTPROD)
	features |= DISTANCE_FEATURE_DOTPROD;
#elif defined(__linux__)
	if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP)
		features |= DISTANCE_FEATURE_DOTPROD;
#endif
#endif
#ifdef VX_DISTANCE_I8MM
#if defined(__ARM_FEATURE_MATMUL_INT8)
	features |= DISTANCE_FEATURE_I8MM;
#elif defined(__linux__)
	if (getauxval(AT_HWCAP2) & HWCAP2_I8MM)
		features |= DISTANCE_FEATURE_I8MM;
#endif
#endif
#endif

	return features;
}

/* The best choice of a variant (AUTO: of any) that the features allow. */
static const DistanceKernels *
find_variant(DistanceVariant variant, uint32_t features)
{
	int			i;

	for (i = 0; i < CHOICE_COUNT; i++)
	{
		if ((choices[i].needs & ~features) == 0 &&
			(variant == DISTANCE_VARIANT_AUTO ||
			 variant == choices[i].kernels->variant))
			return choices[i].kernels;
	}
	return NULL;
}

const DistanceKernels *
vx_distance_find_kernels(uint32_t features)
{
	if ((features & ~vx_distance_read_features()) != 0)
		return NULL;
	return find_variant(DISTANCE_VARIANT_AUTO, features);
}

const DistanceKernels *
vx_distance_variant(DistanceVariant variant)
{
	/* Asking the CPU traps under a hypervisor: once is enough. */
	static bool features_read = false;
	static uint32_t features;

	if (!features_read)
	{
		features = vx_distance_read_features();
		features_read = true;
	}
	return find_variant(variant, features);
}

bool
vx_distance_variant_supported(DistanceVariant variant)
{
	return vx_distance_variant(variant) != NULL;
}

void
vx_distance_choose(DistanceVariant variant)
{
	const DistanceKernels *kernels = vx_distance_variant(variant);

	if (kernels == NULL)
		kernels = vx_distance_variant(DISTANCE_VARIANT_AUTO);
	vx_distance = kernels;
}
