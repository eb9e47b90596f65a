import { CREDIT_INIT, DOMAIN_ENDED, DOMAIN_WORD, NEVER, VCPU_WORD, VCPUF_blocked, VCPUF_down, VCPUF_yields } from './domain.ts';
import type { Domain, Hypervisor, Vcpu } from './hypervisor.ts';

/**
 * The scheduler: Xen's credit2, on one pCPU. Each vCPU has credit, which it burns while it runs, the faster the smaller
 * its domain's weight; the runnable one with the most runs next. When that has none left, all get more. A capped domain
 * also has a budget of each period, and waits for the next when it is used up. Unlike Xen's, nobody is preempted because
 * another one wakes up: what is decided depends on instants of machine time only, and holds until the slice ends.
 */

/** Credit that may be carried over beyond what is given at a time. */
const CARRY_OVER_MAX = 500_000n;
/** Shortest slice without a rate limit, and the longest, in nanoseconds. */
const SLICE_MIN_NS = 500_000n;
const SLICE_MAX_NS = 10_000_000n;
/** A capped domain's budget is renewed so often, in nanoseconds. */
const PERIOD_NS = 10_000_000n;

const NOBODY: readonly Vcpu[] = [];

const less = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** May it run, as far as it is concerned itself? */
export function runnable(v: Vcpu): boolean {
  const { words, at, domain } = v;
  return (
    ((words[at + VCPU_WORD.flags] as number) & (VCPUF_down | VCPUF_blocked)) === 0 &&
    words[at + VCPU_WORD.pause_count] === 0 &&
    words[domain.at + DOMAIN_WORD.pause_count] === 0 &&
    ((words[domain.at + DOMAIN_WORD.is_dying] as number) & DOMAIN_ENDED) === 0
  );
}

/** Domains whose vCPUs share the pCPU: domain 0's programs run beside it. */
function* guests(hv: Hypervisor): Generator<Domain> {
  for (const d of hv.domains()) if (d.id !== 0) yield d;
}

function highestWeight(hv: Hypervisor): bigint {
  let most = 1;
  const domains = hv.domains();
  for (let i = 0; i < domains.length; i++) {
    const d = domains[i] as Domain;
    if (d.id !== 0) most = Math.max(most, d.s.sched_weight);
  }
  return BigInt(most);
}

/** Nanoseconds that a capped domain may run in each period. */
const budgetOf = (cap: number): bigint => (PERIOD_NS * BigInt(cap)) / 100n;

/** Has a capped domain used up its budget? Renews it when a period has begun since. */
function parked(hv: Hypervisor, d: Domain): boolean {
  if (d.s.sched_cap === 0) return false;
  const now = hv.now();
  const periods = (now - d.s.cap_period) / PERIOD_NS;
  if (periods > 0n) {
    const all = budgetOf(d.s.sched_cap);
    d.s.cap_budget = less(d.s.cap_budget + periods * all, all);
    d.s.cap_period += periods * PERIOD_NS;
  }
  return d.s.cap_budget <= 0n;
}

/** Set a domain's cap in percent of a pCPU, 0 for none. Its budget is a new one. */
export function setCap(hv: Hypervisor, d: Domain, cap: number): void {
  d.s.sched_cap = cap;
  d.s.cap_budget = budgetOf(cap);
  d.s.cap_period = hv.now();
}

/** The next instant at which a domain that waits for its budget gets one, NEVER when none waits. */
export function nextBudget(hv: Hypervisor): bigint {
  let next = NEVER;
  for (const d of guests(hv)) {
    if (d.s.sched_cap === 0 || d.s.cap_budget > 0n) continue;
    // So many periods until the debt is paid.
    const all = budgetOf(d.s.sched_cap);
    const at = d.s.cap_period + (-d.s.cap_budget / all + 1n) * PERIOD_NS;
    if (at < next && hv.vcpus(d).some(runnable)) next = at;
  }
  return next;
}

/** The slice of the vCPU that ran has ended: what it ran is charged. */
export function endSlice(hv: Hypervisor): void {
  const { header } = hv;
  if (header.sched_since === NEVER) return;
  const ran = hv.now() - header.sched_since;
  header.sched_since = NEVER;
  if (header.current === 0) return;
  const v = hv.vcpuAt(header.current);
  v.s.credit -= (ran * highestWeight(hv)) / BigInt(Math.max(1, v.domain.s.sched_weight));
  if (v.domain.s.sched_cap !== 0) v.domain.s.cap_budget -= ran;
}

