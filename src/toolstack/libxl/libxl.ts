import { OperatorError } from '../../base/operator-error.ts';
import { type Dom0Kernel, HypercallError } from '../../hypervisor/dom0/kernel.ts';
import {
  XEN_DOMCTL_SCHEDOP_getinfo,
  XEN_DOMCTL_scheduler_op,
  XEN_DOMINF_dying,
  XEN_DOMINF_shutdown,
  XEN_DOMINF_shutdownmask,
  XEN_DOMINF_shutdownshift,
  XEN_SCHEDULER_CREDIT2,
  xen_domctl_scheduler_op,
} from '../../spec/xen/domctl.ts';
import { ENOMEM } from '../../spec/xen/errno.ts';
import { VIRQ_DOM_EXC } from '../../spec/xen/xen.ts';
import type { StoreClient } from '../../xenstore/client.ts';
import { removeDomainNodes, writeDomain0Nodes } from '../../xenstore/domain-nodes.ts';
import { domainPath } from '../../xenstore/tree/path.ts';
import type { KernelImage } from '../loader/domain-image.ts';
import { domainList, schedulerId } from '../xc/host-info.ts';
import type { Xc } from '../xc/xc.ts';
import { Channels } from './channels.ts';
import type { Dom0Programs, HeldRing } from './dom0-programs.ts';
import { type DomainConfig, storedConfig } from './domain-config.ts';
import { type DomainSummary, summarize } from './domain-summary.ts';
import { aboutDomain, ERROR_FAIL, ERROR_INVAL, hypercalls, LibxlError, unknownDomain } from './libxl-error.ts';
import { SCHEDULERS } from './schedulers.ts';
import { pvhStartSteps, runSteps, type StartedDomain, uuidText } from './start-domain.ts';
import { Xenconsoled } from './xenconsoled.ts';

/** Images of a domain, read and checked. */
export interface DomainImages {
  readonly kernel: KernelImage;
  readonly initrd?: Uint8Array | undefined;
}

/** Whom libxl tells of its domains. All are called inside turns. */
export interface LibxlListener {
  /** It was built, and waits paused. */
  made(domid: number): void;
  /** Bytes a domain wrote to its console. */
  console(domid: number, bytes: Uint8Array, number: number): void;
  /** It has shut down, for a SHUTDOWN_* reason. Called once. */
  ended(domid: number, reason: number): void;
  /** It is gone. */
  gone(domid: number): void;
  /** Where its console can be had by other programs, for xenstore; it is asked once. */
  tty?(domid: number): string | undefined;
}

/** What a guest is asked through its control node. */
export type Control = 'poweroff' | 'reboot' | 'suspend';

interface Kept {
  config: DomainConfig;
  /** What `xl config-update` gave, for the next start. */
  next?: DomainConfig;
  /** KiB it needs beyond its memory, for special pages. */
  readonly slackKib: number;
  readonly uuid: string;
  readonly rings: { readonly store: HeldRing; readonly console: HeldRing };
  ended: boolean;
}

/** What libxl and the programs around it hold of a machine's domains beside the machine's memories, as JSON. */
export interface FrozenLibxl {
  readonly virqPort: number;
  readonly kernel: ReturnType<Dom0Kernel['freeze']>;
  /** Base64. */
  readonly store: string;
  /** Each with its console's bytes that wait, in base64. */
  readonly domains: readonly { readonly domid: number; readonly kept: Kept; readonly console: string }[];
}

/**
 * The toolstack of one machine with any number of domains. It reaches the hypervisor by domain 0's hypercalls and keeps
 * for each domain only what libxl keeps: its configuration. All methods are for use inside domain 0's turns.
 * Throws LibxlError.
 */
export class Libxl {
  readonly programs: Dom0Programs;
  private readonly listener: LibxlListener;
  /** Wall clock in microseconds since 1970. */
  private readonly wall: () => number;
  readonly client: StoreClient;
  private readonly consoles: Xenconsoled;
  private readonly kept = new Map<number, Kept>();
  /** Names of domains that are being built, and have no nodes yet. */
  private readonly building = new Set<string>();
  readonly channels: Channels;

  private readonly virqPort: number;

