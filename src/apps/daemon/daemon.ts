import { OperatorError } from '../../base/operator-error.ts';
import { FileStoreError, type FileStoreReason } from '../../base/ports/file-store.ts';
import type { ByteStream } from '../../base/ports/local-socket.ts';
import { HypercallError } from '../../hypervisor/dom0/kernel.ts';
import { Privcmd } from '../../hypervisor/dom0/privcmd.ts';
import { domain as domainStruct } from '../../hypervisor/domain.ts';
import { HEADER, machine_header } from '../../hypervisor/header.ts';
import { SHUTDOWN_crash } from '../../spec/xen/sched.ts';
import type { CoreDumpHost } from '../../toolstack/core-dump/dump-core.ts';
import { type ChannelConfig, consoleOf } from '../../toolstack/libxl/channels.ts';
import { Dom0Programs } from '../../toolstack/libxl/dom0-programs.ts';
import { type DomainConfig, withAbsolutePaths } from '../../toolstack/libxl/domain-config.ts';
import { type Control, type DomainImages, Libxl } from '../../toolstack/libxl/libxl.ts';
import { aboutDomain, ERROR_FAIL, ERROR_INVAL, ERROR_TIMEDOUT, LibxlError, unknownDomain } from '../../toolstack/libxl/libxl-error.ts';
import { Monitor } from '../../toolstack/libxl/monitor.ts';
import { listVcpus, pinVcpu, setVcpusOnline, TRIGGERS, trigger } from '../../toolstack/libxl/vcpus.ts';
import { loadKernel } from '../../toolstack/loader/domain-image.ts';
import { checkInitrd } from '../../toolstack/loader/domain-initrd.ts';
import { debugKeys, hypervisorLog, physinfo } from '../../toolstack/xc/host-info.ts';
import { domainConfigOf } from '../../toolstack/xlcfg/domain-config-of.ts';
import { parseConfig } from '../../toolstack/xlcfg/parse-config.ts';
import type { StoreClient } from '../../xenstore/client.ts';
import { freshMachine } from '../zendo/fresh-machine.ts';
import { MachineThread } from '../zendo/machine-thread.ts';
import type { Counters, DaemonStatus } from './api.ts';
import { buildInTurns } from './build-in-turns.ts';
import { ChannelSocket } from './channel-socket.ts';
import { choiceField, configField, consoleField, domidField, flagField, numbersField, textField, wholeField } from './check-params.ts';
import { ConsoleFiles } from './console-files.ts';
import { rpcViewer, streamViewer } from './console-viewers.ts';
import { Consoles } from './consoles.ts';
import type { DaemonHost } from './daemon-host.ts';
import { hostReport } from './host-report.ts';
import { LineLog } from './line-log.ts';
import type { KeptPlaces } from './places.ts';
import { servePrivcmd } from './privcmd-session.ts';
import { LIBXL_FAILED, OPERATOR_FAILED, RpcError } from './rpc/rpc-error.ts';
import { type Handler, internalError, RpcConnection } from './rpc/rpc-server.ts';
import { writeCore } from './write-core.ts';

/** How long a guest may take to notice a request, in ms. @see tools/libs/light/libxl_internal.h, LIBXL_... timeouts: one minute */
const CONTROL_MS = 60_000;
/** How often the answer to a request is looked for, in ms. */
const CONTROL_LOOK_MS = 50;
/** How long guests may take to shut down when the daemon ends, in ms. */
const SHUTDOWN_MS = 20_000;
/** Longest path, in characters. */
const PATH_MAX = 4096;
/** Input taken from a client at once, in bytes of base64. */
const INPUT_MAX = 1 << 16;
/** CPU numbers in one list. */
const CPUS_MAX = 4096;
const CPU_MODEL = 'AMD x86-64-v2';

export interface DaemonOptions {
  /** Serve connections at a socket for a domain's channel, at the operator's path; the answer ends that. Throws an OperatorError when it cannot be. */
  readonly listenChannel?: (path: string, onConnection: (stream: ByteStream) => void) => Promise<() => void>;
  /** Frames of 4 KiB that the machine has. */
  readonly frames: number;
  /** File in which the running domains are noted, for the case that the daemon is killed. */
  readonly records: string;
  /** Where it keeps what outlives it. */
  readonly kept: KeptPlaces;
  readonly version: string;
  /** The end has begun: no new clients. */
  readonly onStopping: () => void;
  /** Serve connections at a socket for a domain's console: its path, and what ends that. Without it consoles have no sockets. */
  readonly listenConsole?: (domid: number, onConnection: (stream: ByteStream) => void) => { readonly path: string; readonly close: () => void };
}

