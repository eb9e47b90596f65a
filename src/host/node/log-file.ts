import { closeSync, fstatSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

/** Whether the file is still the one at the path. */
function isAt(path: string, file: number): boolean {
  try {
    const [mine, there] = [fstatSync(file), statSync(path)];
    return mine.isFile() && mine.ino === there.ino && mine.dev === there.dev;
  } catch {
    return false;
  }
}

/**
 * A log that no disk fills and that fills no disk: it begins in an open file, which may be the file at `path`; once that has
 * `limit` bytes it becomes `path`.old, and a new one begins. Lines that cannot be written are counted, and the next line that can be says how many.
 */
export class LogFile {
  private readonly path: string;
  private readonly limit: number;
  private file: number;
  private readonly rotates: boolean;
  private size: number;
  private lost = 0;

  constructor(path: string, file: number, limit: number) {
    this.path = path;
    this.limit = limit;
    this.file = file;
    this.rotates = isAt(path, file);
    this.size = this.rotates ? fstatSync(file).size : 0;
  }

  write(line: string): void {
    const lost = this.lost === 0 ? '' : `(${this.lost} lines could not be written)\n`;
    const bytes = new TextEncoder().encode(`${lost}${line}\n`);
    try {
      if (this.rotates && this.size + bytes.length > this.limit) this.begin();
      for (let done = 0; done < bytes.length; ) done += writeSync(this.file, bytes, done);
      this.size += bytes.length;
      this.lost = 0;
    } catch {
      this.lost++;
    }
  }

  private begin(): void {
    renameSync(this.path, `${this.path}.old`);
    const fresh = openSync(this.path, 'a', 0o600);
    // (the first one is the process's stderr, which stays open for what nobody expects)
    if (this.file > 2) closeSync(this.file);
    this.file = fresh;
    this.size = 0;
  }
}
