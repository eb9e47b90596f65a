import { type Token, type TokenKind, tokens } from './lexer.ts';

/** A value: a string (numbers are strings of digits), or a list. */
export type ConfigValue = string | readonly ConfigValue[];

/** One option. A name that comes twice has the last value. */
export interface Setting {
  readonly name: string;
  readonly value: ConfigValue;
  /** Where it stands; from 1. */
  readonly line: number;
}

/** Names to settings. */
export type Settings = ReadonlyMap<string, Setting>;

/** Lists within lists, at most. Stops: a file of brackets overflowing the stack. */
const DEEPEST = 64;

class SyntaxProblem extends Error {
  readonly token: Token;
  readonly expected: string;
  constructor(token: Token, expected: string) {
    super();
    this.token = token;
    this.expected = expected;
  }
}

/** `file:line: config parsing error near ...`, as libxlu says it. */
function describe(file: string, { token, expected }: SyntaxProblem): string {
  const near = token.kind === 'NEWLINE' ? '<newline>' : `\`${token.text}'`;
  const at = token.kind === '$end' ? `${file}:${token.line}: config parsing error at end of file` : `${file}:${token.line}: config parsing error near ${near}`;
  return token.kind === 'lexical error' ? `${at}: lexical error` : `${at}: syntax error, unexpected ${token.kind}${expected}`;
}

/**
 * Read an xl configuration file: `name = value` and `name += value`, each ended by a newline or `;`. A value is a string in
 * either quotes, a number, or a list, over several lines if need be; `#` begins a comment.
 * All errors are collected: parsing goes on at the next line.
 * @see tools/libs/util/libxlu_cfg_y.y, libxlu_cfg_l.l
 */
export function parseConfig(text: string, file: string): { settings: Settings; errors: string[] } {
  const settings = new Map<string, Setting>();
  const errors: string[] = [];
  const all = [...tokens(text)];
  let at = 0;
  const peek = (): Token => all[Math.min(at, all.length - 1)] as Token;
  const is = (...kinds: TokenKind[]): boolean => kinds.includes(peek().kind);
  const take = (expected: string, ...kinds: TokenKind[]): Token => {
    if (!is(...kinds)) throw new SyntaxProblem(peek(), expected);
    return all[at++] as Token;
  };
  const skipLines = (): void => {
    while (is('NEWLINE')) at++;
  };

  const value = (depth: number): ConfigValue => {
    const open = take(depth === 0 ? ", expecting STRING or NUMBER or '['" : '', 'STRING', 'NUMBER', "'['");
    if (open.kind !== "'['") return open.value;
    if (depth >= DEEPEST) throw new SyntaxProblem(open, '');
    const list: ConfigValue[] = [];
    skipLines();
    while (!is("']'")) {
      list.push(value(depth + 1));
      skipLines();
      if (is("']'")) break;
      take(", expecting ',' or ']'", "','");
      skipLines();
    }
    at++;
    return list;
  };

  const assignment = (): void => {
    const { value: name, line } = take(', expecting $end', 'IDENT');
    const operator = take(", expecting += or '='", "'='", '+=');
    const given = value(0);
    const before = settings.get(name)?.value;
    settings.set(name, { name, line, value: operator.kind === '+=' && before !== undefined ? joined(before, given) : given });
    take(', expecting $end', 'NEWLINE', "';'", '$end');
  };

  while (!is('$end')) {
    if (is('NEWLINE', "';'")) {
      at++;
      continue;
    }
    try {
      assignment();
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      errors.push(describe(file, error));
      while (!is('NEWLINE', '$end')) at++;
    }
  }
  return { settings, errors };
}

/** What `+=` makes: text behind text, or a list with more at its end. */
function joined(before: ConfigValue, added: ConfigValue): ConfigValue {
  if (typeof before === 'string' && typeof added === 'string') return before + added;
  return [...(typeof before === 'string' ? [before] : before), ...(typeof added === 'string' ? [added] : added)];
}
