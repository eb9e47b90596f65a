import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import type { ProgramWords, Shell } from './program-words.ts';
import { zshCompletion } from './zsh.ts';

const RENDERERS: Readonly<Record<Shell, (words: ProgramWords) => string>> = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** The completion of a program for a shell, as a script. */
export const completionScript = (shell: Shell, words: ProgramWords): string => RENDERERS[shell](words);
