/**
 * The engine's side: a vCPU at CPL 3 in long mode whose memory and segments look to user code as they do natively, and that runs the same records.
 * Exceptions are taken where the engine reports them, before delivery; those that an instruction delivers itself (INT3, INTO, INT1, single steps)
 * arrive at HLTs behind an IDT.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BUDGET,
  CC_A,
  CC_B,
  CC_OP,
  CPL,
  CPU_FLAGS,
  CPU_INTEL,
  CR2,
  DEBUG_PENDING,
  DELIVERING,
  DR6,
  DR7,
  EFLAGS_SYS,
  EXC,
  EXC_ERROR,
  EXIT_BUDGET,
  EXIT_CPUID,
  EXIT_HLT,
  EXIT_PENDING,
  EXIT_REASON,
  FCW,
  FDP,
  FIP,
  FOP,
  FSW,
  FTW,
  MXCSR,
  ONE_INSN,
  RAX,
  RIP,
  RSP,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  SHADOW,
  SLOW_NEXT,
  STEP_PENDING,
  VEC,
  VEC_STRIDE,
  X87,
} from '../../src/machine/layout.ts';
import { Memories } from '../../src/machine/memories.ts';
import { contextAddress, VcpuContext } from '../../src/machine/vcpu-context.ts';
import { Engine, type EngineOptions } from '../../src/translator/engine.ts';
import * as L from './layout.ts';
import { CODE_AT, KERNEL, KERNEL_AT, MachineSetup, PAGE, WINDOW_AT } from './machine-setup.ts';

/** Instructions a case may take. */
const MOST = 200_000;

/** Base, limit and attributes of a loaded segment register, by selector. */
interface Loaded {
  readonly base: number;
  readonly limit: number;
  readonly attr: number;
}

const compiled = new Map<string, WebAssembly.Module>();
function coreModule(): WebAssembly.Module {
  const file = join(import.meta.dirname, '../../build/core.wasm');
  let module = compiled.get(file);
  if (module === undefined) compiled.set(file, (module = new WebAssembly.Module(readFileSync(file))));
  return module;
}

/** Stands for the fault object that the core throws; anything else is a bug. */
const isFault = (thrown: unknown): boolean => typeof thrown === 'symbol';

export class ConformanceMachine {
  readonly memories: Memories = new Memories();
  readonly engine: Engine;
  readonly context: VcpuContext;
  readonly ctx: number;
  private readonly words: Int32Array;
  private readonly frames: Int32Array;
  /** Index in `words` of the context. */
  private readonly at: number;
  private readonly loaded = new Map<number, Loaded>();
  private readonly setup: MachineSetup;
  private templates: Uint8Array = new Uint8Array(0);
  private template = -1;
  private readonly pageBuffers: Buffer[];
  private templateBuffers: Buffer[] = [];

  constructor(options: EngineOptions) {
    this.engine = new Engine(this.memories, coreModule(), options);
    this.ctx = contextAddress(0);
    this.context = new VcpuContext(this.memories, this.ctx);
    this.words = this.memories.stateWords;
    this.frames = this.memories.frameWords;
    this.at = this.ctx >>> 2;
    this.setup = new MachineSetup(this.memories, this.context);
    this.context.setLow(CPU_FLAGS, options.vendor === 'intel' ? CPU_INTEL : 0);
    this.pageBuffers = L.TEMPLATE_PAGES.map((offset) => Buffer.from(this.memories.frames.buffer, this.setup.offset(WINDOW_AT + offset), PAGE));
  }

  setTemplates(bytes: Uint8Array): void {
    this.templates = bytes;
    this.template = -1;
    const count = bytes.length / L.TEMPLATE_SIZE;
    this.templateBuffers = [];
    for (let n = 0; n < count * 4; n++) this.templateBuffers.push(Buffer.from(bytes.buffer, bytes.byteOffset + n * PAGE, PAGE));
  }

