/** The C harness beside this file: builds it with gcc and asks this host's processor. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Offsets of a record's fields; must agree with harness.c.
export const REC_CODE = 0;
export const REC_XMM = 16;
export const REC_X87 = 80;
export const REC_MXCSR = 188;
export const REC_GPR = 192;
export const REC_FLAGS = 216;
export const REC_LENGTH = 224;
export const REC_FAULT = 228;
/** The memory operand, to the record's end. */
export const REC_MEMORY = 256;
/** Bytes of the memory operand where no more is said. */
export const MEMORY_SIZE = 64;
/** Bytes of a record with that. */
export const RECORD: number = REC_MEMORY + MEMORY_SIZE;

/** Why the processor cannot be asked here; throws in CI, where gcc must be there. */
export function reasonToSkip(): string | false {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  if (spawnSync('gcc', ['--version']).status === 0) return false;
  if (process.env['CI'] === 'true') throw new Error('gcc is needed to ask the processor');
  return 'needs gcc';
}

/** Runs all records, of `memorySize` bytes of memory operand, natively; returns them with the state after the instruction. */
export function runNative(records: Buffer, memorySize: number = MEMORY_SIZE): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'zendo-fpu-'));
  try {
    const program = join(folder, 'harness');
    execFileSync('gcc', ['-O1', `-DMEMORY=${memorySize}`, '-o', program, join(import.meta.dirname, 'harness.c')]);
    return execFileSync(program, { input: records, maxBuffer: records.length + 4096 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
