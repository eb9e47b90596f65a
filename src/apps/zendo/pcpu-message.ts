import type { GuestProfile } from '../../hypervisor/profile/guest-sampler.ts';
import type { Counters } from '../../hypervisor/trace.ts';
import type { HostTime } from '../../toolstack/profile/profile.ts';

/** Where the guest was and what the thread did, when asked for. */
export interface ThreadProfile {
  readonly guest: GuestProfile;
  readonly host: HostTime;
}

/** What the pCPU thread tells the host thread. */
export type PcpuMessage =
  | { readonly kind: 'ready' }
  /** There is hot code to compile: the other end of the port to the compiler is to be served. */
  | { readonly kind: 'compiler' }
  | { readonly kind: 'log'; readonly line: string }
  /** Why a domain is stopped as crashed. */
  | { readonly kind: 'crash'; readonly domid: number; readonly reason: string }
  /** Translations for the next run, when they are kept and there are new ones. */
  | { readonly kind: 'translations'; readonly file: Uint8Array }
  | {
      readonly kind: 'ended';
      readonly counters: Counters;
      readonly engine: Readonly<Record<string, unknown>>;
      /** Instructions of guests since the machine was made; by compiled regions since this thread began. */
      readonly retired: bigint;
      readonly retiredInRegions: bigint;
      readonly profile?: ThreadProfile;
    };
