import { OperatorError } from '../../../base/operator-error.ts';
import { helloGuest } from '../../../toolstack/guests/hello.ts';
import { buildInitramfs } from '../../../toolstack/images/initramfs.ts';
import type { CommandHost } from '../host.ts';
import { prepareMachineThread } from '../prepare-machine.ts';
import { type BootOptions, boot, type GuestImages, imagesOf } from './boot.ts';

/** Debian's kernel and busybox, as the host can get them. */
export interface DebianFiles {
  kernel(): Promise<{ readonly name: string; readonly data: Uint8Array }>;
  busybox(): Promise<Uint8Array>;
}

/** Memory of the guest that `zendo start` boots, in MiB. */
const MEMORY = 512;

/**
 * `npm start`: Debian's cloud kernel with a busybox shell on the console. Where Debian's packages cannot be had, it says
 * so and boots the small guest that comes with zendo.
 */
export async function start(host: CommandHost, debian: DebianFiles, options: Pick<BootOptions, 'timeout' | 'json'>): Promise<number> {
  prepareMachineThread(host.workers);
  const images = await fetchImages(host, debian);
  const size = host.terminal.size();
  if (size !== undefined) host.message("zendo: booting; press Ctrl-] to leave, type 'poweroff' in the shell to end");
  const bootOptions: BootOptions = {
    kernel: images.name,
    // warnings of a kernel that looks for hardware of a PC are no news to who wants a shell; dmesg has them
    append: `console=hvc0 quiet loglevel=3${size === undefined ? '' : ` COLUMNS=${size.columns} LINES=${size.rows}`}`,
    memory: images.initrd === undefined ? 64 : MEMORY,
    trace: [],
    hash: false,
    ...options,
  };
  return await boot(host, bootOptions, images);
}

async function fetchImages(host: CommandHost, debian: DebianFiles): Promise<GuestImages> {
  try {
    const kernel = await debian.kernel();
    const busybox = await debian.busybox();
    host.message(`zendo: ${kernel.name}, with a busybox shell`);
    return imagesOf(kernel.data, kernel.name, buildInitramfs({ busybox, init: 'interactive' }));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    host.message(`zendo: Debian's kernel cannot be had: ${error.shortMessage}`);
    if (error.hint !== undefined) host.message(`  ${error.hint}`);
    host.message('zendo: booting the small guest that comes with zendo instead');
    return imagesOf(helloGuest({ echo: true }), 'hello');
  }
}
