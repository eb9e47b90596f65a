import { bug } from '../base/assert.ts';
import { POISON_SIZE, XENHEAP, XENHEAP_END } from '../machine/layout.ts';
import type { Memories } from '../machine/memories.ts';
import { HEADER, HEAP_CLASSES, HEAP_MIN_SHIFT, machine_header } from './header.ts';

/**
 * The hypervisor's heap in `state`: power-of-two size classes with free lists, all of whose truth lies in the header
 * and in the free blocks themselves. Blocks are aligned to their size up to a page.
 */
export class Heap {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;

  constructor(memories: Memories) {
    this.view = memories.stateView;
    this.bytes = memories.stateBytes;
  }

  static format(memories: Memories): void {
    machine_header.write(memories.stateView, HEADER, { heap_next: XENHEAP, heap_used: 0 });
  }

  /** A zeroed block of at least `size` bytes; its address, or 0 when the heap is full. */
  allocate(size: number): number {
    const shift = shiftFor(size);
    const listAt = HEADER + machine_header.offsets.heap_free + (shift - HEAP_MIN_SHIFT) * 4;
    const free = this.view.getUint32(listAt, true);
    const used = HEADER + machine_header.offsets.heap_used;
    const bytes = 2 ** shift;
    if (free !== 0) {
      this.view.setUint32(listAt, this.view.getUint32(free, true), true);
      this.bytes.fill(0, free, free + bytes);
      this.view.setUint32(used, this.view.getUint32(used, true) + bytes, true);
      return free;
    }
    const nextAt = HEADER + machine_header.offsets.heap_next;
    const align = Math.min(bytes, 4096);
    const at = Math.ceil(this.view.getUint32(nextAt, true) / align) * align;
    if (at + bytes > XENHEAP_END) return 0;
    this.view.setUint32(nextAt, at + bytes, true);
    this.view.setUint32(used, this.view.getUint32(used, true) + bytes, true);
    return at;
  }

  /** Give a block back; `size` as it was asked for. */
  free(at: number, size: number): void {
    if (at < POISON_SIZE) bug('heap: free of a null pointer');
    const shift = shiftFor(size);
    const listAt = HEADER + machine_header.offsets.heap_free + (shift - HEAP_MIN_SHIFT) * 4;
    this.view.setUint32(at, this.view.getUint32(listAt, true), true);
    this.view.setUint32(listAt, at, true);
    const used = HEADER + machine_header.offsets.heap_used;
    this.view.setUint32(used, this.view.getUint32(used, true) - 2 ** shift, true);
  }

  /** Bytes in use. */
  get used(): number {
    return this.view.getUint32(HEADER + machine_header.offsets.heap_used, true);
  }
}

function shiftFor(size: number): number {
  const shift = Math.max(HEAP_MIN_SHIFT, 32 - Math.clz32(size - 1));
  if (shift - HEAP_MIN_SHIFT >= HEAP_CLASSES) bug(`heap: block of ${size} bytes is beyond the largest class`);
  return shift;
}
