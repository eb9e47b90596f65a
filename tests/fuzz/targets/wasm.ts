import { TLB, TLB_ADDEND, TLB_ENTRIES, TLB_STRIDE } from '../../../src/machine/layout.ts';
import * as W from '../../../src/translator/targets/wasm/code.ts';
import { assemble } from '../../../src/translator/targets/wasm/module.ts';
import { verifyModule } from '../../../src/translator/targets/wasm/verify-module.ts';
import { mutate } from '../mutate.ts';
import { refusing, type Target } from '../target.ts';

/** A module with one region that makes a sound access. */
function sound(): Uint8Array {
  const code = new W.Code();
  code.u32(2);
  code.u32(1);
  code.byte(W.I64);
  code.u32(2);
  code.byte(W.I32);
  code.get(1);
  code.i64(7);
  code.byte(W.I64_SHR_U);
  code.byte(W.I32_WRAP);
  code.i32((TLB_ENTRIES - 1) * TLB_STRIDE);
  code.byte(W.I32_AND);
  code.get(0);
  code.access(W.I32_LOAD, W.STATE, TLB * 8);
  code.byte(W.I32_ADD);
  code.set(2);
  code.get(1);
  code.byte(W.I32_WRAP);
  code.get(2);
  code.access(W.I32_LOAD, W.STATE, TLB_ADDEND);
  code.byte(W.I32_ADD);
  code.get(1);
  code.access(W.I64_STORE, W.FRAMES, 0);
  code.i32(0);
  code.byte(W.END);
  return assemble([{ code, hints: [], relocations: [] }]);
}

export const wasmTarget: Target = {
  name: 'wasm-verifier',
  about: 'modules the verifier is shown: it ends, and refuses or accepts',
  prepare: () => {
    const corpus = [sound()];
    verifyModule(corpus[0] as Uint8Array);
    return {
      // any error refuses; what may not happen is a search without end
      run: (random) => refusing(() => verifyModule(mutate(random, corpus, 8192)), Error),
    };
  },
};
