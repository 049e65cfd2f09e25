/*-------------------------------------------------------------------------
 *
 * base_settings.c
 *	  Settings (GUC variables) of vecext.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/base_debug.h"
#include "base/base_settings.h"
#include "distance/distance.h"

/* vecext.simd: position in this table = DistanceVariant */
static const struct config_enum_entry simd_options[] = {
	{"auto", DISTANCE_VARIANT_AUTO, false},
	{"scalar", DISTANCE_VARIANT_SCALAR, false},
	{"avx2", DISTANCE_VARIANT_AVX2, false},
	{"avx512", DISTANCE_VARIANT_AVX512, false},
	{"neon", DISTANCE_VARIANT_NEON, false},
	{NULL, 0, false}
};

static int	simd_variant = DISTANCE_VARIANT_AUTO;

/* Refuse a variant that this CPU cannot run. */
static bool
check_simd(int *newval, void **extra, GucSource source)
{
	if (!vx_distance_variant_supported((DistanceVariant) *newval))
	{
		GUC_check_errdetail("This CPU or build does not support the variant.");
		return false;
	}
	return true;
}

static void
assign_simd(int newval, void *extra)
{
	vx_distance_choose((DistanceVariant) newval);
}

void
vx_base_define_settings(void)
{
	DefineCustomEnumVariable("vecext.simd",
							 "Sets the instruction set of the distance kernels.",
							 "auto takes the one that makes whole queries fastest on this CPU.",
							 &simd_variant,
							 DISTANCE_VARIANT_AUTO,
							 simd_options,
							 PGC_USERSET,
							 0,
							 check_simd,
							 assign_simd,
							 NULL);

	DefineCustomStringVariable("vecext.debug_point",
							   "Names a place in the code where backends wait for a test.",
							   NULL,
							   &vx_base_debug_point,
							   "",
							   PGC_SUSET,
							   GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL,
							   NULL,
							   NULL,
							   NULL);
}

void
vx_base_reserve_prefixes(void)
{
	MarkGUCPrefixReserved("vecext");
}
