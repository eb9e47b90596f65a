/** Access bits. The owner bit is what SET_PERMS needs. */
export const ACCESS_READ = 1;
export const ACCESS_WRITE = 2;
export const ACCESS_OWNER = 4;
const ACCESS_ALL = ACCESS_READ | ACCESS_WRITE | ACCESS_OWNER;

/** Stands for every domain. @see xen/include/public/xen.h, DOMID_ANY (newer than 4.17) */
export const DOMID_ANY = 0x7ff5;

/** One entry of a node's permissions. */
export interface Permission {
  readonly domid: number;
  /** ACCESS_READ | ACCESS_WRITE. In the first entry: what all domains without an entry may do. */
  readonly access: number;
  /** The domain was gone when this was written, or has gone since: a new domain of that number must not inherit it. */
  readonly stale?: boolean;
}

/** A node's permissions. The first entry names the owner, who may always do everything. */
export type Permissions = readonly [Permission, ...Permission[]];

/** Who asks. */
export interface Subject {
  readonly domid: number;
  /** Domain 0 and the tools' socket: permissions do not bind them. */
  readonly privileged: boolean;
  /** The domain it may act for (SET_TARGET). */
  readonly target: number | undefined;
}

/** Owned by domain 0, nothing for the others. */
export const PERMISSIONS_OF_DOMAIN_0: Permissions = [{ domid: 0, access: 0 }];

/** What a subject may do: the first entry that names it decides, else the default in the owner's entry. */
export function accessOf(subject: Subject, permissions: Permissions): number {
  const names = (entry: Permission): boolean =>
    entry.domid === subject.domid || (subject.target !== undefined && entry.domid === subject.target) || entry.domid === DOMID_ANY;
  const owner = permissions[0];
  if (subject.privileged || (owner.domid !== DOMID_ANY && names(owner))) return ACCESS_ALL;
  for (let i = 1; i < permissions.length; i++) {
    const entry = permissions[i] as Permission;
    if (entry.stale !== true && names(entry)) return entry.access;
  }
  return owner.access;
}

const LETTERS = ['n', 'r', 'w', 'b'] as const;

/** An entry as it stands on the wire: a letter (n none, r read, w write, b both) and the domain id. */
export function formatPermission(entry: Permission): string {
  return `${LETTERS[entry.access]}${entry.domid}`;
}

/** An entry from the wire; undefined when it is none. The number is decimal, or C's 0x and 0 forms, as strtol takes them. */
export function parsePermission(text: string): Permission | undefined {
  const access = LETTERS.indexOf(text.charAt(0) as (typeof LETTERS)[number]);
  if (access === -1 || text.length === 0) return undefined;
  const number = text.slice(1);
  let domid: number;
  if (/^0[xX][0-9a-fA-F]{1,8}$/.test(number)) domid = Number(number);
  else if (/^0[0-7]{1,11}$/.test(number)) domid = Number.parseInt(number, 8);
  else if (/^[+-]?(0|[1-9][0-9]{0,9})$/.test(number)) domid = Number(number);
  else return undefined;
  return { domid: domid | 0, access };
}

/** The same permissions with entries of a gone domain marked; the very same object when there is none. The owner's entry stays. */
export function withoutDomain(permissions: Permissions, domid: number): Permissions {
  if (!permissions.some((entry, index) => index > 0 && entry.domid === domid && entry.stale !== true)) return permissions;
  const [owner, ...others] = permissions;
  return [owner, ...others.map((entry) => (entry.domid === domid ? { ...entry, stale: true } : entry))];
}
