import type { Fields, Snapshot, Struct } from '../../../base/struct.ts';
import type { Answer, Call } from '../call.ts';

/** A sysctl: its member of the union, and what it does with a copy of that. Fields answered are copied out. */
export interface Sysctl<F extends Fields> {
  readonly member: Struct<F>;
  run(call: Call, arg: Snapshot<F>): Answer<F>;
}

/** Declare a sysctl. */
export function sysctlOperation<F extends Fields>(member: Struct<F>, run: Sysctl<F>['run']): Sysctl<F> {
  return { member, run };
}
