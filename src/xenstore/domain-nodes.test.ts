import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DomainDescription, removeDomainNodes, writeDomain0Nodes, writeDomainNodes } from './domain-nodes.ts';
import { TestStore } from './test-store.ts';

/** Everything, as `xenstore-ls -f -p` shows it. */
function listing(world: TestStore): string[] {
  const dom0 = world.store.connect();
  const lines: string[] = [];
  const visit = (path: string): void => {
    for (const name of dom0.directory(path === '' ? '/' : path)) {
      const child = `${path}/${name}`;
      lines.push(`${child} = "${dom0.read(child)}"   (${dom0.getPermissions(child).join(',')})`);
      visit(child);
    }
  };
  visit('');
  return lines;
}

const PV: DomainDescription = {
  domid: 20,
  name: 'xtf1',
  uuid: '11111111-2222-3333-4444-555555555502',
  type: 'pv',
  vcpusOnline: [true],
  memory: { staticMax: 32768, target: 32768 },
  startTime: 1795238749_150_000,
  store: { port: 1, ringRef: 1184546 },
  console: { port: 2, ringRef: 1184547, tty: '/dev/pts/0' },
  image: { kernel: '/root/guests/test-pv64-example' },
};

// as the genuine toolstack wrote them (xenstore-ls -f -p)
const PV_NODES = `
/local/domain/20 = ""   (n0,r20)
/local/domain/20/vm = "/vm/11111111-2222-3333-4444-555555555502"   (n0,r20)
/local/domain/20/name = "xtf1"   (n0,r20)
/local/domain/20/cpu = ""   (n0,r20)
/local/domain/20/cpu/0 = ""   (n0,r20)
/local/domain/20/cpu/0/availability = "online"   (n0,r20)
/local/domain/20/memory = ""   (n0,r20)
/local/domain/20/memory/static-max = "32768"   (n0,r20)
/local/domain/20/memory/target = "32768"   (n0,r20)
/local/domain/20/memory/videoram = "0"   (n0,r20)
/local/domain/20/device = ""   (n0,r20)
/local/domain/20/device/suspend = ""   (n0,r20)
/local/domain/20/device/suspend/event-channel = ""   (n20)
/local/domain/20/control = ""   (n0,r20)
/local/domain/20/control/shutdown = ""   (n20)
/local/domain/20/control/feature-poweroff = ""   (n20)
/local/domain/20/control/feature-reboot = ""   (n20)
/local/domain/20/control/feature-suspend = ""   (n20)
/local/domain/20/control/sysrq = ""   (n20)
/local/domain/20/control/platform-feature-multiprocessor-suspend = "1"   (n0,r20)
/local/domain/20/control/platform-feature-xs_reset_watches = "1"   (n0,r20)
/local/domain/20/data = ""   (n20)
/local/domain/20/drivers = ""   (n20)
/local/domain/20/feature = ""   (n20)
/local/domain/20/attr = ""   (n20)
/local/domain/20/error = ""   (n20)
/local/domain/20/domid = "20"   (n0,r20)
/local/domain/20/store = ""   (n0,r20)
/local/domain/20/store/port = "1"   (n0,r20)
/local/domain/20/store/ring-ref = "1184546"   (n0,r20)
/local/domain/20/console = ""   (n0,r20)
/local/domain/20/console/backend = "/local/domain/0/backend/console/20/0"   (n0,r20)
/local/domain/20/console/backend-id = "0"   (n20,r0)
/local/domain/20/console/limit = "1048576"   (n0,r20)
/local/domain/20/console/type = "xenconsoled"   (n0,r20)
/local/domain/20/console/output = "pty"   (n0,r20)
/local/domain/20/console/tty = "/dev/pts/0"   (n0,r20)
/local/domain/20/console/port = "2"   (n0,r20)
/local/domain/20/console/ring-ref = "1184547"   (n0,r20)
/local/domain/0/backend = ""   (n0)
/local/domain/0/backend/console = ""   (n0)
/local/domain/0/backend/console/20 = ""   (n0)
/local/domain/0/backend/console/20/0 = ""   (n0,r20)
/local/domain/0/backend/console/20/0/frontend = "/local/domain/20/console"   (n0,r20)
/local/domain/0/backend/console/20/0/frontend-id = "20"   (n0,r20)
/local/domain/0/backend/console/20/0/online = "1"   (n0,r20)
/local/domain/0/backend/console/20/0/state = "1"   (n0,r20)
/local/domain/0/backend/console/20/0/protocol = "vt100"   (n0,r20)
/vm = ""   (n0)
/vm/11111111-2222-3333-4444-555555555502 = ""   (n0,r20)
/vm/11111111-2222-3333-4444-555555555502/name = "xtf1"   (n0,r20)
/vm/11111111-2222-3333-4444-555555555502/uuid = "11111111-2222-3333-4444-555555555502"   (n0,r20)
/vm/11111111-2222-3333-4444-555555555502/image = ""   (n0,r20)
/vm/11111111-2222-3333-4444-555555555502/image/ostype = "linux"   (n0,r20)
/vm/11111111-2222-3333-4444-555555555502/image/kernel = "/root/guests/test-pv64-example"   (n0,r20)
/vm/11111111-2222-3333-4444-555555555502/start_time = "1795238749.15"   (n0,r20)
/libxl = ""   (n0)
/libxl/20 = ""   (n0)
/libxl/20/device = ""   (n0)
/libxl/20/device/console = ""   (n0)
/libxl/20/device/console/0 = ""   (n0)
/libxl/20/device/console/0/frontend = "/local/domain/20/console"   (n0)
/libxl/20/device/console/0/backend = "/local/domain/0/backend/console/20/0"   (n0)
/libxl/20/device/console/0/frontend-id = "20"   (n0)
/libxl/20/device/console/0/online = "1"   (n0)
/libxl/20/device/console/0/state = "1"   (n0)
/libxl/20/device/console/0/protocol = "vt100"   (n0)
/libxl/20/type = "pv"   (n0)
/libxl/20/dm-version = "qemu_xen"   (n0)
`
  .trim()
  .split('\n');

