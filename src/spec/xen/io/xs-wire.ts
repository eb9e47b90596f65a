/**
 * The xenstore wire protocol, and the page by which a domain speaks it.
 * @see xen/include/public/io/xs_wire.h
 */
import { bytes, struct, u32 } from '../../../base/struct.ts';

/** Message types (xsd_sockmsg_type). XS_DEBUG is an old name of XS_CONTROL. */
export const XS_CONTROL = 0;
export const XS_DEBUG = 0;
export const XS_DIRECTORY = 1;
export const XS_READ = 2;
export const XS_GET_PERMS = 3;
export const XS_WATCH = 4;
export const XS_UNWATCH = 5;
export const XS_TRANSACTION_START = 6;
export const XS_TRANSACTION_END = 7;
export const XS_INTRODUCE = 8;
export const XS_RELEASE = 9;
export const XS_GET_DOMAIN_PATH = 10;
export const XS_WRITE = 11;
export const XS_MKDIR = 12;
export const XS_RM = 13;
export const XS_SET_PERMS = 14;
export const XS_WATCH_EVENT = 15;
export const XS_ERROR = 16;
export const XS_IS_DOMAIN_INTRODUCED = 17;
export const XS_RESUME = 18;
export const XS_SET_TARGET = 19;
export const XS_RESET_WATCHES = 21;
export const XS_DIRECTORY_PART = 22;
/** Number of valid types (20 is a hole). */
export const XS_TYPE_COUNT = 23;
/** Guaranteed never to be a valid type. */
export const XS_INVALID = 0xffff;

/** Old forms of XS_WRITE's flags. */
export const XS_WRITE_NONE = 'NONE';
export const XS_WRITE_CREATE = 'CREATE';
export const XS_WRITE_CREATE_EXCL = 'CREATE|EXCL';

/** Which NUL-terminated string of an XS_WATCH_EVENT is which. */
export const XS_WATCH_PATH = 0;
export const XS_WATCH_TOKEN = 1;

/** Header of every message, before `len` bytes of payload. */
export const xsd_sockmsg = struct('xsd_sockmsg', {
  /** XS_*. */
  type: u32,
  /** Chosen by the caller, echoed in the answer. */
  req_id: u32,
  /** Transaction, 0 outside one. */
  tx_id: u32,
  /** Bytes of payload, at most XENSTORE_PAYLOAD_MAX. */
  len: u32,
});

/** Errors that XS_ERROR may carry, by name, in the order of the header's table. */
export const XSD_ERRORS = [
  'EINVAL',
  'EACCES',
  'EEXIST',
  'EISDIR',
  'ENOENT',
  'ENOMEM',
  'ENOSPC',
  'EIO',
  'ENOTEMPTY',
  'ENOSYS',
  'EROFS',
  'EBUSY',
  'EAGAIN',
  'EISCONN',
  'E2BIG',
  'EPERM',
] as const;
export type XsdError = (typeof XSD_ERRORS)[number];

/** Bytes of each ring; indexes run freely and are masked with this minus one. */
export const XENSTORE_RING_SIZE = 1024;

/** The xenstore page of a domain. */
export const xenstore_domain_interface = struct('xenstore_domain_interface', {
  /** Requests. Written by the guest. */
  req: bytes(XENSTORE_RING_SIZE),
  /** Answers and watch events. Written by the daemon. */
  rsp: bytes(XENSTORE_RING_SIZE),
  /** Written by the daemon. */
  req_cons: u32,
  /** Written by the guest. */
  req_prod: u32,
  /** Written by the guest. */
  rsp_cons: u32,
  /** Written by the daemon. */
  rsp_prod: u32,
  /** XENSTORE_SERVER_FEATURE_*. Written by the daemon. */
  server_features: u32,
  /** XENSTORE_CONNECTED or _RECONNECT; the guest asks, the daemon (or the toolstack before the start) clears. */
  connection: u32,
  /** XENSTORE_ERROR_*. Written by the daemon. */
  error: u32,
});

/** Limits in bytes: breaking the first ends the connection, the others give an error. */
export const XENSTORE_PAYLOAD_MAX = 4096;
export const XENSTORE_ABS_PATH_MAX = 3072;
export const XENSTORE_REL_PATH_MAX = 2048;
export const XENSTORE_SERVER_FEATURE_RECONNECTION = 1;
export const XENSTORE_SERVER_FEATURE_ERROR = 2;
export const XENSTORE_CONNECTED = 0;
export const XENSTORE_RECONNECT = 1;
export const XENSTORE_ERROR_NONE = 0;
export const XENSTORE_ERROR_COMM = 1;
export const XENSTORE_ERROR_RINGIDX = 2;
export const XENSTORE_ERROR_PROTO = 3;
