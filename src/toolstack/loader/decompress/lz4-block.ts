/**
 * The inner loop of LZ4 as WebAssembly: there it copies 16 bytes at once without asking whether both buffers reach that far, and takes a third
 * of the time that JavaScript needs.
 */
import * as W from '../../../translator/targets/wasm/code.ts';

/** Most bytes that a block of a legacy frame expands to. */
export const BLOCK_SIZE = 8 << 20;
/** Bytes behind input and output that the loop may read and overwrite. */
export const SLACK = 64;
/** Bytes of output after which `decode` returns, so that the host's compiler can put better code in its place. */
const SLICE = 1 << 18;

/** How `decode` ended: with more to do, at the block's end, at nonsense, at output that does not fit. */
export const MORE = 0;
export const DONE = 1;
export const CORRUPT = 2;
export const PAST_END = 3;

/** What the module exports. Addresses are offsets into `memory`. */
export interface Lz4Block {
  readonly memory: WebAssembly.Memory;
  /** Where to read and to write next; to be set before each block. */
  readonly at: WebAssembly.Global;
  readonly position: WebAssembly.Global;
  /** Goes on with the block whose input ends at `to`, whose output began at `start` and may reach to `limit`. */
  decode(to: number, start: number, limit: number): number;
}

type Bytes = readonly number[];

// instructions of which W has none, as the emitter of regions needs none
const I32_STORE8 = 0x3a;
const I32_DIV_U = 0x6e;
const GLOBAL_GET = 0x23;
const GLOBAL_SET = 0x24;
const MEMORY_COPY: Bytes = [0xfc, 10];

