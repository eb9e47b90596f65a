// Runs a command: installed from a package from dist/, in a clone from the sources, with the pinned Node where the one it
// was started with is too old for them.

const root = new URL('..', import.meta.url);
/** The first that is tried with every test; 24 lacks what the programs use of JavaScript. */
const NEEDED = 26;
const major = Number(process.versions.node.split('.')[0]);

const stop = (message) => {
  process.stderr.write(`zendo: ${message}\n`);
  process.exit(1);
};

/** One of Node's modules. Not by an import where there is another way: that reads all that the module exports, and loads more with it. */
const nodeModule = async (name) => process.getBuiltinModule?.(name) ?? (await import(name));

/** Runs this command again under the pinned Node and ends as it ends. */
const runPinned = async (pinned) => {
  const { spawn } = await nodeModule('node:child_process');
  const { constants } = await nodeModule('node:os');
  const child = spawn(pinned, process.argv.slice(1), { stdio: 'inherit' });
  // a terminal sends its signals to both processes: the child decides what they mean
  for (const signal of ['SIGINT', 'SIGQUIT']) process.on(signal, () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
};

const runHere = async (program) => {
  const { enableCompileCache } = await nodeModule('node:module');
  const { directory } = enableCompileCache?.() ?? {};
  // threads of this process find the cache by the environment
  if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory;
  await import(program.href);
};

/** Run the program of src/apps/<app>. */
export const launch = async (app) => {
  const { existsSync } = await nodeModule('node:fs');
  const sources = new URL(`src/apps/${app}/main.ts`, root);
  if (!existsSync(sources)) {
    if (major < NEEDED) stop(`Node ${NEEDED} or newer is needed, this is ${process.version}`);
    await runHere(new URL(`dist/apps/${app}/main.js`, root));
    return;
  }
  const { fileURLToPath } = await nodeModule('node:url');
  const pinned = fileURLToPath(new URL('node_modules/.bin/node', root));
  if (!existsSync(pinned)) {
    stop('dependencies are not installed: run `npm start`, or `npm ci --ignore-scripts`');
  } else if (major < NEEDED) {
    await runPinned(pinned);
  } else {
    if (!existsSync(new URL('build/core.wasm', root))) {
      const { spawnSync } = await nodeModule('node:child_process');
      const { status } = spawnSync(process.execPath, [fileURLToPath(new URL('scripts/build-core.ts', root))], { stdio: 'inherit' });
      if (status !== 0) stop('the Wasm core could not be built');
    }
    await runHere(sources);
  }
};
