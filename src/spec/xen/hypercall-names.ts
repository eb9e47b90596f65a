/** Names of hypercalls for traces and counters. */
import * as xen from './xen.ts';

let names: ReadonlyMap<number, string> | undefined;

const readNames = (): ReadonlyMap<number, string> =>
  new Map([
    ...Object.entries(xen).flatMap(([name, value]): [number, string][] =>
      name.startsWith('__HYPERVISOR_') && typeof value === 'number' ? [[value, name.slice('__HYPERVISOR_'.length)]] : [],
    ),
    [xen.__HYPERVISOR_arch_0, 'mca'],
    [xen.__HYPERVISOR_arch_1, 'paging_domctl_cont'],
  ]);

/** `sched_op` for 29, the number itself for unknown ones. */
export function hypercallName(nr: number): string {
  names ??= readNames();
  return names.get(nr) ?? String(nr);
}
