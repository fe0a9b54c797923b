# SPDX-License-Identifier: LGPL-2.1-or-later
"""What no kernel shows but somebody might hand over for one: nothing in it may crash, block or escape.

What stands outside of the root has the IDs c0de:c0de: they must never be seen.
"""

import os
from pathlib import Path

from archive import unpack
from build import Tree

OUTSIDE = "c0de"
EVIL = b"evil\x1b[31m\xff\n\xc2\x9b2J\xe2\x80\xae"
DEVICES = "sys/devices/pci0000:00"


def _bytes(root, path):
    return os.path.join(os.fsencode(root), path if isinstance(path, bytes) else os.fsencode(path))


def _write(root, path, data=b""):
    full = _bytes(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if os.path.lexists(full):
        os.unlink(full)
    with open(full, "wb") as f:
        f.write(data)


def _link(root, path, target):
    full = _bytes(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if os.path.lexists(full):
        os.unlink(full)
    os.symlink(target, full)


def _fifo(root, path):
    full = _bytes(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if os.path.lexists(full):
        os.unlink(full)
    os.mkfifo(full)


def _long(root, path, size):
    """Zeros that take no space on the disk."""
    _write(root, path)
    os.truncate(_bytes(root, path), size)


def _sane():
    t = Tree("hostile")
    t.iommu()
    t.driver("nvme", "nvme")
    t.modules()
    for i in range(1, 13):
        t.function(f"pci0000:00/0000:00:{i:02x}.0", "1b36:0010", "010802", i, "nvme", "1af4:1100",
                   reset_method="flr")
    return t


def _names(root):
    """Control characters, bytes that are no UTF-8, a letter that turns the text around."""
    function = f"{DEVICES}/0000:00:01.0"
    _link(root, f"{function}/driver", b"../../../bus/pci/drivers/" + EVIL)
    _write(root, b"sys/bus/pci/drivers/" + EVIL + b"/bind")
    _write(root, os.fsencode(f"{function}/net/") + EVIL + b"/flags", b"0x1003\n")
    _link(root, b"sys/class/net/" + EVIL, os.fsencode(f"../../devices/pci0000:00/0000:00:01.0/net/")
          + EVIL)
    _write(root, f"{function}/reset_method", b"flr \x1b]0;title\x07 \xc3\x28 bus\n")
    _write(root, f"{function}/nvme/nvme0/serial", b"\x1b[2J\xfe\xff" + b"S" * 9000 + b"\n")
    _write(root, f"{function}/power_state", b"D0\r\x00D3\n")
    _write(root, b"sys/bus/pci/slots/" + EVIL + b"/power", b"0\n")
    _write(root, "sys/bus/pci/slots/0000beef/power", b"\x1b[31m\n")
    _write(root, "sys/kernel/iommu_groups/1/reserved_regions", b"0x0 0x1 \x1b[31mdirect\n\xff\n")


def _not_addresses(root):
    for name in (b"0000:00:00.8", b"0000:00:20.0", b"0000:zz:00.0", b"..:..:...", b"0000:00:0A.0",
                 b"00000:00:01.0", b"0000:00:01.0 ", b"ffffffffff:00:00.0", b"-1:00:00.0", EVIL,
                 b"0" * 255):
        _link(root, b"sys/bus/pci/devices/" + name, "../../../devices/pci0000:00/0000:00:01.0")


def _circles(root):
    _link(root, "sys/bus/pci/devices/0000:00:0e.0", "0000:00:0e.0")
    _link(root, "sys/bus/pci/devices/0000:00:0f.0", "0000:00:10.0")
    _link(root, "sys/bus/pci/devices/0000:00:10.0", "0000:00:0f.0")
    function = f"{DEVICES}/0000:00:02.0"
    _link(root, f"{function}/driver", "driver")
    _link(root, f"{function}/iommu_group", "iommu_group")
    _link(root, f"{function}/physfn", "../0000:00:02.0")
    _link(root, f"{function}/virtfn0", "../0000:00:02.0")
    _link(root, f"{function}/vendor", "device")
    _link(root, f"{function}/device", "vendor")
    _link(root, f"{function}/modalias", "modalias")
    _link(root, "sys/class/block/dm-0", "../../devices/virtual/block/dm-0")
    _link(root, "sys/class/block/dm-1", "../../devices/virtual/block/dm-1")
    _link(root, "sys/devices/virtual/block/dm-0/slaves/dm-1", "../../dm-1")
    _link(root, "sys/devices/virtual/block/dm-1/slaves/dm-0", "../../dm-0")


def _ways_out(root, outside):
    for name in ("vendor", "device", "subsystem_vendor", "subsystem_device", "driver_override"):
        _write(outside, name, f"0x{OUTSIDE}\n".encode())
    _write(outside, "modalias", b"pci:v0000C0DEd0000C0DEsv0000C0DEsd0000C0DEbc02sc00i00\n")
    _write(outside, "hwdb.bin", b"not for you")
    _link(root, "sys/bus/pci/devices/0000:00:11.0", str(outside))
    up = "../" * 40
    _link(root, "sys/bus/pci/devices/0000:00:12.0", up + str(outside)[1:])
    function = f"{DEVICES}/0000:00:03.0"
    for name in ("modalias", "vendor", "subsystem_vendor"):
        _link(root, f"{function}/{name}", str(outside / name))
    _link(root, f"{function}/device", f"{up}{str(outside)[1:]}/device")
    _link(root, f"{function}/driver", str(outside))
    _link(root, f"{function}/driver_override", str(outside / "driver_override"))
    _link(root, f"{function}/net", "/sys/class/net")
    _link(root, f"{function}/config", "/dev/zero")
    _link(root, "sys/kernel/iommu_groups/3/reserved_regions", "/etc/passwd")
    _link(root, "proc/cmdline", "/proc/self/environ")


def _wrong_kinds(root):
    """FIFOs, which would block who opens them, and directories where files should be."""
    function = f"{DEVICES}/0000:00:04.0"
    for name in ("modalias", "vendor", "class", "revision", "numa_node", "resource", "reset_method",
                 "config", "driver_override", "power_state", "serial_number"):
        _fifo(root, f"{function}/{name}")
    _fifo(root, "proc/swaps")
    _fifo(root, "sys/kernel/security/lockdown")
    _fifo(root, "sys/class/net/eth9")
    function = f"{DEVICES}/0000:00:05.0"
    for name in ("modalias", "class", "numa_node", "resource", "reset_method", "config"):
        if os.path.exists(_bytes(root, f"{function}/{name}")):
            os.unlink(_bytes(root, f"{function}/{name}"))
        os.makedirs(_bytes(root, f"{function}/{name}/x"))
    _write(root, f"{function}/driver")
    _write(root, f"{function}/iommu_group")


def _wrong_sizes(root):
    function = f"{DEVICES}/0000:00:06.0"
    for name in ("modalias", "vendor", "class", "resource", "reset_method", "config", "power_state"):
        _long(root, f"{function}/{name}", 1 << 32)
    _long(root, "sys/kernel/iommu_groups/6/reserved_regions", 1 << 32)
    _write(root, f"{DEVICES}/0000:00:07.0/reset_method", b"flr " * 100000)
    _write(root, f"{DEVICES}/0000:00:07.0/resource", b"0x1 0x2 0x3\n" * 100000)
    _write(root, "sys/kernel/iommu_groups/7/reserved_regions", b"0x1 0x2 msi\n" * 100000)
    _write(root, "proc/self/mountinfo", b"1 1 8:1 / /" + b"x" * (1 << 22) + b" rw - ext4 /dev/x rw\n"
           + b"36 35 99999999999:-1 / \\0 \\777 - - -\n" + b"short\n" + b" " * 100000)
    _long(root, "sys/module/vfio_pci/parameters/ids", 1 << 32)


def _wrong_values(root):
    function = f"{DEVICES}/0000:00:08.0"
    for name, text in (("modalias", b"pci:v0000808"), ("vendor", b"0x123456789abcdef01"),
                       ("device", b"-1"), ("class", b"0xzz"), ("revision", b""),
                       ("numa_node", b"banana"), ("resource", b"0x2 0x1 0x200\nx\n" + b"f" * 60),
                       ("current_link_width", b"1e9"), ("sriov_totalvfs", b"99999999999999999999"),
                       ("boot_vga", b"\xff"), ("config", b"\x86"), ("driver_override", b"")):
        _write(root, f"{function}/{name}", text)
    _link(root, f"{function}/iommu_group", "../../../kernel/iommu_groups/99999999999999999999")
    _link(root, f"{function}/physfn", "../none")
    function = f"{DEVICES}/0000:00:09.0"
    _link(root, f"{function}/iommu_group", "../../../kernel/iommu_groups/many")
    _link(root, f"{function}/physfn", "../0000:00:0a.0")
    _link(root, f"{DEVICES}/0000:00:0a.0/physfn", "../0000:00:09.0")


def _nothing(root):
    os.makedirs(_bytes(root, f"{DEVICES}/0000:00:0d.0"))
    _link(root, "sys/bus/pci/devices/0000:00:0d.0", "../../../devices/pci0000:00/0000:00:0d.0")
    _link(root, "sys/bus/pci/devices/0000:00:13.0", "../../../devices/pci0000:00/0000:00:13.0")


def build(root):
    """Below root; what is outside of it stands beside."""
    outside = Path(root).parent / "outside"
    unpack(_sane(), root)
    _names(root)
    _not_addresses(root)
    _circles(root)
    _ways_out(root, outside)
    _wrong_kinds(root)
    _wrong_sizes(root)
    _wrong_values(root)
    _nothing(root)
