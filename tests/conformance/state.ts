/** The state a code starts from: registers that grant its instructions' wishes, and chance for the rest. */
import type { Dice } from '../../src/translator/decode/encodings.ts';
import { anySelector, type Code, farTarget } from './generate.ts';
import type { Content, Wish } from './instruction.ts';
import * as L from './layout.ts';
import { extended, integer, random32, VECTOR_KINDS, vector } from './values.ts';

const RSP = 4;
const TEMPLATES = VECTOR_KINDS + 3;
const DIRECTION = 0x400;

export class StateMaker {
  private readonly dice: Dice;
  private readonly wide: boolean;
  private readonly baseOf: (selector: number) => number;
  private cases: Int32Array = new Int32Array(0);
  private at = 0;
  private pinned = 0;
  private code!: Code;

  /** `wide`: there are YMM registers. */
  constructor(dice: Dice, baseOf: (selector: number) => number, wide: boolean) {
    this.dice = dice;
    this.wide = wide;
    this.baseOf = baseOf;
  }

  /** Writes a case record for `code` to `cases[at]`. */
  make(code: Code, cases: Int32Array, at: number): void {
    const { dice } = this;
    this.cases = cases;
    this.at = at;
    this.code = code;
    this.pinned = 0;
    cases.fill(0, at, at + L.CASE_WORDS);
    cases[at + L.C_ENTRY] = code.offsets[0] as number;
    cases[at + L.C_TEMPLATE] = dice.next(TEMPLATES);
    const { ds, es, fs, gs, ss, cs, fsBase, gsBase } = code.segments;
    cases[at + L.C_DS_ES] = ds | (es << 16);
    cases[at + L.C_FS_GS] = fs | (gs << 16);
    cases[at + L.C_SS_CS] = ss | (cs << 16);
    cases[at + L.C_FSBASE] = fsBase;
    cases[at + L.C_GSBASE] = gsBase;
    cases[at + L.C_RFLAGS] = 0x202 | (random32(dice) & 0x8d5) | (dice.next(8) === 0 ? DIRECTION : 0);
    for (let n = 0; n < 16; n++) integer(dice, cases, at + L.C_GPR + n * 2);
    this.stackPointer();
    for (const { target, content, operandSize } of code.fixed) this.fill(target - L.WINDOW, content, operandSize);
    for (const { wishes, operandSize } of code.instructions) for (const wish of wishes) this.grant(wish, operandSize);
    if (code.mode !== 2) {
      for (let n = 0; n < 16; n++) {
        cases[at + L.C_GPR + n * 2 + 1] = 0;
        if (n >= 8) cases[at + L.C_GPR + n * 2] = 0;
      }
    }
    this.floating();
    for (const { wishes } of code.instructions) for (const wish of wishes) if (wish.kind === 'indexes') this.indexes(wish.register, wish.wide);
  }

  private set(register: number, low: number, high = 0): void {
    this.cases[this.at + L.C_GPR + register * 2] = low;
    this.cases[this.at + L.C_GPR + register * 2 + 1] = high;
    this.pinned |= 1 << register;
  }

  private get(register: number): number {
    return this.cases[this.at + L.C_GPR + register * 2] as number;
  }

  /** Mostly in the middle of the stack's page, sometimes at an edge or off it. */
  private stackPointer(): void {
    const { dice, code } = this;
    const kind = dice.next(16);
    if (kind === 0 && code.mode === 2) return;
    let offset = L.STACK + 0x400 + dice.next(0x80) * 16;
    if (kind === 1) offset = L.STACK + dice.next(24);
    else if (kind === 2) offset = L.STACK_END - dice.next(24);
    else if (kind < 5) offset += dice.next(16);
    this.set(RSP, L.WINDOW + offset - (code.mode === 2 ? 0 : this.baseOf(code.segments.ss)));
    this.pinned &= ~(1 << RSP);
  }

  private grant(wish: Wish, operandSize: number): void {
    if (wish.kind === 'memory') this.memory(wish, operandSize);
    else if (wish.kind === 'indexes')
      return; // when the vectors are there
    else if (wish.kind === 'register') this.register(wish);
    else if (wish.content !== 'any') {
      const base = this.code.mode === 2 ? 0 : this.baseOf(this.code.segments.ss);
      this.fill(this.get(RSP) + base - L.WINDOW, wish.content, wish.operandSize);
    }
  }

  private register({ register, content }: Extract<Wish, { kind: 'register' }>): void {
    const { dice } = this;
    // never more components than the guest's XCR0 has: the host's may have others
    if (content === 'components') return this.set(register, dice.next(8), 0);
    if (content === 'zero') return this.set(register, 0, 0);
    if (((this.pinned >> register) & 1) !== 0 || dice.next(20) === 0) return;
    if (content === 'count') this.set(register, dice.next(6) === 0 ? dice.next(600) : dice.next(6), 0);
    else if (content === 'bit') {
      const bits = dice.next(2) === 0 ? dice.next(64) : dice.next(4096) - 2048;
      this.set(register, bits, bits >> 31);
    } else if (content === 'selector') this.set(register, (random32(dice) & ~0xffff) | anySelector(dice), random32(dice));
    else this.set(register, this.landing());
  }