/** Who waits for a domain to be built. */
interface BuildOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hears of each step: { text }. */
  readonly progress?: ((report: object) => void) | undefined;
}

/** A domain in the records. */
interface LostDomain {
  readonly domid: number;
  readonly name: string;
  readonly uuid: string;
}

/** Name of the daemon's translations: of all domains together, for one CPU model. */
const TRANSLATIONS = `daemon ${CPU_MODEL}`;

/** A machine with its domain 0, and everybody who talks to it. */
export class Daemon {
  private readonly host: DaemonHost;
  private readonly options: DaemonOptions;
  private readonly machine: MachineThread;
  private readonly programs: Dom0Programs;
  private readonly privcmd: Privcmd;
  private readonly consoles = new Consoles();
  private readonly consoleFiles: ConsoleFiles;
  private readonly guestLines: LineLog;
  private readonly started: number;
  /** What ends the socket of each console. */
  private readonly consoleSockets = new Map<number, () => void>();
  /** What ends the sockets of each domain's channels. */
  private readonly channelSockets = new Map<number, (() => void)[]>();
  private libxlMade: Libxl | undefined;
  private monitorMade: Monitor | undefined;
  private storeClient: StoreClient | undefined;
  private handlers: ReadonlyMap<string, Handler> = new Map();
  private stopping: Promise<void> | undefined;
  /** Aborted when guests are waited for no longer. */
  private readonly giveUp = new AbortController();
  private recorded: Promise<void> = Promise.resolve();
  private settleStopped: () => void = () => {};
  /** Settles when the daemon was stopped in an orderly way; rejects when its machine died. */
  readonly ended: Promise<void>;

  private constructor(host: DaemonHost, options: DaemonOptions, core: Uint8Array<ArrayBuffer>) {
    this.host = host;
    this.options = options;
    this.started = host.wall();
    this.guestLines = new LineLog(host.log, host.wall);
    this.consoleFiles = new ConsoleFiles(host.files, options.kept.consoles, host.log);
    this.machine = new MachineThread({
      workers: host.workers,
      ownsProcess: true,
      core,
      cpuModel: CPU_MODEL,
      trace: [],
      fresh: freshMachine({ frames: options.frames, seed: undefined, wall: this.started }),
      onConsole: (domid, bytes) => this.guestLines.write(domid, bytes),
      onLog: (line) => host.log(line),
      translations: host.translations && {
        stored: host.translations.place(TRANSLATIONS),
        keep: (file) => host.translations?.write(TRANSLATIONS, file) ?? Promise.resolve(),
      },
    });
    this.programs = new Dom0Programs(this.machine.kernel, () => void this.machine.door.enter(() => {}).catch(() => {}));
    this.privcmd = new Privcmd(this.machine.kernel);
    const stopped = new Promise<void>((resolve) => {
      this.settleStopped = resolve;
    });
    const died = this.machine.ended.then(() => {
      if (this.stopping === undefined) throw new Error('the processor thread of the machine ended');
    });
    this.ended = Promise.race([stopped, died.then(() => stopped)]);
    this.machine.open(() => this.programs.work());
  }

  /** Start the machine and domain 0's programs. */
  static async start(host: DaemonHost, options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(host, options, await host.core());
    await daemon.makeToolstack();
    return daemon;
  }

  private async makeToolstack(): Promise<void> {
    const { machine, programs, consoles, host } = this;
    const libxl = await machine.door.enter(
      () =>
        new Libxl(programs, () => host.wall() * 1000, {
          made: () => this.record(),
          console: (domid, bytes, number) => {
            consoles.output(domid, bytes, number);
            this.consoleFiles.output(domid, number, bytes, () => this.libxl.nameOf(domid) ?? String(domid));
          },
          tty: (domid) => this.openConsole(domid),
          ended: (domid, reason) => void this.monitor.ended(domid, reason),
          gone: (domid) => {
            this.record();
            this.guestLines.end(domid);
            consoles.end(domid);
            this.closeConsole(domid);
            for (const close of this.channelSockets.get(domid) ?? []) close();
            this.channelSockets.delete(domid);
            this.consoleFiles.end(domid);
            this.monitor.gone(domid);
          },
        }),
    );
    this.libxlMade = libxl;
    this.monitorMade = new Monitor(libxl, {
      enter: (action) => machine.door.enter(action),
      create: (config) => this.build(config),
      log: (line) => host.log(line),
      dumpCore: async (domid, name) => {
        const path = `${this.options.kept.dumps}/${fileNameOf(name)}`;
        await host.files.makeDirectory(this.options.kept.dumps);
        await this.writeCore(domid, path);
        return path;
      },
    });
    this.storeClient = programs.store.connect(0, 'counters');
    this.handlers = this.makeHandlers();
    await this.reportLost();
  }

