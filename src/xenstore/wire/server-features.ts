import { XENSTORE_SERVER_FEATURE_ERROR, XENSTORE_SERVER_FEATURE_RECONNECTION } from '../../spec/xen/io/xs-wire.ts';

/** WATCH takes a depth. @see xen/include/public/io/xs_wire.h (newer than 4.17) */
const XENSTORE_SERVER_FEATURE_WATCHDEPTH = 4;
/** Permissions may name DOMID_ANY. @see xen/include/public/io/xs_wire.h (newer than 4.17) */
const XENSTORE_SERVER_FEATURE_DOMID_ANY = 8;

/** What this store tells its guests that it can do. */
export const SERVER_FEATURES =
  XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR | XENSTORE_SERVER_FEATURE_WATCHDEPTH | XENSTORE_SERVER_FEATURE_DOMID_ANY;
