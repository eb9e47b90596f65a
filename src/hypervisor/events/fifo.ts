import {
  EVTCHN_FIFO_BUSY,
  EVTCHN_FIFO_LINK_MASK,
  EVTCHN_FIFO_LINKED,
  EVTCHN_FIFO_MASKED,
  EVTCHN_FIFO_MAX_QUEUES,
  EVTCHN_FIFO_PENDING,
  evtchn_fifo_control_block,
} from '../../spec/xen/event-channel.ts';
import { FIFO_ARRAY_PAGES, vcpu as vcpuStruct } from '../domain.ts';
import type { Domain, Hypervisor, Vcpu } from '../hypervisor.ts';
import type { Channel } from './channels.ts';
import { PENDING_fresh, PENDING_tell } from './two-level.ts';

/**
 * The FIFO event ABI: one 32-bit word per port in pages the guest gave, and a control block per vCPU with the heads of
 * 16 queues. Xen keeps the tails. Everything read from the pages is an allegation: links are used as port numbers only
 * after a range check, and never to find host memory.
 */

const PENDING = 1 << EVTCHN_FIFO_PENDING;
const MASKED = 1 << EVTCHN_FIFO_MASKED;
const LINKED = 1 << EVTCHN_FIFO_LINKED;
const BUSY = 1 << EVTCHN_FIFO_BUSY;

/** Tries to link behind an event word that the guest keeps changing. */
const LINK_TRIES = 5;

export const WORDS_PER_PAGE = 1024;

/** Index of the event word in `frameWords`, or -1 while its page was not given. */
function word(hv: Hypervisor, of: Domain, port: number): number {
  const page = Math.floor(port / WORDS_PER_PAGE);
  if (of.s.fifo === 0 || page >= of.s.fifo_pages || page >= FIFO_ARRAY_PAGES) return -1;
  const mfn = hv.memories.stateView.getUint32(of.s.fifo + page * 4, true);
  return mfn === 0 ? -1 : (mfn * 4096) / 4 + (port % WORDS_PER_PAGE);
}

const tailAt = (v: Vcpu, queue: number): number => v.address + vcpuStruct.offsets.fifo_tail + queue * 4;

/** Set pending and link it into its queue: PENDING_* bits. */
export function setPending(hv: Hypervisor, of: Domain, v: Vcpu, ch: Channel): number {
  const words = hv.memories.frameWords;
  const at = word(hv, of, ch.port);
  if (at < 0) {
    const was = ch.pending;
    ch.pending = true;
    return was ? 0 : PENDING_fresh;
  }
  // Without a control block the guest cannot have unmasked anything yet: Xen drops the event.
  if (v.s.fifo_control === 0) return 0;
  const wasPending = (Atomics.or(words, at, PENDING) & PENDING) !== 0;
  return (wasPending ? 0 : PENDING_fresh) | (link(hv, of, v, ch, at) ? PENDING_tell : 0);
}

/** Put an unmasked, unlinked event at the end of its queue; true when the vCPU must be told. */
function link(hv: Hypervisor, of: Domain, v: Vcpu, ch: Channel, at: number): boolean {
  const words = hv.memories.frameWords;
  const state = hv.memories.stateView;
  const control = v.s.fifo_control;
  if (control === 0) return false;
  if ((Atomics.load(words, at) & MASKED) !== 0 || (Atomics.or(words, at, LINKED) & LINKED) !== 0) return false;
  // It was the tail of the queue it left: that queue is empty now.
  const old = hv.vcpu(of, ch.lastVcpu);
  if (old !== undefined && state.getUint32(tailAt(old, ch.lastPriority), true) === ch.port) state.setUint32(tailAt(old, ch.lastPriority), 0, true);
  const queue = ch.priority % EVTCHN_FIFO_MAX_QUEUES;
  ch.lastVcpu = v.id;
  ch.lastPriority = queue;
  const tail = state.getUint32(tailAt(v, queue), true);
  let linked = false;
  if (tail !== 0) {
    const tailWord = word(hv, of, tail);
    if (tailWord >= 0) linked = setLink(words, tailWord, ch.port);
  }
  if (!linked) Atomics.store(words, (control + evtchn_fifo_control_block.offsets.head) / 4 + queue, ch.port);
  state.setUint32(tailAt(v, queue), ch.port, true);
  if (linked) return false;
  return (Atomics.or(words, control / 4, 1 << queue) & (1 << queue)) === 0;
}

/** Link `port` behind the event at `at`, unless the guest has taken that one off meanwhile. A word that never holds still loses the event. */
function setLink(words: Int32Array, at: number, port: number): boolean {
  for (let tries = 0; tries < LINK_TRIES; tries++) {
    const now = Atomics.load(words, at);
    if ((now & LINKED) === 0) return false;
    if (Atomics.compareExchange(words, at, now, (now & ~(EVTCHN_FIFO_LINK_MASK | BUSY)) | port) === now) return true;
  }
  return true;
}

/** Is the event still on some queue? Its port is not given out again before the guest took it off. */
export function isLinked(hv: Hypervisor, of: Domain, port: number): boolean {
  const at = word(hv, of, port);
  return at >= 0 && (Atomics.load(hv.memories.frameWords, at) & LINKED) !== 0;
}

export function clearPending(hv: Hypervisor, of: Domain, port: number): void {
  const at = word(hv, of, port);
  if (at >= 0) Atomics.and(hv.memories.frameWords, at, ~PENDING);
}

/** Unmask; true when the vCPU must be told. */
export function unmask(hv: Hypervisor, of: Domain, v: Vcpu, ch: Channel): boolean {
  const at = word(hv, of, ch.port);
  if (at < 0) return false;
  const words = hv.memories.frameWords;
  Atomics.and(words, at, ~MASKED);
  return (Atomics.load(words, at) & PENDING) !== 0 && link(hv, of, v, ch, at);
}

export function isMasked(hv: Hypervisor, of: Domain, port: number): boolean {
  const at = word(hv, of, port);
  return at < 0 || (Atomics.load(hv.memories.frameWords, at) & MASKED) !== 0;
}

export function isPending(hv: Hypervisor, of: Domain, port: number): boolean {
  const at = word(hv, of, port);
  return at >= 0 && (Atomics.load(hv.memories.frameWords, at) & PENDING) !== 0;
}
