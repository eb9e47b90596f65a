import { EINVAL, ENOMEM } from '../../spec/xen/errno.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';

/**
 * Claims: a toolstack sets frames aside for a domain before it populates it, so that domains built at the same time do
 * not each find too little half way. A claim names no frames, only how many of the free ones are promised.
 */

/**
 * Claim so many pages in all for a domain, what it has already included; 0 gives the claim up. 0 or an errno:
 * EINVAL there is a claim, or it is not more than the domain has, or more than it may have; ENOMEM so many are not free.
 */
export function claimPages(hv: Hypervisor, of: Domain, pages: number): number {
  if (pages === 0) {
    giveUpClaim(hv, of);
    return 0;
  }
  if (of.s.outstanding_pages !== 0 || of.s.is_dying !== 0 || pages <= of.s.tot_pages || pages > of.s.max_pages) return EINVAL;
  const more = pages - of.s.tot_pages;
  if (more > hv.frames.unclaimed) return ENOMEM;
  of.s.outstanding_pages = more;
  hv.header.outstanding_claims += more;
  return 0;
}

/** Pages were given to the domain: so many less are promised. */
export function useClaim(hv: Hypervisor, of: Domain, pages: number): void {
  const used = Math.min(pages, of.s.outstanding_pages);
  if (used === 0) return;
  of.s.outstanding_pages -= used;
  hv.header.outstanding_claims -= used;
}

/** What is still promised to the domain is anybody's again. */
export function giveUpClaim(hv: Hypervisor, of: Domain): void {
  hv.header.outstanding_claims -= of.s.outstanding_pages;
  of.s.outstanding_pages = 0;
}
