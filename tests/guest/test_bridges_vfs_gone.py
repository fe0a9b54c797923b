# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel does with host bridges, virtual functions and steps that are stuck, and what is said of it."""

import re
import shlex

import pytest

from test_hangs import until
from tool import put_program

pytestmark = [pytest.mark.lineup("standard"), pytest.mark.kernels("6.12-iommufd")]
HOST_BRIDGE = "0000:00:00.0"
DEVICES = "/sys/bus/pci/devices"


def hints(said):
    return [line.strip().removeprefix("hint: ") for line in said.splitlines() if line.strip().startswith("hint: ")]


def do_as_hinted(host, said):
    """Runs the commands of the one hint that has some, one after the other."""
    commands = [c for h in hints(said) for c in re.findall(r"(?:vfioadm \w|echo \d >)[^;,.)]*(?:[.][^;,.) ]+)*", h)]
    assert commands, said
    for command in commands:
        host.sh(command)


def numvfs(host, pf, number):
    """The virtual functions of a PF, made without their driver being tried."""
    host.sh(f"cd {DEVICES}/{pf}; echo 0 > sriov_drivers_autoprobe; echo {number} > sriov_numvfs")
    return sorted(link.split("/")[-1] for link in
                  host.sh(f"for v in {DEVICES}/{pf}/virtfn*; do readlink $v; done").split())


@pytest.fixture
def nvme(host):
    """The NVMe controller that can have VFs."""
    pf = host.sh(f"cd {DEVICES}; for f in $(grep -lv '^0' */sriov_totalvfs); do d=${{f%/*}}; "
                 "case $(readlink $d/driver) in */nvme) echo $d;; esac; done").strip()
    yield pf
    host.sh(f"cd {DEVICES}/{pf}; echo > driver_override; [ -e driver ] || echo {pf} > /sys/bus/pci/drivers_probe; "
            "echo 0 > sriov_numvfs; echo 1 > sriov_drivers_autoprobe")


@pytest.fixture
def igb(host):
    """A PF on a vfio-pci that can make VFs."""
    pf = host.on("igb")[0]
    # With it loaded already (here by another test), the parameter is written.
    host.sh("modprobe vfio-pci; echo 1 > /sys/module/vfio_pci/parameters/enable_sriov")
    host.must("assign", pf)
    yield pf
    host.sh(f"echo 0 > {DEVICES}/{pf}/sriov_numvfs; echo 0 > /sys/module/vfio_pci/parameters/enable_sriov; "
            f"echo 1 > {DEVICES}/{pf}/sriov_drivers_autoprobe")
    host.vfioadm("settle")
    host.must("release", pf)


def test_host_bridge(host):
    """What a plan says of the card type is what happens; by name it goes there and back."""
    card_type = host.function(HOST_BRIDGE).id
    planned = host.must("enable", "--dry-run", card_type).out
    assert host.driver(HOST_BRIDGE) is None
    done = host.must("enable", card_type)
    assert f"verify that {HOST_BRIDGE} is bound to vfio-pci" in planned, planned
    assert host.driver(HOST_BRIDGE) == "vfio-pci"
    assert "is the host bridge" in done.err, done
    out = host.must("disable", card_type).out
    assert f"{HOST_BRIDGE}: vfio-pci, stays bound" in out, out
    host.must("release", HOST_BRIDGE)
    assert host.function(HOST_BRIDGE).state == (None, None)

    said = host.must("assign", HOST_BRIDGE).err
    assert "warning" in said and "is the host bridge" in said
    assert host.driver(HOST_BRIDGE) == "vfio-pci"
    host.must("release", HOST_BRIDGE)
    assert host.function(HOST_BRIDGE).state == (None, None)


def test_types_that_fit_only_bridges(host):
    bridges = [f for f in host.functions().values() if f.cls.startswith("0604")]
    for card_type in sorted({f.id for f in bridges}):
        for option in ("--dry-run", "--persist"):
            said = host.fails(3, "enable", option, card_type)
            assert "fits only bridges" in said, said
    for f in bridges:
        assert "VFIO takes no bridges" in host.fails(3, "assign", f.address)


def test_left_over_override(host):
    nic = host.nics()[0]
    host.sh(f"echo vfio-pci > {DEVICES}/{nic}/driver_override; echo {nic} > /sys/bus/pci/drivers/e1000e/unbind")
    said = host.must("check", nic).out
    assert "[left-over]" in said, said
    do_as_hinted(host, said)
    assert host.function(nic).state == ("e1000e", None)


