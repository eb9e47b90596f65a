import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

const below = (base: string | undefined, otherwise: string): string => join(base?.startsWith('/') === true ? base : join(homedir(), otherwise), 'zendo');

/** Our folder for what can be made again. @see XDG Base Directory Specification */
export const cacheFolder = (environment: Environment = process.env): string => below(environment['XDG_CACHE_HOME'], '.cache');

/** Our folder for what is to last but belongs to this machine. */
export const stateFolder = (environment: Environment = process.env): string => below(environment['XDG_STATE_HOME'], '.local/state');
