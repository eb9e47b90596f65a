import { Assembler, CC, R } from '../../src/toolstack/guests/assembler.ts';
import { enterLongMode, longModeTables } from '../../src/toolstack/guests/long-mode.ts';
import { pvhElf } from '../../src/toolstack/guests/pvh-elf.ts';

const BASE = 0x100000;
/** Rounds of the loop, and the one in which SETL and SETLE differ. */
const ROUNDS = 12;
const LATE = 9;

/** A bare guest, and where its instructions are. */
export interface LockstepGuest {
  readonly elf: Uint8Array;
  /** Address of the instruction that `seeded` changes; of the last one without. */
  readonly address: bigint;
}

/**
 * Runs on any machine with a PVH entry: CPUID, time, memory, calls, a string copy, a loop, then the port that ends QEMU. `seeded`
 * makes one instruction another: one that shows it at once, or one in the loop whose result is another in a late round only.
 */
export function lockstepGuest(seeded?: 'early' | 'late'): LockstepGuest {
  const a = new Assembler(BASE, 32);
  a.label('entry');
  enterLongMode(a, 'stack_top');
  a.movi(R.ax, 0).movi(R.cx, 0).cpuid();
  a.mov(R.r14, R.bx).db(0x0f, 0x31); // rdtsc: what CPUID said is kept
  a.movi(R.bx, 7);
  a.label('early').addi(R.bx, seeded === 'early' ? 8 : 5);
  a.movi(R.r10, 0).movi(R.r12, 0).movi(R.r13, 0);
  a.label('loop').mov(R.r8, R.r12).call('twice');
  a.add(R.r13, R.r8).lea(R.di, 'buffer').store({ base: R.di }, R.r13);
  // rep movsb: 100 bytes
  a.lea(R.si, 'buffer').addi(R.di, 64).movi(R.cx, 100).db(0xf3, 0xa4);
  // the same in all rounds but one
  a.cmpi(R.r12, LATE)
    .label('late')
    .setcc(seeded === 'late' ? CC.le : CC.l, R.r10)
    .add(R.r13, R.r10);
  a.addi(R.r12, 1).cmpi(R.r12, ROUNDS).jcc(CC.ne, 'loop');
  a.movi(R.ax, 0).db(0xe7, 0xf4); // out 0xf4, eax
  a.label('stop').hlt().jmp('stop');
  a.label('twice').push(R.r12).add(R.r8, R.r8).pop(R.r12).ret();
  a.align(64).label('buffer').space(512);
  longModeTables(a);
  a.align(4096).label('stack').space(4096).label('stack_top');
  const address = BigInt(a.address(seeded ?? 'stop'));
  return { elf: pvhElf(a.finish(), BASE, BASE), address };
}
