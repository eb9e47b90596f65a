/**
 * The bytecode target's run loop: one switch over micro-ops (ops.ts says what each does), compiled to one br_table.
 *
 * The micro-op pointer and ctx live in locals; before anything that may throw or needs to know the instruction the pointer
 * is stored in CUR_UOP. Memory accesses probe the soft TLB inline; those that miss go to one place behind the switch, and so do branches,
 * so that the function stays small: it shares the processor's instruction cache with the regions.
 */
import {
  ASID, BLK_COUNT, BLK_HEADER, BLK_INSNS, BLK_MODE, BUDGET, CC_A, CC_B, CC_EFLAGS, CC_LOGIC, CC_OP, CC_SUB, CUR_BLOCK, CUR_UOP, EXIT_HLT, EXIT_LEN, EXIT_REASON, PCPU, PCPU_BASE, PCPU_STRIDE, RETURN_SITES,
  RETURN_SITES_OF, RETURN_SITES_STRIDE, RIP, RSP, SLOW_NEXT, TLB, TLB_ADDEND,
  TLB_ENTRIES, TLB_READ, TLB_WRITE, UOP_A, UOP_B, UOP_C, UOP_D, UOP_IDX, UOP_IMM, UOP_IPOS, UOP_SIZE, VEC,
} from "../layout";
import * as O from "../ops";
import { promote } from "./env";
import { runRegion } from "./regions";
import { unlink } from "./blocks";
import { carry, cond, condSub, getFlags, OSZAPC } from "./flags";
import { ld128, ld16u, ld32u, ld64, ld8u, st128, st16, st32, st64, st8 } from "./frames";
import { dispatchInt } from "./int/dispatch";
import { find, findFar, lookup, lookupOne, onward, start } from "./lookup";
import { raiseGp } from "./exceptions/raise";
import { wrapRip } from "./exceptions/unwind";
import { missed } from "./memory/missed";
import { load256, read128, slowRead, slowWrite, store256, write128 } from "./memory/access";
import { READ, WRITE } from "./memory/walk";
import { segmentLinear } from "./memory/segment";
import { mulHighSigned, mulHighUnsigned } from "./wide";
import { answeredPort } from "./system/open-bus";
import { armedTimer } from "./system/own-timer";
import { answeredCall } from "./system/quiet-call";
import { dispatchString } from "./strings/dispatch";
import { dispatchSystem } from "./system/dispatch";
import { dispatchVec } from "./vec/dispatch";
import { dispatchX87 } from "./x87/dispatch";
import { Ctx } from "./state";

