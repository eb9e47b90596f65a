import { TSC_OFFSET } from '../../machine/layout.ts';
import { compat_shared_info } from '../../spec/xen/compat.ts';
import { shared_info, vcpu_info, vcpu_time_info, XEN_PVCLOCK_TSC_STABLE_BIT } from '../../spec/xen/xen.ts';
import type { Domain, Hypervisor, Vcpu } from '../hypervisor.ts';

/**
 * The guest's TSC counts at 1 GHz: one tick is one nanosecond of machine time. Multiplier and shift are exact, so that a
 * guest that derives its TSC frequency from them gets 1,000,000 kHz: ns = (tsc << 1) * 2^31 >> 32.
 */
export const TSC_KHZ = 1_000_000;
export const TSC_TO_SYSTEM_MUL = 0x80000000;
export const TSC_SHIFT = 1;

/** A vCPU's TSC now: machine time, moved by what the guest wrote to TSC or TSC_ADJUST. */
export function guestTsc(hv: Hypervisor, v: Vcpu): bigint {
  return BigInt.asUintN(64, hv.now() + v.s.tsc_adjust);
}

/**
 * The guest writes its TSC or TSC_ADJUST: both move by `delta`, and system time goes on as it was. TSC_OFFSET of the running slice moves too.
 * @see Intel SDM 3B 17.17.3
 */
export function moveTsc(hv: Hypervisor, v: Vcpu, delta: bigint): void {
  if (delta === 0n) return;
  v.s.tsc_adjust = BigInt.asUintN(64, v.s.tsc_adjust + delta);
  v.context.set(TSC_OFFSET, BigInt.asUintN(64, v.context.get(TSC_OFFSET) + delta));
  // whether the TSCs agree with each other is in every vCPU's time info
  for (const each of hv.vcpus(v.domain)) if (each.s.time_version !== 0) updateTime(hv, each);
}

/** All of the domain's vCPUs count the same, so that user space may read the TSC on one and the time info of another. */
function tscsAgree(hv: Hypervisor, of: Domain): boolean {
  let first: bigint | undefined;
  for (const v of hv.vcpus(of)) if ((first ??= v.s.tsc_adjust) !== v.s.tsc_adjust) return false;
  return true;
}

/** Write a vCPU's time info: at schedule-in, never while it runs. Version is odd during the update. */
export function updateTime(hv: Hypervisor, v: Vcpu): void {
  const now = hv.now();
  v.s.time_version = (v.s.time_version + 2) >>> 0;
  const fields = {
    tsc_timestamp: guestTsc(hv, v),
    system_time: now,
    tsc_to_system_mul: TSC_TO_SYSTEM_MUL,
    tsc_shift: TSC_SHIFT,
    flags: tscsAgree(hv, v.domain) ? XEN_PVCLOCK_TSC_STABLE_BIT : 0,
  };
  if (v.s.info !== 0) {
    const at = v.s.info + vcpu_info.offsets.time;
    const view = hv.memories.frameView;
    const version = (view.getUint32(at, true) | 1) >>> 0;
    view.setUint32(at, version, true);
    vcpu_time_info.write(view, at, fields);
    view.setUint32(at, version + 1, true);
  }
  if (v.s.time_area !== 0n) {
    const bytes = new Uint8Array(vcpu_time_info.size);
    vcpu_time_info.write(new DataView(bytes.buffer), 0, { version: v.s.time_version, ...fields });
    v.memory.write(v.s.time_area, bytes);
  }
}

/** Write the wall clock at system time 0 into a domain's shared info. */
export function updateWallClock(hv: Hypervisor, of: Domain): void {
  if (of.s.shared_info === 0) return;
  const at = of.s.shared_info * 4096;
  const view = hv.memories.frameView;
  const seconds = hv.header.wall_sec + BigInt(of.s.time_offset);
  const shape = of.s.has_32bit_shinfo === 0 ? shared_info : compat_shared_info;
  const version = (view.getUint32(at + shape.offsets.wc_version, true) | 1) >>> 0;
  view.setUint32(at + shape.offsets.wc_version, version, true);
  const fields = { wc_sec: Number(seconds & 0xffffffffn), wc_nsec: hv.header.wall_nsec };
  const wc_sec_hi = Number(seconds >> 32n);
  if (shape === shared_info) shared_info.write(view, at, { ...fields, wc_sec_hi });
  else compat_shared_info.write(view, at, { ...fields, arch: { wc_sec_hi } });
  view.setUint32(at + shape.offsets.wc_version, version + 1, true);
}

/**
 * Note whether the guest runs 32-bit code now: that decides the layout of its shared memory from here on. Done when it
 * begins to use Xen, as in Xen; what an earlier layout held is not moved, but the wall clock is told again.
 */
export function latchSharedInfoSize(hv: Hypervisor, of: Domain, narrow: boolean): void {
  of.s.has_32bit_shinfo = narrow ? 1 : 0;
  updateWallClock(hv, of);
}
