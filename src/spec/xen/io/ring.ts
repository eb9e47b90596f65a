/**
 * Shared request/response rings of block, network and other PV devices: a header, then entries that hold a request and later its response.
 * @see xen/include/public/io/ring.h, DEFINE_RING_TYPES
 */
import { pad, struct, u8, u32, union } from '../../../base/struct.ts';

/** Header of a ring page; entries follow at `RING_ENTRIES`. Indexes run freely. */
export const sring = struct('sring', {
  /** Written by the frontend. */
  req_prod: u32,
  /** Notify when req_prod passes this. Written by the backend. */
  req_event: u32,
  /** Written by the backend. */
  rsp_prod: u32,
  /** Notify when rsp_prod passes this. Written by the frontend. */
  rsp_event: u32,
  pvt: union({ netif: struct({ smartpoll_active: u8 }), tapif_user: struct({ msg: u8 }), pvt_pad: pad(4) }),
  __pad: pad(44),
});

/** Byte offset of the first entry. */
export const RING_ENTRIES = sring.size;

/** Entries of `entrySize` bytes that a ring of `bytes` bytes holds: as many as fit, rounded down to a power of two. */
export function ringSize(bytes: number, entrySize: number): number {
  const fit = Math.floor((bytes - RING_ENTRIES) / entrySize);
  return fit < 1 ? 0 : 2 ** (31 - Math.clz32(fit));
}
