/**
 * Collects the IR of one block in typed arrays, one element per operation. One builder is reused for every block, and
 * emitting allocates nothing: translation speed is boot speed.
 */
import { H_RAISE } from '../../machine/helpers/system.ts';
import { MODE_CODE64, MODE_FLAT, MODE_SIZE_MASK, T0, TEMPS, VT0 } from '../../machine/layout.ts';
import { OP_CC, OP_CCI, OP_EXIT, OP_HSYS, OP_LEA, OP_LEA32, OP_MOV, OP_MOVI, OP_NEXT, OP_NOP, OP_SEL } from '../../machine/ops.ts';

/** Room for operations of one block; `full` warns well before. */
export const BUILDER_CAPACITY = 2048;
/** Operations one instruction may need at most (PUSHA with segment checks is the longest). */
const INSTRUCTION_RESERVE = 256;

/** Mark of an operation that is part of a LOCKed read-modify-write (LDM and its store). */
export const MARK_LOCK = 1;

export class Builder {
  readonly op: Uint16Array = new Uint16Array(BUILDER_CAPACITY);
  readonly d: Uint8Array = new Uint8Array(BUILDER_CAPACITY);
  readonly a: Uint8Array = new Uint8Array(BUILDER_CAPACITY);
  readonly b: Uint8Array = new Uint8Array(BUILDER_CAPACITY);
  readonly c: Uint8Array = new Uint8Array(BUILDER_CAPACITY);
  /** Offset in bytes of the guest instruction in the block. */
  readonly ipos: Uint8Array = new Uint8Array(BUILDER_CAPACITY);
  /** Index of the guest instruction in the block. */
  readonly idx: Uint8Array = new Uint8Array(BUILDER_CAPACITY);
  /** MARK_*; not part of the bytecode. */
  readonly mark: Uint8Array = new Uint8Array(BUILDER_CAPACITY);
  /** Low and high 32 bits of the immediate. */
  readonly immLo: Int32Array = new Int32Array(BUILDER_CAPACITY);
  readonly immHi: Int32Array = new Int32Array(BUILDER_CAPACITY);

  /** Operations so far. */
  count = 0;
  /** The block's mode word (MODE_*). */
  mode = 0;
  /** 64-bit code. */
  code64 = true;
  /** ES, CS, SS and DS need no segment arithmetic or checks. */
  flat = true;
  /** Of the instruction being lifted. */
  instructionPos = 0;
  instructionIdx = 0;
  /** Counts instructions ever lifted, so that per-instruction state can be told from stale state. */
  serial = 0;
  /** While set, memory operations are marked MARK_LOCK. */
  locked = false;
  /** A block end was emitted. */
  ended = false;
  private nextTemp = T0;
  private nextVector = VT0;

  /** Starts a block. */
  begin(mode: number): void {
    this.count = 0;
    this.mode = mode;
    this.code64 = (mode & MODE_SIZE_MASK) === MODE_CODE64;
    this.flat = (mode & MODE_FLAT) !== 0 || this.code64;
    this.ended = false;
    this.beginInstruction(0, 0);
  }

  /** Starts an instruction `ipos` bytes into the block; temporaries of the one before are dead. */
  beginInstruction(ipos: number, idx: number): void {
    this.instructionPos = ipos;
    this.instructionIdx = idx;
    this.serial = (this.serial + 1) | 0;
    this.locked = false;
    this.nextTemp = T0;
    this.nextVector = VT0;
  }

  /** True when the next instruction might not fit. */
  get full(): boolean {
    return this.count > BUILDER_CAPACITY - INSTRUCTION_RESERVE;
  }

  /** A fresh temporary slot of this instruction. */
  temp(): number {
    const slot = this.nextTemp++;
    if (slot >= T0 + TEMPS) throw new Error('translator: an instruction needs more than 24 temporaries');
    return slot;
  }

  /** A fresh temporary vector register of this instruction. */
  vectorTemp(): number {
    const number = this.nextVector++;
    if (number >= VT0 + 8) throw new Error('translator: an instruction needs more than 8 vector temporaries');
    return number;
  }

