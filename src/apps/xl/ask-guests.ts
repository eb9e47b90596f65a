import { attempt } from './attempt.ts';
import { type CommandContext, helpOf, type Parsed } from './command.ts';
import { findDomain } from './find-domain.ts';

/** `xl shutdown` and `xl reboot`: the guest is asked through its control node, and takes notice or does not. */
export async function askGuests(
  { host, command }: CommandContext,
  { flags, rest }: Parsed,
  { what, doing, name }: { readonly what: 'poweroff' | 'reboot'; readonly doing: string; readonly name: string },
): Promise<number> {
  if ((rest.length === 0) !== flags.has('a')) {
    if (rest.length === 0) {
      host.out(helpOf(command));
      host.err(`'xl ${command.name}' requires at least 1 argument.\n\n`);
    } else host.err('You may not use -a with a domain specification\n');
    return rest.length === 0 ? 2 : 1;
  }
  const daemon = await host.daemon();
  const domids = flags.has('a')
    ? (await daemon.call('list', {})).map(({ domid }) => domid).filter((domid) => domid !== 0)
    : [await findDomain(host, daemon, rest[0] as string)];
  const ends = new Map<number, ReturnType<typeof daemon.call<'wait'>>>();
  for (const domid of domids) {
    // listened for before the guest is asked, or a quick one is missed
    if (flags.has('w')) ends.set(domid, daemon.call('wait', { domid }));
    host.err(`${doing} domain ${domid}\n`);
    const done = domid === 0 ? { value: null } : await attempt(host, () => daemon.call('control', { domid, what }));
    if ('value' in done) continue;
    host.err(`${name} failed (rc=${done.rc})\n`);
    return 1;
  }
  if (!flags.has('w')) return 0;
  host.err(`Waiting for ${ends.size} domains\n`);
  for (const [domid, ending] of ends) {
    const end = await ending;
    host.err(end.kind === 'destroyed' ? `Domain ${domid} has been destroyed\n` : `Domain ${domid} has been shut down, reason code ${end.reason}\n`);
  }
  return 0;
}
