import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, formatRecord, memorySink } from './log.ts';

test('records of the level and worse reach every sink, with the name of the part', () => {
  const memory = memorySink();
  const log = createLogger('hypervisor', { level: 'info', sinks: [memory.sink] }).child('grants');
  log.warn('guest asked for too much', { domid: 1, frames: 65 });
  log.debug('not seen');
  assert.equal(log.enabled('debug'), false);
  assert.deepEqual(memory.records.map(formatRecord), ['warn hypervisor.grants: guest asked for too much domid=1 frames=65']);
});

test('the memory sink keeps the last records only', () => {
  const memory = memorySink(2);
  const log = createLogger('x', { sinks: [memory.sink] });
  for (const text of ['a', 'b', 'c']) log.info(text);
  assert.deepEqual(
    memory.records.map((r) => r.message),
    ['b', 'c'],
  );
});
