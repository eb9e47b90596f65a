import type { TranslationPlace } from '../../base/ports/translation-cache.ts';
import type { WorkerHost, WorkerThread } from '../../base/ports/worker-host.ts';
import { Dom0Kernel } from '../../hypervisor/dom0/kernel.ts';
import { Door } from '../../hypervisor/door.ts';
import { takeGuestConsole } from '../../hypervisor/guest-console.ts';
import type { MachineConfig } from '../../hypervisor/hypervisor.ts';
import { resetMailbox } from '../../hypervisor/mailbox.ts';
import { Memories } from '../../machine/memories.ts';
import type { PackedSymbols } from '../../toolstack/loader/elf/symbol-table.ts';
import type { PcpuWorkerData } from './pcpu.worker.ts';
import type { PcpuMessage } from './pcpu-message.ts';
import { PCPU_WORKER, takePrepared } from './prepare-machine.ts';
import { regionChannelWords } from './region-channel.ts';
import type { RegionsWorkerData } from './regions.worker.ts';

const REGIONS_WORKER = new URL('./regions.worker.ts', import.meta.url);

/** Translations that outlive a machine. */
export interface KeptTranslations {
  /** Where the machine's thread finds what `keep` was given in an earlier run. */
  readonly stored: TranslationPlace;
  keep(file: Uint8Array): Promise<void>;
}

/** How a machine's thread is started. */
export interface MachineOptions {
  readonly workers: WorkerHost;
  /** Bytes of the Wasm core. */
  readonly core: Uint8Array<ArrayBuffer>;
  readonly cpuModel: string;
  readonly trace: readonly string[];
  /** A new machine; absent: go on with what is in `memories`. */
  readonly fresh?: MachineConfig;
  readonly memories?: Memories;
  readonly blockLimit?: number;
  /** MiB of host memory that translations may take before all are thrown away. */
  readonly codeMemory?: number;
  /** Executions after which a block becomes a compiled region; 0 = never. */
  readonly promoteAfter?: number;
  /** Threads that make regions, 0: the pCPU's own; one if not given and a processor is left for it. */
  readonly compileThreads?: number | undefined;
  /** Compare translations of earlier runs with new ones. */
  readonly verifyTranslations?: boolean | undefined;
  /** Nobody else's code runs in this process: its threads that compile may get a lower priority, which cannot be taken back. */
  readonly ownsProcess?: boolean;
  /** Names for the trace of instructions. */
  readonly symbols?: PackedSymbols;
  /** Compare every access of guests to memory with an independent walk. */
  readonly paranoid?: boolean | undefined;
  /** Instructions between two samples of a profile; none is made without. */
  readonly profileEvery?: number | undefined;
  /** Translations of earlier runs, and where to leave those of this one. */
  readonly translations?: KeptTranslations | undefined;
  /** Translations are kept, `keepTranslations` says which: before a guest runs. */
  readonly keepsTranslations?: boolean;
  /** Bytes written to the hypervisor's console by a domain. */
  readonly onConsole: (domid: number, bytes: Uint8Array) => void;
  readonly onLog: (line: string) => void;
}

/** What the pCPU thread reported when it ended. */
export type MachineReport = Extract<PcpuMessage, { kind: 'ended' }>;

/** A machine whose guests run in a thread of their own; this side is where domain 0's programs run. */
export class MachineThread {
  readonly memories: Memories;
  readonly door: Door;
  readonly kernel: Dom0Kernel;
  /** Settles when the thread has ended; rejects when it died of an error. */
  readonly ended: Promise<MachineReport>;
  /** Why the hypervisor stopped domains as crashed, by domain id. */
  readonly crashes = new Map<number, string>();
  private readonly thread: WorkerThread;
  private keeping: Promise<void> | undefined;
  private translations: KeptTranslations | undefined;
  /** Where the thread hears which translations it is to use; undefined: none, or it has heard. */
  private names: MessagePort | undefined;
  private readonly onConsole: MachineOptions['onConsole'];
  private readonly compilers: WorkerThread[] = [];
  /** Starts the compilers' threads; undefined where there are to be none, or are some. */
  private makeCompilers: (() => void) | undefined;

