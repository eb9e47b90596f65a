import assert from 'node:assert/strict';
import test from 'node:test';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { ANSWERS, JOBS, Receiver, regionChannelWords, send } from './region-channel.ts';

test('messages come in order, and only those that were sent', () => {
  const { port1, port2 } = new MessageChannel();
  const sent = regionChannelWords();
  const near = { port: port1 as never, sent };
  const far = { port: port2 as never, sent };
  const receiver = new Receiver(far, JOBS, receiveMessageOnPort as never);
  assert.equal(receiver.take(), undefined);
  send(near, JOBS, 'first');
  send(near, JOBS, 'second');
  assert.equal(receiver.wait(), 'first');
  assert.equal(receiver.take(), 'second');
  assert.equal(receiver.take(), undefined);
  send(near, ANSWERS, 'of the other direction');
  assert.equal(receiver.take(), undefined);
  port1.close();
});

test('a thread that waits for a message is woken, and can be ended while it waits', async () => {
  const { port1, port2 } = new MessageChannel();
  const sent = regionChannelWords();
  const near = { port: port1 as never, sent };
  const code = `
    const { receiveMessageOnPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ ANSWERS, JOBS, Receiver, send }) => {
      for (const jobs = new Receiver(workerData.channel, JOBS, receiveMessageOnPort); ; ) send(workerData.channel, ANSWERS, jobs.wait() * 2);
    });`;
  const module = new URL('./region-channel.ts', import.meta.url).href;
  const worker = new Worker(code, { eval: true, workerData: { module, channel: { port: port2, sent } }, transferList: [port2] });
  const answers = new Receiver(near, ANSWERS, receiveMessageOnPort as never);
  for (const job of [1, 2, 3]) {
    send(near, JOBS, job);
    assert.equal(answers.wait(), job * 2);
  }
  await worker.terminate();
  port1.close();
});