@pytest.mark.parametrize("override", ["", "vfio-pci"])
def test_pf_that_has_left_its_vfs(host, nvme, override):
    """nvme leaves them, vfio-pci refuses the PF then, and without a driver nothing removes them."""
    vf = numvfs(host, nvme, 2)[0]
    assert "sriov_numvfs" in host.fails(3, "assign", nvme)
    host.sh(f"echo {nvme} > /sys/bus/pci/drivers/nvme/unbind")
    assert host.sh(f"cat {DEVICES}/{nvme}/sriov_numvfs").strip() == "2"
    assert host.write(f"{DEVICES}/{nvme}/sriov_numvfs", "0").rc != 0
    host.write(f"{DEVICES}/{nvme}/driver_override", override)
    # A VF of it can be assigned all the same.
    host.must("assign", vf)
    host.must("release", vf)

    said = host.fails(3, "assign", nvme)
    assert "Its driver has left them" in said and vf in said, said
    do_as_hinted(host, said)
    assert host.function(nvme).state == ("nvme", None)
    assert host.sh(f"cat {DEVICES}/{nvme}/sriov_numvfs").strip() == "0"
    host.must("assign", nvme)
    host.must("release", nvme)


def test_vf_whose_pf_is_on_vfio(host, igb):
    """The kernel keeps it from the host's driver, and so do we; the hints are followed to the end."""
    vf = numvfs(host, igb, 2)[0]
    assert host.function(vf).state == ("vfio-pci", "vfio-pci")
    assert "[pf-on-vfio]" in host.vfioadm("check", vf).out
    said = host.fails(3, "release", vf)
    assert f"vfioadm release --park {vf}" in said and "--force pf-on-vfio" in said
    host.must("release", "--park", vf)
    assert host.function(vf).state == (None, "vfio-pci")
    # That override is not left over, and nothing names a release that is refused.
    for said in (host.fails(3, "assign", vf), host.vfioadm("check", vf).out):
        assert "left" not in said and f"vfioadm release {vf}" not in said, said
    assert "is itself on vfio-pci" in host.fails(3, "release", vf)
    assert host.function(vf).state == (None, "vfio-pci")
    said = host.fails(3, "release", igb)
    assert vf in said and "Remove them first" in said
    said = host.fails(3, "assign", vf)
    do_as_hinted(host, said)
    assert host.function(igb).state == ("igb", None) and vf not in host.functions()
    host.must("assign", igb)


def gone_is_told(host, address, driver):
    for words in (["list"], ["status"]):
        said = host.must(*words).err
        assert f"{address} was assigned (driver before: {driver}) and is no longer there" in said, said
        assert "'vfioadm settle' removes its record" in said
    r = host.must("settle")
    assert f"{address} was assigned" in r.out + r.err and "its record was removed" in r.out + r.err, r
    assert host.sh("ls /run/vfioadm/records").find(address) < 0
    assert address not in host.must("list").err + host.must("status").err


def test_assigned_vf_that_goes_with_the_others(host, nvme):
    vf = numvfs(host, nvme, 1)[0]
    host.must("assign", vf)
    host.sh(f"echo 0 > {DEVICES}/{nvme}/sriov_numvfs")
    gone_is_told(host, vf, "none")


def test_assigned_function_that_is_removed(host):
    nic = host.nics()[0]
    host.must("assign", nic)
    host.sh(f"echo 1 > {DEVICES}/{nic}/remove")
    gone_is_told(host, nic, "e1000e")
    host.sh("echo 1 > /sys/bus/pci/rescan")
    assert host.function(nic).state == ("e1000e", None)


def test_what_is_said_of_a_stuck_unbind(host):
    """Each process once, nothing that a program has written to the kernel's log, and not how one sleeps."""
    nic = host.nics()[0]
    host.must("assign", nic)
    job = host.guest.popen([put_program(host.guest, "vfio-hold"), str(host.function(nic).group), nic], timeout=0)
    until(lambda: "held" in job.output())
    forged = shlex.quote(f"<3>vfio-pci {nic}: written by a program")
    writer = host.guest.popen(f"while sleep 0.2; do echo {forged} > /dev/kmsg; done", timeout=0)
    try:
        said = host.fails(7, "release", "--timeout", "3", "--force", "in-use-vfio", nic)
    finally:
        for j in (writer, job):
            j.kill()
            j.wait()
    until(lambda: not host.sh("ls -A /run/vfioadm/journal"))
    assert "written by a program" in host.guest.kernel_log()
    assert "written by a program" not in said and "the kernel says" in said, said
    # This kernel tells no stack, only the last function: better none than how one sleeps.
    stuck = said[said.index("Cannot unbind"):]
    assert not re.search(r"process_timeout|schedule|wait_woken", stuck), said
    assert stuck.count("vfio-hold (pid") == 1, said
    host.must("release", nic)
    assert host.function(nic).state == ("e1000e", None)
