import { type Command, parseArguments } from '../../command.ts';

/** @xl getenforce #P[there is no Flask: it says so, as a Xen without XSM does] */
export const getenforce: Command = {
  name: 'getenforce',
  usage: '',
  summary: 'Ask whether the security policy is enforced.',
  run(context, args) {
    parseArguments(context, args, '');
    context.host.out('Flask XSM Disabled\n');
    return 255;
  },
};
