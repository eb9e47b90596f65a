import type { Fields, Snapshot, Struct } from '../../../base/struct.ts';
import type { Domain } from '../../hypervisor.ts';
import type { Answer, Call } from '../call.ts';

/** What a domctl does, with its member of the union copied in. Domain-less commands get `of` undefined. */
export interface Domctl<F extends Fields> {
  readonly argument: Struct<F> | undefined;
  /** `domain` names an existing domain (else the handler looks at the id itself). */
  readonly needsDomain: boolean;
  run(call: Call, of: Domain | undefined, arg: Snapshot<F>, id: number): Answer<F> & { readonly domain?: number };
}
