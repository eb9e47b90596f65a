/** Events in long mode: 16-byte gates, IST, 64-bit frames. @see Intel SDM 3A 6.14; AMD APM 2 8.9 */
import {
  CPL, EXC_ERROR_CODE, EXC_SOFTWARE, IDTR_BASE, IDTR_LIMIT, RSP, SEG_ATTR, SEG_BASE, SEG_LIMIT, SEG_SEL, TR_BASE, TR_LIMIT, TR_SEL,
} from "../../layout";
import { getRflags } from "../flags";
import { probeView, readSys64, supervisorView, writeView } from "../memory/access";
import { VIEW_USER, WRITE } from "../memory/walk";
import { Ctx } from "../state";
import { setCode } from "../system/code-segment";
import { attrOf, descriptorAddress, dplOf, isCode, isConforming, isPresent, touchDescriptor } from "../system/descriptor";
import { enterHandler, extOf, IF, NT, RF, TF, VM } from "./deliver";
import { GP, NP, raise, SS, TS } from "./raise";

/** A stack pointer out of the TSS. */
function taskStack(ctx: usize, offset: u32, ext: u32): u64 {
  if (offset + 7 > Ctx.get32(ctx, TR_LIMIT)) raise(ctx, TS, true, (Ctx.get32(ctx, TR_SEL) & 0xfffc) | ext);
  return readSys64(ctx, Ctx.get(ctx, TR_BASE) + <u64>offset);
}

export function deliverLong(ctx: usize, vector: u32, flags: u32, error: u32, rip: u64, rf: u32): void {
  const ext = extOf(flags);
  const idtError = (vector << 3) | 2 | ext;
  const cpl = Ctx.get32(ctx, CPL);
  const offset = vector << 4;
  if (offset + 15 > Ctx.get32(ctx, IDTR_LIMIT)) raise(ctx, GP, true, idtError);
  const gate = readSys64(ctx, Ctx.get(ctx, IDTR_BASE) + <u64>offset);
  const upper = readSys64(ctx, Ctx.get(ctx, IDTR_BASE) + <u64>offset + 8);
  if ((gate >> 41 & 15) != 7 || (upper & 0x1f0000000000) != 0) raise(ctx, GP, true, idtError);
  if (flags & EXC_SOFTWARE && <u32>(gate >> 45 & 3) < cpl) raise(ctx, GP, true, idtError);
  if (!(gate & 0x800000000000)) raise(ctx, NP, true, idtError);
  const handler = (gate & 0xffff) | (gate >> 32 & 0xffff0000) | upper << 32;

  const selector = <u32>(gate >> 16 & 0xffff);
  const csError = (selector & 0xfffc) | ext;
  if (!(selector & 0xfffc)) raise(ctx, GP, true, ext);
  const at = descriptorAddress(ctx, selector, 8);
  if (at == u64.MAX_VALUE) raise(ctx, GP, true, csError);
  const descriptor = readSys64(ctx, at);
  const attr = attrOf(descriptor);
  const dpl = dplOf(attr);
  if (!isCode(attr) || dpl > cpl) raise(ctx, GP, true, csError);
  if (!isPresent(attr)) raise(ctx, NP, true, csError);
  if ((attr & 0x600) != 0x200) raise(ctx, GP, true, csError);
  const level = isConforming(attr) ? cpl : dpl;

  const ist = <u32>(gate >> 32 & 7);
  let sp = Ctx.get(ctx, RSP);
  if (ist) sp = taskStack(ctx, 36 + ((ist - 1) << 3), ext);
  else if (level < cpl) sp = taskStack(ctx, 4 + (level << 3), ext);
  const size: u64 = flags & EXC_ERROR_CODE ? 48 : 40;
  const top = (sp & ~(<u64>15)) - size;
  if (!Ctx.isCanonical(top) || !Ctx.isCanonical(top + size - 1)) raise(ctx, SS, true, ext);
  if (!Ctx.isCanonical(handler)) raise(ctx, GP, true, ext);
  const view = level == 3 ? VIEW_USER : supervisorView(ctx);
  probeView(ctx, top, <u32>size, WRITE, view, true);
  touchDescriptor(ctx, selector, descriptor);

  let to = top;
  if (flags & EXC_ERROR_CODE) {
    writeView(ctx, to, 8, error, view, true);
    to += 8;
  }
  writeView(ctx, to, 8, rip, view, true);
  writeView(ctx, to + 8, 8, Ctx.get(ctx, SEG_SEL + 1), view, true);
  writeView(ctx, to + 16, 8, getRflags(ctx) | <u64>rf, view, true);
  writeView(ctx, to + 24, 8, Ctx.get(ctx, RSP), view, true);
  writeView(ctx, to + 32, 8, Ctx.get(ctx, SEG_SEL + 2), view, true);

  if (level < cpl) {
    // a null selector with the new level, as the processor leaves it
    Ctx.set(ctx, SEG_SEL + 2, level);
    Ctx.set(ctx, SEG_BASE + 2, 0);
    Ctx.set(ctx, SEG_LIMIT + 2, 0);
    Ctx.set(ctx, SEG_ATTR + 2, 0x10000 | level << 5);
  }
  Ctx.set(ctx, RSP, top);
  setCode(ctx, selector, descriptor, level);
  enterHandler(ctx, handler, TF | NT | RF | VM | (gate & 0x10000000000 ? 0 : IF));
}
