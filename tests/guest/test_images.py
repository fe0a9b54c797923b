# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which images of a host have what is declared in them: made by the real tools, of the disk of a machine that is
off."""

import pytest

from reboots import DIRECTORY, declaration
from rig import machineroot

# As the postinst of kdump-tools does it.
KDUMP_TOOLS = """
cp -pr /etc/initramfs-tools /tmp/kdump
echo KDUMP=y >>/tmp/kdump/initramfs.conf
mkinitramfs -d /tmp/kdump -o /tmp/image "$1"
"""
# name: what makes /tmp/image of it, and whether it is an image to boot this host with.
IMAGES = {
    "initramfs-tools": {"the host's": ('mkinitramfs -o /tmp/image "$1"', True),
                        "kdump": (KDUMP_TOOLS, False)},
    "dracut": {"the host's": ('dracut --quiet --force /tmp/image "$1"', True),
               "kdump by name": ('dracut --quiet --force /tmp/initrd-kdump "$1" && mv /tmp/*kdump /tmp/image', False),
               "rescue by name": ('dracut --quiet --force -N /tmp/rescue.img "$1" && mv /tmp/res* /tmp/image', False),
               "kdump by module": ('mkdir -p /usr/lib/dracut/modules.d/99kdumpbase && '
                                   'echo "check() { return 0; }" >/usr/lib/dracut/modules.d/99kdumpbase/module-setup.sh'
                                   ' && dracut --quiet --force -a kdumpbase /tmp/image "$1"', False)},
}
LIST = {"initramfs-tools": "lsinitramfs", "dracut": "lsinitrd"}


@pytest.mark.daily("debian-6.12", "initramfs-tools")
def test_only_the_hosts_own_image_has_it(machine, initramfs):
    machine.files.write(f"{DIRECTORY}/disk.conf", declaration(machine, "nvme0"))
    with machineroot.tree_of(machine.files) as tree:
        for name, (make, wanted) in IMAGES[initramfs].items():
            script = f"set -e\n{make}\n{LIST[initramfs]} /tmp/image >/tmp/list"
            machineroot.inside(tree, "sh", "-c", script, "sh", machine.release)
            files = (tree / "tmp/list").read_text()
            assert "/modules.dep" in files, name
            for part in ("vfioadm.d/disk.conf", "vfioadm-early", "vfio-pci.ko"):
                assert (part in files) == wanted, (name, part)
