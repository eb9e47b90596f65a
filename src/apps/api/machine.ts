import { MachineGoneError } from '../../hypervisor/door.ts';
import { Memories } from '../../machine/memories.ts';
import { chooseCpu, DEFAULT_CPU } from '../../spec/x86/choose-cpu.ts';
import { Dom0Programs } from '../../toolstack/libxl/dom0-programs.ts';
import { type FrozenLibxl, Libxl, type LibxlListener } from '../../toolstack/libxl/libxl.ts';
import { LibxlError } from '../../toolstack/libxl/libxl-error.ts';
import { hypervisorLog, physinfo } from '../../toolstack/xc/host-info.ts';
import { FRAMES_MAX, freshMachine, VIRTUAL_WALL_SECONDS } from '../zendo/fresh-machine.ts';
import { MachineThread, type MachineOptions as ThreadOptions } from '../zendo/machine-thread.ts';
import { decodeSnapshot, encodeSnapshot } from '../zendo/snapshot-file.ts';
import type { ApiHost } from './api-host.ts';
import { Domain } from './domain.ts';
import { asConfigurationError, type DomainOptions, readDomainOptions } from './domain-options.ts';
import { ConfigurationError, MachineClosedError, ZendoError } from './errors.ts';
import { Listeners } from './listeners.ts';
import type { MachineAccess } from './machine-access.ts';
import { MachineXenstore } from './machine-xenstore.ts';

/** A machine. */
export interface MachineOptions {
  /**
   * Run in virtual time: one instruction is one nanosecond, and idle time is skipped. The same seed and the same guest
   * give the same instructions, console and memory. If not given, guests see the host's time.
   */
  readonly seed?: number | bigint;
  /** CPU model that guests see, as `zendo boot --cpu` takes it: `x86-64-v3`, `intel-x86-64-v2,+aes`. */
  readonly cpu?: string;
  /** MiB for all domains together, 4032 if not given. Memory that no guest has touched costs the host nothing. */
  readonly memory?: number;
  /**
   * Folder of translations kept for the next machine, `off` for none; if not given, the one that `zendo boot` uses ($ZENDO_TRANSLATION_CACHE
   * has a say). They make guests start faster and change nothing that a guest can see.
   */
  readonly translationCache?: string;
}

/** A machine that goes on: what its snapshot does not say. */
export type ResumeOptions = Pick<MachineOptions, 'translationCache'>;

/** What a snapshot holds beside the machine's memories. */
interface SnapshotHead {
  readonly format: 2;
  readonly cpu: string;
  readonly seeded: boolean;
  readonly created: number;
  readonly libxl: FrozenLibxl;
}
const SNAPSHOT_FORMAT = 2;

/** Memory of the machine in MiB. */
export interface MachineMemory {
  readonly total: number;
  readonly free: number;
}

/** Name of the API's translations: of all machines of one CPU model. */
const TRANSLATIONS = 'api';
const MIB_FRAMES = 256;
/** Frames of a machine beyond its domains' memory: domain 0, special pages, ACPI, grant tables. */
const SPARE_FRAMES = 4096;
const MOST_MIB = Math.floor((FRAMES_MAX - SPARE_FRAMES) / MIB_FRAMES);
const SEED_LIMIT = 2n ** 64n;

/** A machine with a hypervisor, in this process: guests run in a thread of its own. `await using` closes it. */
export class Machine implements AsyncDisposable {
  /** xenstore with domain 0's rights. */
  readonly xenstore: MachineXenstore;
  private readonly access: MachineAccess;
  private readonly seeded: boolean;
  private readonly all = new Map<number, Domain>();
  private readonly logs: Listeners<[line: string]>;
  private created = 0;
  private closing: Promise<void> | undefined;

  private constructor(access: MachineAccess, xenstore: MachineXenstore, seeded: boolean, logs: Listeners<[line: string]>) {
    this.access = access;
    this.xenstore = xenstore;
    this.seeded = seeded;
    this.logs = logs;
  }

  /** @internal Programs call `Machine.create` of the package, which chooses the host. */
  static async start(host: ApiHost, options: MachineOptions = {}): Promise<Machine> {
    const { cpu, memory, seed, translationCache } = checkedOptions(options);
    const fresh = freshMachine({ frames: memory * MIB_FRAMES + SPARE_FRAMES, seed, wall: host.wall() });
    return await Machine.begin(host, { cpu, seeded: seed !== undefined, translationCache }, { fresh });
  }

