/**
 * Guest memory as AssemblyScript sees it: one declared function per access, inlined by scripts/build-core.ts.
 *
 * AssemblyScript takes the name of this file as the module of these imports, so no decorator is needed.
 * Addresses are byte offsets into `frames`; plain accesses may be unaligned, atomic ones trap unless aligned to their
 * size; atomic ones return the old value, zero extended. @see ../frames-access.wat
 */

export declare function ld8u(address: u32): u32;
export declare function ld8s(address: u32): i32;
export declare function ld16u(address: u32): u32;
export declare function ld16s(address: u32): i32;
export declare function ld32u(address: u32): u32;
export declare function ld64(address: u32): u64;
export declare function ld128(address: u32): v128;
export declare function st8(address: u32, value: u32): void;
export declare function st16(address: u32, value: u32): void;
export declare function st32(address: u32, value: u32): void;
export declare function st64(address: u32, value: u64): void;
export declare function st128(address: u32, value: v128): void;
export declare function copy_to_state(stateDst: usize, framesSrc: u32, len: u32): void;
export declare function copy_from_state(framesDst: u32, stateSrc: usize, len: u32): void;
export declare function copy_within(dst: u32, src: u32, len: u32): void;
export declare function fill(dst: u32, value: u32, len: u32): void;
export declare function atomic_cmpxchg8(address: u32, expected: u32, replacement: u32): u32;
export declare function atomic_cmpxchg16(address: u32, expected: u32, replacement: u32): u32;
export declare function atomic_cmpxchg32(address: u32, expected: u32, replacement: u32): u32;
export declare function atomic_cmpxchg64(address: u32, expected: u64, replacement: u64): u64;
export declare function atomic_add8(address: u32, value: u32): u32;
export declare function atomic_add16(address: u32, value: u32): u32;
export declare function atomic_add32(address: u32, value: u32): u32;
export declare function atomic_add64(address: u32, value: u64): u64;
export declare function atomic_sub8(address: u32, value: u32): u32;
export declare function atomic_sub16(address: u32, value: u32): u32;
export declare function atomic_sub32(address: u32, value: u32): u32;
export declare function atomic_sub64(address: u32, value: u64): u64;
export declare function atomic_and8(address: u32, value: u32): u32;
export declare function atomic_and16(address: u32, value: u32): u32;
export declare function atomic_and32(address: u32, value: u32): u32;
export declare function atomic_and64(address: u32, value: u64): u64;
export declare function atomic_or8(address: u32, value: u32): u32;
export declare function atomic_or16(address: u32, value: u32): u32;
export declare function atomic_or32(address: u32, value: u32): u32;
export declare function atomic_or64(address: u32, value: u64): u64;
export declare function atomic_xor8(address: u32, value: u32): u32;
export declare function atomic_xor16(address: u32, value: u32): u32;
export declare function atomic_xor32(address: u32, value: u32): u32;
export declare function atomic_xor64(address: u32, value: u64): u64;
export declare function atomic_xchg8(address: u32, value: u32): u32;
export declare function atomic_xchg16(address: u32, value: u32): u32;
export declare function atomic_xchg32(address: u32, value: u32): u32;
export declare function atomic_xchg64(address: u32, value: u64): u64;
export declare function atomic_load8(address: u32): u32;
export declare function atomic_load16(address: u32): u32;
export declare function atomic_load32(address: u32): u32;
export declare function atomic_load64(address: u32): u64;
export declare function atomic_store8(address: u32, value: u32): void;
export declare function atomic_store16(address: u32, value: u32): void;
export declare function atomic_store32(address: u32, value: u32): void;
export declare function atomic_store64(address: u32, value: u64): void;
