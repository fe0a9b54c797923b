# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups that are shared, bridges, SR-IOV: what may not be split, and what may."""

import pytest

pytestmark = [pytest.mark.arch("x86_64"), pytest.mark.lineup("standard")]


def bridge_nics(host):
    return host.on("e1000")


def test_group_behind_a_bridge(host):
    one, other = bridge_nics(host)
    said = host.fails(3, "assign", one)
    assert other in said and f"vfioadm assign --group {one}" in said
    assert host.driver(one) == host.driver(other) == "e1000"
    host.must("assign", "--group", one)
    assert host.driver(one) == host.driver(other) == "vfio-pci"
    # Giving back one of them is refused as well, with the command that gives back all.
    said = host.fails(3, "release", one)
    assert other in said and f"vfioadm release --group {one}" in said
    host.must("release", "--group", one)
    assert host.driver(one) == host.driver(other) == "e1000"


def test_both_named_is_as_good_as_group(host):
    nics = bridge_nics(host)
    host.must("assign", *nics)
    host.must("release", *nics)


def test_driverless_companion_is_in_nobodys_way(host):
    one, other = bridge_nics(host)
    host.write("/sys/bus/pci/drivers/e1000/unbind", other)
    host.must("assign", one)
    assert host.driver(other) is None
    host.must("release", one)
    host.write("/sys/bus/pci/drivers/e1000/bind", other)


def test_multifunction_group(host):
    net, rng = host.on("virtio-pci")
    assert rng in host.fails(3, "assign", net)
    host.must("assign", net, rng)
    host.must("release", "--group", net)


def test_bridges_are_refused(host):
    bridges = [a for a, f in host.functions().items() if f.cls.startswith("0604")]
    assert bridges
    for address in bridges:
        assert "bridge" in host.fails(3, "assign", address)


def test_group_that_a_bridge_driver_keeps(host):
    """The chipset's group: its ISA bridge belongs to lpc_ich or to nobody."""
    functions = host.functions()
    chipset = [a for a in functions if a.startswith("0000:00:1f.")]
    if functions[chipset[0]].driver:
        assert functions[chipset[0]].driver in host.fails(3, "assign", "--group", chipset[-1])
    else:
        assert host.json("assign", "--dry-run", "--group", chipset[-1])["result"] == "planned"


@pytest.fixture
def vfs(host):
    """Three VFs of the NVMe controller that can have them."""
    pf = host.sh("dirname $(grep -lv '^0' /sys/bus/pci/devices/*/sriov_totalvfs | while read f; do "
                 "[ $(readlink ${f%/*}/driver | sed 's,.*/,,') = nvme ] && echo $f; done)").strip()
    pf = pf.split("/")[-1]
    # QEMU gives these VFs no queues: nvme takes them, and lets them go again some seconds later.
    host.sh(f"echo 0 > /sys/bus/pci/devices/{pf}/sriov_drivers_autoprobe; "
            f"echo 3 > /sys/bus/pci/devices/{pf}/sriov_numvfs")
    links = host.sh(f"for v in /sys/bus/pci/devices/{pf}/virtfn*; do readlink $v; done").split()
    yield pf, sorted(link.split("/")[-1] for link in links)
    host.sh(f"echo 0 > /sys/bus/pci/devices/{pf}/sriov_numvfs; "
            f"echo 1 > /sys/bus/pci/devices/{pf}/sriov_drivers_autoprobe")


def test_vf(host, vfs):
    pf, functions = vfs
    vf = functions[0]
    before = host.driver(vf)
    listed = {f["address"]: f for f in host.json("list")["functions"]}
    assert listed[vf]["physfn"] == pf and listed[pf]["physfn"] is None
    host.must("assign", vf)
    assert host.driver(vf) == "vfio-pci"
    assert host.driver(pf) == "nvme"
    host.must("release", vf)
    assert host.driver(vf) == before


def test_pf_with_vfs_is_refused(host, vfs):
    pf, functions = vfs
    said = host.fails(3, "assign", pf)
    assert functions[0] in said and "sriov_numvfs" in said
    assert host.driver(pf) == "nvme"


@pytest.mark.own_guest
def test_vf_of_a_pf_on_vfio(host):
    """vfio-pci with enable_sriov makes VFs itself; who takes one of them needs the PF's token."""
    igb = host.on("igb")[0]
    host.sh("modprobe vfio-pci enable_sriov=1")
    host.must("assign", igb)
    host.sh(f"echo 1 > /sys/bus/pci/devices/{igb}/sriov_numvfs")
    vf = host.sh(f"readlink /sys/bus/pci/devices/{igb}/virtfn0").strip().split("/")[-1]
    host.sh(f"[ ! -e /sys/bus/pci/devices/{vf}/driver ] || echo {vf} > "
            f"/sys/bus/pci/devices/{vf}/driver/unbind")
    said = host.fails(3, "assign", vf)
    assert igb in said
    r = host.must("assign", "--force", "pf-on-vfio", vf)
    assert host.driver(vf) == "vfio-pci", r
    host.must("release", "--park", vf)
    host.sh(f"echo 0 > /sys/bus/pci/devices/{igb}/sriov_numvfs")
    host.must("release", igb)
    assert host.driver(igb) == "igb"
