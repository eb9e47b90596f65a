import fc from 'fast-check';
import type { AnyKind, ArrayKind, Struct } from '../../base/struct.ts';
import { DOMID_SELF } from '../../spec/xen/xen.ts';

interface Leaf {
  readonly at: number;
  readonly size: number;
}

/** Scalar fields of a declared struct; of a union those of one member. */
function leaves(kind: AnyKind, at: number, pick: number): Leaf[] {
  switch (kind.sort) {
    case 'scalar':
      return [{ at, size: kind.size }];
    case 'struct': {
      const struct = kind as unknown as Struct<Record<string, AnyKind>>;
      return Object.entries(struct.fields).flatMap(([name, field]) => leaves(field, at + (struct.offsets[name] as number), pick));
    }
    case 'union': {
      const members = Object.values((kind as unknown as Struct<Record<string, AnyKind>>).fields);
      return leaves(members[pick % members.length] as AnyKind, at, pick);
    }
    case 'array': {
      const { element, length } = kind as unknown as ArrayKind<AnyKind>;
      return Array.from({ length: Math.min(length, 8) }, (_, i) => leaves(element, at + i * element.size, pick)).flat();
    }
    default:
      return [];
  }
}

/** Values that a field of so many bytes is tried with: those that mean something, and the edges. */
function values(size: number, pointers: readonly bigint[]): fc.Arbitrary<bigint> {
  const top = (1n << BigInt(size * 8)) - 1n;
  const small = fc.bigInt(0n, 20n);
  const edges = fc.constantFrom(0n, 1n, top, top >> 1n, (top >> 1n) + 1n, 511n & top, 512n & top, 4095n & top, 4096n & top);
  if (size === 1) return fc.bigInt(0n, 255n);
  if (size === 2) return fc.oneof({ arbitrary: small, weight: 3 }, { arbitrary: fc.constant(BigInt(DOMID_SELF)), weight: 3 }, { arbitrary: edges, weight: 1 });
  const pointer = fc.constantFrom(...pointers);
  if (size === 4) return fc.oneof({ arbitrary: small, weight: 6 }, { arbitrary: edges, weight: 1 });
  return fc.oneof({ arbitrary: small, weight: 3 }, { arbitrary: pointer, weight: 3 }, { arbitrary: edges, weight: 1 });
}

/** Images of a struct, every field with a value that may get past the first check. */
export function structImage(struct: AnyKind, pointers: readonly bigint[]): fc.Arbitrary<Uint8Array> {
  return fc.nat(7).chain((pick) => {
    const fields = leaves(struct, 0, pick);
    return fc.tuple(...fields.map(({ size }) => values(size, pointers))).map((chosen) => {
      const bytes = new Uint8Array(struct.size);
      const view = new DataView(bytes.buffer);
      for (const [i, { at, size }] of fields.entries()) {
        const value = chosen[i] as bigint;
        if (size === 8) view.setBigUint64(at, value, true);
        else for (let b = 0; b < size; b++) bytes[at + b] = Number((value >> BigInt(b * 8)) & 0xffn);
      }
      return bytes;
    });
  });
}
