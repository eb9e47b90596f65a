import { EFAULT } from '../../../spec/xen/errno.ts';
import { xen_sysctl_debug_keys } from '../../../spec/xen/sysctl.ts';
import { printk } from '../../console-ring.ts';
import { channel, openChannels } from '../../events/channels.ts';
import { isPending } from '../../events/deliver.ts';
import { activeEntries } from '../../grants/active.ts';
import type { Hypervisor } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/** A key: what it prints. Letters as in Xen. */
interface Key {
  readonly what: string;
  print(hv: Hypervisor): string[];
}

function domainLines(hv: Hypervisor): string[] {
  return [...hv.domains()].flatMap((d) => [
    `General information for domain ${d.id}:`,
    `    pause_count=${d.s.pause_count} nr_pages=${d.s.tot_pages} max_pages=${d.s.max_pages} dying=${d.s.is_dying} shutdown=${d.s.is_shut_down}`,
    ...[...hv.vcpus(d)].map((v) => `    VCPU${v.id}: flags=${v.s.flags.toString(16)} runstate=${v.s.runstate}`),
  ]);
}

function eventLines(hv: Hypervisor): string[] {
  return [...hv.domains()].flatMap((d) => [
    `Event channel information for domain ${d.id}:`,
    ...[...openChannels(hv, d)].map((ch) => {
      const remote = hv.domain(ch.remoteDomid);
      const other = remote !== undefined && channel(hv, remote, ch.remotePort) !== undefined ? ` d=${ch.remoteDomid} p=${ch.remotePort}` : '';
      return `    ${ch.port} [${isPending(hv, d, ch.port) ? 'p' : '-'}]: s=${ch.state} n=${ch.notifyVcpu}${other}`;
    }),
  ]);
}

function grantLines(hv: Hypervisor): string[] {
  return [...hv.domains()].flatMap((d) => [
    `grant-table for remote d${d.id} (v${d.s.grants.version}): ${d.s.grants.nr_frames} frames (${d.s.grants.max_frames} max), ${d.s.grants.maptrack_used} mappings`,
    ...[...activeEntries(hv, d)].map(({ ref, act }) => `[0x${ref.toString(16)}] d${act.domid} mfn=0x${act.mfn.toString(16)} r=${act.readers} w=${act.writers}`),
  ]);
}

const keys: ReadonlyMap<string, Key> = new Map([
  ['e', { what: 'dump evtchn info', print: eventLines }],
  ['g', { what: 'print grant table usage', print: grantLines }],
  ['h', { what: 'show this message', print: () => [...keys].map(([key, { what }]) => ` key '${key}' (ascii '${key.charCodeAt(0).toString(16)}') => ${what}`) }],
  [
    'm',
    {
      what: 'memory info',
      print: (hv) => [`Physical memory information: ${hv.frames.free * 4}kB free of ${hv.frames.total * 4}kB, heap ${hv.heap.used} bytes`],
    },
  ],
  ['q', { what: 'dump domain (and guest debug) info', print: domainLines }],
] satisfies [string, Key][]);

/**
 * As if keys were pressed on the hypervisor's console: what they show goes to its log. Unknown keys do nothing.
 * @xen sysctl 7 debug_keys #P[e g h m q]
 * Fails: EFAULT (keys before that were pressed).
 */
export const debugKeys = sysctlOperation(xen_sysctl_debug_keys, ({ hv, memory }, arg) => {
  for (let i = 0; i < arg.nr_keys; i++) {
    const byte = memory.read(arg.keys + BigInt(i), 1);
    if (byte === undefined) return fail(EFAULT);
    const name = String.fromCharCode(byte[0] as number);
    const key = keys.get(name);
    if (key === undefined) continue;
    printk(hv, `(XEN) '${name}' pressed -> ${key.what}`);
    for (const line of key.print(hv)) printk(hv, `(XEN) ${line}`);
  }
  return ok();
});
