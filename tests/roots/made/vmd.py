# SPDX-License-Identifier: LGPL-2.1-or-later
"""A notebook whose firmware hides its NVMe slots behind Intel's VMD controller.

The controller's driver makes a domain of its own, 10000, below the controller. What is in there does its
DMA in the controller's name, and so is in the controller's group. In the slots' old places stand
placeholders (8086:09ab). / is on the first disk.
"""

from build import Tree

VMD = "pci0000:00/0000:00:0e.0"
DOMAIN = f"{VMD}/pci10000:e0"


def make():
    t = Tree("a host with NVMe disks behind an Intel VMD controller: domain 10000")
    t.iommu("dmar0")
    t.iommu("dmar1")
    for driver, module in (("i915", "i915"), ("vmd", "vmd"), ("pcieport", None), ("nvme", "nvme"),
                           ("iwlwifi", "iwlwifi")):
        t.driver(driver, module)
    t.modules(["pci:v00008086d00009A0Bsv*sd*bc*sc*i* vmd", "pci:v*d*sv*sd*bc01sc08i02* nvme",
               "pci:v00008086d0000A0F0sv*sd*bc*sc*i* iwlwifi",
               "vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci"],
              ["kernel/drivers/pci/controller/vmd.ko:", "kernel/drivers/nvme/host/nvme.ko:",
               "kernel/drivers/net/wireless/intel/iwlwifi/iwlwifi.ko:",
               "kernel/drivers/vfio/vfio.ko:",
               "kernel/drivers/vfio/pci/vfio-pci-core.ko: kernel/drivers/vfio/vfio.ko",
               "kernel/drivers/vfio/pci/vfio-pci.ko: kernel/drivers/vfio/pci/vfio-pci-core.ko "
               "kernel/drivers/vfio/vfio.ko"])
    card = "1028:0a5d"
    t.function("pci0000:00/0000:00:00.0", "8086:9a14", "060000", 1, card=card, rev="01")
    vga = t.function("pci0000:00/0000:00:02.0", "8086:9a49", "030000", 0, "i915", card, "01",
                     [(0x605c000000, 16 << 20, "mem64"), None, (0x4000000000, 256 << 20, "pref64"),
                      None, (0x3000, 64, "io")], boot_vga="1", reset_method="flr pm")
    t.line(f"{vga}/graphics/fb0/name", "i915drmfb")
    t.to("sys/class/graphics/fb0", f"{vga}/graphics/fb0")
    t.function("pci0000:00/0000:00:06.0", "8086:09ab", "088000", 2)
    t.function(VMD, "8086:9a0b", "010400", 5, "vmd", card,
               bars=[(0x6058000000, 32 << 20, "mem64"), None, (0x50000000, 32 << 20, "mem"), None,
                     (0x6054100000, 1 << 20, "mem64")])
    t.to(f"sys/devices/{VMD}/domain", f"sys/devices/{DOMAIN}")
    wifi = t.function("pci0000:00/0000:00:14.3", "8086:a0f0", "028000", 8, "iwlwifi", "8086:0074",
                      "20", [(0x605d1f4000, 16 << 10, "mem64")], reset_method="flr pm")
    t.net(wifi, "wlp0s20f3", "84:5c:f3:00:00:01", up=True)
    t.function(f"{DOMAIN}/10000:e0:06.0", "8086:9a09", "060400", 5, "pcieport", card, "01")
    t.function(f"{DOMAIN}/10000:e0:1d.0", "8086:a0b0", "060400", 5, "pcieport", card, "20")
    link = dict(current_link_speed="16.0 GT/s PCIe", max_link_speed="16.0 GT/s PCIe",
                current_link_width="4", max_link_width="4", reset_method="flr bus")
    first = t.function(f"{DOMAIN}/10000:e0:06.0/10000:e1:00.0", "144d:a80a", "010802", 5, "nvme",
                       "144d:a801", bars=[(0x50000000, 16 << 10, "mem64")], **link)
    second = t.function(f"{DOMAIN}/10000:e0:1d.0/10000:e2:00.0", "15b7:5006", "010802", 5, "nvme",
                        "15b7:5006", bars=[(0x51000000, 16 << 10, "mem64")], **link)
    t.nvme(first, 0, "S6NXNF0R000001", 0, partitions=2)
    t.nvme(second, 1, "21304A000002", 8)
    t.mount("259:1", "/boot/efi", "/dev/nvme0n1p1", "vfat")
    t.mount("259:2", "/", "/dev/nvme0n1p2")
    return t
