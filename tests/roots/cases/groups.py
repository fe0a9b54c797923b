# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest can open: whole groups, interrupts, devices that answer; and groups that come late."""

_GPU = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00"
_DRIVERS = "../../../../bus/pci/drivers"
_DECLARED = {"etc/vfioadm.d/gpu.conf": "[Match]\nAddress=0000:01:00.0\n\n[Assign]\nDriver=auto\n"}
_ALONE = {f"{_GPU}.2/driver": None, f"{_GPU}.3/driver": None}
_IRQ = {"sys/kernel/irq/9/chip_name": "IO-APIC\n", "sys/kernel/irq/24/chip_name": "PCI-MSI-0000:00:1f.2\n"}
_UNSAFE = "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"

HALF = [
    Case("gtx1660-half", "check 0000:01:00.0", status=3,
         says=[r"no guest can open it", r"0000:01:00\.2.*0000:01:00\.3.*\[group-split\]", r"assign --group 0000:01:00\.0"],
         why="two of four functions of the group are the host's"),
    Case("gtx1660-half", "assign --dry-run 0000:01:00.0", status=3, says=[r"0000:01:00\.2", r"assign --group"],
         never=[r"bound to it already"], why="it is on vfio-pci already, and no guest can open it"),
    Case("gtx1660-half", "assign --dry-run --group 0000:01:00.0", says=[r"bind 0000:01:00\.2 to vfio-pci"],
         why="the rest of the group is taken along"),
    Case("gtx1660-half", "show 0000:01:00.0", says=[r"Reason: .*no guest can open it"], why="show asks the same"),
    Case("gtx1660-half", "list --verbose", says=[r"0000:01:00\.0 .*assigned .*no guest can open it"],
         why="list asks as far as it is cheap"),
    Case("gtx1660-half", "check --json 0000:01:00.1", status=3, says=[r'"verdict": *"assigned"', r'"code": *"group-split"'],
         why="the verdict is a promised word, and the finding has a code"),
    Case("gtx1660-half", "status", status=3, says=[r"differs .*0000:01:00\.2"], never=[r"in-force"],
         change=_DECLARED, why="declared, and half of the group is the host's"),
    Case("gtx1660-half", "status", says=[r"in-force"], change=_DECLARED | _ALONE,
         why="declared, and the rest of the group has no driver"),
    Case("gtx1660-half", "check 0000:01:00.0", status=3, never=[r"no guest", r"0000:01:00\.2"], change=_ALONE,
         says=[r"can"], why="the rest has no driver, so only giving back is at stake"),
    Case("gtx1660-half", "check --group 0000:01:00.0", never=[r"no guest", r"refuses"], change=_ALONE,
         why="the whole group, the rest without a driver"),
    Case("gtx1660-half", "check --group 0000:01:00.0 0000:01:00.2", never=[r"refuses.*01:00\.2 \("],
         change={f"{_GPU}.2/driver": ("link", f"{_DRIVERS}/pci-stub"), f"{_GPU}.3/driver": None},
         why="pci-stub does not own the group's DMA"),
    Case("gtx1660-half", "check 0000:01:00.0", status=3, says=[r"\[group-bridge\]"],
         change=_ALONE | {"sys/devices/pci0000:00/0000:00:01.0/driver": ("link", "../../../bus/pci/drivers/shpchp")},
         why="the port of the group has a driver that owns DMA"),
]

DEVICE = [
    Case("amd-reset", "check 0000:09:00.0", status=3, says=[r"does not answer", r"\[gone\]"],
         why="all of its configuration space is ff"),
    Case("amd-reset", "release --dry-run 0000:09:00.0", status=3, says=[r"does not answer", r"--park"],
         why="a driver of the host would find nothing there"),
    Case("amd-reset", "release --dry-run --park 0000:09:00.0", never=[r"bind 0000:09:00\.0 to"],
         why="without a driver it can wait for a power cycle"),
    Case("amd-reset", "check 0000:0a:00.0", says=[r"warns: .*no reset method", r"\[no-reset\]"], why="the file is not there"),
    Case("amd-reset", "check 0000:0b:00.0", says=[r"warns: .*no reset method", r"\[no-reset\]"], why="the file is empty"),
    Case("amd-reset", "check 0000:0a:00.0", never=[r"no-reset"],
         change={"sys/bus/pci/devices/0000:0a:00.0/reset_method": "flr bus\n"}, why="it can be reset"),
    Case("amd-reset", "check 0000:0c:00.0", status=3, says=[r"unreadable", r"\[header-unreadable\]"],
         never=[r"bridge"], why="there is no header type 7f"),
    Case("amd-reset", "status", status=3, says=[r"differs .*does not answer"], never=[r"in-force"],
         change={"etc/vfioadm.d/gpu.conf": "[Match]\nAddress=0000:09:00.0\n\n[Assign]\nDriver=auto\n"},
         why="declared and bound, and it does not answer"),
]

