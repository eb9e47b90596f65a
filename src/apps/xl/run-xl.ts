import { OperatorError } from '../../base/operator-error.ts';
import { ConnectionLostError } from '../daemon/rpc/rpc-client.ts';
import { RpcError } from '../daemon/rpc/rpc-error.ts';
import { errorLines } from './attempt.ts';
import { type Command, type GlobalOptions, helpOf } from './command.ts';
import { claims } from './commands/claims.ts';
import { completion } from './commands/completion.ts';
import { configUpdate } from './commands/config-update.ts';
import { consoleCommand } from './commands/console.ts';
import { create } from './commands/create.ts';
import { debugKeysCommand } from './commands/debug-keys.ts';
import { destroy } from './commands/destroy.ts';
import { blockAttach } from './commands/devices/block-attach.ts';
import { blockDetach } from './commands/devices/block-detach.ts';
import { blockList } from './commands/devices/block-list.ts';
import { channelList } from './commands/devices/channel-list.ts';
import { networkList, pciList, usbList, vdisplList, vkbList, vsndList, vtpmList } from './commands/devices/device-list.ts';
import { networkAttach } from './commands/devices/network-attach.ts';
import { networkDetach } from './commands/devices/network-detach.ts';
import { dmesg } from './commands/dmesg.ts';
import { domid } from './commands/domid.ts';
import { domname } from './commands/domname.ts';
import { dumpCoreCommand } from './commands/dump-core.ts';
import { info } from './commands/info.ts';
import { list } from './commands/list.ts';
import { memMax } from './commands/mem-max.ts';
import { memSet } from './commands/mem-set.ts';
import { pause } from './commands/pause.ts';
import { reboot } from './commands/reboot.ts';
import { rename } from './commands/rename.ts';
import { getenforce } from './commands/security/getenforce.ts';
import { loadpolicy } from './commands/security/loadpolicy.ts';
import { setenforce } from './commands/security/setenforce.ts';
import { sharing } from './commands/sharing.ts';
import { shutdown } from './commands/shutdown.ts';
import { sysrq } from './commands/sysrq.ts';
import { top } from './commands/top/top.ts';
import { unpause } from './commands/unpause.ts';
import { uptime } from './commands/uptime.ts';
import { triggerCommand } from './commands/vcpus/trigger.ts';
import { vcpuList } from './commands/vcpus/vcpu-list.ts';
import { vcpuPin } from './commands/vcpus/vcpu-pin.ts';
import { vcpuSet } from './commands/vcpus/vcpu-set.ts';
import { vmList } from './commands/vm-list.ts';
import { left } from './format.ts';
import { NOT_YET } from './not-yet.table.ts';
import { XlEnd, type XlHost } from './xl-host.ts';

/** The commands that are there, in the order of `xl help`. */
export const COMMANDS: readonly Command[] = [
  create,
  configUpdate,
  list,
  destroy,
  shutdown,
  reboot,
  pciList,
  pause,
  unpause,
  consoleCommand,
  dumpCoreCommand,
  memMax,
  memSet,
  vcpuList,
  vcpuPin,
  vcpuSet,
  vmList,
  info,
  sharing,
  domid,
  domname,
  rename,
  triggerCommand,
  sysrq,
  debugKeysCommand,
  dmesg,
  top,
  networkAttach,
  networkList,
  networkDetach,
  channelList,
  blockAttach,
  blockList,
  blockDetach,
  vtpmList,
  vkbList,
  vdisplList,
  vsndList,
  uptime,
  claims,
  getenforce,
  setenforce,
  loadpolicy,
  usbList,
  completion(() => COMMANDS),
];

const GLOBALS = [
  ' -v                  Say more; may be repeated',
  ' -f                  Accepted: nothing here needs to be forced',
  ' -N                  Print what would be done instead of doing it',
  ' -t                  Accepted: progress is not shown',
  ' -T                  Accepted: there are no times in messages',
];

function helpText(): string {
  const line = (name: string, summary: string): string => ` ${left(name, 21)} ${summary}`;
  return [
    'Usage xl [-vfNtT] <subcommand> [args]',
    '',
    ...GLOBALS,
    '',
    'xl full list of subcommands:',
    '',
    ...COMMANDS.map(({ name, summary }) => line(name, summary)),
    '',
    'not there yet:',
    '',
    ...[...NOT_YET].map(([name, summary]) => line(name, summary)),
    '',
  ].join('\n');
}

/** The command that a word means: its name, or the beginning of one name only. @see tools/xl/xl_cmdtable.c, cmdtable_lookup */
function nameMeant(word: string): string | undefined {
  const names = [...COMMANDS.map(({ name }) => name), ...NOT_YET.keys()];
  if (names.includes(word)) return word;
  const begun = names.filter((name) => name.startsWith(word));
  return begun.length === 1 ? begun[0] : undefined;
}

function help(host: XlHost, word: string | undefined): number {
  const name = word === undefined ? undefined : (nameMeant(word) ?? word);
  const command = COMMANDS.find((each) => each.name === name);
  if (command !== undefined) host.out(helpOf(command));
  else if (name !== undefined && NOT_YET.has(name)) host.out(`xl ${name}: ${NOT_YET.get(name)}. It is not there yet.\n`);
  else if (name !== undefined) {
    host.err(`command '${name}' not implemented\n`);
    return 1;
  } else host.out(helpText());
  return 0;
}

/** Run a command line of `xl` (without the program's name); the exit status. */
export async function runXl(host: XlHost, args: readonly string[]): Promise<number> {
  const global: { -readonly [K in keyof GlobalOptions]: GlobalOptions[K] } = { dryRun: false, verbose: 0 };
  let at = 0;
  for (; args[at]?.startsWith('-') && args[at] !== '-' && args[at] !== '--'; at++) {
    for (const letter of (args[at] as string).slice(1)) {
      if (letter === 'N') global.dryRun = true;
      else if (letter === 'v') global.verbose++;
      else if (!'ftT'.includes(letter)) {
        host.err(`unknown global option\n`);
        return 2;
      }
    }
  }
  const word = args[at];
  if (word === undefined) {
    host.out(helpText());
    return 1;
  }
  if (word === 'help') return help(host, args[at + 1]);
  const name = nameMeant(word) ?? word;
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    host.err(NOT_YET.has(name) ? `xl: "${name}" is not there yet\n` : 'command not implemented\n');
    return 1;
  }
  if (global.dryRun && command.dryRun !== true) {
    host.err(`command does not implement -N (dryrun) option\n`);
    return 1;
  }
  try {
    return await command.run({ host, global, command }, args.slice(at + 1));
  } catch (error) {
    if (error instanceof XlEnd) return error.status;
    const lines =
      error instanceof RpcError
        ? errorLines(error)
        : error instanceof OperatorError
          ? [`xl: ${error.shortMessage}`, ...(error.hint === undefined ? [] : [`  ${error.hint}`])]
          : error instanceof ConnectionLostError
            ? ['xl: the daemon has gone; see its log']
            : undefined;
    if (lines === undefined) throw error;
    for (const line of lines) host.err(`${line}\n`);
    return 1;
  }
}
