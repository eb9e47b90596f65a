/** For tests: a vCPU with a few MiB of guest memory and nothing else, in the mode the test wants. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CR0,
  CR3,
  CR4,
  EFER,
  FCW,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  MXCSR,
  P2M_ROOT,
  P2M_ROOT_ENTRIES,
  P2M_VALID,
  P2M_WRITABLE,
  PCPU,
  PCPU_BASE,
  RIP,
  RSP,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  TR_ATTR,
  XENHEAP,
} from '../../machine/layout.ts';
import { Memories } from '../../machine/memories.ts';
import { contextAddress, VcpuContext } from '../../machine/vcpu-context.ts';
import { Engine, type EngineOptions } from '../engine.ts';
import { assertSound } from '../ir/verifier.ts';
import { verifyModule } from '../targets/wasm/verify-module.ts';
import { fromHex } from './hex.ts';

const coreFile = join(import.meta.dirname, '../../../build/core.wasm');

/** True when the core has been built (npm run build:core). */
export const coreIsBuilt: boolean = existsSync(coreFile);

let compiled: WebAssembly.Module | undefined;
const coreModule = (): WebAssembly.Module => {
  compiled ??= new WebAssembly.Module(readFileSync(coreFile));
  return compiled;
};

/** Options of every machine made without them: ZENDO_TEST_PROMOTE=n runs all tests of this kind with regions. */
const promote = process.env['ZENDO_TEST_PROMOTE'];
const defaults: EngineOptions = promote === undefined ? {} : { promoteAfter: Number(promote) };

const PAGE = 4096;
/** Guest memory starts above 2 GiB of `frames`, so that offsets are seen as unsigned. */
const FIRST_MFN = 0x90000;
const CODE = 0xb | 0x10 | 0x80 | 0x800;
const DATA = 0x3 | 0x10 | 0x80 | 0x800;
const SIZE_32 = 0x400;
const LONG = 0x200;

export type TestMode = 16 | 32 | 64;

export class TestMachine {
  readonly memories: Memories = new Memories();
  readonly engine: Engine;
  readonly context: VcpuContext;
  /** Address of the vCPU context. */
  readonly ctx: number;
  readonly pages: number;

  /** `pages`: guest frames of 4 KiB from address 0. Every block's IR is verified. `module`: another core than the one that was built. */
  constructor(options: EngineOptions = {}, pages = 1024, module = coreModule()) {
    this.pages = pages;
    this.engine = new Engine(this.memories, module, { check: assertSound, checkModule: verifyModule, ...defaults, ...options });
    this.ctx = contextAddress(0);
    this.context = new VcpuContext(this.memories, this.ctx);
    this.map();
    this.context.setLow(PCPU, PCPU_BASE);
    this.context.setLow(FCW, 0x37f);
    this.context.setLow(MXCSR, 0x1f80);
  }

  /** Second-stage table: gfn n is frame FIRST_MFN + n. */
  private map(): void {
    const words = this.memories.stateWords;
    const root = XENHEAP;
    const leaf = XENHEAP + P2M_ROOT_ENTRIES * 4;
    for (let gfn = 0; gfn < this.pages; gfn++) {
      const table = leaf + (gfn >> 10) * PAGE;
      words[root / 4 + (gfn >> 10)] = table | 0;
      words[table / 4 + (gfn & 1023)] = (FIRST_MFN + gfn) | P2M_VALID | P2M_WRITABLE;
    }
    this.context.setNumber(P2M_ROOT, root);
  }

  /** Offset in `frames` of a guest-physical address. */
  offset(gpa: number): number {
    return FIRST_MFN * PAGE + gpa;
  }

  write(gpa: number, bytes: ArrayLike<number>): void {
    this.memories.frameBytes.set(bytes, this.offset(gpa));
  }

  writeHex(gpa: number, hex: string): void {
    this.write(gpa, fromHex(hex));
  }

  read(gpa: number, length: number): Uint8Array {
    return this.memories.frameBytes.slice(this.offset(gpa), this.offset(gpa) + length);
  }

  read32(gpa: number): number {
    return this.memories.frameView.getUint32(this.offset(gpa), true);
  }

  read64(gpa: number): bigint {
    return this.memories.frameView.getBigUint64(this.offset(gpa), true);
  }

  write64(gpa: number, value: bigint): void {
    this.memories.frameView.setBigUint64(this.offset(gpa), value, true);
  }

  /** Protected mode without paging and flat (16: real mode), or long mode with page tables at 0x1000 that map the first GiB one to one by 2 MiB pages. */
  enter(mode: TestMode, rip: number, rsp = 0x80000): void {
    const { context } = this;
    const long = mode === 64;
    for (let segment = 0; segment < 6; segment++) {
      context.setLow(SEG_SEL + segment, mode === 16 ? 0 : segment === 1 ? 8 : 16);
      context.setLow(SEG_BASE + segment, 0);
      context.setLow(SEG_LIMIT + segment, mode === 16 ? 0xffff : 0xffffffff);
      const attr = segment === 1 ? CODE | (long ? LONG : SIZE_32) : DATA | SIZE_32;
      context.setLow(SEG_ATTR + segment, mode === 16 ? (segment === 1 ? 0x9b : 0x93) : attr);
    }
    context.setLow(TR_ATTR, 0x8b);
    context.setLow(CR0, mode === 16 ? 0x10 : long ? 0x80010033 : 0x33);
    context.setLow(CR4, long ? 0x620 : 0x600);
    context.setLow(EFER, long ? 0xd01 : 0);
    if (long) {
      this.write64(0x1000, 0x2003n);
      this.write64(0x2000, 0x3003n);
      for (let k = 0; k < 512; k++) this.write64(0x3000 + k * 8, BigInt(k * 0x200000) | 0x83n);
      context.setLow(CR3, 0x1000);
    }
    context.setNumber(RIP, rip);
    context.setNumber(RSP, rsp);
    this.engine.setRflags(this.ctx, 2n);
  }

  /** Base and limit of the descriptor table register. */
  table(which: 'gdt' | 'idt', base: number, limit: number): void {
    this.context.setNumber(which === 'gdt' ? GDTR_BASE : IDTR_BASE, base);
    this.context.setLow(which === 'gdt' ? GDTR_LIMIT : IDTR_LIMIT, limit);
  }

  reg(slot: number): bigint {
    return this.context.get(slot);
  }

  setReg(slot: number, value: bigint): void {
    this.context.set(slot, BigInt.asUintN(64, value));
  }

  /** Runs at most `budget` instructions; the exit reason. */
  run(budget = 1_000_000): number {
    return this.engine.runFor(this.ctx, budget);
  }
}