const DOMAIN_0_NODES = [
  '/tool = ""   (n0)',
  '/tool/xenstored = ""   (n0)',
  '/local = ""   (n0)',
  '/local/domain = ""   (n0)',
  '/local/domain/0 = ""   (n0)',
  '/local/domain/0/domid = "0"   (n0)',
  '/local/domain/0/name = "Domain-0"   (n0)',
  '/local/domain/0/memory = ""   (n0)',
  '/local/domain/0/memory/target = "1572864"   (n0)',
  '/local/domain/0/memory/static-max = "1572864"   (n0)',
  '/local/pool = ""   (n0)',
  '/local/pool/0 = ""   (n0)',
  '/local/pool/0/name = "Pool-0"   (n0)',
];

function world(): TestStore {
  const made = new TestStore([20]);
  writeDomain0Nodes(made.store.connect(), { staticMax: 1572864, target: 1572864 });
  return made;
}

test("a PV domain's nodes are the genuine toolstack's, in its order and with its permissions", () => {
  const made = world();
  writeDomainNodes(made.store.connect(), PV);
  const all = listing(made);
  for (const part of ['/local/domain/20', '/local/domain/0/backend', '/vm', '/libxl'])
    assert.deepEqual(
      all.filter((line) => line.startsWith(part)),
      PV_NODES.filter((line) => line.startsWith(part)),
    );
  assert.deepEqual(
    all.filter((line) => !PV_NODES.includes(line)),
    DOMAIN_0_NODES,
  );
});

test('a PVH domain has no image, and its vCPUs say which are online', () => {
  const made = world();
  writeDomainNodes(made.store.connect(), { ...PV, type: 'pvh', vcpusOnline: [true, false] });
  const all = listing(made);
  assert.deepEqual(
    all.filter((line) => /availability|ostype|libxl\/20\/type|hvmloader|feature-s3|start_time/.test(line)),
    [
      '/local/domain/20/cpu/0/availability = "online"   (n0,r20)',
      '/local/domain/20/cpu/1/availability = "offline"   (n0,r20)',
      '/vm/11111111-2222-3333-4444-555555555502/start_time = "1795238749.15"   (n0,r20)',
      '/libxl/20/type = "pvh"   (n0)',
    ],
  );
});

test('the guest may write where it answers, and nowhere else', () => {
  const made = world();
  writeDomainNodes(made.store.connect(), PV);
  const guest = made.store.connect(20);
  guest.write('control/shutdown', '');
  guest.write('data/os_name', 'x');
  assert.throws(() => guest.write('name', 'other'));
  assert.throws(() => guest.write('console/tty', '/etc/passwd'));
  assert.throws(() => guest.read('/libxl/20/type'));
});

test('after its removal nothing of a domain is left', () => {
  const made = world();
  writeDomainNodes(made.store.connect(), PV);
  removeDomainNodes(made.store.connect(), 20, PV.uuid);
  made.domains.destroy(20);
  made.store.checkDomains();
  const left = listing(made).filter((line) => !DOMAIN_0_NODES.includes(line));
  assert.deepEqual(left, ['/local/domain/0/backend = ""   (n0)', '/local/domain/0/backend/console = ""   (n0)', '/vm = ""   (n0)', '/libxl = ""   (n0)']);
});
