import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { OperatorError } from '../../base/operator-error.ts';
import { CPU_NAMES, chooseCpu, DEFAULT_CPU } from '../../spec/x86/choose-cpu.ts';
import { SHELLS } from '../completion/program-words.ts';
import type { DaemonFinder } from '../daemon/connect.ts';
import { boot } from './commands/boot.ts';
import type { DebianFiles } from './commands/start.ts';
import { CommandEnded, EXIT_OPERATOR_ERROR } from './exit-status.ts';
import type { CommandHost } from './host.ts';

const TRACES = ['hypercalls', 'exits', 'exec'] as const;

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    return value;
  };

const instant = (text: string): number => {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Give seconds, such as 30 or 2.5.');
  return Number(text);
};

const seconds = (text: string): number => {
  const value = instant(text);
  if (value === 0) throw new InvalidArgumentError('Give more than no time.');
  return value;
};

const seed = (text: string): bigint => {
  if (!/^(\d+|0x[0-9a-fA-F]+)$/.test(text) || BigInt(text) >= 1n << 64n) throw new InvalidArgumentError('Give a whole number below 2^64.');
  return BigInt(text);
};

const traces = (text: string): string[] => {
  const names = text.split(',');
  for (const name of names) {
    if (!(TRACES as readonly string[]).includes(name)) throw new InvalidArgumentError(`"${name}" is no trace; there are ${TRACES.join(', ')}.`);
  }
  return names;
};

const cpu = (text: string): string => {
  try {
    chooseCpu(text);
    return text;
  } catch (error) {
    if (error instanceof RangeError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
};

/** The command line's grammar; what a command does is loaded when it is wanted. `status` tells, after parsing, with what the process ends. */
export function makeProgram(
  host: CommandHost,
  debian: () => Promise<DebianFiles>,
  version: string,
  finder: () => Promise<DaemonFinder>,
): { program: Command; status: () => number } {
  let status = 0;
  const program = new Command('zendo')
    .description('boots unmodified Xen guests anywhere JavaScript runs')
    .version(version)
    .exitOverride((error) => {
      throw new CommandEnded(error.exitCode === 0 ? 0 : EXIT_OPERATOR_ERROR);
    });
  const running = (command: Command): Command =>
    command
      .addOption(new Option('--timeout <seconds>', 'give up after this time (exit status 124)').default(0, 'none').argParser(seconds))
      .addOption(new Option('--trace <kinds>', `write traces to stderr: ${TRACES.join(', ')}`).default([], 'none').argParser(traces))
      .option('--profile <file>', 'write where the guest spent its time: .html (a page) or .json (for speedscope)')
      .option('--paranoid', 'walk the page tables anew at every memory access and compare: finds errors of ours, slow')
      .option('--snapshot <file>', 'save the machine to this file when zendo leaves while the guest runs (Ctrl-], timeout)')
      .addOption(new Option('--snapshot-at <seconds>', 'take the snapshot at this machine time, then leave').argParser(instant))
      .addOption(
        new Option('--gdb <port>', 'hold the guest until gdb has connected to this port of 127.0.0.1 (0: any) and continues it').argParser(whole(0, 65535)),
      )
      .option('--translation-cache <dir>', "folder of translations kept for the next run, 'off' for none")
      .option('--verify-translations', 'translate anew what that folder has, and compare: for one that others can write to')
      .option('--json', 'print one JSON object about the run to stderr at the end', false)
      .addOption(new Option('--code-memory <MiB>', 'host memory that translated code may take before it is thrown away').default(256).argParser(whole(2, 4096)))
      .addOption(new Option('--compile-threads <n>', 'threads that compile hot code (1 where there are two processors)').argParser(whole(0, 8)).hideHelp())
      .addOption(new Option('--block-limit <n>', 'instructions per translated block').argParser(whole(1, 64)).hideHelp())
      .addOption(new Option('--promote-after <n>', 'executions after which a block is compiled, 0: never').argParser(whole(0, 1_000_000_000)).hideHelp())
      .hook('preAction', (action) => {
        const { snapshot, snapshotAt } = action.opts();
        if (snapshotAt === undefined || snapshot !== undefined) return;
        throw new OperatorError('--snapshot-at needs --snapshot', { hint: 'Say with --snapshot FILE where the machine is saved.' });
      })
      .option('--hash', "add the SHA-256 of the guest's memory to the JSON object", false)
      .addHelpText('after', '\nExit status: 0 the guest powered off, 1 operator error, 2 the guest crashed, 3 it asked for a reboot, 124 timeout.');
  const bootCommand = program
    .command('boot')
    .description('boot a kernel as a PVH domain and stay with it until it ends')
    .requiredOption('--kernel <file>', 'bzImage or ELF file with a Xen PVH entry')
    .option('--initrd <file>', 'initial RAM disk')
    .option('--append <text>', 'kernel command line', '')
    .addOption(new Option('--memory <MiB>', 'memory of the guest').default(512).argParser(whole(1, 4080)))
    .addOption(
      new Option('--cpu <model>', `${Object.keys(CPU_NAMES).join(', ')}; with features changed: x86-64-v3,+name,-name`).default(DEFAULT_CPU).argParser(cpu),
    )
    .addOption(new Option('--seed <n>', 'virtual time: the same seed repeats the run bit for bit').argParser(seed));
  running(bootCommand).action(async (options) => {
    status = await boot(host, options);
  });
  const resumeCommand = program.command('resume').description('go on with a machine that was saved with --snapshot').argument('<file>', 'snapshot file');
  running(resumeCommand).action(async (file, options) => {
    const { resume } = await import('./commands/resume.ts');
    status = await resume(host, file, options);
  });
  program
    .command('start')
    .description("boot Debian's kernel to a busybox shell (fetched with apt-get, cached)")
    .addOption(new Option('--timeout <seconds>', 'give up after this time (exit status 124)').default(0, 'none').argParser(seconds))
    .option('--json', 'print one JSON object about the run to stderr at the end', false)
    .action(async (options) => {
      const { start } = await import('./commands/start.ts');
      status = await start(host, await debian(), options);
    });
  program
    .command('daemon')
    .description('the daemon that runs the domains of xl; xl starts one when it needs it')
    .addArgument(new Argument('[action]', 'what to do').choices(['start', 'stop', 'status']).default('start'))
    .action(async (action) => {
      const { daemon } = await import('./commands/daemon.ts');
      status = await daemon(host, await finder(), action);
    });
  program
    .command('doctor')
    .description('look at this host: whether Zendo can work here, and what to do if not')
    .action(async () => {
      const { doctor, OPTIONAL_PROGRAMS } = await import('./commands/doctor.ts');
      const { findDaemon } = await import('../daemon/connect.ts');
      status = await doctor(host.print, await host.facts(OPTIONAL_PROGRAMS), await findDaemon(await finder()));
    });
  program
    .command('completion')
    .description('print a script that completes command lines of zendo in a shell')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .action(async (shell) => {
      const { completion } = await import('./commands/completion.ts');
      host.print(completion(program, shell));
    });
  return { program, status: () => status };
}
