import { type ElfFile, PT_NOTE, SHT_NOTE } from './elf-file.ts';

/** A note: who defined it, its type, and its bytes. */
export interface ElfNote {
  readonly name: string;
  readonly type: number;
  readonly description: Uint8Array;
}

/** Notes read from one file at most: enough for any kernel, a bound for a hostile file with overlapping segments. */
const MOST_NOTES = 4096;

/** All notes of a file: of its PT_NOTE segments, or where it has none of its note sections. Damaged ones end the list they are in. */
export function readNotes(elf: ElfFile): ElfNote[] {
  const notes: ElfNote[] = [];
  for (const segment of elf.segments) {
    if (segment.type === PT_NOTE) collect(elf.bytes, segment.offset, segment.offset + segment.fileSize, segment.alignment === 8 ? 8 : 4, notes);
  }
  if (notes.length > 0) return notes;
  for (const section of elf.sections) {
    if (section.type === SHT_NOTE) collect(elf.bytes, section.offset, section.offset + section.size, 4, notes);
  }
  return notes;
}

function collect(bytes: Uint8Array, from: number, to: number, alignment: number, notes: ElfNote[]): void {
  const end = Math.min(to, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const align = (n: number): number => Math.ceil(n / alignment) * alignment;
  let at = from;
  while (at + 12 <= end && notes.length < MOST_NOTES) {
    const nameSize = view.getUint32(at, true);
    const descriptionSize = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const description = at + align(12 + nameSize);
    const next = description + align(descriptionSize);
    if (description + descriptionSize > end || next <= at) return;
    const nameEnd = nameSize > 0 && bytes[at + 12 + nameSize - 1] === 0 ? nameSize - 1 : nameSize;
    notes.push({
      name: nameEnd > 64 ? '' : String.fromCharCode(...bytes.subarray(at + 12, at + 12 + nameEnd)),
      type,
      description: bytes.subarray(description, description + descriptionSize),
    });
    at = next;
  }
}
