import type { ConsoleEnd, ConsoleOutput } from '../daemon/api.ts';
import type { DaemonClient } from '../daemon/connect.ts';
import { ConnectionLostError } from '../daemon/rpc/rpc-client.ts';
import type { XlHost } from './xl-host.ts';

/** Ctrl-] leaves. */
const LEAVE = 0x1d;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Bytes of input sent in one request. */
const PIECE = 16384;

/**
 * Connect the operator with a domain's console until it ends, the input ends with Ctrl-], or the process is interrupted.
 * `number`: which of its consoles. `opened` runs once the console is open. Input that merely ends (a pipe) leaves the console open.
 */
export async function attachConsole(
  host: XlHost,
  daemon: DaemonClient,
  domid: number,
  { number = 0, opened = async () => {} }: { readonly number?: number; readonly opened?: () => Promise<void> } = {},
): Promise<void> {
  const { terminal } = host;
  let leave: () => void = () => {};
  const left = new Promise<void>((resolve, reject) => {
    leave = resolve;
    void daemon.gone().then(() => reject(new ConnectionLostError('the daemon has ended the connection')));
  });
  left.catch(() => {});
  let written: Promise<void> = Promise.resolve();
  let unwritten = 0;
  let midLine = false;
  daemon.on('console', (params) => {
    const { base64 } = params as ConsoleOutput;
    // a terminal that takes no more for now (Ctrl-S) must not fill our memory
    if (unwritten === 0) daemon.pause();
    unwritten++;
    const bytes = Uint8Array.fromBase64(base64);
    midLine = bytes.length === 0 ? midLine : bytes.at(-1) !== NEWLINE;
    written = terminal.write(bytes).then(() => {
      unwritten--;
      if (unwritten === 0) daemon.resume();
    });
  });
  daemon.on('consoleEnd', (params) => {
    if ((params as ConsoleEnd).domid === domid) leave();
  });
  await daemon.call('consoleOpen', { domid, number });
  const interactive = terminal.size() !== undefined;
  const cleanUps = [
    terminal.onInput((bytes) => {
      const at = bytes.indexOf(LEAVE);
      const typed = at < 0 ? bytes : bytes.subarray(0, at);
      for (let from = 0; from < typed.length; from += PIECE) {
        daemon.call('consoleInput', { domid, number, base64: typed.slice(from, from + PIECE).toBase64() }).catch(leave);
      }
      if (at >= 0) leave();
    }),
  ];
  if (interactive) {
    terminal.setRaw(true);
    cleanUps.push(() => terminal.setRaw(false));
  } else cleanUps.push(host.onInterrupt(leave));
  try {
    await opened();
    await left;
    await written;
  } finally {
    // what comes next, the operator's shell or a message of ours, begins a line of its own
    if (interactive && midLine) await terminal.write(Uint8Array.of(RETURN, NEWLINE));
    for (const cleanUp of cleanUps) cleanUp();
  }
}
