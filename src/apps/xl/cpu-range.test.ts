import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuRange, cpuText } from './cpu-range.ts';

const NODES = [0, 0, 1, 1];

test('CPUs as people write them', () => {
  assert.deepEqual(cpuRange('0-2', NODES).cpus, [0, 1, 2]);
  assert.deepEqual(cpuRange('3,0', NODES).cpus, [0, 3]);
  assert.deepEqual(cpuRange('all,^1', NODES).cpus, [0, 2, 3]);
  assert.deepEqual(cpuRange('nodes:1,0', NODES).cpus, [0, 2, 3]);
  assert.deepEqual(cpuRange('0-3,^node:0', NODES).cpus, [2, 3]);
  assert.deepEqual(cpuRange('9', NODES).cpus, [9]);
  assert.equal(cpuRange('abc', NODES).error, 'Invalid pcpu range: abc.');
  assert.equal(cpuRange('2-1', NODES).error, 'Invalid pcpu range: 2-1.');
  assert.equal(cpuRange('0-999999999', NODES).error, 'Invalid pcpu range: 0-999999999.');
  assert.equal(cpuRange('^all', NODES).error, 'Can\'t combine "^" and "all".');
});

test('CPUs as xl prints them', () => {
  assert.deepEqual(
    [[0, 1, 2, 3], [0, 1, 2], [0, 2, 3], [1], []].map((cpus) => cpuText(cpus, 4)),
    ['all', '0-2', '0,2-3', '1', 'none'],
  );
});
