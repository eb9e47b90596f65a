import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseChannel } from './channel-spec.ts';
import { DeviceSpecError } from './device-spec-error.ts';
import { parseDisk } from './disk-spec.ts';
import { addToNic, type NicConfig, nicConfigOf } from './nic-spec.ts';

const disk = (...specs: string[]) => parseDisk(specs, 'here');
const nic = (...tokens: string[]): NicConfig => {
  const made: NicConfig = {};
  for (const token of tokens) addToNic(made, token);
  return nicConfigOf(made);
};
const error = (message: string) => ({ name: 'DeviceSpecError', message });

test('disks: positional, named and old forms', () => {
  const xvda = { pdev_path: '/dev/vg/guest', vdev: 'xvda', format: 'raw', readwrite: 1 };
  assert.deepEqual(disk('/dev/vg/guest,raw,xvda,rw'), xvda);
  assert.deepEqual(disk('/dev/vg/guest,,xvda'), xvda);
  assert.deepEqual(disk('format=raw, vdev=xvda, access=rw, target=/dev/vg/guest'), xvda);
  assert.deepEqual(disk('phy:/dev/vg/guest', 'xvda', 'w'), xvda);
  assert.deepEqual(disk('/root/a.iso,,hdc,cdrom'), { pdev_path: '/root/a.iso', vdev: 'hdc', format: 'raw', removable: 1, is_cdrom: 1 });
  assert.deepEqual(disk(',hdc:cdrom,r'), { pdev_path: '', vdev: 'hdc', format: 'empty', removable: 1, is_cdrom: 1 });
  assert.deepEqual(disk('qcow2:/a,b.img'.replace(',', ';'), 'xvdb,ro').format, 'qcow2');
  assert.deepEqual(disk('vdev=xvdb,target=/with,comma').pdev_path, '/with,comma');
  assert.deepEqual(disk('/x,raw,xvdc,r,backendtype=qdisk,no-discard,direct-io-safe,untrusted'), {
    pdev_path: '/x',
    vdev: 'xvdc',
    backend: 'qdisk',
    format: 'raw',
    direct_io_safe: true,
    discard_enable: 'False',
    trusted: 'False',
  });
});

test('disks: what is wrong, and where', () => {
  const said = (what: string, spec: string): string => `here: config parsing error in disk specification: ${what} in \`${spec}'`;
  assert.throws(() => disk('/a,nosuch,xvda'), error(said("unknown value for format: near `nosuch'", '/a,nosuch,xvda')));
  assert.throws(() => disk('nosuch=1'), error(said("unknown parameter: near `nosuch=1'", 'nosuch=1')));
  assert.throws(() => disk('/a'), error(said('no vdev specified', '/a')));
  assert.throws(() => disk('vdev=xvda'), error(said('no target specified', 'vdev=xvda')));
  assert.throws(() => disk('/a,raw,xvda,q'), error(said("unknown value for access: near `q'", '/a,raw,xvda,q')));
  assert.throws(() => disk('/a,raw,xvda,r,more'), error(said("too many positional parameters: near `more'", '/a,raw,xvda,r,more')));
  assert.throws(() => disk('zip:/a,xvda'), error(said("unknown deprecated disk prefix: near `zip:'", 'zip:/a,xvda')));
  assert.throws(() => disk('/a,raw,xvda,format=qcow2'), error(said("format respecified: near `qcow2'", '/a,raw,xvda,format=qcow2')));
});

test('network interfaces', () => {
  assert.deepEqual(nic('mac=00:16:3E:0a:b:0c', 'bridge=xenbr0', 'type=ioemu'), { mac: '00:16:3e:0a:0b:0c', bridge: 'xenbr0', nictype: 'vif_ioemu' });
  assert.deepEqual(nic('rate=10Mb/s@20ms'), { rate_bytes_per_interval: 25000, rate_interval_usecs: 20000 });
  assert.deepEqual(nic('rate=1MB/s'), { rate_bytes_per_interval: 50000, rate_interval_usecs: 50000 });
  assert.throws(() => nic('mac=zz'), error("Invalid parameter `mac'."));
  assert.throws(() => nic('type=x'), error("Invalid parameter `type'."));
  assert.throws(() => nic('nosuch=1'), error("unrecognized argument `nosuch=1'"));
});

test('no text brings the readers down, and they end', () => {
  const piece = fc.constantFrom('raw', 'vdev=', 'xvda', ',', '=', ':', 'target=', 'phy:', 'cdrom', ' ', 'format', 'mac=', 'rate=1', '\n', '^');
  const text = fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (given) => {
      for (const read of [() => disk(given), () => nic(given)]) {
        try {
          read();
        } catch (thrown) {
          assert.ok(thrown instanceof DeviceSpecError, String(thrown));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('channels: a pty or a socket', () => {
  assert.deepEqual(parseChannel('connection=pty', 0), { devid: 0, 'connection.pty': {} });
  assert.deepEqual(parseChannel('connection=socket, path=/run/a, name=org.example', 1), {
    devid: 1,
    name: 'org.example',
    'connection.socket': { path: '/run/a' },
  });
  assert.throws(() => parseChannel('name=a', 0), /has no connection/);
  assert.throws(() => parseChannel('connection=socket', 0), /has no path for its socket/);
  assert.throws(() => parseChannel(`connection=socket,path=/${'x'.repeat(107)}`, 0), /at most 107 bytes/);
  assert.throws(() => parseChannel('connection=tcp', 0), /Unknown channel connection 'tcp'/);
});
