import { vcpu_guest_context } from '../../spec/xen/arch-x86/xen.ts';
import * as C from '../../spec/xen/dump-core.ts';
import * as E from '../../spec/xen/elfnote.ts';
import type { versionInfo } from '../xc/host-info.ts';

/** What stands in a core file before its pages. */
export interface CoreContents {
  readonly version: ReturnType<typeof versionInfo>;
  /** A vcpu_guest_context of each vCPU. */
  readonly vcpus: readonly Uint8Array[];
  /** The page; undefined where the domain has none that can be seen. */
  readonly sharedInfo: Uint8Array | undefined;
  /** Pages in the file. */
  readonly pages: number;
}

/** A core file is `head`, then the pages, then their frame numbers (`pfnBytes`), then `tail`. */
export interface CoreLayout {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  /** Bytes of the whole file. */
  readonly size: number;
}

const PAGE = 4096;
const EHDR = 64;
const SHDR = 64;
const NOTE_HEAD = 16;
const EM_X86_64 = 62;
const ET_CORE = 4;
const SHT_PROGBITS = 1;
const SHT_STRTAB = 3;
const SHT_NOTE = 7;

/** A note of the owner "Xen": sizes, type, name, description. */
function note(type: number, description: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(NOTE_HEAD + description.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 4, true);
  view.setUint32(4, description.length, true);
  view.setUint32(8, type, true);
  bytes.set(new TextEncoder().encode('Xen\0'), 12);
  bytes.set(description, NOTE_HEAD);
  return bytes;
}

function notes({ version, vcpus, pages }: CoreContents): Uint8Array {
  const made = <T>(kind: { readonly size: number; write(view: DataView, at: number, fields: T): void }, fields: T): Uint8Array => {
    const bytes = new Uint8Array(kind.size);
    kind.write(new DataView(bytes.buffer), 0, fields);
    return bytes;
  };
  return joined([
    note(E.XEN_ELFNOTE_DUMPCORE_NONE, new Uint8Array(0)),
    note(
      E.XEN_ELFNOTE_DUMPCORE_HEADER,
      made(C.xen_dumpcore_elfnote_header_desc, { xch_magic: C.XC_CORE_MAGIC_HVM, xch_nr_vcpus: vcpus.length, xch_nr_pages: pages, xch_page_size: PAGE }),
    ),
    note(
      E.XEN_ELFNOTE_DUMPCORE_XEN_VERSION,
      made(C.xen_dumpcore_elfnote_xen_version_desc, {
        major_version: version.major,
        minor_version: version.minor,
        extra_version: version.extra,
        compile_info: version.compile,
        capabilities: version.capabilities,
        changeset: version.changeset,
        platform_parameters: { virt_start: BigInt(version.virtStart) },
        pagesize: version.pagesize,
      }),
    ),
    note(E.XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, made(C.xen_dumpcore_elfnote_format_version_desc, { version: C.XEN_DUMPCORE_FORMAT_VERSION })),
  ]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly size: number;
  readonly align: number;
  readonly entry: number;
}

/** Everything of a core file but its pages and their numbers. Sections and their order are libxenguest's. */
export function coreLayout(contents: CoreContents): CoreLayout {
  const { vcpus, sharedInfo, pages } = contents;
  const noteBytes = notes(contents);
  // in the order of the file; the names' section is last there, and second in the table
  const before: Section[] = [
    { name: '.note.Xen', type: SHT_NOTE, size: noteBytes.length, align: 0, entry: 0 },
    { name: '.xen_prstatus', type: SHT_PROGBITS, size: vcpus.length * vcpu_guest_context.size, align: 8, entry: vcpu_guest_context.size },
    ...(sharedInfo === undefined ? [] : [{ name: '.xen_shared_info', type: SHT_PROGBITS, size: PAGE, align: 8, entry: PAGE }]),
  ];
  const after: Section[] = [
    { name: '.xen_pages', type: SHT_PROGBITS, size: pages * PAGE, align: PAGE, entry: PAGE },
    { name: '.xen_pfn', type: SHT_PROGBITS, size: pages * 8, align: 8, entry: 8 },
  ];
  const names = ['', '.shstrtab', ...before.map(({ name }) => name), ...after.map(({ name }) => name)];
  const tail = new TextEncoder().encode(`${names.join('\0')}\0`);
  const count = names.length;

  const headerEnd = EHDR + count * SHDR;
  const contentEnd = headerEnd + before.reduce((sum, { size }) => sum + size, 0);
  const pagesAt = Math.ceil(contentEnd / PAGE) * PAGE;
  const tailAt = pagesAt + after.reduce((sum, { size }) => sum + size, 0);

  const head = new Uint8Array(pagesAt);
  const view = new DataView(head.buffer);
  // magic, 64 bits, little endian, version 1
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, EM_X86_64, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(EHDR), true);
  view.setUint16(52, EHDR, true);
  view.setUint16(58, SHDR, true);
  view.setUint16(60, count, true);
  view.setUint16(62, 1, true);

  const nameAt = names.map((_, i) => names.slice(0, i).reduce((sum, name) => sum + name.length + 1, 0));
  let index = 0;
  const putSection = ({ type, size, align, entry }: Omit<Section, 'name'>, offset: number): void => {
    const at = EHDR + ++index * SHDR;
    view.setUint32(at, nameAt[index] as number, true);
    view.setUint32(at + 4, type, true);
    view.setBigUint64(at + 24, BigInt(offset), true);
    view.setBigUint64(at + 32, BigInt(size), true);
    view.setBigUint64(at + 48, BigInt(align), true);
    view.setBigUint64(at + 56, BigInt(entry), true);
  };
  putSection({ type: SHT_STRTAB, size: tail.length, align: 0, entry: 0 }, tailAt);
  let offset = headerEnd;
  for (const section of before) {
    putSection(section, offset);
    offset += section.size;
  }
  offset = pagesAt;
  for (const section of after) {
    putSection(section, offset);
    offset += section.size;
  }
  head.set(joined([noteBytes, ...vcpus, ...(sharedInfo === undefined ? [] : [sharedInfo])]), headerEnd);
  return { head, tail, size: tailAt + tail.length };
}
