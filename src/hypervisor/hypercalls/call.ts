import { type Fields, narrow, type Snapshot, type Struct, type Update } from '../../base/struct.ts';
import { EFAULT } from '../../spec/xen/errno.ts';
import type { CallerMemory } from '../guest-memory.ts';
import type { Domain, Hypervisor, Vcpu } from '../hypervisor.ts';

/** One hypercall under way: who calls, with what memory. */
export interface Call {
  readonly hv: Hypervisor;
  readonly caller: Domain;
  /** The calling vCPU; domain 0's programs call as its vCPU 0. */
  readonly vcpu: Vcpu;
  readonly memory: CallerMemory;
  /** 32-bit code calls: pointers, frame numbers and what lies behind them in structs are laid out its way. */
  readonly compat?: boolean;
  /**
   * Set by a handler that stopped in the middle of a long list: the call is not answered, it is made again with these
   * arguments after other work had its turn (a continuation, in Xen's words).
   */
  restart?: readonly bigint[];
  /** Elements of lists handled by this call so far. */
  elements?: number;
  /** Elements at which it makes room for other work; ELEMENTS_AT_ONCE when absent. */
  readonly quantum?: number;
}

/** A struct as the caller lays it out. */
export function layout<F extends Fields>(call: Call, of: Struct<F>): Struct<F> {
  return call.compat === true ? narrow(of) : of;
}

/** A struct of the caller's memory, read once; undefined when it cannot be read. */
export function readStruct<F extends Fields>(call: Call, of: Struct<F>, va: bigint): Snapshot<F> | undefined {
  const shape = layout(call, of);
  const bytes = call.memory.read(va, shape.size);
  return bytes === undefined ? undefined : shape.read(new DataView(bytes.buffer), 0);
}

/** Bytes of an unsigned long of the caller's. */
export const longSize = (call: Call): 4 | 8 => (call.compat === true ? 4 : 8);

/** Element `index` of a list of unsigned longs; undefined when it cannot be read. */
export function readLong(call: Call, list: bigint, index: number): bigint | undefined {
  const size = longSize(call);
  const bytes = call.memory.read(list + BigInt(index * size), size);
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer);
  return size === 4 ? BigInt(view.getUint32(0, true)) : view.getBigUint64(0, true);
}

/** Elements `index` .. `index + count - 1` of a list of unsigned longs, rounded as numbers are; undefined when one cannot be read. */
export function readLongs(call: Call, list: bigint, index: number, count: number): Float64Array | undefined {
  const size = longSize(call);
  const bytes = call.memory.read(list + BigInt(index * size), count * size);
  if (bytes === undefined) return undefined;
  const words = new Uint32Array(bytes.buffer);
  const longs = new Float64Array(count);
  if (size === 4) longs.set(words);
  else for (let i = 0; i < count; i++) longs[i] = (words[2 * i] as number) + (words[2 * i + 1] as number) * 2 ** 32;
  return longs;
}

/** Unsigned longs as the caller has them in a list; what does not fit into 32 bits loses its upper half. */
export function packLongs(call: Call, values: readonly bigint[]): Uint8Array {
  const size = longSize(call);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) {
    if (size === 4) view.setUint32(i * 4, Number(BigInt.asUintN(32, value)), true);
    else view.setBigUint64(i * 8, value, true);
  }
  return bytes;
}

/** Elements of lists that one call handles before it makes room for other work. */
export const ELEMENTS_AT_ONCE = 4096;

/** Elements that a call may still handle before it makes room for other work; at least one. */
export function elementsLeft(call: Call): number {
  return Math.max(1, (call.quantum ?? ELEMENTS_AT_ONCE) - (call.elements ?? 0));
}

/** Count the work of a handler as that of so many elements: what takes long ends the batch that it is part of. */
export function weigh(call: Call, elements: number): void {
  call.elements = (call.elements ?? 0) + elements;
}

/** Count one more element of a list as done: true when the call must make room for other work before the next. */
export function mustPause(call: Call): boolean {
  const done = (call.elements ?? 0) + 1;
  call.elements = done;
  return done >= (call.quantum ?? ELEMENTS_AT_ONCE);
}

/** What a sub-operation answers: an errno (a domctl or sysctl also fields that say more), or fields to copy out and a value to return (0 when absent). */
export type Answer<F extends Fields> = { readonly errno: number; readonly out?: Update<F> } | { readonly out?: Update<F>; readonly value?: number };

/** Fail with an errno (given positive). */
export function fail(errno: number): { readonly errno: number } {
  return { errno };
}

/** Succeed. `out` fields are copied out. */
export function ok<F extends Fields>(out?: Update<F>, value = 0): { readonly out?: Update<F>; readonly value: number } {
  return out === undefined ? { value } : { out, value };
}

/** A sub-operation as the dispatch sees it: the call and the guest address of its argument in, the return value out (negative errno). */
export type SubOperation = (call: Call, argument: bigint) => number;

/** A copy of an argument: its bytes, and a view on them. */
interface Copy {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Copies that wait for the next call, by size: calls are so frequent that two objects for each are felt. */
const copies = new Map<number, Copy>();

function takeCopy(size: number): Copy {
  const copy = copies.get(size);
  if (copy === undefined) {
    const bytes = new Uint8Array(size);
    return { bytes, view: new DataView(bytes.buffer) };
  }
  // a handler may make a call of its own
  copies.delete(size);
  return copy;
}

/**
 * Wrap a handler of one argument struct: copy it in once, run the handler on the copy, copy the answer out. With
 * `writes`, the whole struct is proved writable before the handler runs, so that nothing is committed that cannot be answered.
 */
export function subOperation<F extends Fields>(
  argument: Struct<F>,
  handler: (call: Call, arg: Snapshot<F>) => Answer<F>,
  writes: 'writes' | 'reads' = 'reads',
): SubOperation {
  return (call, va) => {
    const shape = layout(call, argument);
    const copy = takeCopy(shape.size);
    const result = answered(call, va, shape, copy);
    copies.set(shape.size, copy);
    return result;
  };

  function answered(call: Call, va: bigint, shape: Struct<F>, { bytes, view }: Copy): number {
    if (!call.memory.readInto(va, bytes)) return -EFAULT;
    if (writes === 'writes' && !call.memory.writable(va, shape.size)) return -EFAULT;
    const answer = handler(call, shape.read(view, 0));
    if ('errno' in answer) return -answer.errno;
    if (answer.out !== undefined) {
      shape.write(view, 0, answer.out);
      if (!call.memory.write(va, bytes)) return -EFAULT;
    }
    return answer.value ?? 0;
  }
}
