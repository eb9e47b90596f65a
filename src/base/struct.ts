/**
 * Struct views: a C struct is declared once, and read, written or viewed in place in a memory.
 * Layout follows the x86-64 System V rules (natural alignment, size rounded up to the alignment), little endian.
 *
 * A declaration is data: `struct('evtchn_close', { port: u32 })`. The name is the outside name, so that the test
 * that compares sizes and offsets with Xen's own headers can find it.
 */

/** How a value of one field kind is laid out, read, written and viewed. `at` is always a byte offset into `view`. */
export interface Kind<Read, Write = Read, Access = Read> {
  /** What sort of kind it is, for code that walks declarations (layout tests, dumps). */
  readonly sort: 'scalar' | 'array' | 'struct' | 'union' | 'bytes' | 'chars' | 'pad';
  /** Bytes. */
  readonly size: number;
  /** Bytes, a power of two. */
  readonly align: number;
  /** A snapshot that does not change when the memory does. */
  read(view: DataView, at: number): Read;
  write(view: DataView, at: number, value: Write): void;
  /** A live view for composite kinds, the value for scalar kinds. */
  access(view: DataView, at: number): Access;
  /** Getter and setter of a field at `offset` in live views, where a kind has some of its own: one function for all kinds is a slow one in the host's compilers. */
  member?(offset: number): Member;
}

/** Where a live view is. (Names that no C struct has.) */
interface Place {
  readonly $view: DataView;
  readonly $at: number;
}

interface Member {
  get(this: Place): unknown;
  set(this: Place, value: never): void;
}

/** Any kind, for code that does not care which. */
export type AnyKind = Kind<unknown, never, unknown>;
export type Fields = Readonly<Record<string, AnyKind>>;

/** What `read` of a kind gives. */
export type ReadOf<K extends AnyKind> = ReturnType<K['read']>;
/** What `write` of a kind takes. */
export type WriteOf<K extends AnyKind> = Parameters<K['write']>[2];
/** What a live view gives for a field of a kind. */
export type AccessOf<K extends AnyKind> = ReturnType<K['access']>;

/** Field names that carry a value (padding is left out). */
type ValueNames<F extends Fields> = { [N in keyof F]: F[N] extends Padding ? never : N }[keyof F];
/** A snapshot of every field. */
export type Snapshot<F extends Fields> = { [N in ValueNames<F>]: ReadOf<F[N]> };
/** What may be written: any subset of the fields, the others keep their bytes. */
export type Update<F extends Fields> = { readonly [N in ValueNames<F>]?: WriteOf<F[N]> | undefined };
/** Getters and setters on the memory itself. */
export type Accessor<F extends Fields> = { [N in ValueNames<F>]: AccessOf<F[N]> };

function scalar<Read, Write = Read>(
  size: number,
  read: (view: DataView, at: number) => Read,
  write: (view: DataView, at: number, value: Write) => void,
  member?: (offset: number) => Member,
): Kind<Read, Write, Read> {
  return { sort: 'scalar', size, align: size, read, write, access: read, ...(member === undefined ? {} : { member }) };
}

export const u8: Kind<number> = scalar(
  1,
  (v, at) => v.getUint8(at),
  (v, at, x: number) => v.setUint8(at, x),
  (offset) => ({
    get() {
      return this.$view.getUint8(this.$at + offset);
    },
    set(x: number) {
      this.$view.setUint8(this.$at + offset, x);
    },
  }),
);
export const u16: Kind<number> = scalar(
  2,
  (v, at) => v.getUint16(at, true),
  (v, at, x: number) => v.setUint16(at, x, true),
  (offset) => ({
    get() {
      return this.$view.getUint16(this.$at + offset, true);
    },
    set(x: number) {
      this.$view.setUint16(this.$at + offset, x, true);
    },
  }),
);
export const u32: Kind<number> = scalar(
  4,
  (v, at) => v.getUint32(at, true),
  (v, at, x: number) => v.setUint32(at, x, true),
  (offset) => ({
    get() {
      return this.$view.getUint32(this.$at + offset, true);
    },
    set(x: number) {
      this.$view.setUint32(this.$at + offset, x, true);
    },
  }),
);
export const s8: Kind<number> = scalar(
  1,
  (v, at) => v.getInt8(at),
  (v, at, x: number) => v.setInt8(at, x),
);
export const s16: Kind<number> = scalar(
  2,
  (v, at) => v.getInt16(at, true),
  (v, at, x: number) => v.setInt16(at, x, true),
);
export const s32: Kind<number> = scalar(
  4,
  (v, at) => v.getInt32(at, true),
  (v, at, x: number) => v.setInt32(at, x, true),
  (offset) => ({
    get() {
      return this.$view.getInt32(this.$at + offset, true);
    },
    set(x: number) {
      this.$view.setInt32(this.$at + offset, x, true);
    },
  }),
);

