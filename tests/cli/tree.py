# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small tree like /sys, for --sysroot."""

import os

BRIDGE = "0000:00:1c.0"
NVME = "0000:01:00.0"       # plugged into the bridge
NIC, TWIN = "0000:02:00.0", "0000:02:00.1"  # one card, one group
SPARE = "0000:03:00.0"      # no driver


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def link(path, target):
    """A relative link, as the kernel makes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))


def function(root, place, ids, device_class, group, driver=None):
    sys = root / "sys"
    address = place.rsplit("/", 1)[-1]
    path = sys / "devices/pci0000:00" / place
    vendor, device = ids.split(":")
    write(path / "vendor", "0x" + vendor)
    write(path / "device", "0x" + device)
    write(path / "subsystem_vendor", "0x1af4")
    write(path / "subsystem_device", "0x1100")
    write(path / "class", "0x" + device_class)
    write(path / "revision", "0x02")
    write(path / "numa_node", "-1")
    write(path / "driver_override", "(null)")
    write(path / "modalias", f"pci:v0000{vendor}d0000{device}sv00001AF4sd00001100".upper()
          .replace("PCI:V", "pci:v").replace("D0000", "d0000", 1).replace("SV0", "sv0")
          .replace("SD0", "sd0") + "bc{}sc{}i{}".format(*(device_class[i:i + 2] for i in (0, 2, 4))))
    (sys / "bus/pci/devices").mkdir(parents=True, exist_ok=True)
    (sys / "bus/pci/devices" / address).symlink_to(f"../../../devices/pci0000:00/{place}")
    groups = sys / "kernel/iommu_groups" / str(group)
    link(path / "iommu_group", groups)
    link(groups / "devices" / address, path)
    write(groups / "reserved_regions", "0x00000000fee00000 0x00000000feefffff msi")
    write(groups / "type", "DMA")
    if driver:
        link(path / "driver", sys / "bus/pci/drivers" / driver)
        link(sys / "bus/pci/drivers" / driver / address, path)
    return path


def make(root):
    function(root, BRIDGE, "8086:9d10", "060400", 3, "pcieport")
    function(root, f"{BRIDGE}/{NVME}", "1b36:0010", "010802", 7, "nvme")
    nic = function(root, NIC, "8086:10c9", "020000", 8, "igb")
    write(nic / "net/eth0/operstate", "down")
    write(nic / "net/eth0/flags", "0x1002")
    link(root / "sys/class/net/eth0", nic / "net/eth0")
    function(root, TWIN, "8086:10c9", "020000", 8, "igb")
    function(root, SPARE, "1b36:0100", "030000", 9)
    write(root / "sys/bus/pci/drivers/vfio-pci/bind", "")
    write(root / "sys/bus/pci/drivers/vfio-pci/new_id", "")
    write(root / "sys/class/iommu/dmar0/uevent", "")
    write(root / "proc/mounts", "")
    return root
