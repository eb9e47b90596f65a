import type { Terminal } from '../../base/ports/terminal.ts';

/** The process's own stdin and stdout. */
export function processTerminal(): Terminal {
  const { stdin, stdout } = process;
  return {
    write: (bytes) =>
      new Promise((resolve) => {
        // A reader that went away (EPIPE) is no error of ours: what is left is dropped.
        if (stdout.destroyed) resolve();
        else if (stdout.write(bytes, () => {})) resolve();
        else stdout.once('drain', resolve);
      }),
    onInput(listener) {
      const on = (chunk: Buffer): void => listener(new Uint8Array(chunk));
      stdin.on('data', on);
      return () => {
        stdin.off('data', on);
        stdin.pause();
      };
    },
    onEnd(listener) {
      stdin.on('end', listener);
      return () => stdin.off('end', listener);
    },
    size: () => (stdout.isTTY ? { columns: stdout.columns, rows: stdout.rows } : undefined),
    setRaw(raw) {
      if (stdin.isTTY) stdin.setRawMode(raw);
    },
  };
}
