/**
 * State of one region's compilation, and what all families of operations share: where a slot lives, how the region is left.
 *
 * Registers, temporaries and lazy flags live in locals; every other slot is read and written in the context. Locals that the
 * region changes are written back where it is left and before each helper, so a helper finds in the context what the
 * interpreter would have there, CUR_BLOCK and CUR_UOP included.
 */
import {
  ASID,
  BLK_FLAGS,
  BLK_PHYS,
  BLK_REGION,
  BUDGET,
  CC_A,
  CC_B,
  CC_OP,
  CUR_BLOCK,
  CUR_UOP,
  MISSED,
  MISSED_ACCESS,
  MISSED_SIZE_SHIFT,
  RAX,
  RDX,
  REGION_BAIL,
  RIP,
  T0,
  TEMPS,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_EXEC,
  ZERO,
} from '../../../machine/layout.ts';
import { OP_CC, OP_CCI } from '../../../machine/ops.ts';
import { A_IN, B_IN, C_IN, CLOBBERS, D_IN, D_OUT, FLAGS_MAY_WRITE, FLAGS_READ, FLAGS_WRITE } from '../../ir/op-bits.ts';
import type { AccessGroup } from './access-groups.ts';
import {
  BR,
  BR_IF,
  Code,
  END,
  I32,
  I32_ADD,
  I32_AND,
  I32_CONST,
  I32_EQ,
  I32_EQZ,
  I32_LOAD,
  I32_NE,
  I32_OR,
  I32_SHR_U,
  I32_WRAP,
  I64,
  I64_ADD,
  I64_AND,
  I64_CONST,
  I64_EQ,
  I64_EXTEND_I32_U,
  I64_LOAD,
  I64_NE,
  I64_OR,
  I64_SHR_S,
  I64_STORE,
  IF,
  type Relocation,
  SIMD,
  STATE,
  V128,
  V128_CONST,
  VOID,
} from './code.ts';
import { costs, type Deferred, slotsRead, stillNeeded } from './deferred-flags.ts';
import { isDivision, type RegionBlock } from './region-block.ts';
import { VectorLocals } from './vector-locals.ts';

const CTX = 0;
/** Fields of the number that tells how a region bails: an access, 7 bits of instructions, RIP from the region's. @see MAX_INSTRUCTIONS */
const EXIT_UNUSED_SHIFT = 7;
const EXIT_RIP_SHIFT = 14;
/** Neither a page's address nor one of an operand in its first bytes, as the probes compare them. */
const NO_PAGE = 0x800;
/** Kind of the lazy flags when it is not known at compile time. */
export const UNKNOWN = -1;

const isTemp = (slot: number): boolean => slot >= T0 && slot < T0 + TEMPS;
const isRegister = (slot: number): boolean => slot < 16;
const isFlag = (slot: number): boolean => slot >= CC_OP && slot <= CC_B;
/** Operations put off at most: a chain of INC and DEC, each of which keeps the carry of the one before it, has to end. */
const MAX_DEFERRED = 12;
/** Slots that live in locals. */
export const isLocal = (slot: number): boolean => isRegister(slot) || isTemp(slot) || isFlag(slot);

export class RegionEmitter {
  readonly code: Code = new Code();
  readonly vectors: VectorLocals = new VectorLocals(this.code, (type) => this.local(type));
  readonly blocks: readonly RegionBlock[];
  /** Index in the region table. */
  readonly index: number;

  /** The block being emitted. */
  block: RegionBlock;
  /** CC_* value without size in CC_OP if it is known here, with size; else UNKNOWN. */
  kind: number = UNKNOWN;
  /** Changes of the flags put off, in order, on top of what the locals CC_* (of `kind`) hold. */
  deferred: readonly Deferred[] = [];
  /** A helper of the running instruction may have dropped this region. */
  mustCheck = false;

