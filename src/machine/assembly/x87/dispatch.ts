/** Entry to the x87, MMX and FXSAVE/XSAVE helpers: OP_HX87. Numbers and operands: ../../helpers/x87.ts. */
import * as N from '../../helpers/x87';
import { CR0 } from '../../layout';
import { NM, raise } from '../exceptions/raise';
import { Ctx } from '../state';
import { arithmeticMemory, arithmeticStack, compareFlags, compareStack } from './arithmetic';
import { clearExceptions, initialize, loadEnvironment, restoreState, saveState, setControl, storeEnvironment } from './control';
import { checkArea, checkOsxsave, fxrstor, fxsave, xgetbv, xrstor, xsave, xsavec } from './fxsave';
import { binaryMmx, checkMmx, emptyMmx, maskedStoreMmx, readMmx, storeMmx, writeMmx } from './mmx';
import { C1, checkPending, Fpu, note } from './stack';
import { conditionalMove, constant, exchange, loadMemory, loadStack, storeMemory, storeStack } from './transfer';
import { unary } from './unary';

const CR0_MP: u32 = 2;
const CR0_EM: u32 = 4;
const CR0_TS: u32 = 8;

/** #NM where CR0 keeps the x87 from running. */
function check(ctx: usize, wait: i32): void {
  const cr0 = Ctx.get32(ctx, CR0);
  if (wait ? (cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS) : (cr0 & (CR0_EM | CR0_TS)) != 0) raise(ctx, NM, false, 0);
}

/** Instructions without a memory operand: #MF check, last instruction, then the work. */
function registerForm(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32, extra: u32): void {
  checkPending(ctx);
  note(ctx, c, extra);
  switch (n) {
    case N.X_ARITH_ST: return arithmeticStack(ctx, d, a, b, c);
    case N.X_COMPARE: return compareStack(ctx, d, a, c);
    case N.X_COMPARE_FLAGS: return compareFlags(ctx, d, a, b, c);
    case N.X_LOAD_ST: return loadStack(ctx, a);
    case N.X_CONSTANT: return constant(ctx, d);
    case N.X_STORE_ST: return storeStack(ctx, a, d);
    case N.X_XCH: return exchange(ctx, a);
    case N.X_CMOV: return conditionalMove(ctx, a, Ctx.get(ctx, d) != 0);
    case N.X_UNARY: return unary(ctx, d);
    case N.X_FREE: {
      Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
      Fpu.free(ctx, a);
      if (d) Fpu.pop(ctx);
    }
  }
}

/** OP_HX87: helper n with the fields of the micro-op; extra = imm >> 16. */
export function dispatchX87(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32, extra: i64): void {
  switch (n) {
    case N.X_ARITH_MEM: return arithmeticMemory(ctx, d, Ctx.get(ctx, a), b, c, u32(extra));
    case N.X_LOAD_MEM: return loadMemory(ctx, Ctx.get(ctx, a), b, c, u32(extra));
    case N.X_STORE_MEM: return storeMemory(ctx, Ctx.get(ctx, a), b, d, c, u32(extra));
    case N.X_WAIT: return checkPending(ctx);
    case N.X_CLEX: return clearExceptions(ctx);
    case N.X_INIT: return initialize(ctx);
    case N.X_LDCW: {
      checkPending(ctx);
      return setControl(ctx, Ctx.get32(ctx, a));
    }
    case N.X_LDENV: return loadEnvironment(ctx, Ctx.get(ctx, a), d);
    case N.X_STENV: return storeEnvironment(ctx, Ctx.get(ctx, a), d);
    case N.X_SAVE: return saveState(ctx, Ctx.get(ctx, a), d);
    case N.X_RSTOR: return restoreState(ctx, Ctx.get(ctx, a), d);
    case N.X_CHECK: return check(ctx, d);
    case N.M_CHECK: return checkMmx(ctx);
    case N.M_READ: return Ctx.set(ctx, d, readMmx(ctx, a));
    case N.M_WRITE: return writeMmx(ctx, d, Ctx.get(ctx, a));
    case N.M_BINARY: return binaryMmx(ctx, c, d, a, b, i32(extra));
    case N.M_EMMS: return emptyMmx(ctx);
    case N.M_MASKMOVQ: return maskedStoreMmx(ctx, d, a, Ctx.get(ctx, c));
    case N.M_STORE: return storeMmx(ctx, d, Ctx.get(ctx, a), b);
    case N.F_FXSAVE: return fxsave(ctx, Ctx.get(ctx, a), d != 0);
    case N.F_FXRSTOR: return fxrstor(ctx, Ctx.get(ctx, a), d != 0);
    case N.F_XSAVE: return xsave(ctx, Ctx.get(ctx, a), d != 0, false);
    case N.F_XSAVEOPT: return xsave(ctx, Ctx.get(ctx, a), d != 0, true);
    case N.F_XSAVEC: return xsavec(ctx, Ctx.get(ctx, a), d != 0, false);
    case N.F_XSAVES: return xsavec(ctx, Ctx.get(ctx, a), d != 0, true);
    case N.F_XRSTOR: return xrstor(ctx, Ctx.get(ctx, a), d != 0, false);
    case N.F_XRSTORS: return xrstor(ctx, Ctx.get(ctx, a), d != 0, true);
    case N.F_XGETBV: return xgetbv(ctx);
    case N.F_CHECK_AREA: return checkArea(ctx, d, <u32>Ctx.get(ctx, a), b != 0, c);
    case N.F_CHECK_OSXSAVE: return checkOsxsave(ctx);
    default: return registerForm(ctx, n, d, a, b, c, u32(extra));
  }
}
