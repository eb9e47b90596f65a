/**
 * npm run lockstep: finds the first instruction after which two machines differ on the same guest (docs/design/debugging.md).
 *
 * Two configurations of the engine:
 *   node scripts/lockstep.ts --kernel FILE [--initrd FILE] [--append TEXT] [--memory MiB] [--until SECONDS] [--a "OPTIONS"] [--b "OPTIONS"]
 * OPTIONS are options of `zendo boot`; by default a is `--promote-after 0` (the bytecode target alone) and b is
 * `--promote-after 1` (all in regions).
 *
 * Zendo and QEMU's TCG, both by their gdb stubs, on a bare guest (ELF with a PVH entry that needs no Xen and takes no interrupts):
 *   node scripts/lockstep.ts --qemu --kernel FILE [--memory MiB] [--b "OPTIONS"] [--steps N] [--patience SECONDS]
 *
 * Exit status 0: no difference; 1: it could not be compared; 2: a difference was found.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { temporaryFolder } from '../src/base/testing/temporary-folder.ts';
import { loadKernel } from '../src/toolstack/loader/domain-image.ts';
import { AgainstQemu } from './lockstep/against-qemu.ts';
import { TwoConfigurations } from './lockstep/two-configurations.ts';

const { values } = parseArgs({
  options: {
    kernel: { type: 'string' },
    initrd: { type: 'string' },
    append: { type: 'string', default: 'console=hvc0' },
    memory: { type: 'string', default: '128' },
    until: { type: 'string', default: '1' },
    a: { type: 'string', default: '--promote-after 0' },
    b: { type: 'string' },
    qemu: { type: 'boolean', default: false },
    steps: { type: 'string', default: '100000' },
    patience: { type: 'string', default: '60' },
  },
});
const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
const onProgress = (line: string): void => console.error(line);

async function twoConfigurations(kernel: string, folder: string): Promise<number> {
  const { a, b = '--promote-after 1' } = values;
  const guest = ['--kernel', kernel, ...(values.initrd === undefined ? [] : ['--initrd', values.initrd]), '--append', values.append, '--memory', values.memory];
  const difference = await new TwoConfigurations({
    guest,
    configurations: [words(a), words(b)],
    until: Math.round(Number(values.until) * 1e9),
    folder,
    onProgress,
  }).find();
  if (difference === undefined) {
    console.log(`no difference up to ${values.until} s of machine time between "${a}" and "${b}"`);
    return 0;
  }
  console.log(`a: ${a}\nb: ${b}`);
  console.log(
    difference.instruction === undefined
      ? 'they differ before the first instruction'
      : `they differ behind instruction ${difference.instructions + 1}: ${difference.instruction}`,
  );
  for (const each of difference.values) console.log(`  ${each.what}: a ${each.a}, b ${each.b}`);
  return 2;
}

const ENDS = {
  ended: 'the guest ended',
  hypercall: 'a hypercall, which QEMU does not have',
  halt: 'the guest halts',
  endless: 'known code that runs longer than --patience',
} as const;

async function againstQemu(kernel: string, folder: string): Promise<number> {
  const image = loadKernel(readFileSync(kernel), kernel);
  const symbols = image.symbols();
  const name = (address: bigint): string => symbols?.describe(address) ?? `0x${address.toString(16)}`;
  const {
    end,
    at,
    stepped,
    runs,
    values: parted,
    beyond,
  } = await new AgainstQemu({
    ...{ kernel, folder, name, onProgress, entry: BigInt(image.entry), memory: Number(values.memory), options: words(values.b ?? '') },
    ...{ steps: Number(values.steps), patience: Number(values.patience) * 1000 },
  }).find();
  const done = `${stepped} instructions stepped, ${runs} runs of known code`;
  if (end !== 'difference') console.log(`no difference up to ${at} (${ENDS[end]}); ${done}`);
  else if (beyond) console.log(`they differ somewhere behind ${at}; ${done}: give more --steps`);
  else console.log(`they differ behind ${at}; ${done}`);
  for (const { what, zendo, qemu } of parted) console.log(`  ${what}: Zendo ${zendo}, QEMU ${qemu}`);
  return end === 'difference' ? 2 : 0;
}

if (values.kernel === undefined) {
  console.error('lockstep: give --kernel FILE, and what else `zendo boot` takes: --initrd, --append, --memory');
  process.exit(1);
}
const folder = temporaryFolder('lockstep');
try {
  process.exitCode = await (values.qemu ? againstQemu : twoConfigurations)(values.kernel, folder);
} catch (error) {
  console.error(`lockstep: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
