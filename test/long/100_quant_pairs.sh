#!/usr/bin/env bash
# 100_quant_pairs.sh: the bounds of codes hold for millions of pairs of vectors,
# for every table of kernels that this CPU can run.  VX_SEED=n takes other ones.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/vecext-quant.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$top/test/lib/compile_unit" "$top/test/unit/test_quant.c" "$work/test_quant" -O2 >&2
VX_PAIRS=${VX_PAIRS:-3000000} "$work/test_quant"
