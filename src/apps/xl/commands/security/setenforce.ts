import { type Command, helpOf, parseArguments } from '../../command.ts';

const MODES = ['0', '1', 'permissive', 'enforcing'];

/** @xl setenforce #P[there is no Flask: it says so, as a Xen without XSM does] */
export const setenforce: Command = {
  name: 'setenforce',
  usage: '<enforcing|permissive|1|0>',
  summary: 'Say whether the security policy is to be enforced.',
  run(context, args) {
    const { host, command } = context;
    const [mode = ''] = parseArguments(context, args, '').rest;
    if (!MODES.includes(mode.toLowerCase())) {
      host.out(helpOf(command));
      return 2;
    }
    host.err('Flask XSM disabled\n');
    return 255;
  },
};
