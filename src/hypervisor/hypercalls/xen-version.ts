import { __HYPERVISOR_VIRT_START } from '../../spec/xen/arch-x86/xen.ts';
import { EFAULT, EINVAL, ENOBUFS, ENOSYS, EPERM } from '../../spec/xen/errno.ts';
import * as F from '../../spec/xen/features.ts';
import {
  XENVER_build_id,
  XENVER_capabilities,
  XENVER_changeset,
  XENVER_commandline,
  XENVER_compile_info,
  XENVER_extraversion,
  XENVER_get_features,
  XENVER_guest_handle,
  XENVER_pagesize,
  XENVER_platform_parameters,
  XENVER_version,
  xen_capabilities_info_t,
  xen_changeset_info_t,
  xen_commandline_t,
  xen_compile_info,
  xen_extraversion_t,
  xen_feature_info,
} from '../../spec/xen/version.ts';
import { __HYPERVISOR_xen_version } from '../../spec/xen/xen.ts';
import { DOMF_hvm } from '../domain.ts';
import { type Call, fail, ok, packLongs, type SubOperation, subOperation } from './call.ts';
import { permitted } from './rights.ts';

/** The Xen whose ABI this is. */
export const XEN_MAJOR = 4;
export const XEN_MINOR = 17;
export const XEN_EXTRAVERSION = '.0-zendo';
export const XEN_CAPABILITIES = 'xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ';
/** Who built it, and with what. */
export const COMPILE = { compiler: 'TypeScript and AssemblyScript', by: 'zendo', domain: 'localdomain' } as const;
/** Unprivileged callers are told this of the command line. */
const DENIED = '<denied>';
export const BUILD_ID = new TextEncoder().encode('zendo-0.1.0-hypervisor');

/** A text answer of fixed length. */
function text(kind: { size: number; write(view: DataView, at: number, value: string): void }, value: (call: Call) => string): SubOperation {
  return (call, va) => {
    const bytes = new Uint8Array(kind.size);
    kind.write(new DataView(bytes.buffer), 0, value(call));
    return call.memory.write(va, bytes) ? 0 : -EFAULT;
  };
}

/** Feature bits of an HVM or PVH domain, as Xen 4.17 and later give them. */
const HVM_FEATURES =
  (1 << F.XENFEAT_writable_page_tables) |
  (1 << F.XENFEAT_auto_translated_physmap) |
  (1 << F.XENFEAT_hvm_callback_vector) |
  (1 << F.XENFEAT_hvm_safe_pvclock) |
  (1 << F.XENFEAT_memory_op_vnode_supported) |
  (1 << F.XENFEAT_not_direct_mapped);

const features = subOperation(
  xen_feature_info,
  ({ hv, caller }, arg) => {
    if (arg.submap_idx >= F.XENFEAT_NR_SUBMAPS) return fail(EINVAL);
    const hvm = (caller.s.flags & DOMF_hvm) !== 0 || hv.isPrivileged(caller);
    return ok({ submap: (hvm ? HVM_FEATURES : 0) | (hv.isPrivileged(caller) ? 1 << F.XENFEAT_dom0 : 0) });
  },
  'writes',
);

const compileInfo: SubOperation = ({ memory }, va) => {
  const bytes = new Uint8Array(xen_compile_info.size);
  xen_compile_info.write(new DataView(bytes.buffer), 0, {
    compiler: COMPILE.compiler,
    compile_by: COMPILE.by,
    compile_domain: COMPILE.domain,
    compile_date: 'at start',
  });
  return memory.write(va, bytes) ? 0 : -EFAULT;
};

/** Where the hypervisor's part of a PV address space begins; a 32-bit HVM or PVH caller learns that there is none. */
const platformParameters: SubOperation = (call, va) =>
  call.memory.write(va, packLongs(call, [call.compat === true ? 0xffffffffn : __HYPERVISOR_VIRT_START])) ? 0 : -EFAULT;

const guestHandle: SubOperation = ({ caller, memory }, va) => (memory.write(va, new Uint8Array(caller.s.handle)) ? 0 : -EFAULT);

/** The build id: the call returns its length; a null argument only asks for that. Privileged. */
const buildId: SubOperation = ({ hv, caller, memory }, va) => {
  if (!hv.isPrivileged(caller)) return -EPERM;
  if (va === 0n) return BUILD_ID.length;
  const head = memory.read(va, 4);
  if (head === undefined) return -EFAULT;
  const room = new DataView(head.buffer).getUint32(0, true);
  if (room === 0) return -EINVAL;
  if (room < BUILD_ID.length) return -ENOBUFS;
  return memory.write(va + 4n, BUILD_ID) ? BUILD_ID.length : -EFAULT;
};

/** @xen xen_version 0..10 #Y */
export const VERSION_OPERATIONS: ReadonlyMap<number, SubOperation> = new Map([
  [XENVER_version, () => (XEN_MAJOR << 16) | XEN_MINOR],
  [XENVER_extraversion, text(xen_extraversion_t, () => XEN_EXTRAVERSION)],
  [XENVER_compile_info, compileInfo],
  [XENVER_capabilities, text(xen_capabilities_info_t, () => XEN_CAPABILITIES)],
  [XENVER_changeset, text(xen_changeset_info_t, () => 'unavailable')],
  [XENVER_platform_parameters, platformParameters],
  [XENVER_get_features, features],
  [XENVER_pagesize, () => 4096],
  [XENVER_guest_handle, guestHandle],
  [XENVER_commandline, text(xen_commandline_t, ({ hv, caller }) => (hv.isPrivileged(caller) ? '' : DENIED))],
  [XENVER_build_id, buildId],
]);

/** xen_version(cmd, arg). */
export function xenVersion(call: Call, cmd: number, argument: bigint): number {
  const operation = permitted(call, __HYPERVISOR_xen_version, cmd, VERSION_OPERATIONS);
  return operation === undefined ? -ENOSYS : operation(call, argument);
}
