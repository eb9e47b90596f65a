/** Runs the harness' records on the engine. */
import {
  CR4,
  FCW,
  FSW,
  FTW,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  MXCSR,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RIP,
  VEC,
  VEC_STRIDE,
  X87,
  X87_STRIDE,
  XCR0,
} from '../../src/machine/layout.ts';
import type { EngineOptions } from '../../src/translator/engine.ts';
import { TestMachine } from '../../src/translator/testing/test-machine.ts';
import { MEMORY_SIZE, REC_FAULT, REC_FLAGS, REC_GPR, REC_LENGTH, REC_MEMORY, REC_MXCSR, REC_X87, REC_XMM } from './native.ts';

const IDT = 0x8000;
const HANDLERS = 0x9000;
const OPERAND = 0x10000;
const CODE = 0x100000;
const CODE_END = 0x300000;
const SIGNALS: Readonly<Record<number, number>> = { 6: 4, 16: 8, 19: 8, 13: 11, 14: 11 };
const HLT = 0xf4;
/** To the next byte: what it ends can be a region. */
const JUMP = [0xeb, 0];
/** PAE, OSFXSR, OSXMMEXCPT, OSXSAVE. */
const CR4_VALUE = 0x40620;
const FLAGS = 0x8d5n;

const tagOf = (se: number, sig: bigint, used: boolean): number => {
  const exp = se & 0x7fff;
  if (!used) return 3;
  if (exp === 0 && sig === 0n) return 1;
  return exp === 0 || exp === 0x7fff || sig >> 63n === 0n ? 2 : 0;
};

export class FpuMachine {
  readonly machine: TestMachine;
  private readonly view: DataView;
  private codeAt = CODE;
  private lastCode = '';

  constructor(options: EngineOptions = {}) {
    const machine = new TestMachine(options);
    this.machine = machine;
    this.view = machine.memories.stateView;
    machine.enter(64, CODE);
    for (let vector = 0; vector < 32; vector++) {
      const handler = HANDLERS + vector;
      machine.write64(IDT + vector * 16, BigInt((handler & 0xffff) | 0x80000) | (0x8e00n << 32n) | (BigInt(handler >>> 16) << 48n));
      machine.write64(IDT + vector * 16 + 8, 0n);
      machine.write(handler, [HLT]);
    }
    // a flat 64-bit code segment at selector 8, data at 16
    machine.write64(0x7000, 0n);
    machine.write64(0x7008, 0x00af9b000000ffffn);
    machine.write64(0x7010, 0x00cf93000000ffffn);
    machine.context.setLow(GDTR_BASE, 0x7000);
    machine.context.setLow(GDTR_LIMIT, 0x17);
    machine.context.setLow(IDTR_BASE, IDT);
    machine.context.setLow(IDTR_LIMIT, 0x1ff);
  }

  /** Address of the code, written once per encoding. */
  private place(code: Buffer): number {
    const text = code.toString('hex');
    if (text !== this.lastCode) {
      this.lastCode = text;
      this.codeAt += 32;
      if (this.codeAt >= CODE_END) {
        this.codeAt = CODE;
        this.machine.engine.reset();
      }
      this.machine.write(this.codeAt, [...code, ...JUMP, HLT]);
    }
    return this.codeAt;
  }

