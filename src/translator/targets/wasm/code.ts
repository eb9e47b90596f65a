/** Bytes of WebAssembly's binary format, appended to one growing array. @see WebAssembly Core Specification 5 */

// value types and block types
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const VOID = 0x40;

// instructions
export const UNREACHABLE = 0x00;
export const BLOCK = 0x02;
export const LOOP = 0x03;
export const IF = 0x04;
export const ELSE = 0x05;
export const END = 0x0b;
export const BR = 0x0c;
export const BR_IF = 0x0d;
export const BR_TABLE = 0x0e;
export const RETURN = 0x0f;
export const CALL = 0x10;
export const RETURN_CALL = 0x12;
export const RETURN_CALL_INDIRECT = 0x13;
export const DROP = 0x1a;
export const SELECT = 0x1b;
export const LOCAL_GET = 0x20;
export const LOCAL_SET = 0x21;
export const LOCAL_TEE = 0x22;
export const I32_LOAD = 0x28;
export const I64_LOAD = 0x29;
export const I32_LOAD8_U = 0x2d;
export const I32_LOAD16_U = 0x2f;
export const I64_LOAD8_S = 0x30;
export const I64_LOAD8_U = 0x31;
export const I64_LOAD16_S = 0x32;
export const I64_LOAD16_U = 0x33;
export const I64_LOAD32_S = 0x34;
export const I64_LOAD32_U = 0x35;
export const I32_STORE = 0x36;
export const I64_STORE = 0x37;
export const I64_STORE8 = 0x3c;
export const I64_STORE16 = 0x3d;
export const I64_STORE32 = 0x3e;
export const I32_CONST = 0x41;
export const I64_CONST = 0x42;
export const I32_EQZ = 0x45;
export const I32_EQ = 0x46;
export const I32_NE = 0x47;
export const I32_LT_S = 0x48;
export const I32_LT_U = 0x49;
export const I32_GT_S = 0x4a;
export const I32_GT_U = 0x4b;
export const I32_LE_S = 0x4c;
export const I32_LE_U = 0x4d;
export const I32_GE_S = 0x4e;
export const I32_GE_U = 0x4f;
export const I64_EQZ = 0x50;
export const I64_EQ = 0x51;
export const I64_NE = 0x52;
export const I64_LT_S = 0x53;
export const I64_LT_U = 0x54;
export const I64_GT_S = 0x55;
export const I64_GT_U = 0x56;
export const I64_LE_S = 0x57;
export const I64_LE_U = 0x58;
export const I64_GE_S = 0x59;
export const I64_GE_U = 0x5a;
export const I32_ADD = 0x6a;
export const I32_SUB = 0x6b;
export const I32_MUL = 0x6c;
export const I32_AND = 0x71;
export const I32_OR = 0x72;
export const I32_XOR = 0x73;
export const I32_SHL = 0x74;
export const I32_SHR_S = 0x75;
export const I32_SHR_U = 0x76;
export const I32_ROTL = 0x77;
export const I32_ROTR = 0x78;
export const I64_CLZ = 0x79;
export const I64_CTZ = 0x7a;
export const I64_POPCNT = 0x7b;
export const I64_ADD = 0x7c;
export const I64_SUB = 0x7d;
export const I64_MUL = 0x7e;
export const I64_DIV_S = 0x7f;
export const I64_DIV_U = 0x80;
export const I64_AND = 0x83;
export const I64_OR = 0x84;
export const I64_XOR = 0x85;
export const I64_SHL = 0x86;
export const I64_SHR_S = 0x87;
export const I64_SHR_U = 0x88;
export const I64_ROTL = 0x89;
export const I64_ROTR = 0x8a;
export const I32_WRAP = 0xa7;
export const I64_EXTEND_I32_S = 0xac;
export const I64_EXTEND_I32_U = 0xad;
export const I64_EXTEND8_S = 0xc2;
export const I64_EXTEND16_S = 0xc3;
export const I64_EXTEND32_S = 0xc4;
export const F32_EQ = 0x5b;
export const F32_LT = 0x5d;
export const F64_EQ = 0x61;
export const F64_LT = 0x63;
export const F32_ABS = 0x8b;
export const F32_NEG = 0x8c;
export const F32_NEAREST = 0x90;
export const F32_ADD = 0x92;
export const F64_ABS = 0x99;
export const F64_NEG = 0x9a;
export const F64_NEAREST = 0x9e;
export const F64_ADD = 0xa0;
export const F64_MUL = 0xa2;
export const F32_CONVERT_I32_S = 0xb2;
export const F32_CONVERT_I64_S = 0xb4;
export const F32_DEMOTE = 0xb6;
export const F64_CONVERT_I32_S = 0xb7;
export const F64_CONVERT_I64_S = 0xb9;
export const F64_PROMOTE = 0xbb;
export const I64_REINTERPRET_F64 = 0xbd;
export const F32_CONST = 0x43;
export const F64_CONST = 0x44;
/** Prefix of the saturating conversions, and those to i64. */
export const SATURATING = 0xfc;
export const I64_TRUNC_SAT_F32_S = 4;
export const I64_TRUNC_SAT_F64_S = 6;
export const SIMD = 0xfd;
export const V128_LOAD = 0;
export const V128_STORE = 11;
export const V128_CONST = 12;

