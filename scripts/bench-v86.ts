/** Runs a 32-bit multiboot kernel on v86 and writes its serial port to stdout: `node scripts/bench-v86.ts KERNEL`. A contestant of npm run bench. */
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { V86 } from 'v86';

const kernel = process.argv[2];
if (kernel === undefined) throw new Error('give a kernel');
const folder = dirname(createRequire(import.meta.url).resolve('v86/build/v86.wasm'));
const file = readFileSync(kernel);
// the package has no BIOS: v86 loads a multiboot kernel without one, and starts at its entry
const emulator = new V86({
  wasm_path: join(folder, 'v86.wasm'),
  memory_size: 64 << 20,
  multiboot: { buffer: file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) },
  autostart: true,
});
let line = '';
emulator.add_listener('serial0-output-byte', (byte: number) => {
  line += String.fromCharCode(byte);
  if (byte !== 10) return;
  writeSync(1, line);
  if (line === 'done\n') process.exit(0);
  line = '';
});
