/** Nanoseconds per decoded instruction over the code of a program: `node src/translator/decode/decode.bench.ts [file [offset [bytes]]]`. Default: this node's own text. */
import { closeSync, openSync, readSync } from 'node:fs';
import { ROWS } from '../../spec/x86/opcodes.ts';
import type { Row } from '../../spec/x86/row.ts';
import { decode } from './decode.ts';
import { DECODE_OK, Insn } from './insn.ts';

const [file = process.execPath, offset = String(32 << 20), size = String(1 << 20)] = process.argv.slice(2);
const bytes = new Uint8Array(Number(size));
const handle = openSync(file, 'r');
const read = readSync(handle, bytes, 0, bytes.length, Number(offset));
closeSync(handle);

const insn = new Insn(ROWS[0] as Row);
for (let round = 0; round < 5; round++) {
  const start = performance.now();
  let count = 0;
  let invalid = 0;
  for (let at = 0; at < read - 16; count++) {
    if (decode(bytes, at, read, 2, insn) === DECODE_OK) at += insn.len;
    else {
      invalid++;
      at++;
    }
  }
  const nanoseconds = ((performance.now() - start) * 1e6) / count;
  console.log(`${count} instructions, ${invalid} invalid: ${nanoseconds.toFixed(1)} ns each`);
}