  /** Open blocks, loops and ifs. */
  depth = 0;
  /** Depth of the code that every way through the block being emitted passes. */
  straight = 0;
  /** Depth at which the labels around the body were opened. */
  bailLabel = 0;
  outLabel = 0;
  lookupLabel = 0;

  // locals
  /** The parameters are the context and `next`. */
  readonly localTypes: number[] = [I32, I32];
  readonly tlb: number;
  readonly asid: number;
  readonly budget: number;
  readonly rip: number;
  /** RIP at which the region is left. */
  readonly exitRip: number;
  /** How it bails. */
  private readonly exit: number;
  /** Node that the dispatcher goes to; at the entry, the one that is entered. */
  readonly next = 1;
  readonly va: number;
  readonly entry: number;
  readonly value: number;
  private readonly locals = new Int32Array(256).fill(-1);
  /** Slots other than temporaries that live in locals here; those of them that the region changes. */
  readonly used: number[] = [];
  readonly changed: number[] = [];

  /** Numbers in `code` that depend on where the blocks lie and on the region's place in the table. */
  readonly relocations: Relocation[] = [];
  /** Offset of the first block in its page. */
  private readonly page: number;

  constructor(blocks: readonly RegionBlock[], index: number, page: number) {
    this.page = page;
    this.blocks = blocks;
    this.block = blocks[0] as RegionBlock;
    this.index = index;
    this.tlb = this.local(I32);
    this.asid = this.local(I64);
    this.budget = this.local(I64);
    this.rip = this.local(I64);
    this.exitRip = this.local(I64);
    this.exit = this.local(I64);
    this.va = this.local(I64);
    this.entry = this.local(I32);
    this.value = this.local(I64);
    this.findSlots();
  }

  /** Groups of accesses of the block being emitted, by operation. */
  groups: ReadonlyMap<number, AccessGroup> = new Map();
  private readonly groupNumbers = new Map<AccessGroup, number>();

  /** A group's locals: whether the whole range is in one page, and that page's addend. */
  groupLocals(group: AccessGroup): { hit: number; addend: number } {
    let number = this.groupNumbers.get(group);
    if (number === undefined) {
      const blocks = new Set(this.groups.values());
      number = [...blocks].indexOf(group);
      this.groupNumbers.set(group, number);
    }
    return { hit: this.scratchLocal(`hit ${number}`, I32), addend: this.scratchLocal(`addend ${number}`, I32) };
  }

  /** Operations of the block being emitted whose site keeps its last page in locals. */
  walks: ReadonlySet<number> = new Set();
  /** Those locals: page addresses, NO_PAGE while there is none. */
  private readonly pages: number[] = [];

  pageLocal(): number {
    const local = this.local(I64);
    this.pages.push(local);
    return local;
  }

  private readonly constants = new Map<string, number>();

  /** Local with sixteen bytes. */
  constantBytes(bytes: readonly number[]): number {
    const name = bytes.join();
    let local = this.constants.get(name);
    if (local === undefined) this.constants.set(name, (local = this.local(V128)));
    return local;
  }

  /** Local with the same `bits` in all elements of `size` bytes. */
  constantVector(size: number, bits: bigint): number {
    return this.constantBytes(Array.from({ length: 16 }, (_, at) => Number((bits >> BigInt(8 * (at % size))) & 0xffn)));
  }

  /** Code that empties the pages kept and sets the constants; goes before everything else. */
  beforeAll(to: Code): void {
    for (const local of this.pages) {
      to.i64(NO_PAGE);
      to.set(local);
    }
    for (const [bytes, local] of this.constants) {
      to.byte(SIMD);
      to.u32(V128_CONST);
      for (const byte of bytes.split(',')) to.byte(Number(byte));
      to.set(local);
    }
  }

  private readonly scratch = new Map<string, number>();

  /** Local for short-lived values, the same for the same name. */
  scratchLocal(name: string, type: number): number {
    let local = this.scratch.get(name);
    if (local === undefined) {
      local = this.local(type);
      this.scratch.set(name, local);
    }
    return local;
  }