/** Operands of the micro-op at `pc`. */
@unmanaged
class U {
  @inline static a(ctx: usize, pc: usize): u64 {
    return load<u64>(ctx + (<usize>load<u8>(pc, UOP_A) << 3));
  }
  @inline static b(ctx: usize, pc: usize): u64 {
    return load<u64>(ctx + (<usize>load<u8>(pc, UOP_B) << 3));
  }
  @inline static c(ctx: usize, pc: usize): u64 {
    return load<u64>(ctx + (<usize>load<u8>(pc, UOP_C) << 3));
  }
  @inline static d(ctx: usize, pc: usize): u64 {
    return load<u64>(ctx + (<usize>load<u8>(pc, UOP_D) << 3));
  }
  @inline static d32(ctx: usize, pc: usize): u32 {
    return load<u32>(ctx + (<usize>load<u8>(pc, UOP_D) << 3));
  }
  @inline static a32(ctx: usize, pc: usize): u32 {
    return load<u32>(ctx + (<usize>load<u8>(pc, UOP_A) << 3));
  }
  @inline static b32(ctx: usize, pc: usize): u32 {
    return load<u32>(ctx + (<usize>load<u8>(pc, UOP_B) << 3));
  }
  @inline static imm(pc: usize): u64 {
    return load<u64>(pc, UOP_IMM);
  }
  @inline static imm32(pc: usize): u32 {
    return load<u32>(pc, UOP_IMM);
  }
  /** Address of the destination slot. */
  @inline static to(ctx: usize, pc: usize): usize {
    return ctx + (<usize>load<u8>(pc, UOP_D) << 3);
  }
  @inline static set(ctx: usize, pc: usize, value: u64): void {
    store<u64>(U.to(ctx, pc), value);
  }
  /** Linear addresses. */
  @inline static address(ctx: usize, pc: usize): u64 {
    return U.a(ctx, pc) + U.imm(pc);
  }
  @inline static indexed(ctx: usize, pc: usize): u64 {
    return U.a(ctx, pc) + (U.b(ctx, pc) << <u64>load<u8>(pc, UOP_C)) + U.imm(pc);
  }
  /** Soft TLB. */
  @inline static entry(ctx: usize, va: u64): usize {
    return <usize>load<u32>(ctx, TLB << 3) + ((<usize>va >> 7) & ((TLB_ENTRIES - 1) << 5));
  }
  @inline static canRead(ctx: usize, va: u64, last: u64, entry: usize): bool {
    return (load<u64>(entry, TLB_READ) ^ load<u64>(ctx, ASID << 3)) == ((va + last) & ~(<u64>0xfff));
  }
  @inline static canWrite(ctx: usize, va: u64, last: u64, entry: usize): bool {
    return (load<u64>(entry, TLB_WRITE) ^ load<u64>(ctx, ASID << 3)) == ((va + last) & ~(<u64>0xfff));
  }
  @inline static at(va: u64, entry: usize): u32 {
    return <u32>va + load<u32>(entry, TLB_ADDEND);
  }
  /** The micro-op may throw, or needs to know where it is. */
  @inline static mark(ctx: usize, pc: usize): void {
    store<u64>(ctx, <u64>pc, CUR_UOP << 3);
  }
  /** Loads and stores of slot d, PUSH and POP by the fast path; false: nothing was done. */
  @inline static load8(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canRead(ctx, va, 0, entry)) return false;
    U.set(ctx, pc, <u64>ld8u(U.at(va, entry)));
    return true;
  }
  @inline static load16(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canRead(ctx, va, 1, entry)) return false;
    U.set(ctx, pc, <u64>ld16u(U.at(va, entry)));
    return true;
  }
  @inline static load32(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canRead(ctx, va, 3, entry)) return false;
    U.set(ctx, pc, <u64>ld32u(U.at(va, entry)));
    return true;
  }
  @inline static load64(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canRead(ctx, va, 7, entry)) return false;
    U.set(ctx, pc, ld64(U.at(va, entry)));
    return true;
  }
  @inline static loadSigned8(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canRead(ctx, va, 0, entry)) return false;
    U.set(ctx, pc, <u64>(<i64>(<i8>ld8u(U.at(va, entry)))));
    return true;
  }
  @inline static loadSigned16(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canRead(ctx, va, 1, entry)) return false;
    U.set(ctx, pc, <u64>(<i64>(<i16>ld16u(U.at(va, entry)))));
    return true;
  }
  @inline static loadSigned32(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canRead(ctx, va, 3, entry)) return false;
    U.set(ctx, pc, <u64>(<i64>(<i32>ld32u(U.at(va, entry)))));
    return true;
  }
  @inline static loadForWrite8(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canWrite(ctx, va, 0, entry)) return false;
    U.set(ctx, pc, <u64>ld8u(U.at(va, entry)));
    return true;
  }
  @inline static loadForWrite16(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canWrite(ctx, va, 1, entry)) return false;
    U.set(ctx, pc, <u64>ld16u(U.at(va, entry)));
    return true;
  }
  @inline static loadForWrite32(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canWrite(ctx, va, 3, entry)) return false;
    U.set(ctx, pc, <u64>ld32u(U.at(va, entry)));
    return true;
  }
  @inline static loadForWrite64(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canWrite(ctx, va, 7, entry)) return false;
    U.set(ctx, pc, ld64(U.at(va, entry)));
    return true;
  }
  @inline static store8(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canWrite(ctx, va, 0, entry)) return false;
    st8(U.at(va, entry), U.d32(ctx, pc));
    return true;
  }
  @inline static store16(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canWrite(ctx, va, 1, entry)) return false;
    st16(U.at(va, entry), U.d32(ctx, pc));
    return true;
  }
  @inline static store32(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canWrite(ctx, va, 3, entry)) return false;
    st32(U.at(va, entry), U.d32(ctx, pc));
    return true;
  }
  @inline static store64(ctx: usize, pc: usize, va: u64): bool {
    const entry = U.entry(ctx, va);
    if (!U.canWrite(ctx, va, 7, entry)) return false;
    st64(U.at(va, entry), U.d(ctx, pc));
    return true;
  }
  @inline static push(ctx: usize, pc: usize): bool {
    const sp = load<u64>(ctx, RSP << 3) - 8;
    if (!U.store64(ctx, pc, sp)) return false;
    store<u64>(ctx, sp, RSP << 3);
    return true;
  }
  @inline static pop(ctx: usize, pc: usize): bool {
    const sp = load<u64>(ctx, RSP << 3);
    if (!U.load64(ctx, pc, sp)) return false;
    store<u64>(ctx, sp + 8, RSP << 3);
    return true;
  }
  @inline static read32(ctx: usize, pc: usize, va: u64): u64 {
    const entry = U.entry(ctx, va);
    if (U.canRead(ctx, va, 3, entry)) return <u64>ld32u(U.at(va, entry));
    U.mark(ctx, pc);
    return slowRead(ctx, va, 4, READ);
  }
  @inline static read64(ctx: usize, pc: usize, va: u64): u64 {
    const entry = U.entry(ctx, va);
    if (U.canRead(ctx, va, 7, entry)) return ld64(U.at(va, entry));
    U.mark(ctx, pc);
    return slowRead(ctx, va, 8, READ);
  }
  @inline static write32(ctx: usize, pc: usize, va: u64, value: u64): void {
    const entry = U.entry(ctx, va);
    if (U.canWrite(ctx, va, 3, entry)) st32(U.at(va, entry), <u32>value);
    else {
      U.mark(ctx, pc);
      slowWrite(ctx, va, 4, value);
    }
  }
  @inline static write64(ctx: usize, pc: usize, va: u64, value: u64): void {
    const entry = U.entry(ctx, va);
    if (U.canWrite(ctx, va, 7, entry)) st64(U.at(va, entry), value);
    else {
      U.mark(ctx, pc);
      slowWrite(ctx, va, 8, value);
    }
  }
  /** Vector register of field d or a. */
  @inline static vd(ctx: usize, pc: usize): usize {
    return ctx + VEC + (<usize>load<u8>(pc, UOP_D) << 6);
  }
  @inline static va(ctx: usize, pc: usize): usize {
    return ctx + VEC + (<usize>load<u8>(pc, UOP_A) << 6);
  }
}

