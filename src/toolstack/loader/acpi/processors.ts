import { buffer, define, integer, processor, scope, text } from './aml.ts';

/** A processor as ACPI sees it: its number and its local APIC's id. */
export interface ApicEntry {
  readonly processorId: number;
  readonly apicId: number;
}

/** Processors that 8-bit APIC ids of this spacing allow; also Xen's HVM_MAX_VCPUS. */
export const MOST_VCPUS = 128;

/** The local APICs of `vcpus` processors: ids are spaced by two, as on Xen. */
export const localApics = (vcpus: number): ApicEntry[] => Array.from({ length: vcpus }, (_, n) => ({ processorId: n, apicId: n * 2 }));

/** "Processor Local APIC", enabled. @see ACPI 5.0, 5.2.12.2 */
const localApicStructure = ({ processorId, apicId }: ApicEntry): readonly number[] => [0, 8, processorId, apicId, 1, 0, 0, 0];

export const madtEntries = (apics: readonly ApicEntry[]): readonly number[] => apics.flatMap(localApicStructure);

/** The definition block's terms: Scope(\_SB) with one processor object for each. */
export function dsdt(apics: readonly ApicEntry[]): readonly number[] {
  return scope(
    '\\_SB',
    apics.map((apic) =>
      processor(`PR${apic.processorId.toString(16).toUpperCase().padStart(2, '0')}`, apic.processorId, [
        define('_HID', text('ACPI0007')),
        define('_UID', integer(apic.processorId)),
        define('_STA', integer(0xf)),
        define('_MAT', buffer(localApicStructure(apic))),
      ]),
    ),
  );
}
