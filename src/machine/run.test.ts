import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { type HandBlock, Harness, type Uop } from './core-harness.ts';
import * as L from './layout.ts';
import * as O from './ops.ts';

const machine = new Harness();
const { cpu, core, ctx } = machine;
const BASE = 0x3000;
for (let gfn = 0; gfn < 1024; gfn++) machine.map(gfn, BASE + gfn);
const view = machine.memories.frameView;
const physical = (gpa: number): number => BASE * 4096 + gpa;
const low = (taken: number, not: number): bigint => BigInt(taken >>> 0) | (BigInt(not >>> 0) << 32n);

/** Guest code by guest-physical address: one instruction of `bytes` bytes each; consecutive ones are joined into blocks. */
interface Instruction {
  readonly bytes: number;
  readonly uops: readonly Uop[];
}
let code = new Map<number, Instruction>();
let reads: number[] = [];

/** Joins instructions from `phys` on until one ends with a block end. */
const join = (phys: number, once: boolean): HandBlock | undefined => {
  const uops: Uop[] = [];
  let bytes = 0;
  let insns = 0;
  for (;;) {
    const gpa = phys - BASE * 4096 + bytes;
    reads.push(gpa);
    const instruction = code.get(gpa);
    if (instruction === undefined) throw new Error(`no code at ${gpa.toString(16)}`);
    for (const uop of instruction.uops) {
      const relative =
        uop.op === O.OP_EXIT || (uop.op >= O.OP_JMP && uop.op <= O.OP_CALL && uop.op !== O.OP_IND && uop.op !== O.OP_RET && uop.op !== O.OP_NEXT);
      const shift = relative ? BigInt(bytes) * (uop.op === O.OP_BRNZ || uop.op === O.OP_BRCC || uop.op === O.OP_BRSUB ? 0x1_0000_0001n : 1n) : 0n;
      uops.push({ ...uop, imm: (uop.imm ?? 0n) + shift, ipos: bytes, idx: insns });
    }
    bytes += instruction.bytes;
    insns++;
    const last = instruction.uops.at(-1)?.op ?? O.OP_NOP;
    if (last >= O.OP_JMP) return { bytes, insns, uops };
    if (once) return { bytes, insns, uops: [...uops, { op: O.OP_JMP, imm: BigInt(bytes) }] };
  }
};

const add = (d: number, imm: bigint): readonly Uop[] => [{ op: O.OP_ADDI, d, a: d, imm }];
const halt: Instruction = { bytes: 1, uops: [{ op: O.OP_EXIT, c: L.EXIT_HLT, d: 1, imm: 1n }] };
const hypercall: Instruction = { bytes: 3, uops: [{ op: O.OP_EXIT, c: L.EXIT_HYPERCALL, d: 3 }] };
const put = (at: number, ...instructions: readonly Instruction[]): void => {
  for (const instruction of instructions) {
    code.set(at, instruction);
    at += instruction.bytes;
  }
};
const gate = (vector: number, handler: bigint, selector: number, type: number, ist = 0, dpl = 0): void => {
  const at = physical(0x8000 + vector * 16);
  view.setBigUint64(
    at,
    (handler & 0xffffn) | (BigInt(selector) << 16n) | (BigInt(ist) << 32n) | (BigInt(0x80 | (dpl << 5) | type) << 40n) | ((handler & 0xffff0000n) << 32n),
    true,
  );
  view.setBigUint64(at + 8, handler >> 32n, true);
};

const CODE64 = 0x00af9b000000ffffn;
const DATA = 0x00cf93000000ffffn;

