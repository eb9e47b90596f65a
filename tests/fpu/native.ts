/** The C harness beside this file: builds it with gcc and asks this host's processor. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes of one record; its fields' offsets. Must agree with harness.c. */
export const RECORD = 296;
export const REC_CODE = 0;
export const REC_XMM = 16;
export const REC_X87 = 80;
export const REC_MXCSR = 188;
export const REC_GPR = 192;
export const REC_FLAGS = 216;
export const REC_MEMORY = 224;
export const REC_LENGTH = 288;
export const REC_FAULT = 292;
/** Bytes of the memory operand. */
export const MEMORY_SIZE = 64;

/** Why the processor cannot be asked here; throws in CI, where gcc must be there. */
export function reasonToSkip(): string | false {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  if (spawnSync('gcc', ['--version']).status === 0) return false;
  if (process.env['CI'] === 'true') throw new Error('gcc is needed to ask the processor');
  return 'needs gcc';
}

/** Runs all records natively; returns them with the state after the instruction. */
export function runNative(records: Buffer): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'zendo-fpu-'));
  try {
    const program = join(folder, 'harness');
    execFileSync('gcc', ['-O1', '-o', program, join(import.meta.dirname, 'harness.c')]);
    return execFileSync(program, { input: records, maxBuffer: records.length + 4096 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
