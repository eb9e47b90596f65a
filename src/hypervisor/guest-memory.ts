import { P2M_MFN_MASK, P2M_VALID, P2M_WRITABLE } from '../machine/layout.ts';
import type { Memories } from '../machine/memories.ts';
import type { Cpu } from './cpu.ts';
import type { FrameTable } from './memory/frame-table.ts';
import type { P2m } from './memory/p2m.ts';

/**
 * Copies between the hypervisor and a caller's memory: the only way hypercall arguments travel. Every address is an
 * allegation; a copy either happens wholly or not at all for pages that do not translate.
 */
export interface CallerMemory {
  /** Copy in; undefined when any byte is not readable. The answer is private memory. */
  read(va: bigint, length: number): Uint8Array | undefined;
  /** The same into memory of the caller's, as many bytes as that has. For a few bytes. */
  readInto(va: bigint, into: Uint8Array): boolean;
  /** Copy out; false when any byte is not writable (then nothing was written). */
  write(va: bigint, bytes: Uint8Array): boolean;
  /** Would `write` of this many bytes succeed? */
  writable(va: bigint, length: number): boolean;
}

const TOP = 1n << 64n;
const GPA_END = 1n << 48n;

abstract class PagedMemory implements CallerMemory {
  private readonly memories: Memories;
  private readonly frames: FrameTable;
  private readonly cpu: Cpu;

  constructor(memories: Memories, frames: FrameTable, cpu: Cpu) {
    this.memories = memories;
    this.frames = frames;
    this.cpu = cpu;
  }

  /** Offset into `frames` of one byte, -1 when there is none. */
  protected abstract locate(va: bigint, write: boolean): number;

  private pieces(va: bigint, length: number, write: boolean): number[] | undefined {
    const offsets: number[] = [];
    let at = va;
    let left = length;
    while (left > 0) {
      if (at >= TOP) return undefined;
      const offset = this.locate(at, write);
      if (offset < 0) return undefined;
      const piece = Math.min(left, 4096 - (offset % 4096));
      offsets.push(offset, piece);
      at += BigInt(piece);
      left -= piece;
    }
    return offsets;
  }

  /** Offset into `frames` of bytes that lie in one page, as nearly all do; -1 when they do not, or are not there. */
  private place(va: bigint, length: number, write: boolean): number {
    if (length === 0 || va >= TOP) return -1;
    const offset = this.locate(va, write);
    return (offset & 4095) + length <= 4096 ? offset : -1;
  }

  read(va: bigint, length: number): Uint8Array | undefined {
    const place = this.place(va, length, false);
    if (place >= 0) return this.memories.frameBytes.slice(place, place + length);
    const pieces = this.pieces(va, length, false);
    if (pieces === undefined) return undefined;
    const out = new Uint8Array(length);
    let done = 0;
    for (let i = 0; i < pieces.length; i += 2) {
      const offset = pieces[i] as number;
      const size = pieces[i + 1] as number;
      out.set(this.memories.frameBytes.subarray(offset, offset + size), done);
      done += size;
    }
    return out;
  }

  readInto(va: bigint, into: Uint8Array): boolean {
    const place = this.place(va, into.length, false);
    if (place >= 0) {
      const { frameBytes } = this.memories;
      for (let i = 0; i < into.length; i++) into[i] = frameBytes[place + i] as number;
      return true;
    }
    const bytes = this.read(va, into.length);
    if (bytes !== undefined) into.set(bytes);
    return bytes !== undefined;
  }

  write(va: bigint, bytes: Uint8Array): boolean {
    const place = this.place(va, bytes.length, true);
    if (place >= 0) {
      this.memories.frameBytes.set(bytes, place);
      const mfn = Math.floor(place / 4096);
      if (this.frames.hasCode(mfn)) this.cpu.frameWritten(mfn);
      return true;
    }
    const pieces = this.pieces(va, bytes.length, true);
    if (pieces === undefined) return false;
    let done = 0;
    for (let i = 0; i < pieces.length; i += 2) {
      const offset = pieces[i] as number;
      const size = pieces[i + 1] as number;
      this.memories.frameBytes.set(bytes.subarray(done, done + size), offset);
      const mfn = Math.floor(offset / 4096);
      if (this.frames.hasCode(mfn)) this.cpu.frameWritten(mfn);
      done += size;
    }
    return true;
  }

  writable(va: bigint, length: number): boolean {
    return this.pieces(va, length, true) !== undefined;
  }
}

/** Memory of a guest vCPU: virtual addresses of its current page tables. */
export class GuestVirtualMemory extends PagedMemory {
  private readonly context: number;
  private readonly engine: Cpu;
  /** Behind the last address. */
  private readonly end: bigint;

  /** `narrow`: the caller runs 32-bit code, whose addresses end at 4 GiB. */
  constructor(memories: Memories, frames: FrameTable, cpu: Cpu, context: number, narrow = false) {
    super(memories, frames, cpu);
    this.engine = cpu;
    this.context = context;
    this.end = narrow ? 1n << 32n : TOP;
  }

  protected override locate(va: bigint, write: boolean): number {
    return va >= this.end ? -1 : this.engine.translate(this.context, va, write);
  }
}

/** Memory by guest-physical addresses: domain 0's programs (which have no page tables), and fields that Xen finds by gfn. */
export class GuestPhysicalMemory extends PagedMemory {
  private readonly p2m: P2m;

  constructor(memories: Memories, frames: FrameTable, cpu: Cpu, p2m: P2m) {
    super(memories, frames, cpu);
    this.p2m = p2m;
  }

  protected override locate(va: bigint, write: boolean): number {
    if (va >= GPA_END) return -1;
    const gpa = Number(va);
    const entry = this.p2m.entry(Math.floor(gpa / 4096));
    if ((entry & P2M_VALID) === 0 || (write && (entry & P2M_WRITABLE) === 0)) return -1;
    return (entry & P2M_MFN_MASK) * 4096 + (gpa % 4096);
  }
}