beforeEach(() => {
  code = new Map();
  reads = [];
  machine.translate = (phys, _phys2, mode, once) => join(phys, once || (mode & L.MODE_STEP) !== 0);
  for (let mfn = BASE; mfn < BASE + 64; mfn++) core.dropFrame(ctx, mfn);
  for (let at = 0; at < 0x40000; at += 8) view.setBigUint64(physical(at), 0n, true);
  machine.reset64();
  for (let slot = 0; slot < 16; slot++) cpu.set(slot, 0n);
  for (const slot of [
    L.EXC,
    L.EXIT_PENDING,
    L.STEP_PENDING,
    L.DEBUG_PENDING,
    L.WANT_WINDOW,
    L.LAST_EVENT,
    L.SHADOW,
    L.DELIVERING,
    L.ONE_INSN,
    L.CR2,
    L.EXIT_REASON,
    L.CUR_UOP,
  ])
    cpu.set(slot, 0n);
  cpu.set(L.CC_OP, 0n);
  cpu.set(L.CC_A, 0n);
  cpu.set(L.DR6, 0xffff0ff0n);
  cpu.set(L.DR7, 0x400n);
  // PML4 1, PDPT 2, PD 3, PT 4: identity for 2 MiB; page 15 is absent, page 16 is for the supervisor, page 17 is read-only
  view.setBigUint64(physical(0x1000), 0x2007n, true);
  view.setBigUint64(physical(0x2000), 0x3007n, true);
  view.setBigUint64(physical(0x3000), 0x4007n, true);
  for (let k = 0; k < 512; k++) view.setBigUint64(physical(0x4000 + k * 8), BigInt(k * 4096) | (k === 15 ? 0n : k === 16 ? 3n : k === 17 ? 5n : 7n), true);
  cpu.set(L.CR3, 0x1000n);
  cpu.set(L.CR0, 0x80010031n);
  // GDT at 0x7000: 8 code, 10 data, 18 user data, 20 user code; TSS at 0x7800, IDT at 0x8000
  for (const [k, descriptor] of [0n, CODE64, DATA, DATA | (3n << 45n), CODE64 | (3n << 45n)].entries())
    view.setBigUint64(physical(0x7000 + k * 8), descriptor, true);
  cpu.set(L.GDTR_BASE, 0x7000n);
  cpu.set(L.GDTR_LIMIT, 0x27n);
  cpu.set(L.IDTR_BASE, 0x8000n);
  cpu.set(L.IDTR_LIMIT, 0xfffn);
  cpu.set(L.TR_BASE, 0x7800n);
  cpu.set(L.TR_LIMIT, 0x67n);
  cpu.set(L.TR_ATTR, 0x8bn);
  cpu.set(L.TR_SEL, 0x28n);
  view.setBigUint64(physical(0x7804), 0xb008n, true);
  view.setBigUint64(physical(0x7824), 0xc008n, true);
  cpu.set(L.SEG_SEL + 1, 8n);
  cpu.set(L.SEG_SEL + 2, 0x10n);
  cpu.set(L.RSP, 0xa000n);
  core.updateMode(ctx);
  core.flushPcpu(ctx);
});

const frame = (count: number): readonly bigint[] => Array.from({ length: count }, (_, k) => view.getBigUint64(physical(Number(cpu.get(L.RSP)) + k * 8), true));
const user = (): void => {
  cpu.set(L.CPL, 3n);
  cpu.set(L.SEG_SEL + 1, 0x23n);
  cpu.set(L.SEG_SEL + 2, 0x1bn);
  cpu.set(L.SEG_ATTR + 1, 0xafbn);
  cpu.set(L.SEG_ATTR + 2, 0xcf3n);
  core.updateMode(ctx);
};

test('a budget ends at the exact instruction', () => {
  // 5 instructions per round
  put(0x5000, ...Array.from({ length: 4 }, () => ({ bytes: 2, uops: add(L.RAX, 1n) })), { bytes: 2, uops: [{ op: O.OP_JMP, imm: -8n }] });
  for (let budget = 1; budget < 60; budget++) {
    cpu.set(L.RIP, 0x5000n);
    cpu.set(L.RAX, 0n);
    assert.equal(machine.run(budget), L.EXIT_BUDGET);
    assert.equal(cpu.get(L.BUDGET), 0n);
    assert.equal(cpu.get(L.RIP), BigInt(0x5000 + (budget % 5) * 2));
    assert.equal(cpu.get(L.RAX), BigInt(Math.floor(budget / 5) * 4 + Math.min(budget % 5, 4)));
  }
  assert.equal(machine.run(0), L.EXIT_BUDGET);
});

