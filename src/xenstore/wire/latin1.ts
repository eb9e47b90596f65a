/**
 * Strings of the store are byte strings: every character is one byte (0..255). Paths are ASCII anyway, tokens may hold
 * any byte but NUL, and no byte is lost or joined on the way.
 */

/** Bytes `from`..`to` as a string, one character a byte. `bytes` must be private memory. */
export function latin1(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = '';
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}

/** The bytes of a byte string. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Byte strings, each followed by a NUL, as they stand in payloads. */
export function nulTerminated(...strings: readonly string[]): Uint8Array {
  return latin1Bytes(strings.map((text) => `${text}\0`).join(''));
}

/** The NUL-terminated strings of a payload; what follows the last NUL belongs to none. */
export function stringsOf(payload: Uint8Array): string[] {
  const found: string[] = [];
  let start = 0;
  for (let end = payload.indexOf(0); end !== -1; end = payload.indexOf(0, start)) {
    found.push(latin1(payload, start, end));
    start = end + 1;
  }
  return found;
}

/** The string of a payload that holds exactly one NUL, as its last byte; undefined for any other payload. */
export function onlyString(payload: Uint8Array): string | undefined {
  return payload.length > 0 && payload.indexOf(0) === payload.length - 1 ? latin1(payload, 0, payload.length - 1) : undefined;
}

/** A decimal number as C's atoi reads it: leading blanks and a sign allowed, ends at the first other character, 0 when there is none. */
export function leadingNumber(text: string): number {
  const digits = /^[ \t\n\v\f\r]*([+-]?[0-9]{1,15})/.exec(text)?.[1];
  return digits === undefined ? 0 : Number(digits) | 0;
}
