/** Runs programs of all operands on the processor and on the engine, and compares what they wrote. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { EXIT_HLT } from '../../../src/machine/layout.ts';
import type { EngineOptions } from '../../../src/translator/engine.ts';
import { TestMachine } from '../../../src/translator/testing/test-machine.ts';
import { compile } from '../native.ts';
import { CODE_AT, CODE_SIZE, OUT_AT, OUT_SIZE, type Program, RECORD, STACK_TOP } from './spaces.ts';

/** What each program wrote natively, in their order. */
async function* natively(programs: readonly Program[]): AsyncGenerator<Buffer> {
  const macros = Object.entries({ CODE_AT, CODE_SIZE, OUT_AT, OUT_SIZE, STACK_TOP }).map(([name, value]) => `-D${name}=${value}`);
  const child = spawn(compile(join(import.meta.dirname, 'native.c'), ['-O1', '-Wall', '-mno-red-zone', '-fPIE', '-pie', ...macros]), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => {});
  for (const { mode, code, records } of programs) {
    child.stdin.write(new Uint8Array(Uint32Array.of(mode, code.length, records * RECORD).buffer));
    child.stdin.write(code);
  }
  child.stdin.end();
  let chunks: Buffer[] = [];
  let have = 0;
  let next = 0;
  const wanted = (): number => (programs[next]?.records ?? Number.POSITIVE_INFINITY) * RECORD;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    have += chunk.length;
    if (have < wanted()) continue;
    let all = Buffer.concat(chunks);
    while (all.length >= wanted()) {
      const size = wanted();
      yield all.subarray(0, size);
      all = all.subarray(size);
      next++;
    }
    chunks = [all];
    have = all.length;
  }
  if (next < programs.length) throw new Error(`the processor ended in ${programs[next]?.name} (status ${child.exitCode ?? child.signalCode})`);
}

export interface Outcome {
  /** Operands tried. */
  readonly cases: number;
  /** The first differences of each program. */
  readonly differences: readonly string[];
}

/** At most `most` differences of each program are told. */
export async function runOperands(programs: readonly Program[], engine: EngineOptions, most = 3): Promise<Outcome> {
  const machine = new TestMachine(engine);
  const differences: string[] = [];
  let cases = 0;
  let n = 0;
  for await (const native of natively(programs)) {
    const program = programs[n++] as Program;
    const { name, mode, code, records, defined, operands } = program;
    machine.engine.reset();
    machine.enter(mode, CODE_AT, STACK_TOP);
    machine.write(CODE_AT, [...code, 0xf4]);
    const reason = machine.run(200_000_000);
    if (reason !== EXIT_HLT) throw new Error(`${name}: ended by exit ${reason}`);
    const ours = machine.read(OUT_AT, records * RECORD);
    cases += records;
    if (native.equals(ours)) continue;
    const view = new DataView(ours.buffer, ours.byteOffset);
    let told = 0;
    for (let k = 0; k < records && told < most; k++) {
      const theirs = native.readInt32LE(k * RECORD);
      const mine = view.getInt32(k * RECORD, true);
      if (((theirs ^ mine) & ((defined(k) << 16) | 0xffff)) === 0) continue;
      told++;
      const text = (value: number): string => `AX ${(value & 0xffff).toString(16)} flags ${(value >>> 16).toString(16)}`;
      differences.push(`${name}, ${operands(k)}: native ${text(theirs)}, ours ${text(mine)}`);
    }
  }
  return { cases, differences };
}
