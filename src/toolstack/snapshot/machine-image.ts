import { OperatorError } from '../../base/operator-error.ts';
import { HEADER, MACHINE_MAGIC, MACHINE_VERSION, machine_header } from '../../hypervisor/header.ts';
import { FRAME_TABLE, FRAME_TABLE_STRIDE, HEADER_BASE, VCPU_BASE, VCPU_MAX, VCPU_STRIDE, XENHEAP } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';

/**
 * A machine as bytes: the used pages of both memories. Taken inside a turn of domain 0, when no guest instruction is
 * under way; soft TLBs and translations are not part of it, they are made again.
 *
 * Layout, little endian: magic, version, then runs { u32 memory (0 frames, 1 state, 2 end), u32 first page, u32 pages } each
 * followed by its pages. Pages that are all zero are left out.
 */
const MAGIC = 0x50414e5a; // "ZNAP"
const PAGE = 4096;
const FRAMES = 0;
const STATE = 1;
const END = 2;
/** Longest run, so that a reader needs no large buffer. */
const RUN_MAX = 4096;

interface Range {
  readonly memory: number;
  readonly first: number;
  readonly last: number;
}

/** Page ranges of both memories that can hold anything. */
function usedRanges(memories: Memories): Range[] {
  const header = machine_header.at(memories.stateView, HEADER);
  const contexts: Range[] = [];
  const map = header.contexts_used;
  for (let index = 0; index < VCPU_MAX; index++) {
    if (((memories.stateBytes[map + (index >>> 3)] as number) & (1 << (index & 7))) === 0) continue;
    const at = (VCPU_BASE + index * VCPU_STRIDE) / PAGE;
    contexts.push({ memory: STATE, first: at, last: at + VCPU_STRIDE / PAGE });
  }
  const table = (mfn: number): number => Math.floor((FRAME_TABLE + mfn * FRAME_TABLE_STRIDE) / PAGE);
  return [
    { memory: STATE, first: HEADER_BASE / PAGE, last: HEADER_BASE / PAGE + 16 },
    ...contexts,
    { memory: STATE, first: table(header.frame_untouched), last: table(header.frame_last - 1) + 1 },
    { memory: STATE, first: XENHEAP / PAGE, last: Math.ceil(header.heap_next / PAGE) },
    { memory: FRAMES, first: header.frame_untouched, last: header.frame_last },
  ];
}

const isZero = (words: BigUint64Array): boolean => {
  for (let i = 0; i < words.length; i++) if (words[i] !== 0n) return false;
  return true;
};

/** The machine as pieces of bytes, in order; to be written (and compressed) as they come. */
export function* saveMachine(memories: Memories): Generator<Uint8Array> {
  const head = new Uint32Array([MAGIC, MACHINE_VERSION]);
  yield new Uint8Array(head.buffer);
  for (const { memory, first, last } of usedRanges(memories)) {
    const buffer = memory === FRAMES ? memories.frames.buffer : memories.state.buffer;
    const used = (page: number): boolean => !isZero(new BigUint64Array(buffer, page * PAGE, PAGE / 8));
    for (let page = first; page < last; ) {
      if (!used(page)) {
        page++;
        continue;
      }
      const start = page;
      while (page < last && page - start < RUN_MAX && used(page)) page++;
      yield new Uint8Array(new Uint32Array([memory, start, page - start]).buffer);
      yield new Uint8Array(new Uint8Array(buffer, start * PAGE, (page - start) * PAGE));
    }
  }
  yield new Uint8Array(new Uint32Array([END, 0, 0]).buffer);
}

const broken = (details: string): OperatorError =>
  new OperatorError('the snapshot cannot be used', { details, hint: 'Give a file that `zendo boot --snapshot` of this version wrote.' });

/** Fill fresh memories from a saved machine. Throws operator errors for bytes that are no machine. */
export function loadMachine(memories: Memories, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 8 || view.getUint32(0, true) !== MAGIC) throw broken('It does not start as a snapshot does.');
  if (view.getUint32(4, true) !== MACHINE_VERSION) throw broken(`It has format version ${view.getUint32(4, true)}, this program reads ${MACHINE_VERSION}.`);
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw broken('It is cut off.');
    const memory = view.getUint32(at, true);
    const first = view.getUint32(at + 4, true);
    const pages = view.getUint32(at + 8, true);
    at += 12;
    if (memory === END) break;
    const target = memory === FRAMES ? memories.frameBytes : memory === STATE ? memories.stateBytes : undefined;
    if (target === undefined || pages > RUN_MAX || (first + pages) * PAGE > target.length || first < 16) throw broken('It names pages that no machine has.');
    if (at + pages * PAGE > bytes.length) throw broken('It is cut off.');
    target.set(bytes.subarray(at, at + pages * PAGE), first * PAGE);
    at += pages * PAGE;
  }
  if (memories.stateView.getUint32(HEADER, true) !== MACHINE_MAGIC) throw broken('It holds no machine header.');
}
