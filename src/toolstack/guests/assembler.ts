/**
 * A small x86 assembler for guests of our own: straight encodings, labels, data. It knows the instructions those guests
 * use and nothing more; the code size (32 or 64) is switched by `bits`.
 */

/** General registers by number; the same names serve 32 and 64 bits. */
export const R = { ax: 0, cx: 1, dx: 2, bx: 3, sp: 4, bp: 5, si: 6, di: 7, r8: 8, r9: 9, r10: 10, r11: 11, r12: 12, r13: 13, r14: 14, r15: 15 } as const;

/** Conditions of Jcc by number. */
export const CC = { o: 0, no: 1, b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, s: 8, ns: 9, l: 12, ge: 13, le: 14, g: 15 } as const;

interface Fixup {
  readonly at: number;
  readonly label: string;
  /** rel32: relative to the end of the field; abs32, abs64: the label's address. */
  readonly kind: 'rel32' | 'abs32' | 'abs64';
  /** Right shift of the address (frame numbers: 12). */
  readonly shift?: number;
}

/** Memory operand: base register plus displacement. */
export interface Mem {
  readonly base: number;
  readonly disp?: number;
}

export class Assembler {
  private bytes: number[] = [];
  private readonly labels = new Map<string, number>();
  private readonly fixups: Fixup[] = [];
  private readonly origin: number;
  /** Code size: 32 or 64. */
  bits: 32 | 64;

  /** Code for address `origin`. */
  constructor(origin: number, bits: 32 | 64) {
    this.origin = origin;
    this.bits = bits;
  }

  /** Address of the next byte. */
  get here(): number {
    return this.origin + this.bytes.length;
  }

  label(name: string): this {
    if (this.labels.has(name)) throw new Error(`label ${name} is defined twice`);
    this.labels.set(name, this.here);
    return this;
  }

  /** A label for an address that is not `here` (a pointer with flag bits in it). */
  defineAt(name: string, address: number): this {
    this.labels.set(name, address);
    return this;
  }

  /** Address of a label that is defined already. */
  address(name: string): number {
    const at = this.labels.get(name);
    if (at === undefined) throw new Error(`label ${name} is not defined`);
    return at;
  }

  db(...bytes: number[]): this {
    for (const byte of bytes) this.bytes.push(byte & 0xff);
    return this;
  }

  text(text: string): this {
    return this.db(...new TextEncoder().encode(text));
  }

  dd(value: number): this {
    return this.db(value, value >>> 8, value >>> 16, value >>> 24);
  }

