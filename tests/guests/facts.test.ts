import { test } from 'node:test';
import {
  HVMOP_flush_tlbs,
  HVMOP_get_param,
  HVMOP_get_time,
  HVMOP_pagetable_dying,
  HVMOP_set_param,
  xen_hvm_pagetable_dying,
  xen_hvm_param,
} from '../../src/spec/xen/hvm/hvm-op.ts';
import * as P from '../../src/spec/xen/hvm/params.ts';
import * as V from '../../src/spec/xen/version.ts';
import {
  __HYPERVISOR_console_io,
  CONSOLEIO_read,
  CONSOLEIO_write,
  DOMID_SELF,
  __HYPERVISOR_hvm_op as HVM,
  __HYPERVISOR_xen_version as VERSION,
} from '../../src/spec/xen/xen.ts';
import { at, CC, R } from '../../src/toolstack/guests/assembler.ts';
import { USER_CODE64, USER_DATA } from './kit/address-space.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';

/** What a domain can learn of its hypervisor and processor, and every way to call it. */
const MSR_HYPERCALL_PAGE = 0x40000000;
const ENOSYS_NR = 63;

test('versions, CPUID, parameters, ways to make a hypercall', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.hypercall(VERSION, V.XENVER_version).show('version');
    const buffer = g.space(1024);
    for (const [name, sub] of [
      ['extraversion', V.XENVER_extraversion],
      ['capabilities', V.XENVER_capabilities],
      ['changeset', V.XENVER_changeset],
      ['commandline', V.XENVER_commandline],
    ] as const) {
      g.call(name, VERSION, sub, buffer).print('  ').a.lea(R.si, buffer).call('puts').call('newline');
    }
    g.call('compile_info', VERSION, V.XENVER_compile_info, buffer).print('  ').a.lea(R.si, buffer).call('puts').call('newline');
    const features = g.struct(V.xen_feature_info, { submap_idx: 0 });
    g.call('get_features', VERSION, V.XENVER_get_features, features).showMemory('  submap 0', features, 4);
    g.call('get_features 1', VERSION, V.XENVER_get_features, g.struct(V.xen_feature_info, { submap_idx: 1 }));
    g.call('pagesize', VERSION, V.XENVER_pagesize, 0).call('platform_parameters', VERSION, V.XENVER_platform_parameters, buffer);
    g.call('build_id', VERSION, V.XENVER_build_id, 0)
      .call('guest_handle', VERSION, V.XENVER_guest_handle, buffer)
      .showMemory('  of virtual time', buffer, 0, 8);
    g.call('99', VERSION, 99, buffer);

    g.say('CPUID');
    const leaf = (name: string, number: number, sub = 0): void => {
      a.movi(R.ax, number).movi(R.cx, sub).cpuid();
      g.show(`${name} eax`).show('  ebx', R.bx).show('  ecx', R.cx).show('  edx', R.dx);
    };
    for (let i = 0; i <= 5; i++) leaf(`xen ${i}`, 0x40000000 + i);
    leaf('xen 3.1', 0x40000003, 1);
    leaf('xen 3.2', 0x40000003, 2);
    leaf('vendor', 0);
    a.movi(R.ax, 1).movi(R.cx, 0).cpuid().mov(R.ax, R.cx).shr(R.ax, 31);
    g.show('hypervisor bit');
    a.movi(R.ax, 0x80000007).cpuid().mov(R.ax, R.dx).shr(R.ax, 8).andi(R.ax, 1);
    g.show('invariant TSC');

    g.say('parameters');
    const param = g.struct(xen_hvm_param, { domid: DOMID_SELF });
    const get = (name: string, index: number): void => {
      a.storei32(at(param, 4), index).storei(at(param, 8), 0);
      g.call(name, HVM, HVMOP_get_param, param).showMemory('  value', param, 8, 8);
    };
    get('console pfn', P.HVM_PARAM_CONSOLE_PFN);
    get('console port', P.HVM_PARAM_CONSOLE_EVTCHN);
    get('store pfn', P.HVM_PARAM_STORE_PFN);
    get('store port', P.HVM_PARAM_STORE_EVTCHN);
    get('ioreq pfn', P.HVM_PARAM_IOREQ_PFN);
    get('PAE', P.HVM_PARAM_PAE_ENABLED);
    get('beyond', 1000);
    a.storei32(at(param, 4), P.HVM_PARAM_VM_GENERATION_ID_ADDR).storei(at(param, 8), 0x1234);
    g.call('set generation id', HVM, HVMOP_set_param, param);
    get('get it', P.HVM_PARAM_VM_GENERATION_ID_ADDR);
    a.storei32(at(param, 4), P.HVM_PARAM_STORE_PFN);
    g.call('set store pfn', HVM, HVMOP_set_param, param);
    a.storei16(at(param), 0);
    g.call('get of domain 0', HVM, HVMOP_get_param, param);
    g.call('flush_tlbs', HVM, HVMOP_flush_tlbs, 0).call('flush_tlbs with an argument', HVM, HVMOP_flush_tlbs, 8);
    g.call('pagetable_dying', HVM, HVMOP_pagetable_dying, g.struct(xen_hvm_pagetable_dying, { domid: DOMID_SELF }));
    g.call('get_time', HVM, HVMOP_get_time, buffer).a.tsc().load(R.cx, at(buffer)).sub(R.ax, R.cx).cmpi(R.ax, 1_000_000);
    g.sayIf(CC.b, '  close to the TSC', '  far from the TSC');

    g.say('ways to call');
    g.page('stubs_page', 0x90);
    a.lea(R.ax, 'stubs_page').movi(R.dx, 0).movi(R.cx, MSR_HYPERCALL_PAGE).wrmsr();
    a.movi(R.di, V.XENVER_version)
      .lea(R.cx, 'stubs_page')
      .addi(R.cx, VERSION * 32)
      .callTo(R.cx);
    g.show('by the page');
    g.fault(
      'its iret slot',
      (x) =>
        x
          .lea(R.cx, 'stubs_page')
          .addi(R.cx, 23 * 32)
          .callTo(R.cx),
      'stubs_page',
    );
    g.showMemory('  stub 17', 'stubs_page', 17 * 32, 8);
    g.fault('a page index', (x) => x.lea(R.ax, 'stubs_page').alui('or', R.ax, 1).movi(R.dx, 0).movi(R.cx, MSR_HYPERCALL_PAGE).wrmsr());
    g.fault('no RAM there', (x) => x.movi(R.ax, 0xf0000000).movi(R.dx, 0).movi(R.cx, MSR_HYPERCALL_PAGE).wrmsr());
    g.fault('read of the MSR', (x) => x.movi(R.cx, MSR_HYPERCALL_PAGE).rdmsr());
    g.fault('VMCALL of another vendor', (x) => x.movi(R.di, 0).movi(R.ax, VERSION).vmcall());
    g.call('unknown number', ENOSYS_NR).call('far unknown number', 0x7fffffff);
    a.movq(R.ax, 0x1_0000_0000n + BigInt(VERSION))
      .movi(R.di, 0)
      .vmmcall();
    g.show('upper half of RAX');
    // 32-bit code makes the call with other registers
    a.pushLabel('in64').mov(R.bp, R.sp).pushi(0x38).pushLabel('in32').db(0x48, 0xcb).label('in32');
    a.bits = 32;
    a.movi(R.bx, V.XENVER_version).movi(R.ax, VERSION).vmmcall().ljmp(8, 'back64').label('back64');
    a.bits = 64;
    a.label('in64').mov(R.sp, R.bp).addi(R.sp, 8);
    g.show('from 32-bit code');
    // user mode: refused, whatever it is
    a.mov(R.bp, R.sp).pushi(USER_DATA).push(R.sp).pushi(2).pushi(USER_CODE64).pushLabel('user').iretq();
    a.label('user').movi(R.ax, VERSION).movi(R.di, 0).vmmcall().mov(R.r12, R.ax).movi(R.ax, ENOSYS_NR).vmmcall().mov(R.r13, R.ax);
    g.fault('in user mode: HLT', (x) => x.hlt());
    g.showDecimal('user mode: version', R.r12).showDecimal('user mode: unknown number', R.r13);
    const text = g.define((x) => x.text('written by console_io\n'));
    g.call('console_io write', __HYPERVISOR_console_io, CONSOLEIO_write, 22, text).call('console_io read', __HYPERVISOR_console_io, CONSOLEIO_read, 22, text);
    g.call('console_io 7', __HYPERVISOR_console_io, 7, 22, text).call('write of no memory', __HYPERVISOR_console_io, CONSOLEIO_write, 3, 0x20);
  });
  assertConsole(
    run,
    `
    version 40011
    extraversion 0
      .0-zendo
    capabilities 0
      xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 
    changeset 0
      unavailable
    commandline 0
      <denied>
    compile_info 0
      TypeScript and AssemblyScript
    get_features 0
      submap 0 12305
    get_features 1 -22
    pagesize 4096
    platform_parameters 0
    build_id -1
    guest_handle 0
      of virtual time 101010101010101
    99 -38
    CPUID
    xen 0 eax 40000005
      ebx 566e6558
      ecx 65584d4d
      edx 4d4d566e
    xen 1 eax 40011
      ebx 0
      ecx 0
      edx 0
    xen 2 eax 1
      ebx 40000000
      ecx 0
      edx 0
    xen 3 eax 2
      ebx 0
      ecx f4240
      edx 1
    xen 4 eax 5a
      ebx 0
      ecx 1
      edx 0
    xen 5 eax 0
      ebx 0
      ecx 0
      edx 0
    xen 3.1 eax 0
      ebx 0
      ecx 80000000
      edx 1
    xen 3.2 eax f4240
      ebx 0
      ecx 0
      edx 0
    vendor eax d
      ebx 68747541
      ecx 444d4163
      edx 69746e65
    hypervisor bit 1
    invariant TSC 1
    parameters
    console pfn 0
      value fefff
    console port 0
      value 2
    store pfn 0
      value feffc
    store port 0
      value 1
    ioreq pfn -1
      value 0
    PAE -22
      value 0
    beyond -22
      value 0
    set generation id 0
    get it 0
      value 1234
    set store pfn -1
    get of domain 0 -22
    flush_tlbs 0
    flush_tlbs with an argument -22
    pagetable_dying -22
    get_time 0
      close to the TSC
    ways to call
    by the page 40011
    its iret slot: #6 error 0 at +736
      stub 17 d9010f00000011b8
    a page index: #13 error 0 at +22
    no RAM there: #13 error 0 at +15
    read of the MSR: no fault
    VMCALL of another vendor: #6 error 0 at +10
    unknown number -38
    far unknown number -38
    upper half of RAX 40011
    from 32-bit code 40011
    in user mode: HLT: #13 error 0 at +0
    user mode: version -1
    user mode: unknown number -1
    written by console_io
    console_io write 0
    console_io read -1
    console_io 7 -38
    write of no memory -14
`,
  );
});