test('with CPU_WHOLE_BLOCKS a budget ends behind its last block, and what has retired counts', () => {
  put(0x5000, ...Array.from({ length: 4 }, () => ({ bytes: 2, uops: add(L.RAX, 1n) })), { bytes: 2, uops: [{ op: O.OP_JMP, imm: -8n }] });
  cpu.set(L.CPU_FLAGS, BigInt(L.CPU_WHOLE_BLOCKS));
  for (let budget = 1; budget < 30; budget++) {
    cpu.set(L.RIP, 0x5000n);
    cpu.set(L.RAX, 0n);
    cpu.set(L.RETIRED_BASE, BigInt(budget));
    assert.equal(machine.run(budget), L.EXIT_BUDGET);
    const rounds = BigInt(Math.ceil(budget / 5));
    assert.equal(cpu.get(L.RIP), 0x5000n);
    assert.equal(cpu.get(L.RAX), rounds * 4n);
    assert.equal(cpu.get(L.RETIRED_BASE) - cpu.get(L.BUDGET), rounds * 5n);
  }
  assert.equal(machine.run(0), L.EXIT_BUDGET);
  assert.equal(cpu.get(L.RIP), 0x5000n);
});

test('HLT has retired, other exits have not', () => {
  put(0x5000, { bytes: 2, uops: add(L.RAX, 1n) }, halt, { bytes: 2, uops: add(L.RAX, 1n) }, hypercall);
  cpu.set(L.RIP, 0x5000n);
  assert.equal(machine.run(10), L.EXIT_HLT);
  assert.equal(cpu.get(L.RIP), 0x5003n);
  assert.equal(cpu.get(L.BUDGET), 8n);
  assert.equal(machine.resume(), L.EXIT_HYPERCALL);
  assert.equal(cpu.get(L.RIP), 0x5005n);
  assert.equal(cpu.get(L.EXIT_LEN), 3n);
  assert.equal(cpu.get(L.BUDGET), 7n);
});

test('a page fault in the middle of a block is precise and goes through the IDT', () => {
  put(
    0x5000,
    { bytes: 2, uops: add(L.RAX, 1n) },
    { bytes: 3, uops: [{ op: O.OP_LD32, d: L.RBX, a: L.RCX, imm: 8n }] },
    { bytes: 2, uops: add(L.RAX, 1n) },
    halt,
  );
  put(0x6000, hypercall);
  gate(14, 0x6000n, 8, 14);
  cpu.set(L.RCX, 0xf000n);
  cpu.set(L.RBX, 77n);
  cpu.set(L.RIP, 0x5000n);
  core.setRflags(ctx, 0x10246n | 0x200n);
  core.updateMode(ctx);
  assert.equal(machine.run(100), L.EXIT_HYPERCALL);
  assert.equal(cpu.get(L.RAX), 1n);
  assert.equal(cpu.get(L.RBX), 77n);
  assert.equal(cpu.get(L.CR2), 0xf008n);
  assert.equal(cpu.get(L.BUDGET), 99n);
  assert.equal(cpu.get(L.RSP), 0x9fd0n);
  assert.deepEqual(frame(6), [0n, 0x5002n, 8n, 0x10246n | 0x200n, 0xa000n, 0x10n]);
  assert.equal(core.getRflags(ctx), 0x46n);
});

