// Runs a command: installed from a package from dist/, in a clone from the sources, with the pinned Node where the one it
// was started with is too old for them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const major = Number(process.versions.node.split('.')[0]);
const pinned = join(root, 'node_modules/.bin/node');

const stop = (message) => {
  process.stderr.write(`zendo: ${message}\n`);
  process.exit(1);
};

/** Runs this command again under the pinned Node and ends as it ends. */
const runPinned = () => {
  const child = spawn(pinned, process.argv.slice(1), { stdio: 'inherit' });
  // a terminal sends its signals to both processes: the child decides what they mean
  for (const signal of ['SIGINT', 'SIGQUIT']) process.on(signal, () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
};

const runHere = async (file) => {
  const { enableCompileCache } = await import('node:module');
  const { directory } = enableCompileCache?.() ?? {};
  // threads of this process find the cache by the environment
  if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory;
  await import(pathToFileURL(file).href);
};

/** Run the program of src/apps/<app>. */
export const launch = async (app) => {
  const sources = join(root, `src/apps/${app}/main.ts`);
  const built = join(root, `dist/apps/${app}/main.js`);
  const inClone = existsSync(sources);
  if (!inClone) {
    if (major < 24) stop(`Node 24 or newer is needed, this is ${process.version}`);
    await runHere(built);
  } else if (!existsSync(pinned)) {
    stop('dependencies are not installed: run `npm start`, or `npm ci --ignore-scripts`');
  } else if (major < 24) {
    runPinned();
  } else {
    if (!existsSync(join(root, 'build/core.wasm'))) {
      const { status } = spawnSync(process.execPath, [join(root, 'scripts/build-core.ts')], { stdio: 'inherit' });
      if (status !== 0) stop('the Wasm core could not be built');
    }
    await runHere(sources);
  }
};
