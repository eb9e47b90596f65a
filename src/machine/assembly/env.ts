/**
 * What the core imports from its host (module "env").
 * AssemblyScript takes the import's module from this file's name, and its name from the function.
 */

/** Throws the one preallocated fault object of the host; never returns. Use raise() and its friends, not this. */
export declare function throw_fault(): void;
/**
 * Translates the block at frames offset `phys` for `mode`. `phys2`: frames offset of the next virtual page's frame, or -1.
 * Slot ONE_INSN != 0: a block of one instruction, entered in no list. Returns the block header's address;
 * 0 = the first instruction needs bytes of the next page and phys2 is -1.
 */
export declare function translate(ctx: usize, phys: u32, phys2: u32, mode: u32): usize;
/** `block` has run often: the host may give it a region (installRegion). */
export declare function promote(ctx: usize, block: usize): void;
/** Host clock for TSC_MODE != 0, in TSC ticks. */
export declare function host_tsc(): i64;
/** For debugging only. */
export declare function trace(kind: i32, a: i64, b: i64): void;
/** Paranoid mode: resolve() answered `high:low` for an access of `view` at `vaHigh:vaLow`. */
export declare function check_access(ctx: usize, vaLow: u32, vaHigh: u32, access: u32, view: u32, low: u32, high: u32): void;
