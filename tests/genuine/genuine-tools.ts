import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { places } from '../../src/apps/daemon/places.ts';
import { unpackedPackages } from '../unpacked-packages.ts';

/** Debian's Xen 4.17 tools and the libraries that not every Debian has. They are unpacked, not installed: nothing of a Xen host is started. */
const PACKAGES: readonly [string, ...string[]] = [
  'xen-utils-4.17',
  'xenstore-utils',
  'libxenmisc4.17',
  'libxencall1',
  'libxendevicemodel1',
  'libxenevtchn1',
  'libxenforeignmemory1',
  'libxengnttab1',
  'libxenhypfs1',
  'libxenstore4',
  'libxentoolcore1',
  'libxentoollog1',
  'libyajl2',
  'libnl-3-200',
  'libnl-route-3-200',
  'libfdt1',
  'libncurses6',
];
const SHIM = new URL('./shim.c', import.meta.url).pathname;

/** What a tool printed, and how it ended. */
export interface ToolRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** Debian's genuine Xen tools, whose hypercalls go to a daemon of ours. */
export class GenuineTools {
  private readonly packages: string;
  private readonly folder: string;
  private readonly directory: string;

  private constructor(packages: string, folder: string, directory: string) {
    this.packages = packages;
    this.folder = folder;
    this.directory = directory;
    // what tools look for on a Xen host: a configuration file, and no devices that a kernel serves to guests
    for (const path of ['etc/xen', 'run/xen', 'var/run/xen', 'var/lib/xen', 'var/log/xen', 'var/lock', 'sys/bus/xen-backend/devices', 'sys/bus/pci/devices']) {
      mkdirSync(join(this.root, path), { recursive: true });
    }
    writeFileSync(join(this.root, 'etc/xen/xl.conf'), '');
    // what tools start by its full path
    mkdirSync(join(this.root, 'usr/lib'), { recursive: true });
    symlinkSync(join(packages, 'usr/lib/xen-4.17'), join(this.root, 'usr/lib/xen-4.17'));
  }

  /** Stands for `/` where tools look for the files of a Xen host. */
  get root(): string {
    return join(this.folder, 'root');
  }

  /** Fetch the tools and make the shim, for a daemon in `directory`; or say why that cannot be. In CI that is an error. */
  static async fetch(directory: string): Promise<GenuineTools | { readonly missing: string }> {
    const folder = mkdtempSync(join(tmpdir(), 'zendo-genuine-'));
    const compiled = spawnSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', join(folder, 'shim.so'), SHIM], { encoding: 'utf8' });
    const packages = compiled.error !== undefined ? { missing: 'gcc is not installed' } : await unpackedPackages('xen-tools', PACKAGES);
    if (compiled.error === undefined && compiled.status !== 0) throw new Error(compiled.stderr);
    if (typeof packages !== 'string') {
      rmSync(folder, { recursive: true });
      if (process.env['CI'] === 'true') throw new Error(packages.missing);
      return packages;
    }
    return new GenuineTools(packages, folder, directory);
  }

  /** How a tool of /usr/lib/xen-4.17/bin, or of xenstore-utils, is started. */
  command(tool: string, ...args: string[]): { readonly command: string; readonly args: string[]; readonly env: Record<string, string | undefined> } {
    const own = join(this.packages, 'usr/lib/xen-4.17/bin', tool);
    const { store, privcmd } = places(this.directory);
    const env = {
      ...process.env,
      PATH: `${join(this.packages, 'usr/lib/xen-4.17/bin')}:${process.env['PATH']}`,
      LC_ALL: 'C',
      TERM: 'dumb',
      LD_LIBRARY_PATH: join(this.packages, 'usr/lib/x86_64-linux-gnu'),
      LD_PRELOAD: join(this.folder, 'shim.so'),
      ZENDO_PRIVCMD: privcmd,
      ZENDO_ROOT: this.root,
      XENSTORED_PATH: store,
    };
    return { command: existsSync(own) ? own : join(this.packages, 'usr/bin', tool), args, env };
  }

  /** Run a tool to its end. */
  run(tool: string, ...words: string[]): ToolRun {
    const { command, args, env } = this.command(tool, ...words);
    const { stdout, stderr, status } = spawnSync(command, args, { cwd: this.folder, encoding: 'utf8', input: '', timeout: 300_000, env });
    return { stdout, stderr, status };
  }

  /**
   * Give the tools what libxl keeps of domains that our daemon built: their configurations, as `xl list -l` of ours prints them, in the files in which
   * libxl looks for them. What a tool changes there our daemon does not hear of.
   */
  share(listed: string): void {
    for (const { domid, config } of JSON.parse(listed) as { domid: number; config: { c_info: { uuid?: string } } }[]) {
      const uuid = config.c_info.uuid ?? '00000000-0000-0000-0000-000000000000';
      writeFileSync(join(this.root, `var/lib/xen/userdata-d.${domid}.${uuid}.libxl-json`), JSON.stringify(config));
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
