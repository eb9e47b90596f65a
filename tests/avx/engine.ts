/** Runs the harness' records on the engine. */
import { CR4, GDTR_BASE, GDTR_LIMIT, IDTR_BASE, IDTR_LIMIT, MXCSR, RAX, RBX, RCX, RDI, RDX, RIP, VEC, VEC_STRIDE, XCR0 } from '../../src/machine/layout.ts';
import type { EngineOptions } from '../../src/translator/engine.ts';
import { TestMachine } from '../../src/translator/testing/test-machine.ts';
import { REC_FAULT, REC_FLAGS, REC_GPR, REC_LENGTH, REC_MEMORY, REC_MXCSR, REC_YMM, RECORD } from './native.ts';

const IDT = 0x8000;
const HANDLERS = 0x9000;
const OPERAND = 0x10000;
const CODE = 0x100000;
const CODE_END = 0x300000;
/** Signals that Linux makes of vectors. */
const SIGNALS: Readonly<Record<number, number>> = { 6: 4, 19: 8, 13: 11, 14: 11 };
const HLT = 0xf4;
/** To the next byte: what it ends can be a region. */
const JUMP = [0xeb, 0];
/** PAE, OSFXSR, OSXMMEXCPT, OSXSAVE. */
const CR4_VALUE = 0x40620;
const FLAGS = 0x8d5n;
/** Upper halves above YMM must stay zero. */
const ABOVE = 32;

/** A vCPU in 64-bit mode whose exceptions end at one HLT each. */
export class VectorMachine {
  readonly machine: TestMachine;
  private codeAt = CODE;
  private lastCode = '';

  constructor(options: EngineOptions = {}) {
    const machine = new TestMachine(options);
    this.machine = machine;
    machine.enter(64, CODE);
    for (let vector = 0; vector < 32; vector++) {
      const handler = HANDLERS + vector;
      machine.write64(IDT + vector * 16, BigInt((handler & 0xffff) | 0x80000) | (0x8e00n << 32n) | (BigInt(handler >>> 16) << 48n));
      machine.write64(IDT + vector * 16 + 8, 0n);
      machine.write(handler, [HLT]);
    }
    machine.write64(0x7000, 0n);
    machine.write64(0x7008, 0x00af9b000000ffffn);
    machine.write64(0x7010, 0x00cf93000000ffffn);
    machine.context.setLow(GDTR_BASE, 0x7000);
    machine.context.setLow(GDTR_LIMIT, 0x17);
    machine.context.setLow(IDTR_BASE, IDT);
    machine.context.setLow(IDTR_LIMIT, 0x1ff);
  }

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

  /** Runs one record in place. */
  run(record: Buffer): void {
    const { machine } = this;
    const { ctx, context } = machine;
    const view = machine.memories.stateView;
    const rip = this.place(record.subarray(0, record.readUInt32LE(REC_LENGTH)));
    machine.enter(64, rip);
    context.setLow(CR4, CR4_VALUE);
    context.setLow(XCR0, 7);
    machine.write(OPERAND, record.subarray(REC_MEMORY));
    for (let k = 0; k < 4; k++) {
      for (let at = 0; at < 32; at += 8) view.setBigUint64(ctx + VEC + k * VEC_STRIDE + at, record.readBigUInt64LE(REC_YMM + 32 * k + at), true);
    }
    context.setLow(MXCSR, record.readUInt32LE(REC_MXCSR));
    [RAX, RCX, RDX].forEach((slot, k) => {
      context.set(slot, record.readBigUInt64LE(REC_GPR + 8 * k));
    });
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
      const from = ctx + VEC + k * VEC_STRIDE;
      for (let at = 0; at < 32; at += 8) record.writeBigUInt64LE(view.getBigUint64(from + at, true), REC_YMM + 32 * k + at);
      if (view.getBigUint64(from + ABOVE, true) !== 0n) throw new Error('something was written above YMM');
    }
    [RAX, RCX, RDX].forEach((slot, k) => {
      record.writeBigUInt64LE(context.get(slot), REC_GPR + 8 * k);
    });
    record.writeBigUInt64LE(machine.engine.rflags(ctx) & FLAGS, REC_FLAGS);
  }
}

/** The records as the engine leaves them. */
export function runEngine(records: Buffer, options: EngineOptions = {}): Buffer {
  const machine = new VectorMachine(options);
  const answers = Buffer.from(records);
  for (let at = 0; at < answers.length; at += RECORD) machine.run(answers.subarray(at, at + RECORD));
  return answers;
}