  /** @internal As `start`, with a machine that was saved. */
  static async resume(host: ApiHost, snapshot: Uint8Array, { translationCache, ...others }: ResumeOptions = {}): Promise<Machine> {
    const [unknown] = Object.keys(others);
    if (unknown !== undefined)
      throw new ConfigurationError(`there is no option "${unknown}" for a machine that goes on`, { hint: 'There is translationCache.' });
    if (!(snapshot instanceof Uint8Array)) throw new ConfigurationError('a snapshot is a Uint8Array', { hint: 'Give what machine.snapshot() gave.' });
    const memories = new Memories();
    let head: SnapshotHead;
    try {
      head = decodeSnapshot<SnapshotHead>(host, memories, snapshot, `of ${snapshot.length} bytes`, SNAPSHOT_FORMAT);
      chooseCpu(head.cpu);
    } catch (error) {
      throw asConfigurationError(error);
    }
    return await Machine.begin(host, { cpu: head.cpu, seeded: head.seeded, translationCache: checkedCache(translationCache) }, { memories }, head);
  }

  private static async begin(
    host: ApiHost,
    { cpu, seeded, translationCache }: { cpu: string; seeded: boolean; translationCache: string | undefined },
    how: Pick<ThreadOptions, 'fresh' | 'memories'>,
    head?: SnapshotHead,
  ): Promise<Machine> {
    const logs = new Listeners<[line: string]>();
    const made: { machine?: Machine } = {};
    const cache = host.translations(translationCache);
    const translations = cache && {
      stored: cache.place(`${TRANSLATIONS} ${cpu}`),
      keep: (file: Uint8Array) => cache.write(`${TRANSLATIONS} ${cpu}`, file),
    };
    const thread = new MachineThread({
      workers: host.workers,
      core: await host.core(),
      cpuModel: cpu,
      trace: [],
      ...how,
      translations,
      onConsole: (domid, bytes) => made.machine?.all.get(domid)?.console.output(bytes),
      onLog: (line) => logs.tell(line),
    });
    const died = thread.ended.then(() => {
      throw new MachineClosedError('the machine is closed');
    });
    died.catch(() => {});
    const enter = async <T>(action: () => T): Promise<T> => {
      try {
        return await Promise.race([thread.door.enter(action), died]);
      } catch (error) {
        if (error instanceof LibxlError) throw new ZendoError(error.lines.join('\n'), { cause: error });
        if (error instanceof MachineGoneError) throw new MachineClosedError('the thread of the machine died', { cause: error });
        throw error;
      }
    };
    const programs = new Dom0Programs(thread.kernel, () => void enter(() => {}).catch(() => {}));
    thread.open(() => programs.work());
    const startTime = (): number => (seeded ? Number(VIRTUAL_WALL_SECONDS) * 1e6 : host.wall() * 1000);
    const machine = await enter(() => {
      const listener: LibxlListener = {
        made: () => {},
        console: (domid, bytes, number) => {
          if (number === 0) made.machine?.all.get(domid)?.console.output(bytes);
        },
        ended: (domid, reason) => made.machine?.all.get(domid)?.noteShutdown(reason),
        gone: (domid) => {
          made.machine?.all.get(domid)?.noteGone();
          made.machine?.all.delete(domid);
        },
      };
      const libxl = new Libxl(programs, startTime, listener, head?.libxl);
      const xenstore = new MachineXenstore(programs.store.connect(0, 'api'), enter);
      const machine = new Machine({ host, machine: thread, libxl, enter, cpu }, xenstore, seeded, logs);
      made.machine = machine;
      if (head !== undefined) machine.takeOver(head);
      return machine;
    });
    thread.ended.then(
      () => machine.forget(),
      () => machine.forget(),
    );
    return machine;
  }

  /** The domains that are there, in the order of their ids. */
  get domains(): readonly Domain[] {
    return [...this.all.values()];
  }

  /** The domain of that name. */
  domain(name: string): Domain | undefined {
    return this.domains.find((domain) => domain.name === name);
  }

