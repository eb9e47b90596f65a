/** For tests: machine code from NASM source text. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** False where NASM is not installed; in CI it has to be, and the tests fail. */
export const nasmIsThere: boolean = process.env.CI === 'true' || spawnSync('nasm', ['-v']).status === 0;

/** Flat binary of `source`, which chooses its own `org` and `bits`. */
export function nasm(source: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'zendo-nasm-'));
  try {
    const file = join(folder, 'source.asm');
    const output = join(folder, 'output.bin');
    writeFileSync(file, source);
    const { status, stderr, error } = spawnSync('nasm', ['-w+error', '-w-other', '-f', 'bin', '-o', output, file], { encoding: 'utf8' });
    if (error) throw error;
    if (status !== 0) {
      const line = (number: string): string => source.split('\n')[Number(number) - 1] ?? '';
      throw new Error(`nasm: ${stderr.replaceAll(/^\S*:(\d+):/gm, (_, number: string) => `${number}: '${line(number)}':`)}`);
    }
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
