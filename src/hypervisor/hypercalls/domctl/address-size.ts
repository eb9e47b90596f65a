import { xen_domctl_address_size } from '../../../spec/xen/domctl.ts';
import { ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/**
 * Width of a guest's words as a tool reads its structs: 64 but for 32-bit PV domains, which there are none.
 * @xen domctl 36 get_address_size #Y
 */
export const getAddressSize: Domctl<(typeof xen_domctl_address_size)['fields']> = {
  argument: xen_domctl_address_size,
  needsDomain: true,
  run: () => ok({ size: 64 }),
};
