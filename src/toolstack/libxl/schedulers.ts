import { XEN_SCHEDULER_ARINC653, XEN_SCHEDULER_CREDIT, XEN_SCHEDULER_CREDIT2, XEN_SCHEDULER_NULL, XEN_SCHEDULER_RTDS } from '../../spec/xen/domctl.ts';

/** Schedulers by XEN_SCHEDULER_* number, as libxl names them. */
export const SCHEDULERS: ReadonlyMap<number, string> = new Map([
  [XEN_SCHEDULER_CREDIT, 'credit'],
  [XEN_SCHEDULER_CREDIT2, 'credit2'],
  [XEN_SCHEDULER_ARINC653, 'arinc653'],
  [XEN_SCHEDULER_RTDS, 'rtds'],
  [XEN_SCHEDULER_NULL, 'null'],
]);
