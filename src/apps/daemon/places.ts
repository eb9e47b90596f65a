/** Files in the daemon's directory. */
export const places = (directory: string) => ({
  /** The toolstack's socket. */
  socket: `${directory}/zendo.sock`,
  /** xenstored's socket, for XENSTORED_PATH. */
  store: `${directory}/xenstored.sock`,
  /** Hypercalls and foreign mappings for processes that are programs of domain 0 (privcmd-session.ts). */
  privcmd: `${directory}/privcmd.sock`,
  /** A domain's console, as bytes. */
  console: (domid: number) => `${directory}/console-${domid}.sock`,
  lock: `${directory}/lock`,
  log: `${directory}/daemon.log`,
  records: `${directory}/domains.json`,
});

/** What outlives the daemon and the machine it runs on, in the state directory. */
export const keptPlaces = (directory: string) => ({
  /** Logs of consoles: guest-NAME.log. */
  consoles: `${directory}/console`,
  /** Cores of domains that crashed with on_crash = "coredump-...". */
  dumps: `${directory}/dump`,
  /** Configurations (*.cfg) of domains that are started with the daemon. */
  auto: `${directory}/auto`,
});
export type KeptPlaces = ReturnType<typeof keptPlaces>;
