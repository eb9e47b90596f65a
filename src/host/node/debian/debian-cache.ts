/** Debian packages and the files taken out of them, kept between runs. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../../base/operator-error.ts';
import { cacheFolder } from '../xdg.ts';
import { AptError, type AptRecord, dependencies, downloadPackage, showPackage, updateLists } from './apt.ts';
import { DebFile, type Decompress } from './deb-file.ts';
import { type RunCommand, runCommand } from './run-command.ts';

/** A slow step that starts, or goes on. */
export interface DebianProgress {
  readonly step: 'resolve' | 'update' | 'download' | 'verify' | 'unpack' | 'cached';
  /** What it works on, for people: a package name, a file name. */
  readonly what: string;
  /** Of a download: bytes so far and in all. */
  readonly bytes?: number;
  readonly total?: number;
}

export interface DebianCacheOptions {
  readonly decompress: Decompress;
  /** Default: `zendo/debian` in $XDG_CACHE_HOME or ~/.cache. */
  readonly folder?: string | undefined;
  readonly onProgress?: ((progress: DebianProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How programs are run; for tests. */
  readonly run?: RunCommand | undefined;
  /** For how long after a look at apt's lists its answer is taken from memory, in milliseconds; default: a day. */
  readonly freshFor?: number | undefined;
  /** Whether we may renew apt's lists (when they are empty); default: when run by root. */
  readonly mayUpdate?: boolean | undefined;
}

/** A file out of a package. */
export interface DebianFile {
  /** The package it is from, not the meta package asked for. */
  readonly package: string;
  readonly version: string;
  /** Its path in the package, without leading slash. */
  readonly path: string;
  readonly data: Uint8Array;
}

/** What a name led to the last time; used when apt cannot say. */
interface Remembered {
  readonly package: string;
  readonly version: string;
  readonly architecture: string;
  readonly path: string;
}

/** Where the cache is when nobody says otherwise. @see XDG Base Directory Specification */
export function defaultCacheFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(cacheFolder(environment), 'debian');
}

/** How often a running download is looked at, in milliseconds. */
const LOOK_EVERY = 250;
const DAY = 86_400_000;
/** (linux-image-686-pae is a meta package) */
const IMAGE_PACKAGE = /^linux-image-\d+\.\d/;

/** Fetches files of Debian packages through apt and its own cache. Every method throws operator errors. */
export class DebianCache {
  private readonly options: DebianCacheOptions;
  private readonly folder: string;
  private readonly run: RunCommand;

  constructor(options: DebianCacheOptions) {
    this.options = options;
    this.folder = options.folder ?? defaultCacheFolder();
    this.run = options.run ?? runCommand;
  }

  /**
   * The kernel of a Debian kernel package: `linux-image-cloud-amd64`, `linux-image-amd64` (meta packages, resolved to
   * the newest image), or a concrete `linux-image-VERSION-FLAVOUR`.
   */
  kernel(name: string): Promise<DebianFile> {
    return this.file(name, 'vmlinuz', (path) => /^boot\/vmlinu[xz]-/.test(path));
  }

  /** The program of busybox-static. */
  busybox(): Promise<DebianFile> {
    return this.file('busybox-static', 'busybox', (path) => /^(usr\/)?bin\/busybox$/.test(path));
  }

