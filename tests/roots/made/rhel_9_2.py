# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host of assigned.root as RHEL 9.2's kernel (5.14 with much of later ones) would show it.

There is no vfio-dev class and no character device per function, no iommufd, and no reset_method; the
interrupt helpers of VFIO are a module of their own, and no module has a vfio_pci: alias but mlx5's.
"""

from pathlib import Path

import archive

HERE = Path(__file__).resolve().parents[1]
RELEASE = "5.14.0-284.11.1.el9_2.x86_64"


def _gone(path):
    parts = path.split("/")
    return ("vfio-dev" in parts or "iommufd" in parts or parts[-1] == "reset_method" or
            path.startswith(("dev/iommu", "dev/vfio/devices", "sys/class/vfio-dev")))


def _module_lines(text):
    return "".join(line + "\n" for line in text.splitlines()
                   if "iommufd" not in line and "virtio_vfio_pci" not in line)


def make():
    old = archive.loads((HERE / "assigned.root").read_text(encoding="utf-8"))
    base = next(p for p in old.entries if p.startswith("lib/modules/")).split("/")[2]
    new = archive.Archive()
    new.comment = "a 5.14-like kernel (RHEL 9.2), made from assigned.root"
    for path, entry in old.entries.items():
        if _gone(path):
            continue
        path = path.replace(f"lib/modules/{base}", f"lib/modules/{RELEASE}")
        if path.startswith("lib/modules/") and entry.kind == "f" and "modinfo" not in path:
            entry.data = _module_lines(entry.data.decode()).encode()
        new.entries[path] = entry
    new.file("proc/sys/kernel/osrelease", RELEASE + "\n")
    new.file("sys/module/vfio_virqfd/initstate", "live\n")
    return new
