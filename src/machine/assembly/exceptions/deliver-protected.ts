/**
 * Events in protected mode without long mode: interrupt, trap and task gates, 16 and 32 bit, from virtual-8086 mode too.
 * @see Intel SDM 3A 6.12, 20.3
 */
import {
  CPL, EFLAGS_SYS, EVENT_FRAME, EXC_ERROR_CODE, EXC_SOFTWARE, IDTR_BASE, IDTR_LIMIT, RSP, SEG_ATTR, SEG_BASE, SEG_LIMIT, SEG_SEL, TR_ATTR,
  TR_BASE, TR_LIMIT, TR_SEL,
} from "../../layout";
import { getRflags } from "../flags";
import { probeView, readSys16, readSys32, readSys64, supervisorView, writeView } from "../memory/access";
import { VIEW_USER, WRITE } from "../memory/walk";
import { Ctx } from "../state";
import { setCode } from "../system/code-segment";
import { attrOf, baseOf, descriptorAddress, dplOf, isCode, isConforming, isPresent, isWritableData, limitOf, touchDescriptor } from "../system/descriptor";
import { setFromDescriptor, setNull } from "../system/load-segment";
import { setStackPointer, stackAddress, widthOf, wrapStack } from "../system/stack";
import { BY_GATE, taskGate } from "../system/task-switch";
import { enterHandler, extOf, IF, NT, RF, TF, VM } from "./deliver";
import { GP, NP, raise, SS, TS } from "./raise";

const ES = 0;
const STACK = 2;
const DS = 3;
const FS = 4;
const GS = 5;

/** Appends to the frame in the context's scratch memory; answers the new count. */
function put(ctx: usize, count: u32, value: u64): u32 {
  store<u64>(ctx + EVENT_FRAME + (<usize>count << 3), value);
  return count + 1;
}