test('from user mode: RSP0, RSP aligned, SS null; IST wins; trap gates leave IF', () => {
  put(0x5000, { bytes: 3, uops: [{ op: O.OP_ST32, d: L.RBX, a: L.RCX }] }, halt);
  put(0x6000, hypercall);
  for (const [ist, type, top] of [
    [0, 14, 0xb000n],
    [1, 15, 0xc000n],
  ] as const) {
    gate(14, 0x6000n, 8, type, ist);
    cpu.set(L.CPL, 3n);
    user();
    cpu.set(L.RSP, 0x9123n);
    cpu.set(L.RCX, 0x10123n);
    cpu.set(L.RIP, 0x5000n);
    core.setRflags(ctx, 0x202n);
    core.updateMode(ctx);
    assert.equal(machine.run(100), L.EXIT_HYPERCALL);
    assert.equal(cpu.get(L.CPL), 0n);
    assert.equal(cpu.get(L.SEG_SEL + 1), 8n);
    assert.equal(cpu.get(L.SEG_SEL + 2), 0n);
    assert.equal(cpu.get(L.RSP), top - 48n);
    assert.deepEqual(frame(6), [7n, 0x5000n, 0x23n, 0x10202n, 0x9123n, 0x1bn]);
    assert.equal(cpu.get(L.EFLAGS_SYS) & 0x200n, type === 15 ? 0x200n : 0n);
    assert.equal(cpu.low(L.MODE) & L.MODE_USER, 0);
  }
});

test('faults on the way: gate absent, gate out of the table, bad code segment, double and triple', () => {
  put(0x5000, { bytes: 3, uops: [{ op: O.OP_LD32, d: L.RBX, a: L.RCX }] }, halt);
  put(0x6000, hypercall);
  cpu.set(L.RCX, 0xf000n);
  const start = (): number => {
    cpu.set(L.RIP, 0x5000n);
    cpu.set(L.RSP, 0xa000n);
    cpu.set(L.EFLAGS_SYS, 0n);
    return machine.run(100);
  };
  // #PF whose gate is not present: #NP(14*8+2+EXT)... after #PF that makes a double fault
  gate(8, 0x6000n, 8, 14);
  gate(11, 0x6000n, 8, 14);
  gate(13, 0x6000n, 8, 14);
  assert.equal(start(), L.EXIT_HYPERCALL);
  assert.deepEqual(frame(2), [0n, 0x5000n], '#DF(0) at the instruction');
  // an interrupt is benign: its bad gate gives #GP or #NP with EXT
  gate(0x80, 0x6000n, 8, 14);
  view.setUint8(physical(0x8000 + 0x80 * 16 + 5), 0x0e);
  for (const [vector, error] of [
    [0x80, 0x80 * 8 + 3],
    [0x81, 0x81 * 8 + 3],
  ] as const) {
    cpu.set(L.RIP, 0x6000n);
    cpu.set(L.RSP, 0xa000n);
    core.injectInterrupt(ctx, vector);
    assert.equal(machine.run(10), L.EXIT_HYPERCALL);
    assert.deepEqual(frame(2), [BigInt(error), 0x6000n], `vector ${vector}`);
  }
  // handler in a data segment: #GP(selector + EXT)
  gate(0x82, 0x6000n, 0x10, 14);
  cpu.set(L.RSP, 0xa000n);
  core.injectInterrupt(ctx, 0x82);
  assert.equal(machine.run(10), L.EXIT_HYPERCALL);
  assert.deepEqual(frame(2), [0x11n, 0x6000n]);
  // no table at all
  cpu.set(L.IDTR_LIMIT, 0n);
  assert.equal(start(), L.EXIT_TRIPLE);
});

test('interrupts: injected ones come first, the window opens after the shadow', () => {
  put(0x5000, { bytes: 2, uops: add(L.RAX, 1n) }, { bytes: 2, uops: add(L.RAX, 1n) }, halt);
  put(0x6000, hypercall);
  gate(0x30, 0x6000n, 8, 14);
  cpu.set(L.RIP, 0x5000n);
  core.setRflags(ctx, 0x202n);
  core.injectInterrupt(ctx, 0x30);
  assert.equal(machine.run(10), L.EXIT_HYPERCALL);
  assert.deepEqual(frame(3), [0x5000n, 8n, 0x202n]);
  assert.equal(cpu.get(L.BUDGET), 10n);

  cpu.set(L.RIP, 0x5000n);
  cpu.set(L.WANT_WINDOW, 1n);
  core.setRflags(ctx, 2n);
  assert.equal(machine.run(10), L.EXIT_HLT, 'IF is clear');
  cpu.set(L.RIP, 0x5000n);
  cpu.set(L.RAX, 0n);
  core.setRflags(ctx, 0x202n);
  cpu.set(L.SHADOW, 1n);
  assert.equal(machine.run(10), L.EXIT_WINDOW);
  assert.equal(cpu.get(L.RIP), 0x5002n, 'one instruction in the shadow');
  assert.equal(machine.run(10), L.EXIT_WINDOW);
  assert.equal(cpu.get(L.RIP), 0x5002n);
});