_NO_GROUP = {f"{_GPU}.{n}/iommu_group": None for n in range(4)}

NOIOMMU = [
    Case("gtx1660-half", "check 0000:01:00.0", status=3, says=[r"without an IOMMU \(noiommu mode\).*no guest can", r"\[no-group\]"],
         change=_ALONE | {"sys/kernel/iommu_groups/2/name": "vfio-noiommu\n"}, why="VFIO has made the group itself"),
    Case("gtx1660-half", "check 0000:01:00.0", status=3, says=[r"\[no-group\]"],
         change=_ALONE | {"sys/class/vfio/noiommu-2": ("dir",)}, why="VFIO's node says that there is no IOMMU"),
    Case("gtx1660-half", "check 0000:01:00.0", never=[r"no-group"], status=3,
         change=_ALONE | {"sys/class/vfio/2": ("dir",), "sys/module/vfio/parameters/enable_unsafe_noiommu_mode": "Y\n"},
         why="the mode is on, and the group is one of the IOMMU's"),
    Case("gtx1660-half", "check 0000:01:00.0", status=3, says=[r"\[no-group\]"], change=_ALONE | _NO_GROUP,
         why="on VFIO, and no IOMMU covers it"),
    Case("gtx1660-half", "status", status=3, says=[r"differs .*without an IOMMU"], never=[r"in-force"],
         change=_DECLARED | _ALONE | {"sys/class/vfio/noiommu-2": ("dir",)}, why="declared and bound, without an IOMMU"),
    Case("gtx1660-half", "list --verbose", says=[r"0000:01:00\.0 .*assigned .*without an IOMMU"],
         change=_ALONE | _NO_GROUP, why="list asks as far as it is cheap"),
    Case("gtx1660-half", "check 0000:01:00.0", status=3, says=[r"\[no-iommu\]"], never=[r"no-group"],
         change=_ALONE | _NO_GROUP | {"sys/class/iommu": ("dir",),
                                      "sys/module/vfio/parameters/enable_unsafe_noiommu_mode": "Y\n"},
         why="the host has no IOMMU at all, which is the one thing to say"),
]

