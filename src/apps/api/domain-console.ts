import { ConsoleLog } from '../daemon/console-log.ts';
import type { ApiHost } from './api-host.ts';
import { type DomainEnd, describeEnd } from './domain-end.ts';
import { DomainEndedError, TimeoutError } from './errors.ts';
import { Listeners } from './listeners.ts';
import { type WaitOptions, wait } from './wait.ts';

/** Characters of output in which `waitFor` looks. Stops: a guest that prints for ever filling memory. */
const UNREAD_LIMIT = 1 << 20;
/** Lines of output shown with an error. */
const TAIL_LINES = 10;

interface Waiter {
  /** Look again; true when what it waits for was there: then it is gone from the list. */
  readonly look: () => boolean;
  readonly ended: (end: DomainEnd) => void;
}

/**
 * A domain's console: its PV console, and what it writes with console_io or to port 0xE9, as they come. Output is text in
 * UTF-8; what waits for it takes it in turn, each from where the one before ended.
 */
export class DomainConsole {
  /** The domain's name, for messages. */
  private readonly name: string;
  private readonly host: ApiHost;
  private readonly send: (bytes: Uint8Array) => Promise<void>;
  private readonly log = new ConsoleLog();
  private readonly decoder = new TextDecoder();
  private unread = '';
  private readonly waiters: Waiter[] = [];
  private readonly listeners = new Listeners<[text: string]>();
  private over: DomainEnd | undefined;

  /** @internal */
  constructor(name: string, host: ApiHost, send: (bytes: Uint8Array) => Promise<void>) {
    this.name = name;
    this.host = host;
    this.send = send;
  }

  /** All output so far; of much, the last MiB. */
  get text(): string {
    return new TextDecoder().decode(this.log.bytes());
  }

  /** The complete lines of `text`, without their ends. */
  get lines(): string[] {
    const lines = this.text.split(/\r?\n/);
    lines.pop();
    return lines;
  }

  /**
   * Wait until the output since the last wait holds `pattern`, also in the middle of a line (a prompt). What is before it
   * and the match itself are taken: the next wait begins behind. The match, as RegExp.exec gives it.
   * Throws TimeoutError; DomainEndedError when the domain ends first.
   */
  waitFor(pattern: string | RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    const expression = expressionOf(pattern);
    return this.expect(options, `${show(pattern)} on its console`, () => {
      const match = expression.exec(this.unread);
      if (match === null) return undefined;
      this.unread = this.unread.slice(match.index + match[0].length);
      return match;
    });
  }

  /** As `waitFor`, for a complete line; `match.input` is the line without its end. Lines before it and itself are taken. */
  waitForLine(pattern: string | RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    const expression = expressionOf(pattern);
    return this.expect(options, `a line with ${show(pattern)} on its console`, () => {
      for (let end = this.unread.indexOf('\n'); end >= 0; end = this.unread.indexOf('\n')) {
        const match = expression.exec(this.unread.slice(0, end).replace(/\r$/, ''));
        this.unread = this.unread.slice(end + 1);
        if (match !== null) return match;
      }
      return undefined;
    });
  }

  /** Type on the console; text is sent as UTF-8. Settles when the guest's ring has taken all of it. */
  write(input: string | Uint8Array): Promise<void> {
    return this.send(typeof input === 'string' ? new TextEncoder().encode(input) : input);
  }

  /** Hear all output from now on, in the pieces in which it comes. The answer ends it. */
  onOutput(listener: (text: string) => void): () => void {
    return this.listeners.add(listener);
  }

  /** @internal */
  output(bytes: Uint8Array): void {
    this.log.append(bytes);
    const text = this.decoder.decode(bytes, { stream: true });
    this.unread = (this.unread + text).slice(-UNREAD_LIMIT);
    if (text !== '') this.listeners.tell(text);
    this.serve();
  }

  /** @internal The domain has ended, all its output was given. */
  end(end: DomainEnd): void {
    this.over ??= end;
    for (const waiter of [...this.waiters]) waiter.ended(end);
  }

  private expect(options: WaitOptions, what: string, look: () => RegExpExecArray | undefined): Promise<RegExpExecArray> {
    const tooLate = (milliseconds: number): Error =>
      new TimeoutError(`${this.name}: no ${what} within ${milliseconds} ms`, {
        details: this.tail(),
        hint: 'Give a longer timeout if the guest is only slow.',
      });
    const ended = (end: DomainEnd): Error =>
      new DomainEndedError(`${this.name}: no ${what}; ${describeEnd(end)}`, end, {
        details: [end.crash?.report, this.tail()].filter((part) => part).join('\n'),
      });
    return wait(this.host, options, tooLate, (resolve, reject) => {
      const first = this.waiters.length === 0 ? look() : undefined;
      if (first !== undefined) resolve(first);
      else if (this.over !== undefined) reject(ended(this.over));
      if (first !== undefined || this.over !== undefined) return () => {};
      const waiter: Waiter = {
        look: () => {
          const match = look();
          if (match !== undefined) resolve(match);
          return match !== undefined;
        },
        ended: (end) => reject(ended(end)),
      };
      this.waiters.push(waiter);
      return () => {
        const at = this.waiters.indexOf(waiter);
        this.waiters.splice(at, 1);
        // Whoever stood behind it may take output now.
        if (at === 0 && this.over === undefined) queueMicrotask(() => this.serve());
      };
    });
  }

  /** Give output to those who wait for it, in turn: each begins behind what the one before took. */
  private serve(): void {
    while (this.waiters[0]?.look() === true);
  }

  private tail(): string {
    const last = this.text.trimEnd().split(/\r?\n/).slice(-TAIL_LINES);
    return last.join('') === '' ? 'Nothing was written to the console.' : ['The last of its console:', ...last.map((line) => `  ${line}`)].join('\n');
  }
}

/** Without the flags that make exec depend on the match before. */
function expressionOf(pattern: string | RegExp): RegExp {
  if (typeof pattern === 'string') return new RegExp(RegExp.escape(pattern));
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
}

const show = (pattern: string | RegExp): string => (typeof pattern === 'string' ? JSON.stringify(pattern) : String(pattern));
