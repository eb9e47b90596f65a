import { vcpu_info } from '../../spec/xen/xen.ts';
import { timerDeadline } from '../arch/x86/lapic.ts';
import { DOMF_hvm, NEVER, VCPUF_blocked, VCPUF_down, VCPUF_polling, VCPUF_yields } from '../domain.ts';
import type { Domain, Hypervisor, Vcpu } from '../hypervisor.ts';
import { runnable } from '../scheduler.ts';
import { TSC_KHZ } from '../time/pvclock.ts';
import { watchdogArmed } from '../time/timers.ts';

const hex = (value: number | bigint, digits = 0): string => value.toString(16).padStart(digits, '0');

/** 16 bytes as a UUID is written. */
const uuid = (bytes: Uint8Array): string => bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/** Xen's numbers of the reasons why a vCPU does not run. @see xen/include/xen/sched.h, _VPF_blocked, _VPF_down */
const VPF_blocked = 1;
const VPF_down = 2;

function vcpuLines(hv: Hypervisor, v: Vcpu): string[] {
  const { evtchn_upcall_pending: pending, evtchn_upcall_mask: masked } = vcpu_info.offsets;
  const flag = (offset: number): string => hex(v.s.info === 0 ? 0 : (hv.memories.frameBytes[v.s.info + offset] as number), 2);
  const running = v.address === hv.header.current && hv.header.sched_since !== NEVER;
  const flags = ((v.s.flags & VCPUF_blocked) !== 0 ? VPF_blocked : 0) | ((v.s.flags & VCPUF_down) !== 0 ? VPF_down : 0);
  const poll = (v.s.flags & VCPUF_polling) === 0 ? 0 : v.s.poll_port;
  return [
    `  UNIT${v.id} affinities: hard={0} soft={0}`,
    `    VCPU${v.id}: CPU0 [has=${running ? 'T' : 'F'}] poll=${poll} upcall_pend=${flag(pending)} upcall_mask=${flag(masked)} `,
    `    pause_count=${v.s.pause_count} pause_flags=${hex(flags)}`,
    ...((v.domain.s.flags & DOMF_hvm) === 0 ? [] : ['    paging assistance: hap']),
    v.s.periodic_deadline === NEVER ? 'No periodic timer' : `periodic timer (period ${v.s.periodic_period / 1_000_000n} ms)`,
  ];
}

function one(hv: Hypervisor, d: Domain): string[] {
  const { s } = d;
  const vcpus = hv.vcpus(d);
  const xenPages = (s.shared_info === 0 ? 0 : 1) + s.grants.nr_frames + s.grants.nr_status_frames;
  return [
    `General information for domain ${d.id}:`,
    `    dying=${s.is_dying} pause_count=${s.pause_count} shutdown=${s.is_shut_down}`,
    `    nr_pages=${s.tot_pages} xenheap_pages=${xenPages} max_pages=${s.max_pages} outstanding=${s.outstanding_pages}`,
    `    handle=${uuid(new Uint8Array(s.handle))} vm_assist=${hex(s.assists, 8)}`,
    ...((s.flags & DOMF_hvm) === 0 ? [] : ['    paging assistance: hap refcounts translate external ']),
    `NODE affinity for domain ${d.id}: [0]`,
    `VCPU information and callbacks for domain ${d.id}:`,
    ...vcpus.flatMap((v) => vcpuLines(hv, v)),
  ];
}

/** Key q: every domain and its vCPUs. */
export const domainLines = (hv: Hypervisor): string[] => hv.domains().flatMap((d) => one(hv, d));

/** Nanoseconds as Xen writes them in its run queues: sign, seconds and the rest. */
const stamp = (ns: bigint): string => `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, '0')}`;

/** Key r: who may run, in the scheduler's terms. */
export function runQueueLines(hv: Hypervisor): string[] {
  const lines = [
    'Scheduler: SMP Credit Scheduler rev2 (credit2)',
    `now=${hv.now()}`,
    'Active queues: 1',
    'Runqueue 0:',
    '\tncpus              = 1',
    'Domain info:',
  ];
  for (const d of hv.domains()) {
    if (d.id === 0) continue;
    lines.push(`\tDomain: ${d.id} w ${d.s.sched_weight} c ${d.s.sched_cap} v ${hv.vcpus(d).length}`);
    for (const v of hv.vcpus(d))
      lines.push(`\t  ${v.id}: [${d.id}.${v.id}] flags=${hex(v.s.flags & VCPUF_yields)} cpu=0 credit=${v.s.credit} [w=${d.s.sched_weight}]`);
  }
  const current = hv.header.sched_since === NEVER || hv.header.current === 0 ? undefined : hv.vcpuAt(hv.header.current);
  lines.push(
    'Runqueue 0:',
    `CPU[00] current=${current === undefined ? 'd[IDLE]v0' : `d${current.domain.id}v${current.id}`}, curr=${current === undefined ? 'none' : stamp(hv.now())}`,
  );
  for (const d of hv.domains())
    if (d.id !== 0) for (const v of hv.vcpus(d)) if (runnable(v) && v !== current) lines.push(`\t  [${d.id}.${v.id}] credit=${v.s.credit}`);
  return lines;
}

/** Key a: timers that are armed, and how far away they are. */
export function timerLines(hv: Hypervisor): string[] {
  const now = hv.now();
  const lines = [`CPU00: now=${now}`];
  const armed = (d: Domain, what: string, at: bigint): void => {
    if (at !== NEVER) lines.push(`  ex=${String((at - now) / 1000n).padStart(10)}us d${d.id} ${what}`);
  };
  for (const d of hv.domains()) {
    for (let id = 0; id < 2; id++) if (watchdogArmed(d, id)) armed(d, `watchdog ${id}`, d.s.watchdog_deadline.get(id));
    for (const v of hv.vcpus(d)) {
      armed(d, `v${v.id} singleshot`, v.s.singleshot_deadline);
      armed(d, `v${v.id} periodic`, v.s.periodic_deadline);
      armed(d, `v${v.id} poll`, v.s.poll_deadline);
      armed(d, `v${v.id} local APIC`, timerDeadline(hv, v));
    }
  }
  return lines;
}

/** Key t: the clock. */
export const clockLines = (hv: Hypervisor): string[] => [
  `Synced stime skew: max=0ns avg=0ns samples=1 current=0ns`,
  `Synced cycles skew: max=0 avg=0 samples=1 current=0`,
  `System time ${stamp(hv.now())}, ${hv.virtualTime ? 'virtual' : "the host's"}, TSC ${TSC_KHZ} kHz, ${hv.header.retired} instructions retired`,
];

/** Key u: one node has everything. */
export const numaLines = (hv: Hypervisor): string[] => [
  `NODE0 start->${hv.header.frame_first} size->${hv.frames.total} free->${hv.frames.free}`,
  'CPU0...0 -> NODE0',
  'Memory location of each domain:',
  ...hv.domains().flatMap((d) => [`d${d.id} (total: ${d.s.tot_pages}):`, `    Node 0: ${d.s.tot_pages}`]),
];
