/** All opcodes of one to three bytes, with prefixes and ModRM bytes, all VEX opcodes and some of EVEX: the decoder's whole space, in an order that can be sampled. */
import { type CodeSize, Dice } from '../../../src/translator/decode/encodings.ts';

/** Prefixes that choose a row: with all ModRM bytes. */
const CHOOSING: readonly (readonly number[])[] = [[], [0x66], [0xf3], [0xf2]];
/** What else stands before an opcode: with some. */
const PREFIXES: readonly (readonly number[])[] = [[0x67], [0xf0], [0x2e], [0x65], [0x66, 0xf3], [0x66, 0xf2], [0xf2, 0xf3], [0x66, 0x67]];
const REX_PREFIXES: readonly (readonly number[])[] = [
  [0x48],
  [0x41],
  [0x44],
  [0x42],
  [0x4f],
  [0x66, 0x48],
  [0xf3, 0x48],
  [0xf2, 0x48],
  [0xf0, 0x48],
  [0x67, 0x48],
  // dead: not directly before the opcode
  [0x48, 0x66],
];
const ESCAPES: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
/** Opcode bytes of the one-byte map that are prefixes or lead elsewhere, in 16- and 32-bit code. */
const LEADING: ReadonlySet<number> = new Set([0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** Every ModRM byte with a register, and of each ModRM.reg one memory form of each kind: plain, SIB, absolute, short and long displacement. */
const MODRM: readonly number[] = [
  ...Array.from({ length: 64 }, (_, n) => 0xc0 + n),
  ...[0x00, 0x04, 0x05, 0x06, 0x43, 0x44, 0x82].flatMap((form) => Array.from({ length: 8 }, (_, reg) => form | (reg << 3))),
];
const SOME_MODRM: readonly number[] = [0xc1, 0xca, 0xd3, 0xdc, 0xe5, 0xee, 0xf7, 0xf8, 0x01, 0x0c, 0x15, 0x5e, 0xa3, 0x34];

/** A stretch of the space: opcodes with the same bytes before them. */
interface Stretch {
  readonly before: readonly number[];
  readonly opcodes: readonly number[];
  readonly modrm: readonly number[];
}

const ALL_BYTES = Array.from({ length: 256 }, (_, n) => n);

function stretches(code: CodeSize): Stretch[] {
  const list: Stretch[] = [];
  for (const prefix of [...CHOOSING, ...PREFIXES, ...(code === 2 ? REX_PREFIXES : [])]) {
    for (const map of ESCAPES) {
      let opcodes = ALL_BYTES;
      if (map.length === 0) opcodes = opcodes.filter((byte) => !LEADING.has(byte) && !(code === 2 && byte >= 0x40 && byte <= 0x4f));
      else if (map.length === 1) opcodes = opcodes.filter((byte) => byte !== 0x38 && byte !== 0x3a);
      list.push({ before: [...prefix, ...map], opcodes, modrm: CHOOSING.includes(prefix) ? MODRM : SOME_MODRM });
    }
  }
  for (const pp of [0, 1, 2, 3]) {
    for (const l of [0, 4]) {
      for (const vvvv of [0x78, 0x28]) {
        // outside 64-bit code the two upper bits stay set: else it is LES or LDS
        const low = pp | l | vvvv;
        list.push({ before: [0xc5, 0x80 | low | (code === 2 ? 0 : 0x40)], opcodes: ALL_BYTES, modrm: SOME_MODRM });
        for (const map of [1, 2, 3]) {
          for (const w of [0, 0x80]) list.push({ before: [0xc4, 0xe0 | map, w | low], opcodes: ALL_BYTES, modrm: SOME_MODRM });
        }
      }
    }
  }
  for (const before of [
    [0x62, 0xf1, 0x7c, 0x48],
    [0x62, 0xf2, 0x7d, 0x48],
    [0x62, 0xf3, 0x7d, 0x28],
  ]) {
    list.push({ before, opcodes: ALL_BYTES, modrm: SOME_MODRM });
  }
  // maps that do not exist, and VEX behind prefixes that forbid it
  for (const map of [0, 4, 5, 6, 7, 9, 15, 16, 31]) list.push({ before: [0xc4, 0xe0 | map, 0x78], opcodes: ALL_BYTES, modrm: [0xc1] });
  for (const prefix of [0x66, 0xf2, 0xf3, 0xf0, ...(code === 2 ? [0x48, 0x40] : [])]) {
    list.push({ before: [prefix, 0xc5, 0xf8], opcodes: ALL_BYTES, modrm: [0xc1, 0x01] });
  }
  return list;
}

/** Cases in `code`, about one in `step` (1: all), each filled up to 15 bytes by chance. */
export function* opcodeSpace(code: CodeSize, step: number, seed: number): Generator<Uint8Array> {
  const dice = new Dice(seed);
  let wait = dice.next(step);
  for (const { before, opcodes, modrm } of stretches(code)) {
    for (const opcode of opcodes) {
      for (const byte of modrm) {
        if (wait-- > 0) continue;
        wait = step === 1 ? 0 : dice.next(2 * step - 1);
        const bytes = new Uint8Array(15);
        for (let n = 0; n < 15; n++) bytes[n] = dice.next(256);
        bytes.set([...before, opcode, byte]);
        yield bytes;
      }
    }
  }
}
