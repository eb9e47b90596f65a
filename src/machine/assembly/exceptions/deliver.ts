/**
 * Delivery of exceptions, software interrupts and external interrupts through the IVT or IDT.
 *
 *   deliver(ctx, vector, flags, error, rip)
 *     flags: EXC_ERROR_CODE (0x100)  push `error` (not in real mode)
 *            EXC_SOFTWARE   (0x200)  INT n, INT3, INTO: gate DPL is checked against CPL, EXT stays 0
 *            EXC_EXTERNAL   (0x400)  hardware interrupt or NMI
 *            EXC_TRAP       (0x800)  #DB of trap kind: RF is not set in the pushed flags
 *     rip:   what is pushed as return address (the running instruction's own RIP for faults, the next one for INT n)
 *   Sets RIP, CS, SS:RSP, EFLAGS, CPL, MODE. May throw (a fault while delivering) before anything architectural changed.
 *   From a helper (INT n): deliver(ctx, n, EXC_SOFTWARE, 0, nextRip), then the block ends with OP_NEXT.
 *   INT1 (0xF1) is deliver(ctx, 1, EXC_TRAP, 0, nextRip). IOPL checks of virtual-8086 mode are the caller's.
 */
import {
  CR0, DELIVERING, DR7, EFLAGS_SYS, EXC_ERROR_CODE, EXC_EXTERNAL, EXC_PENDING, EXC_SOFTWARE, EXC_TRAP, NMI_BLOCKED, RIP, SHADOW, STEP_PENDING,
} from "../../layout";
import { dropLog } from "../memory/mmio";
import { updateMode } from "../mode";
import { Ctx } from "../state";
import { deliverLong } from "./deliver-long";
import { deliverProtected } from "./deliver-protected";
import { deliverReal } from "./deliver-real";

/** Vector of the NMI; no interrupt controller gives it to anything else. */
const NMI: u32 = 2;

export const TF: u32 = 0x100;
export const IF: u32 = 0x200;
export const NT: u32 = 0x4000;
export const RF: u32 = 0x10000;
export const VM: u32 = 0x20000;
export const AC: u32 = 0x40000;

export function deliver(ctx: usize, vector: u32, flags: u32, error: u32, rip: u64): void {
  Ctx.set(ctx, DELIVERING, vector | EXC_PENDING | (flags & (EXC_SOFTWARE | EXC_EXTERNAL)));
  if (vector == NMI && flags & EXC_EXTERNAL) Ctx.set(ctx, NMI_BLOCKED, 1);
  const rf: u32 = flags & (EXC_SOFTWARE | EXC_EXTERNAL | EXC_TRAP) ? 0 : RF;
  if (!(Ctx.get32(ctx, CR0) & 1)) deliverReal(ctx, vector, rip);
  else if (Ctx.isLong(ctx)) deliverLong(ctx, vector, flags, error, rip, rf);
  else deliverProtected(ctx, vector, flags, error, rip, rf);
  // the #DB handler may use the debug registers: DR7.GD goes off
  if (vector == 1 && !(flags & EXC_SOFTWARE)) Ctx.set(ctx, DR7, Ctx.get(ctx, DR7) & ~(<u64>0x2000));
  Ctx.set(ctx, DELIVERING, 0);
  Ctx.set(ctx, STEP_PENDING, 0);
  Ctx.set(ctx, SHADOW, 0);
  dropLog(ctx);
  updateMode(ctx);
}

/** EXT bit of error codes raised while an event of these flags is delivered. */
export function extOf(flags: u32): u32 {
  return flags & EXC_SOFTWARE ? 0 : 1;
}

/** Clears RFLAGS bits and goes to the handler. */
export function enterHandler(ctx: usize, rip: u64, clear: u32): void {
  Ctx.set(ctx, EFLAGS_SYS, Ctx.get(ctx, EFLAGS_SYS) & ~(<u64>clear));
  Ctx.set(ctx, RIP, rip);
}