test('self-modified code: the running block is left before the store, other blocks are dropped', () => {
  const store = (at: bigint): Instruction => ({ bytes: 4, uops: [{ op: O.OP_ST8, d: L.RDX, a: L.RSI, imm: at }] });
  // an instruction overwrites the one behind it in the same block
  put(0x5000, { bytes: 2, uops: add(L.RAX, 1n) }, store(0x5008n), { bytes: 2, uops: add(L.RBX, 1n) }, { bytes: 2, uops: add(L.RCX, 1n) }, halt);
  cpu.set(L.RIP, 0x5000n);
  cpu.set(L.RDX, 0x90n);
  machine.translate = (phys, _phys2, _mode, once) => {
    // the translator sees memory as it is: once 0x5008 is 0x90, that instruction adds 100
    put(0x5008, { bytes: 2, uops: add(L.RCX, view.getUint8(physical(0x5008)) === 0x90 ? 100n : 1n) });
    return join(phys, once);
  };
  assert.equal(machine.run(100), L.EXIT_HLT);
  assert.deepEqual([cpu.get(L.RAX), cpu.get(L.RBX), cpu.get(L.RCX)], [1n, 1n, 100n]);
  assert.equal(cpu.get(L.BUDGET), 95n);
  // again: translations are warm, the store writes what is there already
  const before = machine.translations;
  cpu.set(L.RIP, 0x5000n);
  assert.equal(machine.run(100), L.EXIT_HLT);
  assert.deepEqual([cpu.get(L.RAX), cpu.get(L.RBX), cpu.get(L.RCX)], [2n, 2n, 200n]);
  assert.ok(machine.translations > before);
  // a store elsewhere in the page costs no translation
  put(0x5100, store(0x5800n), halt);
  cpu.set(L.RIP, 0x5100n);
  machine.run(100);
  const warm = machine.translations;
  cpu.set(L.RIP, 0x5100n);
  machine.run(100);
  cpu.set(L.RIP, 0x5006n);
  machine.run(100);
  assert.equal(machine.translations, warm);
  // a store from another page drops linked blocks there
  put(0x6000, { bytes: 2, uops: [{ op: O.OP_BRNZ, a: L.RDI, imm: low(0x10, 2) }] }, halt);
  put(0x6010, { bytes: 2, uops: add(L.RBP, 1n) }, { bytes: 2, uops: [{ op: O.OP_JMP, imm: low(-18, 0) }] });
  put(0x9000, store(0x6010n), halt);
  const jump = (at: bigint, rdi: bigint): void => {
    cpu.set(L.RDI, rdi);
    cpu.set(L.RIP, at);
    machine.run(6);
  };
  jump(0x6000n, 1n);
  assert.equal(cpu.get(L.RBP), 2n);
  code.set(0x6010, { bytes: 2, uops: add(L.RBP, 1000n) });
  jump(0x9000n, 0n);
  cpu.set(L.RBP, 0n);
  jump(0x6000n, 1n);
  assert.equal(cpu.get(L.RBP), 2000n);
});

