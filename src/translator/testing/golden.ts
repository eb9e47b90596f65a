/** Golden texts: what code becomes, kept beside the tests, so that a change of it reads as a diff. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, relative } from 'node:path';

/** `text` is what stands in `file`. UPDATE_GOLDEN=1 writes it there; without a file it is written too, but under CI. */
export function agreesWithGolden(file: string, text: string): void {
  if (process.env['UPDATE_GOLDEN'] === '1' || !existsSync(file)) {
    assert.notEqual(process.env['CI'], 'true', `${file} is missing`);
    writeFileSync(file, text);
  }
  const golden = readFileSync(file, 'utf8');
  if (text === golden) return;
  const test = relative(process.cwd(), process.argv[1] ?? '');
  assert.equal(
    text,
    golden,
    `${basename(file)} is not what the code makes now. Is the change meant? UPDATE_GOLDEN=1 node --test ${test} writes it anew; git diff shows it.`,
  );
}
