#!/bin/sh
# npm start: sets up what is missing, then boots Debian to a shell (or what the arguments say).
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh
exec node bin/zendo.js start "$@"
