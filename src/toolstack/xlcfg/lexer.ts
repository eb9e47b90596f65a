/** Kinds of tokens, by the names that error messages use. */
export type TokenKind = 'IDENT' | 'STRING' | 'NUMBER' | 'NEWLINE' | '+=' | "'='" | "'['" | "']'" | "','" | "';'" | '$end' | 'lexical error';

export interface Token {
  readonly kind: TokenKind;
  /** As it stands in the file. */
  readonly text: string;
  /** The value of a STRING: without quotes, codes resolved. */
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

const PUNCTUATION: Readonly<Record<string, TokenKind>> = { '=': "'='", '[': "'['", ']': "']'", ',': "','", ';': "';'" };
const RULES: readonly (readonly [TokenKind | 'blank', RegExp])[] = [
  ['blank', /(?:[ \t\r]|#[^\n]*)+/y],
  ['NEWLINE', /\n/y],
  ['IDENT', /[a-z][_0-9a-z]*/iy],
  ['NUMBER', /-?[0-9][0-9a-fx]*/iy],
  ['+=', /\+=/y],
  ['STRING', /'[^'\n]*'|"(?:[^"\\\n]|\\[^\n])*"/y],
];
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** What a quoted string means. */
function unquote(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(x[0-9a-f]{1,2}|[0-7]{1,3}|.)/gi, (_, code: string) =>
      /^x./i.test(code)
        ? String.fromCharCode(Number.parseInt(code.slice(1), 16))
        : /^[0-7]/.test(code)
          ? String.fromCharCode(Number.parseInt(code, 8) & 0xff)
          : (ESCAPES[code] ?? code),
    );
}

/** The tokens of an xl configuration file, the end last. Never fails: what is no token is a 'lexical error'. */
export function* tokens(text: string): Generator<Token, void> {
  let line = 1;
  for (let at = 0; at < text.length; ) {
    let kind: TokenKind | 'blank' | undefined;
    let found = '';
    for (const [candidate, rule] of RULES) {
      rule.lastIndex = at;
      const match = rule.exec(text);
      if (match === null) continue;
      kind = candidate;
      found = match[0];
      break;
    }
    if (kind === undefined) {
      const char = text[at] as string;
      kind = PUNCTUATION[char] ?? 'lexical error';
      // an unfinished string is all there is until the end of the line
      found = kind === 'lexical error' && (char === '"' || char === "'") ? (text.slice(at).split('\n', 1)[0] as string) : char;
    }
    if (kind !== 'blank') yield { kind, text: found, value: kind === 'STRING' ? unquote(found) : found, line };
    if (kind === 'NEWLINE') line++;
    at += found.length;
  }
  yield { kind: '$end', text: '', value: '', line };
}
