import type { ConsoleSink } from '../../backends/console/console-backend.ts';
import type { StoreClient } from '../../xenstore/client.ts';
import { writeDomainNodes } from '../../xenstore/domain-nodes.ts';
import { type BuiltDomain, type PvhBuildRequest, pvhBuildSteps } from '../builder/build-pvh-domain.ts';
import type { Dom0Programs, HeldRing } from './dom0-programs.ts';

/** What a domain is started with, beyond its images and size. */
export interface StartRequest extends PvhBuildRequest {
  readonly name: string;
  /** KiB that the guest is to balloon to; absent: all it has. */
  readonly targetKib?: number;
  /** Wall clock in microseconds since 1970. */
  readonly startTime: number;
  /** Where the console of a domain can be had by other programs. */
  readonly tty?: (domid: number) => string | undefined;
}

/** A domain that is built, known to xenstore and served, still paused. */
export interface StartedDomain {
  readonly built: BuiltDomain;
  /** Lower case, with hyphens. */
  readonly uuid: string;
  readonly store: HeldRing;
  readonly console: HeldRing;
}

/** A UUID's 16 bytes as text. */
export function uuidText(handle: Uint8Array): string {
  const hex = handle.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * Build a PVH domain and connect it to domain 0's programs. Each step is for a turn; it says what it did. When a step fails, or no further one
 * is wanted, nothing of the domain is left.
 */
export function* pvhStartSteps(programs: Dom0Programs, client: StoreClient, request: StartRequest, sink: ConsoleSink): Generator<string, StartedDomain> {
  const built = yield* pvhBuildSteps(programs.xc, request);
  const { domid } = built;
  const uuid = uuidText(request.handle);
  try {
    const tty = request.tty?.(domid);
    const kib = request.memoryBytes / 1024;
    writeDomainNodes(client, {
      domid,
      name: request.name,
      uuid,
      type: 'pvh',
      vcpusOnline: Array.from({ length: request.vcpus }, () => true),
      memory: { staticMax: kib, target: request.targetKib ?? kib },
      startTime: request.startTime,
      store: { ringRef: built.store.gfn, port: built.store.port },
      console: { ringRef: built.console.gfn, port: built.console.port, ...(tty === undefined ? {} : { tty }) },
    });
    const store = programs.serveStore(domid, built.store);
    return { built, uuid, store, console: programs.serveConsole(domid, built.console, sink) };
  } catch (error) {
    programs.endConsole(domid);
    programs.xc.destroyIfThere(domid);
    programs.store.checkDomains();
    throw error;
  }
}

/** All steps of `pvhStartSteps` at once, in one turn. */
export function startPvhDomain(programs: Dom0Programs, client: StoreClient, request: StartRequest, sink: ConsoleSink): StartedDomain {
  return runSteps(pvhStartSteps(programs, client, request, sink));
}

/** Take all steps. */
export function runSteps<T>(steps: Generator<string, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
