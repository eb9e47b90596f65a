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
export function deliver(ctx: usize, vector: u32, flags: u32, error: u32, rip: u64): void {}