  /** Another image of the code area; all translations go. */
  setCode(code: Uint8Array): void {
    this.memories.frameBytes.set(code.subarray(0, L.STUBS), this.setup.offset(CODE_AT));
    this.engine.reset();
  }

  /** What the hidden part of a segment register holds after `selector` was loaded by user code outside 64-bit code. */
  private segment(selector: number): Loaded {
    let found = this.loaded.get(selector);
    if (found === undefined) {
      const descriptor = this.setup.descriptors.get(selector & ~3);
      if (descriptor === undefined || selector < 4) found = { base: 0, limit: 0, attr: 0x10000 };
      else {
        const low = Number(descriptor & 0xffffffffn);
        const high = Number(descriptor >> 32n);
        const raw = (low & 0xffff) | (high & 0xf0000);
        found = {
          base: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000)) >>> 0,
          limit: (high & 0x800000) !== 0 ? ((raw << 12) | 0xfff) >>> 0 : raw,
          attr: ((high >> 8) & 0xff) | (((high >> 20) & 15) << 8),
        };
      }
      this.loaded.set(selector, found);
    }
    return found;
  }

  private setSegment(number: number, selector: number): void {
    const { words, at } = this;
    const { base, limit, attr } = this.segment(selector);
    words[at + (SEG_SEL + number) * 2] = selector;
    words[at + (SEG_BASE + number) * 2] = base;
    words[at + (SEG_BASE + number) * 2 + 1] = 0;
    words[at + (SEG_LIMIT + number) * 2] = limit;
    words[at + (SEG_ATTR + number) * 2] = attr;
  }

  /** The segment base that user code in `mode` uses with `selector`. */
  baseOf(selector: number): number {
    return this.segment(selector).base;
  }

  /** Runs the case at `cases[from]` and writes its result record (with differences) to `out[to]`; the index behind it. */
  run(mode: number, cases: Int32Array, from: number, out: Int32Array, to: number): number {
    this.loadMemory(cases, from);
    this.loadState(mode, cases, from);
    out.fill(0, to, to + L.RESULT_WORDS);
    out[to + L.R_EXIT] = -1;
    out[to + L.R_VECTOR] = -1;
    this.execute(cases, from, out, to);
    this.storeState(out, to);
    return this.collect(cases, from, out, to);
  }

  /** True if the case ever executes bytes of the code area outside of `first`..`last` (offsets) and the stubs. */
  strays(mode: number, cases: Int32Array, from: number, first: number, last: number): boolean {
    const { words, at, ctx } = this;
    this.loadMemory(cases, from);
    this.loadState(mode, cases, from);
    const base = this.segment((cases[from + L.C_SS_CS] as number) >>> 16).base === 0 ? L.CODE : 0;
    let found = false;
    for (let step = 0; step < 2000 && !found; step++) {
      words[at + BUDGET * 2] = 1;
      words[at + BUDGET * 2 + 1] = 0;
      try {
        if (this.engine.core.run(ctx) !== EXIT_BUDGET) break;
      } catch (thrown) {
        if (!isFault(thrown)) throw thrown;
        this.engine.core.unwind(ctx);
        if (((words[at + EXC * 2] as number) & 0x1000) !== 0) break;
      }
      const offset = (words[at + RIP * 2] as number) - base;
      found = words[at + RIP * 2 + 1] === 0 && offset >= 0 && offset < L.STUBS && (offset < first || offset > last);
    }
    this.collect(cases, from, new Int32Array(L.RESULT_WORDS + L.MAX_DIFFS * 4), 0);
    return found;
  }

  private loadMemory(cases: Int32Array, from: number): void {
    const number = cases[from + L.C_TEMPLATE] as number;
    if (number !== this.template) {
      for (let page = 0; page < 4; page++) this.restore(number, page);
      this.template = number;
    }
    const patches = cases[from + L.C_PATCHES] as number;
    for (let n = 0; n < patches; n++) {
      const at = from + L.C_PATCH + n * 4;
      const target = this.setup.offset(WINDOW_AT) + (cases[at] as number);
      this.memories.frameView.setInt32(target, cases[at + 2] as number, true);
      this.memories.frameView.setInt32(target + 4, cases[at + 3] as number, true);
    }
  }

  private restore(template: number, page: number): void {
    const at = (template * 4 + page) * PAGE;
    this.memories.frameBytes.set(this.templates.subarray(at, at + PAGE), this.setup.offset(WINDOW_AT + (L.TEMPLATE_PAGES[page] as number)));
  }

  private loadState(mode: number, cases: Int32Array, from: number): void {
    const { words, at } = this;
    const zero = (slot: number): void => {
      words[at + slot * 2] = 0;
      words[at + slot * 2 + 1] = 0;
    };
    for (let n = 0; n < 32; n++) words[at + RAX * 2 + n] = cases[from + L.C_GPR + n] as number;
    const dses = cases[from + L.C_DS_ES] as number;
    const fsgs = cases[from + L.C_FS_GS] as number;
    const sscs = cases[from + L.C_SS_CS] as number;
    this.setSegment(3, dses & 0xffff);
    this.setSegment(0, dses >>> 16);
    this.setSegment(4, fsgs & 0xffff);
    this.setSegment(5, fsgs >>> 16);
    this.setSegment(2, sscs & 0xffff);
    this.setSegment(1, sscs >>> 16);
    if (mode === 2) {
      for (let n = 0; n < 2; n++) {
        words[at + (SEG_BASE + 4) * 2 + n] = cases[from + L.C_FSBASE + n] as number;
        words[at + (SEG_BASE + 5) * 2 + n] = cases[from + L.C_GSBASE + n] as number;
      }
    }
    const entry = cases[from + L.C_ENTRY] as number;
    words[at + RIP * 2] = this.segment(sscs >>> 16).base === 0 ? L.CODE + entry : entry;
    words[at + RIP * 2 + 1] = 0;
    const rflags = cases[from + L.C_RFLAGS] as number;
    words[at + CC_OP * 2] = 0;
    words[at + CC_A * 2] = rflags & 0x8d5;
    zero(CC_B);
    words[at + EFLAGS_SYS * 2] = rflags & ~0x8d7;
    words[at + CPL * 2] = 3;
    for (const slot of CLEARED) zero(slot);
    words[at + BUDGET * 2] = MOST;
    words[at + BUDGET * 2 + 1] = 0;
    words[at + DR6 * 2] = 0xffff0ff0 | 0;
    zero(DR7);
    this.loadFloating(cases, from + L.C_FX);
    this.engine.core.updateMode(this.ctx);
  }

  private loadFloating(cases: Int32Array, fx: number): void {
    const { words, at } = this;
    const control = cases[fx] as number;
    const status = control >>> 16;
    words[at + FCW * 2] = control & 0xffff;
    words[at + FSW * 2] = status;
    words[at + FTW * 2] = (cases[fx + 1] as number) & 0xff;
    // above FOP the engine keeps the pointers' selectors
    words[at + FOP * 2] = ((cases[fx + 1] as number) >>> 16) & 0x7ff;
    words[at + FOP * 2 + 1] = 0;
    for (let n = 0; n < 2; n++) {
      words[at + FIP * 2 + n] = cases[fx + 2 + n] as number;
      words[at + FDP * 2 + n] = cases[fx + 4 + n] as number;
    }
    words[at + MXCSR * 2] = cases[fx + 6] as number;
    const top = (status >> 11) & 7;
    for (let n = 0; n < 8; n++) {
      const to = at + (X87 >>> 2) + ((top + n) & 7) * 4;
      for (let k = 0; k < 4; k++)
        words[to + k] = k === 3 ? 0 : k === 2 ? (cases[fx + 8 + n * 4 + k] as number) & 0xffff : (cases[fx + 8 + n * 4 + k] as number);
    }
    for (let n = 0; n < 16; n++) {
      const to = at + (VEC >>> 2) + n * (VEC_STRIDE >>> 2);
      for (let k = 0; k < 4; k++) {
        words[to + k] = cases[fx + 40 + n * 4 + k] as number;
        words[to + 4 + k] = cases[fx + L.C_YMM - L.C_FX + n * 4 + k] as number;
      }
      words.fill(0, to + 4, to + 8);
    }
  }

  /** Runs until the case leaves; fills in how. */
  private execute(cases: Int32Array, from: number, out: Int32Array, to: number): void {
    const { core } = this.engine;
    const { words, at, ctx } = this;
    for (;;) {
      let reason = 0;
      try {
        reason = core.run(ctx);
      } catch (thrown) {
        if (!isFault(thrown)) throw thrown;
        core.unwind(ctx);
        const event = words[at + EXC * 2] as number;
        if ((event & 0x1000) === 0) continue;
        const vector = event & 0xff;
        out[to + L.R_VECTOR] = vector;
        out[to + L.R_ERROR] = (event & 0x100) !== 0 ? (words[at + EXC_ERROR * 2] as number) : 0;
        if (vector === 14) {
          out[to + L.R_CR2] = words[at + CR2 * 2] as number;
          out[to + L.R_CR2 + 1] = words[at + CR2 * 2 + 1] as number;
        }
        break;
      }
      const high = words[at + RIP * 2 + 1] as number;
      const low = words[at + RIP * 2] as number;
      if (reason === EXIT_CPUID && high === HIGH_HIGH && (low & ~0xff) === HIGH_LOW) {
        out[to + L.R_EXIT] = (low >> 4) & 15;
        // the far jump of the stub changed CS
        words[at + (SEG_SEL + 1) * 2] = (cases[from + L.C_SS_CS] as number) >>> 16;
        words[at + RIP * 2] = 0;
        words[at + RIP * 2 + 1] = 0;
      } else if (reason === EXIT_HLT && high === KERNEL_HIGH) this.delivered(out, to);
      else out[to + L.R_VECTOR] = reason === EXIT_BUDGET ? L.TIMEOUT : 0x100 + reason;
      break;
    }
  }

  /** A handler was reached: RIP, CS, RFLAGS, RSP and SS are on its stack, for a page fault (regions have it delivered) below them its error code. */
  private delivered(out: Int32Array, to: number): void {
    const { words, at, frames } = this;
    out[to + L.R_VECTOR] = ((words[at + RIP * 2] as number) & 0xfff) >> 4;
    let frame = this.setup.offset(KERNEL_AT) / 4 + ((words[at + RSP * 2] as number) & 0xffff) / 4;
    if (out[to + L.R_VECTOR] === 14) {
      out[to + L.R_ERROR] = frames[frame] as number;
      frame += 2;
      for (let n = 0; n < 2; n++) out[to + L.R_CR2 + n] = words[at + CR2 * 2 + n] as number;
    }
    for (let n = 0; n < 2; n++) {
      words[at + RIP * 2 + n] = frames[frame + n] as number;
      words[at + RSP * 2 + n] = frames[frame + 6 + n] as number;
    }
    words[at + (SEG_SEL + 1) * 2] = frames[frame + 2] as number;
    words[at + (SEG_SEL + 2) * 2] = frames[frame + 8] as number;
    const rflags = frames[frame + 4] as number;
    words[at + EFLAGS_SYS * 2] = rflags & ~0x8d7;
  }

  private storeState(out: Int32Array, to: number): void {
    const { words, at } = this;
    for (let n = 0; n < 32; n++) out[to + L.R_GPR + n] = words[at + RAX * 2 + n] as number;
    const selector = (number: number): number => (words[at + (SEG_SEL + number) * 2] as number) & 0xffff;
    out[to + L.R_DS_ES] = selector(3) | (selector(0) << 16);
    out[to + L.R_FS_GS] = selector(4) | (selector(5) << 16);
    out[to + L.R_SS_CS] = selector(2) | (selector(1) << 16);
    for (let n = 0; n < 2; n++) {
      out[to + L.R_RIP + n] = words[at + RIP * 2 + n] as number;
      out[to + L.R_FSBASE + n] = words[at + (SEG_BASE + 4) * 2 + n] as number;
      out[to + L.R_GSBASE + n] = words[at + (SEG_BASE + 5) * 2 + n] as number;
    }
    out[to + L.R_RFLAGS] = Number(BigInt.asUintN(32, this.engine.core.getRflags(this.ctx))) | 0;
    const fx = to + L.R_FX;
    const status = words[at + FSW * 2] as number;
    out[fx] = ((words[at + FCW * 2] as number) & 0xffff) | (status << 16);
    // AMD: FXSAVE gives the pointers only while an exception is pending
    const pending = (status & 0x80) !== 0;
    out[fx + 1] = ((words[at + FTW * 2] as number) & 0xff) | (pending ? ((words[at + FOP * 2] as number) & 0x7ff) << 16 : 0);
    for (let n = 0; n < 2; n++) {
      out[fx + 2 + n] = pending ? (words[at + FIP * 2 + n] as number) : 0;
      out[fx + 4 + n] = pending ? (words[at + FDP * 2 + n] as number) : 0;
    }
    out[fx + 6] = words[at + MXCSR * 2] as number;
    const top = (status >> 11) & 7;
    for (let n = 0; n < 8; n++) {
      const source = at + (X87 >>> 2) + ((top + n) & 7) * 4;
      for (let k = 0; k < 3; k++) out[fx + 8 + n * 4 + k] = words[source + k] as number;
    }
    for (let n = 0; n < 16; n++) {
      const source = at + (VEC >>> 2) + n * (VEC_STRIDE >>> 2);
      for (let k = 0; k < 4; k++) {
        out[fx + 40 + n * 4 + k] = words[source + k] as number;
        out[to + L.R_YMM + n * 4 + k] = words[source + 4 + k] as number;
      }
    }
  }

  /** Lists how memory differs from the template, and puts it back. */
  private collect(cases: Int32Array, from: number, out: Int32Array, to: number): number {
    let end = to + L.RESULT_WORDS;
    let count = 0;
    for (let page = 0; page < 4; page++) {
      const template = this.templateBuffers[this.template * 4 + page] as Buffer;
      if (page === 0) {
        if ((cases[from + L.C_PATCHES] as number) > 0) this.restore(this.template, 0);
        continue;
      }
      if ((this.pageBuffers[page] as Buffer).equals(template)) continue;
      const mine = this.setup.offset(WINDOW_AT + (L.TEMPLATE_PAGES[page] as number)) / 4;
      for (let n = 0; n < 1024; n += 2) {
        const low = this.frames[mine + n] as number;
        const high = this.frames[mine + n + 1] as number;
        if (low === template.readInt32LE(n * 4) && high === template.readInt32LE(n * 4 + 4)) continue;
        if (count < L.MAX_DIFFS) {
          out[end] = (L.TEMPLATE_PAGES[page] as number) + n * 4;
          out[end + 1] = 0;
          out[end + 2] = low;
          out[end + 3] = high;
          end += 4;
          count++;
        }
      }
      this.restore(this.template, page);
    }
    out[to + L.R_DIFFS] = count;
    return end;
  }
}

const HIGH_HIGH = Math.floor(L.HIGH / 0x100000000) | 0;
const HIGH_LOW = (L.HIGH % 0x100000000) | 0;
const KERNEL_HIGH = Number(KERNEL >> 32n) | 0;

/** What an earlier case may have left behind. */
const CLEARED: readonly number[] = [EXC, EXC_ERROR, EXIT_REASON, EXIT_PENDING, SHADOW, STEP_PENDING, DEBUG_PENDING, DELIVERING, ONE_INSN, SLOW_NEXT];