  /** `frozen`: go on with the domains of a machine that was loaded; in its first turn. */
  constructor(programs: Dom0Programs, wall: () => number, listener: LibxlListener, frozen?: FrozenLibxl) {
    if (frozen !== undefined) {
      programs.kernel.thaw(frozen.kernel);
      programs.thawStore(Uint8Array.fromBase64(frozen.store));
    }
    this.programs = programs;
    this.wall = wall;
    this.listener = listener;
    this.client = programs.store.connect(0, 'toolstack');
    this.channels = new Channels(programs, this.client, (domid, bytes, number) => listener.console(domid, bytes, number));
    if (frozen === undefined) {
      const own = programs.xc.info(0);
      const kib = (own?.tot_pages ?? 0) * 4;
      writeDomain0Nodes(this.client, { staticMax: kib, target: kib });
    }
    for (const { domid, kept, console } of frozen?.domains ?? []) {
      this.kept.set(domid, kept);
      programs.resumeStore(domid, kept.rings.store);
      programs.resumeConsole(domid, kept.rings.console, Uint8Array.fromBase64(console), (bytes) => {
        listener.console(domid, bytes, 0);
        return true;
      });
    }
    this.consoles = new Xenconsoled(programs, this.client, {
      output: (domid, bytes) => listener.console(domid, bytes, 0),
      gone: (domid) => listener.gone(domid),
      tty: (domid) => listener.tty?.(domid),
    });
    if (frozen === undefined) this.virqPort = programs.kernel.bindVirq(VIRQ_DOM_EXC, () => this.onDomainException());
    else {
      this.virqPort = frozen.virqPort;
      programs.kernel.attachHandler(this.virqPort, () => this.onDomainException());
    }
  }

  /** For a snapshot: what is not in the machine's memories. Throws LibxlError when there is a domain that it cannot hold. */
  freeze(): FrozenLibxl {
    for (const { domain } of domainList(this.xc)) {
      if (domain === 0) continue;
      if (!this.kept.has(domain) || this.channels.list(domain).length > 0)
        throw new LibxlError(ERROR_INVAL, [aboutDomain(domain, 'A snapshot holds no domains with channels, and none that other toolstacks built')]);
    }
    const domains = [...this.kept].map(([domid, kept]) => ({ domid, kept, console: this.programs.freezeConsole(domid).toBase64() }));
    return { virqPort: this.virqPort, kernel: this.programs.kernel.freeze(), store: this.programs.freezeStoreForGuests().toBase64(), domains };
  }

  get xc(): Xc {
    return this.programs.xc;
  }

  // ---- looking -------------------------------------------------------------------------------------------------

  /** Its name in xenstore. */
  nameOf(domid: number): string | undefined {
    return this.client.readIfThere(`${domainPath(domid)}/name`);
  }

  list(): DomainSummary[] {
    return domainList(this.xc).map((info) => {
      const vm = this.client.readIfThere(`${domainPath(info.domain)}/vm`);
      const started = vm === undefined ? undefined : this.client.readIfThere(`${vm}/start_time`);
      return summarize(info, this.nameOf(info.domain) ?? '', Number(started ?? 0));
    });
  }

  private domidOf(name: string): number | undefined {
    return domainList(this.xc).find((info) => this.nameOf(info.domain) === name)?.domain;
  }

  /** The configuration of a domain that was created here, with its present memory and scheduler's parameters, whoever changed them. */
  config(domid: number): DomainConfig | undefined {
    const config = this.kept.get(domid)?.config;
    if (config === undefined) return undefined;
    const { b_info } = config;
    const kib = (name: string): number | undefined => {
      const text = this.client.readIfThere(`${domainPath(domid)}/memory/${name}`) ?? '';
      return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
    };
    const [max_memkb, target_memkb] = [kib('static-max') ?? b_info.max_memkb, kib('target') ?? b_info.target_memkb];
    const present = b_info.sched_params.sched === 'credit2' && this.xc.info(domid) !== undefined ? this.credit2(domid) : {};
    return { ...config, b_info: { ...b_info, max_memkb, target_memkb, sched_params: { ...b_info.sched_params, ...present } } };
  }

  private credit2(domid: number): { weight: number; cap: number } {
    const asked = { sched_id: XEN_SCHEDULER_CREDIT2, cmd: XEN_DOMCTL_SCHEDOP_getinfo };
    const { weight, cap } = this.xc.domctl('XEN_DOMCTL_scheduler_op', XEN_DOMCTL_scheduler_op, domid, xen_domctl_scheduler_op, asked).out.u.credit2;
    return { weight, cap };
  }

  /** The configuration with which it is started again: as it is now, or as it was updated. */
  nextConfig(domid: number): DomainConfig | undefined {
    const kept = this.kept.get(domid);
    return kept?.next ?? kept?.config;
  }

  /** Give it another configuration for its next start. */
  updateConfig(domid: number, config: DomainConfig): void {
    const kept = this.kept.get(domid);
    if (kept === undefined) throw unknownDomain(domid);
    kept.next = config;
  }

  // ---- life ----------------------------------------------------------------------------------------------------

  /** Build a domain in one turn; it is left paused. Its id. */
  create(config: DomainConfig, images: DomainImages): number {
    return runSteps(this.createSteps(config, images));
  }

