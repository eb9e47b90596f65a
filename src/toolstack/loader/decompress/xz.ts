import { undoBcjX86 } from './bcj-x86.ts';
import { crc32 } from './crc32.ts';
import { crc64 } from './crc64.ts';
import { DecompressError } from './decompress-error.ts';
import { LONGEST_MATCH, LzmaDecoder } from './lzma-decoder.ts';
import { OutputBuffer } from './output-buffer.ts';

/** Looks at what is there so far and says whether that is enough. Called now and then, with a growing prefix of the output. */
export type Enough = (outputSoFar: Uint8Array) => boolean;

const fail = (details: string, cause?: unknown): DecompressError => new DecompressError('xz', details, cause);
const FILTER_X86 = 0x04;
const FILTER_LZMA2 = 0x21;
/** Bytes of the integrity check, by check type. */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const CHECK_CRC32 = 1;
const CHECK_CRC64 = 4;

/**
 * Decode a .xz file (one or several streams) of at most `limit` bytes of output: LZMA2, alone or behind the x86 BCJ
 * filter. CRC32 and CRC64 are verified, other checks are not. Bytes behind the last stream are ignored.
 * `enough` may end decoding early (used to take one file out of a long archive); what follows is then not verified.
 * @see xz-file-format.txt 1.1.0
 */
export function decompressXz(input: Uint8Array, limit: number, enough?: Enough): Uint8Array {
  const out = new OutputBuffer('xz', limit);
  let at = 0;
  do {
    const stream = new XzStream(input, at, out, enough);
    const end = stream.decode();
    if (end === undefined) break;
    at = end;
    while (at + 4 <= input.length && input[at] === 0 && input[at + 1] === 0 && input[at + 2] === 0 && input[at + 3] === 0) at += 4;
  } while (isXz(input, at));
  return out.view();
}

/** True when an .xz stream starts at `at`. */
export function isXz(input: Uint8Array, at = 0): boolean {
  return input[at] === 0xfd && input[at + 1] === 0x37 && input[at + 2] === 0x7a && input[at + 3] === 0x58 && input[at + 4] === 0x5a && input[at + 5] === 0;
}

class XzStream {
  private readonly input: Uint8Array;
  private readonly view: DataView;
  private readonly out: OutputBuffer;
  private readonly enough: Enough | undefined;
  private readonly decoder = new LzmaDecoder();
  private at: number;
  private check = 0;

  constructor(input: Uint8Array, start: number, out: OutputBuffer, enough: Enough | undefined) {
    this.input = input;
    this.view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    this.at = start;
    this.out = out;
    this.enough = enough;
  }

  /** Where the stream ended, or undefined when the caller had enough before. */
  decode(): number | undefined {
    if (!isXz(this.input, this.at)) throw fail('it does not start with the .xz signature');
    this.need(12, 'its header');
    const flags = this.view.getUint16(this.at + 6, true);
    if (crc32(this.input, this.at + 6, this.at + 8) !== this.view.getUint32(this.at + 8, true)) throw fail('the checksum of its header is wrong');
    if ((flags & 0xf0ff) !== 0) throw fail('its header uses features this reader does not know');
    this.check = flags >> 8;
    this.at += 12;
    const blocks: { unpadded: number; size: number }[] = [];
    for (;;) {
      this.need(1, 'the next block');
      if (this.input[this.at] === 0) break;
      const block = this.block();
      if (block === undefined) return undefined;
      blocks.push(block);
    }
    this.index(blocks, flags);
    return this.at;
  }

  private need(count: number, what: string): void {
    if (this.at + count > this.input.length) throw fail(`it ends after ${this.input.length} bytes, in the middle of ${what}`);
  }

  /** A variable-length integer, at most 2^53. */
  private number(end: number, what: string): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      if (this.at >= end) throw fail(`it ends in the middle of ${what}`);
      const byte = this.input[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw fail(`${what} holds a number that is too large`);
  }

  private block(): { unpadded: number; size: number } | undefined {
    const { input, out } = this;
    const start = this.at;
    const headerSize = (input[start]! + 1) * 4;
    this.need(headerSize, 'a block header');
    const headerEnd = start + headerSize - 4;
    if (crc32(input, start, headerEnd) !== this.view.getUint32(headerEnd, true)) throw fail('the checksum of a block header is wrong');
    const flags = input[start + 1]!;
    if ((flags & 0x3c) !== 0) throw fail('a block header uses features this reader does not know');
    this.at = start + 2;
    const packed = (flags & 0x40) !== 0 ? this.number(headerEnd, 'a block header') : undefined;
    const unpacked = (flags & 0x80) !== 0 ? this.number(headerEnd, 'a block header') : undefined;
    const bcjOffset = this.filters((flags & 3) + 1, headerEnd);
    this.at = start + headerSize;
    const dataStart = this.at;
    const outStart = out.length;
    if (!this.lzma2(bcjOffset === undefined)) return undefined;
    if (bcjOffset !== undefined) undoBcjX86(out.bytes, outStart, out.length, bcjOffset);
    const size = out.length - outStart;
    if (packed !== undefined && packed !== this.at - dataStart) throw fail('a block is not as long as its header says');
    if (unpacked !== undefined && unpacked !== size) throw fail('a block does not expand to what its header says');
    const dataEnd = this.at;
    for (; ((this.at - start) & 3) !== 0; this.at++) {
      this.need(1, 'the padding of a block');
      if (input[this.at] !== 0) throw fail('the padding of a block is not zero');
    }
    const checkSize = CHECK_SIZES[this.check]!;
    this.need(checkSize, 'a block checksum');
    this.verify(outStart);
    this.at += checkSize;
    if (bcjOffset !== undefined && this.enough?.(out.view()) === true) return undefined;
    return { unpadded: dataEnd - start + checkSize, size };
  }

