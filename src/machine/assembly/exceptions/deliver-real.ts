/** Events in real-address mode: the vector table of far pointers. @see Intel SDM 3B 21.1.4 */
import { IDTR_BASE, IDTR_LIMIT, RSP, SEG_BASE, SEG_SEL } from "../../layout";
import { getRflags } from "../flags";
import { probeWrite, readSys16, write16 } from "../memory/access";
import { Ctx } from "../state";
import { currentStackAddress, setStackPointer, stackWidth, wrapStack } from "../system/stack";
import { AC, enterHandler, IF, RF, TF } from "./deliver";
import { raiseGp } from "./raise";

export function deliverReal(ctx: usize, vector: u32, rip: u64): void {
  const offset = vector << 2;
  if (offset + 3 > Ctx.get32(ctx, IDTR_LIMIT)) raiseGp(ctx, (vector << 3) | 2);
  const at = Ctx.get(ctx, IDTR_BASE) + <u64>offset;
  const handler = readSys16(ctx, at);
  const selector = readSys16(ctx, at + 2);
  const width = stackWidth(ctx);
  const sp = Ctx.get(ctx, RSP);
  const at1 = currentStackAddress(ctx, wrapStack(sp - 2, width), 2);
  const at2 = currentStackAddress(ctx, wrapStack(sp - 4, width), 2);
  const at3 = currentStackAddress(ctx, wrapStack(sp - 6, width), 2);
  probeWrite(ctx, at1, 2);
  probeWrite(ctx, at2, 2);
  probeWrite(ctx, at3, 2);
  write16(ctx, at1, getRflags(ctx));
  write16(ctx, at2, Ctx.get(ctx, SEG_SEL + 1));
  write16(ctx, at3, rip);
  setStackPointer(ctx, wrapStack(sp - 6, width), width);
  Ctx.set(ctx, SEG_SEL + 1, selector);
  Ctx.set(ctx, SEG_BASE + 1, selector << 4);
  enterHandler(ctx, handler, TF | IF | AC | RF);
}
