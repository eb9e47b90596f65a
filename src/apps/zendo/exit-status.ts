import { SHUTDOWN_crash, SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_suspend, SHUTDOWN_watchdog } from '../../spec/xen/sched.ts';

/** Exit statuses of `zendo boot` and `zendo resume`. */
export const EXIT_POWERED_OFF = 0;
export const EXIT_OPERATOR_ERROR = 1;
export const EXIT_CRASHED = 2;
export const EXIT_REBOOT = 3;
export const EXIT_TIMEOUT = 124;

/** Exit status for a SHUTDOWN_* reason. */
export function statusOfShutdown(reason: number): number {
  if (reason === SHUTDOWN_reboot) return EXIT_REBOOT;
  if (reason === SHUTDOWN_crash || reason === SHUTDOWN_watchdog) return EXIT_CRASHED;
  return EXIT_POWERED_OFF;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [SHUTDOWN_poweroff, 'poweroff'],
  [SHUTDOWN_reboot, 'reboot'],
  [SHUTDOWN_suspend, 'suspend'],
  [SHUTDOWN_crash, 'crash'],
  [SHUTDOWN_watchdog, 'watchdog'],
]);

export const shutdownName = (reason: number): string => NAMES.get(reason) ?? `reason ${reason}`;

/** The command line was answered already (help, version, or a usage error that was printed). */
export class CommandEnded extends Error {
  readonly status: number;
  constructor(status: number) {
    super('the command line was answered');
    this.status = status;
  }
}
