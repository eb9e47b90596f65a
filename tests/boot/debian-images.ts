import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../src/base/operator-error.ts';
import { temporaryFolder } from '../../src/base/testing/temporary-folder.ts';
import { DebianCache, defaultCacheFolder } from '../../src/host/node/debian/debian-cache.ts';
import { buildInitramfs, type InitramfsRequest } from '../../src/toolstack/images/initramfs.ts';
import { decompress } from '../../src/toolstack/loader/decompress/decompress.ts';
import { foreignApt } from './foreign-apt.ts';

/** A Debian kernel and an initramfs as files; undefined (with the reason) where packages cannot be had. */
export type DebianImages = { readonly kernel: string; readonly initrd: string; readonly release: string } | { readonly missing: string };

/** The cache of packages of the host's architecture, or of another. */
function cacheOf(architecture: string | undefined): DebianCache {
  if (architecture === undefined) return new DebianCache({ decompress });
  const folder = join(defaultCacheFolder(), architecture);
  return new DebianCache({ decompress, folder, run: foreignApt(architecture, join(folder, 'apt')), mayUpdate: false });
}

/**
 * Fetch a kernel package and make an initramfs around Debian's busybox; both of `architecture`, when it is not the host's. In CI a failure is an
 * error, elsewhere a reason to skip.
 */
export async function debianImages(kernelPackage: string, init: InitramfsRequest['init'], architecture?: string): Promise<DebianImages> {
  try {
    const cache = cacheOf(architecture);
    const kernel = await cache.kernel(kernelPackage);
    const busybox = await cache.busybox();
    const folder = temporaryFolder('boot');
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    const files = { kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd') };
    await writeFile(files.kernel, kernel.data);
    await writeFile(files.initrd, buildInitramfs({ busybox: busybox.data, init }));
    return { ...files, release: kernel.path.replace(/^.*vmlinuz-/, '') };
  } catch (error) {
    if (process.env['CI'] === 'true' || !(error instanceof OperatorError)) throw error;
    return { missing: error.shortMessage };
  }
}
