/**
 * npm run lockstep: finds the first instruction after which two machines differ on the same guest (docs/design/debugging.md).
 *
 * Two configurations of the engine:
 *   node scripts/lockstep.ts --kernel FILE [--initrd FILE] [--append TEXT] [--memory MiB] [--until SECONDS] [--a "OPTIONS"] [--b "OPTIONS"]
 * OPTIONS are options of `zendo boot`; by default a is `--promote-after 0` (the bytecode target alone) and b is
 * `--promote-after 1` (all in regions).
 *
 * Exit status 0: no difference; 1: it could not be compared; 2: a difference was found.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TwoConfigurations } from './lockstep/two-configurations.ts';

const { values } = parseArgs({
  options: {
    kernel: { type: 'string' },
    initrd: { type: 'string' },
    append: { type: 'string', default: 'console=hvc0' },
    memory: { type: 'string', default: '128' },
    until: { type: 'string', default: '1' },
    a: { type: 'string', default: '--promote-after 0' },
    b: { type: 'string', default: '--promote-after 1' },
  },
});

async function twoConfigurations(kernel: string, folder: string): Promise<number> {
  const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
  const guest = ['--kernel', kernel, ...(values.initrd === undefined ? [] : ['--initrd', values.initrd]), '--append', values.append, '--memory', values.memory];
  const difference = await new TwoConfigurations({
    guest,
    configurations: [words(values.a), words(values.b)],
    until: Math.round(Number(values.until) * 1e9),
    folder,
    onProgress: (line) => console.error(line),
  }).find();
  if (difference === undefined) {
    console.log(`no difference up to ${values.until} s of machine time between "${values.a}" and "${values.b}"`);
    return 0;
  }
  console.log(`a: ${values.a}\nb: ${values.b}`);
  console.log(
    difference.instruction === undefined
      ? 'they differ before the first instruction'
      : `they differ behind instruction ${difference.instructions + 1}: ${difference.instruction}`,
  );
  for (const { what, a, b } of difference.values) console.log(`  ${what}: a ${a}, b ${b}`);
  return 2;
}

if (values.kernel === undefined) {
  console.error('lockstep: give --kernel FILE, and what else `zendo boot` takes: --initrd, --append, --memory');
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'zendo-lockstep-'));
try {
  process.exitCode = await twoConfigurations(values.kernel, folder);
} catch (error) {
  console.error(`lockstep: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
