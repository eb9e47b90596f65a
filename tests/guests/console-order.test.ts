import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVTCHNOP_send } from '../../src/spec/xen/event-channel.ts';
import { HVMOP_get_param, xen_hvm_param } from '../../src/spec/xen/hvm/hvm-op.ts';
import { HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CONSOLE_PFN } from '../../src/spec/xen/hvm/params.ts';
import {
  __HYPERVISOR_console_io,
  CONSOLEIO_write,
  DOMID_SELF,
  __HYPERVISOR_event_channel_op as EVENT,
  __HYPERVISOR_hvm_op as HVM,
} from '../../src/spec/xen/xen.ts';
import { at, R } from '../../src/toolstack/guests/assembler.ts';
import { runGuest } from './kit/run-guest.ts';

/** Ring offsets. @see xen/include/public/io/console.h */
const OUT = 1024;
const OUT_SIZE = 2048;
const OUT_PROD = 3084;
const PIECES = 120;

test('port 0xE9, console_io and the PV ring: three ways to the screen, one order, the guest’s', async () => {
  let expected = '';
  const run = await runGuest((g) => {
    const { a } = g;
    const param = g.struct(xen_hvm_param, { domid: DOMID_SELF, index: HVM_PARAM_CONSOLE_PFN });
    g.hypercall(HVM, HVMOP_get_param, param).a.load(R.r12, at(param, 8)).shl(R.r12, 12).storei32(at(param, 4), HVM_PARAM_CONSOLE_EVTCHN);
    const port = g.space(4);
    g.hypercall(HVM, HVMOP_get_param, param).a.load32(R.r13, at(param, 8)).store32(at(port), R.r13);
    const byRing = (text: string): void => {
      for (const char of text) {
        a.load32(R.cx, { base: R.r12, disp: OUT_PROD })
          .andi(R.cx, OUT_SIZE - 1)
          .add(R.cx, R.r12)
          .storei8({ base: R.cx, disp: OUT }, char.charCodeAt(0));
        a.operation([0xff], 0, { base: R.r12, disp: OUT_PROD }, false);
      }
      g.hypercall(EVENT, EVTCHNOP_send, port);
    };
    const byCall = (text: string): void =>
      void g.hypercall(
        __HYPERVISOR_console_io,
        CONSOLEIO_write,
        text.length,
        g.define((x) => x.text(text)),
      );
    let random = 12345;
    for (let i = 0; i < PIECES; i++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      const [way, name] = (
        [
          [(text: string) => void g.print(text), 'port'],
          [byCall, 'call'],
          [byRing, 'ring'],
        ] as const
      )[(random >>> 16) % 3] as [(text: string) => void, string];
      way(`${name} ${i}\n`);
      expected += `${name} ${i}\n`;
    }
  });
  assert.equal(run.console, expected);
  assert.equal(run.status, 0);
});
