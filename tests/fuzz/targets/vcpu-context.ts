import { readFile } from 'node:fs/promises';
import { freshMachine } from '../../../src/apps/zendo/fresh-machine.ts';
import { MachineThread } from '../../../src/apps/zendo/machine-thread.ts';
import { nodeWorkerHost } from '../../../src/host/node/worker-host.ts';
import { HypercallError } from '../../../src/hypervisor/dom0/kernel.ts';
import { HEADER, machine_header } from '../../../src/hypervisor/header.ts';
import { DEFAULT_CPU } from '../../../src/spec/x86/choose-cpu.ts';
import { vcpu_guest_context } from '../../../src/spec/xen/arch-x86/xen.ts';
import * as D from '../../../src/spec/xen/domctl.ts';
import { VCPUOP_set_singleshot_timer, vcpu_set_singleshot_timer } from '../../../src/spec/xen/vcpu.ts';
import { __HYPERVISOR_vcpu_op, VIRQ_TIMER } from '../../../src/spec/xen/xen.ts';
import { helloGuest } from '../../../src/toolstack/guests/hello.ts';
import { Dom0Programs } from '../../../src/toolstack/libxl/dom0-programs.ts';
import { Libxl } from '../../../src/toolstack/libxl/libxl.ts';
import { loadKernel } from '../../../src/toolstack/loader/domain-image.ts';
import { mutate } from '../mutate.ts';
import { refusing, type Target } from '../target.ts';

const LIMIT = 8192;
const MIB = 4;
/** How long the guest runs with them, in ns of machine time: so many instructions. */
const RUN_NS = 4_000n;

export const vcpuContextTarget: Target = {
  name: 'vcpu-context',
  about: "registers that domain 0 loads into a guest's vCPU (setvcpucontext, setvcpuextstate, sethvmcontext), which then runs",
  slow: true,
  async prepare() {
    const kernel = loadKernel(helloGuest({ echo: true }), 'hello');
    const machine = new MachineThread({
      workers: nodeWorkerHost,
      core: new Uint8Array(await readFile(new URL('../../../build/core.wasm', import.meta.url))),
      cpuModel: DEFAULT_CPU,
      trace: [],
      fresh: freshMachine({ frames: 16384, seed: 1n, wall: 0 }),
      onConsole: () => {},
      onLog: () => {},
    });
    const { door } = machine;
    let fail = (_error: unknown): void => {};
    machine.ended.then(
      () => fail(new Error('the thread of the machine ended')),
      (error: unknown) => fail(error),
    );
    const enter = <T>(action: () => T): Promise<T> => door.enter(action);
    const programs = new Dom0Programs(machine.kernel, () => void enter(() => {}).catch(() => {}));
    machine.open(() => programs.work());
    const { xc } = programs;
    const libxl = await enter(() => new Libxl(programs, () => 0, { made: () => {}, console: () => {}, ended: () => {}, gone: () => {} }));
    const info = { max_memkb: MIB * 1024, target_memkb: MIB * 1024, sched_params: {}, 'type.pvh': {}, arch_arm: {}, arch_x86: {} };
    const config = { c_info: { type: 'pvh', name: 'guest', uuid: '00000000-0000-4000-8000-000000000000' }, b_info: info } as const;
    let domid = 0;
    let corpus: Uint8Array[] = [];
    const begin = (): void => {
      domid = libxl.create(config, { kernel, initrd: undefined });
    };
    const get = (cmd: number, argument: typeof D.xen_domctl_vcpucontext | typeof D.xen_domctl_vcpuextstate, size: number): Uint8Array =>
      xc.kernel.withMemory(size, (at) => {
        const fields = argument === D.xen_domctl_vcpucontext ? { vcpu: 0, ctxt: at } : { vcpu: 0, xfeature_mask: 3n, size, buffer: at };
        xc.domctl('get', cmd, domid, argument as typeof D.xen_domctl_vcpuextstate, fields as never);
        return xc.kernel.copyOut(at, size);
      });
    const set = (which: number, bytes: Uint8Array): void => {
      if (which === 0) xc.setHvmContext(domid, bytes);
      else
        xc.kernel.withMemory(Math.max(bytes.length, vcpu_guest_context.size), (at) => {
          xc.kernel.copyIn(at, bytes);
          if (which === 1) xc.domctl('set', D.XEN_DOMCTL_setvcpucontext, domid, D.xen_domctl_vcpucontext, { vcpu: 0, ctxt: at });
          else xc.domctl('set', D.XEN_DOMCTL_setvcpuextstate, domid, D.xen_domctl_vcpuextstate, { vcpu: 0, xfeature_mask: 3n, size: bytes.length, buffer: at });
        });
    };
    // the guest runs for so long, then its time is over: exactly, for time is virtual
    let ended = (): void => {};
    const { kernel: dom0 } = machine;
    const letRun = (): void =>
      dom0.withMemory(vcpu_set_singleshot_timer.size, (at) => {
        const bytes = new Uint8Array(vcpu_set_singleshot_timer.size);
        vcpu_set_singleshot_timer.write(new DataView(bytes.buffer), 0, {
          timeout_abs_ns: machine_header.at(machine.memories.stateView, HEADER).now + RUN_NS,
          flags: 0,
        });
        dom0.copyIn(at, bytes);
        dom0.door.hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, at);
      });
    await enter(() => {
      dom0.bindVirq(VIRQ_TIMER, () => ended());
      begin();
      corpus = [
        xc.getHvmContext(domid),
        get(D.XEN_DOMCTL_getvcpucontext, D.xen_domctl_vcpucontext, vcpu_guest_context.size),
        get(D.XEN_DOMCTL_getvcpuextstate, D.xen_domctl_vcpuextstate, 16 + 576),
      ];
    });
    return {
      run(random) {
        const which = random.below(3);
        const bytes = mutate(random, [corpus[which] as Uint8Array], LIMIT);
        return new Promise<string>((resolve, reject) => {
          fail = reject;
          ended = () => {
            xc.pause(domid);
            const { flags = 0 } = xc.info(domid) ?? {};
            xc.getHvmContext(domid);
            const over = (flags & D.XEN_DOMINF_shutdown) !== 0;
            if (over || xc.vcpuInfo(domid, 0).blocked !== 0) {
              libxl.destroy(domid);
              begin();
            }
            resolve(over ? 'shut down' : 'runs');
          };
          enter(() => {
            if (refusing(() => set(which, bytes), HypercallError) === 'refused') return resolve('refused');
            xc.unpause(domid);
            letRun();
          }).catch(reject);
        });
      },
      async end() {
        await enter(() => libxl.destroy(domid));
        await machine.stop();
      },
    };
  },
};