test('stores among code drop the blocks that they touch, and no others', () => {
  const starts = Array.from({ length: 12 }, (_, k) => 0x6003 + k * 29);
  for (const [k, at] of starts.entries()) put(at, { bytes: 4 + k, uops: add(L.RBX, 1n) }, halt);
  put(0x9000, { bytes: 4, uops: [{ op: O.OP_ST32, d: L.RDX, a: L.RSI, imm: 0n }] }, halt);
  const at = (rip: number): void => {
    cpu.set(L.RIP, BigInt(rip));
    assert.equal(machine.run(10), L.EXIT_HLT);
  };
  const runAll = (): number => {
    const before = machine.translations;
    for (const start of starts) at(start);
    return machine.translations - before;
  };
  at(0x9000);
  runAll();
  let dropped = 0;
  for (let k = 0, seed = 12345; k < 200; k++) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    const store = 0x6000 + ((seed >>> 8) % 360);
    cpu.set(L.RSI, BigInt(store));
    at(0x9000);
    // 4 + n bytes and HLT
    const touched = starts.filter((start, n) => store < start + n + 5 && start < store + 4).length;
    assert.equal(runAll(), touched, `store at ${store.toString(16)}`);
    dropped += touched;
  }
  assert.ok(dropped > 50);
});

test('branches to other pages go where the page tables say, whatever they led to before', () => {
  const call = (target: number, at: number): Instruction => ({ bytes: 5, uops: [{ op: O.OP_F_CALL64, imm: low(target - at, 5) }] });
  const ret: Instruction = { bytes: 1, uops: [{ op: O.OP_F_RET64, imm: 8n }] };
  const jump = (target: number, at: number): Instruction => ({ bytes: 2, uops: [{ op: O.OP_JMP, imm: low(target - at, 0) }] });
  const indirect: Instruction = { bytes: 2, uops: [{ op: O.OP_IND, a: L.RDI }] };
  const map = (page: number, gfn: number): void => {
    view.setBigUint64(physical(0x4000 + page * 8), BigInt(gfn * 4096) | 7n, true);
    core.flushPage(ctx, BigInt(page * 4096));
  };
  /** Runs at `at` until HLT and answers what RAX, RBX and RCX have grown by. */
  const go = (at: number, sp = 0x20000): readonly bigint[] => {
    for (const slot of [L.RAX, L.RBX, L.RCX]) cpu.set(slot, 0n);
    cpu.set(L.RIP, BigInt(at));
    cpu.set(L.RDI, 0x1a020n);
    cpu.set(L.RSP, BigInt(sp));
    assert.equal(machine.run(20), L.EXIT_HLT);
    return [cpu.get(L.RAX), cpu.get(L.RBX), cpu.get(L.RCX)];
  };
  // page 24 calls and jumps to pages 26 and 27; pages 28 to 30 may take their places
  put(0x18000, call(0x1a000, 0x18000), { bytes: 2, uops: add(L.RBX, 1n) }, halt);
  put(0x18100, jump(0x1b000, 0x18100));
  put(0x18200, indirect);
  put(0x1a000, { bytes: 2, uops: add(L.RAX, 1n) }, ret);
  put(0x1a020, { bytes: 2, uops: add(L.RCX, 1n) }, halt);
  put(0x1b000, { bytes: 2, uops: add(L.RCX, 10n) }, halt);
  put(0x1c005, { bytes: 2, uops: add(L.RBX, 100n) }, halt);
  put(0x1d000, { bytes: 2, uops: add(L.RAX, 100n) }, ret);
  put(0x1d020, { bytes: 2, uops: add(L.RCX, 100n) }, halt);
  put(0x1e000, { bytes: 2, uops: add(L.RCX, 1000n) }, halt);
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(go(0x18000), [1n, 1n, 0n]);
    assert.deepEqual(go(0x18100), [0n, 0n, 10n]);
    assert.deepEqual(go(0x18200), [0n, 0n, 1n]);
  }
  map(26, 0x1d);
  map(27, 0x1e);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(go(0x18000), [100n, 1n, 0n]);
    assert.deepEqual(go(0x18100), [0n, 0n, 1000n]);
    assert.deepEqual(go(0x18200), [0n, 0n, 100n]);
  }
  // the return address that the last call left on the stack, and another page behind it
  map(24, 0x1c);
  view.setBigUint64(physical(0x1fff8), 0x18005n, true);
  assert.deepEqual(go(0x1a000, 0x1fff8), [100n, 100n, 0n]);
  // another mode: the same code, translated for users
  map(24, 0x18);
  user();
  machine.translate = (phys, _phys2, _mode, once) => {
    const block = join(phys, once);
    return block === undefined ? undefined : { ...block, uops: block.uops.map((uop) => (uop.op === O.OP_ADDI ? { ...uop, imm: (uop.imm ?? 0n) * 2n } : uop)) };
  };
  assert.deepEqual(go(0x18000), [200n, 2n, 0n]);
  // code that changes there
  code.set(0x1d000, { bytes: 2, uops: add(L.RAX, 7n) });
  core.dropRange(ctx, BASE + 0x1d, 0, 4);
  for (let round = 0; round < 2; round++) assert.deepEqual(go(0x18000), [14n, 2n, 0n]);
});

