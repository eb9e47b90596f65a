/** The C harness beside this file: builds it with gcc and asks this host's processor. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Offsets of a record's fields; must agree with harness.c.
export const REC_CODE = 0;
export const REC_MXCSR = 16;
export const REC_LENGTH = 20;
export const REC_FAULT = 24;
/** RAX, RCX, RDX. */
export const REC_GPR = 32;
export const REC_FLAGS = 56;
export const REC_YMM = 64;
export const REC_MEMORY = 192;
/** Bytes of the memory operand. */
export const MEMORY_SIZE = 256;
/** Bytes of a record. */
export const RECORD: number = REC_MEMORY + MEMORY_SIZE;

/** Runs all records natively; returns them with the state after the instruction. */
export function runNative(records: Buffer): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'zendo-avx-'));
  try {
    const program = join(folder, 'harness');
    execFileSync('gcc', ['-O1', '-mavx', '-o', program, join(import.meta.dirname, 'harness.c')]);
    return execFileSync(program, { input: records, maxBuffer: records.length + 4096 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
