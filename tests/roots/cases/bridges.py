# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bridge is what has the header of one; parts of the host; the IOMMU; what list and check say of one function."""

_SWITCH = "sys/devices/pci0000:00/0000:00:02.0/0000:05:00.0"
_GPU = "sys/devices/pci0000:00/0000:00:01.0/0000:18:00.0"
_PF = "sys/devices/pci0000:40/0000:40:01.0/0000:41:00.0"
_VF5 = "sys/devices/pci0000:40/0000:40:01.0/0000:41:00.5"
_VFIO_PCI = ("link", "../../../../bus/pci/drivers/vfio-pci")
_VIRTFNS = {f"{_PF}/sriov_totalvfs": "16\n", f"{_PF}/virtfn0": ("link", "../0000:41:00.4"),
            f"{_PF}/virtfn1": ("link", "../0000:41:00.5")}
# Without ACS.
_ONE_GROUP = {**_VIRTFNS, f"{_VF5}/iommu_group": ("link", "../../../../kernel/iommu_groups/80"),
              "sys/kernel/iommu_groups/80/devices/0000:41:00.5": ("link", "../../../../devices/pci0000:40/0000:40:01.0/0000:41:00.5")}
_HEADER_1 = bytes(14) + b"\x01" + bytes(49)
_HEADER_2 = bytes(14) + b"\x82" + bytes(49)


def _class(place, ids, device_class, **more):
    """The function at place is of another class, or another card; its driver is gone."""
    (vendor, device), c = ids.split(":"), device_class
    change = {f"{place}/class": f"0x{c}\n", f"{place}/vendor": f"0x{vendor}\n", f"{place}/device": f"0x{device}\n",
              f"{place}/modalias": None, f"{place}/driver": None}
    return {**change, **{f"{place}/{name.replace('__', '-')}": what for name, what in more.items()}}


