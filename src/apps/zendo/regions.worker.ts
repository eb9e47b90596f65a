/** The thread that makes regions of hot guest code: compiled modules for the pCPU thread, which goes on with bytecode meanwhile. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { lowerThisThread } from '../../host/node/thread-priority.ts';
import { Memories } from '../../machine/memories.ts';
import { chooseCpu } from '../../spec/x86/choose-cpu.ts';
import { coreFunctions } from '../../translator/targets/wasm/imports.ts';
import { makeRegions, type RegionJob, type RegionModule } from '../../translator/targets/wasm/region-module.ts';
import { BlockTranslator } from '../../translator/translate-block.ts';
import { ANSWERS, JOBS, Receiver, type RegionChannel, send } from './region-channel.ts';

/** What the host thread starts this thread with. */
export interface RegionsWorkerData {
  readonly frames: WebAssembly.Memory;
  readonly state: WebAssembly.Memory;
  readonly cpuModel: string;
  /** To the pCPU thread: RegionJob comes, RegionModule goes; a module of stored regions comes, to be prepared. */
  readonly channel: RegionChannel;
}

/** A context in memory that is always zero: no budget, so a region that is called with it returns at once. */
const NO_CONTEXT = 0;

lowerThisThread();
const { channel, cpuModel, ...shared } = workerData as RegionsWorkerData;
const memories = new Memories(shared);
const model = chooseCpu(cpuModel);
const translator = new BlockTranslator({ features: new Set(model.features), vendor: model.vendor === 'GenuineIntel' ? 'intel' : 'amd' });
const never = (): never => {
  throw new Error('a region without a budget ran');
};
const imports = {
  env: { state: memories.state, frames: memories.frames },
  core: { table: new WebAssembly.Table({ initial: 0, element: 'anyfunc' }), ...Object.fromEntries(coreFunctions.map(({ name }) => [name, never])) },
};

/** The host compiles a function when it is first called, and that is to happen here. Throws what the host throws when it refuses. */
function prepare(module: WebAssembly.Module): void {
  for (const region of Object.values(new WebAssembly.Instance(module, imports).exports)) (region as (ctx: number, node: number) => number)(NO_CONTEXT, 0);
}

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
  const job = jobs.wait() as RegionJob | WebAssembly.Module;
  if (!(job instanceof WebAssembly.Module)) {
    send(channel, ANSWERS, compiled(makeRegions(job, translator, memories)));
    continue;
  }
  try {
    prepare(job);
  } catch {
    // out of memory: what is not done here is done when the guest comes to it
  }
}