/** 64-bit unsigned field as a bigint. A number may be written; it must be an integer. */
export const u64: Kind<bigint, bigint | number> = scalar(
  8,
  (v, at) => v.getBigUint64(at, true),
  (v, at, x: bigint | number) => v.setBigUint64(at, BigInt(x), true),
  (offset) => ({
    get() {
      return this.$view.getBigUint64(this.$at + offset, true);
    },
    set(x: bigint | number) {
      this.$view.setBigUint64(this.$at + offset, BigInt(x), true);
    },
  }),
);
/** 64-bit signed field as a bigint. A number may be written; it must be an integer. */
export const s64: Kind<bigint, bigint | number> = scalar(
  8,
  (v, at) => v.getBigInt64(at, true),
  (v, at, x: bigint | number) => v.setBigInt64(at, BigInt(x), true),
  (offset) => ({
    get() {
      return this.$view.getBigInt64(this.$at + offset, true);
    },
    set(x: bigint | number) {
      this.$view.setBigInt64(this.$at + offset, BigInt(x), true);
    },
  }),
);

const TWO_32 = 0x1_0000_0000;

/**
 * 64-bit unsigned field as a number: exact up to 2^53, above that the nearest double, exactly as `Number(bigint)`
 * gives. Never throws. For counts, frame numbers and sizes, where values above 2^53 are refused by a range check anyway.
 * -1 may be written for "all ones".
 */
export const u64n: Kind<number, number | bigint> = scalar(
  8,
  (v, at) => v.getUint32(at + 4, true) * TWO_32 + v.getUint32(at, true),
  (v, at, x: number | bigint) => {
    if (typeof x === 'bigint') {
      v.setBigUint64(at, x, true);
      return;
    }
    // setUint32 takes its argument modulo 2^32, for numbers of any size and for negative ones.
    v.setUint32(at, x, true);
    v.setUint32(at + 4, Math.floor(x / TWO_32), true);
  },
);

/**
 * C's unsigned long (frame numbers, counts) as a number: 64 bits, 32 in the structs of 32-bit callers (`narrow`). Else as
 * u64n; what does not fit into 32 bits loses its upper half.
 */
export const ulong: Kind<number, number | bigint> = { ...u64n };

/** domid_t. */
export const domid: Kind<number> = u16;
/** XEN_GUEST_HANDLE: a guest virtual address, 64 bits (32 in the structs of 32-bit callers). */
export const guestHandle: Kind<bigint, bigint | number> = { ...u64 };

/** A live view of an array field. Indexes outside it are our bug and throw RangeError. */
export interface ArrayView<K extends AnyKind> extends Iterable<AccessOf<K>> {
  readonly length: number;
  /** Byte offset of element `index` in the view. */
  offset(index: number): number;
  get(index: number): AccessOf<K>;
  set(index: number, value: WriteOf<K>): void;
}

/** `n` elements of one kind. Reads as a plain array; writing fewer elements leaves the rest. `n` = 0 for C's flexible array members. */
export function array<K extends AnyKind>(kind: K, n: number): ArrayKind<K> {
  const typed = kind as unknown as Kind<ReadOf<K>, WriteOf<K>, AccessOf<K>>;
  const place = (at: number, index: number): number => {
    if (!(index >= 0 && index < n)) throw new RangeError(`array index ${index} outside 0..${n - 1}`);
    return at + index * kind.size;
  };
  return {
    sort: 'array',
    size: kind.size * n,
    align: kind.align,
    element: kind,
    length: n,
    read(view, at) {
      const out: ReadOf<K>[] = [];
      for (let i = 0; i < n; i++) out.push(typed.read(view, at + i * kind.size));
      return out;
    },
    write(view, at, values) {
      if (values.length > n) throw new RangeError(`${values.length} values for an array of ${n}`);
      values.forEach((value, i) => {
        typed.write(view, at + i * kind.size, value);
      });
    },
    access(view, at) {
      return {
        length: n,
        offset: (index) => place(at, index),
        get: (index) => typed.access(view, place(at, index)),
        set: (index, value) => typed.write(view, place(at, index), value),
        *[Symbol.iterator]() {
          for (let i = 0; i < n; i++) yield typed.access(view, at + i * kind.size);
        },
      };
    },
  };
}
export interface ArrayKind<K extends AnyKind> extends Kind<ReadOf<K>[], readonly WriteOf<K>[], ArrayView<K>> {
  readonly sort: 'array';
  readonly element: K;
  readonly length: number;
}

