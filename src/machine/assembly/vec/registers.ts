/** The vector registers of a context, by number (0..31 guest, 32..39 temporaries). */
import { VEC, VEC_STRIDE } from '../../layout';

@unmanaged
export class Vec {
  /** Address of the register. */
  @inline static at(ctx: usize, n: i32): usize {
    return ctx + VEC + n * VEC_STRIDE;
  }
  @inline static get(ctx: usize, n: i32): v128 {
    return v128.load(ctx + VEC + n * VEC_STRIDE);
  }
  @inline static set(ctx: usize, n: i32, value: v128): void {
    v128.store(ctx + VEC + n * VEC_STRIDE, value);
  }
  /** Low 64 bits. */
  @inline static low(ctx: usize, n: i32): u64 {
    return load<u64>(ctx + VEC + n * VEC_STRIDE);
  }
  /** Copies the 128 bits of `a` to `d` where they differ: scalar forms keep the first operand's upper lanes. */
  @inline static merge(ctx: usize, d: i32, a: i32): void {
    if (d != a) Vec.set(ctx, d, Vec.get(ctx, a));
  }
}
