/**
 * Translations as files: `<folder>/<name>.ztc`, for their owner alone. A file is used only if it was written whole by a process
 * of this user: it begins with a code (GMAC of AES-256) over its name and all that follows, made with a secret that lies in the user's
 * state folder, not beside the files. So a file that is cut short, damaged, renamed or made by somebody else is no file.
 */
import { closeSync, fstatSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KeptReader, TranslationCache, TranslationPlace } from '../../base/ports/translation-cache.ts';
import { nodeCrypto } from './crypto.ts';
import { stateFolder } from './xdg.ts';

const SECRET_BYTES = 32;
/** The code is a number used once, and the tag made with it. @see NIST SP 800-38D */
const NONCE_BYTES = 16;
const TAG_BYTES = 16;
const CODE_BYTES = NONCE_BYTES + TAG_BYTES;
const SUFFIX = '.ztc';
/** All files together may have this many bytes; those not used for longest go first. */
const LIMIT = 512 << 20;
/** A file above this size was not written by us. */
const FILE_MAX = 128 << 20;
/** Bytes of a file that are read at a time. */
const PIECE = 1 << 20;

export interface TranslationCacheOptions {
  readonly folder: string;
  /** What the engine is made of: files count by their bytes, folders by names, sizes and times of what is in them. */
  readonly engine: readonly URL[];
  /** File of the secret. */
  readonly secret?: string;
  /** Bytes of all files together. */
  readonly limit?: number;
}

