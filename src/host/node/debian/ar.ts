/** The `ar` archive that a .deb is. @see deb(5), ar(5) */
import { OperatorError } from '../../../base/operator-error.ts';

const MAGIC = '!<arch>\n';
const HEADER_SIZE = 60;

const ascii = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

/** The members of an ar archive by name, as views of `bytes`. Throws operator errors only. */
export function readAr(bytes: Uint8Array): Map<string, Uint8Array> {
  const damaged = (details: string): OperatorError =>
    new OperatorError('the Debian package is damaged', { details, hint: 'Remove it from the cache, so that it is fetched again.' });
  if (bytes.length < MAGIC.length || ascii(bytes, 0, MAGIC.length) !== MAGIC) throw damaged('It does not start as an ar archive does.');
  const members = new Map<string, Uint8Array>();
  let at = MAGIC.length;
  while (at + HEADER_SIZE <= bytes.length) {
    const name = ascii(bytes, at, at + 16)
      .trimEnd()
      .replace(/\/$/, '');
    const sizeText = ascii(bytes, at + 48, at + 58).trimEnd();
    if (ascii(bytes, at + 58, at + 60) !== '`\n' || !/^[0-9]{1,10}$/.test(sizeText)) throw damaged(`There is no member header at byte ${at}.`);
    const start = at + HEADER_SIZE;
    const end = start + Number(sizeText);
    if (end > bytes.length) throw damaged(`It ends after ${bytes.length} bytes; the member ${name} reaches to ${end}.`);
    if (!members.has(name)) members.set(name, bytes.subarray(start, end));
    at = end + (end & 1);
  }
  if (at < bytes.length) throw damaged(`It ends after ${bytes.length} bytes, inside a member header.`);
  return members;
}
