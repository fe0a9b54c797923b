# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest can open, and what it cannot although a VFIO driver is bound: the kernel is asked each time."""

import pytest

from tool import put_program

pytestmark = pytest.mark.arch("x86_64")

PCI = "/sys/bus/pci"
UNSAFE = "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"


def opens(host, address):
    """What the kernel says to a program that opens the function as a virtual machine does."""
    program = put_program(host.guest, "vfio-hold")
    group = host.function(address).group
    job = host.guest.popen(["timeout", "-s", "KILL", "3", program, str(group), address], timeout=20)
    r = job.wait()
    return "held" if "held" in r.out else r.err


def codes(host, address, rc=0):
    (function,) = host.json("check", address, rc=rc)["functions"]
    return {f["code"]: f for f in function["findings"]}


@pytest.mark.lineup("intremap-off")
@pytest.mark.kernels("6.12-iommufd", "debian-6.1")
def test_no_interrupt_remapping(host):
    nic = host.nics()[0]
    found = codes(host, nic, rc=3)
    assert found["no-interrupt-isolation"]["forceable"], found
    assert "allow_unsafe_interrupts" in host.fails(3, "assign", nic)
    assert host.driver(nic) == "e1000e"
    # Against the finding: the bind succeeds, and the kernel says what was foretold.
    host.must("assign", "--force", "no-interrupt-isolation", nic)
    assert "not permitted" in opens(host, nic)
    assert "no-interrupt-isolation" in codes(host, nic, rc=3)
    host.sh(f"mkdir -p /etc/vfioadm.d; printf '[Match]\\nAddress={nic}\\n[Assign]\\nDriver=auto\\n' > /etc/vfioadm.d/n.conf")
    r = host.vfioadm("status")
    assert r.rc == 3 and "not remapped" in r.out, r
    # The named way out.
    assert host.write(UNSAFE, "1").rc == 0
    assert "unsafe-interrupts" in codes(host, nic)
    assert opens(host, nic) == "held"
    assert host.vfioadm("status").rc == 0
    host.sh("rm /etc/vfioadm.d/n.conf")
    host.must("release", nic)
    host.must("assign", nic)
    host.must("release", nic)
    assert host.write(UNSAFE, "0").rc == 0


@pytest.mark.lineup("standard")
@pytest.mark.kernels("6.12-iommufd", "debian-6.1")
def test_half_a_group(host):
    one, other = host.on("e1000")
    host.must("assign", "--group", one)
    host.write(f"{PCI}/devices/{other}/driver_override", "")
    host.sh(f"echo > {PCI}/devices/{other}/driver_override; echo {other} > {PCI}/drivers/vfio-pci/unbind; "
            f"echo {other} > {PCI}/drivers/e1000/bind")
    assert "not permitted" in opens(host, one)
    found = codes(host, one, rc=3)
    assert other in found["group-split"]["message"]
    assert other in host.fails(3, "assign", one)
    host.sh(f"mkdir -p /etc/vfioadm.d; printf '[Match]\\nAddress={one}\\n[Assign]\\nDriver=auto\\n' > /etc/vfioadm.d/n.conf")
    r = host.vfioadm("status")
    assert r.rc == 3 and other in r.out, r
    host.sh("rm /etc/vfioadm.d/n.conf")
    host.must("assign", "--group", one)
    assert opens(host, one) == "held"
    host.must("release", "--group", one)


@pytest.mark.lineup("virtio-iommu")
@pytest.mark.kernels("debian-6.12")
def test_late_groups(host):
    """virtio-iommu: a group is there once a driver was tried."""
    before = host.functions()
    nic, never = "0000:01:00.0", "0000:01:00.1"
    alone = "0000:02:00.0"
    assert before[nic].group is not None and before[nic].driver == "e1000e"
    assert [before[a].group for a in (never, alone)] == [None] * 2
    host.sh("modprobe vfio_iommu_type1")
    # Interrupts are never remapped here.
    assert "no-interrupt-isolation" in codes(host, alone, rc=3)
    assert host.write(UNSAFE, "1").rc == 0
    # Never bound, alone: assignable, and a guest can open it.
    assert "group-unknown" in codes(host, alone)
    host.must("assign", alone)
    assert opens(host, alone) == "held"
    host.must("release", alone)
    # Of one card: with the one that has a driver.
    assert nic in host.fails(3, "assign", never)
    assert nic in codes(host, never, rc=3)["group-split"]["message"]
    host.must("assign", "--group", never)
    functions = host.functions()
    assert functions[nic].driver == functions[never].driver == "vfio-pci"
    assert functions[nic].group == functions[never].group
    assert opens(host, never) == "held"
    host.must("release", "--group", never)
    # Virtual functions never had a driver.
    pf = host.on("igb")[0]
    host.sh(f"echo 0 > {PCI}/devices/{pf}/sriov_drivers_autoprobe; echo 2 > {PCI}/devices/{pf}/sriov_numvfs")
    vf = host.sh(f"readlink {PCI}/devices/{pf}/virtfn0").strip().split("/")[-1]
    host.must("assign", vf)
    assert opens(host, vf) == "held"
    host.must("release", vf)
    host.sh(f"echo 0 > {PCI}/devices/{pf}/sriov_numvfs; echo 1 > {PCI}/devices/{pf}/sriov_drivers_autoprobe")
    assert host.write(UNSAFE, "0").rc == 0
