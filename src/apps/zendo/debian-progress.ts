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
  return ({ step, what, bytes, total }) => {
    const verb = VERBS[step];
    if (verb === undefined) return;
    if (step === 'download' && bytes !== undefined && total !== undefined) {
      if (terminal)
        process.stderr.write(`\rzendo: downloading ${what}: ${(bytes / MIB).toFixed(1)} of ${(total / MIB).toFixed(1)} MiB${bytes >= total ? '\n' : ''}`);
      else if (last !== what) message(`zendo: downloading ${what} (${(total / MIB).toFixed(1)} MiB)`);
      last = what;
      return;
    }
    message(`zendo: ${verb} ${what}`);
  };
}
