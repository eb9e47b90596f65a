import {
  XEN_ELFNOTE_ENTRY,
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_GUEST_OS,
  XEN_ELFNOTE_GUEST_VERSION,
  XEN_ELFNOTE_HV_START_LOW,
  XEN_ELFNOTE_HYPERCALL_PAGE,
  XEN_ELFNOTE_INIT_P2M,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_MOD_START_PFN,
  XEN_ELFNOTE_PADDR_OFFSET,
  XEN_ELFNOTE_PAE_MODE,
  XEN_ELFNOTE_PHYS32_ENTRY,
  XEN_ELFNOTE_SUPPORTED_FEATURES,
  XEN_ELFNOTE_SUSPEND_CANCEL,
  XEN_ELFNOTE_VIRT_BASE,
  XEN_ELFNOTE_XEN_VERSION,
} from '../../spec/xen/elfnote.ts';
import type { ElfFile } from './elf/elf-file.ts';
import { type ElfNote, readNotes } from './elf/elf-notes.ts';

/** PHYS32_RELOC came after 4.17: u32 alignment, lowest and highest load address of a kernel that may be moved. */
const XEN_ELFNOTE_PHYS32_RELOC = 19;

/** What a kernel says about how it wants to be started. Numbers as the note holds them; absent notes are undefined. */
export interface XenNotes {
  /** Where they were found: ELF notes, the old `__xen_guest` string, or nowhere. */
  readonly source: 'notes' | '__xen_guest' | 'none';
  readonly guestOs: string | undefined;
  readonly guestVersion: string | undefined;
  readonly xenVersion: string | undefined;
  readonly loader: string | undefined;
  /** FEATURES as text: names joined by '|', '!' before a required one. */
  readonly features: string | undefined;
  readonly paeMode: string | undefined;
  /** SUPPORTED_FEATURES: a bitmap of XENFEAT_* bits. */
  readonly supportedFeatures: bigint | undefined;
  /** Physical address of the 32-bit PVH entry point. */
  readonly phys32Entry: bigint | undefined;
  readonly phys32Reloc: { readonly alignment: number; readonly lowest: number; readonly highest: number } | undefined;
  /** Virtual addresses for PV start. */
  readonly entry: bigint | undefined;
  readonly hypercallPage: bigint | undefined;
  readonly virtBase: bigint | undefined;
  readonly paddrOffset: bigint | undefined;
  readonly initP2m: bigint | undefined;
  readonly hvStartLow: bigint | undefined;
  readonly modStartPfn: boolean;
  readonly suspendCancel: boolean;
}

const none: XenNotes = {
  source: 'none',
  guestOs: undefined,
  guestVersion: undefined,
  xenVersion: undefined,
  loader: undefined,
  features: undefined,
  paeMode: undefined,
  supportedFeatures: undefined,
  phys32Entry: undefined,
  phys32Reloc: undefined,
  entry: undefined,
  hypercallPage: undefined,
  virtBase: undefined,
  paddrOffset: undefined,
  initP2m: undefined,
  hvStartLow: undefined,
  modStartPfn: false,
  suspendCancel: false,
};

/** The Xen notes of a kernel. Of several notes of one type the first counts. */
export function readXenNotes(elf: ElfFile): XenNotes {
  const notes = readNotes(elf).filter((note) => note.name === 'Xen');
  if (notes.length > 0) return fromNotes(notes);
  const old = elf.sections.find((section) => section.name === '__xen_guest');
  return old === undefined ? none : fromOldString(latin1(elf.bytes.subarray(old.offset, old.offset + Math.min(old.size, 4096))));
}

function fromNotes(notes: readonly ElfNote[]): XenNotes {
  const find = (type: number): Uint8Array | undefined => notes.find((note) => note.type === type)?.description;
  const text = (type: number): string | undefined => {
    const bytes = find(type);
    return bytes === undefined ? undefined : latin1(bytes);
  };
  const number = (type: number): bigint | undefined => {
    const bytes = find(type);
    if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 8)) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return bytes.length === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
  };
  const reloc = find(XEN_ELFNOTE_PHYS32_RELOC);
  const relocWord = (index: number, fallback: number): number =>
    reloc !== undefined && reloc.length >= index * 4 + 4 ? new DataView(reloc.buffer, reloc.byteOffset, reloc.byteLength).getUint32(index * 4, true) : fallback;
  return {
    source: 'notes',
    guestOs: text(XEN_ELFNOTE_GUEST_OS),
    guestVersion: text(XEN_ELFNOTE_GUEST_VERSION),
    xenVersion: text(XEN_ELFNOTE_XEN_VERSION),
    loader: text(XEN_ELFNOTE_LOADER),
    features: text(XEN_ELFNOTE_FEATURES),
    paeMode: text(XEN_ELFNOTE_PAE_MODE),
    supportedFeatures: number(XEN_ELFNOTE_SUPPORTED_FEATURES),
    phys32Entry: number(XEN_ELFNOTE_PHYS32_ENTRY),
    phys32Reloc: reloc === undefined ? undefined : { alignment: relocWord(0, 0), lowest: relocWord(1, 0), highest: relocWord(2, 0xffffffff) },
    entry: number(XEN_ELFNOTE_ENTRY),
    hypercallPage: number(XEN_ELFNOTE_HYPERCALL_PAGE),
    virtBase: number(XEN_ELFNOTE_VIRT_BASE),
    paddrOffset: number(XEN_ELFNOTE_PADDR_OFFSET),
    initP2m: number(XEN_ELFNOTE_INIT_P2M),
    hvStartLow: number(XEN_ELFNOTE_HV_START_LOW),
    modStartPfn: (number(XEN_ELFNOTE_MOD_START_PFN) ?? 0n) !== 0n,
    suspendCancel: (number(XEN_ELFNOTE_SUSPEND_CANCEL) ?? 0n) !== 0n,
  };
}

/** The form before ELF notes: `GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,...` in one section. */
function fromOldString(text: string): XenNotes {
  const fields = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const number = (name: string, scale = 1n): bigint | undefined => {
    const value = fields.get(name);
    if (value === undefined || !/^(0x[0-9a-f]{1,16}|[0-9]{1,19})$/i.test(value)) return undefined;
    return BigInt.asUintN(64, BigInt(value) * scale);
  };
  return {
    ...none,
    source: '__xen_guest',
    guestOs: fields.get('GUEST_OS'),
    guestVersion: fields.get('GUEST_VER'),
    xenVersion: fields.get('XEN_VER'),
    loader: fields.get('LOADER'),
    features: fields.get('FEATURES'),
    paeMode: fields.get('PAE'),
    entry: number('VIRT_ENTRY'),
    // In this form the hypercall page is a page number.
    hypercallPage: number('HYPERCALL_PAGE', 4096n),
    virtBase: number('VIRT_BASE'),
    paddrOffset: number('ELF_PADDR_OFFSET'),
  };
}

function latin1(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, Math.min(end < 0 ? bytes.length : end, 4096)));
}
