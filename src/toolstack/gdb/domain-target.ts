import { present } from '../../base/assert.ts';
import { HypercallError } from '../../hypervisor/dom0/kernel.ts';
import { ZENDO_DOMCTL_breakpoints, zendo_domctl_breakpoints } from '../../hypervisor/hypercalls/domctl/breakpoints.ts';
import * as D from '../../spec/xen/domctl.ts';
import { hvm_hw_cpu } from '../../spec/xen/hvm/save.ts';
import { VIRQ_DEBUGGER } from '../../spec/xen/xen.ts';
import { GuestView } from '../guest-view/guest-view.ts';
import { type CpuValues, pagingOf, readCpuRecords, withoutXsave } from '../xc/cpu-records.ts';
import type { Xc } from '../xc/xc.ts';

/** Bytes written by one hypercall. */
const WRITE_AT_ONCE = 65536;

/** What a paused domain stopped for. */
export interface StopEvent {
  readonly vcpu: number;
  /** 1 a step, 3 a breakpoint. */
  readonly event: number;
}

/** Memory by virtual address, in bytes. */
export interface WatchedMemory {
  readonly address: bigint;
  readonly length: number;
}

/** A domain as its debugger sees it, by the hypercalls that gdbsx uses on Xen. Everything inside turns. */
export class DomainTarget {
  readonly domid: number;
  private readonly xc: Xc;
  /** This debugger's own pause of the domain. */
  private held = false;
  private attached = false;
  /** Event channel that says that a vCPU stopped. */
  private readonly port: number;

  /** `onEvent` runs when something stopped; ask `stopped` then. */
  constructor(xc: Xc, domid: number, onEvent: () => void) {
    this.xc = xc;
    this.domid = domid;
    this.port = xc.kernel.bindVirq(VIRQ_DEBUGGER, onEvent);
  }

  /** Let the domain go and leave nothing behind. */
  close(): void {
    this.detach();
    this.xc.kernel.close(this.port);
  }

  /** Take hold of the domain and pause it. */
  attach(): void {
    if (!this.attached) this.xc.domctl('XEN_DOMCTL_setdebugging', D.XEN_DOMCTL_setdebugging, this.domid, D.xen_domctl_setdebugging, { enable: 1 });
    this.attached = true;
    this.pause();
  }

  /** Let go: breakpoints are forgotten and the domain runs. */
  detach(): void {
    this.pause();
    if (this.attached) this.xc.domctl('XEN_DOMCTL_setdebugging', D.XEN_DOMCTL_setdebugging, this.domid, D.xen_domctl_setdebugging, { enable: 0 });
    this.attached = false;
    this.resume();
  }

  pause(): void {
    if (this.held) return;
    this.xc.pause(this.domid);
    this.held = true;
  }

  /** Let the domain run; with `step`, until that vCPU did one instruction, the others standing still. */
  resume(step?: number): void {
    for (const vcpu of this.vcpus()) {
      const op = vcpu === step ? D.XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON : D.XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF;
      this.xc.domctl('XEN_DOMCTL_debug_op', D.XEN_DOMCTL_debug_op, this.domid, D.xen_domctl_debug_op, { op, vcpu });
      const still = step !== undefined && vcpu !== step;
      if (still !== this.still.has(vcpu)) this.pauseVcpu(vcpu, still);
    }
    if (!this.held) return;
    this.held = false;
    this.xc.unpause(this.domid);
  }

  private readonly still = new Set<number>();

  private pauseVcpu(vcpu: number, still: boolean): void {
    const [name, cmd] = still
      ? (['XEN_DOMCTL_gdbsx_pausevcpu', D.XEN_DOMCTL_gdbsx_pausevcpu] as const)
      : (['XEN_DOMCTL_gdbsx_unpausevcpu', D.XEN_DOMCTL_gdbsx_unpausevcpu] as const);
    this.xc.domctl(name, cmd, this.domid, D.xen_domctl_gdbsx_pauseunp_vcpu, { vcpu });
    if (still) this.still.add(vcpu);
    else this.still.delete(vcpu);
  }

