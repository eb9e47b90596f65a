import { closeSync, openSync, readSync } from 'node:fs';

/**
 * node:crypto, loaded when it is first wanted. Not by an import: that one reads every name the module exports, and so loads all of WebCrypto
 * and its relatives, which nobody here uses, while a guest waits.
 */
export const nodeCrypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');

/** Random bytes for names: from the system itself where that has a file for them, since node:crypto takes 5 ms to be loaded. */
export function randomName(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  try {
    const source = openSync('/dev/urandom', 'r');
    try {
      if (readSync(source, bytes) === count) return bytes;
    } finally {
      closeSync(source);
    }
  } catch {
    // a system without that file
  }
  return nodeCrypto().getRandomValues(bytes);
}
