/** x87 control: initialisation, control word, environment and state images in memory. */
import { FCW, FDP, FIP, FOP, FSW, FTW, X87, X87_STRIDE } from '../../layout';
import { probeRead, probeWrite, read16, read32, read64, write16, write32, write64 } from '../memory/access';
import { Ctx } from '../state';
import { checkPending, Fpu, summarize } from './stack';

/** Bits of the control word that can be set; bit 6 always is. */
const CONTROL_MASK: u32 = 0x1f3f;
const CONTROL_ONES: u32 = 0x40;

/** FNINIT. */
export function initialize(ctx: usize): void {
  Ctx.set(ctx, FCW, 0x37f);
  Ctx.set(ctx, FSW, 0);
  Ctx.set(ctx, FTW, 0);
  Ctx.set(ctx, FOP, 0);
  Ctx.set(ctx, FIP, 0);
  Ctx.set(ctx, FDP, 0);
}

export function setControl(ctx: usize, value: u32): void {
  Ctx.set(ctx, FCW, (value & CONTROL_MASK) | CONTROL_ONES);
  summarize(ctx);
}

/** FNCLEX. */
export function clearExceptions(ctx: usize): void {
  Fpu.setStatus(ctx, Fpu.status(ctx) & 0x7f00);
}

/** Two-bit tags of all physical registers, as FNSTENV stores them: 0 valid, 1 zero, 2 special, 3 empty. */
export function fullTags(ctx: usize): u32 {
  const used = Ctx.get32(ctx, FTW);
  let tags: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const at = ctx + X87 + i * X87_STRIDE;
    const exp = load<u16>(at, 8) & 0x7fff;
    const sig = load<u64>(at);
    let tag: u32;
    if (((used >> i) & 1) == 0) tag = 3;
    else if (exp == 0 && sig == 0) tag = 1;
    else if (exp == 0 || exp == 0x7fff || sig >> 63 == 0) tag = 2;
    else tag = 0;
    tags |= tag << (2 * i);
  }
  return tags;
}

/** Used bits of two-bit tags. */
function usedOf(tags: u32): u32 {
  let used: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((tags >> (2 * i)) & 3) != 3) used |= 1 << i;
  return used;
}

/** Bytes of an environment; format bit 0: 32-bit, bit 1: protected mode. */
function environmentSize(format: u32): u32 {
  return format & 1 ? 28 : 14;
}

/** Writes the environment; the range has been probed. */
function writeEnvironment(ctx: usize, address: u64, format: u32): void {
  const control = Ctx.get32(ctx, FCW);
  const status = Ctx.get32(ctx, FSW);
  const tags = fullTags(ctx);
  const ip = Ctx.get32(ctx, FIP);
  const dp = Ctx.get32(ctx, FDP);
  const selectors = Ctx.get(ctx, FOP);
  const opcode = u32(selectors) & 0x7ff;
  const cs = u32(selectors >> 16) & 0xffff;
  const ds = u32(selectors >> 32) & 0xffff;
  if (format & 1) {
    write32(ctx, address, 0xffff0000 | control);
    write32(ctx, address + 4, 0xffff0000 | status);
    write32(ctx, address + 8, 0xffff0000 | tags);
    if (format & 2) {
      write32(ctx, address + 12, ip);
      write32(ctx, address + 16, cs | (opcode << 16));
      write32(ctx, address + 20, dp);
      write32(ctx, address + 24, 0xffff0000 | ds);
    } else {
      const linearIp = (cs << 4) + ip;
      const linearDp = (ds << 4) + dp;
      write32(ctx, address + 12, 0xffff0000 | (linearIp & 0xffff));
      write32(ctx, address + 16, ((linearIp >> 4) & 0xffff000) | opcode);
      write32(ctx, address + 20, 0xffff0000 | (linearDp & 0xffff));
      write32(ctx, address + 24, (linearDp >> 4) & 0xffff000);
    }
    return;
  }
  write16(ctx, address, control);
  write16(ctx, address + 2, status);
  write16(ctx, address + 4, tags);
  if (format & 2) {
    write16(ctx, address + 6, ip & 0xffff);
    write16(ctx, address + 8, cs);
    write16(ctx, address + 10, dp & 0xffff);
    write16(ctx, address + 12, ds);
  } else {
    const linearIp = (cs << 4) + ip;
    const linearDp = (ds << 4) + dp;
    write16(ctx, address + 6, linearIp & 0xffff);
    write16(ctx, address + 8, ((linearIp >> 4) & 0xf000) | opcode);
    write16(ctx, address + 10, linearDp & 0xffff);
    write16(ctx, address + 12, (linearDp >> 4) & 0xf000);
  }
}

