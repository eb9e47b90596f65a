import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TLB, TLB_ADDEND, TLB_ENTRIES, TLB_STRIDE, WAY_CACHE, WAY_REGION } from '../../../machine/layout.ts';
import { chainModule } from './chain.ts';
import * as W from './code.ts';
import { F_CHAIN, F_SYSTEM } from './imports.ts';
import { assemble } from './module.ts';
import { verifyModule } from './verify-module.ts';

/** A module with one region: local 2 is an i64, locals 3 and 4 are i32. */
const region = (emit: (code: W.Code) => void): Uint8Array => {
  const code = new W.Code();
  code.u32(2);
  code.u32(1);
  code.byte(W.I64);
  code.u32(2);
  code.byte(W.I32);
  emit(code);
  code.i32(0);
  code.byte(W.END);
  return assemble([{ code, hints: [], relocations: [] }]);
};

/** Soft-TLB entry of the address in local 2 into local 3. */
const probe = (code: W.Code): void => {
  code.get(2);
  code.i64(7);
  code.byte(W.I64_SHR_U);
  code.byte(W.I32_WRAP);
  code.i32((TLB_ENTRIES - 1) * TLB_STRIDE);
  code.byte(W.I32_AND);
  code.get(0);
  code.access(W.I32_LOAD, W.STATE, TLB * 8);
  code.byte(W.I32_ADD);
  code.set(3);
};

const pushOffset = (code: W.Code): void => {
  code.get(2);
  code.byte(W.I32_WRAP);
  code.get(3);
  code.access(W.I32_LOAD, W.STATE, TLB_ADDEND);
  code.byte(W.I32_ADD);
};

test('an access to guest memory by way of the soft TLB is sound', () => {
  verifyModule(
    region((code) => {
      probe(code);
      pushOffset(code);
      code.get(2);
      code.access(W.I64_STORE, W.FRAMES, 0);
    }),
  );
});

/** An offset by one arm or the other of an IF, and a store there. */
const inArms =
  (first: (code: W.Code) => void, second: (code: W.Code) => void): ((code: W.Code) => void) =>
  (code) => {
    probe(code);
    code.get(4);
    code.byte(W.IF);
    code.byte(W.I32);
    first(code);
    code.byte(W.ELSE);
    second(code);
    code.byte(W.END);
    code.get(2);
    code.access(W.I64_STORE, W.FRAMES, 0);
  };

const leaveRegion = (code: W.Code): void => {
  code.i32(1);
  code.byte(W.RETURN);
};

test('an offset that is made in all arms that go on is sound', () => {
  verifyModule(region(inArms(pushOffset, pushOffset)));
  verifyModule(region(inArms(pushOffset, leaveRegion)));
  verifyModule(region(inArms(leaveRegion, pushOffset)));
});

const unsound: Readonly<Record<string, (code: W.Code) => void>> = {
  'guest memory read at a guest address': (code) => {
    code.get(2);
    code.byte(W.I32_WRAP);
    code.access(W.I64_LOAD, W.FRAMES, 0);
    code.byte(W.I64_EQZ);
    code.set(3);
  },
  'guest memory written behind a checked offset': (code) => {
    probe(code);
    pushOffset(code);
    code.get(2);
    code.access(W.I64_STORE, W.FRAMES, 4096);
  },
  'an offset made of an addend that was changed': (code) => {
    probe(code);
    code.get(3);
    code.access(W.I32_LOAD, W.STATE, TLB_ADDEND);
    code.set(4);
    code.i32(5);
    code.set(4);
    code.get(2);
    code.byte(W.I32_WRAP);
    code.get(4);
    code.byte(W.I32_ADD);
    code.get(2);
    code.access(W.I64_STORE, W.FRAMES, 0);
  },
  'an offset in one arm only': inArms(pushOffset, (code) => code.i32(64)),
  'an offset in the other arm only': inArms((code) => code.i32(64), pushOffset),
  'an offset in no arm that goes on': inArms(leaveRegion, (code) => code.get(4)),
  'an offset in both arms, of which one is left before with something else': inArms((code) => {
    code.i32(64);
    code.get(4);
    code.byte(W.BR_IF);
    code.u32(0);
    code.set(4);
    pushOffset(code);
  }, pushOffset),
  'a write to state outside the context': (code) => {
    code.i32(0x12000000);
    code.get(2);
    code.access(W.I64_STORE, W.STATE, 0);
  },
  'a write to state behind the context': (code) => {
    code.get(0);
    code.get(2);
    code.access(W.I64_STORE, W.STATE, 0x4000);
  },
  'a write to the soft TLB': (code) => {
    probe(code);
    code.get(3);
    code.get(2);
    code.access(W.I64_STORE, W.STATE, 0);
  },
  'a read of state anywhere': (code) => {
    code.get(2);
    code.byte(W.I32_WRAP);
    code.access(W.I32_LOAD, W.STATE, 0);
    code.set(3);
  },
  'a helper with another context': (code) => {
    code.get(3);
    for (let k = 0; k < 5; k++) code.i32(0);
    code.i64(0);
    code.call(F_SYSTEM);
  },
  'the context assigned': (code) => {
    code.i32(0);
    code.set(0);
  },
};

for (const [name, emit] of Object.entries(unsound)) {
  test(`refused: ${name}`, () => {
    assert.throws(() => verifyModule(region(emit)), /unsound module/);
  });
}

test('the chain is sound, and only as what it is', () => {
  verifyModule(chainModule(), true);
  assert.throws(() => verifyModule(chainModule()), /unsound module/);
});

test('refused: a chain that writes elsewhere than to the ways', () => {
  const leb = (value: number): number[] => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]);
  const sound = chainModule();
  let refused = 0;
  for (const offset of [WAY_CACHE, WAY_CACHE + WAY_REGION]) {
    const [here, there] = [leb(offset), leb(offset + 0x1000000)];
    for (let at = 0; at < sound.length; at++) {
      if (!here.every((byte, k) => sound[at + k] === byte)) continue;
      const bytes = sound.slice();
      bytes.set(there, at);
      try {
        verifyModule(bytes, true);
      } catch (error) {
        assert.match(String(error), /a write outside the ways/);
        refused++;
      }
    }
  }
  // both words of a way, in both functions; what it reads is its own affair
  assert.equal(refused, 4);
});

test('refused: the chain called like a helper', () => {
  const call = (code: W.Code): void => {
    code.get(0);
    code.call(F_CHAIN);
    code.set(3);
  };
  assert.throws(() => verifyModule(region(call)), /unsound module/);
});

test('more locals than engines take are refused before they are counted', () => {
  const code = new W.Code();
  code.u32(1);
  code.u32(100_000_000);
  code.byte(W.I32);
  code.i32(0);
  code.byte(W.END);
  assert.throws(() => verifyModule(assemble([{ code, hints: [], relocations: [] }])), /too many locals/);
});