  dq(value: bigint): this {
    return this.dd(Number(BigInt.asUintN(32, value))).dd(Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** 32-bit address of a label as data. */
  ddLabel(label: string): this {
    this.fixups.push({ at: this.bytes.length, label, kind: 'abs32' });
    return this.dd(0);
  }

  /** 32-bit address of a label, shifted right: its frame number for 12. */
  ddShifted(label: string, shift: number): this {
    this.fixups.push({ at: this.bytes.length, label, kind: 'abs32', shift });
    return this.dd(0);
  }

  dqLabel(label: string): this {
    this.fixups.push({ at: this.bytes.length, label, kind: 'abs64' });
    return this.dq(0n);
  }

  align(to: number): this {
    while (this.here % to !== 0) this.db(0);
    return this;
  }

  space(count: number): this {
    for (let i = 0; i < count; i++) this.bytes.push(0);
    return this;
  }

  // ---- instructions ---------------------------------------------------------------------------------------------

  /** REX for the operand size of the mode and high registers; nothing when none is needed. */
  private rex(wide: boolean, reg: number, rm: number): void {
    const rex = 0x40 | (wide && this.bits === 64 ? 8 : 0) | (reg >= 8 ? 4 : 0) | (rm >= 8 ? 1 : 0);
    if (rex !== 0x40) this.db(rex);
  }

  private modrm(reg: number, rm: number | Mem): void {
    if (typeof rm === 'number') {
      this.db(0xc0 | ((reg & 7) << 3) | (rm & 7));
      return;
    }
    this.db(0x80 | ((reg & 7) << 3) | (rm.base & 7));
    if ((rm.base & 7) === 4) this.db(0x24);
    this.dd(rm.disp ?? 0);
  }

  private operation(opcode: readonly number[], reg: number, rm: number | Mem, wide = true): this {
    this.rex(wide, reg, typeof rm === 'number' ? rm : rm.base);
    this.db(...opcode);
    this.modrm(reg, rm);
    return this;
  }

  /** Register = 32-bit number (zero-extended). */
  movi(reg: number, value: number): this {
    this.rex(false, 0, reg);
    return this.db(0xb8 | (reg & 7)).dd(value);
  }

  /** Register = 64-bit number. */
  movq(reg: number, value: bigint): this {
    this.rex(true, 0, reg);
    return this.db(0xb8 | (reg & 7)).dq(value);
  }

  /** Register = address of a label (32 bits, zero-extended). */
  lea(reg: number, label: string): this {
    this.rex(false, 0, reg);
    this.db(0xb8 | (reg & 7));
    return this.ddLabel(label);
  }

  mov(to: number, from: number): this {
    return this.operation([0x89], from, to);
  }

  load(to: number, from: Mem): this {
    return this.operation([0x8b], to, from);
  }

  load32(to: number, from: Mem): this {
    return this.operation([0x8b], to, from, false);
  }

  /** Byte, zero-extended. */
  load8(to: number, from: Mem): this {
    return this.operation([0x0f, 0xb6], to, from, false);
  }

  store(to: Mem, from: number): this {
    return this.operation([0x89], from, to);
  }

  store32(to: Mem, from: number): this {
    return this.operation([0x89], from, to, false);
  }

  /** Low byte of AX, CX, DX or BX. */
  store8(to: Mem, from: number): this {
    return this.operation([0x88], from, to, false);
  }

  add(to: number, from: number): this {
    return this.operation([0x01], from, to);
  }

  addi(to: number, value: number): this {
    return this.operation([0x81], 0, to).dd(value);
  }

  subi(to: number, value: number): this {
    return this.operation([0x81], 5, to).dd(value);
  }

  andi(to: number, value: number): this {
    return this.operation([0x81], 4, to).dd(value);
  }

  xor(to: number, from: number): this {
    return this.operation([0x31], from, to);
  }

  shl(to: number, count: number): this {
    return this.operation([0xc1], 4, to).db(count);
  }

  shr(to: number, count: number): this {
    return this.operation([0xc1], 5, to).db(count);
  }

  cmpi(reg: number, value: number): this {
    return this.operation([0x81], 7, reg).dd(value);
  }

  cmp(a: number, b: number): this {
    return this.operation([0x39], b, a);
  }

  test(a: number, b: number): this {
    return this.operation([0x85], b, a);
  }

  /** Clear bit `reg` (a 64-bit bit number) of the bit string at `to`. */
  btr(to: Mem, reg: number): this {
    return this.operation([0x0f, 0xb3], reg, to);
  }

  push(reg: number): this {
    this.rex(false, 0, reg);
    return this.db(0x50 | (reg & 7));
  }

  pop(reg: number): this {
    this.rex(false, 0, reg);
    return this.db(0x58 | (reg & 7));
  }

  private near(opcode: readonly number[], label: string): this {
    this.db(...opcode);
    this.fixups.push({ at: this.bytes.length, label, kind: 'rel32' });
    return this.dd(0);
  }

  jmp(label: string): this {
    return this.near([0xe9], label);
  }

  jcc(condition: number, label: string): this {
    return this.near([0x0f, 0x80 | condition], label);
  }

  call(label: string): this {
    return this.near([0xe8], label);
  }

  ret(): this {
    return this.db(0xc3);
  }

  /** OUT imm8, AL. */
  outb(port: number): this {
    return this.db(0xe6, port);
  }

  vmmcall(): this {
    return this.db(0x0f, 0x01, 0xd9);
  }

  hlt(): this {
    return this.db(0xf4);
  }

  cli(): this {
    return this.db(0xfa);
  }

  sti(): this {
    return this.db(0xfb);
  }

  ud2(): this {
    return this.db(0x0f, 0x0b);
  }

  /** Control register `cr` = register. */
  movToCr(cr: number, reg: number): this {
    return this.db(0x0f, 0x22, 0xc0 | (cr << 3) | reg);
  }

  movFromCr(reg: number, cr: number): this {
    return this.db(0x0f, 0x20, 0xc0 | (cr << 3) | reg);
  }

  wrmsr(): this {
    return this.db(0x0f, 0x30);
  }

  rdmsr(): this {
    return this.db(0x0f, 0x32);
  }

  /** LGDT of a pointer at a label (absolute address, 32-bit code). */
  lgdt(label: string): this {
    this.db(0x0f, 0x01, 0x15);
    return this.ddLabel(label);
  }

  lidt(label: string): this {
    if (this.bits === 64) this.db(0x0f, 0x01, 0x1c, 0x25);
    else this.db(0x0f, 0x01, 0x1d);
    return this.ddLabel(label);
  }

  /** Far jump to a label through selector (32-bit code). */
  ljmp(selector: number, label: string): this {
    this.db(0xea);
    this.ddLabel(label);
    return this.db(selector, selector >>> 8);
  }

  /** The finished bytes, labels resolved. */
  finish(): Uint8Array {
    const out = Uint8Array.from(this.bytes);
    const view = new DataView(out.buffer);
    for (const { at, label, kind, shift } of this.fixups) {
      const target = Math.floor(this.address(label) / 2 ** (shift ?? 0));
      if (kind === 'rel32') view.setInt32(at, target - (this.origin + at + 4), true);
      else if (kind === 'abs32') view.setUint32(at, target, true);
      else view.setBigUint64(at, BigInt(target), true);
    }
    return out;
  }
}