/** Memory indices in every emitted module. */
export const STATE = 0;
export const FRAMES = 1;

/** What a number in emitted code stands for, when it may be another in the next run: so the code can be moved. */
export type Relocation =
  /** An address in a block of the region: i64.const, or the offset of an access; `addend` from the block's header. */
  | { readonly at: number; readonly kind: 'address' | 'offset'; readonly block: number; readonly addend: number }
  /** i32.const of BLK_REGION of the region's blocks. */
  | { readonly at: number; readonly kind: 'region' };

/** Words of a packed relocation: place in the function's code, kind, block, addend. */
export const RELOCATION = 4;
const KINDS = ['address', 'offset', 'region'] as const;
/** Kind of one that stands for the region itself; the others stand for an address in a block. */
export const KIND_REGION = 2;

/** Relocations in one array: threads exchange them, and files keep them, by the thousand. */
export function packRelocations(relocations: readonly Relocation[]): Int32Array {
  const words = new Int32Array(relocations.length * RELOCATION);
  for (const [k, relocation] of relocations.entries()) {
    const place = relocation.kind === 'region' ? [0, 0] : [relocation.block, relocation.addend];
    words.set([relocation.at, KINDS.indexOf(relocation.kind), ...place], k * RELOCATION);
  }
  return words;
}

/** Bytes of a number that can be relocated, whatever its value. */
export const WIDE = 5;

/** Writes the number that a relocation at `at` stands for. */
export function relocate(bytes: Uint8Array, at: number, value: number): void {
  for (let k = 0, rest = value >>> 0; k < WIDE; k++, rest >>>= 7) bytes[at + k] = (rest & 0x7f) | (k < WIDE - 1 ? 0x80 : 0);
}

export class Code {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(4096);
  length = 0;

  byte(value: number): void {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = value;
  }

  /** Unsigned LEB128 of 32 bits. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128 of the 64-bit number hi:lo. */
  s64(lo: number, hi: number): void {
    let l = lo | 0;
    let h = hi | 0;
    for (;;) {
      const septet = l & 0x7f;
      l = (l >>> 7) | (h << 25);
      h >>= 7;
      if ((h === 0 && l === 0 && (septet & 0x40) === 0) || (h === -1 && l === -1 && (septet & 0x40) !== 0)) {
        this.byte(septet);
        return;
      }
      this.byte(septet | 0x80);
    }
  }

  s32(value: number): void {
    this.s64(value, value >> 31);
  }

  /** Unsigned LEB128 of 32 bits that takes WIDE bytes always, as does the signed one of a number that is not negative. */
  wide(value: number): void {
    for (let k = 0, rest = value >>> 0; k < WIDE; k++, rest >>>= 7) this.byte((rest & 0x7f) | (k < WIDE - 1 ? 0x80 : 0));
  }

  raw(from: Code): void {
    this.append(from.bytes.subarray(0, from.length));
  }

  append(from: Uint8Array): void {
    const end = this.length + from.length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(from, this.length);
    this.length = end;
  }

  text(value: string): void {
    this.u32(value.length);
    for (let k = 0; k < value.length; k++) this.byte(value.charCodeAt(k));
  }

  done(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }

  // ---- instructions

  get(local: number): void {
    this.byte(LOCAL_GET);
    this.u32(local);
  }

  set(local: number): void {
    this.byte(LOCAL_SET);
    this.u32(local);
  }

  tee(local: number): void {
    this.byte(LOCAL_TEE);
    this.u32(local);
  }

  i32(value: number): void {
    this.byte(I32_CONST);
    this.s32(value | 0);
  }

  i64(lo: number, hi: number = lo >> 31): void {
    this.byte(I64_CONST);
    this.s64(lo, hi);
  }

  /** A load or store of `memory` at a constant offset, alignment unknown (frames) or natural (state). */
  access(op: number, memory: number, offset: number): void {
    this.byte(op);
    this.byte(memory === STATE ? 0 : 0x40);
    if (memory !== STATE) this.byte(memory);
    this.u32(offset);
  }

  /** The same for a vector instruction. */
  accessV(op: number, memory: number, offset: number): void {
    this.byte(SIMD);
    this.access(op, memory, offset);
  }

  call(index: number): void {
    this.byte(CALL);
    this.u32(index);
  }
}
