import { CPL, MODE, MODE_CODE64, MODE_SIZE_MASK, RAX } from '../machine/layout.ts';
import { EPERM } from '../spec/xen/errno.ts';
import { completeInstruction, type ExitContext } from './exit-context.ts';
import { GuestVirtualMemory } from './guest-memory.ts';
import type { Call } from './hypercalls/call.ts';
import { hypercall } from './hypercalls/table.ts';
import type { Vcpu } from './hypervisor.ts';

/** Argument registers: RDI RSI RDX R10 R8 R9 of 64-bit callers, EBX ECX EDX ESI EDI EBP of 32-bit ones. */
const ARGUMENTS64 = [7, 6, 2, 10, 8, 9] as const;
const ARGUMENTS32 = [3, 1, 2, 6, 7, 5] as const;

/** No hypercall takes more; each is looked at by rows of hypercalls/table.ts. */
const MOST_ARGUMENTS = 3;

/** A guest executed VMCALL or VMMCALL: registers in, hypercall, result out. Only CPL 0 may call. */
export function enterHypercall(x: ExitContext, v: Vcpu): void {
  const { hv, trace } = x;
  const c = v.context;
  const wide = (c.low(MODE) & MODE_SIZE_MASK) === MODE_CODE64;
  const nr = c.low(RAX);
  let result: number;
  const slots = wide ? ARGUMENTS64 : ARGUMENTS32;
  const args: bigint[] = [];
  const count = trace.wants('hypercalls') ? slots.length : MOST_ARGUMENTS;
  for (let i = 0; i < count; i++) args.push(wide ? c.get(slots[i] as number) : BigInt(c.low(slots[i] as number)));
  if (c.low(CPL) !== 0) result = -EPERM;
  else {
    const memory = wide ? v.memory : new GuestVirtualMemory(hv.memories, hv.frames, hv.cpu, c.address, true);
    const call: Call = { hv, caller: v.domain, vcpu: v, memory, compat: !wide };
    result = hypercall(call, nr, args);
    if (call.restart !== undefined) {
      // The instruction is executed again, with what is left to do in the argument registers.
      for (const [i, value] of call.restart.entries()) c.set(slots[i] as number, value);
      x.worked?.(call.elements ?? 0);
      return;
    }
  }
  trace.hypercall(v, nr, args, result);
  if (wide) c.setNumber(RAX, result);
  else c.setLow(RAX, result);
  completeInstruction(v);
}
