# SPDX-License-Identifier: LGPL-2.1-or-later
"""A large server: 500 functions in two domains, four NICs with 124 virtual functions each."""

from build import Tree

PFS, VFS = 4, 124


def _nic(t, number):
    """Two NICs to a domain. The first VF of each is with a guest, the second has no driver."""
    domain, port = number // 2, number % 2 + 1
    root = f"pci{domain:04x}:00"
    bridge = f"{root}/{domain:04x}:00:{port:02x}.0"
    bus = 0x10 * port
    group = 1000 * number + 10
    t.function(bridge, "8086:352a", "060400", group, "pcieport", rev="04", numa=domain)
    link = dict(current_link_speed="16.0 GT/s PCIe", max_link_speed="16.0 GT/s PCIe",
                current_link_width="16", max_link_width="16", reset_method="flr bus")
    pf = t.function(f"{bridge}/{domain:04x}:{bus:02x}:00.0", "8086:1592", "020000", group + 1, "ice",
                    "8086:0002", "02", [(0x200000000000 + (number << 32), 32 << 20, "pref64")],
                    numa=domain, sriov_totalvfs="256", sriov_numvfs=str(VFS), sriov_offset="8",
                    sriov_stride="1", sriov_vf_device="1889", sriov_drivers_autoprobe="1", **link)
    t.net(pf, f"ens{number}", f"b4:96:91:00:{number:02x}:00", up=number == 0)
    for i in range(VFS):
        place = 8 + i
        address = f"{domain:04x}:{bus + place // 256:02x}:{place % 256 // 8:02x}.{place % 8}"
        driver = {0: "vfio-pci", 1: None}.get(i, "iavf")
        vf = t.function(f"{bridge}/{address}", "8086:1889", "020000", group + 2 + i, driver,
                        "8086:0000", "02", numa=domain, reset_method="flr")
        t.to(f"{vf}/physfn", pf)
        t.to(f"{pf}/virtfn{i}", vf)
        if driver == "iavf":
            t.net(vf, f"ens{number}v{i}", f"b6:96:91:{number:02x}:00:{i:02x}")


def make():
    t = Tree("500 functions in two domains", release="6.1.0-18-amd64")
    for unit in range(4):
        t.iommu(f"dmar{unit}")
    for driver, module in (("pcieport", None), ("ice", "ice"), ("iavf", "iavf"),
                           ("vfio-pci", "vfio_pci")):
        t.driver(driver, module)
    for domain in range(2):
        t.function(f"pci{domain:04x}:00/{domain:04x}:00:00.0", "8086:09a2", "060000", 3000 + domain,
                   rev="04", numa=domain)
    for number in range(PFS):
        _nic(t, number)
    return t
