/** The integer helpers: what is too long or too rare for inline operations. Numbers and contracts: machine/helpers/int.ts. */
import {
  HI_AAA, HI_AAD, HI_AAM, HI_AAS, HI_CANONICAL, HI_CRC32, HI_DAA, HI_DAS, HI_DIV, HI_ENTER, HI_IDIV, HI_PDEP, HI_PEXT, HI_ROTATE,
  HI_ROTATE_CARRY, HI_ROTATE_CARRY_FLAGS, HI_ROTATE_FLAGS, HI_SET_CARRY, HI_SET_OVERFLOW, HI_SET_ZERO, HI_SHIFT_DOUBLE,
} from '../../helpers/int';
import { raiseGp } from '../exceptions/raise';
import { CF, getFlags, OF, setFlags, ZF } from '../flags';
import { Ctx } from '../state';
import { crc32c, deposit, extract } from './bits';
import { aaa, aad, aam, aas, daa, das } from './decimal';
import { divide, divideSigned } from './divide';
import { enter } from './enter';
import { rotate, rotateCarry, rotateCarryFlags, rotateFlags, shiftDouble } from './rotate';

export function dispatchInt(ctx: usize, number: u32, d: u32, a: u32, b: u32, c: u32, extra: i64): void {
  switch (number) {
    case HI_DIV: divide(ctx, Ctx.get(ctx, a), <u32>extra); break;
    case HI_IDIV: divideSigned(ctx, Ctx.get(ctx, a), <u32>extra); break;
    case HI_DAA: daa(ctx); break;
    case HI_DAS: das(ctx); break;
    case HI_AAA: aaa(ctx); break;
    case HI_AAS: aas(ctx); break;
    case HI_AAM: aam(ctx, <u32>extra); break;
    case HI_AAD: aad(ctx, <u32>extra); break;
    case HI_ROTATE_FLAGS: rotateFlags(ctx, Ctx.get(ctx, a), Ctx.get32(ctx, b), <u32>extra); break;
    case HI_ROTATE: Ctx.set(ctx, d, rotate(Ctx.get(ctx, a), Ctx.get32(ctx, b), <u32>extra)); break;
    case HI_ROTATE_CARRY: Ctx.set(ctx, d, rotateCarry(ctx, Ctx.get(ctx, a), Ctx.get32(ctx, b), <u32>extra)); break;
    case HI_ROTATE_CARRY_FLAGS: rotateCarryFlags(ctx, Ctx.get(ctx, a), Ctx.get32(ctx, b), <u32>extra); break;
    case HI_SHIFT_DOUBLE: Ctx.set(ctx, d, shiftDouble(Ctx.get(ctx, a), Ctx.get(ctx, b), Ctx.get32(ctx, c), <u32>extra)); break;
    case HI_CRC32: Ctx.set(ctx, d, crc32c(Ctx.get32(ctx, a), Ctx.get(ctx, b), <u32>extra)); break;
    case HI_ENTER: enter(ctx, <u32>extra); break;
    case HI_CANONICAL: if (!Ctx.isCanonical(Ctx.get(ctx, a))) raiseGp(ctx, 0); break;
    case HI_PDEP: Ctx.set(ctx, d, deposit(Ctx.get(ctx, a), Ctx.get(ctx, b), <u32>extra)); break;
    case HI_PEXT: Ctx.set(ctx, d, extract(Ctx.get(ctx, a), Ctx.get(ctx, b), <u32>extra)); break;
    case HI_SET_CARRY: setFlags(ctx, (getFlags(ctx) & ~CF) | (Ctx.get(ctx, a) != 0 ? CF : 0)); break;
    case HI_SET_ZERO: setFlags(ctx, (getFlags(ctx) & ~ZF) | (Ctx.get(ctx, a) != 0 ? ZF : 0)); break;
    case HI_SET_OVERFLOW: setFlags(ctx, (getFlags(ctx) & ~OF) | (Ctx.get(ctx, a) != 0 ? OF : 0)); break;
    default: break;
  }
}