const written = (write: (code: W.Code) => void): Bytes => {
  const code = new W.Code();
  write(code);
  return [...code.done()];
};
const i32 = (value: number): Bytes => {
  const bytes: number[] = [W.I32_CONST];
  let rest = value;
  for (; rest > 0x3f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
};
const get = (local: number): Bytes => [W.LOCAL_GET, local];
const set = (local: number, value: Bytes): Bytes => [...value, W.LOCAL_SET, local];
const step = (local: number, by: Bytes): Bytes => [...get(local), ...by, W.I32_ADD, W.LOCAL_SET, local];
const both = (a: Bytes, b: Bytes, op: number): Bytes => [...a, ...b, op];
const when = (condition: Bytes, then: Bytes, otherwise?: Bytes): Bytes => [
  ...condition,
  ...[W.IF, W.VOID, ...then],
  ...(otherwise === undefined ? [] : [W.ELSE, ...otherwise]),
  W.END,
];
/** Runs `body`, again while `condition` holds. */
const repeat = (body: Bytes, condition: Bytes): Bytes => [W.LOOP, W.VOID, ...body, ...condition, W.BR_IF, 0, W.END];
const load8 = (address: Bytes): Bytes => [...address, W.I32_LOAD8_U, 0, 0];
const load16 = (address: Bytes): Bytes => [...address, W.I32_LOAD16_U, 0, 0];
const copy1 = (to: Bytes, from: Bytes): Bytes => [...to, ...load8(from), I32_STORE8, 0, 0];
const copy8 = (to: Bytes, from: Bytes): Bytes => [...to, ...from, W.I64_LOAD, 0, 0, W.I64_STORE, 0, 0];
const copy16 = (to: Bytes, from: Bytes): Bytes => [...to, ...from, W.SIMD, W.V128_LOAD, 0, 0, W.SIMD, W.V128_STORE, 0, 0];
const copyMany = (to: Bytes, from: Bytes, length: Bytes): Bytes => [...to, ...from, ...length, ...MEMORY_COPY, 0, 0];

// parameters, then locals
const [TO, START, LIMIT, AT, POS, TOKEN, N, SOURCE, BYTE, STOP] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
const LOCALS = 7;
// globals
const [G_AT, G_POS] = [0, 1] as const;

const leave = (status: number): Bytes => [...get(AT), GLOBAL_SET, G_AT, ...get(POS), GLOBAL_SET, G_POS, ...i32(status), W.RETURN];
const atEnd = (): Bytes => both(get(AT), get(TO), W.I32_GE_U);
const fits = (): Bytes => when(both(get(N), both(get(LIMIT), get(POS), W.I32_SUB), W.I32_GT_U), leave(PAST_END));

/** A length that fills its four bits goes on: bytes to be added up to the first that is not 255. */
const longer = (): Bytes =>
  when(
    both(both(get(N), i32(15), W.I32_AND), i32(15), W.I32_EQ),
    repeat(
      [
        ...when(atEnd(), leave(CORRUPT)),
        ...set(BYTE, load8(get(AT))),
        ...step(AT, i32(1)),
        ...step(N, get(BYTE)),
        // more than any block holds; a sum of so many bytes must not begin anew
        ...when(both(get(N), i32(BLOCK_SIZE + 255), W.I32_GT_U), leave(PAST_END)),
      ],
      both(get(BYTE), i32(255), W.I32_EQ),
    ),
  );

/** Copies N bytes of the output from SOURCE to POS by steps of `size`, which they lie apart at least. */
const spread = (size: number, copy: (to: Bytes, from: Bytes) => Bytes): Bytes => [
  ...set(TOKEN, both(get(POS), get(N), W.I32_ADD)),
  ...repeat([...copy(get(POS), get(SOURCE)), ...step(POS, i32(size)), ...step(SOURCE, i32(size))], both(get(POS), get(TOKEN), W.I32_LT_U)),
  ...set(POS, get(TOKEN)),
];

/**
 * The same for a pattern of BYTE bytes, fewer than 8 (long runs of zeros are such): a byte at a time until the next multiple of BYTE from 16 on lies between
 * source and destination, then by 16.
 */
const repeatShort = (): Bytes => [
  ...set(TOKEN, both(get(POS), get(N), W.I32_ADD)),
  ...set(N, both(both(both(i32(15), get(BYTE), I32_DIV_U), i32(1), W.I32_ADD), get(BYTE), W.I32_MUL)),
  ...set(BYTE, both(both(get(POS), get(N), W.I32_ADD), get(BYTE), W.I32_SUB)),
  ...when(both(get(BYTE), get(TOKEN), W.I32_GT_U), set(BYTE, get(TOKEN))),
  ...repeat([...copy1(get(POS), get(SOURCE)), ...step(POS, i32(1)), ...step(SOURCE, i32(1))], both(get(POS), get(BYTE), W.I32_LT_U)),
  ...when(both(get(POS), get(TOKEN), W.I32_LT_U), [
    ...set(SOURCE, both(get(POS), get(N), W.I32_SUB)),
    ...repeat([...copy16(get(POS), get(SOURCE)), ...step(POS, i32(16)), ...step(SOURCE, i32(16))], both(get(POS), get(TOKEN), W.I32_LT_U)),
  ]),
  ...set(POS, get(TOKEN)),
];

/** What a short sequence (both lengths in the token) needs of input behind the token, and of room: 14 literals and a match of 18. */
const SHORT_INPUT = 16;
const SHORT_OUTPUT = 32;
/** Literals up to so many are copied 16 at a time here: to ask the host to do it takes longer. */
const LITERALS_HERE = 128;

/** Goes to the next sequence, from within `depth` blocks of one. */
const next = (depth: number): Bytes => [...get(POS), ...get(STOP), W.I32_LT_U, W.BR_IF, depth, ...leave(MORE)];

/** A short sequence whose match reaches back 16 bytes at least: nearly all are such. 16 bytes are copied where fewer would do. */
const shortSequence = (): Bytes =>
  when(
    both(
      both(
        both(both(get(TOKEN), i32(0xf0), W.I32_LT_U), both(both(get(TOKEN), i32(15), W.I32_AND), i32(15), W.I32_NE), W.I32_AND),
        both(both(get(TO), get(AT), W.I32_SUB), i32(SHORT_INPUT), W.I32_GE_U),
        W.I32_AND,
      ),
      both(both(get(LIMIT), get(POS), W.I32_SUB), i32(SHORT_OUTPUT), W.I32_GE_U),
      W.I32_AND,
    ),
    [
      ...set(N, both(get(TOKEN), i32(4), W.I32_SHR_U)),
      ...set(SOURCE, load16(both(get(AT), get(N), W.I32_ADD))),
      ...when(
        both(both(get(SOURCE), i32(16), W.I32_GE_U), both(get(SOURCE), both(both(get(POS), get(N), W.I32_ADD), get(START), W.I32_SUB), W.I32_LE_U), W.I32_AND),
        [
          ...copy16(get(POS), get(AT)),
          ...step(AT, both(get(N), i32(2), W.I32_ADD)),
          ...step(POS, get(N)),
          ...set(SOURCE, both(get(POS), get(SOURCE), W.I32_SUB)),
          ...copy16(get(POS), get(SOURCE)),
          ...copy16(both(get(POS), i32(16), W.I32_ADD), both(get(SOURCE), i32(16), W.I32_ADD)),
          ...step(POS, both(both(get(TOKEN), i32(15), W.I32_AND), i32(4), W.I32_ADD)),
          ...next(2),
        ],
      ),
    ],
  );

/** Literals, then a match. @see lz4_Block_format.md */
const sequence = (): Bytes => [
  ...when(atEnd(), leave(CORRUPT)),
  ...set(TOKEN, load8(get(AT))),
  ...step(AT, i32(1)),
  ...shortSequence(),
  ...set(N, both(get(TOKEN), i32(4), W.I32_SHR_U)),
  ...longer(),
  ...when(both(get(N), both(get(TO), get(AT), W.I32_SUB), W.I32_GT_U), leave(CORRUPT)),
  ...fits(),
  ...when(
    both(get(N), i32(LITERALS_HERE), W.I32_GT_U),
    [...copyMany(get(POS), get(AT), get(N)), ...step(AT, get(N)), ...step(POS, get(N))],
    [
      ...set(BYTE, both(get(AT), get(N), W.I32_ADD)),
      ...set(SOURCE, both(get(POS), get(N), W.I32_ADD)),
      ...repeat([...copy16(get(POS), get(AT)), ...step(POS, i32(16)), ...step(AT, i32(16))], both(get(AT), get(BYTE), W.I32_LT_U)),
      ...set(AT, get(BYTE)),
      ...set(POS, get(SOURCE)),
    ],
  ),
  ...when(atEnd(), leave(DONE)),
  ...when(both(both(get(TO), get(AT), W.I32_SUB), i32(2), W.I32_LT_U), leave(CORRUPT)),
  ...set(SOURCE, load16(get(AT))),
  ...step(AT, i32(2)),
  ...when([...get(SOURCE), W.I32_EQZ], leave(CORRUPT)),
  ...when(both(get(SOURCE), both(get(POS), get(START), W.I32_SUB), W.I32_GT_U), leave(CORRUPT)),
  ...set(N, both(get(TOKEN), i32(15), W.I32_AND)),
  ...longer(),
  ...step(N, i32(4)),
  ...fits(),
  ...set(BYTE, get(SOURCE)),
  ...set(SOURCE, both(get(POS), get(SOURCE), W.I32_SUB)),
  ...when(both(get(BYTE), i32(16), W.I32_GE_U), spread(16, copy16), when(both(get(BYTE), i32(8), W.I32_GE_U), spread(8, copy8), repeatShort())),
];

const decode = (): Bytes => [
  ...[GLOBAL_GET, G_AT, W.LOCAL_SET, AT, GLOBAL_GET, G_POS, W.LOCAL_TEE, POS],
  ...[...i32(SLICE), W.I32_ADD, W.LOCAL_SET, STOP],
  ...repeat(sequence(), both(get(POS), get(STOP), W.I32_LT_U)),
  ...leave(MORE),
  W.UNREACHABLE,
  W.END,
];

let compiled: WebAssembly.Module | undefined;

/** The module, which has a memory of its own of one page, to grow as the data want it. */
export function lz4Block(): Lz4Block {
  compiled ??= new WebAssembly.Module(assemble());
  return new WebAssembly.Instance(compiled).exports as unknown as Lz4Block;
}

/** @see WebAssembly Core Specification 5.5 */
function assemble(): Uint8Array<ArrayBuffer> {
  const out = new W.Code();
  const put = (id: number, content: Bytes): void => {
    out.byte(id);
    out.u32(content.length);
    for (const byte of content) out.byte(byte);
  };
  const length = (bytes: Bytes): Bytes => written((code) => code.u32(bytes.length));
  const exported = (name: string, kind: number, index: number): Bytes => [...written((code) => code.text(name)), kind, index];
  const body = [1, LOCALS, W.I32, ...decode()];
  for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(byte);
  put(1, [1, 0x60, 3, W.I32, W.I32, W.I32, 1, W.I32]);
  put(3, [1, 0]);
  put(5, [1, 0, 1]);
  put(6, [2, ...[W.I32, 1, ...i32(0), W.END], ...[W.I32, 1, ...i32(0), W.END]]);
  put(7, [4, ...exported('decode', 0, 0), ...exported('memory', 2, 0), ...exported('at', 3, G_AT), ...exported('position', 3, G_POS)]);
  put(10, [1, ...length(body), ...body]);
  return out.done();
}
