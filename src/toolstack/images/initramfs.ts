import { OperatorError } from '../../base/operator-error.ts';
import { readApplets } from './busybox-applets.ts';
import { type CpioEntry, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG, writeCpio } from './cpio.ts';
import { acceptanceInit, interactiveInit, shellStartup, stopCommands, stopScript } from './init-scripts.ts';

/** A file to add: its path without a leading slash, permissions and content. */
export interface ExtraFile {
  readonly path: string;
  readonly mode?: number | undefined;
  readonly data: Uint8Array | string;
}

/** What goes into a busybox initramfs. */
export interface InitramfsRequest {
  /** A statically linked busybox program for the guest's processor. */
  readonly busybox: Uint8Array;
  /** What process 1 does: a shell, the acceptance run, or a script of one's own. */
  readonly init: 'interactive' | 'acceptance' | { readonly script: string };
  readonly files?: readonly ExtraFile[] | undefined;
}

const scripts = { interactive: interactiveInit, acceptance: acceptanceInit } as const;
const encoder = new TextEncoder();
const directories = ['bin', 'sbin', 'usr', 'usr/bin', 'usr/sbin', 'etc', 'dev', 'proc', 'sys', 'tmp', 'root', 'run', 'var', 'var/log', 'mnt'];

/**
 * Build an uncompressed initramfs: busybox under all its names, /init, and a console node (process 1 gets its first
 * descriptors from it). The same request gives the same bytes. Throws operator errors only.
 */
export function buildInitramfs({ busybox, init, files = [] }: InitramfsRequest): Uint8Array<ArrayBuffer> {
  const applets = readApplets(busybox);
  if (applets === undefined) {
    throw new OperatorError('the busybox program cannot be used', {
      details: 'No list of applet names was found in it.',
      hint: 'Give a statically linked busybox, such as /bin/busybox of the Debian package busybox-static.',
    });
  }
  const empty = new Uint8Array(0);
  const script = typeof init === 'string' ? scripts[init] : init.script;
  const entries: CpioEntry[] = [
    ...directories.map((path) => ({ path, mode: S_IFDIR | (path === 'tmp' ? 0o1777 : path === 'root' ? 0o700 : 0o755), data: empty })),
    { path: 'dev/console', mode: S_IFCHR | 0o600, data: empty, device: { major: 5, minor: 1 } },
    { path: 'dev/null', mode: S_IFCHR | 0o666, data: empty, device: { major: 1, minor: 3 } },
    { path: 'init', mode: S_IFREG | 0o755, data: encoder.encode(script) },
    { path: 'etc/passwd', mode: S_IFREG | 0o644, data: encoder.encode('root:x:0:0:root:/root:/bin/sh\n') },
    { path: 'etc/group', mode: S_IFREG | 0o644, data: encoder.encode('root:x:0:\n') },
    { path: 'etc/shrc', mode: S_IFREG | 0o644, data: encoder.encode(shellStartup) },
    ...stopCommands.map((name) => ({ path: `sbin/${name}`, mode: S_IFREG | 0o755, data: encoder.encode(stopScript(name)) })),
    { path: 'bin/busybox', mode: S_IFREG | 0o755, data: busybox },
    ...applets.filter((name) => name !== 'busybox').map((name) => ({ path: `bin/${name}`, mode: S_IFLNK | 0o777, data: encoder.encode('busybox') })),
  ];
  return writeCpio([...entries, ...extra(files, new Set(entries.map((entry) => entry.path)))]);
}

/** The extra files, with the directories that they need. */
function extra(files: readonly ExtraFile[], known: Set<string>): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (const file of files) {
    const path = file.path.replace(/^\/+/, '');
    const parts = path.split('/');
    if (path === '' || parts.some((part) => part === '' || part === '.' || part === '..')) {
      throw new OperatorError(`the path ${JSON.stringify(file.path)} cannot go into an initramfs`, {
        hint: 'Give a path from the root, without . and .. in it.',
      });
    }
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      if (known.has(folder)) continue;
      known.add(folder);
      entries.push({ path: folder, mode: S_IFDIR | 0o755, data: new Uint8Array(0) });
    }
    known.add(path);
    entries.push({ path, mode: S_IFREG | (file.mode ?? 0o644), data: typeof file.data === 'string' ? encoder.encode(file.data) : file.data });
  }
  return entries;
}
