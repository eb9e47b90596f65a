/**
 * The ACPI tables of a PVH domain: enough for a kernel to find its processors and to know that there are no legacy
 * devices. @see ACPI 5.0, section 5.2; boot behaviour of libxl's PVH domains
 */
import { type ApicEntry, dsdt, localApics, madtEntries } from './processors.ts';

/** Bytes at a guest-physical address. */
export interface AcpiTable {
  readonly gpa: number;
  readonly bytes: Uint8Array;
}

export interface AcpiTables {
  /** Guest-physical address of the RSDP. */
  readonly rsdp: number;
  readonly tables: readonly AcpiTable[];
  /** End of the region used, in bytes, rounded up to a page. */
  readonly end: number;
}

const PAGE = 4096;
const HEADER = 36;
const RSDP_SIZE = 36;
const FACS_SIZE = 64;
/** FADT of revision 5. */
const FADT_SIZE = 268;
const LAPIC_BASE = 0xfee00000;
/** PM1a registers: the tables must name some, no device answers there. */
const PM1A_EVENT = 0xb000;
const PM1A_CONTROL = 0xb004;
const SCI_INTERRUPT = 9;

/**
 * Build the tables for `vcpus` processors from guest-physical address `base` (page aligned) on.
 * `rsdpAt` puts the RSDP elsewhere (an old kernel looks for it below 1 MiB only).
 */
export function buildAcpiTables(vcpus: number, base: number, rsdpAt?: number): AcpiTables {
  let next = base + (rsdpAt === undefined ? 64 : 0);
  const tables: AcpiTable[] = [];
  const place = (bytes: Uint8Array): number => {
    const gpa = Math.ceil(next / 64) * 64;
    tables.push({ gpa, bytes });
    next = gpa + bytes.length;
    return gpa;
  };
  const apics: readonly ApicEntry[] = localApics(vcpus);
  const facs = place(buildFacs());
  const dsdtAt = place(withHeader('DSDT', 2, Uint8Array.from(dsdt(apics))));
  const fadt = place(buildFadt(dsdtAt, facs));
  const madt = place(buildMadt(apics));
  const rsdt = place(withHeader('RSDT', 1, words(4, [fadt, madt])));
  const xsdt = place(withHeader('XSDT', 1, words(8, [fadt, madt])));
  const rsdp = rsdpAt ?? base;
  tables.push({ gpa: rsdp, bytes: buildRsdp(rsdt, xsdt) });
  return { rsdp, tables, end: Math.ceil(next / PAGE) * PAGE };
}

function words(size: 4 | 8, values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(size * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(i * size, value, true);
  return bytes;
}

function putText(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

/** Make the bytes `from..to` sum to zero by the byte at `at`. */
function putChecksum(bytes: Uint8Array, at: number, from: number, to: number): void {
  bytes[at] = 0;
  let sum = 0;
  for (let i = from; i < to; i++) sum += bytes[i]!;
  bytes[at] = -sum;
}

/** A table: the common header, then `body`. */
function withHeader(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + body.length);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, signature);
  view.setUint32(4, bytes.length, true);
  bytes[8] = revision;
  putText(bytes, 10, 'Xen');
  putText(bytes, 16, 'HVM');
  putText(bytes, 28, 'ZNDO');
  view.setUint32(32, 1, true);
  bytes.set(body, HEADER);
  putChecksum(bytes, 9, 0, bytes.length);
  return bytes;
}

/** @see ACPI 5.0, 5.2.5.3 */
function buildRsdp(rsdt: number, xsdt: number): Uint8Array {
  const bytes = new Uint8Array(RSDP_SIZE);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, 'RSD PTR ');
  putText(bytes, 9, 'Xen');
  bytes[15] = 2;
  view.setUint32(16, rsdt, true);
  view.setUint32(20, RSDP_SIZE, true);
  view.setUint32(24, xsdt, true);
  putChecksum(bytes, 8, 0, 20);
  putChecksum(bytes, 32, 0, RSDP_SIZE);
  return bytes;
}

/** Firmware control structure: no header of the common kind, no checksum. @see ACPI 5.0, 5.2.10 */
function buildFacs(): Uint8Array {
  const bytes = new Uint8Array(FACS_SIZE);
  putText(bytes, 0, 'FACS');
  new DataView(bytes.buffer).setUint32(4, FACS_SIZE, true);
  bytes[32] = 2;
  return bytes;
}

/** Fixed description table. Offsets are those of ACPI 5.0, table 5-34, less the header. */
function buildFadt(dsdtAt: number, facs: number): Uint8Array {
  const body = new Uint8Array(FADT_SIZE - HEADER);
  const view = new DataView(body.buffer);
  const u32 = (offset: number, value: number): void => view.setUint32(offset - HEADER, value, true);
  const u16 = (offset: number, value: number): void => view.setUint16(offset - HEADER, value, true);
  const u8 = (offset: number, value: number): void => view.setUint8(offset - HEADER, value);
  /** A generic address in I/O space. */
  const ioRegister = (offset: number, bits: number, accessSize: number, address: number): void => {
    u8(offset, 1);
    u8(offset + 1, bits);
    u8(offset + 3, accessSize);
    u32(offset + 4, address);
  };
  u32(36, facs);
  u32(40, dsdtAt);
  u16(46, SCI_INTERRUPT);
  u32(56, PM1A_EVENT);
  u32(64, PM1A_CONTROL);
  u8(88, 4);
  u8(89, 2);
  // No C2 and C3: latencies above 100 and 1000 microseconds say so.
  u16(96, 0x0fff);
  u16(98, 0x0fff);
  // IAPC_BOOT_ARCH: no VGA (bit 2), no CMOS clock (bit 5); without bits 0 and 1 no legacy devices and no 8042.
  u16(109, (1 << 2) | (1 << 5));
  // WBINVD works (0), C1 works (2), no fixed power button (4) nor sleep button (5), no fixed RTC wake (6).
  u32(112, (1 << 0) | (1 << 2) | (1 << 4) | (1 << 5) | (1 << 6));
  u32(132, facs);
  u32(140, dsdtAt);
  ioRegister(148, 32, 2, PM1A_EVENT);
  ioRegister(172, 16, 2, PM1A_CONTROL);
  return withHeader('FACP', 5, body);
}

/** @see ACPI 5.0, 5.2.12 */
function buildMadt(apics: readonly ApicEntry[]): Uint8Array {
  const entries = madtEntries(apics);
  const body = new Uint8Array(8 + entries.length);
  // Flags stay zero: there is no pair of 8259s.
  new DataView(body.buffer).setUint32(0, LAPIC_BASE, true);
  body.set(entries, 8);
  return withHeader('APIC', 3, body);
}
