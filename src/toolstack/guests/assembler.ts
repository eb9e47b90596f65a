/**
 * A small x86 assembler for guests of our own: straight encodings, labels, data. It knows the instructions those guests
 * use and nothing more; the code size (32 or 64) is switched by `bits`.
 */

/** General registers by number; the same names serve 32 and 64 bits. */
export const R = { ax: 0, cx: 1, dx: 2, bx: 3, sp: 4, bp: 5, si: 6, di: 7, r8: 8, r9: 9, r10: 10, r11: 11, r12: 12, r13: 13, r14: 14, r15: 15 } as const;

/** Conditions of Jcc and SETcc by number. */
export const CC = { o: 0, no: 1, b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, s: 8, ns: 9, l: 12, ge: 13, le: 14, g: 15 } as const;

interface Fixup {
  readonly at: number;
  readonly label: string;
  /** rel32: relative to the end of the field; abs32, abs64: the label's address. */
  readonly kind: 'rel32' | 'abs32' | 'abs64';
  /** Right shift of the address (frame numbers: 12). */
  readonly shift?: number;
  /** Added to the label's address, before the shift. */
  readonly addend?: number;
  /** OR-ed into a 64-bit address: flags of a page table entry. */
  readonly flags?: bigint;
}

/** Memory operand: base register (or none: an absolute address) plus a label's address plus displacement. */
export interface Mem {
  readonly base?: number;
  readonly label?: string;
  readonly disp?: number;
}

/** The memory at a label. */
export const at = (label: string, disp = 0): Mem => ({ label, disp });

/** Second operand of an arithmetic instruction: a register, or memory. */
type RegMem = number | Mem;

/** Arithmetic of two operands by number: opcode base / 8, and the extension of its immediate forms. */
const ALU = { add: 0, or: 1, adc: 2, sbb: 3, and: 4, sub: 5, xor: 6, cmp: 7 } as const;