export function deliverProtected(ctx: usize, vector: u32, flags: u32, error: u32, rip: u64, rf: u32): void {
  const ext = extOf(flags);
  const idtError = (vector << 3) | 2 | ext;
  const cpl = Ctx.get32(ctx, CPL);
  const offset = vector << 3;
  if (offset + 7 > Ctx.get32(ctx, IDTR_LIMIT)) raise(ctx, GP, true, idtError);
  const gate = readSys64(ctx, Ctx.get(ctx, IDTR_BASE) + <u64>offset);
  const type = <u32>(gate >> 40) & 31;
  if (type != 5 && (type & 0x16) != 6) raise(ctx, GP, true, idtError);
  if (flags & EXC_SOFTWARE && <u32>(gate >> 45 & 3) < cpl) raise(ctx, GP, true, idtError);
  if (!(gate & 0x800000000000)) raise(ctx, NP, true, idtError);
  const selector = <u32>(gate >> 16 & 0xffff);
  if (type == 5) {
    taskGate(ctx, selector, BY_GATE, rip, (flags & EXC_ERROR_CODE) != 0, error, ext);
    return;
  }
  const wide = (type & 8) != 0;
  const handler = (gate & 0xffff) | (wide ? gate >> 32 & 0xffff0000 : 0);

  const csError = (selector & 0xfffc) | ext;
  if (!(selector & 0xfffc)) raise(ctx, GP, true, ext);
  const at = descriptorAddress(ctx, selector, 8);
  if (at == u64.MAX_VALUE) raise(ctx, GP, true, csError);
  const descriptor = readSys64(ctx, at);
  const attr = attrOf(descriptor);
  const dpl = dplOf(attr);
  if (!isCode(attr) || dpl > cpl) raise(ctx, GP, true, csError);
  if (!isPresent(attr)) raise(ctx, NP, true, csError);
  const level = isConforming(attr) ? cpl : dpl;
  const vm = (Ctx.get32(ctx, EFLAGS_SYS) & VM) != 0;
  if (vm && level != 0) raise(ctx, GP, true, csError);

  // the stack: the present one, or the new level's out of the TSS
  let ss = Ctx.get32(ctx, SEG_SEL + STACK);
  let sp = Ctx.get(ctx, RSP);
  let ssBase = Ctx.get(ctx, SEG_BASE + STACK);
  let ssLimit = Ctx.get32(ctx, SEG_LIMIT + STACK);
  let ssAttr = Ctx.get32(ctx, SEG_ATTR + STACK);
  let ssDescriptor: u64 = 0;
  let ssError = ext;
  if (level < cpl) {
    const taskError = (Ctx.get32(ctx, TR_SEL) & 0xfffc) | ext;
    const taskBase = Ctx.get(ctx, TR_BASE);
    if (Ctx.get32(ctx, TR_ATTR) & 8) {
      const from: u32 = 4 + (level << 3);
      if (from + 5 > Ctx.get32(ctx, TR_LIMIT)) raise(ctx, TS, true, taskError);
      sp = readSys32(ctx, taskBase + <u64>from);
      ss = <u32>readSys16(ctx, taskBase + <u64>from + 4);
    } else {
      const from: u32 = 2 + (level << 2);
      if (from + 3 > Ctx.get32(ctx, TR_LIMIT)) raise(ctx, TS, true, taskError);
      sp = readSys16(ctx, taskBase + <u64>from);
      ss = <u32>readSys16(ctx, taskBase + <u64>from + 2);
    }
    ssError = (ss & 0xfffc) | ext;
    if (!(ss & 0xfffc)) raise(ctx, TS, true, ext);
    const ssAt = descriptorAddress(ctx, ss, 8);
    if (ssAt == u64.MAX_VALUE) raise(ctx, TS, true, ssError);
    ssDescriptor = readSys64(ctx, ssAt);
    ssAttr = attrOf(ssDescriptor);
    if ((ss & 3) != level || dplOf(ssAttr) != level || !isWritableData(ssAttr)) raise(ctx, TS, true, ssError);
    if (!isPresent(ssAttr)) raise(ctx, SS, true, ssError);
    ssBase = baseOf(ssDescriptor);
    ssLimit = limitOf(ssDescriptor);
  }

  let count: u32 = 0;
  if (vm) {
    count = put(ctx, count, Ctx.get(ctx, SEG_SEL + GS));
    count = put(ctx, count, Ctx.get(ctx, SEG_SEL + FS));
    count = put(ctx, count, Ctx.get(ctx, SEG_SEL + DS));
    count = put(ctx, count, Ctx.get(ctx, SEG_SEL + ES));
  }
  if (level < cpl) {
    count = put(ctx, count, Ctx.get(ctx, SEG_SEL + STACK));
    count = put(ctx, count, Ctx.get(ctx, RSP));
  }
  count = put(ctx, count, getRflags(ctx) | <u64>rf);
  count = put(ctx, count, Ctx.get(ctx, SEG_SEL + 1));
  count = put(ctx, count, rip);
  if (flags & EXC_ERROR_CODE) count = put(ctx, count, error);

  const width = widthOf(ssAttr);
  const size: u32 = wide ? 4 : 2;
  const view = level == 3 ? VIEW_USER : supervisorView(ctx);
  for (let i: u32 = 1; i <= count; i++) {
    const to = stackAddress(ctx, wrapStack(sp - <u64>(i * size), width), size, width, ssBase, ssLimit, ssAttr, ssError);
    probeView(ctx, to, size, WRITE, view, false);
  }
  if (handler > <u64>limitOf(descriptor)) raise(ctx, GP, true, ext);
  touchDescriptor(ctx, selector, descriptor);
  if (level < cpl) touchDescriptor(ctx, ss, ssDescriptor);
  for (let i: u32 = 1; i <= count; i++) {
    const to = (ssBase + wrapStack(sp - <u64>(i * size), width)) & 0xffffffff;
    writeView(ctx, to, size, load<u64>(ctx + EVENT_FRAME + (<usize>(i - 1) << 3)), view, false);
  }

  if (level < cpl) {
    setFromDescriptor(ctx, STACK, ss, ssDescriptor);
    if (vm) {
      setNull(ctx, ES, 0);
      setNull(ctx, DS, 0);
      setNull(ctx, FS, 0);
      setNull(ctx, GS, 0);
    }
    Ctx.set(ctx, RSP, sp);
  }
  setStackPointer(ctx, wrapStack(sp - <u64>(count * size), width), width);
  setCode(ctx, selector, descriptor, level);
  enterHandler(ctx, handler, TF | NT | RF | VM | (type & 1 ? 0 : IF));
}
