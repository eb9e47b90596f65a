/** Files in the daemon's directory. */
export const places = (directory: string) => ({
  /** The toolstack's socket. */
  socket: `${directory}/zendo.sock`,
  /** xenstored's socket, for XENSTORED_PATH. */
  store: `${directory}/xenstored.sock`,
  /** Hypercalls and foreign mappings for processes that are programs of domain 0 (privcmd-session.ts). */
  privcmd: `${directory}/privcmd.sock`,
  lock: `${directory}/lock`,
  log: `${directory}/daemon.log`,
  records: `${directory}/domains.json`,
});
