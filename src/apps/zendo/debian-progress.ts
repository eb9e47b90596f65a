/** A step of fetching Debian's files, as the cache reports it. */
interface Step {
  readonly step: string;
  readonly what: string;
  readonly bytes?: number;
  readonly total?: number;
}

const VERBS: Readonly<Record<string, string>> = {
  resolve: 'asking apt for',
  update: 'updating the lists of apt for',
  download: 'downloading',
  verify: 'verifying',
  unpack: 'unpacking',
};

const MIB = 1 << 20;

/** Show slow steps as lines; on a terminal, downloads count up in place. Cached files say nothing. */
export function debianProgress(message: (line: string) => void, terminal: boolean): (progress: Step) => void {
  let last = '';
  /** MiB of the download whose line is still counting; it may end without a report of its last bytes. */
  let counting: string | undefined;
  const count = (what: string, done: string, all: string): void => void process.stderr.write(`\rzendo: downloading ${what}: ${done} of ${all} MiB`);
  return ({ step, what, bytes, total }) => {
    const verb = VERBS[step];
    if (verb === undefined) return;
    if (step === 'download' && bytes !== undefined && total !== undefined) {
      const all = (total / MIB).toFixed(1);
      if (terminal) {
        count(what, (bytes / MIB).toFixed(1), all);
        counting = all;
      } else if (last !== what) message(`zendo: downloading ${what} (${all} MiB)`);
      last = what;
      return;
    }
    if (counting !== undefined) {
      count(last, counting, counting);
      process.stderr.write('\n');
      counting = undefined;
    }
    message(`zendo: ${verb} ${what}`);
  };
}
