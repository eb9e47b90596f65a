import type { Libxl } from '../../toolstack/libxl/libxl.ts';
import type { MachineThread } from '../zendo/machine-thread.ts';
import type { ApiHost } from './api-host.ts';

/** What the parts of the API share of their machine. */
export interface MachineAccess {
  readonly host: ApiHost;
  readonly machine: MachineThread;
  readonly libxl: Libxl;
  /** CPU model and changes. */
  readonly cpu: string;
  /** Do something in the next turn of domain 0. Throws MachineClosedError, and what `action` throws. */
  enter<T>(action: () => T): Promise<T>;
}
