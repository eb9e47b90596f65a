import type { XlHost } from '../../xl-host.ts';
import { COLUMNS, type Sample, topSummary, topTable, type View } from './top-table.ts';

/** Another screen, without a cursor; and back. @see xterm control sequences, DECSET 1049 and 25 */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const END_OF_LINE = '\x1b[K';
const END_OF_SCREEN = '\x1b[J';
const INVERSE = '\x1b[7m';
const PLAIN = '\x1b[0m';

const UP = '\x1b[A';
const DOWN = '\x1b[B';
const ESCAPE = '\x1b';
const CTRL_C = '\x03';
const BACKSPACE = ['\x7f', '\b'];

/** Rows of the table that even a small screen shows. */
const LEAST_ROWS = 4;

/** An arrow key is three characters. */
const KEYS = new RegExp(`${ESCAPE}\\[[A-Z]|[\\s\\S]`, 'g');

/** `xl top` on a terminal: the table, and keys that change it. */
export class TopScreen {
  private readonly host: XlHost;
  private view: View;
  private delay: number;
  private first = 0;
  /** The number being typed after D; undefined when none is. */
  private typing: string | undefined;
  private now: Sample | undefined;
  private before: Sample | undefined;
  private over = false;
  private wake: () => void = () => {};

  constructor(host: XlHost, view: View, delay: number) {
    this.host = host;
    this.view = view;
    this.delay = delay;
  }

  /** Until Q, Ctrl-C or so many looks (0: no end). `look`: the machine now, with vCPUs if they are shown. */
  async run(look: (vcpus: boolean) => Promise<Sample>, looks: number): Promise<void> {
    const { host } = this;
    const { terminal } = host;
    const stop = terminal.onInput((bytes) => {
      for (const key of new TextDecoder('latin1').decode(bytes).match(KEYS) ?? []) this.key(key);
      void this.draw();
      this.wake();
    });
    const stopInterrupts = host.onInterrupt(() => this.end());
    terminal.setRaw(true);
    await this.print(ENTER);
    try {
      for (let n = 1; !this.over; n++) {
        this.before = this.now;
        this.now = await look(this.view.vcpus);
        await this.draw();
        if (n === looks) break;
        await this.pause();
      }
    } finally {
      await this.print(LEAVE);
      terminal.setRaw(false);
      stopInterrupts();
      stop();
    }
  }

  /** Wait for the next look; what was changed by a key and needs more than is known makes it come at once. */
  private async pause(): Promise<void> {
    const { host, view, delay } = this;
    await new Promise<void>((resolve) => {
      const cancel = host.after(delay * 1000, resolve);
      this.wake = () => {
        if (!this.over && this.view.vcpus === view.vcpus && this.delay === delay) return;
        cancel();
        resolve();
      };
    });
    this.wake = () => {};
  }

  private end(): void {
    this.over = true;
    this.wake();
  }

  private key(key: string): void {
    if (this.typing !== undefined) return this.digit(key);
    switch (key.toLowerCase()) {
      case 'q':
      case ESCAPE:
      case CTRL_C:
        return this.end();
      case 'v':
        this.view = { ...this.view, vcpus: !this.view.vcpus };
        return;
      case 'r':
        this.view = { ...this.view, repeatHeader: !this.view.repeatHeader };
        return;
      case 's':
        this.view = { ...this.view, sort: (this.view.sort + 1) % COLUMNS.length };
        return;
      case 'd':
        this.typing = '';
        return;
      case UP.toLowerCase():
        this.first = Math.max(0, this.first - 1);
        return;
      case DOWN.toLowerCase():
        this.first++;
    }
  }

  private digit(key: string): void {
    const typed = this.typing ?? '';
    if (key === '\r' || key === '\n') {
      if (Number(typed) > 0) this.delay = Number(typed);
      this.typing = undefined;
    } else if (key === ESCAPE || key === CTRL_C) this.typing = undefined;
    else if (BACKSPACE.includes(key)) this.typing = typed.slice(0, -1);
    else if (/^[0-9.]$/.test(key) && typed.length < 8) this.typing = typed + key;
  }

  private async draw(): Promise<void> {
    const { host, now, before, view, typing } = this;
    if (now === undefined || this.over) return;
    const { columns, rows } = host.terminal.size() ?? { columns: 80, rows: 24 };
    const summary = topSummary(now, host.clock());
    const [heading = '', ...table] = topTable(now, before, view);
    // a few rows of the table are worth more than what stands above it
    const above = summary.slice(0, Math.max(0, rows - 2 - Math.min(table.length, LEAST_ROWS)));
    const room = Math.max(0, rows - above.length - 2);
    this.first = Math.min(this.first, Math.max(0, table.length - room));
    const shown = table.slice(this.first, this.first + room);
    const empty = Array.from({ length: room - shown.length }, () => '');
    const last = typing === undefined ? ` Delay ${this.delay} s   VCPUs   Repeat header   Sort: ${COLUMNS[view.sort]?.head}   Quit` : ` Delay(sec) ${typing}`;
    const cut = (line: string): string => line.slice(0, columns) + END_OF_LINE;
    const inverse = (line: string): string => `${INVERSE}${line.slice(0, columns).padEnd(columns)}${PLAIN}`;
    await this.print(HOME + [...above.map(cut), inverse(heading), ...shown.map(cut), ...empty.map(cut), inverse(last)].join('\r\n') + END_OF_SCREEN);
  }

  private async print(text: string): Promise<void> {
    await this.host.terminal.write(new TextEncoder().encode(text));
  }
}
