/**
 * Guest bytes to the IR of one block: straight-line code inside one page, or a single instruction that crosses its end.
 * What the bytes are is read once into a private copy; no guest virtual address enters the IR.
 */

import { H_CHECK_CPL0 } from '../machine/helpers/system.ts';
import { EXIT_A, EXIT_UNIMPLEMENTED, MODE_PROTECTED, MODE_SIZE_MASK, MODE_STEP, MODE_USER, MODE_VM86 } from '../machine/layout.ts';
import { OP_ENTER, OP_HSYS, OP_JMP } from '../machine/ops.ts';
import { ROWS } from '../spec/x86/opcodes.ts';
import { decode } from './decode/decode.ts';
import { DECODE_BMI1, DECODE_INTEL, DECODE_INVALID, DECODE_LZCNT, DECODE_MORE, DECODE_OK, DECODE_TOO_LONG, Insn } from './decode/insn.ts';
import { Builder } from './ir/builder.ts';
import { allPasses, type PassSwitches, runPasses } from './ir/passes/pipeline.ts';
import { endWithLookup } from './lift/branch.ts';
import { type LiftFunction, liftOf } from './lift/lift-table.ts';
import {
  type CpuRules,
  RULE_ENDS,
  RULE_PRIVILEGED,
  RULE_PROTECTED_ONLY,
  RULE_UNDEFINED,
  RULE_UNDEFINED_IN_64,
  RULE_UNDEFINED_OUTSIDE_64,
  RULE_UNDEFINED_WIDE,
  RULE_UNIMPLEMENTED,
  rowRules,
} from './row-rules.ts';
import { fuse } from './targets/bytecode/fuse.ts';

/** Instructions a block may hold. */
export const MAX_INSTRUCTIONS = 64;
/** Bytes a block may hold: positions are one byte. */
const MAX_BYTES = 250;
const MAX_LENGTH = 15;
const PAGE = 4096;
const UD = 6;
const GP = 13;

export class BlockTranslator {
  readonly builder: Builder = new Builder();
  passes: PassSwitches = allPasses;
  /** Fused bytecode operations. */
  fuse = true;
  /** Guest bytes and instructions of the block translated last. */
  bytes = 0;
  instructions = 0;
  /** The block continues on the second page. */
  crosses = false;
  /** Called with the IR after the passes (tests: the verifier). */
  check: ((builder: Builder) => void) | undefined;
  /** Page offsets (4096 flags) where instructions begin a block of their own, for the engine's watch. */
  stops: Uint8Array | undefined;
  /** Times each row was translated. */
  readonly rowCounts: Uint32Array = new Uint32Array(ROWS.length);

  /** The bytes that were read for the last translation, until the next: those of the block, and what follows, to the page's end if that is near. */
  get guestBytes(): Uint8Array {
    return this.copy;
  }

  private readonly insn = new Insn(ROWS[0] as (typeof ROWS)[number]);
  private readonly copy = new Uint8Array(MAX_BYTES + 2 * MAX_LENGTH);
  private ruleOf: (row: number) => number;
  /** What the CPU model changes in decoding (DECODE_* flags). */
  decodeFlags: number;

  constructor(cpu: CpuRules) {
    this.ruleOf = rowRules(cpu);
    this.decodeFlags = decodeFlagsOf(cpu);
  }

  /** Another CPU model from now on; translations made before are not valid for it. */
  setCpu(cpu: CpuRules): void {
    this.ruleOf = rowRules(cpu);
    this.decodeFlags = decodeFlagsOf(cpu);
  }

