/** RDMSR, WRMSR and RDPMC. */
import { H_RDMSR, H_RDPMC, H_WRMSR } from '../../machine/helpers/system.ts';
import { OP_HSYS, OP_NEXT } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';

export function rdmsr(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_RDMSR, 0, 0, 0, 0, i.len);
}

export function wrmsr(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_WRMSR, 0, 0, 0, 0, (b.instructionPos + i.len) | (i.len << 8));
  b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
}

export function rdpmc(b: Builder): void {
  b.helper(OP_HSYS, H_RDPMC);
}
