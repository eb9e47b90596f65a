/** ENTER with nesting levels: copies the enclosing procedures' frame pointers. */
import { RBP, RSP } from '../../layout';
import { probeWrite } from '../memory/access';
import { Ctx } from '../state';
import { currentStackAddress, readStack, setStackPointer, stackWidth, wrapStack, writeStack } from '../system/stack';

/** `extra`: operand size | level << 8 | bytes << 16. Registers change after the last access. */
export function enter(ctx: usize, extra: u32): void {
  const size = <i32>(extra & 0xff);
  const level = (extra >> 8) & 31;
  const bytes = <u64>(extra >> 16);
  const width = stackWidth(ctx);
  const step = <u64>size;
  let sp = wrapStack(Ctx.get(ctx, RSP) - step, width);
  let bp = Ctx.get(ctx, RBP);
  writeStack(ctx, sp, size, bp);
  // all of ESP, of which a 16-bit stack moves the lower half
  const frame = size == 4 && width == 2 ? (Ctx.get(ctx, RSP) & 0xffff0000) | sp : sp;
  if (level > 0) {
    for (let k: u32 = 1; k < level; k++) {
      bp = wrapStack(bp - step, width);
      sp = wrapStack(sp - step, width);
      writeStack(ctx, sp, size, readStack(ctx, bp, size));
    }
    sp = wrapStack(sp - step, width);
    writeStack(ctx, sp, size, frame);
  }
  sp = wrapStack(sp - bytes, width);
  // the new top of the stack must be writable, although nothing is written there
  probeWrite(ctx, currentStackAddress(ctx, sp, size), size);
  const mask: u64 = size == 8 ? 0xffffffffffffffff : size == 4 ? 0xffffffff : 0xffff;
  Ctx.set(ctx, RBP, size == 2 ? (Ctx.get(ctx, RBP) & ~(<u64>0xffff)) | (frame & 0xffff) : frame & mask);
  setStackPointer(ctx, sp, width);
}
