#!/bin/sh
# npm run check: everything that reads the sources without running them.
set -u
cd "$(dirname "$0")/.."
. scripts/setup.sh
failed=
step() {
  name=$1
  echo "== $name"
  shift
  "$@" || failed="$failed, $name"
}
step lint biome check --error-on-warnings --max-diagnostics=50 .
# by path: .bin/tsc is the TypeScript 6 that dependency-cruiser reads sources with
step types node node_modules/typescript/bin/tsc -p .
step layers node --import ./scripts/typescript6.ts node_modules/.bin/depcruise --no-progress src tests scripts
step 'dead code' knip --no-progress
step 'support page' node scripts/support.ts --check
if [ -n "$failed" ]; then
  echo "failed: ${failed#, }" >&2
  exit 1
fi