/** Descriptor tables of LGDT and LIDT, by opcode extension. */
const TABLES = { lgdt: 2, lidt: 3 } as const;

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

  /** 64-bit address of a label, with flag bits (a page table entry). */
  dqLabel(label: string, flags = 0n): this {
    this.fixups.push({ at: this.bytes.length, label, kind: 'abs64', flags });
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

  private modrm(reg: number, rm: RegMem): void {
    const field = (reg & 7) << 3;
    if (typeof rm === 'number') {
      this.db(0xc0 | field | (rm & 7));
      return;
    }
    if (rm.base === undefined) {
      // absolute: 64-bit code needs the form with a SIB byte, the other one is relative to RIP
      if (this.bits === 64) this.db(field | 4, 0x25);
      else this.db(field | 5);
    } else {
      this.db(0x80 | field | (rm.base & 7));
      if ((rm.base & 7) === 4) this.db(0x24);
    }
    if (rm.label !== undefined) this.fixups.push({ at: this.bytes.length, label: rm.label, kind: 'abs32', addend: rm.disp ?? 0 });
    this.dd(rm.label === undefined ? (rm.disp ?? 0) : 0);
  }

  /** An instruction with a ModRM byte: REX if needed, opcode, operands. Prefixes other than REX go before it by `db`. */
  operation(opcode: readonly number[], reg: number, rm: RegMem, wide = true): this {
    this.rex(wide, reg, typeof rm === 'number' ? rm : (rm.base ?? 0));
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

  load16(to: number, from: Mem): this {
    return this.operation([0x0f, 0xb7], to, from, false);
  }

  store(to: Mem, from: number): this {
    return this.operation([0x89], from, to);
  }

  store32(to: Mem, from: number): this {
    return this.operation([0x89], from, to, false);
  }

  /** Store a sign-extended 32-bit number. */
  storei(to: Mem, value: number): this {
    return this.operation([0xc7], 0, to).dd(value);
  }

  storei32(to: Mem, value: number): this {
    return this.operation([0xc7], 0, to, false).dd(value);
  }

  storei16(to: Mem, value: number): this {
    return this.db(0x66)
      .operation([0xc7], 0, to, false)
      .db(value, value >>> 8);
  }

  storei8(to: Mem, value: number): this {
    return this.operation([0xc6], 0, to, false).db(value);
  }

  /** Low byte of AX, CX, DX or BX. */
  store8(to: Mem, from: number): this {
    return this.operation([0x88], from, to, false);
  }

  /** Full-width arithmetic on a register or memory with a register. */
  alu(what: keyof typeof ALU, to: RegMem, from: number): this {
    return this.operation([(ALU[what] << 3) | 1], from, to);
  }

  /** The same with a sign-extended 32-bit number. */
  alui(what: keyof typeof ALU, to: RegMem, value: number): this {
    return this.operation([0x81], ALU[what], to).dd(value);
  }

  add(to: number, from: number): this {
    return this.alu('add', to, from);
  }

  addi(to: number, value: number): this {
    return this.alui('add', to, value);
  }

  sub(to: number, from: number): this {
    return this.alu('sub', to, from);
  }

  subi(to: number, value: number): this {
    return this.alui('sub', to, value);
  }

  andi(to: number, value: number): this {
    return this.alui('and', to, value);
  }

  xor(to: number, from: number): this {
    return this.alu('xor', to, from);
  }

  neg(reg: number): this {
    return this.operation([0xf7], 3, reg);
  }

  /** RDX:RAX = RAX * register. */
  mul(reg: number): this {
    return this.operation([0xf7], 4, reg);
  }

  /** RAX = RDX:RAX / register, RDX = rest. */
  div(reg: number): this {
    return this.operation([0xf7], 6, reg);
  }

  /** Memory 32 bits + 1. */
  inc32(to: Mem): this {
    return this.operation([0xff], 0, to, false);
  }

  shl(to: number, count: number): this {
    return this.operation([0xc1], 4, to).db(count);
  }

  shr(to: number, count: number): this {
    return this.operation([0xc1], 5, to).db(count);
  }

  cmpi(reg: RegMem, value: number): this {
    return this.alui('cmp', reg, value);
  }

  cmp(a: number, b: number): this {
    return this.alu('cmp', a, b);
  }

  test(a: number, b: number): this {
    return this.operation([0x85], b, a);
  }

  /** AL, CL, DL or BL = condition. */
  setcc(condition: number, reg: number): this {
    return this.operation([0x0f, 0x90 | condition], 0, reg, false);
  }

  /** Clear bit `reg` (a 64-bit bit number) of the bit string at `to`. */
  btr(to: Mem, reg: number): this {
    return this.operation([0x0f, 0xb3], reg, to);
  }

  push(...regs: readonly number[]): this {
    for (const reg of regs) {
      this.rex(false, 0, reg);
      this.db(0x50 | (reg & 7));
    }
    return this;
  }

  /** Sign-extended 32-bit number. */
  pushi(value: number): this {
    return this.db(0x68).dd(value);
  }

  pushLabel(label: string): this {
    return this.db(0x68).ddLabel(label);
  }

  pop(...regs: readonly number[]): this {
    for (const reg of regs) {
      this.rex(false, 0, reg);
      this.db(0x58 | (reg & 7));
    }
    return this;
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

  /** CALL or JMP through a register or memory. */
  callTo(to: RegMem): this {
    return this.operation([0xff], 2, to, false);
  }

  jmpTo(to: RegMem): this {
    return this.operation([0xff], 4, to, false);
  }

  ret(): this {
    return this.db(0xc3);
  }

  iretq(): this {
    return this.db(0x48, 0xcf);
  }

  int(vector: number): this {
    return this.db(0xcd, vector);
  }

  /** OUT imm8, AL. */
  outb(port: number): this {
    return this.db(0xe6, port);
  }

  vmmcall(): this {
    return this.db(0x0f, 0x01, 0xd9);
  }

  vmcall(): this {
    return this.db(0x0f, 0x01, 0xc1);
  }

  cpuid(): this {
    return this.db(0x0f, 0xa2);
  }

  /** RAX = the time-stamp counter; RDX is used up. */
  tsc(): this {
    return this.db(0x0f, 0x31).shl(R.dx, 32).alu('or', R.ax, R.dx);
  }

  invlpg(to: Mem): this {
    return this.operation([0x0f, 0x01], 7, to, false);
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

  /** LGDT, LIDT of a pointer at a label (absolute address). */
  lgdt(label: string): this {
    return this.operation([0x0f, 0x01], TABLES.lgdt, at(label), false);
  }

  lidt(label: string): this {
    return this.operation([0x0f, 0x01], TABLES.lidt, at(label), false);
  }

  ltr(selector: number): this {
    return this.movi(R.ax, selector).db(0x0f, 0x00, 0xd8);
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
    for (const { at: offset, label, kind, shift, addend, flags } of this.fixups) {
      const target = Math.floor((this.address(label) + (addend ?? 0)) / 2 ** (shift ?? 0));
      if (kind === 'rel32') view.setInt32(offset, target - (this.origin + offset + 4), true);
      else if (kind === 'abs32') view.setUint32(offset, target, true);
      else view.setBigUint64(offset, BigInt(target) | (flags ?? 0n), true);
    }
    return out;
  }
}
