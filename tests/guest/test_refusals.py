# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors on a real host: each names the thing, says why and what to do, and changes nothing."""

import json
from pathlib import Path

import pytest


def as_nobody(host, *args):
    host.sh("grep -q nobody /etc/passwd 2>/dev/null || "
            "echo 'nobody:x:65534:65534::/:/bin/sh' >> /etc/passwd")
    return host.guest.run(["su", "-s", "/bin/sh", "nobody", "-c", " ".join(("vfioadm", *args))])


@pytest.fixture
def unchanged(host):
    before = host.state()
    yield host
    assert host.state() == before


def test_unknown_and_malformed(unchanged):
    host = unchanged
    assert "0000:ff:1f.7" in host.fails(4, "assign", "0000:ff:1f.7")
    assert "did you mean" in host.fails(2, "assign", "0001:000:000:0").lower()
    assert host.fails(2, "assign", "colour=red")
    assert host.fails(2, "enable", "15b3")
    assert host.fails(2, "enable", "15b3:zzzz")
    error = host.json("assign", "0000:ff:1f.7", rc=4)["error"]
    assert error["code"] == "no-such-function" and error["exit"] == 4 and error["hint"]


def test_not_root(unchanged):
    host = unchanged
    nic = host.nics()[0]
    for args in (f"assign {nic}", "enable 1234:5678", f"release {nic}", "disable 1234:5678"):
        r = as_nobody(host, args)
        assert r.rc == 5 and "root" in r.err, r
    # Looking needs no privilege, and what cannot be read is unknown, not an error.
    r = as_nobody(host, "show", nic, "--json")
    assert r.rc == 0, r
    shown = json.loads(r.out)["functions"][0]
    assert shown["address"] == nic and shown["driver"] == "e1000e"
    # Who cannot see all users of a function is told so, and can still ask for the steps.
    r = as_nobody(host, "assign", "--dry-run", nic)
    assert r.rc == 3 and "--force not-looked-at" in r.err, r
    r = as_nobody(host, "assign", "--dry-run", "--force", "not-looked-at", nic)
    assert r.rc == 0 and "unbind" in r.out, r


def test_read_only_sys(unchanged):
    """A container: /sys is there to be read."""
    host = unchanged
    nic = host.nics()[0]
    r = host.guest.run(["unshare", "-m", "/bin/sh", "-c",
                        f"mount -o remount,ro,bind /sys /sys 2>/dev/null || mount -o remount,ro /sys; "
                        f"vfioadm assign {nic}; rc=$?; mount -o remount,rw /sys; exit $rc"])
    assert r.rc == 6 and "read-only" in r.err, r


def test_no_vfio_pci_module(unchanged):
    """The package with the module is not installed."""
    host = unchanged
    nic = host.nics()[0]
    release = host.sh("uname -r").strip()
    moddir = f"/lib/modules/{release}"
    host.sh("modprobe -r vfio-pci 2>/dev/null; true")
    if "vfio-pci" in host.sh("ls /sys/bus/pci/drivers"):
        pytest.skip("vfio-pci is built into this kernel")
    # busybox has a depmod too, which does not write the indexes that libkmod reads.
    depmod = "/run/depmod"
    host.sh(f"ln -sf $(readlink -f /sbin/modprobe) {depmod}")
    host.sh(f"mkdir /run/hidden && mv $(find {moddir} -name 'vfio-pci.ko*') /run/hidden/ && {depmod} -a")
    try:
        said = host.fails(6, "assign", nic)
        assert "vfio-pci" in said and "CONFIG_VFIO_PCI" in said
        assert host.fails(6, "enable", host.function(nic).id)
    finally:
        host.sh(f"mv /run/hidden/* {moddir}/ && rmdir /run/hidden && {depmod} -a")
    host.must("assign", nic)
    host.must("release", nic)


def test_nothing_is_begun_when_one_is_missing(unchanged):
    one, twin = unchanged.nics()
    unchanged.fails(4, "assign", one, "0000:ff:00.0", twin)


