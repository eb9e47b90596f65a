/** Decimal adjustments. @see Intel SDM vol. 2, the instructions' own pages; undefined flags: as the results suggest. */
import { RAX } from '../../layout';
import { DE, raise } from '../exceptions/raise';
import { AF, CF, flagsOf, getFlags, setFlags } from '../flags';
import { CC_LOGIC } from '../../layout';
import { Ctx } from '../state';

function setAx(ctx: usize, ax: u32): void {
  Ctx.set(ctx, RAX, (Ctx.get(ctx, RAX) & ~(<u64>0xffff)) | (ax & 0xffff));
}

function setAl(ctx: usize, al: u32): void {
  Ctx.set(ctx, RAX, (Ctx.get(ctx, RAX) & ~(<u64>0xff)) | (al & 0xff));
}

/** SF, ZF, PF of a byte. */
function szp(value: u32): u32 {
  return flagsOf(CC_LOGIC, value, 0);
}

export function daa(ctx: usize): void {
  const flags = getFlags(ctx);
  const old = Ctx.get32(ctx, RAX) & 0xff;
  let al = old;
  let out: u32 = 0;
  if ((al & 15) > 9 || (flags & AF) != 0) {
    al += 6;
    out = AF;
  }
  if (old > 0x99 || (flags & CF) != 0) {
    al += 0x60;
    out |= CF;
  }
  setAl(ctx, al);
  setFlags(ctx, szp(al) | out);
}

export function das(ctx: usize): void {
  const flags = getFlags(ctx);
  const old = Ctx.get32(ctx, RAX) & 0xff;
  let al = old;
  let out: u32 = 0;
  if ((al & 15) > 9 || (flags & AF) != 0) {
    out = AF | ((flags & CF) != 0 || al < 6 ? CF : 0);
    al -= 6;
  }
  if (old > 0x99 || (flags & CF) != 0) {
    al -= 0x60;
    out |= CF;
  }
  setAl(ctx, al);
  setFlags(ctx, szp(al) | out);
}

/** AAA and AAS: the new AX in one addition or subtraction, as AMD and later Intel processors do. */
function asciiAdjust(ctx: usize, delta: u32): void {
  let ax = Ctx.get32(ctx, RAX) & 0xffff;
  let out: u32 = 0;
  if ((ax & 15) > 9 || (getFlags(ctx) & AF) != 0) {
    ax += delta;
    out = AF | CF;
  }
  ax &= 0xff0f;
  setAx(ctx, ax);
  setFlags(ctx, szp(ax) | out);
}

export function aaa(ctx: usize): void {
  asciiAdjust(ctx, 0x106);
}

export function aas(ctx: usize): void {
  asciiAdjust(ctx, <u32>-0x106);
}

export function aam(ctx: usize, base: u32): void {
  if (base == 0) raise(ctx, DE, false, 0);
  const al = Ctx.get32(ctx, RAX) & 0xff;
  setAx(ctx, ((al / base) << 8) | (al % base));
  setFlags(ctx, szp(al % base));
}

export function aad(ctx: usize, base: u32): void {
  const ax = Ctx.get32(ctx, RAX);
  const al = ((ax & 0xff) + ((ax >> 8) & 0xff) * base) & 0xff;
  setAx(ctx, al);
  setFlags(ctx, szp(al));
}
