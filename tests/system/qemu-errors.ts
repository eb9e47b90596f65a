/** A case in which QEMU's TCG is wrong: its name, what is right (and what Zendo must say), and why. */
export interface QemuError {
  readonly name: string;
  readonly right: string;
  readonly reason: string;
}

const LIMITS = 'TCG does not check segment types and limits on accesses to memory';
const TSC = 'TCG has no TSC among its MSRs: reads give 0, writes are dropped';
const PRESENT = 'TCG leaves out the present bit of the error code when a reserved bit is set';

/** Known errors of QEMU 7.2's TCG. The list may only shrink: a case that agrees must go, and a new one must be Zendo's error until shown otherwise. */
export const QEMU_ERRORS: readonly QemuError[] = [
  { name: 'use of null', right: '#13 0 +4', reason: LIMITS },
  { name: 'write through code', right: '#13 0 +7', reason: LIMITS },
  { name: 'write through read-only data', right: '#13 0 +7', reason: LIMITS },
  { name: 'limit, one beyond', right: '#13 0 +7', reason: LIMITS },
  { name: 'limit, wrap', right: '#13 0 +7', reason: LIMITS },
  { name: 'expand-down below its limit', right: '#13 0 +7', reason: LIMITS },
  { name: 'MOV to CR0, NW without CD', right: '#13 0 +8', reason: 'TCG does not check the combination' },
  { name: 'RDMSR of the TSC is no less than RDTSC before', right: '0', reason: TSC },
  { name: 'WRMSR of the TSC', right: '1234', reason: TSC },
  { name: 'ring 3: alignment', right: '#17 0 +0', reason: 'TCG has no alignment checks' },
  { name: '2-level paging: reserved bit of a large page', right: '#14 9 +0 cr2 1000000', reason: PRESENT },
  { name: 'PAE paging: no execute while EFER.NXE is off', right: '#14 9 +0 cr2 a00000', reason: PRESENT },
  { name: 'PAE paging: reserved bit of a large page', right: '#14 9 +0 cr2 c00000', reason: PRESENT },
  { name: 'PAE paging: reserved bits of a PDPTE', right: '#13 0 +15', reason: 'TCG does not load the PDPTEs with CR3' },
  { name: 'PAE paging: accessed bit of a PDPTE', right: '3001', reason: 'TCG sets a bit that PDPTEs do not have' },
  { name: 'real mode: word at FFFF', right: 'f00d 3 0', reason: LIMITS },
  { name: 'real mode: address above 64 KiB', right: 'f00d 6 0', reason: LIMITS },
  { name: 'virtual 8086: 64 KiB', right: '#13 0 +6', reason: LIMITS },
  { name: 'long mode: paging without PAE', right: '#13 0 +17', reason: 'TCG does not check CR4.PAE when paging goes on with EFER.LME' },
  { name: 'long mode: word 11', right: '6', reason: "TCG's SYSCALL loses the arithmetic flags that SFMASK keeps" },
];