def assign_while_the_second_is_meddled_with(host, one, twin):
    """Once the first has moved, somebody else changes the second one's override: bind then says ENODEV.

    The meddler may come too late on a slow machine: then all was done, exit 0.
    """
    meddler = host.guest.popen(["/bin/sh", "-c", f"""
        while [ ! -e /sys/bus/pci/drivers/vfio-pci/{one} ]; do :; done
        i=0; while [ $i -lt 3000 ]; do
            echo pci-stub > /sys/bus/pci/devices/{twin}/driver_override; i=$((i+1)); done"""], timeout=60)
    r = host.vfioadm("assign", one, twin)
    meddler.kill()
    try:
        meddler.wait()
    except Exception:
        pass
    return r


def test_probe_failure_is_undone(host):
    """Two are wanted, the second cannot be bound: the first goes back, and the kernel's words are told.

    A VF of a PF that is on vfio-pci is not needed for that: vfio-pci fails for whatever the IOMMU driver
    cannot serve; here the second function's group is held by a driver that appears meanwhile, which the
    kernel reports as its own errno.
    """
    one, twin = host.nics()
    host.sh("modprobe vfio-pci")
    before = host.state()
    for _ in range(10):
        r = assign_while_the_second_is_meddled_with(host, one, twin)
        if r.rc != 0:
            break
        host.sh(f"printf '\\n' > /sys/bus/pci/devices/{twin}/driver_override")
        host.must("release", one, twin)
    assert r.rc in (1, 7), r
    assert twin in r.err, r
    assert host.driver(one) == "e1000e" and host.function(one).override is None
    host.sh(f"printf '\\n' > /sys/bus/pci/devices/{twin}/driver_override; "
            f"[ -e /sys/bus/pci/devices/{twin}/driver ] || echo {twin} > /sys/bus/pci/drivers/e1000e/bind")
    assert host.state() == before


@pytest.mark.arch("x86_64")
def test_busy(host):
    """One at a time; whoever waits gets its turn."""
    nic = host.nics()[0]
    host.guest.put("/bin/flock", Path("/usr/bin/flock").read_bytes(), 0o755)
    host.must("assign", nic)
    host.must("release", nic)
    holder = host.guest.popen(["flock", "/run/vfioadm/lock", "sleep", "3"])
    host.sh("sleep 0.5")
    assert "--lock-wait" in host.fails(8, "assign", nic)
    host.must("--lock-wait", "20", "assign", nic)
    holder.wait()
    host.must("release", nic)


@pytest.mark.arch("x86_64")
def test_locks_are_roots(host):
    """Whatever a user locks of what is ours, nothing waits for it."""
    nic = host.nics()[0]
    host.guest.put("/bin/flock", Path("/usr/bin/flock").read_bytes(), 0o755)
    host.must("assign", nic)
    host.must("release", nic)
    as_nobody(host, "--version")
    held = host.guest.popen(["su", "-s", "/bin/sh", "nobody", "-c", "; ".join((
        "for f in $(find /run/vfioadm /etc/vfioadm.d /sys/bus/pci/drivers_probe 2>/dev/null)",
        "do flock -n $f sleep 20 & done", "wait"))])
    host.sh("sleep 0.5")
    modes = host.sh("for f in $(find /run/vfioadm); do stat -c '%a %n' $f; done").splitlines()
    assert "600 /run/vfioadm/lock" in modes and "700 /run/vfioadm/locks" in modes
    assert {m.split()[0] for m in modes if "/locks/" in m} == {"600"}
    host.must("assign", nic)
    host.must("release", nic)
    host.sh("for p in $(pidof sleep); do kill $p; done; true")
    held.wait()