/** Branches. `way`: the branch's address, or that + 4 where its second delta and second link count. */
@unmanaged
class Jump {
  /**
   * RIP += delta; answers the next block's first micro-op: the one in the link word, or a looked-up one, which is then linked if the jump stays in its page,
   * and else guessed next time. 0 = leave run().
   */
  @inline static along(ctx: usize, way: usize): usize {
    const old = load<u64>(ctx, RIP << 3);
    const rip = old + <u64>load<i32>(way, UOP_IMM);
    store<u64>(ctx, rip, RIP << 3);
    // guesses, which other pages' are, are negative
    const target = load<i32>(way, UOP_SIZE);
    return target > 0 ? <usize>target : Jump.unlinked(ctx, old, rip, way + UOP_SIZE);
  }
  @inline static unlinked(ctx: usize, old: u64, rip: u64, link: usize): usize {
    return (old ^ rip) >> 12 == 0 ? find(ctx, link) : findFar(ctx, link);
  }
}

/** As Jump.along() where RIP is cut to 32 bits (`cut` 1) or 16 (2). */
export function jumpCut(ctx: usize, way: usize, cut: u32): usize {
  const old = Ctx.get(ctx, RIP);
  const rip = (old + <u64>load<i32>(way, UOP_IMM)) & (cut == 1 ? 0xffffffff : 0xffff);
  Ctx.set(ctx, RIP, rip);
  const target = load<i32>(way, UOP_SIZE);
  return target > 0 ? <usize>target : Jump.unlinked(ctx, old, rip, way + UOP_SIZE);
}

/** What RETs find by the place of their return address: the blocks behind the calls. */
@unmanaged
class Returns {
  @inline static entry(ctx: usize, sp: u64): usize {
    const pcpu = (<usize>load<u32>(ctx, PCPU << 3) - PCPU_BASE) / PCPU_STRIDE;
    return RETURN_SITES + pcpu * RETURN_SITES_STRIDE + (<usize>sp & ((RETURN_SITES_OF - 1) << 3));
  }
  /** A call has pushed `rip` at `sp`; a guess of the block there is at `link`. */
  @inline static note(ctx: usize, sp: u64, rip: u64, link: usize): void {
    // not where the block will be overwritten
    if (load<u32>(ctx, SLOW_NEXT << 3) == 0) store<u64>(Returns.entry(ctx, sp), (<u64>link << 32) | <u64>(<u32>rip));
  }
  /** The block at `rip`, RIP, which a RET found at `sp`. */
  @inline static find(ctx: usize, sp: u64, rip: u64): usize {
    const entry = Returns.entry(ctx, sp);
    return load<u32>(entry) == <u32>rip && load<u32>(entry, 4) != 0 ? findFar(ctx, load<u32>(entry, 4)) : find(ctx, 0);
  }
}

/** A near branch to a non-canonical address: #GP(0) at the branch. (A RET that was not fused has moved RSP: the fetch at its target reports it.) */
function nowhere(ctx: usize, pc: usize): void {
  const op = load<u16>(pc);
  if (op == O.OP_RET) return;
  // the return address was pushed already
  if (op == O.OP_CALLIND) Ctx.set(ctx, RSP, Ctx.get(ctx, RSP) + 8);
  U.mark(ctx, pc);
  raiseGp(ctx, 0);
}

/** In place of a branch: the load or store was not done by its own case. */
const MISSED: usize = 1;

