import { FCW, FDP, FIP, FOP, FSW, FTW, MXCSR, VEC, VEC_STRIDE, X87, X87_STRIDE } from '../../../machine/layout.ts';
import type { Memories } from '../../../machine/memories.ts';
import type { VcpuContext } from '../../../machine/vcpu-context.ts';

/** Bytes of the image. */
export const FXSAVE_SIZE = 512;
const MXCSR_MASK = 0xffff;
const REGISTERS = 16;

/** x87, MMX and SSE registers of a stopped context as a 64-bit FXSAVE image. @see Intel SDM vol. 1, 10.5.1 */
export function packFxsave(memories: Memories, c: VcpuContext): Uint8Array {
  const out = new Uint8Array(FXSAVE_SIZE);
  const view = new DataView(out.buffer);
  const status = c.low(FSW);
  view.setUint16(0, c.low(FCW), true);
  view.setUint16(2, status, true);
  view.setUint8(4, c.low(FTW));
  view.setUint16(6, c.low(FOP) & 0x7ff, true);
  view.setBigUint64(8, c.get(FIP), true);
  view.setBigUint64(16, c.get(FDP), true);
  view.setUint32(24, c.low(MXCSR), true);
  view.setUint32(28, MXCSR_MASK, true);
  for (let i = 0; i < 8; i++) {
    // the image has them in stack order, the context as the chip has them
    const from = c.address + X87 + (((status >>> 11) + i) & 7) * X87_STRIDE;
    out.set(memories.stateBytes.subarray(from, from + 10), 32 + i * 16);
  }
  for (let i = 0; i < REGISTERS; i++) {
    const from = c.address + VEC + i * VEC_STRIDE;
    out.set(memories.stateBytes.subarray(from, from + 16), 160 + i * 16);
  }
  return out;
}

/** Load registers from an image; reserved bits of MXCSR are dropped. */
export function unpackFxsave(memories: Memories, c: VcpuContext, image: Uint8Array): void {
  const view = new DataView(image.buffer, image.byteOffset, FXSAVE_SIZE);
  const status = view.getUint16(2, true);
  c.setLow(FCW, view.getUint16(0, true) | 0x40);
  c.setLow(FSW, status);
  c.setLow(FTW, view.getUint8(4));
  c.setLow(FOP, view.getUint16(6, true) & 0x7ff);
  c.set(FIP, view.getBigUint64(8, true));
  c.set(FDP, view.getBigUint64(16, true));
  c.setLow(MXCSR, view.getUint32(24, true) & MXCSR_MASK);
  for (let i = 0; i < 8; i++) {
    const to = c.address + X87 + (((status >>> 11) + i) & 7) * X87_STRIDE;
    memories.stateView.setBigUint64(to, view.getBigUint64(32 + i * 16, true), true);
    memories.stateView.setBigUint64(to + 8, BigInt(view.getUint16(40 + i * 16, true)), true);
  }
  for (let i = 0; i < REGISTERS; i++) memories.stateBytes.set(image.subarray(160 + i * 16, 176 + i * 16), c.address + VEC + i * VEC_STRIDE);
}