  /** Runs one record in place: the state after the instruction replaces the one before. */
  run(record: Buffer): void {
    const { machine, view } = this;
    const { ctx, context } = machine;
    const rip = this.place(record.subarray(0, record.readUInt32LE(REC_LENGTH)));
    machine.enter(64, rip);
    context.setLow(CR4, CR4_VALUE);
    context.setLow(XCR0, 7);
    machine.write(OPERAND, record.subarray(REC_MEMORY));
    for (let k = 0; k < 4; k++) {
      view.setBigUint64(ctx + VEC + k * VEC_STRIDE, record.readBigUInt64LE(REC_XMM + 16 * k), true);
      view.setBigUint64(ctx + VEC + k * VEC_STRIDE + 8, record.readBigUInt64LE(REC_XMM + 16 * k + 8), true);
    }
    context.setLow(MXCSR, record.readUInt32LE(REC_MXCSR));
    this.loadX87(record);
    context.set(RAX, record.readBigUInt64LE(REC_GPR));
    context.set(RCX, record.readBigUInt64LE(REC_GPR + 8));
    context.set(RDX, record.readBigUInt64LE(REC_GPR + 16));
    context.setLow(RBX, OPERAND);
    context.setLow(RDI, OPERAND);
    machine.engine.setRflags(ctx, record.readBigUInt64LE(REC_FLAGS) & ~0x200n);
    machine.run(16);
    const end = context.number(RIP);
    const vector = end >= HANDLERS && end <= HANDLERS + 32 ? end - HANDLERS - 1 : -1;
    record.writeUInt32LE(vector < 0 ? 0 : (SIGNALS[vector] ?? 1000 + vector), REC_FAULT);
    record.writeUInt32LE(context.low(MXCSR), REC_MXCSR);
    if (vector >= 0) return;
    if (end !== rip + record.readUInt32LE(REC_LENGTH) + JUMP.length + 1)
      throw new Error(`the engine stopped at ${end.toString(16)}, exit ${machine.engine.exitReason(ctx)}`);
    record.set(machine.read(OPERAND, record.length - REC_MEMORY), REC_MEMORY);
    for (let k = 0; k < 4; k++) {
      record.writeBigUInt64LE(view.getBigUint64(ctx + VEC + k * VEC_STRIDE, true), REC_XMM + 16 * k);
      record.writeBigUInt64LE(view.getBigUint64(ctx + VEC + k * VEC_STRIDE + 8, true), REC_XMM + 16 * k + 8);
    }
    this.storeX87(record);
    [RAX, RCX, RDX].forEach((slot, k) => {
      record.writeBigUInt64LE(context.get(slot), REC_GPR + 8 * k);
    });
    record.writeBigUInt64LE(machine.engine.rflags(ctx) & FLAGS, REC_FLAGS);
  }

  private loadX87(record: Buffer): void {
    const { context, ctx } = this.machine;
    const status = record.readUInt16LE(REC_X87 + 4);
    const tags = record.readUInt16LE(REC_X87 + 8);
    context.setLow(FCW, record.readUInt16LE(REC_X87));
    context.setLow(FSW, status);
    let used = 0;
    for (let k = 0; k < 8; k++) {
      if (((tags >> (2 * k)) & 3) !== 3) used |= 1 << k;
      const at = ctx + X87 + ((k + (status >> 11)) & 7) * X87_STRIDE;
      this.view.setBigUint64(at, record.readBigUInt64LE(REC_X87 + 28 + 10 * k), true);
      this.view.setBigUint64(at + 8, BigInt(record.readUInt16LE(REC_X87 + 28 + 10 * k + 8)), true);
    }
    context.setLow(FTW, used);
  }

  private storeX87(record: Buffer): void {
    const { context, ctx } = this.machine;
    const status = context.low(FSW);
    let tags = 0;
    record.writeUInt16LE(context.low(FCW), REC_X87);
    record.writeUInt16LE(status, REC_X87 + 4);
    for (let k = 0; k < 8; k++) {
      const physical = (k + (status >> 11)) & 7;
      const at = ctx + X87 + physical * X87_STRIDE;
      const sig = this.view.getBigUint64(at, true);
      const se = Number(this.view.getBigUint64(at + 8, true));
      record.writeBigUInt64LE(sig, REC_X87 + 28 + 10 * k);
      record.writeUInt16LE(se, REC_X87 + 28 + 10 * k + 8);
      tags |= tagOf(se, sig, ((context.low(FTW) >> physical) & 1) === 1) << (2 * physical);
    }
    record.writeUInt16LE(tags, REC_X87 + 8);
  }
}

/** Records, of `memorySize` bytes of memory operand, as the engine leaves them. */
export function runEngine(records: Buffer, memorySize: number = MEMORY_SIZE, options: EngineOptions = {}): Buffer {
  const machine = new FpuMachine(options);
  const answers = Buffer.from(records);
  for (let at = 0; at < answers.length; at += REC_MEMORY + memorySize) machine.run(answers.subarray(at, at + REC_MEMORY + memorySize));
  return answers;
}