  /** As `create`, a turn for each step; each says what was done. When no further step is wanted, nothing of the domain is left. */
  *createSteps(config: DomainConfig, images: DomainImages): Generator<string, number> {
    const { c_info, b_info } = config;
    this.refuseName(c_info.name);
    if (c_info.type !== 'pvh') {
      throw new LibxlError(ERROR_FAIL, [`libxl: error: Guests of type "${c_info.type}" cannot run here yet; give type = "pvh"`]);
    }
    this.building.add(c_info.name);
    let started: StartedDomain;
    try {
      started = yield* pvhStartSteps(
        this.programs,
        this.client,
        {
          kernel: images.kernel,
          initrd: images.initrd,
          cmdline: b_info.cmdline ?? '',
          memoryBytes: b_info.max_memkb * 1024,
          targetKib: b_info.target_memkb,
          vcpus: 1,
          handle: Uint8Array.fromHex(c_info.uuid.replaceAll('-', '')),
          name: c_info.name,
          startTime: this.wall(),
          tty: (domid) => this.listener.tty?.(domid),
        },
        (bytes) => {
          this.listener.console(started.built.domid, bytes, 0);
          return true;
        },
      );
    } catch (error) {
      throw buildError(error);
    } finally {
      this.building.delete(c_info.name);
    }
    const { domid, start } = started.built;
    const pages = start.populate.reduce((sum, range) => sum + range.pages, 0);
    const sched = SCHEDULERS.get(schedulerId(this.xc)) ?? 'unknown';
    this.kept.set(domid, {
      config: storedConfig(config, sched),
      slackKib: pages * 4 - b_info.max_memkb,
      uuid: started.uuid,
      rings: { store: started.store, console: started.console },
      ended: false,
    });
    this.channels.add(domid, config.channels ?? []);
    this.listener.made(domid);
    return domid;
  }

  private refuseName(name: string): void {
    if (!this.building.has(name) && this.domidOf(name) === undefined) return;
    throw new LibxlError(ERROR_INVAL, [`libxl: error: Domain with name "${name}" already exists.`, `libxl: error: cannot make domain: ${ERROR_INVAL}`]);
  }

  pause(domid: number): void {
    hypercalls(domid, 'Pausing domain', () => this.xc.pause(domid));
  }

  unpause(domid: number): void {
    hypercalls(domid, 'Unpausing domain', () => this.xc.unpause(domid));
  }

  /** Take everything from a domain. It is gone, or a zombie while others map its pages. */
  destroy(domid: number): void {
    const info = this.xc.info(domid);
    if (info === undefined || domid === 0) {
      const text = domid === 0 ? 'Invalid domid 0' : 'Non-existant domain';
      throw new LibxlError(ERROR_INVAL, [
        aboutDomain(domid, text),
        aboutDomain(domid, 'Unable to destroy guest'),
        aboutDomain(domid, 'Destruction of domain failed'),
      ]);
    }
    this.programs.drainConsole(domid);
    this.channels.drain(domid);
    this.programs.endConsole(domid);
    this.channels.end(domid);
    hypercalls(domid, 'xc_domain_destroy failed', () => this.xc.destroy(domid));
    // The store lets go of the domain's page, which was the last that domain 0 held of it.
    this.programs.store.checkDomains();
    if (this.kept.has(domid)) this.forget(domid);
    else {
      // (built by another toolstack, whose nodes are named as ours)
      removeDomainNodes(this.client, domid, uuidText(info.handle));
      this.consoles.look();
    }
  }

  private forget(domid: number): void {
    const kept = this.kept.get(domid);
    if (kept === undefined) return;
    this.kept.delete(domid);
    removeDomainNodes(this.client, domid, kept.uuid);
    this.listener.gone(domid);
  }

  /** Ask the guest through its control node. `acknowledged` says when it has taken notice. */
  control(domid: number, what: Control): void {
    if (this.xc.info(domid) === undefined) throw unknownDomain(domid);
    this.client.write(`${domainPath(domid)}/control/shutdown`, what);
  }

  /** Whether the guest has taken notice of the last `control`: it empties the node, or is gone. */
  acknowledged(domid: number): boolean {
    return (this.client.readIfThere(`${domainPath(domid)}/control/shutdown`) ?? '') === '';
  }

  /** Take back a request that the guest did not take notice of. */
  withdraw(domid: number): void {
    if (!this.acknowledged(domid)) this.client.write(`${domainPath(domid)}/control/shutdown`, '');
  }

  /** Send a magic SysRq key to the guest's kernel. */
  sysrq(domid: number, key: string): void {
    if (this.xc.info(domid) === undefined) throw unknownDomain(domid);
    this.client.write(`${domainPath(domid)}/control/sysrq`, key);
  }

