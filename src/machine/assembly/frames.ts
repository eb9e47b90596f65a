/**
 * Accessors of the `frames` memory: the only way to guest memory. Each becomes a single instruction (scripts/build-core.ts
 * joins src/machine/frames-access.wat and inlines it). Offsets come from the soft TLB or from memory/resolve.ts only.
 */

export declare function ld8u(a: u32): u32;
export declare function ld8s(a: u32): i32;
export declare function ld16u(a: u32): u32;
export declare function ld16s(a: u32): i32;
export declare function ld32u(a: u32): u32;
export declare function ld64(a: u32): u64;
export declare function ld128(a: u32): v128;
export declare function st8(a: u32, v: u32): void;
export declare function st16(a: u32, v: u32): void;
export declare function st32(a: u32, v: u32): void;
export declare function st64(a: u32, v: u64): void;
export declare function st128(a: u32, v: v128): void;
export declare function copy_within(dst: u32, src: u32, len: u32): void;
export declare function fill(dst: u32, value: u32, len: u32): void;
export declare function atomic_cmpxchg8(a: u32, expected: u32, replacement: u32): u32;
export declare function atomic_cmpxchg16(a: u32, expected: u32, replacement: u32): u32;
export declare function atomic_cmpxchg32(a: u32, expected: u32, replacement: u32): u32;
export declare function atomic_cmpxchg64(a: u32, expected: u64, replacement: u64): u64;
export declare function atomic_add8(a: u32, v: u32): u32;
export declare function atomic_add16(a: u32, v: u32): u32;
export declare function atomic_add32(a: u32, v: u32): u32;
export declare function atomic_add64(a: u32, v: u64): u64;
export declare function atomic_sub8(a: u32, v: u32): u32;
export declare function atomic_sub16(a: u32, v: u32): u32;
export declare function atomic_sub32(a: u32, v: u32): u32;
export declare function atomic_sub64(a: u32, v: u64): u64;
export declare function atomic_and8(a: u32, v: u32): u32;
export declare function atomic_and16(a: u32, v: u32): u32;
export declare function atomic_and32(a: u32, v: u32): u32;
export declare function atomic_and64(a: u32, v: u64): u64;
export declare function atomic_or8(a: u32, v: u32): u32;
export declare function atomic_or16(a: u32, v: u32): u32;
export declare function atomic_or32(a: u32, v: u32): u32;
export declare function atomic_or64(a: u32, v: u64): u64;
export declare function atomic_xor8(a: u32, v: u32): u32;
export declare function atomic_xor16(a: u32, v: u32): u32;
export declare function atomic_xor32(a: u32, v: u32): u32;
export declare function atomic_xor64(a: u32, v: u64): u64;
export declare function atomic_xchg8(a: u32, v: u32): u32;
export declare function atomic_xchg16(a: u32, v: u32): u32;
export declare function atomic_xchg32(a: u32, v: u32): u32;
export declare function atomic_xchg64(a: u32, v: u64): u64;
export declare function atomic_load8(a: u32): u32;
export declare function atomic_load16(a: u32): u32;
export declare function atomic_load32(a: u32): u32;
export declare function atomic_load64(a: u32): u64;
export declare function atomic_store8(a: u32, v: u32): void;
export declare function atomic_store16(a: u32, v: u32): void;
export declare function atomic_store32(a: u32, v: u32): void;
export declare function atomic_store64(a: u32, v: u64): void;
