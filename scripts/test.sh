#!/bin/sh
# npm test: set-up, checks, then every test. Arguments are passed to node's test runner (--test-name-pattern=..., files).
set -eu
cd "$(dirname "$0")/.."
if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; then sh scripts/ci-packages.sh; fi
. scripts/setup.sh
# tests do not lean on what other runs left; those of the cache itself name a folder
export ZENDO_TRANSLATION_CACHE="${ZENDO_TRANSLATION_CACHE:-off}"
checks=0
sh scripts/check.sh || checks=$?
# files named as arguments replace the whole list, options are added to it
files=no
for argument in "$@"; do
  case "$argument" in -*) ;; *) files=yes ;; esac
done
if [ "$files" = no ]; then set -- "$@" 'src/**/*.test.ts' 'scripts/**/*.test.ts' 'tests/**/*.test.ts'; fi
tests=0
node --test --test-concurrency=2 --test-reporter=./scripts/test-reporter.ts --test-reporter-destination=stdout "$@" || tests=$?
if [ "$checks" != 0 ]; then echo 'the checks before the tests failed, see above' >&2; fi
exit $((checks | tests))