/** Reads the environment; the range has been probed. */
function readEnvironment(ctx: usize, address: u64, format: u32): void {
  const step: u64 = format & 1 ? 4 : 2;
  const control = u32(read16(ctx, address));
  const status = u32(read16(ctx, address + step));
  const tags = u32(read16(ctx, address + 2 * step));
  let ip: u64;
  let dp: u64;
  let opcode: u64;
  let cs: u64 = 0;
  let ds: u64 = 0;
  if (format & 2) {
    if (format & 1) {
      ip = read32(ctx, address + 12);
      const word = read32(ctx, address + 16);
      cs = word & 0xffff;
      opcode = (word >> 16) & 0x7ff;
      dp = read32(ctx, address + 20);
      ds = read16(ctx, address + 24);
    } else {
      ip = read16(ctx, address + 6);
      cs = read16(ctx, address + 8);
      dp = read16(ctx, address + 10);
      ds = read16(ctx, address + 12);
      opcode = 0;
    }
  } else if (format & 1) {
    const word = read32(ctx, address + 16);
    ip = read16(ctx, address + 12) | ((word & 0xffff000) << 4);
    opcode = word & 0x7ff;
    dp = read16(ctx, address + 20) | ((read32(ctx, address + 24) & 0xffff000) << 4);
  } else {
    const word = read16(ctx, address + 8);
    ip = read16(ctx, address + 6) | ((word & 0xf000) << 4);
    opcode = word & 0x7ff;
    dp = read16(ctx, address + 10) | ((read16(ctx, address + 12) & 0xf000) << 4);
  }
  Ctx.set(ctx, FSW, status);
  Ctx.set(ctx, FTW, usedOf(tags));
  Ctx.set(ctx, FIP, ip);
  Ctx.set(ctx, FDP, dp);
  Ctx.set(ctx, FOP, opcode | (cs << 16) | (ds << 32));
  setControl(ctx, control);
}

/** FNSTENV: then all exceptions are masked. */
export function storeEnvironment(ctx: usize, address: u64, format: u32): void {
  probeWrite(ctx, address, environmentSize(format));
  writeEnvironment(ctx, address, format);
  setControl(ctx, Ctx.get32(ctx, FCW) | 0x3f);
}

/** FLDENV. */
export function loadEnvironment(ctx: usize, address: u64, format: u32): void {
  checkPending(ctx);
  probeRead(ctx, address, environmentSize(format));
  readEnvironment(ctx, address, format);
}

/** FNSAVE: environment and the stack from ST(0), then FNINIT. */
export function saveState(ctx: usize, address: u64, format: u32): void {
  const size = environmentSize(format);
  probeWrite(ctx, address, size + 80);
  writeEnvironment(ctx, address, format);
  for (let i: u32 = 0; i < 8; i++) {
    write64(ctx, address + size + 10 * i, Fpu.sig(ctx, i));
    write16(ctx, address + size + 10 * i + 8, Fpu.se(ctx, i));
  }
  initialize(ctx);
}

/** FRSTOR. */
export function restoreState(ctx: usize, address: u64, format: u32): void {
  checkPending(ctx);
  const size = environmentSize(format);
  probeRead(ctx, address, size + 80);
  readEnvironment(ctx, address, format);
  for (let i: u32 = 0; i < 8; i++) {
    const at = Fpu.at(ctx, i);
    store<u64>(at, read64(ctx, address + size + 10 * i));
    store<u64>(at, read16(ctx, address + size + 10 * i + 8), 8);
  }
}
