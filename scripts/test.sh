#!/bin/sh
# npm test: set-up, checks, then every test. Arguments are passed to node's test runner (--test-name-pattern=..., files).
set -eu
cd "$(dirname "$0")/.."
if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; then sh scripts/ci-packages.sh; fi
. scripts/setup.sh
sh scripts/check.sh
exec node --test --test-concurrency=2 --test-reporter=./scripts/test-reporter.ts --test-reporter-destination=stdout \
  'src/**/*.test.ts' 'scripts/**/*.test.ts' 'tests/**/*.test.ts' "$@"
