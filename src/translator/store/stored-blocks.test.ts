import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RAX, RBX, RCX } from '../../machine/layout.ts';
import type { EngineOptions } from '../engine.ts';
import { coreIsBuilt, TestMachine } from '../testing/test-machine.ts';

const START = 0x12000;
/** mov rax, 0x8877665544332211 over the end of a page; ret behind it. */
const ACROSS = 0x10ffc;
const FUNCTION = '48b81122334455667788 c3';
/** Calls it three times: as it is, with a byte behind the page's end changed, and with one in front of it. */
const PROGRAM = 'e8f7efffff 4889c3 c604250110010077 e8e7efffff 4889c1 c60425fe0f010099 e8d7efffff f4';
const RESULTS = [0x8877665544332211n, 0x8877665577332211n, 0x8877665577332299n];

interface Outcome {
  readonly results: readonly bigint[];
  readonly translations: number;
  readonly used: number;
  readonly file: Uint8Array<ArrayBuffer> | undefined;
}

function run(options: EngineOptions, differently: (made: TestMachine) => void = () => {}): Outcome {
  const made = new TestMachine(options);
  made.writeHex(START, PROGRAM);
  made.writeHex(ACROSS, FUNCTION);
  made.enter(64, START);
  differently(made);
  made.run(1000);
  const { store, counters } = made.engine;
  const used = store?.counters.usedBlocks ?? 0;
  return { results: [made.reg(RBX), made.reg(RCX), made.reg(RAX)], translations: counters.translations, used, file: store?.save(1) };
}

test('an instruction that crosses the end of its page is kept, and found where both pages have its bytes; stores to either drop it', {
  skip: !coreIsBuilt && process.env['CI'] !== 'true' ? 'build/core.wasm is not there' : false,
}, () => {
  const cold = run({ stored: 'none' });
  assert.deepEqual(cold.results, RESULTS);
  const { file } = cold;
  assert.ok(file !== undefined);
  const ways: [string, EngineOptions][] = [
    ['the core by itself', {}],
    ['asking the host', { promoteAfter: () => 1000 }],
    ['believing nothing', { verifyStored: true }],
  ];
  for (const [name, options] of ways) {
    const stored = (): EngineOptions => ({ ...options, stored: file.slice() });
    const warm = run(stored());
    assert.deepEqual([warm.results, warm.translations], [RESULTS, 0], name);
    assert.equal(warm.used, cold.translations, name);
    assert.equal(warm.file, undefined, 'there is nothing new');
    // another byte on either page: another instruction, which is translated
    for (const [at, byte, first] of [
      [ACROSS + 3, '23', 0x8877665544332311n],
      [ACROSS + 9, '89', 0x8977665544332211n],
    ] as const) {
      const other = run(stored(), (made) => made.writeHex(at, byte));
      assert.equal(other.results[0], first, name);
      assert.equal(other.translations, 3, name);
    }
  }
});

test('a file keeps what the core took by itself, and in which pages: nothing is lost over several runs', {
  skip: !coreIsBuilt && process.env['CI'] !== 'true' ? 'build/core.wasm is not there' : false,
}, () => {
  const { file: first, translations } = run({ stored: 'none' });
  assert.ok(first !== undefined);
  // something new in each run, so that the file is written again
  const second = run({ stored: first.slice() }, (made) => made.writeHex(ACROSS + 9, '89'));
  assert.ok(second.file !== undefined);
  const third = run({ stored: second.file.slice() });
  assert.deepEqual([third.results, third.translations, third.used], [RESULTS, 0, translations]);
});