  /** Emits an operation with all its fields. */
  emit(op: number, d: number, a: number, b: number, c: number, lo: number, hi: number): void {
    const k = this.count++;
    this.op[k] = op;
    this.d[k] = d;
    this.a[k] = a;
    this.b[k] = b;
    this.c[k] = c;
    this.ipos[k] = this.instructionPos;
    this.idx[k] = this.instructionIdx;
    this.mark[k] = this.locked ? MARK_LOCK : 0;
    this.immLo[k] = lo;
    this.immHi[k] = hi;
  }

  /** d = op(a). */
  un(op: number, d: number, a: number): void {
    this.emit(op, d, a, 0, 0, 0, 0);
  }

  /** d = op(a, b). */
  bin(op: number, d: number, a: number, b: number): void {
    this.emit(op, d, a, b, 0, 0, 0);
  }

  /** d = op(a, imm), imm an int32 extended to 64 bits. */
  imm(op: number, d: number, a: number, imm: number): void {
    this.emit(op, d, a, 0, 0, imm, imm >> 31);
  }

  /** d = a; nothing if they are the same slot. */
  mov(d: number, a: number): void {
    if (d !== a) this.emit(OP_MOV, d, a, 0, 0, 0, 0);
  }

  /** d = the 64-bit constant hi:lo. */
  movi(d: number, lo: number, hi: number = lo >> 31): void {
    this.emit(OP_MOVI, d, 0, 0, 0, lo, hi);
  }

  /** d = condition !== 0 ? a : b. */
  sel(d: number, condition: number, a: number, b: number): void {
    this.emit(OP_SEL, d, a, b, condition, 0, 0);
  }

  /** d = a + (b << scale) + imm. */
  lea(d: number, a: number, b: number, scale: number, lo: number, hi: number = lo >> 31): void {
    this.emit(OP_LEA, d, a, b, scale, lo, hi);
  }

  /** d = zx32(a + (b << scale) + imm). */
  lea32(d: number, a: number, b: number, scale: number, imm: number): void {
    this.emit(OP_LEA32, d, a, b, scale, imm, imm >> 31);
  }

  /** Lazy flags of operation `kind` (CC_* with its size added) and operands in slots. */
  cc(kind: number, a: number, b: number): void {
    this.emit(OP_CC, 0, a, b, kind, 0, 0);
  }

  /** Lazy flags with a constant second operand. */
  cci(kind: number, a: number, lo: number, hi: number = lo >> 31): void {
    this.emit(OP_CCI, 0, a, 0, kind, lo, hi);
  }

  /** Calls helper `number` of a family (OP_HSYS, OP_HSTR, ...); `extra` is an int32. */
  helper(op: number, number: number, d = 0, a = 0, b = 0, c = 0, extra = 0): void {
    this.emit(op, d, a, b, c, (extra << 16) | number, extra >> 16);
  }

  /** Ends the block with an exception of this instruction. */
  raise(vector: number, hasError = false, error = 0): void {
    this.helper(OP_HSYS, H_RAISE, vector, hasError ? 1 : 0, 0, 0, error);
    this.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
  }

  /** Leaves run() with EXIT_REASON `reason`, RIP at this instruction, EXIT_LEN `length`; ends the block. */
  exit(reason: number, length: number): void {
    this.end(OP_EXIT, length, 0, 0, reason, this.instructionPos, 0);
  }

  /** Emits a block end. */
  end(op: number, d: number, a: number, b: number, c: number, lo: number, hi: number): void {
    this.emit(op, d, a, b, c, lo, hi);
    this.ended = true;
  }

  /** Forgets operations from `count` on (an instruction whose lifting was given up). */
  rewind(count: number): void {
    this.count = count;
    this.ended = false;
  }

  /** Removes the NOPs that passes left. */
  compact(): void {
    const { op, d, a, b, c, ipos, idx, mark, immLo, immHi } = this;
    let to = 0;
    for (let k = 0; k < this.count; k++) {
      if (op[k] === OP_NOP) continue;
      if (to !== k) {
        op[to] = op[k] as number;
        d[to] = d[k] as number;
        a[to] = a[k] as number;
        b[to] = b[k] as number;
        c[to] = c[k] as number;
        ipos[to] = ipos[k] as number;
        idx[to] = idx[k] as number;
        mark[to] = mark[k] as number;
        immLo[to] = immLo[k] as number;
        immHi[to] = immHi[k] as number;
      }
      to++;
    }
    this.count = to;
  }
}
