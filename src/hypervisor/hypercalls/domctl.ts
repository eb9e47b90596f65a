import type { Fields, Snapshot, Update } from '../../base/struct.ts';
import * as D from '../../spec/xen/domctl.ts';
import { EACCES, EFAULT, ENOSYS, EPERM, ERESTART, ESRCH } from '../../spec/xen/errno.ts';
import { DOMID_FIRST_RESERVED } from '../../spec/xen/xen.ts';
import type { Domain } from '../hypervisor.ts';
import type { Call } from './call.ts';
import { getAddressSize } from './domctl/address-size.ts';
import { getNodeAffinity, getVcpuAffinity, setNodeAffinity, setVcpuAffinity } from './domctl/affinity.ts';
import { setBreakpoints, ZENDO_DOMCTL_breakpoints } from './domctl/breakpoints.ts';
import { getCpuPolicy, setCpuPolicy } from './domctl/cpu-policy.ts';
import { createDomain } from './domctl/create-domain.ts';
import { debugOp, gdbsxDomStatus, gdbsxPauseVcpu, gdbsxUnpauseVcpu, setDebugging } from './domctl/debug.ts';
import { destroyDomain } from './domctl/destroy-domain.ts';
import { getDomainInfo } from './domctl/get-domain-info.ts';
import { gdbsxGuestMemio } from './domctl/guest-memio.ts';
import { getHvmContext, getHvmContextPartial, setHvmContext } from './domctl/hvm-context.ts';
import { maxMem, maxVcpus, setDomainHandle, setTimeOffset } from './domctl/limits.ts';
import type { Domctl } from './domctl/operation.ts';
import { getPageFrameInfo } from './domctl/page-frame-info.ts';
import { getPagingMempoolSize, setPagingMempoolSize } from './domctl/paging-mempool.ts';
import { pauseDomain, resumeDomain, unpauseDomain } from './domctl/pause.ts';
import { schedulerOp } from './domctl/scheduler-op.ts';
import { sendTrigger } from './domctl/send-trigger.ts';
import { getTscInfo, setTscInfo } from './domctl/tsc-info.ts';
import { getVcpuContext, getVcpuExtState, setVcpuContext, setVcpuExtState } from './domctl/vcpu-context.ts';
import { getVcpuInfo } from './domctl/vcpu-info.ts';

/** Bytes before the member of the union. */
const HEAD = D.xen_domctl.offsets.u;

