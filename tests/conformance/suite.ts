/** The loop: generate, run natively and on the engine, compare, count per row. */
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import { type CodeSize, Dice } from '../../src/translator/decode/encodings.ts';
import { DECODE_BMI1, DECODE_INTEL, DECODE_LZCNT } from '../../src/translator/decode/insn.ts';
import type { EngineOptions } from '../../src/translator/engine.ts';
import { CHOSEN, compare, DIFFERENT, UNDEFINED_BITS, WITHIN_ERROR } from './compare.ts';
import { describe } from './describe.ts';
import { type Code, Generator } from './generate.ts';
import * as L from './layout.ts';
import { ConformanceMachine } from './machine.ts';
import { hostCpu, Native } from './native.ts';
import { isLast, rowsFor } from './rows.ts';
import { StateMaker } from './state.ts';
import { makeTemplates } from './values.ts';

export interface SuiteOptions {
  readonly seed: number;
  readonly modes: readonly CodeSize[];
  /** Rows by name (rows.ts, rowName). */
  readonly rows?: RegExp;
  readonly engine?: EngineOptions;
  /** Only single instructions. */
  readonly singles?: boolean;
  /** Called with each mismatch, at most `most` per row. */
  readonly onMismatch?: (mismatch: Mismatch) => void;
  readonly mostPerRow?: number;
}

export interface Mismatch {
  readonly row: number;
  readonly mode: CodeSize;
  /** Readable: instructions, start, what differs. */
  readonly text: string;
}

export interface RowCount {
  cases: number;
  mismatches: number;
  undefinedBits: number;
  withinError: number;
}

/** A threshold of promotion: each block is compiled at its first, second or third execution, alone or with those around it. */
export function compiledSoon(seed: number): () => number {
  const dice = new Dice(seed);
  return () => 1 + dice.next(3);
}

/** States that each code is run from. */
const STATES = 4;
const RESULT_SPACE = L.RESULT_WORDS + L.MAX_DIFFS * 4;
/** Vector of a page fault. */
const PAGE_FAULT = 14;
/** Cases of a batch at most. */
const BATCH = 8192;

interface Batch {
  readonly mode: CodeSize;
  readonly image: Uint8Array;
  readonly codes: readonly Code[];
  readonly cases: Int32Array;
}

export class Suite {
  readonly counts: RowCount[] = ROWS.map(() => ({ cases: 0, mismatches: 0, undefinedBits: 0, withinError: 0 }));
  cases = 0;
  /** Cases that neither side ended in time. */
  timeouts = 0;
  /** Cases that ended in an exception natively. */
  faults = 0;
  mismatches = 0;
  /** Cases that differ by a choice of the processor's (choices.ts). */
  chosen = 0;
  /** Cases that differ after a jump to somewhere outside of the code: whatever bytes lie there. */
  strays = 0;
  /** Cases that differed once, but not when the processor was asked again. */
  unsteady = 0;
  /** Milliseconds spent waiting for the processor's side, generating, and on the engine with the comparison. */
  readonly spent = { waiting: 0, generating: 0, engine: 0 };

  private readonly options: SuiteOptions;
  private readonly native = new Native();
  private readonly machine: ConformanceMachine;
  private readonly dice: Dice;
  private readonly rows: readonly number[][];
  private readonly companions: readonly number[][];
  private readonly decodeFlags: number;
  private readonly wide: boolean;
  private readonly next = [0, 0, 0];
  private turn = 0;

  constructor(options: SuiteOptions) {
    this.options = options;
    const cpu = hostCpu();
    this.dice = new Dice(options.seed);
    this.wide = cpu.features.has('avx');
    this.machine = new ConformanceMachine({ features: cpu.features, vendor: cpu.vendor, ...options.engine });
    const wanted = options.rows ?? /./;
    const all = ([0, 1, 2] as const).map((mode) => rowsFor(mode, cpu.features, /./));
    this.rows = all.map((_, mode) => rowsFor(mode as CodeSize, cpu.features, wanted));
    this.companions = options.singles ? [[], [], []] : all.map((rows) => rows.filter((row) => isLast(row) === false && !/^UD/.test(ROWS[row]!.mnemonic)));
    this.decodeFlags =
      (cpu.vendor === 'intel' ? DECODE_INTEL : 0) | (cpu.features.has('bmi1') ? DECODE_BMI1 : 0) | (cpu.features.has('abm') ? DECODE_LZCNT : 0);
    const templates = makeTemplates(this.dice);
    this.native.setTemplates(templates);
    this.machine.setTemplates(templates);
  }

  /** At least `cases` cases; while the engine runs one batch, the processor runs the next. */
  async run(cases: number, progress?: (done: number) => void): Promise<void> {
    const goal = this.cases + cases;
    let batch = this.generate();
    let answer = this.send(batch);
    for (;;) {
      const before = performance.now();
      const native = await answer;
      this.spent.waiting += performance.now() - before;
      const last = this.cases + batch.cases.length / L.CASE_WORDS >= goal;
      const now = batch;
      if (!last) {
        batch = this.generate();
        answer = this.send(batch);
      }
      const start = performance.now();
      const suspects = this.judge(now, native);
      this.spent.engine += performance.now() - start;
      if (suspects.length > 0) await this.confirm(now, suspects);
      progress?.(this.cases);
      if (last) return;
    }
  }