  /** Note which domains there are. Inside a turn. */
  private record(): void {
    const now: LostDomain[] = this.libxl
      .list()
      .filter(({ domid }) => domid !== 0)
      .map(({ domid, name, uuid }) => ({ domid, name, uuid }));
    const bytes = new TextEncoder().encode(JSON.stringify(now));
    this.recorded = this.recorded.then(() => this.host.files.write(this.options.records, bytes)).catch((error) => this.host.log(String(error)));
  }

  /** Say which domains were lost with a daemon that was killed, and forget them. */
  private async reportLost(): Promise<void> {
    let lost: LostDomain[] = [];
    try {
      lost = JSON.parse(new TextDecoder().decode(await this.host.files.read(this.options.records))) as LostDomain[];
    } catch {
      // there are none, or the file was cut off with the daemon
    }
    for (const { domid, name, uuid } of lost) this.host.log(`Domain ${domid} ("${name}", ${uuid}) was lost: the daemon that ran it was killed`);
    await this.host.files.remove(this.options.records);
  }

  private get libxl(): Libxl {
    if (this.libxlMade === undefined) throw new Error('the toolstack is not there yet');
    return this.libxlMade;
  }

  private get monitor(): Monitor {
    if (this.monitorMade === undefined) throw new Error('the monitor is not there yet');
    return this.monitorMade;
  }

  /** Serve a client of the toolstack. */
  serve(stream: ByteStream): void {
    new RpcConnection(stream, this.handlers, explain);
  }

  /** Serve a client of xenstored with domain 0's rights. */
  serveStore(stream: ByteStream): void {
    const { door } = this.machine;
    const end = this.programs.store.open({ send: (bytes) => stream.send(bytes), ready: () => stream.resume(), close: () => stream.close() });
    // a client that asks for more than it reads waits with its requests
    stream.onData((bytes) => {
      stream.pause();
      door
        .enter(() => {
          if (end.receive(bytes)) stream.resume();
        })
        .catch(() => {});
    });
    stream.onDrain(() => void door.enter(() => end.drained()).catch(() => {}));
    stream.onClose(() => void door.enter(() => end.close()).catch(() => {}));
  }

  /** Serve a process that is a program of domain 0. */
  servePrivcmd(stream: ByteStream): void {
    const { door, kernel } = this.machine;
    servePrivcmd(stream, kernel, this.privcmd, (action) => door.enter(action));
  }

  /** Serve a domain's console at a socket of its own; the socket's path. Inside a turn. */
  private openConsole(domid: number): string | undefined {
    const { door } = this.machine;
    const listening = this.options.listenConsole?.(domid, (stream) => {
      this.consoles.open(domid, 0, streamViewer(stream));
      stream.onData((bytes) => void door.enter(() => this.programs.type(domid, bytes)).catch(() => {}));
    });
    this.closeConsole(domid);
    if (listening !== undefined) this.consoleSockets.set(domid, listening.close);
    return listening?.path;
  }

  private closeConsole(domid: number): void {
    this.consoleSockets.get(domid)?.();
    this.consoleSockets.delete(domid);
  }

  /** Wait for the guests no longer: whoever has not shut down is destroyed. */
  hurry(): void {
    this.giveUp.abort();
  }

  /** Shut down the guests, then the machine. */
  stop(): Promise<void> {
    if (this.stopping === undefined) {
      this.options.onStopping();
      this.stopping = this.shutDownAll();
    }
    return this.stopping;
  }

