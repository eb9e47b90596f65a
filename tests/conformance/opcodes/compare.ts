/** The decoder and the processor on the space of opcodes; what they may disagree on. */
import type { CodeSize } from '../../../src/translator/decode/encodings.ts';
import { type Disagreement, describeDisagreement, type Silicon } from '../../../src/translator/testing/silicon.ts';
import { opcodeSpace } from './space.ts';

/** Opcodes that processors have and the tables do not: for later, or undocumented. The list may only shrink: the whole run says when an entry meets nothing. */
interface Exception {
  readonly reason: string;
  /** The processor has it. */
  readonly feature: string;
  /** By the bytes from the opcode's map on: no prefixes but VEX. */
  readonly applies: (bytes: Uint8Array) => boolean;
}

/** Opcode of a VEX instruction of `map`, or -1. */
function vexOpcode(bytes: Uint8Array, map: number): number {
  const [first = 0, second = 0] = bytes;
  if (first === 0xc5) return map === 1 ? (bytes[2] as number) : -1;
  return first === 0xc4 && (second & 31) === map ? (bytes[3] as number) : -1;
}

const OPMASK_0F: readonly number[] = [0x41, 0x42, 0x44, 0x45, 0x46, 0x47, 0x4a, 0x4b, 0x90, 0x91, 0x92, 0x93, 0x98, 0x99];
const OPMASK_0F3A: readonly number[] = [0x30, 0x31, 0x32, 0x33];

export const EXCEPTIONS: readonly Exception[] = [
  { reason: 'AVX-512 (EVEX): no rows yet', feature: 'avx512f', applies: (bytes) => bytes[0] === 0x62 },
  {
    reason: 'AVX-512: no rows for mask registers yet',
    feature: 'avx512f',
    applies: (bytes) => OPMASK_0F.includes(vexOpcode(bytes, 1)) || OPMASK_0F3A.includes(vexOpcode(bytes, 3)),
  },
  {
    reason: 'VPERMQ and VPERMPD without W: #UD by the manuals, the same instructions on some processors',
    feature: 'avx2',
    applies: (bytes) => vexOpcode(bytes, 3) === 0 || vexOpcode(bytes, 3) === 1,
  },
  {
    reason: 'PVALIDATE, of encrypted guests, which some processors know everywhere',
    feature: 'clzero',
    applies: (bytes) => bytes[0] === 0xf2 && bytes[1] === 0x0f && bytes[2] === 0x01 && bytes[3] === 0xff,
  },
];

const SKIPPED: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67]);

export interface SpaceResult {
  readonly cases: number;
  readonly failures: readonly string[];
  /** Exceptions that were met. */
  readonly met: ReadonlySet<Exception>;
}

/** At one time. */
const BATCH = 50_000;

/** Compares about one in `step` cases of the space in `code`. */
export function compareOpcodes(silicon: Silicon, code: CodeSize, step: number, seed: number): SpaceResult {
  const failures: string[] = [];
  const met = new Set<Exception>();
  let cases = 0;
  const judge = (batch: readonly Uint8Array[]): void => {
    cases += batch.length;
    for (const each of silicon.disagreements(batch, code)) {
      const exception = excuse(each, silicon.features);
      if (exception === undefined) failures.push(`${16 << code}-bit ${describeDisagreement(each)}`);
      else met.add(exception);
    }
  };
  let batch: Uint8Array[] = [];
  for (const bytes of opcodeSpace(code, step, seed)) {
    batch.push(bytes);
    if (batch.length === BATCH) {
      judge(batch);
      batch = [];
    }
  }
  judge(batch);
  return { cases, failures, met };
}

function excuse({ bytes, row }: Disagreement, features: ReadonlySet<string>): Exception | undefined {
  if (row !== undefined) return undefined;
  let at = 0;
  while (SKIPPED.has(bytes[at] as number)) at++;
  return EXCEPTIONS.find(({ feature, applies }) => features.has(feature) && applies(bytes.subarray(at)));
}
