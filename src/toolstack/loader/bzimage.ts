import { decompressAs, detectCodec } from './decompress/decompress.ts';
import type { Codec } from './decompress/decompress-error.ts';
import { lateLz4Legacy } from './decompress/lz4-legacy.ts';
import { isElf } from './elf/elf-file.ts';
import { identifyFile } from './identify-file.ts';
import { type ImageSource, imageError } from './image-error.ts';
import type { LateBytes } from './late-bytes.ts';

/** Offsets in the setup header. @see Linux, Documentation/x86/boot.rst, "The Real-Mode Kernel Header" */
const SETUP_SECTORS = 0x1f1;
const MAGIC = 0x202;
const VERSION = 0x206;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
/** The first protocol version that says where the payload is (Linux 2.6.26). */
const FIRST_WITH_PAYLOAD = 0x0208;

/** A kernel image may expand to this many bytes: eight times what a generic distribution kernel needs. */
export const KERNEL_LIMIT = 512 << 20;

/** True when `bytes` start as a bzImage does. */
export const isBzImage = (bytes: Uint8Array): boolean =>
  bytes[MAGIC] === 0x48 && bytes[MAGIC + 1] === 0x64 && bytes[MAGIC + 2] === 0x72 && bytes[MAGIC + 3] === 0x53;

/** What a bzImage holds. */
interface Payload {
  readonly payload: Uint8Array;
  /** How it is packed; undefined: not at all. */
  readonly codec: Codec | undefined;
  /** Bytes of the kernel proper, as the file has it; undefined: more than a kernel may have. */
  readonly expected: number | undefined;
}

function payloadOf(bytes: Uint8Array, source: ImageSource): Payload {
  const cutShort = (): Error =>
    imageError(source, 'is cut short', {
      details: `It is a Linux kernel (bzImage), but the file ends after ${bytes.length} bytes, before the end of what its header announces.`,
      hint: 'Copy or download it again.',
    });
  if (bytes.length < PAYLOAD_LENGTH + 4) throw cutShort();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(VERSION, true);
  if (version < FIRST_WITH_PAYLOAD) {
    throw imageError(source, 'is too old', {
      details: `It is a Linux kernel (bzImage) with boot protocol ${version >> 8}.${version & 0xff}; 2.8 is the first that says where the packed kernel lies.`,
      hint: 'Use a kernel of Linux 4.11 or later built with CONFIG_PVH, or its unpacked vmlinux.',
    });
  }
  // Zero sectors mean four, for the sake of very old boot loaders.
  const setup = ((bytes[SETUP_SECTORS]! === 0 ? 4 : bytes[SETUP_SECTORS]!) + 1) * 512;
  const start = setup + view.getUint32(PAYLOAD_OFFSET, true);
  const length = view.getUint32(PAYLOAD_LENGTH, true);
  if (start + length > bytes.length || length < 8) throw cutShort();
  const payload = bytes.subarray(start, start + length);
  if (isElf(payload)) return { payload, codec: undefined, expected: length };
  const codec = detectCodec(payload);
  if (codec === undefined) {
    throw imageError(source, 'is packed in an unknown way', {
      details: `It is a Linux kernel (bzImage), but where the packed kernel should be there is ${identifyFile(payload)}.`,
      hint: 'Copy or download it again, or use its unpacked vmlinux.',
    });
  }
  // All but gzip are followed by the unpacked size; gzip ends with it.
  const expected = view.getUint32(start + length - 4, true);
  return { payload, codec, expected: expected <= KERNEL_LIMIT ? expected : undefined };
}

/** What unpacking throws, as an operator error about the file. */
function unpacking<T>(source: ImageSource, unpack: () => T): T {
  try {
    return unpack();
  } catch (cause) {
    throw imageError(source, 'is damaged', {
      details: `It is a Linux kernel (bzImage), but the packed kernel in it cannot be unpacked: ${cause instanceof Error ? cause.message.split('\n').slice(0, 2).join(': ') : String(cause)}.`,
      hint: 'Copy or download it again.',
      cause,
    });
  }
}

/** The kernel proper inside a bzImage, and how it was packed. Throws operator errors only. */
export function unpackBzImage(bytes: Uint8Array, source: ImageSource): { vmlinux: Uint8Array; codec: Codec | undefined } {
  const { payload, codec, expected } = payloadOf(bytes, source);
  if (codec === undefined) return { vmlinux: payload, codec };
  return { vmlinux: unpacking(source, () => decompressAs(codec, payload, KERNEL_LIMIT, { expected })), codec };
}

/** As `unpackBzImage`, unpacked where it is asked for; undefined where it is not packed in a way that allows it. Throws operator errors only. */
export function unpackBzImageLate(bytes: Uint8Array, source: ImageSource): { vmlinux: LateBytes; codec: Codec } | undefined {
  const { payload, codec, expected } = payloadOf(bytes, source);
  if (codec !== 'lz4' || expected === undefined) return undefined;
  const late = unpacking(source, () => lateLz4Legacy(payload, expected));
  if (late === undefined) return undefined;
  return { vmlinux: { length: late.length, from: (offset) => unpacking(source, () => late.from(offset)) }, codec };
}
