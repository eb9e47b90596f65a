import { SCHEDOP_shutdown, SHUTDOWN_crash } from '../../spec/xen/sched.ts';
import { __HYPERVISOR_sched_op } from '../../spec/xen/xen.ts';
import { Assembler, R } from './assembler.ts';
import { enterLongMode, longModeTables } from './long-mode.ts';
import { pvhElf } from './pvh-elf.ts';

const BASE = 0x100000;

/** How the guest ends: an exception without an IDT, the shutdown hypercall, or bytes that it executes. */
export type CrashWay = 'ud2' | 'page fault' | 'hypercall' | { readonly code: readonly number[] };

/** Value of RBX when the guest crashes. */
export const CRASH_MARK = 0x1234_5678_9abc_def0n;

/** A PVH guest that crashes in 64-bit mode, three calls deep with frame pointers: entry -> outer -> middle -> inner. */
export function crashGuest(way: CrashWay): Uint8Array {
  return pvhElf(assemble(way).finish(), BASE, BASE);
}

/** Where the guest's functions are, and `crash`, the instruction or code it crashes in. */
export function crashGuestAddress(way: CrashWay, label: 'entry' | 'long_mode' | 'outer' | 'middle' | 'inner' | 'crash'): number {
  return assemble(way).address(label);
}

function assemble(way: CrashWay): Assembler {
  const a = new Assembler(BASE, 32);
  a.label('entry');
  enterLongMode(a, 'stack_top');
  a.xor(R.bp, R.bp).movq(R.bx, CRASH_MARK).call('outer').label('stop').hlt().jmp('stop');
  const prologue = (name: string): Assembler => a.label(name).push(R.bp).mov(R.bp, R.sp);
  prologue('outer').call('middle').pop(R.bp).ret();
  prologue('middle').subi(R.sp, 64).call('inner').addi(R.sp, 64).pop(R.bp).ret();
  prologue('inner').label('crash');
  if (way === 'ud2') a.ud2();
  else if (way === 'page fault') a.movq(R.ax, 0xdead_0000n << 16n).load(R.ax, { base: R.ax });
  else if (way === 'hypercall') a.movi(R.di, SCHEDOP_shutdown).lea(R.si, 'shutdown').movi(R.ax, __HYPERVISOR_sched_op).vmmcall();
  else a.db(...way.code);
  a.pop(R.bp).ret();
  a.align(8).label('shutdown').dd(SHUTDOWN_crash);
  longModeTables(a);
  a.align(4096).label('stack').space(4096).label('stack_top');
  return a;
}
