import type { FileStore, FileWriter } from '../../base/ports/file-store.ts';

/** Bytes of a log, after which it is set aside as `.1` in place of the one before. Stops: a guest's output filling the disk. */
export const CONSOLE_FILE_LIMIT = 1 << 20;
/** Bytes that may wait for the disk; more is lost. Stops: a guest that writes faster than the disk filling the daemon's memory. */
const WAITING_MAX = 1 << 20;

/** A console whose output is written to a file, piece by piece in the background. */
interface Logged {
  readonly path: string;
  waiting: Uint8Array[];
  waitingBytes: number;
  lost: number;
  busy: Promise<void> | undefined;
  file: FileWriter | undefined;
}

/** Part of a file's name: no directory. */
const plain = (name: string): string => name.replaceAll(/[^\w.+@-]/g, '_');

/** Logs of consoles on disk: DIRECTORY/guest-NAME.log, as xenconsoled keeps them, and guest-NAME.consoleN.log of further consoles. */
export class ConsoleFiles {
  private readonly files: FileStore;
  private readonly directory: string;
  private readonly complain: (line: string) => void;
  private readonly all = new Map<number, Map<number, Logged>>();
  private closing: Promise<void> = Promise.resolve();

  /** `complain`: a line for the daemon's log, once for each domain whose log cannot be written. */
  constructor(files: FileStore, directory: string, complain: (line: string) => void) {
    this.files = files;
    this.directory = directory;
    this.complain = complain;
  }

  /** Add to a log. `name`: what the domain is called, asked for when its log is begun. */
  output(domid: number, number: number, bytes: Uint8Array, name: () => string): void {
    const domain = this.all.get(domid) ?? new Map<number, Logged>();
    const logged = domain.get(number) ?? {
      path: `${this.directory}/guest-${plain(name())}${number === 0 ? '' : `.console${number}`}.log`,
      waiting: [],
      waitingBytes: 0,
      lost: 0,
      busy: undefined,
      file: undefined,
    };
    this.all.set(domid, domain.set(number, logged));
    if (logged.waitingBytes + bytes.length > WAITING_MAX) logged.lost += bytes.length;
    else {
      logged.waiting.push(bytes.slice());
      logged.waitingBytes += bytes.length;
    }
    this.begin(logged);
  }

  private begin(logged: Logged): void {
    logged.busy ??= this.write(logged).catch((error) => {
      this.complain(`${logged.path} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
      // once is enough: what comes is dropped
      logged.waiting = [];
      logged.waitingBytes = Number.POSITIVE_INFINITY;
    });
  }

  private async write(logged: Logged): Promise<void> {
    while (logged.waiting.length > 0) {
      const pieces = logged.waiting.splice(0);
      const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
      if (logged.lost > 0) pieces.push(new TextEncoder().encode(`\n[${logged.lost} bytes were lost: the disk was too slow]\n`));
      logged.lost = 0;
      for (const piece of pieces) {
        const file = (logged.file ??= await this.files.append(logged.path));
        if (file.size > 0 && file.size + piece.length > CONSOLE_FILE_LIMIT) {
          logged.file = undefined;
          await file.close();
          await this.files.rename(logged.path, `${logged.path}.1`);
          logged.file = await this.files.append(logged.path);
        }
        await (logged.file as FileWriter).write(piece);
      }
      logged.waitingBytes -= size;
    }
    logged.busy = undefined;
  }

  /** The domain is gone: its logs are complete, and closed in the background. */
  end(domid: number): void {
    const domain = this.all.get(domid);
    this.all.delete(domid);
    if (domain !== undefined) this.closing = Promise.all([this.closing, this.close(domain.values())]).then(() => {});
  }

  private async close(logs: Iterable<Logged>): Promise<void> {
    for (const logged of logs) {
      await logged.busy;
      await logged.file?.close().catch(() => {});
    }
  }

  /** Settles when the logs of all domains that are gone are closed. */
  closed(): Promise<void> {
    return this.closing;
  }
}
