import { OperatorError, type OperatorErrorParts } from '../../base/operator-error.ts';
import type { XsdError } from '../../spec/xen/io/xs-wire.ts';
import type { DomainEnd } from './domain-end.ts';

/** What every error of the API is: `message` says what went wrong, what was found and what to do; its parts are there, too. */
export class ZendoError extends OperatorError {
  override readonly name: string = 'ZendoError';
}

/** An option is wrong, or a file cannot be read or started. `cause` is the error underneath. */
export class ConfigurationError extends ZendoError {
  override readonly name = 'ConfigurationError';
}

/** Something did not happen in time. Waiting for a console, `details` are its last lines. */
export class TimeoutError extends ZendoError {
  override readonly name = 'TimeoutError';
}

/** The domain ended while something was waited for that it can no longer do. */
export class DomainEndedError extends ZendoError {
  override readonly name = 'DomainEndedError';
  readonly end: DomainEnd;
  constructor(message: string, end: DomainEnd, parts: OperatorErrorParts = {}) {
    super(message, parts);
    this.end = end;
  }
}

/** The domain was destroyed before: there is nothing to act on. */
export class DomainGoneError extends ZendoError {
  override readonly name = 'DomainGoneError';
}

/** The machine was closed, or its thread died. */
export class MachineClosedError extends ZendoError {
  override readonly name = 'MachineClosedError';
}

/** The guest has no memory at an address. */
export class GuestMemoryError extends ZendoError {
  override readonly name = 'GuestMemoryError';
  /** The first address where nothing is. */
  readonly address: bigint;
  readonly space: 'physical' | 'virtual';
  constructor(message: string, address: bigint, space: 'physical' | 'virtual') {
    super(message, { hint: space === 'virtual' ? 'The address is looked up in the page tables that the vCPU uses at this moment.' : undefined });
    this.address = address;
    this.space = space;
  }
}

/** xenstored refused a request; `errno` is the protocol's name of the reason. */
export class XenstoreRequestError extends ZendoError {
  override readonly name = 'XenstoreRequestError';
  readonly errno: XsdError;
  constructor(message: string, errno: XsdError, cause: unknown) {
    super(message, { cause });
    this.errno = errno;
  }
}
