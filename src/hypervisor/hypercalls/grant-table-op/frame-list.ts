import { GNTST_bad_virt_addr, GNTST_okay } from '../../../spec/xen/grant-table.ts';
import type { Hypervisor } from '../../hypervisor.ts';
import { INVALID_M2P } from '../../memory/frame-table.ts';
import type { Call } from '../call.ts';

/** The gfns at which the owner of `mfns` sees them; frames that stand nowhere give all ones. */
export function gfnsOf(hv: Hypervisor, mfns: readonly number[]): bigint[] {
  return mfns.map((mfn) => {
    const gfn = hv.frames.gfn(mfn as never);
    return gfn === INVALID_M2P ? 0xffffffffffffffffn : BigInt(gfn);
  });
}

/** Write a list of the caller's; a status. */
export function writeList({ memory }: Call, list: bigint, bytes: Uint8Array): number {
  return memory.write(list, bytes) ? GNTST_okay : GNTST_bad_virt_addr;
}
