/**
 * Undo the x86 BCJ filter: CALL and JMP operands that were made absolute, so that equal targets compress, become
 * relative again.
 *
 * Whether an E8/E9 byte is an opcode is guessed by the filter from the bytes around it: the operand's top byte must be
 * 00 or FF, and opcode-like bytes just before make it doubtful. `doubt` has one bit for each of the three bytes
 * before the current one, set when that byte looked like an opcode whose operand was left alone.
 * @see Igor Pavlov's description of the BCJ x86 converter (LZMA SDK, public domain)
 */

const isSignByte = (b: number): boolean => b === 0 || b === 0xff;

/** For a set of doubtful bytes: how many operand bytes from the top the conflict covers, or -1 where none may be converted. */
const conflict: readonly number[] = [0, 1, 2, -1, 3, -1, -1, -1];

/** Decode `bytes[from..to)` in place; the first byte has address 0 plus `startOffset`. */
export function undoBcjX86(bytes: Uint8Array, from: number, to: number, startOffset = 0): void {
  const last = to - 5;
  let doubt = 0;
  let previous = from - 1;
  for (let i = from; i <= last; i++) {
    if ((bytes[i]! & 0xfe) !== 0xe8) continue;
    const gap = i - previous;
    previous = i;
    doubt = gap > 3 ? 0 : (doubt << (gap - 1)) & 7;
    const covered = conflict[doubt]!;
    const top = bytes[i + 4]!;
    if (covered < 0 || (covered > 0 && isSignByte(bytes[i + 4 - covered]!)) || !isSignByte(top)) {
      doubt = ((doubt << 1) & 7) | 1;
      continue;
    }
    const next = i - from + 5 + startOffset;
    let operand = bytes[i + 1]! | (bytes[i + 2]! << 8) | (bytes[i + 3]! << 16) | (top << 24);
    let relative = (operand - next) | 0;
    if (covered > 0) {
      const shift = 32 - covered * 8;
      while (isSignByte((relative >>> (shift - 8)) & 0xff)) {
        operand = relative ^ ((1 << shift) - 1);
        relative = (operand - next) | 0;
      }
    }
    bytes[i + 1] = relative;
    bytes[i + 2] = relative >> 8;
    bytes[i + 3] = relative >> 16;
    bytes[i + 4] = (relative >> 24) & 1 ? 0xff : 0;
    previous += 4;
    i += 4;
    doubt = 0;
  }
}
