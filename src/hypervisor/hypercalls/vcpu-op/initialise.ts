import { EEXIST, EINVAL } from '../../../spec/xen/errno.ts';
import { vcpu_hvm_context } from '../../../spec/xen/hvm/vcpu.ts';
import { setHvmContext } from '../../arch/x86/vcpu-initialise.ts';
import { VCPUF_initialised } from '../../domain.ts';
import { fail, ok, subOperation } from '../call.ts';
import type { VcpuOperation } from './operation.ts';

/**
 * VCPUOP_initialise: registers of a vCPU that was never up.
 * @xen vcpu_op 0 initialise #Y
 * Fails: EINVAL it has no vcpu_info; EFAULT; EEXIST it was initialised before; EINVAL a state that no processor has.
 */
export const initialise: VcpuOperation = (target) => {
  if (target.s.info === 0) return () => -EINVAL;
  return subOperation(vcpu_hvm_context, ({ hv }, arg) => {
    if ((target.s.flags & VCPUF_initialised) !== 0) return fail(EEXIST);
    const errno = setHvmContext(hv, target, arg);
    return errno === 0 ? ok() : fail(errno);
  });
};
