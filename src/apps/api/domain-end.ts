import { SHUTDOWN_crash, SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_soft_reset, SHUTDOWN_suspend, SHUTDOWN_watchdog } from '../../spec/xen/sched.ts';
import type { Registers } from './registers.ts';

/** Why a domain ended: the guest's SHUTDOWN_* reason, or `destroyed` when it was taken away. */
export type EndReason = 'poweroff' | 'reboot' | 'suspend' | 'crash' | 'watchdog' | 'soft_reset' | 'destroyed' | 'unknown';

/** A vCPU of a guest that crashed. */
export interface CrashedVcpu {
  readonly vcpu: number;
  readonly registers: Registers;
  /** Where it was and where it came from, with names where the kernel has symbols. */
  readonly backtrace: readonly string[];
}

/** What is known of a crash. */
export interface Crash {
  /** One sentence: what the hypervisor stopped the guest for, or that it gave itself up. */
  readonly reason: string;
  readonly vcpus: readonly CrashedVcpu[];
  /** Reason, registers and backtraces as lines for people. */
  readonly report: string;
}

/** How a domain's time was over. */
export interface DomainEnd {
  readonly reason: EndReason;
  /** The number the guest gave (SHUTDOWN_*), undefined when it was destroyed. */
  readonly code?: number;
  /** Only for `crash`. */
  readonly crash?: Crash;
}

const REASONS: ReadonlyMap<number, EndReason> = new Map([
  [SHUTDOWN_poweroff, 'poweroff'],
  [SHUTDOWN_reboot, 'reboot'],
  [SHUTDOWN_suspend, 'suspend'],
  [SHUTDOWN_crash, 'crash'],
  [SHUTDOWN_watchdog, 'watchdog'],
  [SHUTDOWN_soft_reset, 'soft_reset'],
]);

/** @internal Xen's number by its name. */
export const reasonOf = (code: number): EndReason => REASONS.get(code) ?? 'unknown';

/** @internal "it crashed (triple fault)", for messages. */
export function describeEnd({ reason, code, crash }: DomainEnd): string {
  switch (reason) {
    case 'poweroff':
      return 'it powered off';
    case 'reboot':
      return 'it asked for a reboot';
    case 'suspend':
      return 'it suspended itself';
    case 'crash':
      return `it crashed: ${crash?.reason ?? 'no more is known'}`;
    case 'watchdog':
      return 'its watchdog expired';
    case 'soft_reset':
      return 'it asked for a soft reset';
    case 'destroyed':
      return 'it was destroyed';
    default:
      return `it shut down for reason ${code}`;
  }
}
