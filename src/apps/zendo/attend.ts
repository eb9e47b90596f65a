import type { MachineConfig } from '../../hypervisor/hypervisor.ts';
import type { Memories } from '../../machine/memories.ts';
import type { SymbolTable } from '../../toolstack/loader/elf/symbol-table.ts';
import type { CommandHost } from './host.ts';
import { MachineThread } from './machine-thread.ts';
import { runGuest } from './run-guest.ts';
import { summary } from './run-summary.ts';
import { Session } from './session.ts';

/** Instructions between two samples of a profile; odd, so that it does not keep step with loops. */
const PROFILE_EVERY = 99_991;

/** A machine's thread with a session on this side of it: a new machine, or what is in `memories`. */
export async function startMachine(
  host: CommandHost,
  options: {
    readonly trace: readonly string[];
    readonly fresh?: MachineConfig;
    readonly memories?: Memories;
    readonly blockLimit?: number;
    readonly codeMemory?: number;
    /** Executions after which a block becomes a compiled region; 0 = never. */
    readonly promoteAfter?: number;
    readonly compileThreads?: number;
    readonly verifyTranslations?: boolean;
    /** Model and changes, as `chooseCpu` reads them. */
    readonly cpu: string;
    readonly symbols: () => SymbolTable | undefined;
    /** Every access of guests to memory is compared with an independent walk. */
    readonly paranoid?: boolean;
    /** A profile is wanted. */
    readonly profile?: string;
    /** Translations are kept, under the name that `keepTranslations` is told. */
    readonly translations?: boolean;
    /** Folder of translations, or `off`. */
    readonly translationCache?: string;
  },
): Promise<{ machine: MachineThread; session: Session; keepTranslations: (identity: string) => void }> {
  const output = (bytes: Uint8Array): void => void host.terminal.write(bytes);
  const { symbols, cpu, translations, translationCache, profile, ...rest } = options;
  // with every access looked at a region would be left at each of them
  const promoteAfter = options.promoteAfter ?? (options.paranoid === true ? 0 : undefined);
  // a debugger, a trace or blocks of other sizes make translations that are of no use to others
  const plain = options.blockLimit === undefined && promoteAfter !== 0 && !options.trace.includes('exec');
  const cache = plain && translations === true ? host.translations(translationCache) : undefined;
  const named = options.trace.includes('exec') || profile !== undefined ? symbols() : undefined;
  const machine = new MachineThread({
    ...rest,
    ...(promoteAfter === undefined ? {} : { promoteAfter }),
    ...(named === undefined ? {} : { symbols: named.pack() }),
    ...(profile === undefined ? {} : { profileEvery: PROFILE_EVERY }),
    workers: host.workers,
    ownsProcess: true,
    core: await host.core(),
    cpuModel: cpu,
    onConsole: (_domid, bytes) => output(bytes),
    onLog: (line) => host.message(line),
    ...(cache === undefined ? {} : { keepsTranslations: true }),
  });
  const session = new Session(machine, output);
  machine.open(() => session.onTurn());
  const keepTranslations = (identity: string): void => {
    const name = `${cpu} ${identity}`;
    if (cache !== undefined) machine.keepTranslations({ stored: cache.place(name), keep: (file) => cache.write(name, file) });
  };
  return { machine, session, keepTranslations };
}

/** Do something in the next turn of domain 0; when it fails, the machine is stopped before the error goes on. */
async function inMachine<T>(machine: MachineThread, action: () => T): Promise<T> {
  const died = machine.ended.then(() => {
    throw new Error('the processor thread of the machine ended');
  });
  died.catch(() => {});
  try {
    return await Promise.race([machine.door.enter(action), died]);
  } catch (error) {
    machine.door.stop();
    await machine.ended.catch(() => {});
    throw error;
  }
}

/** What `attend` is told of the guest and of the operator's wishes. */
export interface AttendOptions {
  /** File for the profile. */
  readonly profile?: string;
  readonly timeout: number;
  readonly snapshot?: string;
  readonly snapshotAt?: number;
  readonly json: boolean;
  readonly hash: boolean;
  readonly memoryBytes: number;
  readonly kernelPath: string;
  readonly cpu: string;
  readonly symbols: () => SymbolTable | undefined;
  /** TCP port at which gdb finds the guest, which is held for it; 0 takes any. */
  readonly gdb?: number;
  /** Build the guest or take it over. Inside the turn before its first instruction. */
  readonly begin: () => void;
  /** Host milliseconds of the phases before. */
  readonly phases: Readonly<Record<string, number>>;
}

/** Let a guest begin and stay with it until it ends; save it, hash it and report as asked. The exit status. */
export async function attend(host: CommandHost, machine: MachineThread, session: Session, options: AttendOptions): Promise<number> {
  const started = host.milliseconds();
  const { gdb, snapshotAt } = options;
  let saved: Uint8Array | undefined;
  let hash: string | undefined;
  const snapshots = options.snapshot === undefined ? undefined : await import('./snapshot-file.ts');
  const { Debugger } = gdb === undefined ? {} : await import('./debugger.ts');
  const save = (): void => {
    if (snapshots === undefined || saved !== undefined) return;
    const { memoryBytes, kernelPath, cpu } = options;
    saved = snapshots.encodeSnapshot(host, machine.memories, { format: 1, session: session.freeze(), cpuModel: cpu, memoryBytes, kernel: kernelPath });
  };
  // All in one turn: the guest runs only behind it, so that instants are exact from its first instruction on.
  const debug = await inMachine(machine, () => {
    options.begin();
    if (snapshotAt !== undefined) session.at(BigInt(Math.round(snapshotAt * 1e9)), () => session.leave(save));
    return gdb === undefined || Debugger === undefined ? undefined : { debugger: new Debugger(host, machine, session), port: gdb };
  });
  const began = host.milliseconds();
  // not sooner: until then both threads wait for what they compile, and for locks that they hold
  host.compilersGiveWay();
  await debug?.debugger.listen(debug.port).catch(async (error: unknown) => {
    await machine.stop();
    throw error;
  });
  const interactive = host.terminal.size() !== undefined;
  const end = await runGuest(
    machine,
    session,
    host,
    { timeout: options.timeout, interactive, symbols: options.symbols, debugger: debug?.debugger },
    (ending) => {
      if (options.hash) hash = host.sha256(session.memoryPages(options.memoryBytes));
      if (ending !== 'shutdown') save();
    },
  );
  if (saved !== undefined && options.snapshot !== undefined) await host.files.write(options.snapshot, saved);
  if (options.profile !== undefined) {
    const { profileFile } = await import('./profile-file.ts');
    await host.files.write(options.profile, profileFile(options.profile, `zendo: ${options.kernelPath}`, end.report));
  }
  if (options.json)
    host.message(
      JSON.stringify({
        ...summary(end, { ...options.phases, build: began - started, run: host.milliseconds() - began }),
        hostMemoryKiB: host.peakMemory(),
        ...(hash === undefined ? {} : { memory: hash }),
      }),
    );
  return end.status;
}
