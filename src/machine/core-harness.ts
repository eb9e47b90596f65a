/**
 * A machine small enough to hold in one's head, for tests and benchmarks of the core: one vCPU, one pCPU, a p2m over
 * given frames, and blocks packed by hand instead of a translator.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as L from './layout.ts';
import { Memories } from './memories.ts';
import { OP_BRCC, OP_BRNZ, OP_BRSUB, OP_CALL, OP_ENTER, OP_F_CALL64, OP_F_CMPBR, OP_F_CMPIBR, OP_F_TESTBR, OP_JMP } from './ops.ts';
import { contextAddress, VcpuContext } from './vcpu-context.ts';

/** What the core exports (docstring of assembly/index.ts). */
export interface Core {
  run(ctx: number): number;
  unwind(ctx: number): void;
  getRflags(ctx: number): bigint;
  setRflags(ctx: number, value: bigint): void;
  updateMode(ctx: number): void;
  injectInterrupt(ctx: number, vector: number): void;
  injectNmi(ctx: number): void;
  injectException(ctx: number, vector: number, hasError: number, error: number): void;
  flushAll(ctx: number): void;
  flushNonGlobal(ctx: number): void;
  flushPage(ctx: number, va: bigint): void;
  flushFrame(ctx: number, mfn: number): void;
  flushPcpu(ctx: number): void;
  protectFrame(ctx: number, mfn: number): void;
  insertBlock(ctx: number, block: number): void;
  dropFrame(ctx: number, mfn: number): void;
  dropRange(ctx: number, mfn: number, first: number, last: number): void;
  translateVa(ctx: number, va: bigint, access: number): bigint;
  clearFault(ctx: number): void;
  walkVa(ctx: number, va: bigint, access: number, view: number): number;
  retiredNow(ctx: number): bigint;
}

/** One micro-op; missing fields are 0. */
export interface Uop {
  readonly op: number;
  readonly d?: number;
  readonly a?: number;
  readonly b?: number;
  readonly c?: number;
  readonly imm?: bigint;
  /** Second half of the link word (OP_F_CMPIBR). */
  readonly constant?: bigint;
  /** Byte offset and index of the instruction in its block. */
  readonly ipos?: number;
  readonly idx?: number;
}

/** A block by hand: its ENTER is added. */
export interface HandBlock {
  readonly bytes: number;
  readonly insns: number;
  readonly uops: readonly Uop[];
  /** It crosses into the next page. */
  readonly crosses?: boolean;
}

export type Translate = (phys: number, phys2: number, mode: number, once: boolean) => HandBlock | undefined;

const linked = new Set([OP_JMP, OP_BRNZ, OP_BRCC, OP_BRSUB, OP_CALL, OP_F_CALL64, OP_F_CMPBR, OP_F_CMPIBR, OP_F_TESTBR]);
const FAULT = Symbol('fault');

export const coreModule = (): WebAssembly.Module => new WebAssembly.Module(readFileSync(join(resolve(import.meta.dirname, '../..'), 'build/core.wasm')));

export class Harness {
  readonly memories = new Memories();
  readonly core: Core;
  readonly ctx = contextAddress(0);
  readonly cpu: VcpuContext;
  /** Answers the core's requests for blocks; tests replace it. */
  translate: Translate = () => undefined;
  translations = 0;
  private arena = L.CODE_ARENA + 0x1000;
  private heap = L.XENHEAP;
  private readonly root: number;

  constructor(module: WebAssembly.Module = coreModule()) {
    const { memories } = this;
    const instance = new WebAssembly.Instance(module, {
      env: {
        state: memories.state,
        frames: memories.frames,
        throw_fault: () => {
          throw FAULT;
        },
        translate: (ctx: number, phys: number, phys2: number, mode: number) => this.onTranslate(ctx, phys >>> 0, phys2 >>> 0, mode),
        promote: () => {},
        host_tsc: () => 0n,
        trace: () => {},
        check_access: () => {},
        abort: () => {
          throw new Error('core aborted');
        },
      },
    });
    this.core = instance.exports as unknown as Core;
    this.cpu = new VcpuContext(memories, this.ctx);
    this.root = this.allocate(L.P2M_ROOT_ENTRIES * 4);
    const { cpu } = this;
    cpu.setLow(L.P2M_ROOT, this.root);
    cpu.setLow(L.PCPU, L.PCPU_BASE);
    cpu.set(L.DR6, 0xffff0ff0n);
    cpu.set(L.DR7, 0x400n);
    this.core.flushPcpu(this.ctx);
    this.reset64();
  }