/** Executes until an exit; answers EXIT_REASON. BUDGET instructions at most. @see contracts of run() in index.ts */
export function run(ctx: usize): i32 {
  let pc = start(ctx);
  for (;;) {
    // at the first micro-op of a block, or behind it where its budget is paid, or behind a load or store that missed
    if (pc == 0) return <i32>Ctx.get32(ctx, EXIT_REASON);
    let op = <i32>load<u16>(pc);
    if (op == O.OP_ENTER) {
      const left = load<i64>(ctx, BUDGET << 3) - <i64>load<u16>(pc, UOP_IMM);
      if (left < 0) {
        pc = lookupOne(ctx);
        continue;
      }
      store<i64>(ctx, left, BUDGET << 3);
      store<u64>(ctx, <u64>(pc - BLK_HEADER), CUR_BLOCK << 3);
      const runs = load<u32>(pc - BLK_HEADER, BLK_COUNT) - 1;
      store<u32>(pc - BLK_HEADER, runs, BLK_COUNT);
      if (runs == 0) {
        promote(ctx, pc - BLK_HEADER);
        if (load<u16>(pc) == O.OP_REGION) {
          // it has one at once, which does this execution as well
          store<i64>(ctx, left + <i64>load<u16>(pc, UOP_IMM), BUDGET << 3);
          continue;
        }
      }
      pc += UOP_SIZE;
      op = load<u16>(pc);
    } else if (op == O.OP_REGION) {
      pc = runRegion(ctx, pc);
      continue;
    } else if (op == O.OP_DEAD) {
      // by a link of the block just left
      unlink(<usize>Ctx.get32(ctx, CUR_BLOCK));
      pc = lookup(ctx, 0);
      continue;
    }
    // its other micro-ops, until one that ends it leaves the switch with the next block, or with the branch that leads there, or a load or store misses
    let way: usize = 0;
    for (;;) {
      switch (op) {
        case O.OP_NOP:
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_MOV:
          U.set(ctx, pc, U.a(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_MOVI:
          U.set(ctx, pc, U.imm(pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ZX8:
          U.set(ctx, pc, U.a(ctx, pc) & 0xff);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ZX8H:
          U.set(ctx, pc, (U.a(ctx, pc) >> 8) & 0xff);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ZX16:
          U.set(ctx, pc, U.a(ctx, pc) & 0xffff);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ZX32:
          U.set(ctx, pc, <u64>U.a32(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SX8:
          U.set(ctx, pc, <u64>(<i64>(<i8>U.a32(ctx, pc))));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SX16:
          U.set(ctx, pc, <u64>(<i64>(<i16>U.a32(ctx, pc))));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SX32:
          U.set(ctx, pc, <u64>(<i64>(<i32>U.a32(ctx, pc))));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_INS8:
          store<u8>(U.to(ctx, pc), <u8>U.a32(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_INS8H:
          store<u8>(U.to(ctx, pc), <u8>U.a32(ctx, pc), 1);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_INS16:
          store<u16>(U.to(ctx, pc), <u16>U.a32(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SEL:
          U.set(ctx, pc, U.c(ctx, pc) != 0 ? U.a(ctx, pc) : U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ADD:
          U.set(ctx, pc, U.a(ctx, pc) + U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SUB:
          U.set(ctx, pc, U.a(ctx, pc) - U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_AND:
          U.set(ctx, pc, U.a(ctx, pc) & U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_OR:
          U.set(ctx, pc, U.a(ctx, pc) | U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_XOR:
          U.set(ctx, pc, U.a(ctx, pc) ^ U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SHL:
          U.set(ctx, pc, U.a(ctx, pc) << U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SHR:
          U.set(ctx, pc, U.a(ctx, pc) >> U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SAR:
          U.set(ctx, pc, <u64>(<i64>U.a(ctx, pc) >> <i64>U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_MUL:
          U.set(ctx, pc, U.a(ctx, pc) * U.b(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_MULHU:
          U.set(ctx, pc, mulHighUnsigned(U.a(ctx, pc), U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_MULHS:
          U.set(ctx, pc, mulHighSigned(U.a(ctx, pc), U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ADDI:
          U.set(ctx, pc, U.a(ctx, pc) + U.imm(pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ANDI:
          U.set(ctx, pc, U.a(ctx, pc) & U.imm(pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ORI:
          U.set(ctx, pc, U.a(ctx, pc) | U.imm(pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_XORI:
          U.set(ctx, pc, U.a(ctx, pc) ^ U.imm(pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SHLI:
          U.set(ctx, pc, U.a(ctx, pc) << U.imm(pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SHRI:
          U.set(ctx, pc, U.a(ctx, pc) >> U.imm(pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SARI:
          U.set(ctx, pc, <u64>(<i64>U.a(ctx, pc) >> <i64>U.imm(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_NEG:
          U.set(ctx, pc, 0 - U.a(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_NOT:
          U.set(ctx, pc, ~U.a(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_LEA:
          U.set(ctx, pc, U.indexed(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ADD32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) + U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SUB32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) - U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_AND32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) & U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_OR32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) | U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_XOR32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) ^ U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SHL32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) << U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SHR32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) >> U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SAR32:
          U.set(ctx, pc, <u64>(<u32>(<i32>U.a32(ctx, pc) >> <i32>U.b32(ctx, pc))));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_MUL32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) * U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ADDI32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) + U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ANDI32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) & U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ORI32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) | U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_XORI32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) ^ U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SHLI32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) << U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SHRI32:
          U.set(ctx, pc, <u64>(U.a32(ctx, pc) >> U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SARI32:
          U.set(ctx, pc, <u64>(<u32>(<i32>U.a32(ctx, pc) >> <i32>U.imm32(pc))));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_NEG32:
          U.set(ctx, pc, <u64>(<u32>0 - U.a32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_NOT32:
          U.set(ctx, pc, <u64>(~U.a32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_LEA32:
          U.set(ctx, pc, U.indexed(ctx, pc) & 0xffffffff);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ROL:
          U.set(ctx, pc, rotl<u64>(U.a(ctx, pc), U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ROR:
          U.set(ctx, pc, rotr<u64>(U.a(ctx, pc), U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ROL32:
          U.set(ctx, pc, <u64>rotl<u32>(U.a32(ctx, pc), U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ROR32:
          U.set(ctx, pc, <u64>rotr<u32>(U.a32(ctx, pc), U.b32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ROLI:
          U.set(ctx, pc, rotl<u64>(U.a(ctx, pc), U.imm(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_RORI:
          U.set(ctx, pc, rotr<u64>(U.a(ctx, pc), U.imm(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_ROLI32:
          U.set(ctx, pc, <u64>rotl<u32>(U.a32(ctx, pc), U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_RORI32:
          U.set(ctx, pc, <u64>rotr<u32>(U.a32(ctx, pc), U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_BSWAP:
          U.set(ctx, pc, bswap<u64>(U.a(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_BSWAP32:
          U.set(ctx, pc, <u64>bswap<u32>(U.a32(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_CTZ:
          U.set(ctx, pc, ctz<u64>(U.a(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_CLZ:
          U.set(ctx, pc, clz<u64>(U.a(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_POPCNT:
          U.set(ctx, pc, popcnt<u64>(U.a(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SETEQ:
          U.set(ctx, pc, <u64>(U.a(ctx, pc) == U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SETNE:
          U.set(ctx, pc, <u64>(U.a(ctx, pc) != U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SETLTU:
          U.set(ctx, pc, <u64>(U.a(ctx, pc) < U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SETLTS:
          U.set(ctx, pc, <u64>(<i64>U.a(ctx, pc) < <i64>U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SETLEU:
          U.set(ctx, pc, <u64>(U.a(ctx, pc) <= U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SETLES:
          U.set(ctx, pc, <u64>(<i64>U.a(ctx, pc) <= <i64>U.b(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        // ---- flags
        case O.OP_CC:
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, U.a(ctx, pc), CC_A << 3);
          store<u64>(ctx, U.b(ctx, pc), CC_B << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_CCI:
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, U.a(ctx, pc), CC_A << 3);
          store<u64>(ctx, U.imm(pc), CC_B << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_CCNZ:
          if (U.d(ctx, pc) != 0) {
            store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
            store<u64>(ctx, U.a(ctx, pc), CC_A << 3);
            store<u64>(ctx, U.b(ctx, pc), CC_B << 3);
          }
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_GETFLAGS:
          U.set(ctx, pc, <u64>getFlags(ctx));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SETFLAGS:
          store<u64>(ctx, U.a(ctx, pc) & OSZAPC, CC_A << 3);
          store<u64>(ctx, CC_EFLAGS, CC_OP << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_COND:
          U.set(ctx, pc, <u64>cond(ctx, load<u8>(pc, UOP_C)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_CONDSUB:
          U.set(ctx, pc, <u64>condSub(U.a(ctx, pc), U.b(ctx, pc), load<u8>(pc, UOP_C), U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_CARRY:
          U.set(ctx, pc, <u64>carry(ctx));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        // ---- memory
        case O.OP_LD8:
          if (U.load8(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LD16:
          if (U.load16(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LD32:
          if (U.load32(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LD64:
          if (U.load64(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDS8:
          if (U.loadSigned8(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDS16:
          if (U.loadSigned16(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDS32:
          if (U.loadSigned32(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_ST8:
          if (U.store8(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_ST16:
          if (U.store16(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_ST32:
          if (U.store32(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_ST64:
          if (U.store64(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDM8:
          if (U.loadForWrite8(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDM16:
          if (U.loadForWrite16(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDM32:
          if (U.loadForWrite32(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDM64:
          if (U.loadForWrite64(ctx, pc, U.address(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDX8:
          if (U.load8(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDX16:
          if (U.load16(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDX32:
          if (U.load32(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDX64:
          if (U.load64(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDXS8:
          if (U.loadSigned8(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDXS16:
          if (U.loadSigned16(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDXS32:
          if (U.loadSigned32(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_STX8:
          if (U.store8(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_STX16:
          if (U.store16(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_STX32:
          if (U.store32(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_STX64:
          if (U.store64(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDMX8:
          if (U.loadForWrite8(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDMX16:
          if (U.loadForWrite16(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDMX32:
          if (U.loadForWrite32(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_LDMX64:
          if (U.loadForWrite64(ctx, pc, U.indexed(ctx, pc))) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_VLD32: {
          const value = U.read32(ctx, pc, U.address(ctx, pc));
          const to = U.vd(ctx, pc);
          store<u64>(to, value);
          store<u64>(to, 0, 8);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_VLD64: {
          const value = U.read64(ctx, pc, U.address(ctx, pc));
          const to = U.vd(ctx, pc);
          store<u64>(to, value);
          store<u64>(to, 0, 8);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_VLD128: {
          const va = U.address(ctx, pc);
          const entry = U.entry(ctx, va);
          if (U.canRead(ctx, va, 15, entry)) v128.store(U.vd(ctx, pc), ld128(U.at(va, entry)));
          else {
            U.mark(ctx, pc);
            v128.store(U.vd(ctx, pc), read128(ctx, va));
          }
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_VST32:
          U.write32(ctx, pc, U.address(ctx, pc), load<u64>(U.vd(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_VST64:
          U.write64(ctx, pc, U.address(ctx, pc), load<u64>(U.vd(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_VST128: {
          const va = U.address(ctx, pc);
          const entry = U.entry(ctx, va);
          if (U.canWrite(ctx, va, 15, entry)) st128(U.at(va, entry), v128.load(U.vd(ctx, pc)));
          else {
            U.mark(ctx, pc);
            write128(ctx, va, v128.load(U.vd(ctx, pc)));
          }
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_VLD256: {
          const va = U.address(ctx, pc);
          const entry = U.entry(ctx, va);
          const to = U.vd(ctx, pc);
          if (U.canRead(ctx, va, 31, entry)) {
            const at = U.at(va, entry);
            v128.store(to, ld128(at));
            v128.store(to, ld128(at + 16), 16);
          } else {
            U.mark(ctx, pc);
            load256(ctx, va, to);
          }
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_VST256: {
          const va = U.address(ctx, pc);
          const entry = U.entry(ctx, va);
          const from = U.vd(ctx, pc);
          if (U.canWrite(ctx, va, 31, entry)) {
            const at = U.at(va, entry);
            st128(at, v128.load(from));
            st128(at + 16, v128.load(from, 16));
          } else {
            U.mark(ctx, pc);
            store256(ctx, va, from);
          }
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_ALIGN:
          if (U.address(ctx, pc) & <u64>(load<u8>(pc, UOP_C) - 1)) {
            U.mark(ctx, pc);
            raiseGp(ctx, 0);
          }
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_SEGLIN:
          U.mark(ctx, pc);
          U.set(ctx, pc, segmentLinear(ctx, U.a32(ctx, pc), load<u8>(pc, UOP_C), U.imm32(pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_VMOV:
          v128.store(U.vd(ctx, pc), v128.load(U.va(ctx, pc)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_VGET:
          U.set(ctx, pc, load<u64>(U.va(ctx, pc) + (<usize>load<u8>(pc, UOP_C) << 3)));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_VPUT:
          store<u64>(U.vd(ctx, pc) + (<usize>load<u8>(pc, UOP_C) << 3), U.a(ctx, pc));
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_VZERO: {
          const to = U.vd(ctx, pc);
          store<u64>(to, 0);
          store<u64>(to, 0, 8);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        // ---- helpers
        case O.OP_HSYS:
          U.mark(ctx, pc);
          dispatchSystem(ctx, load<u16>(pc, UOP_IMM), load<u8>(pc, UOP_D), load<u8>(pc, UOP_A), load<u8>(pc, UOP_B), load<u8>(pc, UOP_C), load<i64>(pc, UOP_IMM) >> 16);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_HSTR:
          U.mark(ctx, pc);
          dispatchString(ctx, load<u16>(pc, UOP_IMM), load<u8>(pc, UOP_D), load<u8>(pc, UOP_A), load<u8>(pc, UOP_B), load<u8>(pc, UOP_C), load<i64>(pc, UOP_IMM) >> 16);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_HX87:
          U.mark(ctx, pc);
          dispatchX87(ctx, load<u16>(pc, UOP_IMM), load<u8>(pc, UOP_D), load<u8>(pc, UOP_A), load<u8>(pc, UOP_B), load<u8>(pc, UOP_C), load<i64>(pc, UOP_IMM) >> 16);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_HVEC:
          U.mark(ctx, pc);
          dispatchVec(ctx, load<u16>(pc, UOP_IMM), load<u8>(pc, UOP_D), load<u8>(pc, UOP_A), load<u8>(pc, UOP_B), load<u8>(pc, UOP_C), load<i64>(pc, UOP_IMM) >> 16);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        case O.OP_HINT:
          U.mark(ctx, pc);
          dispatchInt(ctx, load<u16>(pc, UOP_IMM), load<u8>(pc, UOP_D), load<u8>(pc, UOP_A), load<u8>(pc, UOP_B), load<u8>(pc, UOP_C), load<i64>(pc, UOP_IMM) >> 16);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        // ---- block ends
        case O.OP_JMP:
        case O.OP_CALL: {
          const cut = load<u8>(pc, UOP_C);
          if (cut == 0) way = pc;
          else pc = jumpCut(ctx, pc, cut);
          break;
        }
        case O.OP_BRNZ: {
          const taken = U.a(ctx, pc) != 0;
          const to = taken ? pc : pc + 4;
          const cut = load<u8>(pc, UOP_C);
          if (cut == 0) way = to;
          else pc = jumpCut(ctx, to, cut);
          break;
        }
        case O.OP_BRCC: {
          const taken = cond(ctx, load<u8>(pc, UOP_B)) != 0;
          const to = taken ? pc : pc + 4;
          const cut = load<u8>(pc, UOP_C);
          if (cut == 0) way = to;
          else pc = jumpCut(ctx, to, cut);
          break;
        }
        case O.OP_BRSUB: {
          const c = load<u8>(pc, UOP_C);
          const taken = condSub(U.d(ctx, pc), U.a(ctx, pc), load<u8>(pc, UOP_B), c >> 4) != 0;
          const to = taken ? pc : pc + 4;
          if ((c & 15) == 0) way = to;
          else pc = jumpCut(ctx, to, c & 15);
          break;
        }
        case O.OP_IND:
        case O.OP_CALLIND:
        case O.OP_RET: {
          const rip = U.a(ctx, pc);
          const wrap = load<u8>(pc, UOP_C);
          if (wrap == 0 && !Ctx.isCanonical(rip)) nowhere(ctx, pc);
          store<u64>(ctx, wrap == 0 ? rip : wrap == 1 ? rip & 0xffffffff : rip & 0xffff, RIP << 3);
          pc = load<u16>(pc) == O.OP_RET ? find(ctx, 0) : findFar(ctx, pc + UOP_IMM + 4);
          break;
        }
        case O.OP_NEXT:
          pc = onward(ctx);
          break;
        case O.OP_EXIT:
          leave(ctx, pc);
          if (!answeredPort(ctx) && !answeredCall(ctx) && !armedTimer(ctx)) return <i32>Ctx.get32(ctx, EXIT_REASON);
          pc = onward(ctx);
          break;
        // ---- fused forms
        case O.OP_F_CMPBR: {
          const c = load<u8>(pc, UOP_C);
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, <u64>(CC_SUB + (c >> 4)), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          const taken = condSub(x, y, load<u8>(pc, UOP_D), c >> 4) != 0;
          const to = taken ? pc : pc + 4;
          if ((c & 15) == 0) way = to;
          else pc = jumpCut(ctx, to, c & 15);
          break;
        }
        case O.OP_F_CMPIBR: {
          const c = load<u8>(pc, UOP_C);
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, <u64>(CC_SUB + (c >> 4)), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          const taken = condSub(x, y, load<u8>(pc, UOP_D), c >> 4) != 0;
          const to = taken ? pc : pc + 4;
          if ((c & 15) == 0) way = to;
          else pc = jumpCut(ctx, to, c & 15);
          break;
        }
        case O.OP_F_TESTBR: {
          const c = load<u8>(pc, UOP_C);
          const x = U.a(ctx, pc);
          store<u64>(ctx, <u64>(CC_LOGIC + (c >> 4)), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          const taken = condSub(x, 0, load<u8>(pc, UOP_D), c >> 4) != 0;
          const to = taken ? pc : pc + 4;
          if ((c & 15) == 0) way = to;
          else pc = jumpCut(ctx, to, c & 15);
          break;
        }
        case O.OP_F_PUSH64:
          if (U.push(ctx, pc)) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_F_POP64:
          if (U.pop(ctx, pc)) {
            pc += UOP_SIZE;
            op = load<u16>(pc);
            continue;
          }
          way = MISSED;
          break;
        case O.OP_F_CALL64: {
          const sp = load<u64>(ctx, RSP << 3) - 8;
          const back = load<u64>(ctx, RIP << 3) + <u64>(<i64>load<i32>(pc, UOP_IMM + 4));
          U.write64(ctx, pc, sp, back);
          store<u64>(ctx, sp, RSP << 3);
          Returns.note(ctx, sp, back, pc + UOP_SIZE + 4);
          way = pc;
          break;
        }
        case O.OP_F_RET64: {
          const sp = load<u64>(ctx, RSP << 3);
          const rip = U.read64(ctx, pc, sp);
          if (!Ctx.isCanonical(rip)) nowhere(ctx, pc);
          store<u64>(ctx, sp + U.imm(pc), RSP << 3);
          store<u64>(ctx, rip, RIP << 3);
          pc = Returns.find(ctx, sp, rip);
          break;
        }
        case O.OP_F_ADD: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          U.set(ctx, pc, x + y);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_ADD32: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          U.set(ctx, pc, (x + y) & 0xffffffff);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_ADDI: {
          const x = U.a(ctx, pc);
          const y = U.imm(pc);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          U.set(ctx, pc, x + y);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_ADDI32: {
          const x = U.a(ctx, pc);
          const y = U.imm(pc);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          U.set(ctx, pc, (x + y) & 0xffffffff);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_SUB: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          U.set(ctx, pc, x - y);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_SUB32: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          U.set(ctx, pc, (x - y) & 0xffffffff);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_SUBI: {
          const x = U.a(ctx, pc);
          const y = U.imm(pc);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          U.set(ctx, pc, x - y);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_SUBI32: {
          const x = U.a(ctx, pc);
          const y = U.imm(pc);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          U.set(ctx, pc, (x - y) & 0xffffffff);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_AND: {
          const r = U.a(ctx, pc) & U.b(ctx, pc);
          U.set(ctx, pc, r);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_AND32: {
          const r = (U.a(ctx, pc) & U.b(ctx, pc)) & 0xffffffff;
          U.set(ctx, pc, r);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_ANDI: {
          const r = U.a(ctx, pc) & U.imm(pc);
          U.set(ctx, pc, r);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_ANDI32: {
          const r = (U.a(ctx, pc) & U.imm(pc)) & 0xffffffff;
          U.set(ctx, pc, r);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_OR: {
          const r = U.a(ctx, pc) | U.b(ctx, pc);
          U.set(ctx, pc, r);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_OR32: {
          const r = (U.a(ctx, pc) | U.b(ctx, pc)) & 0xffffffff;
          U.set(ctx, pc, r);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_XOR: {
          const r = U.a(ctx, pc) ^ U.b(ctx, pc);
          U.set(ctx, pc, r);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_XOR32: {
          const r = (U.a(ctx, pc) ^ U.b(ctx, pc)) & 0xffffffff;
          U.set(ctx, pc, r);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_STEP: {
          const r = (U.a(ctx, pc) + U.imm(pc));
          store<u64>(ctx, <u64>carry(ctx), CC_B << 3);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          U.set(ctx, pc, r);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_STEP32: {
          const r = (U.a(ctx, pc) + U.imm(pc)) & 0xffffffff;
          store<u64>(ctx, <u64>carry(ctx), CC_B << 3);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, r, CC_A << 3);
          U.set(ctx, pc, r);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        }
        case O.OP_F_ZERO:
          U.set(ctx, pc, 0);
          store<u64>(ctx, <u64>load<u8>(pc, UOP_C), CC_OP << 3);
          store<u64>(ctx, 0, CC_A << 3);
          pc += UOP_SIZE;
          op = load<u16>(pc);
          continue;
        // ---- specialised block ends (quicken.ts)
        case O.OP_Q_BRSUB32_B: {
          way = (U.d32(ctx, pc) < U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_AE: {
          way = (U.d32(ctx, pc) >= U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_E: {
          way = (U.d32(ctx, pc) == U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_NE: {
          way = (U.d32(ctx, pc) != U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_BE: {
          way = (U.d32(ctx, pc) <= U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_A: {
          way = (U.d32(ctx, pc) > U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_S: {
          way = (<i32>(U.d32(ctx, pc) - U.a32(ctx, pc)) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_NS: {
          way = (<i32>(U.d32(ctx, pc) - U.a32(ctx, pc)) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_L: {
          way = (<i32>U.d32(ctx, pc) < <i32>U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_GE: {
          way = (<i32>U.d32(ctx, pc) >= <i32>U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_LE: {
          way = (<i32>U.d32(ctx, pc) <= <i32>U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB32_G: {
          way = (<i32>U.d32(ctx, pc) > <i32>U.a32(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_B: {
          way = (U.d(ctx, pc) < U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_AE: {
          way = (U.d(ctx, pc) >= U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_E: {
          way = (U.d(ctx, pc) == U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_NE: {
          way = (U.d(ctx, pc) != U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_BE: {
          way = (U.d(ctx, pc) <= U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_A: {
          way = (U.d(ctx, pc) > U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_S: {
          way = (<i64>(U.d(ctx, pc) - U.a(ctx, pc)) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_NS: {
          way = (<i64>(U.d(ctx, pc) - U.a(ctx, pc)) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_L: {
          way = (<i64>U.d(ctx, pc) < <i64>U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_GE: {
          way = (<i64>U.d(ctx, pc) >= <i64>U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_LE: {
          way = (<i64>U.d(ctx, pc) <= <i64>U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_BRSUB64_G: {
          way = (<i64>U.d(ctx, pc) > <i64>U.a(ctx, pc)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_B: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x < <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_AE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x >= <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_E: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x == <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_NE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x != <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_BE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x <= <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_A: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x > <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_S: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x - <u32>y) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_NS: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x - <u32>y) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_L: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>x < <i32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_GE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>x >= <i32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_LE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>x <= <i32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR32_G: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>x > <i32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_B: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x < y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_AE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x >= y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_E: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x == y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_NE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x != y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_BE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x <= y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_A: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x > y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_S: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>(x - y) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_NS: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>(x - y) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_L: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>x < <i64>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_GE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>x >= <i64>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_LE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>x <= <i64>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR64_G: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>x > <i64>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_B: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x < <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_AE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x >= <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_E: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x == <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_NE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x != <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_BE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x <= <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_A: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<u32>x > <u32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_S: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x - <u32>y) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_NS: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x - <u32>y) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_L: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>x < <i32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_GE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>x >= <i32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_LE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>x <= <i32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR32_G: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>x > <i32>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_B: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x < y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_AE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x >= y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_E: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x == y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_NE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x != y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_BE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x <= y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_A: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (x > y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_S: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>(x - y) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_NS: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>(x - y) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_L: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>x < <i64>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_GE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>x >= <i64>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_LE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>x <= <i64>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR64_G: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i64>x > <i64>y) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_B: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<u32>x < <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_AE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<u32>x >= <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_E: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<u32>x == <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_NE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<u32>x != <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_BE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<u32>x <= <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_A: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<u32>x > <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_S: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>(<u32>x - <u32>0) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_NS: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>(<u32>x - <u32>0) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_L: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>x < <i32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_GE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>x >= <i32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_LE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>x <= <i32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR32_G: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 2, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>x > <i32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_B: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (x < <u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_AE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (x >= <u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_E: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (x == <u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_NE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (x != <u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_BE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (x <= <u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_A: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (x > <u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_S: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i64>(x - <u64>0) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_NS: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i64>(x - <u64>0) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_L: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i64>x < <i64><u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_GE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i64>x >= <i64><u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_LE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i64>x <= <i64><u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR64_G: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC + 3, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i64>x > <i64><u64>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_B: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) < (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_AE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) >= (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_E: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) == (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_NE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) != (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_BE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) <= (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_A: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) > (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_S: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>((<u32>x << 24) - (<u32>y << 24)) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_NS: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>((<u32>x << 24) - (<u32>y << 24)) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_L: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x << 24) < <i32>(<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_GE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x << 24) >= <i32>(<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_LE: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x << 24) <= <i32>(<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPBR8_G: {
          const x = U.a(ctx, pc);
          const y = U.b(ctx, pc);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x << 24) > <i32>(<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_B: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) < (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_AE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) >= (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_E: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) == (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_NE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) != (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_BE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) <= (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_A: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = ((<u32>x << 24) > (<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_S: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>((<u32>x << 24) - (<u32>y << 24)) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_NS: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>((<u32>x << 24) - (<u32>y << 24)) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_L: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x << 24) < <i32>(<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_GE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x << 24) >= <i32>(<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_LE: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x << 24) <= <i32>(<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_CMPIBR8_G: {
          const x = U.a(ctx, pc);
          const y = load<u64>(pc, UOP_SIZE + 8);
          store<u64>(ctx, CC_SUB, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          store<u64>(ctx, y, CC_B << 3);
          way = (<i32>(<u32>x << 24) > <i32>(<u32>y << 24)) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_B: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = ((<u32>x << 24) < <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_AE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = ((<u32>x << 24) >= <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_E: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = ((<u32>x << 24) == <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_NE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = ((<u32>x << 24) != <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_BE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = ((<u32>x << 24) <= <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_A: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = ((<u32>x << 24) > <u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_S: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>((<u32>x << 24) - <u32>0) < 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_NS: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>((<u32>x << 24) - <u32>0) >= 0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_L: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>(<u32>x << 24) < <i32><u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_GE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>(<u32>x << 24) >= <i32><u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_LE: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>(<u32>x << 24) <= <i32><u32>0) ? pc : pc + 4;
          break;
        }
        case O.OP_Q_TESTBR8_G: {
          const x = U.a(ctx, pc);
          store<u64>(ctx, CC_LOGIC, CC_OP << 3);
          store<u64>(ctx, x, CC_A << 3);
          way = (<i32>(<u32>x << 24) > <i32><u32>0) ? pc : pc + 4;
          break;
        }
        default:
          unreachable();
      }
      break;
    }
    if (way > MISSED) pc = Jump.along(ctx, way);
    else if (way == MISSED) {
      missed(ctx, pc);
      pc += UOP_SIZE;
    }
  }
  return 0;
}

/** OP_EXIT: RIP at the instruction, which has not retired; HLT has. */
export function leave(ctx: usize, pc: usize): void {
  const block = <usize>Ctx.get32(ctx, CUR_BLOCK);
  const reason = load<u8>(pc, UOP_C);
  const length = load<u8>(pc, UOP_D);
  let offset = load<i32>(pc, UOP_IMM);
  let unused = <u64>load<u16>(block, BLK_INSNS) - <u64>load<u8>(pc, UOP_IDX);
  if (reason == EXIT_HLT) {
    if (offset == load<u8>(pc, UOP_IPOS)) offset += length;
    unused--;
  }
  Ctx.set(ctx, RIP, wrapRip(Ctx.get(ctx, RIP) + <u64>(<i64>offset), load<u32>(block, BLK_MODE)));
  Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) + unused);
  Ctx.set(ctx, EXIT_LEN, length);
  Ctx.set(ctx, EXIT_REASON, reason);
  Ctx.set(ctx, CUR_UOP, 0);
}
