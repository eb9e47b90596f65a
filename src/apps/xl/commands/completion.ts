import { completionScript } from '../../completion/completion-script.ts';
import { SHELLS, type Shell } from '../../completion/program-words.ts';
import { type Command, helpOf, parseArguments } from '../command.ts';
import { xlWords } from '../xl-words.ts';

/** `xl completion`: ours, not one of Xen's. `commands`: the table that it is part of. */
export const completion = (commands: () => readonly Command[]): Command => ({
  name: 'completion',
  usage: `<${SHELLS.join('|')}>`,
  summary: 'Print a script that completes command lines of xl in a shell.',
  async run(context, args) {
    const { host, command } = context;
    const [what = ''] = parseArguments(context, args, '', 1).rest;
    if (what === 'domains') {
      // asked for by the scripts: no daemon is started for that
      const daemon = await host.runningDaemon();
      for (const { name } of (await daemon?.call('list', {})) ?? []) if (name !== '') host.out(`${name}\n`);
      return 0;
    }
    if (!SHELLS.includes(what as Shell)) {
      host.out(helpOf(command));
      return 2;
    }
    host.out(completionScript(what as Shell, xlWords(commands())));
    return 0;
  },
});
