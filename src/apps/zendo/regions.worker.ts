/** The thread that makes regions of hot guest code: compiled modules for the pCPU thread, which goes on with bytecode meanwhile. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { keepFunctions } from '../../host/node/kept-functions.ts';
import { optimiseAhead } from '../../host/node/optimise-ahead.ts';
import { lowerThisThread } from '../../host/node/thread-priority.ts';
import { Memories } from '../../machine/memories.ts';
import { coreFunctions } from '../../translator/targets/wasm/imports.ts';
import type { RegionJob, RegionModule } from '../../translator/targets/wasm/region-module.ts';
import { ANSWERS, END, JOBS, Receiver, type RegionChannel, send } from './region-channel.ts';

/** What the host thread starts this thread with. */
export interface RegionsWorkerData {
  readonly frames: WebAssembly.Memory;
  readonly state: WebAssembly.Memory;
  readonly cpuModel: string;
  /** Regions of earlier runs are optimised before the host finds out that they are hot. For one thread of a process that is Zendo's alone. */
  readonly optimises: boolean;
  /** To the pCPU thread: RegionJob comes, RegionModule goes; a module of stored regions comes, to be prepared; END comes last. */
  readonly channel: RegionChannel;
}

type Region = (ctx: number, node: number) => number;

/** A context in memory that is always zero: no budget, so a region that is called with it returns at once. */
const NO_CONTEXT = 0;

lowerThisThread();
const { channel, cpuModel, optimises, ...shared } = workerData as RegionsWorkerData;
const memories = new Memories(shared);
const never = (): never => {
  throw new Error('a region without a budget ran');
};
const imports = {
  env: { state: memories.state, frames: memories.frames },
  core: { table: new WebAssembly.Table({ initial: 0, element: 'anyfunc' }), ...Object.fromEntries(coreFunctions.map(({ name }) => [name, never])) },
};

/** What this thread has done (keepFunctions). */
let did = 1;
const MADE = 2;

/** Regions of earlier runs, to be optimised in this order when there is nothing else to do: they were hot in this order. */
const hot: Region[] = [];

/** The host compiles a function when it is first called, and that is to happen here. Throws what the host throws when it refuses. */
function prepare(module: WebAssembly.Module): Region[] {
  const regions = Object.values(new WebAssembly.Instance(module, imports).exports) as Region[];
  for (const region of regions) region(NO_CONTEXT, 0);
  return regions;
}

/** Makes regions. With kept translations there is nothing to make for long, and the translator's tables take 10 ms while all wait for the guest's first instruction. */
let make: ((job: RegionJob) => RegionModule) | undefined;

function compiled(made: RegionModule): RegionModule {
  if (made.bytes.length === 0) return made;
  try {
    const module = new WebAssembly.Module(made.bytes);
    prepare(module);
    return { ...made, module };
  } catch {
    // the pCPU thread tries it too, and says what is wrong
    return made;
  }
}

for (const jobs = new Receiver(channel, JOBS, receiveMessageOnPort as never); ; ) {
  const job = (hot.length === 0 ? jobs.wait() : jobs.take()) as RegionJob | WebAssembly.Module | typeof END | undefined;
  if (job === END) break;
  if (job === undefined) optimiseAhead(hot.shift() as Region);
  else if (job instanceof WebAssembly.Module) {
    try {
      const regions = prepare(job);
      if (optimises) hot.push(...regions);
    } catch {
      // out of memory: what is not done here is done when the guest comes to it
    }
  } else {
    make ??= (await import('./region-maker.ts')).regionMaker(cpuModel, memories);
    send(channel, ANSWERS, compiled(make(job)));
    did |= MADE;
  }
}
keepFunctions(did);
