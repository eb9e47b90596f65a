import {
  CR0,
  CR3,
  CR4,
  EFER,
  MODE,
  MODE_CODE64,
  MODE_SIZE_MASK,
  MODE_USER,
  P2M_MFN_MASK,
  P2M_ROOT,
  P2M_ROOT_ENTRIES,
  P2M_VALID,
  RIP,
  RSP,
  SEG_BASE,
} from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import { type PagingState, walkPages } from '../../machine/page-walk.ts';

/** The function an address lies in. */
export interface FunctionPlace {
  readonly name: string;
  /** Its first address. */
  readonly start: bigint;
}
export type FunctionAt = (address: bigint) => FunctionPlace | undefined;

/** Where the guest was, sample by sample, counted by stack. */
export interface GuestProfile {
  /** Instructions between two samples. */
  readonly interval: number;
  readonly names: readonly string[];
  /** Indices of names, outermost first, and how many samples. */
  readonly stacks: readonly { readonly frames: readonly number[]; readonly count: number }[];
}

const CODE_SEGMENT = 1;
/** Stack that is looked through above RSP, in bytes; Linux's kernel stacks are 16 KiB, at multiples of that. */
const SCAN = 4096;
const STACK = 16384n;
const DEEPEST = 32;
const THUNK = /^__x86_indirect_thunk/;

/**
 * Looks where a vCPU is: the function at RIP, and its callers as far as they are certain. Linux keeps no frame pointers, so callers
 * are looked for on the stack: a return address counts when the call before it is a direct one to the function it would
 * return from, or, where there is none, an indirect one. Changes nothing in the guest.
 */
export class GuestSampler {
  private readonly memories: Memories;
  private readonly functionAt: FunctionAt;
  private readonly interval: number;
  private readonly names = new Map<string, number>();
  private readonly counts = new Map<string, number>();

  constructor(memories: Memories, functionAt: FunctionAt, interval: number) {
    this.memories = memories;
    this.functionAt = functionAt;
    this.interval = interval;
  }

  sample(context: number): void {
    const { stateQuads } = this.memories;
    const slot = (n: number): bigint => stateQuads[context / 8 + n] as bigint;
    const mode = Number(slot(MODE) & 0xffffffffn);
    const long = (mode & MODE_SIZE_MASK) === MODE_CODE64;
    const rip = long ? slot(RIP) : (slot(SEG_BASE + CODE_SEGMENT) + slot(RIP)) & 0xffffffffn;
    let stack: string[];
    if ((mode & MODE_USER) !== 0) stack = ['user space', `user page 0x${(rip & ~0xfffn).toString(16)}`];
    else {
      const place = this.functionAt(rip);
      stack = place === undefined ? ['kernel', `0x${(rip & ~0xfffn).toString(16)}`] : ['kernel', ...this.callers(context, place, slot, long), place.name];
    }
    const key = stack.map((name) => this.idOf(name)).join();
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  profile(): GuestProfile {
    const stacks = [...this.counts].map(([key, count]) => ({ frames: key.split(',').map(Number), count }));
    return { interval: this.interval, names: [...this.names.keys()], stacks };
  }

  private idOf(name: string): number {
    const known = this.names.get(name);
    if (known !== undefined) return known;
    this.names.set(name, this.names.size);
    return this.names.size - 1;
  }

  /** Names of the callers of `place`, outermost first. */
  private callers(context: number, place: FunctionPlace, slot: (n: number) => bigint, long: boolean): string[] {
    const paging: PagingState = { cr0: slot(CR0), cr3: slot(CR3), cr4: slot(CR4), efer: slot(EFER) };
    const rsp = slot(RSP);
    if (!long || (rsp & 7n) !== 0n) return [];
    const end = (rsp / STACK + 1n) * STACK;
    const length = Number(end - rsp < BigInt(SCAN) ? end - rsp : BigInt(SCAN));
    const root = Number(this.memories.stateQuads[context / 8 + P2M_ROOT]);
    const bytes = this.read(paging, root, rsp, length);
    const words = new BigUint64Array(bytes.buffer, 0, bytes.length >> 3);
    const found: string[] = [];
    let current = place;
    for (let at = 0; found.length < DEEPEST; ) {
      const next = this.caller(words, at, current, paging, root);
      if (next === undefined) break;
      current = next.place;
      at = next.at + 1;
      found.unshift(current.name);
    }
    return found;
  }

  private caller(words: BigUint64Array, from: number, of: FunctionPlace, paging: PagingState, root: number): { at: number; place: FunctionPlace } | undefined {
    let indirect: { at: number; place: FunctionPlace } | undefined;
    for (let at = from; at < words.length; at++) {
      const value = words[at] as bigint;
      if (value < 0xffff_8000_0000_0000n) continue;
      const place = this.functionAt(value - 1n);
      if (place === undefined) continue;
      const code = this.read(paging, root, value - 7n, 7);
      if (code.length < 7) continue;
      if (code[2] === 0xe8) {
        const target = BigInt.asUintN(64, value + BigInt(new DataView(code.buffer).getInt32(3, true)));
        if (target === of.start) return { at, place };
        if (indirect === undefined && THUNK.test(this.functionAt(target)?.name ?? '')) indirect = { at, place };
      } else if (indirect === undefined && [2, 3, 6, 7].some((size) => code[7 - size] === 0xff && ((code[8 - size] as number) & 0x38) === 0x10))
        indirect = { at, place };
    }
    return indirect;
  }

  /** Bytes at a linear address, fewer where a page is missing. */
  private read(paging: PagingState, root: number, va: bigint, length: number): Uint8Array<ArrayBuffer> {
    const { frameBytes, frameView } = this.memories;
    const physical = (gpa: bigint, size: 4 | 8): bigint | undefined => {
      const at = this.offset(root, Number(gpa));
      if (at < 0) return undefined;
      return size === 8 ? frameView.getBigUint64(at, true) : BigInt(frameView.getUint32(at, true));
    };
    const out = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const gpa = walkPages(paging, va + BigInt(done), physical);
      const at = gpa === undefined ? -1 : this.offset(root, Number(gpa));
      if (at < 0) break;
      const piece = Math.min(length - done, 4096 - (at & 4095));
      out.set(frameBytes.subarray(at, at + piece), done);
      done += piece;
    }
    return out.subarray(0, done);
  }

  /** Offset into `frames` of a guest-physical address, -1 where no memory is. */
  private offset(root: number, gpa: number): number {
    const { stateView } = this.memories;
    const gfn = Math.floor(gpa / 4096);
    const leaf = gfn < P2M_ROOT_ENTRIES * 1024 ? stateView.getUint32(root + (gfn >>> 10) * 4, true) : 0;
    const entry = leaf === 0 ? 0 : stateView.getUint32(leaf + (gfn & 1023) * 4, true);
    return (entry & P2M_VALID) === 0 ? -1 : (entry & P2M_MFN_MASK) * 4096 + (gpa % 4096);
  }
}
