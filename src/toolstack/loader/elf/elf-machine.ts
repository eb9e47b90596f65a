/** ELF e_machine numbers that this room tells apart. @see System V ABI, "ELF Header" */
export const EM_386 = 3;
export const EM_X86_64 = 62;

const machines: Readonly<Record<number, string>> = {
  2: 'SPARC',
  [EM_386]: 'i386',
  4: 'm68k',
  8: 'MIPS',
  15: 'PA-RISC',
  20: 'PowerPC',
  21: 'PowerPC64',
  22: 's390',
  40: 'ARM',
  42: 'SuperH',
  43: 'SPARC64',
  50: 'IA-64',
  [EM_X86_64]: 'x86-64',
  183: 'AArch64',
  243: 'RISC-V',
  247: 'BPF',
  258: 'LoongArch',
};
const types: Readonly<Record<number, string>> = { 1: 'a relocatable object', 2: 'an executable', 3: 'a shared object', 4: 'a core dump' };

/** The name of an e_machine. */
export const machineName = (machine: number): string => machines[machine] ?? `machine ${machine}`;

/** "an ELF file for AArch64 (64-bit, an executable)"; `bytes` start with the ELF signature. */
export function describeMachine(bytes: Uint8Array): string {
  if (bytes.length < 20) return 'an ELF file cut short inside its header';
  const bits = bytes[4] === 1 ? '32-bit' : bytes[4] === 2 ? '64-bit' : 'of an unknown class';
  const bigEndian = bytes[5] === 2;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint16(16, !bigEndian);
  const machine = view.getUint16(18, !bigEndian);
  return `an ELF file for ${machineName(machine)} (${bits}${bigEndian ? ', big-endian' : ''}, ${types[type] ?? `type ${type}`})`;
}
