# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is declared is so after the next boot, whoever else wants the devices."""

import pytest

from reboots import declared, said, untouched, up, vfio_alone


@pytest.mark.daily("debian-6.12", "initramfs-tools")
def test_a_twin_stays_assigned(machine):
    """The power fails right after assign --persist; no native driver ever probes what was declared."""
    machine.quick_initramfs()
    machine.boot()
    disk = machine.address("nvme0")
    r = machine.run(f"vfioadm assign --persist {disk}", timeout=240)
    assert r.rc == 0, r
    # Known by what, and how far that can be trusted.
    assert "known by its Path pci-0000:00:02.1/00.0, which names the slot" in r.out
    machine.power_cut()
    # udev has one worker: the one that would load nvme also has all the rules.
    for append in ("", "udev.children_max=1"):
        machine.boot(append)
        assert machine.address("nvme0") == disk
        vfio_alone(machine, disk)
        untouched(machine, "nvme1", "nic0", "nic1", "igb0", "pf0")
        assert f"{disk} given to vfio-pci, as nvme-0000-02-00.0.conf says" in said(machine)
        assert declared(machine) == {"nvme-0000-02-00.0": "in-force"}
        up(machine)
        machine.power_cut()
