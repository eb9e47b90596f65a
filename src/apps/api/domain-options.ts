import { OperatorError } from '../../base/operator-error.ts';
import { FileStoreError } from '../../base/ports/file-store.ts';
import type { DomainConfig } from '../../toolstack/libxl/domain-config.ts';
import type { DomainImages } from '../../toolstack/libxl/libxl.ts';
import { uuidText } from '../../toolstack/libxl/start-domain.ts';
import { loadKernel } from '../../toolstack/loader/domain-image.ts';
import { checkInitrd } from '../../toolstack/loader/domain-initrd.ts';
import { unreadable } from '../../toolstack/loader/image-error.ts';
import type { ApiHost, FilePath } from './api-host.ts';
import { ConfigurationError } from './errors.ts';

/** A domain, with the names of xl.cfg. */
export interface DomainOptions {
  /** bzImage or ELF file with a Xen PVH entry, or its bytes. */
  readonly kernel: FilePath | Uint8Array;
  /** Initial RAM disk, or its bytes. */
  readonly ramdisk?: FilePath | Uint8Array;
  /** Kernel command line. */
  readonly cmdline?: string;
  /** MiB, 128 if not given. */
  readonly memory?: number;
  /** MiB that it may have at most, `memory` if not given: more than that lets it balloon up. */
  readonly maxmem?: number;
  /** Unique in its machine; `guest-1`, `guest-2`, ... if not given. */
  readonly name?: string;
  /** In the usual form; a random one if not given (with a seed: the same in each run). */
  readonly uuid?: string;
  /** Leave it paused: nothing of it has run yet. */
  readonly paused?: boolean;
}

const DEFAULT_MIB = 128;
/** More than any machine has, in MiB. */
const MOST_MIB = 4096;
const KNOWN = new Set(['kernel', 'ramdisk', 'cmdline', 'memory', 'maxmem', 'name', 'uuid', 'paused']);

function wrong(option: string, found: unknown, wanted: string): ConfigurationError {
  return new ConfigurationError(`domain option "${option}" is ${typeof found === 'string' ? JSON.stringify(found) : String(found)}`, {
    hint: `Give ${wanted}.`,
  });
}

function mebibytes(option: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MOST_MIB) {
    throw wrong(option, value, `a whole number of MiB from 1 to ${MOST_MIB}`);
  }
  return value;
}

async function bytesOf(host: ApiHost, what: 'kernel' | 'initrd', option: string, given: unknown): Promise<{ bytes: Uint8Array; path: string }> {
  if (given instanceof Uint8Array) return { bytes: given, path: `of ${given.length} bytes` };
  if (typeof given !== 'string' && !(given instanceof URL)) throw wrong(option, given, 'a path, a file: URL, or the bytes as Uint8Array');
  const path = String(given);
  try {
    return { bytes: await host.readFile(given), path };
  } catch (error) {
    const cause = error instanceof FileStoreError ? error.cause : error;
    throw unreadable({ what, path }, cause);
  }
}

/** @internal Configuration and images of a domain. `number`: how many domains the machine had before it, and it. Throws ConfigurationError. */
export async function readDomainOptions(
  host: ApiHost,
  options: DomainOptions,
  number: number,
  uuid: () => Uint8Array,
): Promise<{ config: DomainConfig; images: DomainImages }> {
  for (const option of Object.keys(options)) {
    if (!KNOWN.has(option)) throw new ConfigurationError(`there is no domain option "${option}"`, { hint: `The options are ${[...KNOWN].join(', ')}.` });
  }
  const { cmdline, name = `guest-${number}` } = options;
  if (typeof name !== 'string' || name === '') throw wrong('name', name, 'a text that is not empty');
  if (cmdline !== undefined && typeof cmdline !== 'string') throw wrong('cmdline', cmdline, 'a text');
  const memory = mebibytes('memory', options.memory ?? DEFAULT_MIB);
  const maxmem = mebibytes('maxmem', options.maxmem ?? memory);
  if (maxmem < memory) throw wrong('maxmem', maxmem, `at least the ${memory} MiB of "memory"`);
  if (options.uuid !== undefined && !/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(options.uuid)) {
    throw wrong('uuid', options.uuid, 'a UUID such as 01234567-89ab-cdef-0123-456789abcdef');
  }
  try {
    const file = await bytesOf(host, 'kernel', 'kernel', options.kernel);
    const kernel = loadKernel(file.bytes, file.path);
    let initrd: Uint8Array | undefined;
    if (options.ramdisk !== undefined) {
      const disk = await bytesOf(host, 'initrd', 'ramdisk', options.ramdisk);
      initrd = checkInitrd(disk.bytes, disk.path);
    }
    const config: DomainConfig = {
      c_info: { type: 'pvh', name, uuid: options.uuid?.toLowerCase() ?? uuidText(uuid()) },
      b_info: {
        max_memkb: maxmem * 1024,
        target_memkb: memory * 1024,
        sched_params: {},
        ...(cmdline === undefined ? {} : { cmdline }),
        'type.pvh': {},
        arch_arm: {},
        arch_x86: {},
      },
    };
    return { config, images: { kernel, initrd } };
  } catch (error) {
    throw asConfigurationError(error);
  }
}

/** @internal What the operator's part of the program found wrong, as the API's own error. */
export function asConfigurationError(error: unknown): unknown {
  if (!(error instanceof OperatorError) || error instanceof ConfigurationError) return error;
  return new ConfigurationError(error.shortMessage, { details: error.details, hint: error.hint, cause: error });
}