  private async shutDownAll(): Promise<void> {
    const { door } = this.machine;
    const running = await door.enter(() => {
      const alive = this.libxl.list().filter(({ domid, shutdown, dying, paused }) => domid !== 0 && !shutdown && !dying && !paused);
      for (const { domid } of alive) {
        this.monitor.release(domid);
        this.libxl.control(domid, 'poweroff');
      }
      return alive;
    });
    const { giveUp } = this;
    const cancel = this.host.after(SHUTDOWN_MS, () => giveUp.abort());
    await Promise.all(
      running.map(({ domid }) => this.monitor.wait(domid, giveUp.signal).catch(() => this.host.log(`Domain ${domid} does not shut down: destroyed`))),
    );
    cancel();
    await door.enter(() => {
      for (const { domid, dying } of this.libxl.list()) if (domid !== 0 && !dying) this.libxl.destroy(domid);
    });
    await this.machine.stop();
    await this.consoleFiles.closed();
    await this.recorded;
    await this.host.files.remove(this.options.records);
    this.settleStopped();
  }

  private async load(config: DomainConfig, progress?: (report: object) => void): Promise<DomainImages> {
    const { kernel, ramdisk } = config.b_info;
    if (kernel === undefined) throw new LibxlError(ERROR_FAIL, ['libxl: error: no kernel is given']);
    const read = async (what: 'kernel' | 'ramdisk', path: string): Promise<Uint8Array> => {
      const refuse = (action: string, failure: string, cause?: unknown): LibxlError =>
        new LibxlError(
          ERROR_FAIL,
          [
            `xc: error: panic: failed to ${action} file '${path}': ${failure}: Internal error`,
            `libxl: error: xc_dom_${what}_file failed: ${failure}`,
            `libxl: error: cannot (re-)build domain: ${ERROR_FAIL}`,
          ],
          { cause },
        );
      const { files } = this.host;
      try {
        // a pipe or a device may keep its reader for ever
        if ((await files.info(path))?.kind === 'other') throw refuse('seek on', 'Illegal seek');
        return await files.read(path);
      } catch (error) {
        if (!(error instanceof FileStoreError)) throw error;
        throw refuse(error.reason === 'is a directory' ? 'read' : 'open', FAILURES[error.reason] ?? error.message, error);
      }
    };
    const bytes = await read('kernel', kernel);
    progress?.({ text: `kernel: ${bytes.length >>> 10} KiB of ${kernel}` });
    const image = loadKernel(bytes, kernel);
    progress?.({ text: 'kernel: unpacked and checked' });
    return { kernel: image, initrd: ramdisk === undefined ? undefined : checkInitrd(await read('ramdisk', ramdisk), ramdisk) };
  }

  // ---- methods -------------------------------------------------------------------------------------------------

  private makeHandlers(): ReadonlyMap<string, Handler> {
    const { libxl, consoles, machine, programs } = this;
    const { xc } = programs;
    const inTurn =
      (action: (params: unknown) => unknown): Handler =>
      (params) =>
        machine.door.enter(() => action(params));
    const handlers: Record<string, Handler> = {
      status: inTurn(() => this.status()),
      stop: () => this.stop(),
      list: inTurn(() => libxl.list()),
      vcpus: inTurn(() => listVcpus(libxl)),
      config: inTurn((params) => ({ config: libxl.config(domidField(params)) ?? null })),
      configUpdate: inTurn((params) => libxl.updateConfig(domidField(params), configField(params))),
      create: (params, { signal, progress }) => this.create(configField(params), flagField(params, 'monitor'), { signal, progress }),
      pause: inTurn((params) => libxl.pause(domidField(params))),
      unpause: inTurn((params) => libxl.unpause(domidField(params))),
      destroy: inTurn((params) => libxl.destroy(domidField(params))),
      rename: inTurn((params) => libxl.rename(domidField(params), textField(params, 'name', 256))),
      control: (params, { signal }) => this.control(domidField(params), choiceField(params, 'what', ['poweroff', 'reboot', 'suspend']), signal),
      sysrq: inTurn((params) => libxl.sysrq(domidField(params), textField(params, 'key', 1))),
      wait: (params, { signal }) => this.wait(domidField(params), signal),
      memoryTarget: inTurn((params) => libxl.setMemoryTarget(domidField(params), wholeField(params, 'kib'))),
      memoryMax: inTurn((params) => libxl.setMaxMemory(domidField(params), wholeField(params, 'kib'))),
      pinVcpu: inTurn((params) =>
        pinVcpu(libxl, domidField(params), wholeField(params, 'vcpu', 0x7fff), {
          hard: numbersField(params, 'hard', CPUS_MAX),
          soft: numbersField(params, 'soft', CPUS_MAX),
          force: flagField(params, 'force'),
        }),
      ),
      vcpusOnline: inTurn((params) => setVcpusOnline(libxl, domidField(params), wholeField(params, 'count'))),
      trigger: inTurn((params) => trigger(libxl, domidField(params), choiceField(params, 'what', TRIGGERS), wholeField(params, 'vcpu', 0x7fff))),
      dumpCore: (params, { signal, progress }) =>
        this.writeCore(domidField(params), textField(params, 'path', PATH_MAX), { signal, progress: (done, total) => progress({ done, total }) }),
      hostInfo: inTurn(() => hostReport(xc)),
      hypervisorLog: inTurn((params) => ({ text: new TextDecoder().decode(hypervisorLog(xc, flagField(params, 'clear'))) })),
      debugKeys: inTurn((params) => debugKeys(xc, textField(params, 'keys', 127))),
      consoleOpen: (params, { connection }) =>
        machine.door.enter(() => {
          const domid = domidField(params);
          const number = consoleField(params);
          if (xc.info(domid) === undefined) throw unknownDomain(domid);
          if (number > 0 && !libxl.channels.has(domid, number)) {
            throw new LibxlError(ERROR_INVAL, ['xenconsole: Could not read tty from store: No such file or directory']);
          }
          consoles.open(domid, number, rpcViewer(connection, domid, number));
        }),
      consoleInput: inTurn((params) => void programs.type(domidField(params), fromBase64(textField(params, 'base64', INPUT_MAX)), consoleField(params))),
      channels: inTurn((params) => libxl.channels.list(domidField(params))),
    };
    return new Map(Object.entries(handlers));
  }