CASES = [
    # 0680, header type 0
    Case("nvswitch", "list", says=[r"0000:05:00\.0 +10de:22a3 .* assignable"], why="an NVSwitch is an endpoint"),
    Case("nvswitch", "check 0000:05:00.0", says=[r"assignable, can be assigned"], never=[r"bridge"],
         why="an NVSwitch is an endpoint"),
    Case("nvswitch", "enable --dry-run 10de:22a3", says=[r"once it is unbound"], never=[r"never"],
         why="vfio-pci takes NVSwitches that are free"),
    Case("nvswitch", "enable --dry-run 10de:22a3", says=[r"0000:05:00\.0: no driver -> vfio-pci, now|0000:05:00\.0.*now"],
         change={f"{_SWITCH}/driver": None}, why="a free NVSwitch is taken at once"),
    Case("nvswitch", "list", never=[r"0000:05:00\.0"], change={f"{_SWITCH}/config": _HEADER_1},
         why="the same class with the header of a PCI bridge"),
    Case("nvswitch", "check 0000:05:00.0", status=3, says=[r"\[bridge\]"], change={f"{_SWITCH}/config": _HEADER_1},
         why="the same class with the header of a PCI bridge"),
    Case("nvswitch", "check 0000:05:00.0", status=3, says=[r"\[bridge\]"],
         change={f"{_SWITCH}/secondary_bus_number": "7\n"}, why="the kernel counts buses behind it"),
    Case("nvswitch", "check 0000:05:00.0", status=3, says=[r"\[bridge\]"],
         change=_class(_SWITCH, "1180:0475", "060700", config=_HEADER_2), why="a CardBus bridge, header type 2"),
    Case("nvswitch", "enable --dry-run 1180:0475", status=3, says=[r"fits only bridges here \(0000:05:00\.0\)"],
         change=_class(_SWITCH, "1180:0475", "060700", config=_HEADER_2), why="a CardBus bridge, header type 2"),
    Case("nvswitch", "list", says=[r"0000:05:00\.0 +8086:0d5c .* assignable"],
         change=_class(_SWITCH, "8086:0d5c", "060a00"), why="an InfiniBand-to-PCI host bridge with header type 0"),
    Case("nvswitch", "list", says=[r"0000:05:00\.0 +10b5:87b0 .* assignable"],
         change=_class(_SWITCH, "10b5:87b0", "068000"), why="a switch's non-transparent endpoint (NTB), header type 0"),
    # types that fit nothing but bridges
    Case("nvswitch", "enable --dry-run 8086:a340", status=3, says=[r"fits only bridges here"], never=[r"would: give"],
         change=_class(_SWITCH, "8086:a340", "060400"), why="a root port's card type"),
    Case("nvswitch", "enable --persist --dry-run 8086:a340", status=3, says=[r"fits only bridges here"],
         change=_class(_SWITCH, "8086:a340", "060400"), why="a root port's card type, for each boot"),
    Case("nvswitch", "enable --dry-run 8086:ffff:ffff:ffff:060400:ffff00", status=3, says=[r"fits PCI bridges only"],
         why="a class that only PCI bridges have, none of them here"),
    Case("nvswitch", "enable --dry-run 10de:22a3", never=[r"fits only"],
         change=_class(_GPU, "10de:22a3", "060400"), why="the card type fits a bridge and endpoints"),
    # parts of the host
    Case("nvswitch", "list", never=[r"0000:05:00\.0"], change=_class(_SWITCH, "8086:29c0", "060000"),
         why="a host bridge is no candidate unless it is named"),
    Case("nvswitch", "list --all", says=[r"0000:05:00\.0 .* assignable"], change=_class(_SWITCH, "8086:29c0", "060000"),
         why="a host bridge with header type 0 could be assigned"),
    Case("nvswitch", "assign --dry-run 0000:05:00.0", says=[r"host bridge", r"would: .*bind 0000:05:00\.0 to vfio-pci"],
         change=_class(_SWITCH, "8086:29c0", "060000"), why="a host bridge by name"),
    Case("nvswitch", "enable --dry-run 8086:29c0", says=[r"0000:05:00\.0.*now", r"is the host bridge"],
         never=[r"never"], change=_class(_SWITCH, "8086:29c0", "060000"),
         why="vfio-pci binds a host bridge whose card type it gets"),
    Case("nvswitch", "check 0000:05:00.0", says=[r"ISA or LPC.*\[system-bridge\]"],
         change=_class(_SWITCH, "8086:2918", "060100"), why="an ISA bridge by name"),
    Case("nvswitch", "check 0000:05:00.0", says=[r"EISA.*\[system-bridge\]"],
         change=_class(_SWITCH, "8086:0482", "060200"), why="an EISA bridge by name"),
    Case("pch-audio-nolpcdrv", "check --group 0000:00:1f.3", never=[r"0000:00:1f\.0"],
         why="the ISA bridge has no driver: it stays, and the group is viable"),
    Case("pch-audio-nolpcdrv", "check 0000:00:1f.3", status=3, says=[r"group-split"], never=[r"0000:00:1f\.0"],
         why="the ISA bridge has no driver: it need not come along"),
    Case("pch-audio-lpcich", "check 0000:00:1f.3", status=3, says=[r"\[group-bridge\]", r"unbind 0000:00:1f\.0 from lpc_ich"],
         why="lpc_ich keeps the group for the host"),
    Case("pch-audio-lpcich", "assign --dry-run 0000:00:1f.0 0000:00:1f.3 0000:00:1f.4 0000:00:1f.5",
         says=[r"unbind 0000:00:1f\.0 from lpc_ich", r"\[?system-bridge|bridge to ISA"], never=[r"keeps the group"],
         why="the ISA bridge is named itself and moves along"),
    Case("nvswitch", "enable --persist --dry-run 8086:7a04", says=[r"stays for now", r"ISA or LPC.*without a driver"],
         change=_class(_SWITCH, "8086:7a04", "060100", driver=("link", "../../../../bus/pci/drivers/lpc_ich")),
         why="vfio-pci has the ISA bridge at the next boot before lpc_ich"),
    Case("nvswitch", "list", says=[r"0000:05:00\.0 .* vfio-pci .* assigned"],
         change=_class(_SWITCH, "8086:29c0", "060000", driver=_VFIO_PCI), why="a host bridge that was given away is shown"),
    Case("nvswitch", "list", never=[r"0000:05:00\.0"],
         change=_class(_SWITCH, "8086:7a04", "060100", driver=("link", "../../../../bus/pci/drivers/lpc_ich")),
         why="an ISA bridge with a driver of the host is no candidate"),
    Case("nvswitch", "release --dry-run 0000:05:00.0", says=[r"unbind 0000:05:00\.0 from vfio-pci", r"left without a driver"],
         change=_class(_SWITCH, "8086:29c0", "060000", driver=_VFIO_PCI), why="a host bridge has no driver to go back to"),
    *(Case("nvswitch", "list", says=[rf"0000:05:00\.0 +{ids} .* assignable"], never=[r"not-assignable"],
           change=_class(_SWITCH, ids, c, config=bytes(64)), why=why) for ids, c, why in (
               ("10b5:8111", "060900", "a semi-transparent bridge with header type 0"),
               ("8086:347e", "068000", "a non-transparent bridge (NTB) of a processor"),
               ("1234:0001", "060800", "a RACEway bridge with header type 0"),
               ("8086:0b23", "080700", "a root complex event collector"),
               ("1d0f:7064", "120000", "a processing accelerator"),
               ("1002:145a", "130000", "non-essential instrumentation"))),
    # what import proposes, apply can do
    Case("nvswitch", "import", says=[r"card type 8086:a340 can be assigned \(0000:05:00\.0: VFIO takes no bridges\)"],
         never=[r"CardType=8086:a340"],
         change={**_class(_SWITCH, "8086:a340", "060400", config=_HEADER_1),
                 "proc/cmdline": "intel_iommu=on vfio-pci.ids=8086:a340\n"}, why="a root port's card type"),
    Case("nvswitch", "import", says=[r"fits PCI bridges only, by its class"], never=[r"060400\n"],
         change={"proc/cmdline": "intel_iommu=on vfio-pci.ids=8086:ffffffff:ffffffff:ffffffff:060400:ffff00\n"},
         why="the class of PCI bridges, none of them here"),
    Case("nvswitch", "import", says=[r"CardType=10de:22a3"],
         change={f"{_SWITCH}/iommu_group": None, "proc/cmdline": "intel_iommu=on vfio-pci.ids=10de:22a3\n"},
         why="one of several of this type has no IOMMU group"),
    # the IOMMU
    Case("nvswitch", "list", never=[r"0000:05:00\.0"], change=_class(_SWITCH, "1022:1419", "080600", iommu_group=None),
         why="AMD's IOMMU is a function"),
    Case("nvswitch", "check 0000:05:00.0", status=3, says=[r"is the IOMMU of this host.*\[iommu\]"], never=[r"slot"],
         change=_class(_SWITCH, "1022:1419", "080600", iommu_group=None), why="AMD's IOMMU is a function"),
    Case("nvswitch", "list --all", says=[r"0000:05:00\.0 .* not-assignable"],
         change=_class(_SWITCH, "1af4:1057", "00ff00", iommu_group=None), why="a virtio-iommu is the IOMMU"),
    Case("nvswitch", "assign --dry-run 0000:05:00.0", status=3, says=[r"is the IOMMU"], never=[r"slot"],
         change=_class(_SWITCH, "1af4:1057", "00ff00", iommu_group=None), why="a virtio-iommu is the IOMMU"),
    Case("nvswitch", "check 0000:05:00.0", status=3, says=[r"\[iommu\]"], never=[r"slot"],
         change=_class(_SWITCH, "1b36:0014", "080600"), why="a RISC-V IOMMU is a function, with a group of its own"),
    Case("nvswitch", "enable --dry-run 1af4:1057", status=3, says=[r"fits only the IOMMU"],
         change=_class(_SWITCH, "1af4:1057", "00ff00", iommu_group=None), why="a virtio-iommu's card type"),
    # list and check
    Case("vgpu-vf", "list", says=[r"0000:41:00\.4 .*vfio0 +in-use", r"0000:41:00\.5 .* assignable"],
         why="the virtual function is in use by a vGPU guest"),
    Case("vgpu-vf", "check 0000:41:00.4", status=3, says=[r"kvm \(pid 9000\)", r"\[in-use-vfio\]"],
         why="the virtual function is in use by a vGPU guest"),
    Case("vgpu-vf", "list", says=[r"0000:41:00\.5 .*vfio1 +in-use"],
         change={"sys/devices/pci0000:40/0000:40:01.0/0000:41:00.5/vfio-dev/vfio1/dev": "511:1\n"},
         why="a virtual GPU that no process has open yet"),
    Case("vgpu-vf", "list", says=[r"0000:41:00\.5 .* assigned"],
         change={"sys/devices/pci0000:40/0000:40:01.0/0000:41:00.5/vfio-dev/vfio1/dev": "511:1\n",
                 "sys/devices/pci0000:40/0000:40:01.0/0000:41:00.5/physfn": None},
         why="a VFIO driver whose name does not tell"),
    Case("vgpu-vf", "list", never=[r"0000:01:00\.0 .* in-use"], says=[r"0000:01:00\.0 .* assigned"],
         change={"sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/vfio-dev/vfio9/dev": "511:9\n"},
         why="a VFIO driver's device is no virtual GPU"),
    # virtual functions and their physical function
    Case("vgpu-vf", "release --dry-run 0000:41:00.5", status=3, says=[r"\[?pf-on-vfio|is itself on vfio-pci", r"--park"],
         never=[r"would: "], change={f"{_PF}/driver": _VFIO_PCI, f"{_VF5}/driver": _VFIO_PCI},
         why="a VF whose PF is on VFIO goes to no driver of the host"),
    Case("vgpu-vf", "release --park --dry-run --force in-use-vfio,openers-unknown,not-looked-at 0000:41:00.5",
         says=[r"would: unbind 0000:41:00\.5 from vfio-pci"], never=[r"clear driver_override"],
         change={f"{_PF}/driver": _VFIO_PCI, f"{_VF5}/driver": _VFIO_PCI, f"{_VF5}/driver_override": "vfio-pci\n"},
         why="the override that the kernel has set stays"),
    Case("vgpu-vf", "check 0000:41:00.5", status=3, says=[r"\[pf-on-vfio\]", r"echo 0 > /sys/bus/pci/devices/0000:41:00\.0/sriov_numvfs"],
         never=[r"Release the physical function first"], change={f"{_PF}/driver": _VFIO_PCI, f"{_VF5}/driver": None},
         why="a PF with VFs is released after they were removed"),
    Case("vgpu-vf", "assign --dry-run 0000:41:00.0", status=3, says=[r"has 2 virtual functions", r"vfioadm release 0000:41:00\.0; echo 0.*sriov_numvfs"],
         change={**_VIRTFNS, f"{_PF}/driver": None}, why="a driver that leaves its VFs when it is unbound"),
    Case("vgpu-vf", "release --dry-run 0000:41:00.0", never=[r"has 2 virtual functions"],
         change={**_VIRTFNS, f"{_PF}/driver": None}, why="what that hint names is not refused"),
    Case("vgpu-vf", "release --dry-run 0000:41:00.0", says=[r"clear driver_override"], never=[r"has 2 virtual functions"],
         change={**_VIRTFNS, f"{_PF}/driver": None, f"{_PF}/driver_override": "vfio-pci\n"},
         why="nor with an override that was left over"),
    Case("vgpu-vf", "assign --dry-run 0000:41:00.0", status=3, says=[r"has 2 virtual functions", r"or remove them: echo 0"],
         never=[r"vfioadm release"], change=_VIRTFNS, why="a PF with VFs on its own driver"),
    Case("vgpu-vf", "check 0000:41:00.5", status=3, says=[r"not-assignable", r"0000:41:00\.0 \(.*cannot leave the host.*0000:41:00\.5 is its virtual function.*\[group-member\]"],
         never=[r"--group", r"Assign the virtual functions instead"], change=_ONE_GROUP,
         why="without ACS a VF shares its PF's group, and the PF cannot come along"),
    Case("vgpu-vf", "list", says=[r"0000:41:00\.5 .* not-assignable"], change=_ONE_GROUP,
         why="list knows that a VF whose PF is in its group cannot be assigned"),
    Case("vgpu-vf", "assign --group --dry-run 0000:41:00.5", status=3, never=[r"Assign the virtual functions instead"],
         change=_ONE_GROUP, why="nor with the whole group"),
    Case("vgpu-vf", "check 0000:41:00.5", never=[r"group-member"], change={**_ONE_GROUP, f"{_PF}/driver": None},
         why="a PF without a driver does not keep the group"),
] + [
    Case(f"noiommu-{name}", "list", says=[r"0000:01:00\.1 .* not-assignable", r"no active IOMMU", advice],
         why=why) for name, advice, why in (
             ("amd-off", r"Remove amd_iommu=off", "the command line switches the IOMMU off"),
             ("amdparam-on-intel", r"Enable VT-d.*add intel_iommu=on", "amd_iommu= has no effect on Intel"),
             ("dmar-present", r"Add intel_iommu=on.*firmware has VT-d", "the firmware has a DMAR table"),
             ("param-but-bios-off", r"Enable VT-d.*already", "the parameter is there and the firmware has no VT-d"))
]
