import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vdevNumber } from './vdev.ts';

test('numbers of virtual disks', () => {
  const known = {
    xvda: 51712,
    xvda1: 51713,
    xvdb: 51728,
    xvdz: 268441856,
    hda: 768,
    hdb: 832,
    hdc: 5632,
    sda: 2048,
    sda15: 2063,
    d0: 51712,
    d0p1: 51713,
    51712: 51712,
  };
  for (const [name, number] of Object.entries(known)) assert.equal(vdevNumber(name), number, name);
  for (const name of ['', 'xvd', 'foo', 'hde', 'sdaa', 'xvda1x', 'hda64']) assert.equal(vdevNumber(name), undefined, name);
});
