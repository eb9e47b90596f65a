/** Which rows run, and what is known of those that cannot be compared bit for bit. */
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import type { Row } from '../../src/spec/x86/row.ts';
import type { CodeSize } from '../../src/translator/decode/encodings.ts';
import { existsIn } from '../../src/translator/decode/encodings.ts';

/** Rows that user code cannot run here, or whose answer is not the processor's alone. By lift name. */
export const EXCLUDED: readonly { readonly reason: string; readonly lifts: readonly string[] }[] = [
  { reason: 'answers for the host, the guest has a CPU model', lifts: ['system.cpuid', 'fxsave.xgetbv', 'system.rdpid'] },
  { reason: 'time and chance', lifts: ['system.rdtsc', 'system.rdtscp', 'system.rdrand', 'system.rdseed'] },
  { reason: "enters the host's kernel or hypervisor", lifts: ['system.syscall', 'system.vmcall', 'system.vmmcall'] },
  { reason: 'Linux answers in its place (UMIP)', lifts: ['system.sgdt', 'system.sidt', 'system.smsw', 'segment.sldt', 'segment.str'] },
  { reason: 'hypervisors below may give back another RIP', lifts: ['interrupt.int1'] },
];

/** Results are compared within an error, and only as the last instruction. Largest difference: `ulps` of an 80-bit result, or `relative`. */
export const APPROXIMATE: readonly { readonly lifts: readonly string[]; readonly ulps?: number; readonly relative?: number }[] = [
  { lifts: ['x87.fsin', 'x87.fcos', 'x87.fsincos', 'x87.fptan', 'x87.fpatan', 'x87.f2xm1', 'x87.fyl2x', 'x87.fyl2xp1'], ulps: 2 },
  {
    lifts: ['ssefp.rcpps', 'ssefp.rcpss', 'ssefp.rsqrtps', 'ssefp.rsqrtss', 'avxfp.vrcpps', 'avxfp.vrcpss', 'avxfp.vrsqrtps', 'avxfp.vrsqrtss'],
    relative: 2 * 1.5 * 2 ** -12,
  },
];

const excluded = new Set(EXCLUDED.flatMap(({ lifts }) => lifts));
const approximate = new Map(APPROXIMATE.flatMap((entry) => entry.lifts.map((lift) => [lift, entry] as const)));

/** How a row's results may differ, undefined: not at all. */
export const tolerance = (row: Row): { readonly ulps?: number; readonly relative?: number } | undefined => approximate.get(row.lift);

/** Why a row does not run here, or undefined. */
export function reasonToLeaveOut(row: Row, features: ReadonlySet<string>): string | undefined {
  if (row.todo !== undefined) return 'not implemented yet';
  if (excluded.has(row.lift)) return EXCLUDED.find(({ lifts }) => lifts.includes(row.lift))?.reason;
  if (row.feature !== undefined && !features.has(row.feature)) return 'not on this processor';
  return undefined;
}

/** Numbers of the rows to run in `mode`. */
export function rowsFor(mode: CodeSize, features: ReadonlySet<string>, wanted: RegExp): number[] {
  const numbers: number[] = [];
  ROWS.forEach((row, index) => {
    if (existsIn(row, mode) && reasonToLeaveOut(row, features) === undefined && wanted.test(rowName(index))) numbers.push(index);
  });
  return numbers;
}

/** Name of a row for people and for --rows: `0F B0 CMPXCHG Eb Gb`. */
export function rowName(index: number): string {
  const row = ROWS[index] as Row;
  const map = row.map === '1' ? '' : `${row.map} `;
  const prefix = row.prefix === 'any' ? '' : `${row.prefix} `;
  const w = row.w === -1 ? '' : `W${row.w} `;
  const ext = row.ext === -1 ? '' : ` /${row.ext}`;
  return `${map}${prefix}${w}${row.opcode.toString(16).padStart(2, '0').toUpperCase()}${ext} ${row.mnemonic} ${row.operands.join(' ')}`.trim();
}

/** Its results are no input for others: approximations, and FXSAVE's image, in which MXCSR_MASK is the CPU model's. */
export const isLast = (index: number): boolean => {
  const row = ROWS[index] as Row;
  return tolerance(row) !== undefined || row.lift === 'fxsave.fxsave' || isAlone(index);
};

/** Only by itself: nothing before it may change which components EDX:EAX names, because the host's XCR0 has more than the guest's. */
export const isAlone = (index: number): boolean => /^fxsave\.x/.test((ROWS[index] as Row).lift);
