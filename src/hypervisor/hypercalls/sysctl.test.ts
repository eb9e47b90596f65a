import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fields, Struct, Update } from '../../base/struct.ts';
import { RAX } from '../../machine/layout.ts';
import { XEN_DOMINF_dying, XEN_DOMINF_hvm_guest, XEN_DOMINF_paused, XEN_SCHEDULER_CREDIT2, xen_domctl_getdomaininfo } from '../../spec/xen/domctl.ts';
import { EBUSY, EFAULT, EINVAL, ENODEV, ENOENT, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import { EVTCHNOP_alloc_unbound, evtchn_alloc_unbound } from '../../spec/xen/event-channel.ts';
import * as S from '../../spec/xen/sysctl.ts';
import { __HYPERVISOR_event_channel_op, __HYPERVISOR_sysctl } from '../../spec/xen/xen.ts';
import { CONRING_SIZE, printk } from '../console-ring.ts';
import { grant, map } from '../testing/grants.ts';
import { ARGUMENT_GPA, LIST_GPA, TestMachine } from '../testing/test-machine.ts';

function sysctl<F extends Fields>(m: TestMachine, cmd: number, member: Struct<F>, fields: Update<F>) {
  m.put(m.dom0, ARGUMENT_GPA, S.xen_sysctl, { cmd, interface_version: S.XEN_SYSCTL_INTERFACE_VERSION });
  m.put(m.dom0, ARGUMENT_GPA + S.xen_sysctl.offsets.u, member, fields);
  const result = m.hypercall(m.dom0, __HYPERVISOR_sysctl, [ARGUMENT_GPA]);
  return { ...m.get(m.dom0, ARGUMENT_GPA + S.xen_sysctl.offsets.u, member), result };
}
const text = (m: TestMachine, length: number): string => new TextDecoder().decode(m.peek(m.dom0, LIST_GPA, length));

test('physinfo, availheap, sched_id and the topology add up', () => {
  const m = new TestMachine(2048);
  const info = sysctl(m, S.XEN_SYSCTL_physinfo, S.xen_sysctl_physinfo, {});
  assert.equal(info.result, 0);
  assert.deepEqual([info.nr_cpus, info.max_cpu_id, info.nr_nodes, info.threads_per_core, info.cores_per_socket], [1, 0, 1, 1, 1]);
  assert.deepEqual([info.total_pages, info.free_pages], [2048, m.hv.frames.free]);
  assert.ok((info.capabilities & S.XEN_SYSCTL_PHYSCAP_hvm) !== 0);
  assert.ok(((info.hw_cap[0] ?? 0) & (1 << 15)) !== 0, 'CMOV');
  const heap = (node: number, min_bitwidth = 0, max_bitwidth = 0) =>
    sysctl(m, S.XEN_SYSCTL_availheap, S.xen_sysctl_availheap, { node, min_bitwidth, max_bitwidth }).avail_bytes;
  assert.equal(heap(-1), m.hv.frames.free * 4096);
  assert.equal(heap(0), m.hv.frames.free * 4096);
  assert.equal(heap(1), 0);
  assert.equal(heap(0, 33), 0);
  assert.equal(heap(0, 0, 24), 0);
  assert.equal(sysctl(m, S.XEN_SYSCTL_sched_id, S.xen_sysctl_sched_id, {}).sched_id, XEN_SCHEDULER_CREDIT2);
  assert.equal(sysctl(m, S.XEN_SYSCTL_cputopoinfo, S.xen_sysctl_cputopoinfo, {}).num_cpus, 1);
  assert.equal(sysctl(m, S.XEN_SYSCTL_cputopoinfo, S.xen_sysctl_cputopoinfo, { num_cpus: 8, cputopo: LIST_GPA }).num_cpus, 1);
  assert.deepEqual(m.get(m.dom0, LIST_GPA, S.xen_sysctl_cputopo), { core: 0, socket: 0, node: 0 });
  assert.equal(sysctl(m, S.XEN_SYSCTL_cputopoinfo, S.xen_sysctl_cputopoinfo, { num_cpus: 8, cputopo: 1n << 50n }).result, -EFAULT);
  assert.equal(sysctl(m, S.XEN_SYSCTL_numainfo, S.xen_sysctl_numainfo, {}).num_nodes, 1);
  assert.equal(sysctl(m, S.XEN_SYSCTL_numainfo, S.xen_sysctl_numainfo, { num_nodes: 4, meminfo: LIST_GPA, distance: LIST_GPA + 64 }).num_nodes, 1);
  assert.deepEqual(m.get(m.dom0, LIST_GPA, S.xen_sysctl_meminfo), { memsize: 2048 * 4096, memfree: m.hv.frames.free * 4096 });
  assert.equal(new DataView(m.peek(m.dom0, LIST_GPA + 64, 4).buffer).getUint32(0, true), 10);
});

test('getdomaininfolist: from an id on, so many, zombies too', () => {
  const m = new TestMachine();
  const a = m.guest();
  const b = m.guest({ vcpus: 2 });
  const list = (first_domain: number, max_domains: number) => {
    const { num_domains } = sysctl(m, S.XEN_SYSCTL_getdomaininfolist, S.xen_sysctl_getdomaininfolist, { first_domain, max_domains, buffer: LIST_GPA });
    return Array.from({ length: num_domains }, (_, i) => m.get(m.dom0, LIST_GPA + i * xen_domctl_getdomaininfo.size, xen_domctl_getdomaininfo));
  };
  assert.deepEqual(
    list(0, 100).map((d) => d.domain),
    [0, a.id, b.id],
  );
  assert.deepEqual(
    list(1, 1).map((d) => d.domain),
    [a.id],
  );
  assert.deepEqual(list(5000, 10), []);
  const [info] = list(b.id, 1);
  assert.deepEqual([info?.tot_pages, info?.max_vcpu_id, info?.nr_online_vcpus], [64, 1, 1]);
  assert.ok(((info?.flags ?? 0) & XEN_DOMINF_hvm_guest) !== 0);
  assert.equal((info?.flags ?? 0) & (XEN_DOMINF_dying | XEN_DOMINF_paused), 0);
  grant(m, b, 9, 0, 7);
  map(m, m.dom0, b.id, 9);
  m.destroy(b);
  const [zombie] = list(b.id, 1);
  assert.ok(((zombie?.flags ?? 0) & XEN_DOMINF_dying) !== 0);
  assert.equal(zombie?.tot_pages, 1);
});

test('readconsole: from the start, in pieces, cleared, and after the ring has gone round', () => {
  const m = new TestMachine();
  const read = (fields: { clear?: number; incremental?: number; index?: number; count?: number }) =>
    sysctl(m, S.XEN_SYSCTL_readconsole, S.xen_sysctl_readconsole, { buffer: LIST_GPA, count: 65536, ...fields });
  assert.equal(read({}).count, 0);
  printk(m.hv, '(XEN) one');
  printk(m.hv, '(XEN) two');
  const first = read({ count: 10 });
  assert.equal(text(m, first.count), '(XEN) one\n');
  const second = read({ incremental: 1, index: first.index });
  assert.equal(text(m, second.count), '(XEN) two\n');
  assert.equal(read({ incremental: 1, index: second.index }).count, 0);
  assert.equal(read({ clear: 1 }).count, 20);
  assert.equal(read({}).count, 0);
  for (let i = 0; i < 2000; i++) printk(m.hv, `(XEN) line ${i} of many`);
  const all = read({});
  assert.equal(all.count, CONRING_SIZE);
  assert.ok(text(m, all.count).endsWith('(XEN) line 1999 of many\n'));
  assert.equal(sysctl(m, S.XEN_SYSCTL_readconsole, S.xen_sysctl_readconsole, { buffer: 1n << 50n, count: 5 }).result, -EFAULT);
});

test('debug_keys print to the log; getcpuinfo counts idle time', () => {
  const m = new TestMachine();
  const d = m.guest();
  grant(m, d, 9, 0, 7);
  map(m, m.dom0, d.id, 9);
  const press = (keys: string): string[] => {
    m.log.length = 0;
    m.poke(m.dom0, LIST_GPA, new TextEncoder().encode(keys));
    assert.equal(sysctl(m, S.XEN_SYSCTL_debug_keys, S.xen_sysctl_debug_keys, { keys: LIST_GPA, nr_keys: keys.length }).result, 0);
    return m.log.map((line) => line.replace(/^\(XEN\) /, ''));
  };
  const help = press('h');
  assert.deepEqual(help.slice(0, 2), ["'h' pressed -> showing installed handlers", " key '0' (ascii '30') => dump Dom0 registers"]);
  for (const line of help.slice(1)) {
    const key = line.match(/^ key '(.)' \(ascii '[0-9a-f]{2}'\) => \S/)?.[1];
    assert.ok(key !== undefined && press(key).length > 1, line);
  }
  assert.deepEqual(press('~'), []);
  const has = (keys: string, ...wanted: (string | RegExp)[]): void => {
    const all = press(keys).join('\n');
    for (const each of wanted) assert.ok(typeof each === 'string' ? all.includes(each) : each.test(all), `${keys}: ${each}\n${all}`);
  };
  has(
    'q',
    "'q' pressed -> dumping domain info",
    `General information for domain ${d.id}:`,
    `nr_pages=64 xenheap_pages=2 max_pages=`,
    'handle=00000000-0000-0000-0000-',
  );
  has('q', `VCPU information and callbacks for domain ${d.id}:`, '    VCPU0: CPU0 [has=F] poll=0 upcall_pend=00 upcall_mask=00 ', 'No periodic timer');
  m.vcpu(d).context.set(RAX, 0xdeadn);
  has('d', `*** Dumping d${d.id}v0 state: ***`, 'rax: 000000000000dead', /RIP: {4}0000:\[<0000000000001000>\]/);
  has('0', '*** Dumping d0v0 state: ***');
  m.op(d, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, { dom: d.id, remote_dom: 0 });
  has('e', `Event channel information for domain ${d.id}:`, '       1 [0/0/-]: s=2 n=0 x=0 d=0');
  has('g', `grant-table for remote d${d.id} (v1)`, '[0x009]  d0 ', 'no active grant table entries');
  has('m', 'Physical memory information:', /Dom heap: \d+kB free of 16384kB/);
  has('r', 'Scheduler: SMP Credit Scheduler rev2 (credit2)', `Domain: ${d.id} w 256 c 0 v 1`);
  m.vcpu(d).s.singleshot_deadline = m.time + 7_000n;
  has('a', /ex= +7us d1 v0 singleshot/);
  has('t', 'System time 0.001000000');
  has('u', 'CPU0...0 -> NODE0', `d${d.id} (total: 64):`);
  assert.equal(sysctl(m, S.XEN_SYSCTL_debug_keys, S.xen_sysctl_debug_keys, { keys: 1n << 50n, nr_keys: 1 }).result, -EFAULT);
  assert.equal(sysctl(m, S.XEN_SYSCTL_getcpuinfo, S.xen_sysctl_getcpuinfo, { max_cpus: 4, info: LIST_GPA }).nr_cpus, 1);
  assert.ok(m.get(m.dom0, LIST_GPA, S.xen_sysctl_cpuinfo).idletime > 0);
});

test('CPU pools: pool 0 has everything, and keeps it', () => {
  const m = new TestMachine();
  m.guest();
  const pool = (op: number, fields: Update<(typeof S.xen_sysctl_cpupool_op)['fields']> = {}) =>
    sysctl(m, S.XEN_SYSCTL_cpupool_op, S.xen_sysctl_cpupool_op, { op, cpumap: { bitmap: LIST_GPA, nr_bits: 16 }, ...fields });
  m.poke(m.dom0, LIST_GPA, Uint8Array.of(0xff, 0xff));
  const info = pool(S.XEN_SYSCTL_CPUPOOL_OP_INFO);
  assert.deepEqual([info.result, info.cpupool_id, info.sched_id, info.n_dom], [0, 0, XEN_SCHEDULER_CREDIT2, 2]);
  assert.deepEqual([...m.peek(m.dom0, LIST_GPA, 2)], [1, 0]);
  assert.equal(pool(S.XEN_SYSCTL_CPUPOOL_OP_INFO, { cpupool_id: 1 }).result, -ENOENT, 'none after it');
  assert.equal(pool(S.XEN_SYSCTL_CPUPOOL_OP_INFO, { cpumap: { bitmap: 1n << 50n, nr_bits: 16 } }).result, -EFAULT);
  assert.equal(pool(S.XEN_SYSCTL_CPUPOOL_OP_FREEINFO).result, 0);
  assert.deepEqual([...m.peek(m.dom0, LIST_GPA, 2)], [0, 0]);
  assert.equal(pool(S.XEN_SYSCTL_CPUPOOL_OP_CREATE).result, -EOPNOTSUPP);
  assert.deepEqual(
    [0, 1].map((cpupool_id) => pool(S.XEN_SYSCTL_CPUPOOL_OP_DESTROY, { cpupool_id }).result),
    [-EBUSY, -ENOENT],
  );
  assert.deepEqual(
    [0, 1].map((cpu) => pool(S.XEN_SYSCTL_CPUPOOL_OP_ADDCPU, { cpu }).result),
    [-ENODEV, -EINVAL],
  );
  assert.equal(pool(S.XEN_SYSCTL_CPUPOOL_OP_RMCPU, { cpu: 0 }).result, -EINVAL);
  assert.deepEqual(
    [0, 1, 9].map((domid) => pool(S.XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, { domid }).result),
    [-EPERM, 0, -ESRCH],
  );
  assert.equal(pool(S.XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, { domid: 1, cpupool_id: 4 }).result, -ENOENT);
  assert.equal(pool(77).result, -ENOSYS);
});

test('pcitopoinfo: no device is there', () => {
  const m = new TestMachine();
  const ask = (fields: Update<(typeof S.xen_sysctl_pcitopoinfo)['fields']>) => sysctl(m, S.XEN_SYSCTL_pcitopoinfo, S.xen_sysctl_pcitopoinfo, fields);
  assert.equal(ask({ num_devs: 2 }).result, -EINVAL);
  assert.equal(ask({ num_devs: 2, devs: LIST_GPA, nodes: 1n << 50n }).result, -EFAULT);
  assert.deepEqual(
    [ask({ num_devs: 2, devs: LIST_GPA, nodes: LIST_GPA + 64 }).result, new DataView(m.peek(m.dom0, LIST_GPA + 68, 4).buffer).getUint32(0, true)],
    [0, S.XEN_INVALID_DEV],
  );
  assert.equal(ask({ num_devs: 0xffffffff, devs: LIST_GPA, nodes: LIST_GPA }).num_devs, 4096, 'a part at a time');
});

test('power management: there is nothing to manage, and that is said', () => {
  const m = new TestMachine();
  const stat = (type: number, cpuid = 0) => sysctl(m, S.XEN_SYSCTL_get_pmstat, S.xen_sysctl_get_pmstat, { type, cpuid }).result;
  assert.deepEqual([stat(S.PMSTAT_get_max_cx), stat(S.PMSTAT_get_pxstat), stat(S.PMSTAT_get_max_cx, 1)], [-ENODEV, -ENODEV, -EINVAL]);
  const pm = (cmd: number, cpuid = 0) => sysctl(m, S.XEN_SYSCTL_pm_op, S.xen_sysctl_pm_op, { cmd, cpuid });
  assert.equal(pm(S.XEN_SYSCTL_pm_op_get_max_cstate).u.get_max_cstate, S.XEN_SYSCTL_CX_UNLIMITED);
  assert.deepEqual(
    [S.XEN_SYSCTL_pm_op_enable_turbo, S.GET_CPUFREQ_PARA, 0x99].map((cmd) => pm(cmd).result),
    [-ENODEV, -ENODEV, -ENOSYS],
  );
  assert.equal(pm(S.XEN_SYSCTL_pm_op_get_max_cstate, 1).result, -EINVAL);
});

test('scheduler parameters: the rate limit', () => {
  const m = new TestMachine();
  const op = (cmd: number, ratelimit_us = 0, sched_id = XEN_SCHEDULER_CREDIT2, cpupool_id = 0) =>
    sysctl(m, S.XEN_SYSCTL_scheduler_op, S.xen_sysctl_scheduler_op, { cmd, sched_id, cpupool_id, u: { sched_credit2: { ratelimit_us } } });
  assert.equal(op(S.XEN_SYSCTL_SCHEDOP_getinfo, 9).u.sched_credit2.ratelimit_us, 1000);
  assert.deepEqual(
    [1, 99, 500_001, 0, 500].map((limit) => op(S.XEN_SYSCTL_SCHEDOP_putinfo, limit).result),
    [-EINVAL, -EINVAL, -EINVAL, 0, 0],
  );
  assert.equal(op(S.XEN_SYSCTL_SCHEDOP_getinfo, 9).u.sched_credit2.ratelimit_us, 500);
  assert.deepEqual([op(7).result, op(1, 0, XEN_SCHEDULER_CREDIT2, 3).result, op(1, 0, 1).result], [-EINVAL, -ESRCH, -EINVAL]);
});
