import { isWithin } from '../tree/path.ts';

/** A watch of one connection. */
export interface Watch {
  /** Absolute, or special (@...). */
  readonly path: string;
  readonly token: string;
  /** Characters to cut off an event's path: those of the base, when the watch was given as a relative path. */
  readonly cut: number;
  /** Levels below `path` that count; undefined: all of them. */
  readonly depth: number | undefined;
}

/** How an event finds its watches. */
export type Match =
  /** Watches on that path and above it. */
  | 'subtree'
  /** Watches on that very path. */
  | 'exact'
  /** Special events: watches on that name without a depth. */
  | 'special'
  /** Special events about one domain: watches on that name, or one level above it with a depth. */
  | 'special-domain';

/** Whether a watch hears of an event at `path`. */
export function hears(watch: Watch, path: string, match: Match): boolean {
  switch (match) {
    case 'subtree':
      return isWithin(path, watch.path, watch.depth);
    case 'exact':
      return path === watch.path;
    case 'special':
      return path === watch.path && watch.depth === undefined;
    case 'special-domain':
      return path === watch.path || (watch.depth !== undefined && watch.depth > 0 && isWithin(path, watch.path, watch.depth));
  }
}

/** The path that an event tells: the watch's own form of it. */
export function toldPath(watch: Watch, path: string): string {
  return path.slice(watch.cut);
}

/** What a watch is found by. Tokens and paths hold no NUL. */
export function watchKey(path: string, token: string): string {
  return `${path}\0${token}`;
}

/** Bytes that a watch counts for its domain. */
export function watchSize(watch: Watch): number {
  return watch.path.length + watch.token.length;
}
