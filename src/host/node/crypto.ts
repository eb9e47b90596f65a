/**
 * node:crypto, loaded when it is first wanted. Not by an import: that one reads every name the module exports, and so loads all of WebCrypto
 * and its relatives, which nobody here uses, while a guest waits.
 */
export const nodeCrypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');
