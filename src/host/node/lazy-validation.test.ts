import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withLazyValidation } from './lazy-validation.ts';

/** A module with one exported function of this name, `() -> i32`, whose body leaves nothing on the stack. V8 knows modules that are there by their bytes: each wants a name of its own. */
const unsound = (name: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 5, 1, 0x60, 0, 1, 0x7f],
    ...[3, 2, 1, 0],
    ...[7, 5, 1, 1, name.charCodeAt(0), 0, 0],
    ...[10, 4, 1, 2, 0, 0x0b],
  ]);

test('functions are not checked when a module is made here, and are in all others', () => {
  assert.throws(() => new WebAssembly.Module(unsound('a')), WebAssembly.CompileError);
  assert.ok(withLazyValidation(() => new WebAssembly.Module(unsound('b'))));
  assert.throws(() => new WebAssembly.Module(unsound('c')), WebAssembly.CompileError);
  assert.throws(() => withLazyValidation(() => new WebAssembly.Module(Uint8Array.of(1))), WebAssembly.CompileError);
  assert.throws(() => new WebAssembly.Module(unsound('d')), WebAssembly.CompileError, 'after one that failed');
});
