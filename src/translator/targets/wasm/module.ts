/** The Wasm module around region functions: imports of both memories, the region table and the core's functions; one export per region. */
import { MEMORY_PAGES } from '../../../machine/layout.ts';
import * as W from './code.ts';
import { coreFunctions } from './imports.ts';

/** Locals and code of a function, and for some of its branches whether they are likely, by offset. */
export interface FunctionBody {
  readonly code: W.Code;
  readonly hints: readonly (readonly [number, boolean])[];
  readonly relocations: readonly W.Relocation[];
}

export const FUNCREF = 0x70;
export const FUNC = 0x60;
/** Limits with a maximum, shared. */
export const SHARED = 3;

export const section = (to: W.Code, id: number, content: W.Code): void => {
  to.byte(id);
  to.u32(content.length);
  to.raw(content);
};

/** Signatures of the core's functions, each once; type 0 is that of a region. */
const signatures: string[] = [];
const typeOf = (parameters: readonly number[], results: readonly number[]): number => {
  const key = JSON.stringify([parameters, results]);
  const found = signatures.indexOf(key);
  return found === -1 ? signatures.push(key) - 1 : found;
};
const REGION_TYPE = typeOf([W.I32, W.I32], [W.I32]);
const coreTypes = coreFunctions.map(({ parameters, results }) => typeOf(parameters, results));

const typeSection = (): W.Code => {
  const code = new W.Code();
  code.u32(signatures.length);
  for (const key of signatures) {
    const [parameters, results] = JSON.parse(key) as [number[], number[]];
    code.byte(FUNC);
    for (const list of [parameters, results]) {
      code.u32(list.length);
      for (const type of list) code.byte(type);
    }
  }
  return code;
};

const importSection = (): W.Code => {
  const code = new W.Code();
  code.u32(3 + coreFunctions.length);
  for (const name of ['state', 'frames']) {
    code.text('env');
    code.text(name);
    code.byte(2);
    code.byte(SHARED);
    code.u32(MEMORY_PAGES);
    code.u32(MEMORY_PAGES);
  }
  code.text('core');
  code.text('table');
  code.byte(1);
  code.byte(FUNCREF);
  code.byte(0);
  code.u32(0);
  for (const [k, { name }] of coreFunctions.entries()) {
    code.text('core');
    code.text(name);
    code.byte(0);
    code.u32(coreTypes[k] as number);
  }
  return code;
};

/** @see https://github.com/WebAssembly/branch-hinting */
const hintSection = (bodies: readonly FunctionBody[]): W.Code => {
  const code = new W.Code();
  code.text('metadata.code.branch_hint');
  code.u32(bodies.length);
  for (const [k, { hints }] of bodies.entries()) {
    code.u32(coreFunctions.length + k);
    code.u32(hints.length);
    for (const [at, likely] of hints) {
      code.u32(at);
      code.u32(1);
      code.byte(likely ? 1 : 0);
    }
  }
  return code;
};

const nameSection = (names: readonly string[]): W.Code => {
  const list = new W.Code();
  list.u32(names.length);
  for (const [k, name] of names.entries()) {
    list.u32(coreFunctions.length + k);
    list.text(name);
  }
  const code = new W.Code();
  code.text('name');
  section(code, 1, list);
  return code;
};

const types = typeSection();
const imports = importSection();

/** A module whose export `r<k>` is the function with body k; `names`, if any, are what a profiler shows for them. `starts` is told where each body begins. */
export function assemble(bodies: readonly FunctionBody[], names: readonly string[] = [], starts: number[] = []): Uint8Array<ArrayBuffer> {
  const out = new W.Code();
  for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(byte);
  section(out, 1, types);
  section(out, 2, imports);
  const functions = new W.Code();
  functions.u32(bodies.length);
  for (let k = 0; k < bodies.length; k++) functions.u32(REGION_TYPE);
  section(out, 3, functions);
  const exports = new W.Code();
  exports.u32(bodies.length);
  for (const k of bodies.keys()) {
    exports.text(`r${k}`);
    exports.byte(0);
    exports.u32(coreFunctions.length + k);
  }
  section(out, 7, exports);
  section(out, 0, hintSection(bodies));
  const code = new W.Code();
  code.u32(bodies.length);
  for (const { code: body } of bodies) {
    code.u32(body.length);
    starts.push(code.length);
    code.raw(body);
  }
  section(out, 10, code);
  const from = out.length - code.length;
  for (const k of starts.keys()) starts[k] = (starts[k] as number) + from;
  if (names.length > 0) section(out, 0, nameSection(names));
  return out.done();
}
