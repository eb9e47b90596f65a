import * as D from '../../spec/xen/domctl.ts';
import type { DomainInfo } from '../xc/xc.ts';
import { uuidText } from './start-domain.ts';

/** A domain as `xl list` shows it. */
export interface DomainSummary {
  readonly domid: number;
  /** Empty when xenstore has no name for it. */
  readonly name: string;
  readonly uuid: string;
  /** KiB it holds or has claimed, of these the part that is only claimed, and what it may hold at most. */
  readonly memoryKib: number;
  readonly outstandingKib: number;
  readonly maxKib: number;
  readonly vcpusOnline: number;
  readonly running: boolean;
  readonly blocked: boolean;
  readonly paused: boolean;
  readonly shutdown: boolean;
  readonly dying: boolean;
  /** SHUTDOWN_*, when it has shut down. */
  readonly reason?: number;
  /** Nanoseconds that its vCPUs ran. */
  readonly cpuTime: number;
  /** Wall clock at its creation, seconds since 1970; 0 when not known. */
  readonly startTime: number;
}

export function summarize(info: DomainInfo, name: string, startTime: number): DomainSummary {
  const flag = (bit: number): boolean => (info.flags & bit) !== 0;
  const shutdown = flag(D.XEN_DOMINF_shutdown);
  return {
    domid: info.domain,
    name,
    uuid: uuidText(Uint8Array.from(info.handle)),
    memoryKib: (info.tot_pages + info.outstanding_pages) * 4,
    outstandingKib: info.outstanding_pages * 4,
    maxKib: info.max_pages * 4,
    vcpusOnline: info.nr_online_vcpus,
    running: flag(D.XEN_DOMINF_running),
    blocked: flag(D.XEN_DOMINF_blocked),
    paused: flag(D.XEN_DOMINF_paused),
    shutdown,
    dying: flag(D.XEN_DOMINF_dying),
    ...(shutdown ? { reason: (info.flags >>> D.XEN_DOMINF_shutdownshift) & D.XEN_DOMINF_shutdownmask } : {}),
    cpuTime: info.cpu_time,
    startTime,
  };
}
