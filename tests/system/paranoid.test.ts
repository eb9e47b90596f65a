/** Paranoid mode finds nothing in a right engine, and what is wrong in one whose soft TLB forgets to forget. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { readExports, readImports, readSections, writeSections } from '../../scripts/wasm-sections.ts';
import { EngineCpu } from '../../src/hypervisor/engine-cpu.ts';
import { AccessCheck } from '../../src/hypervisor/paranoid/access-check.ts';
import { ParanoidCpu } from '../../src/hypervisor/paranoid/paranoid-cpu.ts';
import { BUDGET, EXIT_BUDGET, EXIT_HLT, RETIRED_BASE, RIP } from '../../src/machine/layout.ts';
import { coreIsBuilt, TestMachine } from '../../src/translator/testing/test-machine.ts';

const skip = !coreIsBuilt && process.env['CI'] !== 'true' ? 'build/core.wasm is not there' : false;
const START = 0x10000;
/** A page table for 0x40000000, and the two frames it shows there one after the other. */
const TABLE = 0x6000;
const FIRST = 0x100000;
const SECOND = 0x101000;

/** mov esi, 0x40000000; mov eax, [rsi]; mov qword [TABLE], SECOND + 0x63; (flush); mov ebx, [rsi]; hlt */
const program = (flush: string): string => `be00000040 8b06 48c704250060000063101000 ${flush} 8b1e f4`;
/** What drops the entry, and the core's function behind it. */
const flushes = [
  { name: 'INVLPG', code: '0f013e', seed: 'flushPage' },
  { name: 'MOV to CR3', code: '0f20d9 0f22d9', seed: 'flushNonGlobal' },
] as const;

/** LEB128 at `at`: the value, and where it ends. */
function leb(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
}

/** The core with an empty body for the function that it exports as `name`. */
function coreWithout(name: string): WebAssembly.Module {
  const sections = readSections(readFileSync(resolve('build/core.wasm')));
  const wanted = readExports(sections).find((one) => one.kind === 0 && one.name === name);
  assert.ok(wanted, `the core exports ${name}`);
  const imports = readImports(sections).filter(({ kind }) => kind === 0).length;
  const seeded = sections.map((section) => {
    if (section.id !== 10) return section;
    const { payload } = section;
    let [, at] = leb(payload, 0);
    for (let k = imports; k < wanted.index; k++) {
      const [size, start] = leb(payload, at);
      at = start + size;
    }
    const [size, start] = leb(payload, at);
    // no locals, end
    return { id: 10, payload: Uint8Array.from([...payload.subarray(0, at), 2, 0, 0x0b, ...payload.subarray(start + size)]) };
  });
  return new WebAssembly.Module(writeSections(seeded));
}

interface Outcome {
  readonly report: string | undefined;
  readonly second: number;
  readonly checked: number;
}

function execute(code: string, options: { readonly module?: WebAssembly.Module | undefined; readonly promoteAfter?: number } = {}): Outcome {
  let check: AccessCheck | undefined;
  const { module, ...rest } = options;
  const machine = new TestMachine({ ...rest, checkAccess: (...of) => check?.check(...of) }, 1024, module);
  const { memories, engine, ctx } = machine;
  check = new AccessCheck(memories);
  machine.writeHex(START, code);
  machine.enter(64, START);
  machine.write64(0x2008, 0x5003n);
  machine.write64(0x5000, BigInt(TABLE) | 3n);
  machine.write64(TABLE, BigInt(FIRST) | 0x63n);
  machine.write(FIRST, [1, 0, 0, 0]);
  machine.write(SECOND, [2, 0, 0, 0]);
  let report: string | undefined;
  const cpu = new ParanoidCpu(new EngineCpu(memories, engine), memories, check, (difference) => {
    report = difference.report;
  });
  machine.context.set(BUDGET, 1_000_000n);
  machine.context.set(RETIRED_BASE, 1_000_000n);
  const exit = cpu.run(ctx);
  assert.equal(exit, report === undefined ? EXIT_HLT : EXIT_BUDGET, `exit at 0x${machine.reg(RIP).toString(16)}`);
  return { report, second: Number(machine.reg(3)), checked: check.checked };
}

for (const { name, code, seed } of flushes) {
  test(`${name}: a right soft TLB passes, one whose ${seed} does nothing is found`, { skip }, () => {
    const right = execute(program(code));
    assert.deepEqual([right.report, right.second], [undefined, 2]);
    assert.ok(right.checked >= 4, `${right.checked} accesses were compared`);
    const wrong = execute(program(code), { module: coreWithout(seed) });
    assert.match(
      wrong.report ?? '',
      /^paranoid mode: supervisor read at 0x40000000 by the block at 0x100[0-9a-f]{2}: the engine goes to byte 0x0 of frame 0x90100, the page tables say byte 0x0 of frame 0x90101/,
    );
  });
}

test('an entry that the guest changed and did not flush is told, as is one it may not write through', { skip }, () => {
  assert.match(execute(program('')).report ?? '', /the engine goes to .* of frame 0x90100, the page tables say .* of frame 0x90101/);
  // mov esi, 0x40000000; mov [rsi], eax; mov qword [TABLE], FIRST + 0x23 (clean); mov [rsi], eax; hlt
  assert.match(
    execute('be00000040 8906 48c704250060000023001000 8906 f4').report ?? '',
    /supervisor write .*, in a page whose entry says that it was not written to/,
  );
});

test('compiled regions are checked as well', { skip }, () => {
  // mov ecx, 50; l: mov eax, [0x40000000]; add [0x70000], eax; dec ecx; jnz l; hlt
  const loop = 'b932000000 8b042500000040 01042500000700 ffc9 75ee f4';
  const plain = execute(loop);
  const compiled = execute(loop, { promoteAfter: 2 });
  assert.equal(plain.report, undefined);
  assert.equal(compiled.report, undefined);
  assert.ok(compiled.checked >= 100 && plain.checked >= 100);
});
