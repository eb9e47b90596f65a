import { narrow } from '../../base/struct.ts';
import { RUNSTATE_running, vcpu_runstate_info, XEN_RUNSTATE_UPDATE } from '../../spec/xen/vcpu.ts';
import { VMASST_TYPE_runstate_update_flag } from '../../spec/xen/xen.ts';
import { VCPU_WORD, vcpu as vcpuStruct } from '../domain.ts';
import type { Hypervisor, Vcpu } from '../hypervisor.ts';

/** Account the time since the last change and enter `state` (RUNSTATE_*). */
export function setRunstate(hv: Hypervisor, v: Vcpu, state: number): void {
  if (v.words[v.at + VCPU_WORD.runstate] === state) return;
  const now = hv.now();
  const timeAt = v.address + vcpuStruct.offsets.runstate_time + v.s.runstate * 8;
  const view = hv.memories.stateView;
  view.setBigUint64(timeAt, view.getBigUint64(timeAt, true) + (now - v.s.runstate_entry), true);
  v.s.runstate = state;
  v.s.runstate_entry = now;
  if (state === RUNSTATE_running) writeRunstateArea(v);
}

/** The runstate as the ABI shows it, with the current state's time up to now. */
export function runstateInfo(hv: Hypervisor, v: Vcpu): { state: number; state_entry_time: bigint; time: bigint[] } {
  const time = [...v.s.runstate_time].map((total, state) => (state === v.s.runstate ? total + (hv.now() - v.s.runstate_entry) : total));
  return { state: v.s.runstate, state_entry_time: v.s.runstate_entry, time };
}

/** Copy the runstate into the area the guest registered, by the update protocol when the guest asked for it. */
export function writeRunstateArea(v: Vcpu): void {
  if (v.s.runstate_area === 0n) return;
  const { memory } = v;
  const shape = v.domain.s.has_32bit_shinfo === 0 ? vcpu_runstate_info : narrow(vcpu_runstate_info);
  const bytes = new Uint8Array(shape.size);
  const view = new DataView(bytes.buffer);
  const entry = v.s.runstate_entry;
  const flagged = (v.domain.s.assists & (1n << BigInt(VMASST_TYPE_runstate_update_flag))) !== 0n;
  // On one host thread the guest cannot look in between; the flag is set and cleared all the same, as its readers expect.
  shape.write(view, 0, { state: v.s.runstate, state_entry_time: flagged ? entry | XEN_RUNSTATE_UPDATE : entry, time: [...v.s.runstate_time] });
  if (!memory.write(v.s.runstate_area, bytes) || !flagged) return;
  shape.write(view, 0, { state_entry_time: entry });
  memory.write(v.s.runstate_area, bytes);
}
