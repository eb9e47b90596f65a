import { VIRQ_CON_RING } from '../spec/xen/xen.ts';
import { sendGlobalVirq } from './events/deliver.ts';
import type { Hypervisor } from './hypervisor.ts';

/** Bytes of the hypervisor's log that are kept, as in Xen. A power of two. */
export const CONRING_SIZE = 16384;

/** A line of the hypervisor's own log: kept for `xl dmesg`, and given to the operator's log. */
export function printk(hv: Hypervisor, line: string): void {
  hv.host.log(line);
  noteLine(hv, line);
}

/** A line for `xl dmesg` alone. */
export function noteLine(hv: Hypervisor, line: string): void {
  if (hv.header.conring === 0) hv.header.conring = hv.heap.allocate(CONRING_SIZE);
  if (hv.header.conring === 0) return;
  for (const byte of new TextEncoder().encode(`${line}\n`)) {
    hv.memories.stateBytes[hv.header.conring + (hv.header.conring_prod & (CONRING_SIZE - 1))] = byte;
    hv.header.conring_prod = (hv.header.conring_prod + 1) >>> 0;
  }
  if ((hv.header.conring_prod - hv.header.conring_cons) >>> 0 > CONRING_SIZE) hv.header.conring_cons = (hv.header.conring_prod - CONRING_SIZE) >>> 0;
  const dom0 = hv.domain(0);
  if (dom0 !== undefined) sendGlobalVirq(hv, dom0, VIRQ_CON_RING);
}

/** Up to `most` bytes of the log from `from` on (positions count bytes ever written, modulo 2^32), and the position behind them. */
export function readConring(hv: Hypervisor, from: number, most: number): { bytes: Uint8Array; next: number } {
  const length = hv.header.conring === 0 ? 0 : Math.min(most, (hv.header.conring_prod - from) >>> 0);
  const bytes = Uint8Array.from({ length }, (_, i) => hv.memories.stateBytes[hv.header.conring + ((from + i) & (CONRING_SIZE - 1))] as number);
  return { bytes, next: (from + length) >>> 0 };
}
