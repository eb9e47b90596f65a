/**
 * The first instruction after which Zendo and QEMU's TCG differ on one bare guest, both driven by their gdb stubs.
 *
 * An instruction is stepped the first time it is met, and each time if its result may differ; code that was met before runs freely up to
 * the next place that was not (the other ways of the branches seen so far). When they differ behind such a run, both start again, go to
 * where it began and are stepped from there.
 */
import { join } from 'node:path';
import { MODE_CODE16, MODE_CODE32, MODE_CODE64 } from '../../src/machine/layout.ts';
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import { decode, MAX_LENGTH } from '../../src/translator/decode/decode.ts';
import { disassemble } from '../../src/translator/decode/disassemble.ts';
import * as K from '../../src/translator/decode/insn.ts';
import { GdbMachine, type Registers, type Stop } from './gdb-machine.ts';
import { excuse, isExcused, NOT_COMPARED } from './may-differ.ts';

/** What is compared. */
export interface QemuComparison {
  /** ELF file with a PVH entry that needs nothing of Xen; `qemuKernel`, if given, is what QEMU runs instead (tests seed a difference that way). */
  readonly kernel: string;
  readonly qemuKernel?: string;
  /** Physical address of its entry. */
  readonly entry: bigint;
  /** MiB. */
  readonly memory: number;
  /** More options of `zendo boot`. */
  readonly options: readonly string[];
  /** Instructions stepped at most to narrow a difference down. */
  readonly steps: number;
  /** Milliseconds that known code may run before it is taken for endless. */
  readonly patience: number;
  /** A folder for QEMU's socket. */
  readonly folder: string;
  /** Names for addresses. */
  readonly name: (address: bigint) => string;
  readonly onProgress: (line: string) => void;
}

/** How a comparison ended. */
export interface QemuOutcome {
  /** Why it went no further, or `difference`. */
  readonly end: 'difference' | 'ended' | 'hypercall' | 'halt' | 'endless';
  /** Instructions stepped in both, and runs of known code between them. */
  readonly stepped: number;
  readonly runs: number;
  /** Where it ended: address, name and text of the instruction. */
  readonly at: string;
  /** That instruction's address. */
  readonly address: bigint;
  readonly values: readonly { readonly what: string; readonly zendo: string; readonly qemu: string }[];
  /** The difference lies behind `at`, further than what was stepped. */
  readonly beyond: boolean;
}

type Both<T> = readonly [zendo: T, qemu: T];
type Values = QemuOutcome['values'];
/** What was done to both, to be done again from the start. */
type Action = { readonly kind: 'step' } | { readonly kind: 'run'; readonly stops: ReadonlySet<bigint> };

const ARITHMETIC_FLAGS = 0x8d5n;
/** A memory operand that comes first and is only read. */
const READ_ONLY = /^(CMP|TEST|NOP|BT|PUSH|CALL|JMP|MUL|DIV|IDIV)$/;
const READ_ONLY_STRING = /^string\.(cmps|scas|outs)$/;
/** Iterations of a string instruction that are stepped; more are run. */
const ITERATIONS = 64n;
/** Bytes that are compared behind each step: of the memory operand, of the stack when it grew. */
const OPERAND = 32;
const STACK = 8;

interface Instruction {
  readonly insn: K.Insn;
  /** Linear address. */
  readonly address: bigint;
  readonly text: string;
  /** Undefined where the bytes are no instruction. */
  readonly valid: boolean;
}

class Machines {
  private readonly comparison: QemuComparison;
  private machines: Both<GdbMachine> | undefined;
  /** Registers that have differed since the entry. */
  readonly unsynced = new Set<string>();
  private codeKey = '';
  private mode = MODE_CODE32;
  private codeBase = 0n;

  constructor(comparison: QemuComparison) {
    this.comparison = comparison;
  }

  get both(): Both<GdbMachine> {
    if (this.machines === undefined) throw new Error('not started');
    return this.machines;
  }

  /** Both at the entry, with the same general registers. */
  async start(): Promise<void> {
    await this.close();
    const { kernel, qemuKernel, entry, memory, options, folder, patience } = this.comparison;
    const zendo = await GdbMachine.zendo(kernel, memory, options);
    let qemu: GdbMachine;
    try {
      qemu = await GdbMachine.qemu(qemuKernel ?? kernel, memory, join(folder, 'qemu'));
    } catch (error) {
      await zendo.close();
      throw error;
    }
    this.machines = [zendo, qemu];
    if ((await qemu.runTo(new Set([entry]), patience)) !== 'stopped') throw new Error(`QEMU does not come to the kernel's entry 0x${entry.toString(16)}`);
    const ours = await zendo.registers();
    for (const name of ['rax', 'rcx', 'rdx', 'rbx', 'rsi', 'rdi', 'rbp', 'rsp']) await qemu.setRegister(name, ours.get(name) ?? 0n);
    this.unsynced.clear();
    const theirs = await qemu.registers();
    for (const [name, value] of ours) if (theirs.get(name) !== value) this.unsynced.add(name);
    this.codeKey = '';
  }