  constructor(options: MachineOptions) {
    this.onConsole = options.onConsole;
    const prepared = options.memories === undefined ? takePrepared(options.workers) : undefined;
    this.memories = options.memories ?? new Memories(prepared);
    const { frames, state } = this.memories;
    resetMailbox(this.memories);
    // compilers of their own pay only where a processor is left for them; what is to be compiled at its first execution waits for it
    const { promoteAfter = Number.POSITIVE_INFINITY } = options;
    const compilers = promoteAfter < 2 ? 0 : (options.compileThreads ?? (options.workers.parallelism < 2 ? 0 : 1));
    const channels = Array.from({ length: compilers }, () => ({ ends: new MessageChannel(), sent: regionChannelWords() }));
    const names = options.keepsTranslations === true || options.translations !== undefined ? new MessageChannel() : undefined;
    this.names = names?.port2;
    if (options.translations !== undefined) this.keepTranslations(options.translations);
    const data: PcpuWorkerData = {
      ...(prepared === undefined ? { memories: { frames, state } } : {}),
      core: options.core,
      cpuModel: options.cpuModel,
      trace: options.trace,
      ...(options.fresh === undefined ? {} : { fresh: options.fresh }),
      ...(options.codeMemory === undefined ? {} : { codeMemory: options.codeMemory }),
      ...(options.blockLimit === undefined ? {} : { blockLimit: options.blockLimit }),
      ...(options.promoteAfter === undefined ? {} : { promoteAfter: options.promoteAfter }),
      ...(compilers === 0 ? {} : { regions: channels.map(({ ends, sent }) => ({ port: ends.port1, sent })) }),
      ...(options.symbols === undefined ? {} : { symbols: options.symbols }),
      ...(options.paranoid === true ? { paranoid: true } : {}),
      ...(options.profileEvery === undefined ? {} : { profileEvery: options.profileEvery }),
      ...(names === undefined ? {} : { stored: names.port1 }),
      ...(options.verifyTranslations === true ? { verifyStored: true } : {}),
      ...(options.ownsProcess === true ? { ownsProcess: true } : {}),
    };
    this.door = new Door(this.memories, options.workers.parallelism);
    this.kernel = new Dom0Kernel(this.memories, this.door);
    this.thread = options.workers.start(PCPU_WORKER, data, [...channels.map(({ ends }) => ends.port1), ...(names === undefined ? [] : [names.port1])]);
    this.makeCompilers = () => {
      for (const [k, { ends, sent }] of channels.entries()) {
        const { cpuModel, ownsProcess = false } = options;
        const given: RegionsWorkerData = { frames, state, cpuModel, optimises: ownsProcess && k === 0, channel: { port: ends.port2, sent } };
        this.compilers.push(options.workers.start(REGIONS_WORKER, given, [ends.port2]));
      }
    };
    this.ended = new Promise((resolve, reject) => {
      let report: MachineReport | undefined;
      this.thread.onMessage((raw) => {
        const message = raw as PcpuMessage;
        if (message.kind === 'log') options.onLog(message.line);
        else if (message.kind === 'compiler') this.startCompiler();
        else if (message.kind === 'crash') this.crashes.set(message.domid, message.reason);
        else if (message.kind === 'translations') this.keeping = this.translations?.keep(message.file);
        else if (message.kind === 'ended') report = message;
      });
      this.thread.onExit((error) => {
        this.showConsole();
        this.door.close();
        this.makeCompilers = undefined;
        for (const compiler of this.compilers) void compiler.stop();
        if (report !== undefined) resolve(report);
        else reject(error ?? new Error('the processor thread of the machine ended without a report'));
      });
    });
    // Whoever starts a machine awaits `ended`; until then a failure must not count as unhandled.
    this.ended.catch(() => {});
  }

  /** Start the thread that compiles hot code. It starts by itself when there is something to compile; a guest that will be long at work need not wait then. */
  startCompiler(): void {
    this.makeCompilers?.();
    this.makeCompilers = undefined;
  }

  /** Which translations are kept, for a machine that was started before that was known. Without effect if it keeps none, or knows. */
  keepTranslations(translations: KeptTranslations): void {
    if (this.names === undefined) return;
    this.translations = translations;
    this.names.postMessage(translations.stored);
    this.names = undefined;
  }

  /** Begin domain 0's turns. `onTurn` runs after the events of each turn that guests do not share were handled. */
  open(onTurn: () => void = () => {}): void {
    this.door.open(
      () => {
        this.kernel.handleEvents(() => this.showConsole());
        onTurn();
      },
      () => this.kernel.handleEventsBeside(),
    );
  }

  /** What domains wrote to the hypervisor's console. Before the events of a turn, which are younger. */
  private showConsole(): void {
    for (const { domid, bytes } of takeGuestConsole(this.memories)) this.onConsole(domid, bytes);
  }

  /** Ask the thread to end, and wait for its report. */
  async stop(): Promise<MachineReport> {
    this.door.stop();
    const report = await this.ended;
    await this.keeping;
    return report;
  }
}
