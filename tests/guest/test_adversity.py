# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong around vfioadm on a real kernel: other runs, no helper, no room, a log that is read."""

import pytest

HELPER = "/usr/libexec/vfioadm/vfioadm-helper"


def test_two_runs_for_one_function(host):
    """Each pair has one that does it; the other finds it done or busy, and takes nothing back."""
    nic = host.nics()[0]
    for _ in range(4):
        host.sh(f"vfioadm assign {nic} >/dev/null 2>&1 & "
                f"vfioadm assign --lock-wait 20 {nic} >/dev/null 2>&1; wait")
        assert host.function(nic).state == ("vfio-pci", "vfio-pci")
        host.sh(f"test -s /run/vfioadm/records/{nic}")
        host.must("release", nic)
        assert host.function(nic).override is None


def test_no_helper(host):
    nic = host.nics()[0]
    before = host.function(nic).state
    host.sh(f"mv {HELPER} {HELPER}.aside")
    try:
        for verb in (("assign", nic), ("enable", host.function(nic).id)):
            said = host.fails(1, *verb)
            assert "vfioadm-helper" in said and "seconds" not in said
        assert host.vfioadm("list").rc == host.vfioadm("show", nic).rc == 0
    finally:
        host.sh(f"mv {HELPER}.aside {HELPER}")
    assert host.function(nic).state == before


def test_store_that_cannot_be_used(host):
    """Nothing was begun, so nothing is said about the function."""
    nic = host.nics()[0]
    host.must("assign", nic)
    host.must("release", nic)
    host.sh("mount -t tmpfs -o ro,mode=755 none /run/vfioadm")
    try:
        r = host.vfioadm("assign", nic)
        assert (r.rc, r.out) == (1, "") and "/run/vfioadm" in r.err
    finally:
        host.sh("umount /run/vfioadm")


def test_system_log(host):
    nic = host.nics()[0]
    host.sh("syslogd -O /tmp/log; for i in $(seq 50); do test -S /dev/log && break; sleep 0.1; done")
    try:
        host.must("assign", nic)
        host.must("release", nic)
        said = host.sh("for i in $(seq 50); do grep -q released /tmp/log && break; sleep 0.1; done; "
                       "cat /tmp/log")
    finally:
        host.sh("kill $(cat /var/run/syslogd.pid); rm -f /tmp/log /dev/log")
    assert f"{nic} assigned by uid" in said and f"{nic} released by uid" in said


def test_configured_ids_stay(host):
    """Loading with IDs of one's own must not lose those of modprobe.d."""
    nic, twin = host.nics()
    disk = host.disks()[0]
    nic_id, disk_id = host.function(nic).id, host.function(disk).id
    native = host.driver(disk)
    host.sh("modprobe -r vfio_pci; mkdir -p /etc/modprobe.d; "
            f"echo options vfio-pci ids={disk_id} >/etc/modprobe.d/test.conf")
    try:
        host.must("enable", nic_id)
        host.sh(f"for d in {nic} {disk}; do echo $d >/sys/bus/pci/devices/$d/driver/unbind; "
                "echo $d >/sys/bus/pci/drivers/vfio-pci/bind; done")
        assert host.driver(nic) == host.driver(disk) == "vfio-pci"
    finally:
        host.sh("rm /etc/modprobe.d/test.conf")
        host.vfioadm("disable", nic_id, disk_id)
        host.vfioadm("release", nic, disk)
    assert host.driver(disk) == native


def test_enabled_type_does_not_win_back(host):
    """Taken by card type, the native driver not loaded: its driver gets the function all the same."""
    one, twin = host.nics()
    native, nic_id = host.driver(one), host.function(one).id
    host.sh(f"modprobe -r {native}")
    host.must("enable", nic_id)
    try:
        assert {host.driver(one), host.driver(twin)} == {"vfio-pci"}
        host.must("release", one)
        assert (host.driver(one), host.driver(twin)) == (native, "vfio-pci")
    finally:
        host.vfioadm("disable", nic_id)
        host.vfioadm("release", one, twin)
    assert host.driver(twin) == native


def test_signal_undoes(host):
    """SIGTERM while four functions move: what had moved goes back, and that is said."""
    everything = host.nics() + host.disks()
    first = everything[0]
    host.sh("modprobe vfio-pci")
    r = host.guest.run(["/bin/sh", "-c", f"""
        vfioadm assign {' '.join(everything)} & pid=$!
        while [ ! -e /sys/bus/pci/drivers/vfio-pci/{first} ]; do :; done
        kill -TERM $pid; wait $pid"""], timeout=60)
    if r.rc == 0:
        # The run was through before the signal came: the next one is for real.
        host.must("release", *everything)
        pytest.skip("the run was faster than the signal")
    assert r.rc == 1, r
    assert "signal" in r.err and "as it was before" in r.err
    assert not host.on("vfio-pci")