test('a block across two pages is dropped from either side and looked up by both', () => {
  put(0x5ffe, { bytes: 4, uops: add(L.RAX, 1n) });
  put(0x6002, halt);
  machine.translate = (phys, phys2, _mode, once) => {
    const gpa = phys - BASE * 4096;
    if (gpa === 0x5ffe) {
      if (phys2 === 0xffffffff) return undefined;
      return { bytes: 4, insns: 1, crosses: true, uops: [...add(L.RAX, BigInt(view.getUint8(phys2))), { op: O.OP_JMP, imm: 4n }] };
    }
    return join(phys, once);
  };
  const go = (): void => {
    cpu.set(L.RIP, 0x5ffen);
    cpu.set(L.RAX, 0n);
    assert.equal(machine.run(10), L.EXIT_HLT);
  };
  view.setUint8(physical(0x6000), 5);
  go();
  assert.equal(cpu.get(L.RAX), 5n);
  put(0x9000, { bytes: 4, uops: [{ op: O.OP_ST8, d: L.RDX, a: L.RSI, imm: 0x6000n }] }, halt);
  cpu.set(L.RDX, 7n);
  cpu.set(L.RIP, 0x9000n);
  machine.run(10);
  go();
  assert.equal(cpu.get(L.RAX), 7n);
  // another frame behind the second page
  view.setUint8(physical(0x20000), 9);
  code.set(0x20002, halt);
  view.setBigUint64(physical(0x4000 + 6 * 8), 0x20007n, true);
  core.flushAll(ctx);
  go();
  assert.equal(cpu.get(L.RAX), 9n);
  // and no second page: the fault is the page's, the instruction has not run
  gate(14, 0x9100n, 8, 14);
  put(0x9100, hypercall);
  view.setBigUint64(physical(0x4000 + 6 * 8), 0n, true);
  core.flushAll(ctx);
  cpu.set(L.RIP, 0x5ffen);
  assert.equal(machine.run(10), L.EXIT_HYPERCALL);
  assert.equal(cpu.get(L.CR2), 0x6000n);
  assert.deepEqual(frame(2), [16n, 0x5ffen]);
});

