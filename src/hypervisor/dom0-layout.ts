/** Guest-physical layout of domain 0 as its programs use it. Frame numbers of 4 KiB pages. */

/** RAM: gfn 0 up to this, for hypercall arguments. 2 MiB. */
export const DOM0_RAM_PAGES = 512;
/** First page used for arguments; page 0 stays empty, so that a null pointer is an error. */
export const DOM0_ARENA_GFN = 1;
export const DOM0_SHARED_INFO_GFN = 0x1000;
/** Window for foreign and grant mappings: gfns handed out from here. */
export const DOM0_MAP_GFN = 0x10000;
export const DOM0_MAP_PAGES = 0x100000;
/**
 * Windows of domain 0's programs that have memory of their own (privcmd.ts): what stands at an address in a program's
 * hypercall buffers stands at the same guest-physical address in domain 0. From 8 GiB to the end of the p2m.
 */
export const DOM0_PROGRAM_GFN = 0x200000;
/** Pages of each window: 256 MiB. */
export const DOM0_PROGRAM_PAGES = 0x10000;
export const DOM0_PROGRAMS = 0xe0;
