import { XENSTORE_ABS_PATH_MAX } from '../../spec/xen/io/xs-wire.ts';

/** Where a domain's own nodes live, and what its relative paths are relative to. */
export function domainPath(domid: number): string {
  return `/local/domain/${domid}`;
}

/** The path a connection means: absolute and special (@) ones as they are, others below `base`. */
export function canonicalPath(given: string, base: string): string {
  return given.startsWith('/') || given.startsWith('@') ? given : `${base}/${given}`;
}

/**
 * Whether `path` can name a node: absolute, no empty part, only `A-Z a-z 0-9 - / _ @`, not too long.
 * `max`: bytes allowed (the quota path-max); the prefix /local/domain/<domid>/ is not counted.
 */
export function isNodePath(path: string, max: number): boolean {
  if (path.length > XENSTORE_ABS_PATH_MAX) return false;
  const own = /^\/local\/domain\/[0-9]{1,5}\//.exec(path)?.[0].length ?? 0;
  if (path.length > own + max) return false;
  if (path === '/') return true;
  return path.startsWith('/') && !path.endsWith('/') && !path.includes('//') && /^[A-Za-z0-9\-/_@]*$/.test(path);
}

/** The parent of an absolute path; '/' is its own parent. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** The last part of an absolute path. */
export function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function childPath(parent: string, name: string): string {
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}

/** Whether `path` is `top` or lies below it, at most `depth` levels (undefined: any number). */
export function isWithin(path: string, top: string, depth?: number): boolean {
  if (path === top) return true;
  const prefix = top === '/' ? '/' : `${top}/`;
  if (!path.startsWith(prefix)) return false;
  if (depth === undefined) return true;
  let levels = 1;
  for (let at = path.indexOf('/', prefix.length); at !== -1; at = path.indexOf('/', at + 1)) levels++;
  return levels <= depth;
}