/** By number. */
export const DOMCTLS: ReadonlyMap<number, Domctl<Fields>> = new Map<number, unknown>([
  [D.XEN_DOMCTL_createdomain, createDomain],
  [D.XEN_DOMCTL_destroydomain, destroyDomain],
  [D.XEN_DOMCTL_pausedomain, pauseDomain],
  [D.XEN_DOMCTL_unpausedomain, unpauseDomain],
  [D.XEN_DOMCTL_resumedomain, resumeDomain],
  [D.XEN_DOMCTL_getdomaininfo, getDomainInfo],
  [D.XEN_DOMCTL_max_mem, maxMem],
  [D.XEN_DOMCTL_max_vcpus, maxVcpus],
  [D.XEN_DOMCTL_setdomainhandle, setDomainHandle],
  [D.XEN_DOMCTL_settimeoffset, setTimeOffset],
  [D.XEN_DOMCTL_gethvmcontext, getHvmContext],
  [D.XEN_DOMCTL_sethvmcontext, setHvmContext],
  [D.XEN_DOMCTL_gethvmcontext_partial, getHvmContextPartial],
  [D.XEN_DOMCTL_getpageframeinfo3, getPageFrameInfo],
  [D.XEN_DOMCTL_getvcpuinfo, getVcpuInfo],
  [D.XEN_DOMCTL_setvcpuaffinity, setVcpuAffinity],
  [D.XEN_DOMCTL_getvcpuaffinity, getVcpuAffinity],
  [D.XEN_DOMCTL_setnodeaffinity, setNodeAffinity],
  [D.XEN_DOMCTL_getnodeaffinity, getNodeAffinity],
  [D.XEN_DOMCTL_setvcpucontext, setVcpuContext],
  [D.XEN_DOMCTL_getvcpucontext, getVcpuContext],
  [D.XEN_DOMCTL_setvcpuextstate, setVcpuExtState],
  [D.XEN_DOMCTL_getvcpuextstate, getVcpuExtState],
  [D.XEN_DOMCTL_sendtrigger, sendTrigger],
  [D.XEN_DOMCTL_scheduler_op, schedulerOp],
  [D.XEN_DOMCTL_get_address_size, getAddressSize],
  [D.XEN_DOMCTL_gettscinfo, getTscInfo],
  [D.XEN_DOMCTL_settscinfo, setTscInfo],
  [D.XEN_DOMCTL_get_cpu_policy, getCpuPolicy],
  [D.XEN_DOMCTL_set_cpu_policy, setCpuPolicy],
  [D.XEN_DOMCTL_get_paging_mempool_size, getPagingMempoolSize],
  [D.XEN_DOMCTL_set_paging_mempool_size, setPagingMempoolSize],
  [D.XEN_DOMCTL_setdebugging, setDebugging],
  [D.XEN_DOMCTL_debug_op, debugOp],
  [D.XEN_DOMCTL_gdbsx_guestmemio, gdbsxGuestMemio],
  [D.XEN_DOMCTL_gdbsx_pausevcpu, gdbsxPauseVcpu],
  [D.XEN_DOMCTL_gdbsx_unpausevcpu, gdbsxUnpauseVcpu],
  [D.XEN_DOMCTL_gdbsx_domstatus, gdbsxDomStatus],
  [ZENDO_DOMCTL_breakpoints, setBreakpoints],
]) as ReadonlyMap<number, Domctl<Fields>>;

/**
 * domctl(arg): toolstack operations on a domain; domain 0 only.
 * A handler that answers ERESTART has work left: the call is made again.
 * Fails, in this order: EFAULT; EPERM not privileged; EACCES another interface version; ENOSYS unknown; ESRCH no such domain.
 */
export function domctl(call: Call, argument: bigint): number {
  const head = call.memory.read(argument, HEAD);
  if (head === undefined) return -EFAULT;
  const headView = new DataView(head.buffer);
  if (!call.hv.isPrivileged(call.caller)) return -EPERM;
  if (headView.getUint32(4, true) !== D.XEN_DOMCTL_INTERFACE_VERSION) return -EACCES;
  const operation = DOMCTLS.get(headView.getUint32(0, true));
  if (operation === undefined) return -ENOSYS;
  const id = headView.getUint16(8, true);
  let of: Domain | undefined;
  if (operation.needsDomain) {
    of = id >= DOMID_FIRST_RESERVED ? undefined : call.hv.domain(id);
    if (of === undefined) return -ESRCH;
  }
  const size = operation.argument?.size ?? 0;
  const at = argument + BigInt(HEAD);
  const bytes = call.memory.read(at, size);
  if (bytes === undefined || !call.memory.writable(argument, HEAD + size)) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const answer = operation.run(call, of, (operation.argument?.read(view, 0) ?? {}) as Snapshot<Fields>, id);
  if ('errno' in answer && answer.errno === ERESTART) {
    call.restart = [argument];
    return 0;
  }
  if (!('errno' in answer) && answer.domain !== undefined) {
    headView.setUint16(8, answer.domain, true);
    if (!call.memory.write(argument, head)) return -EFAULT;
  }
  if (answer.out !== undefined && operation.argument !== undefined) {
    operation.argument.write(view, 0, answer.out as Update<Fields>);
    if (!call.memory.write(at, bytes)) return -EFAULT;
  }
  return 'errno' in answer ? -answer.errno : (answer.value ?? 0);
}