  private indexes(register: number, wide: boolean): void {
    const { dice, cases, at } = this;
    if (dice.next(24) === 0) return;
    for (const half of [at + L.C_FX + 40 + register * 4, at + L.C_YMM + register * 4]) {
      for (let n = 0; n < 4; n++) {
        const index = dice.next(96) === 0 ? dice.next(0x10000) - 0x8000 : dice.next(160) - 64;
        if (!wide || (n & 1) === 0) cases[half + n] = index;
        else cases[half + n] = (cases[half + n - 1] as number) >> 31;
      }
    }
  }

  private landing(): number {
    const { dice, code } = this;
    const offset = code.landings[dice.next(code.landings.length)] as number;
    return code.segments.cs === L.USER_CS32 || code.segments.cs === L.USER_CS64 ? L.CODE + offset : offset;
  }

  private memory(wish: Extract<Wish, { kind: 'memory' }>, operandSize: number): void {
    const { dice, code } = this;
    if (dice.next(24) === 0) return;
    const target = this.target(wish.size);
    const { base, index, scale, disp, addressSize, segment, content } = wish;
    const segments = code.segments;
    const selector = [segments.es, segments.cs, segments.ss, segments.ds, segments.fs, segments.gs][segment] as number;
    const segmentBase = code.mode === 2 ? (segment === 4 ? segments.fsBase : segment === 5 ? segments.gsBase : 0) : this.baseOf(selector);
    const isPinned = (register: number): boolean => register < 0 || ((this.pinned >> register) & 1) !== 0;
    if (index >= 0 && !isPinned(index) && index !== base) {
      const small = index === 0 && base === 3 && scale === 0 ? random32(dice) : dice.next(3) === 0 ? dice.next(0x10000) : dice.next(128) - 64;
      this.set(index, small, small >> 31);
    }
    let indexLow =
      index >= 0 ? BigInt.asUintN(64, (BigInt(this.cases[this.at + L.C_GPR + index * 2 + 1] as number) << 32n) | BigInt(this.get(index) >>> 0)) : 0n;
    if (index === 0 && base === 3 && scale === 0 && wish.size === 1) indexLow &= 0xffn;
    const wanted = BigInt(target) - BigInt(segmentBase) - BigInt(disp);
    if (base >= 0 && index !== base && !isPinned(base)) {
      const value = BigInt.asUintN(64, wanted - (indexLow << BigInt(scale)));
      const low = Number(value & 0xffffffffn) | 0;
      if (addressSize === 8) this.set(base, low, Number(value >> 32n) | 0);
      else if (addressSize === 4) this.set(base, low, random32(dice));
      else this.set(base, (low & 0xffff) | (this.get(base) & ~0xffff), 0);
    } else if (base < 0 && index >= 0) {
      // pinned just now, but nobody else relies on it
      const value = BigInt.asUintN(64, wanted) >> BigInt(scale);
      this.set(index, Number(value & 0xffffffffn) | 0, addressSize === 8 ? Number((BigInt.asIntN(64, wanted) >> BigInt(scale)) >> 32n) | 0 : random32(dice));
    } else return;
    if (content !== 'any') this.fill(target - L.WINDOW, content, operandSize);
  }

  /** A linear address for an operand of `size` bytes. */
  private target(size: number): number {
    const { dice } = this;
    const kind = dice.next(32);
    const reach = Math.min(size, 64);
    if (kind === 0) return L.WINDOW + L.DATA_END - 1 - dice.next(reach);
    if (kind === 1) return L.WINDOW + L.DATA_END - size;
    if (kind === 2) return L.WINDOW + L.DATA + 0x1000 - 1 - dice.next(reach);
    if (kind === 3) return L.WINDOW + L.READ_ONLY + dice.next(0xe00);
    if (kind === 4) return L.WINDOW + L.DATA - 1 - dice.next(reach);
    if (kind === 5) return L.WINDOW + L.DATA_END + dice.next(0x1000);
    if (kind === 6) return L.WINDOW + L.READ_ONLY - 1 - dice.next(reach);
    if (kind === 7 && this.code.mode === 2) return dice.next(2) === 0 ? 0x7ffffffffff0 + dice.next(32) : 0x1234567890ab;
    if (size === 832 && dice.next(8) !== 0) return L.WINDOW + L.DATA + dice.next(100) * 64;
    const room = (L.DATA_END - L.DATA - Math.max(size, 16)) >> 4;
    const aligned = L.WINDOW + L.DATA + dice.next(room) * 16;
    return aligned + (dice.next(size >= 16 ? 4 : 2) === 0 ? dice.next(16) : 0);
  }

  private patch(offset: number, low: number, high: number): void {
    const { cases, at } = this;
    const count = cases[at + L.C_PATCHES] as number;
    const inside = (offset >= L.READ_ONLY && offset <= L.DATA_END - 8) || (offset >= L.STACK && offset <= L.STACK_END - 8);
    if (count >= L.MAX_PATCHES || !inside) return;
    const to = at + L.C_PATCH + count * 4;
    cases[to] = offset;
    cases[to + 2] = low;
    cases[to + 3] = high;
    cases[at + L.C_PATCHES] = count + 1;
  }