  async close(): Promise<void> {
    for (const machine of this.machines ?? []) await machine.close();
    this.machines = undefined;
  }

  registers(): Promise<Both<Registers>> {
    return Promise.all([this.both[0].registers(), this.both[1].registers()]);
  }

  /** The instruction at RIP. */
  async instruction(registers: Registers): Promise<Instruction> {
    await this.findMode(registers);
    const rip = registers.get('rip') ?? 0n;
    const address = this.mode === MODE_CODE64 ? rip : (rip + this.codeBase) & 0xffffffffn;
    const bytes = await this.both[1].read(address, MAX_LENGTH);
    const insn = new K.Insn(ROWS[0] as (typeof ROWS)[number]);
    const valid = decode(bytes, 0, bytes.length, this.mode | K.DECODE_BMI1 | K.DECODE_LZCNT, insn) === K.DECODE_OK;
    const text = valid ? disassemble(insn, rip) : `(bytes ${bytes.toHex()})`;
    return { insn, address, valid, text };
  }

  /** Code size and base of CS, which gdb's registers do not tell: asked of QEMU when what they depend on has changed. */
  private async findMode(registers: Registers): Promise<void> {
    const key = ['cs', 'cr0', 'efer'].map((name) => registers.get(name)).join();
    if (key === this.codeKey) return;
    this.codeKey = key;
    const [, base, attributes] = /^CS =\S+ (\S+) \S+ (\S+)/m.exec(await this.both[1].connection.monitor('info registers')) ?? [];
    const bits = Number.parseInt(attributes ?? '0', 16);
    this.codeBase = BigInt(`0x${base ?? '0'}`);
    const long = ((registers.get('efer') ?? 0n) & 0x400n) !== 0n && (bits & 0x200000) !== 0;
    this.mode = long ? MODE_CODE64 : (bits & 0x400000) !== 0 ? MODE_CODE32 : MODE_CODE16;
  }

  /** The linear address of a memory operand, undefined where its segment's base is not known. */
  operandAddress({ insn, valid }: Instruction, registers: Registers): bigint | undefined {
    if (!valid || this.mode === MODE_CODE16) return undefined;
    const value = (n: number): bigint => registers.get(GENERAL[n] ?? '') ?? 0n;
    const wrap = (x: bigint): bigint => BigInt.asUintN(insn.addrsize * 8, x);
    if (insn.o0.kind === K.OPK_DST && !READ_ONLY_STRING.test(insn.row.lift)) return wrap(value(7));
    if (insn.o0.kind !== K.OPK_MEM || insn.o0.size === 0 || READ_ONLY.test(insn.row.mnemonic)) return undefined;
    const base = insn.memBase === K.BASE_RIP ? (registers.get('rip') ?? 0n) + BigInt(insn.len) : insn.memBase >= 0 ? value(insn.memBase) : 0n;
    const index = insn.memIndex >= 0 ? value(insn.memIndex) << BigInt(insn.memScale) : 0n;
    const disp = (BigInt(insn.dispHi) << 32n) | BigInt(insn.disp >>> 0);
    const segment = insn.memSeg === 4 ? registers.get('fs_base') : insn.memSeg === 5 ? registers.get('gs_base') : 0n;
    return segment === undefined ? undefined : BigInt.asUintN(this.mode === MODE_CODE64 ? 64 : 32, wrap(base + index + disp) + segment);
  }
}

const GENERAL = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];

export class AgainstQemu {
  private readonly comparison: QemuComparison;
  private readonly machines: Machines;
  private actions: Action[] = [];
  /** Linear addresses of instructions that were stepped, those to be stepped each time, and ways not taken yet. */
  private readonly seen = new Set<bigint>();
  private readonly always = new Set<bigint>();
  private readonly frontier = new Set<bigint>();
  private stepped = 0;
  private runs = 0;
  /** Registers where both stand now. */
  private now: Both<Registers> = [new Map(), new Map()];

  constructor(comparison: QemuComparison) {
    this.comparison = comparison;
    this.machines = new Machines(comparison);
  }

  async find(): Promise<QemuOutcome> {
    try {
      await this.begin();
      for (;;) {
        const outcome = await this.advance();
        if (outcome !== undefined) return outcome;
      }
    } finally {
      await this.machines.close();
    }
  }

  private async begin(): Promise<void> {
    await this.machines.start();
    this.now = await this.machines.registers();
  }

