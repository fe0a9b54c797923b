# SPDX-License-Identifier: LGPL-2.1-or-later
"""The procedure that the manuals print, literally, and the same by vfioadm.

"Setting up PCI devices for VFIO pass-through" says: load vfio_pci with the card's type (or write it to
new_id), find the device's driver, write its address to that driver's unbind, and vfio_pci takes it.
What today's kernels make of it is recorded here; vfioadm must reach what the manual promises.
"""

import pytest

pytestmark = pytest.mark.own_guest


def manual_type(host, address):
    """As 'lspci -n' prints it."""
    line = host.sh(f"lspci -n -D -s {address}")
    return line.split()[2]


def test_by_hand_module_not_loaded(host):
    """Step 1 by modprobe, step 2 by echo: the function ends without any driver."""
    nic, twin = host.nics()
    card = manual_type(host, nic)
    host.sh(f"modprobe vfio_pci ids={card}")
    assert host.driver(nic) == host.driver(twin) == "e1000e", "loading leaves bound functions alone"
    assert host.write("/sys/bus/pci/drivers/e1000e/unbind", nic).rc == 0
    host.sh("sleep 0.3")
    assert host.driver(nic) is None, "freed, and that is all: vfio-pci does not take it"
    # What it takes in truth.
    assert host.write("/sys/bus/pci/drivers/vfio-pci/bind", nic).rc == 0
    assert host.driver(nic) == "vfio-pci"
    host.write("/sys/bus/pci/drivers/vfio-pci/unbind", nic)
    host.write("/sys/bus/pci/drivers/e1000e/bind", nic)


def test_by_hand_module_loaded(host):
    """ids= on a loaded module is ignored without a word; new_id takes what is free, then and only then."""
    nic, twin = host.nics()
    card = manual_type(host, nic)
    vendor_device = card.replace(":", " ")
    host.sh("modprobe vfio_pci")
    assert host.guest.run(["modprobe", "vfio_pci", f"ids={card}"]).rc == 0
    assert host.write("/sys/bus/pci/drivers/e1000e/unbind", nic).rc == 0
    assert host.driver(nic) is None
    assert host.write("/sys/bus/pci/drivers/vfio-pci/new_id", vendor_device).rc == 0
    assert host.driver(nic) == "vfio-pci", "new_id takes every function that is free now"
    assert host.driver(twin) == "e1000e"
    assert "File exists" in host.write("/sys/bus/pci/drivers/vfio-pci/new_id", vendor_device).err
    assert host.write("/sys/bus/pci/drivers/e1000e/unbind", twin).rc == 0
    host.sh("sleep 0.3")
    assert host.driver(twin) is None, "a function freed later is not taken by itself"
    host.write("/sys/bus/pci/drivers/vfio-pci/remove_id", vendor_device)
    host.write("/sys/bus/pci/drivers/vfio-pci/unbind", nic)
    for address in (nic, twin):
        host.write("/sys/bus/pci/drivers/e1000e/bind", address)


def test_by_vfioadm(host):
    """The same two halves with vfioadm: what the manual promises holds, and only the named one moves."""
    nic, twin = host.nics()
    card = manual_type(host, nic)
    said = host.must("enable", card)
    assert "vfio-pci" in host.sh("ls /sys/bus/pci/drivers")
    assert host.driver(nic) == host.driver(twin) == "e1000e"
    assert nic in said.out and twin in said.out, "both are announced as taken when freed"
    host.must("assign", nic)
    assert host.driver(nic) == "vfio-pci" and host.driver(twin) == "e1000e"
    group = host.function(nic).group
    assert host.sh(f"ls /dev/vfio/{group}").strip() == f"/dev/vfio/{group}"
    host.must("release", nic)
    host.must("disable", card)
    assert host.function(nic).state == ("e1000e", None)


def test_by_vfioadm_after_unbind_by_hand(host):
    """Freed as the manual says, then enabled: the free one is taken at once, as announced."""
    nic, twin = host.nics()
    card = manual_type(host, nic)
    host.write("/sys/bus/pci/drivers/e1000e/unbind", nic)
    planned = host.json("enable", "--dry-run", card)
    assert host.driver(nic) is None, "a dry run changes nothing"
    taken = {o["address"]: o["taken"] for o in planned["functions"]}
    assert taken == {nic: True, twin: False}
    host.must("enable", card)
    assert host.driver(nic) == "vfio-pci" and host.driver(twin) == "e1000e"
    # Freed later: not taken by the kernel; enabling again is "nothing new", and yet takes it.
    host.write("/sys/bus/pci/drivers/e1000e/unbind", twin)
    assert host.driver(twin) is None
    host.must("enable", card)
    assert host.driver(twin) == "vfio-pci"
    host.must("release", nic, twin)
    host.must("disable", card)
