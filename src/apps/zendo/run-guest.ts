import type { SymbolTable } from '../../toolstack/loader/elf/symbol-table.ts';
import { describeCrash } from './crash-report.ts';
import type { Debugger } from './debugger.ts';
import { EXIT_CRASHED, EXIT_TIMEOUT, shutdownName, statusOfShutdown } from './exit-status.ts';
import type { CommandHost } from './host.ts';
import type { MachineReport, MachineThread } from './machine-thread.ts';
import type { Session } from './session.ts';

/** Ctrl-] leaves, as in `xl console`. */
const LEAVE = 0x1d;

export interface RunOptions {
  /** Seconds of host time; 0 = no limit. */
  readonly timeout: number;
  /** Pass keys as they are typed (a terminal), and watch for Ctrl-]. */
  readonly interactive: boolean;
  readonly symbols: () => SymbolTable | undefined;
  readonly debugger?: Debugger | undefined;
}

/** How a run ended. */
export interface RunEnd {
  readonly status: number;
  readonly why: 'shutdown' | 'timeout' | 'left';
  readonly reason?: string;
  readonly report: MachineReport;
}

/** What ends a run. */
type Ending = { readonly kind: 'shutdown'; readonly reason: number } | { readonly kind: 'timeout' } | { readonly kind: 'left' };

/**
 * Connect the operator with a running guest until it ends, the time is up, or the operator leaves. `beforeStop` runs in
 * a last turn of domain 0 (snapshots are taken there).
 */
export async function runGuest(
  machine: MachineThread,
  session: Session,
  host: CommandHost,
  options: RunOptions,
  beforeStop: (ending: Ending['kind']) => void = () => {},
): Promise<RunEnd> {
  const { door } = machine;
  const cleanUps: (() => void)[] = [];
  const endings: Promise<Ending>[] = [session.shutdown.then((reason) => ({ kind: 'shutdown', reason }) as const)];
  endings.push(session.left.then(() => ({ kind: 'left' }) as const));
  if (options.timeout > 0) {
    endings.push(new Promise((resolve) => cleanUps.push(host.after(options.timeout * 1000, () => resolve({ kind: 'timeout' })))));
  }
  endings.push(
    new Promise((resolve) => {
      const leave = (): void => resolve({ kind: 'left' });
      if (!options.interactive) cleanUps.push(host.onInterrupt(leave));
      cleanUps.push(
        host.terminal.onInput((bytes) => {
          const at = options.interactive ? bytes.indexOf(LEAVE) : -1;
          const typed = at < 0 ? bytes : bytes.subarray(0, at);
          if (typed.length > 0) door.enter(() => session.type(typed)).catch(() => {});
          if (at >= 0) leave();
        }),
      );
    }),
  );
  if (options.interactive) {
    host.terminal.setRaw(true);
    cleanUps.push(() => host.terminal.setRaw(false));
  }
  // When the thread dies, its error is the end.
  const died = machine.ended.then(() => ({ kind: 'left' }) as const);
  let ending: Ending;
  let crash: string[] | undefined;
  try {
    ending = await Promise.race([...endings, died]);
    const crashed = ending.kind === 'shutdown' && statusOfShutdown(ending.reason) === EXIT_CRASHED;
    if (crashed && options.debugger !== undefined) await Promise.race([options.debugger.crashed(), ...endings.slice(1), died]);
    await door.enter(() => {
      if (crashed) {
        const view = session.view();
        crash = describeCrash(session.records(), view, options.symbols());
        view.close();
      }
      options.debugger?.finish(ending.kind === 'shutdown' ? statusOfShutdown(ending.reason) : 0);
      beforeStop(ending.kind);
    });
  } finally {
    for (const cleanUp of cleanUps) cleanUp();
  }
  const report = await machine.stop();
  if (crash !== undefined && ending.kind === 'shutdown') {
    host.message('zendo: the guest crashed');
    host.message(`reason: ${machine.crashes.get(session.guest.domid) ?? `it stopped itself, saying ${shutdownName(ending.reason)}`}`);
    for (const line of crash) host.message(line);
  }
  // the cursor stands where the guest left it
  if (options.interactive) host.message('');
  if (ending.kind === 'timeout') host.message(`zendo: the time is up (${options.timeout} s), the guest was still running`);
  else if (options.interactive) host.message(ending.kind === 'left' ? 'zendo: left the guest' : `zendo: the guest ended: ${shutdownName(ending.reason)}`);
  if (ending.kind === 'shutdown') return { status: statusOfShutdown(ending.reason), why: 'shutdown', reason: shutdownName(ending.reason), report };
  return { status: ending.kind === 'timeout' ? EXIT_TIMEOUT : 0, why: ending.kind, report };
}
