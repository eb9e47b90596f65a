import * as D from '../../spec/xen/domctl.ts';
import { domainPath } from '../../xenstore/tree/path.ts';
import { type Affinity, sendTrigger, setVcpuAffinity, vcpuAffinity } from '../xc/vcpus.ts';
import type { Libxl } from './libxl.ts';
import { aboutDomain, ERROR_FAIL, hypercalls, LibxlError, unknownDomain } from './libxl-error.ts';

/** A vCPU as `xl vcpu-list` shows it. */
export interface VcpuSummary {
  readonly domid: number;
  readonly vcpu: number;
  readonly online: boolean;
  readonly blocked: boolean;
  readonly running: boolean;
  /** Nanoseconds. */
  readonly cpuTime: number;
  readonly cpu: number;
  /** Numbers of the pCPUs on which it may run, and on which it would rather run. */
  readonly hard: readonly number[];
  readonly soft: readonly number[];
}

/** pCPUs in a map, at most. */
const MAP_BITS = 64;
/** Above every vCPU number; what a domain without vCPUs has as its greatest. */
const NO_VCPU = 0x8000;

const numbersOf = (mask: bigint): number[] => Array.from({ length: MAP_BITS }, (_, i) => i).filter((i) => (mask >> BigInt(i)) & 1n);
const maskOf = (numbers: readonly number[]): bigint => numbers.reduce((mask, n) => (n < MAP_BITS ? mask | (1n << BigInt(n)) : mask), 0n);

/** The vCPUs of all domains. */
export function listVcpus(libxl: Libxl): VcpuSummary[] {
  const { xc } = libxl;
  const found: VcpuSummary[] = [];
  for (const { domid } of libxl.list()) {
    const last = xc.info(domid)?.max_vcpu_id ?? -1;
    for (let vcpu = 0; vcpu <= last && last < NO_VCPU; vcpu++) {
      const info = xc.vcpuInfo(domid, vcpu);
      const { hard, soft } = vcpuAffinity(xc, domid, vcpu);
      found.push({
        domid,
        vcpu,
        online: info.online !== 0,
        blocked: info.blocked !== 0,
        running: info.running !== 0,
        cpuTime: info.cpu_time,
        cpu: info.cpu,
        hard: numbersOf(hard),
        soft: numbersOf(soft),
      });
    }
  }
  return found;
}

/**
 * Choose the pCPUs of a vCPU; what is undefined stays. `force`: also against the guest's own choice. The answer is a warning's lines.
 * Throws LibxlError.
 */
export function pinVcpu(
  { xc }: Libxl,
  domid: number,
  vcpu: number,
  { hard, soft, force }: { readonly hard: readonly number[] | undefined; readonly soft: readonly number[] | undefined; readonly force: boolean },
): string[] {
  if (hard === undefined && soft === undefined && !force) return [];
  const wanted: Partial<Affinity> = { ...(hard === undefined ? {} : { hard: maskOf(hard) }), ...(soft === undefined ? {} : { soft: maskOf(soft) }) };
  const inForce = hypercalls(domid, 'Setting vcpu affinity', () => setVcpuAffinity(xc, domid, vcpu, { ...wanted, force }));
  if (soft === undefined || inForce.soft !== 0n) return [];
  const text = `All cpus in soft affinity of vcpu ${vcpu} are unreachable. Only hard affinity will be considered for scheduling`;
  return [`libxl: warning: Domain ${domid}:${text}`];
}

/** Ask the guest to have its first `count` vCPUs online, and no others. Throws LibxlError. */
export function setVcpusOnline({ xc, client }: Libxl, domid: number, count: number): void {
  const info = xc.info(domid);
  if (info === undefined) throw unknownDomain(domid);
  const most = info.max_vcpu_id + 1;
  // (libxl adds what errno says, which the question for the domain's security label has left there)
  const refuse = (what: string): never => {
    throw new LibxlError(ERROR_FAIL, [aboutDomain(domid, `${what}!: Function not implemented`)]);
  };
  if (count === 0) refuse('Requested 0 VCPUs');
  if (count > most) refuse(`Requested ${count} VCPUs, however maxcpus is ${most}`);
  client.transaction((nodes) => {
    for (let vcpu = 0; vcpu < most; vcpu++) nodes.write(`${domainPath(domid)}/cpu/${vcpu}/availability`, vcpu < count ? 'online' : 'offline');
  });
}

/** What can be sent to a domain, by the names of `xl trigger`. */
export const TRIGGERS = ['power', 'sleep', 'nmi', 'init', 'reset', 's3resume'] as const;
export type Trigger = (typeof TRIGGERS)[number];

const NUMBERS: Readonly<Partial<Record<Trigger, number>>> = {
  power: D.XEN_DOMCTL_SENDTRIGGER_POWER,
  sleep: D.XEN_DOMCTL_SENDTRIGGER_SLEEP,
  nmi: D.XEN_DOMCTL_SENDTRIGGER_NMI,
  init: D.XEN_DOMCTL_SENDTRIGGER_INIT,
  reset: D.XEN_DOMCTL_SENDTRIGGER_RESET,
};

/** Send a trigger. Throws LibxlError. */
export function trigger({ xc }: Libxl, domid: number, what: Trigger, vcpu: number): void {
  const number = NUMBERS[what];
  const doing = `Send trigger '${what}' failed`;
  if (number === undefined) throw new LibxlError(ERROR_FAIL, [aboutDomain(domid, `${doing}: only HVM domains can be woken up`)]);
  hypercalls(domid, doing, () => sendTrigger(xc, domid, number, vcpu));
}
