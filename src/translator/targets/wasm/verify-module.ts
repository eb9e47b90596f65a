/**
 * Checks an emitted module before it runs, knowing nothing of the emitter but the contract: only the two memories, the region table
 * and the core's functions are imported; guest memory is accessed only at offsets made of a 32-bit address and a soft-TLB addend;
 * `state` is written only inside the vCPU's own context and read only there, in the soft TLB and in block headers; every core
 * function gets that context. Values on the stack and in locals carry what is known of them; a local keeps it only if all
 * assignments agree.
 *
 * The chain, a module of its own, reads `state`, writes there to the ways taken lately only, and makes the indirect tail call; regions may leave by a tail call of it.
 */
import {
  CODE_ARENA,
  CODE_ARENA_END,
  MEMORY_PAGES,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_STRIDE,
  VCPU_STRIDE,
  WAY_CACHE,
  WAY_STRIDE,
  WAYS,
} from '../../../machine/layout.ts';
import { coreFunctions } from './imports.ts';

/** What is known of a value. */
type Known = 'nothing' | 'context' | 'tlb' | 'tlb index' | 'tlb entry' | 'way' | 'addend' | 'address' | 'offset' | number;

class Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  byte(): number {
    if (this.at >= this.end) throw new Error('the module ends early');
    return this.bytes[this.at++] as number;
  }

  /** LEB128, low 32 bits. */
  leb(signed = false): number {
    let value = 0;
    let shift = 0;
    for (;;) {
      const byte = this.byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) === 0) {
        if (signed && shift < 32 && (byte & 0x40) !== 0) value |= -1 << shift;
        return signed ? value : value >>> 0;
      }
    }
  }

  text(): string {
    const length = this.leb();
    this.at += length;
    return String.fromCharCode(...this.bytes.subarray(this.at - length, this.at));
  }
}

const fail = (what: string): never => {
  throw new Error(`wasm target: unsound module: ${what}`);
};

/** Throws unless the module keeps the contract: one of regions, or the chain's. */
export function verifyModule(bytes: Uint8Array, isChain = false): void {
  const reader = new Reader(bytes, 8);
  while (reader.at < reader.end) {
    const id = reader.byte();
    const size = reader.leb();
    const end = reader.at + size;
    const section = new Reader(bytes, reader.at, end);
    if (id === 2) verifyImports(section, isChain);
    else if (id === 10) verifyCode(section, isChain);
    else if (![0, 1, 3, 7].includes(id)) fail(`section ${id}`);
    reader.at = end;
  }
}

/** Does the module keep the contract? */
export function isSound(bytes: Uint8Array): boolean {
  try {
    verifyModule(bytes);
    return true;
  } catch {
    return false;
  }
}

function verifyImports(reader: Reader, isChain: boolean): void {
  const wanted = isChain ? ['env.state', 'core.table'] : ['env.state', 'env.frames', 'core.table', ...coreFunctions.map(({ name }) => `core.${name}`)];
  const count = reader.leb();
  if (count !== wanted.length) fail(`${count} imports`);
  for (const name of wanted) {
    const found = `${reader.text()}.${reader.text()}`;
    if (found !== name) fail(`import of ${found} where ${name} is expected`);
    const kind = reader.byte();
    if (kind === 2) {
      if (reader.byte() !== 3 || reader.leb() !== MEMORY_PAGES || reader.leb() !== MEMORY_PAGES) fail(`limits of ${name}`);
    } else if (kind === 1) {
      reader.byte();
      if (reader.byte() !== 0) fail('limits of the table');
      reader.leb();
    } else if (kind === 0) reader.leb();
    else fail(`import of kind ${kind}`);
  }
}

