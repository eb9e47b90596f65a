/** OP_HSYS: calls the system helper of a number. @see ../../helpers/system.ts */
import {
  CR0, CR4, EXIT_A, EXIT_B, GDTR_BASE, GDTR_LIMIT, IDTR_BASE, IDTR_LIMIT, LDTR_SEL, RCX, RIP, SHADOW, SHADOW_SS, TR_SEL, TSC_AUX,
} from '../../layout';
import {
  H_ARPL, H_ARPL_MEMORY, H_BOUND, H_CHECK_CPL0, H_CHECK_CPL0_UD, H_CHECK_TARGET, H_CLAC, H_CLFLUSH, H_CLI, H_CLTS, H_FAR_CALL, H_FAR_JMP, H_INT, H_INTO, H_INVLPG, H_INVPCID,
  H_IO_CHECK, H_IRET, H_LAR, H_LGDT, H_LIDT, H_LLDT, H_LMSW, H_LOAD_SEG, H_LSL, H_LTR, H_MONITOR, H_MOV_FROM_CR, H_MOV_FROM_DR, H_MOV_TO_CR,
  H_MOV_TO_DR, H_MWAIT_CHECK, H_POPF, H_POPF_CHECK, H_PUSHF, H_RAISE, H_RAISE_FPU, H_RDMSR, H_RDPID, H_RDPMC, H_RDRAND, H_RDSEGBASE, H_RDTSC, H_RDTSCP,
  H_RETF, H_SGDT, H_SIDT, H_SLDT, H_SMSW, H_STAC, H_STI, H_STR, H_SWAPGS, H_SYSCALL, H_SYSENTER, H_SYSEXIT, H_SYSRET, H_VERR, H_VERW, H_WRMSR,
  H_WRSEGBASE, H_XGETBV, H_XSETBV_CHECK,
} from '../../helpers/system';
import { raise } from '../exceptions/raise';
import { probeRead } from '../memory/access';
import {
  checkSetExtendedControl, checkUmip, clearTaskSwitched, invalidatePage, invalidatePcid, loadMachineStatus, readControl, readExtendedControl,
  requireCpl0, writeControl,
} from './control-registers';
import { readRandom, readSegmentBase, readTimeStamp, swapGs, writeSegmentBase } from './counters';
import { readDebug, writeDebug } from './debug-registers';
import { loadLdt, loadTable, loadTask, storeTable } from './descriptor-tables';
import { farReturn } from './far-return';
import { farCall, farJump } from './far-transfer';
import { checkRealTarget } from './code-segment';
import { checkVm86Iopl, clearInterrupts, popFlags, pushedFlags, setAlignmentCheck, setInterrupts } from './flags-register';
import { interruptReturn } from './interrupt-return';
import { checkPort } from './io-permission';
import { loadSegment } from './load-segment';
import { readMsr, writeMsr } from './msr';
import { adjustRpl, adjustRplMemory, loadAccessRights, loadSegmentLimit, verifyRead, verifyWrite } from './segment-query';
import { BR, cpl, get, get32, GP, nextRip, NM, set, UD } from './slots';
import { interruptOnOverflow, softwareInterrupt } from './software-interrupt';
import { syscall, sysenter, sysexit, sysret } from './syscall';