  rename(domid: number, name: string): void {
    if (this.nameOf(domid) === undefined) throw unknownDomain(domid);
    const taken = this.domidOf(name);
    if (taken !== undefined && taken !== domid) throw new LibxlError(ERROR_INVAL, [aboutDomain(domid, `Domain with name "${name}" already exists.`)]);
    const vm = this.client.readIfThere(`${domainPath(domid)}/vm`);
    this.client.transaction((nodes) => {
      nodes.write(`${domainPath(domid)}/name`, name);
      if (vm !== undefined) nodes.write(`${vm}/name`, name);
    });
    const kept = this.kept.get(domid);
    if (kept !== undefined) kept.config = { ...kept.config, c_info: { ...kept.config.c_info, name } };
  }

  // ---- memory --------------------------------------------------------------------------------------------------

  /** Ask the guest to balloon to `kib`, and let it have no more than that. */
  setMemoryTarget(domid: number, kib: number): void {
    const path = `${domainPath(domid)}/memory`;
    const most = Number(this.client.readIfThere(`${path}/static-max`) ?? Number.NaN);
    if (!Number.isFinite(most)) throw unknownDomain(domid);
    if (kib > most) {
      throw new LibxlError(ERROR_INVAL, [aboutDomain(domid, `memory_dynamic_max must be less than or equal to memory_static_max`)]);
    }
    if (kib < MIN_TARGET_KIB) throw new LibxlError(ERROR_INVAL, [aboutDomain(domid, `new target ${kib} is less than the minimum of ${MIN_TARGET_KIB} KiB`)]);
    const kept = this.kept.get(domid);
    if (kept !== undefined) hypercalls(domid, 'xc_domain_setmaxmem failed', () => this.xc.maxMem(domid, kib + kept.slackKib));
    this.client.write(`${path}/target`, String(kib));
    if (kept !== undefined) kept.config = { ...kept.config, b_info: { ...kept.config.b_info, target_memkb: kib } };
  }

  /** The most that the domain may ever have. */
  setMaxMemory(domid: number, kib: number): void {
    const target = Number(this.client.readIfThere(`${domainPath(domid)}/memory/target`) ?? Number.NaN);
    if (!Number.isFinite(target)) throw unknownDomain(domid);
    if (kib < target) {
      throw new LibxlError(ERROR_INVAL, [aboutDomain(domid, 'memory_static_max must be greater than or or equal to memory_dynamic_max: Success')]);
    }
    const kept = this.kept.get(domid);
    hypercalls(domid, 'xc_domain_setmaxmem failed', () => this.xc.maxMem(domid, kib + (kept?.slackKib ?? 0)));
    if (kept !== undefined) kept.config = { ...kept.config, b_info: { ...kept.config.b_info, max_memkb: kib } };
  }

  // ---- the end of domains --------------------------------------------------------------------------------------

  private onDomainException(): void {
    this.programs.store.checkDomains();
    this.consoles.look();
    for (const [domid, kept] of [...this.kept]) {
      const info = this.xc.info(domid);
      if (info === undefined || (info.flags & XEN_DOMINF_dying) !== 0) {
        this.programs.endConsole(domid);
        this.channels.end(domid);
        this.forget(domid);
      } else if ((info.flags & XEN_DOMINF_shutdown) !== 0 && !kept.ended) {
        kept.ended = true;
        this.programs.drainConsole(domid);
        this.channels.drain(domid);
        this.listener.ended(domid, (info.flags >>> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
      }
    }
  }
}

/** Less makes no sense for any guest; stops: a slip of the unit taking a guest all its memory. */
const MIN_TARGET_KIB = 1024;

/** Why a domain could not be built, in libxl's words. */
function buildError(error: unknown): unknown {
  if (error instanceof HypercallError && error.errno === ENOMEM) {
    return new LibxlError(
      ERROR_FAIL,
      [
        "xc: error: panic: xc_dom_boot_mem_init: can't allocate low memory for domain: Out of memory",
        'libxl: error: xc_dom_boot_mem_init failed: Cannot allocate memory',
        `libxl: error: cannot (re-)build domain: ${ERROR_FAIL}`,
      ],
      { cause: error },
    );
  }
  if (error instanceof HypercallError)
    return new LibxlError(ERROR_FAIL, [`libxl: error: ${error.message}`, `libxl: error: cannot (re-)build domain: ${ERROR_FAIL}`]);
  if (error instanceof OperatorError) {
    const more = [error.details, error.hint].filter((text) => text !== undefined);
    return new LibxlError(ERROR_FAIL, [`xc: error: ${[error.shortMessage, ...more].join(' ')}`, `libxl: error: cannot (re-)build domain: ${ERROR_FAIL}`], {
      cause: error,
    });
  }
  return error;
}
