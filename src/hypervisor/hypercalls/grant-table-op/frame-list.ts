import { GNTST_bad_virt_addr, GNTST_okay } from '../../../spec/xen/grant-table.ts';
import { INVALID_M2P } from '../../memory/frame-table.ts';
import type { Call } from '../call.ts';

/** Write the gfns at which the owner sees `mfns` into a list of the caller's; a status. Frames that stand nowhere give all ones. */
export function writeGfns({ hv, memory }: Call, list: bigint, mfns: readonly number[]): number {
  const bytes = new Uint8Array(mfns.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, mfn] of mfns.entries()) {
    const gfn = hv.frames.gfn(mfn as never);
    view.setBigUint64(i * 8, gfn === INVALID_M2P ? 0xffffffffffffffffn : BigInt(gfn), true);
  }
  return memory.write(list, bytes) ? GNTST_okay : GNTST_bad_virt_addr;
}
