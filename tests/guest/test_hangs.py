# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steps that the kernel does not let go: in time, named, blocking nobody else, settled by themselves."""

import json
import re
import time

import pytest

from tool import put_program

pytestmark = [pytest.mark.lineup("hang"), pytest.mark.kernels("debian-6.12", "debian-6.1")]
JOURNALS = "ls -A /run/vfioadm/journal 2>/dev/null"
TIMEOUT = 3


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not become so in time"
        time.sleep(0.2)


def state_of(host, address):
    """Of one function alone: on 6.1 reading the override of one that is stuck does not return."""
    driver, override = host.sh(f"cd /sys/bus/pci/devices/{address}; basename $(readlink driver); "
                               "cat driver_override").split()
    return driver, None if override == "(null)" else override


def timed(host, *args):
    """As a script does it: the caller waits for the end of the output, not for the process alone."""
    started = time.monotonic()
    r = host.guest.run(f"out=$(vfioadm {' '.join(args)} 2>&1); rc=$?; echo \"$out\"; exit $rc")
    return r.rc, r.out, time.monotonic() - started


@pytest.fixture
def held(host):
    """A NIC on vfio-pci that a process has open."""
    nic = host.nics()[0]
    host.must("assign", nic)
    group = host.function(nic).group
    job = host.guest.popen([put_program(host.guest, "vfio-hold"), str(group), nic], timeout=0)
    until(lambda: "held" in job.output())
    yield nic, job
    if job.running:
        job.kill()
        job.wait()
    until(lambda: not host.sh(JOURNALS + " || true"))
    host.vfioadm("release", nic)


def test_release_of_an_open_device(host, held):
    nic, job = held
    twin = [n for n in host.nics() if n != nic][0]
    host.must("assign", twin)
    said = host.fails(3, "release", nic)
    assert "in-use-vfio" in said and "vfio-hold (pid " in said

    rc, said, took = timed(host, "release", "--timeout", str(TIMEOUT), "--force", "in-use-vfio",
                           nic, twin)
    assert rc == 7 and took < TIMEOUT + 4, (rc, took, said)
    assert "vfio-hold (pid " in said and nic in said
    # By what it waits for, not by how one sleeps; and who holds it is named once.
    stuck = said[said.index("Cannot unbind"):]
    assert re.search(r"\bvfio_\w+", stuck) and not re.search("process_timeout|schedule", stuck), said
    assert stuck.count("vfio-hold (pid") == 1, said
    # The other one was put back at once.
    assert state_of(host, twin) == ("vfio-pci", "vfio-pci")
    assert host.sh(JOURNALS).split()

    # Looking goes on, and so do changes of others; the pending one blocks itself only.
    started = time.monotonic()
    assert host.vfioadm("list").rc == 0
    assert host.vfioadm("show", "--timeout", "2", nic).rc == 0
    assert time.monotonic() - started < 8
    host.must("release", twin)
    said = host.fails(7, "assign", nic)
    assert "earlier run" in said and nic in said
    assert host.json("settle", "--timeout", "1", rc=7)["result"] == "unsettled"
    assert "unsettled" in [f["code"] for f in host.json("check", nic, rc=3)["functions"][0]["findings"]]

    job.kill()
    job.wait()
    until(lambda: not host.sh(JOURNALS + " || true"))
    assert host.function(nic).state == ("vfio-pci", "vfio-pci")
    assert host.vfioadm("settle").out.startswith("nothing to settle")
    host.must("release", nic)
    assert host.function(nic).state == ("e1000e", None)


def hang(guest):
    guest.qmp("human-monitor-command", **{"command-line": 'qemu-io d0 "break write_aio A"'})


def go_on(guest):
    guest.qmp("human-monitor-command", **{"command-line": 'qemu-io d0 "resume A"'})


def test_assign_of_a_disk_that_does_not_answer(host):
    disk = host.on("nvme")[0]
    nic = host.nics()[0]
    # Not by the controller's directory: with native multipath that has hidden paths only.
    name = host.sh("cd /sys/class/block && ls -d nvme*n1 | grep -v c").strip()
    hang(host.guest)
    writer = host.guest.popen(["dd", "if=/dev/zero", f"of=/dev/{name}", "bs=4096", "count=1",
                               "oflag=direct"], timeout=0)
    try:
        until(lambda: "dd (pid" in host.vfioadm("check", disk).err +
              host.vfioadm("check", disk).out)
        rc, said, took = timed(host, "assign", "--timeout", str(TIMEOUT), "--force", "in-use-open",
                               nic, disk)
        assert rc == 7 and took < TIMEOUT + 4, (rc, took, said)
        assert "dd (pid " in said and disk in said
        assert state_of(host, nic) == ("e1000e", None)
        assert host.vfioadm("list").rc == 0
    finally:
        go_on(host.guest)
    until(lambda: not host.sh(JOURNALS + " || true"))
    writer.wait(20)
    assert host.function(disk).state == ("nvme", None)
    assert json.loads(host.vfioadm("settle", "--json").out)["result"] == "unchanged"