  /**
   * Translates from `memory[phys]`, at most `limit` instructions, into `builder`. `phys2` is the offset of the following virtual page
   * or -1. False: the first instruction needs that page and it is not there.
   */
  translate(memory: Uint8Array, phys: number, phys2: number, mode: number, limit: number): boolean {
    const { builder, insn, copy } = this;
    const most = (mode & MODE_STEP) !== 0 ? 1 : Math.min(limit, MAX_INSTRUCTIONS);
    const inPage = Math.min(PAGE - (phys & (PAGE - 1)), MAX_BYTES + MAX_LENGTH);
    copyBytes(copy, 0, memory, phys, inPage);
    this.crosses = false;
    builder.begin(mode);
    builder.emit(OP_ENTER, 0, 0, 0, 0, 0, 0);
    let position = 0;
    let count = 0;
    let available = inPage;
    const decodeMode = (mode & MODE_SIZE_MASK) | this.decodeFlags;
    const { stops } = this;
    while (count < most && position <= MAX_BYTES - MAX_LENGTH && !builder.full) {
      if (stops !== undefined && count > 0 && stops[(phys + position) & (PAGE - 1)] !== 0) break;
      let status = decode(copy, position, available, decodeMode, insn);
      if (status === DECODE_MORE) {
        if (count > 0) break;
        if (phys2 < 0) return false;
        copyBytes(copy, inPage, memory, phys2, MAX_LENGTH);
        available = inPage + MAX_LENGTH;
        this.crosses = true;
        status = decode(copy, 0, available, decodeMode, insn);
      }
      builder.beginInstruction(position, count);
      count++;
      if (status !== DECODE_OK) {
        this.invalid(status);
        position += status === DECODE_TOO_LONG ? MAX_LENGTH : insn.len;
        break;
      }
      this.lift();
      position += insn.len;
      if (builder.ended || this.crosses) break;
    }
    if (!builder.ended) {
      // 16-bit code does not wrap at 64 KiB: there its segment ends
      builder.end(OP_JMP, 0, 0, 0, (mode & MODE_SIZE_MASK) === 2 ? 0 : 1, position, 0);
    }
    builder.immLo[0] = count;
    this.bytes = Math.max(position, 1);
    this.instructions = count;
    runPasses(builder, this.passes);
    this.check?.(builder);
    if (this.fuse) fuse(builder);
    return true;
  }

  /** An instruction that does not decode. */
  private invalid(status: number): void {
    if (status === DECODE_TOO_LONG) this.builder.raise(GP, true, 0);
    else if (status === DECODE_INVALID) this.builder.raise(UD);
    else throw new Error('translator: an instruction needs more than two pages');
  }

  /** One decoded instruction, with the checks that its row asks for. */
  private lift(): void {
    const { builder, insn } = this;
    const { rowIndex } = insn;
    const { mode } = builder;
    const rule = this.ruleOf(rowIndex);
    this.rowCounts[rowIndex] = (this.rowCounts[rowIndex] as number) + 1;
    if (rule !== 0) {
      if ((rule & RULE_UNDEFINED) !== 0) return builder.raise(UD);
      if ((rule & RULE_PROTECTED_ONLY) !== 0 && ((mode & MODE_PROTECTED) === 0 || (mode & MODE_VM86) !== 0)) return builder.raise(UD);
      const privileged = (rule & RULE_PRIVILEGED) !== 0 && (mode & MODE_PROTECTED) !== 0;
      if (privileged && (mode & MODE_USER) !== 0) return builder.raise(GP, true, 0);
      if ((rule & RULE_UNDEFINED_IN_64) !== 0 && builder.code64) return builder.raise(UD);
      if ((rule & RULE_UNDEFINED_OUTSIDE_64) !== 0 && !builder.code64) return builder.raise(UD);
      if ((rule & RULE_UNDEFINED_WIDE) !== 0 && insn.vexL !== 0) return builder.raise(UD);
      if (privileged) builder.helper(OP_HSYS, H_CHECK_CPL0);
      if ((rule & RULE_UNIMPLEMENTED) !== 0) return this.unimplemented();
    }
    (liftOf(rowIndex) as LiftFunction)(builder, insn);
    if ((rule & RULE_ENDS) !== 0 && !builder.ended) endWithLookup(builder, insn);
  }

  private unimplemented(): void {
    const { builder, insn } = this;
    builder.movi(EXIT_A, insn.rowIndex);
    builder.exit(EXIT_UNIMPLEMENTED, insn.len);
  }
}

const decodeFlagsOf = ({ features, vendor }: CpuRules): number =>
  (vendor === 'intel' ? DECODE_INTEL : 0) | ((features?.has('bmi1') ?? true) ? DECODE_BMI1 : 0) | ((features?.has('abm') ?? true) ? DECODE_LZCNT : 0);

/** Byte by byte: the source is shared memory, and most blocks are short. */
const copyBytes = (to: Uint8Array, at: number, from: Uint8Array, start: number, length: number): void => {
  to.set(from.subarray(start, start + length), at);
};
