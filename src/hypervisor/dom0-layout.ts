/** Guest-physical layout of domain 0 as its programs use it. Frame numbers of 4 KiB pages. */

/** RAM: gfn 0 up to this, for hypercall arguments. 2 MiB. */
export const DOM0_RAM_PAGES = 512;
/** First page used for arguments; page 0 stays empty, so that a null pointer is an error. */
export const DOM0_ARENA_GFN = 1;
export const DOM0_SHARED_INFO_GFN = 0x1000;
/** Window for foreign and grant mappings: gfns handed out from here. */
export const DOM0_MAP_GFN = 0x10000;
export const DOM0_MAP_PAGES = 0x100000;
