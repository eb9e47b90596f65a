/**
 * Branded numbers: plain numbers at run time, kept apart by the compiler. A brand is given where a raw number has been
 * checked (`DomId(raw)`) and is lost in arithmetic, on purpose.
 */

declare const brand: unique symbol;
/** A number that means one thing only. */
export type Brand<Name extends string> = number & { readonly [brand]: Name };

/** Domain id, 0..0x7fff (0x7ff0 and above are reserved names such as DOMID_SELF). */
export type DomId = Brand<'DomId'>;
/** Virtual CPU number inside one domain. */
export type VcpuId = Brand<'VcpuId'>;
/** Guest frame number: guest-physical address / 4096. */
export type Gfn = Brand<'Gfn'>;
/** Machine frame number: index of a 4 KiB page in the `frames` memory. */
export type Mfn = Brand<'Mfn'>;
/** Byte offset into the `frames` memory (machine address). */
export type Maddr = Brand<'Maddr'>;
/** Guest virtual address: a bigint, because canonical kernel addresses do not fit a double. */
export type GuestVa = bigint & { readonly [brand]: 'GuestVa' };
/** Event channel port of one domain; 0 is never a valid port. */
export type EvtchnPort = Brand<'EvtchnPort'>;
/** Index into a domain's grant table. */
export type GrantRef = Brand<'GrantRef'>;
/** Time or duration in nanoseconds; exact up to 2^53 ns = 104 days. */
export type Nanoseconds = Brand<'Nanoseconds'>;

export const DomId = (raw: number): DomId => raw as DomId;
export const VcpuId = (raw: number): VcpuId => raw as VcpuId;
export const Gfn = (raw: number): Gfn => raw as Gfn;
export const Mfn = (raw: number): Mfn => raw as Mfn;
export const Maddr = (raw: number): Maddr => raw as Maddr;
export const GuestVa = (raw: bigint): GuestVa => raw as GuestVa;
export const EvtchnPort = (raw: number): EvtchnPort => raw as EvtchnPort;
export const GrantRef = (raw: number): GrantRef => raw as GrantRef;
export const Nanoseconds = (raw: number): Nanoseconds => raw as Nanoseconds;