  local(type: number): number {
    return this.localTypes.push(type) - 1;
  }

  private findSlots(): void {
    const reads = new Set<number>();
    const writes = new Set<number>();
    const flags = (to: Set<number>): void => {
      for (let slot = CC_OP; slot <= CC_B; slot++) to.add(slot);
    };
    for (const block of this.blocks) {
      const { bits, count, d, a, b, c } = block;
      for (let k = 0; k < count; k++) {
        const is = bits[k] as number;
        if (isDivision(block, k)) for (const slot of [RAX, RDX]) writes.add(slot);
        if ((is & CLOBBERS) !== 0) continue;
        if ((is & A_IN) !== 0) reads.add(a[k] as number);
        if ((is & B_IN) !== 0) reads.add(b[k] as number);
        if ((is & C_IN) !== 0) reads.add(c[k] as number);
        if ((is & D_IN) !== 0) reads.add(d[k] as number);
        if ((is & D_OUT) !== 0) writes.add(d[k] as number);
        if ((is & FLAGS_READ) !== 0) flags(reads);
        if ((is & (FLAGS_WRITE | FLAGS_MAY_WRITE)) !== 0) flags(writes);
      }
    }
    for (let slot = 0; slot < 64; slot++) {
      if (!isLocal(slot) || isTemp(slot)) continue;
      if (writes.has(slot)) this.changed.push(slot);
      if (writes.has(slot) || reads.has(slot)) {
        this.used.push(slot);
        this.locals[slot] = this.local(I64);
      }
    }
  }

  /** Local of a slot that lives in one. */
  private localOf(slot: number): number {
    let local = this.locals[slot] as number;
    if (local === -1) {
      local = this.local(I64);
      this.locals[slot] = local;
    }
    return local;
  }

  private inLocal(slot: number): boolean {
    return isTemp(slot) || (this.locals[slot] as number) !== -1;
  }

  /** True for slots that a helper cannot find in the context unless they are written back. */
  isTemp(slot: number): boolean {
    return isTemp(slot);
  }

  // ---- slots

  /** Pushes the i64 in `slot`. */
  read(slot: number): void {
    const { code } = this;
    const substitute = this.substitutes?.get(slot);
    if (substitute !== undefined) {
      code.get(substitute);
      return;
    }
    if (isFlag(slot)) {
      const operand = this.deferredOperand(slot);
      if (operand !== undefined) {
        code.get(operand);
        return;
      }
      this.settle();
    }
    if (slot === ZERO) code.i64(0);
    else if (slot === RIP) this.blockRip(0);
    else if (this.inLocal(slot)) code.get(this.localOf(slot));
    else {
      code.get(CTX);
      code.access(I64_LOAD, STATE, slot * 8);
    }
  }

  /** Before pushing the value of `slot`. */
  begin(slot: number): void {
    if (!this.inLocal(slot)) this.code.get(CTX);
  }

  /** Pops it. */
  finish(slot: number): void {
    if (isTemp(slot)) {
      this.booleans.delete(slot);
      if (this.target >= 0) {
        this.code.set(this.target);
        return;
      }
    }
    this.lowBytes.delete(slot);
    if (this.inLocal(slot)) this.code.set(this.localOf(slot));
    else this.code.access(I64_STORE, STATE, slot * 8);
  }

  // ---- low bytes: SETcc keeps the rest of a register, and the MOVZX behind it throws that away

  /** Locals with the byte last inserted in registers whose low byte it still is. */
  private readonly lowBytes = new Map<number, number>();

  /** Local in which the byte goes that is inserted in `slot`; to be told before the slot is written. */
  lowByte(slot: number): number {
    return this.scratchLocal(`low byte ${slot}`, I64);
  }

  /** `slot` was written with the byte in its `lowByte` as the lowest one. */
  insertedByte(slot: number): void {
    if (isRegister(slot)) this.lowBytes.set(slot, this.lowByte(slot));
  }

