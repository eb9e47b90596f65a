import { gzipSync } from 'node:zlib';
import { OperatorError } from '../../../src/base/operator-error.ts';
import { readAr } from '../../../src/host/node/debian/ar.ts';
import { DebFile } from '../../../src/host/node/debian/deb-file.ts';
import { TarReader } from '../../../src/host/node/debian/tar.ts';
import { arArchive, concatenate, plainDeb, tarEnd, tarEntry } from '../../../src/host/node/debian/tar-fixture.test.ts';
import { decompress } from '../../../src/toolstack/loader/decompress/decompress.ts';
import { mutate } from '../mutate.ts';
import { refusing, type Target } from '../target.ts';

const LIMIT = 32768;
const CONTROL = 'Package: linux-image\nVersion: 6.1\nDepends: a, b\n c\n';

/** Correct the checksum of a tar header, so that what is changed in it is looked at. */
function mendChecksum(bytes: Uint8Array, at: number): void {
  if (at + 512 > bytes.length) return;
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0x20 : (bytes[at + i] as number);
  bytes.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), at + 148);
}

export const debTarget: Target = {
  name: 'deb',
  about: 'Debian packages: ar, tar with long names and pax records, control fields',
  prepare: () => {
    const tar = concatenate(
      tarEntry('PaxHeader', '30 path=boot/a-long-name-of-x\n12 linkpath=\n', 'x'),
      tarEntry('./boot/vmlinuz', 'kernel'.repeat(40)),
      tarEntry('././@LongLink', `${'n'.repeat(200)}\0`, 'L'),
      tarEntry('short', 'x', '2'),
      tarEnd,
    );
    const gzipped = (bytes: Uint8Array): Uint8Array => new Uint8Array(gzipSync(bytes));
    const debs = [
      plainDeb(CONTROL, { 'boot/vmlinuz': 'kernel'.repeat(30), 'usr/share/doc/x': 'y' }),
      arArchive([
        ['debian-binary', '2.0\n'],
        ['control.tar.gz', gzipped(concatenate(tarEntry('./control', CONTROL), tarEnd))],
        ['data.tar.gz', gzipped(tar)],
      ]),
    ];
    return {
      run(random) {
        return refusing(() => {
          if (random.once(3)) {
            const bytes = mutate(random, [tar], LIMIT);
            for (let at = 0; at < bytes.length; at += 512) if (random.once(2)) mendChecksum(bytes, at);
            const reader = new TarReader();
            for (let entry = reader.next(bytes); entry !== undefined; entry = reader.next(bytes));
            return;
          }
          const bytes = mutate(random, debs, LIMIT);
          readAr(bytes);
          new DebFile(bytes, (data, limit, options) => decompress(data, Math.min(limit, 1 << 22), options)).find((path) => path.startsWith('boot/'));
        }, OperatorError);
      },
    };
  },
};
