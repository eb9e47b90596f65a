import { decompressAs, detectCodec } from './decompress/decompress.ts';
import { DecompressError } from './decompress/decompress-error.ts';
import { isElf } from './elf/elf-file.ts';
import { identifyFile } from './identify-file.ts';
import { type ImageSource, imageError } from './image-error.ts';

/** Packed initrds up to this many bytes are unpacked once to see that they are whole. */
const CHECK_UP_TO = 64 << 20;
/** What an initrd may expand to while it is checked, in bytes; larger ones are let through unchecked. */
const EXPANDS_TO = 512 << 20;
const HEADER_SIZE = 110;
const TRAILER = 'TRAILER!!!';

/**
 * See that a file can be an initrd: a cpio archive (newc), perhaps behind another one (CPU microcode), perhaps
 * compressed. `path` names it in errors. Returns `bytes`. Throws operator errors only.
 */
export function checkInitrd(bytes: Uint8Array, path = 'file'): Uint8Array {
  const source: ImageSource = { what: 'initrd', path };
  const wanted = 'Give a cpio archive in the "newc" format, plain or compressed, such as update-initramfs or `cpio -o -H newc` make.';
  if (bytes.length === 0) throw imageError(source, 'is empty', { hint: wanted });
  let at = 0;
  while (isNewc(bytes, at)) {
    const end = archiveEnd(bytes, at);
    if (end === undefined) {
      throw imageError(source, 'is cut short', {
        details: `It is a cpio archive, but the file ends after ${bytes.length} bytes, before the archive's trailer.`,
        hint: 'Copy or build it again.',
      });
    }
    at = end;
    while (at < bytes.length && bytes[at] === 0) at++;
  }
  if (at >= bytes.length) return bytes;
  const rest = bytes.subarray(at);
  const codec = detectCodec(rest);
  if (codec === undefined) {
    if (at > 0 && !isElf(rest)) return bytes;
    throw imageError(source, 'is not an initrd', { details: `Found ${identifyFile(rest)}.`, hint: wanted });
  }
  if (rest.length > CHECK_UP_TO) return bytes;
  try {
    decompressAs(codec, rest, EXPANDS_TO);
  } catch (cause) {
    if (cause instanceof DecompressError && cause.message.includes('past the limit')) return bytes;
    throw imageError(source, 'is damaged', {
      details: `Found ${codec}-compressed data of ${rest.length} bytes that cannot be unpacked: ${cause instanceof Error ? cause.message.split('\n')[1] : String(cause)}.`,
      hint: 'Copy or build it again.',
      cause,
    });
  }
  return bytes;
}

function isNewc(bytes: Uint8Array, at: number): boolean {
  const magic = String.fromCharCode(...bytes.subarray(at, at + 6));
  return magic === '070701' || magic === '070702';
}

/** Where the archive at `start` ends (behind its trailer), or undefined where it does not. */
function archiveEnd(bytes: Uint8Array, start: number): number | undefined {
  let at = start;
  while (isNewc(bytes, at) && at + HEADER_SIZE <= bytes.length) {
    const header = String.fromCharCode(...bytes.subarray(at, at + HEADER_SIZE));
    if (!/^[0-9a-fA-F]+$/.test(header)) return undefined;
    const fileSize = Number.parseInt(header.slice(54, 62), 16);
    const nameSize = Number.parseInt(header.slice(94, 102), 16);
    const nameAt = at + HEADER_SIZE;
    const data = start + Math.ceil((nameAt + nameSize - start) / 4) * 4;
    if (nameAt + nameSize > bytes.length) return undefined;
    const isTrailer = nameSize === TRAILER.length + 1 && String.fromCharCode(...bytes.subarray(nameAt, nameAt + TRAILER.length)) === TRAILER;
    if (isTrailer) return Math.min(data, bytes.length);
    at = data + Math.ceil(fileSize / 4) * 4;
  }
  return undefined;
}
