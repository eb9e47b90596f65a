import { OperatorError } from '../../base/operator-error.ts';
import type { Memories } from '../../machine/memories.ts';
import { loadMachine, saveMachine } from '../../toolstack/snapshot/machine-image.ts';
import type { CommandHost } from './host.ts';
import type { FrozenSession } from './session.ts';

/**
 * A snapshot file: "ZENDOSNP", u32 length of a JSON head, the head, then the machine image (toolstack/snapshot), compressed.
 */
const MAGIC = new TextEncoder().encode('ZENDOSNP');

/** What a snapshot holds beside the machine's memories. */
export interface SnapshotHead {
  readonly format: 1;
  readonly session: FrozenSession;
  readonly cpuModel: string;
  /** Bytes of the guest's RAM. */
  readonly memoryBytes: number;
  /** Kernel file, for symbols in crash reports. */
  readonly kernel: string;
}

/** The file's bytes. Inside a turn: the machine stands still. */
export function encodeSnapshot<Head extends { readonly format: number }>(host: Pick<CommandHost, 'compress'>, memories: Memories, head: Head): Uint8Array {
  const pieces = [...saveMachine(memories)];
  const image = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    image.set(piece, at);
    at += piece.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(head));
  const packed = host.compress(image);
  const out = new Uint8Array(MAGIC.length + 4 + json.length + packed.length);
  out.set(MAGIC);
  new DataView(out.buffer).setUint32(MAGIC.length, json.length, true);
  out.set(json, MAGIC.length + 4);
  out.set(packed, MAGIC.length + 4 + json.length);
  return out;
}

/** Fill fresh memories from a snapshot file with a head of this `format`; its head. Throws operator errors for files that are none. */
export function decodeSnapshot<Head extends { readonly format: number } = SnapshotHead>(
  host: Pick<CommandHost, 'decompress'>,
  memories: Memories,
  file: Uint8Array,
  path: string,
  format: Head['format'] = 1,
): Head {
  const wanted = format === 1 ? 'a file that `zendo boot --snapshot`' : 'what `machine.snapshot()`';
  const broken = (details: string): OperatorError =>
    new OperatorError(`the snapshot ${path} cannot be used`, { details, hint: `Give ${wanted} of this version wrote.` });
  if (file.length < MAGIC.length + 4 || MAGIC.some((byte, i) => file[i] !== byte)) throw broken('It does not start as a snapshot does.');
  const length = new DataView(file.buffer, file.byteOffset).getUint32(MAGIC.length, true);
  const end = MAGIC.length + 4 + length;
  if (end > file.length) throw broken('It is cut off.');
  let head: Head;
  let image: Uint8Array;
  try {
    head = JSON.parse(new TextDecoder().decode(file.subarray(MAGIC.length + 4, end))) as Head;
    image = host.decompress(file.subarray(end));
  } catch (error) {
    throw broken(error instanceof Error ? error.message : String(error));
  }
  if (head.format !== format) throw broken(`It has format ${String(head.format)}, this reads ${format}.`);
  loadMachine(memories, image);
  return head;
}
