import type { Mfn } from '../../base/brand.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { p2m_ram_rw } from '../memory/p2m.ts';

/**
 * The frame behind a gfn that a domain grants or copies from: RAM of its own, undefined for everything else. What the
 * domain itself maps of others (grants, foreign pages) is not its to give.
 */
export function grantedFrame(hv: Hypervisor, of: Domain, gfn: number): Mfn | undefined {
  const entry = of.p2m.lookup(gfn);
  return entry !== undefined && entry.type === p2m_ram_rw && hv.frames.owner(entry.mfn) === of.id ? entry.mfn : undefined;
}
