import { guestHandle, struct, u32 } from '../../../base/struct.ts';
import { E2BIG, EFAULT, EINVAL } from '../../../spec/xen/errno.ts';
import type { WatchedRange } from '../../cpu.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/**
 * A domctl of our own, beyond Xen's numbers: the addresses at which a domain's vCPUs stop for the debugger, and the memory
 * whose change stops them. Xen has none, its debugger writes INT3 into the guest; here a breakpoint leaves guest memory as it is.
 */
export const ZENDO_DOMCTL_breakpoints = 0x5a00_0000;

/** Breakpoints at once. */
const MOST = 1024;
/** Watched ranges at once, and bytes of each. */
const MOST_RANGES = 16;
const LONGEST = 64n;

/**
 * In: all. `addresses`: `count` linear addresses of 8 bytes; `ranges`: `nr_ranges` pairs of a linear address and a length,
 * 8 bytes each. They replace those given before.
 */
export const zendo_domctl_breakpoints = struct('zendo_domctl_breakpoints', { count: u32, nr_ranges: u32, addresses: guestHandle, ranges: guestHandle });

/** A debugger must be attached (setdebugging). Fails: EINVAL, E2BIG, EFAULT. */
export const setBreakpoints: Domctl<(typeof zendo_domctl_breakpoints)['fields']> = {
  argument: zendo_domctl_breakpoints,
  needsDomain: true,
  run({ hv, caller, memory }, of, arg) {
    const d = of as Domain;
    if (d === caller || d.s.debugger_attached === 0) return fail(EINVAL);
    if (arg.count > MOST || arg.nr_ranges > MOST_RANGES) return fail(E2BIG);
    const bytes = memory.read(arg.addresses, arg.count * 8);
    const pairs = memory.read(arg.ranges, arg.nr_ranges * 16);
    if (bytes === undefined || pairs === undefined) return fail(EFAULT);
    const addresses = [...new BigUint64Array(bytes.buffer, bytes.byteOffset, arg.count)];
    const words = new BigUint64Array(pairs.buffer, pairs.byteOffset, arg.nr_ranges * 2);
    const ranges: WatchedRange[] = [];
    for (let i = 0; i < words.length; i += 2) {
      const length = words[i + 1] as bigint;
      if (length === 0n || length > LONGEST) return fail(EINVAL);
      ranges.push({ address: words[i] as bigint, length: Number(length) });
    }
    for (const v of hv.vcpus(d)) hv.cpu.setBreakpoints(v.context.address, addresses, ranges);
    return ok();
  },
};