  /** 64-bit supervisor code without paging checks: flat segments, unpaged unless CR0.PG is set afterwards. */
  reset64(): void {
    const { cpu } = this;
    for (let segment = 0; segment < 6; segment++) {
      cpu.set(L.SEG_BASE + segment, 0n);
      cpu.set(L.SEG_LIMIT + segment, 0xffffffffn);
      cpu.set(L.SEG_ATTR + segment, segment === 1 ? 0xa9bn : 0xc93n);
      cpu.set(L.SEG_SEL + segment, segment === 1 ? 0x10n : 0x18n);
    }
    cpu.set(L.CR0, 0x10031n);
    cpu.set(L.CR4, 0x20n);
    cpu.set(L.EFER, 0xd00n);
    cpu.set(L.CPL, 0n);
    cpu.set(L.EFLAGS_SYS, 0n);
    this.core.updateMode(this.ctx);
  }

  /** Zeroed memory of the hypervisor's heap, page aligned. */
  allocate(size: number): number {
    const at = this.heap;
    this.heap += (size + 4095) & ~4095;
    return at;
  }

  /** Maps guest frame `gfn` to machine frame `mfn` with P2M_ flags. */
  map(gfn: number, mfn: number, flags: number = L.P2M_VALID | L.P2M_WRITABLE): void {
    const view = this.memories.stateView;
    const slot = this.root + (gfn >>> 10) * 4;
    let leaf = view.getUint32(slot, true);
    if (leaf === 0) {
      leaf = this.allocate(4096);
      view.setUint32(slot, leaf, true);
    }
    view.setUint32(leaf + (gfn & 1023) * 4, (flags | mfn) >>> 0, true);
  }

  /** Packs a block into the arena; not entered in any list. */
  pack(block: HandBlock, phys: number, phys2: number, mode: number): number {
    const { stateView: view } = this.memories;
    const header = this.arena;
    view.setUint32(header + L.BLK_PHYS, phys, true);
    view.setUint32(header + L.BLK_MODE, mode, true);
    for (const field of [L.BLK_NEXT, L.BLK_FRAME_NEXT, L.BLK_COUNT, L.BLK_FLAGS, L.BLK_REGION, L.BLK_FRAME2_NEXT]) view.setUint32(header + field, 0, true);
    view.setUint16(header + L.BLK_BYTES, block.bytes, true);
    view.setUint16(header + L.BLK_INSNS, block.insns, true);
    view.setUint32(header + L.BLK_UOPS, block.uops.length + 1, true);
    view.setUint32(header + L.BLK_PHYS2, block.crosses ? phys2 : 0xffffffff, true);
    let at = header + L.BLK_HEADER;
    for (const uop of [{ op: OP_ENTER, imm: BigInt(block.insns) } as Uop, ...block.uops]) {
      view.setUint16(at, uop.op, true);
      view.setUint8(at + L.UOP_D, uop.d ?? 0);
      view.setUint8(at + L.UOP_A, uop.a ?? 0);
      view.setUint8(at + L.UOP_B, uop.b ?? 0);
      view.setUint8(at + L.UOP_C, uop.c ?? 0);
      view.setUint8(at + L.UOP_IPOS, uop.ipos ?? 0);
      view.setUint8(at + L.UOP_IDX, uop.idx ?? 0);
      view.setBigInt64(at + L.UOP_IMM, BigInt.asIntN(64, uop.imm ?? 0n), true);
      at += L.UOP_SIZE;
      if (linked.has(uop.op)) {
        view.setBigInt64(at, 0n, true);
        view.setBigInt64(at + 8, BigInt.asIntN(64, uop.constant ?? 0n), true);
        at += L.UOP_SIZE;
      }
    }
    this.arena = at;
    return header;
  }

  /** Runs until an exit, at most `budget` instructions. */
  run(budget: number): number {
    this.cpu.setNumber(L.BUDGET, budget);
    return this.resume();
  }

  /** Runs on with the budget that is left. */
  resume(): number {
    for (;;) {
      try {
        return this.core.run(this.ctx);
      } catch (error) {
        if (error !== FAULT) throw error;
        this.core.unwind(this.ctx);
      }
    }
  }

  private onTranslate(ctx: number, phys: number, phys2: number, mode: number): number {
    const once = this.cpu.low(L.ONE_INSN) !== 0;
    const block = this.translate(phys, phys2, mode, once);
    if (block === undefined) return 0;
    this.translations++;
    const header = this.pack(block, phys, phys2, mode);
    if (!once) this.core.insertBlock(ctx, header);
    return header;
  }
}
