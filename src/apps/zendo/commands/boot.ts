import { OperatorError } from '../../../base/operator-error.ts';
import { DEFAULT_CPU } from '../../../spec/x86/choose-cpu.ts';
import type { StartRequest } from '../../../toolstack/libxl/start-domain.ts';
import { crc32 } from '../../../toolstack/loader/decompress/crc32.ts';
import { type KernelImage, loadKernel } from '../../../toolstack/loader/domain-image.ts';
import { checkInitrd } from '../../../toolstack/loader/domain-initrd.ts';
import { unreadable } from '../../../toolstack/loader/image-error.ts';
import { buildPvhStart } from '../../../toolstack/loader/pvh.ts';
import { attend, startMachine } from '../attend.ts';
import { FRAMES_MAX, freshMachine, VIRTUAL_WALL_SECONDS } from '../fresh-machine.ts';
import type { CommandHost } from '../host.ts';
import { machineThreadIsPrepared, prepareMachineThread } from '../prepare-machine.ts';

const MIB = 1 << 20;
/** Frames the machine has beyond the guest's memory: domain 0, special pages, ACPI, grant tables. */
const SPARE_FRAMES = 4096;

/** Bytes of a kernel that will have hot code, with little doubt. */
const LARGE_KERNEL = MIB;

/** Options of `zendo boot`, parsed. */
export interface BootOptions {
  readonly kernel: string;
  readonly initrd?: string;
  readonly append: string;
  /** MiB. */
  readonly memory: number;
  /** Seconds, 0 = none. */
  readonly timeout: number;
  /** Virtual time and deterministic random numbers when given. */
  readonly seed?: bigint;
  readonly trace: readonly string[];
  /** File that the machine is saved to when zendo leaves while the guest still runs. */
  readonly snapshot?: string;
  /** Machine time in seconds at which the snapshot is taken; then zendo leaves. */
  readonly snapshotAt?: number;
  /** TCP port for gdb; 0 takes any. */
  readonly gdb?: number;
  readonly json: boolean;
  /** Add the SHA-256 of the guest's RAM at the end to the JSON object. */
  readonly hash: boolean;
  readonly blockLimit?: number;
  /** MiB of host memory that translations may take before all are thrown away. */
  readonly codeMemory?: number;
  /** Executions after which a block becomes a compiled region; 0 = never. */
  readonly promoteAfter?: number;
  /** Threads that make regions; 0: the one that runs the guest. */
  readonly compileThreads?: number;
  /** Kept translations are compared with new ones. */
  readonly verifyTranslations?: boolean;
  /** Every access of the guest to memory is compared with an independent walk. */
  readonly paranoid?: boolean;
  /** File for a profile, .html or .json. */
  readonly profile?: string;
  /** Folder of kept translations, or `off`; the usual one if not given. */
  readonly translationCache?: string;
  /** CPU model and changes, the default if not given. */
  readonly cpu?: string;
}

/** What a guest is made of. */
export interface GuestImages {
  /** The kernel's file. */
  readonly file: Uint8Array;
  /** The kernel in it: unpacking takes its time. Throws operator errors. */
  readonly kernel: () => KernelImage;
  readonly initrd?: Uint8Array;
  readonly name: string;
}

/** Images of a kernel's file, which is unpacked when it is first asked for. */
export function imagesOf(file: Uint8Array, path: string, initrd?: Uint8Array): GuestImages {
  let kernel: KernelImage | undefined;
  const unpacked = (): KernelImage => {
    kernel ??= loadKernel(file, path, true);
    return kernel;
  };
  return { file, kernel: unpacked, name: path.split('/').at(-1) ?? 'guest', ...(initrd === undefined ? {} : { initrd }) };
}

async function readImages(host: CommandHost, options: Pick<BootOptions, 'kernel' | 'initrd'>): Promise<GuestImages> {
  const read = async (what: 'kernel' | 'initrd', path: string): Promise<Uint8Array> => {
    try {
      return await host.files.read(path);
    } catch (error) {
      throw unreadable({ what, path }, error instanceof Error && error.cause !== undefined ? error.cause : error);
    }
  };
  const wanted = options.initrd === undefined ? undefined : read('initrd', options.initrd);
  wanted?.catch(() => {}); // of two that cannot be read the kernel is named
  const file = await read('kernel', options.kernel);
  const bytes = await wanted;
  const initrd = bytes === undefined ? undefined : checkInitrd(bytes, options.initrd as string);
  return imagesOf(file, options.kernel, initrd);
}

