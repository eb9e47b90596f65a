import type { ChannelSummary } from '../../toolstack/libxl/channels.ts';
import type { DomainConfig } from '../../toolstack/libxl/domain-config.ts';
import type { DomainSummary } from '../../toolstack/libxl/domain-summary.ts';
import type { Control } from '../../toolstack/libxl/libxl.ts';
import type { DomainEnd } from '../../toolstack/libxl/monitor.ts';
import type { Trigger, VcpuSummary } from '../../toolstack/libxl/vcpus.ts';
import type { HostInfo } from './host-report.ts';

type Method<Params, Result> = { readonly params: Params; readonly result: Result };
type OfDomain = { readonly domid: number };
/** `number`: 0, the first one, when absent. */
type OfConsole = OfDomain & { readonly number?: number };

/** Things that a forgetful toolstack would leak. */
export interface Counters {
  readonly freeFrames: number;
  /** Bytes of the hypervisor's heap in use. */
  readonly heapBytes: number;
  /** Domain 0's event channels. */
  readonly eventChannels: number;
  readonly storeNodes: number;
  /** Open files of the daemon; -1 where the host does not tell. */
  readonly openFiles: number;
}

export interface DaemonStatus {
  readonly pid: number;
  readonly version: string;
  /** Seconds since 1970. */
  readonly startTime: number;
  readonly domains: number;
  readonly counters: Counters;
}

/** The daemon's methods. */
export type DaemonApi = {
  status: Method<Record<string, never>, DaemonStatus>;
  /** Shut the guests down (those that do not answer in time are destroyed), then end. */
  stop: Method<Record<string, never>, null>;
  list: Method<Record<string, never>, DomainSummary[]>;
  vcpus: Method<Record<string, never>, VcpuSummary[]>;
  /** Undefined where the domain was not made by this daemon. */
  config: Method<OfDomain, { readonly config: DomainConfig | null }>;
  configUpdate: Method<OfDomain & { readonly config: DomainConfig }, null>;
  /** Progress: { text }, a sentence for each step. `monitor`: carry out on_poweroff, on_reboot, ... when it ends. */
  create: Method<{ readonly config: DomainConfig; readonly monitor: boolean }, OfDomain>;
  pause: Method<OfDomain, null>;
  unpause: Method<OfDomain, null>;
  destroy: Method<OfDomain, null>;
  rename: Method<OfDomain & { readonly name: string }, null>;
  /** Answers when the guest has taken notice; it may take a minute to fail. */
  control: Method<OfDomain & { readonly what: Control }, null>;
  sysrq: Method<OfDomain & { readonly key: string }, null>;
  /** Answers when the domain shuts down or is gone. */
  wait: Method<OfDomain, DomainEnd>;
  memoryTarget: Method<OfDomain & { readonly kib: number }, null>;
  memoryMax: Method<OfDomain & { readonly kib: number }, null>;
  /** Numbers of pCPUs; null leaves what is. The answer is lines of warning. */
  pinVcpu: Method<
    OfDomain & { readonly vcpu: number; readonly hard: readonly number[] | null; readonly soft: readonly number[] | null; readonly force: boolean },
    string[]
  >;
  vcpusOnline: Method<OfDomain & { readonly count: number }, null>;
  trigger: Method<OfDomain & { readonly what: Trigger; readonly vcpu: number }, null>;
  /** `path` is absolute. Progress: { done, total } in bytes. */
  dumpCore: Method<OfDomain & { readonly path: string }, null>;
  hostInfo: Method<Record<string, never>, HostInfo>;
  hypervisorLog: Method<{ readonly clear: boolean }, { readonly text: string }>;
  debugKeys: Method<{ readonly keys: string }, null>;
  /** What was kept of the console's output comes as the first notification `console`. */
  consoleOpen: Method<OfConsole, null>;
  consoleInput: Method<OfConsole & { readonly base64: string }, null>;
  channels: Method<OfDomain, ChannelSummary[]>;
};

/** Notifications to a client that has opened a console. */
export interface ConsoleOutput {
  readonly domid: number;
  readonly number: number;
  readonly base64: string;
}
export interface ConsoleEnd {
  readonly domid: number;
}
