import { array, s32, struct, u32, u64 } from '../base/struct.ts';
import { HEADER_BASE } from '../machine/layout.ts';

/** Marks an initialised machine; its version changes with every change of what a snapshot holds. */
export const MACHINE_MAGIC = 0x4f444e5a; // "ZNDO"
export const MACHINE_VERSION = 4;

/** Time runs with retired instructions (deterministic), or with the host's clock. */
export const TIME_VIRTUAL = 0;
export const TIME_HOST = 1;

/** Free lists of the heap: sizes 2^6 .. 2^21 bytes. */
export const HEAP_MIN_SHIFT = 6;
export const HEAP_CLASSES = 16;

/**
 * The head of the `state` memory: what the hypervisor finds everything else by. All of it is snapshot content,
 * except the mailbox words, which are idle when a snapshot is taken.
 */
export const machine_header = struct('machine_header', {
  magic: u32,
  version: u32,
  /** Machine time in nanoseconds since the machine started (virtual time), as of the last time the pCPU left a guest. */
  now: u64,
  time_mode: u32,
  /** Nanoseconds of machine time per retired instruction. */
  ns_per_instruction: u32,
  /** Wall clock at machine time 0, seconds and nanoseconds since 1970. */
  wall_sec: u64,
  wall_nsec: u32,
  /** Frames: [first, last) is the machine's memory; below `untouched` no frame was ever given out. */
  frame_first: u32,
  frame_last: u32,
  frame_untouched: u32,
  frame_free_list: u32,
  frame_free: u32,
  frame_total: u32,
  /** Heap: next never-used byte, and the heads of the free lists. */
  heap_next: u32,
  heap_used: u32,
  heap_free: array(u32, HEAP_CLASSES),
  /** First domain of the list (ordered by domain id), 0 = none. */
  domains: u32,
  /** Next domain id to try. */
  next_domid: u32,
  /** Bit per vCPU context in use: address of the map in the heap. */
  contexts_used: u32,
  /** vCPU that runs or ran last on the pCPU (address). */
  current: u32,
  /** Instant (ns) at which its slice ends (scheduler.ts). */
  quantum_end: u64,
  /** Console ring of the hypervisor (console-ring.ts): address, bytes ever written. */
  conring: u32,
  conring_prod: u32,
  /** Instant at which domain 0 is due to run (ns), all ones = not due. */
  dom0_due: u64,
  /** Total instructions retired by all vCPUs. */
  retired: u64,
  /** Seed of the machine's deterministic random numbers. */
  seed: u64,
  random: u64,
  /** First byte of the console ring that was not cleared. */
  conring_cons: u32,
  /** Free frames that are promised to domains which claimed them (memory/claims.ts). */
  outstanding_claims: u32,
  /** What domains wrote to the hypervisor's console and domain 0's programs have not taken (guest-console.ts): ring, bytes ever written, ever taken. */
  guest_console: u32,
  guest_console_prod: u32,
  guest_console_cons: u32,
  /** Shortest time a vCPU runs before another one does, in microseconds; 0: no limit. */
  sched_ratelimit_us: u32,
  /** Instant (ns) at which the slice began that is under way, all ones = none is. */
  sched_since: u64,
  spare: array(u32, 24),
  /** Mailbox between domain 0's programs (any host thread) and the pCPU. See mailbox.ts. */
  mailbox: struct({
    /** MAILBOX_*: who may act. */
    turn: s32,
    request: s32,
    wake: s32,
    want_turn: s32,
    nr: u32,
    pad0: u32,
    args: array(u64, 6),
    result: u64,
    stop: s32,
    pad1: u32,
  }),
});

/** Address of the header. */
export const HEADER = HEADER_BASE;