/** The vCPU that runs lets others go first: its slice ends, and the next is another's, if one can run. */
export function yieldSlice(hv: Hypervisor, v: Vcpu): void {
  v.s.flags |= VCPUF_yields;
  hv.header.quantum_end = hv.now();
}

/** Everybody gets more credit, so much that the one in front has some. */
function moreCredit(hv: Hypervisor, most: bigint): void {
  const more = CREDIT_INIT * (-most / CREDIT_INIT + 1n);
  for (const d of guests(hv)) {
    for (const v of hv.vcpus(d)) {
      v.s.credit = less(v.s.credit + more, CREDIT_INIT + CARRY_OVER_MAX);
    }
  }
}

/** The one vCPU that can run, as it mostly is; undefined: none can, or several. (Without the lists for several, which cost more than the rest of a slice.) */
function onlyOne(hv: Hypervisor): Vcpu | undefined {
  const domains = hv.domains();
  let one: Vcpu | undefined;
  for (let i = 0; i < domains.length; i++) {
    const d = domains[i] as Domain;
    if (d.id === 0 || parked(hv, d)) continue;
    const vcpus = hv.vcpus(d);
    for (let k = 0; k < vcpus.length; k++) {
      const v = vcpus[k] as Vcpu;
      if (!runnable(v)) continue;
      if (one !== undefined) return undefined;
      one = v;
    }
  }
  return one;
}

/** Does nobody wait for the end of `v`'s slice, nor it itself? Then the slice may as well be longer. */
export function alone(hv: Hypervisor, v: Vcpu): boolean {
  if (v.domain.s.sched_cap !== 0 || ((v.words[v.at + VCPU_WORD.flags] as number) & VCPUF_yields) !== 0) return false;
  const domains = hv.domains();
  for (let i = 0; i < domains.length; i++) {
    const d = domains[i] as Domain;
    if (d.id === 0) continue;
    const vcpus = hv.vcpus(d);
    for (let k = 0; k < vcpus.length; k++) if (vcpus[k] !== v && runnable(vcpus[k] as Vcpu)) return false;
  }
  return true;
}

/** The vCPU that is to run now; of equals, the next after the one that ran last, in order of domains and vCPUs. Its slice begins. */
export function beginSlice(hv: Hypervisor): Vcpu | undefined {
  const { header } = hv;
  const only = onlyOne(hv);
  if (only !== undefined) {
    only.s.flags &= ~VCPUF_yields;
    begin(hv, only, NOBODY);
    return only;
  }
  const last = header.current;
  const before: Vcpu[] = [];
  const after: Vcpu[] = [];
  let passed = false;
  for (const d of guests(hv)) {
    const waits = parked(hv, d);
    for (const v of hv.vcpus(d)) {
      if (!waits && runnable(v)) (passed ? after : before).push(v);
      if (v.address === last) passed = true;
    }
  }
  const all = [...after, ...before];
  const [first] = all;
  if (first === undefined) return undefined;
  const willing = all.filter((v) => (v.s.flags & VCPUF_yields) === 0);
  for (const v of all) v.s.flags &= ~VCPUF_yields;
  const best = willing.reduce((most, v) => (v.s.credit > most.s.credit ? v : most), willing[0] ?? first);
  begin(
    hv,
    best,
    all.filter((other) => other !== best),
  );
  return best;
}

/** The slice of `v` begins, to which `others` are preferred by and by. */
function begin(hv: Hypervisor, v: Vcpu, others: readonly Vcpu[]): void {
  const { header } = hv;
  const { credit } = v.s;
  if (credit <= 0n) moreCredit(hv, credit);
  const now = hv.now();
  header.sched_since = now;
  header.quantum_end = now + sliceOf(hv, v, others);
}

/** How long it runs: until another one has more credit than it. */
function sliceOf(hv: Hypervisor, v: Vcpu, others: readonly Vcpu[]): bigint {
  let slice = SLICE_MAX_NS;
  const rival = others.reduce<bigint | undefined>((most, { s }) => (most === undefined || s.credit > most ? s.credit : most), undefined);
  if (rival !== undefined) {
    slice = ((v.s.credit - (rival > 0n ? rival : 0n)) * BigInt(Math.max(1, v.domain.s.sched_weight))) / highestWeight(hv);
    const limit = BigInt(hv.header.sched_ratelimit_us) * 1000n;
    const least = limit > SLICE_MIN_NS ? limit : SLICE_MIN_NS;
    if (slice < least) slice = least;
    if (slice > SLICE_MAX_NS) slice = SLICE_MAX_NS;
  }
  const { sched_cap, cap_budget } = v.domain.s;
  return sched_cap !== 0 && cap_budget < slice ? cap_budget : slice;
}