function verifyCode(reader: Reader, isChain: boolean): void {
  const count = reader.leb();
  for (let k = 0; k < count; k++) {
    const size = reader.leb();
    const end = reader.at + size;
    let locals: Known[] | undefined;
    // what locals hold is known when all assignments have been seen, which takes a few rounds; only then counts what is found
    for (;;) {
      const next: Known[] = new FunctionVerifier(new Reader(reader.bytes, reader.at, end), isChain, locals, false).run();
      if (locals !== undefined && next.every((known, local) => known === (locals as Known[])[local])) break;
      locals = next;
    }
    new FunctionVerifier(new Reader(reader.bytes, reader.at, end), isChain, locals, true).run();
    reader.at = end;
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);
/** Of one operand: splats, lanes read, conversions, negations, roundings, tests, roots. @see WebAssembly Core Specification, 5.4.8 */
const UNARY_VECTOR: ReadonlySet<number> = new Set([
  ...[...range(15, 20), 21, 22, 24, 25, 27, 29, 31, 33, 77, 83],
  ...[...range(94, 100), ...range(103, 106), 116, 117, 122, ...range(124, 129), 131, 132, ...range(135, 138), 148],
  ...[160, 161, 163, 164, ...range(167, 170), 192, 193, 195, 196, ...range(199, 202), 224, 225, 227, 236, 237, 239, ...range(248, 255)],
]);
const vectorOperands = (op: number): number => (op === 12 ? 0 : op === 82 ? 3 : UNARY_VECTOR.has(op) ? 1 : 2);

/** Locals of a function, as engines take them at most. @see WebAssembly JavaScript Interface, "Implementation-defined Limits" */
const MOST_LOCALS = 50_000;

class FunctionVerifier {
  private readonly reader: Reader;
  private readonly isChain: boolean;
  private readonly known: readonly Known[] | undefined;
  private readonly assigned = new Map<number, Known>();
  private readonly stack: Known[] = [];
  private readonly frames: { height: number; results: number; result: Known | undefined }[] = [];
  private dead = false;
  private localCount: number;

  /** False: only learns. */
  private readonly strict: boolean;

  constructor(reader: Reader, isChain: boolean, known: readonly Known[] | undefined, strict: boolean) {
    this.strict = strict;
    this.reader = reader;
    this.isChain = isChain;
    this.localCount = isChain ? 1 : 2;
    this.known = known;
  }

  private pop(): Known {
    const { stack, frames } = this;
    if (stack.length > (frames.at(-1)?.height ?? 0)) return stack.pop() as Known;
    return this.dead ? 'nothing' : fail('the stack is empty');
  }

  run(): Known[] {
    const { reader } = this;
    for (let groups = reader.leb(); groups > 0; groups--) {
      this.localCount += reader.leb();
      if (this.localCount > MOST_LOCALS) fail('too many locals');
      reader.byte();
    }
    this.frames.push({ height: 0, results: 1, result: undefined });
    while (reader.at < reader.end) this.instruction(reader.byte());
    if (this.frames.length > 0) fail('a block is not closed');
    return Array.from({ length: this.localCount }, (_, local) => (local === 0 ? 'context' : (this.assigned.get(local) ?? 'nothing')));
  }

  private assign(local: number, value: Known): void {
    if (local === 0) fail('the context is assigned');
    const before = this.assigned.get(local);
    this.assigned.set(local, before === undefined || before === value ? value : 'nothing');
  }

  /** The end of an arm or a block: its result is known if all ways to there agree. */
  private arrive(): void {
    const frame = this.frames.at(-1);
    if (frame === undefined || frame.results === 0 || this.dead) return;
    const value = this.stack.length > frame.height ? (this.stack.at(-1) as Known) : fail('a block without its result');
    frame.result = frame.result === undefined || frame.result === value ? value : 'nothing';
  }

  /** A branch: of the result of what it leaves nothing is known. */
  private leave(depth: number): void {
    const frame = this.frames.at(-1 - depth);
    if (frame !== undefined && frame.results > 0) frame.result = 'nothing';
  }

  private instruction(op: number): void {
    const { reader, stack } = this;
    switch (op) {
      case 0x00:
        this.dead = true;
        return;
      case 0x02:
      case 0x03:
      case 0x04: {
        const results = reader.byte() === 0x40 ? 0 : 1;
        if (op === 0x04) this.pop();
        this.frames.push({ height: stack.length, results, result: undefined });
        this.dead = false;
        return;
      }
      case 0x05:
        this.arrive();
        stack.length = this.frames.at(-1)?.height ?? 0;
        this.dead = false;
        return;
      case 0x0b: {
        this.arrive();
        const frame = this.frames.pop();
        if (frame === undefined) return fail('an end too many');
        stack.length = frame.height;
        for (let k = 0; k < frame.results; k++) stack.push(frame.result ?? 'nothing');
        this.dead = false;
        return;
      }
      case 0x0c:
        this.leave(reader.leb());
        this.dead = true;
        return;
      case 0x0d:
        this.leave(reader.leb());
        this.pop();
        return;
      case 0x0e:
        for (let n = reader.leb(); n >= 0; n--) this.leave(reader.leb());
        this.pop();
        this.dead = true;
        return;
      case 0x0f:
        this.dead = true;
        return;
      case 0x10:
      case 0x12:
        this.call(reader.leb(), op === 0x12);
        return;
      case 0x13:
        if (!this.isChain) fail('an indirect call outside the chain');
        reader.leb();
        reader.leb();
        this.pop();
        this.pop();
        if (this.pop() !== 'context') fail('a region is called without its context');
        this.dead = true;
        return;
      case 0x1b: {
        this.pop();
        this.pop();
        this.pop();
        stack.push('nothing');
        return;
      }
      case 0x20: {
        const local = reader.leb();
        stack.push(local === 0 ? 'context' : (this.known?.[local] ?? 'nothing'));
        return;
      }
      case 0x21:
        this.assign(reader.leb(), this.pop());
        return;
      case 0x22: {
        const value = this.pop();
        this.assign(reader.leb(), value);
        stack.push(value);
        return;
      }
      case 0x41:
        stack.push(reader.leb(true));
        return;
      case 0x42:
        reader.leb(true);
        stack.push('nothing');
        return;
      case 0x43:
      case 0x44:
        reader.at += op === 0x43 ? 4 : 8;
        stack.push('nothing');
        return;
      case 0xfc:
        if (reader.leb() > 7) fail('a bulk operation');
        this.pop();
        stack.push('nothing');
        return;
      case 0xfd:
        this.vector(reader.leb());
        return;
      default:
        if (op >= 0x28 && op <= 0x35) this.load();
        else if (op >= 0x36 && op <= 0x3e) this.store();
        else this.arithmetic(op);
    }
  }

  private vector(op: number): void {
    const { reader } = this;
    if (op === 0 || op === 92 || op === 93) return this.load(true);
    if (op === 11) return this.store(true);
    if (op > 255 || (op > 0 && op < 12) || (op >= 84 && op <= 91)) fail(`vector instruction ${op}`);
    if (op === 12 || op === 13) reader.at += 16;
    else if (op >= 21 && op <= 34) reader.at++;
    for (let operands = vectorOperands(op); operands > 0; operands--) this.pop();
    this.stack.push('nothing');
  }

  private arithmetic(op: number): void {
    const { stack } = this;
    if (op < 0x45 || op > 0xc4) fail(`instruction ${op}`);
    const unary =
      op === 0x45 ||
      op === 0x50 ||
      (op >= 0x67 && op <= 0x69) ||
      (op >= 0x79 && op <= 0x7b) ||
      (op >= 0x8b && op <= 0x91) ||
      (op >= 0x99 && op <= 0x9f) ||
      op >= 0xa7;
    const y = this.pop();
    if (unary) {
      // i32.wrap_i64
      stack.push(op === 0xa7 ? 'address' : 'nothing');
      return;
    }
    const x = this.pop();
    let result: Known = 'nothing';
    const both = (p: Known, q: Known): boolean => (x === p && y === q) || (x === q && y === p);
    if (op === 0x71 && (y === (TLB_ENTRIES - 1) * TLB_STRIDE || x === (TLB_ENTRIES - 1) * TLB_STRIDE)) result = 'tlb index';
    else if (op === 0x71 && y === (WAYS - 1) * WAY_STRIDE) result = 'way';
    else if (op === 0x6a) {
      if (both('tlb index', 'tlb')) result = 'tlb entry';
      else if (both('address', 'addend')) result = 'offset';
    }
    stack.push(result);
  }

  private memory(): { memory: number; offset: number } {
    const { reader } = this;
    const flags = reader.leb();
    const memory = (flags & 0x40) !== 0 ? reader.leb() : 0;
    if (memory > 1) fail(`memory ${memory}`);
    return { memory, offset: reader.leb() };
  }

  /** Of a vector: the upper half of one of 256 bits lies 16 bytes further. */
  private load(isVector = false): void {
    const { memory, offset } = this.memory();
    const base = this.pop();
    let result: Known = 'nothing';
    if (memory === 1) {
      if ((base !== 'offset' || (offset !== 0 && !(isVector && offset === 16))) && this.strict)
        fail(`guest memory is read at an offset that is no soft-TLB entry's (${base} + ${offset})`);
    } else if (base === 'context') {
      if (offset > VCPU_STRIDE - 16) fail('a read behind the context');
      if (offset === TLB * 8) result = 'tlb';
    } else if (base === 'tlb entry') {
      if (offset > TLB_STRIDE - 4) fail('a read behind a soft-TLB entry');
      if (offset === TLB_ADDEND) result = 'addend';
    } else if (typeof base === 'number') {
      if (this.strict && (base !== 0 || offset < CODE_ARENA || offset >= CODE_ARENA_END)) fail('a read of state outside block headers');
    } else if (!this.isChain && this.strict) fail(`a read of state at an unknown address (${base} + ${offset})`);
    this.stack.push(result);
  }

  private store(isVector = false): void {
    const { memory, offset } = this.memory();
    this.pop();
    const base = this.pop();
    if (memory === 1) {
      if ((base !== 'offset' || (offset !== 0 && !(isVector && offset === 16))) && this.strict)
        fail(`guest memory is written at an offset that is no soft-TLB entry's (${base} + ${offset})`);
    } else if (this.isChain && base === 'way') {
      if (offset < WAY_CACHE || offset > WAY_CACHE + WAY_STRIDE - 8) fail('a write outside the ways');
    } else if (this.strict && (base !== 'context' || offset > VCPU_STRIDE - 16)) fail('a write to state outside the context');
  }

  private call(index: number, tail: boolean): void {
    const target = coreFunctions[index];
    if (target === undefined || this.isChain) return fail(`a call of function ${index}`);
    if (tail !== target.name.startsWith('chain')) fail(`a call of ${target.name} of the wrong kind`);
    if (tail) {
      if (this.pop() !== 'context') fail('the chain is called without the context');
      this.dead = true;
      return;
    }
    const values = target.parameters.map(() => this.pop()).reverse();
    const hasContext = target.name.startsWith('try') || target.name.startsWith('dispatch');
    if (this.strict && hasContext && values[0] !== 'context') fail(`${target.name} is called without the context`);
    for (const _ of target.results) this.stack.push('nothing');
  }
}
