# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees like /sys, put together from known facts, for hosts that nobody could capture."""

import posixpath

from archive import Archive

MSI = "0x00000000fee00000 0x00000000feefffff msi"
NO_RESOURCE = "0x0000000000000000 0x0000000000000000 0x0000000000000000"
KINDS = {"mem": 0x40200, "mem64": 0x140204, "pref64": 0x14220c, "io": 0x40101}


class Tree(Archive):
    """An Archive with a bus, drivers and groups, linked as the kernel does."""

    def __init__(self, comment, release="6.1.0-18-amd64", machine="intel"):
        super().__init__()
        self.comment = comment
        for name in ("devices", "drivers", "slots"):
            self.directory(f"sys/bus/pci/{name}")
        self.line("proc/sys/kernel/osrelease", release)
        self.line("proc/cmdline", "root=/dev/mapper/root ro quiet intel_iommu=on")
        self.line("proc/cpuinfo", {"intel": "vendor_id\t: GenuineIntel",
                                   "arm64": "CPU implementer\t: 0x41"}[machine])
        self.file("proc/self/mountinfo", "23 1 0:21 / /sys rw,relatime - sysfs sysfs rw\n")
        self.file("proc/swaps", "Filename Type Size Used Priority\n")
        self.line("sys/kernel/security/lockdown", "[none] integrity confidentiality")
        self.release = release

    def line(self, path, text):
        self.file(path, f"{text}\n")

    def to(self, path, target):
        """A link that leads from path to target, relative."""
        self.link(path, posixpath.relpath(target, posixpath.dirname(path)))

    def iommu(self, unit="dmar0"):
        self.directory(f"sys/devices/virtual/iommu/{unit}")
        self.to(f"sys/class/iommu/{unit}", f"sys/devices/virtual/iommu/{unit}")

    def driver(self, name, module=None):
        base = f"sys/bus/pci/drivers/{name}"
        for f in ("bind", "unbind", "new_id", "remove_id"):
            self.write_only(f"{base}/{f}")
        if module:
            self.line(f"sys/module/{module}/initstate", "live")
            self.to(f"{base}/module", f"sys/module/{module}")

    def modules(self, alias=(), dep=()):
        base = f"lib/modules/{self.release}"
        self.file(f"{base}/modules.alias", "".join(f"alias {a}\n" for a in alias))
        self.file(f"{base}/modules.dep", "".join(f"{d}\n" for d in dep))
        self.file(f"{base}/modules.softdep", "")

    def function(self, place, ids, device_class, group=None, driver=None, card="0000:0000", rev="00",
                 bars=(), numa=None, **files):
        """place: below sys/devices, the last part is the address. bars: (start, size, kind) or None."""
        address, path = posixpath.basename(place), f"sys/devices/{place}"
        (vendor, device), (subvendor, subdevice) = ids.split(":"), card.split(":")
        values = {"vendor": "0x" + vendor, "device": "0x" + device,
                  "subsystem_vendor": "0x" + subvendor, "subsystem_device": "0x" + subdevice,
                  "class": "0x" + device_class, "revision": "0x" + rev,
                  "numa_node": "-1" if numa is None else str(numa), "driver_override": "(null)",
                  "power_state": "D0", **files}
        values["modalias"] = "pci:v{:08X}d{:08X}sv{:08X}sd{:08X}bc{}sc{}i{}".format(
            *(int(x, 16) for x in (vendor, device, subvendor, subdevice)),
            *(device_class[i:i + 2].upper() for i in (0, 2, 4)))
        values["resource"] = "\n".join(
            [self._bar(b) for b in bars] + [NO_RESOURCE] * (13 - len(bars)))
        for name, text in values.items():
            self.line(f"{path}/{name}", text)
        self.to(f"sys/bus/pci/devices/{address}", path)
        if driver:
            self.to(f"{path}/driver", f"sys/bus/pci/drivers/{driver}")
            self.to(f"sys/bus/pci/drivers/{driver}/{address}", path)
        if group is not None:
            base = f"sys/kernel/iommu_groups/{group}"
            self.line(f"{base}/reserved_regions", MSI)
            self.line(f"{base}/type", "DMA-FQ")
            self.to(f"{path}/iommu_group", base)
            self.to(f"{base}/devices/{address}", path)
        return path

    @staticmethod
    def _bar(bar):
        if not bar:
            return NO_RESOURCE
        start, size, kind = bar
        return f"0x{start:016x} 0x{start + size - 1:016x} 0x{KINDS[kind]:016x}"

    def net(self, function, name, mac, up=False):
        path = f"{function}/net/{name}"
        self.line(f"{path}/address", mac)
        self.line(f"{path}/addr_assign_type", "0")
        self.line(f"{path}/flags", "0x1003" if up else "0x1002")
        self.line(f"{path}/operstate", "up" if up else "down")
        self.to(f"sys/class/net/{name}", path)

    def block(self, path, number, parent=None):
        name = posixpath.basename(path)
        self.line(f"{path}/dev", number)
        if parent:
            self.line(f"{path}/partition", "1")
        self.to(f"sys/class/block/{name}", path)
        self.to(f"sys/dev/block/{number}", path)

    def nvme(self, function, number, serial, minor, partitions=0):
        """A controller with one namespace. Returns the path of its disk."""
        base = f"{function}/nvme/nvme{number}"
        self.line(f"{base}/serial", serial)
        self.line(f"{base}/state", "live")
        self.line(f"{base}/transport", "pcie")
        self.to(f"sys/class/nvme/nvme{number}", base)
        disk = f"{base}/nvme{number}n1"
        self.block(disk, f"259:{minor}")
        for i in range(1, partitions + 1):
            self.block(f"{disk}/nvme{number}n1p{i}", f"259:{minor + i}", disk)
        return disk

    def mount(self, number, point, source, kind="ext4"):
        path = "proc/self/mountinfo"
        text = self.text(path)
        ident = 40 + text.count("\n")
        self.file(path, f"{text}{ident} 1 {number} / {point} rw,relatime - {kind} {source} rw\n")

    def config(self, function, header_type=0, gone=False):
        """The start of the configuration space, which everybody may read."""
        data = b"\xff" * 64 if gone else bytes(14) + bytes([header_type]) + bytes(49)
        self.file(f"{function}/config", data)

    def node(self, path, number, subsystem, char=True):
        """A kernel device with a node; path is below the function."""
        self.line(f"{path}/dev", number)
        self.to(f"{path}/subsystem", f"sys/class/{subsystem}")
        self.to(f"sys/dev/{'char' if char else 'block'}/{number}", path)

    def process(self, pid, name, parent=1, files=(), mnt="4026531841", net="4026531840", cmdline=""):
        """Who runs; files: what is open, as the links in /proc/PID/fd say it."""
        base = f"proc/{pid}"
        self.line(f"{base}/stat", f"{pid} ({name}) S {parent} {pid} {pid} 0 -1 4194560 " + "0 " * 43 + "0")
        self.line(f"{base}/comm", name)
        self.file(f"{base}/cmdline", "".join(f"{word}\0" for word in (cmdline or name).split()))
        self.link(f"{base}/ns/mnt", f"mnt:[{mnt}]")
        self.link(f"{base}/ns/net", f"net:[{net}]")
        self.directory(f"{base}/fd")
        for number, target in enumerate(("/dev/null", *files)):
            self.link(f"{base}/fd/{number}", target)

    def udev(self, number, **values):
        """What udev found on a block device."""
        self.file(f"run/udev/data/b{number}", "".join(f"E:{k}={v}\n" for k, v in values.items()))

    def mapped(self, name, number, lower, title):
        """A device-mapper device on top of others."""
        path = f"sys/devices/virtual/block/{name}"
        self.block(path, number)
        self.line(f"{path}/dm/name", title)
        for below in lower:
            disk = self.entries[f"sys/class/block/{below}"].target
            self.to(f"{path}/slaves/{below}", posixpath.normpath(f"sys/class/block/{disk}"))
            self.to(f"{posixpath.normpath(f'sys/class/block/{disk}')}/holders/{name}", path)
        return path
