import { compat_shared_info, compat_vcpu_info } from '../../spec/xen/compat.ts';
import { shared_info, vcpu_info } from '../../spec/xen/xen.ts';
import type { Domain, Hypervisor, Vcpu } from '../hypervisor.ts';

/**
 * The 2-level event ABI: a bit per port in the shared info page, and a selector of 64 words per vCPU.
 * Words are the guest's unsigned longs: 64 of 64 bits, or for a guest that took its shared info in 32-bit code, 32 of 32.
 * 32-bit halves are used here for both, which is the same memory.
 */

const wide = { longShift: 6, pending: shared_info.offsets.evtchn_pending, mask: shared_info.offsets.evtchn_mask, select: vcpu_info.offsets.evtchn_pending_sel };
const compat = {
  longShift: 5,
  pending: compat_shared_info.offsets.evtchn_pending,
  mask: compat_shared_info.offsets.evtchn_mask,
  select: compat_vcpu_info.offsets.evtchn_pending_sel,
};
const shape = (of: Domain) => (of.s.has_32bit_shinfo === 0 ? wide : compat);

/** Ports that the words hold: the square of an unsigned long's bits. */
export const portsOf = (of: Domain): number => 1 << (2 * shape(of).longShift);

const bit = (port: number): number => 1 << (port & 31);
const pendingWord = (of: Domain, port: number): number => of.s.shared_info * 4096 + shape(of).pending + (port >>> 5) * 4;
const maskWord = (of: Domain, port: number): number => of.s.shared_info * 4096 + shape(of).mask + (port >>> 5) * 4;

/** Mark every word in the selector of a vcpu_info at offset `info`. */
export function selectAll(hv: Hypervisor, of: Domain, info: number): void {
  const { longShift, select } = shape(of);
  const at = info + select;
  hv.memories.frameBytes.fill(0xff, at, at + (1 << (longShift - 3)));
}

/** Mark the selector and report whether the vCPU must be told. */
function select(hv: Hypervisor, v: Vcpu, port: number): boolean {
  if (v.s.info === 0) return false;
  const { longShift, select } = shape(v.domain);
  const word = port >>> longShift;
  const at = v.s.info + select + (word >>> 5) * 4;
  const selector = 1 << (word & 31);
  return (Atomics.or(hv.memories.frameWords, at / 4, selector) & selector) === 0;
}

/** What became of an event that was set pending: it was not before, the vCPU must be told. */
export const PENDING_fresh = 1;
export const PENDING_tell = 2;

/** Set pending: PENDING_* bits. */
export function setPending(hv: Hypervisor, of: Domain, v: Vcpu, port: number): number {
  const words = hv.memories.frameWords;
  if ((Atomics.or(words, pendingWord(of, port) / 4, bit(port)) & bit(port)) !== 0) return 0;
  if ((Atomics.load(words, maskWord(of, port) / 4) & bit(port)) !== 0) return PENDING_fresh;
  return select(hv, v, port) ? PENDING_fresh | PENDING_tell : PENDING_fresh;
}

/** Where the pending bit of a port is: offset of its 32-bit word in `frames`, and the bit. */
export interface PendingBit {
  readonly at: number;
  readonly mask: number;
}

/** A port's pending bit; a domain without shared info, or with FIFO events, has none. */
export function pendingBit(of: Domain, port: number): PendingBit | undefined {
  return of.s.shared_info === 0 || of.s.fifo !== 0 ? undefined : { at: pendingWord(of, port), mask: bit(port) };
}

export function clearPending(hv: Hypervisor, of: Domain, port: number): void {
  Atomics.and(hv.memories.frameWords, pendingWord(of, port) / 4, ~bit(port));
}

/** Unmask; true when the vCPU must be told of an event that was waiting. */
export function unmask(hv: Hypervisor, of: Domain, v: Vcpu, port: number): boolean {
  const words = hv.memories.frameWords;
  if ((Atomics.and(words, maskWord(of, port) / 4, ~bit(port)) & bit(port)) === 0) return false;
  return (Atomics.load(words, pendingWord(of, port) / 4) & bit(port)) !== 0 && select(hv, v, port);
}

export function isMasked(hv: Hypervisor, of: Domain, port: number): boolean {
  return (Atomics.load(hv.memories.frameWords, maskWord(of, port) / 4) & bit(port)) !== 0;
}

export function isPending(hv: Hypervisor, of: Domain, port: number): boolean {
  return (Atomics.load(hv.memories.frameWords, pendingWord(of, port) / 4) & bit(port)) !== 0;
}

/** vcpu_info before registration: inside the shared info page for the first 32 vCPUs, else none. */
export function legacyInfo(of: Domain, id: number): number {
  return id < 32 && of.s.shared_info !== 0 ? of.s.shared_info * 4096 + id * vcpu_info.size : 0;
}