  /** Pushes the lowest byte of `slot`. */
  pushLowByte(slot: number): void {
    const known = this.substitutes === undefined ? this.lowBytes.get(slot) : undefined;
    if (known !== undefined) {
      this.code.get(known);
      return;
    }
    this.read(slot);
    if (this.substitutes === undefined && this.booleans.has(slot)) return;
    this.code.i64(0xff, 0);
    this.code.byte(I64_AND);
  }

  // ---- conditions in temporaries: the host compares and selects in one go what is not widened in between

  /** Locals (i32) that hold the same 0 or 1 as a temporary. */
  private readonly booleans = new Map<number, number>();

  /** Slot = the i32, 0 or 1, that `push` leaves. */
  setBoolean(slot: number, push: () => void): void {
    const { code } = this;
    this.begin(slot);
    push();
    const twin = isTemp(slot) && this.substitutes === undefined ? this.scratchLocal(`boolean ${slot}`, I32) : -1;
    if (twin >= 0) code.tee(twin);
    code.byte(I64_EXTEND_I32_U);
    this.finish(slot);
    if (twin >= 0) this.booleans.set(slot, twin);
  }

  /** Pushes (i32) something that is not 0 if `slot` is not 0. */
  pushBoolean(slot: number): void {
    const { code } = this;
    const twin = this.substitutes === undefined ? this.booleans.get(slot) : undefined;
    if (twin !== undefined) {
      code.get(twin);
      return;
    }
    this.read(slot);
    code.i64(0);
    code.byte(I64_NE);
  }

  // ---- flags put off

  /** While a deferred operation is made up for: the locals that stand for the slots it reads, and for the one it writes. */
  private substitutes: ReadonlyMap<number, number> | undefined;
  private target = -1;
  private readonly captures: number[] = [];
  /** Locals of the running instruction's temporaries that are put off. */
  private readonly putOff = new Map<number, number>();

  /** At the start of a block: nothing is known of what registers hold. */
  forgetBytes(): void {
    this.lowBytes.clear();
  }

  /** At the start of an instruction: its temporaries hold nothing yet. */
  forgetTemps(): void {
    this.putOff.clear();
    this.booleans.clear();
  }

  /** Puts operation k off if that is worth it; false: it is to be emitted now. */
  defer(k: number): boolean {
    const { block } = this;
    // what replaces the flags must not overtake what has yet to read them, or computes for others of this instruction
    if (!costs(block, k) && this.putOff.size === 0) return false;
    const busy = new Set<number>();
    for (const { sources, target } of this.deferred) for (const local of [...sources.values(), target]) busy.add(local);
    const take = (): number => {
      let local = this.captures.find((one) => !busy.has(one));
      if (local === undefined) this.captures.push((local = this.local(I64)));
      busy.add(local);
      return local;
    };
    const sources = new Map<number, number>();
    for (const slot of slotsRead(block, k)) {
      if (slot === ZERO || slot === RIP || sources.has(slot)) continue;
      let local = this.putOff.get(slot);
      if (local === undefined) {
        local = take();
        this.read(slot);
        this.code.set(local);
      }
      sources.set(slot, local);
    }
    const is = block.bits[k] as number;
    const computes = (is & D_OUT) !== 0;
    const one = { block, k, sources, target: computes ? take() : -1 };
    if (computes) this.putOff.set(block.d[k] as number, one.target);
    this.deferred = [...((is & FLAGS_WRITE) !== 0 ? stillNeeded(this.deferred, one, this.putOff.values()) : this.deferred), one];
    if (this.deferred.length > MAX_DEFERRED) this.settle();
    return true;
  }

  /** Operation k has been emitted: what it replaced is not needed any more. */
  emitted(k: number): void {
    const is = this.block.bits[k] as number;
    if ((is & FLAGS_WRITE) !== 0) this.deferred = [];
    if ((is & D_OUT) !== 0) this.putOff.delete(this.block.d[k] as number);
  }