  /** Build a domain and let it run (unless `paused`). Throws ConfigurationError, and ZendoError when the machine has no room for it. */
  async createDomain(options: DomainOptions): Promise<Domain> {
    const { host, libxl, enter } = this.access;
    this.created++;
    const number = this.created;
    const { config, images } = await readDomainOptions(host, options, number, () => (this.seeded ? numberedUuid(number) : host.uuid()));
    try {
      return await enter(() => {
        const domid = libxl.create(config, images);
        const domain = new Domain(this.access, () => images.kernel.symbols(), { domid, ...config.c_info });
        this.all.set(domid, domain);
        if (options.paused !== true) libxl.unpause(domid);
        return domain;
      });
    } catch (error) {
      const cause = error instanceof ZendoError && error.cause instanceof LibxlError ? error.cause.cause : undefined;
      const configuration = asConfigurationError(cause);
      throw configuration instanceof ConfigurationError ? configuration : error;
    }
  }

  /**
   * Everything as it is at this instant, to go on from with `Machine.resume`, here or in another process, once or often: memory, registers,
   * devices and xenstore of all domains. This machine goes on too. What programs hold is not part of it: listeners, watches, output of consoles so far.
   */
  snapshot(): Promise<Uint8Array> {
    const { host, libxl, machine, cpu, enter } = this.access;
    return enter(() => {
      const head: SnapshotHead = { format: SNAPSHOT_FORMAT, cpu, seeded: this.seeded, created: this.created, libxl: libxl.freeze() };
      return encodeSnapshot(host, machine.memories, head);
    });
  }

  /** The domains of a snapshot. Kernels are not in it, so backtraces have addresses without names. */
  private takeOver({ created, libxl }: SnapshotHead): void {
    this.created = created;
    for (const { domid, kept } of libxl.domains) {
      const domain = new Domain(this.access, () => undefined, { domid, name: kept.config.c_info.name, uuid: kept.uuid });
      this.all.set(domid, domain);
      if (kept.ended) domain.noteEndedBefore();
    }
  }

  /** How much memory there is for domains. */
  memory(): Promise<MachineMemory> {
    return this.access.enter(() => {
      const { total_pages, free_pages } = physinfo(this.access.libxl.programs.xc);
      return { total: Number(total_pages) / MIB_FRAMES, free: Number(free_pages) / MIB_FRAMES };
    });
  }

  /** The hypervisor's own log, as `xl dmesg` shows it. */
  hypervisorLog(): Promise<string> {
    return this.access.enter(() => new TextDecoder().decode(hypervisorLog(this.access.libxl.programs.xc, false)));
  }

  /** Hear what the hypervisor has to say, line by line: why it crashed a domain, what a guest asks for that is not there. */
  onLog(listener: (line: string) => void): () => void {
    return this.logs.add(listener);
  }

  /** Destroy all domains and end the thread. Nothing happens when it is closed already. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async end(): Promise<void> {
    const { machine } = this.access;
    await machine.stop().catch(() => {});
    await this.access.host.messagesDelivered();
    this.forget();
  }

  /** The thread has ended: no domain is left. */
  private forget(): void {
    for (const domain of this.all.values()) domain.noteGone();
    this.all.clear();
  }
}

/** With a seed, UUIDs repeat as all else does. */
function numberedUuid(number: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, number);
  return bytes;
}

function checkedCache(folder: unknown): string | undefined {
  if (folder === undefined || (typeof folder === 'string' && folder !== '')) return folder;
  throw new ConfigurationError(`machine option "translationCache" is ${JSON.stringify(folder)}`, { hint: 'Give the path of a folder, or "off".' });
}

function checkedOptions({ seed, cpu = DEFAULT_CPU, memory = MOST_MIB, translationCache: folder, ...others }: MachineOptions): {
  seed: bigint | undefined;
  cpu: string;
  memory: number;
  translationCache: string | undefined;
} {
  const translationCache = checkedCache(folder);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new ConfigurationError(`there is no machine option "${unknown}"`, { hint: 'The options are seed, cpu, memory, translationCache.' });
  if (!Number.isInteger(memory) || memory < 1 || memory > MOST_MIB) {
    throw new ConfigurationError(`a machine cannot have ${memory} MiB for its domains`, { hint: `Give a whole number from 1 to ${MOST_MIB}.` });
  }
  try {
    chooseCpu(cpu);
  } catch (cause) {
    throw new ConfigurationError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (seed === undefined) return { seed, cpu, memory, translationCache };
  const whole = typeof seed === 'bigint' || Number.isSafeInteger(seed);
  if (!whole || seed < 0 || BigInt(seed) >= SEED_LIMIT)
    throw new ConfigurationError(`${seed} cannot be a seed`, { hint: 'Give a whole number from 0 to 2^64-1.' });
  return { seed: BigInt(seed), cpu, memory, translationCache };
}
