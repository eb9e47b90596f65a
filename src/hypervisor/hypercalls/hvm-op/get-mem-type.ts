import { EINVAL } from '../../../spec/xen/errno.ts';
import { HVMMEM_mmio_dm, HVMMEM_ram_ro, HVMMEM_ram_rw, xen_hvm_get_mem_type } from '../../../spec/xen/hvm/hvm-op.ts';
import { DOMF_hvm } from '../../domain.ts';
import { p2m_map_foreign } from '../../memory/p2m.ts';
import { fail, ok, subOperation } from '../call.ts';
import { actFor } from '../target.ts';

/**
 * HVMOP_get_mem_type: what stands at a gfn.
 * @xen hvm_op 15 get_mem_type #Y
 * Fails: EFAULT; ESRCH, EPERM the domain; EINVAL it is not HVM.
 */
export const getMemType = subOperation(
  xen_hvm_get_mem_type,
  (call, arg) => {
    const of = actFor(call, arg.domid);
    if (typeof of === 'number') return fail(of);
    if ((of.s.flags & DOMF_hvm) === 0) return fail(EINVAL);
    const entry = of.p2m.lookup(arg.pfn);
    if (entry === undefined || entry.type === p2m_map_foreign) return ok({ mem_type: HVMMEM_mmio_dm });
    return ok({ mem_type: entry.writable ? HVMMEM_ram_rw : HVMMEM_ram_ro });
  },
  'writes',
);