  /** Emits how an operation is made up for. */
  makeUp: (k: number) => void = () => {};

  /**
   * The flags into their locals, where all ways of the block come by: nothing is put off any more. On one of two ways the code that makes up
   * for them would be missing on the other one: there it is `settleAside`.
   */
  settle(): void {
    if (this.deferred.length > 0 && this.depth !== this.straight) throw new Error('flags are made up for on one of two ways only');
    this.settleHere();
  }

  /** The flags into their locals on the way that is being emitted, which leads to where nothing is known to be put off. */
  settleHere(): void {
    const { deferred, block, substitutes, target } = this;
    if (deferred.length === 0) return;
    this.deferred = [];
    for (const one of deferred) {
      this.block = one.block;
      this.substitutes = one.sources;
      this.target = one.target;
      const { straight } = this;
      this.straight = this.depth;
      this.makeUp(one.k);
      this.straight = straight;
    }
    this.block = block;
    this.substitutes = substitutes;
    this.target = target;
  }

  /** The flags into their locals on a way that leaves the main one. */
  settleAside(): void {
    const { deferred, kind } = this;
    this.settleHere();
    this.deferred = deferred;
    this.kind = kind;
  }

  /** Local with CC_A or CC_B where the last flag operation is put off but that operand of it is known. */
  private deferredOperand(slot: number): number | undefined {
    const last = this.deferred.at(-1);
    if (last === undefined || slot === CC_OP) return undefined;
    const { block, k, sources } = last;
    const op = block.op[k];
    if (op !== OP_CC && !(op === OP_CCI && slot === CC_A)) return undefined;
    const local = sources.get((slot === CC_A ? block.a : block.b)[k] as number);
    return local === undefined || this.deferred.some((one) => one.target === local) ? undefined : local;
  }

  /** Pushes RIP of the block being emitted plus `offset`. */
  blockRip(offset: number, block: RegionBlock = this.block): void {
    this.code.get(this.rip);
    const delta = block.delta + offset;
    if (delta !== 0) {
      this.code.i64(delta);
      this.code.byte(I64_ADD);
    }
  }

  /** In 32-bit code: cuts the address on the stack, of code outside the region. Within it no distance goes around the end of the address space. */
  cutRip(): void {
    if (this.block.wide) return;
    this.code.i64(-1, 0);
    this.code.byte(I64_AND);
  }

  /** Writes `slot` back to the context. */
  spill(slot: number): void {
    const { code } = this;
    code.get(CTX);
    code.get(this.localOf(slot));
    code.access(I64_STORE, STATE, slot * 8);
  }

  /** Reads `slot` from the context. */
  reload(slot: number): void {
    const { code } = this;
    this.lowBytes.delete(slot);
    code.get(CTX);
    code.access(I64_LOAD, STATE, slot * 8);
    code.set(this.localOf(slot));
  }

  spillAll(): void {
    for (const slot of this.changed) this.spill(slot);
  }

  reloadAll(): void {
    for (const slot of this.used) this.reload(slot);
  }

  reloadFlags(): void {
    for (let slot = CC_OP; slot <= CC_B; slot++) if (this.inLocal(slot)) this.reload(slot);
  }

  storeSlot(slot: number, push: () => void): void {
    this.code.get(CTX);
    push();
    this.code.access(I64_STORE, STATE, slot * 8);
  }

  spillBudget(): void {
    this.storeSlot(BUDGET, () => this.code.get(this.budget));
  }

  /** Everything a helper, or the unwinding after it throws, may look at. */
  exact(k: number): void {
    const { block } = this;
    this.settle();
    this.spillAll();
    this.vectors.allToContext();
    this.spillBudget();
    this.storeSlot(RIP, () => this.blockRip(0));
    this.storeSlot(CUR_BLOCK, () => this.address(block, 0));
    this.storeSlot(CUR_UOP, () => this.address(block, block.microOp(k) - block.address));
  }

