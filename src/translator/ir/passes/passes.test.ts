/** Passes and fused operations change no result: random instruction sequences, translated in several ways, end in the same state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET, EXIT_HLT, RBP, RIP, RSP } from '../../../machine/layout.ts';
import { ROWS } from '../../../spec/x86/opcodes.ts';
import { decode } from '../../decode/decode.ts';
import { Dice, encode, existsIn } from '../../decode/encodings.ts';
import { Insn, OPK_GPR, OPK_MEM } from '../../decode/insn.ts';
import { liftOf } from '../../lift/lift-table.ts';
import { coreIsBuilt, TestMachine } from '../../testing/test-machine.ts';
import { allPasses, noPasses, type PassSwitches } from './pipeline.ts';

const SEQUENCES = 1500;
const CODE = 0x10000;
const DATA = 0x20000;
const HANDLER = 0x11000;
const LONG_CODE = 2;

const families = new Set(['alu', 'bits', 'convert', 'flag', 'move', 'muldiv', 'shift', 'stack', 'bcd']);
const excluded = new Set(['flag.popf', 'flag.sti', 'flag.cli', 'move.xlat', 'move.clflush', 'stack.leave', 'stack.enter']);
const rows = ROWS.map((row, index) => ({ row, index })).filter(
  ({ row, index }) =>
    families.has(row.lift.split('.')[0] as string) &&
    !excluded.has(row.lift) &&
    row.todo === undefined &&
    existsIn(row, LONG_CODE) &&
    liftOf(index) !== undefined,
);

/** A sequence of instructions whose memory operands are near rBP, which with rSP stays as it is. */
const sequence = (dice: Dice): number[] => {
  const insn = new Insn(ROWS[0] as (typeof ROWS)[number]);
  const code: number[] = [];
  const length = 2 + dice.next(12);
  for (let tries = 0, n = 0; n < length && tries < 2000; tries++) {
    const { row, index } = rows[dice.next(rows.length)] as (typeof rows)[number];
    const bytes = encode(row, LONG_CODE, dice);
    if (bytes === undefined || decode(bytes, 0, bytes.length, LONG_CODE, insn) !== 0 || insn.rowIndex !== index) continue;
    const operands = [insn.o0, insn.o1, insn.o2];
    if (operands.some((o) => o.kind === OPK_GPR && (o.reg === RSP || o.reg === RBP))) continue;
    const near = insn.memBase === RBP && insn.memIndex < 0 && insn.addrsize === 8 && insn.segPrefix < 4 && Math.abs(insn.disp) < 128;
    const memory = operands.some((o) => o.kind === OPK_MEM) && row.lift !== 'move.lea' && row.lift !== 'move.nop';
    if (memory && (!near || row.lift.startsWith('bits.bt'))) continue;
    code.push(...bytes.subarray(0, insn.len));
    n++;
  }
  return [...code, 0xf4];
};

const value = (dice: Dice): bigint => {
  const bits = BigInt(dice.next(0x10000)) | (BigInt(dice.next(0x10000)) << 16n) | (BigInt(dice.next(0x10000)) << 32n) | (BigInt(dice.next(0x10000)) << 48n);
  return dice.next(3) === 0 ? BigInt.asIntN(8, bits) : bits;
};

interface Way {
  readonly passes: PassSwitches;
  readonly fuse: boolean;
  readonly blockLimit: number;
}

const machineFor = ({ passes, fuse, blockLimit }: Way): TestMachine => {
  const machine = new TestMachine({ passes, blockLimit });
  machine.engine.translator.fuse = fuse;
  machine.enter(64, CODE);
  // all exceptions end at a HLT
  for (let vector = 0; vector < 32; vector++) {
    machine.write64(0x6000 + vector * 16, BigInt(HANDLER & 0xffff) | (8n << 16n) | (0x8e00n << 32n) | (BigInt(HANDLER >> 16) << 48n));
    machine.write64(0x6008 + vector * 16, 0n);
  }
  machine.write64(0x7008, 0x00af9b000000ffffn);
  machine.write64(0x7010, 0x00cf93000000ffffn);
  machine.table('gdt', 0x7000, 0xff);
  machine.table('idt', 0x6000, 0xfff);
  machine.writeHex(HANDLER, 'f4');
  return machine;
};

test('random sequences end alike without passes, with each pass, with fused operations, and one instruction at a time', {
  skip: !coreIsBuilt && process.env.CI !== 'true' ? 'build/core.wasm is not there' : false,
}, () => {
  const seed = Number(process.env.ZENDO_SEED ?? 1);
  const ways: Way[] = [
    { passes: noPasses, fuse: false, blockLimit: 1 },
    { passes: noPasses, fuse: false, blockLimit: 64 },
    { passes: { ...noPasses, constants: true }, fuse: false, blockLimit: 64 },
    { passes: { ...noPasses, fuseCompare: true }, fuse: false, blockLimit: 64 },
    { passes: { ...noPasses, deadCode: true }, fuse: false, blockLimit: 64 },
    { passes: allPasses, fuse: true, blockLimit: 64 },
    { passes: allPasses, fuse: true, blockLimit: 3 },
  ];
  const machines = ways.map(machineFor);
  const dice = new Dice(seed);
  for (let round = 0; round < SEQUENCES; round++) {
    const code = sequence(dice);
    const registers = Array.from({ length: 16 }, () => value(dice));
    const flags = 2n | (BigInt(dice.next(0x1000)) & 0x8d5n);
    const data = Uint8Array.from({ length: 512 }, () => dice.next(256));
    let expected: string | undefined;
    machines.forEach((machine, way) => {
      machine.engine.core.dropFrame(machine.ctx, machine.offset(CODE) / 4096);
      machine.write(CODE, code);
      machine.write(DATA, data);
      registers.forEach((register, slot) => {
        machine.setReg(slot, register);
      });
      machine.setReg(RSP, BigInt(DATA + 256));
      machine.setReg(RBP, BigInt(DATA + 256));
      machine.setReg(RIP, BigInt(CODE));
      machine.engine.setRflags(machine.ctx, flags);
      assert.equal(machine.run(), EXIT_HLT);
      const state = [
        ...Array.from({ length: 16 }, (_, slot) => machine.reg(slot).toString(16)),
        machine.reg(RIP),
        machine.reg(BUDGET),
        machine.engine.rflags(machine.ctx).toString(16),
        machine.read(DATA, 512),
      ].join(' ');
      expected ??= state;
      assert.equal(state, expected, `seed ${seed}, round ${round}, ${JSON.stringify(ways[way])}: ${Buffer.from(code).toString('hex')}`);
    });
  }
});