/** Which build of the engine this is: translations of another are not for it. */
export function buildOf(parts: readonly URL[]): string {
  const hash = nodeCrypto().createHash('sha256');
  for (const part of parts) {
    const path = fileURLToPath(part);
    if (!statSync(path).isDirectory()) {
      hash.update(readFileSync(path));
      continue;
    }
    for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()) {
      const { size, mtimeMs } = statSync(join(path, name));
      hash.update(`${name} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}

interface Tagging {
  readonly take: (bytes: Uint8Array) => void;
  readonly tag: () => Uint8Array;
}

/** A file that is open. */
class FileReader implements KeptReader {
  readonly length: number;
  /** What was found out about it. */
  found: boolean | undefined;
  private readonly descriptor: number;
  private readonly code = new Uint8Array(CODE_BYTES);
  private readonly tagging: Tagging;
  private left: number;

  /** Throws what Node does. */
  constructor(descriptor: number, tagging: (nonce: Uint8Array) => Tagging) {
    this.descriptor = descriptor;
    this.length = fstatSync(descriptor).size - CODE_BYTES;
    this.left = this.length;
    if (readSync(descriptor, this.code, 0, CODE_BYTES, null) !== CODE_BYTES) this.found = false;
    this.tagging = tagging(this.code.subarray(0, NONCE_BYTES));
  }

  *into(target: Uint8Array): Generator<undefined, boolean> {
    for (let length = 0; length < target.length; ) {
      const count = this.found === false ? 0 : readSync(this.descriptor, target, length, Math.min(PIECE, target.length - length), null);
      if (count === 0) {
        this.found = false;
        return false;
      }
      this.tagging.take(target.subarray(length, length + count));
      length += count;
      this.left -= count;
      yield;
    }
    return true;
  }

  isTrue(): boolean {
    this.found ??= this.left === 0 && nodeCrypto().timingSafeEqual(this.tagging.tag(), this.code.subarray(NONCE_BYTES));
    return this.found;
  }
}

export class NodeTranslationCache implements TranslationCache {
  private readonly options: TranslationCacheOptions;
  private build: string | undefined;

  constructor(options: TranslationCacheOptions) {
    this.options = options;
  }

  private file(name: string): string {
    this.build ??= buildOf(this.options.engine);
    return join(this.options.folder, `${nodeCrypto().createHash('sha256').update(`${this.build}\0${name}`).digest('hex').slice(0, 40)}${SUFFIX}`);
  }

  /** The user's secret; made when there is none. */
  private secret(): Uint8Array {
    const path = this.options.secret ?? join(stateFolder(), 'translation-secret');
    for (;;) {
      try {
        const secret = readFileSync(path);
        if (secret.length === SECRET_BYTES) return secret;
        rmSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const fresh = `${path}.${process.pid}`;
      writeFileSync(fresh, nodeCrypto().randomBytes(SECRET_BYTES), { mode: 0o600 });
      try {
        linkSync(fresh, path);
      } catch {
        // the first of two processes wins
      }
      rmSync(fresh);
    }
  }

  /** Takes the bytes of a file, and makes their tag. */
  private tagging(nonce: Uint8Array, path: string): Tagging {
    // nothing is encrypted: a cipher that authenticates is several times as fast over many bytes as a hash
    const cipher = nodeCrypto().createCipheriv('aes-256-gcm', this.secret(), nonce);
    cipher.setAAD(Buffer.from(path.slice(-40 - SUFFIX.length)));
    return {
      take: (bytes) => void cipher.setAAD(bytes),
      tag: () => {
        cipher.final();
        return cipher.getAuthTag();
      },
    };
  }

  private tag(nonce: Uint8Array, path: string, bytes: Uint8Array): Uint8Array {
    const { take, tag } = this.tagging(nonce, path);
    take(bytes);
    return tag();
  }

  place(name: string): TranslationPlace {
    return { folder: this.options.folder, name };
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const whole = function* (kept: KeptReader): Generator<undefined, Uint8Array<ArrayBuffer> | undefined> {
      const bytes = new Uint8Array(kept.length);
      return (yield* kept.into(bytes)) && kept.isTrue() ? bytes : undefined;
    };
    for (const steps = this.reading(name, whole); ; ) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /**
   * Lets `use` read what is kept under `name`, in steps of a millisecond or so, for one who has other work too: straight to where it belongs, so that it need not be copied
   * once more. The answer of `use`; undefined if nothing is there. A file that turned out not to be true is removed.
   */
  *reading<T>(name: string, use: (kept: KeptReader) => Generator<undefined, T>): Generator<undefined, T | undefined> {
    let path: string;
    let descriptor: number;
    try {
      nodeCrypto(); // takes longest
      yield;
      path = this.file(name);
      const { size, uid } = statSync(path);
      if (size <= CODE_BYTES || size > FILE_MAX || (process.getuid !== undefined && uid !== process.getuid())) return undefined;
      yield;
      descriptor = openSync(path, 'r');
    } catch {
      return undefined;
    }
    try {
      const kept = new FileReader(descriptor, (nonce) => this.tagging(nonce, path));
      const made = yield* use(kept);
      if (kept.found === true) {
        const now = new Date();
        utimesSync(path, now, now);
      } else if (kept.found === false) rmSync(path, { force: true });
      return made;
    } catch {
      return undefined;
    } finally {
      closeSync(descriptor);
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    try {
      const { folder } = this.options;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
      const path = this.file(name);
      await this.makeRoom(bytes.length, path);
      const temporary = `${path}.${process.pid}.new`;
      try {
        const nonce = nodeCrypto().randomBytes(NONCE_BYTES);
        await writeFile(temporary, [nonce, this.tag(nonce, path, bytes), bytes], { mode: 0o600 });
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    } catch {
      // a full disk, a folder of somebody else's: the next run translates again
    }
  }

  /** Removes the files not used for longest until `size` bytes more are within the limit; what a process that died left, too. */
  private async makeRoom(size: number, but: string): Promise<void> {
    const { folder, limit = LIMIT } = this.options;
    const found: { path: string; size: number; used: number }[] = [];
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const info = await stat(path).catch(() => undefined);
      if (info === undefined || !info.isFile() || path === but) continue;
      if (name.endsWith(SUFFIX)) found.push({ path, size: info.size, used: info.mtimeMs });
      else if (name.endsWith('.new') && Date.now() - info.mtimeMs > 3_600_000) await rm(path, { force: true });
    }
    let total = found.reduce((sum, file) => sum + file.size, size);
    for (const file of found.sort((a, b) => a.used - b.used)) {
      if (total <= limit) break;
      await rm(file.path, { force: true });
      total -= file.size;
    }
  }
}

/** The cache the operator wants: a folder, `off`, or what $ZENDO_TRANSLATION_CACHE says, or the user's cache folder. */
export function chosenFolder(
  wanted: string | undefined,
  otherwise: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const said = environment['ZENDO_TRANSLATION_CACHE'];
  const folder = wanted ?? (said === undefined || said === '' ? otherwise : said);
  return folder === 'off' ? undefined : folder;
}