_BAR = ("0x00000000e0000000 0x00000000efffffff 0x000000000014220c\n" +
        "0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 12)
_KEPT = {f"{_GPU}.0/resource": _BAR, "proc/iomem": "e0000000-efffffff : PCI Bus 0000:01\n"
         "  e0000000-efffffff : 0000:01:00.0\n    e0000000-e07effff : BOOTFB\n"}

FRAMEBUFFER = [
    Case("gtx1660-half", "check --group 0000:01:00.0", status=3, says=[r"BOOTFB", r"\[framebuffer-kept\]"],
         change=_ALONE | _KEPT, why="the firmware's framebuffer lies on a BAR of the assigned GPU"),
    Case("gtx1660-half", "check --group 0000:01:00.0", never=[r"framebuffer-kept"],
         change=_ALONE | _KEPT | {"proc/iomem": "d0000000-d07effff : BOOTFB\n"}, why="the framebuffer is on another device"),
    Case("gtx1660-half", "check --group 0000:01:00.0", never=[r"framebuffer-kept"],
         change=_ALONE | _KEPT | {"proc/iomem": "00000000-00000000 : BOOTFB\n"}, why="addresses that only root sees"),
]

INTERRUPTS = [
    Case("identical-nvme", "check 0000:03:00.0", status=3, says=[r"\[no-interrupt-isolation\]", r"allow_unsafe_interrupts"],
         change=_IRQ, why="no chip begins with IR-"),
    Case("identical-nvme", "assign --dry-run 0000:03:00.0", status=3, says=[r"not remapped"], change=_IRQ,
         why="no interrupt remapping, so no guest could open it"),
    Case("identical-nvme", "list --verbose", says=[r"0000:03:00\.0 .*not-assignable .*not remapped"], change=_IRQ,
         why="list knows that interrupts are not remapped"),
    Case("identical-nvme", "check 0000:03:00.0", never=[r"isolation"],
         change=_IRQ | {"sys/kernel/irq/25/chip_name": "IR-PCI-MSIX-0000:03:00.0\n"}, why="interrupts are remapped"),
    Case("identical-nvme", "check 0000:03:00.0", says=[r"warns: .*\[unsafe-interrupts\]"], never=[r"refuses"],
         change=_IRQ | {_UNSAFE: "Y\n"}, why="vfio_iommu_type1 was told to allow it"),
    Case("identical-nvme", "check 0000:03:00.0", status=3, says=[r"\[no-interrupt-isolation\]"],
         change=_IRQ | {_UNSAFE: "N\n"}, why="vfio_iommu_type1 is loaded and does not allow it"),
    Case("identical-nvme", "check 0000:03:00.0", says=[r"\[unsafe-interrupts\]", r"with iommufd"],
         change=_IRQ | {_UNSAFE: "N\n", "sys/module/iommufd/parameters/allow_unsafe_interrupts": "Y\n"},
         why="only iommufd allows it"),
    Case("identical-nvme", "check 0000:03:00.0", status=3, says=[r"\[no-interrupt-isolation\]"],
         change={"proc/interrupts": "           CPU0       CPU1\n  9:          0          4   IO-APIC   9-fasteoi   acpi\n"
                                    " 24:          7          0   PCI-MSI 327680-edge      nvme0q0\nNMI:  1  1  Non-maskable\n"},
         why="an older kernel, by /proc/interrupts"),
    Case("identical-nvme", "check 0000:03:00.0", never=[r"isolation"],
         change={"proc/interrupts": "           CPU0\n  9:          4   IR-IO-APIC    9-fasteoi   acpi\n"},
         why="remapped, by /proc/interrupts"),
    Case("identical-nvme", "check 0000:03:00.0", never=[r"isolation"], why="nothing tells: that refuses nobody"),
    Case("identical-nvme", "check 0000:03:00.0", status=3, says=[r"\[no-interrupt-isolation\]"],
         change={"sys/kernel/irq/11/chip_name": "GICv2\n", "sys/kernel/irq/30/chip_name": "MSI\n"},
         why="a GICv2m does not know which device raises an interrupt"),
    Case("identical-nvme", "check 0000:03:00.0", never=[r"isolation"],
         change={"sys/kernel/irq/11/chip_name": "GICv3\n", "sys/kernel/irq/30/chip_name": "ITS-PCI-MSIX-0000:03:00.0\n"},
         why="an ITS does"),
    Case("identical-nvme", "check 0000:03:00.0", says=[r"warns: .*\[interrupt-isolation-unknown\]"], never=[r"refuses"],
         change={"sys/kernel/irq/11/chip_name": "GICv3\n"}, why="a GICv3 of which no MSI has been asked"),
    Case("gtx1660-half", "status", status=3, says=[r"differs .*not remapped"], change=_DECLARED | _ALONE | _IRQ,
         why="declared and bound, interrupts not remapped"),
    Case("acs-override", "check 0000:01:00.0", says=[r"\[unsafe-interrupts\]"], never=[r"refuses"], change=_IRQ,
         why="allowed on the kernel command line, for when the module is loaded"),
]

BACKEND = [
    Case("identical-nvme", "check 0000:03:00.0", says=[r"\[unsafe-interrupts\]"], never=[r"refuses"],
         change=_IRQ | {"etc/modprobe.d/vfio.conf": "options vfio_iommu_type1 allow_unsafe_interrupts=1\n"},
         why="allowed in modprobe.d, for when the module is loaded"),
    Case("identical-nvme", "check 0000:03:00.0", status=3, says=[r"\[no-vfio-iommu\]", r"/etc/modprobe\.d/no\.conf"],
         change={"etc/modprobe.d/no.conf": "install vfio_iommu_type1 /bin/false\n"},
         why="modprobe.d keeps vfio_iommu_type1 from being loaded"),
    Case("identical-nvme", "check 0000:03:00.0", never=[r"no-vfio-iommu"],
         change={"etc/modprobe.d/no.conf": "install vfio_iommu_type1 /bin/false\n", _UNSAFE: "N\n"},
         why="it is loaded already"),
    Case("identical-nvme", "check 0000:03:00.0", never=[r"no-vfio-iommu"],
         change={"etc/modprobe.d/no.conf": "install vfio_iommu_type1 /bin/false\n",
                 "sys/module/iommufd/parameters/allow_unsafe_interrupts": "N\n"},
         why="iommufd is there instead"),
]

ACS = [
    Case("acs-override", "check 0000:01:00.0", says=[r"warns: .*pcie_acs_override=downstream,multifunction", r"\[acs-override\]"],
         why="groups are not what the hardware keeps apart"),
    Case("acs-override", "check 0000:01:00.0", never=[r"acs-override"],
         change={"proc/cmdline": "root=/dev/sda intel_iommu=on\n"}, why="groups are as the kernel makes them"),
    Case("acs-override", "check 0000:01:00.0", never=[r"acs-override"],
         change={"proc/cmdline": "root=/dev/sda intel_iommu=on dyndbg=pcie_acs_override=x\n"},
         why="only another parameter's value says so"),
]

# The same card behind an IOMMU whose groups come when a driver is first tried: only .0 has had one.
_LATE = {"sys/class/iommu/dmar0": None, "sys/class/iommu/0000:00:1e.0":
         ("link", "../../devices/pci0000:00/0000:00:1e.0/virtio0/iommu/0000:00:1e.0"), "proc/cmdline": "root=/dev/sda\n",
         **{f"{_GPU}.{n}/iommu_group": None for n in (1, 2, 3)}, **{f"{_GPU}.{n}/driver": None for n in (1, 2, 3)}}
# 64 bytes, then 4096 with PCI Express (an endpoint) and ACS, all of it on.
_MF = bytes(6) + b"\x10\x00" + bytes(6) + b"\x80" + bytes(37) + b"\x40" + bytes(11)
_ACS = (_MF + b"\x10\x00\x02\x00" + bytes(0x100 - 0x44) + b"\x0d\x00\x01\x00\x1d\x00\x1d\x00").ljust(4096, b"\0")
_NO_ACS = (_MF + b"\x10\x00\x02\x00").ljust(4096, b"\0")

LATE = [
    Case("acs-override", "assign --dry-run 0000:01:00.1", status=3, says=[r"to come with 0000:01:00\.0 \(nvidia\)", r"--group"],
         change=_LATE, why="no group yet, but .0 of the same card is the host's"),
    Case("acs-override", "assign --dry-run --group 0000:01:00.1", says=[r"unbind 0000:01:00\.0 from nvidia", r"bind 0000:01:00\.3"],
         change=_LATE, why="--group takes those along who will be in it"),
    Case("acs-override", "assign --dry-run 0000:01:00.1", says=[r"bind 0000:01:00\.1"], never=[r"refused"],
         change=_LATE | {f"{_GPU}.0/driver": None, f"{_GPU}.0/iommu_group": None}, why="nobody of the card has a driver"),
    Case("acs-override", "check 0000:01:00.1", says=[r"\[group-unknown\]"], never=[r"no-group", r"blocks", r"refuses"],
         change=_LATE | {f"{_GPU}.0/driver": None}, why="virtio-iommu: a missing group is none that does not come"),
    Case("acs-override", "check 0000:01:00.1", says=[r"assignable"], never=[r"refuses"],
         change=_LATE | {f"{_GPU}.{n}/config": _ACS for n in range(4)}, why="the functions keep apart (ACS)"),
    Case("acs-override", "check 0000:01:00.1", status=3, says=[r"\[group-split\]"],
         change=_LATE | {f"{_GPU}.{n}/config": _NO_ACS for n in range(4)}, why="the functions do not keep apart"),
    Case("acs-override", "check 0000:01:00.1", says=[r"assignable"], never=[r"refuses"],
         change=_LATE | {f"{_GPU}.2/iommu_group": ("link", "../../../../kernel/iommu_groups/22")},
         why="two that are there already have groups of their own: so does it"),
    Case("acs-override", "check 0000:01:00.2", status=3, says=[r"\[no-group\]", r"virtio_iommu", r"rescan"],
         change=_LATE | {f"{_GPU}.2/driver": ("link", f"{_DRIVERS}/xhci_hcd")},
         why="its driver was there before virtio_iommu"),
    Case("acs-override", "check 0000:01:00.1", status=3, says=[r"\[no-group\]"],
         change={f"{_GPU}.1/iommu_group": None, f"{_GPU}.1/driver": None}, why="Intel's groups are there from the start"),
    Case("acs-override", "check 0000:01:00.0", status=3, says=[r"modprobe virtio_iommu", r"initramfs", r"rescan"],
         never=[r"VT-d", r"firmware"],
         change=_LATE | {"sys/class/iommu/0000:00:1e.0": None, "sys/class/iommu": ("dir",), f"{_GPU}.3/vendor": "0x1af4\n",
                         f"{_GPU}.3/device": "0x1057\n", f"{_GPU}.3/modalias": None,
                         f"{_GPU}.0/iommu_group": None},
         why="a virtio-iommu whose module is not loaded"),
    Case("acs-override", "check 0000:01:00.0", status=3, says=[r"kernel log"], never=[r"modprobe"],
         change=_LATE | {"sys/class/iommu/0000:00:1e.0": None, "sys/class/iommu": ("dir",), f"{_GPU}.3/vendor": "0x1af4\n",
                         f"{_GPU}.3/device": "0x1057\n", f"{_GPU}.3/modalias": None,
                         f"{_GPU}.0/iommu_group": None, "sys/bus/virtio/drivers/virtio_iommu": ("dir",)},
         why="a virtio-iommu whose module is loaded and that the kernel does not use"),
]

CASES = HALF + NOIOMMU + DEVICE + FRAMEBUFFER + INTERRUPTS + BACKEND + ACS + LATE
