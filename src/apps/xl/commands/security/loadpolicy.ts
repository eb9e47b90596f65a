import { type Command, helpOf, parseArguments } from '../../command.ts';

/** @xl loadpolicy #P[there is no Flask: it says so, as a Xen without XSM does] */
export const loadpolicy: Command = {
  name: 'loadpolicy',
  usage: '<policy file>',
  summary: 'Give the hypervisor another Flask policy.',
  async run(context, args) {
    const { host, command } = context;
    const [path] = parseArguments(context, args, '').rest;
    if (path === undefined) {
      host.out(helpOf(command));
      return 2;
    }
    const file = await host.readFile(path);
    if ('failure' in file && !file.directory) host.err(`Error occurred opening policy file '${path}': ${file.failure}\n`);
    else if ('failure' in file) host.err(`Unable to read new Flask policy file: ${file.failure}\n`);
    else host.err('Flask XSM disabled\n');
    return 255;
  },
};