/** `n` raw bytes. Reads as a copy (never shared memory); the live view is a Uint8Array on the memory itself. */
export function bytes(n: number): Kind<Uint8Array, ArrayLike<number>, Uint8Array> {
  const onto = (view: DataView, at: number): Uint8Array => new Uint8Array(view.buffer, view.byteOffset + at, n);
  return {
    sort: 'bytes',
    size: n,
    align: 1,
    read: (view, at) => new Uint8Array(onto(view, at)),
    write(view, at, value) {
      if (value.length > n) throw new RangeError(`${value.length} bytes for a field of ${n}`);
      onto(view, at).set(value);
    },
    access: onto,
  };
}

/** `char[n]`: reads up to the first NUL (bytes as Latin-1); writes cut to `n` bytes and fill with NULs. A full field has no terminating NUL. */
export function chars(n: number): Kind<string> {
  const read = (view: DataView, at: number): string => {
    let text = '';
    for (let i = 0; i < n; i++) {
      const c = view.getUint8(at + i);
      if (c === 0) break;
      text += String.fromCharCode(c);
    }
    return text;
  };
  return {
    sort: 'chars',
    size: n,
    align: 1,
    read,
    write(view, at, value) {
      for (let i = 0; i < n; i++) view.setUint8(at + i, i < value.length ? value.charCodeAt(i) : 0);
    },
    access: read,
  };
}

/** Padding: occupies bytes, carries no value, is never read or written (except by `clear`). */
export interface Padding extends Kind<undefined> {
  readonly sort: 'pad';
}
/** `n` bytes of padding that C declares by name or that only alignment makes. */
export function pad(n: number, align = 1): Padding {
  const nothing = (): undefined => undefined;
  return { sort: 'pad', size: n, align, read: nothing, write: nothing, access: nothing };
}

/** Declared layout options. */
export interface LayoutOptions {
  /** As GCC's `__attribute__((packed))`: no padding between fields, alignment 1. */
  readonly packed?: boolean;
}

/** A declared struct or union. It is itself a kind, so it nests. */
export interface Struct<F extends Fields> extends Kind<Snapshot<F>, Update<F>, Accessor<F>> {
  readonly sort: 'struct' | 'union';
  /** The outside name ('' for an unnamed member struct or union). */
  readonly name: string;
  readonly fields: F;
  /** Byte offset of each field. */
  readonly offsets: { readonly [N in keyof F]: number };
  /** A live view at `at`: getters and setters on the memory. For fields other threads write, use `atomic.ts` with `offsets`. */
  at(view: DataView, at: number): Accessor<F>;
  /** Zero the whole struct, padding included (what must never leak goes out through this first). */
  clear(view: DataView, at: number): void;
}

interface Entry {
  readonly field: string;
  readonly kind: Kind<unknown, unknown, unknown>;
  readonly offset: number;
}

/** The fields that carry values, and the class of live views on them. */
interface Members {
  readonly entries: readonly Entry[];
  readonly byName: ReadonlyMap<string, Entry>;
  readonly View: new (view: DataView, at: number) => Place;
}

function membersOf(fields: Fields, offsets: Readonly<Record<string, number>>): Members {
  const entries = Object.entries(fields)
    .filter(([, kind]) => kind.sort !== 'pad')
    .map(([field, kind]) => ({ field, kind: kind as unknown as Kind<unknown, unknown, unknown>, offset: offsets[field] ?? 0 }));
  class View implements Place {
    readonly $view: DataView;
    readonly $at: number;
    constructor(view: DataView, at: number) {
      this.$view = view;
      this.$at = at;
    }
  }
  for (const { field, kind, offset } of entries) {
    const { access, write } = kind;
    const { get, set }: Member = kind.member?.(offset) ?? {
      get() {
        return access(this.$view, this.$at + offset);
      },
      set(value) {
        write(this.$view, this.$at + offset, value);
      },
    };
    Object.defineProperty(View.prototype, field, { enumerable: true, get, set });
  }
  return { entries, byName: new Map(entries.map((entry) => [entry.field, entry])), View };
}

