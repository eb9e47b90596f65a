/**
 * physdev_op: physical devices and interrupts; a PVH domU meets only their refusals.
 * @see xen/include/public/physdev.h
 */
import { array, domid, guestHandle, s32, struct, u8, u16, u32, u64, u64n, union } from '../../base/struct.ts';

/** physdev_op sub-operations. */
export const PHYSDEVOP_eoi = 12;
export const PHYSDEVOP_pirq_eoi_gmfn_v1 = 17;
export const PHYSDEVOP_pirq_eoi_gmfn_v2 = 28;
export const PHYSDEVOP_irq_status_query = 5;
export const PHYSDEVOP_set_iopl = 6;
export const PHYSDEVOP_set_iobitmap = 7;
export const PHYSDEVOP_apic_read = 8;
export const PHYSDEVOP_apic_write = 9;
export const PHYSDEVOP_alloc_irq_vector = 10;
export const PHYSDEVOP_free_irq_vector = 11;
export const PHYSDEVOP_map_pirq = 13;
export const PHYSDEVOP_unmap_pirq = 14;
export const PHYSDEVOP_manage_pci_add = 15;
export const PHYSDEVOP_manage_pci_remove = 16;
export const PHYSDEVOP_restore_msi = 19;
export const PHYSDEVOP_manage_pci_add_ext = 20;
export const PHYSDEVOP_setup_gsi = 21;
export const PHYSDEVOP_get_free_pirq = 23;
export const PHYSDEVOP_pci_mmcfg_reserved = 24;
export const PHYSDEVOP_pci_device_add = 25;
export const PHYSDEVOP_pci_device_remove = 26;
export const PHYSDEVOP_restore_msi_ext = 27;
export const PHYSDEVOP_prepare_msix = 30;
export const PHYSDEVOP_release_msix = 31;
export const PHYSDEVOP_dbgp_op = 29;
export const PHYSDEVOP_pirq_eoi_gmfn = 28;

export const physdev_eoi = struct('physdev_eoi', { irq: u32 });
export const physdev_pirq_eoi_gmfn = struct('physdev_pirq_eoi_gmfn', { gmfn: u64n });
/** In: irq. Out: XENIRQSTAT_*. */
export const physdev_irq_status_query = struct('physdev_irq_status_query', { irq: u32, flags: u32 });
export const XENIRQSTAT_needs_eoi = 1;
export const XENIRQSTAT_shared = 2;
export const physdev_set_iopl = struct('physdev_set_iopl', { iopl: u32 });
export const physdev_set_iobitmap = struct('physdev_set_iobitmap', { bitmap: guestHandle, nr_ports: u32 });
/** In: base and register; value in or out. */
export const physdev_apic = struct('physdev_apic', { apic_physbase: u64, reg: u32, value: u32 });
export const physdev_irq = struct('physdev_irq', { irq: u32, vector: u32 });

/** In: all but pirq when it is negative; out: pirq (and entry_nr for multi-MSI). */
export const physdev_map_pirq = struct('physdev_map_pirq', {
  domid,
  type: s32,
  index: s32,
  pirq: s32,
  bus: s32,
  devfn: s32,
  entry_nr: s32,
  table_base: u64,
});
export const MAP_PIRQ_TYPE_MSI = 0;
export const MAP_PIRQ_TYPE_GSI = 1;
export const MAP_PIRQ_TYPE_UNKNOWN = 2;
export const MAP_PIRQ_TYPE_MSI_SEG = 3;
export const MAP_PIRQ_TYPE_MULTI_MSI = 4;
export const physdev_unmap_pirq = struct('physdev_unmap_pirq', { domid, pirq: s32 });

export const physdev_manage_pci = struct('physdev_manage_pci', { bus: u8, devfn: u8 });
export const physdev_restore_msi = struct('physdev_restore_msi', { bus: u8, devfn: u8 });
export const physdev_manage_pci_ext = struct('physdev_manage_pci_ext', {
  bus: u8,
  devfn: u8,
  is_extfn: u32,
  is_virtfn: u32,
  physfn: struct({ bus: u8, devfn: u8 }),
});

/** Argument of physdev_op_compat (hypercall 19). */
export const physdev_op = struct('physdev_op', {
  cmd: u32,
  u: union({
    irq_status_query: physdev_irq_status_query,
    set_iopl: physdev_set_iopl,
    set_iobitmap: physdev_set_iobitmap,
    apic_op: physdev_apic,
    irq_op: physdev_irq,
  }),
});

export const physdev_setup_gsi = struct('physdev_setup_gsi', { gsi: s32, triggering: u8, polarity: u8 });
/** In: type. Out: pirq. */
export const physdev_get_free_pirq = struct('physdev_get_free_pirq', { type: s32, pirq: u32 });

export const physdev_pci_mmcfg_reserved = struct('physdev_pci_mmcfg_reserved', {
  address: u64,
  segment: u16,
  start_bus: u8,
  end_bus: u8,
  flags: u32,
});
export const XEN_PCI_MMCFG_RESERVED = 1;
export const XEN_PCI_DEV_EXTFN = 1;
export const XEN_PCI_DEV_VIRTFN = 2;
export const XEN_PCI_DEV_PXM = 4;

export const physdev_pci_device_add = struct('physdev_pci_device_add', {
  seg: u16,
  bus: u8,
  devfn: u8,
  flags: u32,
  physfn: struct({ bus: u8, devfn: u8 }),
  /** [0] is the proximity domain when XEN_PCI_DEV_PXM is set. */
  optarr: array(u32, 0),
});
export const physdev_pci_device = struct('physdev_pci_device', { seg: u16, bus: u8, devfn: u8 });

export const physdev_dbgp_op = struct('physdev_dbgp_op', { op: u8, bus: u8, u: union({ pci: physdev_pci_device }) });
export const PHYSDEVOP_DBGP_RESET_PREPARE = 1;
export const PHYSDEVOP_DBGP_RESET_DONE = 2;
export const PHYSDEVOP_DBGP_BUS_UNKNOWN = 0;
export const PHYSDEVOP_DBGP_BUS_PCI = 1;
