/** Names of MSRs for traces. */
import * as msr from './msr.ts';

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(msr)
    .flatMap(([name, value]): [number, string][] => (name.startsWith('MSR_') && typeof value === 'number' ? [[value, name]] : []))
    .reverse(),
);

/** `MSR_EFER` for 0xc0000080, hexadecimal for unknown ones. */
export function msrName(number: number): string {
  const nr = number >>> 0;
  if (nr >= msr.MSR_X2APIC_FIRST && nr <= msr.MSR_X2APIC_LAST) return `x2APIC register 0x${(nr - msr.MSR_X2APIC_FIRST).toString(16)}`;
  return names.get(nr) ?? `MSR 0x${nr.toString(16)}`;
}