function composite<F extends Fields>(sort: 'struct' | 'union', name: string, fields: F, options: LayoutOptions): Struct<F> {
  const offsets: Record<string, number> = {};
  let end = 0;
  let align = 1;
  for (const [field, kind] of Object.entries(fields)) {
    const fieldAlign = options.packed === true ? 1 : kind.align;
    align = Math.max(align, fieldAlign);
    const offset = sort === 'union' ? 0 : roundUp(end, fieldAlign);
    offsets[field] = offset;
    end = Math.max(end, offset + kind.size);
  }
  const size = roundUp(end, align);

  // what reads, writes and views is made when it is first wanted: most programs use few of the structs that are declared
  let made: Members | undefined;
  const members = (): Members => {
    made ??= membersOf(fields, offsets);
    return made;
  };
  const access = (view: DataView, at: number): Accessor<F> => new (made ?? members()).View(view, at) as unknown as Accessor<F>;

  return {
    sort,
    name,
    size,
    align,
    fields,
    offsets: offsets as { [N in keyof F]: number },
    read(view, at) {
      const out: Record<string, unknown> = {};
      for (const { field, kind, offset } of members().entries) out[field] = kind.read(view, at + offset);
      return out as Snapshot<F>;
    },
    write(view, at, value) {
      const { byName } = members();
      for (const field in value) {
        const given = (value as Record<string, unknown>)[field];
        if (given === undefined) continue;
        const entry = byName.get(field);
        if (entry === undefined) throw new TypeError(`${name || sort} has no field ${field}`);
        entry.kind.write(view, at + entry.offset, given);
      }
    },
    access,
    at: access,
    clear(view, at) {
      new Uint8Array(view.buffer, view.byteOffset + at, size).fill(0);
    },
  };
}

function roundUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}

/**
 * Declare a struct. Fields keep C's order; a nested struct or union is a field like any other.
 * `struct({ ... })` without a name is C's unnamed struct as a member.
 */
export function struct<const F extends Fields>(name: string, fields: F, options?: LayoutOptions): Struct<F>;
export function struct<const F extends Fields>(fields: F, options?: LayoutOptions): Struct<F>;
export function struct<F extends Fields>(first: string | F, second?: F | LayoutOptions, third?: LayoutOptions): Struct<F> {
  return typeof first === 'string'
    ? composite('struct', first, second as F, third ?? {})
    : composite('struct', '', first, (second as LayoutOptions | undefined) ?? {});
}

/** Declare a union: all members at offset 0. Reading gives every interpretation; write only the member that is meant. */
export function union<const F extends Fields>(name: string, members: F): Struct<F>;
export function union<const F extends Fields>(members: F): Struct<F>;
export function union<F extends Fields>(first: string | F, second?: F): Struct<F> {
  return typeof first === 'string' ? composite('union', first, second as F, {}) : composite('union', '', first, {});
}

/** Kinds that 32-bit x86 lays out otherwise: pointers and unsigned long have 32 bits, 64-bit numbers the alignment of 32-bit ones. */
const narrowKinds: ReadonlyMap<AnyKind, AnyKind> = new Map<AnyKind, AnyKind>([
  [u64, { ...u64, align: 4 }],
  [s64, { ...s64, align: 4 }],
  [u64n, { ...u64n, align: 4 }],
  [
    guestHandle,
    scalar(
      4,
      (v, at) => BigInt(v.getUint32(at, true)),
      (v, at, x: bigint | number) => v.setUint32(at, Number(BigInt.asUintN(32, BigInt(x))), true),
    ),
  ],
  [
    ulong,
    scalar(
      4,
      (v, at) => v.getUint32(at, true),
      (v, at, x: number | bigint) => v.setUint32(at, Number(BigInt.asUintN(32, BigInt(x))), true),
    ),
  ],
]);

function narrowKind(kind: AnyKind): AnyKind {
  if (kind.sort === 'struct' || kind.sort === 'union') return narrow(kind as unknown as Struct<Fields>) as unknown as AnyKind;
  if (kind.sort === 'array') {
    const { element, length } = kind as unknown as ArrayKind<AnyKind>;
    return array(narrowKind(element), length) as unknown as AnyKind;
  }
  return narrowKinds.get(kind) ?? kind;
}

const narrowed = new WeakMap<object, unknown>();

/** The struct as 32-bit x86 code lays it out (the i386 System V rules); the same values are read and written. Not for packed structs. */
export function narrow<F extends Fields>(of: Struct<F>): Struct<F> {
  let found = narrowed.get(of) as Struct<F> | undefined;
  if (found === undefined) {
    const fields = Object.fromEntries(Object.entries(of.fields).map(([name, kind]) => [name, narrowKind(kind)])) as F;
    found = composite(of.sort, of.name, fields, {});
    narrowed.set(of, found);
  }
  return found;
}
