/**
 * The console ring: one page, two byte rings with free-running indexes.
 * @see xen/include/public/io/console.h
 */
import { bytes, struct, u32 } from '../../../base/struct.ts';

/** `in` is from the backend to the guest, `out` from the guest to the backend; ring sizes are powers of two. */
export const xencons_interface = struct('xencons_interface', {
  /** Written by the backend. */
  in: bytes(1024),
  /** Written by the guest. */
  out: bytes(2048),
  /** Written by the guest. */
  in_cons: u32,
  /** Written by the backend. */
  in_prod: u32,
  /** Written by the backend. */
  out_cons: u32,
  /** Written by the guest. */
  out_prod: u32,
});
