import type { Vcpu } from '../../hypervisor.ts';
import type { SubOperation } from '../call.ts';

/** An operation of a domain on one of its vCPUs. */
export type VcpuOperation = (target: Vcpu) => SubOperation;
