# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which hardware a guest has. Data only: qemu.py turns it into a command line.

A line-up is a Lineup of QEMU arguments by name; {dir} in one stands for the guest's own scratch
directory. NICs carry romfile= because there is no iPXE in the packages used. The addresses in the comments
are what the guest shows; slots are fixed by addr= so that they stay when a device is added.
"""

from dataclasses import dataclass


DISK_SIZE = 128 << 20


@dataclass(frozen=True)
class Lineup:
    arch: str
    # For the banner of the interactive guest, a line each.
    about: tuple
    devices: tuple
    memory: str = "768M"
    append: str = ""
    # "" leaves the virtual IOMMU out altogether.
    iommu: str = "intel-iommu,intremap=on,caching-mode=on"
    vga: bool = False
    # PCI functions that the guest is expected to show, for the rig's own tests.
    functions: int = 0


def _drive(ident):
    # qemu.py makes an empty sparse file of DISK_SIZE for each {dir}/….img and removes it at the end.
    return ("-drive", f"if=none,id={ident},format=raw,cache=unsafe,file={{dir}}/{ident}.img")


def _device(text):
    return ("-device", text)


def _port(ident, chassis, slot, function=0, multi=False):
    extra = ",multifunction=on" if multi else ""
    return _device(f"pcie-root-port,id={ident},chassis={chassis},slot={chassis},"
                   f"addr={slot:#x}.{function}{extra}")


def _flat(*parts):
    out = []
    for p in parts:
        out += p
    return tuple(out)


def _sriov_nvme(bus, vfs, serial="SRIOV", subsys="sub0", queues=2, ident="pf0"):
    """An NVMe controller that can have VFs; QEMU wants queue and interrupt pools to match."""
    return _flat(
        _device(f"nvme-subsys,id={subsys}"),
        _device(f"nvme,subsys={subsys},serial={serial},bus={bus},id={ident},sriov_max_vfs={vfs},"
                f"sriov_vq_flexible={vfs * queues},sriov_vi_flexible={vfs},"
                f"max_ioqpairs={vfs * queues + 2},msix_qsize={vfs + 2}"))


# 00:00.0 host bridge, 00:1f.x chipset; the rest by slot:
#   01:00.0, 02:00.0  e1000e twins           03:00.0, 04:00.0  nvme twins (TWIN0, TWIN1)
#   05:00.0           nvme SR-IOV PF, 8 VFs  06:00.0           igb SR-IOV PF, 7 VFs
#   07:00.0           pcie-pci-bridge, behind it 08:01.0 and 08:02.0 e1000: one group of three
#   0a:00.0, 0a:00.1  virtio-net + virtio-rng, one function each of one device, one group
#   0b:00.0           xhci with a USB disk and a keyboard; 09 is an empty port (rp8) for hot-plug
_STANDARD = _flat(
    *(_port(f"rp{n}", n, 2 + (n - 1) // 8, (n - 1) % 8, multi=(n - 1) % 8 == 0)
      for n in range(1, 11)),
    _device("e1000e,romfile=,bus=rp1,mac=52:54:00:00:00:01,id=nic0"),
    _device("e1000e,romfile=,bus=rp2,mac=52:54:00:00:00:02,id=nic1"),
    _drive("d0"), _device("nvme,serial=TWIN0,drive=d0,bus=rp3,id=nvme0"),
    _drive("d1"), _device("nvme,serial=TWIN1,drive=d1,bus=rp4,id=nvme1"),
    _sriov_nvme("rp5", 8),
    _device("igb,romfile=,bus=rp6,mac=52:54:00:00:00:06,id=igb0"),
    _device("pcie-pci-bridge,id=br0,bus=rp7"),
    _device("e1000,romfile=,bus=br0,addr=1,mac=52:54:00:00:00:08"),
    _device("e1000,romfile=,bus=br0,addr=2,mac=52:54:00:00:00:09"),
    _device("virtio-net-pci,romfile=,bus=rp9,multifunction=on,addr=0.0,mac=52:54:00:00:00:0a,"
            "iommu_platform=on"),
    _device("virtio-rng-pci,bus=rp9,addr=0.1,iommu_platform=on"),
    _device("qemu-xhci,bus=rp10,id=xhci"),
    _drive("usb0"), _device("usb-storage,bus=xhci.0,drive=usb0"),
    _device("usb-kbd,bus=xhci.0"),
)

# The smallest one that has twins: for tests that boot a guest of their own.
_SMALL = _flat(
    _port("rp1", 1, 2, 0, multi=True), _port("rp2", 2, 2, 1), _port("rp3", 3, 2, 2),
    _device("e1000e,romfile=,bus=rp1,mac=52:54:00:00:00:01,id=nic0"),
    _device("e1000e,romfile=,bus=rp2,mac=52:54:00:00:00:02,id=nic1"),
    _drive("d0"), _device("nvme,serial=TWIN0,drive=d0,bus=rp3,id=nvme0"),
)

# A disk that can be told not to answer: "break" and "resume" of QEMU's blkdebug, see hang() in test_hangs.py.
_HANG = _flat(
    _port("rp1", 1, 2, 0, multi=True), _port("rp2", 2, 2, 1), _port("rp3", 3, 2, 2),
    _device("e1000e,romfile=,bus=rp1,mac=52:54:00:00:00:01,id=nic0"),
    _device("e1000e,romfile=,bus=rp2,mac=52:54:00:00:00:02,id=nic1"),
    ("-drive", "if=none,id=d0,format=raw,file.driver=blkdebug,file.image.driver=file,"
     "file.image.filename={dir}/d0.img"),
    _device("nvme,serial=TWIN0,drive=d0,bus=rp3,id=nvme0"),
)

# A controller with 127 VFs beside a few others: 136 functions once sriov_numvfs is 127.
_MANY = _flat(
    _port("rp1", 1, 2, 0, multi=True), _port("rp2", 2, 2, 1),
    _sriov_nvme("rp1", 127),
    _device("e1000e,romfile=,bus=rp2,mac=52:54:00:00:00:01,id=nic0"),
    _device("virtio-rng-pci,bus=pcie.0,addr=4,disable-legacy=on,iommu_platform=on"),
)


# One of each kind that a host can use, for the tests of who uses what:
#   01:00.0, 02:00.0  e1000e twins, wired to each other
#   03:00.0, 04:00.0  nvme twins (TWIN0, TWIN1)
#   05:00.0, 06:00.0  two nvme controllers of one subsystem that share a disk (multipath)
#   07:00.0           igb SR-IOV PF          0a:00.0           virtio-blk
#   08:00.0, 09:00.0  a virtio-net with stand-by and the e1000e that it stands by for (failover)
#   0b:00.0           xhci with a disk       0c:00.0           xhci with the only keyboard
#   00:10.0 VGA, 00:11.0 sound, 00:12.0 a serial port
_USERS = _flat(
    *(_port(f"rp{n}", n, 2 + (n - 1) // 8, (n - 1) % 8, multi=(n - 1) % 8 == 0)
      for n in range(1, 13)),
    ("-netdev", "hubport,hubid=1,id=wire0"), ("-netdev", "hubport,hubid=1,id=wire1"),
    _device("e1000e,romfile=,bus=rp1,mac=52:54:00:00:00:01,netdev=wire0"),
    _device("e1000e,romfile=,bus=rp2,mac=52:54:00:00:00:02,netdev=wire1"),
    _drive("d0"), _device("nvme,serial=TWIN0,drive=d0,bus=rp3"),
    _drive("d1"), _device("nvme,serial=TWIN1,drive=d1,bus=rp4"),
    _device("nvme-subsys,id=paths"),
    _device("nvme,serial=PATHS,subsys=paths,bus=rp5,id=path0"),
    _device("nvme,serial=PATHS,subsys=paths,bus=rp6,id=path1"),
    _drive("d2"), _device("nvme-ns,drive=d2,nsid=1,shared=on,bus=path0"),
    _device("igb,romfile=,bus=rp7,mac=52:54:00:00:00:06"),
    _device("virtio-net-pci,romfile=,bus=rp8,mac=52:54:00:00:00:08,failover=on,iommu_platform=on"),
    _device("e1000e,romfile=,bus=rp9,mac=52:54:00:00:00:08"),
    _drive("d3"), _device("virtio-blk-pci,drive=d3,bus=rp10,iommu_platform=on"),
    _device("qemu-xhci,bus=rp11,id=usb0"),
    _drive("d4"), _device("usb-storage,bus=usb0.0,drive=d4"),
    _device("qemu-xhci,bus=rp12,id=usb1"), _device("usb-kbd,bus=usb1.0"),
    _device("VGA,romfile=,addr=0x10"),
    # Not HDA: on a busy machine the driver finds no codecs.
    ("-audiodev", "none,id=none"), _device("ES1370,audiodev=none,addr=0x11"),
    ("-chardev", "null,id=null"), _device("pci-serial,chardev=null,addr=0x12"),
    ("-machine", "i8042=off"),
)

# Groups that come late; edu is a device that no driver of the kernel knows:
#   01:00.0 e1000e, .1 edu   02:00.0 edu   03:00.0 igb
_LATE = _flat(
    *(_port(f"rp{n}", n, 2, n - 1, multi=n == 1) for n in range(1, 4)),
    _device("e1000e,romfile=,bus=rp1,addr=0.0,multifunction=on,mac=52:54:00:00:00:01"),
    _device("edu,bus=rp1,addr=0.1"),
    _device("edu,bus=rp2"),
    _device("igb,romfile=,bus=rp3,mac=52:54:00:00:00:06"),
)


def _ports(count):
    """rp1 … from slot 2 on, eight to a slot; bus numbers are theirs as long as nothing shifts them."""
    return _flat(*(_port(f"rp{n}", n, 2 + (n - 1) // 8, (n - 1) % 8, multi=(n - 1) % 8 == 0)
                   for n in range(1, count + 1)))


# For machines with a disk of their own (machine.py adds port and disk, 00:1c.0 and the last bus):
#   01                empty: a card with a bridge there shifts all that follow
#   02:00.0, 03:00.0  nvme twins             04:00.0, 05:00.0  e1000e twins
#   06:00.0           nvme SR-IOV PF, 15 VFs 07:00.0           virtio-net
#   08:00.0           igb                    09 to 0c          empty, for hot-plug and moves
_BOOT = _flat(
    _ports(12),
    _drive("d0"), _device("nvme,serial=TWIN0,drive=d0,bus=rp2,id=nvme0"),
    _drive("d1"), _device("nvme,serial=TWIN1,drive=d1,bus=rp3,id=nvme1"),
    _device("e1000e,romfile=,bus=rp4,mac=52:54:00:00:00:01,id=nic0"),
    _device("e1000e,romfile=,bus=rp5,mac=52:54:00:00:00:02,id=nic1"),
    _sriov_nvme("rp6", 15),
    _device("virtio-net-pci,romfile=,bus=rp7,mac=52:54:00:00:00:07,id=vnet0,iommu_platform=on"),
    _device("igb,romfile=,bus=rp8,mac=52:54:00:00:00:08,id=igb0"),
)

# So many of one type that the kernel's and udev's races show: 01 is empty, 02 to 1c nvme.
_BOOT16 = _flat(
    _ports(28),
    *(_flat(_drive(f"d{n}"), _device(f"nvme,serial=DISK{n},drive=d{n},bus=rp{n + 2},id=nvme{n}"))
      for n in range(27)),
)


def _zpci(uid, fid, ident, device):
    return _flat(_device(f"zpci,uid={uid:#x},fid={fid:#x},target={ident},id=zpci-{ident}"),
                 _device(f"{device},id={ident}"))


# Every function has a domain of its own, which is its UID; the slot's name is the FID.
_S390X = _flat(
    _drive("d0"), _zpci(0x10, 0x100, "nv0", "nvme,serial=TWIN0,drive=d0"),
    _drive("d1"), _zpci(0x11, 0x101, "nv1", "nvme,serial=TWIN1,drive=d1"),
    _zpci(0x12, 0x102, "e0", "e1000e,romfile=,mac=52:54:00:00:00:01"),
    _zpci(0x13, 0x103, "e1", "e1000e,romfile=,mac=52:54:00:00:00:02"),
    _zpci(0x14, 0x104, "vnet", "virtio-net-pci,romfile=,mac=52:54:00:00:00:03,"
          "disable-legacy=on,iommu_platform=on"),
    _zpci(0x15, 0x105, "vrng", "virtio-rng-pci,disable-legacy=on,iommu_platform=on"),
)

_SMALL_ABOUT = ("two identical NICs (e1000e)", "an NVMe disk")

LINEUPS = {
    "standard": Lineup("x86_64", (
        "two identical NICs (e1000e) and two identical NVMe disks",
        "an NVMe controller with up to 8 virtual functions, a NIC (igb) with up to 7",
        "a bridge with two NICs (e1000) behind it: one IOMMU group",
        "a network and a random number device (virtio) as two functions: one IOMMU group",
        "a USB controller (xhci) with a disk and a keyboard",
    ), _STANDARD, memory="1G", functions=26),
    "small": Lineup("x86_64", _SMALL_ABOUT, _SMALL, memory="512M", functions=10),
    "hang": Lineup("x86_64", (*_SMALL_ABOUT, "which can be told not to answer"), _HANG, memory="512M",
                   append="nvme_core.io_timeout=600", functions=10),
    "vga": Lineup("x86_64", (*_SMALL_ABOUT, "the boot display (VGA)"), _SMALL, vga=True,
                  functions=11),
    "users": Lineup("x86_64", (
        "one of each kind that the host can use: NICs (e1000e, igb, virtio), NVMe disks, one of them by "
        "two ways, a virtio disk",
        "a USB controller with a disk, one with the only keyboard; a display, sound, a serial port",
    ), _USERS, memory="1G", append="crashkernel=32M", functions=31),
    "many": Lineup("x86_64", ("an NVMe controller with up to 127 virtual functions",
                              "a NIC (e1000e), a random number device (virtio)"),
                     _MANY, memory="1536M", functions=9),
    # The same hardware, the kernel not told to use the IOMMU: the host that is not ready.
    "noiommu": Lineup("x86_64", (*_SMALL_ABOUT, "the IOMMU switched off (intel_iommu=off)"), _SMALL,
                      memory="512M", append="intel_iommu=off", functions=10),
    # No IOMMU in the machine.
    "absent-iommu": Lineup("x86_64", (*_SMALL_ABOUT, "no IOMMU"), _SMALL, memory="512M",
                           iommu="", functions=10),
    # The IOMMU keeps memory apart, but not interrupts.
    "intremap-off": Lineup("x86_64", (*_SMALL_ABOUT, "interrupts that are not remapped"), _SMALL, memory="512M",
                           iommu="intel-iommu,intremap=off,caching-mode=on", functions=10),
    "virtio-iommu": Lineup("x86_64", (
        "a virtio-iommu, whose groups come when a driver is first tried",
        "a NIC (e1000e) with a second function that no driver knows, and such a function alone",
        "a NIC (igb) with up to 7 virtual functions",
    ), _LATE, memory="512M", append="maxcpus=1", iommu="virtio-iommu-pci,addr=1e.0", functions=11),
    "boot": Lineup("x86_64", (
        "two identical NVMe disks and two identical NICs (e1000e), NICs (virtio, igb)",
        "an NVMe controller with up to 15 virtual functions; five empty ports",
    ), _BOOT, memory="1G", functions=23),
    "boot16": Lineup("x86_64", ("27 identical NVMe disks",), _BOOT16, memory="1G", functions=59),
    "s390x": Lineup("s390x", (
        "two identical NVMe disks (UID 10 and 11), two identical NICs (e1000e, UID 12 and 13)",
        "a network and a random number device (virtio, UID 14 and 15)",
    ), _S390X, memory="512M", functions=6),
    "s390x-small": Lineup("s390x", ("a NIC (e1000e, UID 12)",),
                          _zpci(0x12, 0x102, "e0", "e1000e,romfile=,mac=52:54:00:00:00:01"),
                          memory="512M", functions=1),
}

DEFAULT = {"x86_64": "standard", "s390x": "s390x"}