  private async create(config: DomainConfig, monitored: boolean, { signal, progress }: BuildOptions = {}): Promise<{ domid: number }> {
    const domid = await this.build(config, { signal, progress });
    if (monitored) this.monitor.watch(domid);
    // whoever has its answer finds the domain among the lost, should the daemon be killed
    await this.recorded;
    return { domid };
  }

  /** Build a domain, a turn for each step. When it is cancelled, nothing of the domain is left. */
  private async build(config: DomainConfig, { signal, progress }: BuildOptions = {}): Promise<number> {
    const { door } = this.machine;
    const images = await this.load(config, progress);
    const domid = await buildInTurns(await door.enter(() => this.libxl.createSteps(config, images)), {
      enter: (action) => door.enter(action),
      unwanted: () => signal?.aborted === true || this.stopping !== undefined,
      heard: async () => {
        if (signal !== undefined) await new Promise<void>((resolve) => this.host.after(0, resolve));
      },
      destroy: (domid) => this.libxl.destroy(domid),
      progress,
    });
    await this.openChannels(domid, config.channels ?? []);
    return domid;
  }

  /** Serve a new domain's channels that are to be sockets; when one cannot be, the domain is destroyed. Throws LibxlError. */
  private async openChannels(domid: number, channels: readonly ChannelConfig[]): Promise<void> {
    const { door } = this.machine;
    for (const channel of channels) {
      const path = channel['connection.socket']?.path;
      if (path === undefined || this.options.listenChannel === undefined) continue;
      const number = consoleOf(channel);
      const socket = new ChannelSocket({
        type: (bytes) => door.enter(() => this.programs.type(domid, bytes, number)),
        after: (milliseconds, callback) => void this.host.after(milliseconds, callback),
      });
      try {
        const close = await this.options.listenChannel(path, (stream) => socket.accept(stream));
        // (somebody may have destroyed it meanwhile)
        if (await door.enter(() => this.libxl.channels.has(domid, number))) {
          this.channelSockets.set(domid, [...(this.channelSockets.get(domid) ?? []), close]);
          this.consoles.open(domid, number, socket);
        } else close();
      } catch (error) {
        await door.enter(() => this.libxl.destroy(domid));
        if (!(error instanceof OperatorError)) throw error;
        throw new LibxlError(ERROR_FAIL, [aboutDomain(domid, `channel ${channel.devid}: ${error.shortMessage}`)], { cause: error });
      }
    }
  }

  /** Start the domains whose configurations are in the directory for that, in the order of the files' names. */
  async autostart(): Promise<void> {
    const { files, log } = this.host;
    const { auto } = this.options.kept;
    const names = (await files.list(auto).catch(() => [])).filter((name) => name.endsWith('.cfg'));
    for (const name of names) {
      if (this.stopping !== undefined) return;
      const path = `${auto}/${name}`;
      try {
        const { domid } = await this.create(await this.configAt(path), true);
        await this.machine.door.enter(() => this.libxl.unpause(domid));
        log(`Domain ${domid} was started: ${path}`);
      } catch (error) {
        log(`${path}: the domain is not started`);
        for (const line of error instanceof LibxlError ? error.lines : [error instanceof Error ? error.message : String(error)]) log(line);
      }
    }
  }