/** Parts of a kernel's file that tell it from others, in bytes. */
const SAMPLE = 1024;

/** A name for a kernel's translations. Two kernels that share one would only lose time: checksums are enough. */
function kernelIdentity(file: Uint8Array): string {
  const samples = [0, file.length >> 1, file.length - SAMPLE].map((at) => crc32(file, Math.max(0, at), Math.min(Math.max(0, at) + SAMPLE, file.length)));
  return [file.length, ...samples].join(' ');
}

/** Boot a kernel as a PVH domain and stay with it until it ends. The exit status. */
export async function boot(host: CommandHost, options: BootOptions, images?: GuestImages): Promise<number> {
  if (options.profile !== undefined) (await import('../profile-file.ts')).checkProfileName(options.profile);
  const started = host.milliseconds();
  prepareMachineThread(host.workers);
  const memoryBytes = options.memory * MIB;
  const frames = memoryBytes / 4096 + SPARE_FRAMES;
  if (frames > FRAMES_MAX) {
    throw new OperatorError(`a machine cannot have ${options.memory} MiB for its guest`, {
      details: `Its frames are limited to 4 GiB, of which ${(SPARE_FRAMES * 4096) / MIB} MiB are the hypervisor's and domain 0's.`,
      hint: `Give --memory ${Math.floor(((FRAMES_MAX - SPARE_FRAMES) * 4096) / MIB)} or less.`,
    });
  }
  // the images are read while the machine's thread makes the machine; only names for what it shows must be there before
  const reading = images === undefined ? readImages(host, options) : Promise.resolve(images);
  reading.catch(() => {});
  const named = options.trace.includes('exec') || options.profile !== undefined ? await reading : undefined;
  await machineThreadIsPrepared(host.workers);
  const cpu = options.cpu ?? DEFAULT_CPU;
  const virtual = options.seed !== undefined;
  const wall = host.wall();
  const { machine, session, keepTranslations } = await startMachine(host, {
    trace: options.trace,
    fresh: freshMachine({ frames, seed: options.seed, wall }),
    ...(options.codeMemory === undefined ? {} : { codeMemory: options.codeMemory }),
    ...(options.blockLimit === undefined ? {} : { blockLimit: options.blockLimit }),
    ...(options.promoteAfter === undefined ? {} : { promoteAfter: options.promoteAfter }),
    ...(options.compileThreads === undefined ? {} : { compileThreads: options.compileThreads }),
    ...(options.verifyTranslations === true ? { verifyTranslations: true } : {}),
    cpu,
    symbols: () => named?.kernel().symbols(),
    translations: options.gdb === undefined,
    ...(options.paranoid === true ? { paranoid: true } : {}),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.translationCache === undefined ? {} : { translationCache: options.translationCache }),
  });
  let given: GuestImages;
  let request: StartRequest & { readonly kernel: KernelImage };
  try {
    given = await reading;
    keepTranslations(kernelIdentity(given.file));
    const guest = { kernel: given.kernel(), initrd: given.initrd, cmdline: options.append, memoryBytes, vcpus: 1 };
    request = {
      ...guest,
      start: buildPvhStart(guest),
      handle: virtual ? new Uint8Array(16).fill(1) : host.uuid(),
      name: given.name,
      startTime: virtual ? Number(VIRTUAL_WALL_SECONDS) * 1e6 : wall * 1000,
    };
  } catch (error) {
    machine.door.stop();
    await machine.ended.catch(() => {});
    throw error;
  }
  const { file } = given;
  const loaded = host.milliseconds();
  const begin = (): void => {
    // while this thread and the machine's wait for each other
    if (file.length >= LARGE_KERNEL) machine.startCompiler();
    session.start(request);
  };
  return await attend(host, machine, session, {
    ...options,
    cpu,
    memoryBytes,
    kernelPath: options.kernel,
    symbols: () => request.kernel.symbols(),
    begin,
    phases: { load: loaded - started },
  });
}
