/** The engine's vCPU as Linux would have it for a user program: second-stage table, page tables, descriptor tables, control registers, stubs. */
import {
  CR0,
  CR3,
  CR4,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  LDTR_ATTR,
  LDTR_BASE,
  LDTR_LIMIT,
  LDTR_SEL,
  P2M_ROOT,
  P2M_ROOT_ENTRIES,
  P2M_VALID,
  P2M_WRITABLE,
  PCPU,
  PCPU_BASE,
  TR_ATTR,
  TR_BASE,
  TR_LIMIT,
  TR_SEL,
  XCR0,
  XENHEAP,
} from '../../src/machine/layout.ts';
import type { Memories } from '../../src/machine/memories.ts';
import type { VcpuContext } from '../../src/machine/vcpu-context.ts';
import * as L from './layout.ts';

export const PAGE = 4096;
/** Guest memory lies above 2 GiB of `frames`. */
const FIRST_MFN = 0x90000;
const PAGES = 128;
/** Guest-physical places. */
export const CODE_AT = 0x20000;
export const WINDOW_AT = 0x30000;
const HIGH_AT = 0x40000;
export const KERNEL_AT = 0x50000;
/** Supervisor pages: GDT, LDT, IDT, TSS in the first, handlers in the second, their stack below the end of the third. */
export const KERNEL = 0xffff800000000000n;
const GDT = 0;
const LDT = 0x100;
const IDT = 0x200;
const TSS = 0x500;
const HANDLERS = 0x1000;
const KERNEL_STACK = 0x3000;
/** Linux's descriptors that user code can tell from empty ones (@see linux arch/x86/include/asm/segment.h for their order). */
const GLOBAL: Readonly<Record<number, bigint>> = {
  1: 0x00cf9b000000ffffn,
  2: 0x00af9b000000ffffn,
  3: 0x00cf93000000ffffn,
  4: 0x00cffb000000ffffn,
  5: 0x00cff3000000ffffn,
  6: 0x00affb000000ffffn,
};
const TSS_ENTRY = 8;
const LDT_ENTRY = 10;

/** The eight bytes of a local descriptor as Linux makes them. */
function localDescriptor(one: L.LocalDescriptor): bigint {
  const type = (one.contents << 2) | (one.readOnly ? 0 : 2) | 1;
  const access = type | 0x10 | 0x60 | (one.absent ? 0 : 0x80);
  const flags = 1 | (one.big ? 4 : 0);
  const high = ((one.base >>> 16) & 0xff) | (access << 8) | (((one.limit >>> 16) & 15) << 16) | (flags << 20) | (one.base & 0xff000000);
  return (BigInt((one.limit & 0xffff) | ((one.base & 0xffff) << 16)) % 0x100000000n) | (BigInt(high >>> 0) << 32n);
}

export class MachineSetup {
  /** Descriptors by selector with RPL 0. */
  readonly descriptors: Map<number, bigint> = new Map();
  private readonly memories: Memories;
  private readonly context: VcpuContext;

  constructor(memories: Memories, context: VcpuContext) {
    this.memories = memories;
    this.context = context;
    this.mapFrames();
    this.makePageTables();
    this.makeTables();
    for (let n = 0; n < L.EXITS; n++) memories.frameBytes.set([0x0f, 0xa2], this.offset(HIGH_AT) + n * 16);
    this.makeStubs();
  }

  /** Offset in `frames` of a guest-physical address. */
  offset(physical: number): number {
    return FIRST_MFN * PAGE + physical;
  }

  private put64(physical: number, value: bigint): void {
    this.memories.frameView.setBigUint64(this.offset(physical), value, true);
  }

  private mapFrames(): void {
    const leaf = XENHEAP + P2M_ROOT_ENTRIES * 4;
    this.memories.stateWords[XENHEAP / 4] = leaf | 0;
    for (let gfn = 0; gfn < PAGES; gfn++) this.memories.stateWords[leaf / 4 + gfn] = (FIRST_MFN + gfn) | P2M_VALID | P2M_WRITABLE;
    this.context.setNumber(P2M_ROOT, XENHEAP);
    this.context.setLow(PCPU, PCPU_BASE);
  }

  /** Four levels at 0x1000; A and D bits are set, so that nothing is written while cases run. */
  private makePageTables(): void {
    const table = 0x67n;
    const user = 0x67n;
    const noExecute = 1n << 63n;
    const readOnly = 0x65n;
    this.put64(0x1000, 0x2000n | table);
    this.put64(0x2000, 0x3000n | table);
    this.put64(0x3000 + (L.CODE >>> 21) * 8, 0x4000n | table);
    this.put64(0x3000 + (L.WINDOW >>> 21) * 8, 0x5000n | table);
    for (let n = 0; n < 16; n++) this.put64(0x4000 + n * 8, BigInt(CODE_AT + n * PAGE) | readOnly);
    for (const page of L.TEMPLATE_PAGES) {
      this.put64(0x5000 + (page >>> 12) * 8, BigInt(WINDOW_AT + page) | (page === L.READ_ONLY ? readOnly : user) | noExecute);
    }
    const high = BigInt(L.HIGH);
    this.put64(0x1000 + Number((high >> 39n) & 511n) * 8, 0x6000n | table);
    this.put64(0x6000 + Number((high >> 30n) & 511n) * 8, 0x7000n | table);
    this.put64(0x7000 + Number((high >> 21n) & 511n) * 8, 0x8000n | table);
    this.put64(0x8000 + Number((high >> 12n) & 511n) * 8, BigInt(HIGH_AT) | readOnly);
    this.put64(0x1000 + 256 * 8, 0x9000n | 3n);
    this.put64(0x9000, 0xa000n | 3n);
    this.put64(0xa000, 0xb000n | 3n);
    for (let n = 0; n < 3; n++) this.put64(0xb000 + n * 8, BigInt(KERNEL_AT + n * PAGE) | 0x63n);
  }

