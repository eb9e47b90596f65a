import type { XsdError } from '../spec/xen/io/xs-wire.ts';

/** The store refused a client's request. */
export class XenstoreError extends Error {
  override readonly name = 'XenstoreError';
  readonly errno: XsdError;

  /** `what`: the request, for people. */
  constructor(errno: XsdError, what: string) {
    super(`xenstore: ${what}: ${errno}`);
    this.errno = errno;
  }
}
