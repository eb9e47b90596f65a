import { SHUTDOWN_crash, SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_soft_reset, SHUTDOWN_suspend, SHUTDOWN_watchdog } from '../../spec/xen/sched.ts';
import type { Action, DomainConfig } from './domain-config.ts';
import type { Libxl } from './libxl.ts';
import { ERROR_FAIL, LibxlError } from './libxl-error.ts';

/** What the monitor needs of its surroundings. */
export interface MonitorHost {
  /** Do something in a turn of domain 0. */
  enter<T>(action: () => T): Promise<T>;
  /** Build a domain as a configuration says; it is left paused. Its id. */
  create(config: DomainConfig): Promise<number>;
  log(line: string): void;
  /** Keep a core of a domain; the path where it lies. */
  dumpCore(domid: number, name: string): Promise<string>;
}

/** How a domain's time was over. */
export type DomainEnd = { readonly kind: 'shutdown'; readonly reason: number } | { readonly kind: 'destroyed' };

/** What the configuration says for a SHUTDOWN_* reason. */
export function actionFor(config: DomainConfig, reason: number): Action {
  switch (reason) {
    case SHUTDOWN_poweroff:
      return config.on_poweroff ?? 'destroy';
    case SHUTDOWN_reboot:
      return config.on_reboot ?? 'destroy';
    case SHUTDOWN_crash:
      return config.on_crash ?? 'destroy';
    case SHUTDOWN_watchdog:
      return config.on_watchdog ?? 'destroy';
    case SHUTDOWN_soft_reset:
      return config.on_soft_reset ?? 'destroy';
    case SHUTDOWN_suspend:
      return 'preserve';
    default:
      return 'destroy';
  }
}

/** Does for domains that end what their configuration says: the part of `xl create` that stays behind. */
export class Monitor {
  private readonly libxl: Libxl;
  private readonly host: MonitorHost;
  private readonly watched = new Set<number>();
  private readonly waiting = new Map<number, Set<(end: DomainEnd) => void>>();

  constructor(libxl: Libxl, host: MonitorHost) {
    this.libxl = libxl;
    this.host = host;
  }

  /** Look after a domain from now on. */
  watch(domid: number): void {
    this.watched.add(domid);
  }

  /** Look after it no longer. */
  release(domid: number): void {
    this.watched.delete(domid);
  }

  /** The domain's next end, at the latest its destruction. */
  wait(domid: number, signal?: AbortSignal): Promise<DomainEnd> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(new Error('cancelled'));
      const all = this.waiting.get(domid) ?? new Set();
      this.waiting.set(domid, all);
      all.add(resolve);
      signal?.addEventListener('abort', () => {
        all.delete(resolve);
        reject(new Error('cancelled'));
      });
    });
  }

  private tell(domid: number, end: DomainEnd): void {
    const all = this.waiting.get(domid);
    this.waiting.delete(domid);
    for (const resolve of all ?? []) resolve(end);
  }

  /** The domain is gone. */
  gone(domid: number): void {
    this.watched.delete(domid);
    this.tell(domid, { kind: 'destroyed' });
  }

  /** The domain has shut down; settles when all that follows from it was done. */
  async ended(domid: number, reason: number): Promise<void> {
    const config = this.libxl.config(domid);
    this.host.log(`Domain ${domid} has shut down, reason code ${reason} 0x${reason.toString(16)}`);
    this.tell(domid, { kind: 'shutdown', reason });
    if (config === undefined || !this.watched.has(domid)) return;
    try {
      const action = actionFor(config, reason);
      this.host.log(`Action for shutdown reason code ${reason} is ${action.replaceAll('_', '-')}`);
      await this.act(domid, config, action);
    } catch (error) {
      const lines = error instanceof LibxlError ? error.lines : [error instanceof Error ? error.message : String(error)];
      for (const line of lines) this.host.log(line);
    }
  }

  private async act(domid: number, config: DomainConfig, action: Action): Promise<void> {
    const next = this.libxl.nextConfig(domid) ?? config;
    switch (action) {
      case 'preserve':
        this.watched.delete(domid);
        return;
      case 'rename_restart':
        this.watched.delete(domid);
        await this.host.enter(() => this.setAside(domid, config.c_info.name));
        return await this.startAgain(domid, next);
      case 'coredump_destroy':
      case 'coredump_restart':
        await this.keepCore(domid, config.c_info.name);
        break;
      case 'soft_reset':
        this.host.log(`Domain ${domid}: soft resets cannot be done yet; it is restarted`);
        break;
    }
    await this.host.enter(() => this.libxl.destroy(domid));
    if (action === 'destroy' || action === 'coredump_destroy') this.host.log(`Done. Exiting now`);
    else await this.startAgain(domid, next);
  }

  /** What comes after the core is done whether or not there is one. */
  private async keepCore(domid: number, name: string): Promise<void> {
    try {
      this.host.log(`core of domain ${domid} written to ${await this.host.dumpCore(domid, name)}`);
    } catch (error) {
      for (const line of error instanceof LibxlError ? error.lines : [String(error)]) this.host.log(line);
      this.host.log(`core dump failed (rc=${error instanceof LibxlError ? error.rc : ERROR_FAIL}).`);
    }
  }

  /** Keep a domain under another name, so that its successor can have it. */
  private setAside(domid: number, name: string): void {
    for (let n = 1; ; n++) {
      try {
        this.libxl.rename(domid, `${name}-${n}`);
        return;
      } catch (error) {
        if (!(error instanceof LibxlError) || n === 1000) throw error;
      }
    }
  }

  private async startAgain(before: number, config: DomainConfig): Promise<void> {
    const domid = await this.host.create(config);
    await this.host.enter(() => {
      this.watch(domid);
      this.host.log(`Domain ${domid} was started in place of domain ${before}`);
      this.libxl.unpause(domid);
    });
  }
}
