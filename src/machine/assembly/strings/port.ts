/**
 * INS and OUTS. Each iteration leaves run() with EXIT_IO_STRING: EXIT_A = port, EXIT_B = size | 0x100 for OUTS, EXIT_C = the
 * value of OUTS. RIP stays at the instruction. The hypervisor performs it, puts the value of INS into EXIT_C, sets
 * EXIT_B |= 0x1000 and calls run() again, without moving RIP or injecting anything in between; memory, registers and the
 * count are then brought up to date here.
 */
import { EXIT_A, EXIT_B, EXIT_C, EXIT_IO_STRING, EXIT_LEN, RCX, RDI, RDX, RSI } from '../../layout';
import { raiseExit } from '../exceptions/raise';
import { probeWrite, readSized, writeSized } from '../memory/access';
import { replay } from '../memory/mmio';
import { Ctx } from '../state';
import { checkPort } from '../system/io-permission';
import { allowed, finish, linear, mustTrap, nothingToDo, part, retire, setPart, setRip, stride } from './element';

const ES = 0;
const OUT: u32 = 0x100;

/** The answer to this port access, once the hypervisor gave it; else leaves run(). */
function transfer(ctx: usize, port: u32, kind: u32, value: u64, extra: i64): u64 {
  const answer = replay(ctx, port, kind);
  if (answer != 0) return load<u64>(answer, 16);
  Ctx.set(ctx, EXIT_A, port);
  Ctx.set(ctx, EXIT_B, kind);
  Ctx.set(ctx, EXIT_C, value);
  Ctx.set(ctx, EXIT_LEN, <u64>(((extra >> 8) & 0xff) - (extra & 0xff)));
  raiseExit(ctx, EXIT_IO_STRING);
  return 0;
}

function one(ctx: usize, out: bool, log2: i32, segment: i32, addressSize: i32, extra: i64): void {
  const size: u32 = 1 << log2;
  const port = Ctx.get32(ctx, RDX) & 0xffff;
  checkPort(ctx, port, size);
  const step = <u64>stride(ctx, log2);
  if (out) {
    const from = part(ctx, RSI, addressSize);
    transfer(ctx, port, size | OUT, readSized(ctx, linear(ctx, segment, from, size, false), size), extra);
    setPart(ctx, RSI, addressSize, from + step);
  } else {
    const to = part(ctx, RDI, addressSize);
    const va = linear(ctx, ES, to, size, true);
    probeWrite(ctx, va, size);
    writeSized(ctx, va, size, transfer(ctx, port, size, 0, extra));
    setPart(ctx, RDI, addressSize, to + step);
  }
}

/** INS (`out` false) or OUTS. Always sets RIP and is the last instruction of its block. */
export function portString(ctx: usize, out: bool, log2: i32, repeat: i32, segment: i32, addressSize: i32, extra: i64): void {
  if (repeat == 0) {
    one(ctx, out, log2, segment, addressSize, extra);
    setRip(ctx, <u64>((extra >> 8) & 0xff));
    return;
  }
  checkPort(ctx, Ctx.get32(ctx, RDX) & 0xffff, 1 << log2);
  if (nothingToDo(ctx, addressSize, extra)) return;
  while (part(ctx, RCX, addressSize) != 0 && allowed(ctx) != 0) {
    one(ctx, out, log2, segment, addressSize, extra);
    retire(ctx, addressSize, 1);
    if (mustTrap(ctx)) break;
  }
  finish(ctx, part(ctx, RCX, addressSize) == 0, extra);
}
