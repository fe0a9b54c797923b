# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a captured root holds: names of files, never everything that is there.

uevent is not among them: where it takes the device lock, reading it blocks behind a stuck driver.
"""

# Files of PCI functions and of what hangs below them. Reading these never blocks.
ATTRIBUTES = {
    # PCI
    "vendor", "device", "subsystem_vendor", "subsystem_device", "class", "revision", "modalias",
    "resource", "numa_node", "boot_vga", "reset_method", "power_state", "current_link_speed",
    "current_link_width", "max_link_speed", "max_link_width", "sriov_totalvfs", "sriov_offset",
    "sriov_stride", "sriov_vf_device", "sriov_drivers_autoprobe", "d3cold_allowed",
    "serial_number",
    # s390
    "function_id", "function_handle", "pchid", "pfgid", "pft", "port", "vfn", "uid",
    "uid_is_unique", "mio_enabled",
    # network
    "address", "addr_assign_type", "addr_len", "flags", "operstate", "ifindex", "iflink",
    "dev_port", "type", "dormant",
    # block, nvme
    "serial", "model", "state", "firmware_rev", "subsysnqn", "transport", "cntlid", "dev", "size",
    "hidden", "ro", "removable", "nsid", "wwid", "partition", "start",
    # usb, display, groups, modules, slots
    "idVendor", "idProduct", "product", "manufacturer", "bInterfaceClass", "bInterfaceProtocol",
    "status", "enabled", "name", "reserved_regions", "initstate", "power", "lockdown",
    # interrupts
    "chip_name",
}
# These take the device lock: behind a driver that hangs, the reader hangs.
LOCKED = {"driver_override", "sriov_numvfs"}
# Shown as present, without content.
WRITE_ONLY = {"remove", "rescan", "reset", "bind", "unbind", "new_id", "remove_id", "drivers_probe"}
BINARY = {"config", "util_string"}
# An empty one says something.
MAY_BE_EMPTY = {"reserved_regions", "swaps"}

# Where to look; the walk stays below and follows no link.
TREES = ["sys/devices/pci*", "sys/devices/virtual/*", "sys/kernel/iommu_groups", "sys/kernel/irq", "sys/bus/pci",
         "sys/module/*", "sys/class/*", "sys/block", "sys/dev", "sys/bus/*/devices"]
# Directories that hold nothing of interest and much of it.
SKIP_DIRECTORIES = {"power", "msi_irqs", "queues", "mq", "statistics", "sections", "notes",
                    "pci_bus", "ptp", "rtc", "leds", "mdio_bus", "hwmon", "trace", "bdi"}
# Links that lead out of what is captured, or say nothing new.
SKIP_LINKS = {"firmware_node", "bdi", "of_node", "phydev", "iommu", "msi"}

VIRTUAL = {"block", "net", "nvme-subsystem", "vfio", "iommu", "graphics", "drm", "vtconsole"}
CLASSES = {"net", "block", "nvme", "nvme-subsystem", "iommu", "vfio", "vfio-dev", "drm", "graphics",
           "vtconsole", "scsi_host", "sound", "infiniband"}
BUSES = {"pci", "usb", "virtio", "scsi", "nvme-subsystem"}

FILES = ["proc/cmdline", "proc/self/mountinfo", "proc/1/mountinfo", "proc/swaps", "proc/modules", "proc/iomem",
         "proc/sys/kernel/osrelease", "proc/sys/kernel/random/boot_id",
         "sys/kernel/security/lockdown", "sys/bus/pci/drivers_autoprobe"]
# Present or not is all that is asked of them.
PRESENT = ["sys/firmware/acpi/tables/DMAR", "sys/firmware/acpi/tables/IVRS",
           "sys/firmware/acpi/tables/IORT"]
# Lines of /proc/iomem: memory that the firmware's framebuffer keeps.
FRAMEBUFFERS = ("BOOTFB", "efifb", "simplefb", "vesafb", "simple-framebuffer", "efi-framebuffer")
CPUINFO = ("vendor_id", "model name", "CPU implementer", "processor 0")
# Modules that always matter; the drivers' own come with the drivers.
MODULES = {"vfio", "vfio_pci", "vfio_pci_core", "vfio_iommu_type1", "vfio_virqfd", "iommufd",
           "mlx5_vfio_pci", "virtio_vfio_pci", "pci_stub"}