  /** Puts what an instruction wants to find at `offset` in the window. */
  private fill(offset: number, content: Content, operandSize: number): void {
    const { dice, code } = this;
    if (dice.next(16) === 0) return;
    switch (content) {
      case 'code':
        this.patch(offset, this.landing(), 0);
        break;
      case 'selector':
        this.patch(offset, (random32(dice) & ~0xffff) | anySelector(dice), random32(dice));
        break;
      case 'far':
      case 'frame':
      case 'pointer': {
        const { offset: ip, selector } = farTarget(dice, code.mode, code.segments, code.landings);
        const cs = content === 'pointer' ? anySelector(dice) : selector;
        const step = content === 'far' && /^(CALL|JMP)$/.test('') ? operandSize : operandSize;
        this.slot(offset, content === 'pointer' ? random32(dice) : ip, step);
        this.slot(offset + step, cs, step);
        if (content === 'frame') {
          this.slot(offset + 2 * step, (random32(dice) & 0x250dd5) | 0x202, step);
          this.slot(offset + 3 * step, this.get(RSP) - dice.next(3) * 16, step);
          this.slot(offset + 4 * step, dice.next(8) === 0 ? anySelector(dice) : code.segments.ss, step);
        }
        break;
      }
      case 'mxcsr':
        this.patch(offset, random32(dice) & (dice.next(6) === 0 ? 0x1ffff : 0xffff), 0);
        break;
      case 'fxsave':
        this.patch(offset, 0x37f | (dice.next(8) << 27), (random32(dice) & 0x7ff00ff) | 0);
        this.patch(offset + 8, random32(dice), 0);
        this.patch(offset + 16, random32(dice), 0);
        this.patch(offset + 24, this.mxcsr(), 0x2ffff);
        break;
      case 'xsave':
        this.patch(offset + 24, this.mxcsr(), 0x2ffff);
        this.patch(offset + 512, dice.next(8), dice.next(20) === 0 ? 1 : 0);
        this.patch(offset + 520, dice.next(20) === 0 ? random32(dice) : 0, dice.next(20) === 0 ? -0x80000000 : 0);
        for (let n = 0; n < 5; n++) this.patch(offset + 528 + n * 8, 0, 0);
        break;
      case 'fenv':
        this.patch(offset, this.control(), 0);
        break;
      default:
    }
  }

  /** One stack slot or field of `size` bytes; what follows it in its eight bytes is overwritten by the next. */
  private slot(offset: number, value: number, size: number): void {
    this.patch(offset, value, size === 8 ? 0 : random32(this.dice));
  }

  private control(): number {
    const { dice } = this;
    if (dice.next(4) !== 0) return 0x37f;
    return 0x40 | (dice.next(3) === 0 ? dice.next(64) : 0x3f) | (dice.next(4) << 8) | (dice.next(4) << 10);
  }

  private mxcsr(): number {
    const { dice } = this;
    if (dice.next(3) !== 0) return 0x1f80 | (dice.next(8) === 0 ? dice.next(64) : 0);
    return (
      (dice.next(4) << 13) |
      (dice.next(3) === 0 ? dice.next(64) << 7 : 0x1f80) |
      (dice.next(2) === 0 ? 0 : dice.next(64)) |
      (dice.next(4) === 0 ? 0x8000 : 0) |
      (dice.next(4) === 0 ? 0x40 : 0)
    );
  }

  private floating(): void {
    const { dice, cases, at } = this;
    const fx = at + L.C_FX;
    const control = this.control();
    let status = (dice.next(8) << 11) | (dice.next(16) === 0 ? random32(dice) & 0x4700 : 0);
    if (dice.next(5) === 0) status |= dice.next(64) | (dice.next(8) === 0 ? 0x40 : 0);
    // pending only now and then: every waiting instruction would only report it
    if ((status & ~control & 0x3f) !== 0) {
      if (dice.next(4) === 0) status |= 0x8080;
      else status &= ~0x3f;
    }
    cases[fx] = control | (status << 16);
    const tags = dice.next(3) !== 0 ? 0xff : dice.next(3) === 0 ? 0 : dice.next(256);
    cases[fx + 1] = tags | (dice.next(0x800) << 16);
    cases[fx + 2] = random32(dice);
    cases[fx + 4] = random32(dice);
    cases[fx + 6] = this.mxcsr();
    cases[fx + 7] = 0x2ffff;
    for (let n = 0; n < 8; n++) extended(dice, cases, fx + 8 + n * 4);
    const kind = dice.next(VECTOR_KINDS);
    for (let n = 0; n < 16; n++) vector(dice, kind, cases, fx + 40 + n * 4);
    if (this.wide) for (let n = 0; n < 16; n++) vector(dice, kind, cases, at + L.C_YMM + n * 4);
  }
}