export function dispatchSystem(ctx: usize, number: i32, d: i32, a: i32, b: i32, c: i32, extra: i64): void {
  const next = <i32>extra;
  switch (number) {
    case H_RAISE: raise(ctx, d, a != 0, <u32>extra); break;
    case H_RAISE_FPU: raiseFpu(ctx, d); break;
    case H_INT: softwareInterrupt(ctx, d, a, next); break;
    case H_INTO: interruptOnOverflow(ctx, next); break;
    case H_BOUND: bound(ctx, d, get(ctx, a), get(ctx, b), get(ctx, c)); break;
    case H_CHECK_CPL0: requireCpl0(ctx); break;
    case H_CHECK_CPL0_UD: if (cpl(ctx) != 0) raise(ctx, UD, false, 0); break;

    case H_PUSHF: set(ctx, d, pushedFlags(ctx, c)); break;
    case H_POPF_CHECK: checkVm86Iopl(ctx); break;
    case H_POPF: popFlags(ctx, get32(ctx, a), c, next); break;
    case H_CLI: clearInterrupts(ctx); break;
    case H_STI: setInterrupts(ctx, next); break;
    case H_CLAC: setAlignmentCheck(ctx, false); break;
    case H_STAC: setAlignmentCheck(ctx, true); break;

    case H_LOAD_SEG: {
      const rip = next != 0 ? nextRip(ctx, next) : 0;
      loadSegment(ctx, d, get32(ctx, a) & 0xffff);
      if (next != 0) set(ctx, RIP, rip);
      if (c != 0) set(ctx, SHADOW, SHADOW_SS);
      break;
    }
    case H_LAR: loadAccessRights(ctx, d, get32(ctx, a) & 0xffff, c); break;
    case H_LSL: loadSegmentLimit(ctx, d, get32(ctx, a) & 0xffff, c); break;
    case H_VERR: verifyRead(ctx, get32(ctx, a) & 0xffff); break;
    case H_VERW: verifyWrite(ctx, get32(ctx, a) & 0xffff); break;
    case H_CHECK_TARGET: if (d == 0 || get(ctx, b) != 0) checkRealTarget(ctx, <u64>get32(ctx, a)); break;
    case H_ARPL: adjustRpl(ctx, d, a); break;
    case H_ARPL_MEMORY: adjustRplMemory(ctx, d, get(ctx, a), b); break;
    case H_SGDT: storeTable(ctx, GDTR_BASE, GDTR_LIMIT, get(ctx, a), c); break;
    case H_SIDT: storeTable(ctx, IDTR_BASE, IDTR_LIMIT, get(ctx, a), c); break;
    case H_LGDT: loadTable(ctx, GDTR_BASE, GDTR_LIMIT, get(ctx, a), c); break;
    case H_LIDT: loadTable(ctx, IDTR_BASE, IDTR_LIMIT, get(ctx, a), c); break;
    case H_SLDT: checkUmip(ctx); set(ctx, d, get32(ctx, LDTR_SEL) & 0xffff); break;
    case H_STR: checkUmip(ctx); set(ctx, d, get32(ctx, TR_SEL) & 0xffff); break;
    case H_LLDT: loadLdt(ctx, get32(ctx, a) & 0xffff); break;
    case H_LTR: loadTask(ctx, get32(ctx, a) & 0xffff); break;
    case H_SMSW: checkUmip(ctx); set(ctx, d, get(ctx, CR0)); break;
    case H_LMSW: loadMachineStatus(ctx, get32(ctx, a), next); break;
    case H_CLTS: clearTaskSwitched(ctx, next); break;

    case H_FAR_JMP: farJump(ctx, get32(ctx, a), get(ctx, b), c, next); break;
    case H_FAR_CALL: farCall(ctx, get32(ctx, a), get(ctx, b), c, next); break;
    case H_RETF: farReturn(ctx, c, next); break;
    case H_IRET: interruptReturn(ctx, c, next); break;
    case H_SYSCALL: syscall(ctx, next); break;
    case H_SYSRET: sysret(ctx, c); break;
    case H_SYSENTER: sysenter(ctx); break;
    case H_SYSEXIT: sysexit(ctx, c); break;

    case H_SWAPGS: swapGs(ctx); break;
    case H_RDSEGBASE: readSegmentBase(ctx, d, b, c); break;
    case H_WRSEGBASE: writeSegmentBase(ctx, get(ctx, a), b, c); break;
    case H_RDTSC: readTimeStamp(ctx, false); break;
    case H_RDTSCP: readTimeStamp(ctx, true); break;
    case H_RDPMC: raise(ctx, GP, true, 0); break;
    case H_RDRAND: readRandom(ctx, d, c); break;
    case H_RDPID: set(ctx, d, get32(ctx, TSC_AUX)); break;

    case H_MOV_FROM_CR: set(ctx, d, readControl(ctx, a)); break;
    case H_MOV_TO_CR: writeControl(ctx, d, get(ctx, a), c, next); break;
    case H_MOV_FROM_DR: set(ctx, d, readDebug(ctx, a)); break;
    case H_MOV_TO_DR: writeDebug(ctx, d, get(ctx, a), c, next); break;
    case H_INVLPG: invalidatePage(ctx, get(ctx, a)); break;
    case H_INVPCID: invalidatePcid(ctx, get(ctx, a), get(ctx, b)); break;
    case H_CLFLUSH: probeRead(ctx, get(ctx, a), 1); break;
    case H_XGETBV: readExtendedControl(ctx); break;
    case H_XSETBV_CHECK: checkSetExtendedControl(ctx); break;

    case H_RDMSR: readMsr(ctx, next); break;
    case H_WRMSR: writeMsr(ctx, next & 0xff, next >> 8); break;
    case H_IO_CHECK: {
      const port = get32(ctx, a) & 0xffff;
      checkPort(ctx, port, d);
      set(ctx, EXIT_A, port);
      set(ctx, EXIT_B, <u64>(d | (c != 0 ? 0x100 : 0)));
      break;
    }
    case H_MONITOR:
      if (get32(ctx, RCX) != 0) raise(ctx, GP, true, 0);
      probeRead(ctx, get(ctx, a), 1);
      break;
    case H_MWAIT_CHECK:
      if ((get32(ctx, RCX) & ~(1 | c)) != 0) raise(ctx, GP, true, 0);
      break;
    default: raise(ctx, UD, false, 0);
  }
}

/** What CR0.EM, TS, MP and CR4.OSFXSR say to a floating-point instruction: kind 0 x87 or MMX, 1 SSE, 2 WAIT. */
function raiseFpu(ctx: usize, kind: i32): void {
  const cr0 = get32(ctx, CR0);
  if (kind == 1 && ((cr0 & 4) != 0 || (get32(ctx, CR4) & 0x200) == 0)) raise(ctx, UD, false, 0);
  if (kind == 2 ? (cr0 & 10) == 10 : (cr0 & 12) != 0) raise(ctx, NM, false, 0);
}

function bound(ctx: usize, size: i32, index: u64, low: u64, high: u64): void {
  const inside =
    size == 2
      ? <i16>index >= <i16>low && <i16>index <= <i16>high
      : <i32>index >= <i32>low && <i32>index <= <i32>high;
  if (!inside) raise(ctx, BR, false, 0);
}