  /** The first file of package `name` that is wanted, kept in the cache under the short name `key`. */
  async file(name: string, key: string, wanted: (path: string) => boolean): Promise<DebianFile> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    const memory = join(this.folder, `${name.replaceAll(':', '_')}.${key}.json`);
    await this.hostStep('create the cache folder', this.folder, () => mkdir(join(this.folder, 'files'), { recursive: true }));
    const remembered = await this.recall(memory, key);
    if (remembered !== undefined && remembered.age < (this.options.freshFor ?? DAY)) return this.cached(remembered.file);
    try {
      const record = await this.resolve(name);
      if (remembered !== undefined && remembered.file.package === record.package && remembered.file.version === record.version) {
        await utimes(memory, new Date(), new Date()).catch(() => undefined);
        return this.cached(remembered.file);
      }
      return await this.fetch(record, wanted, this.keptName(record, key), memory);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof AptError) || remembered === undefined) throw error;
      return this.cached(remembered.file, error.shortMessage);
    }
  }

  private cached(file: DebianFile, because?: string): DebianFile {
    this.report({ step: 'cached', what: `${file.package} ${file.version}${because === undefined ? '' : ` (${because})`}` });
    return file;
  }

  private report(progress: DebianProgress): void {
    this.options.onProgress?.(progress);
  }

  private keptName({ package: name, version, architecture }: Omit<Remembered, 'path'>, key: string): string {
    return join(this.folder, 'files', `${name}_${version.replaceAll(':', '%3a')}_${architecture}.${key}`);
  }

  /** The file that this name led to the last time, and how long ago that was (milliseconds). */
  private async recall(memory: string, key: string): Promise<{ file: DebianFile; age: number } | undefined> {
    try {
      const fields = JSON.parse(await readFile(memory, 'utf8')) as Readonly<Record<keyof Remembered, unknown>> | null;
      const { package: name, version, architecture, path } = fields ?? {};
      // The cache is only files in someone's home: what would lead out of it is not believed.
      const safe = (part: unknown): part is string => typeof part === 'string' && /^[A-Za-z0-9+.:~-]+$/.test(part);
      if (!safe(name) || !safe(version) || !safe(architecture) || typeof path !== 'string') return undefined;
      const data = new Uint8Array(await readFile(this.keptName({ package: name, version, architecture }, key)));
      // the file system's clock may be a little ahead, or was once set wrong: a date to come is as far from now as one gone by
      const age = Math.abs(Date.now() - (await stat(memory)).mtimeMs);
      return { file: { package: name, version, path, data }, age };
    } catch {
      return undefined;
    }
  }

  /** Apt's record of a package; of a kernel meta package, of the image it depends on. */
  private async resolve(name: string): Promise<AptRecord> {
    this.report({ step: 'resolve', what: name });
    let record = await showPackage(this.run, name);
    if (record === undefined) {
      const mayUpdate = this.options.mayUpdate ?? process.getuid?.() === 0;
      if (mayUpdate && !(await this.listsExist())) {
        this.report({ step: 'update', what: "apt's package lists" });
        await updateLists(this.run);
        record = await showPackage(this.run, name);
      }
    }
    if (record === undefined) throw await this.unknownPackage(name);
    if (!name.startsWith('linux-image') || IMAGE_PACKAGE.test(record.package)) return record;
    const image = dependencies(record.depends).find((dependency) => IMAGE_PACKAGE.test(dependency));
    if (image === undefined) {
      throw new AptError(`the Debian package ${name} names no kernel image`, { details: `It depends on: ${record.depends || 'nothing'}.` });
    }
    const imageRecord = await showPackage(this.run, image);
    if (imageRecord === undefined) throw await this.unknownPackage(image);
    return imageRecord;
  }

  /** apt knows some packages at all. */
  private async listsExist(): Promise<boolean> {
    const result = await this.run('apt-cache', ['show', '--no-all-versions', 'apt']);
    return result.status === 0 && /^SHA256:/m.test(result.stdout);
  }

  private async unknownPackage(name: string): Promise<AptError> {
    const empty = !(await this.listsExist());
    return new AptError(`apt does not know the package ${name}`, {
      details: empty ? "apt's package lists are empty." : 'It is in none of the archives this host uses.',
      hint: empty
        ? 'Run `apt-get update` as root once, then try again.'
        : 'Run on Debian amd64 (or add its archive to apt), or boot a kernel of your own with --kernel FILE.',
    });
  }

  private async fetch(record: AptRecord, wanted: (path: string) => boolean, kept: string, memory: string): Promise<DebianFile> {
    const deb = await this.download(record);
    this.report({ step: 'unpack', what: record.package });
    const package_ = new DebFile(deb, this.options.decompress);
    const entry = package_.find(wanted);
    if (entry === undefined) throw new OperatorError(`the Debian package ${record.package} does not hold the file that is needed`);
    await this.hostStep('write to the cache folder', this.folder, async () => {
      await writeWhole(kept, entry.data);
      const remembered: Remembered = { package: record.package, version: record.version, architecture: record.architecture, path: entry.path };
      await writeWhole(memory, `${JSON.stringify(remembered)}\n`);
    });
    return { package: record.package, version: record.version, path: entry.path, data: entry.data };
  }

  /** Fetch a package into a folder of its own and take its bytes; only the files out of it are kept. */
  private async download(record: AptRecord): Promise<Uint8Array> {
    await this.sweep();
    const into = await this.hostStep('create a folder in the cache', this.folder, () => mkdtemp(join(this.folder, 'download-')));
    const total = record.size;
    const look = (): Promise<void> =>
      folderSize(into).then((bytes) => this.report({ step: 'download', what: record.package, bytes, ...(total === undefined ? {} : { total }) }));
    await look();
    const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY);
    try {
      await downloadPackage(this.run, record, into, this.options.signal);
      const name = (await readdir(into)).find((file) => file.endsWith('.deb'));
      if (name === undefined) throw new AptError(`apt fetched no file for ${record.package}`);
      const bytes = new Uint8Array(await readFile(join(into, name)));
      if (record.sha256 !== undefined) {
        this.report({ step: 'verify', what: record.package });
        const found = createHash('sha256').update(bytes).digest('hex');
        if (found !== record.sha256) {
          throw new AptError(`the Debian package ${record.package} is not what apt's lists say`, {
            details: `SHA256 ${found}, expected ${record.sha256}.`,
            hint: 'Run `apt-get update` as root, then try again.',
          });
        }
      }
      return bytes;
    } finally {
      clearInterval(timer);
      await rm(into, { recursive: true, force: true });
    }
  }

  /** Remove the folders of downloads that were killed long ago. */
  private async sweep(): Promise<void> {
    for (const name of await readdir(this.folder).catch(() => [])) {
      if (!name.startsWith('download-')) continue;
      const path = join(this.folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
      if (Date.now() - mtimeMs > DAY) await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  /** Do something with the host's files; its errors become operator errors. */
  private async hostStep<T>(what: string, path: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (cause) {
      throw new OperatorError(`cannot ${what} ${path}`, {
        details: cause instanceof Error ? cause.message : undefined,
        hint: 'Set XDG_CACHE_HOME to a folder that can be written.',
        cause,
      });
    }
  }
}

/** Sum of the sizes of the files in a folder, one level of folders down too (apt keeps unfinished ones in `partial`). */
async function folderSize(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile())
      sum += await stat(join(entry.parentPath, entry.name)).then(
        (s) => s.size,
        () => 0,
      );
  }
  return sum;
}

/** Write a file so that other processes see all of it or nothing. */
async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`;
  try {
    await writeFile(unfinished, data);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
