# SPDX-License-Identifier: LGPL-2.1-or-later
"""Declarations that share an IOMMU group are one transaction, and what import proposes, apply can do."""

FN = "sys/devices/pci0000:00/0000:00:03.1/0000:03:00."
DRV = "sys/bus/pci/drivers/"
CARD = "[Match]\nPath=pci-0000:00:03.1/00.%d\nVendor=1002\nDevice=%s\n\n[Assign]\nDriver=auto\n"
GPU = CARD % (0, "73af")
TYPE = "[Match]\nCardType=1002:%s\n"
WITHOUT = {FN + "0/driver": None, DRV + "amdgpu/0000:03:00.0": None}  # the GPU has no driver
_GTX_FN = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00."
_GTX = "[Match]\nPath=pci-0000:00:01.0/00.%d\nVendor=10de\nDevice=%s\n\n[Assign]\nDriver=vfio-pci\n%s"
BOTH = (r"0000:03:00\.0: amdgpu -> vfio-pci \(planned\)", r"0000:03:00\.1: snd_hda_intel -> vfio-pci \(planned\)")

CASES = [
    Case("two-declared", "plan", says=(*BOTH, r"(?m)^a and b:$"), never=("refused",),
         why="each alone is refused because of the other, and both are declared"),
    Case("two-declared", "apply --dry-run", says=BOTH, never=("refused",), why="the same steps as plan"),
    Case("two-declared", "apply --dry-run b", says=BOTH, why="b cannot be had without a, which is declared too"),
    Case("two-declared", "apply --dry-run --only 0000:03:00.1", says=BOTH,
         why="what udev asks for when the second function appears"),
    Case("two-declared", "apply --dry-run --only 0000:03:00.0", says=BOTH,
         why="what udev asks for when the first function appears"),
    Case("two-declared", "apply --dry-run --boot", says=BOTH,
         why="at boot with drivers that are built in, or in the boot after vfioadm.disable=1"),
    Case("two-declared", "apply --dry-run --atomic", says=BOTH, why="was right before"),
    Case("two-declared", "status --json", status=3, says=(r'"together": \[ "b" \]', r'"together": \[ "a" \]'),
         why="a program that applies one by one knows what goes together"),
    Case("two-declared", "plan", change={"etc/vfioadm.d/c.conf": "[Match]\nAddress=0000:03:00.1\nDevice=ab28\nVendor=1002\n"}, status=2,
         says=(r"a, b and c: .*is declared by two files, /etc/vfioadm\.d/b\.conf and /etc/vfioadm\.d/c\.conf",
               r"what /etc/vfioadm\.d/a\.conf declares is in the same IOMMU group and is not applied either"),
         why="two files about one function keep its group from being applied, and the message names all"),
    Case("two-declared", "plan", change={"etc/vfioadm.d/b.conf": TYPE % "ab28"},
         says=(*BOTH, "give card type 1002:ab28"), never=("refused",),
         why="one declared as a card, the other by its type"),
    Case("two-declared", "plan", change={"etc/vfioadm.d/b.conf": None, "etc/vfioadm.d/a.conf": GPU + "IommuGroup=whole\n"},
         says=BOTH, why="one file that takes the whole group along"),
    Case("two-declared", "plan", change={"etc/vfioadm.d/a.conf": GPU + "IommuGroup=whole\n"}, says=BOTH,
         why="and the other one has a declaration of its own"),
    Case("two-declared", "plan", change={FN + "1/driver": ("link", "../../../../bus/pci/drivers/vfio-pci"),
                                         DRV + "snd_hda_intel/0000:03:00.1": None,
                                         DRV + "vfio-pci/0000:03:00.1": ("link", "../../../../devices/pci0000:00/0000:00:03.1/0000:03:00.1")},
         says=(BOTH[0], r"(?m)^a and b:$"), never=("0000:03:00.1: snd",),
         why="one of the two has its driver already"),
    Case("two-one-declared", "plan", status=3, says=(r"a: refused", r"0000:03:00\.1 \(snd_hda_intel\)"),
         why="what is not declared stays with the host"),
    Case("two-types", "plan", says=("give card type 1002:73af", "give card type 1002:ab28"), never=("refused",),
         why="vfio-pci takes them when their drivers let them go"),
    Case("two-types", "apply --dry-run --only 0000:03:00.0", says=BOTH, never=("refused",),
         why="asked for one, the other goes along, for its type is declared too"),
    Case("two-types", "plan", change=WITHOUT,
         says=("give card type 1002:73af", r"0000:03:00\.1: snd_hda_intel -> vfio-pci"), never=("refused",),
         why="the GPU is taken as soon as its type is given, so its audio function must move with it"),
    Case("two-types", "plan", change={**WITHOUT, "etc/vfioadm.d/b.conf": None}, status=3, says=("group-split|shares IOMMU",),
         why="the audio function is not declared, and stays with the host"),
    # ---- import
    Case("gtx-driverctl", "import", says=(r"# 0000:01:00\.2 0000:01:00\.3\n", r"IommuGroup=whole"),
         why="driverctl leaves two functions of the group with the host: no guest could open the others"),
    Case("gtx-driverctl", "plan",
         change={"etc/vfioadm.d/a.conf": _GTX % (1, "1aeb", "IommuGroup=whole\n"), "etc/vfioadm.d/b.conf": _GTX % (0, "2184", "")},
         says=(r"(?m)^a and b:$", r"0000:01:00\.2: xhci_hcd -> vfio-pci", r"0000:01:00\.3: nvidia-gpu -> vfio-pci"),
         never=("refused",), why="what is proposed can be applied"),
    Case("gtx-driverctl", "import", change={_GTX_FN + "2/driver": None, _GTX_FN + "3/driver": None,
                                           "sys/bus/pci/drivers/xhci_hcd/0000:01:00.2": None,
                                           "sys/bus/pci/drivers/nvidia-gpu/0000:01:00.3": None},
         never=(r"IommuGroup",), why="nothing else of the group has a driver, or would get one"),
    Case("gtx-driverctl", "import", change={"etc/driverctl.d/pci-0000:01:00.2": "vfio-pci\n",
                                           "etc/driverctl.d/pci-0000:01:00.3": "vfio-pci\n"},
         never=(r"IommuGroup",), why="driverctl has all of the group"),
    # ---- the next boot is checked as well as now
    Case("bcache-root", "config check", status=3, change={"etc/vfioadm.d/x.conf": "[Match]\nAddress=0000:00:17.0\n"},
         says=(r"x\.conf: The next boot would take what the host uses: 0000:00:17\.0 .*mounted at /", "hint: Remove the file"),
         why="written by hand, for the controller of the root disk"),
    Case("bcache-root", "config list --initramfs", change={"etc/vfioadm.d/x.conf": "[Match]\nAddress=0000:00:17.0\n"},
         never=(r"x\.conf",), why="nor does it get into an initramfs"),
    Case("identical-nvme", "config check", status=3, change={"etc/vfioadm.d/x.conf": "[Match]\nCardType=2646:5024\n"},
         says=(r"x\.conf: The next boot would take what the host uses: 0000:02:00\.0",),
         why="a type that one of the twins shares with the root disk"),
    Case("identical-nvme", "plan", status=3, change={"etc/vfioadm.d/x.conf": "[Match]\nCardType=2646:5024\n"},
         says=(r"0000:02:00\.0 has this card type, and the host uses it", "x: refused"),
         why="as enable --persist refuses"),
    Case("identical-nvme", "config check", change={"etc/vfioadm.d/x.conf": "[Match]\nAddress=0000:03:00.0\n"},
         never=("next boot",), why="the other twin is free"),
]
