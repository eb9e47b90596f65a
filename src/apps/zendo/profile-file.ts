import { OperatorError } from '../../base/operator-error.ts';
import { toHtml } from '../../toolstack/profile/html.ts';
import type { Profile } from '../../toolstack/profile/profile.ts';
import { toSpeedscope } from '../../toolstack/profile/speedscope.ts';
import type { MachineReport } from './machine-thread.ts';

const formats: ReadonlyMap<string, (profile: Profile) => string> = new Map([
  ['.json', toSpeedscope],
  ['.html', toHtml],
]);

const formatOf = (path: string): ((profile: Profile) => string) | undefined => formats.get(/\.[^./]*$/.exec(path)?.[0] ?? '');

/** Refuses a name that says no format; before the guest runs. */
export function checkProfileName(path: string): void {
  if (formatOf(path) !== undefined) return;
  throw new OperatorError(`the profile ${path} has no known format`, {
    hint: 'Give a name that ends in .html (a page to look at) or .json (for https://www.speedscope.app).',
  });
}

/** The profile in the format that the file's name asks for. */
export function profileFile(path: string, title: string, { counters, retired, profile }: MachineReport): Uint8Array {
  const format = formatOf(path);
  if (format === undefined || profile === undefined) throw new Error('no profile was made');
  const text = format({ title, instructions: Number(retired), exits: counters.exits, hypercalls: counters.hypercalls, ...profile });
  return new TextEncoder().encode(text);
}