test('MMIO: a read-modify-write of a device makes one read and one write', () => {
  machine.map(100, 0, 0);
  put(
    0x5000,
    { bytes: 2, uops: add(L.RAX, 1n) },
    {
      bytes: 3,
      uops: [
        { op: O.OP_LDM32, d: L.T0, a: L.RCX },
        { op: O.OP_ADDI32, d: L.T0, a: L.T0, imm: 5n },
        { op: O.OP_ST32, d: L.T0, a: L.RCX },
      ],
    },
    halt,
  );
  cpu.set(L.RCX, 0x64010n);
  cpu.set(L.RIP, 0x5000n);
  assert.equal(machine.run(100), L.EXIT_MMIO);
  assert.deepEqual([cpu.get(L.EXIT_A), cpu.get(L.EXIT_B), cpu.get(L.RIP), cpu.get(L.BUDGET)], [0x64010n, 4n, 0x5002n, 99n]);
  cpu.set(L.EXIT_C, 0x1000n);
  cpu.set(L.EXIT_B, cpu.get(L.EXIT_B) | 0x1000n);
  assert.equal(machine.resume(), L.EXIT_MMIO);
  assert.deepEqual([cpu.get(L.EXIT_A), cpu.get(L.EXIT_B), cpu.get(L.EXIT_C)], [0x64010n, 0x104n, 0x1005n]);
  cpu.set(L.EXIT_B, cpu.get(L.EXIT_B) | 0x1000n);
  assert.equal(machine.resume(), L.EXIT_HLT);
  assert.equal(cpu.get(L.BUDGET), 97n);
  assert.equal(cpu.get(L.RAX), 1n);
  machine.map(100, BASE + 100);
  core.flushAll(ctx);
});

test('single step and breakpoints', () => {
  put(0x5000, ...Array.from({ length: 3 }, () => ({ bytes: 2, uops: add(L.RAX, 1n) })), { bytes: 4, uops: [{ op: O.OP_ST32, d: L.RAX, a: L.RCX }] }, halt);
  put(0x6000, hypercall);
  gate(1, 0x6000n, 8, 14);
  const go = (rip: bigint, rflags: bigint): void => {
    cpu.set(L.RIP, rip);
    cpu.set(L.RSP, 0xa000n);
    cpu.set(L.DR6, 0xffff0ff0n);
    core.setRflags(ctx, rflags);
    core.updateMode(ctx);
    assert.equal(machine.run(100), L.EXIT_HYPERCALL);
  };
  go(0x5000n, 0x102n);
  assert.deepEqual(frame(3), [0x5002n, 8n, 0x102n | (frame(3)[2]! & 0xd4n)]);
  assert.equal(cpu.get(L.DR6), 0xffff4ff0n);
  assert.equal(cpu.get(L.RAX), 1n);
  // execution breakpoint: a fault, RF in the image, and RF lets the instruction pass
  cpu.set(L.DR0, 0x5002n);
  cpu.set(L.DR7, 0x401n);
  go(0x5000n, 2n);
  assert.equal(frame(3)[0], 0x5002n);
  assert.equal(frame(3)[2]! & 0x10000n, 0x10000n);
  assert.equal(cpu.get(L.DR6), 0xffff0ff1n);
  // data breakpoint: a trap behind the store
  cpu.set(L.DR0, 0x18f00n);
  cpu.set(L.DR7, 0xd0401n);
  cpu.set(L.RCX, 0x18f02n);
  go(0x5004n, 2n);
  assert.equal(frame(3)[0], 0x500an);
  assert.equal(cpu.get(L.DR6), 0xffff0ff1n);
});

test('#AC: misaligned accesses of a user who asked for it', () => {
  put(
    0x5000,
    { bytes: 3, uops: [{ op: O.OP_LD32, d: L.RBX, a: L.RCX }] },
    { bytes: 3, uops: [{ op: O.OP_ST64, d: L.RBX, a: L.RCX }] },
    { bytes: 3, uops: [{ op: O.OP_LD8, d: L.RBX, a: L.RCX }] },
    halt,
  );
  put(0x6000, hypercall);
  gate(17, 0x6000n, 8, 14);
  cpu.set(L.CR0, 0x80050031n);
  for (const [address, rip] of [
    [0x18008n, 0n],
    [0x18004n, 0x5003n],
    [0x18002n, 0x5000n],
  ] as const) {
    user();
    cpu.set(L.RCX, address);
    cpu.set(L.RIP, 0x5000n);
    core.setRflags(ctx, 0x40202n);
    core.updateMode(ctx);
    assert.equal(machine.run(100), rip === 0n ? L.EXIT_HLT : L.EXIT_HYPERCALL);
    if (rip !== 0n) assert.deepEqual(frame(2), [0n, rip]);
  }
});
