import { XEN_DOMCTL_SENDTRIGGER_NMI, XEN_DOMCTL_SENDTRIGGER_POWER, XEN_DOMCTL_SENDTRIGGER_SLEEP, xen_domctl_sendtrigger } from '../../../spec/xen/domctl.ts';
import { EINVAL, ENOSYS, ESRCH } from '../../../spec/xen/errno.ts';
import { raiseNmi } from '../../arch/x86/nmi.ts';
import { DOMF_hvm } from '../../domain.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/**
 * Press a button of a domain's. Power and sleep are buttons of ACPI's power management, which a PVH domain has not: they
 * do nothing, as in Xen. Nor does Xen know how to reset or INIT.
 * @xen domctl 28 sendtrigger #Y
 * Fails: ESRCH no such vCPU; EINVAL power or sleep of a PV domain; ENOSYS another trigger.
 */
export const sendTrigger: Domctl<(typeof xen_domctl_sendtrigger)['fields']> = {
  argument: xen_domctl_sendtrigger,
  needsDomain: true,
  run({ hv }, of, arg) {
    const d = of as Domain;
    const v = hv.vcpu(d, arg.vcpu);
    if (v === undefined) return fail(ESRCH);
    switch (arg.trigger) {
      case XEN_DOMCTL_SENDTRIGGER_NMI:
        raiseNmi(v);
        return ok();
      case XEN_DOMCTL_SENDTRIGGER_POWER:
      case XEN_DOMCTL_SENDTRIGGER_SLEEP:
        return (d.s.flags & DOMF_hvm) === 0 ? fail(EINVAL) : ok();
      default:
        return fail(ENOSYS);
    }
  },
};
