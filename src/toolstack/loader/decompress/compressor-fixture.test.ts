import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/**
 * Compress `data` with a tool of the system, for tests. Skips the test when the tool is missing (in CI it fails: there
 * the tools are installed).
 */
export function compressWith(t: TestContext, tool: string, args: readonly string[], data: Uint8Array): Uint8Array | undefined {
  const result = spawnSync(tool, [...args], { input: data, maxBuffer: 1 << 30 });
  if (result.error !== undefined) {
    if (process.env['CI'] === 'true') throw new Error(`${tool} is needed for this test`, { cause: result.error });
    t.skip(`${tool} is not installed`);
    return undefined;
  }
  if (result.status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${result.stderr.toString()}`);
  return new Uint8Array(result.stdout);
}

/** Bytes like a program's: code with relative calls to few targets, text, zeros, noise. The same for the same `seed`. */
export function programLike(size: number, seed = 1): Uint8Array {
  const out = new Uint8Array(size);
  let x = seed;
  const random = (n: number): number => {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    return (x >>> 8) % n;
  };
  const words = ['kernel', 'spin_lock', 'EXPORT_SYMBOL', '\0', ' of ', 'page', '%s: %d\n'];
  for (let i = 0; i < size; ) {
    const kind = random(10);
    if (kind < 5 && i + 5 < size) {
      const target = random(40) * 977;
      const relative = (target - (i + 5)) | 0;
      out[i] = random(2) === 0 ? 0xe8 : 0xe9;
      for (let k = 0; k < 4; k++) out[i + 1 + k] = relative >> (8 * k);
      i += 5;
    } else if (kind < 8) {
      const word = words[random(words.length)]!;
      for (let k = 0; k < word.length && i < size; k++) out[i++] = word.charCodeAt(k);
    } else if (kind === 8) i += random(200);
    else for (let k = random(60); k > 0 && i < size; k--) out[i++] = random(4) === 0 ? 0xe8 : random(256);
  }
  return out;
}
