import type { GuestProfile } from '../../hypervisor/profile/guest-sampler.ts';

/** Host time by what it went to, in microseconds. */
export type HostTime = Readonly<Record<string, number>>;

/** A run, as `--profile` shows it. */
export interface Profile {
  /** What ran, for a heading. */
  readonly title: string;
  /** Where the guest was. */
  readonly guest: GuestProfile;
  /** Instructions the guest retired. */
  readonly instructions: number;
  /** What the processor's thread did all the time. */
  readonly host: HostTime;
  /** Exits by reason, and hypercalls by name. */
  readonly exits: Readonly<Record<string, number>>;
  readonly hypercalls: Readonly<Record<string, number>>;
}

/** A function's share of the samples. */
export interface FunctionShare {
  readonly name: string;
  /** Samples in it, and in it or what it called. */
  readonly self: number;
  readonly total: number;
}

/** Functions by samples in them, most first. */
export function byFunction({ names, stacks }: GuestProfile): FunctionShare[] {
  const self = new Array<number>(names.length).fill(0);
  const total = new Array<number>(names.length).fill(0);
  for (const { frames, count } of stacks) {
    const leaf = frames.at(-1);
    if (leaf !== undefined) self[leaf] = (self[leaf] as number) + count;
    for (const frame of new Set(frames)) total[frame] = (total[frame] as number) + count;
  }
  return names
    .map((name, k) => ({ name, self: self[k] as number, total: total[k] as number }))
    .sort((a, b) => b.self - a.self || b.total - a.total || (a.name < b.name ? -1 : 1));
}
