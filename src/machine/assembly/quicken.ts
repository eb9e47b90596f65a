/**
 * Specialised block ends: a compare and branch knows its size and condition when it is translated, so the operation number
 * is replaced by one for exactly that case; the interpreter then has no condition to decode. Nothing else changes.
 */
import { BLK_HEADER, BLK_LAST, BLK_UOPS, UOP_B, UOP_C, UOP_D, UOP_SIZE } from "../layout";
import {
  OP_BRSUB, OP_CALL, OP_DEAD, OP_F_CALL64, OP_F_CMPBR, OP_F_CMPIBR, OP_F_RET64, OP_F_TESTBR, OP_JMP, OP_Q_BRSUB32, OP_Q_CMPBR32, OP_Q_CMPBR8,
  OP_Q_CMPIBR32, OP_Q_CMPIBR8, OP_Q_TESTBR32, OP_Q_TESTBR8,
} from "../ops";

/** The operation ends its block. */
function ends(op: i32): bool {
  return (op >= OP_JMP && op <= OP_CALL) || (op >= OP_F_CMPBR && op <= OP_F_TESTBR) || op == OP_F_CALL64 || op == OP_F_RET64 || op == OP_DEAD;
}

/** Notes the last micro-op of a finished block in its header, and specialises it. */
export function quicken(block: usize): void {
  let uop = block + BLK_HEADER;
  for (let left = load<u32>(block, BLK_UOPS); left > 1 && !ends(load<u16>(uop)); left--) uop += UOP_SIZE;
  store<u32>(block, <u32>uop, BLK_LAST);
  const op = <i32>load<u16>(uop);
  const c = load<u8>(uop, UOP_C);
  // 8, 32 and 64 bits, RIP not cut
  if (c != 0 && c != 0x20 && c != 0x30) return;
  let to: i32;
  let cc: i32 = load<u8>(uop, UOP_D);
  if (op == OP_BRSUB) {
    to = OP_Q_BRSUB32;
    cc = load<u8>(uop, UOP_B);
  } else if (op == OP_F_CMPBR) to = OP_Q_CMPBR32;
  else if (op == OP_F_CMPIBR) to = OP_Q_CMPIBR32;
  else if (op == OP_F_TESTBR) to = OP_Q_TESTBR32;
  else return;
  // O, NO, P, NP stay general
  if (cc < 2 || (cc & 14) == 10) return;
  if (c == 0) {
    if (op == OP_BRSUB) return;
    to = op == OP_F_CMPBR ? OP_Q_CMPBR8 : op == OP_F_CMPIBR ? OP_Q_CMPIBR8 : OP_Q_TESTBR8;
  }
  store<u16>(uop, <u16>(to + (c == 0x30 ? 16 : 0) + cc));
}
