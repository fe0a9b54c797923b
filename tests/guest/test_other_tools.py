# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cards of an enabled type in the hands of libvirt and driverctl: vfioadm's rules keep the type's promise, and do
not contradict the tool. A whole Debian, with udev and systemd."""

import pytest

from reboots import NO_JOBS, VFIO, states

TYPE = "8086:10d3"
NATIVE = ("e1000e", None)
TAKEN = (VFIO, None)
OVERRIDDEN = (VFIO, VFIO)

pytestmark = [pytest.mark.kernels("debian-6.12"), pytest.mark.lineup("small", root="debian")]


@pytest.fixture
def typed(guest):
    """The type is enabled and declared while e1000e has the card; sh() ends when udev and its units have."""
    nic = guest.sh(f"lspci -Dn -d {TYPE}").split()[0]

    def sh(script):
        guest.sh(script, timeout=120)
        guest.sh("udevadm settle -t 60", timeout=90)
        # systemd hears of an event when udev has done with it: on a busy machine its job may not be there yet.
        guest.sh(f"sleep 0.5; until ({NO_JOBS}); do sleep 0.2; done", timeout=120)
        return states(guest, nic)[0]

    assert sh(f"vfioadm enable --persist {TYPE}") == NATIVE
    yield nic, sh
    sh(f"vfioadm disable --persist {TYPE}; [ -e /sys/bus/pci/drivers/e1000e/{nic} ] || vfioadm release {nic}")


def test_libvirt(typed):
    nic, sh = typed
    name = "pci_" + nic.replace(":", "_").replace(".", "_")
    # libvirt sets the override before it lets the native driver go of the card: it is libvirt's.
    assert sh(f"virsh nodedev-detach {name}") == OVERRIDDEN
    # Its reattach clears the override and lets the kernel choose: e1000e was there first.
    assert sh(f"virsh nodedev-reattach {name}") == NATIVE
    assert sh(f"echo {nic} > /sys/bus/pci/drivers/e1000e/unbind") == TAKEN
    # It has nothing to do then, and its way back is the same.
    assert sh(f"virsh nodedev-detach {name}") == TAKEN
    assert sh(f"virsh nodedev-reattach {name}") == NATIVE


def test_driverctl(typed):
    nic, sh = typed
    assert sh(f"driverctl set-override {nic} vfio-pci") == OVERRIDDEN
    assert sh(f"driverctl unset-override {nic}") == NATIVE
    # Freed by e1000e, but driverctl says that nobody is to have it.
    assert sh(f"driverctl set-override {nic} none") == (None, "none")
    assert sh(f"driverctl unset-override {nic}") == NATIVE
    assert sh(f"echo {nic} > /sys/bus/pci/drivers/e1000e/unbind") == TAKEN
