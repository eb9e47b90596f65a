#!/bin/sh
# npm run check: everything that reads the sources without running them.
set -u
cd "$(dirname "$0")/.."
. scripts/setup.sh
failed=
step() {
  echo "== $1"
  shift
  "$@" || failed="$failed $1"
}
step lint biome check --error-on-warnings --max-diagnostics=50 .
step types tsc -p .
step layers node --import ./scripts/typescript6.ts node_modules/.bin/depcruise --no-progress src tests scripts
step 'dead code' knip --no-progress
step 'support page' node scripts/support.ts --check
if [ -n "$failed" ]; then
  echo "failed:$failed" >&2
  exit 1
fi
