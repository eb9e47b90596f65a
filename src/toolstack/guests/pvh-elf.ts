/** Program header types and the Xen note that names a PVH entry. @see xen/include/public/elfnote.h */
const PT_LOAD = 1;
const PT_NOTE = 4;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;
const EHDR = 64;
const PHDR = 56;

/** Wrap a memory image for physical address `base` as an ELF64 file with a PVH entry note. `zeros`: bytes of bss behind it. */
export function pvhElf(image: Uint8Array, base: number, entry: number, zeros = 0): Uint8Array {
  const noteAt = EHDR + 2 * PHDR;
  const noteSize = 12 + 4 + 8;
  const imageAt = Math.ceil((noteAt + noteSize) / 16) * 16;
  const out = new Uint8Array(imageAt + image.length);
  const view = new DataView(out.buffer);
  out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(entry), true);
  view.setBigUint64(32, BigInt(EHDR), true);
  view.setUint16(52, EHDR, true);
  view.setUint16(54, PHDR, true);
  view.setUint16(56, 2, true);
  const header = (index: number, type: number, flags: number, offset: number, address: number, filesz: number, memsz: number): void => {
    const at = EHDR + index * PHDR;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, flags, true);
    // Notes are aligned to 4 bytes: who reads them takes the alignment from here.
    for (const [i, value] of [offset, address, address, filesz, memsz, type === PT_NOTE ? 4 : 16].entries())
      view.setBigUint64(at + 8 + i * 8, BigInt(value), true);
  };
  header(0, PT_LOAD, 7, imageAt, base, image.length, image.length + zeros);
  header(1, PT_NOTE, 4, noteAt, 0, noteSize, noteSize);
  view.setUint32(noteAt, 4, true);
  view.setUint32(noteAt + 4, 8, true);
  view.setUint32(noteAt + 8, XEN_ELFNOTE_PHYS32_ENTRY, true);
  out.set(new TextEncoder().encode('Xen\0'), noteAt + 12);
  view.setBigUint64(noteAt + 16, BigInt(entry), true);
  out.set(image, imageAt);
  return out;
}