  /** One step, or one run of known code. */
  private async advance(): Promise<QemuOutcome | undefined> {
    const instruction = await this.machines.instruction(this.now[0]);
    if (!this.seen.has(instruction.address) || this.always.has(instruction.address)) return await this.step(instruction);
    const stops = new Set([...this.frontier, ...this.always]);
    const begin = this.actions.length;
    this.actions.push({ kind: 'run', stops });
    const reasons = await this.run(stops);
    this.runs++;
    if (this.runs % 100 === 0)
      this.comparison.onProgress(`${this.stepped} instructions stepped, ${this.runs} runs, at ${this.comparison.name(instruction.address)}`);
    if (reasons.every((reason) => reason === 'ended')) return this.outcome('ended', instruction, []);
    if (reasons.includes('still running')) return this.outcome('endless', instruction, [{ what: 'the guest', zendo: reasons[0], qemu: reasons[1] }]);
    if (reasons.every((reason) => reason === 'stopped') && this.differences(ARITHMETIC_FLAGS).length === 0) return undefined;
    return await this.narrow(begin);
  }

  /** They differ behind the run that is action `begin`: both again, up to it, and from there step by step to new code. */
  private async narrow(begin: number): Promise<QemuOutcome | undefined> {
    this.comparison.onProgress(`different behind a run: both again, step by step from instruction ${this.stepped} on`);
    this.actions = this.actions.slice(0, begin);
    await this.begin();
    for (const action of this.actions) {
      if (action.kind === 'run') await this.run(action.stops);
      else {
        const instruction = await this.machines.instruction(this.now[0]);
        await this.stepBoth(instruction);
        await this.forgive(instruction);
      }
    }
    for (let n = 0; n < this.comparison.steps; n++) {
      const instruction = await this.machines.instruction(this.now[0]);
      const fresh = !this.seen.has(instruction.address);
      const outcome = await this.step(instruction);
      if (outcome !== undefined || fresh) return outcome;
    }
    return { ...this.outcome('difference', await this.machines.instruction(this.now[0]), []), beyond: true };
  }

  private async run(stops: ReadonlySet<bigint>): Promise<Both<Stop>> {
    const { patience } = this.comparison;
    const [zendo, qemu] = this.machines.both;
    const reasons = await Promise.all([zendo.runTo(stops, patience), qemu.runTo(stops, patience)]);
    if (!reasons.includes('ended')) this.now = await this.machines.registers();
    return reasons;
  }

  private async step(instruction: Instruction): Promise<QemuOutcome | undefined> {
    const { insn, address, valid } = instruction;
    if (valid) {
      if (insn.row.lift === 'system.vmcall' || insn.row.lift === 'system.vmmcall') return this.outcome('hypercall', instruction, []);
      if (insn.row.lift === 'system.hlt') return this.outcome('halt', instruction, []);
      this.learn(instruction);
    }
    this.seen.add(address);
    this.frontier.delete(address);
    this.stepped++;
    if (this.stepped % 10_000 === 0) this.comparison.onProgress(`${this.stepped} instructions stepped, ${this.runs} runs, at ${this.comparison.name(address)}`);
    this.actions.push({ kind: 'step' });
    const [before] = this.now;
    const operand = await this.operandBytes(instruction);
    const reasons = await this.stepBoth(instruction);
    if (reasons.includes('ended')) {
      // QEMU ends at the port that means so to it, Zendo goes on to the hypercall
      const different = !reasons.every((reason) => reason === 'ended') && !(valid && insn.row.lift === 'io.out');
      return this.outcome(different ? 'difference' : 'ended', instruction, different ? [{ what: 'the guest', zendo: reasons[0], qemu: reasons[1] }] : []);
    }
    const undefinedFlags = await this.forgive(instruction);
    const values = [...this.differences(undefinedFlags), ...(await this.differentMemory(operand, before))];
    return values.length === 0 ? undefined : this.outcome('difference', instruction, values);
  }

  /** What there is to know of an instruction before it is stepped the first time. */
  private learn({ insn, address }: Instruction): void {
    if (isExcused(insn)) this.always.add(address);
    if (![insn.o0, insn.o1].some(({ kind }) => kind === K.OPK_REL)) return;
    const next = address + BigInt(insn.len);
    const wrap = (way: bigint): bigint => BigInt.asUintN(insn.codeSize === 64 ? 64 : 32, way);
    for (const way of insn.row.mnemonic === 'JMP' ? [next + BigInt(insn.immLo)] : [next, next + BigInt(insn.immLo)]) {
      if (!this.seen.has(wrap(way))) this.frontier.add(wrap(way));
    }
  }

