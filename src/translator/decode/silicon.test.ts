/** The decoder against this host's own processor (x86-64 Linux): which byte sequences are instructions, and how long. See silicon.c for how it is asked. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROWS } from '../../spec/x86/opcodes.ts';
import type { Row } from '../../spec/x86/row.ts';
import { decode } from './decode.ts';
import { type CodeSize, Dice, encode, existsIn } from './encodings.ts';
import { DECODE_BMI1, DECODE_INTEL, DECODE_INVALID, DECODE_LZCNT, DECODE_OK, Insn } from './insn.ts';

const PER_ROW = 3;
const RANDOM_CASES = 4000;
/** silicon.c's answers. */
const UNDEFINED = 4;

const folder = mkdtempSync(join(tmpdir(), 'zendo-silicon-'));
after(() => rmSync(folder, { recursive: true }));

const program = join(folder, 'silicon');
const cpuinfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
const features = new Set(/^flags\s*: (.*)$/m.exec(cpuinfo)?.[1]?.split(' ') ?? []);
const intel = cpuinfo.includes('GenuineIntel');

function reasonToSkip(): string | false {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  const build = spawnSync('gcc', ['-O1', '-o', program, join(import.meta.dirname, 'silicon.c')]);
  if (build.status !== 0) return 'needs gcc';
  if (spawnSync(program, ['2'], { input: Buffer.alloc(16) }).status !== 0) return 'needs ptrace and modify_ldt';
  return false;
}

const skip = reasonToSkip();
if (skip === 'needs gcc' && process.env['CI'] === 'true') throw new Error('gcc is needed to ask the processor');

/** Does this host's processor have the row at all? Undefined: it cannot be said. */
function existsHere(row: Row): boolean | undefined {
  if (row.undefinedInUser) return false;
  if (row.undefinedOn === (intel ? 'intel' : 'amd')) return false;
  if (row.undefinedOn === 'amd-in-long' && !intel) return false;
  if (row.undefinedOn === 'intel-outside-64' && intel) return undefined;
  if (row.feature !== undefined && !features.has(row.feature)) return undefined;
  return row.lift === 'system.svm' || row.lift === 'system.vmcall' || row.lift === 'system.vmmcall' ? undefined : true;
}

/** Encodings this decoder has no rows for yet, or that newer processors fill: VEX, EVEX, XOP, and what F3 and the 0F38 and 0F3A maps may still become. */
function maybeElsewhere(bytes: Uint8Array): boolean {
  const rest = Buffer.from(bytes)
    .toString('hex')
    .replace(/^((66|67|f0|f2|f3|2e|36|26|3e|64|65|4.)*?)(?=c4|c5|62|8f|0f38|0f3a|0f01|0fc7|d5|0f24|0f26|0f3[6-9a-f]|0fa[67]|0f7[89])/, '');
  return rest.length < 30 || /^(c4|c5|62|8f|0f38|0f3a|0f01|0fc7|d5|0f24|0f26|0f3|0fa|0f7)/.test(rest);
}

/** Where a memory fault comes before #UD on some processors: LOCK before microcoded instructions. */
function faultsFirst(bytes: Uint8Array, event: number): boolean {
  return bytes.includes(0xf0) && (event === 11 || event === 111);
}

function randomCase(dice: Dice, code: CodeSize): Uint8Array {
  const bytes = Uint8Array.from({ length: 15 }, () => dice.next(256));
  const prefixes = code === 2 ? [0x66, 0xf2, 0xf3, 0x67, 0x2e, 0x64, 0xf0, 0x48, 0x41, 0x4f] : [0x66, 0xf2, 0xf3, 0x67, 0x2e, 0x64, 0xf0];
  let at = 0;
  while (at < 4 && dice.next(3) === 0) bytes[at++] = prefixes[dice.next(prefixes.length)] as number;
  if (dice.next(2) === 0) bytes[at] = 0x0f;
  return bytes;
}

function compare(bytes: Uint8Array, code: CodeSize, length: number, event: number, insn: Insn): string | undefined {
  const mode = code | (intel ? DECODE_INTEL : 0) | (features.has('bmi1') ? DECODE_BMI1 : 0) | (features.has('abm') ? DECODE_LZCNT : 0);
  const status = decode(bytes, 0, bytes.length, mode, insn);
  if (status === DECODE_INVALID) {
    if (event === UNDEFINED || maybeElsewhere(bytes) || faultsFirst(bytes, event)) return undefined;
    return `runs here (length ${length}, event ${event}), but does not decode`;
  }
  if (status !== DECODE_OK) return event === 111 ? undefined : `status ${status}, here event ${event}`;
  const exists = existsHere(insn.row);
  if (event === UNDEFINED) return exists === true ? `decodes as ${insn.row.mnemonic}, but is #UD here` : undefined;
  if (exists === false && !(insn.row.privileged && event === 111)) return `runs here, but the row of ${insn.row.mnemonic} says #UD`;
  return insn.len === length ? undefined : `length ${insn.len} as ${insn.row.mnemonic}, here ${length}`;
}

for (const code of [2, 1, 0] as const satisfies readonly CodeSize[]) {
  test(`agrees with this processor in ${16 << code}-bit code`, { skip }, () => {
    const dice = new Dice(7 + code);
    const cases: Uint8Array[] = [];
    for (const row of ROWS) {
      if (!existsIn(row, code)) continue;
      for (let k = 0; k < PER_ROW; k++) {
        const bytes = encode(row, code, dice, k === 0);
        cases.push(bytes);
      }
    }
    for (let k = 0; k < RANDOM_CASES; k++) cases.push(randomCase(dice, code));
    const input = Buffer.alloc(cases.length * 16);
    cases.forEach((bytes, k) => {
      input.set(bytes, k * 16);
    });
    const answers = execFileSync(program, [String(code)], { input });
    const insn = new Insn(ROWS[0] as Row);
    const failures: string[] = [];
    cases.forEach((bytes, k) => {
      const failure = compare(bytes, code, answers[2 * k] as number, answers[2 * k + 1] as number, insn);
      if (failure !== undefined) failures.push(`${Buffer.from(bytes).toString('hex')}: ${failure}`);
    });
    assert.equal(failures.length, 0, `${failures.length} of ${cases.length}:\n${failures.slice(0, 40).join('\n')}`);
  });
}