  /** Has the domain stopped by itself? Then it is held. */
  stopped(): StopEvent | undefined {
    const { out } = this.xc.domctl('XEN_DOMCTL_gdbsx_domstatus', D.XEN_DOMCTL_gdbsx_domstatus, this.domid, D.xen_domctl_gdbsx_domstatus, {});
    if (out.paused === 0 || out.vcpu_ev === 0) return undefined;
    // The hypervisor paused it once for the event; one pause is enough.
    if (this.held) this.xc.unpause(this.domid);
    this.held = true;
    return { vcpu: out.vcpu_id, event: out.vcpu_ev };
  }

  /** Ids of its vCPUs that have registers. */
  vcpus(): number[] {
    return readCpuRecords(this.xc.getHvmContext(this.domid)).map(({ vcpu }) => vcpu);
  }

  /** A vCPU's registers. */
  registers(vcpu: number): CpuValues {
    return present(
      readCpuRecords(this.xc.getHvmContext(this.domid)).find((record) => record.vcpu === vcpu),
      `registers of vCPU ${vcpu}`,
    ).values;
  }

  /** Change a vCPU's registers, as `change` does in the record. */
  changeRegisters(vcpu: number, change: (values: CpuValues) => void): void {
    const records = withoutXsave(this.xc.getHvmContext(this.domid));
    const record = present(
      readCpuRecords(records).find((each) => each.vcpu === vcpu),
      `registers of vCPU ${vcpu}`,
    );
    change(record.values);
    hvm_hw_cpu.write(new DataView(records.buffer, records.byteOffset, records.length), record.offset, record.values);
    this.xc.setHvmContext(this.domid, records);
  }

  /** Memory by virtual address of a vCPU, as far as it is mapped. */
  read(vcpu: number, va: bigint, length: number): Uint8Array {
    const paging = pagingOf(this.registers(vcpu));
    const view = new GuestView(this.xc.kernel, this.domid);
    const bytes = view.read(paging, va, length).slice();
    view.close();
    return bytes;
  }

  /** Write memory by virtual address of vCPU 0; false when part of it is not mapped (what is before it was written). */
  write(va: bigint, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      const piece = bytes.subarray(done, done + WRITE_AT_ONCE);
      const remain = this.xc.kernel.withMemory(piece.length, (uva) => {
        this.xc.kernel.copyIn(uva, piece);
        return this.xc.domctl('XEN_DOMCTL_gdbsx_guestmemio', D.XEN_DOMCTL_gdbsx_guestmemio, this.domid, D.xen_domctl_gdbsx_memio, {
          pgd3val: 0n,
          gva: va + BigInt(done),
          uva: BigInt(uva),
          len: piece.length,
          gwr: 1,
          remain: piece.length,
        }).out.remain;
      });
      if (remain !== 0) return false;
      done += piece.length;
    }
    return true;
  }

  /** The addresses at which vCPUs stop, and memory whose change stops them. */
  setBreakpoints(addresses: readonly bigint[], watched: readonly WatchedMemory[]): void {
    const words = BigUint64Array.from([...addresses, ...watched.flatMap(({ address, length }) => [address, BigInt(length)])]);
    this.xc.kernel.withMemory(words.byteLength + 8, (gpa) => {
      this.xc.kernel.copyIn(gpa, new Uint8Array(words.buffer));
      this.xc.domctl('ZENDO_DOMCTL_breakpoints', ZENDO_DOMCTL_breakpoints, this.domid, zendo_domctl_breakpoints, {
        count: addresses.length,
        nr_ranges: watched.length,
        addresses: gpa,
        ranges: gpa + addresses.length * 8,
      });
    });
  }

  /** Did a hypercall fail because the domain is gone or refused it? Others are errors of ours. */
  static refused(error: unknown): boolean {
    return error instanceof HypercallError;
  }
}
