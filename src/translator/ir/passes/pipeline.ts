/** All passes, in the order they run. Each can be switched off. */
import type { Builder } from '../builder.ts';
import { constants } from './constants.ts';
import { deadCode } from './dead-code.ts';
import { fuseCompare } from './fuse-compare.ts';

export interface PassSwitches {
  readonly constants: boolean;
  readonly fuseCompare: boolean;
  readonly deadCode: boolean;
}

export const allPasses: PassSwitches = { constants: true, fuseCompare: true, deadCode: true };
export const noPasses: PassSwitches = { constants: false, fuseCompare: false, deadCode: false };

/** Runs the passes that are switched on over the block, and closes the gaps they leave. */
export function runPasses(builder: Builder, on: PassSwitches): void {
  if (on.constants) constants(builder);
  if (on.fuseCompare) fuseCompare(builder);
  if (on.deadCode) {
    deadCode(builder);
    builder.compact();
  }
}
