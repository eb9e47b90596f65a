/** Asks this host's own processor (x86-64 Linux) which byte sequences are instructions, and how long; see silicon.c for how. For tests of the decoder. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROWS } from '../../spec/x86/opcodes.ts';
import type { Row } from '../../spec/x86/row.ts';
import { decode } from '../decode/decode.ts';
import type { CodeSize } from '../decode/encodings.ts';
import { DECODE_BMI1, DECODE_INTEL, DECODE_INVALID, DECODE_LZCNT, DECODE_OK, Insn } from '../decode/insn.ts';

/** silicon.c's answers: #UD, page fault, another fault. */
const UNDEFINED = 4;
const PAGE_FAULT = 11;
const OTHER_FAULT = 111;
/** Longest instruction. */
const LONGEST = 15;

/** What the decoder or the processor did otherwise than the other. */
export interface Disagreement {
  readonly bytes: Uint8Array;
  /** The processor's length, and whether it says #UD. */
  readonly length: number;
  readonly undefinedHere: boolean;
  /** The decoder's row, if it has one. */
  readonly row: Row | undefined;
  readonly text: string;
}

export class Silicon {
  readonly features: ReadonlySet<string>;
  /** Why nobody can be asked here, or false. */
  readonly reasonToSkip: string | false;
  private readonly intel: boolean;
  private readonly folder: string;
  private readonly program: string;
  private readonly insn = new Insn(ROWS[0] as Row);

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'zendo-silicon-'));
    this.program = join(this.folder, 'silicon');
    const cpuinfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
    this.features = new Set(/^flags\s*: (.*)$/m.exec(cpuinfo)?.[1]?.split(' ') ?? []);
    this.intel = cpuinfo.includes('GenuineIntel');
    this.reasonToSkip = this.prepare();
  }

  /** Removes what was built. */
  end(): void {
    rmSync(this.folder, { recursive: true });
  }

  private prepare(): string | false {
    if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
    const build = spawnSync('gcc', ['-O1', '-o', this.program, join(import.meta.dirname, 'silicon.c')]);
    if (build.status !== 0) return 'needs gcc';
    if (spawnSync(this.program, ['2'], { input: Buffer.alloc(16) }).status !== 0) return 'needs ptrace and modify_ldt';
    return false;
  }

  /** The decoder's status on `bytes`; `this.insn` is filled. */
  private decode(bytes: Uint8Array, code: CodeSize): number {
    const { intel, features } = this;
    const mode = code | (intel ? DECODE_INTEL : 0) | (features.has('bmi1') ? DECODE_BMI1 : 0) | (features.has('abm') ? DECODE_LZCNT : 0);
    return decode(bytes, 0, bytes.length, mode, this.insn);
  }

  /** Does this host's processor have the row at all? Undefined: it cannot be said. */
  private existsHere(row: Row): boolean | undefined {
    const { intel, features } = this;
    if (row.undefinedInUser) return false;
    if (row.undefinedOn === (intel ? 'intel' : 'amd')) return false;
    if (row.undefinedOn === 'amd-in-long' && !intel) return false;
    if (row.undefinedOn === 'intel-outside-64' && intel) return undefined;
    const feature = this.insn.vex !== 0 && this.insn.vexL === 1 ? (row.feature256 ?? row.feature) : row.feature;
    if (feature !== undefined && !features.has(feature)) return undefined;
    return row.lift === 'system.svm' || row.lift === 'system.vmcall' || row.lift === 'system.vmmcall' ? undefined : true;
  }

  /** How decoder and processor disagree on `bytes`, of which the processor said `length` and `event`. */
  private judge(bytes: Uint8Array, code: CodeSize, length: number, event: number): Disagreement | undefined {
    const { insn } = this;
    const status = this.decode(bytes, code);
    const found = (text: string, row?: Row): Disagreement => ({ bytes, length, undefinedHere: event === UNDEFINED, row, text });
    if (status === DECODE_INVALID) {
      // some processors fault on memory before they see that LOCK is wrong
      if (event === UNDEFINED || (bytes.includes(0xf0) && (event === PAGE_FAULT || event === OTHER_FAULT))) return undefined;
      // an opcode that means nothing, but would be longer than any instruction: the processor complains of that first
      if (event === OTHER_FAULT && length === LONGEST) return undefined;
      return found(`runs here (length ${length}, event ${event}), but does not decode`);
    }
    if (status !== DECODE_OK) return event === OTHER_FAULT ? undefined : found(`status ${status}, here event ${event}`);
    const exists = this.existsHere(insn.row);
    if (event === UNDEFINED) return exists === true ? found(`decodes as ${insn.row.mnemonic}, but is #UD here`, insn.row) : undefined;
    if (exists === false && !(insn.row.privileged && event === OTHER_FAULT)) return found(`runs here, but the row of ${insn.row.mnemonic} says #UD`, insn.row);
    return insn.len === length ? undefined : found(`length ${insn.len} as ${insn.row.mnemonic}, here ${length}`, insn.row);
  }

  /** Asks about each case (15 bytes count) in `code`. */
  disagreements(cases: readonly Uint8Array[], code: CodeSize): Disagreement[] {
    const input = Buffer.alloc(cases.length * 16);
    cases.forEach((bytes, k) => {
      input.set(bytes.subarray(0, LONGEST), k * 16);
      input[k * 16 + 15] = this.decode(bytes, code) === DECODE_OK ? this.insn.len : 0;
    });
    const answers = execFileSync(this.program, [String(code)], { input, maxBuffer: cases.length * 2 + 1024 });
    return cases.flatMap((bytes, k) => this.judge(bytes, code, answers[2 * k] as number, answers[2 * k + 1] as number) ?? []);
  }
}

/** For messages. */
export const describeDisagreement = ({ bytes, text }: Disagreement): string => `${Buffer.from(bytes).toString('hex')}: ${text}`;
