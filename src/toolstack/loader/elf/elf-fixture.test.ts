/** Builds small ELF files for tests. */

export interface FixtureSegment {
  readonly type?: number;
  readonly paddr?: number | bigint;
  readonly vaddr?: bigint;
  readonly data: Uint8Array;
  readonly memsz?: number | bigint;
  readonly align?: number;
  /** Say something else than the truth in the header. */
  readonly offset?: number | bigint;
  readonly filesz?: number | bigint;
}

export interface FixtureSection {
  readonly name: string;
  readonly type: number;
  readonly data: Uint8Array;
  readonly link?: number;
}

export interface FixtureElf {
  readonly bits?: 32 | 64;
  readonly machine?: number;
  readonly type?: number;
  readonly segments?: readonly FixtureSegment[];
  readonly sections?: readonly FixtureSection[];
}

const encoder = new TextEncoder();

/** A note: name, type, description, padded to four bytes. */
export function note(name: string, type: number, description: Uint8Array | string | number | bigint): Uint8Array {
  const bytes =
    typeof description === 'string'
      ? encoder.encode(`${description}\0`)
      : typeof description === 'number'
        ? new Uint8Array(new Uint32Array([description]).buffer)
        : typeof description === 'bigint'
          ? new Uint8Array(new BigUint64Array([description]).buffer)
          : description;
  const nameBytes = encoder.encode(`${name}\0`);
  const pad = (n: number): number => Math.ceil(n / 4) * 4;
  const out = new Uint8Array(12 + pad(nameBytes.length) + pad(bytes.length));
  new Uint32Array(out.buffer, 0, 3).set([nameBytes.length, bytes.length, type]);
  out.set(nameBytes, 12);
  out.set(bytes, 12 + pad(nameBytes.length));
  return out;
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

export function buildElf({ bits = 64, machine = 62, type = 2, segments = [], sections = [] }: FixtureElf): Uint8Array {
  const wide = bits === 64;
  const [headerSize, programSize, sectionSize] = wide ? [64, 56, 64] : [52, 32, 40];
  const names = ['', ...sections.map((s) => s.name), '.shstrtab'];
  const nameTable = encoder.encode(`${names.join('\0')}\0`);
  const nameAt = (index: number): number => names.slice(0, index).reduce((sum, name) => sum + name.length + 1, 0);
  const allSections: readonly FixtureSection[] =
    sections.length === 0 ? [] : [{ name: '', type: 0, data: new Uint8Array(0) }, ...sections, { name: '.shstrtab', type: 3, data: nameTable }];
  let at = headerSize + programSize * segments.length;
  const placed = [...segments.map((s) => s.data), ...allSections.map((s) => s.data)].map((data) => {
    const offset = Math.ceil(at / 8) * 8;
    at = offset + data.length;
    return { offset, data };
  });
  const sectionTable = Math.ceil(at / 8) * 8;
  const out = new Uint8Array(sectionTable + sectionSize * allSections.length);
  const view = new DataView(out.buffer);
  const word = (where: number, value: number | bigint): void =>
    wide ? view.setBigUint64(where, BigInt(value), true) : view.setUint32(where, Number(value), true);
  out.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  view.setUint16(16, type, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  word(wide ? 32 : 28, headerSize);
  word(wide ? 40 : 32, allSections.length === 0 ? 0 : sectionTable);
  const counts = wide ? 54 : 42;
  view.setUint16(counts, programSize, true);
  view.setUint16(counts + 2, segments.length, true);
  view.setUint16(counts + 4, sectionSize, true);
  view.setUint16(counts + 6, allSections.length, true);
  view.setUint16(counts + 8, Math.max(0, allSections.length - 1), true);
  segments.forEach((segment, i) => {
    const p = headerSize + i * programSize;
    const fields = {
      offset: segment.offset ?? placed[i]!.offset,
      vaddr: segment.vaddr ?? BigInt(segment.paddr ?? 0),
      paddr: segment.paddr ?? 0,
      filesz: segment.filesz ?? segment.data.length,
      memsz: segment.memsz ?? segment.data.length,
      align: segment.align ?? 4,
    };
    view.setUint32(p, segment.type ?? 1, true);
    if (wide)
      [fields.offset, fields.vaddr, fields.paddr, fields.filesz, fields.memsz, fields.align].forEach((value, k) => {
        word(p + 8 + k * 8, value);
      });
    else
      [fields.offset, fields.vaddr, fields.paddr, fields.filesz, fields.memsz, 5, fields.align].forEach((value, k) => {
        word(p + 4 + k * 4, value);
      });
  });
  for (const { offset, data } of placed) out.set(data, offset);
  allSections.forEach((section, i) => {
    const s = sectionTable + i * sectionSize;
    view.setUint32(s, nameAt(i), true);
    view.setUint32(s + 4, section.type, true);
    const { offset, data } = placed[segments.length + i]!;
    word(s + (wide ? 24 : 16), offset);
    word(s + (wide ? 32 : 20), data.length);
    view.setUint32(s + (wide ? 40 : 24), section.link ?? 0, true);
  });
  return out;
}

/** The notes of a kernel that starts as PVH at `entry`. */
export const pvhNotes = (entry: number): Uint8Array => joined(note('Xen', 6, 'linux'), note('Xen', 17, 0x8801), note('Xen', 18, entry));

/** A kernel of one segment at 16 MiB, with a note. */
export function buildKernel(more: FixtureElf = {}, data: Uint8Array = new Uint8Array(4096).fill(0x90)): Uint8Array {
  return buildElf({
    segments: [
      { paddr: 0x1000000, data, memsz: data.length + 8192 },
      { type: 4, data: pvhNotes(0x1000010) },
    ],
    ...more,
  });
}

/** A bzImage around `payload`, one setup sector. */
export function buildBzImage(payload: Uint8Array, version = 0x20f): Uint8Array {
  const out = new Uint8Array(1024 + 64 + payload.length);
  const view = new DataView(out.buffer);
  out[0x1f1] = 1;
  out.set(encoder.encode('HdrS'), 0x202);
  view.setUint16(0x206, version, true);
  view.setUint32(0x248, 64, true);
  view.setUint32(0x24c, payload.length, true);
  out.set(payload, 1024 + 64);
  return out;
}