  /** Pushes an address inside `block`. */
  private address(block: RegionBlock, addend: number): void {
    const { code } = this;
    code.byte(I64_CONST);
    this.relocations.push({ at: code.length, kind: 'address', block: this.blocks.indexOf(block), addend });
    code.wide(block.address + addend);
  }

  loadBudget(): void {
    this.load(BUDGET, this.budget);
  }

  /** What the running code's accesses see: its soft TLB, and the number in the tags. */
  loadView(): void {
    this.code.get(CTX);
    this.code.access(I32_LOAD, STATE, TLB * 8);
    this.code.set(this.tlb);
    this.load(ASID, this.asid);
  }

  private load(slot: number, local: number): void {
    this.code.get(CTX);
    this.code.access(I64_LOAD, STATE, slot * 8);
    this.code.set(local);
  }

  /** Loads what lives in locals; RIP is the region's first block's, in the same page as that of the block that is entered. */
  prologue(manyEntries: boolean): void {
    const { code } = this;
    code.get(CTX);
    code.access(I64_LOAD, STATE, RIP * 8);
    if (manyEntries) {
      code.i64(-4096);
      code.byte(I64_AND);
      code.i64(this.page, 0);
      code.byte(I64_OR);
    }
    code.set(this.rip);
    this.loadView();
    this.reloadAll();
  }

  // ---- structure

  /** IFs that are nearly always taken or nearly never: offset in the code, and which. */
  readonly hints: [number, boolean][] = [];

  /** An IF whose condition nearly always holds, or nearly never. */
  openHinted(likely: boolean, type: number = VOID): void {
    this.hints.push([this.code.length, likely]);
    this.open(IF, type);
  }

  open(op: number, type: number = VOID): void {
    this.code.byte(op);
    this.code.byte(type);
    this.depth++;
  }

  close(): void {
    this.code.byte(END);
    this.depth--;
  }

  /** BR_IF to the label, with the condition on the stack; nearly always, or nearly never. */
  branchHinted(label: number, likely: boolean): void {
    this.hints.push([this.code.length, likely]);
    this.branch(label, BR_IF);
  }

  /** Branch to the label opened at `depth` (the value of this.depth after opening). */
  branch(label: number, op: number = BR): void {
    this.code.byte(op);
    this.code.u32(this.depth - label);
  }

  /** Leaves at `offset` from the block's RIP: the next region, or the interpreter, goes on. */
  leave(offset: number): void {
    this.blockRip(offset);
    this.cutRip();
    this.code.set(this.exitRip);
    this.out(this.outLabel);
  }

  /** Branches to one of the labels around the body. */
  out(label: number): void {
    this.settleAside();
    this.branch(label);
  }

  /** Leaves before the instruction of operation k, which the interpreter is to execute; `missed`: because the soft TLB refused that access at `va`. */
  bail(k: number, missed?: { readonly writes: boolean; readonly size: number }): void {
    const { block } = this;
    const access = missed === undefined ? 0 : Number(missed.writes) | (missed.size << MISSED_SIZE_SHIFT);
    this.bailAt(block, block.ipos[k] as number, block.insns - (block.idx[k] as number), access);
  }

  /**
   * Bails at `offset` from the RIP of `block` with `unused` instructions not retired; `access` as in MISSED_ACCESS. One number says it all: a region has
   * many ways out, and what is computed on each of them is much of its code.
   */
  bailAt(block: RegionBlock, offset: number, unused: number, access: number): void {
    const exit = (block.delta + offset) * 2 ** EXIT_RIP_SHIFT + (unused << EXIT_UNUSED_SHIFT) + access;
    this.code.i64(exit | 0, Math.floor(exit / 2 ** 32));
    this.code.set(this.exit);
    this.out(this.bailLabel);
  }

