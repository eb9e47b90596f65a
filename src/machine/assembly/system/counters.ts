/** RDTSC, RDTSCP, RDRAND, and the segment bases with SWAPGS. @see Intel SDM 2B RDTSC, WRFSBASE */
import { KERNEL_GS_BASE, RANDOM, RAX, RCX, RDX, SEG_BASE, TSC_AUX, TSC_MODE, TSC_MUL, TSC_OFFSET } from '../../layout';
import { host_tsc } from '../env';
import { raise } from '../exceptions/raise';
import { setFlags } from '../flags';
import { retiredNow } from '../state';
import { requireCpl0 } from './control-registers';
import { cpl, cr4Has, get, get32, GP, GS, isCanonical, isProtected, set, setRegister, UD } from './slots';

const CR4_TSD: u32 = 4;
const CR4_FSGSBASE: u32 = 0x10000;

/** The time-stamp counter as the running instruction sees it. */
export function timeStamp(ctx: usize): u64 {
  if (get32(ctx, TSC_MODE) != 0) return <u64>host_tsc() + get(ctx, TSC_OFFSET);
  return retiredNow(ctx) * get(ctx, TSC_MUL) + get(ctx, TSC_OFFSET);
}

export function readTimeStamp(ctx: usize, withAux: bool): void {
  if (cr4Has(ctx, CR4_TSD) && cpl(ctx) != 0 && isProtected(ctx)) raise(ctx, GP, true, 0);
  const value = timeStamp(ctx);
  set(ctx, RAX, value & 0xffffffff);
  set(ctx, RDX, value >> 32);
  if (withAux) set(ctx, RCX, get32(ctx, TSC_AUX));
}

/** SplitMix64: the same numbers in every run with the same seed. @see Steele, Lea, Flood: Fast splittable pseudorandom number generators */
export function readRandom(ctx: usize, slot: i32, size: i32): void {
  const state = get(ctx, RANDOM) + 0x9e3779b97f4a7c15;
  set(ctx, RANDOM, state);
  let z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  setRegister(ctx, slot, size, z ^ (z >> 31));
  setFlags(ctx, 1);
}

export function swapGs(ctx: usize): void {
  requireCpl0(ctx);
  const base = get(ctx, SEG_BASE + GS);
  set(ctx, SEG_BASE + GS, get(ctx, KERNEL_GS_BASE));
  set(ctx, KERNEL_GS_BASE, base);
}

export function readSegmentBase(ctx: usize, slot: i32, segment: i32, size: i32): void {
  if (!cr4Has(ctx, CR4_FSGSBASE)) raise(ctx, UD, false, 0);
  setRegister(ctx, slot, size, get(ctx, SEG_BASE + segment));
}

export function writeSegmentBase(ctx: usize, value: u64, segment: i32, size: i32): void {
  if (!cr4Has(ctx, CR4_FSGSBASE)) raise(ctx, UD, false, 0);
  const base = size == 8 ? value : value & 0xffffffff;
  if (!isCanonical(base)) raise(ctx, GP, true, 0);
  set(ctx, SEG_BASE + segment, base);
}
