import type { Fields, Snapshot, Struct } from '../../../base/struct.ts';
import { EFAULT } from '../../../spec/xen/errno.ts';
import { type Call, layout, mustPause } from '../call.ts';

/** A grant operation on a list: element size, handler of one element given its copy, and what of it is written back. */
export interface ListOperation {
  size(call: Call): number;
  /** Handle the element at `at`; false when it cannot be read or answered. */
  one(call: Call, at: bigint): boolean;
}

/**
 * An operation that answers each element in its `status` field (and the other fields it returns). Only the fields
 * answered are written, so that the rest of the element may be anything, even what the operation itself changed.
 */
export function listOperation<F extends Fields, A extends Partial<Snapshot<F>>>(
  element: Struct<F>,
  answers: readonly (keyof A & keyof F & string)[],
  handler: (call: Call, arg: Snapshot<F>) => A,
): ListOperation {
  return {
    size: (call) => layout(call, element).size,
    one(call, at) {
      const shape = layout(call, element);
      const bytes = call.memory.read(at, shape.size);
      if (bytes === undefined || !call.memory.writable(at, shape.size)) return false;
      const view = new DataView(bytes.buffer);
      const answer = handler(call, shape.read(view, 0));
      for (const name of answers) {
        const value = answer[name];
        if (value === undefined) continue;
        const kind = shape.fields[name] as unknown as { size: number; write(view: DataView, at: number, value: unknown): void };
        const offset = shape.offsets[name];
        kind.write(view, offset, value);
        if (!call.memory.write(at + BigInt(offset), bytes.slice(offset, offset + kind.size))) return false;
      }
      return true;
    },
  };
}

/** Do a list of `count` elements. The rest of a long one is done when the call is made again. */
export function runList(call: Call, cmd: number, operation: ListOperation, list: bigint, count: number): number {
  const size = operation.size(call);
  for (let i = 0; i < count; i++) {
    if (!operation.one(call, list + BigInt(i * size))) return -EFAULT;
    if (mustPause(call) && i + 1 < count) {
      call.restart = [BigInt(cmd), list + BigInt((i + 1) * size), BigInt(count - i - 1)];
      return 0;
    }
  }
  return 0;
}
