# SPDX-License-Identifier: LGPL-2.1-or-later
"""An s390x machine that is IPLed from its own disk.

Not QEMU loads the kernel but the machine's loader, from the blocks that zipl has noted on the
disk: an initramfs that was made anew and not followed by zipl is not what is booted.
"""

import re

from . import zroot
from .errors import RigError
from .machine import Machine, _Power


class _Ipl(_Power):
    def __init__(self, machine, append, devices):
        if append.split():
            # What zipl has noted includes the parameters.
            raise RigError("the kernel parameters of an s390x machine are in its zipl.conf")
        super().__init__(machine, append, devices)

    def _boot_args(self):
        return []


class ZMachine(Machine):
    """A Machine whose cards have UID and FID: cards.add("zpci,uid=0x20,fid=0x200,target=x,id=zpci-x")
    and cards.add("nvme,…,id=x"), or plug("nvme,…,id=x", uid=0x20, fid=0x200)."""

    _power = _Ipl

    def __init__(self, kernel=zroot.KERNEL, tool=zroot.TOOL, lineup="s390x", **kwargs):
        if (kernel, tool) != (zroot.KERNEL, zroot.TOOL):
            raise RigError(f"no s390x machine with {kernel} and {tool}")
        super().__init__(kernel, tool, lineup, **kwargs)

    def _make_disk(self, installed):
        return zroot.disk(self._image, installed)

    def _root_device(self):
        # Not on the PCI bus.
        return ["-device", "virtio-blk-ccw,drive=root,bootindex=1,id=rootdisk"]

    def quick_initramfs(self):
        raise RigError("an s390x machine makes its initramfs itself")

    def plug(self, device, uid, fid):
        """Put a card in, and leave it in for later boots."""
        ident = re.search(r"(?:^|,)id=([^,]+)", device)[1]
        self._need_on()
        self.cards.add(f"zpci,uid={uid:#x},fid={fid:#x},target={ident},id=zpci-{ident}")
        self.qmp("device_add", driver="zpci", uid=uid, fid=fid, target=ident, id=f"zpci-{ident}")
        super().plug(device)

    def unplug(self, ident, timeout=120):
        super().unplug(ident, timeout)
        # QEMU has taken that out along with it.
        self.cards.remove(f"zpci-{ident}")

    def zpci(self, ident, key):
        """uid or fid of a card."""
        return int(re.search(rf",{key}=(\w+)", self.cards.text(f"zpci-{ident}"))[1], 0)

    def address(self, ident):
        """Each function has a domain of its own, which is its UID."""
        return f"{self.zpci(ident, 'uid'):04x}:00:00.0"

    def slot(self, ident):
        """The directory with its switch."""
        return f"/sys/bus/pci/slots/{self.zpci(ident, 'fid'):08x}"
