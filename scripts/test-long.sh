#!/bin/sh
# npm run test:long: what npm test samples, for hours: comparisons with this machine's processor, with other seeds each time,
# domains that come and go, daemons that are killed.
set -eu
cd "$(dirname "$0")/.."
seed=$(date +%s)
echo "seed $seed" >&2
ZENDO_FPU_CASES="${ZENDO_FPU_CASES:-10000000}" ZENDO_AVX_CASES="${ZENDO_AVX_CASES:-10000000}" \
  ZENDO_FPU_SEED="${ZENDO_FPU_SEED:-$seed}" ZENDO_AVX_SEED="${ZENDO_AVX_SEED:-$seed}" ZENDO_SEED="${ZENDO_SEED:-$seed}" CONFORMANCE_SEED="${CONFORMANCE_SEED:-$seed}" \
  sh scripts/test.sh 'tests/fpu/**/*.test.ts' 'tests/avx/**/*.test.ts' 'tests/conformance/**/*.test.ts' src/translator/ir/passes/passes.test.ts
ZENDO_CYCLES="${ZENDO_CYCLES:-1000}" ZENDO_KILLS="${ZENDO_KILLS:-100}" sh scripts/test.sh tests/toolstack/leaks.test.ts tests/toolstack/kills.test.ts
ZENDO_PARANOID=1 sh scripts/test.sh tests/boot/paranoid.test.ts
PATH="$PWD/node_modules/.bin:$PATH" node scripts/conformance.ts
