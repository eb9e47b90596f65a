/**
 * The thread that runs guests: engine, hypervisor and run loop of one pCPU over the machine's two memories.
 * It talks to the host thread through the memories; messages are for consoles, logs and the end.
 */
import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { present } from '../../base/assert.ts';
import { createDomain0 } from '../../hypervisor/domain0.ts';
import { EngineCpu } from '../../hypervisor/engine-cpu.ts';
import { Hypervisor, type Host, type MachineConfig } from '../../hypervisor/hypervisor.ts';
import { Pcpu } from '../../hypervisor/pcpu.ts';
import { Trace } from '../../hypervisor/trace.ts';
import { Memories } from '../../machine/memories.ts';
import { CPU_MODELS } from '../../spec/x86/cpu-models.ts';
import { ROWS } from '../../spec/x86/opcodes.ts';
import { Engine } from '../../translator/engine.ts';
import type { PcpuMessage } from './pcpu-message.ts';

/** What the host thread starts this thread with. */
export interface PcpuWorkerData {
  readonly frames: WebAssembly.Memory;
  readonly state: WebAssembly.Memory;
  /** Bytes of build/core.wasm. */
  readonly core: Uint8Array<ArrayBuffer>;
  /** Make a new machine in the memories; absent: go on with the one that is there. */
  readonly fresh?: MachineConfig;
  readonly cpuModel: string;
  /** Which traces are written: 'hypercalls', 'exits'. */
  readonly trace: readonly string[];
  readonly blockLimit?: number;
}

const data = workerData as PcpuWorkerData;
const port = present(parentPort, 'parent of the pCPU thread');
const post = (message: PcpuMessage): void => port.postMessage(message);

// The interpreter must be optimised code from its first call: it runs for ever and there is no on-stack replacement.
if (process.env['ZENDO_PROMOTE'] === undefined) setFlagsFromString('--no-liftoff');
const memories = new Memories(data);
const model = present(CPU_MODELS.get(data.cpuModel), `CPU model ${data.cpuModel}`);
const started = process.hrtime.bigint();
const engine = new Engine(memories, new WebAssembly.Module(data.core), {
  features: new Set(model.features) as never,
  vendor: model.vendor === 'GenuineIntel' ? 'intel' : 'amd',
  hostTsc: () => process.hrtime.bigint() - started,
  ...(process.env['ZENDO_PROMOTE'] === undefined ? {} : { promoteAfter: Number(process.env['ZENDO_PROMOTE']), regionBatch: Number(process.env['ZENDO_BATCH'] ?? 8) }),
  ...(data.blockLimit === undefined ? {} : { blockLimit: data.blockLimit }),
});
setFlagsFromString('--liftoff');
if (engine.regions !== undefined && process.env['ZENDO_NAMES']) engine.regions.names = true;

const host: Host = {
  monotonic: () => process.hrtime.bigint() - started,
  console: (domid, bytes) => post({ kind: 'console', domid, bytes }),
  log: (line) => post({ kind: 'log', line }),
};
if (data.fresh !== undefined) Hypervisor.format(memories, data.fresh);
const hv = new Hypervisor(memories, new EngineCpu(memories, engine), host);
if (data.fresh !== undefined) createDomain0(hv);
const trace = new Trace(new Set(data.trace), (line) => post({ kind: 'log', line }));
const pcpu = new Pcpu({ hv, model, trace, rowName: (row) => `${ROWS[row]?.mnemonic ?? "row"} (row ${row})` });
pcpu.attach();
post({ kind: 'ready' });
pcpu.loop();
post({ kind: 'ended', counters: trace.counters(), engine: { ...engine.counters, ...engine.regions?.counters, exits: undefined }, retired: hv.header.retired });
