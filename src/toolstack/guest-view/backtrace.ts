import type { SymbolTable } from '../loader/elf/symbol-table.ts';

/** What a backtrace needs of a stopped vCPU. */
export interface StackState {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  /** Bytes of a stack word: 8 in 64-bit code, else 4. */
  readonly word: 4 | 8;
}

/** The bytes at a virtual address, fewer than asked for where memory ends. */
export type ReadVirtual = (va: bigint, length: number) => Uint8Array;

/** Stack that is looked through for return addresses: a Linux kernel stack's size, in bytes. */
const SCAN = 16384;
/** Lines of a backtrace at most. */
const MOST = 40;

/**
 * Where a stopped vCPU came from, as lines of text: first RIP, then return addresses. Those found by following frame
 * pointers stand as they are; those found by looking at every word of the stack (code without frame pointers) are marked
 * with `?`: they follow a call instruction and lie in code with a name, but may be left over from calls that returned.
 */
export function backtrace(state: StackState, read: ReadVirtual, symbols: SymbolTable | undefined): string[] {
  const { word } = state;
  const stack = read(state.rsp, SCAN);
  const view = new DataView(stack.buffer, stack.byteOffset, stack.length);
  const at = (offset: number): bigint => (word === 8 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true)));
  const followed = followFrames(state, read);
  const lines = [describe(symbols, state.rip)];
  const isCode = codeRanges(symbols);
  let frame = 0;
  for (let offset = 0; offset + word <= stack.length && lines.length < MOST; offset += word) {
    const value = at(offset);
    if (followed[frame]?.slot === state.rsp + BigInt(offset)) {
      lines.push(returnsTo(symbols, value));
      frame++;
    } else if (isCode(value) && followsCall(read, value)) lines.push(`? ${returnsTo(symbols, value)}`);
  }
  for (; frame < followed.length && lines.length < MOST; frame++) lines.push(returnsTo(symbols, followed[frame]!.value));
  return lines;
}

function describe(symbols: SymbolTable | undefined, address: bigint): string {
  const number = `0x${address.toString(16).padStart(16, '0')}`;
  return symbols?.lookup(address) === undefined ? number : `${number} ${symbols.describe(address)}`;
}

/** A return address belongs to the function that its call lies in, which may end with the call. */
function returnsTo(symbols: SymbolTable | undefined, address: bigint): string {
  const place = symbols?.lookup(address - 1n);
  const number = `0x${address.toString(16).padStart(16, '0')}`;
  return place === undefined ? number : `${number} ${place.name}+0x${(place.offset + 1n).toString(16)}`;
}

/** The chain of saved frame pointers, as long as it looks like one: the place of each return address and its value. */
function followFrames({ rsp, rbp, word }: StackState, read: ReadVirtual): { slot: bigint; value: bigint }[] {
  const frames: { slot: bigint; value: bigint }[] = [];
  const size = BigInt(word);
  let from = rsp;
  let frame = rbp;
  while (frame >= from && frame - from < 65536n && frame % size === 0n && frames.length < MOST) {
    const bytes = read(frame, word * 2);
    if (bytes.length < word * 2) break;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const value = word === 8 ? view.getBigUint64(8, true) : BigInt(view.getUint32(4, true));
    if (!followsCall(read, value)) break;
    frames.push({ slot: frame + size, value });
    from = frame + 1n;
    frame = word === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
  }
  return frames;
}

/** Is an address in code? Linux says where its code lies; other kernels' symbols are taken as code. */
function codeRanges(symbols: SymbolTable | undefined): (address: bigint) => boolean {
  if (symbols === undefined) return () => false;
  const ranges = [
    ['_stext', '_etext'],
    ['_sinittext', '_einittext'],
  ].flatMap(([first, last]) => {
    const from = symbols.addressOf(first as string);
    const to = symbols.addressOf(last as string);
    return from === undefined || to === undefined ? [] : [{ from, to }];
  });
  if (ranges.length === 0) return (address) => symbols.lookup(address) !== undefined;
  return (address) => ranges.some(({ from, to }) => address > from && address < to);
}

/** Is there a call instruction that ends at `address`? CALL rel32, or CALL r/m with any of its lengths. */
function followsCall(read: ReadVirtual, address: bigint): boolean {
  const bytes = address < 8n ? new Uint8Array() : read(address - 7n, 7);
  if (bytes.length < 7) return false;
  if (bytes[2] === 0xe8) return true;
  // FF /2: opcode, ModRM, then SIB and displacement as its fields say
  return [2, 3, 4, 6, 7].some((length) => bytes[7 - length] === 0xff && ((bytes[8 - length] as number) & 0x38) === 0x10);
}
