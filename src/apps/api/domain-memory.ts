import type { PagingState } from '../../machine/page-walk.ts';
import type { GuestView } from '../../toolstack/guest-view/guest-view.ts';
import { GuestMemoryError } from './errors.ts';

/** A guest-physical or virtual address, in bytes. */
export type Address = number | bigint;

/** Bytes read at once. Stops: a slip in a length taking all of the host's memory. */
const READ_LIMIT = 1 << 30;

/** @internal Domain 0's way to a domain; `look` runs inside a turn, with the page tables of that vCPU. */
export type LookAtMemory = <T>(vcpu: number | undefined, look: (view: GuestView, paging: PagingState) => T) => Promise<T>;

/**
 * A domain's memory. Each call reads or writes everything at one instant: no guest instruction runs meanwhile. Translated
 * code that a write changes is translated again. Rights of pages are not looked at. Throws GuestMemoryError.
 */
export class DomainMemory {
  private readonly look: LookAtMemory;

  /** @internal */
  constructor(look: LookAtMemory) {
    this.look = look;
  }

  /** Bytes at a guest-physical address. */
  async read(address: Address, length: number): Promise<Uint8Array> {
    const at = checked(address, length);
    return await this.look(undefined, (view) => whole(view.readPhysical(at, length), at, length, 'physical'));
  }

  /** Write at a guest-physical address; when it fails, what is before the missing page was written. */
  async write(address: Address, bytes: Uint8Array): Promise<void> {
    const at = checked(address, bytes.length);
    await this.look(undefined, (view) => written(view.writePhysical(at, bytes), at, bytes.length, 'physical'));
  }

  /** Bytes at a virtual address, as a vCPU (0 if not given) sees it. */
  async readVirtual(address: Address, length: number, vcpu = 0): Promise<Uint8Array> {
    const at = checked(address, length);
    return await this.look(vcpu, (view, paging) => whole(view.read(paging, at, length), at, length, 'virtual'));
  }

  /** Write at a virtual address, as `write`. */
  async writeVirtual(address: Address, bytes: Uint8Array, vcpu = 0): Promise<void> {
    const at = checked(address, bytes.length);
    await this.look(vcpu, (view, paging) => written(view.write(paging, at, bytes), at, bytes.length, 'virtual'));
  }
}

function checked(address: Address, length: number): bigint {
  if (typeof address === 'number' && !Number.isSafeInteger(address))
    throw new RangeError(`address ${address}: a whole number is needed; give large ones as bigint`);
  const at = BigInt(address);
  if (BigInt.asUintN(64, at) !== at) throw new RangeError(`address ${at}: 0 to 2^64-1 is needed`);
  if (!Number.isInteger(length) || length < 0 || length > READ_LIMIT) throw new RangeError(`length ${length}: a whole number up to ${READ_LIMIT} is needed`);
  return at;
}

const missing = (at: bigint, space: 'physical' | 'virtual'): GuestMemoryError =>
  new GuestMemoryError(`the guest has no memory at ${space} address 0x${at.toString(16)}`, at, space);

function whole(bytes: Uint8Array, at: bigint, length: number, space: 'physical' | 'virtual'): Uint8Array {
  if (bytes.length < length) throw missing(at + BigInt(bytes.length), space);
  return bytes;
}

function written(done: number, at: bigint, length: number, space: 'physical' | 'virtual'): void {
  if (done < length) throw missing(at + BigInt(done), space);
}