  /** At the end of all bails: RIP, budget and what was missed, from `exit`. */
  takeExit(): void {
    const { code, exit } = this;
    code.get(this.rip);
    code.get(exit);
    code.i64(EXIT_RIP_SHIFT);
    code.byte(I64_SHR_S);
    code.byte(I64_ADD);
    code.set(this.exitRip);
    code.get(this.budget);
    this.pushOfExit(EXIT_UNUSED_SHIFT);
    code.byte(I64_ADD);
    code.set(this.budget);
    this.storeSlot(MISSED, () => code.get(this.va));
    this.storeSlot(MISSED_ACCESS, () => this.pushOfExit(0));
  }

  private pushOfExit(shift: number): void {
    const { code } = this;
    code.get(this.exit);
    if (shift !== 0) {
      code.i64(shift);
      code.byte(I64_SHR_S);
    }
    code.i64((1 << EXIT_UNUSED_SHIFT) - 1);
    code.byte(I64_AND);
  }

  /** Leaves at `offset` with `unused` instructions of the block not retired. */
  private leaveEarly(offset: number, unused: number): void {
    const { code } = this;
    this.blockRip(offset);
    code.set(this.exitRip);
    if (unused !== 0) {
      code.get(this.budget);
      code.i64(unused);
      code.byte(I64_ADD);
      code.set(this.budget);
    }
    this.out(this.outLabel);
  }

  /** Bails if the operation just tried was refused. */
  bailIfRefused(k: number): void {
    this.code.get(CTX);
    this.code.access(I32_LOAD, STATE, REGION_BAIL * 8);
    this.openHinted(false);
    this.bail(k);
    this.close();
  }

  /** Pushes (i32) whether exitRip leads to `block`: it is alive, as are the `others` of its page, and their frame mapped there, by the soft TLB. */
  pushMapped(block: RegionBlock, others: readonly RegionBlock[]): void {
    const { code } = this;
    code.get(this.exitRip);
    code.byte(I32_WRAP);
    code.i32(7);
    code.byte(I32_SHR_U);
    code.i32((TLB_ENTRIES - 1) << 5);
    code.byte(I32_AND);
    code.get(this.tlb);
    code.byte(I32_ADD);
    code.tee(this.entry);
    code.access(I64_LOAD, STATE, TLB_EXEC);
    code.get(this.exitRip);
    code.i64(-4096);
    code.byte(I64_AND);
    code.get(this.asid);
    code.byte(I64_OR);
    code.byte(I64_EQ);
    code.get(this.exitRip);
    code.byte(I32_WRAP);
    code.get(this.entry);
    code.access(I32_LOAD, STATE, TLB_ADDEND);
    code.byte(I32_ADD);
    this.headerWord(block, BLK_PHYS);
    code.byte(I32_EQ);
    code.byte(I32_AND);
    this.headerWord(block, BLK_FLAGS);
    for (const other of others) {
      this.headerWord(other, BLK_FLAGS);
      code.byte(I32_OR);
    }
    code.byte(I32_EQZ);
    code.byte(I32_AND);
  }

  /** Pushes the i32 at `field` of the header of `block`. */
  private headerWord(block: RegionBlock, field: number): void {
    const { code } = this;
    code.i32(0);
    code.byte(I32_LOAD);
    code.byte(STATE);
    this.relocations.push({ at: code.length, kind: 'offset', block: this.blocks.indexOf(block), addend: field });
    code.wide(block.address + field);
  }

  /** After an instruction whose helper may have written to code: leaves at `offset` if the region was dropped. */
  checkAlive(offset: number, unused: number): void {
    this.pushAlive(I32_NE);
    this.openHinted(false);
    this.leaveEarly(offset, unused);
    this.close();
  }

  /** Pushes (i32) whether the region has not been dropped (I32_EQ), or whether it has (I32_NE). */
  pushAlive(compare: number): void {
    const { code } = this;
    this.headerWord(this.blocks[0] as RegionBlock, BLK_REGION);
    code.byte(I32_CONST);
    this.relocations.push({ at: code.length, kind: 'region' });
    code.wide(this.index + 1);
    code.byte(compare);
  }
}