  /** The configuration in a file; relative paths in it are the file's neighbours. */
  private async configAt(path: string): Promise<DomainConfig> {
    const text = new TextDecoder('latin1').decode(await this.host.files.read(path));
    const { settings, errors } = parseConfig(text.endsWith('\n') ? text : `${text}\n`, path);
    if (errors.length > 0) throw new LibxlError(ERROR_INVAL, errors);
    const { config, warnings } = domainConfigOf(settings, path, this.host.uuid);
    for (const warning of warnings) this.host.log(warning);
    return withAbsolutePaths(config, (file) => (file.startsWith('/') ? file : `${this.options.kept.auto}/${file}`));
  }

  private async writeCore(domid: number, path: string, { signal, progress }: Pick<CoreDumpHost, 'signal' | 'progress'> = {}): Promise<void> {
    await writeCore(this.host.files, this.programs.xc, domid, path, {
      enter: (action) => this.machine.door.enter(action),
      ...(signal === undefined ? {} : { signal }),
      ...(progress === undefined ? {} : { progress }),
    });
  }

  private async control(domid: number, what: Control, signal: AbortSignal): Promise<void> {
    const { door } = this.machine;
    await door.enter(() => this.libxl.control(domid, what));
    for (let waited = 0; !(await door.enter(() => this.libxl.acknowledged(domid))); waited += CONTROL_LOOK_MS) {
      if (waited >= CONTROL_MS || signal.aborted) {
        await door.enter(() => this.libxl.withdraw(domid));
        throw new LibxlError(ERROR_TIMEDOUT, [aboutDomain(domid, `guest didn't acknowledge control request: ${ERROR_TIMEDOUT}`)]);
      }
      await new Promise<void>((resolve) => this.host.after(CONTROL_LOOK_MS, resolve));
    }
  }

  private wait(domid: number, signal: AbortSignal) {
    return this.machine.door
      .enter(() => {
        const found = this.libxl.list().find((each) => each.domid === domid);
        if (found === undefined) return { kind: 'destroyed' } as const;
        if (found.shutdown) return { kind: 'shutdown', reason: found.reason ?? SHUTDOWN_crash } as const;
        return { pending: this.monitor.wait(domid, signal) };
      })
      .then((answer) => ('pending' in answer ? answer.pending : answer));
  }

  private status(): DaemonStatus {
    return {
      pid: this.host.pid,
      version: this.options.version,
      startTime: this.started / 1000,
      domains: this.libxl.list().length,
      counters: this.counters(),
    };
  }

  private counters(): Counters {
    const { memories } = this.machine;
    const header = machine_header.at(memories.stateView, HEADER);
    const count = (path: string): number =>
      (this.storeClient?.directoryIfThere(path) ?? []).reduce((sum, name) => sum + 1 + count(path === '/' ? `/${name}` : `${path}/${name}`), 0);
    return {
      freeFrames: physinfo(this.programs.xc).free_pages,
      heapBytes: header.heap_used,
      eventChannels: domainStruct.at(memories.stateView, header.domains).active_evtchns,
      storeNodes: count('/'),
      openFiles: this.host.openFiles(),
    };
  }
}

/** Why a file cannot be read, in the words of a C library. */
const FAILURES: Readonly<Partial<Record<FileStoreReason, string>>> = {
  'not found': 'No such file or directory',
  'permission denied': 'Permission denied',
  'is a directory': 'Is a directory',
};

/** A domain's name as part of a file's. */
const fileNameOf = (name: string): string => name.replaceAll(/[^\w.+@-]/g, '_').replace(/^\./, '_');

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return new Uint8Array(0);
  }
}

/** What a client is told of an error. */
function explain(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof LibxlError) return new RpcError(LIBXL_FAILED, error.message, { rc: error.rc, lines: error.lines });
  if (error instanceof OperatorError) return new RpcError(OPERATOR_FAILED, error.shortMessage, { details: error.details, hint: error.hint });
  if (error instanceof HypercallError) return new RpcError(LIBXL_FAILED, error.message, { rc: ERROR_FAIL, lines: [`libxl: error: ${error.message}`] });
  return internalError(error);
}
