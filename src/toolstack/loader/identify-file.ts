import { detectCodec } from './decompress/decompress.ts';
import { describeMachine } from './elf/elf-machine.ts';

/** Fixed bytes by which a kind of file is known. */
interface Signature {
  readonly at: number;
  readonly bytes: string;
  readonly name: string;
}

const signatures: readonly Signature[] = [
  { at: 0, bytes: '070701', name: 'a cpio archive (an initramfs?)' },
  { at: 0, bytes: '070702', name: 'a cpio archive (an initramfs?)' },
  { at: 0, bytes: '070707', name: 'a cpio archive of the old portable format' },
  { at: 0, bytes: '!<arch>\ndebian', name: 'a Debian package' },
  { at: 0, bytes: '!<arch>\n', name: 'a static library' },
  { at: 0, bytes: 'PK\x03\x04', name: 'a zip archive' },
  { at: 0, bytes: '\xed\xab\xee\xdb', name: 'an RPM package' },
  { at: 0, bytes: 'QFI\xfb', name: 'a qcow2 disk image' },
  { at: 0, bytes: 'conectix', name: 'a VHD disk image' },
  { at: 0, bytes: 'hsqs', name: 'a squashfs image' },
  { at: 0, bytes: '\x04\x22\x4d\x18', name: 'lz4 data of the current frame format (kernels use the legacy one, lz4 -l)' },
  { at: 0, bytes: '\xd0\x0d\xfe\xed', name: 'a device tree' },
  { at: 0, bytes: '\x27\x05\x19\x56', name: 'a U-Boot image' },
  { at: 0, bytes: '\xcf\xfa\xed\xfe', name: 'a Mach-O program' },
  { at: 0, bytes: '\0asm', name: 'a WebAssembly module' },
  { at: 257, bytes: 'ustar', name: 'a tar archive' },
  { at: 0x38, bytes: 'ARM\x64', name: 'a Linux kernel for AArch64' },
  { at: 0x30, bytes: 'RISCV', name: 'a Linux kernel for RISC-V' },
  { at: 0x8001, bytes: 'CD001', name: 'an ISO 9660 image' },
  { at: 0x438, bytes: '\x53\xef', name: 'an ext2/3/4 file system' },
  { at: 0x202, bytes: 'HdrS', name: 'a Linux kernel (bzImage)' },
  { at: 0, bytes: 'MZ', name: 'a Windows or EFI program' },
  { at: 510, bytes: '\x55\xaa', name: 'a disk image or boot sector' },
  { at: 0, bytes: '#!', name: 'a script' },
];

/** What a file is, for an error message: "an ELF file for AArch64", "gzip-compressed data", "ASCII text". */
export function identifyFile(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file';
  if (matches(bytes, 0, '\x7fELF')) return describeMachine(bytes);
  for (const signature of signatures) if (matches(bytes, signature.at, signature.bytes)) return signature.name;
  const codec = detectCodec(bytes);
  if (codec !== undefined) return `${codec}-compressed data`;
  const head = bytes.subarray(0, 512);
  if (head.every((b) => b === 0)) return bytes.every((b) => b === 0) ? 'nothing but zero bytes' : 'data that starts with zero bytes';
  if (head.every((b) => (b >= 0x20 && b < 0x7f) || (b >= 9 && b <= 13))) return /^\s*<(!doctype|html)/i.test(ascii(head)) ? 'an HTML page' : 'ASCII text';
  if (isUtf8Text(head)) return 'UTF-8 text';
  const start = Array.from(bytes.subarray(0, 8), (b) => b.toString(16).padStart(2, '0')).join(' ');
  return `unknown data (it starts with ${start})`;
}

function matches(bytes: Uint8Array, at: number, signature: string): boolean {
  for (let i = 0; i < signature.length; i++) if (bytes[at + i] !== signature.charCodeAt(i)) return false;
  return true;
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

function isUtf8Text(head: Uint8Array): boolean {
  if (head.some((b) => b < 9 || b === 0x7f)) return false;
  try {
    // A character may be cut at the end of the head: `stream` forgives that.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