  /** Read `count` filter flags; the BCJ start offset, or undefined when there is LZMA2 alone. */
  private filters(count: number, end: number): number | undefined {
    let bcj: number | undefined;
    for (let i = 0; i < count; i++) {
      const id = this.number(end, 'a filter');
      const size = this.number(end, 'a filter');
      if (this.at + size > end) throw fail('a filter reaches past its header');
      const last = i === count - 1;
      if (id === FILTER_LZMA2 && last && size === 1 && this.input[this.at]! <= 40) {
        this.at += 1;
      } else if (id === FILTER_X86 && !last && bcj === undefined && (size === 0 || size === 4)) {
        bcj = size === 4 ? this.view.getUint32(this.at, true) : 0;
        this.at += size;
      } else {
        throw fail(`it uses the filter 0x${id.toString(16)} in a way this reader does not know (known: LZMA2, and x86 BCJ before it)`);
      }
    }
    return bcj;
  }

  /** The LZMA2 chunks of a block. False when the caller had enough. */
  private lzma2(mayStop: boolean): boolean {
    const { input, out, decoder } = this;
    let dictionary = -1;
    let needState = true;
    let needProperties = true;
    for (;;) {
      this.need(1, 'a block');
      const control = input[this.at++]!;
      if (control === 0) return true;
      if (control >= 0xe0 || control === 1) {
        dictionary = out.length;
        needState = true;
        if (control === 1) needProperties = true;
      } else if (dictionary < 0) throw fail('a block does not start with a dictionary reset');
      if (control < 0x80) {
        if (control > 2) throw fail(`a chunk has the unknown kind 0x${control.toString(16)}`);
        this.need(2, 'a chunk header');
        const size = this.view.getUint16(this.at) + 1;
        this.at += 2;
        this.need(size, 'a chunk');
        out.append(input.subarray(this.at, this.at + size));
        this.at += size;
      } else {
        this.need(5, 'a chunk header');
        const size = ((control & 0x1f) << 16) + this.view.getUint16(this.at) + 1;
        const packed = this.view.getUint16(this.at + 2) + 1;
        this.at += 4;
        if (control >= 0xc0) {
          if (!decoder.setProperties(input[this.at++]!)) throw fail('a chunk has invalid properties');
          needProperties = false;
        } else if (needProperties) throw fail('a chunk lacks its properties');
        if (control >= 0xa0) {
          decoder.resetState();
          needState = false;
        } else if (needState) throw fail('a chunk lacks its state reset');
        this.need(packed, 'a chunk');
        this.chunk(size, packed, dictionary);
      }
      if (mayStop && this.enough?.(out.view()) === true) return false;
    }
  }

  private chunk(size: number, packed: number, dictionary: number): void {
    const { input, out, decoder } = this;
    const end = this.at + packed;
    if (!decoder.startRange(input, this.at)) throw fail('the range coder of a chunk does not start with a zero byte');
    const bytes = out.reserve(size, LONGEST_MATCH);
    const target = out.length + size;
    const { stop, length } = decoder.run(input, bytes, out.length, target, dictionary);
    if (stop !== 'target' || length !== target) throw fail(`the data is corrupt at output offset ${Math.min(length, target)}`);
    if (!decoder.atCleanEnd(input) || decoder.position !== end) throw fail(`a chunk does not end where its header says, at output offset ${target}`);
    out.length = target;
    this.at = end;
  }

  private verify(outStart: number): void {
    const { out, view, at } = this;
    if (this.check === CHECK_CRC32) {
      if (crc32(out.bytes, outStart, out.length) !== view.getUint32(at, true)) throw fail('the CRC32 of a block is wrong');
    } else if (this.check === CHECK_CRC64) {
      const found = crc64(out.bytes, outStart, out.length);
      if (found.low !== view.getUint32(at, true) || found.high !== view.getUint32(at + 4, true)) throw fail('the CRC64 of a block is wrong');
    }
  }

  /** The index repeats the size of each block, the footer the flags of the header. */
  private index(blocks: readonly { unpadded: number; size: number }[], flags: number): void {
    const { input, view } = this;
    const start = this.at;
    this.at++;
    const count = this.number(input.length, 'the index');
    if (count !== blocks.length) throw fail(`its index lists ${count} blocks, there are ${blocks.length}`);
    for (const block of blocks) {
      if (this.number(input.length, 'the index') !== block.unpadded || this.number(input.length, 'the index') !== block.size) {
        throw fail('its index does not match its blocks');
      }
    }
    while (((this.at - start) & 3) !== 0) this.at++;
    this.need(16, 'the footer');
    if (crc32(input, start, this.at) !== view.getUint32(this.at, true)) throw fail('the checksum of its index is wrong');
    const footer = this.at + 4;
    const indexSize = footer - start;
    if (
      crc32(input, footer + 4, footer + 10) !== view.getUint32(footer, true) ||
      (view.getUint32(footer + 4, true) + 1) * 4 !== indexSize ||
      view.getUint16(footer + 8, true) !== flags ||
      view.getUint16(footer + 10) !== 0x595a
    ) {
      throw fail('its footer is wrong');
    }
    this.at = footer + 12;
  }
}
