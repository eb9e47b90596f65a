import { MEMORY_PAGES } from './layout.ts';

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

  /** Attach to existing memories (another thread's), or reserve new ones. */
  constructor(shared?: { frames: WebAssembly.Memory; state: WebAssembly.Memory }) {
    this.frames = shared?.frames ?? reserve();
    this.state = shared?.state ?? reserve();
    this.frameBytes = new Uint8Array(this.frames.buffer);
    this.frameView = new DataView(this.frames.buffer);
    this.frameWords = new Int32Array(this.frames.buffer);
    this.stateBytes = new Uint8Array(this.state.buffer);
    this.stateView = new DataView(this.state.buffer);
    this.stateWords = new Int32Array(this.state.buffer);
    this.stateQuads = new BigUint64Array(this.state.buffer);
  }
}

function reserve(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
}
