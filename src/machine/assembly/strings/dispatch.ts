/** OP_HSTR: calls the string helper of a number. @see ../../helpers/string.ts */
import { H_CMPS, H_INS, H_LODS, H_MOVS, H_OUTS, H_SCAS, H_STOS } from '../../helpers/string';
import { raiseUd } from '../exceptions/raise';
import { compareStrings } from './compare';
import { lods, movs, stos } from './copy';
import { portString } from './port';

export function dispatchString(ctx: usize, number: i32, d: i32, a: i32, b: i32, c: i32, extra: i64): void {
  const log2 = d & 3;
  const repeat = d >> 4;
  switch (number) {
    case H_MOVS: movs(ctx, log2, repeat, a, b, extra); break;
    case H_STOS: stos(ctx, log2, repeat, b, extra); break;
    case H_LODS: lods(ctx, log2, repeat, a, b, extra); break;
    case H_CMPS: compareStrings(ctx, false, log2, repeat, a, b, extra); break;
    case H_SCAS: compareStrings(ctx, true, log2, repeat, a, b, extra); break;
    case H_INS: portString(ctx, false, log2, repeat, a, b, extra); break;
    case H_OUTS: portString(ctx, true, log2, repeat, a, b, extra); break;
    default: raiseUd(ctx);
  }
}
