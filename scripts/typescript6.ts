/**
 * Gives dependency-cruiser the TypeScript 6 it reads sources with; `typescript` itself, version 7, has no JavaScript API.
 *
 *   node --import ./scripts/typescript6.ts node_modules/.bin/depcruise ...
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, nextResolve) => nextResolve(specifier.replace(/^typescript(?=\/|$)/, '@typescript/typescript6'), context),
});
