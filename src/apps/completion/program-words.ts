/** An option of a command line. */
export interface OptionWords {
  /** A letter, without its hyphen. */
  readonly short?: string;
  /** Without its hyphens. */
  readonly long?: string;
  readonly takesValue: boolean;
  readonly summary: string;
}

/** What stands where an argument is expected. */
export type ArgumentWords = 'domains' | 'files' | 'commands' | 'nothing' | readonly string[];

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  readonly argument: ArgumentWords;
}

/** The words of a program's command line, from which completions for shells are made. */
export interface ProgramWords {
  readonly name: string;
  readonly commands: readonly CommandWords[];
  /** A command line that prints the names of the domains. */
  readonly domainNames: string;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The words of an option, with their hyphens. */
export const optionWords = ({ short, long }: OptionWords): string[] => [
  ...(short === undefined ? [] : [`-${short}`]),
  ...(long === undefined ? [] : [`--${long}`]),
];

/** For a shell, in single quotes. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
