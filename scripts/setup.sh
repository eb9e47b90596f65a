# Sourced by the other scripts from the repository root: dependencies as the lock file says, the pinned Node first in PATH.
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
# (a linked node_modules belongs to another tree: npm ci would empty it)
if [ -L node_modules ]; then
  :
elif [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'zendo: installing dependencies (npm ci)' >&2
  # npm is started with the Node it came with: the pinned one is about to be replaced
  if [ -n "${npm_execpath:-}" ] && [ -n "${npm_node_execpath:-}" ] && [ -x "${npm_node_execpath}" ]; then
    "$npm_node_execpath" "$npm_execpath" ci --ignore-scripts --no-progress --loglevel=error >&2
  else
    npm ci --ignore-scripts --no-progress --loglevel=error >&2
  fi
  touch node_modules/.package-lock.json
fi
NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$PWD/.cache/compile}"
export NODE_COMPILE_CACHE
node scripts/build-core.ts
