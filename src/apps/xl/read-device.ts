import { DeviceSpecError } from '../../toolstack/xlcfg/device-spec-error.ts';
import { XlEnd, type XlHost } from './xl-host.ts';

/** Read a device's description from the command line. Ends the program when it is wrong. */
export function readDevice<T>(host: XlHost, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DeviceSpecError)) throw error;
    host.err(`${error.message}\n`);
    throw new XlEnd(1);
  }
}
