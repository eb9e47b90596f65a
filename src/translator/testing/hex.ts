/** Bytes from hexadecimal text; blanks and line ends are ignored. */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s+/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, k) => Number.parseInt(digits.slice(k * 2, k * 2 + 2), 16));
}