  /** One instruction on both. QEMU does a string instruction's iterations one by one, and stops before a handler's first instruction. */
  private async stepBoth({ insn, address, valid }: Instruction): Promise<Both<Stop>> {
    const [zendo, qemu] = this.machines.both;
    const [registers] = this.now;
    const rip = registers.get('rip') ?? 0n;
    const repeated = valid && insn.rep !== 0 && insn.row.lift.startsWith('string.');
    if (repeated && BigInt.asUintN(insn.addrsize * 8, registers.get('rcx') ?? 0n) > ITERATIONS) return await this.run(new Set([address + BigInt(insn.len)]));
    const steps = async (machine: GdbMachine): Promise<readonly [Stop, Registers]> => {
      for (let n = 0n; ; n++) {
        const reason = await machine.step();
        if (reason === 'ended') return [reason, registers];
        const now = await machine.registers();
        if (!repeated || n > ITERATIONS || now.get('rip') !== rip) return [reason, now];
      }
    };
    const [ours, theirs] = await Promise.all([steps(zendo), steps(qemu)]);
    this.now = [ours[1], theirs[1]];
    if (ours[0] === 'ended' || theirs[0] === 'ended') return [ours[0], theirs[0]];
    const at = theirs[1].get('rip');
    if (ours[1].get('rip') === at || at === rip + BigInt(insn.len)) return [ours[0], theirs[0]];
    // elsewhere than the instruction leads to: QEMU stands before a handler's first instruction, ours behind it
    const [reason, now] = await steps(qemu);
    this.now = [ours[1], now];
    return [ours[0], reason];
  }

  /** Copies to QEMU what may differ; the flags that are undefined. */
  private async forgive({ insn, valid }: Instruction): Promise<bigint> {
    if (!valid) return 0n;
    const { registers: copied, flags } = excuse(insn, this.machines.unsynced);
    if (copied.length === 0 && flags === 0) return 0n;
    const [ours, theirs] = this.now;
    const corrected = new Map(theirs);
    for (const name of copied) corrected.set(name, ours.get(name) ?? 0n);
    const mask = BigInt(flags);
    corrected.set('eflags', ((corrected.get('eflags') ?? 0n) & ~mask) | ((ours.get('eflags') ?? 0n) & mask));
    for (const [name, value] of corrected) if (theirs.get(name) !== value) await this.machines.both[1].setRegister(name, value);
    this.now = [ours, corrected];
    return mask;
  }

  /** Registers that differ, those aside that have done so since the entry. */
  private differences(flags: bigint): Values {
    const { unsynced } = this.machines;
    const [ours, theirs] = this.now;
    const found: { what: string; zendo: string; qemu: string }[] = [];
    for (const [name, value] of ours) {
      const other = theirs.get(name);
      if (other === undefined || NOT_COMPARED.has(name)) continue;
      const mask = name === 'eflags' ? ~flags : -1n;
      if ((value & mask) === (other & mask)) unsynced.delete(name);
      else if (!unsynced.has(name)) found.push({ what: name, zendo: value.toString(16), qemu: other.toString(16) });
    }
    return found;
  }

  /** Both guests' bytes at the instruction's memory operand, before it; undefined when it has none that is compared. */
  private async operandBytes(instruction: Instruction): Promise<{ address: bigint; before: Both<string> } | undefined> {
    const address = this.machines.operandAddress(instruction, this.now[0]);
    if (address === undefined || excuse(instruction.insn, new Set()).memory) return undefined;
    return { address, before: await this.bytes(address, OPERAND) };
  }

  private async bytes(address: bigint, length: number): Promise<Both<string>> {
    const [zendo, qemu] = this.machines.both;
    const [ours, theirs] = await Promise.all([zendo.read(address, length), qemu.read(address, length)]);
    return [ours.toHex(), theirs.toHex()];
  }

  /** The memory operand and the top of the stack, where they differ; memory that differed before (firmware's) and was not written is left out. */
  private async differentMemory(operand: { address: bigint; before: Both<string> } | undefined, before: Registers): Promise<Values> {
    const found: { what: string; zendo: string; qemu: string }[] = [];
    const note = (what: string, address: bigint, [zendo, qemu]: Both<string>): void => {
      if (zendo !== qemu) found.push({ what: `${what} at 0x${address.toString(16)}`, zendo, qemu });
    };
    if (operand !== undefined) {
      const now = await this.bytes(operand.address, OPERAND);
      if (now.some((bytes, i) => bytes !== operand.before[i])) note('memory operand', operand.address, now);
    }
    const stack = this.now[0].get('rsp') ?? 0n;
    if (stack < (before.get('rsp') ?? 0n)) note('stack', stack, await this.bytes(stack, STACK));
    return found;
  }

  private outcome(end: QemuOutcome['end'], { address, text }: Instruction, values: Values): QemuOutcome {
    const { stepped, runs } = this;
    return { end, stepped, runs, address, at: `${this.comparison.name(address)}: ${text}`, values, beyond: false };
  }
}
