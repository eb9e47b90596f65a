/**
 * Accesses of a block that lie close together: at constant distances from one base, as pushes, fields of a structure and variables on the
 * stack do, or at one indexed address. The first of them asks the soft TLB about the whole range; the others need not ask again if all of it lies
 * in one page. Where any of them writes it asks for that: what may be written may be read, and the page will be written to in a moment.
 *
 * Nothing that happens within a block changes the soft TLB, so a member finds what it would have found by asking.
 */
import { RIP, ZERO } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import { CLOBBERS, D_OUT, MEMORY } from '../../ir/op-bits.ts';
import type { RegionBlock } from './region-block.ts';

/** Bytes from the first to the last of a group at most: the wider it is, the oftener it spans two pages. */
const REACH = 256;

export interface AccessGroup {
  /** The operation that asks, and the last one that profits. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Bytes of the range, and where it starts from the first operation's address. */
  readonly size: number;
  readonly start: number;
  readonly writes: boolean;
}

interface Open {
  readonly root: number;
  readonly members: number[];
  readonly offset: number;
  writes: boolean;
  low: number;
  high: number;
}

/** Bytes and direction of the accesses. */
const sizes: ReadonlyMap<number, readonly [number, boolean]> = new Map([
  [O.OP_LD8, [1, false]],
  [O.OP_LD16, [2, false]],
  [O.OP_LD32, [4, false]],
  [O.OP_LD64, [8, false]],
  [O.OP_LDS8, [1, false]],
  [O.OP_LDS16, [2, false]],
  [O.OP_LDS32, [4, false]],
  [O.OP_ST8, [1, true]],
  [O.OP_ST16, [2, true]],
  [O.OP_ST32, [4, true]],
  [O.OP_ST64, [8, true]],
  [O.OP_LDM8, [1, true]],
  [O.OP_LDM16, [2, true]],
  [O.OP_LDM32, [4, true]],
  [O.OP_LDM64, [8, true]],
  [O.OP_VLD32, [4, false]],
  [O.OP_VLD64, [8, false]],
  [O.OP_VLD128, [16, false]],
  [O.OP_VST32, [4, true]],
  [O.OP_VST64, [8, true]],
  [O.OP_VST128, [16, true]],
  [O.OP_LDX8, [1, false]],
  [O.OP_LDX16, [2, false]],
  [O.OP_LDX32, [4, false]],
  [O.OP_LDX64, [8, false]],
  [O.OP_LDXS8, [1, false]],
  [O.OP_LDXS16, [2, false]],
  [O.OP_LDXS32, [4, false]],
  [O.OP_STX8, [1, true]],
  [O.OP_STX16, [2, true]],
  [O.OP_STX32, [4, true]],
  [O.OP_STX64, [8, true]],
  [O.OP_LDMX8, [1, true]],
  [O.OP_LDMX16, [2, true]],
  [O.OP_LDMX32, [4, true]],
  [O.OP_LDMX64, [8, true]],
]);

/** Accesses at a slot, a shifted one and a constant. */
export const isIndexed = (op: number): boolean => op >= O.OP_LDX8 && op <= O.OP_LDMX64;

/** The groups of `block` by operation. `least(k)`: how many members the group of operation k must have to be worth it. */
export function accessGroups(block: RegionBlock, least: (k: number) => number): ReadonlyMap<number, AccessGroup> {
  const found = new Map<number, AccessGroup>();
  // outside 64-bit code addresses wrap
  if (!block.wide) return found;
  const { count, op, bits, d, a, b, c, immLo, immHi } = block;
  // what each slot holds: a value that has a number, plus a constant
  const roots = new Map<number, readonly [root: number, offset: number]>();
  let next = 0;
  const valueIn = (slot: number): readonly [number, number] => {
    let value = roots.get(slot);
    if (value === undefined) {
      value = [next++, 0];
      roots.set(slot, value);
    }
    return value;
  };
  const sums = new Map<string, number>();
  /** The number of slot a plus slot b shifted. */
  const sumAt = (k: number): number => {
    const key = `${valueIn(a[k] as number).join()} ${valueIn(b[k] as number).join()} ${c[k]}`;
    let root = sums.get(key);
    if (root === undefined) sums.set(key, (root = next++));
    return root;
  };
  let open: Open[] = [];
  const closed: Open[] = [];
  for (let k = 1; k < count; k++) {
    const is = bits[k] as number;
    if ((op[k] as number) >= O.OP_HSYS && (is & (CLOBBERS | MEMORY)) !== 0) {
      closed.push(...open);
      open = [];
      roots.clear();
      continue;
    }
    const near = immHi[k] === (immLo[k] as number) >> 31 && Math.abs(immLo[k] as number) < 0x40000000;
    const access = sizes.get(op[k] as number);
    const indexed = isIndexed(op[k] as number);
    if (access !== undefined && near && (indexed || a[k] !== ZERO)) {
      const [bytes, write] = access;
      const [root, base] = indexed ? [sumAt(k), 0] : valueIn(a[k] as number);
      const offset = base + (immLo[k] as number);
      const end = offset + bytes;
      const group = open.find((one) => one.root === root && Math.max(one.high, end) - Math.min(one.low, offset) <= REACH);
      if (group === undefined) open.push({ root, members: [k], offset, writes: write, low: offset, high: end });
      else {
        group.members.push(k);
        group.writes ||= write;
        group.low = Math.min(group.low, offset);
        group.high = Math.max(group.high, end);
      }
    }
    if ((is & D_OUT) === 0) continue;
    const to = d[k] as number;
    if (to === RIP) continue;
    const moves = (op[k] === O.OP_ADDI && near) || op[k] === O.OP_MOV;
    const [root, base] = moves ? valueIn(a[k] as number) : [next++, 0];
    const offset = base + (op[k] === O.OP_ADDI && moves ? (immLo[k] as number) : 0);
    roots.set(to, Math.abs(offset) < 0x40000000 ? [root, offset] : [next++, 0]);
  }
  for (const { members, offset, writes, low, high } of [...closed, ...open]) {
    if (members.some((k) => members.length < least(k))) continue;
    const first = members[0] as number;
    const group = { first, last: members.at(-1) as number, count: members.length, size: high - low, start: low - offset, writes };
    for (const k of members) found.set(k, group);
  }
  return found;
}
