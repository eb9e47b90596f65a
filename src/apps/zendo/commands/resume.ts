import { OperatorError } from '../../../base/operator-error.ts';
import { FileStoreError } from '../../../base/ports/file-store.ts';
import { Memories } from '../../../machine/memories.ts';
import { loadKernel } from '../../../toolstack/loader/domain-image.ts';
import type { SymbolTable } from '../../../toolstack/loader/elf/symbol-table.ts';
import { attend, startMachine } from '../attend.ts';
import type { CommandHost } from '../host.ts';
import { decodeSnapshot } from '../snapshot-file.ts';

/** Options of `zendo resume`, parsed. */
export interface ResumeOptions {
  readonly timeout: number;
  readonly trace: readonly string[];
  readonly snapshot?: string;
  readonly snapshotAt?: number;
  /** TCP port for gdb; 0 takes any. */
  readonly gdb?: number;
  readonly json: boolean;
  readonly hash: boolean;
  /** Every access of the guest to memory is compared with an independent walk. */
  readonly paranoid?: boolean;
  /** File for a profile, .html or .json. */
  readonly profile?: string;
  /** Folder of kept translations, or `off`; the usual one if not given. */
  readonly translationCache?: string;
  readonly blockLimit?: number;
  readonly codeMemory?: number;
  /** Executions after which a block becomes a compiled region; 0 = never. */
  readonly promoteAfter?: number;
  /** Threads that make regions; 0: the one that runs the guest. */
  readonly compileThreads?: number;
  /** Kept translations are compared with new ones. */
  readonly verifyTranslations?: boolean;
}

/** Go on with a machine that `zendo boot --snapshot` saved. The exit status. */
export async function resume(host: CommandHost, path: string, options: ResumeOptions): Promise<number> {
  if (options.profile !== undefined) (await import('../profile-file.ts')).checkProfileName(options.profile);
  const started = host.milliseconds();
  let file: Uint8Array;
  try {
    file = await host.files.read(path);
  } catch (error) {
    const reason = error instanceof FileStoreError ? error.reason : 'host error';
    throw new OperatorError(`the snapshot ${path} cannot be read: ${reason}`, { hint: 'Check the path.', cause: error });
  }
  const memories = new Memories();
  const head = decodeSnapshot(host, memories, file, path);
  let symbols: SymbolTable | undefined;
  try {
    symbols = loadKernel(await host.files.read(head.kernel), head.kernel).symbols();
  } catch {
    // The kernel's file is needed for names in a crash report only.
  }
  const { machine, session, keepTranslations } = await startMachine(host, {
    ...options,
    cpu: head.cpuModel,
    memories,
    symbols: () => symbols,
    translations: options.gdb === undefined,
  });
  keepTranslations(`resume ${head.kernel}`);
  return await attend(host, machine, session, {
    ...options,
    cpu: head.cpuModel,
    memoryBytes: head.memoryBytes,
    kernelPath: head.kernel,
    symbols: () => symbols,
    begin: () => session.thaw(head.session),
    phases: { load: host.milliseconds() - started },
  });
}
