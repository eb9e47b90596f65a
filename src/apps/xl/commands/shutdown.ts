import { askGuests } from '../ask-guests.ts';
import { type Command, parseArguments } from '../command.ts';

/** @xl shutdown #P[PV control only: there is no ACPI power button to fall back to] */
export const shutdown: Command = {
  name: 'shutdown',
  usage: '[options] <-a|Domain>',
  summary: 'Ask the guest of a domain to shut down.',
  options: [
    '-a, --all               Shut down all guest domains',
    '-F                      Fall back to an ACPI power event for guests without PV control',
    '-w, --wait              Wait until the domains have shut down',
  ],
  run: (context, args) =>
    askGuests(context, parseArguments(context, args, 'awF', 0, { all: 'a', wait: 'w' }), { what: 'poweroff', doing: 'Shutting down', name: 'shutdown' }),
};
