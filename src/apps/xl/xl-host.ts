import type { Terminal } from '../../base/ports/terminal.ts';
import type { DaemonClient } from '../daemon/connect.ts';

/** A file, or why it cannot be read in the words of a C library. */
export type ReadResult = { readonly bytes: Uint8Array } | { readonly failure: string; readonly directory: boolean };

/** What `xl` needs of its host; made in main.ts. */
export interface XlHost {
  /** The daemon, started when none runs. */
  readonly daemon: () => Promise<DaemonClient>;
  /** The daemon, if one runs. */
  readonly runningDaemon: () => Promise<DaemonClient | undefined>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly readFile: (path: string) => Promise<ReadResult>;
  /** The absolute form of a path. */
  readonly resolve: (path: string) => string;
  /** A random UUID as text. */
  readonly uuid: () => string;
  /** Milliseconds since 1970, and the local time as hh:mm:ss. */
  readonly wall: () => number;
  readonly clock: () => string;
  /** Call back after so many milliseconds; the answer cancels that. */
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  readonly system: { readonly host: string; readonly release: string; readonly version: string; readonly machine: string };
  readonly terminal: Terminal;
  /** Ctrl-C and the like; the answer stops listening. */
  readonly onInterrupt: (listener: () => void) => () => void;
}

/** The command line was answered; the process ends with this status. */
export class XlEnd extends Error {
  override readonly name = 'XlEnd';
  readonly status: number;
  constructor(status: number) {
    super(`ends with status ${status}`);
    this.status = status;
  }
}
