import { MEMORY_PAGES } from './layout.ts';

/** Bytes of a WebAssembly page. */
const PAGE_BYTES = 65536;

/** The memories of a machine that is not made yet. */
export interface ReservedMemories {
  readonly frames: WebAssembly.Memory;
  readonly state: WebAssembly.Memory;
}

/**
 * Address space for a machine's memories, of one page each until `Memories` takes them. The host counts a memory of 4 GiB as pressure on its
 * heap and collects garbage in every thread that meets one; a thread that met it small is spared that.
 */
export function reserveMemories(): ReservedMemories {
  const reserve = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: 1, maximum: MEMORY_PAGES, shared: true });
  return { frames: reserve(), state: reserve() };
}

/**
 * The two memories of a machine and JavaScript's views on them. Both are shared between threads and never grow,
 * so the views stay valid for the machine's life.
 */
export class Memories {
  /** Every page that a guest can map. Byte offset / 4096 = machine frame number. */
  readonly frames: WebAssembly.Memory;
  /** The hypervisor's and the engine's own truth. */
  readonly state: WebAssembly.Memory;
  readonly frameBytes: Uint8Array;
  readonly frameView: DataView;
  readonly stateBytes: Uint8Array;
  readonly stateView: DataView;
  /** `state` as 32-bit words (atomics), index = byte offset / 4. */
  readonly stateWords: Int32Array;
  /** `frames` as 32-bit words (atomics). */
  readonly frameWords: Int32Array;
  /** `state` as 64-bit words, index = byte offset / 8. */
  readonly stateQuads: BigUint64Array;

  /** Take memories over (another thread's, or reserved ones, which grow to their full size here), or reserve new ones. */
  constructor(reserved: ReservedMemories = reserveMemories()) {
    this.frames = reserved.frames;
    this.state = reserved.state;
    for (const memory of [this.frames, this.state]) {
      const pages = memory.buffer.byteLength / PAGE_BYTES;
      if (pages < MEMORY_PAGES) memory.grow(MEMORY_PAGES - pages);
    }
    this.frameBytes = new Uint8Array(this.frames.buffer);
    this.frameView = new DataView(this.frames.buffer);
    this.frameWords = new Int32Array(this.frames.buffer);
    this.stateBytes = new Uint8Array(this.state.buffer);
    this.stateView = new DataView(this.state.buffer);
    this.stateWords = new Int32Array(this.state.buffer);
    this.stateQuads = new BigUint64Array(this.state.buffer);
  }
}
