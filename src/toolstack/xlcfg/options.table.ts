/**
 * Every option name that xl reads from a domain's configuration file, by topic: those that Zendo honours, and those it
 * knows but does not honour yet (they are warned of by name). Names that stand in neither list are no options of xl's.
 * @see docs/man/xl.cfg.5.pod.in; tools/xl/xl_parse.c
 */
const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** Honoured. */
export const HONOURED: ReadonlySet<string> = new Set(
  words(
    'name uuid type builder vcpus maxvcpus memory maxmem kernel ramdisk cmdline root extra on_poweroff on_reboot on_watchdog on_crash on_soft_reset channel',
  ),
);

/** Known, without effect so far. */
export const NOT_YET: ReadonlySet<string> = new Set([
  ...words('seclabel init_seclabel'),
  ...words('cpus cpus_soft pool cpu_weight cap period slice latency extratime cpuid nestedhvm vpmu vmtrace_buf_kb mca_caps msr_relaxed'),
  ...words('shadow_memory vnuma mmio_hole rdm rdm_mem_boundary oos hap altp2m altp2mhvm altp2m_count llc_colors claim_mode'),
  ...words('bootloader bootloader_args bootloader_restrict bootloader_user firmware firmware_override bios bios_path_override boot'),
  ...words('pvshim pvshim_path pvshim_cmdline pvshim_extra'),
  ...words('max_grant_frames max_maptrack_frames max_grant_version max_event_channels nomigrate driver_domain'),
  ...words('xenstore_feature_mask xenstore_quota xend_suspend_evtchn_compat'),
  ...words('disk vif vif2 vtpm p9 pvcalls vfb usbctrl usbdev pci pci_permissive pci_msitranslate pci_seize pci_power_mgmt gfx_passthru'),
  ...words('passthrough dtdev ioports iomem irqs device_tree vdispl vsnd vkb virtio hdtype serial soundhw vkb_device usb usbversion usbdevice vendor_device'),
  ...words('device_model_version device_model_override device_model device_model_args device_model_args_pv device_model_args_hvm device_model_user'),
  ...words('dm_restrict stubdomain_kernel stubdomain_cmdline stubdomain_ramdisk stubdomain_memory device_model_stubdomain_override'),
  ...words('device_model_stubdomain_seclabel'),
  ...words('pae acpi acpi_s3 acpi_s4 acpi_laptop_slate apic nx hpet acpi_firmware smbios_firmware smbios ms_vm_genid xen_platform_pci'),
  ...words('xen_platform_pci_bar_uc viridian hvm_pirq tsc_mode localtime rtc_timeoffset vpt_align timer_mode'),
  ...words('videoram stdvga vga vnc vnclisten vncdisplay vncunused vncpasswd vncviewer keymap sdl opengl nographic display xauthority'),
  ...words('spice spicehost spiceport spicetls_port spicedisable_ticketing spicepasswd spiceagent_mouse spicevdagent spice_clipboard_sharing'),
  ...words('spiceusbredirection spice_image_compression spice_streaming_video e820_host'),
  ...words('gic_version vuart sve nr_spis trap_unmapped_accesses tee arm_sci'),
]);
