/**
 * The thread that runs guests: engine, hypervisor and run loop of one pCPU over the machine's two memories.
 * It talks to the host thread through the memories; messages are for consoles, logs and the end.
 */
import { writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { present } from '../../base/assert.ts';
import type { TranslationPlace } from '../../base/ports/translation-cache.ts';
import { keepFunctions } from '../../host/node/kept-functions.ts';
import { withLazyValidation } from '../../host/node/lazy-validation.ts';
import { withoutHurry } from '../../host/node/optimise-ahead.ts';
import { ScriptOptimiser } from '../../host/node/script-optimiser.ts';
import { lowerHostCompilers } from '../../host/node/thread-priority.ts';
import { profileThread } from '../../host/node/thread-profiler.ts';
import { NodeTranslationCache } from '../../host/node/translation-cache.ts';
import { logBoot } from '../../hypervisor/boot-log.ts';
import { AT_ONCE } from '../../hypervisor/domain.ts';
import { createDomain0 } from '../../hypervisor/domain0.ts';
import { EngineCpu } from '../../hypervisor/engine-cpu.ts';
import { ExecTrace } from '../../hypervisor/exec-trace.ts';
import { type Host, Hypervisor, type MachineConfig, type Vcpu } from '../../hypervisor/hypervisor.ts';
import { crashDomain } from '../../hypervisor/lifecycle/shutdown.ts';
import { AccessCheck } from '../../hypervisor/paranoid/access-check.ts';
import { ParanoidCpu } from '../../hypervisor/paranoid/paranoid-cpu.ts';
import { Pcpu } from '../../hypervisor/pcpu.ts';
import { type FunctionPlace, GuestSampler } from '../../hypervisor/profile/guest-sampler.ts';
import { SamplingCpu } from '../../hypervisor/profile/sampling-cpu.ts';
import { Trace } from '../../hypervisor/trace.ts';
import { PORT_READS } from '../../machine/layout.ts';
import { Memories, type ReservedMemories } from '../../machine/memories.ts';
import { chooseCpu } from '../../spec/x86/choose-cpu.ts';
import { ROWS } from '../../spec/x86/opcodes.ts';
import { type PackedSymbols, SymbolTable } from '../../toolstack/loader/elf/symbol-table.ts';
import { Engine } from '../../translator/engine.ts';
import type { RegionModule } from '../../translator/targets/wasm/region-module.ts';
import type { RegionCompiler } from '../../translator/targets/wasm/regions.ts';
import { engineParts } from './engine-parts.ts';
import { hostTime } from './host-time.ts';
import type { PcpuMessage } from './pcpu-message.ts';
import { ANSWERS, END, JOBS, Receiver, type RegionChannel, send } from './region-channel.ts';

/** What the host thread starts this thread with. */
export interface PcpuWorkerData {
  /** Absent where the thread was prepared: it has them. */
  readonly memories?: ReservedMemories;
  /** Bytes of build/core.wasm. */
  readonly core: Uint8Array<ArrayBuffer>;
  /** Make a new machine in the memories; absent: go on with the one that is there. */
  readonly fresh?: MachineConfig;
  readonly cpuModel: string;
  /** Which traces are written: 'hypercalls', 'exits', 'exec'. */
  readonly trace: readonly string[];
  /** Names for the trace of instructions. */
  readonly symbols?: PackedSymbols;
  readonly blockLimit?: number;
  /** MiB of host memory that translations may take before all are thrown away. */
  readonly codeMemory?: number;
  /** Executions after which a block becomes a compiled region; 0 = never. */
  readonly promoteAfter?: number;
  /** Compare every access of guests to memory with an independent walk. */
  readonly paranoid?: boolean;
  /** Tell at the end where the guest was, with a sample every so many instructions, and what this thread did. */
  readonly profileEvery?: number;
  /** Translations are kept, beginning with those of earlier runs, if there are any in the place (TranslationPlace) that comes here before a guest runs. */
  readonly stored?: MessagePort;
  /** Look at what earlier runs left before it is used. */
  readonly verifyStored?: boolean;
  /** The process is Zendo's alone: the host's compiling threads let this one go first. */
  readonly ownsProcess?: boolean;
  /** To the threads that make regions (regions.worker.ts); absent: this one does. */
  readonly regions?: readonly RegionChannel[];
}

/** Executions after which a block becomes a compiled region, and how many regions make a module: measured on Debian's boot. */
const PROMOTE_AFTER = 5000;
/** MiB of host memory that translations may take: half for the interpreter's operations, half for regions. A boot of Debian needs some 30 and 40. */
const CODE_MEMORY = 256;
const MIB = 1 << 20;
/** Bytes that a byte of a region's module takes in the host, its machine code included: measured on Debian's boot with all compiled. */
const HOST_BYTES = 14;
const REGION_BATCH = 8;
/** Fewer blocks than this are translated as quickly as they are read from a file. */
const STORED_LEAST = 1000;
/** What runs may have called besides what all do (keepFunctions). */
const RAN = 1;
const MADE_REGIONS = 2;
const TOOK_STORED = 4;

const port = present(parentPort, 'parent of the pCPU thread');
const given = workerData as PcpuWorkerData | ReservedMemories;
// a thread that was prepared has the memories only, and is told what to do by its first message
const data = 'core' in given ? given : ((await new Promise((resolve) => port.once('message', resolve))) as PcpuWorkerData);
const post = (message: PcpuMessage): void => port.postMessage(message);

// where the thread was prepared its parent does so when the guest begins
if (data.ownsProcess === true && 'core' in given) lowerHostCompilers();
const scriptOptimiser = data.ownsProcess === true ? new ScriptOptimiser() : undefined;
const codeMemory = data.codeMemory ?? CODE_MEMORY;
const promoteAfter = data.promoteAfter ?? PROMOTE_AFTER;
// Alone, the interpreter must be optimised code from its first call: it runs for ever and there is no on-stack replacement. With
// regions it returns often enough to be replaced, and the host's compiler must not meet functions it has no profile of.
if (promoteAfter === 0) setFlagsFromString('--no-liftoff');
const memories = new Memories(data.memories ?? (given as ReservedMemories));
const model = chooseCpu(data.cpuModel);
const started = process.hrtime.bigint();
const accessCheck = data.paranoid === true ? new AccessCheck(memories) : undefined;
const engine = new Engine(memories, new WebAssembly.Module(data.core), {
  features: new Set(model.features) as never,
  vendor: model.vendor === 'GenuineIntel' ? 'intel' : 'amd',
  hostTsc: () => process.hrtime.bigint() - started,
  ...(data.regions === undefined ? {} : { regionCompiler: regionCompiler(data.regions) }),
  ...(promoteAfter === 0 ? {} : { promoteAfter, regionBatch: promoteAfter < REGION_BATCH ? 1 : REGION_BATCH }),
  arenaLimit: (codeMemory / 2) * MIB,
  regionLimit: ((codeMemory / 2) * MIB) / HOST_BYTES,
  ...(data.blockLimit === undefined ? {} : { blockLimit: data.blockLimit }),
  ...(data.stored === undefined ? {} : { stored: 'none' }),
  ...(data.verifyStored === true ? { verifyStored: true } : data.ownsProcess === true ? { makingStored } : {}),
  ...(accessCheck === undefined ? {} : { checkAccess: accessCheck.check.bind(accessCheck) }),
});
setFlagsFromString('--liftoff');

/** Makes modules of kept regions, which the first of the threads that make regions optimises ahead. */
function makingStored<T>(make: () => T): T {
  return withLazyValidation(data.regions === undefined ? make : () => withoutHurry(make));
}

/** The threads behind `channels` as a compiler. */
function regionCompiler(channels: readonly RegionChannel[]): RegionCompiler {
  const threads = channels.map((channel) => ({ channel, answers: new Receiver(channel, ANSWERS, receiveMessageOnPort as never), jobs: 0 }));
  let asked = false;
  const start = (): void => {
    if (!asked) post({ kind: 'compiler' });
    asked = true;
  };
  return {
    threads: threads.length,
    submit: (job) => {
      start();
      const idlest = threads.reduce((a, b) => (b.jobs < a.jobs ? b : a));
      idlest.jobs++;
      send(idlest.channel, JOBS, job);
    },
    take: () => {
      for (const thread of threads) {
        const made = thread.answers.take() as RegionModule | undefined;
        if (made === undefined) continue;
        thread.jobs--;
        scriptOptimiser?.putOff();
        return made;
      }
      return undefined;
    },
    prepare: (module) => {
      start();
      if (threads[0] !== undefined) send(threads[0].channel, JOBS, module);
    },
  };
}

/** Take over translations of earlier runs: they need only be there when a guest begins. */
function* takeStored(places: MessagePort): Generator<'waits' | undefined> {
  let place: { readonly message: TranslationPlace } | undefined;
  for (;;) {
    place = receiveMessageOnPort(places as never);
    if (place !== undefined) break;
    yield 'waits';
  }
  const { folder, name } = place.message;
  const { store } = engine;
  if (store !== undefined) yield* new NodeTranslationCache({ folder, engine: engineParts }).reading(name, (kept) => store.loading(kept));
}

/** Trace lines go to stderr from this thread, in order and at the pace of who reads them; messages would pile up. */
function writeTrace(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(2, bytes, done);
    } catch (error) {
      const { code } = error as { code?: string };
      // A reader that went away loses the rest; one that is slow is waited for.
      if (code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

const host: Host = {
  monotonic: () => process.hrtime.bigint() - started,
  log: (line) => post({ kind: 'log', line }),
  crashed: (domid, reason) => post({ kind: 'crash', domid, reason }),
};
if (data.fresh !== undefined) Hypervisor.format(memories, data.fresh);
const trace = new Trace(new Set(data.trace), writeTrace);
const symbols = data.symbols === undefined ? undefined : SymbolTable.unpack(data.symbols);
const exec = data.trace.includes('exec')
  ? new ExecTrace(
      memories,
      engine.translator.decodeFlags,
      runningVcpu,
      (address) => (symbols?.lookup(address) === undefined ? undefined : symbols.describe(address)),
      writeTrace,
    )
  : undefined;
const engineCpu = new EngineCpu(memories, engine, exec === undefined ? undefined : (instruction, linear) => exec.instruction(instruction, linear));
const sampler = data.profileEvery === undefined ? undefined : new GuestSampler(memories, functionAt, data.profileEvery);
const checkedCpu =
  accessCheck === undefined
    ? engineCpu
    : new ParanoidCpu(engineCpu, memories, accessCheck, ({ context, report }) => crashDomain(hv, vcpuOf(context).domain, report));
const cpu = sampler === undefined ? checkedCpu : new SamplingCpu(checkedCpu, memories, data.profileEvery as number, (context) => sampler.sample(context));
const hv = new Hypervisor(memories, cpu, host);
function functionAt(address: bigint): FunctionPlace | undefined {
  const place = symbols?.lookup(address);
  return place === undefined ? undefined : { name: place.name, start: address - place.offset };
}
function vcpuOf(context: number): Vcpu {
  for (const domain of hv.domains()) for (const vcpu of hv.vcpus(domain)) if (vcpu.context.address === context) return vcpu;
  return hv.vcpuAt(hv.header.current);
}
function runningVcpu(): string {
  const v = hv.vcpuAt(hv.header.current);
  return `d${v.domain.id}v${v.id}`;
}
if (data.fresh !== undefined) {
  createDomain0(hv);
  logBoot(hv, model);
}
// A machine that goes on does so behind the turn in which domain 0's programs take hold of it.
else hv.header.dom0_due = AT_ONCE;
const pcpu = new Pcpu({
  hv,
  model,
  trace,
  processors: availableParallelism(),
  rowName: (row) => `${ROWS[row]?.mnemonic ?? 'row'} (row ${row})`,
  ...(data.stored === undefined ? {} : { beforehand: takeStored(data.stored) }),
});
pcpu.attach();
post({ kind: 'ready' });
const threadSamples = sampler === undefined ? undefined : profileThread();
pcpu.loop();
scriptOptimiser?.goOn();
for (const channel of data.regions ?? []) send(channel, JOBS, END);
const profile =
  sampler === undefined || threadSamples === undefined
    ? undefined
    : { guest: sampler.profile(), host: hostTime(threadSamples(), `wasm-function[${(engine.core.run as unknown as { readonly name: string }).name}]`) };
const file = engine.store?.save(STORED_LEAST);
if (file !== undefined) port.postMessage({ kind: 'translations', file } satisfies PcpuMessage, [file.buffer]);
post({
  kind: 'ended',
  counters: trace.counters(new Uint32Array(memories.state.buffer, PORT_READS, 0x10000)),
  engine: {
    ...engine.counters,
    ...engine.regions?.counters,
    ...engine.store?.counters,
    ...(accessCheck && { accessesChecked: accessCheck.checked }),
    exits: undefined,
  },
  retired: hv.header.retired,
  retiredInRegions: engine.retiredInRegions,
  ...(profile === undefined ? {} : { profile }),
});
const { usedRegions = 0 } = engine.store?.counters ?? {};
keepFunctions(RAN | ((engine.regions?.counters.regions ?? 0) > usedRegions ? MADE_REGIONS : 0) | (usedRegions > 0 ? TOOK_STORED : 0));
