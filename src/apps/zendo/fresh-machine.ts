import { TIME_HOST, TIME_VIRTUAL } from '../../hypervisor/header.ts';
import type { MachineConfig } from '../../hypervisor/hypervisor.ts';

/** Largest machine in frames: 4 GiB of them, less the poison at the bottom. */
export const FRAMES_MAX = 0x100000 - 16;
/** Wall clock of machines in virtual time: 2026-01-01, so that runs repeat. */
export const VIRTUAL_WALL_SECONDS = 1_767_225_600n;

/** A new machine: in virtual time when there is a seed. `wall`: milliseconds since 1970. */
export function freshMachine({ frames, seed, wall }: { frames: number; seed: bigint | undefined; wall: number }): MachineConfig {
  if (seed !== undefined) return { frames, timeMode: TIME_VIRTUAL, seed, wallSeconds: VIRTUAL_WALL_SECONDS, wallNanoseconds: 0 };
  return { frames, timeMode: TIME_HOST, seed: 0n, wallSeconds: BigInt(Math.floor(wall / 1000)), wallNanoseconds: Math.floor((wall % 1000) * 1_000_000) };
}