@pytest.mark.arch("x86_64")
def test_containers_with_directories_of_their_own(host):
    """They would not know of each other: refused where it is seen, and else a lock of the kernel's keeps them apart."""
    nic = host.nics()[0]
    before = host.state()
    host.guest.put("/bin/flock", Path("/usr/bin/flock").read_bytes(), 0o755)
    host.sh("mkdir -p /run/vfioadm /tmp/volume")

    def inside(namespaces, mounts, *commands):
        return ["unshare", *namespaces, "/bin/sh", "-c", "; ".join((
            "mount --make-rprivate /", "[ $$ != 1 ] || mount -t proc none /proc", *mounts, *commands, "exit $?"))]

    own = ["mount -t tmpfs none /run/vfioadm"]
    hidden = ["mount -t tmpfs none /tmp/volume", "mkdir /tmp/volume/vfioadm",
              "mount --bind /tmp/volume/vfioadm /run/vfioadm"]
    for namespaces in (["-m"], ["-m", "-p", "-f"]):
        r = host.guest.run(inside(namespaces, own, f"vfioadm assign {nic}"))
        assert r.rc == 6 and "/run/vfioadm" in r.err, r
    # This one has the name that the host's has; it mounts the kernel's files itself.
    held = host.guest.popen(inside(["-m", "-p", "-f"], [*hidden, "mount -t sysfs none /sys"],
                                   "exec 9>>/sys/bus/pci/drivers_probe", "flock -n 9", "sleep 3"))
    host.sh("sleep 0.7")
    other = inside(["-m", "-p", "-f"], hidden, f"vfioadm assign {nic}")
    for r in (host.guest.run(other), host.vfioadm("assign", nic)):
        assert r.rc == 8 and "another /run/vfioadm" in r.err, r
    host.must("--lock-wait", "20", "assign", nic)
    held.wait()
    host.must("release", nic)
    assert host.state() == before


def test_mounted_disk(host):
    disk = host.disks()[0]
    node = host.json("show", disk)["functions"][0]["block"][0]
    host.sh(f"mke2fs -q /dev/{node} 2>/dev/null || mkfs.ext2 -F /dev/{node} >/dev/null 2>&1 || "
            f"mkfs.vfat /dev/{node}; modprobe ext4 2>/dev/null; mkdir -p /mnt && mount /dev/{node} /mnt")
    try:
        said = host.fails(3, "assign", disk)
        assert node in said and "/mnt" in said
        listed = {f["address"]: f for f in host.json("list")["functions"]}
        assert listed[disk]["verdict"] == "in-use"
        assert listed[disk]["users"][0]["kind"] == "block"
    finally:
        host.sh("umount /mnt")
    host.must("assign", disk)
    host.must("release", disk)


def test_interface_up(host):
    nic = host.nics()[0]
    interface = host.json("show", nic)["functions"][0]["net"][0]
    host.sh(f"ip link set {interface} up")
    said = host.fails(3, "assign", nic)
    assert interface in said and "in-use-net" in said
    host.must("assign", "--force", "in-use-net", nic)
    host.must("release", nic)


def test_bare_force(unchanged):
    said = unchanged.fails(2, "assign", "--force", "nonsense", unchanged.nics()[0])
    assert "in-use-net" in said


@pytest.mark.lineup("noiommu")
@pytest.mark.arch("x86_64")
def test_iommu_switched_off(unchanged):
    host = unchanged
    nic = host.nics()[0]
    said = host.fails(6, "assign", nic)
    assert "intel_iommu=" in said
    assert host.fails(6, "enable", host.function(nic).id)
    error = host.json("assign", nic, rc=6)["error"]
    assert error["code"] == "no-iommu"
    r = host.vfioadm("list")
    assert r.rc == 0 and "intel_iommu" in r.err


@pytest.mark.lineup("absent-iommu")
@pytest.mark.arch("x86_64")
def test_no_iommu_in_the_machine(unchanged):
    host = unchanged
    assert "IOMMU" in host.fails(6, "assign", host.nics()[0])
    assert {f["verdict"] for f in host.json("list")["functions"]} == {"not-assignable"}


@pytest.mark.lineup("vga")
@pytest.mark.arch("x86_64")
def test_boot_display_listed(unchanged):
    listed = {f["class"]: f for f in unchanged.json("list", "--all")["functions"]}
    assert "030000" in listed