  /** Rows that were to run in some mode. */
  get wanted(): ReadonlySet<number> {
    return new Set(this.options.modes.flatMap((mode) => this.rows[mode] as number[]));
  }

  end(): void {
    this.native.end();
  }

  private send(batch: Batch): Promise<Int32Array> {
    return this.native.run(batch.mode, batch.image, batch.cases, batch.cases.length / L.CASE_WORDS);
  }

  private generate(): Batch {
    const start = performance.now();
    const { options, machine } = this;
    const mode = options.modes[this.turn++ % options.modes.length] as CodeSize;
    const rows = this.rows[mode] as readonly number[];
    if (rows.length === 0) throw new Error('no such rows in this mode');
    const baseOf = (selector: number): number => machine.baseOf(selector);
    const generator = new Generator({ mode, rows, companions: this.companions[mode] as readonly number[], decodeFlags: this.decodeFlags, baseOf }, this.dice);
    const codes: Code[] = [];
    while (codes.length < BATCH / STATES && !generator.full) {
      const row = rows[(this.next[mode] as number) % rows.length] as number;
      this.next[mode] = (this.next[mode] as number) + 1;
      const code = generator.next(row);
      if (code !== undefined) codes.push(code);
    }
    const cases = new Int32Array(codes.length * STATES * L.CASE_WORDS);
    const states = new StateMaker(this.dice, baseOf, this.wide);
    codes.forEach((code, n) => {
      for (let k = 0; k < STATES; k++) states.make(code, cases, (n * STATES + k) * L.CASE_WORDS);
    });
    this.spent.generating += performance.now() - start;
    return { mode, image: generator.image, codes, cases };
  }

  /** Runs the batch on the engine and compares; the cases that differ. */
  private judge({ mode, image, codes, cases }: Batch, native: Int32Array): number[] {
    const { machine } = this;
    machine.setCode(image);
    const ours = new Int32Array(RESULT_SPACE);
    const suspects: number[] = [];
    let at = 0;
    for (let n = 0; n < codes.length * STATES; n++) {
      const code = codes[Math.floor(n / STATES)] as Code;
      const count = this.counts[code.row] as RowCount;
      this.cases++;
      count.cases++;
      machine.run(mode, cases, n * L.CASE_WORDS, ours, 0);
      const vector = native[at + L.R_VECTOR] as number;
      if (vector === L.TIMEOUT) this.timeouts++;
      else {
        if (vector !== -1) this.faults++;
        const verdict = compare(code, native, at, ours, 0);
        if (verdict === UNDEFINED_BITS) count.undefinedBits++;
        else if (verdict === WITHIN_ERROR) count.withinError++;
        else if (verdict === CHOSEN) this.chosen++;
        else if (verdict === DIFFERENT) suspects.push(n);
      }
      at += L.RESULT_WORDS + (native[at + L.R_DIFFS] as number) * 4;
    }
    return suspects;
  }

  /** Asks the processor again: a context switch of the host may have left its mark. What differs still is a mismatch. */
  private async confirm({ mode, image, codes, cases }: Batch, suspects: readonly number[]): Promise<void> {
    const again = new Int32Array(suspects.length * L.CASE_WORDS);
    suspects.forEach((n, k) => {
      again.set(cases.subarray(n * L.CASE_WORDS, (n + 1) * L.CASE_WORDS), k * L.CASE_WORDS);
    });
    const native = await this.native.run(mode, image, again, suspects.length);
    const ours = new Int32Array(RESULT_SPACE);
    let at = 0;
    suspects.forEach((n, k) => {
      const code = codes[Math.floor(n / STATES)] as Code;
      this.machine.run(mode, again, k * L.CASE_WORDS, ours, 0);
      if (compare(code, native, at, ours, 0) === DIFFERENT) this.differs(code, image, again, k * L.CASE_WORDS, native, at, ours);
      else this.unsteady++;
      at += L.RESULT_WORDS + (native[at + L.R_DIFFS] as number) * 4;
    });
  }

  private differs(code: Code, image: Uint8Array, cases: Int32Array, from: number, native: Int32Array, at: number, ours: Int32Array): void {
    const text = describe(code, image, cases, from, native, at, ours, 0);
    const faulted = new BigUint64Array(ours.slice(L.R_CR2, L.R_CR2 + 2).buffer)[0] as bigint;
    // one address in some ten million is one of the harness's stack
    const foreign = ours[L.R_VECTOR] === PAGE_FAULT && this.native.owns(faulted);
    if (foreign || this.machine.strays(code.mode, cases, from, code.landings[0] as number, (code.landings.at(-1) as number) + 4)) {
      this.strays++;
      return;
    }
    const count = this.counts[code.row] as RowCount;
    this.mismatches++;
    count.mismatches++;
    if (count.mismatches <= (this.options.mostPerRow ?? 3)) this.options.onMismatch?.({ row: code.row, mode: code.mode, text });
  }
}