  private makeTables(): void {
    const { context } = this;
    for (const [entry, descriptor] of Object.entries(GLOBAL)) this.descriptor(KERNEL_AT + GDT, Number(entry), descriptor, Number(entry) * 8);
    L.LOCAL.forEach((one, n) => {
      this.descriptor(KERNEL_AT + LDT, n, localDescriptor(one), n * 8 + 4);
    });
    this.put64(KERNEL_AT + GDT + TSS_ENTRY * 8, 0x00008b0000000067n | ((KERNEL & 0xffffffn) << 16n) | BigInt(TSS << 16));
    this.put64(KERNEL_AT + GDT + TSS_ENTRY * 8 + 8, KERNEL >> 32n);
    this.put64(KERNEL_AT + GDT + LDT_ENTRY * 8, 0x0000820000000000n | BigInt(L.LOCAL.length * 8 - 1) | BigInt(LDT << 16));
    this.put64(KERNEL_AT + GDT + LDT_ENTRY * 8 + 8, KERNEL >> 32n);
    // the processor's number: data, DPL 3, byte-granular limit
    this.put64(KERNEL_AT + GDT + 15 * 8, 0x0040f50000000000n);
    for (let vector = 0; vector < 32; vector++) {
      const handler = KERNEL + BigInt(HANDLERS + vector * 16);
      const dpl = vector === 3 || vector === 4 ? 0xee00n : 0x8e00n;
      this.put64(KERNEL_AT + IDT + vector * 16, (handler & 0xffffn) | (0x10n << 16n) | (dpl << 32n) | (((handler >> 16n) & 0xffffn) << 48n));
      this.put64(KERNEL_AT + IDT + vector * 16 + 8, handler >> 32n);
      this.memories.frameBytes[this.offset(KERNEL_AT + HANDLERS + vector * 16)] = 0xf4;
    }
    this.put64(KERNEL_AT + TSS + 4, KERNEL + BigInt(KERNEL_STACK));
    // no I/O bitmap
    this.memories.frameView.setUint16(this.offset(KERNEL_AT + TSS + 0x66), 0x68, true);
    context.set(GDTR_BASE, KERNEL + BigInt(GDT));
    context.setLow(GDTR_LIMIT, 127);
    context.set(IDTR_BASE, KERNEL + BigInt(IDT));
    context.setLow(IDTR_LIMIT, 32 * 16 - 1);
    context.setLow(LDTR_SEL, LDT_ENTRY * 8);
    context.set(LDTR_BASE, KERNEL + BigInt(LDT));
    context.setLow(LDTR_LIMIT, L.LOCAL.length * 8 - 1);
    context.setLow(LDTR_ATTR, 0x82);
    context.setLow(TR_SEL, TSS_ENTRY * 8);
    context.set(TR_BASE, KERNEL + BigInt(TSS));
    context.setLow(TR_LIMIT, 0x67);
    context.setLow(TR_ATTR, 0x8b);
    context.setLow(CR0, 0x80050033);
    // PSE PAE PGE OSFXSR OSXMMEXCPT UMIP FSGSBASE OSXSAVE SMEP SMAP, as Linux has them
    context.setLow(CR4, 0x350eb0);
    context.setLow(CR3, 0x1000);
    context.setLow(EFER, 0xd01);
    context.setLow(XCR0, 7);
  }

  private descriptor(table: number, entry: number, value: bigint, selector: number): void {
    this.put64(table + entry * 8, value);
    this.descriptors.set(selector, value);
  }

  /** The stubs' bytes, as native.c makes them. */
  private makeStubs(): void {
    const bytes = this.memories.frameBytes;
    for (let n = 0; n < L.EXITS; n++) {
      const at = this.offset(CODE_AT + L.STUBS) + n * 16;
      bytes.set([0xff, 0x25, 2, 0, 0, 0], at + L.STUBS_64);
      this.memories.frameView.setBigUint64(at + L.STUBS_64 + 8, BigInt(L.HIGH + n * 16), true);
      const target = L.CODE + L.STUBS + L.STUBS_64 + n * 16;
      const far = [target & 0xff, (target >> 8) & 0xff, (target >> 16) & 0xff, target >>> 24, 0x33, 0];
      bytes.set([0xea, ...far], at + L.STUBS_32);
      bytes.set([0x66, 0xea, ...far], at + L.STUBS_16);
    }
  }
}
