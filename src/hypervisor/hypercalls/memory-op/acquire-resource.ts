import type { Mfn } from '../../../base/brand.ts';
import { EFAULT, EINVAL, EIO, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import {
  XENMEM_acquire_resource,
  XENMEM_resource_grant_table,
  XENMEM_resource_grant_table_id_shared,
  XENMEM_resource_grant_table_id_status,
  xen_mem_acquire_resource,
} from '../../../spec/xen/memory.ts';
import { DOMID_FIRST_RESERVED } from '../../../spec/xen/xen.ts';
import { grantTableFrame, neededStatusFrames } from '../../grants/table.ts';
import type { Domain } from '../../hypervisor.ts';
import { placeForeign } from '../../memory/physmap.ts';
import { layout, mustPause, readLong, readStruct } from '../call.ts';
import { EXTENTS_MAX, goOn, type MemoryOperation } from './operation.ts';

/** Frames that a resource may have, 0 when there is no such resource. */
function size(of: Domain, type: number, id: number): number {
  if (type !== XENMEM_resource_grant_table) return 0;
  if (id === XENMEM_resource_grant_table_id_shared) return of.s.grants.max_frames;
  return id === XENMEM_resource_grant_table_id_status ? neededStatusFrames(of.s.grants.max_frames) : 0;
}

/**
 * XENMEM_acquire_resource: show frames of another domain's resource at gfns of the caller's. A null list asks for the size.
 * @xen memory_op 28 acquire_resource #P[grant tables]
 * Fails: EFAULT; EINVAL reserved bits, or frames beyond 2^32; ESRCH no such domain; EPERM the caller itself, or
 * not privileged; EINVAL no such resource, no list but a count, or no such frame; EIO a later gfn cannot take its frame.
 */
export const acquireResource: MemoryOperation = (call, argument, done) => {
  const { hv, caller, memory } = call;
  const arg = readStruct(call, xen_mem_acquire_resource, argument);
  if (arg === undefined) return -EFAULT;
  if (arg.pad !== 0 || arg.frame + arg.nr_frames >= 2 ** 32) return -EINVAL;
  const of = arg.domid >= DOMID_FIRST_RESERVED ? undefined : hv.domain(arg.domid);
  if (of === undefined) return -ESRCH;
  if (of === caller || !hv.isPrivileged(caller)) return -EPERM;
  const most = size(of, arg.type, arg.id);
  if (most === 0) return -EINVAL;
  if (arg.frame_list === 0n) {
    if (arg.nr_frames !== 0 || done !== 0) return -EINVAL;
    const answer = new Uint8Array(new Uint32Array([most]).buffer);
    return memory.write(argument + BigInt(layout(call, xen_mem_acquire_resource).offsets.nr_frames), answer) ? 0 : -EFAULT;
  }
  if (done >= arg.nr_frames || arg.nr_frames > EXTENTS_MAX || of.s.is_dying !== 0) return -EINVAL;
  for (let i = done; i < arg.nr_frames; i++) {
    const mfn = grantTableFrame(hv, of, arg.frame + i, arg.id === XENMEM_resource_grant_table_id_status);
    if (mfn === 0) return -EINVAL;
    const gfn = readLong(call, arg.frame_list, i);
    if (gfn === undefined) return -EFAULT;
    const errno = placeForeign(hv, caller, Number(gfn), mfn as Mfn, true);
    if (errno !== 0) return i === 0 ? -errno : -EIO;
    if (mustPause(call) && i + 1 < arg.nr_frames) return goOn(call, XENMEM_acquire_resource, i + 1, argument);
  }
  return 0;
};
