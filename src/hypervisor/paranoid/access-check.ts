import { RIP } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import { ACCESS_WRITE, type Access, IndependentWalk, NOT_CANONICAL, PAGE_FAULT, TO_DEVICE, TO_RAM } from './independent-walk.ts';

/** An access that the engine and the independent walk see differently. */
export interface AccessDifference {
  readonly context: number;
  /** The sentence for people. */
  readonly report: string;
}

/** Views of the core's soft TLB. @see machine/assembly/memory/walk.ts */
const VIEW_USER = 1;
const VIEW_SMAP = 2;
const VIEW_ALIGN = 3;
/** Upper half of what the core's resolve() answers. */
const RESULT_DEVICE = 1;
const RESULT_FAULT = 2;
const RESULT_NOT_CANONICAL = 4;

const hex = (value: number): string => `0x${value.toString(16)}`;
const ACCESS_NAMES = ['read', 'write', 'execute'];

/**
 * Compares each answer of the core's resolve() with an independent walk: same byte of `frames`, same fault. Keeps the first difference.
 * A page whose entry says it is clean may not be written through the soft TLB.
 */
export class AccessCheck {
  /** Accesses compared. */
  checked = 0;
  difference: AccessDifference | undefined;
  private readonly memories: Memories;
  private readonly walk: IndependentWalk;

  constructor(memories: Memories) {
    this.memories = memories;
    this.walk = new IndependentWalk(memories);
  }

  /** Called by the core; all numbers are 32 bits, as they come. */
  check(context: number, vaLow: number, vaHigh: number, access: number, view: number, low: number, high: number): void {
    if (this.difference !== undefined) return;
    this.checked++;
    const { walk } = this;
    const user = view === VIEW_USER || view === VIEW_ALIGN;
    walk.walk(context, vaLow >>> 0, vaHigh >>> 0, access as Access, user, view === VIEW_SMAP);
    if (this.agrees(access, low >>> 0, high)) return;
    const { stateQuads } = this.memories;
    const va = `0x${((BigInt(vaHigh >>> 0) << 32n) | BigInt(vaLow >>> 0)).toString(16)}`;
    const rip = `0x${(stateQuads[context / 8 + RIP] as bigint).toString(16)}`;
    const who = user ? 'user' : 'supervisor';
    const engine = this.told(high === RESULT_FAULT ? PAGE_FAULT : high === RESULT_DEVICE ? TO_DEVICE : high === 0 ? TO_RAM : NOT_CANONICAL, low >>> 0, low);
    const own = this.told(walk.outcome, walk.offset, walk.error);
    const clean = own === engine && access === ACCESS_WRITE ? ', in a page whose entry says that it was not written to' : '';
    this.difference = {
      context,
      report: `paranoid mode: ${who} ${ACCESS_NAMES[access]} at ${va} by the block at ${rip}: the engine goes to ${engine}, the page tables say ${own}${clean} (access ${this.checked})`,
    };
  }

  private agrees(access: number, low: number, high: number): boolean {
    const { outcome, offset, error, dirty } = this.walk;
    switch (high) {
      case 0:
        return outcome === TO_RAM && offset === low && (access !== ACCESS_WRITE || dirty);
      case RESULT_DEVICE:
        return outcome === TO_DEVICE;
      case RESULT_FAULT:
        return outcome === PAGE_FAULT && error === low;
      case RESULT_NOT_CANONICAL:
        return outcome === NOT_CANONICAL;
      default:
        return false;
    }
  }

  private told(outcome: number, offset: number, error: number): string {
    if (outcome === TO_RAM) return `byte ${hex(offset & 0xfff)} of frame ${hex(offset >>> 12)}`;
    if (outcome === TO_DEVICE) return 'no memory';
    return outcome === PAGE_FAULT ? `a page fault with error code ${hex(error)}` : 'a non-canonical address';
  }
}
