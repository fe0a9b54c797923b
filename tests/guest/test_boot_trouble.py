# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reboots that do not go as planned, and what is kept over them all the same."""

import pytest

from rig.errors import GuestTimeout

VFIO = "vfio-pci"
IGB = "8086:10c9"


def calm(machine):
    """Until udev and the units that it started have nothing to do."""
    machine.sh("udevadm settle -t 60", timeout=90)
    try:
        machine.wait_for("systemctl list-jobs --no-legend | grep -q . && exit 1; exit 0", 120)
    except GuestTimeout as e:
        raise GuestTimeout(f"{e}\n{machine.sh('systemctl list-jobs --no-pager')}") from None


def states(machine, *addresses):
    """[(driver, driver_override)] of each function."""
    script = "".join(f"d=/sys/bus/pci/devices/{a}; basename \"$(readlink $d/driver)\"; cat $d/driver_override;"
                     for a in addresses)
    words = machine.sh(script).split("\n")
    return [(d, None if o == "(null)" else o) for d, o in zip(words[0:-1:2], words[1::2], strict=True)]


@pytest.mark.daily("debian-6.12", "dracut")
def test_what_was_released_is_native_until_the_next_boot(machine):
    """Neither events of udev nor a native driver that comes anew give it back to VFIO; a boot does."""
    machine.quick_initramfs()
    machine.boot()
    nic, disk, igb = (machine.address(c) for c in ("nic0", "nvme0", "igb0"))
    twins = [machine.address(c) for c in ("nic1", "nvme1")]
    machine.sh(f"vfioadm assign --persist {nic} {disk} && vfioadm enable --persist {IGB}", timeout=120)
    machine.reboot()
    assert [d for d, _ in states(machine, nic, disk, igb)] == [VFIO] * 3

    machine.sh(f"vfioadm release {nic} {disk} {igb}", timeout=120)
    native = [("e1000e", None), ("nvme", None), ("igb", None)]
    assert states(machine, nic, disk, igb) == native
    machine.sh("udevadm trigger -c add")
    calm(machine)
    assert states(machine, nic, disk, igb) == native
    for driver in ("e1000e", "nvme", "igb"):
        machine.sh(f"modprobe -r {driver}; udevadm settle; modprobe {driver}", timeout=120)
    calm(machine)
    machine.sh("udevadm trigger -c add -s pci")
    calm(machine)
    assert states(machine, nic, disk, igb) == native
    # Asked to bring all to what is declared, it leaves them alone as well, and says why.
    machine.sh("vfioadm apply", timeout=120)
    assert states(machine, nic, disk, igb) == native
    status = machine.run("vfioadm status")
    assert status.rc == 3 and status.out.count(" held ") == 2 and disk in status.out

    machine.reboot()
    assert [d for d, _ in states(machine, nic, disk, igb)] == [VFIO] * 3
    assert states(machine, *twins) == [("e1000e", None), ("nvme", None)]
    for address in (nic, disk, igb):
        assert machine.probes(address) == [VFIO]
    assert machine.run("vfioadm status").rc == 0
