import type { DomainSummary } from '../../toolstack/libxl/domain-summary.ts';
import { ERROR_INVAL } from '../../toolstack/libxl/libxl-error.ts';
import type { DaemonClient } from '../daemon/connect.ts';
import { XlEnd, type XlHost } from './xl-host.ts';

/** The id that a command line names: a number (there need not be such a domain), or a name. Ends the program for an unknown name. */
export async function findDomain(host: XlHost, daemon: DaemonClient, given: string): Promise<number> {
  if (/^\d+$/.test(given)) return Number(given);
  const found = (await daemon.call('list', {})).find(({ name }) => name === given);
  if (found !== undefined) return found.domid;
  host.err(`${given} is an invalid domain identifier (rc=${ERROR_INVAL})\n`);
  throw new XlEnd(1);
}

/** All domains, or the one that is named. Ends the program when there is none. */
export async function listed(host: XlHost, daemon: DaemonClient, given: string | undefined): Promise<DomainSummary[]> {
  const all = await daemon.call('list', {});
  if (given === undefined) return all;
  const domid = await findDomain(host, daemon, given);
  const found = all.filter((each) => each.domid === domid);
  if (found.length > 0) return found;
  host.err(`Error: Domain '${given}' does not exist.\n`);
  throw new XlEnd(1);
}
