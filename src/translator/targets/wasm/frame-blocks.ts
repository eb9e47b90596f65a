import { BLK_FRAME_NEXT, BLK_FRAME2_NEXT, BLK_PHYS, FRAME_BLOCKS } from '../../../machine/layout.ts';

/** Addresses of the blocks that begin in the frame of `phys`, an offset in `frames`. Those that only reach into it are left out; of all, at most the first `most` are looked at. */
export function* blocksOfFrame(words: Int32Array, phys: number, most = Number.POSITIVE_INFINITY): Generator<number> {
  const frame = phys >>> 12;
  let at = words[(FRAME_BLOCKS >>> 2) + frame] as number;
  for (let seen = 0; at !== 0 && seen < most; seen++) {
    const own = (words[(at + BLK_PHYS) >>> 2] as number) >>> 12 === frame;
    if (own) yield at;
    at = words[(at + (own ? BLK_FRAME_NEXT : BLK_FRAME2_NEXT)) >>> 2] as number;
  }
}
